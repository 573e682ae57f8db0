//! `resolve`: the people of an export among the tenant's users.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use mfaferry::sandbox::{Fault, Sandbox, Settings, User, Users};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, run, signal, spawn, until};

const HEADER: &str = "user_id,id,email,username,mf_code";
/// A password of the export, and what else must be in no output.
const CANARIES: [&str; 3] = ["canary", "CANARYclientsecret", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"];

/// A person in Keycloak's words, with an authenticator app twice: once however many factors.
pub(crate) fn person(id: &str, email: Option<&str>, is_verified: bool) -> Value {
    let secret = json!({"value": CANARIES[2]}).to_string();
    let kind = json!({"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1",
        "secretEncoding": "BASE32"})
    .to_string();
    let otp = json!({"type": "otp", "secretData": secret, "credentialData": kind});
    let mut person = json!({"id": id, "username": format!("name-{id}"), "enabled": true,
        "emailVerified": is_verified, "credentials": [otp.clone(), otp]});
    if let Some(email) = email {
        person["email"] = email.into();
    }
    person
}

pub(crate) fn realm(people: &[Value]) -> String {
    json!({"realm": "test", "users": people}).to_string()
}

fn user(id: &str, email: &str) -> User {
    User::new(id, email)
}

fn bench(users: Vec<User>, more: Settings) -> Bench {
    Bench::new(Settings { users: Users::Known(users.into()), ..more })
}

fn resolve(bench: &Bench) -> Command {
    let mut command = bench.command("resolve");
    command.args(["realm.json", "--from", "keycloak", "--out", "map.csv"]);
    command
}

fn map(bench: &Bench) -> Vec<String> {
    let text = fs::read_to_string(bench.path("map.csv")).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some(HEADER));
    lines.collect()
}

fn asked(tenant: &Sandbox) -> Vec<String> {
    let mut asked: Vec<_> = tenant.arrivals().into_iter().map(|arrival| arrival.user_id).collect();
    asked.sort_unstable();
    asked
}

fn count(done: &Done, name: &str) -> u64 {
    done.summary()[name].as_u64().unwrap()
}

/// An import goes by the map, and rejects whoever has no user by its code.
fn imports_go_by(bench: &Bench) {
    let mut import = bench.import("realm.json");
    let done = run(import.args(["--from", "keycloak", "--users", "map.csv"]));
    let imported: Vec<_> = ["created", "rejected"].map(|name| count(&done, name)).to_vec();
    assert_eq!((done.code, imported), (Some(4), vec![3, 8]), "{done:?}");
    let reasons = format!("{:?}", bench.rows("realm.json.ledger"));
    for code in ["user_ambiguous", "user_not_found", "email_not_verified", "user_not_mapped"] {
        assert!(reasons.contains(code), "{code}: {reasons}");
    }
}

