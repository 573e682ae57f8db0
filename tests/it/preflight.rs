//! `preflight`, and the same questions before an import: is the tenant ready?

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use mfaferry::sandbox::{
    CustomDomain, DomainStatus, GuardianFactor, MfaPolicy, Settings, Users, Verb,
};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, read, run, side_by_side, signal, spawn, until};

/// Scopes of an import.
const USUAL: [&str; 2] = ["create:authentication_methods", "read:authentication_methods"];
/// A key that can verify a signature.
const KEY: &str = "pQECAyYgASFYIMxj177g0IdVFwVuq/kia+vUZIoHt03C/I24+z/9urcsIlgg4RjDUyohl/c82sbey201D9dJPbbeqZ3QuXfU8ydCatQ=";
const HEADER: &str = "user_id,type,phone_number,preferred_authentication_method,email,totp_secret,key_id,\
                      public_key,relying_party_identifier\n";

/// Twenty users: each with a phone (every fourth prefers calls), a TOTP, an email, a security key
/// and a passkey. Their rows are scattered, and the last one is there twice.
fn everything() -> String {
    let mut csv = HEADER.to_owned();
    let id = |kind: &str, user: usize| {
        data_encoding::BASE64URL_NOPAD
            .encode(format!("{kind} of user number {user:010}").as_bytes())
    };
    for user in 0..20 {
        let channel = ["voice", "sms", "", ""][user % 4];
        csv += &format!("auth0|{user},phone,+1415555{:04},{channel},,,,,\n", 100 + user);
        csv += &format!("auth0|{user},email,,,a{user}@example.com,,,,\n");
    }
    for user in 0..20 {
        let secret = data_encoding::BASE32_NOPAD.encode(format!("{user:020}").as_bytes());
        csv += &format!("auth0|{user},totp,,,,{secret},,,\n");
        let (key, passkey) = (id("key", user), id("passkey", user));
        csv += &format!("auth0|{user},webauthn-roaming,,,,,{key},{KEY},login.example.com\n");
        csv += &format!("auth0|{user},passkey,,,,,{passkey},{KEY},example.com\n");
    }
    let last = csv.lines().last().unwrap().to_owned();
    csv + &last + "\n"
}

/// A tenant with nothing to find.
fn ready() -> Settings {
    Settings { masking: false, ..Settings::default() }
}

fn preflight(bench: &Bench, arguments: &[&str]) -> Done {
    run(bench.command("preflight").arg("in.csv").args(arguments))
}

/// Code, severity, users and rows of each finding.
fn found(report: &Value) -> Vec<(String, String, Option<u64>, Option<u64>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            assert!(!text(&one["message"]).is_empty() && !text(&one["action"]).is_empty(), "{one}");
            (
                text(&one["code"]),
                text(&one["severity"]),
                one["users"].as_u64(),
                one["rows"].as_u64(),
            )
        })
        .collect()
}

type Told<'a> = (&'a str, &'a str, Option<u64>, Option<u64>);

