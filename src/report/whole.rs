//! A whole ledger, summed up for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    Digest, Explained, NextStep, Purpose, Selected, actions, in_flight,
    reasons::write_groups,
    steps::{self, write_steps},
    summary::{write_hints, write_totals},
    to_retry,
};
use crate::{
    error::Error,
    explain::Action,
    ledger::{ByState, Reader},
    text::{counted, escape},
};

/// Rows of a reason whose places are told.
const PLACES: usize = 5;

/// A summary over a whole ledger.
#[derive(Debug, Serialize)]
#[serde(tag = "schema", rename = "mfaferry/report/1")]
pub struct LedgerReport {
    /// The ledger.
    pub ledger: String,
    /// The tenant it is bound to.
    pub tenant: String,
    /// All its rows.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub totals: ByState,
    /// Reasons by code; of each state they add up to its number.
    pub reasons: Vec<Explained>,
    /// Hints about what to do next.
    pub hints: Vec<String>,
    /// A choice of its rows, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<Selected>,
    /// Statement that its last run has not come to its end.
    #[serde(skip)]
    pub unfinished: Option<String>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps::runnable")]
    pub next: Vec<NextStep>,
}

impl LedgerReport {
    /// Reads it from a ledger; the name of that is only shown.
    pub fn read(name: &str, ledger: &Reader) -> Result<Self, Error> {
        let (totals, operation, reasons, fault) = match Digest::read(ledger, PLACES) {
            Ok(digest) => {
                let mut rows = digest.reasons.iter().flat_map(|group| &group.rows);
                let operation = rows.find_map(|row| row.operation);
                (digest.states, operation, Explained::of_ledger(&digest.reasons), None)
            }
            // A report may be all that is left of it.
            Err(fault) => {
                let fault = format!("the reasons cannot be told: {fault}");
                (ledger.totals()?, None, Vec::new(), Some(fault))
            }
        };
        Ok(Self {
            ledger: name.into(),
            tenant: ledger.tenant().into(),
            rows: totals.sum(),
            totals,
            next: help(name, operation.unwrap_or("import"), &reasons),
            reasons,
            hints: fault.into_iter().chain(in_flight(&totals)).collect(),
            selected: None,
            unfinished: None,
        })
    }

    /// Notes that the last run has not come to its end.
    pub fn note_unfinished(&mut self, has_ended: bool) {
        let how = if has_ended { "it was stopped" } else { "it is still running, or was killed" };
        self.unfinished = Some(format!("unfinished: the last run has not come to its end; {how}"));
    }

    /// Writes the report for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "ledger: {}", escape(&self.ledger))?;
        writeln!(out, "tenant: {}", escape(&self.tenant))?;
        if self.selected.is_none() {
            write!(out, "{}: ", counted(self.rows, "row"))?;
            write_totals(&self.totals, out)?;
        }
        if let Some(unfinished) = &self.unfinished {
            writeln!(out, "{unfinished}")?;
        }
        if let Some(selected) = &self.selected {
            // Whoever asks for some rows is told of no others.
            return selected.write_text(out);
        }
        write_groups(&self.reasons, &[], out)?;
        write_hints(&self.hints, out)?;
        write_steps(&self.next, out)
    }
}

/// Returns the commands that help with rows of that ledger. Their input, and the flags that it was read
/// with, are known to whoever ran the operation.
fn help(ledger: &str, operation: &str, reasons: &[Explained]) -> Vec<NextStep> {
    let actions = actions(reasons);
    let is_import = operation == "import";
    let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut steps = Vec::new();
    let mut fill_in =
        |purpose, line: &[&str]| steps.push(NextStep::to_fill_in(purpose, words(line)));
    if is_import && actions.contains(&Action::MendSource) {
        let select = ["mfaferry", "select", "INPUT", "--ledger", ledger, "--with-reason"];
        fill_in(Purpose::Mend, &[&select[..], &["--out", "mend.csv"]].concat());
    }
    if is_import && actions.contains(&Action::ProveEncoding) {
        let prove = ["mfaferry", "check", "INPUT", "--prove", "USER_ID", "--ledger", ledger];
        fill_in(Purpose::Prove, &prove);
    }
    if let Some(states) = to_retry(&reasons.iter().collect::<Vec<_>>()) {
        let retry = ["mfaferry", operation, "INPUT", "--ledger", ledger, "--retry", &states];
        fill_in(Purpose::Retry, &retry);
    }
    if is_import && actions.contains(&Action::Verify) {
        fill_in(Purpose::Verify, &["mfaferry", "verify", "INPUT"]);
    }
    if !reasons.is_empty() {
        steps.push(NextStep::explain());
        let rows = ["mfaferry", "report", "--ledger", ledger, "--format", "jsonl"];
        steps.push(NextStep::whole(Purpose::Rows, words(&rows)));
    }
    steps
}
