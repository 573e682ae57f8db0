//! The header of a CSV: which column holds which field, and which character is between the cells.

use ::csv::StringRecord;

use super::{
    InputError,
    dialect::Names,
    foreign,
    frame::Frame,
    quotes::{Quotes, has_bare_cr, scan},
    shape::Name,
};
use crate::model::Field;

/// Delimiters that are recognised.
pub(super) const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Delimiters that CSVs have elsewhere; they have to be declared.
const OTHER_DELIMITERS: [(u8, &str); 3] =
    [(b'|', "bars"), (b':', "colons"), (b'^', "circumflexes")];

/// Rule that a carriage return in a header breaks.
pub(super) const BARE_CR: &str = "contains a bare carriage return: end lines with LF or CRLF";

/// Length of the longest line that declares a delimiter: nearly every row is longer.
const LONGEST_DECLARATION: usize = "\"sep=;\"".len();

/// Contents of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Values of one field.
    Field(Field),
    /// Values that are ignored.
    Ignored,
    /// Nothing: the column has no name, and must have no values.
    Unnamed,
}

/// Returns whether any cell of `line`, cut at `delimiter`, is the name of a column.
pub(super) fn has_known_name(line: &str, delimiter: u8, names: &Names) -> bool {
    n_known(line, delimiter, names) > 0
}

fn n_known(line: &str, delimiter: u8, names: &Names) -> usize {
    cells(line, delimiter).filter(|cell| names.is_field(cell)).count()
}

/// Cuts a header roughly into cells: everything between two delimiters, without quotes.
pub(super) fn cells(line: &str, delimiter: u8) -> impl Iterator<Item = &str> {
    line.split(char::from(delimiter)).map(|cell| cell.trim().trim_matches('"'))
}

/// Returns the first cell of a line, cut roughly.
pub(super) fn first_cell(line: &str, delimiter: u8) -> &str {
    cells(line, delimiter).next().unwrap_or_default()
}

/// Returns the delimiter that a line `sep=;` declares for the lines after it, as spreadsheets write
/// it.
pub(super) fn declared(line: &str) -> Option<u8> {
    if line.len() > LONGEST_DECLARATION {
        return None;
    }
    let line = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(line);
    let (name, delimiter) = line.split_once('=')?;
    match *delimiter.as_bytes() {
        [delimiter] if name.eq_ignore_ascii_case("sep") && may_delimit(delimiter) => {
            Some(delimiter)
        }
        _ => None,
    }
}

/// Returns whether cells can be told apart by this character.
pub fn may_delimit(delimiter: u8) -> bool {
    delimiter == b'\t'
        || (delimiter.is_ascii_graphic()
            && !delimiter.is_ascii_alphanumeric()
            && !b"\"_-".contains(&delimiter))
}

/// Returns the delimiter that splits a header into the most names of columns. The names are known,
/// so this is not a guess.
pub(super) fn delimiter(frame: &Frame<'_>, wanted: Option<u8>, names: &Names) -> u8 {
    let best = |found: u8, other: u8| {
        let n_other = n_known(frame.text, other, names);
        if n_other > n_known(frame.text, found, names) { other } else { found }
    };
    DELIMITERS.into_iter().fold(wanted.unwrap_or(b','), best)
}

/// Returns the delimiter that splits a header of unknown names into the most cells.
pub(super) fn likeliest(line: &str) -> u8 {
    let best = |found: u8, other: u8| {
        let n = |delimiter| memchr::memchr_iter(delimiter, line.as_bytes()).count();
        if n(other) > n(found) { other } else { found }
    };
    DELIMITERS.into_iter().fold(b',', best)
}

/// Checks a header before it is split into cells.
pub(super) fn check_line(
    frame: &Frame<'_>,
    delimiter: u8,
    names: &Names,
) -> Result<(), InputError> {
    let (line, text) = (frame.line, frame.text);
    if text.trim_start().starts_with(['{', '[']) {
        return Err(InputError::JsonAsCsv { line });
    }
    for (other, name) in OTHER_DELIMITERS {
        if !text.contains(char::from(delimiter)) && n_known(text, other, names) > 1 {
            let character = char::from(other);
            return Err(InputError::Delimiter { line, character, name });
        }
    }
    if scan(text.as_bytes(), delimiter, false) != Quotes::Closed {
        return Err(InputError::BadHeader { line, rule: "has a misplaced quote" });
    }
    if has_bare_cr(text.as_bytes()) {
        return Err(InputError::BadHeader { line, rule: BARE_CR });
    }
    Ok(())
}

/// Turns names into columns, in their order.
pub(super) fn columns(
    line: u64,
    header: &StringRecord,
    names: &Names,
) -> Result<Vec<Column>, InputError> {
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    if header.iter().all(|name| !names.is_field(name)) {
        return Err(InputError::NoHeader { line });
    }
    for (index, name) in header.iter().enumerate() {
        let position = index + 1;
        let field = match names.column(name) {
            Name::Field(field) => field,
            Name::Ignored | Name::Codes => {
                columns.push(Column::Ignored);
                continue;
            }
            _ if name.trim().is_empty() => {
                columns.push(Column::Unnamed);
                continue;
            }
            Name::Methods => {
                return Err(InputError::UnknownColumn {
                    line,
                    position,
                    nearest: None,
                    shape: names.shape,
                });
            }
            Name::Unknown(nearest) => {
                foreign::check_name(line, name)?;
                return Err(InputError::UnknownColumn {
                    line,
                    position,
                    nearest,
                    shape: names.shape,
                });
            }
        };
        if let Some(first) = columns.iter().position(|column| *column == Column::Field(field)) {
            return Err(InputError::RepeatedColumn {
                line,
                field,
                first: first + 1,
                second: position,
            });
        }
        columns.push(Column::Field(field));
    }
    let shape = names.shape;
    match shape.required().iter().find(|field| !columns.contains(&Column::Field(**field))) {
        Some(field) => Err(InputError::MissingColumn { line, field: *field, shape }),
        None => Ok(columns),
    }
}

/// Returns whether the cells of a row are names: every column that an input needs is among them.
pub(super) fn is_header(cells: &StringRecord, names: &Names) -> bool {
    let is_there = |field| cells.iter().any(|cell| names.column(cell) == Name::Field(field));
    names.shape.required().iter().all(|field| is_there(*field))
}
