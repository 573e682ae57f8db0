//! Patience with a tenant that gives no answer of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::told::Unanswered;
use crate::{
    api::{RawApi, RawVerb},
    engine::gateway::Gateway,
    error::Error,
};

/// Tries of one request. With the pauses between them they bridge half a minute.
const MOST_TRIES: u32 = 8;
/// Times that one request is refused for the limit: the pacer waits in between.
const MOST_BOUNCES: u32 = 40;
/// The same while a 429 may be an answer.
const FEW_BOUNCES: u32 = 3;
/// Longest time of one request that is refused for the limit again and again.
const LONGEST_BOUNCES: Duration = Duration::from_secs(300);
/// One failure is no outage.
const OUTAGE_AFTER: u32 = 2;

/// Tries of one request so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    /// Those without an answer.
    pub(super) silent: u32,
    /// Those that were refused for the limit, or for a token that is too old.
    pub(super) bounces: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Patience {
    max_outage: Duration,
    /// Time of the first failure since the last answer.
    since: Option<Instant>,
    /// True if a 429 for a POST may be about the methods that are there.
    pub(super) doubts_429: bool,
}

impl Patience {
    pub(super) fn new(max_outage: Duration) -> Self {
        Self { max_outage, since: None, doubts_429: false }
    }

    /// Returns true if a 429 is to be taken as an answer: the pacer has waited several times, and the POST is
    /// still refused.
    pub(super) fn is_told(&self, verb: RawVerb, status: Option<u16>, bounces: u32) -> bool {
        // One for a token has no status.
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

    /// Notes a try without an answer. It is the last if there were too many, or for too long.
    pub(super) fn unanswered<A: RawApi>(
        &mut self,
        gateway: &Gateway<A>,
        tries: Tries,
    ) -> Result<(), Unanswered> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if tries.silent >= OUTAGE_AFTER {
            gateway.stats.set_outage(Some(gateway.api.last_fault().unwrap_or_default()));
        }
        let is_over = tries.silent >= MOST_TRIES
            || tries.bounces >= MOST_BOUNCES
            || since.elapsed() >= if tries.silent > 0 { self.max_outage } else { LONGEST_BOUNCES };
        if is_over { Err(Unanswered::Silent) } else { Ok(()) }
    }

    /// Returns the error of a probe that this outage ends.
    pub(super) fn outage<A: RawApi>(&self, gateway: &Gateway<A>) -> Error {
        gateway.api.outage(self.since.map(|since| since.elapsed()).unwrap_or_default())
    }
}
