//! The result of `probe`: a table for people, and facts for programs.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{Cause, NextStep, Status, steps::runnable, summary::seconds, unless_none};
use crate::{
    model::{LocalTime, PROBE_SCHEMA, TenantFacts},
    probe::{Answered, Cleaned, Evidence, LeftBehind, Probed, Question, QuestionOutcome},
    text::{counted, escape, human, shell_line},
};

/// Result of a probe. It holds neither the user nor any value, except in the commands of `next`.
#[derive(Debug, Clone, Serialize)]
pub struct ProbeReport {
    schema: &'static str,
    status: Status,
    #[serde(flatten)]
    cause: Option<Cause>,
    tenant: String,
    probed_at: String,
    version: &'static str,
    facts: TenantFacts,
    questions: Vec<QuestionReport>,
    left_behind: Vec<LeftReport>,
    /// Commands that make sense now.
    #[serde(serialize_with = "steps", skip_serializing_if = "Vec::is_empty")]
    next: Vec<NextStep>,
    requests: u64,
    #[serde(serialize_with = "seconds")]
    elapsed_seconds: Duration,
}

fn steps<S: serde::Serializer>(steps: &[NextStep], serializer: S) -> Result<S::Ok, S::Error> {
    runnable(steps, serializer)
}

#[derive(Debug, Clone, Serialize)]
struct QuestionReport {
    name: &'static str,
    question: &'static str,
    outcome: &'static str,
    answer: String,
    evidence: Vec<EvidenceReport>,
}

#[derive(Debug, Clone, Serialize)]
struct EvidenceReport {
    request: String,
    status: Option<u16>,
    code: Option<String>,
}

/// A method that was left behind.
#[derive(Debug, Clone, Serialize)]
struct LeftReport {
    id: Option<String>,
    r#type: String,
    /// Reason why it is listed, unless it simply could not be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Note about a method that cannot be recognised as the probe's.
const STRANGE: &str =
    "new since the probe began, with no id or name that tells whose it is: not deleted";

impl From<&LeftBehind> for LeftReport {
    fn from(left: &LeftBehind) -> Self {
        let note = (!left.is_own).then_some(STRANGE);
        Self { id: left.id.clone(), r#type: left.type_name.clone(), note }
    }
}

impl From<&Answered> for QuestionReport {
    fn from(answered: &Answered) -> Self {
        let Answered { question, outcome, answer, evidence } = answered;
        let outcome = match outcome {
            QuestionOutcome::Answered => "answered",
            QuestionOutcome::NotAsked => "not_asked",
            QuestionOutcome::Failed => "failed",
        };
        let evidence = evidence.iter().map(|Evidence { request, status, code }| EvidenceReport {
            request: request.clone(),
            status: *status,
            code: code.clone(),
        });
        Self {
            name: question.name(),
            question: question.text(),
            outcome,
            answer: answer.clone(),
            evidence: evidence.collect(),
        }
    }
}

/// Circumstances of a probe.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Tenant.
    pub tenant: String,
    /// Time of its end.
    pub now: LocalTime,
    /// Requests sent.
    pub requests: u64,
    /// Time that it took.
    pub elapsed: Duration,
    /// Command that deletes the methods left behind.
    pub clean: Option<NextStep>,
}

impl ProbeReport {
    /// Builds the result.
    pub fn new(probed: &Probed, circumstances: Circumstances) -> Self {
        let Circumstances { tenant, now, requests, elapsed, clean } = circumstances;
        let (status, cause) = Status::of(&probed.end);
        let left_behind: Vec<_> = probed.left_behind.iter().map(LeftReport::from).collect();
        Self {
            schema: PROBE_SCHEMA,
            status,
            cause,
            tenant,
            probed_at: super::rfc3339(now),
            version: env!("CARGO_PKG_VERSION"),
            facts: probed.facts.clone(),
            questions: probed.questions.iter().map(QuestionReport::from).collect(),
            next: clean
                .into_iter()
                .filter(|_| left_behind.iter().any(|left| left.note.is_none()))
                .collect(),
            left_behind,
            requests,
            elapsed_seconds: elapsed,
        }
    }

    /// Returns the result without the user, for a file.
    #[must_use]
    pub fn for_file(&self) -> Self {
        Self { next: Vec::new(), ..self.clone() }
    }

