//! Storage of entries: on disk, or, in the simulator, on one that loses what was not synced.

use super::{
    LedgerFault, Note,
    entry::{Entry, RowSummary},
    seq::Seq,
};
use crate::model::{Fingerprint, LocalTime, Rejection};

/// Storage of entries. Writes are only promised to last once [`Store::commit`] has returned.
pub trait Store: Send + std::fmt::Debug {
    /// Visits every row, in any order. Called once, before anything else.
    fn load(&mut self, visit: &mut dyn FnMut(RowSummary)) -> Result<(), LedgerFault>;
    /// The fingerprints of the rows from `first` on, at most `count`, in order.
    fn fingerprints(
        &mut self,
        first: Seq,
        count: u32,
    ) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault>;
    /// The entries from `first` on, at most `count`, in order.
    fn range(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault>;
    /// The number of the first row that was met after the last import that came to its end.
    fn first_new(&mut self) -> Result<Seq, LedgerFault>;
    /// Writes an entry that was not there.
    fn insert(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault>;
    /// Overwrites an entry that is there. What it stands for never changes: fingerprint, operation,
    /// user, type; nor the run and line that it was first met in.
    fn update(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault>;
    /// Writes a row of this run that is refused before anything is sent.
    fn refuse(&mut self, rejection: &Rejection) -> Result<(), LedgerFault>;
    /// Writes what is noted of this run, as JSON, in the place of what was noted before: only reports ask.
    fn note(&mut self, _note: Note, _json: &str) -> Result<(), LedgerFault> {
        Ok(())
    }
    /// Writes that rows of this run need attention, though it comes to its end: only the metrics ask.
    fn note_bad(&mut self) -> Result<(), LedgerFault> {
        Ok(())
    }
    /// Lets a complete end of this run take away the refusals of other inputs that its rows stand for, of those
    /// with one of these codes.
    fn note_selection(&mut self, _codes: Vec<String>) {}
    /// Writes how this run ended; a complete run replaces its input's older refusals.
    fn end_run(&mut self, complete: bool, at: LocalTime) -> Result<(), LedgerFault>;
    /// Makes everything written so far durable, or says that it could not.
    fn commit(&mut self) -> Result<(), LedgerFault>;
    /// Does what can wait until those who wait for a commit have been told.
    fn rest(&mut self) -> Result<(), LedgerFault> {
        Ok(())
    }
}
