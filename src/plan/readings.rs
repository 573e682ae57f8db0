//! The keys that the secret of a TOTP row may stand for, in any encoding, for proving by a code
//! which of them is meant. They are computed by the same functions that an import uses, so what is
//! proved is what is sent.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use super::{
    draft::Draft,
    otpauth,
    secret::key,
    totp::{self, MIN_BITS},
};
use crate::model::{Cell, Credential, Field, Record, SecretEncoding};

/// Bytes of a key, wiped on drop.
type Bytes = Zeroizing<Vec<u8>>;

/// Relation of a reading to what an import does with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the reading of an import with the present flags.
    Taken,
    /// It is the reading of an import with `--secret-encoding` and this one.
    WithFlag(SecretEncoding),
    /// No flag makes an import read a secret this way: an export's dialect or a URI fixes the
    /// encoding.
    Fixed,
    /// The key is too short for the tenant.
    TooShort,
}

/// One way to read the secret of a row.
pub struct Reading {
    /// Encoding that the secret is read in.
    pub encoding: SecretEncoding,
    /// The resulting key.
    pub key: SecretSlice<u8>,
    /// Relation to what an import does.
    pub standing: Standing,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, standing, .. } = self;
        write!(f, "Reading({encoding:?}, …, {standing:?})")
    }
}

/// Ways to read the secret of a row, an import's first; no two yield the same key.
#[derive(Debug)]
pub struct Readings {
    /// The ways. None where the row has no secret that is a text.
    pub all: Vec<Reading>,
    /// True if the row declares codes that the API does not support, so that an import refuses it.
    pub is_other_profile: bool,
}

/// Returns every way to read the secret of a TOTP row, for an import whose `--secret-encoding` is
/// `secrets`.
pub fn readings(record: &Record, secrets: Option<SecretEncoding>) -> Readings {
    let is_fixed = record.encoding.is_some();
    let (taken, is_other_profile) = match taken(record, record.encoding.or(secrets)) {
        Some((key, is_sound)) => (Some(key), !is_sound),
        None => (None, false),
    };
    let standing = |key: &Bytes| {
        if taken.as_ref() == Some(key) {
            return Standing::Taken;
        }
        if key.len() * 8 < MIN_BITS {
            return Standing::TooShort;
        }
        let mends = |flag: &SecretEncoding| {
            self::taken(record, Some(*flag)).is_some_and(|(other, _)| other == *key)
        };
        let flag = SecretEncoding::ALL.into_iter().find(mends).filter(|_| !is_fixed);
        flag.map_or(Standing::Fixed, Standing::WithFlag)
    };
    let mut all: Vec<Reading> = Vec::new();
    for encoding in SecretEncoding::ALL {
        let Some(key) = read_as(record, encoding).filter(|key| !key.is_empty()) else { continue };
        let is_known = |other: &Reading| other.key.expose_secret() == key.as_slice();
        if all.iter().any(is_known) {
            continue;
        }
        let standing = standing(&key);
        all.push(Reading { encoding, key: SecretSlice::from(key.to_vec()), standing });
    }
    all.sort_by_key(|reading| reading.standing != Standing::Taken);
    Readings { all, is_other_profile }
}

/// Returns the key that an import reads from the row with that declaration, and whether it accepts
/// the row.
fn taken(record: &Record, declared: Option<SecretEncoding>) -> Option<(Bytes, bool)> {
    let mut draft = Draft::new(alone(record.get(Field::TotpSecret).clone()), declared);
    let Some(Credential::Totp { secret }) = totp::credential(&mut draft, declared) else {
        return None;
    };
    let key = BASE32_NOPAD.decode(secret.expose_secret().as_bytes()).ok()?;
    Some((Zeroizing::new(key), draft.is_sound()))
}

/// Returns the key of the row if its secret is in that encoding.
fn read_as(record: &Record, encoding: SecretEncoding) -> Option<Bytes> {
    let cell = record.get(Field::TotpSecret).clone();
    if !record.was_text {
        return key_in(cell, encoding);
    }
    let text = key_in(cell, SecretEncoding::Base32)?;
    if encoding == SecretEncoding::Text {
        return Some(text);
    }
    key_in(Cell::Text(str::from_utf8(&text).ok()?.to_owned()), encoding)
}

fn key_in(cell: Cell, encoding: SecretEncoding) -> Option<Bytes> {
    let mut draft = Draft::new(alone(cell), Some(encoding));
    let text = Zeroizing::new(draft.required(Field::TotpSecret, Ok)?);
    if otpauth::is_uri(&text) {
        return key(&otpauth::read(&text).secret?, Some(encoding)).ok();
    }
    key(&text, Some(encoding)).ok()
}

