//! COSE keys: exactly one, public, and able to verify a signature of a kind that WebAuthn uses.

use coset::cbor::value::Value;
use coset::iana::{self, EnumI64};
use coset::{CborSerializable, CoseKey, KeyType, Label, RegisteredLabelWithPrivate};
use data_encoding::{BASE64, BASE64_NOPAD, DecodeKind};
use zeroize::Zeroizing;

use super::{
    alphabet::{self, Alphabet},
    curve::Curve,
    draft::Rule,
};
use crate::model::Code;

/// Rule that a private key breaks, in whatever field it turns up.
const PRIVATE: &str = "is a private key: it must never leave its device. Treat it as stolen, find out how \
                       it got here, and give the public key";

/// The least bits of an RSA modulus: what NIST SP 800-131A takes, and what WebAuthn's keys have.
const MIN_RSA_BITS: usize = 2048;

/// Normalises the text of a public key to standard Base64 with padding.
pub(super) fn public_key(text: &str) -> Result<String, Rule> {
    let text = text.trim();
    if text.starts_with("-----BEGIN") {
        return Err(if text.contains("PRIVATE KEY") {
            Rule::new(Code::PrivateKey, PRIVATE)
        } else {
            Rule::new(Code::NotCose, "is PEM, but must be a COSE key in standard Base64")
        });
    }
    if alphabet::of(text, Alphabet::Base64) == Alphabet::Hex {
        let rule = "looks like hexadecimal, but must be standard Base64 of the COSE key's bytes";
        return Err(Rule::new(Code::LooksLikeHex, rule));
    }
    let mut standard = Zeroizing::new(String::with_capacity(text.len()));
    let bare = text.trim_end_matches('=');
    let has_either = |a, b| memchr::memchr2(a, b, bare.as_bytes()).is_some();
    if has_either(b'-', b'_') && !has_either(b'+', b'/') {
        // Base64url says the same.
        standard.extend(bare.chars().map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        }));
    } else {
        standard.push_str(bare);
    }
    let bytes = BASE64_NOPAD.decode(standard.as_bytes()).map_err(|error| match error.kind {
        DecodeKind::Symbol => Rule::new(
            Code::NotBase64,
            format!("must be standard Base64, but byte {} is not", error.position + 1),
        ),
        DecodeKind::Length | DecodeKind::Trailing | DecodeKind::Padding => {
            Rule::new(Code::CutOff, "is not complete Base64: was it cut off?")
        }
    })?;
    let bytes = Zeroizing::new(bytes);
    check(&bytes)?;
    Ok(BASE64.encode(&bytes))
}

fn check(bytes: &[u8]) -> Result<(), Rule> {
    let key = CoseKey::from_slice(bytes).map_err(|_| {
        let rule = match bytes.first() {
            // A SEQUENCE of ASN.1.
            Some(0x30) => "must be a COSE key, but looks like DER (ASN.1)",
            Some(0x04) if bytes.len() == 65 => {
                "must be a COSE key, but looks like a bare point of P-256"
            }
            _ => {
                "must be exactly one COSE key (RFC 9052) in CBOR: was it cut off, or is it another \
                 kind of key?"
            }
        };
        Rule::new(Code::NotCose, rule)
    })?;
    let other_kind =
        || Rule::new(Code::CoseKind, "is a COSE key of a kind that WebAuthn does not use");
    let KeyType::Assigned(kty) = key.kty else {
        return Err(other_kind());
    };
    let Some(private) = private_parts(kty) else {
        return Err(if kty == iana::KeyType::Symmetric {
            Rule::new(Code::PrivateKey, PRIVATE)
        } else {
            other_kind()
        });
    };
    let is_private = |label: &Label| matches!(label, Label::Int(label) if private.contains(label));
    if key.params.iter().any(|(label, _)| is_private(label)) {
        return Err(Rule::new(Code::PrivateKey, PRIVATE));
    }
    let form = Form::of(&key, kty)?;
    form.check(&Params(&key.params))
}

/// The parameters that make a key a private one (RFC 9053, RFC 8230, and the registry for AKP).
/// `None` for kinds that WebAuthn does not use.
fn private_parts(kty: iana::KeyType) -> Option<&'static [i64]> {
    match kty {
        iana::KeyType::EC2 => Some(&[iana::Ec2KeyParameter::D as i64]),
        iana::KeyType::OKP => Some(&[iana::OkpKeyParameter::D as i64]),
        // From `d` to `t_i`.
        iana::KeyType::RSA => Some(&[-3, -4, -5, -6, -7, -8, -9, -10, -11, -12]),
        iana::KeyType::AKP => Some(&[iana::AkpKeyParameter::Priv as i64]),
        _ => None,
    }
}

/// Requirements of an algorithm on the parts of its key.
#[derive(Debug, Clone, Copy)]
enum Form {
    Point(iana::EllipticCurve, Curve),
    Rsa,
    Lattice { len: usize },
}

