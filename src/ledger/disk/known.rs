//! Factors that a ledger knows, by fingerprint: for commands that look up the rows of an input and
//! record nothing.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use rusqlite::Connection;

use super::{
    reader::{Reader, refusals},
    scan,
};
use crate::{
    error::Error,
    ledger::{LedgerFault, Prints, Seen, entry::RowSummary},
    model::{Code, Fingerprint, Operation, Rejection, State, UserId},
};

/// Tables double when they grow; with shards, only a part exists twice at any time.
const SHARDS: usize = 16;

/// A factor of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRow {
    /// Its state.
    pub state: State,
    /// Code of the reason for it.
    pub code: Option<Code>,
}

/// Factors of a ledger by fingerprint, in about 25 bytes each.
#[derive(Debug)]
pub struct Known {
    shards: Vec<HashTable<(Fingerprint, KnownRow)>>,
    key: RandomState,
    /// User, type and state of each row that was refused before it was sent.
    refused: Seen,
}

impl Default for Known {
    fn default() -> Self {
        let shards = vec![HashTable::new(); SHARDS];
        Self { shards, key: RandomState::new(), refused: Seen::default() }
    }
}

impl Known {
    fn insert(&mut self, print: Fingerprint, row: KnownRow) {
        let hash = self.key.hash_one(print);
        let key = &self.key;
        let hasher = |(print, _): &(Fingerprint, KnownRow)| key.hash_one(print);
        self.shards[shard(print)].insert_unique(hash, (print, row), hasher);
    }

    /// Returns what the ledger knows about a factor.
    pub fn find(&self, prints: Prints) -> Option<KnownRow> {
        prints.all().find_map(|print| {
            let is_that = |(other, _): &(Fingerprint, KnownRow)| *other == print;
            let found = self.shards[shard(print)].find(self.key.hash_one(print), is_that);
            found.map(|(_, row)| *row)
        })
    }

    /// Returns whether a similar row was refused: of the same user and type, in the same state.
    /// Refused rows have no fingerprint.
    pub fn has_refused(&self, row: &Rejection) -> bool {
        let user = row.user.as_ref().map(UserId::as_str);
        let factor_type = row.factor_type.map(|factor_type| factor_type as u8);
        self.refused.has((user, factor_type, row.refusal.state() as u8))
    }

    fn read_refused(&mut self, connection: &Connection) -> Result<(), LedgerFault> {
        let snapshot = connection.unchecked_transaction()?;
        let sql = format!("SELECT user_id, type, state FROM ({})", refusals(&snapshot)?);
        let mut statement = snapshot.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let user: Option<String> = row.get(0)?;
            let user = user.as_deref();
            self.refused.insert((user, row.get::<_, Option<u8>>(1)?, row.get::<_, u8>(2)?));
        }
        Ok(())
    }
}

fn shard(print: Fingerprint) -> usize {
    usize::from(print.0[0]) % SHARDS
}

impl Reader {
    /// Returns the factors of the ledger's imports in their present state: a run may be going on.
    /// Fails for a damaged ledger, and for one without an import.
    pub fn known(&self) -> Result<Known, Error> {
        if self.last_import()?.is_none() {
            let fault = LedgerFault::new(
                "no import has written to it",
                "give the --ledger that `import` used; that of another command knows no factors of an input",
            );
            return Err(fault.at(&self.path));
        }
        let mut known = Known::default();
        let mut visit = |row: RowSummary| {
            // A factor known not to exist and still to be done counts as absent from the ledger.
            if row.status.operation == Operation::Import && row.status.state != State::Pending {
                let RowSummary { fingerprint, code, .. } = row;
                known.insert(fingerprint, KnownRow { state: row.status.state, code });
            }
        };
        let read = scan::scan(&self.connection, &self.path, &mut visit);
        read.and_then(|_| known.read_refused(&self.connection))
            .map_err(|fault| fault.at(&self.path))?;
        Ok(known)
    }
}
