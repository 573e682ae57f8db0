//! What a run looks like from outside while it goes on: plain numbers, written by the parts that
//! know them, read by progress and summary.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Numbers of the run that is going on.
#[derive(Debug, Default)]
pub struct Vitals {
    requests: AtomicU64,
    throttled: AtomicU64,
    in_doubt: AtomicU64,
    outage: AtomicBool,
}

impl Vitals {
    /// Counts requests, and how many of them were answered with 429.
    pub fn sent(&self, requests: u32, throttled: bool) {
        self.requests.fetch_add(u64::from(requests), Relaxed);
        self.throttled.fetch_add(u64::from(throttled), Relaxed);
    }

    /// HTTP requests to the API so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// 429 answers so far.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Relaxed)
    }

    /// Factors in doubt, waiting to be looked up.
    pub fn in_doubt(&self) -> u64 {
        self.in_doubt.load(Relaxed)
    }

    /// Whether the tenant does not answer at present.
    pub fn outage(&self) -> bool {
        self.outage.load(Relaxed)
    }

    pub(crate) fn set_in_doubt(&self, count: usize) {
        self.in_doubt.store(count as u64, Relaxed);
    }

    pub(crate) fn set_outage(&self, outage: bool) {
        self.outage.store(outage, Relaxed);
    }
}
