//! Growth of the number of requests in flight, and whether it pays.
//!
//! While the limit does not bind, it may grow to a few times what was proven. Where it binds,
//! growing is a trial: if the rate of answers is no higher afterwards, the growth is taken back and
//! not tried again for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::concurrency::{FIRST_REQUESTS, float};

/// Largest factor by which a trial exceeds what was proven.
const LEAP: usize = 4;
/// Time during which growth that brought nothing is not tried again; it doubles each time, up to
/// the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct Growth {
    trial: Option<GrowthTrial>,
    ceiling: usize,
    /// Earliest time of the next trial.
    until: Option<Instant>,
    pause: Duration,
}

/// Effect that the number of requests in flight had in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// It held requests back.
    Bound,
    /// It held none back.
    Free,
    /// It held requests back for moments only, or requests from before it fell.
    Unclear,
}

/// The state before the number was allowed to grow.
#[derive(Debug)]
struct GrowthTrial {
    allowed: usize,
    rate: f64,
    /// True for the first window after the growth: it still has answers from before it.
    settling: bool,
}

impl Growth {
    /// Starts from a number that holds no request back.
    pub(super) fn above(allowed: usize) -> Self {
        let ceiling = allowed.max(FIRST_REQUESTS) * LEAP;
        Self { trial: None, ceiling, until: None, pause: FIRST_PAUSE }
    }

    /// Returns the most requests that may be in flight now.
    pub(super) fn ceiling(&self) -> usize {
        self.ceiling
    }

    /// Judges the last growth by a window after it, and raises or lowers the limit.
    pub(super) fn judge(&mut self, binding: Binding, allowed: usize, rate: f64, now: Instant) {
        let is_paused = self.until.is_some_and(|until| until > now);
        if binding == Binding::Free && !is_paused {
            *self = Self::above(allowed);
        }
        if binding != Binding::Bound {
            self.trial = None;
            return;
        }
        match &mut self.trial {
            Some(trial) if trial.settling => trial.settling = false,
            Some(trial) if !trial.was_worth_it(allowed, rate) => {
                self.ceiling = trial.allowed;
                self.until = Some(now + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.trial = None;
            }
            None if is_paused => {}
            _ => {
                self.trial = Some(GrowthTrial { allowed, rate, settling: true });
                self.ceiling = allowed * LEAP;
            }
        }
    }
}

impl GrowthTrial {
    /// Returns whether the rate shows at least a quarter of the growth. Growth beyond twice the
    /// proven number need not show at all, since the trial may have gone further than was needed.
    fn was_worth_it(&self, allowed: usize, rate: f64) -> bool {
        let growth = (float(allowed) / float(self.allowed)).min(2.0);
        rate >= self.rate * (growth - 1.0).mul_add(0.25, 1.0)
    }
}
