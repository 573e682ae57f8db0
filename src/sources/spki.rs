//! Public keys in the forms that systems keep them in, as COSE keys: what the API takes.
//!
//! Of SPKI (RFC 5280, 4.1.2.7) there are three forms that WebAuthn uses, of which two are a fixed
//! prefix and the key; lengths are checked to the byte, so that nothing but such a key passes.
//! Whether the key is a point of its curve is checked with all COSE keys, later.

use zeroize::Zeroizing;

use super::values::{self, Bytes};
use crate::model::Code;

/// Fault of a public key: the code, and a sentence without its subject.
pub(super) type KeyFault = (Code, &'static str);

/// Begins the SPKI of a P-256 key: `ecPublicKey`, `prime256v1`, and a bit string of 65 bytes
/// follows.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Begins the SPKI of an Ed25519 key (RFC 8410); a bit string of 32 bytes follows.
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// `rsaEncryption` with its NULL (RFC 3279, 2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;

const NOT_A_KEY: KeyFault = (
    Code::PublicKeyNotCose,
    "is neither a COSE key nor a PEM or DER public key that can be written as one: was it cut off?",
);
const OTHER_KIND: KeyFault = (
    Code::PublicKeyAlgUnsupported,
    "is a key of another kind than P-256, RSA or Ed25519: the user must enrol again",
);

/// Returns the COSE key of a PEM text (`BEGIN PUBLIC KEY`).
pub(super) fn from_pem(text: &str) -> Result<Vec<u8>, KeyFault> {
    if text.contains("PRIVATE KEY-----") {
        let rule = "is a private key: it must never leave its device. Treat it as stolen, and find out how \
                    it got here";
        return Err((Code::PrivateKey, rule));
    }
    // Some exports escape the line breaks once more.
    let text = text.replace("\\r", "\r").replace("\\n", "\n");
    let body = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let body = body.and_then(|body| body.strip_suffix("-----END PUBLIC KEY-----"));
    let body: String = body.ok_or(NOT_A_KEY)?.split_ascii_whitespace().collect();
    to_cose(&values::base64(&body).ok_or(NOT_A_KEY)?)
}

/// Returns the COSE key of bytes that are one already, an SPKI in DER, or a bare point of P-256
/// (U2F).
pub(super) fn to_cose(bytes: &[u8]) -> Result<Vec<u8>, KeyFault> {
    match bytes {
        // A map of CBOR with three to seven entries.
        [0xa3..=0xa7, ..] => Ok(bytes.to_vec()),
        [0x04, point @ ..] if point.len() == 64 => Ok(ec2(point)),
        [SEQUENCE, ..] => from_spki(bytes),
        _ => Err(NOT_A_KEY),
    }
}

fn from_spki(der: &[u8]) -> Result<Vec<u8>, KeyFault> {
    if let Some(rest) = der.strip_prefix(P256) {
        return match rest {
            [0x04, point @ ..] if point.len() == 64 => Ok(ec2(point)),
            _ => Err(NOT_A_KEY),
        };
    }
    if let Some(x) = der.strip_prefix(ED25519) {
        return if x.len() == 32 {
            Ok([&[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20], x].concat())
        } else {
            Err(NOT_A_KEY)
        };
    }
    let (algorithm, key) = spki(der).ok_or(NOT_A_KEY)?;
    if algorithm != RSA {
        return Err(OTHER_KIND);
    }
    let (n, e) = rsa(key).ok_or(NOT_A_KEY)?;
    let mut cose = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00];
    cose.push(0x20);
    push_bytes(&mut cose, n);
    cose.push(0x21);
    push_bytes(&mut cose, e);
    Ok(cose)
}

/// Returns the ES256 key of a point's two coordinates.
fn ec2(point: &[u8]) -> Vec<u8> {
    let (x, y) = point.split_at(point.len() / 2);
    let head: &[u8] = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    [head, x, &[0x22, 0x58, 0x20], y].concat()
}

/// Appends a byte string of CBOR, in its shortest form.
fn push_bytes(cbor: &mut Vec<u8>, bytes: &[u8]) {
    match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
        (Ok(len), _) if len < 24 => cbor.push(0x40 | len),
        (Ok(len), _) => cbor.extend([0x58, len]),
        (_, Ok(len)) => {
            cbor.push(0x59);
            cbor.extend(len.to_be_bytes());
        }
        // No key is that long: `value` reads lengths of two bytes.
        _ => {}
    }
    cbor.extend_from_slice(bytes);
}

/// Returns algorithm and key of an SPKI.
fn spki(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, []) = value(der, SEQUENCE)? else { return None };
    let (algorithm, rest) = value(content, SEQUENCE)?;
    value(algorithm, OBJECT_ID)?;
    let (bits, []) = value(rest, BIT_STRING)? else { return None };
    let (0, key) = bits.split_first().map(|(unused, key)| (*unused, key))? else { return None };
    Some((algorithm, key))
}

/// Returns modulus and exponent of an `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, []) = value(key, SEQUENCE)? else { return None };
    let (n, rest) = value(content, INTEGER)?;
    let (e, []) = value(rest, INTEGER)? else { return None };
    Some((positive(n)?, positive(e)?))
}

