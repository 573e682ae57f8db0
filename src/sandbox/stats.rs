//! Statistics, for checking a run.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;

use super::{call::Verb, faults::FaultKind};
use crate::sync::lock;

/// Counts since the start. A lost answer counts under what it was, once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests to the seven operations, look-ups of users and questions about the tenant by verb,
    /// and to the token endpoint as `TOKEN`: all that arrived, refused or lost ones included.
    pub requests: BTreeMap<&'static str, u64>,
    /// Those of them that looked users up by their address.
    pub users_by_email: u64,
    /// Those of them that asked how the tenant is set up.
    pub questions: u64,
    /// 429 answers, injected ones included.
    pub throttled: u64,
    /// 401 answers, injected ones included.
    pub unauthorized: u64,
    /// 409 answers.
    pub conflicts: u64,
    /// Faults that struck, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests that fell into an outage.
    pub outages: u64,
    /// Methods that POST created, including deleted ones, whether or not the client learned of it.
    pub created: u64,
    /// Number of requests that arrived for a user who had another one in flight.
    pub overlaps: u64,
    /// Requests in flight now.
    pub in_flight: u64,
    /// Most requests in flight at one moment.
    pub most_in_flight: u64,
    /// Requests of other applications on the same bucket.
    pub neighbour_requests: u64,
    /// Those of them that got a 429.
    pub neighbours_throttled: u64,
}

impl Stats {
    /// Requests counted under a verb.
    pub fn requests(&self, verb: Verb) -> u64 {
        self.requests.get(verb.as_str()).copied().unwrap_or_default()
    }

    /// Returns how often a fault struck.
    pub fn faults(&self, kind: FaultKind) -> u64 {
        self.faults.get(kind.name()).copied().unwrap_or_default()
    }
}

/// One request to the seven operations, or a look-up of users, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Time since the start.
    pub at: Duration,
    /// Its verb.
    pub verb: Verb,
    /// User it is for; the address, where users are looked up by it.
    pub user_id: String,
    /// The method it is about, if it names one.
    pub method_id: Option<String>,
    /// [`Method::digest`](super::Method::digest) of what a POST asks for.
    pub digest: Option<String>,
    /// Its `X-Correlation-ID`.
    pub correlation_id: Option<String>,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: [AtomicU64; Verb::ALL.len()],
    users_by_email: AtomicU64,
    questions: AtomicU64,
    throttled: AtomicU64,
    unauthorized: AtomicU64,
    conflicts: AtomicU64,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    outages: AtomicU64,
}

impl Counters {
    pub(super) fn arrived(&self, verb: Verb) {
        self.requests[verb as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn looked_up(&self) {
        self.users_by_email.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn questioned(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, status: StatusCode) {
        let counter = match status {
            StatusCode::TOO_MANY_REQUESTS => &self.throttled,
            StatusCode::UNAUTHORIZED => &self.unauthorized,
            StatusCode::CONFLICT => &self.conflicts,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn struck(&self, kind: FaultKind) {
        *lock(&self.faults).entry(kind.name()).or_default() += 1;
    }

    pub(super) fn fell_into_outage(&self) {
        self.outages.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts that are kept here; the caller fills in the others.
    pub(super) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: Verb::ALL
                .into_iter()
                .map(|verb| (verb.as_str(), read(&self.requests[verb as usize])))
                .collect(),
            users_by_email: read(&self.users_by_email),
            questions: read(&self.questions),
            throttled: read(&self.throttled),
            unauthorized: read(&self.unauthorized),
            conflicts: read(&self.conflicts),
            faults: lock(&self.faults).clone(),
            outages: read(&self.outages),
            ..Stats::default()
        }
    }
}
