//! `check`: what an import would send and refuse, without sending anything.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Serialize, Serializer};

use super::{
    print,
    prove::{Proving, Show, Shown},
    reading::{Opener, try_open_factors},
    repeats::{Met, Repeats},
};
use crate::{
    cli::{Check, Output},
    engine::scan::scan,
    error::{Error, Exit},
    explain::{Action, advice},
    input::Ending,
    model::{CodeCounts, Factor, FactorType, Lines, Planned, Reason, Refusal},
    plan::{self, Finding, Plan, Sight, Warning, Whole},
    report,
    text::{counted, escape, grouped},
};

/// Warnings of one kind that are shown; all are counted. A column of NULL would have one a row.
const SHOWN: u64 = 20;

/// Contents of a file, in numbers.
#[derive(Debug, Default, Serialize)]
#[serde(tag = "schema", rename = "mfaferry/check/1")]
struct Findings {
    rows: u64,
    factors: u64,
    rejected: u64,
    not_carried: u64,
    duplicates: u64,
    warnings: u64,
    phone: u64,
    email: u64,
    totp: u64,
    #[serde(rename = "webauthn-roaming")]
    webauthn_roaming: u64,
    passkey: u64,
    #[serde(serialize_with = "by_type")]
    rejected_by_code: CodeCounts,
    #[serde(serialize_with = "by_type")]
    not_carried_by_code: CodeCounts,
    /// Findings about the file as a whole.
    whole_file: Vec<Finding>,
    /// With `--prove` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<Vec<Shown>>,
}

impl Findings {
    /// Counts a factor, once it is known whether it is there again.
    fn count(&mut self, factor_type: FactorType, met: Met) {
        match met {
            Met::New => self.factors += 1,
            Met::Before => {
                self.duplicates += 1;
                return;
            }
            Met::Later => return,
        }
        *match factor_type {
            FactorType::Phone => &mut self.phone,
            FactorType::Email => &mut self.email,
            FactorType::Totp => &mut self.totp,
            FactorType::WebauthnRoaming => &mut self.webauthn_roaming,
            FactorType::Passkey => &mut self.passkey,
        } += 1;
    }

    fn add_whole(&mut self, found: Vec<Finding>) {
        self.warnings += found.iter().filter(|finding| !finding.is_note).count() as u64;
        self.whole_file = found;
    }
}

/// Numbers of refused rows, as a program reads them.
fn by_type<S: Serializer>(codes: &CodeCounts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Counted {
        code: &'static str,
        r#type: Option<&'static str>,
        count: u64,
    }
    let counted = |(code, of, count): (_, Option<FactorType>, _)| Counted {
        code,
        r#type: of.map(FactorType::name),
        count,
    };
    serializer.collect_seq(codes.by_type().into_iter().map(counted))
}

/// Runs the command.
pub(super) fn run(check: &Check, is_quiet: bool) -> Result<Exit, Error> {
    try_open_factors(&check.reading, &check.system)?;
    let input = Opener::of(&check.reading, &check.system, check.secret_encoding, true)?;
    let is_json = check.output == Output::Json;
    let proving = Proving::of(check, Show::of(is_json, is_quiet))?;
    let mut source = input.open()?;
    if let Some(proving) = &proving {
        source = proving.keeping(source);
    }
    let secrets = check.secret_encoding.map(Into::into);
    // With -q a proof is all that may be told.
    let text = !(is_json || is_quiet && proving.is_some());
    let to_show = if text && !is_quiet { check.show } else { 0 };
    let lines = source.lines();
    let mut rows = Rows {
        to_show: Arc::new(to_show.into()),
        text,
        is_quiet,
        is_proving: proving.is_some(),
        lines: lines.clone(),
        ..Rows::default()
    };
    print(|out| {
        let scanned = scan(source, secrets, rows.noter(), |noted| rows.take(&noted, out))?;
        // Of an input that cannot be read at all there is nothing to sum up.
        if scanned.unreadable.is_none() || rows.findings.rows > 0 {
            rows.sum_up(scanned.ending)?;
            if proving.is_none() || text {
                rows.write(out)?;
            }
        }
        Ok(scanned.unreadable)
    })?
    .map_or(Ok(()), Err)?;
    if let Some(proving) = proving {
        let (proofs, exit) = proving.run(lines)?;
        if is_json && exit != Exit::Stopped {
            rows.findings.proofs = Some(proofs);
            print(|out| rows.write(out))?;
        }
        return Ok(exit);
    }
    Ok(if rows.findings.rejected > 0 { Exit::RowsNeedAttention } else { Exit::Good })
}

