//! Finds out how a tenant rounds the time at which its bucket is full again to the whole seconds of
//! `x-ratelimit-reset`. Pure.
//!
//! In a bucket that refills steadily, each request moves that time by the same step, counted from
//! now if the bucket was full (auth0-api.md 3.3). The step is unknown, and of the tenant's clock
//! only the seconds in `Date` are known. So every step that fits the tokens left is tried with each
//! rounding. If only one rounding allows all resets, that is the tenant's.

use crate::model::ResetRounding;

/// Headers of an answer, and its times by our clock in seconds since some fixed moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitSample {
    pub(super) sent: f64,
    pub(super) came: f64,
    pub(super) date: u64,
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) reset: u64,
}

/// Steps to try: from a thousandth of a second to a minute, each a twentieth longer than the last.
const FIRST_STEP: f64 = 0.001;
const LONGEST_STEP: f64 = 60.0;
const GROWTH: f64 = 1.05;
/// Fractions of a token that the bucket may hold at the start besides whole ones.
const PARTS: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
/// Number of steps in which the offsets of the tenant's clock that `Date` allows are tried.
const CLOCKS: u32 = 6;
/// Tolerance in seconds for the travel time of a request, besides a quarter of the time that it
/// took.
const SLACK: f64 = 0.02;

/// Each rounding, with the least and the most that it may be later than the true time.
const ROUNDINGS: [(ResetRounding, f64, f64); 3] = [
    (ResetRounding::Up, 0.0, 1.0),
    (ResetRounding::Down, -1.0, 0.0),
    (ResetRounding::Nearest, -0.5, 0.5),
];

/// Returns the only rounding that fits, or `None` if several fit or none does.
pub(super) fn rounding(looks: &[LimitSample]) -> Option<ResetRounding> {
    let (least, most) = clock(looks)?;
    let clock = |part: u32| least + (most - least) * f64::from(part) / f64::from(CLOCKS);
    let mut fitting = ROUNDINGS.iter().filter(|(_, from, to)| {
        (0..=CLOCKS).map(clock).any(|ahead| {
            let mut step = FIRST_STEP;
            while step < LONGEST_STEP {
                if PARTS.iter().any(|part| fits(looks, ahead, (step, *part), (*from, *to))) {
                    return true;
                }
                step *= GROWTH;
            }
            false
        })
    });
    let one = fitting.next()?;
    fitting.next().is_none().then_some(one.0)
}

/// Returns the least and the most that the tenant's clock may be ahead of ours.
fn clock(looks: &[LimitSample]) -> Option<(f64, f64)> {
    let least = looks.iter().map(|look| seconds(look.date) - look.came).reduce(f64::max)?;
    let most = looks.iter().map(|look| seconds(look.date) + 1.0 - look.sent).reduce(f64::min)?;
    // There is no such range if the clock was set in between, or if there are several clocks.
    (least <= most).then_some((least, most))
}

fn fits(
    looks: &[LimitSample],
    ahead: f64,
    (step, part): (f64, f64),
    (from, to): (f64, f64),
) -> bool {
    let mut full = f64::NEG_INFINITY;
    looks.iter().enumerate().all(|(index, look)| {
        let now = f64::midpoint(look.sent, look.came) + ahead;
        let slack = (look.came - look.sent) / 4.0 + SLACK;
        let missing = seconds(look.limit.saturating_sub(look.remaining));
        full = if index == 0 { now + (missing - part) * step } else { full.max(now) + step };
        // A token that is not whole counts as missing.
        let expected = (full - now) / step;
        let is_level = (missing - 1.0 - slack / step..=missing + slack / step).contains(&expected);
        let late = seconds(look.reset) - full;
        is_level && late >= from - slack && late <= to + slack
    })
}

/// Converts a number of seconds or tokens, which is far below the largest that a float holds
/// exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn seconds(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the answers of a bucket that was full to requests at such intervals.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn looks(
        (rate, limit): (f64, u64),
        round: fn(f64) -> f64,
        (phase, interval, latency): (f64, f64, f64),
    ) -> Vec<LimitSample> {
        let ahead = 1_700_000_000.0 + phase;
        let mut full = 0.0_f64;
        let mut now = 5.0;
        (0..14)
            .map(|number| {
                // The way there and the way back take turns at being the longer one.
                let way = if number % 2 == 0 { 0.35 } else { 0.65 };
                let at = now + latency * way + ahead;
                full = full.max(at) + 1.0 / rate;
                let remaining = limit - ((full - at) * rate).ceil() as u64;
                let look = LimitSample {
                    sent: now,
                    came: now + latency,
                    date: at.floor() as u64,
                    limit,
                    remaining,
                    reset: round(full) as u64,
                };
                now += f64::max(interval, latency);
                look
            })
            .collect()
    }

    #[test]
    fn a_rounding_is_told_at_the_rates_of_every_plan_and_never_wrongly() {
        let mut told = 0;
        let mut all = 0;
        for plan in [(2.0, 20), (2.5, 20), (16.0, 50), (50.0, 50), (500.0, 250), (100.0, 50)] {
            for phase in 0..10 {
                for latency in [0.002, 0.05, 0.15] {
                    for (expected, round) in [
                        (ResetRounding::Up, f64::ceil as fn(f64) -> f64),
                        (ResetRounding::Down, f64::floor),
                        (ResetRounding::Nearest, f64::round),
                    ] {
                        let looks = looks(plan, round, (f64::from(phase) / 10.0, 0.13, latency));
                        let found = rounding(&looks);
                        assert!(
                            found.is_none_or(|found| found == expected),
                            "{plan:?} {phase} {latency} {expected:?} {found:?}"
                        );
                        told += usize::from(found.is_some());
                        all += 1;
                    }
                }
            }
        }
        assert!(told * 10 >= all * 8, "{told} of {all}");
    }

    #[test]
    fn what_does_not_tell_is_not_told() {
        assert_eq!(rounding(&[]), None);
        let mut looks = looks((16.0, 50), f64::ceil, (0.3, 0.13, 0.05));
        assert_eq!(rounding(&looks), Some(ResetRounding::Up));
        // Another client takes tokens, too.
        looks[5].reset += 2;
        assert_eq!(rounding(&looks), None);
        // A window that ends at a fixed time.
        for look in &mut looks {
            look.reset = 1_700_000_060;
        }
        assert_eq!(rounding(&looks), None);
    }
}
