//! JSONL as a whole: is the first line what a JSONL begins with?

use serde::de::IgnoredAny;

use super::{
    Dialect, InputError, Part, Shape, dialect::Names, frame::Frame, header::has_known_name,
};

/// Knows whether a line has been seen yet.
#[derive(Debug)]
pub(super) struct Rows {
    names: Names,
    open: bool,
}

impl Rows {
    pub(super) fn new(shape: Shape, dialect: &Dialect) -> Self {
        Self { names: Names::new(shape, dialect), open: false }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns whether there was a line.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Checks the first frame; every frame is one of rows.
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Result<Part, InputError> {
        if !self.open {
            self.open = true;
            check_first(frame, &self.names)?;
        }
        Ok(Part::Rows)
    }
}

fn check_first(frame: &Frame<'_>, names: &Names) -> Result<(), InputError> {
    let line = frame.line;
    let text = frame.text.trim();
    if text.starts_with('[') {
        Err(InputError::JsonArray { line })
    } else if is_object_and_comma(text) {
        Err(InputError::TrailingComma { line })
    } else if text.starts_with('{') && text.ends_with(['{', '[', ',']) {
        Err(InputError::PrettyJson { line })
    } else if !text.starts_with('{') && has_known_name(text, b',', names) {
        Err(InputError::CsvAsJsonl { line })
    } else {
        Ok(())
    }
}

/// Whether a whole object is followed by a comma, as the entries of an array are.
fn is_object_and_comma(text: &str) -> bool {
    text.strip_suffix(',').is_some_and(|object| {
        object.starts_with('{') && serde_json::from_str::<IgnoredAny>(object).is_ok()
    })
}
