//! Lists of things other than factors: a CSV with a header, or JSON objects, of which a few columns
//! or keys are read and the rest is ignored. A faulty row stops the reading: in a list that is only
//! looked up, nobody would notice a missing row.

use std::{borrow::Cow, fmt, io::Read, path::Path};

use super::{
    Format, InputError, MAX_CELL, TOO_LONG,
    cells::{Splitter, is_empty, row_fault},
    files::open,
    frame::{Frame, Framer},
    header, object,
    quotes::{Quotes, has_bare_cr, scan},
    unpack::Unpack,
};

/// Reader of such a list.
pub struct Columns {
    framer: Framer<Unpack<Box<dyn Read + Send>>>,
    is_csv: bool,
    wanted: &'static [&'static str],
    /// True for each wanted name seen so far: in the header, or in an object.
    met: Vec<bool>,
    is_open: bool,
    delimiter: u8,
    splitter: Splitter,
    /// Place of each wanted column.
    places: Vec<Option<usize>>,
    /// Number of cells of the header up to the last column with a name; a row has at least as many.
    width: usize,
    n_named: usize,
}

/// Wanted cells of a row, in the order of the wanted names.
#[derive(Debug)]
pub struct ColumnsRow<'a> {
    /// Physical line where it begins.
    pub line: u64,
    /// Contents; `None` for a cell that is missing, blank or `null`.
    pub cells: Vec<Option<Cow<'a, str>>>,
    /// The wanted cell at the end of the file, if nothing shows that the cell is complete.
    pub open_cell: Option<usize>,
}

impl Columns {
    /// Opens the file at `path`, whose name shows its format.
    pub fn open(path: &Path, wanted: &'static [&'static str]) -> Result<Self, InputError> {
        let (file, _) = open(path)?;
        let format = Format::of(path)?;
        Ok(Self::from_reader(Box::new(file), format, wanted))
    }

    /// Reads from any reader; nothing is read before the first [`Columns::next_row`]. JSON is an
    /// array, or objects one after another, whatever `format` says about lines.
    pub fn from_reader(
        reader: Box<dyn Read + Send>,
        format: Format,
        wanted: &'static [&'static str],
    ) -> Self {
        let is_csv = format == Format::Csv;
        let format = if is_csv { format } else { Format::Json };
        Self {
            framer: Framer::new(Unpack::new(reader), format),
            is_csv,
            wanted,
            met: vec![false; wanted.len()],
            is_open: false,
            delimiter: b',',
            splitter: Splitter::new(b','),
            places: Vec::new(),
            width: 0,
            n_named: 0,
        }
    }

    /// Returns whether a wanted name was seen so far; for a CSV that is known after its first row.
    pub fn has_met(&self, index: usize) -> bool {
        self.met.get(index).copied().unwrap_or_default()
    }

    /// Returns true if it is a CSV.
    pub fn is_csv(&self) -> bool {
        self.is_csv
    }

    /// Returns the next row; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<ColumnsRow<'_>>, InputError> {
        let wanted = self.wanted;
        let row = if self.is_csv { self.next_record()? } else { self.next_object()? };
        row.map(|row| check_lengths(row, wanted)).transpose()
    }

    fn next_object(&mut self) -> Result<Option<ColumnsRow<'_>>, InputError> {
        let Some(frame) = self.framer.next_frame()? else {
            return if self.is_open { Ok(None) } else { Err(InputError::Empty) };
        };
        self.is_open = true;
        let mut row = ColumnsRow { line: frame.line, cells: Vec::new(), open_cell: None };
        for (value, met) in object::read(&frame, self.wanted)?.into_iter().zip(&mut self.met) {
            *met |= value.is_some();
            row.cells.push(value.flatten().filter(|text| is_filled(text)).map(Cow::Owned));
        }
        Ok(Some(row))
    }

    fn next_record(&mut self) -> Result<Option<ColumnsRow<'_>>, InputError> {
        let (line, is_open_end) = loop {
            let Some(frame) = self.framer.next_frame()? else {
                return if self.is_open { Ok(None) } else { Err(InputError::Empty) };
            };
            if let Some(declared) = header::declared(frame.text).filter(|_| !self.is_open) {
                self.delimiter = declared;
                self.framer.set_delimiter(declared);
                continue;
            }
            if self.is_open && is_empty(frame.text, self.delimiter) {
                continue;
            }
            if !self.is_open {
                self.delimiter = delimiter(&frame, self.delimiter, self.wanted)?;
                self.splitter = Splitter::new(self.delimiter);
            }
            if let Some(rule) = row_fault(&frame) {
                return Err(InputError::BadRow { line: frame.line, rule });
            }
            self.splitter.split(frame.text);
            let (line, is_open_end) = (frame.line, !frame.ended && !frame.text.ends_with('"'));
            if !self.is_open || self.repeats_header() {
                self.take_header(line)?;
                self.framer.set_delimiter(self.delimiter);
                continue;
            }
            break (line, is_open_end);
        };
        let (found, expected) = (self.splitter.cells().len(), self.width);
        if found > expected || found < self.n_named {
            let rule = format!("the row has {found} cells, but the header has {expected}");
            return Err(InputError::BadRow { line, rule });
        }
        let last = is_open_end.then(|| found.saturating_sub(1));
        let open_cell = self.places.iter().position(|place| place.is_some() && *place == last);
        let cell = |place: &Option<usize>| place.and_then(|place| self.splitter.cells().get(place));
        let cells = self.places.iter().map(|place| cell(place).filter(|text| is_filled(text)));
        let cells = cells.map(|cell| cell.map(Cow::Borrowed)).collect();
        Ok(Some(ColumnsRow { line, cells, open_cell }))
    }

    /// Takes the cells as the names of the columns.
    fn take_header(&mut self, line: u64) -> Result<(), InputError> {
        self.is_open = true;
        self.places.clear();
        self.width = self.splitter.cells().len();
        let names = self.splitter.cells().iter().zip(1..);
        self.n_named =
            names.filter(|(name, _)| is_filled(name)).map(|(_, n)| n).last().unwrap_or(0);
        for (name, met) in self.wanted.iter().zip(&mut self.met) {
            let cells = self.splitter.cells().iter().enumerate();
            let mut places = cells.filter(|(_, cell)| is_name(cell, name)).map(|(place, _)| place);
            let place = places.next();
            if places.next().is_some() {
                return Err(InputError::BadHeader { line, rule: "has two columns of one name" });
            }
            *met = place.is_some();
            self.places.push(place);
        }
        Ok(())
    }

    /// Returns whether a row repeats the header, as in joined files: it has all names of the first
    /// one, perhaps in another order.
    fn repeats_header(&self) -> bool {
        let mut met = self.wanted.iter().zip(&self.met).filter(|(_, met)| **met).peekable();
        met.peek().is_some()
            && met.all(|(name, _)| self.splitter.cells().iter().any(|cell| is_name(cell, name)))
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("met", &self.met).finish_non_exhaustive()
    }
}

