use jiff::tz::TimeZone;

use super::*;
use crate::pacer::Steps;

fn moment(time: &str) -> LocalTime {
    LocalTime::from_millis(time.parse::<Timestamp>().unwrap().as_millisecond())
}

fn learnt(limit: f64, refill: f64) -> Learnt {
    Learnt {
        answers: 205,
        metered: 205,
        limit: Some(limit),
        refill: Some(refill),
        latency: Some(Duration::from_millis(150)),
        ..Learnt::default()
    }
}

fn pace(rate: Rate, reserve: f64, plan: Option<(&str, &str)>, learnt: Learnt) -> RateConditions {
    let read = |text: &str| match text {
        "auto" => Some(Rate::Auto),
        number => number.parse().ok().map(Rate::PerSecond),
    };
    let plan =
        plan.map(|(plan, zone)| Plan::parse(plan, TimeZone::get(zone).unwrap(), read).unwrap());
    RateConditions {
        pacing: Pacing { rate, burst: 1, reserve, plan, now: LocalTime::default },
        concurrency: Concurrency::Auto(Concurrency::MAX_REQUESTS),
        learnt,
    }
}

/// Returns the estimate of a work that needs so many requests.
fn estimate(requests: u64, pace: &RateConditions, now: &str) -> Estimate {
    // One of 101 is a look-up.
    let work = Workload { factors: requests * 100 / 101, ..Workload::default() };
    Estimate::of(&work, pace, moment(now))
}

const WINTER: &str = "2026-12-01T10:00:00Z";
const TEN: Rate = Rate::PerSecond(10.0);

#[test]
fn requests_are_counted_with_lists_renames_and_doubts() {
    for (factors, users, skip_existing, name_marker, expected) in [
        (0, 0, true, true, 0),
        (1, 1, false, false, 2),
        (1_000_000, 600_000, false, false, 1_010_000),
        (1_000_000, 600_000, true, false, 1_610_000),
        (1_000_000, 600_000, false, true, 2_010_000),
        (u64::MAX, u64::MAX, true, true, u64::MAX),
    ] {
        let work = Workload { factors, users, skip_existing, name_marker, questions: 5 };
        assert_eq!(work.requests(), expected, "{work:?}");
    }
}

#[test]
fn the_pace_follows_from_what_binds_it() {
    let bucket = learnt(50.0, 25.0);
    let slow = Learnt { latency: Some(Duration::from_millis(500)), ..bucket };
    let steps = Learnt {
        steps: Some(Steps { gain: 50.0, others: 0.0, every: 1.0, next_in: 1.0 }),
        used: Some(49.0),
        ..learnt(50.0, 50.0)
    };
    let silent = Learnt { answers: 205, ..Learnt::default() };
    let unmeasured = Learnt { refill: None, ..bucket };
    let in_flight = |number, learnt| RateConditions {
        concurrency: Concurrency::Fixed(number),
        ..pace(Rate::Auto, 0.2, None, learnt)
    };
    for (name, pace, expected) in [
        ("no reserve", pace(Rate::Auto, 0.0, None, bucket), Some(25.0)),
        ("a fifth for others", pace(Rate::Auto, 0.2, None, bucket), Some(20.4)),
        ("half for others", pace(Rate::Auto, 0.5, None, bucket), Some(12.8)),
        ("a given rate", pace(TEN, 0.2, None, bucket), Some(10.0)),
        ("a given rate, limit unknown", pace(TEN, 0.2, None, silent), Some(10.0)),
        (
            "a given rate above the limit",
            pace(Rate::PerSecond(90.0), 0.2, None, bucket),
            Some(25.0),
        ),
        ("whole windows", pace(Rate::Auto, 0.0, None, steps), Some(49.0)),
        ("2 in flight of half a second", in_flight(2, slow), Some(4.0)),
        (
            "what was used for long",
            pace(Rate::Auto, 0.2, None, Learnt { used: Some(19.0), ..bucket }),
            Some(19.0),
        ),
        (
            "questions that had to wait for something else",
            pace(Rate::Auto, 0.2, None, Learnt { used: Some(3.0), ..bucket }),
            Some(20.4),
        ),
        ("no headers", pace(Rate::Auto, 0.2, None, silent), None),
        ("nothing asked", pace(Rate::Auto, 0.2, None, Learnt::default()), None),
        // A fifth of the bucket a second is what is usual.
        ("too few answers", pace(Rate::Auto, 0.2, None, unmeasured), Some(7.93)),
        (
            "steps seen too briefly",
            pace(Rate::Auto, 0.0, None, Learnt { used: None, ..steps }),
            Some(50.0),
        ),
    ] {
        let estimate = estimate(1_010_000, &pace, WINTER);
        let is_near = match (estimate.rate_per_second, expected) {
            (Some(rate), Some(expected)) => (rate / expected - 1.0_f64).abs() < 0.03,
            (rate, expected) => rate == expected,
        };
        assert!(is_near, "{name}: {estimate:?}");
        assert_eq!(estimate.start.is_some(), expected.is_some(), "{name}");
        assert_eq!(estimate.end.is_some(), expected.is_some(), "{name}");
    }
}

