//! Declarations of a source about its TOTP secrets. The API has no fields for them: it accepts any
//! secret, then checks SHA-1, 6 digits and 30 seconds, and the user's codes would be wrong for
//! ever.
//!
//! Anything not declared counts as usual: systems omit what they have never let anyone change.

use super::{FactorDraft, values};
use crate::model::{Code, Field, Node, SecretEncoding};

/// Adds a fault for a kind of code other than TOTP.
pub(super) fn check_kind(factor: &mut FactorDraft, kind: &Node) {
    let is = |name: &str| is_usual(kind, |kind| kind.eq_ignore_ascii_case(name));
    if is("totp") {
        return;
    }
    if is("hotp") {
        refuse_counter(factor);
    } else {
        factor.fault(
            Field::TotpSecret,
            Code::FactorTypeUnsupported,
            "is of another kind than time-based codes of digits, which the API cannot check: the user must \
             enrol again",
        );
    }
}

/// Adds the fault of counter-based codes.
pub(super) fn refuse_counter(factor: &mut FactorDraft) {
    factor.fault(
        Field::TotpSecret,
        Code::HotpUnsupported,
        "is counter-based (HOTP), which the API cannot check: the user must enrol again",
    );
}

/// Adds a fault for a hash other than SHA-1.
pub(super) fn check_algorithm(factor: &mut FactorDraft, algorithm: &Node) {
    let is_sha1 = |name: &str| {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        matches!(name.to_ascii_lowercase().as_str(), "sha1" | "hmacsha1" | "hmacwithsha1")
    };
    if !is_usual(algorithm, is_sha1) {
        factor.fault(
            Field::TotpSecret,
            Code::TotpAlgorithmUnsupported,
            "is computed with another hash than SHA-1, the only one that the API checks: the user must \
             enrol again",
        );
    }
}

/// Adds a fault for a number of digits other than 6.
pub(super) fn check_digits(factor: &mut FactorDraft, digits: &Node) {
    if !is_usual(digits, |digits| is_number(digits, 6.0)) {
        factor.fault(
            Field::TotpSecret,
            Code::TotpDigitsUnsupported,
            "has another number of digits than 6, the only one that the API checks: the user must enrol \
             again",
        );
    }
}

/// Adds a fault for a period other than 30 seconds.
pub(super) fn check_period(factor: &mut FactorDraft, period: &Node) {
    if !is_usual(period, |period| is_number(period, 30.0)) {
        factor.fault(
            Field::TotpSecret,
            Code::TotpPeriodUnsupported,
            "has another period than 30 seconds, the only one that the API checks: the user must enrol \
             again",
        );
    }
}

/// Adds a fault for periods that do not start in 1970.
pub(super) fn check_t0(factor: &mut FactorDraft, t0: &Node) {
    if !is_usual(t0, |t0| is_number(t0, 0.0)) {
        factor.fault(
            Field::TotpSecret,
            Code::TotpT0Unsupported,
            "counts its periods from another time than 1970, which the API cannot: the user must enrol \
             again",
        );
    }
}

/// Sets the secret, which must be complete and in the form that its source always writes. A faulty
/// one is set all the same: the fault refuses the factor, and its reading can still be proved.
#[must_use]
pub(super) fn set_secret(factor: FactorDraft, text: &str, encoding: SecretEncoding) -> FactorDraft {
    let fault = match encoding {
        SecretEncoding::Base32 if is_encrypted(text) => Some((
            Code::SecretEncrypted,
            "is encrypted: export it decrypted by the system that it comes from",
        )),
        _ if is_whole(text, encoding) => None,
        _ => Some((Code::TotpSecretInvalid, not_whole(encoding))),
    };
    let mut factor = factor.secret(text, encoding);
    if let Some((code, rule)) = fault {
        factor.fault(Field::TotpSecret, code, rule);
    }
    factor
}

/// Sets the secret to a value of the export, which must be a text: a number has lost digits.
#[must_use]
pub(super) fn set_secret_of(
    mut factor: FactorDraft,
    value: &Node,
    encoding: SecretEncoding,
) -> FactorDraft {
    if let Some(text) = value.text() {
        return set_secret(factor, text, encoding);
    }
    let rule = "is missing, or no text: was it cut off?";
    factor.fault(Field::TotpSecret, Code::TotpSecretInvalid, rule);
    factor
}

fn is_whole(text: &str, encoding: SecretEncoding) -> bool {
    let is_some = |bytes: Option<values::Bytes>| bytes.is_some_and(|bytes| !bytes.is_empty());
    match encoding {
        SecretEncoding::Text => !text.is_empty(),
        SecretEncoding::Base32 => is_some(values::base32(text)),
        SecretEncoding::Hex => is_some(values::hex(text)),
        SecretEncoding::Base64 => is_some(values::base64(text)),
        SecretEncoding::Base64OfBase32 => {
            let inner = values::base64(text);
            let inner = inner.as_ref().and_then(|inner| str::from_utf8(inner).ok());
            is_some(inner.and_then(values::base32))
        }
    }
}

fn not_whole(encoding: SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Text => "is empty",
        SecretEncoding::Base32 => "is not whole Base32, as this source writes it: was it cut off?",
        SecretEncoding::Hex => {
            "is not whole hexadecimal, as this source writes it: was it cut off?"
        }
        SecretEncoding::Base64 => "is not whole Base64, as this source writes it: was it cut off?",
        SecretEncoding::Base64OfBase32 => {
            "is not Base64 of a whole Base32 text, as this source writes it: was it cut off?"
        }
    }
}

