//! Reasons why rows did not end well, grouped by code, and the commands that help, as the real
//! binary tells them.

use mfaferry::sandbox::{Conflict, Fault, Settings, Users};
use serde_json::{Value, json};

use crate::{
    max_users::follow,
    support::{Bench, Done, binary, factors, run, signal, spawn, until},
};

/// A tenant without the users whose ids have `gone` in them, and an input with rows of many kinds
/// of bad.
fn bench(faults: &str) -> Bench {
    let users = Users::AnyBut(vec!["gone".into()]);
    let faults = Fault::parse_list(faults).unwrap();
    let bench = Bench::new(Settings { users, faults, ..Settings::default() });
    let mut csv = String::from("user_id,type,phone_number,email,totp_secret\n");
    for number in 0..7 {
        csv += &format!("auth0|{number},phone,0151 234567{number},,\n");
        csv += &format!("auth0|gone{number},email,,gone{number}@example.com,\n");
    }
    csv += "auth0|20,totp,,,3132333435363738393031323334353637383930\n";
    csv += "auth0|21,sms,+14155550121,,\n";
    csv += "auth0|22,email,,good@example.com,\n";
    bench.write("in.csv", csv);
    bench
}

/// Code, state, count and lines of each group.
fn groups(summary: &Value) -> Vec<(String, String, u64, Vec<u64>)> {
    let told = |group: &Value| {
        let word = |key: &str| group[key].as_str().unwrap().to_owned();
        let lines = group["lines"].as_array().unwrap().iter().map(|line| line.as_u64().unwrap());
        (word("code"), word("state"), group["count"].as_u64().unwrap(), lines.collect())
    };
    summary["reasons"].as_array().unwrap().iter().map(told).collect()
}

fn report(bench: &Bench, ledger: &str, format: &str) -> Done {
    let mut report = binary();
    report.current_dir(bench.folder.path());
    run(report.args(["report", "--ledger", ledger, "--format", format]))
}

fn names(done: &Done) -> Vec<String> {
    let next = done.summary()["next"].clone();
    let name = |words: &Value| words[1].as_str().unwrap().to_owned();
    next.as_array().unwrap().iter().map(name).collect()
}

/// Runs the commands behind a label of a summary's text as a shell does.
fn shell(bench: &Bench, done: &Done, label: &str) -> Vec<Done> {
    let lines = done.stdout.lines().filter_map(|line| line.strip_prefix(label));
    let follow = |line: &str| {
        let line = line.trim().replacen("mfaferry", env!("CARGO_BIN_EXE_mfaferry"), 1);
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(bench.folder.path()).args(["-c", &line]);
        run(shell.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret"))
    };
    lines.map(follow).collect()
}

#[test]
fn rows_are_told_by_reason_with_the_first_of_each() {
    let bench = bench("");
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    let told = |code: &str, count, lines: &[u64]| {
        (code.to_owned(), "rejected".to_owned(), count, lines.to_vec())
    };
    let expected = [
        told("missing_plus", 7, &[2, 4, 6, 8, 10]),
        told("user_not_found", 7, &[3, 5, 7, 9, 11]),
        told("looks_like_hex", 1, &[16]),
        told("unknown_type", 1, &[17]),
    ];
    assert_eq!(groups(&done.summary()), expected);

    let mut again = bench.import("in.csv");
    let done = run(&mut again);
    let told = groups(&done.summary());
    assert!(told.iter().all(|group| group.0 != "user_not_found"), "it was skipped: {told:?}");
    let text = run(bench.import("in.csv").args(["--output", "text"])).stdout;
    assert!(text.contains("\n9 rejected\n") && text.contains("\n7 rejected by an earlier run\n"));
    assert!(text.contains("  7  user_not_found  lines 3, 5, 7 …  no such user: "), "{text}");
    assert!(text.contains("\ntry again: "), "{text}");
}

#[test]
fn rows_to_mend_are_written_to_a_file_that_is_not_there_yet() {
    let bench = bench("");
    let renamed = "user_id,type,mobile\nauth0|1,phone,123\nauth0|2,phone,+14155550100\n";
    for (input, flags, out) in [
        ("in.csv", &[][..], "mend.csv"),
        ("-in.csv", &["--map", "phone_number=mobile", "--ledger", "-l", "-v"], "mend-2.csv"),
        ("in.jsonl", &["--new-ledger"], "mend.jsonl"),
    ] {
        let line = json!({"user_id": "auth0|3", "type": "phone", "phone_number": "1"});
        match input {
            "in.csv" => {}
            "in.jsonl" => drop(bench.write(input, format!("{line}\n"))),
            name => drop(bench.write(name, renamed)),
        }
        let mut import = bench.command("import");
        let flags = flags.iter().map(|flag| flag.strip_prefix("-l").map_or(*flag, |_| "./-l"));
        let done = run(import.args(flags).args(["--settle", "200ms", "--", input]));
        assert_eq!((done.code, &*names(&done)[0]), (Some(4), "select"), "{done:?}");
        let selected = follow(&bench, &done.summary()["next"][0]);
        assert_eq!(selected.code, Some(0), "{selected:?}");
        let rejected = done.summary()["rejected"].as_u64().unwrap();
        let text = std::fs::read_to_string(bench.path(out)).unwrap();
        let header = usize::from(text.starts_with("user_id,"));
        assert_eq!((text.lines().count() - header) as u64, rejected, "{text}");
        assert!(text.contains("mf_code") && text.contains("missing_plus"), "{text}");
    }
}

#[test]
fn rows_that_were_mended_are_imported_by_the_command_that_the_summary_names() {
    let bench = bench("");
    let row = |user: &str, number: &str| {
        format!(
            "{{\"user_id\":\"auth0|{user}\",\"type\":\"phone\",\"phone_number\":\"{number}\"}}\n"
        )
    };
    bench.write("in.json", row("1", "+14155550100") + &row("2", "4155550101"));
    let done = run(bench.import("in.json").args(["--output", "text", "--ledger", "l"]));
    let command = |label: &str| shell(&bench, &done, label).pop().unwrap();
    assert_eq!(command("mend them:").code, Some(0), "{done:?}");
    let text = std::fs::read_to_string(bench.path("mend.jsonl")).unwrap();
    bench.write("mend.jsonl", text.replace("4155550101", "+14155550101"));
    let imported = command("then:");
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.stdout.contains("  1  created\n"), "{imported:?}");
    assert_eq!(bench.tenant().state().len(), 2);
}