#[track_caller]
fn check(report: &Value, expected: &[Told<'_>]) {
    let found = found(report);
    let found: Vec<Told<'_>> = found
        .iter()
        .map(|(code, severity, users, rows)| (&**code, &**severity, *users, *rows))
        .collect();
    assert_eq!(found, expected, "{report}");
}

#[test]
fn a_ready_tenant_is_asked_each_question_once_and_each_user_of_the_sample() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    let done = preflight(&bench, &["--sample", "7"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let report = done.json();
    check(&report, &[]);
    for (key, value) in [
        ("schema", json!("mfaferry/preflight/1")),
        ("ready", json!(true)),
        ("rows", json!(101)),
        ("factors", json!(100)),
        ("users", json!(20)),
        ("duplicates", json!(1)),
        ("rejected", json!(0)),
        ("sample", json!({"users": 7, "seed": 1})),
        ("accepted", json!([])),
    ] {
        assert_eq!(report[key], value, "{key}: {report}");
    }
    assert!(report["plan"]["requests"].as_u64().unwrap() >= 100, "{report}");
    let stats = bench.tenant().stats();
    assert_eq!(stats.questions, 5);
    assert_eq!((stats.requests(Verb::Get), stats.requests(Verb::Post)), (12, 0), "{stats:?}");
    assert_eq!(report["requests"], 12, "{report}");
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 1);
}

#[test]
fn users_of_the_sample_are_those_that_verify_picks_each_once() {
    let asked = |sample: &str, seed: &str| {
        let bench = Bench::of(ready());
        bench.write("in.csv", everything());
        let done = preflight(&bench, &["--sample", sample, "--seed", seed]);
        assert_eq!(done.code, Some(0), "{done:?}");
        let users =
            bench.tenant().arrivals().into_iter().filter(|one| one.user_id.starts_with("auth0|"));
        users.map(|one| one.user_id).collect::<Vec<_>>()
    };
    assert!(asked("0", "1").is_empty());
    let all = asked("200", "1");
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (20, 20));
    let (some, others) = (asked("6", "1"), asked("6", "2"));
    assert_eq!((some.len(), others.len()), (6, 6));
    assert_ne!(some.iter().collect::<BTreeSet<_>>(), others.iter().collect());
    let half: BTreeSet<_> = asked("50%", "1").into_iter().collect();
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    run(bench.command("verify").args(["in.csv", "--sample", "50%"]));
    let verified: BTreeSet<_> = bench
        .tenant()
        .arrivals()
        .into_iter()
        .map(|one| one.user_id)
        .filter(|id| !id.is_empty())
        .collect();
    assert_eq!(half, verified);
}

