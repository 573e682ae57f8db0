//! Counts of this run, as far as they are durable.

use std::sync::{Mutex, PoisonError};

use crate::model::State;

/// How many rows of this run's input ended where. They add up to the rows read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// The same factor again in the input.
    pub duplicates: u64,
    /// Created by this tool.
    pub created: u64,
    /// There before.
    pub already_present: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Provably not created.
    pub failed: u64,
    /// Nobody knows.
    pub needs_review: u64,
    /// Not yet known.
    pub in_flight: u64,
    /// Settled by an earlier run.
    pub skipped: u64,
    /// How many of those somebody has to look at.
    #[serde(skip)]
    pub skipped_bad: u64,
}

impl Counts {
    /// All rows that have come to a state.
    pub fn rows(&self) -> u64 {
        self.settled() + self.in_flight
    }

    /// The count of a state that a factor can be settled in.
    pub(super) fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Created => &mut self.created,
            State::AlreadyPresent => &mut self.already_present,
            State::Rejected => &mut self.rejected,
            State::Failed => &mut self.failed,
            State::NeedsReview => &mut self.needs_review,
            State::Pending | State::InFlight => &mut self.in_flight,
        }
    }

    /// All rows but those still in flight.
    pub fn settled(&self) -> u64 {
        self.duplicates
            + self.created
            + self.already_present
            + self.rejected
            + self.failed
            + self.needs_review
            + self.skipped
    }

    /// Rows that somebody has to look at.
    pub fn bad(&self) -> u64 {
        self.rejected + self.failed + self.needs_review + self.skipped_bad
    }
}

/// The counts, shared with progress and summary. Only the ledger's owner writes them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

impl Tally {
    /// The counts now.
    pub fn get(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, counts: &Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = *counts;
    }
}