#[test]
fn each_command_that_helps_works_as_it_stands() {
    let bench = bench("503-before@post=100%x3");
    let mut csv = String::from("user_id,type,email\nauth0|2,email,b@example.com\n");
    bench.write("in.csv", &csv);
    let done = run(&mut bench.import("in.csv"));
    let told = ("not_created".to_owned(), "failed".to_owned(), 1, vec![2]);
    assert_eq!((done.code, groups(&done.summary())), (Some(4), vec![told]), "{done:?}");
    csv += "auth0|gone1,email,a@example.com\n";
    bench.write("in.csv", &csv);
    let done = run(&mut bench.import("in.csv"));
    // What an earlier run has settled is not this run's, and has to be helped, too.
    let told = ("user_not_found".to_owned(), "rejected".to_owned(), 1, vec![3]);
    assert_eq!((done.code, groups(&done.summary())), (Some(4), vec![told]), "{done:?}");
    assert_eq!(names(&done), ["import", "report"]);
    let summary = done.summary();
    let retry = summary["next"][0].as_array().unwrap();
    assert!(retry.ends_with(&[json!("--retry"), json!("failed,rejected")]), "{retry:?}");
    let again = follow(&bench, &summary["next"][0]);
    assert_eq!((again.code, &again.summary()["created"]), (Some(4), &json!(1)), "{again:?}");
    assert_eq!(follow(&bench, &summary["next"][1]).stdout.lines().count(), 2);
}

#[test]
fn what_needs_review_is_verified_and_never_sent_again() {
    let bench = Bench::new(Settings {
        faults: Fault::parse_list("late-write=100%x1").unwrap(),
        late_by_ms: 1500,
        conflict: Conflict::OFF,
        ..Settings::default()
    });
    bench.write("in.csv", factors(60).0);
    let done = run(bench.import("in.csv").args(["--rate", "20", "--concurrency", "1"]));
    // What the list at the end has found is told, and no longer what was settled before.
    let told = ("also_there".to_owned(), "needs_review".to_owned(), 1, vec![2]);
    assert_eq!((done.code, groups(&done.summary())), (Some(4), vec![told]), "{done:?}");
    assert_eq!(names(&done), ["verify", "report"]);
    let summary = done.summary();
    assert_eq!(follow(&bench, &summary["next"][0]).code, Some(0));
    assert_eq!(follow(&bench, &summary["next"][1]).code, Some(0));
    let again = run(bench.import("in.csv").args(["--output", "text"]));
    assert!(again.stdout.contains("\n1 needs review by an earlier run\n"), "{again:?}");
}

