//! The pacer as its callers use it, on a paused clock. `tests/pacing` has whole tenants.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::*;
use crate::api::LimitDecision;

const SECOND: Duration = Duration::from_secs(1);

async fn take(pacer: &Pacer, count: u32) -> Duration {
    let began = Instant::now();
    for _ in 0..count {
        pacer.permit().await;
    }
    began.elapsed()
}

/// Returns the meter of a 429 with a `Retry-After`.
fn retry_after(seconds: u64) -> Meter {
    Meter { retry_after: Some(Duration::from_secs(seconds)), ..Meter::default() }
}

/// An answer with the limit.
fn meter(limit: u32, remaining: u32) -> Meter {
    Meter {
        limit: Some(limit),
        remaining: Some(remaining),
        full_in: Some(SECOND),
        sent: Some(Instant::now()),
        ..Meter::default()
    }
}

#[tokio::test(start_paused = true)]
async fn one_429_holds_everybody_until_its_hint_and_they_leave_one_by_one() {
    let pacer = Arc::new(Pacer::new(Rate::PerSecond(10.0), 0.2));
    pacer.permit().await;
    pacer.observe(&retry_after(7), LimitDecision::Throttled);
    let began = Instant::now();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let pacer = Arc::clone(&pacer);
            tokio::spawn(async move {
                pacer.permit().await;
                began.elapsed()
            })
        })
        .collect();
    let mut left = Vec::new();
    for task in waiting {
        left.push(task.await.unwrap());
    }
    assert!(left[0] >= 7 * SECOND);
    assert!(left[19] >= left[0] + Duration::from_millis(1890), "no stampede");
    assert!(pacer.held().throttling >= Duration::from_millis(6999));
}

