//! kill -9 at any moment, and run again.

use std::{fs, process::Child};

use mfaferry::sandbox::{Conflict, Fault, RetryAfter, Settings, Verb};

use crate::support::{Bench, factors, run, signal, spawn, until};

/// Faults of 20 % of the answers. Late ones come well within the settle time.
const FAULTS: &str = "429-bare=0.2%,401=1%,500-before=2%,500-after=2%,502-html-after=1%,503-after=2%,\
    408-after=1%,close-before=2%,close-after=2%,reset-after=2%,cut=2%,not-json=1%,empty-201=1%,\
    late-write=1%,503-before@get=2%,close-after@get=2%";

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a seed to repeat a failure with")]
    let seed = std::env::var("MFAFERRY_TEST_SEED").map_or(20_261_123, |seed| seed.parse().unwrap());
    println!("seed {seed}: MFAFERRY_TEST_SEED={seed} repeats it");
    seed
}

/// Waits until a run has got that many steps further, or has ended. A request counts as a step, and
/// so does a change of the ledger's files that a poll sees.
fn until_steps(bench: &Bench, child: &mut Child, steps: u32) {
    let seen = || {
        let files = ["", "-shm", "-wal", "-seal"].map(|end| {
            let file = fs::metadata(bench.path(&format!("in.csv.ledger{end}"))).ok()?;
            Some((file.len(), file.modified().unwrap()))
        });
        (files, bench.tenant().stats().requests.values().sum::<u64>())
    };
    let ((mut files, mut asked), mut count) = (seen(), 0);
    until("the run gets further", || {
        let now = seen();
        count += u64::from(now.0 != files) + (now.1 - asked);
        (files, asked) = now;
        count >= u64::from(steps) || child.try_wait().unwrap().is_some()
    });
}

/// One file of `rows`, killed `kills` times and then left to finish; the tenant never says 409,
/// so that what is sent twice is there twice. Returns how many need review.
fn killed(kills: u32, rows: usize, faults: &str) -> usize {
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let bench = Bench::new(Settings {
        conflict: Conflict::OFF,
        latency_ms: (1, 20),
        faults: Fault::parse_list(faults).unwrap(),
        late_by_ms: 40,
        token_requests: Some(200),
        seed,
        ..Settings::default()
    });
    let (csv, wanted, users) = factors(rows);
    bench.write("in.csv", csv);
    let mut done = 0;
    while done < kills {
        // One thread does everything, or the ledger has another, or several send: two requests at
        // a time make all of them last.
        let rate = rng.choice(["150", "600", "50000"]).unwrap();
        let patience = ["--settle", "250ms", "--concurrency", "2", "--rate", rate];
        let mut child = spawn(bench.import("in.csv").args(patience));
        // Most are killed at the beginning, where a ledger is opened and doubts are found; some
        // live to see those settled.
        let steps = if rng.u8(0..6) == 0 { rng.u32(12..50) } else { rng.u32(0..15) };
        until_steps(&bench, &mut child, steps);
        let early = child.try_wait().unwrap();
        assert!(early.is_none(), "{early:?} after {done} kills: the file is too short");
        child.kill().unwrap();
        child.wait().unwrap();
        done += 1;
        if done % 100 == 0 {
            println!("{done} kills, {} created", bench.tenant().stats().created);
        }
    }
    bench.quiet();
    let created = bench.tenant().stats().created;
    let mut last = run(bench.import("in.csv").args(["--settle", "250ms"]));
    if last.code != Some(0) {
        // What a fault of the last run has left.
        last = run(bench.import("in.csv").args(["--settle", "250ms"]));
    }
    assert!(matches!(last.code, Some(0 | 4)), "{last:?}");
    let states = bench.audit("in.csv.ledger", &wanted, &users);
    let review = states.get("needs_review").copied().unwrap_or_default();
    let failed = states.get("failed").copied().unwrap_or_default();
    let held: usize = bench.tenant().state().values().map(Vec::len).sum();
    println!(
        "{kills} kills, {rows} factors ({created} of them created before the last), {} faults: \
         0 lost, 0 doubled, {review} need review, {failed} failed",
        bench.tenant().stats().faults.values().sum::<u64>(),
    );
    // Tried three times and known not to be there: said, so not lost.
    assert!(held + review + failed >= rows, "lost: {held} are there, {states:?}");
    assert!(u64::try_from(rows).unwrap() > created, "it was done before the last run");
    review
}

#[test]
fn killed_again_and_again_it_still_creates_everything_once() {
    assert_eq!(killed(40, 1_000, ""), 0);
}

#[test]
fn killed_again_and_again_under_faults_it_loses_and_doubles_nothing() {
    let review = killed(20, 600, FAULTS);
    assert!(review <= 4, "{review}: at most 1 % may need review");
}

#[test]
#[ignore = "long: 1,000 kills"]
fn killed_a_thousand_times_under_faults_it_loses_and_doubles_nothing() {
    let review = killed(1_000, 20_000, FAULTS);
    assert!(review <= 140, "{review}: at most 1 % may need review");
}

#[test]
fn a_report_after_a_crash_says_what_the_resumed_run_will_find() {
    let bench = Bench::new(Settings { latency_ms: (10, 20), ..Settings::default() });
    bench.write("in.csv", factors(300).0);
    let mut child = spawn(bench.import("in.csv").args(["--concurrency", "32"]));
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

#[test]
fn while_a_429_holds_everybody_nothing_is_in_doubt() {
    let bench = Bench::new(Settings {
        latency_ms: (5, 10),
        faults: Fault::parse_list("429=2%x1").unwrap(),
        retry_after: RetryAfter::Literal("600".into()),
        ..Settings::default()
    });
    bench.write("in.csv", factors(800).0);
    let mut command = bench.import("in.csv");
    let mut child = spawn(command.args(["--rate", "5000", "--verbose", "--log-file", "run.log"]));
    let log = || fs::read_to_string(bench.path("run.log")).unwrap_or_default();
    until("the refusal is read", || log().contains("waiting after a 429"));
    // What was about to go has an intent; it is taken back, and what is in flight is answered. An
    // intent may be on its way to the disk at a moment at which nothing is in flight.
    let mut calm = 0;
    until("nothing is in flight, and nothing comes", || {
        let tenant = bench.tenant().stats();
        let states = bench.states("in.csv.ledger");
        let created = states.get("created").copied().unwrap_or_default();
        let is_calm = !states.contains_key("in_flight")
            && tenant.in_flight == 0
            && u64::try_from(created).unwrap() == tenant.created;
        calm = if is_calm { calm + 1 } else { 0 };
        calm == 10
    });
    signal(&child, "-KILL");
    child.wait().unwrap();
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.states("in.csv.ledger")["created"], 800, "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Get), 0, "nothing had to be looked up");
}