#[test]
fn a_report_has_the_same_groups_as_the_summary_and_a_command_that_works() {
    let bench = bench("");
    let done = run(bench.import("in.csv").args(["--ledger", "l;edger"]));
    let report = |format: &str| report(&bench, "l;edger", format);
    let json = report("json").json();
    assert_eq!(json["reasons"], done.summary()["reasons"]);
    let next = json["next"].as_array().unwrap();
    assert_eq!(json["next"], done.summary()["next"]);
    assert_eq!(names(&done), ["select", "import", "report"]);
    assert_eq!(follow(&bench, &next[2]).stdout.lines().count(), 17);
    let told = |text: &str| {
        let groups = text.split("\n\n").find(|part| part.contains("rejected\n  "));
        groups.unwrap().to_owned()
    };
    let text = report("text").stdout;
    let summary = run(bench.import("in.csv").args(["--ledger", "2", "--output", "text"]));
    assert_eq!(told(&text), told(&summary.stdout));
    assert!(text.contains(" --ledger 'l;edger' --retry rejected\n") && !text.contains("INPUT"));

    // Where its files are not, the same is to be filled in.
    let mut away = binary();
    std::fs::create_dir(bench.path("away")).unwrap();
    let away = away.current_dir(bench.path("away")).args(["report", "../l;edger"]);
    let text = run(away).stdout;
    let filled = "mfaferry import INPUT --ledger '../l;edger' --retry rejected\n";
    assert!(text.contains(filled), "{text}");
}

#[test]
fn what_is_no_ledger_is_told_as_such() {
    let bench = bench("");
    for arguments in [&["report", "in.csv"][..], &["select", "in.csv", "--ledger", "in.csv"]] {
        let done = run(binary().current_dir(bench.folder.path()).args(arguments));
        assert_eq!((done.code, done.stdout.as_str()), (Some(6), ""), "{done:?}");
        assert!(done.stderr.contains("it is not a ledger") && !done.stderr.contains("damaged"));
        assert!(done.stderr.contains("INPUT.ledger"), "{done:?}");
    }
}

#[test]
fn a_report_of_a_killed_run_says_so_and_names_the_same_command() {
    let bench = Bench::new(Settings { latency_ms: (30_000, 30_000), ..Settings::default() });
    bench.write("in.csv", factors(30).0);
    let mut child = spawn(bench.import("in.csv").args(["--timeout", "60s", "--concurrency", "3"]));
    until("a request is sent", || bench.tenant().stats().in_flight > 0);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let json = report(&bench, "in.csv.ledger", "json").json();
    let words = json["next"][0].as_array().unwrap();
    assert!(words.starts_with(&[json!("mfaferry"), json!("import"), json!("in.csv")]), "{json}");
    assert!(
        words.ends_with(&[json!("--concurrency"), json!("3")]) || words.contains(&json!("60s"))
    );
    let text = report(&bench, "in.csv.ledger", "text").stdout;
    assert_eq!(text.matches("the last run has not come to its end").count(), 1, "{text}");

    let bench = self::bench("");
    run(bench.import("in.csv").args(["--max-users", "2"]));
    let json = report(&bench, "in.csv.ledger", "json").json();
    let verified = follow(&bench, &json["next"][0]);
    assert_eq!(verified.json()["rows"], 2, "{verified:?}");
    let rest = follow(&bench, &json["next"][1]);
    assert_eq!((rest.code, &rest.summary()["status"]), (Some(4), &json!("complete")), "{rest:?}");
    let text = report(&bench, "in.csv.ledger", "text").stdout;
    assert!(!text.contains("has not come to its end"), "{text}");
}

