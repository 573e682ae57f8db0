//! Fingerprints of a ledger that is only read.

use super::reader::Reader;
use crate::{
    error::Error,
    ledger::LedgerFault,
    model::{Fingerprint, Operation, State},
};

impl Reader {
    /// Fails unless `is_met` returns true for a row of the ledger's imports, as for the first one
    /// it is asked about: an input of which the ledger has no row is probably not its own.
    pub fn check_input(&self, is_met: impl FnMut(Fingerprint) -> bool) -> Result<(), Error> {
        match self.has_one(is_met) {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerFault::new(
                "it has no factor of INPUT",
                "give the ledger of an import of INPUT, and the flags that this import had: another \
                 --secret-encoding, --user-id or --users makes other factors of the same rows",
            )),
            Err(fault) => Err(fault),
        }
        .map_err(|fault| fault.at(&self.path))
    }

    fn has_one(&self, mut is_met: impl FnMut(Fingerprint) -> bool) -> Result<bool, LedgerFault> {
        let prints = "SELECT fingerprint FROM factors WHERE operation = ?1 AND state <> ?2";
        let mut prints = self.connection.prepare(prints)?;
        let mut rows = prints.query([Operation::Import as u8, State::Pending as u8])?;
        while let Some(row) = rows.next()? {
            if is_met(Fingerprint(row.get(0)?)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
