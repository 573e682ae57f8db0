//! JSONL or a JSON document as a whole: checks how it begins.

use std::collections::VecDeque;

use serde::de::IgnoredAny;

use super::{
    Dialect, InputError, Part, Row, Shape, dialect::Names, foreign, frame::Frame,
    header::has_known_name, json,
};

/// Extent of what is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// One line.
    Line,
    /// One object of a document, on any number of lines.
    Object,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Object => "object",
        }
    }
}

/// Knows whether a value has been seen yet.
#[derive(Debug)]
pub(super) struct Rows {
    names: Names,
    /// True if the values are those of a document, and not one a line.
    is_document: bool,
    open: bool,
}

impl Rows {
    pub(super) fn new(shape: Shape, dialect: &Dialect, is_document: bool) -> Self {
        Self { names: Names::new(shape, dialect), is_document, open: false }
    }

    /// Returns true if the values are those of a document.
    pub(super) fn is_document(&self) -> bool {
        self.is_document
    }

    /// Returns whether there was a value.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Checks the first frame; every frame holds rows.
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Result<Part, InputError> {
        if !self.open {
            self.open = true;
            check_first(frame, &self.names, self.is_document)?;
        }
        Ok(Part::Rows)
    }

    pub(super) fn rows(&self, frame: &Frame<'_>, into: &mut VecDeque<Row>) {
        let unit = if self.is_document { Unit::Object } else { Unit::Line };
        json::rows(frame, &self.names, unit, into);
    }
}

fn check_first(frame: &Frame<'_>, names: &Names, is_document: bool) -> Result<(), InputError> {
    let line = frame.line;
    let text = frame.text.trim();
    foreign::check_object(line, text, names)?;
    if !text.starts_with(['{', '[', '"']) && has_known_name(text, b',', names) {
        Err(InputError::CsvAsJsonl { line })
    } else if is_document {
        Ok(())
    } else if text.starts_with('[') {
        Err(InputError::JsonArray { line })
    } else if is_object_and_comma(text) {
        Err(InputError::TrailingComma { line })
    } else if text.starts_with('{') && text.ends_with(['{', '[', ',']) {
        Err(InputError::PrettyJson { line })
    } else {
        Ok(())
    }
}

/// Returns whether a whole object is followed by a comma, as the entries of an array are.
fn is_object_and_comma(text: &str) -> bool {
    text.strip_suffix(',').is_some_and(|object| {
        object.starts_with('{') && serde_json::from_str::<IgnoredAny>(object).is_ok()
    })
}
