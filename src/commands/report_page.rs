//! `report --format html`: a ledger as a page.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::Path,
};

use super::{now, print};
use crate::{
    cli::Page,
    error::{Error, Exit},
    files::NewFile,
    input::Digests,
    ledger::Reader,
    report::{LedgerAccount, LedgerPage, ROWS_SHOWN, Verified},
    text::escape,
};

/// Writes the page.
pub(super) fn run(name: &str, ledger: &Reader, flags: &Page) -> Result<Exit, Error> {
    // Before a long ledger is read.
    let create = |path| match NewFile::create(path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(refused(path, error)),
    };
    let out = flags.out.as_deref().map(create).transpose()?;
    let account = LedgerAccount::read(name, ledger, ROWS_SHOWN, flags.hide_user_ids)?;
    if let Some(fault) = &account.fault {
        tracing::warn!("this may not be all, and an import will refuse it: {fault}");
    }
    let verified = flags.verify.as_deref().map(|path| verified(path, &account)).transpose()?;
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

fn refused(path: &Path, source: io::Error) -> Error {
    let name = escape(&path.display().to_string());
    if source.kind() == io::ErrorKind::AlreadyExists {
        return Error::usage(
            format!("`{name}` is there already"),
            "move it away, or give --out another name",
        );
    }
    Error::Io { what: format!("writing `{name}`"), source }
}

/// Reads a result of `verify`.
fn verified(path: &Path, account: &LedgerAccount) -> Result<Verified, Error> {
    let file = File::open(path).map_err(|error| {
        Error::usage(
            format!("cannot open `{}`: {error}", escape(&path.display().to_string())),
            "give --verify the file that `mfaferry verify INPUT --output jsonl` has written",
        )
    })?;
    let digests = Digests::default();
    let from = BufReader::new(digests.reader(path, file));
    let digest = || digests.files().pop().unwrap_or_default();
    Verified::read(from, account.pseudonyms.as_ref(), digest)
}
