//! The estimate of a run, against the run: so many questions are asked at the pacer as a preflight
//! asks, and an estimate is made of what was learnt; then a run sends so many requests.
//!
//! `cargo test --test pacing estimate -- --nocapture` prints the table.

use std::{fmt::Write, thread, time::Duration};

use mfaferry::{
    engine::Concurrency,
    model::LocalTime,
    preflight::{Estimate, RateConditions, Workload},
    sandbox::Limit,
};

use crate::{scenario::Scenario, scenarios, world};

/// Questions of a preflight: five about the tenant, and the lists of 20, 100 or, by default, 200
/// users.
const QUESTIONS: [usize; 3] = [25, 105, 205];
/// Time between the questions and the run.
const PAUSE: Duration = Duration::from_secs(10);
/// Factors of a run at most.
const MOST: f64 = 25_000.0;
/// Largest distance of an estimate from the run, in percent, that 19 of 20 may have.
const USUAL: f64 = 10.0;
/// Scenarios of which the questions can show too little; there must be no estimate.
const UNKNOWN: &[(&str, &str)] = &[
    ("025-5000", "205 requests leave a bucket of 2,500 full"),
    ("035-window-5000", "205 requests leave a bucket of 5,000 full"),
];

/// Outcome of one scenario and number of questions.
struct Outcome {
    name: String,
    questions: usize,
    estimate: Option<f64>,
    took: f64,
    allowed: f64,
}

impl Outcome {
    /// Distance of the estimate from the run, in percent.
    fn off(&self) -> Option<f64> {
        Some((self.estimate? / self.took - 1.0) * 100.0)
    }

    fn line(&self) -> String {
        let estimate = self.estimate.map_or("unknown".to_owned(), |time| format!("{time:.1} s"));
        let off = self.off().map_or(String::new(), |off| format!("{off:+.1} %"));
        format!(
            "| {} | {} | {estimate} | {:.1} s | {off} |\n",
            self.name, self.questions, self.took
        )
    }

    /// Says what is wrong with it, if anything is.
    fn fault(&self, scenario: &Scenario) -> Option<String> {
        let is_unknown = !scenario.headers || UNKNOWN.iter().any(|(name, _)| *name == self.name);
        let Some(off) = self.off() else {
            // By default, whatever can be known is known.
            let is_known = !is_unknown && scenario.noise_per_s <= 0.0;
            let is_missing = self.questions == QUESTIONS[2] && is_known;
            return is_missing.then(|| format!("{}: no estimate", self.name));
        };
        let is_wrong = is_unknown || off.abs() > self.allowed;
        is_wrong.then(|| format!("{}, {} questions: off by {off:.1} %", self.name, self.questions))
    }
}

/// A tenant that changes later, or that other runs come to later, is no estimate's to know.
fn is_constant(scenario: &Scenario) -> bool {
    scenario.change_limit_at.is_empty() && scenario.runs_begin_at.len() == 1
}

#[test]
fn nineteen_of_twenty_estimates_are_within_a_tenth_of_what_the_run_takes() {
    let only = crate::variable("MFAFERRY_TEST_SCENARIO").unwrap_or_default();
    let given: Option<u64> =
        crate::variable("MFAFERRY_TEST_SEED").and_then(|seed| seed.parse().ok());
    let seeds = given.map_or(1..=4, |seed| seed..=seed);
    let (mut table, mut faults, mut offs) = (String::new(), Vec::new(), Vec::new());
    let mut all = 0;
    for seed in seeds {
        let runs: Vec<_> = scenarios()
            .into_iter()
            .filter(|(name, scenario)| name.contains(&only) && is_constant(scenario))
            .map(|(name, scenario)| thread::spawn(move || (play(&name, &scenario, seed), scenario)))
            .collect();
        write!(table, "\nSeed {seed}:\n\n| tenant | questions | estimate | run | off |\n").unwrap();
        table.push_str("| --- | --- | --- | --- | --- |\n");
        for run in runs {
            let (played, scenario) = run.join().unwrap();
            let wrong = played.iter().filter_map(|outcome| outcome.fault(&scenario));
            faults.extend(wrong.map(|fault| format!("with seed {seed}: {fault}")));
            table.extend(played.iter().map(Outcome::line));
            offs.extend(played.iter().filter_map(Outcome::off));
            all += played.len();
        }
    }
    println!("{table}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if given.is_none() && only.is_empty() {
        let far = offs.iter().filter(|off| off.abs() > USUAL).count();
        assert!(far * 20 <= offs.len(), "{far} of {} are far off", offs.len());
        assert!(offs.len() * 2 > all, "{} of {all} are not rough", offs.len());
    }
}

/// Asks and estimates, and after the most questions sends what the tenant grants in about the time
/// of the scenario.
fn play(name: &str, scenario: &Scenario, seed: u64) -> Vec<Outcome> {
    let factors = factors(scenario);
    let measured = |questions, is_run| {
        let (estimate, took) = rehearse(scenario, seed, (questions, PAUSE), (factors, is_run));
        let measured = estimate.duration().filter(|_| !estimate.is_rough());
        (measured.as_ref().map(Duration::as_secs_f64), took)
    };
    let [few, some, many] = QUESTIONS;
    let (by_many, took) = measured(many, true);
    let estimates = [measured(few, false).0, measured(some, false).0, by_many];
    let outcome = |((questions, estimate), allowed)| {
        let name = name.to_owned();
        Outcome { name, questions, estimate, took, allowed }
    };
    QUESTIONS.into_iter().zip(estimates).zip(allowed(scenario, seed)).map(outcome).collect()
}

