//! `verify`: what the tenant holds of the input.

use std::time::Duration;

use mfaferry::sandbox::{
    Arrival, Channel, Fault, Kind, Limit, Method, Outage, OutageKind, Settings, Users, Verb,
};
use serde_json::{Value, json};

use crate::support::{Bench, Done, factors, read, run, signal, spawn, until};

impl Bench {
    pub(crate) fn verify(&self, input: &str, output: &str) -> std::process::Command {
        let mut command = crate::support::binary();
        command
            .current_dir(self.folder.path())
            .args(["verify", input, "--base-url", &self.tenant().base_url()])
            .args(["--timeout", "2s", "--rate", "2000", "--output", output])
            .env("AUTH0_CLIENT_ID", "tester")
            .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
        command
    }
}

fn lines(done: &Done) -> Vec<Value> {
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The summary adds up to the rows.
fn summary(done: &Done) -> Value {
    let summary = done.json();
    let count = |name: &str| summary[name].as_u64().unwrap_or_else(|| panic!("{name}"));
    let parts = [
        "duplicates",
        "present",
        "missing",
        "differs",
        "unverifiable",
        "unanswered",
        "rejected",
        "not_carried",
        "not_sampled",
    ];
    assert_eq!(count("rows"), parts.into_iter().map(count).sum::<u64>(), "{summary}");
    summary
}

fn parsed(faults: &str) -> Vec<Fault> {
    Fault::parse_list(faults).unwrap()
}

#[test]
fn after_an_import_everything_is_present_or_unverifiable_masked_or_not() {
    for masking in [true, false] {
        let bench = Bench::new(Settings { masking, ..Settings::default() });
        bench.write("in.csv", factors(300).0);
        assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
        let posts = bench.tenant().stats().requests(Verb::Post);
        let files = || std::fs::read_dir(bench.folder.path()).unwrap().count();
        let before = files();
        let done = run(bench.verify("in.csv", "json").arg("--extras"));
        assert_eq!(done.code, Some(0), "{done:?}");
        let summary = summary(&done);
        assert_eq!(
            (&summary["present"], &summary["unverifiable"], &summary["rows"], &summary["users"]),
            (&json!(200), &json!(100), &json!(300), &json!(100))
        );
        assert_eq!((&summary["extras"], &summary["status"]), (&json!(0), &json!("complete")));
        assert_eq!((&summary["sample"], &summary["throttled"]), (&Value::Null, &json!(0)));
        assert_eq!(bench.tenant().stats().requests(Verb::Post), posts, "only asks");
        let with_token = bench.tenant().stats().requests(Verb::Get) + 1;
        assert_eq!(with_token, summary["requests"]);
        assert_eq!(files(), before, "writes nothing");
    }
}

#[test]
fn what_was_imported_with_marked_names_is_found_under_those_put_back() {
    let bench = Bench::new(Settings::default());
    bench.write(
        "in.csv",
        "user_id,type,name,phone_number,totp_secret\n\
         auth0|1,totp,,,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
         auth0|1,totp,App,,KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU\n\
         auth0|1,phone,,+14155550101,\n",
    );
    assert_eq!(run(bench.import("in.csv").arg("--name-marker")).code, Some(0));
    let done = run(&mut bench.verify("in.csv", "json"));
    assert_eq!((done.code, &summary(&done)["unverifiable"]), (Some(0), &json!(2)), "{done:?}");
}

/// A tenant with something of everything, and the rows that ask for it.
fn mixed(settings: Settings) -> Bench {
    let bench = Bench::new(settings);
    let voice = Method { preferred: Some(Channel::Voice), ..phone("+14155550103") };
    bench.tenant().seed(
        "auth0|1",
        vec![
            phone("+14155550101"),
            phone("+14155550102").named("Home"),
            voice,
            Method::new(Kind::Totp, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").named("App"),
            Method::new(Kind::RecoveryCode, ""),
        ],
    );
    bench.tenant().seed("auth0|2", vec![Method::new(Kind::Email, "someone@example.com")]);
    bench.write(
        "in.csv",
        "user_id,type,name,phone_number,preferred_authentication_method,email,totp_secret\n\
         auth0|1,phone,,+1 415 555 0101,,,\n\
         auth0|1,phone,Work,+14155550102,,,\n\
         auth0|1,phone,,+14155550103,sms,,\n\
         auth0|1,phone,,CANARY7777,,,\n\
         auth0|1,totp,App,,,,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
         auth0|1,totp,Other,,,,KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU\n\
         auth0|1,phone,,+14155550101,,,\n\
         auth0|2,email,,,,someone@example.com,\n\
         auth0|gone,email,,,,a@example.com,\n",
    );
    bench
}

fn phone(number: &str) -> Method {
    Method::new(Kind::Phone, number)
}

#[test]
fn each_state_is_told_with_its_line_in_input_order() {
    for masking in [true, false] {
        let users = Users::AnyBut(vec!["gone".into()]);
        let bench = mixed(Settings { masking, users, ..Settings::default() });
        let done = run(bench.verify("in.csv", "jsonl").arg("--extras"));
        assert_eq!(done.code, Some(4), "{done:?}");
        let rows = lines(&done);
        let told: Vec<_> =
            rows.iter().map(|row| (row["line"].as_u64(), row["state"].as_str().unwrap())).collect();
        assert_eq!(
            told,
            [
                (Some(2), "present"),
                (Some(3), "differs"),
                (Some(4), "differs"),
                (Some(5), "rejected"),
                (Some(6), "unverifiable"),
                (Some(7), "missing"),
                (None, "extra"),
                (Some(9), "present"),
                (Some(10), "missing"),
            ]
        );
        assert_eq!(rows[1]["differs"], json!(["name"]));
        assert_eq!(rows[2]["differs"], json!(["preferred_authentication_method"]));
        assert_eq!(
            (&rows[3]["field"], &rows[3]["method_id"]),
            (&"phone_number".into(), &Value::Null)
        );
        assert_eq!((&rows[0]["user_id"], &rows[0]["type"]), (&"auth0|1".into(), &"phone".into()));
        assert_eq!(rows[6]["type"], "recovery-code");
        let held = bench.tenant().state();
        for (row, method) in [(0, 0), (1, 1), (2, 2), (4, 3), (6, 4)] {
            assert_eq!(rows[row]["method_id"], held["auth0|1"][method].id.as_str());
        }
        assert_eq!(bench.tenant().stats().requests(Verb::Get), 3, "one list a user");

        let text = run(bench.verify("in.csv", "text").args(["--extras", "-vv"]));
        assert_eq!(text.code, Some(4), "{text:?}");
        for part in [
            "rejected: line 5, phone_number: ",
            "missing: line 7, auth0|1, totp\n",
            "missing: line 10, auth0|gone, email\n",
            ": name\n",
            "extra: auth0|1, recovery-code, recovery-code|dev_",
            "Verified: 9 rows",
            "1  duplicate in the input",
        ] {
            assert!(text.stdout.contains(part), "{part}: {text:?}");
        }
        let json = run(&mut bench.verify("in.csv", "json"));
        let counts = summary(&json);
        assert_eq!((&counts["duplicates"], &counts["extras"]), (&json!(1), &Value::Null));
        for secret in ["CANARY", "5550102", "someone@", "JBSWY3DP", "KRSXG5CT"] {
            let all = [&done, &text, &json].map(|done| format!("{done:?}")).concat();
            assert!(!all.contains(secret), "{secret} in {all}");
        }
    }
}

#[test]
fn scattered_rows_cost_a_request_each_and_share_the_users_methods() {
    let bench =
        Bench::new(Settings { conflict: mfaferry::sandbox::Conflict::OFF, ..Settings::default() });
    let app = || Method::new(Kind::Totp, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    bench.tenant().seed("auth0|1", vec![app(), Method::new(Kind::Password, "")]);
    bench.tenant().seed("auth0|2", vec![app(), app()]);
    let csv = "user_id,type,totp_secret\n\
               auth0|1,totp,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
               auth0|2,totp,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
               auth0|1,totp,KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU\n\
               auth0|1,totp,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
               auth0|3,totp,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
               auth0|1,totp,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n";
    bench.write("in.csv", csv);
    // A file is read twice, standard input once: the verdicts are the same.
    let file = run(bench.verify("in.csv", "jsonl").arg("--extras"));
    let mut command = bench.verify("-", "jsonl");
    command.args(["--extras", "--format", "csv"]);
    let piped = run(command.stdin(std::fs::File::open(bench.path("in.csv")).unwrap()));
    for done in [&file, &piped] {
        assert_eq!(done.code, Some(4), "{done:?}");
        let rows = lines(done);
        let asked: Vec<_> = rows.iter().filter(|row| row["state"] != "extra").cloned().collect();
        let told =
            asked.iter().map(|row| (row["line"].as_u64().unwrap(), row["state"].as_str().unwrap()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [(2, "unverifiable"), (3, "unverifiable"), (4, "missing"), (6, "missing")]
        );
        let mut extras: Vec<_> = rows
            .iter()
            .filter(|row| row["state"] == "extra")
            .map(|row| (row["user_id"].as_str().unwrap(), row["type"].as_str().unwrap()))
            .collect();
        extras.sort_unstable();
        assert_eq!(extras, [("auth0|1", "password"), ("auth0|2", "totp")], "each once");
    }
    // Of user 1: two places with something new in them.
    assert_eq!(bench.tenant().stats().requests(Verb::Get), 2 * 4);
}

#[test]
fn a_sample_is_the_same_for_the_same_seed_and_states_what_it_proves() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(900).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let users = |seed: &str| {
        let done = run(bench.verify("in.csv", "jsonl").args(["--sample", "20%", "--seed", seed]));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains("with 95 % confidence at most"), "{done:?}");
        let rows = lines(&done);
        let mut users: Vec<_> =
            rows.iter().map(|row| row["user_id"].as_str().unwrap().to_owned()).collect();
        users.sort();
        users.dedup();
        assert_eq!(rows.len(), users.len() * 3, "all factors of each");
        users
    };
    let first = users("1");
    assert!((35..=85).contains(&first.len()), "{}", first.len());
    assert_eq!(first, users("1"));
    assert_ne!(first, users("2"));

    let done = run(bench.verify("in.csv", "json").args(["--sample", "20%"]));
    let counts = summary(&done);
    assert_eq!(counts["not_sampled"], 900 - 3 * first.len());
    let sample = &counts["sample"];
    assert_eq!((&sample["users"], &sample["percent"]), (&json!(first.len()), &json!(20.0)));
    assert_eq!((&sample["seed"], &sample["users_with_missing"]), (&json!(1), &json!(0)));
    let most = sample["missing_users_at_most"].as_f64().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let three = 3.0 / first.len() as f64;
    assert!((most - three).abs() < 1e-12, "the rule of three: {sample}");

    // With users who lack something the bound is another, and the exit code 4.
    let empty = Bench::new(Settings::default());
    empty.write("in.csv", factors(900).0);
    let done = run(empty.verify("in.csv", "json").args(["--sample", "20%"]));
    assert_eq!(
        (done.code, &summary(&done)["sample"]["missing_users_at_most"]),
        (Some(4), &1.0.into())
    );
    for bad in ["0%", "101%", "some"] {
        let done = run(bench.verify("in.csv", "json").args(["--sample", bad]));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("hint: "), "{done:?}");
    }
}

#[test]
fn faults_change_the_time_it_takes_and_not_the_verdicts() {
    let faults = [
        "503-before@get=20%",
        "close-before@get=20%",
        "429@get=5%",
        "429-bare@get=1%",
        "401@get=10%",
        "not-json@get=20%,cut@get=10%",
        "hang@get=4%,408-before@get=10%,502-html-before@get=10%",
        "503-before@token=60%",
    ];
    std::thread::scope(|scope| {
        for share in faults.chunks(4) {
            scope.spawn(move || share.iter().for_each(|faults| under(faults)));
        }
    });
}

fn under(faults: &str) {
    let bench = Bench::new(Settings { faults: parsed(faults), seed: 5, ..Settings::default() });
    let (csv, wanted, users) = factors(150);
    bench.write("in.csv", csv);
    // Every tenth is not there.
    for (number, (method, user)) in wanted.into_iter().zip(users).enumerate() {
        if number % 10 != 0 {
            let name = (number % 3 == 2).then(|| format!("App {number}"));
            bench.tenant().seed(&user, vec![Method { name, ..method }]);
        }
    }
    let patient = ["--timeout", "500ms", "--max-attempts", "12"];
    let done = run(bench.verify("in.csv", "jsonl").args(patient));
    assert_eq!(done.code, Some(4), "{faults}: {done:?}");
    let rows = lines(&done);
    let order: Vec<_> = rows.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(order, (2..152).collect::<Vec<_>>(), "{faults}: input order");
    for (number, row) in rows.iter().enumerate() {
        let expected = match number {
            _ if number % 10 == 0 => "missing",
            _ if number % 3 == 2 => "unverifiable",
            _ => "present",
        };
        assert_eq!(row["state"], expected, "{faults}: {row}");
    }
}

#[test]
fn the_limit_of_the_tenant_is_kept_to() {
    let limit = Limit::TokenBucket { rate: 100.0, burst: 20 };
    let bench = Bench::new(Settings { limit, latency_ms: (2, 6), ..Settings::default() });
    bench.write("in.csv", factors(200).0);
    let done = run(bench.verify("in.csv", "json").args(["--rate", "auto"]));
    let stats = bench.tenant().stats();
    assert_eq!(summary(&done)["throttled"], stats.throttled);
    assert!(stats.throttled <= 15, "{} throttled", stats.throttled);
    assert!(stats.most_in_flight <= 32);
}

#[test]
fn the_read_scope_is_enough_and_needed() {
    let scopes = |scope: &str| Settings { scopes: vec![scope.into()], ..Settings::default() };
    let bench = Bench::new(scopes("read:authentication_methods"));
    bench.write("in.csv", factors(30).0);
    let done = run(&mut bench.verify("in.csv", "json"));
    assert_eq!((done.code, &summary(&done)["missing"]), (Some(4), &json!(30)));
    let bench = Bench::new(scopes("create:authentication_methods"));
    bench.write("in.csv", factors(30).0);
    let done = run(&mut bench.verify("in.csv", "json"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("read:authentication_methods"), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Get), 0);
}

#[test]
fn a_signal_stops_it_with_5_and_what_was_answered_is_told() {
    let bench = Bench::new(Settings { latency_ms: (50, 100), ..Settings::default() });
    bench.write("in.csv", factors(600).0);
    for output in ["json", "jsonl"] {
        let before = bench.tenant().stats().requests(Verb::Get);
        let child = spawn(bench.verify("in.csv", output).args(["--concurrency", "4"]));
        until("some are asked", || bench.tenant().stats().requests(Verb::Get) > before + 20);
        signal(&child, "-INT");
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(5), "{done:?}");
        let told = if output == "json" {
            let summary = summary(&done);
            assert_eq!(summary["status"], "stopped");
            summary["rows"].as_u64().unwrap()
        } else {
            lines(&done).len() as u64
        };
        let asked = bench.tenant().stats().requests(Verb::Get) - before;
        assert_eq!(told, asked, "every answer is told");
        assert!((20..600).contains(&told), "{told}");
    }
}

