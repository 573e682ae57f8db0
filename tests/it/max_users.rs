//! The canary: `--max-users`, and the commands that a summary names next.

use std::{collections::BTreeSet, io::Write, process::Stdio};

use mfaferry::sandbox::{Fault, Settings, Verb};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, factors, read, run, samples, signal, spawn, until};

/// Users that the tenant holds something of.
fn held(bench: &Bench) -> BTreeSet<String> {
    let state = bench.tenant().state();
    state.into_iter().filter(|(_, methods)| !methods.is_empty()).map(|(user, _)| user).collect()
}

fn users(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    numbers.map(|number| format!("auth0|user{number}")).collect()
}

fn canary(bench: &Bench, input: &str, most: &str) -> Done {
    run(bench.import(input).args(["--max-users", most]))
}

/// Runs a command that a summary names, as it stands.
pub(crate) fn follow(bench: &Bench, command: &Value) -> Done {
    let words: Vec<_> = command.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(words[0], "mfaferry");
    let mut follows = binary();
    follows.current_dir(bench.folder.path()).args(&words[1..]);
    run(follows.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret"))
}

#[test]
fn the_first_users_are_imported_whole_and_only_without_the_flag_does_it_go_on() {
    let bench = Bench::new(Settings::default());
    let (csv, wanted, owners) = factors(300);
    bench.write("in.csv", csv);
    let first = canary(&bench, "in.csv", "10");
    assert_eq!(first.code, Some(5), "{first:?}");
    let summary = first.summary();
    assert_eq!(summary["status"], "stopped");
    assert_eq!((&summary["rows"], &summary["created"]), (&json!(30), &json!(30)));
    assert_eq!(held(&bench), users(0..10));
    // Of everybody else the ledger has nothing.
    assert_eq!(bench.states("in.csv.ledger"), [("created".to_owned(), 30)].into());

    let before = bench.tenant().stats().requests;
    let again = canary(&bench, "in.csv", "10");
    assert_eq!((again.code, &again.summary()["skipped"]), (Some(5), &json!(30)), "{again:?}");
    assert_eq!(bench.tenant().stats().requests, before, "the same command again sends nothing");

    let wider = canary(&bench, "in.csv", "12");
    assert_eq!((wider.code, &wider.summary()["created"]), (Some(5), &json!(6)), "{wider:?}");
    assert_eq!(held(&bench), users(0..12));

    let rest = run(&mut bench.import("in.csv"));
    assert_eq!((rest.code, &rest.summary()["created"]), (Some(0), &json!(264)), "{rest:?}");
    bench.audit("in.csv.ledger", &wanted, &owners);
}

#[test]
fn an_input_with_no_more_users_than_that_is_imported_to_its_end() {
    for most in ["20", "21", "4000000000"] {
        let bench = Bench::new(Settings::default());
        bench.write("in.csv", factors(60).0);
        let done = canary(&bench, "in.csv", most);
        assert_eq!(
            (done.code, &done.summary()["status"]),
            (Some(0), &json!("complete")),
            "{done:?}"
        );
        assert_eq!(held(&bench), users(0..20));
    }
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,1\n,phone,+14155550100\n");
    let done = canary(&bench, "in.csv", "1");
    assert_eq!((done.code, &done.summary()["rejected"]), (Some(4), &json!(2)), "{done:?}");
}

#[test]
fn nobody_and_nonsense_are_no_number_of_users() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    for command in ["import", "verify"] {
        for most in ["0", "-1", "5%", "all", ""] {
            let flag = format!("--max-users={most}");
            let done = run(bench.command(command).args(["in.csv", &flag]));
            assert_eq!(done.code, Some(2), "{done:?}");
            assert!(done.stderr.contains("give a number of users, 1 or more"), "{done:?}");
        }
    }
    assert_eq!(bench.tenant().stats().requests.values().sum::<u64>(), 0);
}

