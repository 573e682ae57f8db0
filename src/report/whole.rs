//! A summary of a whole ledger, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    Digest, Explained, LedgerPart, NextStep, Purpose, Selected, actions, in_flight,
    reasons::write_groups,
    steps::{self, write_steps},
    summary::{write_hints, write_totals},
    to_retry,
    together::names_of,
};
use crate::{
    error::Error,
    explain::Action,
    ledger::{ByState, Reader},
    model::Shard,
    text::{counted, escape},
};

/// Rows of a reason whose positions are shown.
pub(super) const POSITIONS_SHOWN: usize = 5;

/// A summary over a whole ledger.
#[derive(Debug, Default, Serialize)]
#[serde(tag = "schema", rename = "mfaferry/report/1")]
pub struct LedgerReport {
    /// The ledger; the names of several.
    pub ledger: String,
    /// Shard of the input that it has; `None` for the whole, and for several ledgers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Each of several ledgers that are added up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ledgers: Vec<LedgerPart>,
    /// Shards that are missing among several ledgers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_shards: Option<Vec<Shard>>,
    /// Number of users who are in more than one of several ledgers; `None` where that is
    /// impossible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_in_several: Option<u64>,
    /// The tenant it is bound to.
    pub tenant: String,
    /// All its rows.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub totals: ByState,
    /// Reasons by code; those of each state add up to its number.
    pub reasons: Vec<Explained>,
    /// Hints about what to do next.
    pub hints: Vec<String>,
    /// Rows chosen by a filter, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<Selected>,
    /// Statement that its last run did not come to its end.
    #[serde(skip)]
    pub unfinished: Option<String>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps::runnable")]
    pub next: Vec<NextStep>,
}

impl LedgerReport {
    /// Reads the summary from a ledger, whose name is only shown.
    pub fn read(name: &str, ledger: &Reader) -> Result<Self, Error> {
        let (totals, operation, reasons, fault) = match Digest::read(ledger, POSITIONS_SHOWN) {
            Ok(digest) => {
                let mut rows = digest.reasons.iter().flat_map(|group| &group.rows);
                let operation = rows.find_map(|row| row.operation);
                (digest.states, operation, Explained::of_ledger(&digest.reasons), None)
            }
            // A report may be all that is left of the ledger.
            Err(fault) => {
                let fault = format!("the reasons cannot be told: {fault}");
                (ledger.totals()?, None, Vec::new(), Some(fault))
            }
        };
        Ok(Self {
            ledger: name.into(),
            shard: Some(ledger.shard()).filter(|shard| !shard.is_whole()),
            ledgers: Vec::new(),
            missing_shards: None,
            users_in_several: None,
            tenant: ledger.tenant().into(),
            rows: totals.sum(),
            totals,
            next: help(name, operation.unwrap_or("import"), ledger.shard(), &reasons),
            reasons,
            hints: fault.into_iter().chain(in_flight(&totals)).collect(),
            selected: None,
            unfinished: None,
        })
    }

    /// Notes that the last run did not come to its end.
    pub fn note_unfinished(&mut self, has_ended: bool) {
        let how = if has_ended { "it was stopped" } else { "it is still running, or was killed" };
        self.unfinished = Some(format!("unfinished: the last run has not come to its end; {how}"));
    }

    fn write_names(&self, out: &mut dyn Write) -> io::Result<()> {
        for LedgerPart { ledger, shard, rows, .. } in &self.ledgers {
            let of = shard.map(|shard| format!("shard {shard}, ")).unwrap_or_default();
            writeln!(out, "ledger: {} ({of}{})", escape(ledger), counted(*rows, "row"))?;
        }
        if let Some(missing) = self.missing_shards.as_deref().and_then(names_of) {
            writeln!(out, "missing: {missing}")?;
        }
        if self.ledgers.is_empty() {
            writeln!(out, "ledger: {}", escape(&self.ledger))?;
            if let Some(shard) = self.shard {
                writeln!(out, "shard: {shard}")?;
            }
        }
        Ok(())
    }

    /// Writes the report for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_names(out)?;
        writeln!(out, "tenant: {}", escape(&self.tenant))?;
        if self.selected.is_none() {
            write!(out, "{}: ", counted(self.rows, "row"))?;
            write_totals(&self.totals, out)?;
        }
        if let Some(unfinished) = &self.unfinished {
            writeln!(out, "{unfinished}")?;
        }
        if let Some(selected) = &self.selected {
            // A report on chosen rows is about no others.
            return selected.write_text(out);
        }
        write_groups(&self.reasons, &[], out)?;
        write_hints(&self.hints, out)?;
        write_steps(&self.next, out)
    }
}

/// Returns the commands that help with rows of that ledger. Its input, and the flags that it was
/// read with, are known only to the person who ran the operation.
fn help(ledger: &str, operation: &str, shard: Shard, reasons: &[Explained]) -> Vec<NextStep> {
    let actions = actions(reasons);
    let is_import = operation == "import";
    let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let part = shard.to_string();
    let of_shard: &[&str] = if shard.is_whole() { &[] } else { &["--shard", &part] };
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
        fill_in(Purpose::Retry, &[&retry, of_shard].concat());
    }
    if is_import && actions.contains(&Action::Verify) {
        fill_in(Purpose::Verify, &[&["mfaferry", "verify", "INPUT"], of_shard].concat());
    }
    if !reasons.is_empty() {
        steps.push(NextStep::explain());
        let rows = ["mfaferry", "report", "--ledger", ledger, "--format", "jsonl"];
        steps.push(NextStep::whole(Purpose::Rows, words(&rows)));
    }
    steps
}