#[tokio::test(start_paused = true)]
async fn nobody_leaves_a_hold_in_a_stampede_at_a_learnt_rate_either() {
    let pacer = Pacer::new(Rate::Auto, 0.0);
    pacer.permit().await;
    pacer.observe(&meter(20, 19), LimitDecision::Admitted);
    pacer.observe(&retry_after(60), LimitDecision::Throttled);
    pacer.permit().await;
    assert!(take(&pacer, 10).await >= Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_hold_has_a_longest_and_grows_without_a_hint() {
    let pacer = Pacer::new(Rate::PerSecond(1000.0), 0.2);
    pacer.observe(&retry_after(1 << 40), LimitDecision::Throttled);
    assert!(take(&pacer, 1).await <= LONGEST_HOLD + Duration::from_millis(5));
    pacer.observe(&Meter::default(), LimitDecision::Admitted);
    for expected in [1, 2, 4, 8, 16, 32, 32] {
        pacer.observe(&Meter::default(), LimitDecision::Throttled);
        assert_eq!(take(&pacer, 1).await.as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_given_rate_leaves_the_reserve_of_the_tenants_bucket_too() {
    let pacer = Pacer::new(Rate::PerSecond(100.0), 0.5);
    pacer.permit().await;
    pacer.observe(&meter(20, 10), LimitDecision::Admitted);
    assert!(take(&pacer, 1).await >= Duration::from_millis(500));
    assert_eq!(pacer.held().rate, Duration::ZERO);
    assert!(pacer.held().reserve >= Duration::from_millis(500), "{:?}", pacer.held());
}

#[tokio::test(start_paused = true)]
async fn it_starts_gently_and_waits_for_an_answer() {
    let pacer = Pacer::new(Rate::Auto, 0.0);
    assert!(take(&pacer, 1).await.is_zero());
    assert!(take(&pacer, 4).await >= Duration::from_millis(1900));
}

#[tokio::test(start_paused = true)]
async fn every_wait_has_its_reason() {
    let rate = Pacer::new(Rate::PerSecond(2.0), 0.2);
    take(&rate, 11).await;
    assert!(rate.held().rate >= Duration::from_millis(4900), "{:?}", rate.held());
    let auto = Pacer::new(Rate::Auto, 0.2);
    take(&auto, 5).await;
    assert!(auto.held().limit >= Duration::from_millis(1900), "{:?}", auto.held());
    let held = Pacer::new(Rate::Auto, 0.2);
    held.observe(&retry_after(3), LimitDecision::Throttled);
    let waiter = tokio::time::timeout(SECOND, held.permit());
    assert!(waiter.await.is_err(), "it waits");
    // A place that was given up was waited for all the same.
    assert_eq!((held.waiting(), held.held().throttling), (Waiting::Throttled, SECOND));
}

thread_local! {
    static BEGAN: Instant = Instant::now();
}

/// Two minutes to eight in the evening of a winter day in Berlin, and on.
fn evening() -> LocalTime {
    let seven_58 = LocalTime::from_millis(1_767_898_680_000);
    seven_58 + i64::try_from(BEGAN.with(Instant::elapsed).as_millis()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_plan_decides_by_the_time_of_day_and_the_rate_wherever_it_says_nothing() {
    BEGAN.with(|_| {});
    let rate = |text: &str| text.parse().ok().map(Rate::PerSecond);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let plan = Plan::parse("19:00-20:00=2,20:01-21:00=50", zone, rate).unwrap();
    let pacer = Pacer::with(Pacing {
        rate: Rate::PerSecond(10.0),
        burst: 1,
        reserve: 0.2,
        plan: Some(plan),
        now: evening,
    });
    for (minute, expected) in [(1, 120), (2, 120), (3, 600), (4, 3000)] {
        let mut count = 0_u32;
        while BEGAN.with(Instant::elapsed) < 60 * minute * SECOND {
            pacer.permit().await;
            count += 1;
        }
        assert!(count.abs_diff(expected) <= expected / 50 + 1, "minute {minute}: {count}");
    }
    let held = pacer.held();
    assert!(held.plan > 170 * SECOND && held.rate > 55 * SECOND, "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_wakes_whoever_sleeps_for_a_slower_rate() {
    BEGAN.with(|_| {});
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let rate = |text: &str| text.parse().ok().map(Rate::PerSecond);
    let pacer = Pacer::with(Pacing {
        rate: Rate::PerSecond(100.0),
        burst: 1,
        reserve: 0.2,
        plan: Some(Plan::parse("19:00-20:00=0.001", zone, rate).unwrap()),
        now: evening,
    });
    assert!(take(&pacer, 1).await.is_zero());
    let waited = take(&pacer, 1).await;
    assert!((119..=121).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_a_stray_answer_gave_is_forgotten_while_all_others_are_silent() {
    let pacer = Pacer::new(Rate::PerSecond(1000.0), 0.2);
    let empty = Meter { limit: Some(10), remaining: Some(0), ..Meter::default() };
    pacer.permit().await;
    pacer.observe(&empty, LimitDecision::Throttled);
    let began = Instant::now();
    for _ in 0..100 {
        pacer.permit().await;
        pacer.observe(&Meter::default(), LimitDecision::Admitted);
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_tenants_rate_is_that_of_the_latest_answers_and_not_of_the_first_ones() {
    let pacer = Pacer::new(Rate::Auto, 0.0);
    assert_eq!(pacer.tenant_rate(), None);
    let (mut level, mut at) = (50.0_f64, Instant::now());
    for (rate, count) in [(20.0, 600), (60.0, 6_000)] {
        for _ in 0..count {
            pacer.permit().await;
            level = at.elapsed().as_secs_f64().mul_add(rate, level).min(50.0);
            at = Instant::now();
            let granted = level >= 1.0;
            level -= f64::from(u8::from(granted));
            let decision = if granted { LimitDecision::Admitted } else { LimitDecision::Throttled };
            let remaining = (0..50).rfind(|left| f64::from(*left) <= level).unwrap_or(0);
            pacer.observe(&meter(50, remaining), decision);
        }
        let told = pacer.tenant_rate().unwrap();
        assert!((told / rate - 1.0).abs() < 0.1, "{told}, not {rate}");
    }
}
