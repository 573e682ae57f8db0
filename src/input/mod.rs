//! Bytes to records: opens an input, checks its format, and yields its rows one by one.
//!
//! - Nothing is read whole: a frame (one JSONL line, one CSV record) is bounded, and so is all
//!   memory.
//! - A fault of one row is a [`Row::Rejected`]; a fault of the input as a whole is an
//!   [`InputError`].
//! - No message quotes the input, since after a shifted column a secret can be anywhere.
//! - Blocking code, for a thread of its own. Prints nothing.

mod body;
mod buffer;
mod cells;
mod code_note;
mod columns;
mod csv;
mod dialect;
mod digests;
mod document;
mod elements;
mod error;
mod files;
mod foreign;
mod frame;
mod header;
mod hint;
mod json;
mod jsonl;
mod object;
mod pairs;
mod quotes;
mod row;
mod selection;
mod several;
mod shape;
mod sniff;
mod table;
mod through;
mod unpack;
mod walk;
mod written;
mod yaml;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use body::{Body, Part, line_fault};
pub use code_note::{CODE_NAME, CodeColumn, add_code, add_key, compact};
pub use columns::{Columns, ColumnsRow};
pub use dialect::{Dialect, RenameFault};
pub use digests::Digests;
pub use elements::{Content, Element, Elements, Form};
pub use error::InputError;
pub use files::Files;
use files::{open, open_noted};
use frame::Framer;
pub use header::may_delimit;
pub use row::{Ending, Remark, Row, RowReader};
pub use selection::SelectionCodes;
use several::NextFile;
pub use several::scan_all;
pub use shape::Shape;
pub use table::{Table, TableRow};
pub use through::Through;
use unpack::Unpack;
pub use walk::Places;
pub use written::{PieceKind, Written};

use crate::model::Lines;

/// The longest cell, in bytes: far above any key or address, and rows of such cells stay small.
pub(crate) const MAX_CELL: usize = 16 * 1024;

/// The rule that a longer one breaks.
const TOO_LONG: &str = "must not be longer than 16384 bytes";

/// Format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header, then one factor a row.
    Csv,
    /// One factor, or one user with all their factors, per line.
    Jsonl,
    /// An array of such objects, or one after another, on any number of lines.
    Json,
}

impl Format {
    /// Returns the format that the extension of `path` stands for; one of a compressed file is the
    /// extension before it.
    pub fn of(path: &Path) -> Result<Self, InputError> {
        let extension = |path: &Path| {
            path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase()
        };
        let stem = match extension(path).as_str() {
            "gz" | "zst" | "zstd" => path.file_stem().map(Path::new),
            _ => None,
        };
        let extension = extension(stem.unwrap_or(path));
        match extension.as_str() {
            "csv" | "tsv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "json" => Ok(Self::Json),
            _ => Err(InputError::UnknownFormat),
        }
    }
}

/// An input that is being read.
pub struct Source {
    framer: Framer<Unpack<Box<dyn Read + Send>>>,
    bytes_read: Arc<AtomicU64>,
    body: Body,
    /// Rows of a line that held several.
    pending: VecDeque<Row>,
    written: Option<Written>,
    /// Number of repeated headers.
    n_repeated: u64,
    len: Option<u64>,
    /// Set at the end and after an error.
    finished: bool,
    open_line: Option<u64>,
    /// Lines left open by the files before this one.
    open_lines: Vec<u64>,
    /// Number of their lines.
    before: u64,
    lines: Lines,
    /// The following files.
    rest: VecDeque<NextFile>,
}

impl Source {
    /// Opens `path`, or standard input for `-`.
    pub fn open(path: &Path, dialect: &Dialect, shape: Shape) -> Result<Self, InputError> {
        if path.as_os_str() == "-" {
            let format = dialect.format.ok_or(InputError::UnknownFormat)?;
            return Ok(Self::of(Box::new(io::stdin()), format, dialect, shape));
        }
        let (file, len) = open_noted(path, dialect.digests.as_ref())?;
        let format = dialect.format.map_or_else(|| Format::of(path), Ok)?;
        Ok(Self { len, ..Self::of(file, format, dialect, shape) })
    }

    /// Reads from any reader; nothing is read before the first [`Source::next_row`].
    pub fn from_reader(reader: Box<dyn Read + Send>, format: Format, shape: Shape) -> Self {
        Self::of(reader, format, &Dialect::default(), shape)
    }

