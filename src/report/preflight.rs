//! The result of `preflight`: findings, what to do about them, and how long the import will take.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{Status, summary::seconds, unless_none};
use crate::{
    preflight::{Census, Estimate, Finding, FindingCode, Severity},
    text::{counted, escape, grouped},
};

/// Result of a preflight; the contract's object of that name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreflightReport {
    schema: &'static str,
    status: Status,
    /// True if nothing stops the import, and every row can be used.
    ready: bool,
    rows: u64,
    factors: u64,
    users: Option<u64>,
    duplicates: u64,
    rejected: u64,
    not_carried: u64,
    /// Users whose lists were asked for; `None` where there was no sample.
    sample: Option<SampleReport>,
    /// Codes of `--accept`.
    accepted: Vec<FindingCode>,
    findings: Vec<Finding>,
    plan: Estimate,
    /// Requests sent.
    requests: u64,
    #[serde(serialize_with = "seconds")]
    elapsed_seconds: Duration,
}

/// Name of the format of its JSON.
const SCHEMA: &str = "mfaferry/preflight/1";

/// Result of a preflight that was stopped. It has no findings: half a judgement would be taken for
/// a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StoppedPreflight {
    schema: &'static str,
    status: Status,
    ready: bool,
}

impl Default for StoppedPreflight {
    fn default() -> Self {
        Self { schema: SCHEMA, status: Status::Stopped, ready: false }
    }
}

impl StoppedPreflight {
    /// Writes it for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Stopped before the end: nothing was changed; run it again")
    }
}

/// Sample of a preflight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SampleReport {
    /// Users picked.
    pub users: u64,
    /// Seed that picked them.
    pub seed: u64,
}

/// Groups of the text, in order.
const GROUPS: [(Severity, &str); 4] = [
    (Severity::Stop, "Stops the import until it is mended, or accepted by its code (--accept)"),
    (Severity::Warn, "Warnings"),
    (Severity::Note, "Notes"),
    (Severity::Unknown, "Could not be checked"),
];

/// Writes a finding.
fn write_message(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {}: {}", finding.code, escape(&finding.message))
}

impl PreflightReport {
    /// Builds the result.
    pub fn new(
        census: &Census,
        findings: Vec<Finding>,
        accepted: Vec<FindingCode>,
        plan: Estimate,
        sample: Option<SampleReport>,
    ) -> Self {
        let is_open = |one: &Finding| one.is_stop() && !accepted.contains(&one.code);
        Self {
            schema: SCHEMA,
            status: Status::Complete,
            ready: census.rejected == 0 && !findings.iter().any(is_open),
            rows: census.rows,
            factors: census.factors(),
            users: census.users,
            duplicates: census.duplicates,
            rejected: census.rejected,
            not_carried: census.not_carried,
            sample,
            accepted,
            findings,
            plan,
            requests: 0,
            elapsed_seconds: Duration::ZERO,
        }
    }

    /// Adds what the answers have cost.
    #[must_use]
    pub fn after(self, requests: u64, elapsed_seconds: Duration) -> Self {
        Self { requests, elapsed_seconds, ..self }
    }

    /// Returns whether the import can begin.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Writes it for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let is_accepted = |one: &&Finding| one.is_stop() && self.accepted.contains(&one.code);
        for (severity, title) in GROUPS {
            let of = |one: &&Finding| one.severity == severity && !is_accepted(one);
            self.write_group(title, of, out)?;
        }
        let accepted: Vec<_> = self.findings.iter().filter(is_accepted).collect();
        if !accepted.is_empty() {
            writeln!(out, "Accepted")?;
            accepted.iter().try_for_each(|one| write_message(one, out))?;
            writeln!(out)?;
        }
        let plan = self.plan.lines();
        if !plan.is_empty() {
            writeln!(out, "Plan")?;
            plan.iter().try_for_each(|line| writeln!(out, "  {}", escape(line)))?;
            writeln!(out)?;
        }
        writeln!(
            out,
            "{}: {} of {}, {} rejected{}, {}",
            counted(self.rows, "row"),
            counted(self.factors, "factor"),
            counted(self.users.unwrap_or_default(), "user"),
            grouped(self.rejected),
            unless_none(self.not_carried, "not carried"),
            counted(self.duplicates, "duplicate"),
        )?;
        let requests = counted(self.requests, "request");
        match self.sample {
            Some(SampleReport { users, seed }) => {
                let users = counted(users, "user");
                writeln!(out, "{users} looked up (seed {seed}), {requests} in all")?;
            }
            None => writeln!(out, "no user looked up, {requests} in all")?,
        }
        writeln!(out, "{}", self.verdict())
    }

    fn write_group(
        &self,
        title: &str,
        is_in: impl Fn(&&Finding) -> bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut found = self.findings.iter().filter(is_in).peekable();
        if found.peek().is_none() {
            return Ok(());
        }
        writeln!(out, "{title}")?;
        while let Some(finding) = found.next() {
            write_message(finding, out)?;
            // One scope may answer several questions.
            if found.peek().is_some_and(|next| next.action == finding.action) {
                continue;
            }
            writeln!(out, "    {}", escape(&finding.action))?;
            if let Some(command) = &finding.command {
                writeln!(out, "    $ {}", escape(command))?;
            }
        }
        writeln!(out)
    }

    /// Returns the verdict, in a sentence.
    fn verdict(&self) -> String {
        let mut codes: Vec<_> = self
            .findings
            .iter()
            .filter(|one| one.is_stop() && !self.accepted.contains(&one.code))
            .map(|one| one.code.name())
            .collect();
        let n_stops = codes.len();
        codes.dedup();
        let stops = (n_stops > 0)
            .then(|| format!("{} ({})", counted(n_stops as u64, "stop"), codes.join(", ")));
        let rejected = (self.rejected > 0).then(|| {
            format!("{} (`mfaferry check` says why)", counted(self.rejected, "rejected row"))
        });
        let open: Vec<_> = stops.into_iter().chain(rejected).collect();
        if !open.is_empty() {
            return format!("Not ready: {}", open.join(" and "));
        }
        let n_unknown =
            self.findings.iter().filter(|one| one.severity == Severity::Unknown).count();
        match n_unknown {
            0 => "Ready".into(),
            1 => "No check failed, but 1 question is open".into(),
            n => format!("No check failed, but {n} questions are open"),
        }
    }
}
