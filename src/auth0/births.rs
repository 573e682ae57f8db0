//! Tells methods that a request created from those that existed before.

use std::sync::Mutex;

use crate::{
    model::{ClockSkew, LocalTime, Millis, TenantTime},
    sync::lock,
};

/// Tolerance for a method that seems older than the request that created it: clocks may differ by
/// this much, and be set a little without being noticed.
const EARLY_TOLERANCE: Millis = 5_000;
/// Tolerance while nothing is known of the tenant's clock: ours may then show any time of day.
const UNKNOWN: Millis = 26 * 60 * 60 * 1000;
/// Number of consecutive answers, all early by the same amount, that prove that methods and
/// answers are stamped by different clocks.
const ANSWERS_TO_AGREE: usize = 3;

/// Distinguishes methods that a request created from older ones. Some edges date answers by a
/// different clock than methods: the first answers show how far the two differ.
#[derive(Debug, Default)]
pub(super) struct Births(Mutex<Lead>);

#[derive(Debug, Default)]
struct Lead {
    /// Lower bound of how far the clock of methods is ahead of that of answers.
    offset: Millis,
    /// True if the offset is known.
    known: bool,
    /// Times by which the first methods seemed older than the requests that created them.
    early: Vec<Millis>,
}

impl Births {
    /// Returns true if a method with this creation time may have been created by a request that
    /// left at `sent` by our clock, when the tenant's clock was ahead by `skew`.
    pub(super) fn may_follow(
        &self,
        created: TenantTime,
        sent: LocalTime,
        skew: Option<ClockSkew>,
    ) -> bool {
        let lead = created - sent.at_tenant(skew.unwrap_or_default());
        if skew.is_none() {
            return lead >= -UNKNOWN;
        }
        let mut state = lock(&self.0);
        if lead >= state.offset - EARLY_TOLERANCE {
            state.known = true;
            return true;
        }
        if !state.known {
            state.early.push(lead);
            let range = state.early.iter().min().zip(state.early.iter().max());
            let (least, most) = range.map_or((lead, lead), |(least, most)| (*least, *most));
            if most - least > EARLY_TOLERANCE {
                state.early.clear();
            } else if state.early.len() >= ANSWERS_TO_AGREE {
                (state.offset, state.known) = (least, true);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 60 * 60 * 1000;

    fn may_follow(births: &Births, created: Millis, sent: Millis, skew: Option<Millis>) -> bool {
        let (created, sent) = (TenantTime::from_millis(created), LocalTime::from_millis(sent));
        births.may_follow(created, sent, skew.map(ClockSkew::from_millis))
    }

    #[test]
    fn what_is_older_than_its_request_is_not_its_work() {
        let births = Births::default();
        for (created, sent, skew, expected) in [
            (0, 0, Some(0), true),
            (-EARLY_TOLERANCE, 0, Some(0), true),
            (-EARLY_TOLERANCE - 1, 0, Some(0), false),
            (HOUR, 0, Some(HOUR), true),
            (HOUR - EARLY_TOLERANCE - 1, 0, Some(HOUR), false),
            (-HOUR, 0, Some(-HOUR), true),
            (-HOUR, 0, None, true),
            (-UNKNOWN - 1, 0, None, false),
        ] {
            assert_eq!(may_follow(&births, created, sent, skew), expected, "{created} {skew:?}");
        }
    }

    #[test]
    fn a_clock_of_methods_that_is_always_behind_is_learned_and_one_that_is_once_is_not() {
        let births = Births::default();
        let told = [0, 60_000, 120_000, 180_000]
            .map(|sent| may_follow(&births, sent - HOUR, sent, Some(0)));
        assert_eq!(told, [false, false, false, true]);
        assert!(!may_follow(&births, -2 * HOUR, 0, Some(0)), "and what is older still is older");
        let births = Births::default();
        assert!(may_follow(&births, 0, 0, Some(0)));
        for _ in 0..20 {
            assert!(!may_follow(&births, -HOUR, 0, Some(0)), "a clock that was right stays right");
        }
        // The same old answer again and again is no clock.
        let births = Births::default();
        for sent in [0, 60_000, 120_000, 180_000, 240_000] {
            assert!(!may_follow(&births, -HOUR, sent, Some(0)), "{sent}");
        }
    }
}