/// A fault of a tenant, what is found, and the exit code.
type Alone = (fn(&mut Settings), Told<'static>, i32);

#[track_caller]
fn check_alone(faults: &[Alone]) {
    for (index, (fault, expected, code)) in faults.iter().enumerate() {
        let mut tenant = ready();
        fault(&mut tenant);
        let bench = Bench::of(tenant);
        bench.write("in.csv", everything());
        let done = preflight(&bench, &[]);
        assert_eq!(done.code, Some(*code), "{index}: {done:?}");
        let expected: Vec<_> = [*expected].into_iter().filter(|one| !one.0.is_empty()).collect();
        check(&done.json(), &expected);
        if *code == 4 {
            let done = preflight(&bench, &["--accept", &format!("sms_off,{}", expected[0].0)]);
            assert_eq!(done.code, Some(0), "{index}: {done:?}");
            check(&done.json(), &expected);
        }
    }
}

#[test]
fn each_factor_that_is_off_is_found_alone() {
    use GuardianFactor::{Email, Otp, Sms, WebauthnRoaming};
    check_alone(&[
        (
            |t| t.guardian_factors = [(Otp, false)].into(),
            ("factor_off", "stop", Some(20), Some(20)),
            4,
        ),
        (
            |t| t.guardian_factors = [(Sms, false)].into(),
            ("factor_off", "stop", Some(20), Some(20)),
            4,
        ),
        (
            |t| t.guardian_factors = [(Email, false)].into(),
            ("factor_off", "stop", Some(20), Some(20)),
            4,
        ),
        (
            |t| t.guardian_factors = [(WebauthnRoaming, false)].into(),
            ("factor_off", "stop", Some(20), Some(20)),
            4,
        ),
    ]);
}

#[test]
fn each_other_fault_of_a_tenant_is_found_alone() {
    check_alone(&[
        (|t| t.mfa_policies.clear(), ("no_policy", "warn", None, None), 0),
        (|t| t.mfa_policies = vec![MfaPolicy::ConfidenceScore], ("", "", None, None), 0),
        (|t| t.custom_domains.clear(), ("rp_id_unservable", "stop", Some(20), Some(40)), 4),
        (
            |t| t.custom_domains = vec![CustomDomain::ready("example.com")],
            ("rp_id_unservable", "stop", Some(20), Some(20)),
            4,
        ),
        (
            |t| t.custom_domains[0].status = DomainStatus::PendingVerification,
            ("rp_id_unservable", "stop", Some(20), Some(40)),
            4,
        ),
        (
            |t| t.message_types.retain(|one| *one != mfaferry::sandbox::Channel::Sms),
            ("sms_off", "warn", Some(15), Some(15)),
            0,
        ),
        (
            |t| t.message_types.retain(|one| *one != mfaferry::sandbox::Channel::Voice),
            ("voice_off", "warn", Some(5), Some(5)),
            0,
        ),
        (|t| t.masking = true, ("lists_masked", "note", None, Some(40)), 0),
        (
            |t| t.users = Users::AnyBut(vec!["auth0|1".into()]),
            ("users_missing", "stop", Some(11), None),
            4,
        ),
    ]);
}

/// Every fault of a tenant and of an input.
fn all_bad() -> (Settings, String) {
    let tenant = Settings {
        guardian_factors: [GuardianFactor::Otp, GuardianFactor::Sms].map(|one| (one, false)).into(),
        message_types: Vec::new(),
        mfa_policies: Vec::new(),
        custom_domains: vec![CustomDomain::ready("login.example.org")],
        users: Users::AnyBut(vec!["auth0|7".into()]),
        ..Settings::default()
    };
    let mut csv = everything();
    csv += "auth0|mail,email,,,only@example.com,,,,\n";
    for number in 0..11 {
        csv += &format!("auth0|many,phone,+1415556{number:04},,,,,,\n");
    }
    csv += "auth0|bad,totp,,,,A,,,\n";
    (tenant, csv)
}

/// A text without what differs from run to run.
fn stable(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(plan) = lines.iter().position(|line| *line == "Plan") {
        let end = lines[plan..].iter().position(|line| line.is_empty()).unwrap();
        lines.drain(plan + 1..plan + end);
    }
    lines.join("\n")
}

fn text(bench: &Bench, arguments: &[&str]) -> Done {
    run(bench.command("preflight").arg("in.csv").args(["--output", "text"]).args(arguments))
}

#[test]
fn the_text_of_a_ready_tenant_and_of_one_where_everything_is_wrong() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    let good = text(&bench, &[]);
    assert_eq!(good.code, Some(0));
    let (tenant, csv) = all_bad();
    let bench = Bench::of(tenant);
    bench.write("in.csv", csv);
    let bad = text(&bench, &[]);
    assert_eq!(bad.code, Some(4));
    let accepted = text(&bench, &["--accept", "factor_off,rp_id_unservable,users_missing"]);
    assert_eq!(accepted.code, Some(4), "a row is rejected");
    let poor = Settings { scopes: USUAL.map(Into::into).to_vec(), ..ready() };
    let bench = Bench::of(poor);
    bench.write("in.csv", everything());
    let unknown = text(&bench, &[]);
    assert_eq!(unknown.code, Some(0));
    let shown: Vec<_> =
        [good, bad, accepted, unknown].iter().map(|done| stable(&done.stdout)).collect();
    insta::assert_snapshot!(shown.join("\n\n=====\n\n"));
}

#[test]
fn all_faults_at_once_are_found_in_one_report_the_gravest_first() {
    let (tenant, csv) = all_bad();
    let bench = Bench::of(tenant);
    bench.write("in.csv", csv);
    let done = preflight(&bench, &[]);
    let report = done.json();
    let found = found(&report);
    let codes: BTreeSet<_> = found.iter().map(|one| one.0.as_str()).collect();
    let expected = [
        "factor_off",
        "rp_id_unservable",
        "users_missing",
        "no_policy",
        "sms_off",
        "voice_off",
        "email_only",
        "many_per_user",
        "lists_masked",
    ];
    assert_eq!(codes, BTreeSet::from(expected), "{report}");
    let weights: Vec<_> = found
        .iter()
        .map(|one| ["stop", "warn", "note", "unknown"].iter().position(|name| *name == one.1))
        .collect();
    assert!(weights.is_sorted(), "{report}");
    assert_eq!((&report["ready"], &report["rejected"]), (&json!(false), &json!(1)));
    assert_eq!(bench.tenant().stats().questions, 5);
}

