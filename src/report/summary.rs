//! The summary at the end of a run, and of a whole ledger.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{Waits, escape};
use crate::{
    error::Error,
    intake::Remarks,
    ledger::{Counts, Reader, Totals},
    model::{Rejection, State},
};

/// Whether a run has come to the end of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every row has its state.
    Complete,
    /// It can be resumed.
    Stopped,
}

/// The result of a run; the contract's summary (section 2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Whether it came to the end.
    pub status: Status,
    /// Rows that have come to a state in this run.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub counts: Counts,
    /// HTTP requests to the API.
    pub requests: u64,
    /// How many were answered with 429.
    pub throttled: u64,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    pub elapsed_seconds: Duration,
    #[serde(flatten)]
    /// What held requests back.
    pub waits: Waits,
    /// Where the results are.
    pub ledger: String,
    /// The whole ledger, where earlier runs used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_totals: Option<Totals>,
}

pub(super) fn seconds<S: serde::Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Summary {
    /// For people: what came of the rows, what was wrong with the first bad ones, and at most
    /// three hints.
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
        for rejection in &remarks.rejections {
            write_rejection(rejection, out)?;
        }
        more(remarks.rejected, remarks.rejections.len(), "rejected rows", out)?;
        if remarks.warned + remarks.rejected > 0 {
            writeln!(out)?;
        }
        let title = match self.status {
            Status::Complete => "Finished",
            Status::Stopped => "Stopped before the end; run the same command again to go on",
        };
        writeln!(out, "{title}: {} rows in {}", self.rows, human(self.elapsed_seconds))?;
        let counts = &self.counts;
        for (name, count) in [
            ("created", counts.created),
            ("already present", counts.already_present),
            ("skipped (settled by an earlier run)", counts.skipped),
            ("duplicates in the input", counts.duplicates),
            ("rejected", counts.rejected),
            ("failed", counts.failed),
            ("needs review", counts.needs_review),
            ("in flight", counts.in_flight),
        ] {
            if count > 0 || name == "created" {
                writeln!(out, "  {count:>9}  {name}")?;
            }
        }
        write!(out, "{} requests, {} throttled", self.requests, self.throttled)?;
        self.waits.write_text(out)?;
        writeln!(out, "\nledger: {}", escape(&self.ledger))?;
        if let Some(totals) = &self.ledger_totals {
            write!(out, "whole ledger: ")?;
            write_totals(totals, out)?;
        }
        write_hints(hints, out)
    }
}

/// One rejected row, every fault of it.
pub(crate) fn write_rejection(rejection: &Rejection, out: &mut dyn Write) -> io::Result<()> {
    for fault in &rejection.faults {
        write!(out, "rejected: line {}", rejection.line)?;
        if !fault.field.is_empty() {
            write!(out, ", {}", escape(&fault.field))?;
        }
        writeln!(out, ": {}", escape(&fault.rule))?;
    }
    Ok(())
}

/// What was not shown.
pub(super) fn more(all: u64, shown: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown as u64) {
        0 => Ok(()),
        left => writeln!(out, "… and {left} more {what}"),
    }
}

fn write_hints(hints: &[String], out: &mut dyn Write) -> io::Result<()> {
    if !hints.is_empty() {
        writeln!(out)?;
    }
    hints.iter().try_for_each(|hint| writeln!(out, "hint: {hint}"))
}

fn write_totals(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    let named = [
        ("created", totals.created),
        ("already present", totals.already_present),
        ("rejected", totals.rejected),
        ("failed", totals.failed),
        ("need review", totals.needs_review),
        ("in flight", totals.in_flight),
    ];
    let texts: Vec<_> = named
        .into_iter()
        .filter(|(name, count)| *count > 0 || *name == "created")
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    writeln!(out, "{}", texts.join(", "))
}

/// A summary over a whole ledger.
#[derive(Debug, Serialize)]
pub struct LedgerReport {
    /// The ledger.
    pub ledger: String,
    /// The tenant it is bound to.
    pub tenant: String,
    /// All its rows.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub totals: Totals,
    /// What to do about them.
    pub hints: Vec<String>,
}

impl LedgerReport {
    /// Reads it from a ledger; the name of that is only shown.
    pub fn read(name: &str, ledger: &Reader) -> Result<Self, Error> {
        let totals = ledger.totals()?;
        Ok(Self {
            ledger: name.into(),
            tenant: ledger.tenant().into(),
            rows: totals.rows(),
            hints: hints(ledger, &totals)?,
            totals,
        })
    }

    /// For people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "ledger: {}", escape(&self.ledger))?;
        writeln!(out, "tenant: {}", escape(&self.tenant))?;
        write!(out, "{} rows: ", self.rows)?;
        write_totals(&self.totals, out)?;
        write_hints(&self.hints, out)
    }
}

/// At most three things worth doing, drawn from what the ledger holds.
fn hints(ledger: &Reader, totals: &Totals) -> Result<Vec<String>, Error> {
    let mut hints = Vec::new();
    if totals.in_flight > 0 {
        hints.push(format!(
            "{} in flight: run the same command with the same input again, and they are looked up",
            totals.in_flight
        ));
    }
    if totals.needs_review > 0 {
        hints.push(format!(
            "{} need review: whether they exist could not be established, and they are never sent \
             again; `mfaferry report --format jsonl` names the users",
            totals.needs_review
        ));
    }
    for (error, count) in ledger.errors(State::Rejected)? {
        let rows = |one: &str, many: &str| {
            if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
        };
        match error.as_str() {
            "user_not_found" => hints.push(format!(
                "{}: import the users first, then run again with `--retry rejected`",
                rows(
                    "factor's user does not exist in this tenant",
                    "factors' users do not exist in this tenant"
                )
            )),
            "entity_limit" => hints.push(format!(
                "{} the tenant's limit for one user",
                rows("factor is over", "factors are over")
            )),
            "" => {}
            other => hints.push(format!(
                "{} with `{}`",
                rows("factor was refused by the tenant", "factors were refused by the tenant"),
                escape(other)
            )),
        }
    }
    if totals.failed > 0 {
        hints.push(format!(
            "{} failed, and are known not to be there: run again with `--retry failed`",
            totals.failed
        ));
    }
    hints.truncate(3);
    Ok(hints)
}

/// `41 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0..10) => format!("{:.1} s", time.as_secs_f64()),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
