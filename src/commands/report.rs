//! `report`: a ledger, shown.

use super::{follow_up, print, reading::Opener, report_page};
use crate::{
    cli::{Report, ReportFormat, RowFilter},
    engine::scan::scan_readable,
    error::{Error, Exit},
    ledger::{Reader, Seen},
    model::{Planned, Refusal},
    report::{self, Filter, LedgerReport, Selected},
    text::counted,
};

/// Runs the command.
pub(super) fn run(command: &Report) -> Result<Exit, Error> {
    let Some(path) = command.ledger.as_ref().or(command.file.as_ref()) else {
        return Err(Error::usage("no ledger given", "pass --ledger FILE"));
    };
    let is_page = command.format == ReportFormat::Html;
    if let Some(flag) = command.page.given().filter(|_| !is_page) {
        return Err(Error::usage(
            format!("{flag} is for a page"),
            "give `--format html`, or leave it out",
        ));
    }
    if is_page && !(command.rows.state.is_empty() && command.rows.not_in.is_empty()) {
        return Err(Error::usage(
            "a page is of a whole ledger",
            "leave --state and --not-in out, or give `--format csv` or `jsonl`",
        ));
    }
    let ledger = Reader::open(path)?;
    if ledger.is_exposed() {
        tracing::warn!("others may write to the folder of this ledger; they cannot change it");
    }
    if is_page {
        return report_page::run(path, &ledger, &command.page);
    }
    if let Some(fault) = ledger.fault()? {
        tracing::warn!("this may not be all, and an import will refuse it: {fault}");
    }
    let filter = filter(&command.rows, &ledger)?;
    let name = path.display().to_string();
    let summary = || {
        let selected = Selected::of(&ledger, &filter, &command.rows.not_in)?;
        let mut report = LedgerReport { selected, ..LedgerReport::read(&name, &ledger)? };
        follow_up::add(&mut report, path, &ledger)?;
        Ok(report)
    };
    let mut failed = None;
    let mut note = |done: Result<(), Error>| failed = done.err();
    print(|out| {
        match command.format {
            ReportFormat::Csv => note(report::csv(&ledger, &filter, out)),
            ReportFormat::Jsonl => note(report::jsonl(&ledger, &filter, out)),
            // It is above.
            ReportFormat::Html => {}
            ReportFormat::Text | ReportFormat::Json => match summary() {
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

/// Returns the choice of rows that the flags say. Reads the input of `--not-in` to its end.
fn filter(flags: &RowFilter, ledger: &Reader) -> Result<Filter, Error> {
    let states = flags.state.clone();
    let Some(reading) = flags.reading() else { return Ok(Filter { states, not_in: None }) };
    let input = Opener::of(&reading, &flags.system, flags.secret_encoding, false)?.open()?;
    let (mut met, mut has_factor, mut unread) = (Seen::default(), false, 0);
    let key = ledger.key().clone();
    let look = move |planned| match planned {
        Planned::Factor(factor) => Ok(key.prints(&factor)),
        Planned::Rejected(row) => Err(row.refusal == Refusal::Rejected),
    };
    scan_readable(input, flags.secret_encoding.map(Into::into), look, |row| match row {
        Ok(prints) => prints.all().for_each(|print| {
            has_factor = true;
            met.insert(print);
        }),
        Err(is_unread) => unread += u64::from(is_unread),
    })?;
    if unread > 0 {
        tracing::warn!(
            "{} of INPUT cannot be read, so factors that the ledger has of such rows are listed, too",
            counted(unread, "row")
        );
    }
    if has_factor {
        ledger.check_input(|print| met.has(print))?;
    } else {
        tracing::warn!("INPUT has no factor, so all that the ledger has are listed");
    }
    Ok(Filter { states, not_in: Some(met) })
}
