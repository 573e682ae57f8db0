//! Files that commands write: their names, and a check that refuses an output that is also an
//! input, by whatever name or link, or another output.

pub(super) mod names;
pub(super) mod scratch;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use self::names::{backup_of, ledger_of};
use crate::{
    cli::NamedFiles,
    error::Error,
    files,
    ledger::SIDES,
    text::{escape, file_name},
};

const LOG: &str = "--log-file";
const METRICS: &str = "--metrics-file";

/// Refuses a command line that would write to a file that it reads, or twice to one file. Called
/// before anything is opened.
pub(super) fn keep_apart(named: &NamedFiles) -> Result<(), Error> {
    let read: Vec<_> = named.read.iter().filter(|path| *path != Path::new("-")).collect();
    for (index, (flag, path)) in named.written.iter().enumerate() {
        let shown = escape(&file_name(path));
        if read.iter().any(|input| is_same(input, path)) {
            return Err(Error::usage(
                format!("{flag} `{shown}` is a file that this command reads"),
                format!("give {flag} another name"),
            ));
        }
        let others = &named.written[..index];
        if let Some((other, _)) = others.iter().find(|(_, other)| is_same(other, path)) {
            return Err(Error::usage(
                format!("{other} and {flag} are the same file, `{shown}`"),
                format!("give {flag} another name"),
            ));
        }
    }
    let log = named.written.iter().find(|(flag, _)| *flag == LOG);
    log.map_or(Ok(()), |(_, path)| keep_off_the_ledger(LOG, path, named, None))
}

/// Refuses a metrics file, wherever its name comes from, that is a file of the command or of its
/// ledger, or the default backup of `undo`. A ledger is one of `ledgers`, of the command line, or
/// the default.
pub(super) fn keep_metrics_apart(
    path: &Path,
    named: &NamedFiles,
    ledgers: Option<&Path>,
) -> Result<(), Error> {
    keep_off_the_ledger(METRICS, path, named, ledgers)
}

fn keep_off_the_ledger(
    flag: &str,
    path: &Path,
    named: &NamedFiles,
    ledgers: Option<&Path>,
) -> Result<(), Error> {
    let others = named.written.iter().filter(|(other, _)| *other != flag);
    let given = others.clone().filter(|(flag, _)| *flag == "--ledger").map(|(_, path)| &**path);
    let mut ledgers: Vec<PathBuf> = given.chain(ledgers).map(Path::to_owned).collect();
    if ledgers.is_empty() {
        ledgers.extend(named.beside.as_deref().map(|file| ledger_of(file, named.shard)));
    }
    let of_ledger = |ledger: &PathBuf| {
        let sides = SIDES.map(|side| (files::beside(ledger, side), "a file of the ledger"));
        sides.into_iter().chain([(backup_of(ledger), "the backup that is made beside the ledger")])
    };
    let written = others.map(|(_, path)| (path.clone(), "a file that this command writes"));
    let read = named.read.iter().map(|path| (path.clone(), "a file that this command reads"));
    let mut kept = ledgers.iter().flat_map(of_ledger).chain(written).chain(read);
    match kept.find(|(other, _)| is_same(other, path)) {
        None => Ok(()),
        Some((_, what)) => Err(Error::usage(
            format!("{flag} `{}` is {what}", escape(&file_name(path))),
            format!("give {flag} another name"),
        )),
    }
}

/// Returns whether two names stand for one file, or would once it exists. A pipe or a terminal may
/// well be both ends.
fn is_same(one: &Path, other: &Path) -> bool {
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        (Err(_), Err(_)) => one == other || place(one).is_some_and(|at| Some(at) == place(other)),
        _ => false,
    }
}

/// Returns the folder and the name of a file that does not exist yet.
fn place(path: &Path) -> Option<PathBuf> {
    Some(files::folder(path).canonicalize().ok()?.join(path.file_name()?))
}
