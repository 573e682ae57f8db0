//! Turns one JSONL line into rows: a factor, or a user with several.
//!
//! `serde_json` reports where a line stops being JSON; its messages are never shown, since they
//! quote values. The visitors below check shapes and leave the broken rule in a [`Line`].

use std::collections::VecDeque;
use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::{
    Row, TOO_LONG,
    dialect::Names,
    frame::Frame,
    jsonl::Unit,
    line_fault,
    pairs::{CellSeed, KeySeed, METHODS},
    shape::{Name, Shape},
};
use crate::model::{Cell, Field, Record};

/// Factors of one user on one line; the API takes a few dozen at most. Bounds memory.
const MAX_METHODS: usize = 1000;

/// Appends the rows of one line or object of an input of those names.
pub(super) fn rows(frame: &Frame<'_>, names: &Names, unit: Unit, into: &mut VecDeque<Row>) {
    let line = frame.line;
    let bare_cr = |text: &[u8]| unit == Unit::Line && memchr(b'\r', text).is_some();
    if let Some(rule) = line_fault(frame.text, bare_cr) {
        into.push_back(Row::rejected(line, "", rule));
        return;
    }
    match read(frame, names, unit) {
        Ok(Parsed::Factor(record)) => into.push_back(Row::Record(record)),
        Ok(Parsed::User(records)) => {
            into.extend(records.into_iter().map(|record| Row::Record(Box::new(record))));
        }
        Err(fault) => into.push_back(Row::rejected(line, &fault.field, fault.rule)),
    }
}

/// Contents of a line.
enum Parsed {
    Factor(Box<Record>),
    User(Vec<Record>),
}

/// A fault of a line, and the field it concerns.
struct LineFault {
    field: String,
    rule: String,
}

impl LineFault {
    fn line(rule: impl Into<String>) -> Self {
        Self { field: String::new(), rule: rule.into() }
    }
}

fn read(frame: &Frame<'_>, names: &Names, unit: Unit) -> Result<Parsed, LineFault> {
    let mut record = Box::new(Record::new(frame.line));
    let mut line = Line {
        number: frame.line,
        names,
        unit,
        expected: Expected::Line,
        fault: None,
        methods: None,
        n_keys: 0,
    };
    let mut json = serde_json::Deserializer::from_str(frame.text);
    let object = Object { record: &mut record, index: None, line: &mut line };
    object.deserialize(&mut json).map_err(|error| explain(&error, &mut line))?;
    json.end().map_err(|error| {
        let column = error.column();
        LineFault::line(format!(
            "the line goes on after its JSON object (column {column}): write one object per line"
        ))
    })?;

    let Some(mut methods) = line.methods else {
        return Ok(Parsed::Factor(record));
    };
    if line.n_keys > 1 + usize::from(record.get(Field::UserId) != &Cell::Absent) {
        return Err(LineFault::line(format!(
            "{} {} with `{METHODS}` must have no other key than that and `user_id`",
            if unit == Unit::Line { "a" } else { "an" },
            unit.name(),
        )));
    }
    if methods.is_empty() && names.shape != Shape::Exported {
        return Err(LineFault { field: METHODS.to_owned(), rule: "has no factors".to_owned() });
    }
    for method in &mut methods {
        method.set(Field::UserId, record.get(Field::UserId).clone());
    }
    Ok(Parsed::User(methods))
}

/// Translates an error of `serde_json` into our words. Its own may quote values.
fn explain(error: &serde_json::Error, line: &mut Line<'_>) -> LineFault {
    let (unit, column) = (line.unit, error.column());
    match error.classify() {
        Category::Data => line.fault.take().unwrap_or_else(|| line.expected.fault(unit)),
        Category::Eof => LineFault::line(format!(
            "the line ends inside its JSON object (column {column}): was it cut off?"
        )),
        Category::Syntax | Category::Io => LineFault::line(match unit {
            Unit::Line => format!("the line is not valid JSON (column {column})"),
            Unit::Object => {
                let line = line.number + error.line() as u64 - 1;
                format!("the object is not valid JSON (line {line}, column {column})")
            }
        }),
    }
}

/// State that the visitors of one line share.
struct Line<'n> {
    number: u64,
    names: &'n Names,
    unit: Unit,
    /// The token that must come next.
    expected: Expected,
    /// The rule for which we stopped the parsing.
    fault: Option<LineFault>,
    methods: Option<Vec<Record>>,
    /// Keys of the outer object that are not ignored.
    n_keys: usize,
}