#[test]
fn what_the_token_may_not_ask_is_not_asked_and_is_told_with_its_scope() {
    let bench = Bench::of(Settings { scopes: USUAL.map(Into::into).to_vec(), ..ready() });
    bench.write("in.csv", everything());
    let done = preflight(&bench, &["--sample", "3"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let report = done.json();
    let scopes = report["findings"].as_array().unwrap().iter().map(|one| {
        assert_eq!(one["severity"], "unknown");
        (one["code"].as_str().unwrap(), one["scope"].as_str().unwrap())
    });
    let scopes: BTreeSet<_> = scopes.collect();
    assert_eq!(
        scopes,
        BTreeSet::from([
            ("factor_off", "read:guardian_factors"),
            ("sms_off", "read:guardian_factors"),
            ("voice_off", "read:guardian_factors"),
            ("no_policy", "read:mfa_policies"),
            ("rp_id_unservable", "read:custom_domains"),
            ("lists_masked", "read:tenant_settings"),
        ])
    );
    let stats = bench.tenant().stats();
    assert_eq!((stats.questions, stats.requests(Verb::Get)), (0, 3), "{stats:?}");
}

#[test]
fn a_token_that_cannot_import_is_a_stop_and_no_error() {
    for (scopes, missing) in [(&USUAL[1..], USUAL[0]), (&USUAL[..1], USUAL[1])] {
        let scopes = scopes.iter().map(|one| (*one).to_owned()).collect();
        let bench = Bench::of(Settings { scopes, ..ready() });
        bench
            .write("in.csv", "user_id,type,email\nauth0|1,passkey,\nauth0|1,email,a@example.com\n");
        let done = preflight(&bench, &[]);
        assert_eq!(done.code, Some(4), "{done:?}");
        let report = done.json();
        let stops: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["severity"] == "stop")
            .map(|one| (one["code"].as_str().unwrap(), one["scope"].as_str().unwrap()))
            .collect();
        assert_eq!(stops, [("scope_missing", missing)], "{report}");
    }
}

#[test]
fn few_missing_users_are_a_warning_with_a_bound_for_all() {
    let mut csv = String::from("user_id,type,email\n");
    for user in 0..400 {
        csv += &format!("auth0|{user:03},email,a@example.com\n");
    }
    let bench = Bench::of(Settings { users: Users::AnyBut(vec!["auth0|123".into()]), ..ready() });
    bench.write("in.csv", csv);
    let report = preflight(&bench, &["--sample", "100%"]).json();
    let missing = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|one| one["code"] == "users_missing")
    };
    let all = missing(&report).unwrap();
    assert_eq!((&all["severity"], &all["users"]), (&json!("warn"), &json!(1)));
    assert_eq!(all["upper_bound_users"], 1, "everybody was asked");
    let found: Vec<_> = (1..9)
        .filter_map(|seed| {
            let seed = seed.to_string();
            missing(&preflight(&bench, &["--sample", "200", "--seed", &seed]).json())
        })
        .collect();
    assert!(!found.is_empty());
    for one in found {
        assert_eq!(one["upper_bound_users"], 10, "{one}");
    }
}

#[test]
fn users_who_hold_methods_already_are_told() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    assert_eq!(run(bench.import("in.csv").args(["--max-users", "2"])).code, Some(5));
    let report = preflight(&bench, &[]).json();
    check(&report, &[("users_have_methods", "warn", Some(2), None)]);
}

#[test]
fn quiet_and_ready_prints_nothing_and_a_stop_is_printed_all_the_same() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    let done = text(&bench, &["-q"]);
    assert_eq!((done.code, &*done.stdout, &*done.stderr), (Some(0), "", ""));
    bench.write("in.csv", everything() + "auth0|1,totp,,,,A,,,\n");
    let done = text(&bench, &["-q"]);
    assert_eq!((done.code, &*done.stderr), (Some(4), ""));
    assert!(done.stdout.contains("Not ready: 1 rejected row"), "{done:?}");
}

