//! Output of a dialect: the rows of one element, and whose they are.

use std::fmt::Display;

use super::Options;
use crate::model::{
    Cell, Code, FactorType, Fault, Field, Person, Record, Refusal, Rejection, SecretEncoding,
};

/// Rows of one element of an export: a person, or a line of a table.
#[derive(Debug)]
pub struct Rows<'a> {
    /// Flags that change what a dialect makes of an element.
    pub options: &'a Options,
    /// The person whose rows these are.
    pub person: Person,
    /// Rows, in the order of the element.
    pub(super) found: Vec<SourceRow>,
}

/// A row of an export before it is known which user of the tenant it belongs to.
#[derive(Debug)]
pub(super) enum SourceRow {
    Record(Box<Record>),
    Refused(Box<Rejection>),
}

impl<'a> Rows<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self { options, person: Person::default(), found: Vec::new() }
    }

    /// Adds a factor; one with faults is rejected with all of them. `at` is its path inside of the element,
    /// such as `credentials[2]`; empty where the element is the row.
    pub fn push(&mut self, at: impl Display, factor: FactorDraft) {
        let FactorDraft { factor_type, mut record, faults } = factor;
        if !faults.is_empty() {
            self.refuse(at, Some(factor_type), Refusal::Rejected, faults);
            return;
        }
        record.at = path(at);
        self.found.push(SourceRow::Record(record));
    }

    /// Adds a credential whose data is wrong: `field` is ours (or empty), `rule` a sentence without its
    /// subject that says what is wrong and what to do, without a value.
    pub fn reject(
        &mut self,
        at: impl Display,
        factor_type: Option<FactorType>,
        field: &str,
        code: Code,
        rule: impl Into<String>,
    ) {
        let faults = vec![Fault::new(field, code, rule)];
        self.refuse(at, factor_type, Refusal::Rejected, faults);
    }

    /// Adds a credential that no API can create, or that the source does not hand out.
    pub fn not_carried(
        &mut self,
        at: impl Display,
        factor_type: Option<FactorType>,
        code: Code,
        rule: impl Into<String>,
    ) {
        let faults = vec![Fault::new("", code, rule)];
        self.refuse(at, factor_type, Refusal::NotCarried, faults);
    }

    fn refuse(
        &mut self,
        at: impl Display,
        factor_type: Option<FactorType>,
        refusal: Refusal,
        faults: Vec<Fault>,
    ) {
        let at = path(at);
        let rejection =
            Rejection { line: 0, index: None, at, user: None, factor_type, refusal, faults };
        self.found.push(SourceRow::Refused(Box::new(rejection)));
    }
}

fn path(at: impl Display) -> Option<Box<str>> {
    let at = at.to_string();
    (!at.is_empty()).then(|| at.into())
}

/// A factor that a dialect is reading: cells, and what is wrong with them.
#[derive(Debug)]
pub struct FactorDraft {
    factor_type: FactorType,
    record: Box<Record>,
    faults: Vec<Fault>,
}

impl FactorDraft {
    /// Begins a factor of that type.
    pub fn new(factor_type: FactorType) -> Self {
        let mut record = Box::new(Record::new(0));
        record.set(Field::Type, Cell::Text(factor_type.name().into()));
        Self { factor_type, record, faults: Vec::new() }
    }

    /// Sets a text field, where there is a text; an empty one is none.
    #[must_use]
    pub fn set(mut self, field: Field, text: Option<&str>) -> Self {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.record.set(field, Cell::Text(text.into()));
        }
        self
    }

    /// Sets a truth value, where it is known.
    #[must_use]
    pub fn set_flag(mut self, field: Field, flag: Option<bool>) -> Self {
        if let Some(flag) = flag {
            self.record.set(field, Cell::Bool(flag));
        }
        self
    }

    /// Sets a list of words, unless it is empty.
    #[must_use]
    pub fn set_list(mut self, field: Field, words: Vec<String>) -> Self {
        if !words.is_empty() {
            self.record.set(field, Cell::List(words));
        }
        self
    }

    /// Sets the secret, and says how it is written.
    #[must_use]
    pub fn secret(mut self, text: &str, encoding: SecretEncoding) -> Self {
        self.record.encoding = Some(encoding);
        self.set(Field::TotpSecret, Some(text))
    }

    /// Notes what is wrong with `field`.
    pub fn fault(&mut self, field: Field, code: Code, rule: impl Into<String>) {
        self.faults.push(Fault::new(field.name(), code, rule));
    }
}
