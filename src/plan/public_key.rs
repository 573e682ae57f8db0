//! COSE keys: exactly one, of a kind that WebAuthn uses, whole, and public.

use coset::cbor::value::Value;
use coset::iana::{self, EnumI64};
use coset::{CborSerializable, CoseKey, KeyType, Label};
use data_encoding::{BASE64, BASE64_NOPAD, DecodeKind};
use zeroize::Zeroizing;

use super::draft::Rule;

/// What is said of a private key, wherever it turns up.
const PRIVATE: &str = "is a private key: it must never leave its device. Treat it as stolen, find out how \
                       it got here, and give the public key";

/// Normalises the text of a public key to standard Base64 with padding.
pub(super) fn public_key(text: &str) -> Result<String, Rule> {
    let text = text.trim();
    if text.starts_with("-----BEGIN") {
        return Err(if text.contains("PRIVATE KEY") {
            PRIVATE.into()
        } else {
            "is PEM, but must be a COSE key in standard Base64".into()
        });
    }
    if text.contains(['-', '_']) {
        return Err(
            "is Base64url, but must be standard Base64: write `+` for `-` and `/` for `_`".into()
        );
    }
    let bytes =
        BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).map_err(
            |error| match error.kind {
                DecodeKind::Symbol => Rule::from(format!(
                    "must be standard Base64, but byte {} is not",
                    error.position + 1
                )),
                DecodeKind::Length | DecodeKind::Trailing | DecodeKind::Padding => {
                    "does not end as Base64 does: was it cut?".into()
                }
            },
        )?;
    let bytes = Zeroizing::new(bytes);
    check(&bytes)?;
    Ok(BASE64.encode(&bytes))
}

fn check(bytes: &[u8]) -> Result<(), Rule> {
    let key = CoseKey::from_slice(bytes).map_err(|_| match bytes.first() {
        // A SEQUENCE of ASN.1.
        Some(0x30) => "must be a COSE key, but looks like DER (ASN.1)",
        _ => {
            "must be exactly one COSE key (RFC 9052) in CBOR: was it cut, or is it of another kind?"
        }
    })?;
    let KeyType::Assigned(kty) = key.kty else {
        return Err(OTHER_KIND.into());
    };
    let Some((public, private)) = parts(kty) else {
        return Err(if kty == iana::KeyType::Symmetric {
            PRIVATE.into()
        } else {
            OTHER_KIND.into()
        });
    };
    let has = |label: i64, test: fn(&Value) -> bool| {
        key.params.iter().any(|(found, value)| *found == Label::Int(label) && test(value))
    };
    if private.iter().any(|label| has(*label, |_| true)) {
        return Err(PRIVATE.into());
    }
    if public.iter().all(|(label, test)| has(*label, *test)) {
        Ok(())
    } else {
        Err("is a COSE key that lacks a part of its public key, or has it in another shape".into())
    }
}

const OTHER_KIND: &str = "is a COSE key of a kind that WebAuthn does not use";

type Public = &'static [(i64, fn(&Value) -> bool)];

/// Which parameters a public key must have, and which make it a private one (RFC 9053, RFC 8230, and
/// the registry for AKP). `None` for kinds that WebAuthn does not use.
fn parts(kty: iana::KeyType) -> Option<(Public, &'static [i64])> {
    match kty {
        iana::KeyType::EC2 => Some((
            &[
                (iana::Ec2KeyParameter::Crv as i64, is_curve),
                (iana::Ec2KeyParameter::X as i64, Value::is_bytes),
                (iana::Ec2KeyParameter::Y as i64, |y| y.is_bytes() || y.is_bool()),
            ],
            &[iana::Ec2KeyParameter::D as i64],
        )),
        iana::KeyType::OKP => Some((
            &[
                (iana::OkpKeyParameter::Crv as i64, is_curve),
                (iana::OkpKeyParameter::X as i64, Value::is_bytes),
            ],
            &[iana::OkpKeyParameter::D as i64],
        )),
        iana::KeyType::RSA => Some((
            &[
                (iana::RsaKeyParameter::N as i64, Value::is_bytes),
                (iana::RsaKeyParameter::E as i64, Value::is_bytes),
            ],
            // From `d` to `t_i`.
            &[-3, -4, -5, -6, -7, -8, -9, -10, -11, -12],
        )),
        iana::KeyType::AKP => Some((
            &[(iana::AkpKeyParameter::Pub as i64, Value::is_bytes)],
            &[iana::AkpKeyParameter::Priv as i64],
        )),
        _ => None,
    }
}

