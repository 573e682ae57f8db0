//! DER, as far as it is needed to find out what is wrong with a key: the signing library says only
//! that it refuses one.

use super::{KeyFault, pem::PrivateKey};

pub(super) const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NAME: u8 = 0x06;

/// Smallest public exponent that the signing library accepts.
const MIN_EXPONENT: usize = 65_537;

/// Kinds of keys by the object identifiers of their algorithms, except RSA.
const KINDS: [(&[u8], &str); 6] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], "an elliptic curve key"),
    (&[0x2b, 0x65, 0x70], "an Ed25519 key"),
    (&[0x2b, 0x65, 0x71], "an Ed448 key"),
    (&[0x2b, 0x65, 0x6e], "an X25519 key"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "a DSA key"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "a key that is for RSASSA-PSS alone"),
];

/// Splits DER after its first element, which must have that tag.
pub(super) fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = if short < 0x80 {
        (usize::from(short), rest)
    } else {
        let (long, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
        (number(long)?, rest)
    };
    rest.split_at_checked(length).filter(|_| found == tag)
}

/// Returns true if bytes begin like a key in DER, or like a file of keys and certificates
/// (PKCS#12).
pub fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [SEQUENCE, 0x81..=0x83, ..])
}

/// Returns what is wrong with a rejected key, or `None` if that is unknown.
pub(super) fn fault(key: &PrivateKey) -> Option<KeyFault> {
    let pkcs1 = match key {
        PrivateKey::Pkcs1(der) => der.as_slice(),
        PrivateKey::Pkcs8(der) => {
            let (info, _) = element(der, SEQUENCE)?;
            let (_version, rest) = element(info, INTEGER)?;
            let (algorithm, rest) = element(rest, SEQUENCE)?;
            let (name, _) = element(algorithm, NAME)?;
            if let Some((_, kind)) = KINDS.into_iter().find(|(known, _)| *known == name) {
                return Some(KeyFault::OtherKind(kind));
            }
            element(rest, OCTETS)?.0
        }
    };
    let (numbers, _) = element(pkcs1, SEQUENCE)?;
    let (_version, rest) = element(numbers, INTEGER)?;
    let (modulus, rest) = element(rest, INTEGER)?;
    let (exponent, _) = element(rest, INTEGER)?;
    let bits = bits(modulus)?;
    if !(2_048..=4_096).contains(&bits) || bits % 512 != 0 {
        return Some(KeyFault::Size(bits));
    }
    let exponent = number(exponent).filter(|exponent| *exponent < MIN_EXPONENT)?;
    Some(KeyFault::Exponent(exponent))
}

/// Returns a number; `None` if it is too large.
fn number(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .try_fold(0_usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte)))
}

/// Returns the length of a number in bits.
fn bits(bytes: &[u8]) -> Option<u32> {
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let (first, rest) = bytes.get(start..)?.split_first()?;
    Some(u8::BITS - first.leading_zeros() + u32::try_from(rest.len()).ok()?.checked_mul(8)?)
}
