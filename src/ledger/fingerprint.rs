//! Fingerprints: how the ledger recognises a factor without holding its value.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::{Change, Factor, Fingerprint, NameTag, Operation, Person, Target};

/// The ledger's own key: 32 random bytes, made with the ledger and kept in it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Makes a key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        // An HMAC key may have any length.
        Self(Hmac::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    /// Returns the fingerprint of a factor. The parts are separated by their lengths, so that
    /// different factors never produce the same bytes.
    pub fn fingerprint(&self, factor: &Factor) -> Fingerprint {
        self.of_identity(factor, &factor.folded_identity())
    }

    /// Returns the fingerprint of a factor with its address as written, where that differs: earlier
    /// versions told addresses apart by capitals in the domain.
    pub fn as_written(&self, factor: &Factor) -> Option<Fingerprint> {
        let is_other = factor.folded_identity() != factor.identity();
        is_other.then(|| self.of_identity(factor, factor.identity()))
    }

    /// Returns the fingerprints that a factor may have in a ledger.
    pub fn prints(&self, factor: &Factor) -> Prints {
        Prints { own: self.fingerprint(factor), as_written: self.as_written(factor) }
    }

    fn of_identity(&self, factor: &Factor, identity: &str) -> Fingerprint {
        let mut mac = self.0.clone();
        let user = factor.user.as_str();
        mac.update(&(user.len() as u64).to_le_bytes());
        mac.update(user.as_bytes());
        mac.update(&[factor.factor_type() as u8]);
        mac.update(identity.as_bytes());
        finish(mac)
    }

    /// Returns the fingerprints of the factors of a user's whole set: each depends on the whole
    /// set.
    pub fn of_set(&self, factors: &[Factor]) -> Vec<Fingerprint> {
        // As written, so that sets in ledgers of earlier versions are recognised.
        let print = |factor: &Factor| self.of_identity(factor, factor.identity());
        let mut whole = self.0.clone();
        for factor in factors {
            whole.update(&print(factor).0);
            let name = factor.name.as_deref().unwrap_or_default();
            whole.update(&(name.len() as u64).to_le_bytes());
            whole.update(name.as_bytes());
            whole.update(&[factor.preferred().map_or(0, |channel| channel as u8 + 1)]);
        }
        let whole = finish(whole);
        let one = |factor: &Factor| self.of(Operation::Replace, &[&whole.0, &print(factor).0]);
        factors.iter().map(one).collect()
    }

    /// Returns the fingerprint of a change to a method.
    pub fn of_change(&self, change: &Change) -> Fingerprint {
        let channel = change.preferred.map_or("", |channel| channel.name());
        let name = change.name.as_deref().unwrap_or_default();
        let texts = [change.user.as_str(), &change.method, name, channel];
        self.of(Operation::Update, &texts.map(str::as_bytes))
    }

    /// Returns the fingerprint of an operation on a method, or on all of a user's.
    pub fn of_target(&self, operation: Operation, target: &Target) -> Fingerprint {
        let method = target.method.as_deref().unwrap_or_default();
        self.of(operation, &[target.user.as_str().as_bytes(), method.as_bytes()])
    }

    /// Returns the fingerprint of a person: of their id in the other system, or else their user
    /// name, or else their address. People without any of these all have the same.
    pub fn of_person(&self, person: &Person) -> Fingerprint {
        let keys = [&person.id, &person.username, &person.email];
        let known = keys.into_iter().zip(1..).find_map(|(key, kind)| Some((key.as_ref()?, kind)));
        let (key, kind) = known.map_or(("", 0), |(key, kind)| (key.as_str(), kind));
        self.of(Operation::Resolve, &[&[kind], key.as_bytes()])
    }

    /// Returns the tag of a name.
    pub fn name(&self, name: &str) -> NameTag {
        let print = self.of(Operation::Import, &[name.as_bytes()]);
        NameTag(print.tag())
    }

    /// Returns the stand-in for a user id that is hidden.
    pub(super) fn pseudonym(&self, user: &str) -> Fingerprint {
        let mut mac = self.0.clone();
        // No operation has this number.
        mac.update(&[0xFF; 9]);
        mac.update(user.as_bytes());
        finish(mac)
    }

    fn of(&self, operation: Operation, parts: &[&[u8]]) -> Fingerprint {
        let mut mac = self.0.clone();
        // A factor's fingerprint begins with the length of a user id, which is never so long.
        mac.update(&[0xFF; 8]);
        mac.update(&[operation as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        finish(mac)
    }
}

/// Fingerprints of one factor: the present one and, where it differs, that of its address as
/// written, which ledgers of earlier versions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prints {
    /// The present fingerprint.
    pub own: Fingerprint,
    /// The fingerprint of the address as written.
    pub as_written: Option<Fingerprint>,
}

impl Prints {
    /// Returns both. A ledger may hold both spellings: the row with a factor's own comes first.
    pub fn all(self) -> impl Iterator<Item = Fingerprint> {
        self.as_written.into_iter().chain([self.own])
    }
}

fn finish(mac: Hmac<Sha256>) -> Fingerprint {
    let digest = mac.finalize().into_bytes();
    let mut print = [0; 16];
    print.copy_from_slice(&digest[..16]);
    Fingerprint(print)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Credential, FactorType, UserId};

    /// Computes a fingerprint as it has been since the first version: ledgers hold it.
    fn since_ever(user: &str, factor_type: FactorType, value: &str) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
        mac.update(&(user.len() as u64).to_le_bytes());
        mac.update(user.as_bytes());
        mac.update(&[factor_type as u8]);
        mac.update(value.as_bytes());
        finish(mac)
    }

    #[test]
    fn capitals_in_a_domain_have_a_fingerprint_of_their_own_besides() {
        let key = Key::new(&[7; 32]);
        for (address, folded) in [
            ("Ann@example.com", None),
            ("Ann@Example.COM", Some("Ann@example.com")),
            ("\"A@B\"@example.com", None),
            ("ann@\u{c4}rzte.example", Some("ann@\u{e4}rzte.example")),
        ] {
            let factor = Factor {
                line: 2,
                at: None,
                user: UserId::parse("auth0|1").unwrap(),
                name: None,
                credential: Credential::Email { address: Contact::new(address.into()) },
            };
            let print = |value| since_ever("auth0|1", FactorType::Email, value);
            assert_eq!(key.fingerprint(&factor), print(folded.unwrap_or(address)), "{address}");
            assert_eq!(key.as_written(&factor), folded.map(|_| print(address)), "{address}");
        }
    }
}
