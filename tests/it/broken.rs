//! Faults of one user, one page or one connection, which are nobody else's trouble.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

use mfaferry::sandbox::{Fault, Kind, Method, Settings, Verb};

use crate::{
    between::{Between, reply},
    support::{Bench, Done, factors, run, run_bounded, side_by_side},
};

/// The user whose record is broken.
const BROKEN: &str = "user7";

/// Answers every GET about that user with a 500.
fn broken(bench: &Bench) -> Between {
    Between::start_with(bench.tenant().addr(), |request| {
        if request.verb == "GET" && request.path.contains(&format!("%7C{BROKEN}/")) {
            let body = r#"{"statusCode":500,"error":"Internal Server Error","message":"Internal"}"#;
            return reply("500 Internal Server Error", "content-type: application/json\r\n", body);
        }
        request.pass()
    })
}

/// The command with another place for the tenant.
fn through(mut command: Command, between: &Between) -> Command {
    command.args(["--base-url", &format!("http://{}", between.address)]);
    command
}

fn gets(bench: &Bench) -> usize {
    usize::try_from(bench.tenant().stats().requests(Verb::Get)).unwrap()
}

fn states(rows: &str, key: &str) -> BTreeMap<(String, String), usize> {
    let mut states = BTreeMap::new();
    for row in rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        *states.entry((text(key), text("user_id"))).or_default() += 1;
    }
    states
}

fn needs_attention(states: &BTreeMap<(String, String), usize>, bad: &str) -> (usize, usize) {
    let of = |own: bool| {
        let own = states
            .iter()
            .filter(|((state, user), _)| (state == bad, user.ends_with(BROKEN)) == (true, own));
        own.map(|(_, count)| *count).sum()
    };
    (of(true), of(false))
}

#[test]
fn one_users_broken_list_leaves_that_user_unanswered_and_all_others_verified() {
    let bench = Bench::new(Settings::default());
    bench.write("all.csv", factors(300).0);
    assert_eq!(run(&mut bench.import("all.csv")).code, Some(0));
    let between = broken(&bench);
    // Also where nobody else is left to ask about.
    let (csv, ..) = factors(300);
    let own = |line: &&str| line.starts_with("user_id") || line.contains(&format!("{BROKEN},"));
    bench.write("own.csv", csv.lines().filter(own).collect::<Vec<_>>().join("\n"));
    for (input, concurrency) in [("all.csv", "32"), ("all.csv", "1"), ("own.csv", "32")] {
        let before = gets(&bench);
        let mut command = through(bench.command("verify"), &between);
        command.args([input, "--output", "jsonl", "--concurrency", concurrency]);
        let done = run_bounded(&mut command);
        assert_eq!(done.code, Some(4), "{done:?}");
        assert_eq!(
            needs_attention(&states(&done.stdout, "state"), "unanswered"),
            (3, 0),
            "{done:?}"
        );
        // The broken ones are not passed on. Each other user stands in three places; and probes.
        let others = if input == "all.csv" { 3 * 99 } else { 0 };
        assert!(
            (others..=others + 3).contains(&(gets(&bench) - before)),
            "{}",
            gets(&bench) - before
        );
    }
}

