//! The header of a CSV: which column holds which field.

use ::csv::StringRecord;

use super::{
    InputError,
    frame::Frame,
    quotes::has_bare_cr,
    shape::{Name, Shape},
};
use crate::model::Field;

/// Delimiters that CSVs are written with elsewhere.
const DELIMITERS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];

/// The name of a column or key as this tool compares it: trimmed and in lower case.
fn field_named(name: &str) -> Option<Field> {
    Field::from_name(&name.trim().to_ascii_lowercase())
}

/// Returns whether any cell of `line`, cut at `delimiter`, is the name of a column.
pub(super) fn has_known_name(line: &str, delimiter: char) -> bool {
    line.split(delimiter).any(|cell| field_named(cell.trim_matches('"')).is_some())
}

/// Checks a header before it is split into cells.
pub(super) fn check_line(frame: &Frame<'_>) -> Result<(), InputError> {
    let (line, text) = (frame.line, frame.text);
    if text.trim_start().starts_with(['{', '[']) {
        return Err(InputError::JsonAsCsv { line });
    }
    for (delimiter, name) in DELIMITERS {
        if text.contains(delimiter) && !text.contains(',') && has_known_name(text, delimiter) {
            return Err(InputError::Delimiter { line, delimiter: name });
        }
    }
    if !frame.well_quoted {
        return Err(InputError::BadHeader { line, rule: "has a quote in the wrong place" });
    }
    if has_bare_cr(text.as_bytes()) {
        return Err(InputError::BadHeader {
            line,
            rule: "holds a bare carriage return: end lines with LF or CRLF",
        });
    }
    Ok(())
}

/// Names to fields, in the order of the columns; `None` for a column that is passed over.
pub(super) fn columns(
    line: u64,
    names: &StringRecord,
    shape: Shape,
) -> Result<Vec<Option<Field>>, InputError> {
    let mut columns: Vec<Option<Field>> = Vec::with_capacity(names.len());
    if names.iter().all(|name| field_named(name).is_none()) {
        return Err(InputError::NoHeader { line });
    }
    for (index, name) in names.iter().enumerate() {
        let position = index + 1;
        let field = match shape.name(&name.trim().to_ascii_lowercase()) {
            Name::Field(field) => field,
            Name::Ignored => {
                columns.push(None);
                continue;
            }
            Name::Methods => {
                return Err(InputError::UnknownColumn { line, position, nearest: None });
            }
            Name::Unknown(nearest) => {
                return Err(InputError::UnknownColumn { line, position, nearest });
            }
        };
        if let Some(first) = columns.iter().position(|column| *column == Some(field)) {
            return Err(InputError::RepeatedColumn {
                line,
                field,
                first: first + 1,
                second: position,
            });
        }
        columns.push(Some(field));
    }
    match shape.required().iter().find(|field| !columns.contains(&Some(**field))) {
        Some(field) => Err(InputError::MissingColumn { line, field: *field, shape }),
        None => Ok(columns),
    }
}

/// Returns whether the cells of a row are the names of the columns themselves.
pub(super) fn is_repeated(columns: &[Option<Field>], cells: &StringRecord) -> bool {
    let mut known =
        columns.iter().zip(cells).filter_map(|(column, cell)| Some((column.as_ref()?, cell)));
    known.all(|(column, cell)| cell.trim().eq_ignore_ascii_case(column.name()))
}
