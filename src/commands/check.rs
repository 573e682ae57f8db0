//! `check`: what an import would send and refuse, without sending anything.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;

use super::{
    advice::next,
    print,
    prove::{ProofDisplay, Proving, ShownProof},
    reading::{
        Opener, UserIdMapping,
        repeats::{Met, Repeats},
        try_open_factors,
    },
};
use crate::{
    cli::{Check, CommandLine, Output},
    engine::scan::scan,
    error::{Error, Exit},
    input::Ending,
    model::{Factor, FactorType, Lines, Planned, Refusal},
    plan::{Plan, Sight, Warning, Whole},
    report::{self, CheckSummary, Warned, write_factor},
};

/// Runs the command.
pub(super) fn run(check: &Check, typed: &CommandLine, is_quiet: bool) -> Result<Exit, Error> {
    try_open_factors(&check.reading, &check.system)?;
    let input =
        Opener::of(&check.reading, &check.system, check.secret_encoding, UserIdMapping::Optional)?;
    let is_json = check.output == Output::Json;
    if is_json && typed.has("show") {
        return Err(Error::usage(
            "--show and --output json cannot be used together: that prints one object, without rows",
            "remove one of them",
        ));
    }
    let proving = Proving::of(check, ProofDisplay::of(is_json, is_quiet))?;
    let mut source = input.open()?;
    if let Some(proving) = &proving {
        source = proving.keeping(source);
    }
    let secrets = check.secret_encoding;
    // With -q, only a proof may be shown.
    let text = !(is_json || is_quiet && proving.is_some());
    let to_show = if text && !is_quiet { check.show } else { 0 };
    let lines = source.lines();
    let mut rows = CheckedRows {
        to_show: Arc::new(to_show.into()),
        text,
        is_quiet,
        lines: lines.clone(),
        ..CheckedRows::default()
    };
    print(|out| {
        let scanned = scan(source, secrets, rows.noter(), |noted| rows.take(&noted, out))?;
        // If an input breaks off, people see how far it was good; programs see the error and
        // nothing else.
        let is_whole = scanned.unreadable.is_none();
        if is_whole || text && rows.findings.rows > 0 {
            rows.sum_up(scanned.ending)?;
            if is_whole && proving.is_none() {
                rows.findings.next = next::after_check(typed, &rows.findings);
            }
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
            rows.proofs = Some(proofs);
            print(|out| rows.write(out))?;
        }
        return Ok(exit);
    }
    Ok(if rows.findings.rejected > 0 { Exit::NeedsAttention } else { Exit::Good })
}

/// Result of a check as one object.
#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    findings: &'a CheckSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<&'a [ShownProof]>,
}

/// Counts a factor, once it is known whether it is a duplicate.
fn count(findings: &mut CheckSummary, factor_type: FactorType, met: Met) {
    match met {
        Met::New => findings.count(factor_type),
        Met::Before => findings.count_duplicate(),
        Met::Later => {}
    }
}

/// The rows of an input, one after the other.
#[derive(Debug, Default)]
struct CheckedRows {
    findings: CheckSummary,
    repeats: Repeats,
    whole: Whole,
    warned: Warned,
    /// Names of the input files, by line.
    lines: Lines,
    /// True if findings are written as text for people.
    text: bool,
    /// `-q`: people see only what has an exit code of its own.
    is_quiet: bool,
    /// Proofs; only with `--prove`.
    proofs: Option<Vec<ShownProof>>,
    /// Factors that are still to be shown.
    to_show: Arc<AtomicU64>,
}

/// Notes on a row, taken where it is planned.
#[derive(Debug)]
struct Noted {
    line: u64,
    /// Path inside a document, where it is to be shown.
    at: Option<Box<str>>,
    warnings: Vec<Warning>,
    /// Hash of a factor, for [`Repeats`].
    hash: u64,
    sight: Sight,
    /// The factor, if it may have to be shown.
    factor: Option<Box<Factor>>,
}

impl CheckedRows {
    /// Returns the function that notes what is needed of each plan. It includes the factors as long
    /// as some are still to be shown.
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
        findings.warn(noted.warnings.len());
        match &noted.sight {
            Sight::Rejected(rejection) => {
                findings.refuse(rejection);
                if self.text && rejection.refusal == Refusal::Rejected {
                    report::write_rejection(rejection, &self.lines, out)?;
                }
            }
            Sight::Factor { factor_type, .. } => {
                let left = self.to_show.load(Ordering::Relaxed);
                let met = self.repeats.add(noted.hash, *factor_type, left > 0)?;
                count(findings, *factor_type, met);
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
            let place = || self.lines.describe(noted.line, noted.at.as_deref());
            self.warned.write(&noted.warnings, place, out)?;
        }
        Ok(())
    }

    /// Collects, at the end, the findings about the input as a whole.
    fn sum_up(&mut self, ending: Ending) -> io::Result<()> {
        let findings = &mut self.findings;
        std::mem::take(&mut self.repeats).finish(|of, met| count(findings, of, met))?;
        let whole = std::mem::take(&mut self.whole);
        self.findings.finish(whole.findings(ending, &self.lines), &self.lines);
        Ok(())
    }

    /// Writes the result.
    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.text {
            let (findings, proofs) = (&self.findings, self.proofs.as_deref());
            return report::write_json(&Checked { findings, proofs }, out);
        }
        if self.is_quiet && self.findings.rejected == 0 {
            return Ok(());
        }
        self.warned.write_rest(out)?;
        self.findings.write_text(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Fault, Rejection};

    /// Takes in refused rows; returns what people read of them, and what programs do.
    fn checked(refusals: &[(Refusal, Code, Option<FactorType>)]) -> (String, serde_json::Value) {
        let mut rows = CheckedRows { text: true, ..CheckedRows::default() };
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
        let sums =
            "3 rows: 0 factors to import, 0 rejected, 3 not carried, 0 duplicates, 0 warnings\n";
        let (told, groups) = text.split_once("\n\n").unwrap();
        assert_eq!(format!("{told}\n"), sums);
        let groups: Vec<_> = groups.lines().map(str::trim).collect();
        assert_eq!(groups[0], "3 not carried");
        assert!(groups[1].starts_with("2  recovery_codes_not_importable"), "{groups:?}");
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
        assert!(text.contains("\n1 rejected\n  1  too_short  "), "{text}");
        assert_eq!(json["reasons"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["rejected_by_code"][0]["code"], "too_short");
    }
}
