//! Results of `verify`: for people, as one object, and as one object a factor.

use std::{
    borrow::Cow,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{
    Cause, Explained, NextStep, Status, UsageSummary, Waits, reasons::write_groups, steps,
    summary::seconds, unless_none, usage::RowUse, write_json, write_rejection,
};
use crate::{
    jobs::list::verify::{Account, Comparison, Counts, Extra, Group, Judged, Sample, VerifyState},
    model::{FactorType, Fault, Field, Lines, Reason, Reasons, Refusal, Rejection, Shard, Spot},
    text::{counted, escape, grouped, human},
};

/// Number of remarks of each kind that are shown to people; all are counted.
const REMARKS_SHOWN: usize = 10;

/// The result of a run (contract, section 2).
#[derive(Debug, Default, Serialize)]
#[serde(tag = "schema", rename = "mfaferry/verify/1")]
pub struct VerifySummary {
    /// Completion of the run.
    pub status: Status,
    /// The error that stopped it.
    #[serde(flatten)]
    pub cause: Option<Cause>,
    /// Number of users after which no more were asked about: `--max-users`.
    #[serde(skip)]
    pub first_users: Option<usize>,
    /// Shard of the input that was read; `None` for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Rows that have come to a state.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub counts: Counts,
    /// Other methods of these users; `None` when not asked for.
    pub extras: Option<u64>,
    /// Users asked about.
    pub users: u64,
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
    /// Statement that the sample proves about all users.
    pub sample: Option<SampleSummary>,
    /// Factors that people have logged in with; `None` when not asked for.
    pub usage: Option<UsageSummary>,
    /// Reasons of the rows that were refused or not carried, by code.
    pub reasons: Vec<Explained>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps::runnable")]
    pub next: Vec<NextStep>,
}

/// Statement that a sample proves.
#[derive(Debug, Clone, Serialize)]
pub struct SampleSummary {
    /// The share of users that was to be picked.
    pub percent: f64,
    /// Seed that picked them.
    pub seed: u64,
    /// Users who were picked.
    pub users: u64,
    /// Users among them with a missing factor, or without a usable list.
    pub users_with_missing: u64,
    /// Confidence of the bound.
    pub confidence: f64,
    /// Upper bound of the share of all users with a missing factor; `None` for a run that was
    /// stopped, which proves nothing about the rows that it has not read.
    pub missing_users_at_most: Option<f64>,
    /// Statistical method of the bound.
    pub method: Option<&'static str>,
    /// True if the users were picked from those of a shard.
    #[serde(skip)]
    pub is_of_shard: bool,
}

impl SampleSummary {
    /// Builds the statement that `account` proves as a sample.
    pub fn new(sample: &Sample, account: &Account, shard: Option<Shard>) -> Self {
        let bound = sample.bound(account.users, account.users_with_missing);
        Self {
            percent: sample.percent(),
            seed: sample.seed(),
            users: account.users,
            users_with_missing: account.users_with_missing,
            confidence: crate::jobs::list::verify::CONFIDENCE,
            missing_users_at_most: Some(bound.at_most),
            method: Some(bound.method),
            is_of_shard: shard.is_some(),
        }
    }

    /// Drops the bound, which a stopped run does not prove.
    #[must_use]
    pub fn without_bound(self) -> Self {
        Self { missing_users_at_most: None, method: None, ..self }
    }
}

impl std::fmt::Display for SampleSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { percent, seed, users, users_with_missing, .. } = self;
        write!(
            f,
            "sample: {users} users picked ({percent} %, seed {seed}), {users_with_missing} of \
             them with a missing factor: "
        )?;
        let whole = if self.is_of_shard { "shard" } else { "input" };
        match (self.missing_users_at_most, self.method) {
            (Some(at_most), Some(method)) => write!(
                f,
                "with {:.0} % confidence at most {:.3} % of the {whole}'s users have one ({method})",
                self.confidence * 100.0,
                at_most * 100.0
            ),
            _ => f.write_str("stopped before the end, so nothing is proven about the rest"),
        }
    }
}

/// The first remarks of each kind, for people.
#[derive(Debug, Default)]
pub struct VerifyRemarks {
    rejections: Vec<Rejection>,
    reasons: Reasons,
    lines: Lines,
    findings: Vec<String>,
    extras: Vec<String>,
    extra_count: u64,
}

