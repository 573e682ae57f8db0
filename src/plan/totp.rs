//! TOTP secrets: Base32, however people write it, or an `otpauth` URI.

use data_encoding::{BASE32_NOPAD, DecodeKind};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    Warning,
    draft::{Draft, Rule, is_separator},
    otpauth,
};
use crate::model::{Credential, Field};

/// The least that is taken (RFC 4226 R6 asks for 128; many apps hand out 80).
const MIN_BITS: usize = 80;
/// The least without a warning: RFC 4226 R6.
const ADVISED_BITS: usize = 128;
/// Longer keys are hashed down before use: the block of SHA-1.
const MAX_BITS: usize = 512;
/// From this length on, text of hexadecimal digits alone is taken for hexadecimal.
const HEX_LEN: usize = 16;

pub(super) fn credential(draft: &mut Draft, warnings: &mut Vec<Warning>) -> Option<Credential> {
    let text = Zeroizing::new(draft.required(Field::TotpSecret, Ok)?);
    let base32 = if otpauth::is_uri(&text) {
        let (secret, faults) = otpauth::secret(&text);
        for rule in faults {
            draft.fault(Field::TotpSecret, rule);
        }
        secret?
    } else {
        text
    };
    match normalise(&base32) {
        Ok((secret, bits)) => {
            warnings.extend(warning(bits));
            Some(Credential::Totp { secret })
        }
        Err(rule) => {
            draft.fault(Field::TotpSecret, rule);
            None
        }
    }
}

fn warning(bits: usize) -> Option<Warning> {
    match bits {
        ..ADVISED_BITS => Some(Warning::WeakSecret { bits }),
        ADVISED_BITS..=MAX_BITS => None,
        _ => Some(Warning::LongSecret { bits }),
    }
}

/// Returns the length of a normalised secret in bits.
pub(super) fn bits(base32: &str) -> usize {
    BASE32_NOPAD.decode_len(base32.len()).unwrap_or(0) * 8
}

fn normalise(text: &str) -> Result<(SecretString, usize), Rule> {
    // A run of X is good Base32, so only asterisks tell.
    if text.contains("**") {
        return Err("is masked: the secret itself is needed".into());
    }
    let text = text.trim();
    let mut secret = Zeroizing::new(String::with_capacity(text.len()));
    secret.extend(text.trim_end_matches(['=', ' ']).chars().filter(|c| !is_separator(*c)));
    if let Some(at) = secret.chars().position(|c| !is_base32(c)) {
        return Err(bad_character(&secret, at));
    }
    secret.make_ascii_uppercase();
    let bytes = BASE32_NOPAD.decode(secret.as_bytes()).map(Zeroizing::new).map_err(|error| {
        Rule::from(match error.kind {
            DecodeKind::Length => format!(
                "has {} characters without spaces, a length that Base32 never has: was it cut?",
                secret.len()
            ),
            DecodeKind::Symbol | DecodeKind::Trailing | DecodeKind::Padding => {
                "does not end as Base32 does (there are bits left over): was it cut?".to_owned()
            }
        })
    })?;
    let bits = bytes.len() * 8;
    if bits < MIN_BITS {
        return Err(format!("has {bits} bits, and {MIN_BITS} is the least that is safe").into());
    }
    Ok((SecretString::from(std::mem::take(&mut *secret)), bits))
}

fn is_base32(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '2'..='7')
}

/// Derives from the bad character at index `at` what is wrong with the whole.
fn bad_character(secret: &str, at: usize) -> Rule {
    let is_hex = secret.len() >= HEX_LEN && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has = |test: fn(&u8) -> bool| secret.as_bytes().iter().any(test);
    let is_base64 = has(|byte| matches!(byte, b'+' | b'/'))
        || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let hint = if is_hex {
        "; it looks like hexadecimal: convert it to Base32"
    } else if is_base64 {
        "; it looks like Base64: convert it to Base32"
    } else if secret.chars().nth(at).is_some_and(|c| matches!(c, '0' | '1' | '8' | '9')) {
        "; Base32 has no 0, 1, 8 and 9: were they misread letters O, I (or L), B and G?"
    } else {
        ""
    };
    format!(
        "must be Base32 (A to Z, 2 to 7), but character {} is not (separators not counted){hint}",
        at + 1
    )
    .into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let outcome = match normalise(text) {
            Ok((secret, _)) => secret.expose_secret().to_owned(),
            Err(rule) => rule.into_owned(),
        };
        assert!(outcome.starts_with(expected), "{text:?}: {outcome}");
    }

    fn first(text: &str, len: usize) -> &str {
        text.get(..len).unwrap()
    }

    #[test]
    fn spaces_dashes_padding_and_case_are_forgiven() {
        check("jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp", SECRET);
        check(" JBSWY3DP-EHPK3PXP-JBSWY3DP\u{a0}EHPK3PXP ", SECRET);
        check("JBSWY3DPEHPK3PXPJA======", "JBSWY3DPEHPK3PXPJA");
        check("JBSWY3DPEHPK3PXPJA== ====", "JBSWY3DPEHPK3PXPJA");
    }

    #[test]
    fn what_is_not_base32_is_refused_with_its_position() {
        let rule = |at| {
            format!(
                "must be Base32 (A to Z, 2 to 7), but character {at} is not (separators not counted)"
            )
        };
        check("JBSW Y3DP 0HPK 3PXP", &format!("{}; Base32 has no 0, 1, 8 and 9", rule(9)));
        check("JBSW=Y3DPEHPK3PXP", &rule(5));
        check("ÄJBSWY3DPEHPK3PXP", &rule(1));
        check("JBSWY3DPEHPK3PXPé", &rule(17));
        check(
            "3132333435363738393031323334353637383930",
            &format!("{}; it looks like hexadecimal", rule(2)),
        );
        check("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA", &format!("{}; it looks like Base64", rule(20)));
        check("JBSWY3DPEHPK3PX/", &format!("{}; it looks like Base64", rule(16)));
        check("JBSW************", "is masked");
    }

    #[test]
    fn what_base32_never_ends_with_is_refused() {
        check(first(SECRET, 17), "has 17 characters without spaces, a length");
        check(first(SECRET, 19), "has 19 characters without spaces, a length");
        check(first(SECRET, 22), "has 22 characters without spaces, a length");
        check("JBSWY3DPEHPK3PXPJB", "does not end as Base32 does");
    }

    #[test]
    fn length_is_judged_in_bits() {
        let long = SECRET.repeat(4);
        check(first(SECRET, 8), "has 40 bits, and 80 is the least");
        check("", "has 0 bits");
        for (len, expected) in [
            (16, Some(Warning::WeakSecret { bits: 80 })),
            (24, Some(Warning::WeakSecret { bits: 120 })),
            (32, None),
            (96, None),
            (104, Some(Warning::LongSecret { bits: 520 })),
        ] {
            let (secret, bits) = normalise(first(&long, len)).unwrap();
            assert_eq!(warning(bits), expected);
            assert_eq!(super::bits(secret.expose_secret()), bits);
        }
        assert_eq!(warning(128), None);
        assert_eq!(warning(512), None);
    }
}