/// Users count by their rows alone, good or bad, so that a mended input has the same first users.
#[test]
fn rows_of_others_are_no_part_of_the_run_bad_ones_neither() {
    let bench = Bench::new(Settings::default());
    let header = "user_id,type,phone_number\n";
    let bad = "auth0|user0,phone,1\n,phone,+14155550100\nauth0|user1,phone,+14155550101\n\
               auth0|user2,phone,1\nauth0|user3,phone,+14155550103\nauth0|user0,phone,+14155550104\n\
               ,phone,+14155550105\n";
    bench.write("in.csv", format!("{header}{bad}"));
    let done = canary(&bench, "in.csv", "2");
    assert_eq!(done.code, Some(5), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["rejected"]), (&json!(2), &json!(2)), "{summary}");
    let lines = |bench: &Bench| -> BTreeSet<u64> {
        bench.rows("in.csv.ledger").iter().map(|row| row["line"].as_u64().unwrap()).collect()
    };
    assert_eq!(lines(&bench), [2, 3, 4, 7].into());
    let all = run(&mut bench.import("in.csv"));
    assert_eq!((all.code, &all.summary()["rejected"]), (Some(4), &json!(4)), "{all:?}");
    // What a canary does not meet has not left the file: its rejection stays.
    assert_eq!(canary(&bench, "in.csv", "2").code, Some(5));
    assert_eq!(lines(&bench), (2..=8).collect());
}

#[test]
fn a_canary_that_is_killed_goes_on_with_the_same_users() {
    let bench = Bench::new(Settings {
        latency_ms: (20, 40),
        faults: Fault::parse_list("503-after=10%,close-after=10%").unwrap(),
        ..Settings::default()
    });
    let (csv, wanted, owners) = factors(600);
    bench.write("in.csv", csv);
    for kill in 1..=3 {
        let mut command = bench.import("in.csv");
        let mut child = spawn(command.args(["--max-users", "50", "--rate", "200"]));
        until("some are created", || bench.tenant().stats().created > kill * 20);
        signal(&child, "-KILL");
        child.wait().unwrap();
    }
    bench.quiet();
    let done = canary(&bench, "in.csv", "50");
    assert_eq!(done.code, Some(5), "{done:?}");
    assert_eq!(done.summary()["in_flight"], 0, "{done:?}");
    assert_eq!(held(&bench), users(0..50));
    let first: Vec<_> = (0..600).filter(|row| row % 200 < 50).collect();
    let of_first = |row: &usize| (wanted[*row].clone(), owners[*row].clone());
    let (wanted, owners): (Vec<_>, Vec<_>) = first.iter().map(of_first).unzip();
    bench.audit("in.csv.ledger", &wanted, &owners);
}

/// Everybody is in doubt once; the last list that confirms them is due at the end of a canary, too.
#[test]
fn what_was_in_doubt_is_checked_at_the_end_of_a_canary_as_of_any_run() {
    let requests = |is_canary: bool| {
        let faults = Fault::parse_list("503-after=100%x4").unwrap();
        let bench = Bench::new(Settings { faults, ..Settings::default() });
        let csv = factors(30).0;
        let of_first = |line: &&str| {
            ["user_id", "auth0|user0,", "auth0|user1,"].iter().any(|it| line.starts_with(it))
        };
        let alone: Vec<_> = csv.lines().filter(of_first).collect();
        bench.write("in.csv", if is_canary { csv.clone() } else { alone.join("\n") + "\n" });
        let mut command = bench.import("in.csv");
        command.args(["--concurrency", "1"]);
        if is_canary {
            command.args(["--max-users", "2"]);
        }
        let done = run(&mut command);
        assert_eq!(done.summary()["created"], 6, "{done:?}");
        bench.tenant().stats().requests
    };
    let (canary, alone) = (requests(true), requests(false));
    assert_eq!(canary, alone);
    assert!(canary["GET"] >= 6, "{canary:?}");
}