#[test]
fn the_end_follows_the_rate_plan_across_midnight_and_changes_of_the_clock() {
    // Ten a second are 36,000 an hour, and one a second 3,600, less a little: timers wake up late.
    let night = "22:00-06:00=10,06:00-22:00=1";
    for (name, plan, zone, now, requests, hours) in [
        ("within a phase", night, "UTC", "2026-12-01T23:00:00Z", 72_000, 2.0),
        ("over midnight to the end", night, "UTC", "2026-12-01T22:00:00Z", 288_000, 8.0),
        ("into the day", night, "UTC", "2026-12-01T22:00:00Z", 291_600, 9.0),
        ("from the day into the night", night, "UTC", "2026-12-01T21:00:00Z", 39_600, 2.0),
        (
            "half a minute before it",
            night,
            "UTC",
            "2026-12-01T21:59:30Z",
            30 + 36_000,
            1.0 + 0.5 / 60.0,
        ),
        // 29 March 2026: the night of Berlin from 22:00 to 06:00 has 7 hours, the other has 9.
        ("an hour lost", night, "Europe/Berlin", "2026-03-28T21:00:00Z", 252_000 + 3_600, 8.0),
        ("an hour won", night, "Europe/Berlin", "2026-10-24T20:00:00Z", 324_000 + 3_600, 10.0),
        ("--rate where the plan is silent", "12:00-13:00=1", "UTC", WINTER, 72_000 + 3_600, 3.0),
    ] {
        let pace = pace(TEN, 0.2, Some((plan, zone)), Learnt::default());
        let found = estimate(requests * 249 / 250, &pace, now).duration_seconds.unwrap() / 3600.0;
        assert!((found / hours - 1.0_f64).abs() < 0.02, "{name}: {found} hours, not {hours}");
    }
    // An unknown phase makes all unknown, but only if it is reached.
    let plan = Some(("22:00-06:00=auto,06:00-22:00=10", "UTC"));
    let pace = pace(Rate::Auto, 0.2, plan, Learnt::default());
    assert!(estimate(36_000, &pace, WINTER).end.is_some());
    assert_eq!(estimate(3_600_000, &pace, WINTER).end, None);
}

