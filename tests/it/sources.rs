//! Other systems' exports, from the sample of each to what a tenant holds.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use mfaferry::{
    sandbox::Settings,
    sources::{SYSTEMS, System},
};
use serde_json::Value;

use crate::support::{Bench, Done, binary, run, samples};

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
