//! Knowledge of the tenant's limit, for whoever plans with it.

use std::time::Duration;

/// Limit of the tenant as its answers have shown it so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Learnt {
    /// Answers that stated the limit.
    pub answers: u64,
    /// Size of the tenant's bucket; `None` if its answers do not state a limit.
    pub limit: Option<f64>,
    /// Requests a second that the bucket gains beyond what others take.
    pub refill: f64,
    /// True if the refill rate was measured; else it is a lower bound, what a full bucket has let
    /// through.
    pub is_measured: bool,
    /// Requests gained at the top of each second, where the bucket is refilled in such steps.
    pub step: Option<f64>,
    /// Requests a second that others take between two such steps.
    pub others: f64,
    /// Time that answers took on average; `None` before the first.
    pub latency: Option<Duration>,
}
