//! Damage that spreadsheets, database clients, mail programs and copied text do to a cell, whatever
//! field it is: recognised before the field's own rule. Characters that cannot be part of the value
//! are removed; if the value itself is lost, or more than one reading is possible, the cell is
//! refused.

use zeroize::Zeroizing;

use super::{
    draft::Rule,
    text::{is_garbled, is_hazard, is_invisible},
};
use crate::model::{Code, Field, SecretEncoding};

/// Words that programs write for a missing value: SQL, `COPY` of `PostgreSQL`, SQL Developer,
/// `DBeaver`, Python, Ruby, JavaScript.
const NULL_WORDS: [&str; 9] =
    ["null", "\\n", "(null)", "[null]", "<null>", "none", "nil", "undefined", "nan"];
/// Error values that spreadsheets write in place of a result that they could not work out.
const ERRORS: [&str; 8] =
    ["#name?", "#value!", "#ref!", "#div/0!", "#num!", "#n/a", "#null!", "#spill!"];
/// Quotes that are written around text, in pairs.
const QUOTES: [(char, char); 8] = [
    ('"', '"'),
    ('\'', '\''),
    ('\u{201c}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{bb}', '\u{ab}'),
    ('`', '`'),
];

/// Kind of value in a cell, which decides what may be removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// An id or key text that is compared exactly: nothing is removed.
    Exact,
    /// A value whose alphabet has no quotes, apostrophes or invisible characters.
    Closed,
    /// A phone number; its own rule handles decimal tails.
    Number,
    /// A value that ends where white space begins, but may hold nearly any character.
    Open,
    /// Words for people. They are no reason to lose a factor.
    Words,
}

impl Class {
    pub(super) fn of(field: Field, secrets: Option<SecretEncoding>) -> Self {
        match field {
            Field::UserId | Field::AuthenticationMethodId => Self::Exact,
            // A key that is the text itself may hold quotes.
            Field::TotpSecret if secrets == Some(SecretEncoding::Text) => Self::Exact,
            Field::Name | Field::UserAgent => Self::Words,
            Field::Email | Field::IdentityUserId | Field::UserHandle => Self::Open,
            Field::PhoneNumber => Self::Number,
            Field::Type
            | Field::PreferredAuthenticationMethod
            | Field::TotpSecret
            | Field::KeyId
            | Field::PublicKey
            | Field::RelyingPartyIdentifier
            | Field::Aaguid
            | Field::CredentialDeviceType
            | Field::CredentialBackedUp
            | Field::Transports => Self::Closed,
        }
    }

    fn is_closed(self) -> bool {
        matches!(self, Self::Closed | Self::Number)
    }
}

/// Outcome of mending a cell.
#[derive(Debug)]
pub(super) enum Mended {
    /// Text without damage.
    Sound(String),
    /// Words that can be used although they were decoded wrongly.
    Garbled(String),
    /// A word for a missing value.
    Absent,
    /// The value cannot be recovered.
    Lost(Rule),
}

/// Returns true if a cell needs a closer look: every cell is tested, and hardly any needs one.
pub(super) fn is_suspect(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    !text.is_ascii()
        || first.is_ascii_whitespace()
        || last.is_ascii_whitespace()
        || matches!(first, b'\'' | b'"' | b'`' | b'=' | b'#' | b'\\' | b'(' | b'[' | b'<')
        || matches!(first, b'n' | b'N' | b'u' | b'U') && bytes.len() <= 9
        || matches!(first, b'0'..=b'9' | b'+' | b'-')
            && (memchr::memchr2(b'e', b'E', bytes).is_some()
                || *last == b'0' && memchr::memchr(b'.', bytes).is_some())
}

/// Removes damage from a cell, or returns why that is impossible.
pub(super) fn mend(text: &str, class: Class) -> Mended {
    // Removed first: such characters may be in front of what is stripped below.
    let visible = Zeroizing::new(match class {
        Class::Words => without(text, is_hazard),
        Class::Closed | Class::Number => without(text, is_invisible),
        Class::Exact | Class::Open => text.to_owned(),
    });
    if is_null_word(&visible) {
        return Mended::Absent;
    }
    let bare = match strip(&visible, class) {
        Ok(bare) => bare,
        Err(rule) => return Mended::Lost(rule),
    };
    if is_null_word(bare) {
        return Mended::Absent;
    }
    if is_error(bare) {
        return match class {
            Class::Words => Mended::Absent,
            _ => Mended::Lost(Rule::new(
                Code::SpreadsheetError,
                "is a spreadsheet error such as `#NAME?`, and the value is lost: export it again \
                 from its source",
            )),
        };
    }
    if class == Class::Words {
        let words = bare.to_owned();
        return if is_garbled(bare) { Mended::Garbled(words) } else { Mended::Sound(words) };
    }
    if let Some(rule) = lost(bare, class) {
        return Mended::Lost(rule);
    }
    Mended::Sound(bare.to_owned())
}

/// Returns a copy without some characters. It is never reallocated, which would leave a piece of a
/// secret behind.
fn without(text: &str, left_out: fn(char) -> bool) -> String {
    let mut copy = String::with_capacity(text.len());
    copy.extend(text.chars().filter(|c| !left_out(*c)));
    copy
}

