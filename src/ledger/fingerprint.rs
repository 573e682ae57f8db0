//! Fingerprints: how the ledger knows a factor again without holding its value.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::Factor;

/// 128 bits that stand for one factor of one user: type and identifying value, not its name,
/// line or preferred channel. Keyed, so that a phone number cannot be found by trying them all
/// without the ledger's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The part that the index in memory holds.
    pub(super) fn tag(self) -> u32 {
        u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

/// The ledger's own key: 32 random bytes, made with the ledger and kept in it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        // An HMAC key may have any length.
        Self(Hmac::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    /// A key for this process only, where there is no ledger.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self::new(&bytes))
    }

    /// The fingerprint of a factor. The parts are separated by their lengths, so that no two
    /// different factors spell the same bytes.
    pub fn fingerprint(&self, factor: &Factor) -> Fingerprint {
        let mut mac = self.0.clone();
        let user = factor.user.as_str();
        mac.update(&(user.len() as u64).to_le_bytes());
        mac.update(user.as_bytes());
        mac.update(&[factor.factor_type() as u8]);
        mac.update(factor.identity().as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut print = [0; 16];
        print.copy_from_slice(&digest[..16]);
        Fingerprint(print)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Fingerprints that were met, for finding duplicates where there is no ledger.
#[derive(Debug, Default)]
pub struct Seen(hashbrown::HashTable<[u8; 16]>);

impl Seen {
    /// Remembers a fingerprint; says whether it is new.
    pub fn insert(&mut self, print: Fingerprint) -> bool {
        // A keyed hash needs no hashing.
        let hash = |print: &[u8; 16]| {
            let mut half = [0; 8];
            half.copy_from_slice(&print[..8]);
            u64::from_le_bytes(half)
        };
        let new = self.0.find(hash(&print.0), |other| *other == print.0).is_none();
        if new {
            self.0.insert_unique(hash(&print.0), print.0, hash);
        }
        new
    }
}