/// Returns a record with that secret and nothing else.
fn alone(secret: Cell) -> Box<Record> {
    let mut record = Box::new(Record::new(0));
    record.set(Field::TotpSecret, secret);
    record
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, HEXLOWER};

    use super::*;

    const KEY: &[u8; 20] = b"\x00\x9fKey of 20 bytes!\xff\xfe";

    /// Encoding and standing of the reading that gives `key`.
    fn found(
        record: &Record,
        flag: Option<SecretEncoding>,
        key: &[u8],
    ) -> Option<(SecretEncoding, Standing)> {
        let all = readings(record, flag).all;
        let is_it = |reading: &&Reading| reading.key.expose_secret() == key;
        all.iter().find(is_it).map(|reading| (reading.encoding, reading.standing))
    }

    fn record(secret: &str) -> Record {
        *alone(Cell::Text(secret.to_owned()))
    }

    #[test]
    fn the_reading_that_gives_a_key_says_what_makes_an_import_read_so() {
        use SecretEncoding::{Base32, Base64, Base64OfBase32, Hex, Text};
        use Standing::{Fixed, Taken, TooShort, WithFlag};
        let base32 = BASE32_NOPAD.encode(KEY);
        let hex = HEXLOWER.encode(KEY);
        let base64 = BASE64.encode(KEY);
        let twice = BASE64.encode(base32.as_bytes());
        // Base32 of 20 bytes that looks like hexadecimal.
        let accident = "BEEF2345CAFE6723DEAD4567FACE2745";
        let meant = BASE32_NOPAD.decode(accident.as_bytes()).unwrap();
        let uri = |secret: &str| format!("otpauth://totp/a?secret={secret}");
        for (secret, flag, key, expected) in [
            (base32.clone(), None, &KEY[..], Some((Base32, Taken))),
            (base32.clone(), Some(Hex), KEY, Some((Base32, WithFlag(Base32)))),
            (base32.clone(), None, base32.as_bytes(), Some((Text, WithFlag(Text)))),
            (hex.clone(), None, KEY, Some((Hex, WithFlag(Hex)))),
            (hex.clone(), Some(Hex), KEY, Some((Hex, Taken))),
            (hex.clone(), None, hex.as_bytes(), Some((Text, WithFlag(Text)))),
            (format!(" '{hex}' "), None, KEY, Some((Hex, WithFlag(Hex)))),
            (base64, None, KEY, Some((Base64, WithFlag(Base64)))),
            (twice, None, KEY, Some((Base64OfBase32, WithFlag(Base64OfBase32)))),
            (accident.to_owned(), None, &meant, Some((Base32, WithFlag(Base32)))),
            (uri(&base32), None, KEY, Some((Base32, Taken))),
            (uri(&base32), Some(Hex), KEY, Some((Base32, Taken))),
            (uri(accident), None, &meant, Some((Base32, WithFlag(Base32)))),
            (uri(&hex), None, KEY, Some((Hex, Fixed))),
            ("JBSWY3DP".to_owned(), None, b"Hello", Some((Base32, TooShort))),
            (base32.clone(), None, b"another key", None),
            (String::new(), None, b"", None),
        ] {
            assert_eq!(found(&record(&secret), flag, key), expected, "{flag:?} {expected:?}");
        }
    }

    #[test]
    fn an_export_fixes_the_encoding_and_a_text_of_it_is_read_in_all_others() {
        let mut record = record(&BASE32_NOPAD.encode(HEXLOWER.encode(KEY).as_bytes()));
        (record.encoding, record.was_text) = (Some(SecretEncoding::Base32), true);
        let hex = HEXLOWER.encode(KEY);
        let expected = Some((SecretEncoding::Text, Standing::Taken));
        assert_eq!(found(&record, None, hex.as_bytes()), expected);
        assert_eq!(found(&record, None, KEY), Some((SecretEncoding::Hex, Standing::Fixed)));
    }

    #[test]
    fn a_row_that_declares_other_codes_is_known_for_it() {
        let uri = |more: &str| {
            let secret = BASE32_NOPAD.encode(KEY);
            readings(&record(&format!("otpauth://totp/a?secret={secret}{more}")), None)
        };
        assert!(!uri("&digits=6").is_other_profile);
        assert!(uri("&algorithm=SHA256").is_other_profile);
        assert_eq!(uri("&digits=8").all[0].standing, Standing::Taken);
    }

    #[test]
    fn no_key_is_shown() {
        let secret = HEXLOWER.encode(KEY);
        let shown = format!("{:?}", readings(&record(&secret), None));
        assert!(shown.contains("Reading(Hex, …, WithFlag(Hex))"), "{shown}");
        assert!(!shown.contains(&secret) && !shown.contains("159"), "{shown}");
    }
}
