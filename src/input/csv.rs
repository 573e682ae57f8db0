//! Turns CSV frames into rows of factors.

use super::{
    CODE_NAME, Dialect, InputError, MAX_CELL, Part, Row, Shape, TOO_LONG,
    cells::{Splitter, is_empty, row_fault},
    dialect::Names,
    frame::Frame,
    header::{self, Column},
};
use crate::model::{Cell, Code, Fault, Field, Record, Rejection};

/// Splits frames, once the first one has declared the columns.
#[derive(Debug)]
pub(super) struct Rows {
    splitter: Splitter,
    shape: Shape,
    names: Names,
    /// Delimiter, if one has been declared.
    declared: Option<u8>,
    /// True if a flag declared it, and not the input.
    given: bool,
    delimiter: u8,
    columns: Vec<Column>,
    /// Cells that a row must have: those of the columns up to the last one with a name.
    n_named: usize,
    /// Place of the codes of a selection.
    codes: Option<usize>,
    /// Name of the first column.
    first: String,
    /// Length of the shortest value of the last named column in the rows so far.
    shortest: Option<usize>,
}

impl Rows {
    pub(super) fn new(shape: Shape, dialect: &Dialect) -> Self {
        Self {
            splitter: Splitter::new(b','),
            shape,
            names: Names::new(shape, dialect),
            declared: dialect.delimiter,
            given: dialect.delimiter.is_some(),
            delimiter: b',',
            columns: Vec::new(),
            n_named: 0,
            codes: None,
            first: String::new(),
            shortest: None,
        }
    }