impl Line<'_> {
    fn refuse<E: Error>(&mut self, field: &str, rule: impl Into<String>) -> E {
        self.fault = Some(LineFault { field: field.to_owned(), rule: rule.into() });
        E::custom("see `Line::fault`")
    }
}

/// The values whose shape is fixed.
#[derive(Clone, Copy)]
enum Expected {
    Line,
    Methods,
    Method(u32),
}

impl Expected {
    fn fault(self, unit: Unit) -> LineFault {
        let (field, rule) = match self {
            Self::Line if unit == Unit::Line => {
                return LineFault::line("the line must be a JSON object");
            }
            Self::Line => return LineFault::line("every value must be a JSON object"),
            Self::Methods => (METHODS.to_owned(), "must be a list of factors"),
            Self::Method(index) => (format!("{METHODS}[{index}]"), "must be an object"),
        };
        LineFault { field, rule: rule.to_owned() }
    }
}

/// A factor, or the outer object of a line.
struct Object<'a, 'n> {
    record: &'a mut Record,
    /// Index in `authentication_methods`; `None` for the outer object.
    index: Option<u32>,
    line: &'a mut Line<'n>,
}

impl Object<'_, '_> {
    fn path(&self, key: &str) -> String {
        match self.index {
            Some(index) => format!("{METHODS}[{index}].{key}"),
            None => key.to_owned(),
        }
    }

    /// Returns the path of an unknown key.
    fn place(&self) -> String {
        let whole = || format!("the {}", self.line.unit.name());
        self.index.map_or_else(whole, |index| format!("`{METHODS}[{index}]`"))
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u32;
        let (mut n_keys, mut n_ignored) = (0, 0);
        while let Some(key) = map.next_key_seed(KeySeed(self.line.names))? {
            n_keys += 1;
            match key {
                Name::Field(Field::UserId) if self.index.is_some() => {
                    let rule = format!("belongs next to `{METHODS}`, not inside it");
                    return Err(self.line.refuse(&self.path("user_id"), rule));
                }
                Name::Field(field) => {
                    let bit = 1 << field as u32;
                    if seen & bit != 0 {
                        return Err(self.line.refuse(&self.path(field.name()), "appears twice"));
                    }
                    seen |= bit;
                    let Some(cell) = map.next_value_seed(CellSeed)? else {
                        return Err(self.line.refuse(&self.path(field.name()), TOO_LONG));
                    };
                    self.record.set(field, cell);
                }
                Name::Methods if self.index.is_none() => {
                    if self.line.methods.is_some() {
                        return Err(self.line.refuse(METHODS, "appears twice"));
                    }
                    self.line.expected = Expected::Methods;
                    let methods = map.next_value_seed(Methods { line: self.line })?;
                    self.line.methods = Some(methods);
                }
                // A part of a method, as the API lists it.
                Name::Methods if self.line.names.shape == Shape::Exported => {
                    map.next_value::<IgnoredAny>()?;
                }
                Name::Methods => {
                    return Err(self.line.refuse(&self.path(METHODS), "must not contain itself"));
                }
                Name::Codes => {
                    n_ignored += 1;
                    if let Some(Cell::Text(codes)) = map.next_value_seed(CellSeed)? {
                        self.line.names.selection.note(&codes);
                    }
                }
                Name::Ignored => {
                    n_ignored += 1;
                    map.next_value::<IgnoredAny>()?;
                }
                Name::Unknown(near) => {
                    let near = near
                        .map_or_else(String::new, |f| format!("; did you mean `{}`?", f.name()));
                    let rule = format!("key {n_keys} of {} is unknown{near}", self.place());
                    return Err(self.line.refuse("", rule));
                }
            }
        }
        if self.index.is_none() {
            self.line.n_keys = n_keys - n_ignored;
        }
        Ok(())
    }
}

/// The list of a user's factors.
struct Methods<'a, 'n> {
    line: &'a mut Line<'n>,
}

impl<'de> DeserializeSeed<'de> for Methods<'_, '_> {
    type Value = Vec<Record>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Record>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Methods<'_, '_> {
    type Value = Vec<Record>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Record>, A::Error> {
        let mut records = Vec::new();
        for index in 0.. {
            let mut record = Record::new(self.line.number);
            record.index = Some(index);
            self.line.expected = Expected::Method(index);
            let object = Object { record: &mut record, index: Some(index), line: self.line };
            if list.next_element_seed(object)?.is_none() {
                break;
            }
            if records.len() == MAX_METHODS {
                let rule = format!("must have at most {MAX_METHODS} factors");
                return Err(self.line.refuse(METHODS, rule));
            }
            records.push(record);
        }
        Ok(records)
    }
}
