//! Rows that have been written but not passed to SQLite yet. Looking up SQLite's statement for each
//! of them would take an eighth of the time of the write, so they are passed on in batches: before
//! a commit, and before anything is read.

use rusqlite::Connection;

use super::row;
use crate::ledger::{LedgerFault, entry::Entry, seq::Seq};

/// Largest number of rows that wait.
const MAX_ROWS: usize = 256;

/// A row that is to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) seq: Seq,
    pub(super) entry: Entry,
    /// True if the row is new.
    pub(super) is_new: bool,
}

/// Rows that wait, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Write>);

impl Waiting {
    /// Adds a row to those that wait.
    pub(super) fn push(&mut self, ledger: &Connection, row: Write) -> Result<(), LedgerFault> {
        self.0.push(row);
        if self.0.len() < MAX_ROWS { Ok(()) } else { self.write(ledger) }
    }

    /// Passes the waiting rows to SQLite.
    pub(super) fn write(&mut self, ledger: &Connection) -> Result<(), LedgerFault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut insert = ledger.prepare_cached(row::INSERT)?;
        let mut update = ledger.prepare_cached(row::UPDATE)?;
        for Write { seq, entry, is_new } in self.0.drain(..) {
            let written = if is_new {
                row::insert(seq, &entry, &mut insert)?
            } else {
                row::update(seq, &entry, &mut update)?
            };
            if written != 1 {
                return Err(LedgerFault::gone_row(seq));
            }
        }
        Ok(())
    }
}
