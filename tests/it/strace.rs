//! The real binary, killed at and lied to by its own system calls: `strace -e inject` needs no
//! root. Where strace is missing these tests fail; `.ci/run` installs it.
//!
//! A tenant of these tests never says 409: what is sent twice is there twice, and the oracle
//! ([`Bench::audit`]) sees it.
//!
//! `cargo test --test it -- --ignored --nocapture every_call` goes through all points.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use mfaferry::sandbox::{Conflict, Method, Settings};

use crate::support::{Bench, Done, around, factors, run_bounded};

/// Rows of the small run.
const ROWS: usize = 18;
/// Side by side: most of a point is waiting.
const LANES: usize = 4;

/// Calls that may be killed: all that change the ledger's files, the request's way out, and the
/// answer's way in. (`?`: not every machine has all of them.)
const CALLS: [&str; 16] = [
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "openat",
    "fchmod",
    "flock",
    "writev",
    "recvfrom",
];

/// Calls that may fail, and their errors.
const ERRORS: [(&str, &[&str]); 9] = [
    ("pwrite64", &["ENOSPC", "EIO", "EINTR"]),
    ("fsync", &["EIO", "ENOSPC", "EINTR"]),
    ("fdatasync", &["EIO", "ENOSPC", "EINTR"]),
    ("ftruncate", &["ENOSPC", "EIO", "EINTR"]),
    ("openat", &["ENOSPC", "EIO", "EMFILE"]),
    ("renameat2", &["ENOSPC", "EIO"]),
    ("unlink", &["EIO"]),
    ("flock", &["EIO", "ENOLCK"]),
    ("fchmod", &["EIO", "EROFS"]),
];

/// State that the run finds when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Start {
    /// No ledger.
    Nothing,
    /// A ledger that nothing is in.
    Empty,
    /// Remains of a killed run: factors in doubt, and a `-wal` that holds them.
    Crashed,
}

/// The `nth` call of that name in one thread, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    start: Start,
    call: String,
    nth: usize,
    /// The fate in strace's words: `signal=KILL` or `error=EIO`.
    fate: String,
    /// True if it strikes from then on, and not once.
    always: bool,
}

/// A bench before the run, and what is wanted of it.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    start: Start,
    wanted: Vec<Method>,
    users: Vec<String>,
}

impl Scene {
    pub(crate) fn set(start: Start) -> Self {
        let bench = Bench::new(Settings { conflict: Conflict::OFF, ..Settings::default() });
        let (csv, wanted, users) = factors(ROWS);
        bench.write("in.csv", &csv);
        let scene = Self { bench, start, wanted, users };
        match start {
            Start::Nothing => {}
            Start::Empty => {
                scene.bench.write("none.csv", csv.lines().next().unwrap());
                let mut command = scene.bench.import("none.csv");
                let done = run_bounded(command.args(["--ledger", "in.csv.ledger"]));
                assert_eq!(done.code, Some(0), "{done:?}");
            }
            Start::Crashed => {
                let killed = scene.run(Some("recvfrom:signal=KILL:when=5"));
                assert_eq!(killed.signal, Some(9), "{killed:?}");
                scene.bench.quiet();
                assert!(fs::metadata(scene.bench.path("in.csv.ledger-wal")).unwrap().len() > 0);
            }
        }
        scene
    }

    pub(crate) fn import(&self) -> Command {
        let mut command = self.bench.import("in.csv");
        command.args(["--settle", "100ms", "--concurrency", "4"]);
        if self.start == Start::Empty {
            // At so low a rate one thread does everything.
            command.args(["--rate", "400"]);
        }
        command
    }

    /// One run, under strace if something is to be injected.
    fn run(&self, inject: Option<&str>) -> Done {
        let Some(inject) = inject else {
            return run_bounded(&mut self.import());
        };
        let (call, inject) = (inject.split(':').next().unwrap(), format!("inject={inject}"));
        strace(call, &["-e", &inject], &self.import())
    }

    /// Runs until all is done, and judges.
    pub(crate) fn finish(&self) {
        self.bench.quiet();
        let mut done = self.run(None);
        if done.code != Some(0) {
            // Whatever stopped it must have been of the moment.
            done = self.run(None);
        }
        assert_eq!(done.code, Some(0), "{done:?}");
        self.judge();
    }

    pub(crate) fn judge(&self) {
        let states = self.bench.audit("in.csv.ledger", &self.wanted, &self.users);
        assert_eq!(states, BTreeMap::from([("created".to_owned(), ROWS)]), "nothing is lost");
        let held: usize = self.bench.tenant().state().values().map(Vec::len).sum();
        assert_eq!(held, ROWS);
        assert_eq!(self.bench.tenant().stats().overlaps, 0);
    }
}

/// Runs `inner` under strace. Fails where there is none: a skipped test proves nothing.
fn strace(calls: &str, arguments: &[&str], inner: &Command) -> Done {
    let trace = format!("trace={calls}");
    let all = [&["-f", "-qq", "-e", "signal=none", "-o", "strace.log", "-e", &trace], arguments];
    let mut command = around("strace", &all.concat(), inner);
    let there = Command::new("strace").arg("-V").output().is_ok();
    assert!(there, "there is no strace: apt-get install strace (.ci/run does)");
    let done = run_bounded(&mut command);
    assert!(!done.stderr.starts_with("strace: "), "strace does not work here: {}", done.stderr);
    done
}

