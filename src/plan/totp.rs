//! TOTP secrets: a key in any encoding, or an `otpauth` URI.

use data_encoding::BASE32_NOPAD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    Warning,
    draft::{Draft, Rule},
    otpauth,
    secret::key,
};
use crate::model::{Code, Credential, Field, SecretEncoding};

/// Fewest bits that are accepted (RFC 4226 R6 asks for 128; many apps use 80).
pub(super) const MIN_BITS: usize = 80;
/// Fewest bits without a warning: RFC 4226 R6.
const ADVISED_BITS: usize = 128;
/// Size of a block of SHA-1: longer keys are hashed down before use.
const MAX_BITS: usize = 512;

pub(super) fn credential(draft: &mut Draft, secrets: Option<SecretEncoding>) -> Option<Credential> {
    let text = Zeroizing::new(draft.required(Field::TotpSecret, Ok)?);
    let outcome = if otpauth::is_uri(&text) {
        let read = otpauth::read(&text);
        if read.has_unknown {
            draft.warn(Warning::OtpauthParameter);
        }
        for rule in read.faults {
            draft.fault(Field::TotpSecret, rule);
        }
        // Inside a URI the secret is Base32, whatever the other cells are; if they are Base32, too,
        // it is believed.
        let declared = secrets.filter(|encoding| *encoding == SecretEncoding::Base32);
        normalise(&read.secret?, declared)
    } else {
        normalise(&text, secrets)
    };
    match outcome {
        Ok((secret, warnings)) => {
            for warning in warnings {
                draft.warn(warning);
            }
            Some(Credential::Totp { secret })
        }
        Err(rule) => {
            draft.fault(Field::TotpSecret, rule);
            None
        }
    }
}

/// Returns warnings about a key, which is `base32` in Base32.
fn warnings(key: &[u8], base32: &str) -> Vec<Warning> {
    let bits = key.len() * 8;
    let length = match bits {
        ..ADVISED_BITS => Some(Warning::WeakSecret { bits }),
        ADVISED_BITS..=MAX_BITS => None,
        _ => Some(Warning::LongSecret { bits }),
    };
    // The last character may hold less than five bits.
    let whole = &base32.as_bytes()[..bits / 5];
    let is_one = |bytes: &[u8]| bytes.iter().all(|byte| Some(byte) == bytes.first());
    let one = (is_one(key) || is_one(whole)).then_some(Warning::OneCharacter);
    length.into_iter().chain(one).collect()
}

/// Returns the length of a normalised secret in bits.
pub(super) fn bits(base32: &str) -> usize {
    BASE32_NOPAD.decode_len(base32.len()).unwrap_or(0) * 8
}