    fn of(reader: Box<dyn Read + Send>, format: Format, dialect: &Dialect, shape: Shape) -> Self {
        let reader = Unpack::new(reader);
        Self {
            bytes_read: reader.bytes_read(),
            framer: Framer::new(reader, format),
            body: Body::new(format, dialect, shape),
            pending: VecDeque::new(),
            written: None,
            n_repeated: 0,
            len: None,
            finished: false,
            open_line: None,
            open_lines: Vec::new(),
            before: 0,
            lines: Lines::default(),
            rest: VecDeque::new(),
        }
    }
}

impl RowReader for Source {
    fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        while !self.finished {
            if let Some(row) = self.pending.pop_front() {
                return Ok(Some(row));
            }
            match self.read_frame() {
                Ok(true) => {}
                Ok(false) => self.finished = !self.begin_next(),
                Err(error) => {
                    self.finished = true;
                    return Err(self.located(error));
                }
            }
        }
        Ok(None)
    }

    fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    fn len(&self) -> Option<u64> {
        self.len
    }

    fn ending(&self) -> Ending {
        let open_lines = self.open_lines.iter().copied().chain(self.open_line).collect();
        Ending { open_lines, remarks: Vec::new() }
    }

    fn lines(&self) -> Lines {
        self.lines.clone()
    }

    fn keep_written(&mut self) {
        self.written = Some(Written::default());
    }

    fn written(&mut self) -> Option<&mut Written> {
        self.written.as_mut()
    }
}

impl Source {
    /// Turns one frame into rows; returns false at the end.
    fn read_frame(&mut self) -> Result<bool, InputError> {
        let Some(frame) = self.framer.next_frame()? else {
            return self.body.finish().map(|()| false);
        };
        let part = self.body.part(&frame)?;
        if let Some(written) = &mut self.written {
            self.body.keep_head(part, &frame, written);
        }
        match part {
            Part::Rows => {
                self.body.rows(&frame, &mut self.pending);
                if let Some(written) = &mut self.written {
                    written.push(self.body.row_kind(), frame.raw, self.pending.len());
                }
                // JSON that can be read is complete.
                let is_whole = !matches!(self.body, Body::Csv(_))
                    && matches!(self.pending.back(), Some(Row::Record(_)));
                self.open_line = (!frame.ended && !is_whole).then_some(self.before + frame.line);
                if self.before > 0 {
                    self.pending.iter_mut().for_each(|row| row.shift(self.before));
                }
            }
            Part::Header => self.framer.set_delimiter(self.body.delimiter()),
            Part::Repeated => {
                self.n_repeated += 1;
                if self.n_repeated == 1 {
                    let place = self.lines.place(self.before + frame.line);
                    tracing::info!(
                        "{place} repeats the header and was skipped (were files joined?)"
                    );
                }
            }
            Part::Blank => {}
        }
        Ok(true)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Reads a regular file once to its end, so that an unreadable one is known before anything is
/// sent. Returns the number of rows (JSONL: lines); `None` for an input that can be read only once.
pub fn scan(path: &Path, dialect: &Dialect, shape: Shape) -> Result<Option<u64>, InputError> {
    if path.as_os_str() == "-" {
        return dialect.format.map(|_| None).ok_or(InputError::UnknownFormat);
    }
    let (file, len) = open(path)?;
    let format = dialect.format.map_or_else(|| Format::of(path), Ok)?;
    len.map(|_| count(file, format, dialect, shape)).transpose()
}

/// Counts rows as [`scan`] does, in an input without declarations.
pub(crate) fn count_rows(
    reader: impl Read,
    format: Format,
    shape: Shape,
) -> Result<u64, InputError> {
    count(reader, format, &Dialect::default(), shape)
}

/// Counts rows; frames and header are checked as in a real reading.
fn count(
    reader: impl Read,
    format: Format,
    dialect: &Dialect,
    shape: Shape,
) -> Result<u64, InputError> {
    let mut framer = Framer::new(Unpack::new(reader), format);
    let mut body = Body::new(format, dialect, shape);
    let mut n_rows = 0;
    while let Some(frame) = framer.next_frame()? {
        match body.part(&frame)? {
            Part::Rows => n_rows += 1,
            Part::Header => framer.set_delimiter(body.delimiter()),
            Part::Repeated | Part::Blank => {}
        }
    }
    body.finish().map(|()| n_rows)
}

#[cfg(test)]
mod tests;
