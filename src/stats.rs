//! Counters of a run in progress: plain numbers, updated by the engine and read by progress and
//! summary.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{api::LimitDecision, sync::lock, text::human};

/// The limit on requests in flight: for how long it has held requests back, and its value then.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bottleneck {
    /// True if the number was set by the user and does not adapt.
    pub is_fixed: bool,
    /// Total time that requests waited for nothing but a free slot.
    pub held: Duration,
    /// True while the next request is waiting for a slot.
    pub is_binding: bool,
    /// Number of slots when a request last waited for one.
    pub in_flight: usize,
    /// Seconds that a request held its slot at that time.
    pub latency: f64,
    /// Requests a second that the pacer would have allowed at that time.
    pub pace: f64,
    /// Number of slots that would have been enough at that time.
    pub enough: usize,
}

/// A class of HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// The request was granted.
    Success,
    /// A redirect, which is never followed.
    Redirect,
    /// The request was refused.
    Refusal,
    /// The tenant failed.
    Failure,
    /// No answer came, or its status is not known.
    None,
}

impl StatusClass {
    /// Every class.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::Redirect, Self::Refusal, Self::Failure, Self::None];

    /// Returns the class of a status.
    pub const fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Success,
            300..=399 => Self::Redirect,
            400..=499 => Self::Refusal,
            500..=599 => Self::Failure,
            _ => Self::None,
        }
    }

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::Refusal => "4xx",
            Self::Failure => "5xx",
            Self::None => "none",
        }
    }
}

/// Numbers of the run in progress.
#[derive(Debug, Default)]
pub struct RunStats {
    /// Numbers by the class of the answer.
    requests: [AtomicU64; StatusClass::ALL.len()],
    throttled: AtomicU64,
    in_doubt: AtomicU64,
    checking: AtomicU64,
    outage: AtomicBool,
    outages: Mutex<Outages>,
    bottleneck: Mutex<Bottleneck>,
}

/// Outages: times at which the tenant did not answer.
#[derive(Debug, Default)]
struct Outages {
    /// Total time of past ones, and the start of the present one.
    before: Duration,
    since: Option<Instant>,
    /// Description of the last failure in the present outage; empty if nothing is known.
    cause: String,
}

impl RunStats {
    /// Counts requests, the class of the last answer, and the rate limit's decision about it. The
    /// requests before the last were for a token, which was granted.
    pub fn sent(&self, requests: u32, last: StatusClass, decision: LimitDecision) {
        self.requests[last as usize].fetch_add(requests.min(1).into(), Relaxed);
        if requests > 1 {
            let before = u64::from(requests - 1);
            self.requests[StatusClass::Success as usize].fetch_add(before, Relaxed);
        }
        self.throttled.fetch_add(u64::from(decision == LimitDecision::Throttled), Relaxed);
    }

    /// Returns the number of HTTP requests to the API so far.
    pub fn requests(&self) -> u64 {
        self.requests_by_class().iter().map(|(_, requests)| requests).sum()
    }

    /// Returns the number of requests by the class of their answers.
    pub fn requests_by_class(&self) -> [(StatusClass, u64); StatusClass::ALL.len()] {
        StatusClass::ALL.map(|class| (class, self.requests[class as usize].load(Relaxed)))
    }

    /// Returns the number of 429 answers so far.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Relaxed)
    }

    /// Returns the number of factors in doubt, waiting to be looked up.
    pub fn in_doubt(&self) -> u64 {
        self.in_doubt.load(Relaxed)
    }

    /// Returns the number of factors still to be checked once more, at the end of a run.
    pub fn checking(&self) -> u64 {
        self.checking.load(Relaxed)
    }

    /// Returns whether the tenant is not answering at present.
    pub fn outage(&self) -> bool {
        self.outage.load(Relaxed)
    }

    /// Returns the total time during which the tenant did not answer.
    pub fn held_by_outage(&self) -> Duration {
        let outages = self.outages();
        outages.before + outages.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns why the tenant is not answering at present; empty if that is not known.
    pub fn outage_cause(&self) -> String {
        self.outages().cause.clone()
    }

    /// Returns how the limit on requests in flight has held requests back.
    pub fn bottleneck(&self) -> Bottleneck {
        *lock(&self.bottleneck)
    }

    pub(crate) fn set_bottleneck(&self, bottleneck: Bottleneck) {
        *lock(&self.bottleneck) = bottleneck;
    }

    pub(crate) fn set_in_doubt(&self, count: usize) {
        self.in_doubt.store(count as u64, Relaxed);
    }

    pub(crate) fn set_checking(&self, count: usize) {
        self.checking.store(count as u64, Relaxed);
    }

    /// Notes whether the tenant is not answering, and why; changes are logged.
    pub(crate) fn set_outage(&self, cause: Option<String>) {
        let outage = cause.is_some();
        let changes = self.outage.swap(outage, Relaxed) != outage;
        if !outage && !changes {
            return;
        }
        let mut outages = self.outages();
        outages.cause = cause.unwrap_or_default();
        if changes {
            let ended = outages.since.take().map(|since| since.elapsed());
            outages.before += ended.unwrap_or_default();
            outages.since = outage.then(Instant::now);
            match ended {
                None => tracing::warn!("the tenant does not answer, waiting: {}", outages.cause),
                Some(lasted) => {
                    tracing::info!("the tenant answers again, after {}", human(lasted));
                }
            }
        }
    }

    fn outages(&self) -> MutexGuard<'_, Outages> {
        lock(&self.outages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outages_add_up_the_present_one_included() {
        let stats = RunStats::default();
        for (outage, total) in [(false, 0), (true, 10), (true, 20), (false, 20), (true, 30)] {
            stats.set_outage(outage.then(|| "refused".into()));
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(stats.held_by_outage(), Duration::from_secs(total));
        }
    }
}