/// Returns the secret in Base32, upper case, without padding, and its warnings.
fn normalise(
    text: &str,
    declared: Option<SecretEncoding>,
) -> Result<(SecretString, Vec<Warning>), Rule> {
    let key = key(text, declared)?;
    let bits = key.len() * 8;
    if bits < MIN_BITS {
        let rule = format!("is only {bits} bits long; at least {MIN_BITS} are required");
        return Err(Rule::new(Code::TooShort, rule));
    }
    let base32 = BASE32_NOPAD.encode(&key);
    let warnings = warnings(&key, &base32);
    Ok((SecretString::from(base32), warnings))
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    use secrecy::ExposeSecret;

    use super::*;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    /// 20 bytes whose Base64 has letters of both cases.
    const KEY: [u8; 20] = *b"\x00\x9fKey of 20 bytes!\xff\xfe";

    #[track_caller]
    fn check(text: &str, declared: Option<SecretEncoding>, expected: Result<&str, Code>) {
        let found = normalise(text, declared).map(|(secret, _)| secret.expose_secret().to_owned());
        assert_eq!(found.map_err(|rule| rule.code), expected.map(str::to_owned), "{text:?}");
    }

    fn first(text: &str, len: usize) -> &str {
        text.get(..len).unwrap()
    }

    #[test]
    fn spaces_dashes_padding_and_case_are_forgiven() {
        for text in [
            "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp",
            " JBSWY3DP-EHPK3PXP-JBSWY3DP\u{a0}EHPK3PXP ",
            "Jbsw Y3dp Ehpk 3pxp Jbsw Y3dp Ehpk 3pxp",
            "\u{ff2a}BSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        ] {
            check(text, None, Ok(SECRET));
        }
        check("JBSWY3DPEHPK3PXPJA======", None, Ok("JBSWY3DPEHPK3PXPJA"));
        check("JBSWY3DPEHPK3PXPJA== ====", None, Ok("JBSWY3DPEHPK3PXPJA"));
    }

    #[test]
    fn what_is_not_base32_is_refused_by_the_name_of_what_it_is() {
        use Code::{
            LooksEncrypted, LooksLikeBase64, LooksLikeBase64OfBase32, LooksLikeDecimal,
            LooksLikeHex, LooksLikeUuid, Masked, NotBase32, OtherScheme,
        };
        let twice = BASE64.encode(SECRET.as_bytes());
        let cipher = BASE64.encode(&[0x9f; 96]);
        for (text, code) in [
            ("JBSW Y3DP 0HPK 3PXP", NotBase32),
            ("JBSW=Y3DPEHPK3PXP", NotBase32),
            ("ÄJBSWY3DPEHPK3PXP", NotBase32),
            ("r7gm2qxvt9lwz4kdyp0s", NotBase32),
            ("3132333435363738393031323334353637383930", LooksLikeHex),
            ("c2a7d4e6b3f5a2d7c4e6b2f7a3d5c7e2b4f6a2d3", LooksLikeHex),
            ("BEEF2345CAFE6723DEAD4567FACE2745", LooksLikeHex),
            ("beef 2345 cafe 6723 dead 4567 face 2745", LooksLikeHex),
            ("4567234567234567", LooksLikeDecimal),
            ("12345678901234567890", LooksLikeDecimal),
            ("7216fe24-7230-4eaa-8fc9-ed7867f8657f", LooksLikeUuid),
            ("beef2345-cafe-6723-dead-4567face2745", LooksLikeUuid),
            ("r7Gm2QxVt9LwZ4KdYp0s", LooksLikeBase64),
            ("rGm2QxVtLwZ4KdYpNs5t", LooksLikeBase64),
            ("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA", LooksLikeBase64),
            ("JBSWY3DPEHPK3PX/", LooksLikeBase64),
            (&twice, LooksLikeBase64OfBase32),
            (&cipher, LooksEncrypted),
            ("eyJpdiI6ICJNREV5TXpRMU5qYzRPV0ZpWTJSbFpnPT0i", LooksEncrypted),
            ("b689c063468ad3b586c9|mFOllsHYA+691QCW|6eaa06c2a2f00d5705f9", LooksEncrypted),
            ("steam://JBSWY3DPEHPK3PXP", OtherScheme),
            ("otpauth-migration://offline?data=CjEK", OtherScheme),
            ("otpauth%3A%2F%2Ftotp%2Fa%3Fsecret%3DJBSWY3DP", Code::PercentEncoded),
            ("JBSW************", Masked),
            ("\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}", Masked),
        ] {
            check(text, None, Err(code));
        }
    }

    #[test]
    fn a_declared_encoding_is_read_as_it_is_declared() {
        use SecretEncoding::{Base32, Base64, Base64OfBase32, Hex, Text};
        let base32 = BASE32_NOPAD.encode(&KEY);
        let as_text = BASE32_NOPAD.encode(b"r7Gm2QxVt9LwZ4KdYp0s");
        let url = BASE64URL_NOPAD.encode(&KEY);
        let colons: Vec<String> = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        for (text, declared, expected) in [
            (HEXLOWER.encode(&KEY), Hex, &base32),
            (HEXUPPER.encode(&KEY), Hex, &base32),
            (format!("0x{}", HEXLOWER.encode(&KEY)), Hex, &base32),
            (colons.join(":"), Hex, &base32),
            (BASE64.encode(&KEY), Base64, &base32),
            (url, Base64, &base32),
            (BASE64.encode(base32.as_bytes()), Base64OfBase32, &base32),
            ("r7Gm2QxVt9LwZ4KdYp0s".to_owned(), Text, &as_text),
            // Believed, however it looks.
            (base32.to_lowercase(), Base32, &base32),
        ] {
            check(&text, Some(declared), Ok(expected));
        }
        let hex = "BEEF2345CAFE6723DEAD4567FACE2745";
        check(hex, Some(Base32), Ok(hex));
        check("rGm2QxVtLwZ4KdYpNs5t", Some(Base32), Err(Code::CutOff));
    }

    #[test]
    fn what_is_not_as_declared_is_refused() {
        use SecretEncoding::{Base64, Base64OfBase32, Hex};
        let encrypted = BASE64.encode(b"{\"iv\": \"AAAAAAAAAAAAAAAA\"}");
        let twice = BASE64.encode(SECRET.as_bytes());
        let hex_of_text = HEXLOWER.encode(SECRET.as_bytes());
        let key = BASE64.encode(&KEY);
        for (text, declared, code) in [
            (SECRET, Hex, Code::NotHex),
            ("abc", Hex, Code::CutOff),
            (&hex_of_text, Hex, Code::EncodedTwice),
            ("JBSW*", Base64, Code::NotBase64),
            (&encrypted, Base64, Code::LooksEncrypted),
            (&twice, Base64, Code::LooksLikeBase64OfBase32),
            (&key, Base64OfBase32, Code::NotBase32),
            (SECRET, Base64OfBase32, Code::NotBase32),
            ("aGk=", Base64, Code::TooShort),
        ] {
            check(text, Some(declared), Err(code));
        }
    }

    #[test]
    fn what_base32_never_ends_with_is_refused() {
        for len in [17, 19, 22] {
            check(first(SECRET, len), None, Err(Code::CutOff));
        }
        check("JBSWY3DPEHPK3PXPJB", None, Err(Code::CutOff));
    }

    #[test]
    fn length_is_judged_in_bits() {
        let long = SECRET.repeat(4);
        check(first(SECRET, 8), None, Err(Code::TooShort));
        check("", None, Err(Code::TooShort));
        for (len, expected) in [
            (16, Some(Warning::WeakSecret { bits: 80 })),
            (24, Some(Warning::WeakSecret { bits: 120 })),
            (32, None),
            (96, None),
            (104, Some(Warning::LongSecret { bits: 520 })),
        ] {
            let (secret, found) = normalise(first(&long, len), None).unwrap();
            assert_eq!(found, Vec::from_iter(expected));
            assert_eq!(bits(secret.expose_secret()), len * 5);
        }
        let lengths = |n_bytes: usize| warnings(&KEY.repeat(4)[..n_bytes], &long);
        assert_eq!((lengths(16), lengths(64)), (vec![], vec![]));
    }

    #[test]
    fn a_secret_of_one_character_is_told_however_it_is_written() {
        let text = Some(SecretEncoding::Text);
        for (secret, declared, is_one) in [
            ("Q".repeat(32), None, true),
            ("A".repeat(32), Some(SecretEncoding::Base32), true),
            ("Z".repeat(32), None, true),
            ("x".repeat(20), text, true),
            (format!("{}y", "x".repeat(19)), text, false),
            (format!("{}C", "Q".repeat(31)), None, false),
            (SECRET.into(), None, false),
        ] {
            let found = normalise(&secret, declared).map(|(_, found)| found);
            let found = found.map_err(|rule| rule.code);
            assert_eq!(found == Ok(vec![Warning::OneCharacter]), is_one, "{found:?}");
        }
        // 128 bits are 25 characters and three bits of another.
        let key: Vec<u8> = BASE32_NOPAD.decode("Z".repeat(32).as_bytes()).unwrap();
        let base32 = BASE32_NOPAD.encode(&key[..16]);
        assert_eq!(warnings(&key[..16], &base32), [Warning::OneCharacter]);
    }
}