impl VerifyRemarks {
    /// Makes remarks on an input; `lines` knows which file a line is in.
    pub fn new(lines: Lines) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Takes in the result of a group.
    pub fn note(&mut self, group: &Group, judged: &Judged) {
        for row in &group.rejections {
            self.reasons.add(row.refusal.state(), row.code(), Some(Spot::of(row)));
        }
        let room = REMARKS_SHOWN.saturating_sub(self.rejections.len());
        let rejected = |row: &&Rejection| row.refusal == Refusal::Rejected;
        self.rejections.extend(group.rejections.iter().filter(rejected).take(room).cloned());
        let bad = judged.findings.iter().filter(|finding| finding.state.needs_attention());
        for finding in bad.take(REMARKS_SHOWN.saturating_sub(self.findings.len())) {
            self.findings.push(line_of(group, finding, &self.lines));
        }
        self.note_extras(&judged.extras);
    }

    /// Takes in other methods of users.
    pub fn note_extras(&mut self, extras: &[Extra]) {
        self.extra_count += extras.len() as u64;
        for extra in extras.iter().take(REMARKS_SHOWN.saturating_sub(self.extras.len())) {
            let Extra { user, type_name, method_id } = extra;
            self.extras.push(format!("extra: {user}, {type_name}, {method_id}"));
        }
    }

    /// Writes the results of a group: its rows in input order, then the user's other methods.
    pub fn write_judged(
        &self,
        group: &Group,
        judged: &Judged,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let user_id = group.user.as_ref().map(crate::model::UserId::as_str);
        let factors = judged.findings.iter().map(|finding| VerifyRow {
            line: Some(finding.line),
            at: finding.at.as_deref(),
            user_id,
            r#type: Some(finding.factor_type.name()),
            state: finding.state.name(),
            method_id: finding.method_id.as_deref(),
            differs: finding.differing.iter().copied().map(Field::name).collect(),
            usage: finding.usage.map(RowUse::of),
            error: finding.error.as_ref().map(Reason::text),
            code: finding.error.as_ref().map(|reason| reason.code().name()),
            ..VerifyRow::default()
        });
        let mut rows: Vec<_> = factors.chain(group.rejections.iter().map(refused)).collect();
        rows.sort_by_key(|row| row.line);
        for row in &mut rows {
            let place = row.line.map(|line| self.lines.place(line));
            row.line = place.as_ref().map(|place| place.line);
            row.file = place.and_then(|place| place.file).map(|file| file.to_string());
        }
        rows.iter().try_for_each(|row| write_json(row, out))?;
        write_extras(&judged.extras, out)
    }

    /// Returns the reasons of rows that were refused or not carried.
    pub fn reasons(&self) -> Vec<Explained> {
        Explained::all(&self.reasons, &self.lines)
    }

    /// Returns the number of other methods.
    pub fn extras(&self) -> u64 {
        self.extra_count
    }
}

/// Formats `differs: line 7, auth0|1, phone, phone|dev_x: name`.
fn line_of(group: &Group, finding: &Comparison, lines: &Lines) -> String {
    let user = group.user.as_ref().map(ToString::to_string).unwrap_or_default();
    let Comparison { line, at, factor_type, state, .. } = finding;
    let place = lines.describe(*line, at.as_deref());
    let mut text = format!("{}: {place}, {user}, {factor_type}", state.name());
    if let Some(id) = &finding.method_id {
        text += ", ";
        text += id;
    }
    let fields: Vec<_> = finding.differing.iter().map(|field| field.name()).collect();
    let error = finding.error.as_ref().map(Reason::text).unwrap_or_default();
    for why in [fields.join(", ").as_str(), error.as_ref()] {
        if !why.is_empty() {
            text += ": ";
            text += why;
        }
    }
    text
}