/// The rows of a file, one after the other.
#[derive(Debug, Default)]
struct Rows {
    findings: Findings,
    repeats: Repeats,
    whole: Whole,
    warned: Warned,
    /// Names of the input files, by line.
    lines: Lines,
    /// True if people read what is found.
    text: bool,
    /// `-q`: people read only what ends with an exit code of its own.
    is_quiet: bool,
    /// `--prove`.
    is_proving: bool,
    /// Factors that are still to be shown.
    to_show: Arc<AtomicU64>,
}

/// Notes on a row, taken where it is planned.
#[derive(Debug)]
struct Noted {
    line: u64,
    /// Path inside of a document, where that is to be told.
    at: Option<Box<str>>,
    warnings: Vec<Warning>,
    /// Hash of a factor, for [`Repeats`].
    hash: u64,
    sight: Sight,
    /// One that may have to be shown.
    factor: Option<Box<Factor>>,
}

impl Rows {
    /// Returns what notes of each plan what is needed here. Factors come along as long as some are to be
    /// shown.
    fn noter(&self) -> impl FnMut(Plan) -> Noted + Send + use<> {
        let (eye, hasher) = (self.whole.eye(), self.repeats.seen().hasher());
        let to_show = Arc::clone(&self.to_show);
        move |Plan { planned, warnings }| {
            let line = planned.line();
            let at = planned.at().filter(|_| !warnings.is_empty()).map(Into::into);
            let (hash, sight, factor) = match planned {
                Planned::Rejected(rejection) => (0, Sight::Rejected(rejection), None),
                Planned::Factor(factor) => {
                    let is_shown = to_show.load(Ordering::Relaxed) > 0;
                    (hasher.hash(&factor), eye.look(&factor), is_shown.then_some(factor))
                }
            };
            Noted { line, at, warnings, hash, sight, factor }
        }
    }

    fn take(&mut self, noted: &Noted, out: &mut dyn Write) -> io::Result<()> {
        self.whole.add(&noted.sight);
        let findings = &mut self.findings;
        findings.rows += 1;
        findings.warnings += noted.warnings.len() as u64;
        match &noted.sight {
            Sight::Rejected(row) if row.refusal == Refusal::NotCarried => {
                findings.not_carried += 1;
                findings.not_carried_by_code.add(row);
            }
            Sight::Rejected(rejection) => {
                findings.rejected += 1;
                findings.rejected_by_code.add(rejection);
                if self.text {
                    report::write_rejection(rejection, &self.lines, out)?;
                }
            }
            Sight::Factor { factor_type, .. } => {
                let left = self.to_show.load(Ordering::Relaxed);
                let met = self.repeats.add(noted.hash, *factor_type, left > 0)?;
                findings.count(*factor_type, met);
                if met == Met::Before {
                    return Ok(());
                }
                if let Some(factor) = noted.factor.as_deref().filter(|_| left > 0) {
                    self.to_show.store(left - 1, Ordering::Relaxed);
                    write_factor(factor, &self.lines, out)?;
                }
            }
        }
        if self.text && !self.is_quiet {
            self.warned.write(noted, &self.lines, out)?;
        }
        Ok(())
    }

    /// Finds at the end what there is to say of all of them.
    fn sum_up(&mut self, ending: Ending) -> io::Result<()> {
        let findings = &mut self.findings;
        std::mem::take(&mut self.repeats).finish(|of, met| findings.count(of, met))?;
        let whole = std::mem::take(&mut self.whole);
        self.findings.add_whole(whole.findings(ending, &self.lines));
        Ok(())
    }

    /// Says it.
    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.text {
            return report::write_json(&self.findings, out);
        }
        if self.is_quiet && self.findings.rejected == 0 {
            return Ok(());
        }
        self.warned.write_rest(out)?;
        write_whole(&self.findings.whole_file, out)?;
        write_text(&self.findings, out)?;
        if self.is_proving { Ok(()) } else { write_advice(&self.findings, out) }
    }
}

/// Writes a factor as it would be sent.
fn write_factor(factor: &Factor, lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}:", lines.describe(factor.line, factor.at.as_deref()))?;
    for (field, value) in plan::preview(factor) {
        write!(out, " {}={}", field.name(), escape(&value))?;
    }
    writeln!(out)
}