/// Returns true if a text that should be Base32 begins as what frameworks encrypt: JSON and its
/// Base64 (Laravel, Rails), Fernet, ASP.NET's data protection, PHP's hashes. No Base32 has such a
/// mixture of cases.
fn is_encrypted(text: &str) -> bool {
    let text = text.trim();
    ["eyJ", "{", "gAAAAA", "CfDJ8", "$"].iter().any(|start| text.starts_with(start))
        || text.contains('|')
}

/// Returns true if a declared value is absent or passes the test. A list or an object never does.
fn is_usual(declared: &Node, passes: impl Fn(&str) -> bool) -> bool {
    match declared {
        Node::Null => true,
        Node::Text(text) | Node::Number(text) => {
            let text = text.trim();
            text.is_empty() || passes(text)
        }
        Node::Bool(_) | Node::List(_) | Node::Object(_) => false,
    }
}

/// Returns true if `text` is that number, however it is written: `6`, `06`, `6.0`.
fn is_number(text: &str, number: f64) -> bool {
    text.parse::<f64>().is_ok_and(|found| (found - number).abs() < f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactorType;

    type Check = fn(&mut FactorDraft, &Node);

    fn codes(factor: &FactorDraft) -> Vec<String> {
        factor.faults().iter().map(|fault| fault.code.to_string()).collect()
    }

    #[test]
    fn absent_and_usual_parameters_are_no_fault_however_they_are_written() {
        let table: [(Check, &[&str]); 5] = [
            (check_kind, &["totp", "TOTP"]),
            (check_algorithm, &["SHA1", "sha-1", "HmacSHA1", "sha1", "HMAC-SHA-1"]),
            (check_digits, &["6", "06", "6.0", " 6 "]),
            (check_period, &["30", "30.0"]),
            (check_t0, &["0", "-0", "0.0"]),
        ];
        for (check, usual) in table {
            for node in usual.iter().copied().chain(["", " "]).map(Node::of).chain([Node::Null]) {
                let mut factor = FactorDraft::new(FactorType::Totp);
                check(&mut factor, &node);
                assert_eq!(codes(&factor), [""; 0]);
            }
        }
    }

    #[test]
    fn whatever_makes_other_codes_has_a_fault_of_its_own() {
        let number = |text: &str| Node::Number(text.to_owned().into());
        let table: [(Check, Node, Code); 15] = [
            (check_kind, Node::of("hotp"), Code::HotpUnsupported),
            (check_kind, Node::of("steam"), Code::FactorTypeUnsupported),
            (check_kind, Node::Bool(true), Code::FactorTypeUnsupported),
            (check_algorithm, Node::of("HmacSHA256"), Code::TotpAlgorithmUnsupported),
            (check_algorithm, Node::of("sha512"), Code::TotpAlgorithmUnsupported),
            (check_algorithm, number("1"), Code::TotpAlgorithmUnsupported),
            (check_algorithm, Node::List(Vec::new()), Code::TotpAlgorithmUnsupported),
            (check_digits, number("8"), Code::TotpDigitsUnsupported),
            (check_digits, Node::of("7"), Code::TotpDigitsUnsupported),
            (check_digits, Node::of("six"), Code::TotpDigitsUnsupported),
            (check_digits, Node::Object(Vec::new()), Code::TotpDigitsUnsupported),
            (check_period, number("60"), Code::TotpPeriodUnsupported),
            (check_period, Node::Bool(false), Code::TotpPeriodUnsupported),
            (check_t0, Node::of("1"), Code::TotpT0Unsupported),
            (check_t0, number("-30"), Code::TotpT0Unsupported),
        ];
        for (check, node, code) in table {
            let mut factor = FactorDraft::new(FactorType::Totp);
            check(&mut factor, &node);
            assert_eq!(codes(&factor), [code.name()], "{code:?}");
        }
    }

    #[test]
    fn a_secret_is_whole_and_as_its_source_writes_it() {
        use SecretEncoding::{Base32, Base64, Base64OfBase32, Hex, Text};
        let base32 = "7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
        let table: [(&str, SecretEncoding, Option<Code>); 15] = [
            (base32, Base32, None),
            (base32, Text, None),
            ("fc51582dc1c65f0f2533d98b381b90afeea7171f", Hex, None),
            ("/FFYLcHGXw8lM9mLOBuQr+6nFx8=", Base64, None),
            ("N1JJVlFMT0JZWlBRNkpKVDNHRlRRRzRRVjdYS09GWTc=", Base64OfBase32, None),
            (base32, Hex, Some(Code::TotpSecretInvalid)),
            ("fc51582", Hex, Some(Code::TotpSecretInvalid)),
            ("7RIVQLOBYZPQ6JJT3GFTQG4QV", Base32, Some(Code::TotpSecretInvalid)),
            ("7RIVQLOB0189", Base32, Some(Code::TotpSecretInvalid)),
            ("", Base32, Some(Code::TotpSecretInvalid)),
            ("/FFYLcHGXw8lM9mLOBuQr+6nFx8=", Base64OfBase32, Some(Code::TotpSecretInvalid)),
            ("eyJpdiI6IkFBQUEifQ==", Base32, Some(Code::SecretEncrypted)),
            ("{\"alg\":\"aes-gcm-hkdf\"}", Base32, Some(Code::SecretEncrypted)),
            ("CfDJ8AAAAAAA", Base32, Some(Code::SecretEncrypted)),
            ("ab12|cd34|ef56", Base32, Some(Code::SecretEncrypted)),
        ];
        for (text, encoding, code) in table {
            let factor = set_secret(FactorDraft::new(FactorType::Totp), text, encoding);
            let expected: Vec<_> = code.iter().map(|code| code.name()).collect();
            assert_eq!(codes(&factor), expected, "{encoding:?}");
        }
    }
}