fn is_name(cell: &str, name: &str) -> bool {
    cell.trim().eq_ignore_ascii_case(name)
}

fn is_filled(cell: &str) -> bool {
    !cell.trim().is_empty()
}

fn check_lengths<'a>(row: ColumnsRow<'a>, wanted: &[&str]) -> Result<ColumnsRow<'a>, InputError> {
    let is_long =
        |cell: &Option<Cow<'_, str>>| cell.as_ref().is_some_and(|cell| cell.len() > MAX_CELL);
    match row.cells.iter().zip(wanted).find(|(cell, _)| is_long(cell)) {
        Some((_, name)) => {
            Err(InputError::BadRow { line: row.line, rule: format!("`{name}` {TOO_LONG}") })
        }
        None => Ok(row),
    }
}

/// Returns the delimiter that splits a header into the most wanted names.
fn delimiter(frame: &Frame<'_>, declared: u8, wanted: &[&str]) -> Result<u8, InputError> {
    let line = frame.line;
    if frame.text.trim_start().starts_with(['{', '[']) {
        return Err(InputError::JsonAsCsv { line });
    }
    let n_known = |delimiter: u8| {
        let is_wanted = |cell: &&str| wanted.iter().any(|name| is_name(cell, name));
        header::cells(frame.text, delimiter).filter(is_wanted).count()
    };
    let best = |found, other| if n_known(other) > n_known(found) { other } else { found };
    let delimiter = header::DELIMITERS.into_iter().fold(declared, best);
    let text = frame.text.as_bytes();
    if scan(text, delimiter, false) != Quotes::Closed {
        return Err(InputError::BadHeader { line, rule: "has a misplaced quote" });
    }
    if has_bare_cr(text) {
        return Err(InputError::BadHeader { line, rule: header::BARE_CR });
    }
    Ok(delimiter)
}
