//! Parts of reading that differ between the formats: the meaning of a frame, and its rows.

use std::collections::VecDeque;

use super::{Dialect, Format, InputError, Row, Shape, csv, frame::Frame, jsonl};

/// Meaning of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It holds rows, good or bad.
    Rows,
    /// It declares how the rows are written.
    Header,
    /// It repeats that declaration.
    Repeated,
    /// It holds nothing.
    Blank,
}

/// The reader of frames of one format.
#[derive(Debug)]
pub(super) enum Body {
    Csv(Box<csv::Rows>),
    Jsonl(jsonl::Rows),
}

impl Body {
    pub(super) fn new(format: Format, dialect: &Dialect, shape: Shape) -> Self {
        match format {
            Format::Csv => Self::Csv(Box::new(csv::Rows::new(shape, dialect))),
            Format::Jsonl => Self::Jsonl(jsonl::Rows::new(shape, dialect, false)),
            Format::Json => Self::Jsonl(jsonl::Rows::new(shape, dialect, true)),
        }
    }

    /// Checks the first frame, and returns the meaning of `frame`.
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Result<Part, InputError> {
        match self {
            Self::Csv(rows) => rows.part(frame),
            Self::Jsonl(rows) => rows.part(frame),
        }
    }

    /// Returns the character between the cells of the following frames.
    pub(super) fn delimiter(&self) -> u8 {
        match self {
            Self::Csv(rows) => rows.delimiter(),
            Self::Jsonl(_) => b',',
        }
    }

    pub(super) fn rows(&mut self, frame: &Frame<'_>, into: &mut VecDeque<Row>) {
        match self {
            Self::Csv(rows) => into.push_back(rows.row(frame)),
            Self::Jsonl(rows) => rows.rows(frame, into),
        }
    }

    /// Checks that the input held anything at all.
    pub(super) fn finish(&self) -> Result<(), InputError> {
        let any = match self {
            Self::Csv(rows) => rows.is_open(),
            Self::Jsonl(rows) => rows.is_open(),
        };
        any.then_some(()).ok_or(InputError::Empty)
    }
}

/// Finds what is wrong with a line of either format before it is parsed.
pub(super) fn line_fault(text: &str, has_bare_cr: impl Fn(&[u8]) -> bool) -> Option<&'static str> {
    has_bare_cr(text.as_bytes())
        .then_some("the line contains a bare carriage return: end lines with LF or CRLF")
}