#[test]
fn what_verify_has_found_is_listed_by_the_command_that_it_names() {
    let bench = bench("");
    let done = run(bench.command("verify").arg("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    let json = done.json();
    let told: Vec<_> = groups(&json).into_iter().map(|(code, _, count, _)| (code, count)).collect();
    let expected = [("missing_plus", 7), ("looks_like_hex", 1), ("unknown_type", 1)];
    assert_eq!(told, expected.map(|(code, count)| (code.to_owned(), count)));
    assert_eq!(json["rejected"], 9, "{json}");
    let text = run(bench.command("verify").args(["in.csv", "--output", "text"])).stdout;
    assert!(text.contains("\n9 rejected\n  7  missing_plus    lines 2, 4, 6 …  "), "{text}");
    let listed = follow(&bench, &json["next"][0]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(4), 17), "{listed:?}");
    let rows = listed.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    for row in rows.filter(|row| row["state"] == "rejected" || row["state"] == "unanswered") {
        assert!(row["code"].is_string(), "{row}");
    }
}

#[test]
fn single_rows_are_told_with_v_alone() {
    let bench = bench("");
    let quiet = run(bench.import("in.csv").args(["--output", "text"]));
    assert!(!quiet.stdout.contains("rejected: line") && !quiet.stderr.contains("rejected: line"));
    let verbose = run(bench.import("in.csv").args(["--output", "text", "-v"]));
    let told = verbose.stderr.lines().filter(|line| line.contains("rejected: line ")).count();
    assert_eq!(told, 9, "{verbose:?}");
    assert!(verbose.stderr.contains("rejected: line 2, phone_number: must begin with `+`"));
}

#[test]
fn files_and_paths_are_told_where_there_are_any() {
    let bench = bench("");
    let row = |user: &str| format!("user_id,type,phone_number\nauth0|{user},phone,123\n");
    bench.write("a.csv", row("1"));
    bench.write("b.csv", row("2"));
    let done = run(bench.import("a.csv").args(["b.csv", "--ledger", "ab.ledger"]));
    let group = &done.summary()["reasons"][0];
    assert_eq!((&group["lines"], &group["files"]), (&json!([2, 2]), &json!(["a.csv", "b.csv"])));
    assert!(group.get("at").is_none(), "{group}");
}

#[test]
fn what_a_dry_run_expects_is_told_by_reason_too() {
    let bench = bench("");
    bench.write("gone.csv", "user_id\nauth0|gone1\nauth0|gone2\n");
    let mut delete = bench.command("delete");
    let done = run(delete.args(["gone.csv", "--all-methods", "--dry-run"]));
    let summary = done.summary();
    let told = ("user_not_found".to_owned(), "rejected".to_owned(), 2, vec![2, 3]);
    assert_eq!((groups(&summary), &summary["next"]), (vec![told], &json!([])), "{summary}");
}

#[test]
fn rows_that_the_tenant_refused_are_tried_again_with_those_that_were_mended() {
    for (faults, csv, states, created) in [
        ("503-before@post=100%x3", "auth0|2,email,,b@example.com\n", "failed", 2),
        ("", "auth0|gone1,email,,a@example.com\n", "rejected", 1),
    ] {
        let bench = bench(faults);
        let csv = format!("user_id,type,phone_number,email\n{csv}auth0|3,phone,0151,\n");
        bench.write("in.csv", csv);
        let done = run(bench.import("in.csv").args(["--output", "text"]));
        assert_eq!(shell(&bench, &done, "mend them:")[0].code, Some(0), "{done:?}");
        let text = std::fs::read_to_string(bench.path("mend.csv")).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        bench.write("mend.csv", text.replace("0151", "+14155550101"));
        let then = done.stdout.lines().find(|line| line.starts_with("then:")).unwrap();
        assert!(then.ends_with(&format!(" --retry {states}")), "{then}");
        let imported = &shell(&bench, &done, "then:")[0];
        assert!(!imported.stdout.contains("skipped"), "{imported:?}");
        assert!(imported.stdout.contains(&format!("  {created}  created\n")), "{imported:?}");
    }
}

#[test]
fn each_of_several_inputs_gets_a_file_of_its_own_for_mending() {
    let bench = bench("");
    let phone =
        |user: &str| json!({"user_id": user, "type": "phone", "phone_number": "4155550101"});
    bench.write("a.csv", "user_id,type,phone_number\nauth0|1,phone,4155550101\n");
    bench.write("b.csv", "phone_number,user_id,type\n4155550101,auth0|2,phone\n");
    bench.write("c.jsonl", format!("{}\n", phone("auth0|3")));
    bench.write("good.csv", "user_id,type,phone_number\nauth0|4,phone,+14155550101\n");
    let inputs = ["good.csv", "b.csv", "c.jsonl", "--ledger", "l"];
    let done = run(bench.import("a.csv").args(inputs));
    assert_eq!(
        (done.code, &*names(&done)),
        (Some(4), &["select", "select", "select", "report"].map(String::from)[..])
    );
    let outs = ["mend.csv", "mend-2.csv", "mend.jsonl"];
    for (command, out) in done.summary()["next"].as_array().unwrap().iter().zip(outs) {
        let selected = follow(&bench, command);
        assert_eq!(selected.code, Some(0), "{selected:?}");
        let text = std::fs::read_to_string(bench.path(out)).unwrap();
        assert_eq!(text.matches("auth0|").count(), 1, "{text}");
        bench.write(out, text.replace("4155550101", "+14155550101"));
    }
    for out in outs {
        std::fs::rename(bench.path(out), bench.path(&format!("mended-{out}"))).unwrap();
    }
    let again = run(bench.import("a.csv").args(inputs).args(["--output", "text"]));
    for out in outs {
        std::fs::rename(bench.path(&format!("mended-{out}")), bench.path(out)).unwrap();
    }
    let imported = shell(&bench, &again, "then:");
    assert!(imported.iter().all(|done| done.code == Some(0)), "{imported:?}");
    assert_eq!((imported.len(), bench.tenant().state().len()), (2, 4), "{again:?}");

    let many: Vec<_> = (0..7).map(|number| format!("{number}.csv")).collect();
    for name in &many {
        bench.write(name, format!("user_id,type,phone_number\nauth0|{name},phone,123\n"));
    }
    let mut import = bench.import(&many[0]);
    let done = run(import.args(&many[1..]).args(["--ledger", "many", "--output", "text"]));
    assert_eq!(done.stdout.matches("\nmend them:").count(), 5, "{done:?}");
    assert!(done.stdout.contains("(2 more files to mend: select from each of them"), "{done:?}");
}

#[test]
fn a_run_that_was_stopped_helps_with_the_rows_that_are_bad_so_far() {
    let bench = bench("");
    for (flags, expected) in [
        (["--max-errors", "2"], &["select", "import", "report"][..]),
        (["--max-users", "2"], &["verify", "import", "select", "report"]),
    ] {
        let done = run(bench
            .import("in.csv")
            .args(flags)
            .args(["--ledger", flags[0].trim_start_matches('-')]));
        assert_eq!(
            (done.code, &*names(&done)),
            (Some(5), &expected.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..]),
            "{done:?}"
        );
        let next = done.summary()["next"].clone();
        let select = next.as_array().unwrap().iter().find(|words| words[1] == "select").unwrap();
        let selected = follow(&bench, select);
        assert_eq!(selected.code, Some(0), "{selected:?}");
        std::fs::remove_file(bench.path("mend.csv")).unwrap();
    }
}