#[test]
fn an_outage_is_waited_for_by_one_probe_at_a_time_and_a_long_one_stops_with_5() {
    let settings = Settings { latency_ms: (5, 10), ..Settings::default() };
    let bench = Bench::new(settings.clone());
    bench.write("in.csv", factors(300).0);
    let child = spawn(bench.verify("in.csv", "json").args(["--rate", "200"]));
    // The second health check comes a second after the first, and nothing in between.
    let is_second =
        |two: &[Arrival]| two[1].at.saturating_sub(two[0].at) > Duration::from_millis(700);
    bench.out_of_order(20, OutageKind::Refuse503, || {
        until("a second health check", || bench.tenant().arrivals().windows(2).any(is_second));
    });
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!((done.code, &summary(&done)["missing"]), (Some(4), &json!(300)), "{done:?}");
    let outages = bench.tenant().stats().outages;
    assert!((1..=60).contains(&outages), "{outages} requests into a sick tenant");

    let outages = vec![Outage { from_s: 0.3, to_s: 1e9, kind: OutageKind::Refuse503 }];
    let bench = Bench::new(Settings { outages, ..settings });
    bench.write("in.csv", factors(300).0);
    let done = run(bench.verify("in.csv", "json").args(["--rate", "200", "--max-outage", "1s"]));
    assert_eq!((done.code, &summary(&done)["status"]), (Some(5), &json!("stopped")), "{done:?}");
    assert!(done.stderr.contains("hint: "), "{done:?}");
}

