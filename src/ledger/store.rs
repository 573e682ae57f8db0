//! Storage of entries: on disk or, in the simulator, on a disk that loses what was not synced.

use super::{
    LedgerFault, Note,
    entry::{Entry, RowSummary},
    seq::Seq,
};
use crate::model::{Completion, Fingerprint, LocalTime, Rejection};

/// Storage of entries. Writes are only promised to last once [`Store::commit`] has returned.
pub trait Store: Send + std::fmt::Debug {
    /// Visits every row, in any order. Called once, before anything else.
    fn load(&mut self, visit: &mut dyn FnMut(RowSummary)) -> Result<(), LedgerFault>;
    /// Returns the fingerprints of the rows from `first` on, at most `count`, in order.
    fn fingerprints(
        &mut self,
        first: Seq,
        count: u32,
    ) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault>;
    /// Returns the entries from `first` on, at most `count`, in order.
    fn range(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault>;
    /// Returns the number of the first row that appeared after the last import that came to its
    /// end.
    fn first_new(&mut self) -> Result<Seq, LedgerFault>;
    /// Writes a new entry.
    fn insert(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault>;
    /// Overwrites an existing entry. Its identity never changes: fingerprint, operation, user,
    /// type, and the run and line in which it first appeared.
    fn update(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault>;
    /// Writes a row of this run that is refused before anything is sent.
    fn refuse(&mut self, rejection: &Rejection) -> Result<(), LedgerFault>;
    /// Writes a note about this run, as JSON, in place of the previous one: only reports read it.
    fn note(&mut self, _note: Note, _json: &str) -> Result<(), LedgerFault> {
        Ok(())
    }
    /// Writes that rows of this run need attention although it came to its end: only the metrics
    /// read it.
    fn note_bad(&mut self) -> Result<(), LedgerFault> {
        Ok(())
    }
    /// Lets a complete end of this run remove refusals of other inputs that its rows replace, if
    /// they have one of these codes.
    fn note_selection(&mut self, _codes: Vec<String>) {}
    /// Writes how this run ended; a complete run replaces its input's older refusals.
    fn end_run(&mut self, completion: Completion, at: LocalTime) -> Result<(), LedgerFault>;
    /// Makes everything written so far durable, or fails.
    fn commit(&mut self) -> Result<(), LedgerFault>;
    /// Does work that can wait until the callers that wait for a commit have their answers.
    fn rest(&mut self) -> Result<(), LedgerFault> {
        Ok(())
    }
}
