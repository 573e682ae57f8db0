//! Results of `check`, for people and as one object.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::{Serialize, Serializer};

use super::{Explained, NextStep, actions, reasons::write_groups, steps, unless_none};
use crate::{
    explain::Action,
    model::{CodeCounts, Factor, FactorType, Lines, Reasons, Refusal, Rejection, Spot},
    plan::{self, Finding, Warning},
    text::{counted, escape, grouped},
};

/// Most warnings of one kind that are shown; all are counted. A column of NULL would cause one a
/// row.
const WARNINGS_SHOWN: u64 = 20;

/// Summary of an input.
#[derive(Debug, Default, Serialize)]
#[serde(tag = "schema", rename = "mfaferry/check/1")]
pub struct CheckSummary {
    /// All rows.
    pub rows: u64,
    factors: u64,
    /// Rows that an import would refuse.
    pub rejected: u64,
    not_carried: u64,
    duplicates: u64,
    warnings: u64,
    phone: u64,
    email: u64,
    totp: u64,
    #[serde(rename = "webauthn-roaming")]
    webauthn_roaming: u64,
    passkey: u64,
    #[serde(skip)]
    refused: Reasons,
    #[serde(serialize_with = "by_type")]
    rejected_by_code: CodeCounts,
    #[serde(serialize_with = "by_type")]
    not_carried_by_code: CodeCounts,
    /// Findings about the input as a whole.
    whole_file: Vec<Finding>,
    /// Reasons by code; those of each state add up to its number.
    pub reasons: Vec<Explained>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps::runnable")]
    pub next: Vec<NextStep>,
}

impl CheckSummary {
    /// Counts a duplicate factor.
    pub fn count_duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// Counts a factor.
    pub fn count(&mut self, factor_type: FactorType) {
        self.factors += 1;
        *match factor_type {
            FactorType::Phone => &mut self.phone,
            FactorType::Email => &mut self.email,
            FactorType::Totp => &mut self.totp,
            FactorType::WebauthnRoaming => &mut self.webauthn_roaming,
            FactorType::Passkey => &mut self.passkey,
        } += 1;
    }

    /// Counts a refused row.
    pub fn refuse(&mut self, row: &Rejection) {
        let (count, codes) = match row.refusal {
            Refusal::NotCarried => (&mut self.not_carried, &mut self.not_carried_by_code),
            Refusal::Rejected => (&mut self.rejected, &mut self.rejected_by_code),
        };
        *count += 1;
        codes.add(row);
        self.refused.add(row.refusal.state(), row.code(), Some(Spot::of(row)));
    }

    /// Counts the warnings of a row.
    pub fn warn(&mut self, count: usize) {
        self.warnings += count as u64;
    }

    /// Returns true if secrets were refused because of their encoding.
    pub fn is_of_encoding(&self) -> bool {
        actions(&self.reasons).contains(&Action::ProveEncoding)
    }

    /// Takes in the findings about the input as a whole; `lines` knows which file a line is in.
    pub fn finish(&mut self, found: Vec<Finding>, lines: &Lines) {
        self.reasons = Explained::all(&self.refused, lines);
        self.add_whole(found);
    }

    fn add_whole(&mut self, found: Vec<Finding>) {
        self.warnings += found.iter().filter(|finding| !finding.is_note).count() as u64;
        self.whole_file = found;
    }

    /// Writes the findings about the input as a whole, the numbers, the reasons and the commands,
    /// for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_whole(&self.whole_file, out)?;
        write_counts(self, out)?;
        write_groups(&self.reasons, &[], out)?;
        steps::write_steps(&self.next, out)
    }
}

/// Serialises numbers of refused rows for programs.
fn by_type<S: Serializer>(codes: &CodeCounts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct RefusedType {
        code: &'static str,
        r#type: Option<&'static str>,
        count: u64,
    }
    let counted = |(code, of, count): (_, Option<FactorType>, _)| RefusedType {
        code,
        r#type: of.map(FactorType::name),
        count,
    };
    serializer.collect_seq(codes.by_type().into_iter().map(counted))
}

/// Writes a factor as it would be sent.
pub(crate) fn write_factor(factor: &Factor, lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}:", lines.describe(factor.line, factor.at.as_deref()))?;
    for (field, value) in plan::preview(factor) {
        write!(out, " {}={}", field.name(), escape(&value))?;
    }
    writeln!(out)
}

/// Number of warnings of each kind.
#[derive(Debug, Default)]
pub struct Warned(BTreeMap<&'static str, u64>);

impl Warned {
    /// Writes the warnings of a row, unless enough of their kind have been shown.
    pub fn write(
        &mut self,
        warnings: &[Warning],
        place: impl Fn() -> String,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for warning in warnings {
            let count = self.0.entry(warning.code()).or_default();
            *count += 1;
            if *count <= WARNINGS_SHOWN {
                writeln!(out, "warning: {}: {warning}", place())?;
            }
        }
        Ok(())
    }

    /// Writes how many warnings were not shown.
    pub fn write_rest(&self, out: &mut dyn Write) -> io::Result<()> {
        for (code, count) in self.0.iter().filter(|(_, count)| **count > WARNINGS_SHOWN) {
            writeln!(out, "… and {} more warnings `{code}`", count - WARNINGS_SHOWN)?;
        }
        Ok(())
    }
}

fn write_whole(found: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in found {
        writeln!(out, "{}: {finding}", if finding.is_note { "note" } else { "warning" })?;
    }
    Ok(())
}

fn write_counts(findings: &CheckSummary, out: &mut dyn Write) -> io::Result<()> {
    if findings.rejected + findings.warnings > 0 || !findings.whole_file.is_empty() {
        writeln!(out)?;
    }
    writeln!(
        out,
        "{}: {} to import, {} rejected{}, {}, {}",
        counted(findings.rows, "row"),
        counted(findings.factors, "factor"),
        grouped(findings.rejected),
        unless_none(findings.not_carried, "not carried"),
        counted(findings.duplicates, "duplicate"),
        counted(findings.warnings, "warning")
    )?;
    for (name, count) in [
        ("phone", findings.phone),
        ("email", findings.email),
        ("totp", findings.totp),
        ("webauthn-roaming", findings.webauthn_roaming),
        ("passkey", findings.passkey),
    ] {
        if count > 0 {
            writeln!(out, "  {:>9}  {name}", grouped(count))?;
        }
    }
    if findings.webauthn_roaming + findings.passkey > 0 {
        writeln!(
            out,
            "note: security keys and passkeys only work if the tenant's login runs under the \
             domain they were registered at"
        )?;
    }
    Ok(())
}
