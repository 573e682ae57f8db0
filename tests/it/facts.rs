//! Facts about a tenant: each decides something, and without them it is decided otherwise.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use mfaferry::sandbox::{Conflict, GuardianFactor, Kind, Method, Settings, Verb};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, run, signal, spawn};

/// A key that can verify a signature.
const KEY: &str = "pQECAyYgASFYIMxj177g0IdVFwVuq/kia+vUZIoHt03C/I24+z/9urcsIlgg4RjDUyohl/c82sbey201D9dJPbbeqZ3QuXfU8ydCatQ=";
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const OTHER: &str = "MZXW6YTBOJRGC6TLOB2XQZLSMZXW6YTB";

/// The summary of an import into a ledger of its own, with facts if there are any.
fn import(bench: &Bench, facts: Option<&str>, ledger: &str) -> Done {
    let mut command = bench.import("in.csv");
    command.args(["--ledger", ledger]);
    if let Some(facts) = facts {
        bench.write("facts.json", facts);
        command.args(["--tenant-facts", "facts.json"]);
    }
    run(&mut command)
}

/// State, code, method id and evidence of the only row of a ledger.
fn only(bench: &Bench, ledger: &str) -> (String, Value, Value, Value) {
    let rows = bench.rows(ledger);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    let state = row["state"].as_str().unwrap().to_owned();
    (state, row["code"].clone(), row["method_id"].clone(), row["how"].clone())
}

/// The row of a TOTP that the tenant calls a conflict: without facts, and with them.
fn totp(settings: Settings, held: &[Method], facts: &str) -> [(String, Value, Value, Value); 2] {
    let bench = Bench::new(settings);
    bench.tenant().seed("auth0|1", held.to_vec());
    bench.write("in.csv", format!("user_id,type,name,totp_secret\nauth0|1,totp,Mine,{SECRET}\n"));
    for (facts, ledger) in [(None, "a.ledger"), (Some(facts), "b.ledger")] {
        let done = import(&bench, facts, ledger);
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
    }
    assert_eq!(bench.tenant().stats().created, 0);
    ["a.ledger", "b.ledger"].map(|ledger| only(&bench, ledger))
}

fn held(secret: &str, name: &str) -> Method {
    Method { id: format!("totp|dev_{name}"), ..Method::new(Kind::Totp, secret).named(name) }
}

#[test]
fn a_conflict_of_the_type_proves_nothing_about_the_value() {
    let facts = r#"{"conflict": {"second_of_type": ["totp"]}}"#;
    let settings = || {
        let second_of_type = [mfaferry::model::FactorType::Totp].into();
        let conflict = Conflict { second_of_type, ..Conflict::OFF };
        Settings { conflict, ..Settings::default() }
    };
    // Another secret under the same name: nobody can tell that it is another.
    let [without, with] = totp(settings(), &[held(OTHER, "Mine")], facts);
    assert_eq!((&*without.0, &without.3), ("already_present", &json!("consistent")));
    assert_eq!((&*with.0, &with.1), ("needs_review", &json!("second_of_type")));
    assert_eq!(with.2, Value::Null);
    // Nothing like it: the reason is known now.
    let [without, with] = totp(settings(), &[held(OTHER, "Theirs")], facts);
    assert_eq!((&*without.0, &without.1), ("rejected", &json!("conflict")));
    assert_eq!((&*with.0, &with.1), ("rejected", &json!("second_of_type")));
}

