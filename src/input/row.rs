//! One row of an input, and the interface of whatever reads rows.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use super::{InputError, Written};
use crate::model::{Code, Fault, Lines, Record, Rejection};

/// One row of an input.
#[derive(Debug)]
pub enum Row {
    /// Cells, neither checked nor normalised.
    Record(Box<Record>),
    /// A line that could not be split into cells.
    Rejected(Rejection),
}

impl Row {
    /// The physical line where it begins.
    pub fn line(&self) -> u64 {
        match self {
            Self::Record(record) => record.line,
            Self::Rejected(rejection) => rejection.line,
        }
    }

    /// Returns the line where it begins, and its path inside of a document.
    pub fn place(&self) -> (u64, Option<Box<str>>) {
        match self {
            Self::Record(record) => (record.line, record.at.clone()),
            Self::Rejected(rejection) => (rejection.line, rejection.at.clone()),
        }
    }

    /// Counts the lines of files before this one.
    pub(super) fn shift(&mut self, before: u64) {
        match self {
            Self::Record(record) => record.line += before,
            Self::Rejected(rejection) => rejection.line += before,
        }
    }

    /// Makes a row whose fault is the whole line's (`field` empty) or that of one field.
    pub(super) fn rejected(line: u64, field: &str, rule: impl Into<String>) -> Self {
        let fault = Fault::new(field, Code::InvalidRow, rule);
        Self::Rejected(Rejection::of_line(line, vec![fault]))
    }
}

/// Rows one by one, from any kind of input.
#[expect(clippy::len_without_is_empty, reason = "a size to measure progress by, not a container")]
pub trait RowReader: fmt::Debug + Send {
    /// Returns the next row, in the order of the input; `None` at its end and after an error.
    fn next_row(&mut self) -> Result<Option<Row>, InputError>;

    /// Returns the counter of the bytes read so far, before decompression; may be watched from
    /// another thread.
    fn bytes_read(&self) -> Arc<AtomicU64>;

    /// Returns the length in bytes, where it is known (regular files).
    fn len(&self) -> Option<u64>;

    /// Returns facts about the files read so far as a whole.
    fn ending(&self) -> Ending;

    /// Returns the object that knows which file a line is in.
    fn lines(&self) -> Lines;

    /// Takes the record of the last row, if that is a TOTP that the reader itself refused.
    fn take_refused(&mut self) -> Option<Box<Record>> {
        None
    }

    /// Starts to keep the text that rows are written as, before the first is read; without it
    /// nothing is kept.
    fn keep_written(&mut self) {}

    /// Returns the pieces that were kept and not taken: of the rows read so far, and of rows of the
    /// last piece still to come. `None` where nothing is kept.
    fn written(&mut self) -> Option<&mut Written> {
        None
    }
}

/// Facts about an input as a whole, known at its end.
#[derive(Debug, Default)]
pub struct Ending {
    /// The last line of each file, if it has no line ending and may be incomplete.
    pub open_lines: Vec<u64>,
    /// Remarks of its reader.
    pub remarks: Vec<Remark>,
}

/// Something that a reader has noticed and that is not about one row.
#[derive(Debug, Clone)]
pub struct Remark {
    /// The stable name.
    pub code: &'static str,
    /// True if many sound inputs have it.
    pub is_note: bool,
    /// Number of people or rows concerned; 0 where a number is meaningless.
    pub count: u64,
    /// The remark in a sentence, without a value.
    pub message: String,
}
