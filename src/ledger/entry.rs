//! A row as it is stored.

use std::sync::Arc;

use super::{journal::index, seq::Seq};
use crate::model::{
    ClockSkew, FactorType, Fingerprint, How, LocalTime, NameTag, Operation, Reason, State, UserId,
};

/// One row of the ledger: a factor, or what else is asked for. Holds no value, only a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stands for all that makes it the same row when met again.
    pub fingerprint: Fingerprint,
    /// Operation requested.
    pub operation: Operation,
    /// The run that met it first.
    pub run: i64,
    /// Physical line of its first row in the input.
    pub line: u64,
    /// User it belongs to.
    pub user: UserId,
    /// Its kind, where that is known.
    pub factor_type: Option<FactorType>,
    /// Stands for the name that was given to it.
    pub name: Option<NameTag>,
    /// State of the row.
    pub state: State,
    /// Evidence for the state.
    pub how: Option<How>,
    /// Attempts that may have reached the server, the open one included.
    pub attempts: u32,
    /// Number of attempts that ended in doubt, whether or not a list has since called them absent.
    pub doubts: u32,
    /// True once a list at the end of a run has confirmed what is said here of a factor that was
    /// once in doubt.
    pub audited: bool,
    /// True if its name in the tenant bears a mark that is still to be removed; while it is in
    /// doubt, whether every attempt bore one.
    pub marked: bool,
    /// Time at which the first attempt in doubt was about to be sent, by our clock.
    pub intent_at: Option<LocalTime>,
    /// Offset of the tenant's clock from ours then.
    pub skew: Option<ClockSkew>,
    /// The tenant's id of the method, where one was named or has come.
    pub method_id: Option<Arc<str>>,
    /// Last HTTP status.
    pub status: Option<u16>,
    /// Reason for the state.
    pub error: Option<Reason>,
    /// Time at which it was settled, by our clock.
    pub settled_at: Option<LocalTime>,
}

impl Entry {
    /// A check sum over the row, its number included, so that a flipped bit is found and not
    /// believed.
    pub(super) fn check(&self, seq: u32) -> u32 {
        let numbers = [
            i64::from(seq),
            self.run,
            self.line.cast_signed(),
            self.operation as i64,
            self.factor_type.map_or(0, |factor_type| factor_type as i64),
            self.name.map_or(-1, |tag| i64::from(tag.0)),
            self.state as i64,
            self.how.map_or(-1, |how| how as i64),
            i64::from(self.attempts),
            i64::from(self.doubts),
            i64::from(self.audited),
            i64::from(self.marked),
            self.intent_at.map_or(-1, LocalTime::as_millis),
            self.skew.map_or(i64::MIN, ClockSkew::as_millis),
            self.status.map_or(-1, i64::from),
            self.settled_at.map_or(-1, LocalTime::as_millis),
        ];
        let error = self.error.as_ref().map(Reason::text);
        let texts = [Some(self.user.as_str()), self.method_id.as_deref(), error.as_deref()];
        check_sum(self.fingerprint, numbers, texts)
    }

    /// State of the row.
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

/// The check sum of a row: its numbers in the order of [`Entry::check`], its texts.
pub(super) fn check_sum(print: Fingerprint, numbers: [i64; 16], texts: [Option<&str>; 3]) -> u32 {
    // In one piece: a call for each number would cost ten times as much.
    let mut bytes = [0; 16 + 8 * 19];
    bytes[..16].copy_from_slice(&print.0);
    let lengths = texts.map(|text| text.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(0)));
    let numbers = numbers.into_iter().chain(lengths);
    for (place, number) in bytes[16..].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes);
    texts.into_iter().flatten().for_each(|text| crc.update(text.as_bytes()));
    crc.finalize()
}

/// Status of a row, as far as it decides what there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowStatus {
    pub(super) operation: Operation,
    pub(super) state: State,
    pub(super) was_in_doubt: bool,
    pub(super) audited: bool,
    pub(super) marked: bool,
}

impl RowStatus {
    /// Returns what is left to do for a settled factor, the first thing first.
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
    /// A short hash of whose it is.
    pub(super) user: u16,
    pub(super) status: RowStatus,
}

impl RowSummary {
    /// Summarises an entry.
    pub fn at(seq: Seq, entry: &Entry) -> Self {
        let user = index::user_hash(entry.user.as_str());
        Self { seq, fingerprint: entry.fingerprint, user, status: entry.status() }
    }
}
