//! Inputs: framing, parsing and planning.

use std::io::{Cursor, Read};

use bytes::Bytes;

use crate::{
    auth0::fuzzing::sent,
    engine::intake::plan_row,
    error::Error,
    input::{Format, InputError, Row, RowReader, Shape, Source, count_rows},
    model::{Factor, Planned, Rejection},
    plan::{self, Naming},
    text::canary::{assert_discreet, assert_presentable, choose, with_canaries},
};

const SHAPES: [Shape; 5] =
    [Shape::Factors, Shape::Exported, Shape::Users, Shape::Changes, Shape::Targets];
/// Numbers of bytes that a reader gives at once.
pub(super) const PIECES: [usize; 4] = [1, 2, 7, 100];

/// The first byte chooses the shape of the input, the rest is a CSV.
///
/// # Panics
/// When something does not hold.
pub fn csv(data: &[u8]) {
    rows(data, Format::Csv);
}

/// The first byte chooses the shape of the input, the rest is a JSONL.
///
/// # Panics
/// When something does not hold.
pub fn jsonl(data: &[u8]) {
    rows(data, Format::Jsonl);
}

fn rows(data: &[u8], format: Format) {
    let Some((first, text)) = data.split_first() else {
        return;
    };
    let shape = choose(&SHAPES, *first);
    let text = with_canaries(text);
    let (outcomes, error) = read(Cursor::new(text.clone()), format, shape);
    let pieces = Pieces { bytes: Cursor::new(text.clone()), size: choose(&PIECES, *first) };
    let (in_pieces, same) = read(pieces, format, shape);
    assert!(outcomes == in_pieces && error == same, "it matters how the bytes come");

    assert!(outcomes.len() <= text.len(), "rows out of nothing");
    assert!(outcomes.is_sorted_by_key(|outcome| outcome.line), "lines go back");
    let n_lines = 1 + memchr::memchr_iter(b'\n', &text).count() as u64;
    assert!(outcomes.iter().all(|outcome| outcome.line <= n_lines), "a line that is not there");
    // What preflight says holds for the run.
    match (count_rows(&text[..], format, shape), error) {
        (Err(counted), Some(error)) => assert_eq!(counted.to_string(), error),
        (Ok(counted), None) if format == Format::Csv => {
            assert_eq!(counted, outcomes.len() as u64);
        }
        (Ok(counted), None) => assert!(counted <= outcomes.len() as u64),
        (counted, error) => panic!("{counted:?} and {error:?}"),
    }
}

/// Outcome of a row.
#[derive(PartialEq)]
struct Outcome {
    line: u64,
    /// Body that would be sent, or another sign of what the row asks for.
    good: Option<Bytes>,
    bad: Option<Rejection>,
}

fn read(
    reader: impl Read + Send + 'static,
    format: Format,
    shape: Shape,
) -> (Vec<Outcome>, Option<String>) {
    let mut source = Source::from_reader(Box::new(reader), format, shape);
    let mut outcomes = Vec::new();
    let error = loop {
        match source.next_row() {
            Ok(Some(row)) => outcomes.push(outcome(row, shape)),
            Ok(None) => break None,
            Err(error) => break Some(told(error)),
        }
    };
    assert!(matches!(source.next_row(), Ok(None)), "rows after the end");
    (outcomes, error)
}

fn told(error: InputError) -> String {
    let message = error.to_string();
    assert_presentable(&message);
    if let Some(hint) = Error::from(error).hint() {
        assert_presentable(&hint);
    }
    message
}

fn outcome(row: Row, shape: Shape) -> Outcome {
    let line = row.line();
    let (good, bad) = match row {
        Row::Rejected(rejection) => (None, Some(rejection)),
        row if matches!(shape, Shape::Factors | Shape::Exported) => {
            let plan = plan_row(row, shape, None);
            plan.warnings.iter().for_each(|warning| assert_presentable(&warning.to_string()));
            match plan.planned {
                Planned::Factor(factor) => (Some(assert_stable(&factor)), None),
                Planned::Rejected(rejection) => (None, Some(*rejection)),
            }
        }
        Row::Record(record) => {
            let asked = match shape {
                Shape::Changes => plan::change(*record).change.map(|change| format!("{change:?}")),
                Shape::Targets => plan::target(*record, Naming::All).map(|all| format!("{all:?}")),
                _ => plan::target(*record, Naming::Some).map(|some| format!("{some:?}")),
            };
            match asked {
                Ok(asked) => (Some(asked.into()), None),
                Err(rejection) => (None, Some(*rejection)),
            }
        }
    };
    if let Some(rejection) = &bad {
        assert_told(rejection);
        assert_eq!(rejection.line, line);
    }
    Outcome { line, good, bad }
}

/// Asserts that a row that is refused has its reasons, and that they tell no value.
pub(super) fn assert_told(rejection: &Rejection) {
    assert!(!rejection.faults.is_empty(), "refused without a reason");
    for fault in &rejection.faults {
        assert_presentable(&fault.rule);
        assert_discreet(&fault.field);
    }
}

/// Asserts that what would be sent, planned again, is what would be sent; gives it.
pub(super) fn assert_stable(factor: &Factor) -> Bytes {
    let body = sent(factor);
    let rest = body.strip_prefix(b"{").unwrap_or_default();
    let user = serde_json::Value::from(factor.user.as_str());
    let line = [format!("{{\"user_id\":{user},").as_bytes(), rest].concat();
    let reader = Box::new(Cursor::new(line));
    let mut source = Source::from_reader(reader, Format::Jsonl, Shape::Factors);
    match source.next_row().map(|row| row.map(|row| plan_row(row, Shape::Factors, None))) {
        Ok(Some(plan)) => match plan.planned {
            Planned::Factor(again) => {
                assert!(sent(&again) == body && again.user == factor.user, "it changes");
            }
            Planned::Rejected(rejection) => panic!("what was good is refused: {rejection:?}"),
        },
        other => panic!("what was good cannot be read: {other:?}"),
    }
    body
}

/// Gives a few bytes at a time.
pub(super) struct Pieces {
    pub(super) bytes: Cursor<Vec<u8>>,
    pub(super) size: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.size.min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}