    /// Returns whether the header has been seen.
    pub(super) fn is_open(&self) -> bool {
        !self.columns.is_empty()
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Returns the meaning of `frame`; takes it as the header where it is one.
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Result<Part, InputError> {
        if let Some(delimiter) = header::declared(frame.text) {
            if !self.given && !self.is_open() {
                self.declared = Some(delimiter);
            }
            return Ok(Part::Header);
        }
        if !self.is_open() {
            self.open(frame)?;
            return Ok(Part::Header);
        }
        if is_empty(frame.text, self.delimiter) {
            return Ok(Part::Blank);
        }
        if self.repeats_header(frame)? {
            return Ok(Part::Repeated);
        }
        Ok(Part::Rows)
    }

    /// Takes the first frame as the header.
    fn open(&mut self, frame: &Frame<'_>) -> Result<(), InputError> {
        self.delimiter = match self.declared {
            Some(delimiter) if self.given => delimiter,
            declared => header::delimiter(frame, declared, &self.names),
        };
        header::check_line(frame, self.delimiter, &self.names)?;
        self.splitter = Splitter::new(self.delimiter);
        self.splitter.split(frame.text);
        self.take_columns(frame.line)?;
        header::first_cell(frame.text, self.delimiter).clone_into(&mut self.first);
        Ok(())
    }

    /// Takes the cells as the names of the columns.
    fn take_columns(&mut self, line: u64) -> Result<(), InputError> {
        let (is_first, cells) = (!self.is_open(), self.splitter.cells());
        self.columns = header::columns(line, cells, &self.names)?;
        let is_that = |name: &str| name.trim().eq_ignore_ascii_case(CODE_NAME);
        let codes = cells.iter().position(is_that);
        if self.codes.is_some() && codes.is_none() {
            self.names.selection.forget();
        }
        // Rows of another file that was joined with a selection replace nothing.
        self.codes = codes.filter(|_| is_first || self.codes.is_some());
        let last = self.columns.iter().rposition(|column| *column != Column::Unnamed);
        self.n_named = last.map_or(0, |last| last + 1);
        Ok(())
    }

    /// Returns whether this is a repeated header, as joined files have, and adopts it from here on.
    fn repeats_header(&mut self, frame: &Frame<'_>) -> Result<bool, InputError> {
        // The first cell decides for nearly every row.
        let first = header::first_cell(frame.text, self.delimiter);
        let may_be = first.eq_ignore_ascii_case(&self.first) || self.names.is_field(first);
        if !may_be || row_fault(frame).is_some() {
            return Ok(false);
        }
        self.splitter.split(frame.text);
        if !header::is_header(self.splitter.cells(), &self.names) {
            return Ok(false);
        }
        self.take_columns(frame.line)?;
        Ok(true)
    }

    /// Turns one frame into one row.
    pub(super) fn row(&mut self, frame: &Frame<'_>) -> Row {
        if let Some(rule) = row_fault(frame) {
            return Row::rejected(frame.line, "", rule);
        }
        self.splitter.split(frame.text);
        let (expected, found) = (self.columns.len(), self.splitter.cells().len());
        if found > expected || found < self.n_named {
            let rule = format!("the row has {found} cells, but the header has {expected}");
            return Row::rejected(frame.line, "", rule);
        }
        if let Some(codes) = self.codes.and_then(|place| self.splitter.cells().get(place)) {
            self.names.selection.note(codes);
        }
        self.record(frame)
    }

    /// Returns the last column's field if the input ends in the middle of the line, as far as can
    /// be told, with a value shorter than every other before it. Columns after a value show that it
    /// is complete, and so does a closing quote.
    fn cut(&mut self, frame: &Frame<'_>) -> Option<Field> {
        let last = self.splitter.cells().len().checked_sub(1)?;
        let Some(&Column::Field(field)) = self.columns.get(last) else { return None };
        if last + 1 != self.n_named {
            return None;
        }
        let value = self.splitter.cells().get(last)?.trim();
        if value.len() <= NULL_WORD {
            return None;
        }
        if frame.ended || frame.text.ends_with('"') {
            let shortest = self.shortest.get_or_insert(value.len());
            *shortest = value.len().min(*shortest);
            return None;
        }
        let is_shortest = self.shortest.is_some_and(|shortest| value.len() < shortest);
        (is_shortest && is_harmed_by_a_cut(field) && self.shape != Shape::Users).then_some(field)
    }

    fn record(&mut self, frame: &Frame<'_>) -> Row {
        let line = frame.line;
        let cut = self.cut(frame);
        let mut record = Box::new(Record::new(line));
        let mut faults: Vec<Fault> =
            cut.map(|field| Fault::new(field.name(), Code::CutOff, CUT_OFF)).into_iter().collect();
        for (index, (column, cell)) in self.columns.iter().zip(self.splitter.cells()).enumerate() {
            let is_blank = || cell.chars().all(char::is_whitespace);
            match column {
                Column::Field(field) if cell.len() > MAX_CELL => {
                    faults.push(Fault::new(field.name(), Code::TooLong, TOO_LONG));
                }
                Column::Field(field) if !is_blank() => {
                    record.set(*field, Cell::Text(cell.to_owned()));
                }
                Column::Unnamed if !is_blank() => {
                    let position = index + 1;
                    let rule = format!(
                        "column {position} has a value in this row, but no name in the header: \
                         name the column, or remove the value"
                    );
                    faults.push(Fault::new("", Code::InvalidRow, rule));
                }
                Column::Field(_) | Column::Unnamed | Column::Ignored => {}
            }
        }
        if faults.is_empty() {
            Row::Record(record)
        } else {
            Row::Rejected(Rejection::of_line(line, faults))
        }
    }
}

/// The rule that a value breaks if the file may have been cut off in it.
const CUT_OFF: &str = "ends the file without a line ending, and is shorter than every other value in \
                       its column: was the file cut off? If not, add a line ending";

/// Length of the longest word for an empty value.
const NULL_WORD: usize = "NULL".len();

/// Returns whether a shorter value would be a different one: a stranger's id, a wrong secret.
/// Values that are only shown to people may be short, and a part of any other value is not valid.
fn is_harmed_by_a_cut(field: Field) -> bool {
    !matches!(field, Field::Name | Field::UserAgent)
}
