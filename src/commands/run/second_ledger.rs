//! Refuses a second ledger for the same people: last night's input under tonight's name would begin
//! one, which would know nothing of what the first has created.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    commands::outputs::names::ledger_path,
    config::{Config, Target},
    error::Error,
    files,
    ledger::Reader,
    model::{LocalTime, Shard},
    text::{escape, file_argument, file_name, shell_quote},
};

/// Most files of the folder that are examined.
const FILES_EXAMINED: usize = 10_000;

/// Refuses an import that names no ledger and would begin a new one, if another import ledger of
/// the same tenant is in the same folder.
pub(in crate::commands) fn refuse(config: &Config, inputs: &[String]) -> Result<(), Error> {
    let Target::Tenant { base, .. } = &config.target else { return Ok(()) };
    if config.ledger.is_some() {
        return Ok(());
    }
    // Standard input and several inputs have no default ledger; opening one will say so.
    let Ok(own) = ledger_path(config, inputs) else { return Ok(()) };
    if std::fs::symlink_metadata(&own).is_ok() {
        return Ok(());
    }
    // A folder that cannot be listed proves nothing; opening the ledger will report what is wrong.
    let own_shard = config.shard.unwrap_or_default();
    let found = imports_beside(&own, base.as_str(), own_shard).unwrap_or_default();
    let Some(latest) = found.iter().max() else { return Ok(()) };
    let holds = if found.len() == 1 { "holds" } else { "hold" };
    let others = match found.len() - 1 {
        0 => String::new(),
        1 => " (and one more)".into(),
        more => format!(" (and {more} more)"),
    };
    let (latest, of) = (&latest.path, latest.shard);
    let of_shard = if of.is_whole() { String::new() } else { format!(" of shard {of}") };
    let ledger = shell_quote(&file_argument(latest));
    let go_on = if of == own_shard {
        format!("to go on with it, add `--ledger {ledger}`")
    } else if of.is_whole() {
        format!(
            "to go on with it, give `--ledger {ledger}` and no --shard: it is of the whole input"
        )
    } else {
        format!(
            "to go on with it, give `--shard {of} --ledger {ledger}`: what was begun in {} shards is split in \
             as many",
            of.count()
        )
    };
    Err(Error::usage(
        format!(
            "`{}` has no ledger{} yet, and `{}`{others} beside it {holds} an import{of_shard} into the same \
             tenant: a new ledger would not know those factors, and could create them again",
            escape(&inputs.join(", ")),
            if own_shard.is_whole() { String::new() } else { format!(" of shard {own_shard}") },
            escape(&file_name(latest)),
        ),
        format!("{go_on}; if these are other people, add `--new-ledger`"),
    ))
}

/// A ledger that holds an import.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OtherLedger {
    /// True if it is of exactly the same shard.
    is_same: bool,
    /// Start of its last import.
    at: LocalTime,
    path: PathBuf,
    shard: Shard,
}

/// Finds ledgers in the folder of `path` that hold imports into `tenant` and may hold people of
/// that shard.
fn imports_beside(path: &Path, tenant: &str, own: Shard) -> io::Result<Vec<OtherLedger>> {
    let folder = files::folder(path);
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder)?.take(FILES_EXAMINED) {
        let name = PathBuf::from(file?.file_name());
        if name.extension().is_none_or(|extension| extension != "ledger") {
            continue;
        }
        // Written like the input's name, so that the hint can be copied.
        let path = if folder == Path::new(".") && !path.starts_with(".") {
            name
        } else {
            folder.join(name)
        };
        if !std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        // A file that cannot be read as a ledger is not one to go on with.
        let Ok(reader) = Reader::open(&path) else { continue };
        let shard = reader.shard();
        if reader.tenant() == tenant
            && !shard.is_apart_from(own)
            && let Ok(Some(at)) = reader.last_import()
        {
            found.push(OtherLedger { is_same: shard == own, at, path, shard });
        }
    }
    Ok(found)
}