    /// Returns true if every question was asked.
    pub fn is_complete(&self) -> bool {
        self.status == Status::Complete
    }

    /// Returns true if a question has no answer, or a method was left behind.
    pub fn is_bad(&self) -> bool {
        self.count("failed") > 0 || !self.left_behind.is_empty()
    }

    /// Writes it for people, in lines of `width` characters at most.
    pub fn write_text(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        let widths = widths(width);
        if !self.questions.is_empty() {
            row(["Question", "Answer", "Evidence"], widths, out)?;
            writeln!(out, "{}", widths.map(|width| "─".repeat(width)).join(COLUMN_GAP))?;
        }
        for question in &self.questions {
            let evidence = in_short(&question.evidence);
            row([question.question, &question.answer, &evidence], widths, out)?;
            writeln!(out)?;
        }
        if self.questions.len() != Question::ALL.len() {
            write!(out, "Stopped before the end. ")?;
        }
        // A probe that was ended at once has no answers to show.
        if !self.questions.is_empty() {
            write!(
                out,
                "{}: {} answered{}{}; ",
                counted(self.questions.len() as u64, "question"),
                self.count("answered"),
                unless_none(self.count("not_asked"), "not asked"),
                unless_none(self.count("failed"), "without an answer"),
            )?;
        }
        let requests = counted(self.requests, "request");
        writeln!(out, "{requests} in {}", human(self.elapsed_seconds))?;
        write_left(&self.left_behind, out)?;
        write_next(&self.next, out)
    }

    fn count(&self, outcome: &str) -> u64 {
        self.questions.iter().filter(|question| question.outcome == outcome).count() as u64
    }
}

/// Result of cleaning up after an earlier probe.
#[derive(Debug, Serialize)]
pub struct ProbeCleaned {
    schema: &'static str,
    status: Status,
    #[serde(flatten)]
    cause: Option<Cause>,
    tenant: String,
    removed: u64,
    removed_ids: Vec<String>,
    left_behind: Vec<LeftReport>,
    #[serde(serialize_with = "steps", skip_serializing_if = "Vec::is_empty")]
    next: Vec<NextStep>,
}

impl ProbeCleaned {
    /// Builds the result.
    pub fn new(tenant: String, cleaned: &Cleaned, clean: Option<NextStep>) -> Self {
        let (status, cause) = Status::of(&cleaned.end);
        let is_over = status == Status::Complete && cleaned.left.is_empty();
        Self {
            schema: "mfaferry/probe-clean/1",
            status,
            cause,
            tenant,
            removed: cleaned.removed.len() as u64,
            removed_ids: cleaned.removed.clone(),
            left_behind: cleaned.left.iter().map(LeftReport::from).collect(),
            next: clean.into_iter().filter(|_| !is_over).collect(),
        }
    }

    /// Returns true if something could not be deleted.
    pub fn is_bad(&self) -> bool {
        !self.left_behind.is_empty()
    }

    /// Returns true if the clean-up waited for late methods.
    pub fn is_complete(&self) -> bool {
        self.status == Status::Complete
    }

    /// Writes it for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} of an earlier probe deleted", counted(self.removed, "method"))?;
        for id in &self.removed_ids {
            writeln!(out, "  {}", escape(id))?;
        }
        if self.is_complete() || self.is_bad() {
            write_left(&self.left_behind, out)?;
        }
        if !self.is_complete() {
            writeln!(out, "Stopped before the end: what is left, or comes late, is not known")?;
        }
        write_next(&self.next, out)
    }
}

