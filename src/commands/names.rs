//! Names that files have by default.

use std::path::{Path, PathBuf};

use crate::{files, model::Shard};

/// The ledger that a shard of an input has by default.
pub(super) fn ledger_of(input: &Path, shard: Option<Shard>) -> PathBuf {
    // A folder is the same with a slash behind it.
    files::beside(input.components().as_path(), &shard.unwrap_or_default().ending_of_ledger())
}

/// The backup that a ledger has by default.
pub(super) fn backup_of(ledger: &Path) -> PathBuf {
    files::beside(ledger, ".backup.jsonl")
}
