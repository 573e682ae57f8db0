//! The summary at the end of a run, and of a whole ledger.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use serde::{
    Serialize,
    ser::{SerializeMap, Serializer},
};

use super::{
    AfterImport, Cause, Explained, NextStep, Waits,
    reasons::write_groups,
    steps::{self, write_steps},
};
use crate::{
    engine::{End, intake::Remarks},
    error::Exit,
    ledger::{ByState, Counts},
    model::{Lines, Rejection, Shard, State},
    text::{counted, escape, grouped, human},
};

/// Completion of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every row has its state.
    Complete,
    /// The run can be resumed.
    #[default]
    Stopped,
    /// An error stopped it.
    Error,
}

impl Status {
    /// Returns how a run ended, and the error that stopped it, if one did.
    pub fn of(end: &End) -> (Self, Option<Cause>) {
        match end {
            End::Complete => (Self::Complete, None),
            End::Stopped(_) => (Self::Stopped, None),
            // A long outage: the same command resumes.
            End::Failed(error) if error.exit() == Exit::Stopped => {
                (Self::Stopped, Some(Cause::of(error)))
            }
            End::Failed(error) => (Self::Error, Some(Cause::of(error))),
        }
    }
}

/// The result of a run; the contract's summary (section 2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// [`Summary::SCHEMA`].
    pub schema: &'static str,
    /// Completion of the run.
    pub status: Status,
    /// The error that stopped it.
    #[serde(flatten)]
    pub cause: Option<Cause>,
    /// Number of users after which it stopped: `--max-users`.
    #[serde(skip)]
    pub first_users: Option<usize>,
    /// Rows that have come to a state in this run.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub figures: Figures,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    /// True if nothing was really changed: `--dry-run`.
    pub dry_run: bool,
    /// HTTP requests to the API.
    pub requests: u64,
    /// Requests answered with 429.
    pub throttled: u64,
    /// Duration of the run.
    #[serde(serialize_with = "seconds")]
    pub elapsed_seconds: Duration,
    #[serde(flatten)]
    /// Times that requests were held back.
    pub waits: Waits,
    /// Shard of the input that the run covered; `None` for the whole input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Path of the ledger.
    pub ledger: String,
    /// Other files that were written, by their kind.
    #[serde(flatten)]
    pub files: BTreeMap<&'static str, String>,
    /// The whole ledger, where earlier runs used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_totals: Option<ByState>,
    /// Work that is left for people after an import.
    #[serde(flatten)]
    pub after_import: Option<AfterImport>,
    /// Reasons of its rows by code; those of each state add up to its number.
    pub reasons: Vec<Explained>,
    /// Reasons of rows that need attention and that an earlier run has settled.
    #[serde(skip)]
    pub skipped_reasons: Vec<Explained>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps::runnable")]
    pub next: Vec<NextStep>,
}

/// Numbers of a run's rows by state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// All rows.
    pub counts: Counts,
    /// States that the command can bring rows to, besides the contract's; its main one first.
    pub own: &'static [State],
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("duplicates", &self.counts.duplicates)?;
        for (state, count) in self.counts.states.shown(self.own) {
            map.serialize_entry(state.name(), &count)?;
        }
        map.serialize_entry("skipped", &self.counts.skipped)?;
        map.end()
    }
}