#[test]
fn one_users_broken_list_fails_that_user_and_all_others_are_exported() {
    let bench = Bench::new(Settings::default());
    let between = broken(&bench);
    let users: Vec<_> = (0..300).map(|number| format!("auth0|user{number}")).collect();
    bench.write("users.csv", format!("user_id\n{}", users.join("\n")));
    let mut command = through(bench.command("export"), &between);
    let done = run_bounded(command.args(["users.csv", "--out", "out.jsonl"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["exported"], &summary["failed"]), (&299.into(), &1.into()), "{summary}");
    assert_eq!(std::fs::read_to_string(bench.path("out.jsonl")).unwrap().lines().count(), 299);
    assert!(requests(&done) <= 299 + 3 + 3, "as often as --max-attempts says, and probes");
}

fn requests(done: &Done) -> u64 {
    done.json()["requests"].as_u64().unwrap()
}

#[test]
fn requests_that_may_be_repeated_are_made_as_often_as_max_attempts_says() {
    for (attempts, most) in [("1", 1_u64), ("3", 3), ("5", 5)] {
        let bench = Bench::new(Settings::default());
        let between = broken(&bench);
        bench.write("users.csv", format!("user_id\nauth0|{BROKEN}\n"));
        let mut command = through(bench.command("delete"), &between);
        command.args(["users.csv", "--all-methods", "--yes", "--max-attempts", attempts]);
        let done = run_bounded(&mut command);
        assert_eq!((done.code, &done.summary()["failed"]), (Some(4), &1.into()), "{done:?}");
        assert!((most..=most * 2).contains(&requests(&done)), "{done:?}");
    }
}

/// Users with so many methods each.
fn seed(bench: &Bench, users: usize, methods: usize) {
    for user in 0..users {
        let method = |number| Method::new(Kind::Email, format!("u{user}m{number}@example.com"));
        bench.tenant().seed(&format!("auth0|u{user}"), (0..methods).map(method).collect());
    }
}

/// One factor a user, which is not there yet.
fn one_each(users: usize) -> String {
    let rows = (0..users).map(|user| format!("auth0|u{user},email,new{user}@example.com"));
    format!("user_id,type,email\n{}\n", rows.collect::<Vec<_>>().join("\n"))
}

#[test]
fn only_the_page_that_failed_is_asked_for_again() {
    // Faults end before the run does. Otherwise a page of the last user could fail again and again,
    // and the probe that this leads to as well, which is an outage.
    let faults = Fault::parse_list("503-before@get=25%x40").unwrap();
    let bench = Bench::new(Settings { faults, seed: 3, masking: false, ..Settings::default() });
    seed(&bench, 60, 120);
    bench.write("in.csv", one_each(60));
    let mut command = bench.command("verify");
    let done = run_bounded(command.args(["in.csv", "--max-attempts", "12"]));
    assert_eq!((done.code, &done.json()["missing"]), (Some(4), &60.into()), "{done:?}");
    // 180 pages, 40 faults and a few probes; lists asked for anew would take some 260 requests.
    let asked = gets(&bench);
    assert!((220..=235).contains(&asked), "{asked}");
    assert!(done.json()["held_by_outage_seconds"].as_f64() < Some(3.0), "{done:?}");
}

#[test]
fn each_page_takes_a_permit_of_its_own() {
    side_by_side(&["verify", "import"], |name| {
        // What is in doubt is looked up, and checked once more.
        let faults = Fault::parse_list("close-after=40%x8").unwrap();
        let bench = Bench::new(Settings { faults, ..Settings::default() });
        seed(&bench, 20, 120);
        bench.write("in.csv", one_each(20));
        let mut command = bench.command(name);
        command.args(["in.csv", "--rate", "60", "--settle", "200ms"]);
        let done = run_bounded(&mut command);
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        let requests = bench.paced(60.0, 1.0);
        assert!(requests >= 60, "{name}: {requests}");
    });
}

#[test]
fn a_user_with_more_methods_than_anybody_has_has_no_usable_list() {
    for (methods, page, why) in [(1_000, 20, ""), (1_001, 3, "too_many_methods")] {
        let bench = Bench::new(Settings::default());
        seed(&bench, 1, methods);
        bench.write("in.csv", one_each(1));
        let done = run(bench.command("verify").args(["in.csv", "--output", "jsonl"]));
        let row: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(row["error"].as_str().unwrap_or_default(), why, "{row}");
        assert_eq!(gets(&bench), page);
    }
}

#[test]
fn connections_that_die_when_idle_fail_nobody_and_double_nothing() {
    // How long they may be idle, requests a second, and how many die before that is known.
    side_by_side(&[(150, "5", 2), (30, "20", 20), (5, "100", 40)], |(idle, rate, most)| {
        let bench = Bench::new(Settings::default());
        let died = Arc::new(AtomicUsize::new(0));
        let limit = Duration::from_millis(idle);
        let between = Between::start_dying(bench.tenant().addr(), limit, Arc::clone(&died));
        let count = if rate == "5" { 12 } else { 60 };
        let (csv, wanted, users) = factors(count);
        bench.write("in.csv", csv);
        let mut command = through(bench.import("in.csv"), &between);
        let done = run_bounded(command.args(["--rate", rate, "--timeout", "5s"]));
        assert_eq!((done.code, &done.summary()["created"]), (Some(0), &count.into()), "{done:?}");
        bench.audit("in.csv.ledger", &wanted, &users);
        let died = died.load(Ordering::Relaxed);
        assert!((1..=most).contains(&died), "{idle} ms: {died} died");
    });
}
