//! Output of a dialect: the rows of one element, and the person they belong to.

use std::fmt::{self, Display};

use data_encoding::BASE32_NOPAD;

use super::{Options, migration::Part};
use crate::{
    input::Row,
    model::{
        Cell, Code, FactorType, Fault, Field, Node, Person, Record, Refusal, Rejection,
        SecretEncoding,
    },
};

/// Most rows of one person; the API accepts a few dozen. Bounds memory.
const MAX_ROWS: usize = 1000;
/// Entries of a list inside a factor. Bounds memory.
const MAX_ENTRIES: usize = 64;

/// Rows of one element of an export: a person, or a line of a table.
pub struct Rows<'a> {
    /// Flags that change what a dialect makes of an element.
    pub options: &'a Options,
    /// Text of a note of the element's document, by its place.
    note: &'a dyn Fn(&'static str) -> Option<&'a str>,
    /// The person whose rows these are.
    pub person: Person,
    /// Rows, in the order of the element.
    found: Vec<SourceRow>,
    /// Earlier people of the element, with their rows.
    before: Vec<(Person, Vec<SourceRow>)>,
    /// Part of a transfer that the element is.
    pub(super) part: Option<Part>,
    /// Remark about the whole export, with its code.
    pub(super) remark: Option<(&'static str, &'static str)>,
}

/// A row of an export before it is known which user of the tenant it belongs to.
#[derive(Debug)]
pub(super) enum SourceRow {
    Record(Box<Record>),
    /// With the record of a TOTP with faults, for proving how its secret is to be read.
    Refused(Box<Rejection>, Option<Box<Record>>),
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        options: &'a Options,
        note: &'a dyn Fn(&'static str) -> Option<&'a str>,
    ) -> Self {
        let (found, before) = (Vec::new(), Vec::new());
        Self { options, note, person: Person::default(), found, before, part: None, remark: None }
    }

    /// Goes on with the next person of an element that holds several.
    pub fn next_person(&mut self, person: Person) {
        let (person, found) =
            (std::mem::replace(&mut self.person, person), std::mem::take(&mut self.found));
        if !found.is_empty() {
            self.before.push((person, found));
        }
    }

    /// Returns the rows of each person.
    pub(super) fn finish(mut self) -> Vec<(Person, Vec<SourceRow>)> {
        let n_before: usize = self.before.iter().map(|(_, found)| found.len()).sum();
        if n_before + self.found.len() > MAX_ROWS {
            self.before.clear();
            self.found.clear();
            let rule = format!("has more than {MAX_ROWS} credentials: is this one person?");
            self.reject("", None, "", Code::InvalidRow, rule);
        }
        self.before.push((self.person, self.found));
        self.before
    }

    /// Returns whether there is no row yet.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.before.is_empty()
    }

    /// Returns the text of a note of this element's document.
    pub fn note(&self, place: &'static str) -> Option<&'a str> {
        (self.note)(place)
    }

    /// Adds a factor; one with faults is rejected with all of them. `at` is its path inside the
    /// element, such as `credentials[2]`; empty where the element is the row.
    pub fn push(&mut self, at: impl Display, factor: FactorDraft) {
        let FactorDraft { factor_type, mut record, faults } = factor;
        record.at = path(at);
        if faults.is_empty() {
            self.found.push(SourceRow::Record(record));
            return;
        }
        let refused = rejection(record.at.clone(), Some(factor_type), Refusal::Rejected, faults);
        let record = (factor_type == FactorType::Totp).then_some(record);
        self.found.push(SourceRow::Refused(Box::new(refused), record));
    }

    /// Adds a credential with faulty data: `field` is ours (or empty), `rule` a sentence without
    /// its subject that says what is wrong and what to do, without a value.
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

    /// Adds a credential that no API can create, or that the source does not export.
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

    /// Adds the one row of a person's recovery codes.
    pub fn recovery_codes(&mut self, at: impl Display) {
        let rule = "is a set of recovery codes: Auth0 has no import for them, and makes new ones";
        self.not_carried(at, None, Code::RecoveryCodesNotImportable, rule);
    }

    /// Returns the items of a list of credentials: none if it is absent. Anything but a list
    /// becomes a row that says so.
    pub fn items<'n>(&mut self, list: &'n Node, at: &str) -> &'n [Node] {
        if !matches!(list, Node::Null | Node::List(_)) {
            let rule = "must be a list: nothing in it can be read";
            self.reject(at, None, "", Code::InvalidRow, rule);
        }
        list.items()
    }

    /// Adds a verified phone of a profile, which counts as a factor only with the flag, and only if
    /// it is not one already.
    pub fn profile_phone(&mut self, at: impl Display, number: &str) {
        let is_same = |row: &SourceRow| match row {
            SourceRow::Record(record) => match record.get(Field::PhoneNumber) {
                Cell::Text(other) => digits(other).eq(digits(number)),
                _ => false,
            },
            SourceRow::Refused(..) => false,
        };
        if self.options.includes_profile_phone && !self.found.iter().any(is_same) {
            self.push(at, FactorDraft::phone(Some(number)));
        }
    }

    fn refuse(
        &mut self,
        at: impl Display,
        factor_type: Option<FactorType>,
        refusal: Refusal,
        faults: Vec<Fault>,
    ) {
        let refused = rejection(path(at), factor_type, refusal, faults);
        self.found.push(SourceRow::Refused(Box::new(refused), None));
    }
}

/// Returns the rejection of a row that has no place yet.
fn rejection(
    at: Option<Box<str>>,
    factor_type: Option<FactorType>,
    refusal: Refusal,
    faults: Vec<Fault>,
) -> Rejection {
    Rejection { at, factor_type, refusal, ..Rejection::of_line(0, faults) }
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("found", &self.found).finish_non_exhaustive()
    }
}