#[test]
fn check_tells_the_same_groups_as_an_import_and_what_to_do_next() {
    let bench = bench("");
    let check = |arguments: &[&str]| {
        run(binary().current_dir(bench.folder.path()).arg("check").args(arguments))
    };
    let json = check(&["in.csv", "--output", "json"]).json();
    let told = |code: &str, count, lines: &[u64]| {
        (code.to_owned(), "rejected".to_owned(), count, lines.to_vec())
    };
    let expected = [
        told("missing_plus", 7, &[2, 4, 6, 8, 10]),
        told("looks_like_hex", 1, &[16]),
        told("unknown_type", 1, &[17]),
    ];
    assert_eq!((groups(&json), &json["next"]), (expected.to_vec(), &json!([])), "{json}");
    assert_eq!(json["rejected_by_code"][0]["count"], 7, "{json}");
    let text = check(&["in.csv", "-v"]).stdout;
    assert_eq!(text.matches("rejected: line ").count(), 9, "{text}");
    assert!(text.contains("\n9 rejected\n  7  missing_plus    lines 2, 4, 6 …  "), "{text}");
    assert!(text.contains(" mfaferry check in.csv --prove USER_ID\n"), "{text}");

    bench.write("good.csv", "user_id,type,email\nauth0|1,email,a@example.com\n");
    let json = check(&["good.csv", "--output", "json"]).json();
    let mut next = json["next"][0].as_array().unwrap().clone();
    assert_eq!(next, ["mfaferry", "preflight", "good.csv"].map(Value::from));
    next.extend(["--base-url", &bench.tenant().base_url()].map(Value::from));
    assert_eq!(follow(&bench, &next.into()).code, Some(0));
}
