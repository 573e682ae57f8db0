//! Everything that a report for people tells of a ledger.

use super::Digest;
use crate::{
    error::Error,
    ledger::{Proved, Pseudonyms, Reader, RunRecord},
    report::rows::Row,
};

/// A whole ledger, as a report for people tells of it.
#[derive(Debug)]
pub struct LedgerAccount {
    /// The ledger's name, which is only shown.
    pub name: String,
    /// The tenant that it is bound to.
    pub tenant: String,
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
        let digest = match pseudonyms.clone() {
            Some(pseudonyms) => {
                Digest::read_with(ledger, most, move |row| hidden(row, &pseudonyms))?
            }
            None => Digest::read(ledger, most)?,
        };
        let (runs, runs_before) = ledger.runs()?;
        let mut proofs = ledger.proofs()?;
        proofs.sort_by_key(|proof| proof.at);
        Ok(Self {
            name: name.into(),
            tenant: ledger.tenant().into(),
            id: ledger.id().into(),
            sealed: ledger.sealed(),
            fault: ledger.fault_of(digest.writes).map(|fault| fault.to_string()),
            digest,
            runs,
            runs_before,
            proofs,
            pseudonyms,
        })
    }
}

/// Puts the pseudonym of a row's user in the place of the id, wherever that stands in the row.
fn hidden(mut row: Row, pseudonyms: &Pseudonyms) -> Row {
    let Some(user) = row.user_id.clone() else { return row };
    for text in row.texts() {
        *text = pseudonyms.hide(&user, text);
    }
    row
}
