//! Findings about time: clocks that differ, a token that ends before the run would, and a run that
//! is longer than allowed.

use std::time::Duration;

use super::{Estimate, Facts, Finding, FindingCode, Severity};
use crate::{
    model::{ClockSkew, Grant, LocalTime, Millis},
    text::human,
};

/// Difference of the clocks from which it is reported. `Date` has whole seconds and its answer has
/// travelled, so a smaller one may mean nothing; at 10 s, tenants begin to refuse a signed client
/// assertion.
const NOTICED: Millis = 5_000;
/// Difference of the clocks from which no statement about time is reliable.
const UNUSABLE: Millis = 60_000;
/// Time by which a `Date`, which has whole seconds, may be too low.
const DATE_ROUNDING: Millis = 999;
/// Shortest useful lifetime of a token.
const SHORTEST_LIFETIME: Millis = 1_000;

/// Returns the findings about time of an import that begins `now`; `max_duration` is the flag.
pub fn time_findings(
    facts: &Facts,
    plan: &Estimate,
    max_duration: Option<Duration>,
    now: LocalTime,
) -> Vec<Finding> {
    let findings = [
        facts.skew.and_then(clock_off),
        token_short(&facts.grant, plan, now),
        max_duration.and_then(|most| many_hours(plan.duration()?, most)),
    ];
    findings.into_iter().flatten().collect()
}

fn clock_off(skew: ClockSkew) -> Option<Finding> {
    let ahead = skew.as_millis();
    let off = Duration::from_millis(ahead.unsigned_abs());
    // The lead may be seen up to a second too small.
    let most = if ahead > 0 { ahead.saturating_add(DATE_ROUNDING) } else { ahead.saturating_neg() };
    let severity = match most {
        ..NOTICED => return None,
        NOTICED..UNUSABLE => Severity::Warn,
        UNUSABLE.. => Severity::Stop,
    };
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let message = format!(
        "this machine's clock is {} {side} the tenant's: a token's end, a signed client assertion and \
         --rate-plan go by it",
        human(off)
    );
    let action = "set this machine's clock by a time server";
    let finding = Finding::new(FindingCode::ClockOff, severity, message, action);
    Some(finding.doing("timedatectl set-ntp true"))
}

fn token_short(grant: &Grant, plan: &Estimate, now: LocalTime) -> Option<Finding> {
    let ends = grant.ends.filter(|_| plan.requests > 0)?;
    // No request gets through in less than a second.
    let has_ended = ends - now < SHORTEST_LIFETIME;
    let lasts = if has_ended {
        "has ended".to_owned()
    } else {
        format!("ends in {}", human(length(now, ends)))
    };
    // A rough estimate stops nothing.
    let end = plan.ends().filter(|_| grant.is_renewable || !plan.is_rough());
    let (severity, message, action) = match end {
        Some(end) if end <= ends => return None,
        Some(end) if grant.is_renewable => (
            Severity::Note,
            format!(
                "the token {lasts}, before the run would ({}); it is renewed in time",
                human(length(now, end))
            ),
            "make sure that the client's credentials stay valid until the run ends",
        ),
        // The length of the run is unknown; then only a token that cannot be renewed matters.
        None if grant.is_renewable => return None,
        _ if has_ended => (
            Severity::Stop,
            "the ready token has ended, and nothing can renew it".to_owned(),
            "use the client's credentials (AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET or a key), or a new \
             token",
        ),
        Some(end) => (
            Severity::Stop,
            format!(
                "the ready token {lasts}, before the run would ({}), and nothing can renew it",
                human(length(now, end))
            ),
            "use the client's credentials (AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET or a key), a token \
             that lasts longer, or --max-duration and the same command again with a new token",
        ),
        None => (
            Severity::Note,
            format!("the ready token {lasts}, and nothing can renew it"),
            "use the client's credentials if the run takes longer than that",
        ),
    };
    Some(Finding::new(FindingCode::TokenShort, severity, message, action))
}

fn many_hours(takes: Duration, most: Duration) -> Option<Finding> {
    let message = format!(
        "the run takes about {}, longer than --max-duration ({}): it would stop before its end",
        human(takes),
        human(most)
    );
    let action = "run the same command again after each stop, which goes on where it was, or give a \
                  longer --max-duration";
    (takes > most).then(|| Finding::new(FindingCode::ManyHours, Severity::Note, message, action))
}