#[test]
fn an_unknown_code_or_sample_is_a_usage_error() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    for (arguments, words) in [
        (["--accept", "factor_of"], "did you mean `factor_off`?"),
        (["--accept", "sms_off,nonsense"], "give one of scope_missing, factor_off"),
        (["--sample", "many"], "invalid value `many` for --sample"),
        (["--sample", "101%"], "or a share of them such as `5%`"),
    ] {
        let done = preflight(&bench, &arguments);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains(words), "{done:?}");
        assert_eq!(done.json()["exit_code"], 2);
    }
    assert_eq!(bench.tenant().arrivals().len(), 0);
}

#[test]
fn another_systems_export_is_read_as_by_check() {
    let bench = Bench::of(ready());
    let realm = crate::support::samples().join("sources/keycloak");
    if realm.exists() {
        let mut command = bench.command("preflight");
        command.arg(realm).args(["--from", "keycloak"]);
        assert_eq!(run(&mut command).code, Some(2), "whose they are has to be said");
        let done = run(command.args(["--user-id", "auth0|{id}"]));
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        assert!(done.json()["factors"].as_u64().unwrap() > 0, "{done:?}");
    }
}

/// A tenant that stops an import.
fn unready() -> Settings {
    Settings { guardian_factors: [(GuardianFactor::Otp, false)].into(), ..ready() }
}

#[test]
fn an_import_into_a_tenant_that_is_not_ready_settles_nothing_until_that_is_accepted() {
    let bench = Bench::of(unready());
    bench.write("in.csv", everything() + "auth0|1,totp,,,,A,,,\n");
    for _ in 0..2 {
        let done = run(&mut bench.import("in.csv"));
        assert_eq!(done.code, Some(3), "{done:?}");
        let summary = done.summary();
        assert_eq!(
            (&summary["code"], &summary["status"]),
            (&json!("preflight_stop"), &json!("error"))
        );
        assert!(summary["error"].as_str().unwrap().contains("factor_off: "), "{summary}");
        assert!(summary["hint"].as_str().unwrap().contains("--accept factor_off"), "{summary}");
        assert_eq!(bench.states("in.csv.ledger").values().sum::<usize>(), 0);
    }
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    let done = run(bench.import("in.csv").args(["--accept", "no_policy,factor_off"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(done.summary()["created"], 100);
    // Whatever is settled needs no answer.
    let before = bench.tenant().arrivals().len();
    let done = run(&mut bench.import("in.csv"));
    assert_eq!((done.code, bench.tenant().arrivals().len()), (Some(4), before), "{done:?}");
}

#[test]
fn an_import_that_goes_on_asks_before_it_sends_the_rest() {
    let bench = Bench::of(unready());
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@example.com\n");
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let secret = "JV67VSOC7YQPD2LLBLDE3X7WTLHMFUOR";
    bench.write(
        "in.csv",
        format!(
            "user_id,type,email,totp_secret\nauth0|1,email,a@example.com,\nauth0|1,totp,,{secret}\n"
        ),
    );
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 1);
    assert_eq!(run(bench.import("in.csv").args(["--accept", "factor_off"])).code, Some(0));
}

#[test]
fn with_the_usual_scopes_an_import_asks_nothing_and_goes_on() {
    let bench = Bench::of(Settings { scopes: USUAL.map(Into::into).to_vec(), ..unready() });
    bench.write("in.csv", everything());
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(0), "{done:?}");
    let stats = bench.tenant().stats();
    assert_eq!((stats.requests(Verb::Get), stats.questions), (0, 0), "{stats:?}");
}

#[test]
fn warnings_are_told_before_an_import() {
    let bench = Bench::of(Settings { mfa_policies: Vec::new(), ..unready() });
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@example.com\n");
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(0));
    assert!(done.stderr.contains("no_policy: no MFA policy is set"), "{done:?}");
}

/// Imports from a pipe.
fn pipe(bench: &Bench, arguments: &[&str]) -> Done {
    let mut command: Command = binary();
    command
        .current_dir(bench.folder.path())
        .args(["import", "-", "--format", "csv", "--ledger", "pipe.ledger", "--output", "json"])
        .args(["--base-url", &bench.tenant().base_url(), "--rate", "2000"])
        .args(arguments)
        .env("AUTH0_CLIENT_ID", "tester")
        .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret")
        .stdin(Stdio::piped());
    let mut child = spawn(&mut command);
    // A pipe has room for all of it, read or not.
    drop(child.stdin.take().unwrap().write_all(everything().as_bytes()));
    read(&child.wait_with_output().unwrap())
}