#[test]
fn rows_of_others_that_an_earlier_run_left_in_doubt_stay_so_until_their_own_run() {
    let bench = Bench::new(Settings { latency_ms: (300, 300), ..Settings::default() });
    let (csv, wanted, owners) = factors(60);
    bench.write("in.csv", csv);
    let mut child = spawn(bench.import("in.csv").args(["--concurrency", "20"]));
    until("all are asked for", || bench.tenant().stats().requests(Verb::Post) >= 20);
    signal(&child, "-KILL");
    child.wait().unwrap();
    bench.quiet();
    let left = bench.states("in.csv.ledger")["in_flight"];
    assert!(left >= 15, "{left}");

    let done = canary(&bench, "in.csv", "5");
    assert_eq!(done.code, Some(5), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["in_flight"]), (&json!(15), &json!(0)), "{done:?}");
    let left = summary["ledger_totals"]["in_flight"].as_u64().unwrap();
    assert!(left >= 10, "those of others are still to be looked up: {done:?}");
    let asked = bench.tenant().arrivals().into_iter().filter(|it| it.verb == Verb::Get);
    let asked: BTreeSet<_> = asked.map(|it| it.user_id).collect();
    assert!(asked.is_subset(&users(0..5)), "{asked:?}");

    let rest = run(&mut bench.import("in.csv"));
    assert_eq!(rest.code, Some(0), "{rest:?}");
    bench.audit("in.csv.ledger", &wanted, &owners);
}

