//! Knowledge of the tenant's limit, for planning.

use std::time::Duration;

/// The tenant's limit, as its answers have shown it so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learnt {
    /// Number of answers so far.
    pub answers: u64,
    /// Number of answers that stated the limit.
    pub metered: u64,
    /// Size of the tenant's bucket; `None` if its answers do not state a limit.
    pub limit: Option<f64>,
    /// Requests a second that the bucket gains beyond what others take; `None` if the answers do
    /// not show it.
    pub refill: Option<f64>,
    /// True if the refill may be different in the long run, since others take much at random.
    pub is_rough: bool,
    /// Refill in steps, where the bucket is refilled like that.
    pub steps: Option<Steps>,
    /// Requests that the bucket holds now; `None` if the answers do not say.
    pub level: Option<f64>,
    /// Requests a second that the bucket gains, computed from when the answers say it is full
    /// again. That time is in whole seconds, so the rate is rough; and it is no less than what was
    /// taken from a full bucket.
    pub promised: Option<f64>,
    /// Requests a second that were granted in the long run; `None` if the run was too short.
    pub used: Option<f64>,
    /// Time that answers took on average; `None` before the first.
    pub latency: Option<Duration>,
}

impl Learnt {
    /// Returns a guess where the answers do not show the refill: the rate of requests, or the one
    /// that the headers promise, or else a full bucket in the usual time.
    #[must_use]
    pub fn roughly(&self) -> Option<Self> {
        let limit = self.limit?;
        let known = [self.refill, self.used, self.promised];
        let refill = known.into_iter().flatten().find(|rate| *rate > 0.0);
        let refill = refill.unwrap_or(limit / USUAL_FILL_TIME).min(limit);
        Some(Self { refill: Some(refill), steps: None, used: None, ..*self })
    }
}

/// Time, in seconds, in which a bucket is assumed to fill if the answers do not say: the ones that
/// Auth0 documents take 1 to 5 (auth0-api.md 3.1).
pub(super) const USUAL_FILL_TIME: f64 = 5.0;

/// Refill in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Requests that one step brings.
    pub gain: f64,
    /// Requests a second that others take between two steps.
    pub others: f64,
    /// Seconds from one step to the next.
    pub every: f64,
    /// Seconds until the next step.
    pub next_in: f64,
}

impl Steps {
    /// Returns the requests a second that the steps bring beyond what others take.
    pub(super) fn rate(&self) -> f64 {
        self.gain / self.every - self.others
    }

    /// Returns whether the steps are more than a second apart.
    pub(super) fn is_long(&self) -> bool {
        self.every > 1.0
    }
}
