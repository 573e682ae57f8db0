//! One pass over every row of a ledger, for sums over all of it: only wanted rows are copied. Ten
//! million rows take some seconds, and every checksum is verified.

use std::collections::HashMap;

use rusqlite::functions::Context;

use super::{
    reader::{Reader, ReportRow, files, place, refusals, refused},
    row, scan,
};
use crate::{
    error::Error,
    ledger::{Glance, LedgerFault, correlation},
    model::{Lines, State},
};

/// Examines rows, one after the other.
pub trait Survey: Send + 'static {
    /// Examines an admitted row, and returns true to receive all of it.
    fn look(&mut self, glance: &Glance<'_>) -> bool;

    /// Takes a wanted row, or one that was refused while it was read.
    fn take(&mut self, row: ReportRow);
}

/// Result of examining every row.
#[derive(Debug)]
pub struct Surveyed<S> {
    /// The survey after all rows.
    pub survey: S,
    /// Number of all row writes: the seal has the same number, or a smaller one.
    pub writes: u64,
}

struct Looking<S> {
    survey: S,
    files: HashMap<i64, Lines>,
    id: String,
    writes: u64,
}

impl<S: Survey> Looking<S> {
    fn at(&mut self, row: &Context<'_>) -> Result<(), LedgerFault> {
        self.writes = self.writes.saturating_add(scan::writes_of(row)?);
        let wants = |glance: &Glance<'_>| {
            // There is no open intent for it, and nothing is known about it yet.
            glance.state != State::Pending && self.survey.look(glance)
        };
        if let Some((seq, entry)) = row::look(|at| Ok(row.get_raw(at)), wants)? {
            let place = place(&self.files, entry.run, entry.line);
            let correlation = correlation(&self.id, seq);
            self.survey.take(ReportRow::Row { place, entry, correlation });
        }
        Ok(())
    }
}

impl Reader {
    /// Examines every row: admitted rows in order of admission, then rows refused while they were
    /// read, by input and line.
    pub fn survey<S: Survey>(&self, survey: S) -> Result<Surveyed<S>, Error> {
        self.try_survey(survey).map_err(|fault| fault.at(&self.path))
    }

    fn try_survey<S: Survey>(&self, survey: S) -> Result<Surveyed<S>, LedgerFault> {
        // One snapshot of both tables, even while a run is going on.
        let snapshot = self.connection.unchecked_transaction()?;
        let files = files(&snapshot)?;
        let looking = Looking { survey, files, id: self.id.clone(), writes: 0 };
        let Looking { mut survey, files, writes, .. } =
            scan::each_row(&snapshot, 0..u32::MAX, looking, Looking::at)?;
        let mut all =
            snapshot.prepare(&format!("{} ORDER BY input, line, item", refusals(&snapshot)?))?;
        let mut all = all.query([])?;
        while let Some(row) = all.next()? {
            survey.take(refused(row, &files)?.1);
        }
        Ok(Surveyed { survey, writes })
    }
}
