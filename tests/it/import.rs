//! The main job, without faults.

use mfaferry::sandbox::{Fault, Kind, Method, Settings, Users, Verb};
use serde_json::json;

use crate::support::{Bench, factors, run, signal, spawn, until};

#[test]
fn every_factor_is_created_once_and_a_second_run_sends_nothing() {
    let bench = Bench::new(Settings::default());
    let (csv, wanted, users) = factors(300);
    bench.write("in.csv", csv);
    let first = run(&mut bench.import("in.csv"));
    assert_eq!(first.code, Some(0), "{first:?}");
    let summary = first.summary();
    assert_eq!((&summary["created"], &summary["rows"]), (&json!(300), &json!(300)));
    assert_eq!(summary["status"], "complete");
    assert!(summary.get("ledger_totals").is_none(), "nothing was resumed");
    let left = std::fs::read_dir(bench.folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["in.csv", "in.csv.ledger", "in.csv.ledger-seal"]);
    bench.audit("in.csv.ledger", &wanted, &users);

    let before = bench.tenant().stats().requests;
    let second = run(&mut bench.import("in.csv"));
    assert_eq!(second.code, Some(0), "{second:?}");
    let summary = second.summary();
    assert_eq!((&summary["skipped"], &summary["requests"]), (&json!(300), &json!(0)));
    assert_eq!(summary["ledger_totals"]["created"], 300);
    assert_eq!(bench.tenant().stats().requests, before, "not even a token was asked for");
}

#[test]
fn a_users_factors_go_one_after_the_other_in_input_order_while_others_go_on() {
    let bench = Bench::new(Settings { latency_ms: (1, 15), ..Settings::default() });
    let (csv, wanted, users) = factors(300);
    bench.write("in.csv", csv);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let stats = bench.tenant().stats();
    assert_eq!(stats.overlaps, 0, "two requests of one user were in flight at once");
    assert!(stats.most_in_flight > 4, "users go side by side: {}", stats.most_in_flight);
    for (user, held) in bench.tenant().state() {
        let order: Vec<_> = held.iter().map(Method::digest).collect();
        let asked = wanted.iter().zip(&users).filter(|(_, owner)| **owner == user);
        assert_eq!(order, asked.map(|(method, _)| method.digest()).collect::<Vec<_>>());
    }
}

#[test]
fn one_correlation_id_a_factor_is_sent_and_kept() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(30).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let mut sent: Vec<_> = bench
        .tenant()
        .arrivals()
        .into_iter()
        .filter(|arrival| arrival.verb == Verb::Post)
        .map(|arrival| arrival.correlation_id.unwrap())
        .collect();
    let rows = bench.rows("in.csv.ledger");
    let mut kept: Vec<_> =
        rows.iter().map(|row| row["correlation_id"].as_str().unwrap().to_owned()).collect();
    sent.sort();
    kept.sort();
    assert_eq!(sent, kept);
    kept.dedup();
    assert_eq!(kept.len(), 30);
}

#[test]
fn the_same_factor_again_is_a_duplicate_in_any_spelling() {
    let bench = Bench::new(Settings::default());
    bench.write(
        "in.csv",
        "user_id,type,phone_number,totp_secret\n\
         auth0|1,phone,+14155550100,\n\
         auth0|1,phone,+1 (415) 555-0100,\n\
         auth0|2,phone,+14155550100,\n\
         auth0|1,totp,,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\
         auth0|1,totp,,jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp\n",
    );
    let done = run(&mut bench.import("in.csv"));
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["duplicates"]), (&json!(3), &json!(2)));
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn permanent_refusals_are_rejected_and_not_tried_again() {
    let bench = Bench::new(Settings {
        users: Users::AnyBut(vec!["gone".into()]),
        cap_per_user: Some(1),
        ..Settings::default()
    });
    bench.tenant().seed("auth0|3", vec![Method::new(Kind::Email, "a@example.com")]);
    bench.write(
        "in.csv",
        "user_id,type,phone_number,email\n\
         auth0|gone,phone,+14155550100,\n\
         auth0|2,phone,+14155550101,\n\
         auth0|2,phone,+14155550102,\n\
         auth0|3,email,,b@example.com\n",
    );
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["rejected"]), (&json!(1), &json!(3)));
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 4, "one request each");
    let errors: Vec<_> =
        bench.rows("in.csv.ledger").iter().map(|row| row["error"].clone()).collect();
    assert_eq!(
        errors,
        [json!("user_not_found"), json!(null), json!("entity_limit"), json!("entity_limit")]
    );
    let again = run(&mut bench.import("in.csv"));
    assert_eq!(again.code, Some(4), "bad rows stay bad: {again:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 4);
    let retried = run(bench.import("in.csv").args(["--retry", "rejected"]));
    assert_eq!(retried.summary()["rejected"], 3);
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 7, "only when asked to");
}

#[test]
fn what_the_tenant_already_has_is_already_present() {
    let bench = Bench::new(Settings::default());
    bench.tenant().seed("auth0|1", vec![Method::new(Kind::Phone, "+14155550100")]);
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let done = run(&mut bench.import("in.csv"));
    assert_eq!((done.code, &done.summary()["already_present"]), (Some(0), &json!(1)));
}