/// Returns how far off the run an estimate may be at most, in percent, by each number of questions:
/// beside others who send at random, some seconds do not show how much, and with most seeds there
/// is some tenant whose questions come at a bad moment.
fn allowed(scenario: &Scenario, seed: u64) -> [f64; 3] {
    match (seed, scenario.noise_per_s > 0.0) {
        (1, false) => [15.0, 10.0, 10.0],
        (1, true) => [30.0, 15.0, 10.0],
        (_, false) => [25.0; 3],
        (_, true) => [40.0; 3],
    }
}

/// Asks so many questions, pauses, and estimates a run of so many factors; runs it, too, if that is
/// wanted, and returns how many seconds it took.
pub(crate) fn rehearse(
    scenario: &Scenario,
    seed: u64,
    asked: (usize, Duration),
    (factors, is_run): (u64, bool),
) -> (Estimate, f64) {
    let work = Workload { factors, ..Workload::default() };
    let requests = if is_run { usize::try_from(work.requests()).unwrap() } else { 0 };
    let (learnt, took) = world::rehearse(scenario, seed, asked, requests);
    let concurrency = Concurrency::Fixed(usize::try_from(scenario.concurrency).unwrap());
    let pace = RateConditions { pacing: scenario.pacing(), concurrency, learnt };
    (Estimate::of(&work, &pace, LocalTime::default()), took.as_secs_f64())
}

/// Tenant, factors, questions, and the distance of the estimate from the run that is allowed.
type Case = (Limit, f64, u64, usize, f64);

#[test]
fn the_estimate_holds_for_a_run_right_after_the_questions_and_for_long_windows() {
    let bucket = |rate, burst| Limit::TokenBucket { rate, burst };
    let window = |rate, window_s| Limit::FixedWindow { rate, window_s, burst: rate };
    let cases: [Case; 9] = [
        // The questions have used up the bucket.
        (bucket(16.0, 50), 0.5, 700, 205, 10.0),
        (bucket(16.0, 50), 0.2, 300, 205, 10.0),
        (bucket(16.0, 50), 0.2, 60, 64, 25.0),
        (bucket(2.0, 10), 0.2, 100, 104, 10.0),
        (bucket(2.0, 10), 0.2, 60, 65, 10.0),
        // The bucket is refilled after more than a second.
        (window(30, 10), 0.2, 120, 124, 25.0),
        (window(50, 10), 0.2, 250, 205, 25.0),
        (window(100, 20), 0.2, 200, 204, 25.0),
        (window(120, 10), 0.2, 4_000, 205, 25.0),
    ];
    let mut wrong = Vec::new();
    for (limit, reserve, factors, questions, allowed) in cases {
        let scenario = Scenario::of(limit, reserve * 100.0);
        let (estimate, took) = at_once(&scenario, factors, questions);
        let told = estimate.duration().unwrap().as_secs_f64();
        let off = (told / took - 1.0) * 100.0;
        let line = format!("{limit:?}, {factors}: {told:.1} s, took {took:.1} s: {off:+.1} %");
        println!("{line}");
        if off.abs() > allowed || estimate.is_rough() {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_given_rate_is_the_estimate_unless_the_tenant_allows_less() {
    let limit = Limit::TokenBucket { rate: 100.0, burst: 50 };
    for rate in [10.0, 20.0, 50.0, 150.0] {
        let mut scenario = Scenario::of(limit, 20.0);
        scenario.rate = Some(rate);
        let (estimate, took) = at_once(&scenario, 2_000, 64);
        let told = estimate.duration().unwrap().as_secs_f64();
        assert!(!estimate.is_rough(), "{rate}/s");
        assert!((told / took - 1.0).abs() < 0.03, "{rate}/s: {told:.1} s, took {took:.1} s");
    }
}

#[test]
fn few_answers_give_a_rough_estimate() {
    for limit in [
        Limit::TokenBucket { rate: 16.0, burst: 50 },
        Limit::TokenBucket { rate: 2.0, burst: 10 },
        Limit::TokenBucket { rate: 100.0, burst: 100 },
    ] {
        for questions in [1, 2, 5, 12, 25] {
            let (estimate, took) = at_once(&Scenario::of(limit, 20.0), 1_000, questions);
            let told = estimate.duration().unwrap().as_secs_f64();
            println!("{limit:?}, {questions}: {told:.1} s, took {took:.1} s");
            assert!(told < took * 10.0 && told > took / 10.0, "{limit:?}, {questions}");
            assert!(questions > 5 || estimate.is_rough(), "{limit:?}, {questions}");
        }
    }
}

/// Estimates a run of so many factors that follows the questions at once, and runs it.
fn at_once(scenario: &Scenario, factors: u64, questions: usize) -> (Estimate, f64) {
    rehearse(scenario, 1, (questions, Duration::ZERO), (factors, true))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
pub(crate) fn factors(scenario: &Scenario) -> u64 {
    (world::offered(scenario) * 0.8).min(MOST) as u64
}
