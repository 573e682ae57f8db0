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
    /// Refill at the top of each second, where the bucket is refilled so.
    pub steps: Option<Steps>,
    /// Requests a second that were granted in the long run; `None` if that was too short.
    pub used: Option<f64>,
    /// Time that answers took on average; `None` before the first.
    pub latency: Option<Duration>,
}

/// Refill in steps, at the top of each second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Requests that it brings.
    pub gain: f64,
    /// Requests a second that others take until the next.
    pub others: f64,
}
