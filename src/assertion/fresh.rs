//! Public keys whose private half nobody has.

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};

/// Makes a P-256 key, and returns the point of its public half (uncompressed: 4, x, y); `None` if
/// the system gives no randomness. The private half is forgotten.
pub fn fresh_public_key() -> Option<Vec<u8>> {
    let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}
