//! Memory of what was seen before, where there is no ledger: 9 bytes an entry, which reveal no
//! value.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::HashTable;

use crate::model::Factor;

/// Hashes of what was seen, with a new key in each process. Two different things among ten million
/// share a hash of 64 bits once in 370,000 runs.
#[derive(Debug, Default)]
pub struct Seen {
    key: RandomState,
    hashes: HashTable<u64>,
}

impl Seen {
    /// Remembers a thing; returns whether it is new.
    pub fn insert(&mut self, thing: impl Hash) -> bool {
        self.insert_hash(self.key.hash_one(thing))
    }

    /// Returns whether a thing was seen.
    pub fn has(&self, thing: impl Hash) -> bool {
        self.has_hash(self.key.hash_one(thing))
    }

    /// Returns its hasher of factors, for use on any thread.
    pub fn hasher(&self) -> FactorHasher {
        FactorHasher(self.key.clone())
    }

    /// Returns the number of things seen.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns true if nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Returns whether a hash made by its [`Seen::hasher`] was seen.
    pub fn has_hash(&self, hash: u64) -> bool {
        self.hashes.find(hash, |other| *other == hash).is_some()
    }

    /// Remembers a hash made by its [`Seen::hasher`]; returns whether it is new.
    pub fn insert_hash(&mut self, hash: u64) -> bool {
        let is_new = !self.has_hash(hash);
        if is_new {
            self.hashes.insert_unique(hash, hash, |hash| *hash);
        }
        is_new
    }

    /// Remembers a factor; returns whether it is new: no other factor of its user has its type and
    /// value.
    pub fn insert_factor(&mut self, factor: &Factor) -> bool {
        self.insert_hash(self.hasher().hash(factor))
    }
}

/// Hashes factors by user, type and value.
#[derive(Debug, Clone)]
pub struct FactorHasher(RandomState);

impl FactorHasher {
    /// Returns the hash of a factor.
    pub fn hash(&self, factor: &Factor) -> u64 {
        self.0.hash_one((&factor.user, factor.factor_type(), factor.folded_identity()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Credential, UserId};

    fn factor(user: &str, credential: Credential) -> Factor {
        Factor { line: 1, at: None, user: UserId::parse(user).unwrap(), name: None, credential }
    }

    fn email(user: &str, address: &str) -> Factor {
        factor(user, Credential::Email { address: Contact::new(address.to_owned()) })
    }

    #[test]
    fn a_factor_is_new_unless_user_type_and_value_are_those_of_another() {
        let mut seen = Seen::default();
        let secret = || Credential::Totp { secret: "a@b.example".into() };
        for (factor, is_new) in [
            (email("auth0|1", "a@b.example"), true),
            (email("auth0|1", "a@b.example"), false),
            (email("auth0|1", "a@B.Example"), false),
            (email("auth0|1", "A@b.example"), true),
            (email("auth0|2", "a@b.example"), true),
            (email("auth0|", "2a@b.example"), true),
            (factor("auth0|1", secret()), true),
            (factor("auth0|1", secret()), false),
        ] {
            assert_eq!(seen.insert_factor(&factor), is_new, "{factor:?}");
        }
    }

    #[test]
    fn nobody_is_met_twice_in_a_large_file() {
        let mut seen = Seen::default();
        assert!((0..100_000).all(|number| seen.insert(number)));
        assert!((0..100_000).all(|number| !seen.insert(number)));
    }
}
