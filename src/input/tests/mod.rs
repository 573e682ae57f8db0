//! Tests from bytes to rows, in both formats.

mod csv;
mod files;
mod json;
mod properties;
mod walk;

use std::io::Cursor;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Cell, Code, Field, Planned},
    plan,
};

fn source(text: impl Into<Vec<u8>>, format: Format) -> Source {
    Source::from_reader(Box::new(Cursor::new(text.into())), format, Shape::Factors)
}

fn read(text: impl Into<Vec<u8>>, format: Format) -> (Vec<Row>, Option<InputError>) {
    let mut source = source(text, format);
    let mut rows = Vec::new();
    loop {
        match source.next_row() {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return (rows, None),
            Err(error) => {
                assert!(matches!(source.next_row(), Ok(None)), "an error is the end");
                return (rows, Some(error));
            }
        }
    }
}

/// A row in one line: `LINE[INDEX] field=value …` or `LINE! field: rule`.
fn told(row: &Row) -> String {
    match row {
        Row::Record(record) => {
            let mut told = record.line.to_string();
            told.extend(record.index.map(|index| format!("[{index}]")));
            for field in Field::FACTOR {
                let value = match record.get(field) {
                    Cell::Absent => continue,
                    Cell::Text(text) => text.clone(),
                    Cell::Bool(value) => value.to_string(),
                    Cell::Bit(value) => format!("<number {}>", u8::from(*value)),
                    Cell::List(items) => items.join("|"),
                    Cell::Unusable(what) => format!("<{what}>"),
                };
                told.extend([" ", field.name(), "=", &value]);
            }
            told
        }
        Row::Rejected(rejection) => {
            let faults: Vec<_> =
                rejection.faults.iter().map(|f| format!("{}: {}", f.field, f.rule)).collect();
            format!("{}! {}", rejection.line, faults.join("; "))
        }
    }
}

#[test]
fn what_a_row_may_hold_hangs_on_what_the_input_is_for() {
    let rows = |text: &str, format, shape| {
        let mut source = Source::from_reader(Box::new(Cursor::new(text.to_owned())), format, shape);
        let mut rows = Vec::new();
        while let Some(row) = source.next_row()? {
            rows.push(match &row {
                Row::Record(record) => {
                    let fields = Field::FACTOR.into_iter().chain([Field::AuthenticationMethodId]);
                    let given = fields.filter(|field| *record.get(*field) != Cell::Absent);
                    given.map(Field::name).collect::<Vec<_>>().join(" ")
                }
                Row::Rejected(_) => "rejected".into(),
            });
        }
        Ok::<_, InputError>(rows)
    };
    // A list of users may have anything else in it: a file of factors, say, or an export.
    let csv = "type,user_id,x,x\nphone,a|1,,\nphone,a|2,1,2\n";
    assert_eq!(rows(csv, Format::Csv, Shape::Users).unwrap(), ["user_id"; 2]);
    let lines = r#"{"user_id":"a|1","authentication_methods":[{"id":"m","created_at":"x"}]}
{"user_id":"a|1","authentication_method_id":"m","whatever":{"deep":[1]}}"#;
    let read = rows(lines, Format::Jsonl, Shape::Users).unwrap();
    assert_eq!(read, ["user_id", "user_id authentication_method_id"]);
    let methods = "user_id,authentication_method_id\na|1,m\n";
    let line = r#"{"user_id":"a|1","authentication_method_id":"m"}"#;
    for shape in [Shape::Changes, Shape::Targets] {
        let fields = ["user_id authentication_method_id"];
        assert_eq!(rows(methods, Format::Csv, shape).unwrap(), fields);
        assert_eq!(rows(line, Format::Jsonl, shape).unwrap(), fields);
        assert!(matches!(rows(csv, Format::Csv, shape), Err(InputError::UnknownColumn { .. })));
        assert_eq!(rows(lines, Format::Jsonl, shape).unwrap(), ["rejected"; 2]);
    }
    let missing = rows("user_id,name\na|1,n\n", Format::Csv, Shape::Changes).unwrap_err();
    assert_eq!(missing.hint(), "every row needs `user_id` and `authentication_method_id`");
    for shape in [Shape::Factors, Shape::Exported] {
        assert!(matches!(rows(methods, Format::Csv, shape), Err(InputError::UnknownColumn { .. })));
    }
    // What the API adds is passed over only where an export is said to be one.
    let export = r#"{"user_id":"a|1","authentication_methods":[{"id":"m","type":"phone","confirmed":true,"link_id":"l","created_at":"x","enrolled_at":"x","last_auth_at":"x","authentication_methods":[{"id":"s","type":"sms"}],"phone_number":"+1"}]}"#;
    assert_eq!(rows(export, Format::Jsonl, Shape::Factors).unwrap(), ["rejected"]);
    let read = rows(export, Format::Jsonl, Shape::Exported).unwrap();
    assert_eq!(read, ["user_id type phone_number"]);
    let strange = export.replace("confirmed", "confused");
    assert_eq!(rows(&strange, Format::Jsonl, Shape::Exported).unwrap(), ["rejected"]);
}

#[track_caller]
fn check(format: Format, text: &str, expected: &[&str]) {
    let (rows, error) = read(text, format);
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(error.is_none(), "{error:?}");
}

#[track_caller]
fn check_error(format: Format, text: impl Into<Vec<u8>>, expected: &str, hint: &str) {
    let text = text.into();
    let (_, error) = read(text.clone(), format);
    let error = error.expect("an error");
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().contains(hint), "{}", error.hint());
    let counted = count_rows(&text[..], format, Shape::Factors).map_err(|error| error.to_string());
    assert_eq!(counted, Err(expected.to_owned()), "preflight finds the same");
}

const HEADER: &str = "user_id,type,name,email\n";

/// Rows of a text in one line each, and the fault of the whole, of an input of which that is said.
fn read_as(text: &str, format: Format, dialect: &Dialect) -> Vec<String> {
    let reader = Box::new(Cursor::new(text.to_owned()));
    let mut source = Source::of(reader, format, dialect, Shape::Factors);
    let mut all = Vec::new();
    let error = loop {
        match source.next_row() {
            Ok(Some(row)) => all.push(told(&row)),
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let counted = count(text.as_bytes(), format, dialect, Shape::Factors);
    match &error {
        None => assert_eq!(counted.unwrap(), all.len() as u64, "{text}"),
        Some(error) => assert_eq!(counted.unwrap_err().to_string(), *error, "{text}"),
    }
    all.extend(error);
    all
}

#[test]
fn what_is_not_text_stops_the_run() {
    for format in [Format::Csv, Format::Jsonl] {
        check_error(
            format,
            *b"\x1f\x8b\x09\0\0\0\0\0",
            "the input is a gzip file, not text",
            "decompress",
        );
        check_error(format, *b"\xff\xfeu\0s\0", "the input is UTF-16, not UTF-8", "iconv");
    }
    let text = [HEADER.as_bytes(), b"auth0|1,email,caf\xe9,\n"].concat();
    check_error(Format::Csv, text, "line 2: invalid UTF-8 at byte 41 of the input", "iconv");
    let text = format!("{HEADER}auth0|1,email,,\nauth0|2,\"email,,\nauth0|3,email,,\n");
    check_error(Format::Csv, text, "line 3: a quote opened here is never closed", "doubled");
}

#[test]
fn every_error_knows_its_line() {
    let (_, error) = read("user_id,type,x\n", Format::Csv);
    assert_eq!(error.and_then(|error| error.line()), Some(1));
    assert_eq!(InputError::Empty.line(), None);
}
