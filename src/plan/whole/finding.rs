//! A finding about an input as a whole, and the rows that it is about.

use std::fmt;

use serde::Serialize;

use crate::model::Lines;

/// First lines that a finding names.
const LINES: usize = 5;

/// An oddity of an input as a whole. Quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable name.
    pub code: &'static str,
    /// True if many sound inputs have it.
    pub is_note: bool,
    /// Number of rows concerned.
    pub rows: u64,
    /// The first lines of those.
    pub lines: Vec<u64>,
    /// The file of each of those lines, if there are several; the lines are then numbered within
    /// their files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The finding in a sentence.
    pub message: String,
}

impl Finding {
    /// Converts line numbers to those of each file.
    pub(super) fn locate(&mut self, lines: &Lines) {
        for line in &mut self.lines {
            let place = lines.place(*line);
            *line = place.line;
            self.files.extend(place.file.map(|file| file.to_string()));
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// Rows that have something in common.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) count: u64,
    pub(super) lines: Vec<u64>,
}

impl Rows {
    /// Adds one.
    pub(super) fn add(&mut self, line: u64) {
        self.count += 1;
        if self.lines.len() < LINES && self.lines.last() != Some(&line) {
            self.lines.push(line);
        }
    }

    /// Lists the first lines, in words.
    pub(super) fn words(&self, places: &Lines) -> String {
        let more = if self.count > self.lines.len() as u64 { ", …" } else { "" };
        let found: Vec<_> = self.lines.iter().map(|line| places.place(*line)).collect();
        if found.iter().any(|place| place.file.is_some()) {
            let words: Vec<_> = found.iter().map(ToString::to_string).collect();
            return format!("{}{more}", words.join(", "));
        }
        let lines: Vec<_> = self.lines.iter().map(u64::to_string).collect();
        format!("line{} {}{more}", if lines.len() == 1 { "" } else { "s" }, lines.join(", "))
    }

    /// Makes a warning about these rows.
    pub(super) fn warning(self, code: &'static str, message: String) -> Finding {
        let (rows, lines) = (self.count, self.lines);
        Finding { code, is_note: false, rows, lines, files: Vec::new(), message }
    }

    /// Makes a note about these rows.
    pub(super) fn note(self, code: &'static str, message: String) -> Finding {
        Finding { is_note: true, ..self.warning(code, message) }
    }
}
