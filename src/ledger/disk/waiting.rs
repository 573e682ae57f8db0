//! Rows that are written but that SQLite has not been given yet. To look up its statement for each of
//! them would cost an eighth of the write, so they are given to it some at a time: before a commit, and
//! before anything is read.

use rusqlite::Connection;

use super::row;
use crate::ledger::{LedgerFault, entry::Entry, seq::Seq};

/// Largest number of rows that wait.
const MOST: usize = 256;

/// A row that is to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) seq: Seq,
    pub(super) entry: Entry,
    /// True if it is not there yet.
    pub(super) is_new: bool,
}

/// Rows that wait, in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Write>);

impl Waiting {
    /// Adds a row to those that wait.
    pub(super) fn push(&mut self, ledger: &Connection, row: Write) -> Result<(), LedgerFault> {
        self.0.push(row);
        if self.0.len() < MOST { Ok(()) } else { self.write(ledger) }
    }

    /// Gives SQLite what waits.
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
