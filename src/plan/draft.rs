//! A record on its way: cells are taken out, faults pile up.

use std::borrow::Cow;

use crate::model::{Cell, FactorType, Fault, Field, Record, Rejection, UserId};

/// What a value breaks. Never holds the value or a piece of it.
pub(super) type Rule = Cow<'static, str>;

/// Hands out the cells of a record and collects what is wrong with them.
pub(super) struct Draft {
    record: Record,
    faults: Vec<Fault>,
}

impl Draft {
    pub(super) fn new(record: Record) -> Self {
        Self { record, faults: Vec::new() }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// What there is to say of a record that cannot be used.
    pub(super) fn reject(self, user: Option<UserId>, factor_type: Option<FactorType>) -> Rejection {
        // After a shifted column this may be anything; an id has a `|`, secrets do not.
        let user = user.filter(|user| user.as_str().contains('|'));
        let (line, index) = (self.record.line, self.record.index);
        Rejection { line, index, user, factor_type, faults: self.faults }
    }

    /// Notes that `field` breaks `rule`.
    pub(super) fn fault(&mut self, field: Field, rule: impl Into<Rule>) {
        let name = field.name();
        let field = match self.record.index {
            // A user's line has one id, beside the list.
            Some(index) if field != Field::UserId => {
                format!("authentication_methods[{index}].{name}")
            }
            _ => name.to_owned(),
        };
        self.faults.push(Fault { field, rule: rule.into().into_owned() });
    }

    /// Takes the cell of `field` as it is.
    pub(super) fn take(&mut self, field: Field) -> Cell {
        self.record.take(field)
    }

    /// Takes the text of `field`; anything but text is a fault.
    pub(super) fn text(&mut self, field: Field) -> Option<String> {
        let cell = self.record.take(field);
        self.text_of(field, cell)
    }

    /// The text in a cell of `field`; anything but text is a fault.
    pub(super) fn text_of(&mut self, field: Field, cell: Cell) -> Option<String> {
        let what = match cell {
            Cell::Absent => return None,
            Cell::Text(text) => return Some(text),
            Cell::Bool(_) => "a boolean",
            Cell::List(_) => "a list",
            Cell::Unusable(what) => what,
        };
        let lost = if what == "a number" { ": numbers lose leading zeros and the `+`" } else { "" };
        self.fault(field, format!("is {what}, but must be a string in quotes{lost}"));
        None
    }

    /// The checked text of a field that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        field: Field,
        check: impl FnOnce(String) -> Result<T, Rule>,
    ) -> Option<T> {
        let text = self.text(field)?;
        check(text).map_err(|rule| self.fault(field, rule)).ok()
    }

    /// The checked text of a field that must be there.
    pub(super) fn required<T>(
        &mut self,
        field: Field,
        check: impl FnOnce(String) -> Result<T, Rule>,
    ) -> Option<T> {
        if matches!(self.record.get(field), Cell::Absent) {
            self.fault(field, "is required");
        }
        self.optional(field, check)
    }

    /// Refuses what has not been taken: it does not belong to a factor of this type.
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
                self.fault(field, format!("does not belong to {whose}: leave it empty"));
            }
        }
    }
}

/// What people write into numbers and secrets to make them readable: spaces and dashes.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}'..='\u{2015}')
}
