//! The ledger on disk: one SQLite file, and beside it the seal that says how much the file must
//! hold.

pub(in crate::ledger) mod file;
pub(in crate::ledger) mod known;
pub(in crate::ledger) mod notes;
pub(in crate::ledger) mod open;
mod prints;
pub(in crate::ledger) mod proofs;
pub(in crate::ledger) mod reader;
mod row;
mod scan;
pub(in crate::ledger) mod seal;
mod selection;
pub(in crate::ledger) mod shard;
pub(in crate::ledger) mod sqlite;
pub(in crate::ledger) mod survey;
mod waiting;
mod watch;

#[cfg(test)]
mod tests;
