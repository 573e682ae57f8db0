//! Test that coordinates are a point of a curve. A key that is not on its curve verifies no
//! signature, and only the first login would show it. Nothing here is secret, so nothing takes
//! constant time.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U256, U384, U576, Uint, Word};

/// A curve that keys for signatures are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// FIPS 186-5, also known as secp256r1.
    P256,
    /// FIPS 186-5.
    P384,
    /// FIPS 186-5.
    P521,
    /// SEC 2.
    Secp256k1,
    /// RFC 8032.
    Ed25519,
}

impl Curve {
    /// Returns the number of bytes in a coordinate.
    pub(super) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Returns true if coordinates of the right length are a point of the curve; Ed25519 has no
    /// second one.
    pub(super) fn has_point(self, x: &[u8], y: &[u8]) -> bool {
        match self {
            Self::P256 => P256.has_point(x, y),
            Self::P384 => P384.has_point(x, y),
            Self::P521 => P521.has_point(x, y),
            Self::Secp256k1 => SECP256K1.has_point(x, y),
            Self::Ed25519 => is_edwards_point(x),
        }
    }
}

/// `y² = x³ + ax + b` over a prime field.
struct Weierstrass<const LIMBS: usize> {
    prime: FixedMontyParams<LIMBS>,
    a: FixedMontyForm<LIMBS>,
    b: FixedMontyForm<LIMBS>,
}

impl<const LIMBS: usize> Weierstrass<LIMBS> {
    const fn new(prime: Odd<Uint<LIMBS>>, a: Uint<LIMBS>, b: Uint<LIMBS>) -> Self {
        let prime = FixedMontyParams::new_vartime(prime);
        let (a, b) = (FixedMontyForm::new(&a, &prime), FixedMontyForm::new(&b, &prime));
        Self { prime, a, b }
    }

    fn has_point(&self, x: &[u8], y: &[u8]) -> bool {
        let number = |bytes| {
            let number = big_endian::<LIMBS>(bytes);
            // A coordinate that is not reduced is no element of the field.
            (number < *self.prime.modulus().as_ref())
                .then(|| FixedMontyForm::new(&number, &self.prime))
        };
        match (number(x), number(y)) {
            (Some(x), Some(y)) => y.square() == (x.square() + self.a) * x + self.b,
            _ => false,
        }
    }
}

static P256: Weierstrass<{ U256::LIMBS }> = Weierstrass::new(
    Odd::<U256>::from_be_hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
    U256::from_be_hex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc"),
    U256::from_be_hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
);
static SECP256K1: Weierstrass<{ U256::LIMBS }> = Weierstrass::new(
    Odd::<U256>::from_be_hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
    U256::ZERO,
    U256::from_u8(7),
);
static P384: Weierstrass<{ U384::LIMBS }> = Weierstrass::new(
    Odd::<U384>::from_be_hex(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
         ffffffff0000000000000000ffffffff",
    ),
    U384::from_be_hex(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
         ffffffff0000000000000000fffffffc",
    ),
    U384::from_be_hex(
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a\
         c656398d8a2ed19d2a85c8edd3ec2aef",
    ),
);
static P521: Weierstrass<{ U576::LIMBS }> = Weierstrass::new(
    Odd::<U576>::from_be_hex(
        "00000000000001ffffffffffffffffffffffffffffffffffffffffffffffffff\
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         ffffffffffffffff",
    ),
    U576::from_be_hex(
        "00000000000001ffffffffffffffffffffffffffffffffffffffffffffffffff\
         ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         fffffffffffffffc",
    ),
    U576::from_be_hex(
        "0000000000000051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3\
         b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1\
         ef451fd46b503f00",
    ),
);

/// The field of Ed25519, and the curve's `d`.
static EDWARDS: (FixedMontyParams<{ U256::LIMBS }>, U256) = (
    FixedMontyParams::new_vartime(Odd::<U256>::from_be_hex(
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
    )),
    U256::from_be_hex("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"),
);

/// Returns true if 32 bytes are a point of `-x² + y² = 1 + dx²y²` as RFC 8032, 5.1.3 decodes it:
/// `y`, with the lowest bit of `x` on top. There is an `x` if `(y² - 1)(dy² + 1)` is a square.
fn is_edwards_point(encoded: &[u8]) -> bool {
    let (field, d) = &EDWARDS;
    let mut bytes: Vec<u8> = encoded.iter().rev().copied().collect();
    let Some(top) = bytes.first_mut() else {
        return false;
    };
    *top &= 0x7f;
    let prime = *field.modulus().as_ref();
    let y = big_endian(&bytes);
    if y >= prime {
        return false;
    }
    let one = FixedMontyForm::one(field);
    let y = FixedMontyForm::new(&y, field).square();
    let square = (y - one) * (FixedMontyForm::new(d, field) * y + one);
    // Euler's criterion. Zero is no square by it, and points with `x = 0` are no keys.
    square.pow(&prime.wrapping_sub(&U256::ONE).wrapping_shr_vartime(1)) == one
}

/// A number of at most so many bits; nothing of it is lost.
fn big_endian<const LIMBS: usize>(bytes: &[u8]) -> Uint<LIMBS> {
    let mut words = [0; LIMBS];
    // From the end on, a word at a time.
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks(size_of::<Word>())) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | Word::from(*byte));
    }
    Uint::from_words(words)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The base points of the standards.
    const BASE_POINTS: [(Curve, &str, &str); 4] = [
        (
            Curve::P256,
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ),
        (
            Curve::Secp256k1,
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        ),
        (
            Curve::P384,
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38\
             5502f25dbf55296c3a545e3872760ab7",
            "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0\
             0a60b1ce1d7e819d7a431d7c90ea0e5f",
        ),
        (
            Curve::P521,
            "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d\
             3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5\
             bd66",
            "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e\
             662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd1\
             6650",
        ),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        HEXLOWER.decode(hex.as_bytes()).unwrap()
    }

    #[test]
    fn base_points_are_on_their_curves_and_their_neighbours_are_not() {
        for (curve, x, y) in BASE_POINTS {
            let (x, y) = (bytes(x), bytes(y));
            assert_eq!((x.len(), y.len()), (curve.coordinate_len(), curve.coordinate_len()));
            assert!(curve.has_point(&x, &y), "{curve:?}");
            for at in [0, x.len() / 2, x.len() - 1] {
                let mut other = y.clone();
                other[at] ^= 1;
                assert!(!curve.has_point(&x, &other), "{curve:?}");
            }
            assert!(!curve.has_point(&y, &x), "{curve:?}");
            assert!(!curve.has_point(&vec![0xff; x.len()], &y), "{curve:?}: not reduced");
            assert!(!curve.has_point(&vec![0; x.len()], &vec![0; x.len()]), "{curve:?}");
        }
    }

    #[test]
    fn ed25519_keys_of_rfc_8032_are_points_and_half_of_all_others_are_not() {
        for key in [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ] {
            assert!(Curve::Ed25519.has_point(&bytes(key), &[]), "{key}");
        }
        let mut key = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let points = (0..=255).filter(|byte| {
            key[0] = *byte;
            Curve::Ed25519.has_point(&key, &[])
        });
        assert!((90..166).contains(&points.count()));
        assert!(!Curve::Ed25519.has_point(&[0xff; 32], &[]), "not reduced");
        assert!(!Curve::Ed25519.has_point(&[], &[]));
    }
}