/// Every call that a run from `start` makes on the ledger's behalf, by what strace counts: calls
/// of one name in one thread.
fn points(start: Start, calls: &[&str]) -> BTreeSet<(String, usize)> {
    let scene = Scene::set(start);
    let wanted: Vec<_> = calls.iter().map(|call| format!("?{call}")).collect();
    let done = strace(&wanted.join(","), &[], &scene.import());
    assert_eq!(done.code, Some(0), "{done:?}");
    let log = fs::read_to_string(scene.bench.path("strace.log")).unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        let Some(call) = calls.iter().find(|known| **known == call) else { continue };
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        // Of all the files that are opened, certificates and libraries matter to nobody.
        let ours = arguments.contains("in.csv.ledger") || arguments.contains(".mfaferry-new-");
        if *call != "openat" || ours {
            found.insert(((*call).to_owned(), *count));
        }
    }
    assert!(found.len() > 20, "{start:?}: {found:?}\n{log}");
    found
}

fn kill_points() -> Vec<Point> {
    let mut all = Vec::new();
    for start in [Start::Nothing, Start::Empty, Start::Crashed] {
        for (call, nth) in points(start, &CALLS) {
            all.push(Point { start, call, nth, fate: "signal=KILL".into(), always: false });
        }
    }
    all
}

fn error_points() -> Vec<Point> {
    let mut all = Vec::new();
    for start in [Start::Nothing, Start::Empty, Start::Crashed] {
        let calls: Vec<_> = ERRORS.iter().map(|(call, _)| *call).collect();
        for (call, nth) in points(start, &calls) {
            let errors = ERRORS.iter().find(|(known, _)| *known == call).unwrap().1;
            for error in errors {
                // What is interrupted is tried again, and always again; and without ever opening
                // a file no program begins.
                let once = *error == "EINTR" || call == "openat";
                for always in if once { &[false][..] } else { &[false, true] } {
                    let (always, fate) = (*always, format!("error={error}"));
                    all.push(Point { start, call: call.clone(), nth, fate, always });
                }
            }
        }
    }
    all
}

impl Point {
    fn inject(&self) -> String {
        let sign = if self.always { "+" } else { "" };
        format!("{}:{}:when={}{sign}", self.call, self.fate, self.nth)
    }

    /// Killed there; on every other point the resumed run is killed at the same call, too.
    /// Returns how many kills there were.
    fn kill(&self) -> usize {
        let scene = Scene::set(self.start);
        let mut kills = 0;
        for _ in 0..=self.nth % 2 {
            let done = scene.run(Some(&self.inject()));
            // Group commit: a run may take fewer calls than the one that was counted.
            assert!(done.signal == Some(9) || done.code == Some(0), "{done:?}");
            kills += usize::from(done.signal == Some(9));
            scene.bench.quiet();
        }
        scene.finish();
        kills
    }

    /// Fails there: said clearly, and a run without the fault finishes. Returns whether the
    /// fault was felt at all.
    fn fail(&self) -> usize {
        let scene = Scene::set(self.start);
        let done = scene.run(Some(&self.inject()));
        // Of what is opened, 127 is a library's, 3 is `mfaferry.toml`'s and 2 the input's.
        let early = self.call == "openat" && matches!(done.code, Some(2 | 3 | 127));
        assert!(early || matches!(done.code, Some(0 | 1 | 6)), "{done:?}");
        assert!(!done.stderr.contains("internal error"), "{done:?}");
        if done.code != Some(0) {
            assert!(done.stderr.contains("error"), "{done:?}");
        }
        scene.finish();
        usize::from(done.code != Some(0))
    }
}

/// Goes through the points, several side by side; returns what they counted, and who failed.
fn go_through(points: &[Point], what: impl Fn(&Point) -> usize + Sync) -> (usize, Vec<Point>) {
    let (next, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match catch_unwind(AssertUnwindSafe(|| what(point))) {
                        Ok(counted) => drop(count.fetch_add(counted, Ordering::Relaxed)),
                        Err(_) => failed.lock().unwrap().push(point.clone()),
                    }
                }
            });
        }
    });
    (count.into_inner(), failed.into_inner().unwrap())
}

/// `count` of them, evenly spread.
fn spread(points: Vec<Point>, count: usize) -> Vec<Point> {
    let step = points.len().div_ceil(count).max(1);
    points.into_iter().step_by(step).collect()
}

#[test]
fn killed_at_calls_spread_over_a_run_it_resumes_and_creates_everything_once() {
    let points = spread(kill_points(), 24);
    let (kills, failed) = go_through(&points, Point::kill);
    println!("{} kill points, {kills} kills, violations: {failed:?}", points.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(kills >= 18, "{kills} kills only");
}

#[test]
fn an_error_of_any_call_is_said_and_the_next_run_finishes() {
    let mut points = spread(error_points(), 24);
    // SQLite tells nobody that this one keeps it from making a `-wal`.
    let (call, fate) = ("unlink".into(), "error=EIO".into());
    points.push(Point { start: Start::Nothing, call, nth: 1, fate, always: false });
    let (felt, failed) = go_through(&points, Point::fail);
    println!("{} error points, {felt} stopped the run, violations: {failed:?}", points.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(felt >= 12, "{felt} were felt only");
}

#[test]
#[ignore = "long: all points"]
fn every_call_killed_or_failed_loses_and_doubles_nothing() {
    let points = kill_points();
    let (kills, killed_badly) = go_through(&points, Point::kill);
    println!("{} kill points, {kills} kills, violations: {killed_badly:?}", points.len());
    let points = error_points();
    let (felt, failed_badly) = go_through(&points, Point::fail);
    println!("{} error points, {felt} stopped the run, violations: {failed_badly:?}", points.len());
    assert!(killed_badly.is_empty() && failed_badly.is_empty());
}
