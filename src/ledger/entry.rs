//! A row as it is stored.

use std::sync::Arc;

use super::fingerprint::{Fingerprint, NameTag};
use crate::{
    api::Millis,
    model::{FactorType, Operation, State, UserId},
    retry::How,
};

/// One row of the ledger: a factor, or what else is asked for. Holds no value, only a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stands for all that makes it the same row when met again.
    pub fingerprint: Fingerprint,
    /// What is asked for.
    pub operation: Operation,
    /// The run that met it first.
    pub run: i64,
    /// Physical line of its first row in the input.
    pub line: u64,
    /// Whose it is.
    pub user: UserId,
    /// Its kind, where that is known.
    pub factor_type: Option<FactorType>,
    /// Stands for the name that was given to it.
    pub name: Option<NameTag>,
    /// How it stands.
    pub state: State,
    /// How that is known.
    pub how: Option<How>,
    /// Attempts that may have reached the server, the open one included.
    pub attempts: u32,
    /// How many of them ended in doubt, whether or not a list has since called them absent.
    pub doubts: u32,
    /// Whether a list at the end of a run has confirmed what is said here of a factor that was
    /// once in doubt.
    pub audited: bool,
    /// Whether its name in the tenant bears a mark that is still to be taken away; while it is in
    /// doubt, whether every attempt bore one.
    pub marked: bool,
    /// When the first attempt in doubt was about to leave, by our clock.
    pub intent_at: Option<Millis>,
    /// How far the tenant's clock was ahead then.
    pub skew: Option<Millis>,
    /// The tenant's id of the method, where one was named or has come.
    pub method_id: Option<Arc<str>>,
    /// Last HTTP status.
    pub status: Option<u16>,
    /// Why not, as a short code.
    pub error: Option<Arc<str>>,
    /// When it was settled, by our clock.
    pub settled_at: Option<Millis>,
}

impl Entry {
    /// A check sum over the row, its number included, so that a flipped bit is found and not
    /// believed.
    pub(super) fn check(&self, seq: u32) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.fingerprint.0);
        let numbers: [i64; 16] = [
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
            self.intent_at.unwrap_or(-1),
            self.skew.unwrap_or(i64::MIN),
            self.status.map_or(-1, i64::from),
            self.settled_at.unwrap_or(-1),
        ];
        for number in numbers {
            crc.update(&number.to_le_bytes());
        }
        for text in [Some(self.user.as_str()), self.method_id.as_deref(), self.error.as_deref()] {
            crc.update(&text.map_or(-1, |text| text.len().cast_signed()).to_le_bytes());
            crc.update(text.unwrap_or_default().as_bytes());
        }
        crc.finalize()
    }
}
