//! kill -9 at any moment, and run again.

use mfaferry::sandbox::Settings;

use crate::support::{Bench, factors, run, signal, spawn, until};

#[test]
fn killed_again_and_again_it_still_creates_everything_once() {
    #[expect(clippy::disallowed_methods, reason = "a seed to repeat a failure with")]
    let seed = std::env::var("MFAFERRY_TEST_SEED").map_or(20_261_123, |seed| seed.parse().unwrap());
    println!("seed {seed}: MFAFERRY_TEST_SEED={seed} repeats it");
    let mut dice = fastrand::Rng::with_seed(seed);
    let bench = Bench::new(Settings { latency_ms: (1, 20), seed, ..Settings::default() });
    let (csv, wanted, users) = factors(600);
    bench.write("in.csv", csv);
    let mut kills = 0;
    while kills < 40 {
        let mut child = spawn(bench.import("in.csv").args(["--settle", "100ms"]));
        let until_kill = std::time::Duration::from_millis(dice.u64(20..220));
        #[expect(clippy::disallowed_methods, reason = "a moment in another process is meant")]
        std::thread::sleep(until_kill);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "it was killed {kills} times only");
    until("the tenant is quiet", || bench.tenant().stats().in_flight == 0);
    let last = run(&mut bench.import("in.csv"));
    assert_eq!(last.code, Some(0), "{last:?}");
    assert_eq!(run(&mut bench.import("in.csv")).summary()["skipped"], 600);
    bench.audit("in.csv.ledger", &wanted, &users);
}

#[test]
fn a_report_after_a_crash_says_what_the_resumed_run_will_find() {
    let bench = Bench::new(Settings { latency_ms: (10, 20), ..Settings::default() });
    bench.write("in.csv", factors(300).0);
    let mut child = spawn(&mut bench.import("in.csv"));
    until("some are created", || bench.tenant().stats().created > 50);
    signal(&child, "-KILL");
    child.wait().unwrap();
    let states = bench.states("in.csv.ledger");
    assert!(states["created"] >= 1 && states["in_flight"] <= 32, "{states:?}");
    let done = run(&mut bench.import("in.csv"));
    let summary = done.summary();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(summary["skipped"], states["created"]);
    assert_eq!(summary["ledger_totals"]["created"], 300);
}
