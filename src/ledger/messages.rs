//! Messages to and from the ledger.

use std::sync::Arc;

use super::{
    entry::{Entry, Remaining},
    seq::Seq,
};
use crate::model::{
    ClockSkew, FactorType, Fingerprint, History, LocalTime, NameTag, Operation, Rejection, State,
    UserId,
};

/// A row on its way in.
#[derive(Debug)]
pub enum Row {
    /// A row that requests something.
    Asked(Asked),
    /// A row that cannot be used, or is not carried.
    Rejected(Box<Rejection>),
}

/// A row's request, as far as the ledger needs it.
#[derive(Debug)]
pub struct Asked {
    /// Operation requested.
    pub operation: Operation,
    /// Stands for everything that makes it the same row when it appears again.
    pub fingerprint: Fingerprint,
    /// The fingerprint under which a ledger of an earlier version may hold it: that of an e-mail
    /// address as written, if its domain has capitals.
    pub as_written: Option<Fingerprint>,
    /// Its line.
    pub line: u64,
    /// Its path inside a document, where that says more than a line.
    pub at: Option<Arc<str>>,
    /// User it belongs to.
    pub user: UserId,
    /// Its type, where that is known.
    pub factor_type: Option<FactorType>,
    /// Stands for the name that is given to it.
    pub name: Option<NameTag>,
    /// The tenant's id of the method, where the row names one.
    pub method_id: Option<Arc<str>>,
}

impl Asked {
    /// Makes the entry of a row for which nothing has been sent, and which first appeared in that
    /// run.
    pub(super) fn into_entry(self, run: i64) -> Entry {
        Entry {
            fingerprint: self.fingerprint,
            operation: self.operation,
            run,
            line: self.line,
            at: self.at,
            user: self.user,
            factor_type: self.factor_type,
            name: self.name,
            state: State::Pending,
            how: None,
            attempts: 0,
            doubts: 0,
            audited: false,
            marked: false,
            intent_at: None,
            skew: None,
            method_id: self.method_id,
            status: None,
            error: None,
            settled_at: None,
        }
    }
}

/// Answer of the ledger about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The row is to be sent.
    Todo(Seq, History),
    /// An earlier run left it in doubt: it has to be looked up.
    InDoubt(Seq, History),
    /// Settled by an earlier run that did not come to its end: something is left to do. Includes
    /// the ledger's method id.
    Unfinished(Seq, History, Option<Arc<str>>, Remaining),
    /// Nothing to do: the row was settled by an earlier run, is a duplicate, or is rejected.
    Done,
}

/// A created factor that may be deleted again.
#[derive(Debug)]
pub struct Undoable {
    /// Its row.
    pub seq: Seq,
    /// Entry in the ledger.
    pub entry: Entry,
}

/// An intent: one request that is about to leave.
#[derive(Debug, Clone, Copy)]
pub struct Intent {
    /// Row that the request is for.
    pub seq: Seq,
    /// Time, by our clock.
    pub at: LocalTime,
    /// Offset of the tenant's clock from ours.
    pub skew: Option<ClockSkew>,
    /// Number of earlier attempts in doubt.
    pub doubts: u32,
    /// True if its name bears a mark.
    pub marked: bool,
}
