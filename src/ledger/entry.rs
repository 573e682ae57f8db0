//! A row as it is stored.

use std::sync::Arc;

use super::{journal::index, seq::Seq};
use crate::model::{
    ClockSkew, Code, FactorType, Fingerprint, How, LocalTime, NameTag, Operation, Reason, State,
    UserId,
};

/// One row of the ledger: a factor, or another request. Holds no value, only a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stands for everything that makes it the same row when it appears again.
    pub fingerprint: Fingerprint,
    /// Operation requested.
    pub operation: Operation,
    /// The run in which it first appeared.
    pub run: i64,
    /// Physical line of its first row in the input.
    pub line: u64,
    /// Path of that row inside a document, where that says more than a line.
    pub at: Option<Arc<str>>,
    /// User it belongs to.
    pub user: UserId,
    /// Its type, where that is known.
    pub factor_type: Option<FactorType>,
    /// Stands for the name that was given to it.
    pub name: Option<NameTag>,
    /// State of the row.
    pub state: State,
    /// Evidence for the state.
    pub how: Option<How>,
    /// Attempts that may have reached the server, the open one included.
    pub attempts: u32,
    /// Number of attempts that ended in doubt, including those that a list has since shown to be
    /// absent.
    pub doubts: u32,
    /// True once a list at the end of a run has confirmed this entry of a factor that was once in
    /// doubt.
    pub audited: bool,
    /// True if its name in the tenant bears a mark that is still to be removed; while it is in
    /// doubt, true if every attempt bore one.
    pub marked: bool,
    /// Time at which the first attempt in doubt was about to be sent, by our clock.
    pub intent_at: Option<LocalTime>,
    /// Offset of the tenant's clock from ours then.
    pub skew: Option<ClockSkew>,
    /// The tenant's id of the method, where one was given or returned.
    pub method_id: Option<Arc<str>>,
    /// Last HTTP status.
    pub status: Option<u16>,
    /// Reason for the state.
    pub error: Option<Reason>,
    /// Time at which it was settled, by our clock.
    pub settled_at: Option<LocalTime>,
}

impl Entry {
    /// Returns the status of the row.
    pub(super) fn status(&self) -> RowStatus {
        RowStatus {
            operation: self.operation,
            state: self.state,
            was_in_doubt: self.doubts > 0,
            audited: self.audited,
            marked: self.marked,
        }
    }
}

/// Status of a row, as far as it decides what is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowStatus {
    pub(super) operation: Operation,
    pub(super) state: State,
    pub(super) was_in_doubt: bool,
    pub(super) audited: bool,
    pub(super) marked: bool,
}

impl RowStatus {
    /// Returns what is left to do for a settled factor; the first task first.
    pub(super) fn rest(self) -> Option<Remaining> {
        let taken_back = matches!(self.state, State::Undone | State::AlreadyGone | State::Kept);
        if self.operation != Operation::Import || taken_back {
            return None;
        }
        if self.state.is_settled() && self.was_in_doubt && !self.audited {
            Some(Remaining::Audit)
        } else {
            (self.state == State::Created && self.marked).then_some(Remaining::Restore)
        }
    }
}

/// The fields of a row that are needed to sum over a ledger.
#[derive(Debug)]
pub struct Glance<'a> {
    /// Its type, where that is known.
    pub factor_type: Option<FactorType>,
    /// State of the row.
    pub state: State,
    /// Evidence for the state.
    pub how: Option<How>,
    /// True if an attempt ended in doubt, whatever became of it.
    pub was_in_doubt: bool,
    /// Text of the reason for the state.
    pub error: Option<&'a str>,
}

/// Work left for a settled factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// It was once in doubt: the list at the end of the run has to confirm it.
    Audit,
    /// Its name bears a mark.
    Restore,
}

/// Summary of a row for the index.
#[derive(Debug)]
pub struct RowSummary {
    pub(super) seq: Seq,
    pub(super) fingerprint: Fingerprint,
    /// A short hash of its user.
    pub(super) user: u16,
    pub(super) status: RowStatus,
    /// Code of the reason for its state.
    pub(super) code: Option<Code>,
}

impl RowSummary {
    /// Summarises an entry.
    pub fn at(seq: Seq, entry: &Entry) -> Self {
        let user = index::user_hash(entry.user.as_str());
        let code = entry.error.as_ref().map(Reason::code);
        Self { seq, fingerprint: entry.fingerprint, user, status: entry.status(), code }
    }
}
