//! Other systems' exports, from the sample of each to what a tenant holds.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use mfaferry::{
    sandbox::Settings,
    sources::{SYSTEMS, System},
};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, run, samples, side_by_side};

/// Flags that say whose the people of a system are.
fn identity(system: &System) -> Vec<&'static str> {
    match system.name {
        "authelia" | "privacyidea" => vec!["--user-id", "auth0|{username}"],
        "otpauth" => vec!["--user-id", "auth0|{email}"],
        _ if system.has_user_ids => vec![],
        _ => vec!["--user-id", "auth0|{id}"],
    }
}

/// The samples of a system, by their names.
fn samples_of(system: &System) -> Vec<PathBuf> {
    let of_system = |path: &PathBuf| {
        let stem = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
        stem == system.name || stem.starts_with(&format!("{}-with-", system.name))
    };
    let files = fs::read_dir(samples().join("sources")).unwrap();
    let mut found: Vec<_> = files.map(|file| file.unwrap().path()).filter(of_system).collect();
    found.sort();
    assert!(!found.is_empty(), "{} has no sample", system.name);
    found
}

/// Adds the flags about an export.
fn of_system<'c>(command: &'c mut Command, system: &System) -> &'c mut Command {
    command.args(["--from", system.name, "--rp-id", "login.example.org"]).args(identity(system))
}

/// Tells each row of a ledger in a line.
fn told(rows: &[Value]) -> String {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let line = |row: &Value| {
        let place = row["at"].as_str().map_or(format!("line {}", row["line"]), str::to_owned);
        let state = [text(row, "state"), text(row, "code")].join(" ");
        format!("{place}: {} {} {state}\n", text(row, "user_id"), text(row, "type"))
    };
    rows.iter().map(line).collect()
}

fn counts(done: &Done, names: &[&str]) -> BTreeMap<String, u64> {
    let summary = done.json();
    names.iter().map(|name| ((*name).to_owned(), summary[*name].as_u64().unwrap())).collect()
}

