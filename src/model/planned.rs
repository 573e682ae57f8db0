//! Result of planning a row.

use std::{borrow::Cow, cmp::Reverse, collections::BTreeMap};

use super::{Code, Factor, FactorType, Field, Lines, State, UserId};
use crate::text::escape;

/// One fault of one row. States the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// The field at fault, as a name or a path (`authentication_methods[1].phone_number`); empty
    /// when the whole line is at fault.
    pub field: String,
    /// The rule that it breaks, as a sentence for people.
    pub rule: String,
    /// The stable name of that rule; empty in ledgers that were written without it.
    #[serde(default)]
    pub code: Cow<'static, str>,
}

impl Fault {
    /// Makes a fault of `field` against the rule `code`.
    pub fn new(field: impl Into<String>, code: Code, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into(), code: code.name().into() }
    }
}

/// Kinds of refusal before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The row is faulty.
    Rejected,
    /// The row is sound, but no API can create the factor, or its source does not export it.
    NotCarried,
}

impl Refusal {
    /// Returns the state of a row that is refused like this.
    pub const fn state(self) -> State {
        match self {
            Self::Rejected => State::Rejected,
            Self::NotCarried => State::NotCarried,
        }
    }
}

/// A row that is refused before anything is sent, with every fault found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Physical line of the row.
    pub line: u64,
    /// Number of the row among those of its line ([`Record::index`](super::Record::index)).
    pub index: Option<u32>,
    /// Path inside of a document, where that says more than a line.
    pub at: Option<Box<str>>,
    /// The user, if that much could be read.
    pub user: Option<UserId>,
    /// The type, if that much could be read.
    pub factor_type: Option<FactorType>,
    /// Reason in kind.
    pub refusal: Refusal,
    /// Faults of the row: at least one.
    pub faults: Vec<Fault>,
}

impl Rejection {
    /// Returns the code of its first fault.
    pub fn code(&self) -> Code {
        let name = self.faults.first().map_or("", |fault| &fault.code);
        Code::from_name(name).unwrap_or(Code::Unknown)
    }

    /// Formats one line of text for each of its faults, safe to print.
    pub fn told(&self, lines: &Lines) -> impl Iterator<Item = String> {
        let state = self.refusal.state().name().replace('_', " ");
        let begin = format!("{state}: {}", self.place(lines));
        self.faults.iter().map(move |Fault { field, rule, code }| {
            let field = if field.is_empty() { String::new() } else { format!(", {field}") };
            let code = if code.is_empty() { String::new() } else { format!(" [{code}]") };
            format!("{begin}{}", escape(&format!("{field}: {rule}{code}")))
        })
    }

    /// Returns the codes of all its faults.
    pub fn codes(&self) -> impl Iterator<Item = Code> {
        self.faults.iter().map(|fault| Code::from_name(&fault.code).unwrap_or(Code::Unknown))
    }

    /// Describes the position of the row for people.
    pub fn place(&self, lines: &Lines) -> String {
        lines.describe(self.line, self.at.as_deref())
    }
}

/// Numbers of refused rows by code and type. There are few codes, however long the input.
#[derive(Debug, Default)]
pub struct CodeCounts(BTreeMap<(&'static str, Option<FactorType>), u64>);

impl CodeCounts {
    /// Counts a row.
    pub fn add(&mut self, rejection: &Rejection) {
        *self.0.entry((rejection.code().name(), rejection.factor_type)).or_default() += 1;
    }

    /// Returns the numbers by code and type, the largest first.
    pub fn by_type(&self) -> Vec<(&'static str, Option<FactorType>, u64)> {
        let mut all: Vec<_> =
            self.0.iter().map(|((code, of), count)| (*code, *of, *count)).collect();
        all.sort_by_key(|(_, _, count)| Reverse(*count));
        all
    }

    /// Returns the numbers by code, the largest first.
    pub fn by_code(&self) -> Vec<(&'static str, u64)> {
        let mut codes = BTreeMap::<_, u64>::new();
        for ((code, _), count) in &self.0 {
            *codes.entry(*code).or_default() += count;
        }
        let mut all: Vec<_> = codes.into_iter().collect();
        all.sort_by_key(|(_, count)| Reverse(*count));
        all
    }
}

impl Rejection {
    /// Makes a rejection of a row of which only the line and the faults are known.
    pub fn of_line(line: u64, faults: Vec<Fault>) -> Self {
        Self {
            line,
            index: None,
            at: None,
            user: None,
            factor_type: None,
            refusal: Refusal::Rejected,
            faults,
        }
    }
}

/// Returns true if a fault says that a TOTP row has no secret in it.
fn is_no_secret(fault: &Fault) -> bool {
    let is = |codes: &[Code]| codes.iter().any(|code| fault.code == code.name());
    let is_about_secret = fault.field.ends_with(Field::TotpSecret.name());
    is(&[Code::SecretNotExported, Code::OtpauthNoSecret])
        || is_about_secret && is(&[Code::Required, Code::Masked, Code::MaskedValue])
}

/// A row after planning: a factor to deliver, or the reasons why not.
#[derive(Debug)]
pub enum Planned {
    /// The row can be sent.
    Factor(Box<Factor>),
    /// The row cannot be sent.
    Rejected(Box<Rejection>),
}

impl Planned {
    /// Physical line of its row.
    pub fn line(&self) -> u64 {
        match self {
            Self::Factor(factor) => factor.line,
            Self::Rejected(rejection) => rejection.line,
        }
    }

    /// Returns true if the row has a TOTP secret, as far as is known; for a row that cannot be
    /// used, its faults decide.
    pub fn has_totp_secret(&self) -> bool {
        match self {
            Self::Factor(factor) => factor.factor_type() == FactorType::Totp,
            Self::Rejected(row) => {
                row.factor_type == Some(FactorType::Totp) && !row.faults.iter().any(is_no_secret)
            }
        }
    }

    /// Returns the path of its row inside a document, where that says more than a line.
    pub fn at(&self) -> Option<&str> {
        match self {
            Self::Factor(factor) => factor.at.as_deref(),
            Self::Rejected(rejection) => rejection.at.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cannot_be_used_holds_a_secret_unless_that_is_its_fault() {
        let is_about = |factor_type, field: &str, code| {
            let faults = vec![Fault::new("name", Code::TooLong, ""), Fault::new(field, code, "")];
            let rejection = Rejection { factor_type, ..Rejection::of_line(2, faults) };
            Planned::Rejected(Box::new(rejection)).has_totp_secret()
        };
        let totp = Some(FactorType::Totp);
        for (field, code, is_there) in [
            ("totp_secret", Code::LooksLikeHex, true),
            ("authentication_methods[3].totp_secret", Code::TooShort, true),
            ("user_id", Code::Required, true),
            ("user_id", Code::UserNotMapped, true),
            ("user_id", Code::Masked, true),
            ("", Code::SecretEncrypted, true),
            ("", Code::Disabled, true),
            ("totp_secret", Code::Required, false),
            ("authentication_methods[3].totp_secret", Code::Required, false),
            ("totp_secret", Code::Masked, false),
            ("totp_secret", Code::MaskedValue, false),
            ("totp_secret", Code::OtpauthNoSecret, false),
            ("", Code::SecretNotExported, false),
        ] {
            assert_eq!(is_about(totp, field, code), is_there, "{field} {code:?}");
            assert!(!is_about(Some(FactorType::Phone), field, code));
            assert!(!is_about(None, field, code));
        }
    }
}
