//! Splits a frame of CSV into its cells. The csv crate does the splitting; faults that it would
//! silently forgive are refused first.

use std::io::{self, Read};

use ::csv::{Reader, ReaderBuilder, StringRecord};

use super::{frame::Frame, line_fault, quotes::has_bare_cr};

/// Splits frames into cells.
#[derive(Debug)]
pub(super) struct Splitter {
    /// One reader for the whole input: it receives frame after frame, and never sees an end.
    reader: Reader<Feed>,
    cells: StringRecord,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        // The reader zeroes its whole buffer for each frame, and most frames are short.
        builder.has_headers(false).flexible(true).buffer_capacity(512).delimiter(delimiter);
        Self { reader: builder.from_reader(Feed::default()), cells: StringRecord::new() }
    }

    /// Returns the cells of a well quoted frame.
    pub(super) fn split(&mut self, text: &str) -> &StringRecord {
        self.reader.get_mut().load(text);
        // Neither failure can occur: the feed does not fail, and the frame is UTF-8. Cleared cells
        // would be reported as a row that is too short.
        if !matches!(self.reader.read_record(&mut self.cells), Ok(true)) {
            self.cells.clear();
        }
        &self.cells
    }

    /// Returns the cells of the last frame.
    pub(super) fn cells(&self) -> &StringRecord {
        &self.cells
    }
}

/// Returns whether a line has delimiters but no cells, as spreadsheets write below their last row.
pub(super) fn is_empty(line: &str, delimiter: u8) -> bool {
    let is_nothing = |byte: u8| byte == delimiter || byte.is_ascii_whitespace();
    line.bytes().all(is_nothing)
}

/// Finds a reason not to split a frame at all.
pub(super) fn row_fault(frame: &Frame<'_>) -> Option<String> {
    if !frame.well_quoted {
        let rule = "has a quote inside an unquoted cell, or text after a closing quote: quote the \
                    whole cell and double the quotes inside it";
        return Some(if frame.line == frame.last_line {
            format!("the row {rule}")
        } else {
            format!("the row, up to line {}, {rule}", frame.last_line)
        });
    }
    line_fault(frame.text, has_bare_cr).map(str::to_owned)
}

/// Reader for the csv crate: one frame at a time, each ended by one LF. Since a record ends
/// with its LF, the reader asks for more only when the next frame is there.
#[derive(Debug, Default)]
struct Feed {
    frame: Vec<u8>,
    given: usize,
}

impl Feed {
    fn load(&mut self, text: &str) {
        self.frame.clear();
        self.frame.extend_from_slice(text.as_bytes());
        self.frame.push(b'\n');
        self.given = 0;
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = (&self.frame[self.given..]).read(into)?;
        self.given += n;
        Ok(n)
    }
}