/// Position of a row in an input.
#[derive(Debug)]
pub(super) struct RowPosition<'a> {
    /// Physical line of its element.
    pub(super) line: u64,
    /// Number of the row among those of its line.
    pub(super) index: u32,
    /// Path of its element in the file.
    pub(super) at: &'a str,
}

impl RowPosition<'_> {
    /// Returns the path of a row whose path inside of the element is `inner`.
    fn path(&self, inner: Option<&str>) -> Option<Box<str>> {
        match (self.at, inner) {
            ("", inner) => inner.map(Into::into),
            (at, None) => Some(at.into()),
            (at, Some(inner)) if inner.starts_with('[') => Some(format!("{at}{inner}").into()),
            (at, Some(inner)) => Some(format!("{at}.{inner}").into()),
        }
    }
}

impl SourceRow {
    /// Makes the one row of an element that cannot be read.
    pub(super) fn unreadable(rule: String) -> Self {
        let faults = vec![Fault::new("", Code::InvalidRow, rule)];
        Self::Refused(Box::new(Rejection::of_line(0, faults)), None)
    }

    /// Returns the row with its place in the input, and the record of one that is refused.
    pub(super) fn placed(self, place: &RowPosition<'_>) -> (Row, Option<Box<Record>>) {
        match self {
            Self::Record(record) => (Row::Record(placed(record, place)), None),
            Self::Refused(mut rejection, record) => {
                rejection.at = place.path(rejection.at.as_deref());
                (rejection.line, rejection.index) = (place.line, Some(place.index));
                (Row::Rejected(*rejection), record.map(|record| placed(record, place)))
            }
        }
    }
}

fn placed(mut record: Box<Record>, place: &RowPosition<'_>) -> Box<Record> {
    record.at = place.path(record.at.as_deref());
    (record.line, record.index) = (place.line, Some(place.index));
    record.is_of_system = true;
    record
}

/// Returns the digits of a phone number, which identify it in any spelling.
fn digits(number: &str) -> impl Iterator<Item = char> {
    number.chars().filter(char::is_ascii_digit)
}

fn path(at: impl Display) -> Option<Box<str>> {
    let at = at.to_string();
    (!at.is_empty()).then(|| at.into())
}

/// A factor that a dialect is reading: its cells and its faults.
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

    /// Begins a phone.
    pub fn phone(number: Option<&str>) -> Self {
        Self::new(FactorType::Phone).set(Field::PhoneNumber, number)
    }

    /// Says that codes are sent to the phone as text messages.
    #[must_use]
    pub fn by_sms(self) -> Self {
        self.set(Field::PreferredAuthenticationMethod, Some("sms"))
    }

    /// Sets a text field, if there is a text; an empty one counts as none.
    #[must_use]
    pub fn set(mut self, field: Field, text: Option<&str>) -> Self {
        let text = text.filter(|text| !text.trim().is_empty());
        match text {
            // A name is for people: what it holds is no reason to lose a factor.
            Some(name) if field == Field::Name && name.contains(char::is_control) => {
                let name = name.replace(char::is_control, " ");
                self.record.set(field, Cell::Text(name.trim().into()));
            }
            Some(text) => self.record.set(field, Cell::Text(text.into())),
            None => {}
        }
        self
    }

    /// Sets a field to the export's value, for the field's own rule to judge.
    #[must_use]
    pub fn set_cell(mut self, field: Field, value: &Node) -> Self {
        self.record.set(field, as_cell(value));
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

    /// Sets the secret and its encoding. A text is the key to the last byte, including white space
    /// and quotes, so it is converted to Base32 before these could be taken for mistakes.
    #[must_use]
    pub fn secret(mut self, text: &str, encoding: SecretEncoding) -> Self {
        if encoding == SecretEncoding::Text {
            self.record.encoding = Some(SecretEncoding::Base32);
            self.record.was_text = true;
            return self.set(Field::TotpSecret, Some(&BASE32_NOPAD.encode(text.as_bytes())));
        }
        self.record.encoding = Some(encoding);
        self.set(Field::TotpSecret, Some(text))
    }

    /// Returns the faults so far.
    #[cfg(test)]
    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns the text of a field, where there is one.
    #[cfg(test)]
    pub(super) fn text(&self, field: Field) -> Option<&str> {
        match self.record.get(field) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Adds a fault of `field`.
    pub fn fault(&mut self, field: Field, code: Code, rule: impl Into<String>) {
        self.faults.push(Fault::new(field.name(), code, rule));
    }
}

/// Converts a value of an export to a cell of an input.
fn as_cell(value: &Node) -> Cell {
    match value {
        Node::Null => Cell::Absent,
        Node::Text(text) if text.trim().is_empty() => Cell::Absent,
        Node::Text(text) => Cell::Text(text.to_string()),
        Node::Bool(flag) => Cell::Bool(*flag),
        Node::Number(number) if matches!(number.as_str(), "0" | "1") => {
            Cell::Bit(number.as_str() == "1")
        }
        Node::Number(_) => Cell::Unusable("a number"),
        Node::Object(_) => Cell::Unusable("an object"),
        Node::List(items) if items.len() > MAX_ENTRIES => {
            Cell::Unusable("a list of more than 64 entries")
        }
        Node::List(items) => {
            let words: Option<Vec<String>> =
                items.iter().map(|item| item.text().map(str::to_owned)).collect();
            words.map_or(Cell::Unusable("a list of something other than strings"), Cell::List)
        }
    }
}
