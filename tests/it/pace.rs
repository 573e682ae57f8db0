//! Rate, reserve, timetable and time limit, from outside. How well a learnt rate fits whole tenants
//! is told by `tests/pacing`, on a paused clock.

use mfaferry::sandbox::{Limit, OutageKind, RetryAfter, Settings, Verb};

use crate::support::{Bench, binary, factors, read, run, side_by_side, spawn, until};

/// Every limiter, with and without a hint how long to wait.
fn limits() -> impl Iterator<Item = (Limit, RetryAfter)> {
    let limits = [
        Limit::TokenBucket { rate: 100.0, burst: 20 },
        Limit::FixedWindow { rate: 100, window_s: 1, burst: 100 },
    ];
    limits.into_iter().flat_map(|limit| {
        [RetryAfter::Off, RetryAfter::Seconds].map(|retry_after| (limit, retry_after))
    })
}

#[test]
fn a_learnt_rate_is_hardly_ever_refused() {
    for (limit, retry_after) in limits() {
        let bench =
            Bench::new(Settings { limit, retry_after, latency_ms: (2, 6), ..Settings::default() });
        let (csv, wanted, users) = factors(180);
        bench.write("in.csv", csv);
        let done = run(bench.import("in.csv").args(["--rate", "auto", "--reserve", "0%"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        bench.audit("in.csv.ledger", &wanted, &users);
        let throttled = bench.tenant().stats().throttled;
        assert_eq!(done.summary()["throttled"], throttled);
        assert!(throttled <= 6, "{limit:?}: {throttled} of 180 throttled");
        assert!(done.summary()["held_by_limit_seconds"].as_f64() > Some(0.1), "{done:?}");
    }
}

#[test]
fn others_on_the_same_bucket_are_not_refused_for_our_sake() {
    // A rate given far above the limit meets the bottom of the bucket when this process gets its
    // CPU late; who comes in that moment may be refused, too.
    for (rate, most) in [("auto", 0), ("2000", 2)] {
        let bench = Bench::new(Settings {
            limit: Limit::TokenBucket { rate: 80.0, burst: 40 },
            neighbours_per_s: 20.0,
            latency_ms: (5, 15),
            ..Settings::default()
        });
        bench.write("in.csv", factors(140).0);
        let done = run(bench.import("in.csv").args(["--rate", rate, "--reserve", "20%"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        let stats = bench.tenant().stats();
        assert!(stats.neighbour_requests > 20, "{stats:?}");
        assert!(stats.neighbours_throttled <= most, "--rate {rate}: {stats:?}");
    }
}

#[test]
fn a_given_rate_is_not_exceeded() {
    side_by_side(&[(1.0, &[][..]), (10.0, &["--burst", "10"])], |(burst, flags)| {
        let bench = Bench::new(Settings { latency_ms: (5, 40), ..Settings::default() });
        bench.write("in.csv", factors(120).0);
        let done = run(bench.import("in.csv").args(["--rate", "50"]).args(flags));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(bench.paced(50.0, burst) >= 120);
        assert!(done.summary()["held_by_rate_seconds"].as_f64() > Some(0.1), "{done:?}");
    });
}

#[test]
fn a_number_of_requests_in_flight_that_binds_is_named_with_one_that_would_do() {
    let latency_ms = (50, 50);
    let bench = Bench::new(Settings { latency_ms, ..Settings::default() });
    bench.write("in.csv", factors(200).0);
    side_by_side(&[("4", true), ("auto", false)], |(number, binds)| {
        let mut command = bench.import("in.csv");
        command.args(["--rate", "200", "--output", "text", "--ledger", number]);
        let done = run(command.env("MFAFERRY_CONCURRENCY", number));
        assert_eq!(done.code, Some(0), "{done:?}");
        for said in [" by --concurrency", "4 requests in flight make", "or `auto`, would let"] {
            assert_eq!(done.stdout.contains(said), binds, "{number}: {said}: {done:?}");
        }
    });
    let mut verify = bench.command("verify");
    let verified =
        run(verify.args(["in.csv", "--rate", "200", "--concurrency", "2", "--max-users", "25"]));
    assert!(verified.json()["held_by_concurrency_seconds"].as_f64() > Some(0.8), "{verified:?}");
}

#[test]
fn a_rate_plan_paces_by_the_time_of_day_and_its_waits_are_told() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(30).0);
    let plan = "00:00-12:00=30,12:00-24:00=30";
    let by_flag = run(bench.import("in.csv").args(["--rate-plan", plan, "--timezone", "UTC"]));
    let mut command = bench.import("in.csv");
    command.env("MFAFERRY_RATE_PLAN", plan).env("MFAFERRY_TIMEZONE", "America/New_York");
    let by_environment = run(command.args(["--ledger", "two"]));
    for done in [by_flag, by_environment] {
        assert_eq!(done.code, Some(0), "{done:?}");
        let held = |by: &str| done.summary()[format!("held_by_{by}_seconds")].as_f64();
        assert!(held("plan") > Some(0.8), "{done:?}");
        for by in ["rate", "throttling", "reserve", "limit", "concurrency", "outage"] {
            assert_eq!(held(by), Some(0.0), "{by}: {done:?}");
        }
    }
}

#[test]
fn plans_that_cannot_be_meant_are_usage_errors_that_say_what_is_wrong() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(1).0);
    for (flags, message) in [
        (&["--rate-plan", "always"][..], "range 1 of the rate plan cannot be read"),
        (
            &["--rate-plan", "08:00-20:00=5,19:00-21:00=9"],
            "ranges 1 and 2 of the rate plan overlap",
        ),
        (&["--rate-plan", "08:00-08:00=5"], "range 1 of the rate plan begins where it ends"),
        (&["--rate-plan", "08:00-20:00=5", "--timezone", "Mars/Base"], "for --timezone"),
        (&["--timezone", "Mars/Base"], "invalid value `Mars/Base` for --timezone"),
        (&["--burst", "0"], "invalid value `0` for --burst"),
        (&["--max-duration", "soon"], "invalid value `soon` for --max-duration"),
    ] {
        for command in ["import", "verify"] {
            let done = run(binary()
                .current_dir(bench.folder.path())
                .args([command, "in.csv", "--sandbox"])
                .args(flags));
            assert_eq!(done.code, Some(2), "{flags:?}: {done:?}");
            assert!(done.stderr.contains(message) && done.stderr.contains("hint: "), "{done:?}");
        }
    }
}

#[test]
fn the_end_of_max_duration_stops_in_good_order_and_the_same_command_goes_on() {
    let bench = Bench::new(Settings { latency_ms: (100, 200), ..Settings::default() });
    let (csv, wanted, users) = factors(60);
    bench.write("in.csv", csv);
    let stopped = run(bench.import("in.csv").args(["--rate", "30", "--max-duration", "1s"]));
    assert_eq!(stopped.code, Some(5), "{stopped:?}");
    assert!(stopped.stderr.contains("--max-duration is over"), "{stopped:?}");
    let summary = stopped.summary();
    assert_eq!((&summary["status"], &summary["in_flight"]), (&"stopped".into(), &0.into()));
    assert!((1..60).contains(&summary["created"].as_u64().unwrap()), "{summary}");
    let done = run(bench.import("in.csv").args(["--max-duration", "1h"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
    let args = ["verify", "in.csv", "--base-url", &bench.tenant().base_url()];
    let mut verify = binary();
    verify.current_dir(bench.folder.path()).args(args).env("AUTH0_CLIENT_ID", "tester");
    verify.env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
    let verified = run(verify.args(["--rate", "5", "--max-duration", "1s", "--output", "json"]));
    assert_eq!(verified.code, Some(5), "{verified:?}");
    assert!(verified.json()["held_by_rate_seconds"].as_f64() > Some(0.4), "{verified:?}");
}

#[test]
fn a_429_holds_all_and_the_summary_says_so_in_words() {
    let bench = Bench::new(Settings {
        limit: Limit::TokenBucket { rate: 1.0, burst: 3 },
        limit_headers: false,
        retry_after: RetryAfter::Literal("2".into()),
        ..Settings::default()
    });
    bench.write("in.csv", factors(6).0);
    let done = run(bench.import("in.csv").args(["--output", "text", "--verbose"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains(" by 429"), "{done:?}");
    assert!(done.stderr.contains("waiting after a 429 for 2000 ms"), "{done:?}");
    // Nobody asked while the hold was on: a volley, and then one by one.
    let stats = bench.tenant().stats();
    assert!(stats.requests(Verb::Post) <= 6 + 3 + 6, "{stats:?}");
}

#[test]
fn an_outage_is_a_wait_with_a_reason_too() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(90).0);
    let child = spawn(bench.import("in.csv").args(["--rate", "100"]));
    // The first health check comes half a second after the circuit opens, the next one a second
    // later.
    bench.out_of_order(20, OutageKind::Refuse503, || {
        until("a health check", || bench.tenant().stats().requests(Verb::Get) >= 1);
    });
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.summary()["held_by_outage_seconds"].as_f64() > Some(0.5), "{done:?}");
}