#[test]
fn a_conflict_of_the_value_proves_that_it_is_there_under_whatever_name() {
    for (name, facts) in [
        ("all", r#"{"conflict": "same_value"}"#),
        ("one", r#"{"conflict": {"same": ["totp_secret"]}}"#),
    ] {
        let [without, with] = totp(Settings::default(), &[held(SECRET, "Theirs")], facts);
        assert_eq!((&*without.0, &without.1), ("rejected", &json!("conflict")), "{name}");
        assert_eq!((&*with.0, &with.1), ("already_present", &Value::Null), "{name}");
        assert_eq!((&with.2, &with.3), (&json!("totp|dev_Theirs"), &json!("response")), "{name}");
    }
    // Of several it is not known which.
    let both = [held(OTHER, "A"), held(SECRET, "B")];
    let [_, with] = totp(Settings::default(), &both, r#"{"conflict": "same_value"}"#);
    assert_eq!((&*with.0, &with.2), ("already_present", &Value::Null));
    // A rule that does not explain the conflict proves nothing.
    let [_, with] = totp(
        Settings::default(),
        &[held(SECRET, "Theirs")],
        r#"{"conflict": {"same": ["email"]}}"#,
    );
    assert_eq!((&*with.0, &with.1), ("rejected", &json!("conflict")));
}

#[test]
fn a_masked_number_that_fits_is_no_proof_where_any_second_phone_is_a_conflict() {
    let second_of_type = [mfaferry::model::FactorType::Phone].into();
    let conflict = Conflict { second_of_type, ..Conflict::OFF };
    for (masking, held, expect) in [
        (true, "+14155550999", ("needs_review", json!("second_of_type"))),
        (false, "+14155550999", ("already_present", Value::Null)),
        (false, "+14155510999", ("rejected", json!("second_of_type"))),
    ] {
        let settings = Settings { conflict: conflict.clone(), masking, ..Settings::default() };
        let bench = Bench::new(settings);
        bench.tenant().seed("auth0|1", vec![Method::new(Kind::Phone, held)]);
        bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550999\n");
        import(&bench, Some(r#"{"conflict": {"second_of_type": ["phone"]}}"#), "l.ledger");
        let (state, code, ..) = only(&bench, "l.ledger");
        assert_eq!((&*state, code), expect, "{masking} {held}");
    }
}

#[test]
fn the_settle_time_fits_the_delay_of_lists() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@b.test\n");
    bench.write("facts.json", r#"{"list_delay_ms": 90000}"#);
    let facts = ["--tenant-facts", "facts.json"];
    // The last one given holds.
    let too_short = run(bench.import("in.csv").args(facts));
    assert_eq!(too_short.code, Some(2), "{too_short:?}");
    assert!(too_short.stderr.contains("--settle is 0.2 s"), "{}", too_short.stderr);
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    let patient = || {
        let mut command = bench.command("import");
        command.env_remove("MFAFERRY_SETTLE").arg("in.csv").args(facts);
        run(&mut command)
    };
    let raised = patient();
    assert_eq!(raised.code, Some(0), "{raised:?}");
    assert!(raised.stderr.contains("waiting 3 min 0 s before a list counts"), "{}", raised.stderr);
    let long = run(bench.import("in.csv").args(facts).args(["--settle", "4m"]));
    assert!(long.code == Some(0) && !long.stderr.contains("waiting"), "{long:?}");
    // The default is long enough for most.
    bench.write("facts.json", r#"{"list_delay_ms": 900}"#);
    let usual = patient();
    assert!(usual.code == Some(0) && !usual.stderr.contains("waiting"), "{usual:?}");
}

#[test]
fn a_conflict_waits_until_the_list_can_show_it() {
    let bench = Bench::new(Settings { list_delay_ms: 1500, ..Settings::default() });
    let states = [None, Some(r#"{"list_delay_ms": 1500}"#)].map(|facts| {
        let user = if facts.is_some() { "auth0|2" } else { "auth0|1" };
        bench.write("in.csv", format!("user_id,type,email\n{user},email,a@b.test\n"));
        let settle = ["--settle", "3s"];
        let first =
            run(bench.import("in.csv").args(settle).args(["--ledger", &format!("{user}1")]));
        assert_eq!(first.code, Some(0), "{first:?}");
        let mut again = bench.import("in.csv");
        again.args(settle).args(["--ledger", &format!("{user}2")]);
        if let Some(facts) = facts {
            bench.write("facts.json", facts);
            again.args(["--tenant-facts", "facts.json"]);
        }
        run(&mut again);
        only(&bench, &format!("{user}2")).0
    });
    assert_eq!(states, ["rejected", "already_present"]);
    assert_eq!(bench.tenant().stats().created, 2);
}

#[test]
fn pages_are_asked_for_no_larger_than_the_tenant_gives() {
    let bench = Bench::new(Settings { page_size_cap: 20, ..Settings::default() });
    bench.tenant().seed("auth0|1", vec![Method::new(Kind::Email, "a@b.test")]);
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@b.test\n");
    bench.write("facts.json", r#"{"page_size_cap": 20}"#);
    let verify = |more: &[&str]| run(bench.command("verify").arg("in.csv").args(more)).json();
    let (without, with) = (verify(&[]), verify(&["--tenant-facts", "facts.json"]));
    assert_eq!((&without["unanswered"], &with["unanswered"]), (&json!(1), &json!(0)), "{without}");
}

#[test]
fn the_refusal_of_one_too_many_is_about_one_user_in_whatever_words() {
    let cap_refusal = r#"{"status": 403, "error_code": "enough", "message": "That will do."}"#;
    let settings = || Settings {
        cap_per_user: Some(1),
        cap_refusal: serde_json::from_str(cap_refusal).unwrap(),
        ..Settings::default()
    };
    let facts = format!(r#"{{"cap_refusal": {cap_refusal}}}"#);
    for (facts, expect) in [(None, (3, "forbidden")), (Some(facts.as_str()), (4, "entity_limit"))] {
        let bench = Bench::new(settings());
        let mut csv = "user_id,type,email\n".to_owned();
        for user in 0..200 {
            bench
                .tenant()
                .seed(&format!("auth0|{user}"), vec![Method::new(Kind::Email, "x@b.test")]);
            csv += &format!("auth0|{user},email,a{user}@b.test\n");
        }
        bench.write("in.csv", csv);
        let done = import(&bench, facts, "l.ledger");
        let rows = bench.rows("l.ledger");
        let is_refused = |row: &&Value| row["code"] == expect.1;
        let refused = rows.iter().filter(is_refused).count();
        assert_eq!((done.code, refused >= 20), (Some(expect.0), true), "{done:?}");
        assert_eq!(
            refused == 200,
            facts.is_some(),
            "without facts, 20 alike stop the run: {refused}"
        );
    }
}

#[test]
fn a_passkey_is_sent_without_a_relying_party_where_the_tenant_takes_none() {
    let bench = Bench::new(Settings { passkey_relying_party: false, ..Settings::default() });
    let id = data_encoding::BASE64URL_NOPAD.encode(b"a passkey of sixteen bytes and more");
    bench.write(
        "in.csv",
        format!(
            "user_id,type,key_id,public_key,relying_party_identifier\n\
             auth0|1,passkey,{id},{KEY},example.com\n"
        ),
    );
    import(&bench, None, "a.ledger");
    assert_eq!(only(&bench, "a.ledger").0, "rejected");
    let done = import(&bench, Some(r#"{"passkey_relying_party": false}"#), "b.ledger");
    assert_eq!((done.code, only(&bench, "b.ledger").0.as_str()), (Some(0), "created"), "{done:?}");
}

/// Findings of `preflight` with and without facts: code and message.
fn preflight(bench: &Bench, facts: Option<&str>) -> Vec<(String, String, String, u64)> {
    let mut command = bench.command("preflight");
    command.arg("in.csv");
    if let Some(facts) = facts {
        bench.write("facts.json", facts);
        command.args(["--tenant-facts", "facts.json"]);
    }
    let report = run(&mut command).json();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .map(|one| {
            let rows = one["rows"].as_u64().unwrap_or_default();
            (text(&one["code"]), text(&one["severity"]), text(&one["message"]), rows)
        })
        .collect()
}

#[test]
fn preflight_counts_the_rows_above_the_known_cap() {
    let bench = Bench::of(Settings { masking: false, ..Settings::default() });
    let mut csv = "user_id,type,phone_number\n".to_owned();
    for (user, phones) in [(1, 1), (2, 2), (3, 5)] {
        for phone in 0..phones {
            csv += &format!("auth0|{user},phone,+1415555{user}0{phone}0\n");
        }
    }
    // Each type has a cap of its own.
    bench.write(
        "in.csv",
        csv.replace("phone_number", "phone_number,email").replace("0\n", "0,\n")
            + "auth0|1,email,,a@b.test\n",
    );
    assert_eq!(preflight(&bench, None), []);
    let found = preflight(&bench, Some(r#"{"cap_per_user": 2}"#));
    let [(code, severity, message, rows)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&**code, &**severity, *rows), ("many_per_user", "warn", 3));
    assert!(
        message.starts_with("3 rows of 1 user would be rejected (`entity_limit`)"),
        "{message}"
    );
    assert_eq!(preflight(&bench, Some(r#"{"cap_per_user": 5}"#)), []);
    // A second one of these is refused whatever it holds: 1 row of a user of 2, 4 of a user of 5.
    for (facts, rows) in [
        (r#"{"conflict": {"second_of_type": ["phone"]}}"#, 5),
        (r#"{"conflict": {"second_of_type": ["phone"]}, "cap_per_user": 5}"#, 5),
        (r#"{"conflict": {"second_of_type": ["email"]}, "cap_per_user": 2}"#, 3),
    ] {
        let found = preflight(&bench, Some(facts));
        let [(code, severity, _, found)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&**code, &**severity, *found), ("many_per_user", "warn", rows), "{facts}");
    }
}

#[test]
fn preflight_names_the_fields_that_passkeys_lack() {
    let bench = Bench::of(Settings { masking: false, ..Settings::default() });
    let mut csv = "user_id,type,key_id,public_key,aaguid,transports\n".to_owned();
    for (user, aaguid, transports) in
        [(1, "", ""), (2, "00000000-0000-0000-0000-00000000000a", "usb"), (3, "", "usb")]
    {
        let id = format!("a passkey of sixteen bytes and more: {user}");
        let id = data_encoding::BASE64URL_NOPAD.encode(id.as_bytes());
        csv += &format!("auth0|{user},passkey,{id},{KEY},{aaguid},{transports}\n");
    }
    bench.write("in.csv", csv);
    let about = |facts| {
        let found = preflight(&bench, facts);
        found.into_iter().find(|one| one.0 == "passkey_fields").map(|one| (one.1, one.2, one.3))
    };
    assert_eq!(about(None), None);
    assert_eq!(about(Some(r#"{"passkey_required": ["key_id", "public_key"]}"#)), None);
    let required = r#"{"passkey_required": ["key_id", "aaguid", "transports"]}"#;
    let (severity, message, rows) = about(Some(required)).unwrap();
    assert_eq!((&*severity, rows), ("warn", 2));
    assert!(message.contains("(aaguid, transports; --tenant-facts)"), "{message}");
}

#[test]
fn preflight_knows_what_the_token_may_not_ask() {
    let scopes = |without: &str| {
        let all = mfaferry::sandbox::ALL_SCOPES.into_iter().filter(|scope| *scope != without);
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let bench =
        Bench::new(Settings { scopes: scopes("read:tenant_settings"), ..Settings::default() });
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let severity = |facts| {
        let found = preflight(&bench, facts);
        found.iter().find(|one| one.0 == "lists_masked").map(|one| one.1.clone())
    };
    assert_eq!(severity(None).as_deref(), Some("unknown"));
    assert_eq!(severity(Some(r#"{"masking": true}"#)).as_deref(), Some("note"));
    assert_eq!(severity(Some(r#"{"masking": false}"#)), None);
    // What the tenant itself says comes first.
    let asked = Bench::of(Settings::default());
    asked.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let found = preflight(&asked, Some(r#"{"masking": false}"#));
    assert!(found.iter().any(|one| one.0 == "lists_masked" && one.1 == "note"), "{found:?}");
}

#[test]
fn preflight_says_that_a_factor_that_is_off_is_refused() {
    let mut settings = Settings { masking: false, ..Settings::default() };
    settings.guardian_factors.insert(GuardianFactor::Email, false);
    let bench = Bench::of(settings);
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@b.test\n");
    for (facts, says) in [
        (None, false),
        (Some(r#"{"refuses_disabled_factor": false}"#), false),
        (Some(r#"{"refuses_disabled_factor": true}"#), true),
    ] {
        let found = preflight(&bench, facts);
        let off = found.iter().find(|one| one.0 == "factor_off").unwrap();
        assert_eq!((&*off.1, off.2.contains("refuses to create")), ("stop", says), "{facts:?}");
    }
}

#[test]
fn facts_come_from_a_flag_the_environment_or_the_file_and_say_whose_they_are() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@b.test\n");
    bench.write("bad.json", "{\n\"conflict\": \"CANARYvalue\"}");
    let base = bench.tenant().base_url();
    for (of, warns) in [("https://test.example.auth0.com", true), (&*base, false)] {
        let text = json!({"schema": "mfaferry/probe/1", "tenant": of, "facts": {}});
        bench.write("probe.json", text.to_string());
        let done = run(bench.import("in.csv").args(["--tenant-facts", "probe.json"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        let said = done.stderr.contains("are those of https://test.example.auth0.com");
        assert_eq!(said, warns, "{}", done.stderr);
    }
    let refused = |done: Done| {
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(
            done.stderr.contains("`bad.json` holds no facts about a tenant: line 2"),
            "{done:?}"
        );
        assert!(done.stderr.contains("`conflict` has no such value"), "{done:?}");
        assert!(!done.stderr.contains("CANARY"), "{done:?}");
    };
    for command in ["import", "verify", "preflight"] {
        refused(run(bench.command(command).args(["in.csv", "--tenant-facts", "bad.json"])));
    }
    refused(run(bench.import("in.csv").env("MFAFERRY_TENANT_FACTS", "bad.json")));
    bench.write("mfaferry.toml", "tenant_facts = \"bad.json\"\n");
    refused(run(&mut bench.import("in.csv")));
    let nearer = run(bench.import("in.csv").args(["--tenant-facts", "probe.json"]));
    assert_eq!(nearer.code, Some(0), "{nearer:?}");
    for (path, code) in [("missing.json", 2), (".", 2), ("/dev/null", 2)] {
        let done = run(bench.import("in.csv").args(["--tenant-facts", path]));
        assert_eq!(done.code, Some(code), "{path}: {done:?}");
    }
}

#[test]
fn the_simulated_tenant_behaves_as_the_probed_one() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@b.test\nauth0|1,email,b@b.test\n");
    let facts = json!({"schema": "mfaferry/probe/1", "tenant": "t.example", "probed_at": "2026-11-29",
        "facts": {"cap_per_user": 1}, "questions": [{"id": "cap"}], "left_behind": []});
    bench.write("probe.json", facts.to_string());
    let state = |done: &Done| done.json()["rejected"].clone();
    let mut built_in = binary();
    built_in.current_dir(bench.folder.path()).args(["import", "in.csv", "--output", "json"]);
    built_in.args(["--sandbox", "--accept", "email_only,no_policy"]);
    assert_eq!(state(&run(&mut built_in)), 0);
    assert_eq!(state(&run(built_in.args(["--tenant-facts", "probe.json"]))), 1);
    // Served to another process.
    let mut serve = binary();
    serve.current_dir(bench.folder.path()).args(["sandbox", "--port", "0"]);
    serve.args(["--settings", "probe.json"]).stdout(Stdio::piped());
    let mut child = spawn(&mut serve);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.split([' ', ';']).find(|word| word.starts_with("http")).unwrap();
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(["import", "in.csv", "--output", "json"]);
    command.args(["--base-url", url, "--rate", "2000"]);
    command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "any");
    let done = run(&mut command);
    signal(&child, "-TERM");
    child.wait().unwrap();
    assert_eq!(state(&done), 1, "{done:?}");
}
