//! What a ledger knows of an import's factors, by fingerprint: for those who look up the rows of an input
//! and record nothing.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{reader::Reader, scan};
use crate::{
    error::Error,
    ledger::{LedgerFault, Prints, entry::RowSummary},
    model::{Code, Fingerprint, Operation, State},
};

/// Tables grow by doubling; with shards only a part of the memory is there twice at any time.
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
}

impl Known {
    fn new() -> Self {
        Self { shards: vec![HashTable::new(); SHARDS], key: RandomState::new() }
    }

    fn insert(&mut self, print: Fingerprint, row: KnownRow) {
        let hash = self.key.hash_one(print);
        let key = &self.key;
        let hasher = |(print, _): &(Fingerprint, KnownRow)| key.hash_one(print);
        self.shards[shard(print)].insert_unique(hash, (print, row), hasher);
    }

    /// Returns what is known of a factor.
    pub fn find(&self, prints: Prints) -> Option<KnownRow> {
        prints.all().find_map(|print| {
            let is_that = |(other, _): &(Fingerprint, KnownRow)| *other == print;
            let found = self.shards[shard(print)].find(self.key.hash_one(print), is_that);
            found.map(|(_, row)| *row)
        })
    }
}

fn shard(print: Fingerprint) -> usize {
    usize::from(print.0[0]) % SHARDS
}

impl Reader {
    /// Returns the factors of its imports, as they stand now: a run may be going on. Fails for a ledger that
    /// does not hold together, and for one that no import has written to.
    pub fn known(&self) -> Result<Known, Error> {
        if self.last_import()?.is_none() {
            let fault = LedgerFault::new(
                "no import has written to it",
                "give the --ledger that `import` used; that of another command knows no factors of an input",
            );
            return Err(fault.at(&self.path));
        }
        let mut known = Known::new();
        let mut visit = |row: RowSummary| {
            // What is known not to be there and still to do is as good as not in it.
            if row.status.operation == Operation::Import && row.status.state != State::Pending {
                let RowSummary { fingerprint, code, .. } = row;
                known.insert(fingerprint, KnownRow { state: row.status.state, code });
            }
        };
        scan::scan(&self.connection, &self.path, &mut visit)
            .map_err(|fault| fault.at(&self.path))?;
        Ok(known)
    }
}
