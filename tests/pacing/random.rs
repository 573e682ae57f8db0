//! Tenants drawn at random, to find what no scenario describes: each has to get about its share of
//! the limit, and its estimate has to be near the run, or called rough. A tenant that comes out
//! badly belongs in `scenarios/`.
//!
//! `MFAFERRY_TEST_TENANTS=3000 cargo test --test pacing random -- --nocapture` draws more and
//! prints all of them by how they come out; `MFAFERRY_TEST_SEED=7` draws others.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use mfaferry::sandbox::Limit;

use crate::{estimate, scenario::Scenario, variable, world};

/// Questions of a preflight by default.
const QUESTIONS: usize = 205;
/// Factors of a run at most, after the questions.
const MOST: u64 = 3_000;

/// Draws a tenant, its other traffic and a reserve. So many requests may be in flight that only the
/// pace counts.
fn draw(rng: &mut Rng) -> Scenario {
    let rate = rng.choice([2_u32, 5, 10, 16, 25, 40, 50, 100, 200]).unwrap();
    let sizes = [rate / 2, rate, rate * 2, rate * 3, rate * 5].map(|size| size.max(5));
    let burst = rng.choice(sizes).unwrap();
    let limit = if rng.bool() {
        Limit::FixedWindow { rate, window_s: 1, burst: burst.min(rate) }
    } else {
        Limit::TokenBucket { rate: f64::from(rate), burst }
    };
    let mut scenario = Scenario::of(limit, rng.choice([0.0, 10.0, 20.0, 50.0]).unwrap());
    let least = rng.choice([20.0, 80.0, 300.0]).unwrap();
    scenario.way_back_ms = (least, least * 2.0);
    scenario.concurrency = 256;
    scenario.seconds = 120.0;
    let others = f64::from(rate.min(burst)) * rng.choice([0.0, 0.1, 0.25, 0.5]).unwrap();
    match rng.u8(..3) {
        0 => scenario.neighbours_per_s = others,
        1 => scenario.noise_per_s = others,
        _ => (scenario.noise_per_s, scenario.noise_at_once) = (others, 3),
    }
    scenario
}

/// Draws tenants, computes a number for each, and prints them by that; returns the numbers, least
/// first.
fn judge(tenants: u64, number: impl Fn(&Scenario, u64) -> f64 + Sync) -> Vec<f64> {
    let given = |name| variable(name).and_then(|text| text.parse().ok());
    let first = given("MFAFERRY_TEST_SEED").unwrap_or(1) << 32;
    let seeds = first..first + given("MFAFERRY_TEST_TENANTS").unwrap_or(tenants);
    let (next, judged) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    let scenario = draw(&mut Rng::with_seed(seed));
                    let number = number(&scenario, seed);
                    judged.lock().unwrap().push((number, scenario));
                }
            });
        }
    });
    let mut judged = judged.into_inner().unwrap();
    judged.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    for (number, tenant) in &judged {
        println!(
            "{number:.2}: {:?}, reserve {} %, others {}/s and {}/s at random, {} at once, {:?} ms",
            tenant.limit,
            tenant.reserve,
            tenant.neighbours_per_s,
            tenant.noise_per_s,
            tenant.noise_at_once,
            tenant.way_back_ms
        );
    }
    judged.into_iter().map(|(number, _)| number).collect()
}

/// Fails if more than so many percent of the numbers are such.
fn at_most(percent: usize, numbers: &[f64], what: &str, is_such: impl Fn(f64) -> bool) {
    let count = numbers.iter().filter(|number| is_such(**number)).count();
    let seed = variable("MFAFERRY_TEST_SEED").unwrap_or("1".to_owned());
    let all = numbers.len();
    assert!(count * 100 <= percent * all, "with seed {seed}, {count} of {all} {what}");
}

#[test]
fn random_tenants_are_used_as_the_reserve_says() {
    let used = judge(200, |scenario, seed| {
        world::run(scenario, seed).share() / (100.0 - scenario.reserve)
    });
    at_most(1, &used, "get less than a third of their share", |used| used < 0.33);
    at_most(15, &used, "get less than nine tenths of their share", |used| used < 0.9);
    at_most(15, &used, "get more than their share", |used| used > 1.1);
}

#[test]
fn random_tenants_have_an_estimate_that_is_near_or_rough() {
    let rough = Mutex::new(Vec::new());
    let off = judge(200, |scenario, seed| {
        let factors = estimate::factors(scenario).min(MOST);
        let asked = (QUESTIONS, Duration::from_secs(10));
        let (estimate, took) = estimate::rehearse(scenario, seed, asked, (factors, true));
        let off = (estimate.duration().unwrap().as_secs_f64() / took - 1.0).abs();
        if estimate.is_rough() {
            rough.lock().unwrap().push(off);
            return 0.0;
        }
        off
    });
    at_most(1, &off, "are off by more than the run takes", |off| off > 1.0);
    at_most(7, &off, "are off by more than a quarter", |off| off > 0.25);
    let rough = rough.into_inner().unwrap();
    at_most(10, &rough, "rough ones are off by more than the run takes", |off| off > 1.0);
    assert!(rough.len() * 3 < off.len(), "{} of {} are rough", rough.len(), off.len());
}