fn length(from: LocalTime, to: LocalTime) -> Duration {
    Duration::from_millis((to - from).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Concurrency,
        pacer::{Learnt, Pacing, Rate},
        preflight::{RateConditions, Workload},
    };

    const NOW: LocalTime = LocalTime::from_millis(1_796_000_000_000);
    const HOUR: Millis = 3_600_000;

    /// Returns the plan of so many hours, or one whose length is unknown.
    fn plan(hours: Option<u32>) -> Estimate {
        let rate = if hours.is_some() { Rate::PerSecond(101.0) } else { Rate::Auto };
        let now = LocalTime::default;
        let pacing = Pacing { rate, burst: 1, reserve: 0.2, plan: None, now };
        let concurrency = Concurrency::Auto(Concurrency::MAX_REQUESTS);
        let pace = RateConditions { pacing, concurrency, learnt: Learnt::default() };
        let factors = 360_000 * u64::from(hours.unwrap_or(1));
        Estimate::of(&Workload { factors, ..Workload::default() }, &pace, NOW)
    }

    fn found(facts: &Facts, hours: Option<u32>, most: Option<Duration>) -> Vec<(&str, &str)> {
        let findings = time_findings(facts, &plan(hours), most, NOW);
        for finding in &findings {
            assert!(!finding.message.is_empty() && !finding.action.is_empty(), "{finding:?}");
        }
        findings.iter().map(|found| (found.code.name(), found.severity.name())).collect()
    }

    #[test]
    fn clocks_are_told_apart_from_five_seconds_and_stop_from_a_minute() {
        for (ahead, expected) in [
            (0, None),
            (4_000, None),
            (-4_999, None),
            (5_000, Some("warn")),
            (-5_000, Some("warn")),
            (59_000, Some("warn")),
            (-59_999, Some("warn")),
            // A minute ahead may be seen as 59 seconds and a bit.
            (59_001, Some("stop")),
            (-60_000, Some("stop")),
            (Millis::MAX, Some("stop")),
            (Millis::MIN, Some("stop")),
        ] {
            let facts = Facts { skew: Some(ClockSkew::from_millis(ahead)), ..Facts::default() };
            let expected: Vec<_> =
                expected.map(|weight| ("clock_off", weight)).into_iter().collect();
            assert_eq!(found(&facts, Some(1), None), expected, "{ahead}");
        }
        assert_eq!(found(&Facts::default(), Some(1), None), []);
    }

    #[test]
    fn the_side_on_which_the_clock_is_off_is_said() {
        let message = |ahead| clock_off(ClockSkew::from_millis(ahead)).unwrap().message;
        assert!(
            message(90_000).starts_with("this machine's clock is 1 min 30 s behind the tenant's")
        );
        assert!(message(-7_000).starts_with("this machine's clock is 7.0 s ahead of the tenant's"));
    }

    #[test]
    fn a_token_that_ends_before_the_run_is_noted_and_stops_where_nothing_renews_it() {
        for (token, renewable, hours, expected) in [
            (None, false, Some(2), None),
            (Some(3), false, Some(2), None),
            (Some(1), true, Some(2), Some("note")),
            (Some(1), false, Some(2), Some("stop")),
            (Some(-1), false, Some(2), Some("stop")),
            (Some(1), true, None, None),
            (Some(1), false, None, Some("note")),
            (Some(0), false, None, Some("stop")),
            (Some(-1), false, None, Some("stop")),
            (Some(-1), false, Some(0), None),
        ] {
            let ends = token.map(|hours| NOW + hours * HOUR);
            let grant = Grant { ends, is_renewable: renewable, ..Grant::default() };
            let facts = Facts { grant, ..Facts::default() };
            let has_ended = token.is_some_and(|hours| hours <= 0) && expected == Some("stop");
            let told = time_findings(&facts, &plan(hours), None, NOW);
            assert!(told.iter().all(|one| one.message.contains("has ended") == has_ended));
            let expected: Vec<_> =
                expected.map(|weight| ("token_short", weight)).into_iter().collect();
            assert_eq!(found(&facts, hours, None), expected, "{token:?}, {renewable}, {hours:?}");
        }
    }

    #[test]
    fn a_rough_length_stops_nothing() {
        let pacing = Pacing {
            rate: Rate::Auto,
            burst: 1,
            reserve: 0.2,
            plan: None,
            now: LocalTime::default,
        };
        let learnt = Learnt { answers: 5, metered: 5, limit: Some(50.0), ..Learnt::default() };
        let concurrency = Concurrency::Auto(Concurrency::MAX_REQUESTS);
        let work = Workload { factors: 1_000_000, ..Workload::default() };
        let plan = Estimate::of(&work, &RateConditions { pacing, concurrency, learnt }, NOW);
        assert!(plan.is_rough());
        for (ends, severity) in [(NOW + HOUR, Severity::Note), (NOW, Severity::Stop)] {
            let grant = Grant { ends: Some(ends), ..Grant::default() };
            assert!(token_short(&grant, &plan, NOW).is_some_and(|one| one.severity == severity));
        }
    }

    #[test]
    fn a_run_that_is_longer_than_it_may_be_is_noted() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        for (takes, most, expected) in [
            (Some(3), hours(2), 1),
            (Some(1), hours(2), 0),
            (None, hours(2), 0),
            (Some(3), None, 0),
        ] {
            let facts = Facts::default();
            let found = found(&facts, takes, most);
            assert_eq!(found, vec![("many_hours", "note"); expected], "{takes:?}, {most:?}");
        }
    }
}
