//! Everything that a report for people tells of a ledger.

use super::{Digest, FileNames};
use crate::{
    error::Error,
    ledger::{Proved, Pseudonyms, Reader, RunRecord},
    model::Shard,
    report::rows::Row,
};

/// A whole ledger, as a report for people tells of it.
#[derive(Debug)]
pub struct LedgerAccount {
    /// The ledger's name, which is only shown; `None` where user ids are hidden.
    pub name: Option<String>,
    /// The tenant that it is bound to.
    pub tenant: String,
    /// Shard of the input that it has.
    pub shard: Shard,
    /// Its id.
    pub id: String,
    /// Number of row writes that its seal has; `None` where there is no seal that can be read.
    pub sealed: Option<u64>,
    /// Reason why an import would refuse it, if one would.
    pub fault: Option<String>,
    /// Sums over its rows.
    pub digest: Digest,
    /// The last runs, the oldest first.
    pub runs: Vec<RunRecord>,
    /// Number of the runs before those.
    pub runs_before: u64,
    /// Proofs of how secrets are read.
    pub proofs: Vec<Proved>,
    /// Pseudonyms in the place of user ids, where those are hidden.
    pub pseudonyms: Option<Pseudonyms>,
    /// True if a live process has it locked for a run.
    pub is_running: bool,
    /// Names of its inputs.
    pub files: FileNames,
}

impl LedgerAccount {
    /// Reads it; of each reason the first `most` rows are kept.
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
                // It names the ledger's file.
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

/// Puts the pseudonym of a row's user in the place of the id, wherever that stands in the row. Names of
/// files and paths inside of them may hold the ids of others, too.
fn hidden(mut row: Row, pseudonyms: &Pseudonyms, files: &FileNames) -> Row {
    row.at = None;
    row.file = row.file.map(|name| files.of(&name));
    let Some(user) = row.user_id.clone() else { return row };
    for text in row.texts() {
        *text = pseudonyms.hide(&user, text);
    }
    row
}
