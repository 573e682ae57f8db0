//! A simulator of the protocol: the real engine, delivery, retry, reconcile and ledger decisions
//! against a scripted tenant and a disk that forgets, on a paused clock, all driven by one seed.
//! A conservation oracle judges each run: every factor settled in one state, the tenant holds
//! what the ledger says, nothing twice, nothing unasked.
//!
//! `cargo test --release --test sim -- --ignored --nocapture` runs many more seeds, from
//! `MFAFERRY_TEST_SEED` on, `MFAFERRY_TEST_SEEDS` of them, and prints what it went through.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests end in a panic")]

mod clock;
mod disk;
mod mutants;
mod oracle;
mod run;
mod tenant;
mod world;

use run::{Scenario, Totals, simulate};

/// Seeds that every `cargo test` runs.
const SEEDS: u64 = if cfg!(debug_assertions) { 400 } else { 4_000 };

fn number(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a seed to repeat a failure with")]
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn share(totals: &Totals) -> String {
    let per_cent = |count: u64, of: u64| {
        let hundredths = count * 10_000 / of.max(1);
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    };
    format!(
        "reviews: {} of all, {} of those with look-alikes",
        per_cent(totals.needs_review, totals.records),
        per_cent(totals.alike_needs_review, totals.alike)
    )
}

fn all(first: u64, count: u64, scenario: impl Fn(u64) -> Scenario + Sync) -> Totals {
    let threads = 2;
    let parts: Vec<Totals> = std::thread::scope(|scope| {
        let scenario = &scenario;
        let work = |part| {
            move || {
                let mut totals = Totals::default();
                for seed in (first + part..first + count).step_by(threads) {
                    let judged = simulate(&scenario(seed));
                    let violations = &judged.violations;
                    assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
                    totals.add(&judged);
                }
                totals
            }
        };
        let running: Vec<_> = (0..threads as u64).map(|part| scope.spawn(work(part))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut totals = Totals::default();
    for part in &parts {
        totals.add(part);
    }
    totals
}

#[test]
fn at_any_crash_and_under_any_fault_nothing_is_lost_and_nothing_doubled() {
    let first = number("MFAFERRY_TEST_SEED", 1);
    let totals = all(first, SEEDS, Scenario::swarm);
    println!("seeds {first}..{}: {totals}", first + SEEDS);
    assert!(totals.crashes > SEEDS && totals.doubts > SEEDS, "{totals}");
    assert!(totals.needs_review * 100 <= totals.records, "at most 1 % may need review: {totals}");
}

/// Most users have enrolled something before: what is well older than an attempt is not its work,
/// whatever the list hides and whichever clock is wrong.
#[test]
fn old_look_alikes_and_wrong_clocks_lose_and_double_nothing_and_leave_one_in_a_hundred_to_a_person()
{
    let first = number("MFAFERRY_TEST_SEED", 1);
    let totals = all(first, SEEDS, Scenario::look_alikes);
    println!("seeds {first}..{}: {totals}; {}", first + SEEDS, share(&totals));
    assert!(totals.alike * 5 >= totals.records, "{totals}");
    assert!(totals.needs_review * 100 <= totals.records, "{totals}");
}

#[test]
fn an_import_taken_back_at_any_crash_leaves_nothing_of_it_and_can_be_made_anew() {
    let first = number("MFAFERRY_TEST_SEED", 1);
    let totals = all(first, SEEDS / 2, |seed| Scenario { undo: true, ..Scenario::swarm(seed) });
    println!("seeds {first}..{}: {totals}", first + SEEDS / 2);
    assert!(totals.crashes > SEEDS, "{totals}");
}

#[test]
fn two_days_of_outages_expiries_and_crashes_lose_and_double_nothing() {
    two_days(1_800);
}

#[test]
#[ignore = "long: 9,000 records"]
fn two_days_of_a_larger_file_lose_and_double_nothing() {
    two_days(9_000);
}

fn two_days(rows: usize) {
    let first = number("MFAFERRY_TEST_SEED", 1);
    let totals = all(first, 1, |seed| Scenario::two_days(seed, rows));
    println!("{totals}");
    assert!(totals.seconds >= 48 * 3600 && totals.crashes >= 20, "{totals}");
}

/// One process, with nothing wrong but what `manners` says.
fn calm(seed: u64, users: usize, manners: tenant::Manners) -> Scenario {
    Scenario {
        rows: users * 4,
        users,
        crashes: 0,
        first: mfaferry::jobs::create::Step::Send,
        manners,
        ..Scenario::swarm(seed)
    }
}

#[test]
fn one_users_broken_record_needs_review_and_stops_nobody_else() {
    for (seed, users) in (1..).zip([1, 1, 2, 3, 4, 8, 40, 40]) {
        let broken = "auth0|0";
        let manners =
            || tenant::Manners { broken_user: Some(broken), ..tenant::Manners::default() };
        let scenario = calm(seed, users, manners());
        let own: std::collections::HashSet<_> = scenario
            .factors()
            .iter()
            .filter(|factor| factor.user.as_str() == broken)
            .map(|factor| format!("{} {}", factor.factor_type(), factor.identity()))
            .collect();
        let totals = simulate(&scenario);
        assert_eq!(totals.violations, [""; 0], "{users} users");
        assert_eq!((totals.needs_review, totals.failed), (own.len() as u64, 0), "{users} users");
        // Its factors go one after the other, and each is looked up so often and no more.
        let most = (own.len() as u64 + 1) * 5 * 60;
        assert!(totals.seconds < most, "{} s for {} factors", totals.seconds, own.len());
    }
}

#[test]
fn an_outage_that_meets_the_last_few_users_leaves_none_of_them_to_a_person() {
    for (seed, users) in (1..).zip([1, 1, 1, 2, 2, 3, 4]) {
        let outages = vec![(0, 20 * 60_000)];
        let totals =
            simulate(&calm(seed, users, tenant::Manners { outages, ..Default::default() }));
        assert_eq!(totals.violations, [""; 0], "{users} users");
        assert_eq!((totals.needs_review, totals.failed), (0, 0), "{users} users: {totals}");
    }
}

/// Gain of `--name-marker`: users enrol an authenticator under the very name of ours while ours is
/// in doubt. By name alone that cannot be told apart; by the mark it can.
#[test]
fn marks_tell_a_totp_in_doubt_from_one_that_the_user_enrolled_under_its_name() {
    let unsure = |name_marker: bool| {
        let (mut unsure, mut totals) = (0, Totals::default());
        for seed in 1..=SEEDS / 4 {
            let mut scenario = Scenario::swarm(seed);
            scenario.name_marker = name_marker;
            scenario.first = mfaferry::jobs::create::Step::Send;
            scenario.manners.enrols_same = 0.3;
            scenario.manners.lost_before = 0.1;
            scenario.manners.lost_after = 0.1;
            let judged = simulate(&scenario);
            unsure += judged.needs_review + judged.violations.len() as u64;
            totals.add(&judged);
        }
        println!("marked: {name_marker}: {totals}");
        unsure
    };
    let (by_name, by_mark) = (unsure(false), unsure(true));
    println!("not told apart: {by_name} by name, {by_mark} by mark");
    assert!(by_name >= 20, "{by_name}");
    assert!(by_mark * 20 <= by_name, "{by_mark} of {by_name}");
}

#[test]
#[ignore = "long: millions of records"]
fn many_seeds_lose_and_double_nothing() {
    let first = number("MFAFERRY_TEST_SEED", 1_000_000);
    let count = number("MFAFERRY_TEST_SEEDS", 60_000);
    for scenario in [Scenario::swarm, Scenario::look_alikes] {
        let totals = all(first, count, scenario);
        println!("seeds {first}..{}: {totals}; violations found: 0", first + count);
        println!("{}", share(&totals));
    }
}