#[test]
fn a_sample_of_each_system_comes_to_what_its_report_says() {
    let mut all = String::new();
    for system in SYSTEMS {
        for sample in samples_of(system) {
            let name = sample.file_name().unwrap().to_str().unwrap();
            let bench = Bench::new(Settings::default());
            bench.write(name, fs::read(&sample).unwrap());
            let check = run(of_system(
                binary().current_dir(bench.folder.path()).args(["check", name, "--output", "json"]),
                system,
            ));
            let import = run(of_system(&mut bench.import(name), system));
            let ledger = format!("{name}.ledger");
            let rows = bench.rows(&ledger);
            all += &format!("# {name}: check {:?}, import {:?}\n", check.code, import.code);
            all += &told(&rows);

            // What `check` has said is what has come.
            let (check, summary) = (check.json(), import.summary());
            for (said, is) in [
                ("rows", "rows"),
                ("factors", "created"),
                ("rejected", "rejected"),
                ("not_carried", "not_carried"),
                ("duplicates", "duplicates"),
            ] {
                assert_eq!(check[said], summary[is], "{name}: {said}");
            }
            assert!(summary["created"].as_u64().unwrap() > 0, "{name}: nothing is carried");
            let held: usize = bench.tenant().state().values().map(Vec::len).sum();
            assert_eq!(summary["created"], held, "{name}");

            let posts = || bench.tenant().stats().requests.get("POST").copied();
            let before = posts();
            let again = run(of_system(&mut bench.import(name), system));
            let skipped = counts(&again, &["skipped", "created"]);
            assert_eq!(skipped["skipped"], summary["created"].as_u64().unwrap(), "{name}");
            assert_eq!(skipped["created"], 0, "{name}");
            assert_eq!(posts(), before, "{name}: a second run sends nothing");

            let verify = run(of_system(bench.command("verify").arg(name), system));
            let found = counts(&verify, &["present", "unverifiable", "missing", "differs"]);
            assert_eq!(
                found["present"] + found["unverifiable"],
                summary["created"].as_u64().unwrap(),
                "{name}: {verify:?}"
            );
            assert_eq!(found["missing"] + found["differs"], 0, "{name}: {verify:?}");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn parts_that_are_missing_and_people_who_are_disabled_are_said() {
    for (file, system, person, expected) in [
        ("otpauth.txt", "otpauth", "auth0|{email}", Some("missing_part")),
        ("fusionauth.json", "fusionauth", "auth0|{id}", Some("disabled_people")),
        ("zitadel.json", "zitadel", "auth0|{id}", None),
    ] {
        let flags = ["--from", system, "--user-id", person, "--output", "json"];
        let folder = samples().join("sources");
        let check = run(binary().current_dir(folder).args(["check", file]).args(flags));
        let found = check.json()["whole_file"].to_string();
        for code in ["missing_part", "disabled_people"] {
            assert_eq!(found.contains(code), expected == Some(code), "{file}: {found}");
        }
    }
}

/// A person of Keycloak with one secret.
fn person(id: &str, username: &str, email: &str) -> Value {
    let secret = json!({"value": format!("{username}-secret-of-20")}).to_string();
    let otp = json!({"type": "otp", "secretData": secret, "credentialData": "{}"});
    json!({"id": id, "username": username, "email": email, "enabled": true, "credentials": [otp]})
}

fn realm(people: &[Value]) -> Value {
    json!({"realm": "acme", "users": people})
}

fn codes(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["code"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn two_people_on_one_user_are_both_refused_and_one_person_twice_is_not() {
    for (name, flags, expected) in [
        ("email", &["--user-id", "auth0|{email}"][..], ["user_collision", "user_collision", "-"]),
        ("id", &["--user-id", "auth0|{id}"], ["-", "-", "-"]),
        ("map", &["--users", "map.csv"], ["user_collision", "user_collision", "-"]),
    ] {
        let bench = Bench::new(Settings::default());
        let people = [
            person("1", "ann", "a@example.org"),
            person("2", "bob", "a@example.org"),
            person("3", "cem", "c@example.org"),
            person("3", "cem", "c@example.org"),
        ];
        bench.write("realm.json", realm(&people).to_string());
        bench.write("map.csv", "user_id,id\nauth0|x,1\nauth0|x,2\nauth0|c,3\n");
        let done = run(bench.import("realm.json").args(["--from", "keycloak"]).args(flags));
        assert!(matches!(done.code, Some(0 | 4)), "{name}: {done:?}");
        let mut found = codes(&bench.rows("realm.json.ledger"));
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {done:?}");
    }
}

#[test]
fn what_is_no_person_is_a_row_and_the_people_around_it_are_read() {
    let bench = Bench::new(Settings::default());
    let users = json!([person("1", "ann", "a@example.org"), 5, null, {"error": {"code": 429}},
        person("2", "bob", "b@example.org")]);
    bench.write("realm.json", json!({"users": users}).to_string());
    let mut import = bench.import("realm.json");
    let done = run(import.args(["--from", "keycloak", "--user-id", "auth0|{id}"]));
    let summary = done.summary();
    assert_eq!(
        (done.code, &summary["created"], &summary["rejected"]),
        (Some(4), &2.into(), &3.into())
    );
    let at = |row: &Value| row["at"].as_str().unwrap().to_owned();
    let rows = bench.rows("realm.json.ledger");
    let mut refused: Vec<_> =
        rows.iter().filter(|row| row["state"] == "rejected").map(at).collect();
    refused.sort();
    assert_eq!(refused, ["users[1]", "users[2]", "users[3]"]);
}

#[test]
fn a_relying_party_that_comes_too_late_in_a_pipe_stops_it_and_a_file_does_not_mind() {
    let bench = Bench::new(Settings::default());
    let sample = fs::read_to_string(samples().join("sources/keycloak.json")).unwrap();
    let mut realm: Value = serde_json::from_str(&sample).unwrap();
    let rp_id = realm.as_object_mut().unwrap().remove("webAuthnPolicyRpId").unwrap();
    let text = realm.to_string();
    let late = format!("{},\"webAuthnPolicyRpId\":{rp_id}}}", text.strip_suffix('}').unwrap());
    bench.write("realm.json", &late);
    // Its keys are in the order of the alphabet by now, the other relying party's after the people,
    // too.
    let flags = ["--from", "keycloak", "--rp-id", "other.example.net", "--output", "json"];
    let mut check = binary();
    check.current_dir(bench.folder.path()).args(["check", "realm.json"]).args(flags);
    assert_eq!(run(&mut check).json()["factors"], 5);
    let file = fs::File::open(bench.path("realm.json")).unwrap();
    let mut check = binary();
    let done = run(check.args(["check", "-"]).args(flags).stdin(file));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(
        done.stderr.contains("line 1: `webAuthnPolicyPasswordlessRpId` stands after people"),
        "{done:?}"
    );
}

#[test]
fn a_folder_has_one_ledger_however_its_name_ends() {
    let bench = Bench::new(Settings::default());
    fs::create_dir(bench.path("out")).unwrap();
    bench.write("out/acme-users-0.json", realm(&[person("1", "ann", "a@example.org")]).to_string());
    bench.write("out/._acme-realm.json", "no JSON");
    for (input, created) in [("out/", 1), ("out", 0), ("out/.", 0)] {
        let mut import = bench.import(input);
        let done = run(import.args(["--from", "keycloak", "--user-id", "auth0|{id}"]));
        assert_eq!(done.summary()["created"], created, "{input}: {done:?}");
    }
    assert!(bench.path("out.ledger").exists());
}

#[test]
fn a_file_of_another_system_is_named_for_what_it_is() {
    let bench = Bench::new(Settings::default());
    let sample = |name: &str| samples().join("sources").join(name);
    for (file, from, expected) in [
        ("keycloak.json", None, "give `--from keycloak`"),
        ("keycloak.json", Some("firebase"), "give `--from keycloak`"),
        ("fusionauth.json", Some("keycloak"), "give `--from fusionauth`"),
        ("clerk.csv", Some("keycloak"), "give `--from clerk`"),
        ("otpauth.txt", Some("authelia"), "give `--from otpauth`"),
        ("zitadel.json", None, "give `--from zitadel`"),
    ] {
        let mut check = binary();
        check.current_dir(bench.folder.path()).arg("check").arg(sample(file));
        let done = run(check.args(from.iter().flat_map(|name| ["--from", name])));
        assert_eq!(done.code, Some(2), "{file} {from:?}: {done:?}");
        assert!(done.stderr.contains(expected), "{file} {from:?}: {done:?}");
    }
    for (flag, value) in [
        ("--rp-id", "https://login.example.org"),
        ("--rp-id", "login..example"),
        ("--user-id", "auth0|{mail}"),
    ] {
        let mut check = binary();
        check.arg("check").arg(sample("keycloak.json")).args(["--from", "keycloak", flag, value]);
        assert_eq!(run(&mut check).code, Some(2), "{flag} {value}");
    }
}

/// Returns the factors of an export as `check` shows them: all that would be sent, without places.
fn shown(bench: &Bench, name: &str, system: &System, flags: &[&str]) -> Vec<String> {
    let mut check = binary();
    check.current_dir(bench.folder.path()).args(["check", name, "--show", "1000"]).args(flags);
    let done = run(of_system(&mut check, system));
    let factors = done.stdout.lines().filter_map(|line| line.split_once(": user_id="));
    factors.map(|(_, factor)| factor.to_owned()).collect()
}

#[test]
fn what_is_selected_of_an_export_is_read_again_as_the_same() {
    let all = "created,rejected,not_carried,failed,needs_review,already_present,unsettled";
    let files = fs::read_dir(samples().join("sources")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 26, "{}", files.len());
    let files: Vec<_> = files.iter().collect();
    side_by_side(&files, |sample| {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let is_of = |system: &&&System| {
            name.strip_prefix(system.name).is_some_and(|rest| rest.starts_with(['.', '-']))
        };
        let system = SYSTEMS.iter().find(is_of).unwrap_or_else(|| panic!("{name}"));
        let bench = Bench::new(Settings::default());
        bench.write(name, fs::read(sample).unwrap());
        let import = run(of_system(bench.import(name).args(["--ledger", "l"]), system));
        let created = import.summary()["created"].clone();
        let before = shown(&bench, name, system, &[]);
        assert_eq!(before.len() as u64, created, "{name}");
        for with_reason in [false, true] {
            let mut select = binary();
            select.current_dir(bench.folder.path());
            select.args(["select", name, "--ledger", "l", "--state", all]);
            select.args(with_reason.then_some("--with-reason"));
            let done = run(of_system(&mut select, system));
            assert_eq!(done.code, Some(0), "{name}: {done:?}");
            let summary = import.json();
            let n = summary["rows"].as_u64().unwrap();
            assert!(done.stderr.contains(&format!("{n} of {n} row")), "{name}: {done:?}");
            let is_json = done.stderr.contains("--format jsonl`");
            let (extension, flags) = if is_json {
                ("jsonl", &["--format", "jsonl"][..])
            } else {
                (name.rsplit_once('.').unwrap().1, &[][..])
            };
            assert!(!is_json || done.stdout.lines().all(|line| line.starts_with('{')), "{name}");
            let again = format!("again-{with_reason}.{extension}");
            bench.write(&again, &done.stdout);
            assert_eq!(shown(&bench, &again, system, flags), before, "{name}");
            // Each has the same fingerprint, and each bad row is bad still.
            let mut command = bench.import(&again);
            let second = run(of_system(command.args(["--ledger", "l"]).args(flags), system));
            let counts = second.summary();
            assert_eq!((&counts["created"], &counts["skipped"]), (&json!(0), &created), "{name}");
            for what in ["rejected", "not_carried", "duplicates"] {
                assert_eq!(counts[what], summary[what], "{name}: {what}");
            }
        }
    });
}