#[test]
fn of_a_pipe_only_what_does_not_depend_on_it_is_judged_and_that_is_said_once() {
    const ONCE: &str = "INPUT can be read only once, so only what does not depend on it is judged";
    let unready = Settings { mfa_policies: Vec::new(), clock_skew_s: 100, ..unready() };
    let bench = Bench::of(unready.clone());
    let done = pipe(&bench, &[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stdout.contains("clock_off: ") && !done.stdout.contains("factor_off"), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    let done = pipe(&bench, &["--accept", "clock_off"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.stderr.lines().filter(|line| line.contains(ONCE)).collect::<Vec<_>>();
    assert!(matches!(*lines, [line] if line.contains("WARN")), "{done:?}");
    assert!(done.stderr.contains("no_policy: no MFA policy is set"), "{done:?}");
    assert_eq!(bench.tenant().stats().questions, 2);
    // A token for nothing but an import has nothing to ask.
    let bench = Bench::of(Settings { scopes: USUAL.map(Into::into).to_vec(), ..unready });
    let done = pipe(&bench, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!done.stderr.contains("INPUT can be read only once"), "{done:?}");
}

#[test]
fn a_sample_that_nobody_was_asked_about_is_none() {
    let bench = Bench::of(Settings { scopes: vec![USUAL[0].to_owned()], ..ready() });
    bench.write("in.csv", everything());
    let report = preflight(&bench, &[]).json();
    assert_eq!((&report["sample"], &report["requests"]), (&Value::Null, &json!(0)), "{report}");
    let done = text(&bench, &[]);
    assert!(done.stdout.contains("no user looked up, 0 requests in all"), "{done:?}");
}

#[test]
fn clocks_that_are_a_minute_apart_stop_an_import_only_where_it_asks() {
    let behind = Settings { clock_skew_s: 100, ..ready() };
    let bench = Bench::of(behind.clone());
    bench.write("in.csv", everything());
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(3), "{done:?}");
    let summary = done.summary();
    assert_eq!(summary["code"], "preflight_stop", "{summary}");
    assert!(summary["error"].as_str().unwrap().contains("clock_off: "), "{summary}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    let done = run(bench.import("in.csv").args(["--accept", "clock_off"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let bench = Bench::of(Settings { scopes: USUAL.map(Into::into).to_vec(), ..behind });
    bench.write("in.csv", everything());
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
}

#[test]
fn a_ready_token_that_ends_before_an_import_would_stops_it() {
    let token = |scope: &str| {
        let ends = jiff::Timestamp::now().as_second() + 90;
        let claims = json!({"exp": ends, "scope": scope}).to_string();
        format!("e30.{}.x", data_encoding::BASE64URL_NOPAD.encode(claims.as_bytes()))
    };
    let scopes = format!("{} read:mfa_policies", USUAL.join(" "));
    let (asks, usual) = (token(&scopes), token(&USUAL.join(" ")));
    let static_tokens = vec![asks.clone().into(), usual.clone().into()];
    let bench = Bench::of(Settings { static_tokens, ..ready() });
    let mut csv = String::from("user_id,type,email\n");
    for user in 0..100 {
        csv += &format!("auth0|{user},email,a@example.com\n");
    }
    let import = |input: &str, token: &str, more: &[&str]| {
        let mut command = bench.import(input);
        command.env_remove("AUTH0_CLIENT_ID").env_remove("AUTH0_CLIENT_SECRET");
        run(command.env("AUTH0_API_TOKEN", token).args(more))
    };
    bench.write("in.csv", &csv);
    let slow = ["--rate", "0.5"];
    let done = import("in.csv", &asks, &slow);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stdout.contains("token_short: the ready token ends in"), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    // What --max-duration ends before is not stopped, nor what is quick enough, nor who asks
    // nothing.
    let brief = import("in.csv", &asks, &["--rate", "0.5", "--max-duration", "1s"]);
    assert_eq!(brief.code, Some(5), "{brief:?}");
    let quiet = import("in.csv", &usual, &["--rate", "0.5", "--max-duration", "1s"]);
    assert_eq!(quiet.code, Some(5), "{quiet:?}");
    assert_eq!(import("in.csv", &asks, &[]).code, Some(0));
    // Only what is left to send takes time.
    bench.write("in.csv", csv + "auth0|more,email,a@example.com\n");
    let done = import("in.csv", &asks, &slow);
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn a_preflight_that_is_stopped_says_so() {
    side_by_side(&["json", "text"], |output| {
        let bench = Bench::of(ready());
        bench.write("in.csv", everything());
        let mut command = bench.command("preflight");
        command.args(["in.csv", "--rate", "4", "--output", output]);
        let child = spawn(&mut command);
        until("it asks", || bench.tenant().arrivals().len() > 1);
        signal(&child, "-INT");
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(5), "{done:?}");
        if output == "json" {
            let report = done.json();
            assert_eq!(report["schema"], "mfaferry/preflight/1");
            assert_eq!((&report["status"], &report["ready"]), (&json!("stopped"), &json!(false)));
        } else {
            let said = "Stopped before the end: nothing was changed; run it again\n";
            assert_eq!(done.stdout, said);
        }
        assert_eq!(preflight(&bench, &[]).json()["status"], "complete");
    });
}

#[test]
fn an_import_that_was_not_begun_names_the_commands_that_go_on() {
    let bench = Bench::of(unready());
    bench.write("in.csv", everything());
    let more = ["--accept", "no_policy", "--max-users", "3"];
    let done = run(bench.import("in.csv").args(more));
    assert_eq!(done.code, Some(3), "{done:?}");
    let line = |line: &Value| {
        let words = line.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        words.collect::<Vec<_>>().join(" ")
    };
    let base = bench.tenant().base_url();
    let next = done.summary()["next"].as_array().unwrap().clone();
    let next: Vec<_> = next.iter().map(line).collect();
    assert_eq!(next.len(), 2, "{next:?}");
    assert!(next[0].starts_with("mfaferry preflight in.csv ") && next[0].contains(&base));
    assert!(
        next[0].ends_with(" --accept no_policy") && !next[0].contains("--max-users"),
        "{next:?}"
    );
    assert!(next[1].starts_with("mfaferry import in.csv "), "{next:?}");
    assert!(next[1].ends_with(" --accept no_policy,factor_off"), "{next:?}");
    assert!(next[1].contains("--max-users 3"), "{next:?}");
    assert_eq!(next[1].matches("--accept").count(), 1, "{next:?}");
    let done = run(bench.import("in.csv").args(["--output", "text"]));
    let title = "Not begun, since the tenant is not ready for INPUT: 0 rows in";
    assert!(done.stdout.contains(title), "{done:?}");
    assert!(!done.stdout.contains("to resume"), "{done:?}");
    // Each works as it stands.
    for (line, code) in next.iter().zip([4, 5]) {
        let mut command = binary();
        command.current_dir(bench.folder.path()).args(line.split(' ').skip(1));
        command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
        let done = run(&mut command);
        assert_eq!(done.code, Some(code), "{line}: {done:?}");
    }
}

#[test]
fn at_a_terminal_the_questions_so_far_are_shown() {
    let bench = Bench::of(ready());
    bench.write("in.csv", everything());
    let mut command = Command::new("script");
    let line = format!(
        "{} preflight in.csv --base-url {} --rate 10 --sample 10",
        env!("CARGO_BIN_EXE_mfaferry"),
        bench.tenant().base_url()
    );
    command.current_dir(bench.folder.path()).args(["-qec", &line, "/dev/null"]);
    command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
    // Not every system has a program that makes a terminal.
    let Ok(output) = command.stdin(Stdio::null()).output() else { return };
    let done = read(&output);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains(" requests · "), "{done:?}");
    assert!(done.stdout.contains(" requests in all"), "{done:?}");
}
