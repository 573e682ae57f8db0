//! Decides how long to try a request to which the tenant gives no answer of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::told::Unanswered;
use crate::{
    api::{RawApi, RawVerb},
    engine::gateway::Gateway,
    error::Error,
};

/// Most tries of one request. With the pauses between them they bridge half a minute.
const MAX_TRIES: u32 = 8;
/// Most refusals of one request by the rate limit; the pacer waits in between.
const MAX_BOUNCES: u32 = 40;
/// Number of 429s after which a 429 that may be an answer is taken as one.
const FEW_BOUNCES: u32 = 3;
/// Longest time during which one request may be refused by the rate limit.
const LONGEST_BOUNCES: Duration = Duration::from_secs(300);
/// Failures of one request after which progress shows an outage.
const OUTAGE_AFTER: u32 = 2;

/// Tries of one request so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    /// Tries without an answer.
    pub(super) silent: u32,
    /// Tries that were refused by the rate limit, or for an expired token.
    pub(super) bounces: u32,
}

/// State of the patience with a tenant.
#[derive(Debug)]
pub(super) struct Patience {
    max_outage: Duration,
    /// Time of the first failure since the last answer.
    since: Option<Instant>,
    /// True if a 429 for a POST may be about the number of the user's methods.
    pub(super) doubts_429: bool,
}

impl Patience {
    pub(super) fn new(max_outage: Duration) -> Self {
        Self { max_outage, since: None, doubts_429: false }
    }

    /// Returns true if a 429 is an answer of the tenant: the pacer has waited several times, and
    /// the POST is still refused.
    pub(super) fn is_told(&self, verb: RawVerb, status: Option<u16>, bounces: u32) -> bool {
        // A 429 of the token endpoint has no status here.
        self.doubts_429
            && verb == RawVerb::Post
            && status == Some(429)
            && bounces + 1 >= FEW_BOUNCES
    }

    /// Notes that the tenant has answered.
    pub(super) fn answered<A: RawApi>(&mut self, gateway: &Gateway<A>) {
        self.since = None;
        gateway.stats.set_outage(None);
    }

    /// Notes a try without an answer. Fails after too many tries, or too long a time.
    pub(super) fn unanswered<A: RawApi>(
        &mut self,
        gateway: &Gateway<A>,
        tries: Tries,
    ) -> Result<(), Unanswered> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if tries.silent >= OUTAGE_AFTER {
            gateway.stats.set_outage(Some(gateway.api.last_fault().unwrap_or_default()));
        }
        let is_over = tries.silent >= MAX_TRIES
            || tries.bounces >= MAX_BOUNCES
            || since.elapsed() >= if tries.silent > 0 { self.max_outage } else { LONGEST_BOUNCES };
        if is_over { Err(Unanswered::Silent) } else { Ok(()) }
    }

    /// Returns the error for a probe that ends because of the current outage.
    pub(super) fn outage<A: RawApi>(&self, gateway: &Gateway<A>) -> Error {
        gateway.api.outage(self.since.map(|since| since.elapsed()).unwrap_or_default())
    }
}
