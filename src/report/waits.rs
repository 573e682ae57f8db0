//! Times that a run waited; every wait has a reason.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::summary::seconds;
use crate::{
    pacer::Pacer,
    stats::{Bottleneck, RunStats},
    text::human,
};

/// Denominator of the smallest share of a run whose loss is worth a hint.
const NOTABLE_PART: u32 = 20;

/// Times that requests were held back, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Time held by a 429.
    #[serde(serialize_with = "seconds")]
    pub held_by_throttling_seconds: Duration,
    /// Time held to leave the reserve to others.
    #[serde(serialize_with = "seconds")]
    pub held_by_reserve_seconds: Duration,
    /// Time held by the tenant's limit, as it was learnt.
    #[serde(serialize_with = "seconds")]
    pub held_by_limit_seconds: Duration,
    /// Time held by `--rate`.
    #[serde(serialize_with = "seconds")]
    pub held_by_rate_seconds: Duration,
    /// Time held by `--rate-plan`.
    #[serde(serialize_with = "seconds")]
    pub held_by_plan_seconds: Duration,
    /// Time held by the limit on requests in flight.
    #[serde(serialize_with = "seconds")]
    pub held_by_concurrency_seconds: Duration,
    /// Time held by a tenant that did not answer.
    #[serde(serialize_with = "seconds")]
    pub held_by_outage_seconds: Duration,
    /// Limit on requests in flight, and the number that would have been enough.
    #[serde(skip)]
    pub bottleneck: Bottleneck,
}

impl Waits {
    /// Collects the times until now.
    pub fn of(pacer: &Pacer, stats: &RunStats) -> Self {
        let held = pacer.held();
        let bottleneck = stats.bottleneck();
        Self {
            held_by_throttling_seconds: held.throttling,
            held_by_reserve_seconds: held.reserve,
            held_by_limit_seconds: held.limit,
            held_by_rate_seconds: held.rate,
            held_by_plan_seconds: held.plan,
            held_by_concurrency_seconds: bottleneck.held,
            held_by_outage_seconds: stats.held_by_outage(),
            bottleneck,
        }
    }

    /// Returns the number of requests in flight that would have been enough, if a given number held
    /// back a good part of the run.
    pub(super) fn hint(&self, elapsed: Duration) -> Option<String> {
        let Bottleneck { is_fixed, held, in_flight, latency, pace, enough, .. } = self.bottleneck;
        let matters = held >= Duration::from_secs(1).max(elapsed / NOTABLE_PART);
        (is_fixed && matters && enough > in_flight).then(|| {
            #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
            let (now, then) = (in_flight as f64 / latency, enough as f64 / latency);
            let requests = if in_flight == 1 { "request" } else { "requests" };
            format!(
                "at {} an answer, {in_flight} {requests} in flight make {}/s: `--concurrency \
                 {enough}`, or `auto`, would let through the pace of {}/s",
                short(latency),
                rate(now),
                rate(pace.min(then)),
            )
        })
    }

    /// Writes `, held 41 s by 429, 3 min 20 s by the reserve`; nothing if that is negligible.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let places =
            if self.bottleneck.is_fixed { "--concurrency" } else { "the tenant's latency" };
        let mut before = ", held";
        for (held, by) in [
            (self.held_by_throttling_seconds, "429"),
            (self.held_by_reserve_seconds, "the reserve"),
            (self.held_by_limit_seconds, "the tenant's limit"),
            (self.held_by_rate_seconds, "--rate"),
            (self.held_by_plan_seconds, "the rate plan"),
            (self.held_by_concurrency_seconds, places),
            (self.held_by_outage_seconds, "an outage"),
        ] {
            if held >= Duration::from_secs(1) {
                write!(out, "{before} {} by {by}", human(held))?;
                before = ",";
            }
        }
        Ok(())
    }
}

/// Formats `200 ms` or `1.5 s`.
fn short(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// Formats `160` or `1.5`, as precisely as it is known.
fn rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_that_matters_is_told_with_its_reason() {
        let text = |waits: Waits| {
            let mut text = Vec::new();
            waits.write_text(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(text(Waits::default()), "");
        let waits = Waits {
            held_by_throttling_seconds: Duration::from_secs(41),
            held_by_reserve_seconds: Duration::from_secs(180),
            held_by_limit_seconds: Duration::from_millis(900),
            held_by_concurrency_seconds: Duration::from_secs(12),
            held_by_outage_seconds: Duration::from_secs(7205),
            ..Waits::default()
        };
        assert_eq!(
            text(waits),
            ", held 41 s by 429, 3 min 0 s by the reserve, 12 s by the tenant's latency, 2 h 0 min by an outage"
        );
    }

    #[test]
    fn a_number_in_flight_that_held_back_a_good_part_comes_with_one_that_would_do() {
        let bottleneck = Bottleneck {
            is_fixed: true,
            held: Duration::from_secs(41),
            is_binding: true,
            in_flight: 32,
            latency: 0.2,
            pace: 500.0,
            enough: 125,
        };
        let hint = |bottleneck| {
            let waits = Waits { bottleneck, ..Waits::default() };
            waits.hint(Duration::from_secs(60))
        };
        let expected = "at 200 ms an answer, 32 requests in flight make 160/s: `--concurrency 125`, \
                        or `auto`, would let through the pace of 500/s";
        assert_eq!(hint(bottleneck).as_deref(), Some(expected));
        // What so many can never reach is not promised.
        let endless = Bottleneck { pace: 100_000.0, enough: 4096, ..bottleneck };
        assert!(hint(endless).is_some_and(|hint| hint.ends_with("the pace of 20480/s")));
        for none in [
            Bottleneck { is_fixed: false, ..bottleneck },
            Bottleneck { held: Duration::from_millis(2900), ..bottleneck },
            Bottleneck { enough: 32, ..bottleneck },
        ] {
            assert_eq!(hint(none), None, "{none:?}");
        }
    }
}
