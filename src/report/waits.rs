//! Times that a run waited, by reason: every wait has one.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::summary::seconds;
use crate::{pacer::Pacer, stats::RunStats, text::human};

/// Times that requests were held back, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Waits {
    /// By a 429.
    #[serde(serialize_with = "seconds")]
    pub held_by_throttling_seconds: Duration,
    /// For the sake of others.
    #[serde(serialize_with = "seconds")]
    pub held_by_reserve_seconds: Duration,
    /// By the tenant's limit, as it was learnt.
    #[serde(serialize_with = "seconds")]
    pub held_by_limit_seconds: Duration,
    /// By `--rate`.
    #[serde(serialize_with = "seconds")]
    pub held_by_rate_seconds: Duration,
    /// By `--rate-plan`.
    #[serde(serialize_with = "seconds")]
    pub held_by_plan_seconds: Duration,
    /// By a tenant that did not answer.
    #[serde(serialize_with = "seconds")]
    pub held_by_outage_seconds: Duration,
}

impl Waits {
    /// Collects the times until now.
    pub fn of(pacer: &Pacer, stats: &RunStats) -> Self {
        let held = pacer.held();
        Self {
            held_by_throttling_seconds: held.throttling,
            held_by_reserve_seconds: held.reserve,
            held_by_limit_seconds: held.limit,
            held_by_rate_seconds: held.rate,
            held_by_plan_seconds: held.plan,
            held_by_outage_seconds: stats.held_by_outage(),
        }
    }

    /// `, held 41 s by 429, 3 min 20 s by the reserve`; nothing if that was next to nothing.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut before = ", held";
        for (held, by) in [
            (self.held_by_throttling_seconds, "429"),
            (self.held_by_reserve_seconds, "the reserve"),
            (self.held_by_limit_seconds, "the tenant's limit"),
            (self.held_by_rate_seconds, "--rate"),
            (self.held_by_plan_seconds, "the rate plan"),
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
            held_by_outage_seconds: Duration::from_secs(7205),
            ..Waits::default()
        };
        assert_eq!(
            text(waits),
            ", held 41 s by 429, 3 min 0 s by the reserve, 2 h 0 min by an outage"
        );
    }
}
