//! `report`: a ledger, shown.

use super::print;
use crate::{
    cli::{Report, ReportFormat},
    error::{Error, Exit},
    ledger::Reader,
    report::{self, LedgerReport},
};

/// Runs the command.
pub(super) fn run(command: &Report) -> Result<Exit, Error> {
    let Some(path) = command.ledger.as_ref().or(command.file.as_ref()) else {
        return Err(Error::usage("no ledger given", "pass --ledger FILE"));
    };
    let ledger = Reader::open(path)?;
    if ledger.is_exposed() {
        tracing::warn!("others may write to the folder of this ledger; they cannot change it");
    }
    if let Some(fault) = ledger.fault()? {
        tracing::warn!("this may not be all, and an import will refuse it: {fault}");
    }
    let name = path.display().to_string();
    let mut failed = None;
    let mut note = |done: Result<(), Error>| failed = done.err();
    print(|out| {
        match command.format {
            ReportFormat::Csv => note(report::csv(&ledger, out)),
            ReportFormat::Jsonl => note(report::jsonl(&ledger, out)),
            ReportFormat::Text | ReportFormat::Json => match LedgerReport::read(&name, &ledger) {
                Err(error) => note(Err(error)),
                Ok(summary) if command.format == ReportFormat::Json => {
                    report::write_json(&summary, out)?;
                }
                Ok(summary) => summary.write_text(out)?,
            },
        }
        Ok(())
    })?;
    failed.map_or(Ok(Exit::Good), Err)
}
