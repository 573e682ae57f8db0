//! JSONL as a whole: is the first line what a JSONL begins with?

use serde::de::IgnoredAny;

use super::{InputError, Shape, frame::Frame, header::has_known_name};

/// Knows whether a line has been seen yet.
#[derive(Debug)]
pub(super) struct Rows {
    shape: Shape,
    open: bool,
}

impl Rows {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, open: false }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns whether there was a line.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Checks the first frame; every frame is one of rows.
    pub(super) fn opens_with(&mut self, frame: &Frame<'_>) -> Result<bool, InputError> {
        if !self.open {
            self.open = true;
            check_first(frame)?;
        }
        Ok(true)
    }
}

fn check_first(frame: &Frame<'_>) -> Result<(), InputError> {
    let line = frame.line;
    let text = frame.text.trim();
    if text.starts_with('[') {
        Err(InputError::JsonArray { line })
    } else if is_object_and_comma(text) {
        Err(InputError::TrailingComma { line })
    } else if text.starts_with('{') && text.ends_with(['{', '[', ',']) {
        Err(InputError::PrettyJson { line })
    } else if !text.starts_with('{') && has_known_name(text, ',') {
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
