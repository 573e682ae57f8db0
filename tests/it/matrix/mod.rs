//! The fault matrix (reliability.md 2) as a table of facts: what goes wrong, how it is made to, and
//! how a run must end. A row has cases of its own, checks that are not quite one run, tests
//! elsewhere, or says why it has none.
//!
//! How a case is run ([`Case::run`]): a tenant with these faults, and a file of 24 factors of eight
//! users. One import goes to the tenant by `path`; it ends with one of `exits` and leaves the rows
//! of `after_first`. Then the same command is run as often as it takes (`then: Mended`: of a tenant
//! without the faults), until the ledger stands as `end` says, and the tenant holds what the ledger
//! says and nothing else, having been asked as often as `posts`, `gets` and `tokens` allow.
//!
//! `cargo test --test it matrix -- --nocapture` prints the table; `MFAFERRY_TEST_ROW=33` runs one
//! row alone.

mod answers;
mod checks;
mod table;

use std::{
    collections::BTreeSet,
    fs,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Child, Command},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mfaferry::sandbox::{Conflict, Fault, Settings, Verb};

use self::table::ROWS;
use crate::{
    between::{Answer, Between, Request, Reset},
    door::Door,
    support::{Bench, Done, around, binary, factors, read, run_bounded, signal, spawn, until},
};

/// Factors of each run, of eight users.
const FACTORS: usize = 24;
/// Seed of every tenant here.
const SEED: u64 = 23;
/// Cases side by side: most of a case is waiting.
const LANES: usize = 8;

/// A row of the matrix, with whatever holds it.
struct Row {
    number: usize,
    fault: &'static str,
    /// Runs, made here.
    cases: &'static [Case],
    /// Checks that are not quite a run, made here.
    checks: &'static [(&'static str, fn())],
    /// Tests elsewhere.
    tests: &'static [&'static str],
    /// Reason why it is not held, or not all of it.
    not_covered: &'static str,
}

/// A row that nothing holds; each row says how it differs.
const EMPTY_ROW: Row =
    Row { number: 0, fault: "", cases: &[], checks: &[], tests: &[], not_covered: "" };

/// One way to make a fault, and what must come of it.
struct Case {
    /// The case in words, where its faults do not say it.
    what: &'static str,
    /// Faults of the tenant.
    faults: &'static str,
    /// Changes the tenant's other settings.
    tenant: fn(&mut Settings),
    path: Path,
    /// With a ready token not even a token has to be asked for.
    ready_token: bool,
    /// More flags of the import.
    flags: &'static [&'static str],
    /// Before the first run.
    before: fn(&Bench),
    /// During the first run.
    during: fn(&Bench, &Child),
    /// Exit codes that the first run may have; any at all, if there are none.
    exits: &'static [i32],
    /// Rows that the ledger must have after it, by state.
    after_first: &'static [(&'static str, RangeInclusive<usize>)],
    /// Sequel to the first run.
    then: Then,
    /// Rows of the ledger in the end, by state.
    end: &'static [(&'static str, usize)],
    /// Requests in all.
    posts: RangeInclusive<u64>,
    gets: RangeInclusive<u64>,
    tokens: RangeInclusive<u64>,
    /// The tenant must hold what was asked for and nothing else.
    is_audited: bool,
}

/// A tenant without a fault, which creates everything in one run; each case says how it differs.
const USUAL: Case = Case {
    what: "",
    faults: "",
    tenant: |_| {},
    path: Path::Straight,
    ready_token: false,
    flags: &[],
    before: |_| {},
    during: |_, _| {},
    exits: &[0],
    after_first: &[],
    then: Then::Again,
    end: &[("created", FACTORS)],
    posts: 0..=u64::MAX,
    gets: 0..=u64::MAX,
    tokens: 0..=u64::MAX,
    is_audited: true,
};

/// Sequel to the first run of a case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The same command, of the same tenant.
    Again,
    /// The same command, of a healthy tenant, which knows nothing of the first run.
    Mended,
    /// Nothing: this tenant never comes round.
    Nothing,
}

