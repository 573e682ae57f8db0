//! Other systems' exports: elements, dialects and planning.

use std::{
    collections::HashSet,
    io::{Cursor, Read},
};

use bytes::Bytes;

use super::rows::{PIECES, Pieces, assert_told};
use crate::{
    auth0::fuzzing::sent,
    input::Row,
    model::{Cell, Field, Planned, Rejection},
    plan,
    sources::{Export, ExportedRow, Options, SYSTEMS},
    text::canary::{assert_presentable, choose, with_canaries},
};

/// The first byte chooses the system, the second its form and flags, the rest is an export.
///
/// # Panics
/// When something does not hold.
pub fn source(data: &[u8]) {
    let [first, second, text @ ..] = data else {
        return;
    };
    let system = choose(SYSTEMS, *first);
    let text = with_canaries(text);
    let whole = read(Cursor::new(text.clone()), system, *second);
    let pieces = Pieces { bytes: Cursor::new(text.clone()), size: choose(&PIECES, *second) };
    assert!(whole == read(pieces, system, *second), "it matters how the bytes come");

    let (outcomes, _) = whole;
    assert!(outcomes.len() <= text.len(), "rows out of nothing");
    assert!(outcomes.is_sorted_by_key(|outcome| outcome.place), "rows go back");
    let places: HashSet<_> = outcomes.iter().map(|outcome| outcome.place).collect();
    assert_eq!(places.len(), outcomes.len(), "two rows in one place");
}

/// Outcome of a row.
#[derive(PartialEq)]
struct Outcome {
    /// Line, and number among its rows.
    place: (u64, Option<u32>),
    /// Body that would be sent.
    good: Option<Bytes>,
    bad: Option<Rejection>,
}

fn read(
    reader: impl Read + Send + 'static,
    system: &'static crate::sources::System,
    flags: u8,
) -> (Vec<Outcome>, Option<String>) {
    let options = Options {
        rp_id: (flags & 1 != 0).then(|| "login.example.org".into()),
        includes_profile_phone: flags & 2 != 0,
        ..Options::default()
    };
    let form = choose(system.forms, flags);
    let mut export = Export::from_reader(Box::new(reader), system, form, options);
    let mut outcomes = Vec::new();
    let error = loop {
        match export.next_found() {
            Ok(Some(found)) => outcomes.push(outcome(found)),
            Ok(None) => break None,
            Err(error) => {
                let message = error.to_string();
                assert_presentable(&message);
                assert_presentable(&error.hint());
                break Some(message);
            }
        }
    };
    assert!(matches!(export.next_found(), Ok(None)), "rows after the end");
    (outcomes, error)
}

fn outcome(ExportedRow { row, .. }: ExportedRow) -> Outcome {
    let (place, planned) = match row {
        Row::Record(mut record) => {
            record.set(Field::UserId, Cell::Text("auth0|1".into()));
            ((record.line, record.index), plan::plan(record, None).planned)
        }
        Row::Rejected(rejection) => {
            ((rejection.line, rejection.index), Planned::Rejected(Box::new(rejection)))
        }
    };
    match planned {
        Planned::Factor(factor) => Outcome { place, good: Some(sent(&factor)), bad: None },
        Planned::Rejected(rejection) => {
            assert_told(&rejection);
            assert!(rejection.faults.iter().all(|fault| !fault.code.is_empty()), "no code");
            assert_presentable(rejection.at.as_deref().unwrap_or(""));
            Outcome { place, good: None, bad: Some(*rejection) }
        }
    }
}
