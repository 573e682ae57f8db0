//! Everything that a report for people says about a ledger.

use super::{Digest, FileNames};
use crate::{
    error::Error,
    ledger::{Proved, Pseudonyms, Reader, RunRecord},
    model::Shard,
    report::rows::RowReport,
};

/// A whole ledger, as described in a report for people.
#[derive(Debug)]
pub struct LedgerAccount {
    /// The ledger's name, which is only shown; `None` if user ids are hidden.
    pub name: Option<String>,
    /// The tenant that it is bound to.
    pub tenant: String,
    /// Shard of the input that it covers.
    pub shard: Shard,
    /// Its id.
    pub id: String,
    /// Number of row writes according to its seal; `None` without a readable seal.
    pub sealed: Option<u64>,
    /// Reason why an import would refuse it, if any.
    pub fault: Option<String>,
    /// Sums over its rows.
    pub digest: Digest,
    /// The last runs, the oldest first.
    pub runs: Vec<RunRecord>,
    /// Number of runs before those.
    pub runs_before: u64,
    /// Proofs of how secrets are read.
    pub proofs: Vec<Proved>,
    /// Pseudonyms that replace user ids, if these are hidden.
    pub pseudonyms: Option<Pseudonyms>,
    /// True if a live process holds its lock for a run.
    pub is_running: bool,
    /// Names of its inputs.
    pub files: FileNames,
}

impl LedgerAccount {
    /// Reads the ledger; the first `most` rows of each reason are kept.
    pub fn read(
        name: &str,
        ledger: &Reader,
        most: usize,
        hides_users: bool,
    ) -> Result<Self, Error> {
        let pseudonyms = hides_users.then(|| ledger.pseudonyms());
        let (runs, runs_before) = ledger.runs()?;
        let mut files = FileNames::default();
        let digest = match pseudonyms.clone() {
            Some(pseudonyms) => {
                files = FileNames::numbered(&runs);
                let files = files.clone();
                Digest::read_with(ledger, most, move |row| hidden(row, &pseudonyms, &files))?
            }
            None => Digest::read(ledger, most)?,
        };
        let mut proofs = ledger.proofs()?;
        proofs.sort_by_key(|proof| proof.at);
        Ok(Self {
            name: (!hides_users).then(|| name.into()),
            tenant: ledger.tenant().into(),
            shard: ledger.shard(),
            id: ledger.id().into(),
            sealed: ledger.sealed(),
            fault: ledger.fault_of(digest.writes).map(|fault| {
                // The message names the ledger's file.
                let hidden = "writes of rows have gone, or the seal cannot be read";
                if hides_users { hidden.into() } else { fault.to_string() }
            }),
            digest,
            runs,
            runs_before,
            proofs,
            pseudonyms,
            is_running: false,
            files,
        })
    }
}

/// Replaces a row's user id by its pseudonym everywhere in the row. Names of files, and paths
/// inside them, may hold other users' ids, too.
fn hidden(mut row: RowReport, pseudonyms: &Pseudonyms, files: &FileNames) -> RowReport {
    row.at = None;
    row.file = row.file.map(|name| files.of(&name));
    let Some(user) = row.user_id.clone() else { return row };
    for text in row.texts() {
        *text = pseudonyms.hide(&user, text);
    }
    row
}