fn write_left(left: &[LeftReport], out: &mut dyn Write) -> io::Result<()> {
    if left.is_empty() {
        return writeln!(out, "Nothing is left behind");
    }
    writeln!(out, "\nLeft behind: {}", counted(left.len() as u64, "method"))?;
    for one in left {
        match (&one.id, one.note) {
            (Some(id), None) => writeln!(out, "  {}", escape(id))?,
            (Some(id), Some(note)) => {
                writeln!(out, "  {}, a {}\n    {note}", escape(id), escape(&one.r#type))?;
            }
            (None, _) => {
                writeln!(out, "  a {}, maybe: its POST got no answer", escape(&one.r#type))?;
            }
        }
    }
    Ok(())
}

fn write_next(next: &[NextStep], out: &mut dyn Write) -> io::Result<()> {
    next.iter().try_for_each(|step| {
        writeln!(out, "To delete what is there:\n  {}", escape(&shell_line(&step.words)))
    })
}

/// Space between two columns.
const COLUMN_GAP: &str = "  ";
/// Bounds of the table's width: narrower, words are cut; wider, lines are hard to follow.
const NARROWEST: usize = 50;
const WIDEST: usize = 160;

/// Returns the widths of the columns in lines of `width` characters. A terminal that wraps at its
/// last column keeps that one free.
fn widths(width: usize) -> [usize; 3] {
    let cells = width.clamp(NARROWEST, WIDEST) - 1 - 2 * COLUMN_GAP.len();
    // Of 80, 24: the longest code of the API, `invalid_query_string`, stands in one line.
    let evidence = (cells * 24 / 75).min(40);
    let question = (cells * 20 / 75).min(52);
    [question, cells - question - evidence, evidence]
}

/// Writes a row of the table; each cell takes as many lines as it needs.
fn row(cells: [&str; 3], widths: [usize; 3], out: &mut dyn Write) -> io::Result<()> {
    let mut columns = Vec::new();
    for (cell, width) in cells.into_iter().zip(widths) {
        columns.push((wrap(&escape(cell), width), width));
    }
    let height = columns.iter().map(|(lines, _)| lines.len()).max().unwrap_or_default();
    for line in 0..height {
        let cells = columns.iter().map(|(lines, width)| {
            let text = lines.get(line).map_or("", String::as_str);
            format!("{text:width$}")
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join(COLUMN_GAP).trim_end())?;
    }
    Ok(())
}

/// Breaks a text into lines of at most `width` characters, between words where possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + word.len() > width {
            lines.push(String::new());
            length = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
            length = 0;
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            length += word.len();
            line.extend(word);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Lists the answers with the number of each: `201 ×4, 400 invalid_body`.
fn in_short(evidence: &[EvidenceReport]) -> String {
    let mut kinds: Vec<(String, u64)> = Vec::new();
    for EvidenceReport { status, code, .. } in evidence {
        let status = status.map_or("no answer".to_owned(), |status| status.to_string());
        let kind = code.as_ref().map_or(status.clone(), |code| format!("{status} {code}"));
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let shown = kinds.into_iter().map(|(kind, count)| match count {
        1 => kind,
        _ => format!("{kind} ×{count}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_broken_between_words_and_only_long_words_within() {
        assert_eq!(wrap("a b c", 3), ["a b", "c"]);
        assert_eq!(wrap("abcdef gh", 4), ["abcd", "ef", "gh"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
        assert_eq!(wrap("äöü äöü", 3), ["äöü", "äöü"]);
        for width in 1..12 {
            let text = "the quick brown fox jumps over thelazydogthatsleeps";
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?}");
            let joined: String = lines.concat().split(' ').collect();
            assert_eq!(joined, text.replace(' ', ""), "{width}");
        }
    }

    #[test]
    fn the_table_is_as_wide_as_there_is_room() {
        for (width, least) in [(0, 10), (60, 10), (80, 20), (120, 20), (1_000, 20)] {
            let widths = widths(width);
            let lines = widths.iter().sum::<usize>() + 2 * COLUMN_GAP.len();
            assert!(lines < width.max(NARROWEST) && lines < WIDEST, "{width}: {widths:?}");
            assert!(widths.iter().all(|width| *width >= least), "{width}: {widths:?}");
        }
        let code = "400 invalid_query_string".len();
        assert!(widths(80)[2] >= code && widths(1_000)[0] >= 30);
    }

    #[test]
    fn evidence_is_counted_by_status_and_code() {
        let one = |status, code: Option<&str>| EvidenceReport {
            request: "POST".into(),
            status,
            code: code.map(str::to_owned),
        };
        let evidence = [
            one(Some(201), None),
            one(Some(400), Some("invalid_body")),
            one(Some(201), None),
            one(None, Some("timeout")),
        ];
        assert_eq!(in_short(&evidence), "201 ×2, 400 invalid_body, no answer timeout");
    }
}