/// Returns the rule that a cell breaks if its value is lost.
fn lost(text: &str, class: Class) -> Option<Rule> {
    if let Some(rule) = exponent(text) {
        return Some(rule);
    }
    if class != Class::Number && is_decimal(text) {
        let rule = "is a number with decimals, as programs write an id that they took for a \
                    number: export it again as text";
        // `1.0` says yes; its own rule knows.
        return (class != Class::Closed).then(|| Rule::new(Code::DecimalTail, rule));
    }
    if text.contains('\u{fffd}') {
        let rule = "contains a replacement character (U+FFFD): it was wrongly decoded, export it \
                    again";
        return Some(Rule::new(Code::GarbledText, rule));
    }
    if class.is_closed() {
        return None;
    }
    let at = text.chars().position(is_invisible)?;
    let rule = format!("has an invisible character at position {}", at + 1);
    Some(Rule::new(Code::InvisibleCharacter, rule))
}

/// Strips white space, marks, guards and quotes from around a value.
fn strip(text: &str, class: Class) -> Result<&str, Rule> {
    let is_outer = |c: char| c.is_whitespace() || is_invisible(c);
    if class == Class::Exact {
        return match exact_fault(text) {
            Some(rule) => Err(rule),
            None => Ok(text),
        };
    }
    let mut text = text;
    loop {
        let before = text.len();
        text = text.trim_matches(is_outer);
        text = unquoted(text);
        if text.len() == before {
            text = unguarded(text, class)?;
        }
        if text.len() == before {
            return Ok(text);
        }
    }
}

/// Returns the rule that a value breaks if it must be taken exactly but has something around it.
fn exact_fault(text: &str) -> Option<Rule> {
    let inner = text.trim_matches(is_invisible);
    let (code, rule) = if inner.len() < text.len() {
        (Code::InvisibleCharacter, "begins or ends with an invisible character: remove it")
    } else if unquoted(text).len() < text.len() {
        (Code::SurroundingQuotes, "is in quotes that are part of the cell: remove them")
    } else if text.starts_with('\'') {
        (
            Code::ApostropheGuard,
            "begins with an apostrophe, with which spreadsheets protect text: remove it",
        )
    } else if text.starts_with("=\"") {
        (Code::Formula, FORMULA)
    } else {
        return None;
    };
    Some(Rule::new(code, rule))
}

const FORMULA: &str = "begins with `=`, like a spreadsheet formula: export the value as text";

/// Returns the text inside a pair of quotes.
fn unquoted(text: &str) -> &str {
    QUOTES
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
        .unwrap_or(text)
}

/// Returns the text inside the guard that keeps spreadsheets from calculating: `'+49…` and
/// `="+49…"`.
fn unguarded(text: &str, class: Class) -> Result<&str, Rule> {
    if let Some(quoted) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return Ok(quoted);
    }
    let (code, rule) = match (text.strip_prefix('\''), class) {
        (Some(rest), Class::Words) if rest.starts_with(['=', '+', '-', '@']) => return Ok(rest),
        (Some(rest), Class::Closed | Class::Number) => return Ok(rest),
        (Some(_), Class::Open) => (
            Code::ApostropheGuard,
            "begins with an apostrophe, with which spreadsheets protect text: remove it if it is \
             not part of the value",
        ),
        (None, Class::Closed | Class::Number | Class::Open) if text.starts_with('=') => {
            (Code::Formula, FORMULA)
        }
        _ => return Ok(text),
    };
    Err(Rule::new(code, rule))
}

fn is_null_word(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 9 && NULL_WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Returns true if an entry of a list is a word for a missing value.
pub(super) fn is_null_entry(text: &str) -> bool {
    text.trim().is_empty() || is_null_word(text)
}

fn is_error(text: &str) -> bool {
    text.starts_with('#')
        && (ERRORS.iter().any(|error| text.eq_ignore_ascii_case(error))
            || text.len() >= 3 && text.bytes().all(|byte| byte == b'#'))
}

/// `4.47718E+11` and such: a plus after the `E`, or decimals before it.
fn exponent(text: &str) -> Option<Rule> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let is_signed = exponent.starts_with(['+', '-']);
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_number = digits(whole)
        && (decimals.is_empty() || digits(decimals))
        && digits(power)
        && power.len() <= 3
        && (is_signed || !decimals.is_empty());
    if !is_number {
        return None;
    }
    // Digits after the point are moved before it; if there are too few, zeros have replaced the
    // lost ones.
    let is_whole = power.parse::<usize>().is_ok_and(|power| power <= decimals.len());
    Some(Rule::new(
        Code::SpreadsheetExponent,
        if is_whole {
            "is in a spreadsheet's scientific notation: format the column as text and export it \
             again"
        } else {
            "is in a spreadsheet's scientific notation, and digits are lost: format the column as \
             text and export it again"
        },
    ))
}

/// `123456789.0`: digits, a point and zeros.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, tail)| {
        digits(whole) && digits(tail) && tail.bytes().all(|b| b == b'0')
    })
}
