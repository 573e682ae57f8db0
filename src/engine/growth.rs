//! Growth of the number of requests in flight, and whether it has brought anything.
//!
//! What does not bind may be a few times as much at once. Where it binds, that is a trial: if the rate
//! of answers is no higher afterwards, it is taken back, and not tried again for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::concurrency::{FIRST, float};

/// Largest factor by which a trial exceeds what was proven.
const LEAP: usize = 4;
/// Time for which growth that brought nothing is not tried again; it doubles each time, to the
/// longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct Growth {
    trial: Option<Trial>,
    ceiling: usize,
    /// Earliest time of the next trial.
    until: Option<Instant>,
    pause: Duration,
}

/// The state before the number was allowed to grow.
#[derive(Debug)]
struct Trial {
    allowed: usize,
    rate: f64,
    /// The first window after that still has answers from before it.
    settling: bool,
}

impl Growth {
    /// Growth from a number that does not bind.
    pub(super) fn above(allowed: usize) -> Self {
        let ceiling = allowed.max(FIRST) * LEAP;
        Self { trial: None, ceiling, until: None, pause: FIRST_PAUSE }
    }

    /// Returns the most that there may be now.
    pub(super) fn ceiling(&self) -> usize {
        self.ceiling
    }

    /// Judges the last growth by a window after it, and allows more, or less.
    pub(super) fn judge(
        &mut self,
        (is_bound, is_free): (bool, bool),
        allowed: usize,
        rate: f64,
        now: Instant,
    ) {
        let is_paused = self.until.is_some_and(|until| until > now);
        if is_free && !is_paused {
            *self = Self::above(allowed);
        }
        if !is_bound {
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
                self.trial = Some(Trial { allowed, rate, settling: true });
                self.ceiling = allowed * LEAP;
            }
        }
    }
}

impl Trial {
    /// Returns whether a quarter of the growth, at least, is seen in the rate; of what goes beyond
    /// twice as many nothing has to be seen, since more may have been tried than was needed.
    fn was_worth_it(&self, allowed: usize, rate: f64) -> bool {
        let growth = (float(allowed) / float(self.allowed)).min(2.0);
        rate >= self.rate * (growth - 1.0).mul_add(0.25, 1.0)
    }
}
