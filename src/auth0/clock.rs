//! What the tenant's clock shows, as far as its answers' `Date` headers tell.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use crate::api::Millis;

/// When a sample is this much behind the estimate, a clock was set, and the estimate starts anew.
const SET: Millis = 3_000;

/// How far the tenant's clock is ahead of ours. `Date` is cut down to whole seconds and has
/// travelled: every sample is too low by up to a second or so, so the highest is the best, and
/// still never too high.
#[derive(Debug, Clone)]
pub(super) struct ServerClock {
    skew: Arc<Mutex<Option<Millis>>>,
    wall: fn() -> Millis,
}

impl ServerClock {
    pub(super) fn new(wall: fn() -> Millis) -> Self {
        Self { skew: Arc::default(), wall }
    }

    pub(super) fn observe(&self, date: SystemTime) {
        let Ok(date) = date.duration_since(SystemTime::UNIX_EPOCH) else {
            return;
        };
        let Ok(date) = Millis::try_from(date.as_millis()) else {
            return;
        };
        let sample = date - (self.wall)();
        let mut skew = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        *skew = Some(match *skew {
            Some(known) if sample > known - SET => known.max(sample),
            _ => sample,
        });
    }

    pub(super) fn skew(&self) -> Option<Millis> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's time now, as well as it is known.
    pub(super) fn now(&self) -> Millis {
        (self.wall)() + self.skew().unwrap_or_default()
    }
}
