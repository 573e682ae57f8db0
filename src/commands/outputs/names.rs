//! Names of files: those that are given, and those that they have by default.

use std::path::{Path, PathBuf};

use crate::{
    cli::Bulk,
    config::Config,
    error::Error,
    files,
    model::Shard,
    text::{file_name, path_of},
};

/// Returns the default ledger of an input, or of one of its shards.
pub(in crate::commands) fn ledger_of(input: &Path, shard: Option<Shard>) -> PathBuf {
    // A folder's name may end in a slash.
    files::beside(input.components().as_path(), &shard.unwrap_or_default().ending_of_ledger())
}

/// Returns the ledgers of an input's shards that exist under their default names.
pub(in crate::commands) fn ledgers_of_shards(input: &Path) -> Vec<String> {
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

/// Returns `--ledger`, or `INPUT.ledger`.
pub(in crate::commands) fn ledger_path(
    config: &Config,
    inputs: &[String],
) -> Result<PathBuf, Error> {
    let unnamed = |when: &str| {
        Err(Error::usage(
            format!("a ledger needs a name when {when}"),
            "pass --ledger FILE; the same FILE resumes an interrupted run",
        ))
    };
    match (&config.ledger, inputs) {
        (Some(path), _) => Ok(path_of(path)),
        (None, [input]) if input == "-" => unnamed("the input comes from standard input"),
        (None, [input]) => Ok(ledger_of(&path_of(input), config.shard)),
        (None, _) => unnamed("there are several inputs"),
    }
}

/// Returns the path of the ledger that a run leaves behind under a known name; one in the sandbox
/// may leave none.
pub(in crate::commands) fn lasting_ledger(config: &Config, inputs: &[String]) -> Option<PathBuf> {
    ledger_path(config, inputs).ok().filter(|_| !config.has_scratch_ledger())
}

/// Refuses several inputs without a name for their ledger, before the first is read. The sandbox
/// names it.
pub(in crate::commands) fn require_ledger(bulk: &Bulk, config: &Config) -> Result<(), Error> {
    let is_named = bulk.reading.inputs.len() == 1 || config.is_in_sandbox();
    if is_named { Ok(()) } else { ledger_path(config, &bulk.reading.inputs).map(drop) }
}

/// Returns the default backup of a ledger.
pub(in crate::commands) fn backup_of(ledger: &Path) -> PathBuf {
    files::beside(ledger, ".backup.jsonl")
}