fn is_curve(value: &Value) -> bool {
    value
        .as_integer()
        .and_then(|number| i64::try_from(number).ok())
        .is_some_and(|number| iana::EllipticCurve::from_i64(number).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cbor: &[u8], expected: &str) {
        let text = BASE64.encode(cbor);
        let outcome = public_key(&text).map_or_else(Rule::into_owned, |key| {
            assert_eq!(key, text);
            "fine".to_owned()
        });
        assert!(outcome.starts_with(expected), "{cbor:02x?}: {outcome}");
    }

    /// A COSE key of integers to byte strings, or to small integers.
    fn key(params: &[(i64, Result<i64, usize>)]) -> Vec<u8> {
        let params = params.iter().map(|(label, value)| {
            let value = match value {
                Ok(number) => Value::from(*number),
                Err(len) => Value::Bytes(vec![7; *len]),
            };
            (Value::from(*label), value)
        });
        Value::Map(params.collect()).to_vec().unwrap()
    }

    #[test]
    fn public_keys_of_every_kind_pass() {
        check(&key(&[(1, Ok(2)), (3, Ok(-7)), (-1, Ok(1)), (-2, Err(32)), (-3, Err(32))]), "fine");
        check(&key(&[(1, Ok(1)), (3, Ok(-8)), (-1, Ok(6)), (-2, Err(32))]), "fine");
        check(&key(&[(1, Ok(3)), (3, Ok(-257)), (-1, Err(256)), (-2, Err(3))]), "fine");
        check(&key(&[(1, Ok(7)), (3, Ok(-49)), (-1, Err(1952))]), "fine");
    }

    #[test]
    fn padding_is_optional_on_the_way_in_only() {
        let bytes = key(&[(1, Ok(1)), (-1, Ok(6)), (-2, Err(32))]);
        let padded = BASE64.encode(&bytes);
        assert!(padded.ends_with('='));
        assert_eq!(public_key(&format!(" {} ", padded.trim_end_matches('='))).unwrap(), padded);
    }

    #[test]
    fn private_keys_are_named_as_such() {
        check(
            &key(&[(1, Ok(2)), (-1, Ok(1)), (-2, Err(32)), (-3, Err(32)), (-4, Err(32))]),
            "is a private key",
        );
        check(&key(&[(1, Ok(1)), (-1, Ok(6)), (-2, Err(32)), (-4, Err(32))]), "is a private key");
        check(
            &key(&[(1, Ok(3)), (-1, Err(256)), (-2, Err(3)), (-3, Err(256))]),
            "is a private key",
        );
        check(
            &key(&[(1, Ok(3)), (-1, Err(256)), (-2, Err(3)), (-5, Err(256))]),
            "is a private key",
        );
        check(&key(&[(1, Ok(7)), (-1, Err(1952)), (-2, Err(32))]), "is a private key");
        check(&key(&[(1, Ok(4)), (-1, Err(32))]), "is a private key");
        let pem = public_key("-----BEGIN EC PRIVATE KEY-----\nMHc=").unwrap_err();
        assert!(pem.starts_with("is a private key"));
    }

    #[test]
    fn what_is_no_whole_cose_key_is_refused() {
        let one = "must be exactly one COSE key";
        let whole = key(&[(1, Ok(1)), (-1, Ok(6)), (-2, Err(32))]);
        check(&[], one);
        check(&whole[..whole.len() - 1], one);
        check(&[whole.as_slice(), &[0]].concat(), one);
        check(&key(&[(-1, Ok(6)), (-2, Err(32))]), one);
        check(&key(&[(1, Ok(1)), (1, Ok(1)), (-1, Ok(6)), (-2, Err(32))]), one);
        check(&[0x80], one);
        check(&vec![0x81; 9000], one);
        check(&[0x30, 0x59, 0x30, 0x13], "must be a COSE key, but looks like DER");
        check(&key(&[(1, Ok(2)), (-1, Ok(1)), (-2, Err(32))]), "is a COSE key that lacks");
        check(&key(&[(1, Ok(1)), (-1, Ok(6)), (-2, Ok(32))]), "is a COSE key that lacks");
        check(&key(&[(1, Ok(5)), (-1, Err(32))]), OTHER_KIND);
    }

    #[test]
    fn other_encodings_are_named() {
        for (text, expected) in [
            ("_-8", "is Base64url"),
            ("-----BEGIN PUBLIC KEY-----", "is PEM"),
            ("pQE{", "must be standard Base64, but byte 4 is not"),
            ("pQEg=A", "must be standard Base64, but byte 5 is not"),
            ("pQEgB", "does not end as Base64 does"),
        ] {
            let rule = public_key(text).unwrap_err();
            assert!(rule.starts_with(expected), "{text}: {rule}");
        }
    }
}
