//! `report --format html`: shows a ledger as a page.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::Path,
};

use crate::{
    cli::PageFlags,
    commands::{now, print},
    error::{Error, Exit},
    files::{NewFile, is_locked},
    input::Digests,
    ledger::Reader,
    report::{LedgerAccount, LedgerPage, ROWS_SHOWN, Verified},
    text::{escape, file_name},
};

/// Writes the page.
pub(super) fn run(path: &Path, ledger: &Reader, flags: &PageFlags) -> Result<Exit, Error> {
    let (name, is_running) = (&file_name(path), is_locked(path));
    // Created before a long ledger is read.
    let create = |path| match NewFile::create(path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(refused(path, error)),
    };
    let out = flags.out.as_deref().filter(|path| *path != Path::new("-"));
    let out = out.map(create).transpose()?;
    let mut account = LedgerAccount::read(name, ledger, ROWS_SHOWN, flags.hide_user_ids)?;
    account.is_running = is_running;
    if let Some(fault) = &account.fault {
        tracing::warn!("this may not be all, and an import will refuse it: {fault}");
    }
    let verified =
        flags.verify.as_deref().map(|path| verified(path, &account, ledger)).transpose()?;
    let page = LedgerPage { account: &account, verified: verified.as_ref(), now: now() }.render();
    match out {
        Some((path, mut file)) => file
            .write_all(page.as_bytes())
            .and_then(|()| file.place())
            .map_err(|error| refused(path, error))?,
        None => print(|out| out.write_all(page.as_bytes()))?,
    }
    Ok(Exit::Good)
}

/// Returns the error for a new file that cannot be written.
pub(in crate::commands) fn refused(path: &Path, source: io::Error) -> Error {
    let name = escape(&file_name(path));
    if source.kind() == io::ErrorKind::AlreadyExists {
        return Error::usage(
            format!("`{name}` exists already"),
            "move it away, or give --out another name",
        );
    }
    no_folder(path, &source)
        .unwrap_or_else(|| Error::Io { what: format!("writing `{name}`"), source })
}

/// Returns the error for a missing folder of a new file, if that is why the file cannot be written.
fn no_folder(path: &Path, source: &io::Error) -> Option<Error> {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&source.kind()).then(|| {
        Error::usage(
            format!("the folder of `{}` does not exist", escape(&file_name(path))),
            "create it first, or give --out a name in another folder",
        )
    })
}

/// Reads a result of `verify`.
fn verified(path: &Path, account: &LedgerAccount, ledger: &Reader) -> Result<Verified, Error> {
    let opened = File::open(path).and_then(|file| {
        let is_folder = file.metadata()?.is_dir();
        if is_folder { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    let file = opened.map_err(|error| {
        Error::usage(
            format!("cannot open `{}`: {error}", escape(&file_name(path))),
            "give --verify the file that `mfaferry verify INPUT --output jsonl` has written",
        )
    })?;
    let digests = Digests::default();
    let from = BufReader::new(digests.reader(path, file));
    let digest = || digests.files().pop().unwrap_or_default();
    Verified::read(from, account.pseudonyms.as_ref(), Some(ledger), digest)
}