impl VerifySummary {
    /// Writes the summary for people.
    pub fn write_text(&self, remarks: &VerifyRemarks, out: &mut dyn Write) -> io::Result<()> {
        for rejection in &remarks.rejections {
            write_rejection(rejection, &remarks.lines, out)?;
        }
        super::summary::more(self.counts.rejected, remarks.rejections.len(), "rejected rows", out)?;
        let bad = self.counts.bad() - self.counts.rejected;
        for (all, shown, what) in [
            (bad, &remarks.findings, "(all of them: --output jsonl)"),
            (remarks.extra_count, &remarks.extras, "extras (all of them: --output jsonl)"),
        ] {
            for line in shown {
                writeln!(out, "{}", escape(line))?;
            }
            super::summary::more(all, shown.len(), what, out)?;
        }
        if bad + self.counts.rejected + remarks.extra_count > 0 {
            writeln!(out)?;
        }
        let title = self.title();
        writeln!(out, "{title}: {} in {}", counted(self.rows, "row"), human(self.elapsed_seconds))?;
        let counts = &self.counts;
        for (name, count) in [
            ("present", counts.present),
            ("missing", counts.missing),
            ("differ in name or preferred channel", counts.differs),
            ("unverifiable (exists, but its value is not readable)", counts.unverifiable),
            ("unanswered (no usable list for the user)", counts.unanswered),
            ("rejected", counts.rejected),
            ("not carried", counts.not_carried),
            (super::summary::duplicates(counts.duplicates), counts.duplicates),
            ("not in the sample", counts.not_sampled),
            ("extras (in the tenant, but not in the input)", self.extras.unwrap_or_default()),
        ] {
            if count > 0 || name == "present" || name == "missing" {
                writeln!(out, "  {:>9}  {name}", grouped(count))?;
            }
        }
        writeln!(
            out,
            "{}, {}, {} throttled",
            counted(self.users, "user"),
            counted(self.requests, "request"),
            grouped(self.throttled)
        )?;
        if let Some(shard) = self.shard {
            writeln!(out, "shard: {shard}")?;
        }
        for statement in self.statements() {
            writeln!(out, "{statement}")?;
        }
        write_groups(&self.reasons, &[], out)?;
        super::summary::write_hints(&self.waits.hint(self.elapsed_seconds), out)?;
        steps::write_steps(&self.next, out)
    }

    fn title(&self) -> Cow<'static, str> {
        match self.status {
            Status::Complete => match self.first_users {
                Some(1) => "Verified the first user".into(),
                Some(users) => format!("Verified the first {users} users").into(),
                None => "Verified".into(),
            },
            Status::Stopped if self.requests == 0 && self.cause.is_none() => {
                "Stopped before anything was asked; run the same command again".into()
            }
            Status::Stopped | Status::Error => {
                "Stopped before the end; run the same command again to start over".into()
            }
        }
    }

    /// Returns the statements about the sample and about logins, a line each.
    pub fn statements(&self) -> impl Iterator<Item = String> {
        let usage = self.usage.as_ref().map(ToString::to_string);
        self.sample.as_ref().map(ToString::to_string).into_iter().chain(usage)
    }

    /// Returns the summary in one line, for the log.
    pub fn line(&self) -> String {
        let counts = &self.counts;
        format!(
            "{}: {} present, {} missing, {} differ, {} unverifiable, {} unanswered, {} rejected\
             {}",
            counted(self.rows, "row"),
            grouped(counts.present),
            grouped(counts.missing),
            grouped(counts.differs),
            grouped(counts.unverifiable),
            grouped(counts.unanswered),
            grouped(counts.rejected),
            unless_none(counts.not_carried, "not carried")
        )
    }
}

/// One object of `--output jsonl`.
#[derive(Debug, Default, Serialize)]
struct VerifyRow<'a> {
    line: Option<u64>,
    /// The file that `line` is in, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Its path inside a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    user_id: Option<&'a str>,
    r#type: Option<&'a str>,
    state: &'static str,
    method_id: Option<&'a str>,
    /// Names of the fields in which it differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<&'static str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    usage: Option<RowUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// Code of the error, or of a refused row's first fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    /// Every fault of a refused row, where it has more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<&'a [Fault]>,
}

fn refused(rejection: &Rejection) -> VerifyRow<'_> {
    let first = rejection.faults.first();
    VerifyRow {
        line: Some(rejection.line),
        at: rejection.at.as_deref(),
        user_id: rejection.user.as_ref().map(crate::model::UserId::as_str),
        r#type: rejection.factor_type.map(FactorType::name),
        state: rejection.refusal.state().name(),
        field: first.map(|fault| fault.field.as_str()),
        rule: first.map(|fault| fault.rule.as_str()),
        code: first.map(|fault| fault.code.as_ref()),
        faults: Some(rejection.faults.as_slice()).filter(|faults| faults.len() > 1),
        ..VerifyRow::default()
    }
}

/// Writes other methods of users, one object each.
pub fn write_extras(extras: &[Extra], out: &mut dyn Write) -> io::Result<()> {
    extras.iter().try_for_each(|extra| {
        let row = VerifyRow {
            user_id: Some(extra.user.as_str()),
            r#type: Some(&extra.type_name),
            state: VerifyState::EXTRA,
            method_id: Some(&extra.method_id),
            ..VerifyRow::default()
        };
        write_json(&row, out)
    })
}