/// The binary's way to the tenant.
#[derive(Clone, Copy)]
enum Path {
    Straight,
    /// Somebody between, who passes on nothing but what this says.
    Through(Answer),
    /// Somebody between, who resets these connections unread.
    Resets(Reset),
    /// A shell that does something first.
    Shell(&'static str),
    /// A door that stands where the tenant should be, at first.
    Away(fn() -> Door),
}

/// Closes what descriptors bash was given but the standard ones, so that a limit on them means the
/// same whoever runs the tests. (`sh` may not be able to name one above 9.)
const DISINHERIT: &str =
    "for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval \"exec $fd>&-\"; done";

#[test]
fn a_case_in_a_shell_has_no_descriptors_of_those_who_run_the_tests() {
    let script = format!("{DISINHERIT}; echo /proc/$$/fd/*");
    let mut listing = Command::new("bash");
    listing.args(["-c", &script]);
    let given = "exec 3</dev/null 9</dev/null 12</dev/null; exec \"$0\" \"$@\"";
    let done = run_bounded(&mut around("bash", &["-c", given], &listing));
    let left: Vec<_> =
        done.stdout.split_whitespace().map(|path| path.rsplit('/').next().unwrap()).collect();
    // The last is bash's own, for as long as it lists them.
    assert_eq!(left, ["0", "1", "2", "3"], "{done:?}");
}

impl Case {
    fn name(&self) -> String {
        let parts = [self.faults, self.what].into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(": ")
    }

    /// The case's tenant, which never says 409 by itself: what is sent twice is there twice.
    fn settings(&self) -> Settings {
        let mut settings = Settings {
            faults: Fault::parse_list(self.faults).unwrap(),
            conflict: Conflict::OFF,
            static_tokens: vec!["ready".into()],
            late_by_ms: 900,
            seed: SEED,
            ..Settings::default()
        };
        (self.tenant)(&mut settings);
        settings
    }

    fn import(&self, bench: &Bench, url: &str) -> Command {
        let mut command = binary();
        command.current_dir(bench.folder.path()).args(["import", "in.csv", "--base-url", url]);
        command.args(["--rate", "2000", "--output", "json"]);
        command.args(["--timeout", "500ms", "--settle", "250ms", "--concurrency", "4"]);
        command.args(self.flags);
        command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "secret");
        if self.ready_token {
            command.env("AUTH0_API_TOKEN", "ready");
        }
        command
    }

    /// Runs the case; see the module.
    fn run(&self) {
        let what = self.name();
        let mut bench = Bench::new(self.settings());
        let (csv, wanted, users) = factors(FACTORS);
        bench.write("in.csv", csv);
        (self.before)(&bench);
        let address = bench.tenant().addr();
        let between = match self.path {
            Path::Through(answer) => Some(Between::start(address, |_| false, answer)),
            Path::Resets(reset) => Some(Between::start(address, reset, Request::pass)),
            Path::Straight | Path::Shell(_) | Path::Away(_) => None,
        };
        let mut door = match self.path {
            Path::Away(door) => Some(door()),
            _ if self.then == Then::Mended => Some(Door::open(address)),
            _ => None,
        };
        let place = door.as_ref().map(|door| door.address);
        let place = place.or(between.as_ref().map(|one| one.address)).unwrap_or(address);
        let url = format!("http://{place}");

        let first = self.run_first(&bench, &url);
        if self.then == Then::Nothing {
            return;
        }
        if self.then == Then::Mended {
            bench.replace_tenant(Settings { faults: vec![], ..self.settings() });
        }
        if let Some(door) = &mut door {
            door.lead_to(bench.tenant().addr());
        }
        let mut last = first;
        // With `--max-errors 5` a run may settle no more than five of the 24 rows.
        for _ in 0..5 {
            if !matches!(last.code, Some(0 | 4)) {
                last = run_bounded(&mut self.import(&bench, &url));
            }
        }
        assert!(matches!(last.code, Some(0 | 4)), "{what}: {last:?}");
        let states = if self.is_audited {
            bench.audit("in.csv.ledger", &wanted, &users)
        } else {
            bench.states("in.csv.ledger")
        };
        let end = self.end.iter().map(|(state, count)| ((*state).to_owned(), *count));
        assert_eq!(states, end.collect(), "{what}: {last:?}");
        let asked = bench.tenant().stats();
        for (verb, range) in
            [(Verb::Post, &self.posts), (Verb::Get, &self.gets), (Verb::Token, &self.tokens)]
        {
            let count = asked.requests(verb);
            assert!(range.contains(&count), "{what}: {count} {verb:?} and not {range:?}; {last:?}");
        }
        assert_eq!(asked.overlaps, 0, "{what}");
    }