#[test]
fn a_map_has_everybody_in_input_order_and_says_why_somebody_was_not_found() {
    let users = vec![
        user("auth0|1", "ann@corp.test"),
        user("auth0|2", "a+b@corp.test"),
        user("auth0|3", "two@corp.test"),
        user("samlp|4", "two@corp.test"),
        User { email_verified: false, ..user("auth0|5", "new@corp.test") },
    ];
    let bench = bench(users, Settings::default());
    let people = [
        person("p1", Some("Ann@Corp.test"), true),
        person("p2", Some("a+b@corp.test"), true),
        person("p3", Some("two@corp.test"), true),
        person("p4", Some("nobody@corp.test"), true),
        person("p5", Some("ann@corp.test"), false),
        person("p6", Some("new@corp.test"), true),
        person("p7", None, false),
    ];
    bench.write("realm.json", realm(&people));
    let done = run(&mut resolve(&bench));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!((count(&done, "resolved"), count(&done, "rejected")), (3, 4), "{done:?}");
    assert_eq!(
        map(&bench),
        [
            "auth0|1,p1,Ann@Corp.test,,",
            "auth0|2,p2,a+b@corp.test,,",
            ",p3,two@corp.test,,user_ambiguous",
            ",p4,nobody@corp.test,,user_not_found",
            ",p5,ann@corp.test,,email_not_verified",
            "auth0|5,p6,new@corp.test,,",
            ",p7,,,user_not_mapped",
        ]
    );
    let expected = [
        "Ann@Corp.test",
        "a+b@corp.test",
        "ann@corp.test",
        "new@corp.test",
        "nobody@corp.test",
        "two@corp.test",
    ];
    assert_eq!(asked(bench.tenant()), expected);
    for file in ["map.csv", "map.csv.ledger"] {
        let mode = fs::metadata(bench.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert!(done.stderr.contains("scopes read:users ·"), "{done:?}");
    assert!(done.stderr.contains("map.csv.ledger (new)"), "{done:?}");
    imports_go_by(&bench);
    // The second run sends nothing, and says the same.
    let requests = bench.tenant().stats().requests;
    let before = fs::read(bench.path("map.csv")).unwrap();
    let again = run(&mut resolve(&bench));
    assert_eq!((again.code, count(&again, "skipped")), (Some(4), 7), "{again:?}");
    assert!(again.stderr.contains("nobody was looked up"), "{again:?}");
    assert_eq!(bench.tenant().stats().requests, requests);
    assert_eq!(fs::read(bench.path("map.csv")).unwrap(), before);
    let operations: Vec<_> =
        bench.rows("map.csv.ledger").iter().map(|row| row["operation"].clone()).collect();
    assert_eq!(operations, ["resolve"; 7]);
}

#[test]
fn flags_say_whom_to_take_and_everybody_found_is_a_success() {
    let mut linked = user("auth0|1", "two@corp.test");
    linked.identities = serde_json::from_value(json!([
        {"connection": "db", "user_id": "1", "provider": "auth0"},
        {"connection": "google", "user_id": "g", "provider": "google-oauth2", "isSocial": true}
    ]))
    .unwrap();
    let unproved = User { email_verified: false, ..user("auth0|2", "two@corp.test") };
    let bench = bench(vec![linked, unproved], Settings::default());
    bench.write("realm.json", realm(&[person("p1", Some("two@corp.test"), false)]));
    for (map, flags, expected) in [
        ("google.csv", &["--connection", "google"][..], "auth0|1"),
        ("db.csv", &["--connection", "Username-Password-Authentication"], "auth0|2"),
    ] {
        let mut command = resolve(&bench);
        command.args(["--out", map, "--trust-unverified-email"]).args(flags);
        let done = run(&mut command);
        assert_eq!((done.code, count(&done, "resolved")), (Some(0), 1), "{done:?}");
        let text = fs::read_to_string(bench.path(map)).unwrap();
        assert_eq!(text, format!("{HEADER}\n{expected},p1,two@corp.test,,\n"));
    }
}

#[test]
fn a_file_that_is_in_the_way_or_a_missing_flag_stops_it_before_anything_is_asked() {
    let bench = bench(vec![user("auth0|1", "ann@corp.test")], Settings::default());
    bench.write("realm.json", realm(&[person("p1", Some("ann@corp.test"), true)]));
    bench.write("map.csv", "somebody else's\n");
    let there = run(&mut resolve(&bench));
    assert_eq!(there.code, Some(2), "{there:?}");
    assert!(there.stderr.contains("`map.csv` exists"), "{there:?}");
    assert!(!bench.path("map.csv.ledger").exists());
    assert_eq!(fs::read_to_string(bench.path("map.csv")).unwrap(), "somebody else's\n");
    let plain = run(bench.command("resolve").args(["realm.json", "--out", "other.csv"]));
    assert_eq!(plain.code, Some(2), "{plain:?}");
    assert!(plain.stderr.contains("--from"), "{plain:?}");
    let other =
        run(bench.command("resolve").args(["realm.json", "--out", "o.csv", "--from", "word"]));
    assert_eq!(other.code, Some(2), "{other:?}");
    let no_out = run(bench.command("resolve").args(["realm.json", "--from", "keycloak"]));
    assert_eq!(no_out.code, Some(2), "{no_out:?}");
    assert_eq!(bench.tenant().stats().requests.values().sum::<u64>(), 0);
}

#[test]
fn a_scope_that_is_missing_is_named_and_settles_nobody() {
    let scopes = vec!["read:authentication_methods".to_owned()];
    let bench = bench(vec![], Settings { scopes, ..Settings::default() });
    bench.write("realm.json", realm(&[person("p1", Some("ann@corp.test"), true)]));
    let done = run(&mut resolve(&bench));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("read:users"), "{done:?}");
    assert_eq!(bench.tenant().stats().users_by_email, 0, "the token said so itself");
    assert!(!bench.path("map.csv").exists());
    // A ready token says nothing of its scopes: the tenant does.
    let bench = Bench::new(Settings {
        scopes: vec![],
        static_tokens: vec!["CANARYreadytoken".into()],
        ..Settings::default()
    });
    bench.write("realm.json", realm(&[person("p1", Some("ann@corp.test"), true)]));
    let done = run(resolve(&bench).env("AUTH0_API_TOKEN", "CANARYreadytoken"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("read:users") && !done.stderr.contains("CANARY"), "{done:?}");
    assert!(bench.states("map.csv.ledger").is_empty(), "nobody is settled");
}

#[test]
fn whoever_was_not_found_is_asked_for_again_when_told_so_and_the_map_mended() {
    let users = vec![
        user("auth0|1", "ann@corp.test"),
        user("auth0|2", "two@corp.test"),
        user("google-oauth2|3", "two@corp.test"),
    ];
    let bench = bench(users, Settings::default());
    let people = [
        person("p1", Some("two@corp.test"), true),
        person("p2", Some("ann@corp.test"), true),
        person("p3", Some("nobody@corp.test"), true),
    ];
    bench.write("realm.json", realm(&people));
    let done = run(&mut resolve(&bench));
    assert_eq!((done.code, count(&done, "rejected")), (Some(4), 2), "{done:?}");
    let again = ["--connection", "google-oauth2", "--retry", "rejected"];
    let done = run(resolve(&bench).args(again));
    assert_eq!((count(&done, "resolved"), count(&done, "rejected")), (1, 1), "{done:?}");
    assert_eq!(count(&done, "requests"), 3, "a token and two look-ups: {done:?}");
    assert_eq!(
        map(&bench),
        [
            "google-oauth2|3,p1,two@corp.test,,",
            "auth0|1,p2,ann@corp.test,,",
            ",p3,nobody@corp.test,,user_not_found",
        ]
    );
}

#[test]
fn an_address_of_several_people_is_asked_for_once() {
    let bench = bench(vec![user("auth0|1", "ann@corp.test")], Settings::default());
    let people: Vec<_> = ["ann@corp.test", "Ann@corp.test", "ann@corp.test", "ANN@corp.test"]
        .iter()
        .enumerate()
        .map(|(n, email)| person(&n.to_string(), Some(email), true))
        .collect();
    bench.write("realm.json", realm(&people));
    let done = run(&mut resolve(&bench));
    assert_eq!((done.code, count(&done, "resolved")), (Some(0), 4), "{done:?}");
    assert_eq!(asked(bench.tenant()), ["ANN@corp.test", "Ann@corp.test", "ann@corp.test"]);
}

/// Half of them are there.
fn many(count: usize) -> (Vec<User>, String, Vec<String>) {
    let email = |n: usize| format!("p{n}@corp.test");
    let users = (0..count).step_by(2).map(|n| user(&format!("auth0|{n}"), &email(n))).collect();
    let people: Vec<_> =
        (0..count).map(|n| person(&format!("id{n}"), Some(&email(n)), true)).collect();
    let line = |n: usize| match n % 2 {
        0 => format!("auth0|{n},id{n},{},,", email(n)),
        _ => format!(",id{n},{},,user_not_found", email(n)),
    };
    (users, realm(&people), (0..count).map(line).collect())
}

#[test]
fn killed_again_and_again_under_faults_it_has_everybody_once_and_asks_nobody_twice_without_need() {
    let (users, export, expected) = many(240);
    let faults = "429-bare@get=1%,500-after@get=2%,503-before@get=2%,502-html-after@get=1%,\
        cut@get=1%,not-json@get=1%,empty-201@get=1%,close-after@get=2%,reset-before@get=1%";
    let settings = Settings {
        faults: Fault::parse_list(faults).unwrap(),
        latency_ms: (1, 5),
        ..Settings::default()
    };
    let bench = bench(users, settings);
    bench.write("realm.json", export);
    let tries = ["--rate", "400", "--max-attempts", "12"];
    for kill in 0..4_u64 {
        let mut child = spawn(resolve(&bench).args(tries));
        let before = bench.tenant().stats().users_by_email;
        until("some were asked for", || {
            bench.tenant().stats().users_by_email >= before + 20 + 10 * kill
                || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!bench.path("map.csv").exists(), "it is in its place only once it is whole");
    }
    // In good order, too.
    let child = spawn(resolve(&bench).args(tries));
    let before = bench.tenant().stats().users_by_email;
    until("some were asked for", || bench.tenant().stats().users_by_email >= before + 30);
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    bench.quiet();
    let done = run(resolve(&bench).args(tries));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(count(&done, "rows"), 240);
    assert_eq!(map(&bench), expected);
    let stats = bench.tenant().stats();
    let struck: u64 = stats.faults.values().sum();
    // What was in flight, or not durable yet, when it was killed may be asked for again.
    assert!(stats.users_by_email <= 240 + struck + 4 * 120, "{stats:?}");
    let again = run(&mut resolve(&bench));
    assert_eq!(count(&again, "requests"), 0, "{again:?}");
}

#[test]
fn no_address_name_or_token_is_in_any_output_but_the_map() {
    let faults = "500-after@get=8%,cut@get=8%,not-json@get=8%,close-after@get=8%";
    let settings = Settings { faults: Fault::parse_list(faults).unwrap(), ..Settings::default() };
    let bench = bench(vec![user("auth0|1", "canary.1@corp.test")], settings);
    let people: Vec<_> = (0..20)
        .map(|n| person(&format!("canary{n}"), Some(&format!("canary.{n}@corp.test")), true))
        .chain([person("canary", Some("canary at nothing"), true)])
        .collect();
    bench.write("realm.json", realm(&people));
    let flags = ["-vv", "--output", "text", "--log-file", "log.txt"];
    let done = run(resolve(&bench).args(flags).env("RUST_BACKTRACE", "1"));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(bench.tenant().stats().faults.len(), 4, "each kind of fault has struck");
    let mut all = vec![done.stdout, done.stderr];
    for format in ["text", "json", "csv", "jsonl"] {
        let mut report = binary();
        report.current_dir(bench.folder.path());
        let done = run(report.args(["report", "--ledger", "map.csv.ledger", "--format", format]));
        all.push(done.stdout + &done.stderr);
    }
    for entry in fs::read_dir(bench.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("realm.json") && !path.ends_with("map.csv") {
            all.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        }
    }
    assert!(all.len() > 7, "log and ledger are among them");
    for text in all {
        for canary in CANARIES {
            assert!(!text.contains(canary), "`{canary}` in: {text}");
        }
    }
}

#[test]
fn the_pace_is_kept_and_a_limit_waited_for() {
    let (users, export, expected) = many(40);
    let settings = Settings {
        limit: serde_json::from_value(json!({"token_bucket": {"rate": 60, "burst": 5}})).unwrap(),
        ..Settings::default()
    };
    let bench = bench(users, settings);
    bench.write("realm.json", export);
    let done = run(resolve(&bench).args(["--rate", "auto"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(map(&bench), expected);
    assert_eq!(count(&done, "failed"), 0, "{done:?}");
}

#[test]
fn in_the_demo_everybody_in_lower_case_at_a_reserved_domain_is_somebody() {
    let folder = tempfile::tempdir().unwrap();
    let people = [
        person("p1", Some("ann@example.org"), true),
        person("p2", Some("Bob@Example.com"), true),
        person("p3", Some("eve@corp.test"), true),
    ];
    fs::write(folder.path().join("realm.json"), realm(&people)).unwrap();
    let mut command = binary();
    command.current_dir(folder.path()).args(["resolve", "realm.json", "--from", "keycloak"]);
    command.args(["--sandbox", "--output", "json", "--out", "map.csv"]);
    command.env("TMPDIR", folder.path());
    let done = run(&mut command);
    assert_eq!((done.code, count(&done, "resolved")), (Some(4), 2), "{done:?}");
    let text = fs::read_to_string(folder.path().join("map.csv")).unwrap();
    assert!(text.lines().nth(2).unwrap().starts_with("auth0|"), "{text}");
    assert!(text.ends_with("user_not_found\n"), "{text}");
}

#[test]
fn users_of_the_sandbox_come_from_an_export_job_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let users = "{\"user_id\":\"auth0|9\",\"email\":\"ann@corp.test\",\"email_verified\":true,\
        \"identities\":[{\"connection\":\"db\",\"user_id\":\"9\",\"provider\":\"auth0\",\
        \"isSocial\":false}],\"name\":\"Ann\"}\n";
    fs::write(folder.path().join("users.ndjson"), users).unwrap();
    fs::write(folder.path().join("bad.ndjson"), format!("{users}{{\"email\":\"canary\"}}\n"))
        .unwrap();
    fs::write(
        folder.path().join("realm.json"),
        realm(&[person("p1", Some("ann@corp.test"), true)]),
    )
    .unwrap();
    let sandbox = |users: &str| {
        let mut command = binary();
        command.current_dir(folder.path()).args(["sandbox", "--port", "0", "--users", users]);
        command
    };
    let bad = run(&mut sandbox("bad.ndjson"));
    assert_eq!(bad.code, Some(2), "{bad:?}");
    assert!(bad.stderr.contains("line 2") && !bad.stderr.contains("canary"), "{bad:?}");
    let mut child = spawn(&mut sandbox("users.ndjson"));
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let mut command = binary();
    command.current_dir(folder.path()).args(["resolve", "realm.json", "--from", "keycloak"]);
    command.args(["--out", "map.csv", "--output", "json", "--base-url", url.trim_end_matches(';')]);
    command.env("AUTH0_CLIENT_ID", "any").env("AUTH0_CLIENT_SECRET", "any");
    let done = run(&mut command);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    let text = fs::read_to_string(folder.path().join("map.csv")).unwrap();
    assert!(text.ends_with("auth0|9,p1,ann@corp.test,,\n"), "{text}");
}