/// Returns a positive integer without the zero that keeps it positive.
fn positive(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|top| *top >= 0x80) => Some(rest),
        [1..=0x7f, ..] => Some(integer),
        _ => None,
    }
}

/// Returns the content of the value at the start of `der`, and what follows it. Lengths must be in
/// their shortest form (X.690, 10.1) and at most two bytes.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match der {
        [found, len @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*len), rest),
        [found, 0x81, len @ 0x80..=0xff, rest @ ..] if *found == tag => (usize::from(*len), rest),
        [found, 0x82, high @ 1..=0xff, low, rest @ ..] if *found == tag => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// Returns the COSE key of Base64 in either alphabet.
pub(super) fn from_base64(text: &str) -> Result<Bytes, KeyFault> {
    let bytes = values::base64(text).ok_or(NOT_A_KEY)?;
    to_cose(&bytes).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of one key in three forms.
    const PEM_BODY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEu02aiQbrUrdvbFX+f5gnKEBhF66TwpceV8SvGm3xhxVB8fjcDbogDv2YDjDb7U+hPquBh9FeZWHINEUUPdAjXA==";
    const COSE: &str = "pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=";
    const COSE_URL: &str = "pQECAyYgASFYILtNmokG61K3b2xV_n-YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2-1PoT6rgYfRXmVhyDRFFD3QI1w";

    fn pem(body: &str) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    fn der(text: &str) -> Vec<u8> {
        values::base64(text).unwrap().to_vec()
    }

    /// An SPKI of an RSA key whose modulus has that many bytes.
    fn rsa_spki(n_bytes: usize) -> Vec<u8> {
        fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
            let len = u16::try_from(content.len()).unwrap().to_be_bytes();
            let mut der = vec![tag];
            match len {
                [0, low @ 0..=0x7f] => der.push(low),
                [0, low] => der.extend([0x81, low]),
                [high, low] => der.extend([0x82, high, low]),
            }
            der.extend_from_slice(content);
            der
        }
        let mut n = vec![0xc5; n_bytes];
        n.insert(0, 0);
        let key = tlv(SEQUENCE, &[tlv(INTEGER, &n), tlv(INTEGER, &[1, 0, 1])].concat());
        let bits = tlv(BIT_STRING, &[vec![0], key].concat());
        tlv(SEQUENCE, &[tlv(SEQUENCE, RSA), bits].concat())
    }

    #[test]
    fn one_key_in_every_form_is_the_same_cose_key() {
        let cose = der(COSE);
        let body = &PEM_BODY;
        let folded = format!("{}\r\n{}", body.get(..64).unwrap(), body.get(64..).unwrap());
        for text in
            [pem(body), pem(&folded), pem(body).replace('\n', "\\n"), pem(body).replace('\n', "")]
        {
            assert_eq!(from_pem(&text), Ok(cose.clone()), "{text}");
        }
        let spki = der(body);
        assert_eq!(to_cose(&spki), Ok(cose.clone()));
        assert_eq!(to_cose(&spki[26..]), Ok(cose.clone()), "a bare point");
        for text in [COSE, COSE_URL] {
            assert_eq!(from_base64(text).unwrap().to_vec(), cose);
        }
    }

    #[test]
    fn rsa_and_ed25519_become_cose_keys_in_their_canonical_form() {
        let x = [7; 32];
        let cose = to_cose(&[ED25519, &x].concat()).unwrap();
        assert_eq!(cose.len(), 42);
        assert_eq!(cose[..10], [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]);
        assert_eq!(cose[10..], x);
        for (n_bytes, len) in [(256, [0x59, 0x01, 0x00]), (512, [0x59, 0x02, 0x00])] {
            let cose = to_cose(&rsa_spki(n_bytes)).unwrap();
            assert_eq!(cose[..8], [0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20]);
            assert_eq!(cose[8..11], len);
            assert_eq!(cose[11..11 + n_bytes], vec![0xc5; n_bytes]);
            assert_eq!(cose[11 + n_bytes..], [0x21, 0x43, 0x01, 0x00, 0x01]);
        }
    }

    #[test]
    fn whatever_is_no_whole_key_of_those_kinds_is_refused() {
        let spki = der(PEM_BODY);
        let rsa = rsa_spki(256);
        for len in 0..spki.len() {
            assert!(to_cose(&spki[..len]).is_err(), "cut to {len} bytes");
        }
        for len in 0..rsa.len() {
            assert!(to_cose(&rsa[..len]).is_err(), "cut to {len} bytes");
        }
        for whole in [&spki, &rsa] {
            let longer = [whole.as_slice(), &[0]].concat();
            assert_eq!(to_cose(&longer), Err(NOT_A_KEY));
        }
        let mut compressed = spki.clone();
        compressed[26] = 0x02;
        assert_eq!(to_cose(&compressed), Err(NOT_A_KEY));
        // secp384r1 in place of prime256v1.
        let p384 = [
            0x30, 0x16, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x02, 0x00, 0x04,
        ];
        assert_eq!(to_cose(&p384), Err(OTHER_KIND));
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        assert_eq!(from_pem(private).map_err(|(code, _)| code), Err(Code::PrivateKey));
        for text in
            ["", PEM_BODY, "-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----\nAAAA"]
        {
            assert_eq!(from_pem(text), Err(NOT_A_KEY));
        }
    }
}