#[test]
fn tokens_are_renewed_once_for_everybody_when_they_die() {
    let bench = Bench::new(Settings {
        token_requests: Some(50),
        latency_ms: (1, 5),
        ..Settings::default()
    });
    let (csv, wanted, users) = factors(400);
    bench.write("in.csv", csv);
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(0), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
    let tokens = bench.tenant().stats().requests(Verb::Token);
    assert!((8..=16).contains(&tokens), "{tokens} tokens for 400 requests, 50 each");
    let rows = bench.rows("in.csv.ledger");
    assert!(rows.iter().all(|row| row["attempts"] == 1), "a 401 is not an attempt");
}

#[test]
fn a_token_that_soon_expires_is_renewed_before_it_does() {
    let bench =
        Bench::new(Settings { token_lifetime_s: 10, latency_ms: (10, 20), ..Settings::default() });
    bench.write("in.csv", factors(200).0);
    let done = run(bench.import("in.csv").args(["--rate", "30"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.tenant().stats().unauthorized, 0);
    assert!(bench.tenant().stats().requests(Verb::Token) >= 2);
}

#[test]
fn without_its_old_ledger_skip_existing_creates_nothing_twice() {
    for masking in [true, false] {
        let bench = Bench::new(Settings {
            masking,
            conflict: mfaferry::sandbox::Conflict::OFF,
            latency_ms: (20, 30),
            ..Settings::default()
        });
        let (csv, wanted, users) = factors(90);
        bench.write("in.csv", csv);
        assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
        let posts = bench.tenant().stats().requests(Verb::Post);
        let done = run(bench.import("in.csv").args(["--ledger", "new", "--skip-existing"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(done.summary()["already_present"], 90, "{done:?}");
        assert_eq!(bench.tenant().stats().requests(Verb::Post), posts);
        // One a user, and anew for a row that is read when the user's others are settled already.
        let lists = bench.tenant().stats().requests(Verb::Get);
        assert!((30..=40).contains(&lists), "{lists} lists for 30 users");
        for row in bench.rows("new") {
            let plain = !masking && row["type"] == "phone";
            assert_eq!(row["how"], if plain { "listed" } else { "consistent" }, "{row}");
        }
        bench.audit("in.csv.ledger", &wanted, &users);
    }
}

#[test]
fn with_skip_existing_one_masked_method_does_not_stand_for_two_factors() {
    let bench = Bench::new(Settings::default());
    bench.tenant().seed("auth0|1", vec![Method::new(Kind::Phone, "+14155550100")]);
    bench.write(
        "in.csv",
        "user_id,type,phone_number\nauth0|1,phone,+14155550100\nauth0|1,phone,+442079460100\n",
    );
    let done = run(bench.import("in.csv").args(["--skip-existing"]));
    let summary = done.summary();
    assert_eq!((&summary["already_present"], &summary["created"]), (&json!(1), &json!(1)));
}

#[test]
fn with_name_marker_every_wanted_name_is_put_back_even_after_kills() {
    let bench = Bench::new(Settings {
        faults: Fault::parse_list("close-after=10%,503-before@patch=10%").unwrap(),
        latency_ms: (5, 15),
        ..Settings::default()
    });
    let (csv, wanted, users) = factors(90);
    bench.write("in.csv", csv);
    // By default one in a thousand names is given up: a tenth of the requests fails, three times.
    let import = || {
        let mut command = bench.import("in.csv");
        command.args(["--name-marker", "--max-attempts", "12"]);
        command
    };
    for _ in 0..3 {
        let child = spawn(import().args(["--rate", "150"]));
        let before = bench.tenant().stats().requests(Verb::Patch);
        until("some names are put back", || {
            bench.tenant().stats().requests(Verb::Patch) >= before + 5
        });
        signal(&child, "-KILL");
        drop(child.wait_with_output());
    }
    bench.quiet();
    let done = run(&mut import());
    assert_eq!(done.code, Some(0), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
    for method in bench.tenant().state().into_values().flatten() {
        let name = method.name.unwrap();
        assert!(name == "Phone" || name.starts_with("App "), "{name}");
        assert!(!name.contains('#'), "{name}");
    }
    assert_eq!(run(&mut bench.import("in.csv")).summary()["requests"], 0);
}

#[test]
fn a_name_that_keeps_its_mark_is_warned_of_and_put_back_by_the_next_run() {
    let bench = Bench::new(Settings {
        faults: Fault::parse_list("503-before@patch=100%x2").unwrap(),
        ..Settings::default()
    });
    bench.write("in.csv", "user_id,type,phone_number,name\nauth0|1,phone,+14155550100,Mine\n");
    let import = || run(bench.import("in.csv").args(["--name-marker", "--max-attempts", "1"]));
    let name = || bench.tenant().state().into_values().flatten().next().unwrap().name.unwrap();
    for _ in 0..2 {
        let done = import();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains("1 name keeps the mark of --name-marker"), "{done:?}");
        assert!(name().contains('#'), "{}", name());
    }
    let done = import();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!done.stderr.contains("--name-marker"), "{done:?}");
    assert_eq!(name(), "Mine");
}