#[test]
fn nothing_takes_no_time_and_no_number_is_too_large() {
    let auto = pace(Rate::Auto, 0.2, None, learnt(50.0, 25.0));
    let nothing = estimate(0, &auto, WINTER);
    assert_eq!((nothing.duration_seconds, nothing.rate_per_second), (Some(0.0), None));
    assert_eq!(nothing.lines(), ["nothing to send"]);
    let planned = pace(TEN, 0.2, Some(("22:00-06:00=2", "UTC")), Learnt::default());
    for pace in [&auto, &planned, &pace(Rate::PerSecond(1e-300), 0.2, None, Learnt::default())] {
        for factors in [1, 10_000_000_000, u64::MAX] {
            let work = Workload {
                factors,
                users: factors,
                skip_existing: true,
                name_marker: true,
                questions: 5,
            };
            for now in [0, i64::MAX] {
                let estimate = Estimate::of(&work, pace, LocalTime::from_millis(now));
                assert!(estimate.duration_seconds.is_some_and(|seconds| seconds > 0.0));
                assert!(!estimate.lines().is_empty());
            }
        }
    }
    // 8 hours of 2 and 16 of 10 are 633,600 a day.
    let days = estimate(633_600_000, &planned, WINTER).duration().unwrap().as_secs() / 86_400;
    assert!((985..1025).contains(&days), "{days}");
}

const COUNTED: &str =
    "  for one request for each factor, and a look-up for each of an assumed 1 % in doubt";

#[test]
fn the_lines_say_that_it_is_an_estimate_and_of_what() {
    let bucket = learnt(50.0, 25.0);
    let silent = Learnt { answers: 205, ..Learnt::default() };
    let plan = Some(("22:00-06:00=auto", "UTC"));
    let limit = "the limit that 205 answers showed (up to 50 requests at once, and 25 a second beyond \
                 what others take now), of which --reserve leaves 20 % to others";
    for (pace, how_long, from) in [
        (
            pace(Rate::Auto, 0.2, None, bucket),
            "13 h 55 min: 1,010,000 requests at 20.2 a second, until 2026-12-01 23:55 UTC",
            limit.to_owned(),
        ),
        (
            pace(TEN, 0.2, None, silent),
            "28 h 10 min: 1,010,000 requests at 9.96 a second, until 2026-12-02 14:10 UTC",
            "--rate 10 and a tenant that lets all of that through".to_owned(),
        ),
        (
            pace(TEN, 0.2, plan, bucket),
            "19 h 59 min: 1,010,000 requests at 14 a second on average, until 2026-12-02 05:59 UTC",
            format!("--rate-plan, --rate 10 and {limit}"),
        ),
    ] {
        let expected = [
            format!("about {how_long} if it began now"),
            format!("  an estimate, from {from}"),
            COUNTED.to_owned(),
        ];
        assert_eq!(estimate(1_010_000, &pace, WINTER).lines(), expected);
    }
}

#[test]
fn the_lines_say_why_there_is_no_estimate_and_how_to_have_one() {
    let silent = Learnt { answers: 205, ..Learnt::default() };
    let more = "ask about more users with --sample, or give --rate N for an estimate at that rate";
    for (learnt, why, remedy) in [
        (
            silent,
            "the tenant's answers do not state its rate limit",
            "give --rate N for an estimate at that rate; `auto` finds the limit during the run",
        ),
        (Learnt::default(), "the tenant was asked nothing that would show its rate limit", more),
    ] {
        let lines = estimate(1_010_000, &pace(Rate::Auto, 0.2, None, learnt), WINTER).lines();
        let unknown = "1,010,000 requests; how long they take is unknown";
        assert_eq!(lines, [format!("{unknown}: {why}"), format!("  {remedy}")]);
    }
}

#[test]
fn an_estimate_from_few_answers_says_that_it_is_rough() {
    for (metered, answers) in [(1, "1 answer"), (12, "12 answers")] {
        for promised in [None, Some(0.0), Some(f64::NAN), Some(16.0)] {
            let few = Learnt { metered, refill: None, promised, ..learnt(50.0, 25.0) };
            let estimate = estimate(1_000, &pace(Rate::Auto, 0.2, None, few), WINTER);
            let expected = format!(
                "  a rough estimate, from only {answers}: ask about more users with --sample for a \
                 better one"
            );
            assert_eq!(estimate.lines().get(1), Some(&expected), "{promised:?}");
            assert!(estimate.is_rough() && estimate.rate_per_second.is_some());
        }
    }
    let measured = estimate(1_000, &pace(Rate::Auto, 0.2, None, learnt(50.0, 25.0)), WINTER);
    assert!(!measured.is_rough());
}

