//! A record while it is being planned: its cells are taken one by one, and faults and warnings
//! accumulate.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    Warning, catalogue,
    damage::{self, Class, Mended},
};
use crate::model::{
    Cell, Code, FactorType, Fault, Field, Record, Refusal, Rejection, SecretEncoding, UserId,
};

/// Rule that a masked value of another system breaks.
const MASKED: &str =
    "is masked: part of it is hidden, so nothing can be sent to it. Export it whole";

/// A rule that a value breaks: its stable name, and the sentence for people, which never holds the
/// value or a piece of it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) code: Code,
    pub(super) text: Cow<'static, str>,
}

impl Rule {
    pub(super) fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }
}

/// Hands out the cells of a record and collects its faults.
pub(super) struct Draft {
    /// Boxed, since it is too large to be moved for each row.
    record: Box<Record>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    /// Fields, as bits, whose cell is damaged beyond use; a fault says so already.
    lost: u32,
}

impl Draft {
    /// Starts with a record: cells are mended where damage can be undone, and refused where it
    /// cannot. `secrets` is the declared encoding of its secret, if any.
    pub(super) fn new(record: Box<Record>, secrets: Option<SecretEncoding>) -> Self {
        let mut draft = Self { record, faults: Vec::new(), warnings: Vec::new(), lost: 0 };
        let mut nulls = 0;
        for field in Field::ALL {
            if let Cell::Text(text) = draft.record.get(field)
                && damage::is_suspect(text)
            {
                nulls |= draft.mend(field, Class::of(field, secrets));
            }
        }
        if nulls != 0 {
            draft.warn(Warning::NullWord { fields: nulls });
        }
        draft
    }

    /// Looks for damage before the rule of the field examines the cell; returns the field's bit if
    /// it holds a word for a missing value.
    #[cold]
    fn mend(&mut self, field: Field, class: Class) -> u32 {
        let Cell::Text(text) = self.record.take(field) else {
            return 0;
        };
        let text = Zeroizing::new(text);
        match damage::mend(&text, class) {
            Mended::Sound(text) => self.record.set(field, Cell::Text(text)),
            Mended::Garbled(text) => {
                self.warn(Warning::GarbledText { field });
                self.record.set(field, Cell::Text(text));
            }
            Mended::Absent => return field.bit(),
            Mended::Lost(rule) => {
                self.lost |= field.bit();
                self.fault(field, rule);
            }
        }
        0
    }

    /// Returns true if there are no faults so far.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Takes the warnings so far, and leaves none.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Returns the rejection of a record that cannot be used, with all its faults.
    pub(super) fn reject(
        mut self,
        user: Option<UserId>,
        factor_type: Option<FactorType>,
    ) -> Rejection {
        // After a shifted column this may be anything; an id has a `|`, secrets do not.
        let user = user.filter(|user| user.as_str().contains('|'));
        let (line, index) = (self.record.line, self.record.index);
        let at = self.take_at();
        let refusal = Refusal::Rejected;
        Rejection { line, index, at, user, factor_type, refusal, faults: self.faults }
    }

    /// Takes the record's path inside of a document.
    pub(super) fn take_at(&mut self) -> Option<Box<str>> {
        self.record.at.take()
    }

    /// Notes that `field` breaks `rule`.
    pub(super) fn fault(&mut self, field: Field, rule: Rule) {
        let name = field.name();
        let path = match self.record.index {
            // A user's line has one id, beside the list.
            Some(index) if !self.record.is_of_system && field != Field::UserId => {
                format!("authentication_methods[{index}].{name}")
            }
            _ => name.to_owned(),
        };
        let is_of_system = self.record.is_of_system;
        let code = if is_of_system { catalogue::code(field, rule.code) } else { rule.code };
        // Auth0's own remedy does not help with values from another system.
        let text = if code == Code::MaskedValue { MASKED.into() } else { rule.text };
        self.faults.push(Fault::new(path, code, text));
    }

    /// Takes the cell of `field` as it is.
    pub(super) fn take(&mut self, field: Field) -> Cell {
        self.record.take(field)
    }

    /// Takes the text of `field`; anything but text is a fault.
    fn text(&mut self, field: Field) -> Option<String> {
        let what = match self.record.take(field) {
            Cell::Absent => return None,
            Cell::Text(text) => return Some(text),
            Cell::Bool(_) => "a boolean",
            Cell::Bit(_) => "a number",
            Cell::List(_) => "a list",
            Cell::Unusable(what) => what,
        };
        let lost = if what == "a number" { ": numbers lose leading zeros and the `+`" } else { "" };
        let text = format!("is {what}, but must be a string in quotes{lost}");
        self.fault(field, Rule::new(Code::NotAString, text));
        None
    }

    /// Returns the checked text of an optional field.
    pub(super) fn optional<T>(
        &mut self,
        field: Field,
        check: impl FnOnce(String) -> Result<T, Rule>,
    ) -> Option<T> {
        let text = self.text(field)?;
        check(text).map_err(|rule| self.fault(field, rule)).ok()
    }

    /// Returns the checked text of a required field.
    pub(super) fn required<T>(
        &mut self,
        field: Field,
        check: impl FnOnce(String) -> Result<T, Rule>,
    ) -> Option<T> {
        if matches!(self.record.get(field), Cell::Absent) && self.lost & field.bit() == 0 {
            self.fault(field, Rule::new(Code::Required, "is required"));
        }
        self.optional(field, check)
    }

    /// Refuses cells that have not been taken: they do not belong to a factor of this type.
    pub(super) fn refuse_rest(&mut self, factor_type: FactorType) {
        for field in Field::FACTOR {
            if !matches!(self.record.get(field), Cell::Absent) {
                let whose = match factor_type {
                    FactorType::Phone => "a phone",
                    FactorType::Email => "an e-mail factor",
                    FactorType::Totp => "an authenticator app (`totp`)",
                    FactorType::WebauthnRoaming => "a security key (`webauthn-roaming`)",
                    FactorType::Passkey => "a passkey",
                };
                let text = format!("does not belong to {whose}: leave it empty");
                self.fault(field, Rule::new(Code::ForeignField, text));
            }
        }
    }
}
