//! Numbers of rows in each state: of this run, as far as durable, and of a whole ledger.

use std::{
    ops::{Index, IndexMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::{Reasons, State};

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

    /// All of them together, whatever is still to do left out.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum::<u64>() - self[State::Pending]
    }

    /// Rows that somebody has to look at.
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
    /// The same row again in the input.
    pub duplicates: u64,
    /// Rows of this run by state.
    pub states: ByState,
    /// Settled by an earlier run.
    pub skipped: u64,
    /// Number of those that need attention.
    pub skipped_bad: u64,
    /// Number of the rows that were refused before anything was sent, those not carried included.
    pub unsent: u64,
}

impl Counts {
    /// All rows that have come to a state.
    pub fn rows(&self) -> u64 {
        self.duplicates + self.states.sum() + self.skipped
    }

    /// All rows but those still in flight.
    pub fn settled(&self) -> u64 {
        self.rows() - self.states[State::InFlight]
    }

    /// Number of the settled rows that took a request of this run.
    pub fn settled_by_requests(&self) -> u64 {
        self.settled() - self.duplicates - self.skipped - self.unsent
    }

    /// Rows that somebody has to look at.
    pub fn bad(&self) -> u64 {
        self.states.bad() + self.skipped_bad
    }
}

/// Differences between a whole input and the factors that earlier runs created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Number of them that it does not have.
    pub no_longer_in_input: u64,
    /// Number of those whose user has another factor of the same type and name there since.
    pub changed: u64,
}

/// Reasons of a run's rows.
#[derive(Debug, Clone, Default)]
pub struct RunReasons {
    /// Those of the rows that it has brought to their state: they add up to its counts.
    pub of_run: Reasons,
    /// Those of the rows that an earlier run has settled and that need attention.
    pub skipped: Reasons,
}

/// The counts, shared with progress and summary, and the reasons for them. Only the ledger's owner writes
/// them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Told>);

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) counts: Counts,
    pub(super) taken_up: ByState,
    pub(super) reasons: RunReasons,
}

impl Tally {
    /// The counts now.
    pub fn get(&self) -> Counts {
        self.lock().counts
    }

    /// Number of rows in each state, of all runs; those refused as they were read are not among them.
    pub fn taken_up(&self) -> ByState {
        self.lock().taken_up
    }

    /// Returns the counts with the reasons for them, as they are together.
    pub fn all(&self) -> (Counts, RunReasons) {
        let told = self.lock();
        (told.counts, told.reasons.clone())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