impl Form {
    /// The form that the key's algorithm has, which must be there and go with the kind of key (RFC
    /// 9053, 8230, 8812 and 9864; FIPS 204).
    fn of(key: &CoseKey, kty: iana::KeyType) -> Result<Self, Rule> {
        use iana::{Algorithm as A, EllipticCurve as C};
        let Some(algorithm) = &key.alg else {
            let rule = "is a COSE key without `alg`, so it cannot verify any signature";
            return Err(Rule::new(Code::CoseAlgorithm, rule));
        };
        let form = match algorithm {
            RegisteredLabelWithPrivate::Assigned(algorithm) => match algorithm {
                A::ES256 | A::ESP256 => {
                    Some((iana::KeyType::EC2, Self::Point(C::P_256, Curve::P256)))
                }
                A::ES384 | A::ESP384 => {
                    Some((iana::KeyType::EC2, Self::Point(C::P_384, Curve::P384)))
                }
                A::ES512 | A::ESP512 => {
                    Some((iana::KeyType::EC2, Self::Point(C::P_521, Curve::P521)))
                }
                A::ES256K => {
                    Some((iana::KeyType::EC2, Self::Point(C::Secp256k1, Curve::Secp256k1)))
                }
                A::EdDSA | A::Ed25519 => {
                    Some((iana::KeyType::OKP, Self::Point(C::Ed25519, Curve::Ed25519)))
                }
                A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512 => {
                    Some((iana::KeyType::RSA, Self::Rsa))
                }
                A::ML_DSA_44 => Some((iana::KeyType::AKP, Self::Lattice { len: 1312 })),
                A::ML_DSA_65 => Some((iana::KeyType::AKP, Self::Lattice { len: 1952 })),
                A::ML_DSA_87 => Some((iana::KeyType::AKP, Self::Lattice { len: 2592 })),
                _ => None,
            },
            _ => None,
        };
        match form {
            Some((of, form)) if of == kty => Ok(form),
            _ => Err(Rule::new(
                Code::CoseAlgorithm,
                "is a COSE key whose `alg` is not a signature algorithm, or not one for this kind \
                 of key",
            )),
        }
    }

    fn check(self, params: &Params<'_>) -> Result<(), Rule> {
        match self {
            Self::Point(named, curve) => params.check_point(named, curve),
            Self::Rsa => params.check_rsa(),
            Self::Lattice { len } => {
                let key = params.bytes(iana::AkpKeyParameter::Pub as i64)?;
                if key.len() == len { Ok(()) } else { Err(wrong_length()) }
            }
        }
    }
}

/// The parameters of a key.
struct Params<'a>(&'a [(Label, Value)]);

impl Params<'_> {
    fn get(&self, label: i64) -> Result<&Value, Rule> {
        let found = self.0.iter().find(|(found, _)| *found == Label::Int(label));
        found.map(|(_, value)| value).ok_or_else(incomplete)
    }

    fn bytes(&self, label: i64) -> Result<&[u8], Rule> {
        self.get(label)?.as_bytes().map(Vec::as_slice).ok_or_else(incomplete)
    }

    fn check_point(&self, named: iana::EllipticCurve, curve: Curve) -> Result<(), Rule> {
        let is_named = |value: &Value| {
            let number = value.as_integer().and_then(|number| i64::try_from(number).ok());
            number == Some(named.to_i64())
        };
        // Labels of curve and coordinates are the same for EC2 and OKP.
        if !is_named(self.get(iana::Ec2KeyParameter::Crv as i64)?) {
            let rule = "is a COSE key on a different curve than its `alg` requires";
            return Err(Rule::new(Code::CoseCurve, rule));
        }
        let x = self.bytes(iana::Ec2KeyParameter::X as i64)?;
        let y = if curve == Curve::Ed25519 {
            &[]
        } else {
            let label = iana::Ec2KeyParameter::Y as i64;
            if self.get(label)?.is_bool() {
                let rule = "is a COSE key with a compressed point, which WebAuthn does not allow";
                return Err(Rule::new(Code::CoseIncomplete, rule));
            }
            self.bytes(label)?
        };
        let len = curve.coordinate_len();
        if x.len() != len
            || !y.is_empty() && y.len() != len
            || curve != Curve::Ed25519 && y.is_empty()
        {
            return Err(wrong_length());
        }
        if curve.has_point(x, y) {
            return Ok(());
        }
        let rule = "is a COSE key whose coordinates are not a point on its curve: it is damaged, \
                    and cannot verify any signature";
        Err(Rule::new(Code::NotOnCurve, rule))
    }

    fn check_rsa(&self) -> Result<(), Rule> {
        let number = |bytes: &[u8]| -> usize {
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let top = bytes.get(zeros).map_or(0, |byte| byte.leading_zeros());
            (bytes.len() - zeros) * 8 - usize::try_from(top).unwrap_or(0)
        };
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
        let n = self.bytes(iana::RsaKeyParameter::N as i64)?;
        let e = self.bytes(iana::RsaKeyParameter::E as i64)?;
        let bits = number(n);
        if bits < MIN_RSA_BITS {
            let rule =
                format!("is an RSA key of {bits} bits; at least {MIN_RSA_BITS} are required");
            return Err(Rule::new(Code::WeakRsa, rule));
        }
        // A product of odd primes is odd, and so is what has an inverse; 1 would sign anything.
        if is_odd(n) && is_odd(e) && (2..=33).contains(&number(e)) {
            Ok(())
        } else {
            let rule = "is not a usable RSA key: its modulus or exponent is damaged";
            Err(Rule::new(Code::WeakRsa, rule))
        }
    }
}

fn incomplete() -> Rule {
    let rule = "is a COSE key whose public key has a missing or malformed part";
    Rule::new(Code::CoseIncomplete, rule)
}

fn wrong_length() -> Rule {
    let rule = "is a COSE key whose public key is not as long as its `alg` requires";
    Rule::new(Code::CoseLength, rule)
}

#[cfg(test)]
mod tests;