#[test]
fn an_unreadable_file_stops_it_with_2_before_anything_is_asked() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,email\nauth0|1,email,a@example.com\nauth0|1,\"email,b\n");
    let done = run(&mut bench.verify("in.csv", "json"));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Token), 0);
    let done = run(&mut bench.verify("no-such.csv", "json"));
    assert_eq!(done.code, Some(2), "{done:?}");
}

#[test]
fn users_as_jsonl_and_the_samples_are_verified_too() {
    let bench = Bench::new(Settings::default());
    for name in ["users.jsonl", "factors.jsonl", "factors.csv"] {
        std::fs::copy(crate::support::samples().join(name), bench.path(name)).unwrap();
        let imported = run(bench.import(name).arg("--new-ledger")).summary();
        let done = run(&mut bench.verify(name, "json"));
        let counts = summary(&done);
        assert_eq!(counts["missing"], 0, "{name}: {counts}");
        for same in ["rows", "rejected", "duplicates"] {
            assert_eq!(counts[same], imported[same], "{name}: {same}");
        }
    }
}

#[test]
fn help_has_examples_and_only_flags_that_matter() {
    let help = run(crate::support::binary().args(["verify", "--help"])).stdout;
    for part in
        ["--sample", "--extras", "--max-outage", "Examples:", "[default: 1]", "unverifiable"]
    {
        assert!(help.contains(part), "{part}: {help}");
    }
    for part in ["--settle", "--max-errors", "--ledger"] {
        assert!(!help.contains(part), "{part}");
    }
}

#[test]
fn a_reader_that_has_gone_ends_it() {
    let bench = Bench::new(Settings { latency_ms: (20, 30), ..Settings::default() });
    bench.write("in.csv", factors(900).0);
    let mut child = spawn(bench.verify("in.csv", "jsonl").args(["--concurrency", "4"]));
    drop(child.stdout.take());
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(5), "{done:?}");
    assert!(bench.tenant().stats().requests(Verb::Get) < 100);
}