    /// Runs the import under the fault, and holds its end.
    fn run_first(&self, bench: &Bench, url: &str) -> Done {
        let what = self.name();
        let mut command = self.import(bench, url);
        if let Path::Shell(script) = self.path {
            command = around("bash", &["-c", &format!("{DISINHERIT}; {script}")], &command);
        }
        let child = spawn(&mut command);
        (self.during)(bench, &child);
        until("the run ends", || !is_alive(&child));
        let first = read(&child.wait_with_output().unwrap());
        let expected = first.code.is_some_and(|code| self.exits.contains(&code));
        assert!(expected || self.exits.is_empty(), "{what}: {first:?}");
        assert!(!first.stderr.contains("internal error"), "{what}: {first:?}");
        if !self.after_first.is_empty() {
            let states = bench.states("in.csv.ledger");
            for (state, range) in self.after_first {
                let count = states.get(*state).copied().unwrap_or_default();
                assert!(range.contains(&count), "{what}: {states:?} after {first:?}");
            }
        }
        first
    }
}

/// Returns true if a process is there and no zombie.
fn is_alive(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn stop_once_refused(bench: &Bench, child: &Child) {
    until("the tenant has refused a request", || bench.tenant().stats().throttled > 0);
    assert!(is_alive(child), "it should wait for the tenant");
    signal(child, "-INT");
}

/// Stops the process for longer than an answer is waited for, and longer than a token of one second
/// lives.
fn stop_and_continue(bench: &Bench, child: &Child) {
    until("some are under way", || bench.tenant().stats().created > 4);
    signal(child, "-STOP");
    #[expect(clippy::disallowed_methods, reason = "the time that passes is the fault")]
    std::thread::sleep(Duration::from_millis(1100));
    signal(child, "-CONT");
}

#[test]
fn the_table_has_every_row_of_the_matrix_once_and_names_tests_that_exist() {
    let numbers: Vec<_> = ROWS.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=62).collect::<Vec<_>>());
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut source = String::new();
    for folder in ["it", "sim"] {
        for file in fs::read_dir(tests.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                source += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut bare = BTreeSet::new();
    for row in ROWS {
        let tell = |what: &str| println!("{:>2} {}: {what}", row.number, row.fault);
        row.cases.iter().for_each(|case| tell(&case.name()));
        row.checks.iter().for_each(|(what, _)| tell(what));
        for name in row.tests {
            let there = source.contains(&format!("#[test]\nfn {name}()"))
                || source.contains(&format!("]\nfn {name}()"));
            assert!(there, "row {}: there is no test `{name}`", row.number);
            tell(&format!("see {name}"));
        }
        if !row.not_covered.is_empty() {
            tell(&format!("NOT COVERED: {}", row.not_covered));
        }
        if row.cases.is_empty() && row.checks.is_empty() && row.tests.is_empty() {
            assert!(!row.not_covered.is_empty(), "row {} does not say why", row.number);
            bare.insert(row.number);
        }
    }
    assert_eq!(bare, BTreeSet::from([44, 58, 60]), "no row loses its cover unnoticed");
}

#[test]
fn every_fault_of_the_matrix_ends_as_it_must() {
    #[expect(clippy::disallowed_methods, reason = "one row at a time, to look at a failure")]
    let only: Option<usize> =
        std::env::var("MFAFERRY_TEST_ROW").ok().map(|row| row.parse().unwrap());
    let mut runs: Vec<(String, Box<dyn Fn() + Send + Sync>)> = Vec::new();
    for row in ROWS.iter().filter(|row| only.is_none_or(|only| only == row.number)) {
        let name = |what: &str| format!("{} {}: {what}", row.number, row.fault);
        for case in row.cases {
            runs.push((name(&case.name()), Box::new(|| case.run())));
        }
        for (what, check) in row.checks {
            runs.push((name(what), Box::new(check)));
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((name, run)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(run)).is_err() {
                        wrong.lock().unwrap().push(name.clone());
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} cases of the matrix, {} wrong, seed {SEED}", runs.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