/// Number of warnings of each kind.
#[derive(Debug, Default)]
struct Warned(BTreeMap<&'static str, u64>);

impl Warned {
    /// Writes the warnings of a row, unless enough of their kind have been shown.
    fn write(&mut self, row: &Noted, lines: &Lines, out: &mut dyn Write) -> io::Result<()> {
        for warning in &row.warnings {
            let count = self.0.entry(warning.code()).or_default();
            *count += 1;
            if *count <= SHOWN {
                let place = lines.describe(row.line, row.at.as_deref());
                writeln!(out, "warning: {place}: {warning}")?;
            }
        }
        Ok(())
    }

    /// Writes how many were not shown.
    fn write_rest(&self, out: &mut dyn Write) -> io::Result<()> {
        for (code, count) in self.0.iter().filter(|(_, count)| **count > SHOWN) {
            writeln!(out, "… and {} more warnings `{code}`", count - SHOWN)?;
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

fn write_text(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    if findings.rejected + findings.warnings > 0 || !findings.whole_file.is_empty() {
        writeln!(out)?;
    }
    writeln!(
        out,
        "{}: {} to import, {} rejected{}, {}, {}",
        counted(findings.rows, "row"),
        counted(findings.factors, "factor"),
        grouped(findings.rejected),
        report::unless_none(findings.not_carried, "not carried"),
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
    for (what, codes) in
        [("rejected", &findings.rejected_by_code), ("not carried", &findings.not_carried_by_code)]
    {
        for (code, of, count) in codes.by_type() {
            let of = of.map(|of| format!(" ({of})")).unwrap_or_default();
            writeln!(out, "  {:>9}  {what}: {code}{of}", grouped(count))?;
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

/// Advises on secrets that were refused for their encoding.
fn write_advice(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let is_of_encoding = |code| advice(Reason::parse(code).code()).action == Action::ProveEncoding;
    if findings.rejected_by_code.by_code().iter().any(|(code, _)| is_of_encoding(code)) {
        writeln!(
            out,
            "hint: the code that a user's app shows proves how secrets are written: \
             `mfaferry check INPUT --prove USER_ID`"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Fault, Rejection};

    /// Takes in refused rows; returns what people read of them, and what programs do.
    fn checked(refusals: &[(Refusal, Code, Option<FactorType>)]) -> (String, serde_json::Value) {
        let mut rows = Rows { text: true, ..Rows::default() };
        let mut note = rows.noter();
        let mut out = Vec::new();
        for ((refusal, code, factor_type), line) in refusals.iter().zip(1..) {
            let rejection = Rejection {
                line,
                index: None,
                at: Some("a[0]".into()),
                user: None,
                factor_type: *factor_type,
                refusal: *refusal,
                faults: vec![Fault::new("", *code, "is no factor")],
            };
            let planned = Planned::Rejected(Box::new(rejection));
            rows.take(&note(Plan { planned, warnings: Vec::new() }), &mut out).unwrap();
        }
        rows.sum_up(Ending::default()).unwrap();
        rows.write(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), serde_json::to_value(&rows.findings).unwrap())
    }

    #[test]
    fn what_is_not_carried_is_counted_by_code_and_type_and_is_no_error() {
        use FactorType::Totp;
        use Refusal::{NotCarried, Rejected};
        let row = (NotCarried, Code::HotpUnsupported, Some(Totp));
        let codes = (NotCarried, Code::RecoveryCodesNotImportable, None);
        let (text, json) = checked(&[row, codes, codes]);
        assert_eq!(
            text,
            "3 rows: 0 factors to import, 0 rejected, 3 not carried, 0 duplicates, 0 warnings\n"
                .to_owned()
                + "          2  not carried: recovery_codes_not_importable\n"
                + "          1  not carried: hotp_unsupported (totp)\n"
        );
        assert_eq!((&json["rejected"], &json["not_carried"]), (&0.into(), &3.into()));
        assert_eq!(
            json["not_carried_by_code"],
            serde_json::json!([
                {"code": "recovery_codes_not_importable", "type": null, "count": 2},
                {"code": "hotp_unsupported", "type": "totp", "count": 1},
            ])
        );
        let (text, json) = checked(&[row, (Rejected, Code::TooShort, Some(Totp))]);
        assert!(text.starts_with("rejected: line 2 (a[0]): is no factor [too_short]\n"), "{text}");
        assert!(text.contains("          1  rejected: too_short (totp)\n"), "{text}");
        assert_eq!(json["rejected_by_code"][0]["code"], "too_short");
    }
}
