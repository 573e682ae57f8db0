//! Numbers of rows in each state: of this run, as far as durable, and of a whole ledger.

use std::{
    ops::{Index, IndexMut},
    sync::{Mutex, MutexGuard},
};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{
    model::{Reasons, State},
    sync::lock,
};

/// A number for each state; [`State::Undoing`] is counted as in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByState([u64; State::ALL.len()]);

impl ByState {
    /// The states that every summary names (the contract's section 2), in its order.
    pub const ALWAYS: [State; 7] = [
        State::Created,
        State::AlreadyPresent,
        State::Rejected,
        State::NotCarried,
        State::Failed,
        State::NeedsReview,
        State::InFlight,
    ];

    /// Returns the sum, without rows that are still to be done.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum::<u64>() - self[State::Pending]
    }

    /// Returns the number of rows that somebody has to look at.
    pub fn bad(&self) -> u64 {
        State::ALL
            .into_iter()
            .filter(|state| state.needs_attention())
            .map(|state| self[state])
            .sum()
    }

    /// Returns what a summary shows: the contract's states, those of `own`, and any other that is
    /// not zero.
    pub fn shown(&self, own: &[State]) -> Vec<(State, u64)> {
        let others = State::ALL.into_iter().filter(|state| {
            !Self::ALWAYS.contains(state)
                && !matches!(state, State::Pending | State::Undoing)
                && (own.contains(state) || self[*state] > 0)
        });
        Self::ALWAYS.into_iter().chain(others).map(|state| (state, self[state])).collect()
    }
}

impl Serialize for ByState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (state, count) in self.shown(&[]) {
            map.serialize_entry(state.name(), &count)?;
        }
        map.end()
    }
}

fn slot(state: State) -> usize {
    match state {
        State::Undoing => State::InFlight as usize,
        state => state as usize,
    }
}

impl Index<State> for ByState {
    type Output = u64;

    fn index(&self, state: State) -> &u64 {
        &self.0[slot(state)]
    }
}

impl IndexMut<State> for ByState {
    fn index_mut(&mut self, state: State) -> &mut u64 {
        &mut self.0[slot(state)]
    }
}

/// Numbers of this run's rows by state. They add up to the rows read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that the input has had before.
    pub duplicates: u64,
    /// Rows of this run by state.
    pub states: ByState,
    /// Rows settled by an earlier run.
    pub skipped: u64,
    /// Number of those that need attention.
    pub skipped_bad: u64,
    /// Rows that were refused before anything was sent, including those not carried.
    pub unsent: u64,
}

impl Counts {
    /// Returns the number of all rows that have a state.
    pub fn rows(&self) -> u64 {
        self.duplicates + self.states.sum() + self.skipped
    }

    /// Returns the number of rows that are not in flight.
    pub fn settled(&self) -> u64 {
        self.rows() - self.states[State::InFlight]
    }

    /// Returns the number of settled rows that needed a request of this run.
    pub fn settled_by_requests(&self) -> u64 {
        self.settled() - self.duplicates - self.skipped - self.unsent
    }

    /// Returns the number of rows that somebody has to look at.
    pub fn bad(&self) -> u64 {
        self.states.bad() + self.skipped_bad
    }
}

/// Differences between a whole input and the factors that earlier runs created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Number of created factors that the input does not have.
    pub no_longer_in_input: u64,
    /// Number of those whose user has since got another factor of the same type and name.
    pub changed: u64,
}

/// Reasons of a run's rows.
#[derive(Debug, Clone, Default)]
pub struct RunReasons {
    /// Reasons of the rows that this run has settled: they add up to its counts.
    pub of_run: Reasons,
    /// Those of the rows that an earlier run has settled and that need attention.
    pub skipped: Reasons,
}

/// The counts, shared with progress and summary, and the reasons for them. Only the ledger's owner
/// writes them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Told>);

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) counts: Counts,
    pub(super) taken_up: ByState,
    pub(super) reasons: RunReasons,
}

impl Tally {
    /// Returns the present counts.
    pub fn get(&self) -> Counts {
        self.lock().counts
    }

    /// Returns the number of rows in each state, of all runs, without those refused while they were
    /// read.
    pub fn taken_up(&self) -> ByState {
        self.lock().taken_up
    }

    /// Returns the counts and the reasons for them, consistent with each other.
    pub fn all(&self) -> (Counts, RunReasons) {
        let told = self.lock();
        (told.counts, told.reasons.clone())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Told> {
        lock(&self.0)
    }
}
