//! Single values: what a plan makes of each.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::rows::{assert_stable, assert_told};
use crate::{
    input::MAX_CELL,
    model::{Cell, Credential, Factor, Field, Planned, Record},
    plan::{plan, preview},
    text::canary::{assert_discreet, choose, with_canaries},
};

/// A public key: OKP, Ed25519.
const PUBLIC_KEY: &str = "pAEBAycgBiFYIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// A good row of each type, without its user.
const GOOD: [&[(Field, &str)]; 5] = [
    &[(Field::Type, "phone"), (Field::PhoneNumber, "+14155550100")],
    &[(Field::Type, "email"), (Field::Email, "one@example.com")],
    &[(Field::Type, "totp"), (Field::TotpSecret, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")],
    &[
        (Field::Type, "webauthn-roaming"),
        (Field::KeyId, "aGVsbG8"),
        (Field::PublicKey, PUBLIC_KEY),
        (Field::RelyingPartyIdentifier, "login.example.com"),
    ],
    &[(Field::Type, "passkey"), (Field::KeyId, "aGVsbG8"), (Field::PublicKey, PUBLIC_KEY)],
];

const PHONE: usize = 0;
const TOTP: usize = 2;
const PASSKEY: usize = 4;

/// Fields whose values are shown nowhere.
const SECRET: [Field; 3] = [Field::PhoneNumber, Field::Email, Field::TotpSecret];

/// The first three bytes choose a type, a field and the kind of cell, the rest is the value of
/// that field in an otherwise good row.
///
/// # Panics
/// When something does not hold.
pub fn field(data: &[u8]) {
    let [factor_type, field, kind, value @ ..] = data else {
        return;
    };
    let Ok(text) = String::from_utf8(with_canaries(value)) else {
        return;
    };
    let cell = match kind {
        b'l' => Cell::List(text.split('\n').map(str::to_owned).collect()),
        b'b' => Cell::Bool(text.is_empty()),
        b'n' => Cell::Unusable("a number"),
        _ => Cell::Text(text),
    };
    let factor_type = choose(&[0, 1, 2, 3, 4], *factor_type);
    drop(judged(factor_type, choose(&Field::FACTOR, *field), cell));
}

/// Plans a value in an otherwise good row, and holds the result against what must hold of it.
fn judged(factor_type: usize, field: Field, cell: Cell) -> Option<Factor> {
    let mut record = Record::new(7);
    record.set(Field::UserId, Cell::Text("auth0|1".into()));
    for (field, text) in GOOD[factor_type] {
        record.set(*field, Cell::Text((*text).into()));
    }
    // As inputs give it: what is blank is absent, what is too long does not come this far.
    let cell = match cell {
        Cell::Text(text) if text.chars().all(char::is_whitespace) => Cell::Absent,
        Cell::Text(text) if text.len() > MAX_CELL => return None,
        cell => cell,
    };
    record.set(field, cell);
    match plan(record, None).planned {
        Planned::Factor(factor) => {
            assert_stable(&factor);
            if SECRET.contains(&field) {
                assert_discreet(&format!("{factor:?}"));
                for (_, shown) in preview(&factor) {
                    assert_discreet(&shown);
                }
            }
            Some(*factor)
        }
        Planned::Rejected(rejection) => {
            assert_told(&rejection);
            let blamed = |name: &str| name == field.name() || field == Field::Type;
            assert!(rejection.faults.iter().all(|fault| blamed(&fault.field)), "{rejection:?}");
            None
        }
    }
}

fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

/// The first byte chooses what the rest is: a COSE key in CBOR, Base64, an `otpauth` URI, Base32,
/// a phone number.
///
/// # Panics
/// When something does not hold.
pub fn keys(data: &[u8]) {
    let Some((kind, value)) = data.split_first() else {
        return;
    };
    if *kind == b'0' {
        return cose(value);
    }
    let Ok(value) = String::from_utf8(with_canaries(value)) else {
        return;
    };
    match kind {
        b'1' => {
            if let Some(key) = judged(PASSKEY, Field::PublicKey, text(value)).and_then(public_key) {
                assert!(BASE64.decode(key.as_bytes()).is_ok(), "not standard Base64");
            }
        }
        b'2' => {
            if let Some(factor) = judged(PASSKEY, Field::KeyId, text(value)) {
                let bytes = BASE64URL_NOPAD.decode(factor.identity().as_bytes());
                assert!(bytes.is_ok_and(|bytes| !bytes.is_empty()), "not Base64url");
            }
        }
        b'3' => otpauth(&value),
        b'4' => drop(judged(TOTP, Field::TotpSecret, text(value))),
        _ => drop(judged(PHONE, Field::PhoneNumber, text(value))),
    }
}

fn public_key(factor: Factor) -> Option<String> {
    match factor.credential {
        Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => Some(key.public_key),
        _ => None,
    }
}

/// Label -4 with a byte string: the private part of EC2, OKP (`d`) and RSA (`p`).
const PRIVATE: [u8; 3] = [0x23, 0x41, 0x07];

fn cose(bytes: &[u8]) {
    let good = |bytes: &[u8]| {
        judged(PASSKEY, Field::PublicKey, text(BASE64.encode(bytes))).and_then(public_key)
    };
    let Some(key) = good(bytes) else {
        return;
    };
    assert_eq!(key, BASE64.encode(bytes), "another key");
    assert!(good(&[bytes, &[0]].concat()).is_none(), "more than a key is taken for one");
    assert!(good(&bytes[..bytes.len() - 1]).is_none(), "less than a key is taken for one");
    let mut private = [bytes, &PRIVATE].concat();
    // A short map that begins with its type: OKP, EC2 or RSA. Of other types -4 is no part.
    if let [0xa0..=0xb6, 0x01, 0x01..=0x03, ..] = bytes {
        private[0] += 1;
        assert!(good(&private).is_none(), "a private key is taken");
    }
}

fn otpauth(rest: &str) {
    let uri = format!("otpauth://{rest}");
    let Some(factor) = judged(TOTP, Field::TotpSecret, text(uri.as_str())) else {
        return;
    };
    // Nothing is taken for the secret that is not one by itself.
    let again = judged(TOTP, Field::TotpSecret, text(factor.identity()));
    assert!(again.is_some_and(|again| again.identity() == factor.identity()), "another secret");
    // The same with another hash, other digits or another period is refused.
    let (uri, fragment) = uri.split_once('#').map_or((&*uri, None), |(a, b)| (a, Some(b)));
    for other in ["algorithm=SHA256", "digits=8", "Period=60", "secret=AAAA"] {
        let mut uri = format!("{}&{other}", uri.trim());
        uri.extend(fragment.map(|fragment| format!("#{fragment}")));
        let taken = judged(TOTP, Field::TotpSecret, text(uri));
        assert!(taken.is_none(), "codes would be wrong: {other}");
    }
}
