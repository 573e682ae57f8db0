//! Knowledge of the tenant's limit, for whoever plans with it.

use std::time::Duration;

/// Limit of the tenant as its answers have shown it so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learnt {
    /// Answers so far.
    pub answers: u64,
    /// Answers among them that stated the limit.
    pub metered: u64,
    /// Size of the tenant's bucket; `None` if its answers do not state a limit.
    pub limit: Option<f64>,
    /// Requests a second that the bucket gains beyond what others take; `None` if the answers are too
    /// few to tell.
    pub refill: Option<f64>,
    /// Refill in steps, where the bucket is refilled so.
    pub steps: Option<Steps>,
    /// Requests that the bucket holds now; `None` if its answers do not say.
    pub level: Option<f64>,
    /// Requests a second that the bucket gains by what the answers say of when it is full again. That
    /// is in whole seconds, so it is rough.
    pub promised: Option<f64>,
    /// Requests a second that were granted in the long run; `None` if that was too short.
    pub used: Option<f64>,
    /// Time that answers took on average; `None` before the first.
    pub latency: Option<Duration>,
}

impl Learnt {
    /// Returns what can be gone by where the answers were too few to measure the refill: what their
    /// headers promise, or else a full bucket in the usual time.
    #[must_use]
    pub fn roughly(&self) -> Option<Self> {
        let limit = self.limit?;
        let known = [self.refill, self.used, self.promised];
        let refill = known.into_iter().flatten().find(|rate| *rate > 0.0);
        let refill = refill.unwrap_or(limit / USUAL).min(limit);
        Some(Self { refill: Some(refill), steps: None, used: None, ..*self })
    }
}

/// Time in which a bucket is taken to be full again where nothing is said of it, in seconds: those that
/// Auth0 documents take 1 to 5 (auth0-api.md 3.1).
pub(super) const USUAL: f64 = 5.0;

/// Refill in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Requests that one brings.
    pub gain: f64,
    /// Requests a second that others take until the next.
    pub others: f64,
    /// Seconds from one to the next.
    pub every: f64,
    /// Seconds from now to the next.
    pub next_in: f64,
}

impl Steps {
    /// Returns the requests a second that they bring beyond what others take.
    pub(super) fn rate(&self) -> f64 {
        self.gain / self.every - self.others
    }

    /// Returns whether they are further apart than a second.
    pub(super) fn is_long(&self) -> bool {
        self.every > 1.0
    }
}
