//! Names that files have by default.

use std::path::{Path, PathBuf};

use crate::{files, model::Shard, text::file_name};

/// Returns the default ledger of an input, or of one of its shards.
pub(super) fn ledger_of(input: &Path, shard: Option<Shard>) -> PathBuf {
    // A folder's name may end in a slash.
    files::beside(input.components().as_path(), &shard.unwrap_or_default().ending_of_ledger())
}

/// Returns the ledgers of an input's shards that exist under their default names.
pub(super) fn ledgers_of_shards(input: &Path) -> Vec<String> {
    let Some(name) = input.file_name() else { return Vec::new() };
    let before = format!("{}.", file_name(name));
    let is_shard = |name: &String| {
        let middle = name.strip_prefix(&before).and_then(|rest| rest.strip_suffix(".ledger"));
        middle.is_some_and(|of| Shard::parse(&of.replace("-of-", "/")).is_some())
    };
    let Ok(files) = std::fs::read_dir(files::folder(input)) else { return Vec::new() };
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(is_shard).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

/// Returns the default backup of a ledger.
pub(super) fn backup_of(ledger: &Path) -> PathBuf {
    files::beside(ledger, ".backup.jsonl")
}
