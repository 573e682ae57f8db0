//! Fingerprints: how the ledger knows a factor again without holding its value.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::{Change, Factor, Fingerprint, NameTag, Operation, Person, Target};

/// The ledger's own key: 32 random bytes, made with the ledger and kept in it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        // An HMAC key may have any length.
        Self(Hmac::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    /// The fingerprint of a factor. The parts are separated by their lengths, so that no two
    /// different factors spell the same bytes.
    pub fn fingerprint(&self, factor: &Factor) -> Fingerprint {
        self.of_identity(factor, &factor.folded_identity())
    }

    /// The fingerprint of a factor with its address as it is written, where that is another one:
    /// earlier versions took capitals in a domain for a difference.
    pub fn as_written(&self, factor: &Factor) -> Option<Fingerprint> {
        let is_other = factor.folded_identity() != factor.identity();
        is_other.then(|| self.of_identity(factor, factor.identity()))
    }

    /// The fingerprints that a factor may have in a ledger.
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

    /// The fingerprints of the factors of a user's whole set: of all of it, and of each in it.
    pub fn of_set(&self, factors: &[Factor]) -> Vec<Fingerprint> {
        // As written: sets in ledgers of earlier versions are known again.
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

    /// The fingerprint of what is to become of a method.
    pub fn of_change(&self, change: &Change) -> Fingerprint {
        let channel = change.preferred.map_or("", |channel| channel.name());
        let name = change.name.as_deref().unwrap_or_default();
        let texts = [change.user.as_str(), &change.method, name, channel];
        self.of(Operation::Update, &texts.map(str::as_bytes))
    }

    /// The fingerprint of a method, or of all of a user's, that something is to be done with.
    pub fn of_target(&self, operation: Operation, target: &Target) -> Fingerprint {
        let method = target.method.as_deref().unwrap_or_default();
        self.of(operation, &[target.user.as_str().as_bytes(), method.as_bytes()])
    }

    /// The fingerprint of a person: of their id in the other system, else of their user name, else of
    /// their address. Whoever has none of these is like everybody else who has none.
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

    /// Returns what stands for a user id where that is hidden.
    pub(super) fn pseudonym(&self, user: &str) -> Fingerprint {
        let mut mac = self.0.clone();
        // No operation has this number.
        mac.update(&[0xFF; 9]);
        mac.update(user.as_bytes());
        finish(mac)
    }

    fn of(&self, operation: Operation, parts: &[&[u8]]) -> Fingerprint {
        let mut mac = self.0.clone();
        // A factor's begins with the length of a user id, which is never so long.
        mac.update(&[0xFF; 8]);
        mac.update(&[operation as u8]);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        finish(mac)
    }
}

/// Fingerprints of one factor: that of now, and where it differs that of its address as it is written, which
/// ledgers of earlier versions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prints {
    /// The fingerprint of now.
    pub own: Fingerprint,
    /// The fingerprint of the address as it is written.
    pub as_written: Option<Fingerprint>,
}

impl Prints {
    /// Returns both. A ledger may hold both spellings: a factor is the row of its own first.
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
