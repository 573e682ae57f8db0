//! Detects values that are an encrypted form of what they should be. Decoded and imported, they
//! would be valid secrets that lock everybody out.

/// Beginnings of encrypted and hashed values: Laravel and JOSE (Base64 of `{"`), Fernet, OpenSSL,
/// Vault, Rails and Spring, AWS KMS, PGP and age, `crypt(3)` and its kin, JSON.
const BEGINNINGS: [&str; 20] = [
    "eyJ",
    "gAAAAA",
    "U2FsdGVkX1",
    "vault:",
    "ENC[",
    "ENC(",
    "enc:",
    "{",
    "AQICAH",
    "-----BEGIN",
    "age-encryption",
    "YWdlLWVuY3J5cHRpb24",
    "$",
    "pbkdf2",
    "bcrypt",
    "scrypt",
    "argon2",
    "sha1$",
    "sha256$",
    "aes",
];

/// Characters that join the parts of an encrypted value (nonce, text, tag).
const JOINTS: [char; 8] = ['|', ':', '.', '$', ';', ',', '~', '!'];

/// Shortest part that may be one of these.
const MIN_PART: usize = 8;

/// The longest key of an authenticator, in bytes: the block of SHA-1.
const MAX_KEY: usize = 64;

/// Returns true if a secret looks encrypted, or like several parts that are joined.
pub(super) fn is_encrypted(text: &str) -> bool {
    let text = text.trim();
    let bytes = text.as_bytes();
    let begins = BEGINNINGS.iter().map(|beginning| beginning.as_bytes()).any(|beginning| {
        // The first byte decides nearly always.
        bytes.first() == beginning.first() && bytes.starts_with(beginning)
    });
    let may_be_joined = || !bytes.iter().all(u8::is_ascii_alphanumeric);
    let is_part = |part: &&str| {
        let mut bytes = part.bytes();
        part.len() >= MIN_PART && bytes.all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b))
    };
    // `aes` and such may begin Base32.
    begins && !is_plain(text) || may_be_joined() && text.split(JOINTS).filter(is_part).count() > 1
}

/// Returns true if the bytes that Base64 or hexadecimal holds are too many for a key, or are again
/// of such a form.
pub(super) fn holds_encrypted(bytes: &[u8]) -> bool {
    bytes.len() > MAX_KEY || bytes.starts_with(b"{\"") || bytes.starts_with(b"Salted__")
}

/// Returns true if a text contains only digits and letters of one case: no encrypted form does.
fn is_plain(text: &str) -> bool {
    let plain =
        |test: fn(&u8) -> bool| text.bytes().all(|byte| byte.is_ascii_digit() || test(&byte));
    plain(u8::is_ascii_lowercase) || plain(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_forms_are_recognised_and_plain_ones_are_not() {
        for text in [
            "eyJpdiI6ICJNREV5TXpRMU5qYzRPV0ZpWTJSbFpnPT0i",
            "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
            "gAAAAABkZm9vYmFyYmF6cXV4",
            "U2FsdGVkX1+vupppZksvRf5pq5g5XjFRIipRkwB0K1Y=",
            "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==",
            "b689c063468ad3b586c9|mFOllsHYA+691QCW|6eaa06c2a2f00d5705f9",
            "5f1c9f0e3b0a4c7e:9a530f6c1f1a7d215d0c9f0e",
            "$2y$10$abcdefghijklmnopqrstuv",
            "{\"iv\":\"AAAA\",\"value\":\"BBBB\"}",
            "ENC[AES256_GCM,data:p673w==,type:str]",
        ] {
            assert!(is_encrypted(text), "{text}");
        }
        for text in [
            "JBSWY3DPEHPK3PXP",
            "aesdgnbvgy3tqojq",
            "JBSW Y3DP EHPK 3PXP",
            "31:32:33:34:35:36:37:38:39:30",
            "r7Gm2QxVt9LwZ4KdYp0s",
            "3132333435363738393031323334353637383930",
        ] {
            assert!(!is_encrypted(text), "{text}");
        }
    }
}
