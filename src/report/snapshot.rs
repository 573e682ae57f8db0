//! The numbers of a run at one moment, as plain values, for its recorders.

use std::time::Duration;

use super::Waits;
use crate::{ledger::ByState, model::LocalTime, pacer::Waiting, stats::StatusClass};

/// The numbers of a run at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The moment, by the wall clock.
    pub at: LocalTime,
    /// Time since the first look at the run.
    pub elapsed: Duration,
    /// Rows of this run, by the names of their states in the summary. They add up to the rows that
    /// have a state.
    pub rows: Vec<(&'static str, u64)>,
    /// Rows that have a state other than in flight.
    pub settled: u64,
    /// Number of those that needed a request of this run.
    pub settled_by_requests: u64,
    /// Rows that are still to be settled; `None` while their number is unknown.
    pub rows_left: Option<u64>,
    /// Factors in doubt, waiting to be looked up.
    pub in_doubt: u64,
    /// Factors that are still to be checked once more, at the end of a run.
    pub checking: u64,
    /// HTTP requests by the class of their answers.
    pub requests: [(StatusClass, u64); StatusClass::ALL.len()],
    /// Answers with 429.
    pub throttled: u64,
    /// Requests a second over the last minutes; `None` while there are too few to tell, and at the
    /// end.
    pub rate: Option<f64>,
    /// Requests a second that the tenant lets through beyond what others take; `None` while
    /// unknown.
    pub tenant_limit: Option<f64>,
    /// Times that requests were held back so far.
    pub waits: Waits,
    /// Reason why the next request waits.
    pub waiting: Waiting,
    /// True while the tenant does not answer.
    pub is_outage: bool,
    /// All rows that the ledger has admitted, by state; `None` without a ledger.
    pub taken_up: Option<ByState>,
}

impl Snapshot {
    /// Number of HTTP requests so far.
    pub fn requests_in_all(&self) -> u64 {
        self.requests.iter().map(|(_, requests)| requests).sum()
    }

    /// Returns whether a row has been settled, or checked once more, since `before`.
    pub fn has_progressed_since(&self, before: &Self) -> bool {
        (self.settled, self.checking) != (before.settled, before.checking)
    }
}

/// A recorder of a run's numbers, which is shown them from time to time.
pub trait Recorder: Send + Sync {
    /// Takes in the present numbers. Must not wait for anything.
    fn record(&self, snapshot: &Snapshot);
}
