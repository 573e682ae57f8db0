//! The bytes of a TOTP key, in any encoding. The encoding is declared, or else it is Base32; it is
//! never guessed, since a wrong guess is a valid secret that locks its user out.

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, DecodeError, DecodeKind, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::{
    alphabet::{self, Alphabet, is_base32},
    draft::Rule,
    encrypted::{holds_encrypted, is_encrypted},
    text::{in_ascii, is_separator},
};
use crate::model::{Code, SecretEncoding};

/// Length from which a text in Base32's letters alone is taken for Base32.
const MIN_BASE32: usize = 16;

/// Returns the key in `text`; without a declaration it must be Base32 and look like nothing else.
pub(super) fn key(
    text: &str,
    declared: Option<SecretEncoding>,
) -> Result<Zeroizing<Vec<u8>>, Rule> {
    if declared == Some(SecretEncoding::Text) {
        return Ok(Zeroizing::new(text.trim().as_bytes().to_vec()));
    }
    // Nearly all are in ASCII as they are.
    let rewritten = (!text.is_ascii()).then(|| Zeroizing::new(in_ascii(text)));
    let text = rewritten.as_ref().map_or(text, |rewritten| rewritten.as_str()).trim();
    // A run of X is good Base32, so only asterisks and bullets tell.
    if has(text, b'*') && text.contains("**")
        || !text.is_ascii() && text.contains("\u{2022}\u{2022}")
    {
        return Err(Rule::new(Code::Masked, "is masked: the secret itself is needed"));
    }
    match declared {
        None => undeclared(text),
        Some(SecretEncoding::Hex) => hex(text),
        Some(SecretEncoding::Base64) => base64(text),
        Some(SecretEncoding::Base64OfBase32) => {
            let inner = base64_bytes(text).ok_or_else(not_base64)?;
            let inner = str::from_utf8(&inner).map_err(|_| not_base64_of_base32())?;
            base32(inner.trim()).map_err(|_| not_base64_of_base32())
        }
        Some(SecretEncoding::Base32 | SecretEncoding::Text) => base32(text),
    }
}

/// Looks for one byte, which is so much cheaper than looking for several that it is tried first.
fn has(text: &str, byte: u8) -> bool {
    memchr::memchr(byte, text.as_bytes()).is_some()
}

fn undeclared(text: &str) -> Result<Zeroizing<Vec<u8>>, Rule> {
    if has(text, b':') && text.contains("://") {
        return Err(other_scheme(text));
    }
    if text.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("otpauth%3a")) {
        let rule = "is an `otpauth` URI that is percent-encoded as a whole: decode it once";
        return Err(Rule::new(Code::PercentEncoded, rule));
    }
    if is_encrypted(text) {
        return Err(looks_encrypted());
    }
    match alphabet::of(text, Alphabet::Base32) {
        Alphabet::Base32 => base32(text),
        Alphabet::Uuid => Err(Rule::new(
            Code::LooksLikeUuid,
            "looks like a UUID: is this the right column? If the key is the UUID's text, give \
             `--secret-encoding text`; if it is the UUID's bytes, give the hexadecimal digits \
             alone and `--secret-encoding hex`",
        )),
        Alphabet::Decimal => Err(Rule::new(
            Code::LooksLikeDecimal,
            "looks like a decimal number, not like Base32: is this the right column? If the key is \
             these digits' text, give `--secret-encoding text`; if they are hexadecimal, `hex`; if \
             they are Base32 nevertheless, `base32`",
        )),
        Alphabet::Hex if text.len() > 128 => Err(looks_encrypted()),
        Alphabet::Hex => Err(Rule::new(
            Code::LooksLikeHex,
            "looks like hexadecimal, not like Base32. Find out how the source reads it: if as \
             hexadecimal, give `--secret-encoding hex`; if the key is the text of these digits, \
             `text`; if it is Base32 nevertheless, `base32`",
        )),
        Alphabet::Base64 | Alphabet::Base64url | Alphabet::Text => Err(match base64_bytes(text) {
            Some(inner) if is_base32_text(&inner) => Rule::new(
                Code::LooksLikeBase64OfBase32,
                "looks like Base64 of a Base32 text: if the source encodes it that way, give \
                 `--secret-encoding base64-of-base32`",
            ),
            Some(inner) if holds_encrypted(&inner) => looks_encrypted(),
            _ if looks_like_base64(text) => Rule::new(
                Code::LooksLikeBase64,
                "is not Base32: it may be Base64, or the key as text, or encrypted. Find out how \
                 the source reads it, and give `--secret-encoding base64` or `text`",
            ),
            _ => not_base32(text),
        }),
    }
}

