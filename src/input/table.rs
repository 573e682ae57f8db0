//! A table with a header of any names, cut into rows: another system's export.

use std::{collections::HashSet, fmt, io::Read};

use ::csv::StringRecord;

use super::{
    Format, InputError,
    cells::{Splitter, row_fault},
    frame::Framer,
    header,
};

/// Rows of a table, one at a time, in a buffer that is reused.
pub struct Table<R> {
    framer: Framer<R>,
    splitter: Splitter,
    names: Vec<String>,
    has_header: bool,
    /// Lines before the header that begin with it are ignored.
    comment: Option<char>,
    line: u64,
    is_whole: bool,
    delimiter: u8,
    /// The header as written, until it is taken, and whether a byte order mark came before
    /// everything.
    header: Vec<u8>,
    is_marked: bool,
}

/// A row, or the rule that it breaks.
#[derive(Debug)]
pub struct TableRow<'a> {
    /// Physical line where it begins.
    pub line: u64,
    /// Names of the columns; none for a table without a header.
    pub names: &'a [String],
    /// Its cells in order, as many as there are names.
    pub cells: Result<&'a StringRecord, String>,
    /// The row as it is written.
    pub raw: &'a [u8],
}

impl<R: Read> Table<R> {
    /// Opens a table with a header, before which lines that begin with `comment` are ignored.
    pub fn new(reader: R, comment: Option<char>) -> Self {
        Self {
            framer: Framer::new(reader, Format::Csv),
            splitter: Splitter::new(b','),
            names: Vec::new(),
            has_header: true,
            comment,
            line: 0,
            is_whole: true,
            delimiter: b',',
            header: Vec::new(),
            is_marked: false,
        }
    }

    /// Opens a table without a header, whose rows may have any number of cells.
    pub fn without_header(reader: R) -> Self {
        Self { has_header: false, ..Self::new(reader, None) }
    }

    /// Returns the number of lines read so far.
    pub fn n_lines(&self) -> u64 {
        self.framer.n_lines()
    }

    /// Returns the last line read, if it has no line ending and may not be whole.
    pub fn open_line(&self) -> Option<u64> {
        (!self.is_whole).then_some(self.line)
    }

    /// Returns the character between cells, once a row has been read.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Takes the header as written; empty if there is none, or if it has been taken.
    pub fn take_header(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.header)
    }

    /// Returns true once, if a byte order mark came before everything else.
    pub fn take_mark(&mut self) -> bool {
        std::mem::take(&mut self.is_marked)
    }

    /// Reads the header: its names, and the delimiter that occurs most often between them. Returns
    /// false if there is none, because the input is empty.
    fn read_header(&mut self) -> Result<bool, InputError> {
        while self.has_header && self.names.is_empty() {
            let Some(frame) = self.framer.next_frame()? else {
                return Ok(false);
            };
            self.is_marked |= frame.is_marked;
            if self.comment.is_some_and(|comment| frame.text.starts_with(comment)) {
                continue;
            }
            if frame.text.trim_start().starts_with(['{', '[']) {
                return Err(InputError::JsonAsCsv { line: frame.line });
            }
            if row_fault(&frame).is_some() {
                let (line, rule) = (frame.line, "has a misplaced quote");
                return Err(InputError::BadHeader { line, rule });
            }
            let delimiter = header::likeliest(frame.text);
            self.splitter = Splitter::new(delimiter);
            let cells = self.splitter.split(frame.text);
            let line = frame.line;
            self.header = frame.raw.to_vec();
            self.delimiter = delimiter;
            self.names = cells.iter().map(|name| name.trim().to_owned()).collect();
            self.framer.set_delimiter(delimiter);
            let mut seen = HashSet::new();
            let again = |name: &String| !name.is_empty() && !seen.insert(name.clone());
            if let Some(position) = self.names.iter().position(again) {
                return Err(InputError::RepeatedName { line, position: position + 1 });
            }
        }
        Ok(true)
    }

    /// Returns the next row; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<TableRow<'_>>, InputError> {
        if !self.read_header()? {
            return Ok(None);
        }
        let Some(frame) = self.framer.next_frame()? else {
            return Ok(None);
        };
        (self.line, self.is_whole) = (frame.line, frame.ended);
        self.is_marked |= frame.is_marked;
        let (line, raw) = (frame.line, frame.raw);
        if let Some(rule) = row_fault(&frame) {
            return Ok(Some(TableRow { line, names: &self.names, cells: Err(rule), raw }));
        }
        let cells = self.splitter.split(frame.text);
        if self.has_header && cells.len() != self.names.len() {
            let (found, expected) = (cells.len(), self.names.len());
            let rule = format!("the row has {found} cells, but the header has {expected}");
            return Ok(Some(TableRow { line, names: &self.names, cells: Err(rule), raw }));
        }
        Ok(Some(TableRow { line, names: &self.names, cells: Ok(cells), raw }))
    }
}

impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("line", &self.line).finish_non_exhaustive()
    }
}