#[test]
fn a_pipe_several_files_and_lines_of_users_have_first_users_too() {
    let bench = Bench::new(Settings::default());
    let mut command = bench.command("import");
    command.args(["-", "--format", "csv", "--ledger", "pipe.ledger", "--max-users", "3"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(factors(30).0.as_bytes()).unwrap();
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!((done.code, &done.summary()["rows"]), (Some(5), &json!(9)), "{done:?}");
    assert_eq!(held(&bench), users(0..3));

    let bench = Bench::new(Settings::default());
    let phone = |user: usize, last: usize| {
        format!(
            "{{\"user_id\":\"auth0|user{user}\",\"type\":\"phone\",\"phone_number\":\"+1415555{last:04}\"}}\n"
        )
    };
    bench.write("a.jsonl", phone(0, 0) + &phone(1, 1));
    let several = "{\"user_id\":\"auth0|user1\",\"authentication_methods\":[\
                   {\"type\":\"phone\",\"phone_number\":\"+14155557001\"},\
                   {\"type\":\"email\",\"email\":\"x@example.com\"}]}\n";
    bench.write("b.jsonl", several.to_owned() + &phone(2, 2) + &phone(3, 3) + &phone(0, 4));
    let done = run(bench.import("a.jsonl").args(["b.jsonl", "--ledger", "l", "--max-users", "2"]));
    assert_eq!((done.code, &done.summary()["created"]), (Some(5), &json!(5)), "{done:?}");
    assert_eq!(held(&bench), users(0..2));
}

#[test]
fn the_first_people_of_another_systems_export_are_taken_and_verified() {
    let bench = Bench::new(Settings::default());
    bench.write("realm.json", std::fs::read(samples().join("sources/keycloak.json")).unwrap());
    let source = ["--from", "keycloak", "--user-id", "auth0|{id}", "--rp-id", "login.example.org"];
    let done = run(bench.import("realm.json").args(source).args(["--max-users", "1"]));
    assert_eq!(done.code, Some(5), "{done:?}");
    assert_eq!(held(&bench).len(), 1);
    let summary = done.summary();
    let verified = follow(&bench, &summary["next"][0]);
    assert!(matches!(verified.code, Some(0 | 4)), "{verified:?}");
    let found = verified.json();
    assert_eq!((&found["users"], &found["missing"]), (&json!(1), &json!(0)), "{verified:?}");
    assert_eq!(found["rows"], summary["rows"], "the same rows");
    let rest = follow(&bench, &summary["next"][1]);
    assert!(held(&bench).len() > 1, "{rest:?}");
    assert_eq!(rest.summary()["status"], "complete");
}

#[test]
fn a_canary_names_verify_and_then_the_import_and_both_work_as_they_stand() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(90).0.replace("totp_secret", "otp"));
    let map = ["--map", "totp_secret=otp", "--retry", "failed,rejected", "-v"];
    let done = run(bench.import("in.csv").args(map).args(["--max-users", "7", "--skip-existing"]));
    assert_eq!(done.code, Some(5), "{done:?}");
    let summary = done.summary();
    assert_eq!(summary["schema"], "mfaferry/summary/1");
    let next = summary["next"].as_array().unwrap();
    let names: Vec<_> = next.iter().map(|command| &command[1]).collect();
    assert_eq!(names, ["verify", "import"]);
    assert!(!done.stdout.contains("CANARY"), "{done:?}");

    let lists = bench.tenant().stats().requests(Verb::Get);
    let verified = follow(&bench, &next[0]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let found = verified.json();
    assert_eq!((&found["rows"], &found["users"]), (&json!(21), &json!(7)), "{verified:?}");
    let asked = bench.tenant().stats().requests(Verb::Get) - lists;
    assert_eq!(asked, 21, "nobody else is asked about: their rows stand apart");

    let rest = follow(&bench, &next[1]);
    assert_eq!((rest.code, &rest.summary()["created"]), (Some(0), &json!(69)), "{rest:?}");
    let summary = rest.summary();
    assert_eq!(summary["next"].as_array().unwrap().len(), 1);
    let verified = follow(&bench, &summary["next"][0]);
    assert_eq!((verified.code, &verified.json()["rows"]), (Some(0), &json!(90)), "{verified:?}");
}

#[test]
fn what_makes_sense_next_follows_from_how_a_run_ended() {
    let names = |done: &Done| -> Vec<String> {
        let next = done.summary()["next"].clone();
        next.as_array().unwrap().iter().map(|it| it[1].as_str().unwrap().to_owned()).collect()
    };
    let bench = Bench::new(Settings::default());
    bench.write("bad.csv", "user_id,type,phone_number\nauth0|1,phone,1\nauth0|2,phone,2\n");
    let stopped = run(bench.import("bad.csv").args(["--max-errors", "1"]));
    // Too many are bad: to go on comes after that.
    assert_eq!(
        (stopped.code, &*names(&stopped)),
        (Some(5), &["select", "import", "report"].map(String::from)[..])
    );
    assert_eq!(follow(&bench, &stopped.summary()["next"][0]).code, Some(0));
    assert_eq!(follow(&bench, &stopped.summary()["next"][1]).code, Some(5), "the same again");
    let bad = run(&mut bench.import("bad.csv"));
    assert_eq!((bad.code, names(&bad)), (Some(4), vec!["select".into(), "report".into()]));
    let report = follow(&bench, &bad.summary()["next"][1]);
    assert_eq!((report.code, report.stdout.lines().count()), (Some(0), 2), "{report:?}");

    let faults = Fault::parse_list("503-before@post=100%x3").unwrap();
    let bench = Bench::new(Settings { faults, ..Settings::default() });
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let failed = run(&mut bench.import("in.csv"));
    assert_eq!((failed.code, names(&failed)), (Some(4), vec!["import".into(), "report".into()]));
    let again = follow(&bench, &failed.summary()["next"][0]);
    assert_eq!((again.code, &again.summary()["created"]), (Some(0), &json!(1)), "{again:?}");

    // The tenant has ended with the command: there is nothing to be verified in it.
    let done = run(binary().current_dir(bench.folder.path()).args([
        "import",
        "in.csv",
        "--sandbox",
        "--output",
        "json",
    ]));
    assert_eq!((done.code, names(&done)), (Some(0), vec![]), "{done:?}");
}