fn base32(text: &str) -> Result<Zeroizing<Vec<u8>>, Rule> {
    let mut secret = Zeroizing::new(String::with_capacity(text.len()));
    let bare = text.trim_end_matches(['=', ' ']);
    if bare.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        secret.push_str(bare);
    } else {
        secret.extend(bare.chars().filter(|c| !is_separator(*c)));
    }
    if !secret.bytes().all(|byte| is_base32(char::from(byte))) {
        return Err(not_base32(text));
    }
    secret.make_ascii_uppercase();
    BASE32_NOPAD.decode(secret.as_bytes()).map(Zeroizing::new).map_err(
        |DecodeError { kind, .. }| {
            let rule = match kind {
                DecodeKind::Length => format!(
                    "has {} characters without spaces, which is no length of Base32: was it cut \
                     off?",
                    secret.len()
                ),
                DecodeKind::Symbol | DecodeKind::Trailing | DecodeKind::Padding => {
                    "is not complete Base32 (there are bits left over): was it cut off?".to_owned()
                }
            };
            Rule::new(Code::CutOff, rule)
        },
    )
}

fn hex(text: &str) -> Result<Zeroizing<Vec<u8>>, Rule> {
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    digits.extend(text.chars().filter(|c| !is_separator(*c) && *c != ':'));
    let bytes =
        HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map(Zeroizing::new).map_err(|error| {
            let (code, rule) = match error.kind {
                DecodeKind::Length => {
                    (Code::CutOff, "has an odd number of hexadecimal digits: was it cut off?")
                }
                _ => (
                    Code::NotHex,
                    "must be hexadecimal (0 to 9, A to F), as `--secret-encoding` says",
                ),
            };
            Rule::new(code, rule)
        })?;
    if is_base32_text(&bytes) {
        let rule = "is hexadecimal of a Base32 text: decode it once, and give the Base32";
        return Err(Rule::new(Code::EncodedTwice, rule));
    }
    if holds_encrypted(&bytes) { Err(looks_encrypted()) } else { Ok(bytes) }
}

fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, Rule> {
    let bytes = base64_bytes(text).ok_or_else(not_base64)?;
    if is_base32_text(&bytes) {
        return Err(Rule::new(
            Code::LooksLikeBase64OfBase32,
            "is Base64 of a Base32 text, not of a key: give `--secret-encoding base64-of-base32`",
        ));
    }
    if holds_encrypted(&bytes) { Err(looks_encrypted()) } else { Ok(bytes) }
}

/// Decodes Base64 in either alphabet, with or without padding.
fn base64_bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut standard = Zeroizing::new(String::with_capacity(text.len()));
    standard.extend(text.trim_end_matches('=').chars().map(|c| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    }));
    BASE64_NOPAD.decode(standard.as_bytes()).ok().map(Zeroizing::new)
}

/// Returns true if bytes are the text of a Base32 secret.
fn is_base32_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_end();
    let text = text.strip_suffix(b"=").unwrap_or(text);
    text.len() >= MIN_BASE32
        && text.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7' | b'=' | b' '))
}

/// Returns true if text that is not Base32 has a feature that only Base64 has among the usual
/// encodings.
fn looks_like_base64(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    text.bytes().all(is_in)
        && (has(|byte| matches!(byte, b'+' | b'/' | b'_'))
            || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
}

fn not_base32(text: &str) -> Rule {
    let bare = text.trim_end_matches(['=', ' ']);
    let mut chars = bare.chars().filter(|c| !is_separator(*c)).enumerate();
    let Some((at, c)) = chars.find(|(_, c)| !is_base32(*c)) else {
        return Rule::new(Code::NotBase32, "must be Base32 (A to Z, 2 to 7)");
    };
    let hint = if matches!(c, '0' | '1' | '8' | '9') {
        "; Base32 has no 0, 1, 8 or 9: either the key is this text itself (then give \
         `--secret-encoding text`), or it was mistyped (then export it again: the intended letters \
         cannot be known)"
    } else {
        ""
    };
    Rule::new(
        Code::NotBase32,
        format!(
            "must be Base32 (A to Z, 2 to 7), but character {} is not (separators not counted){hint}",
            at + 1
        ),
    )
}

fn not_base64() -> Rule {
    Rule::new(Code::NotBase64, "must be Base64, as `--secret-encoding` says: was it cut off?")
}

fn not_base64_of_base32() -> Rule {
    let rule = "must be Base64 of a complete Base32 text, as `--secret-encoding` says";
    Rule::new(Code::NotBase32, rule)
}

fn looks_encrypted() -> Rule {
    Rule::new(
        Code::LooksEncrypted,
        "looks encrypted, or like several parts joined together: export the secret itself, \
         decrypted by the system it comes from; decoding this text would yield a wrong secret, \
         which locks the user out",
    )
}

fn other_scheme(uri: &str) -> Rule {
    let scheme = uri.split(':').next().unwrap_or("").trim().to_ascii_lowercase();
    let rule = match scheme.as_str() {
        "otpauth-migration" => {
            "is a Google Authenticator transfer code, which can hold several secrets: unpack it \
             into one `otpauth` URI per secret"
        }
        "steam" => "is a Steam secret, whose codes use other characters than the API's",
        "motp" => "is an mOTP secret, whose codes the API cannot check",
        _ => "is a URI, but not an `otpauth` URI: is this the right column?",
    };
    Rule::new(Code::OtherScheme, rule)
}
