//! Users picked by a hash of a seed and their id. Pure.
//!
//! The same seed picks the same users in every run, wherever their rows are, and another seed picks
//! others. Each user is picked with the same chance and independently, so the picked ones are a
//! random sample of the users (not of the factors: those of a user come together).

use sha2::{Digest, Sha256};

use crate::model::UserId;

/// A random order of all users. The first users in it are picked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cohort {
    seed: u64,
}

impl Cohort {
    /// Returns the order that a seed makes.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the seed that picks the users.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the place of a user in that order, among all 64-bit numbers.
    pub fn rank(&self, user: &UserId) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(user.as_str().as_bytes());
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first)
    }

    /// Returns whether a place is within a share of the users; 1 means all of them.
    pub fn is_within(rank: u64, share: f64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a share of all hashes")]
        let place = rank as f64 / u64::MAX as f64;
        share >= 1.0 || place < share
    }
}
