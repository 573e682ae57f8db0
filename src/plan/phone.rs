//! Phones: E.164 and nothing else, since Auth0 guesses no country.

use zeroize::Zeroizing;

use super::draft::{Draft, Rule, is_separator};
use crate::model::{Channel, Contact, Credential, Field};

/// E.164: 15 digits at most; no country's numbers have fewer than 7 with its code.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let number = draft.required(Field::PhoneNumber, number);
    let preferred = draft.optional(Field::PreferredAuthenticationMethod, channel);
    Some(Credential::Phone { number: number?, preferred })
}

#[expect(clippy::needless_pass_by_value, reason = "a check, as `Draft::optional` takes it")]
pub(super) fn channel(text: String) -> Result<Channel, Rule> {
    let text = text.trim();
    [Channel::Sms, Channel::Voice]
        .into_iter()
        .find(|channel| text.eq_ignore_ascii_case(channel.name()))
        .ok_or_else(|| "must be `sms` or `voice`".into())
}

fn number(text: String) -> Result<Contact, Rule> {
    if fault(&text).is_none() {
        return Ok(Contact::new(text));
    }
    let text = Zeroizing::new(text);
    if is_masked(&text) {
        return Err("is masked: export the whole number (tenant flag \
                    `disable_management_api_sms_obfuscation`)"
            .into());
    }
    if is_exponent(&text) {
        return Err(
            "is in the exponent form of a spreadsheet, its digits are lost: format the column \
                    as text and export it again"
                .into(),
        );
    }
    let mut number = Zeroizing::new(String::with_capacity(text.len()));
    number.extend(text.chars().filter(|c| !is_punctuation(*c)));
    match fault(&number) {
        Some(rule) => Err(rule),
        None => Ok(Contact::new(std::mem::take(&mut *number))),
    }
}

/// Whether a number has been masked: two or more of `X`, `x` or `*` in a row.
fn is_masked(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair.iter().all(|byte| matches!(byte, b'X' | b'x' | b'*')))
}

/// What is left out of numbers.
fn is_punctuation(c: char) -> bool {
    is_separator(c) || matches!(c, '.' | '(' | ')' | '[' | ']')
}

/// `4.47718E+11` and such.
fn is_exponent(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.trim().split_once(['e', 'E']).is_some_and(|(mantissa, exponent)| {
        digits(exponent.trim_start_matches('+')) && mantissa.split(['.', ',']).all(digits)
    })
}

/// Why a number without punctuation is not E.164.
fn fault(number: &str) -> Option<Rule> {
    let bytes = number.as_bytes();
    let Some((b'+', digits)) = bytes.split_first() else {
        return Some(without_plus(number).into());
    };
    if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
        if number.chars().any(char::is_alphabetic) {
            return Some("must not contain letters; extensions cannot be dialled".into());
        }
        let counted = "spaces, dots, dashes and brackets not counted";
        let position = at + 2;
        return Some(
            format!("must be digits after the `+`, but character {position} is none ({counted})")
                .into(),
        );
    }
    if digits.first() == Some(&b'0') {
        return Some(
            "must go on with the country code after the `+`, and none begins with 0".into(),
        );
    }
    (!DIGITS.contains(&digits.len())).then(|| {
        format!("has {} digits, but must have {} to {}", digits.len(), DIGITS.start(), DIGITS.end())
            .into()
    })
}

fn without_plus(number: &str) -> &'static str {
    if number.chars().any(char::is_alphabetic) {
        "must not contain letters: write `+`, the country code and the number"
    } else if number.starts_with("00") {
        "must begin with `+` and the country code: write `+` instead of the 00"
    } else {
        "must begin with `+` and the country code"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let outcome = match number(text.to_owned()) {
            Ok(number) => number.expose().to_owned(),
            Err(rule) => rule.into_owned(),
        };
        assert!(outcome.starts_with(expected), "{text:?}: {outcome}");
    }

    #[test]
    fn punctuation_is_removed() {
        for text in [
            "+12025550123",
            " +1 (202) 555-0123 ",
            "+1.202.555.0123",
            "+1\u{a0}202\u{202f}555\u{2011}0123",
            "+1[202]\u{2013}5550123",
        ] {
            check(text, "+12025550123");
        }
    }

    #[test]
    fn anything_but_e164_is_refused_with_its_own_rule() {
        check("XXXXXXXXX5044", "is masked");
        check("+1202***0123", "is masked");
        check("+1202555xx23", "is masked");
        check("4.47718E+11", "is in the exponent form");
        check("4,47718e11", "is in the exponent form");
        check("+12025550123x5", "must not contain letters; ext");
        check("202555CALL", "must not contain letters: write");
        check("0012025550123", "must begin with `+` and the country code: write");
        check("2025550123", "must begin with `+` and the country code");
        check("'+12025550123", "must begin with `+` and the country code");
        check("", "must begin with `+` and the country code");
        check("+02025550123", "must go on with the country code");
        check("+123456", "has 6 digits, but must have 7 to 15");
        check("+1234567", "+1234567");
        check("+123456789012345", "+123456789012345");
        check("+1234567890123456", "has 16 digits");
        check("+", "has 0 digits");
        check("+1202555\u{661}123", "must be digits after the `+`, but character 9 is none");
        check("+1202/5550123", "must be digits after the `+`, but character 6 is none");
    }
}
