//! CSV frames to rows. The csv crate splits cells; what it forgives in silence is refused before.

use std::io::{self, Read};

use ::csv::{Reader, ReaderBuilder, StringRecord};

use super::{
    InputError, MAX_CELL, Row, Shape, TOO_LONG, frame::Frame, header, line_fault,
    quotes::has_bare_cr,
};
use crate::model::{Cell, Code, Fault, Field, Record, Rejection};

/// Splits frames, once the first one has told what the columns are.
#[derive(Debug)]
pub(super) struct Rows {
    /// One reader for the whole input: it is handed frame after frame, and never sees an end.
    reader: Reader<Feed>,
    cells: StringRecord,
    shape: Shape,
    /// `None` for one that is passed over.
    columns: Vec<Option<Field>>,
    /// Length of the shortest value of the last column in the rows so far.
    shortest: Option<usize>,
}

impl Rows {
    pub(super) fn new(shape: Shape) -> Self {
        let mut builder = ReaderBuilder::new();
        // For each frame the whole of its buffer is zeroed, and most frames are short.
        builder.has_headers(false).flexible(true).buffer_capacity(512);
        let reader = builder.from_reader(Feed::default());
        Self { reader, cells: StringRecord::new(), shape, columns: Vec::new(), shortest: None }
    }

    /// Returns whether the header has been seen.
    pub(super) fn is_open(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Takes the first frame as the header; says whether `frame` is a row.
    pub(super) fn opens_with(&mut self, frame: &Frame<'_>) -> Result<bool, InputError> {
        if self.is_open() {
            return Ok(true);
        }
        header::check_line(frame)?;
        self.split(frame);
        self.columns = header::columns(frame.line, &self.cells, self.shape)?;
        Ok(false)
    }

    /// One frame, one row.
    pub(super) fn row(&mut self, frame: &Frame<'_>) -> Row {
        if let Some(rule) = fault(frame) {
            return Row::rejected(frame.line, "", rule);
        }
        self.split(frame);
        let (expected, found) = (self.columns.len(), self.cells.len());
        if found != expected {
            let rule =
                format!("the row must have {expected} cells, as the header has, but has {found}");
            return Row::rejected(frame.line, "", rule);
        }
        if header::is_repeated(&self.columns, &self.cells) {
            let rule = "the row repeats the header: remove it (were files joined?)";
            return Row::rejected(frame.line, "", rule);
        }
        self.record(frame)
    }

    /// Leaves the cells of a well quoted frame in `self.cells`.
    fn split(&mut self, frame: &Frame<'_>) {
        self.reader.get_mut().load(frame.text);
        // Neither failure exists: the feed does not fail, and the frame is UTF-8. Cleared cells
        // would be reported as a row that is too short.
        if !matches!(self.reader.read_record(&mut self.cells), Ok(true)) {
            self.cells.clear();
        }
    }

    /// Returns the last column's field where the input ends in the middle of the line, as far as
    /// anybody can tell, and its value is shorter than every other before it. Columns after a value
    /// show that it is whole, and so does a closing quote.
    fn cut(&mut self, frame: &Frame<'_>) -> Option<Field> {
        let field = (*self.columns.last()?)?;
        let value = self.cells.get(self.cells.len().checked_sub(1)?)?.trim();
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
        for (column, cell) in self.columns.iter().zip(&self.cells) {
            let Some(field) = column else {
                continue;
            };
            if cell.len() > MAX_CELL {
                faults.push(Fault::new(field.name(), Code::TooLong, TOO_LONG));
            } else if !cell.chars().all(char::is_whitespace) {
                record.set(*field, Cell::Text(cell.to_owned()));
            }
        }
        if faults.is_empty() {
            Row::Record(record)
        } else {
            Row::Rejected(Rejection { line, index: None, user: None, factor_type: None, faults })
        }
    }
}

/// The rule that a value breaks with which the file may have been cut off.
const CUT_OFF: &str = "ends with the file, without a line ending, and is shorter than every other in \
                       its column: was the file cut off? If not, end its last line";

/// The longest word for nothing.
const NULL_WORD: usize = "NULL".len();

/// Returns whether a shorter value would be another one: a stranger's id, a wrong secret. What is
/// only shown to people may be short, and of the rest no part is a value.
fn is_harmed_by_a_cut(field: Field) -> bool {
    !matches!(field, Field::Name | Field::UserAgent)
}

/// Finds a reason not to split a frame at all.
fn fault(frame: &Frame<'_>) -> Option<String> {
    if !frame.well_quoted {
        let rule = "has a quote inside an unquoted cell or text after a closing quote: quote the \
                    whole cell and write inner quotes twice";
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
