//! A row that is admitted and not settled yet.

use std::sync::Arc;

use crate::{
    ledger::{entry::Entry, seq::Seq},
    model::Spot,
};

/// A row that is admitted and not settled in this run.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) entry: Entry,
    /// True if the store has it.
    pub(super) stored: bool,
    /// Line and path in this run's input, if an earlier run recorded it first.
    pub(super) met_again: Option<(u64, Option<Arc<str>>)>,
}

impl Open {
    /// Returns its position in this run's input.
    pub(super) fn spot(&self, seq: Seq) -> Spot {
        let first = (self.entry.line, &self.entry.at);
        let (line, at) = self.met_again.as_ref().map_or(first, |(line, at)| (*line, at));
        Spot { line, at: at.clone(), row: Some(seq.0) }
    }
}