#[test]
fn an_estimate_beside_others_who_vary_is_rough_and_says_why() {
    let varied = Learnt { is_rough: true, ..learnt(50.0, 25.0) };
    let auto = estimate(1_000, &pace(Rate::Auto, 0.2, None, varied), WINTER);
    assert!(auto.is_rough() && auto.rate_per_second.is_some_and(|rate| rate > 15.0), "{auto:?}");
    let expected = "  a rough estimate: what others use of the limit varies too much for 205 answers \
                    to show it well; ask about more users with --sample for a better one";
    assert_eq!(auto.lines().get(1).map(String::as_str), Some(expected));
}

#[test]
fn a_given_rate_is_rough_only_if_the_tenant_may_allow_less() {
    let promised = |rate| Learnt { refill: None, promised: Some(rate), ..learnt(50.0, 25.0) };
    let varied = Learnt { is_rough: true, ..learnt(50.0, 25.0) };
    for (rate, learnt, expected, is_rough) in [
        (10.0, promised(16.0), 10.0, false),
        (90.0, promised(16.0), 16.0, true),
        (10.0, varied, 10.0, false),
        (90.0, varied, 25.0, true),
        // More a second than the bucket holds.
        (70.0, Learnt { refill: Some(80.0), ..varied }, 70.0, false),
        (90.0, Learnt { refill: Some(80.0), ..varied }, 80.0, true),
    ] {
        let pace = pace(Rate::PerSecond(rate), 0.0, None, learnt);
        let estimate = estimate(1_010_000, &pace, WINTER);
        assert_eq!(estimate.is_rough(), is_rough, "{rate}: {estimate:?}");
        let told = estimate.rate_per_second.unwrap();
        assert!((told / expected - 1.0).abs() < 0.03, "{rate}: {estimate:?}");
    }
}

#[test]
fn what_the_bucket_holds_now_is_all_that_goes_at_once() {
    let seconds = |level| {
        let learnt = Learnt { level, ..learnt(50.0, 16.0) };
        estimate(61, &pace(Rate::Auto, 0.2, None, learnt), WINTER).duration_seconds.unwrap()
    };
    assert!(seconds(Some(10.0)) > seconds(Some(50.0)) + 1.5);
    assert!((seconds(None) - seconds(Some(50.0))).abs() < 1e-9);
}

#[test]
fn the_rate_told_is_not_above_the_one_given() {
    for rate in [0.1, 0.5, 3.0, 40.0] {
        for factors in [1, 2, 16, 500] {
            let pace = pace(Rate::PerSecond(rate), 0.2, None, Learnt::default());
            let work = Workload { factors, ..Workload::default() };
            let told = Estimate::of(&work, &pace, moment(WINTER)).rate_per_second;
            assert!(told.is_some_and(|told| told <= rate), "{rate}, {factors}: {told:?}");
        }
    }
}

#[test]
fn questions_take_time_and_are_no_requests_of_the_plan() {
    let pace = pace(Rate::PerSecond(1.0), 0.2, None, Learnt::default());
    let of = |factors, questions| {
        let work = Workload { factors, questions, ..Workload::default() };
        Estimate::of(&work, &pace, moment(WINTER))
    };
    let (without, with) = (of(99, 0), of(99, 5));
    assert_eq!((without.requests, with.requests), (100, 100));
    let more = with.duration_seconds.unwrap() - without.duration_seconds.unwrap();
    assert!((4.9..5.5).contains(&more), "{more}");
    assert_eq!(of(0, 5).lines(), ["nothing to send"]);
}
