//! `report`: shows one ledger, or several added up.

mod ledgers;
mod not_in;
mod page;

use std::path::Path;

use self::ledgers::ShownLedger;
pub(super) use self::page::refused;
use super::{
    advice::{follow_up, mend::name_apart},
    print,
};
use crate::{
    cli::{Report, ReportFormat},
    error::{Error, Exit},
    files,
    report::{self, Filter, LedgerReport, Listed, Selected, Together, name_inputs},
    text::{file_argument, shell_line},
};

/// Runs the command.
pub(super) fn run(command: &Report) -> Result<Exit, Error> {
    let is_page = command.format == ReportFormat::Html;
    check_flags(command, is_page)?;
    let ledgers = ledgers::open(command.ledgers())?;
    if let (true, [ShownLedger { path, reader, .. }]) = (is_page, &*ledgers) {
        return page::run(path, reader, &command.page);
    }
    for ShownLedger { reader, .. } in &ledgers {
        if let Some(fault) = reader.fault()? {
            tracing::warn!("this may not be all, and an import will refuse it: {fault}");
        }
    }
    let together = if ledgers.len() > 1 { Some(ledgers::together(&ledgers)?) } else { None };
    let warnings = together.iter().flat_map(Together::warnings);
    warnings.for_each(|warning| tracing::warn!("{warning}"));
    let filters = not_in::filters(&command.rows, &ledgers)?;
    let chosen = || ledgers.iter().zip(&filters);
    let is_named = together.is_some();
    let listed: Vec<_> = chosen()
        .map(|(ShownLedger { name, reader, .. }, filter)| {
            let name = is_named.then_some(&**name);
            Listed { name, ledger: reader, filter }
        })
        .collect();
    let summary = || {
        let reports = chosen().map(|(ledger, filter)| report_on(ledger, filter, command));
        let mut reports: Vec<_> = reports.collect::<Result<_, _>>()?;
        match &together {
            None => reports.pop().ok_or_else(no_ledger),
            Some(facts) => {
                name_apart(&mut reports);
                name_inputs(&mut reports, &ledgers::inputs(&ledgers)?);
                Ok(LedgerReport::together(reports, facts))
            }
        }
    };
    let mut failed = None;
    let mut note = |done: Result<(), Error>| failed = done.err();
    print(|out| {
        match command.format {
            ReportFormat::Csv => note(report::csv(&listed, out)),
            ReportFormat::Jsonl => note(report::jsonl(&listed, out)),
            // A page was written above.
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

fn no_ledger() -> Error {
    Error::usage("no ledger given", "pass --ledger FILE")
}

/// Refuses flags that do not go together.
fn check_flags(command: &Report, is_page: bool) -> Result<(), Error> {
    if command.ledgers().next().is_none() {
        return Err(no_ledger());
    }
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
    if let (true, [first, _, ..]) = (is_page, &*command.ledgers().collect::<Vec<_>>()) {
        return Err(several_pages(first));
    }
    Ok(())
}

/// Returns the error for a page of several ledgers; `first` is the first of them.
fn several_pages(first: &Path) -> Error {
    let (ledger, page) = (file_argument(first), file_argument(files::beside(first, ".html")));
    let one = ["mfaferry", "report", "--format", "html", "--ledger", &ledger, "--out", &page];
    Error::usage(
        "a page is of one ledger, since it has that one's seal and is signed for it",
        format!(
            "make a page for each, such as `{}`; `--format text` and `json` add several up",
            shell_line(&one.map(String::from))
        ),
    )
}

/// Summarises one ledger.
fn report_on(
    ledger: &ShownLedger,
    filter: &Filter,
    command: &Report,
) -> Result<LedgerReport, Error> {
    let ShownLedger { name, path, reader } = ledger;
    let selected = Selected::of(reader, filter, &command.rows.not_in)?;
    let mut report = LedgerReport { selected, ..LedgerReport::read(name, reader)? };
    follow_up::add(&mut report, path, reader)?;
    Ok(report)
}