/// Serializes a duration in seconds, to the millisecond.
pub(super) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Summary {
    /// Name of the format of its JSON.
    pub const SCHEMA: &str = "mfaferry/summary/1";

    /// Writes the summary for people: the states of the rows, the reasons, at most three hints, and
    /// the commands that help.
    pub fn write_text(
        &self,
        remarks: &Remarks,
        hints: &[String],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for warning in &remarks.warnings {
            writeln!(out, "warning: {}", escape(warning))?;
        }
        more(remarks.warned, remarks.warnings.len(), "warnings", out)?;
        if remarks.warned > 0 {
            writeln!(out)?;
        }
        let title = self.title();
        writeln!(out, "{title}: {} in {}", counted(self.rows, "row"), human(self.elapsed_seconds))?;
        let Figures { counts, own } = &self.figures;
        let main = *own.first().unwrap_or(&State::Created);
        let line = |count: u64, name: &str| (count, name.to_owned());
        let mut lines = vec![line(counts.states[main], &words(main))];
        lines.push(line(counts.skipped, "skipped (settled by an earlier run)"));
        lines.push(line(counts.duplicates, duplicates(counts.duplicates)));
        let others = counts.states.shown(own).into_iter().filter(|(state, _)| *state != main);
        lines.extend(others.map(|(state, count)| line(count, &words(state))));
        for (index, (count, name)) in lines.iter().enumerate() {
            if *count > 0 || index == 0 {
                writeln!(out, "  {:>9}  {name}", grouped(*count))?;
            }
        }
        write!(
            out,
            "{}, {} throttled",
            counted(self.requests, "request"),
            grouped(self.throttled)
        )?;
        self.waits.write_text(out)?;
        writeln!(out)?;
        if let Some(shard) = self.shard {
            writeln!(out, "shard: {shard}")?;
        }
        if !self.dry_run {
            writeln!(out, "ledger: {}", escape(&self.ledger))?;
        }
        for (what, file) in &self.files {
            writeln!(out, "{}: {}", what.replace('_', " "), escape(file))?;
        }
        if let Some(totals) = &self.ledger_totals {
            write!(out, "whole ledger: ")?;
            write_totals(totals, out)?;
        }
        if let Some(after) = &self.after_import {
            let unread = counts.unsent - counts.states[State::NotCarried];
            after.write_text(self.rows, unread, out)?;
        }
        let slow = self.waits.hint(self.elapsed_seconds);
        write_groups(&self.reasons, &self.skipped_reasons, out)?;
        write_hints(slow.iter().chain(hints), out)?;
        write_steps(&self.next, out)
    }

    fn title(&self) -> Cow<'static, str> {
        if self.cause.as_ref().is_some_and(Cause::is_not_ready) {
            return "Not begun, since the tenant is not ready for INPUT".into();
        }
        match (self.status, self.first_users, self.dry_run) {
            (Status::Stopped, Some(1), _) => "Stopped after the first user (--max-users)".into(),
            (Status::Stopped, Some(users), _) => {
                format!("Stopped after the first {users} users (--max-users)").into()
            }
            (Status::Stopped, ..) if self.requests + self.rows == 0 && self.cause.is_none() => {
                "Stopped before anything was sent; run the same command again".into()
            }
            (Status::Stopped | Status::Error, ..) => {
                "Stopped before the end; run the same command again to resume".into()
            }
            (Status::Complete, _, false) => "Finished".into(),
            (Status::Complete, _, true) => "Dry run, nothing was changed. Expected result".into(),
        }
    }
}

/// Returns the word after a number of duplicates.
pub(super) const fn duplicates(count: u64) -> &'static str {
    if count == 1 { "duplicate in the input" } else { "duplicates in the input" }
}

/// Returns a state's name for people.
pub(super) fn words(state: State) -> String {
    state.name().replace('_', " ")
}

/// Writes a refused row with all its faults.
pub(crate) fn write_rejection(
    rejection: &Rejection,
    lines: &Lines,
    out: &mut dyn Write,
) -> io::Result<()> {
    rejection.told(lines).try_for_each(|fault| writeln!(out, "{fault}"))
}

/// Writes how many were not shown.
pub(super) fn more(all: u64, shown: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown as u64) {
        0 => Ok(()),
        left => writeln!(out, "… and {left} more {what}"),
    }
}

/// Writes at most three hints, after an empty line.
pub(super) fn write_hints<'a>(
    hints: impl IntoIterator<Item = &'a String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (number, hint) in hints.into_iter().take(3).enumerate() {
        let before = if number == 0 { "\n" } else { "" };
        writeln!(out, "{before}hint: {hint}")?;
    }
    Ok(())
}

pub(super) fn write_totals(totals: &ByState, out: &mut dyn Write) -> io::Result<()> {
    let shown = totals.shown(&[]).into_iter().filter(|(_, count)| *count > 0);
    let mut texts: Vec<_> =
        shown.map(|(state, count)| format!("{} {}", grouped(count), words(state))).collect();
    if texts.is_empty() {
        texts.push("0 created".into());
    }
    writeln!(out, "{}", texts.join(", "))
}

/// Returns a hint about rows whose outcome is unknown, if a ledger has any.
pub(crate) fn in_flight(totals: &ByState) -> Option<String> {
    let count = totals[State::InFlight];
    let hint = "in flight: run the command again with their rows, to its end, to look them up";
    (count > 0).then(|| format!("{} {hint}", grouped(count)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Fault, Refusal};

    fn row(line: u64, refusal: Refusal, code: Code) -> Rejection {
        let at = Some("users[17].credentials[2]".into());
        let faults = vec![Fault::new("", code, "is no factor")];
        Rejection { line, index: None, at, user: None, factor_type: None, refusal, faults }
    }

    #[test]
    fn a_refused_row_is_told_with_its_state_and_its_path() {
        for (refusal, state) in
            [(Refusal::Rejected, "rejected"), (Refusal::NotCarried, "not carried")]
        {
            let mut out = Vec::new();
            let row = row(17, refusal, Code::Disabled);
            write_rejection(&row, &Lines::default(), &mut out).unwrap();
            let text =
                format!("{state}: line 17 (users[17].credentials[2]): is no factor [disabled]\n");
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
