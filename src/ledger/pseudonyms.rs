//! Pseudonyms for user ids, for reports that are passed on to other people.

use data_encoding::HEXLOWER;

use super::Key;

/// Shortest part of an id that is replaced by itself: shorter ones occur in any text.
const SHORTEST_PART: usize = 4;

/// Makes pseudonyms with the ledger's key: a user has the same one in every report on the ledger,
/// and without the ledger it cannot be traced back to them.
#[derive(Debug, Clone)]
pub struct Pseudonyms(Key);

impl Pseudonyms {
    pub(super) fn new(key: Key) -> Self {
        Self(key)
    }

    /// Returns the pseudonym of a user.
    pub fn of(&self, user: &str) -> String {
        let print = self.0.pseudonym(user).0;
        let half = print.first_chunk::<8>().copied().unwrap_or_default();
        format!("user-{}", HEXLOWER.encode(&half))
    }

    /// Returns `text` with every occurrence of the id of `user`, or of its part after the provider,
    /// replaced by the pseudonym.
    pub fn hide(&self, user: &str, text: &str) -> String {
        // An id may be a part of any pseudonym; this placeholder is not.
        const PLACEHOLDER: &str = "\0";
        let own = user.rsplit('|').next().unwrap_or_default();
        let mut hidden = text.replace(user, PLACEHOLDER);
        if own.len() >= SHORTEST_PART {
            hidden = hidden.replace(own, PLACEHOLDER);
        }
        hidden.replace(PLACEHOLDER, &self.of(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_hidden_wherever_it_stands_and_always_behind_the_same_name() {
        let of = |key| Pseudonyms::new(Key::new(&[key; 32]));
        let (user, pseudonyms) = ("auth0|64f1c0de", of(7));
        let name = pseudonyms.of(user);
        assert!(name.starts_with("user-") && name.len() == 21, "{name}");
        assert_eq!(name, of(7).of(user));
        assert_ne!(name, of(8).of(user));
        assert_ne!(name, pseudonyms.of("auth0|64f1c0dd"));
        for (text, expected) in [
            ("auth0|64f1c0de", name.clone()),
            ("users[auth0|64f1c0de].totp", format!("users[{name}].totp")),
            ("passkey|64f1c0de_1", format!("passkey|{name}_1")),
            ("nothing", "nothing".into()),
        ] {
            assert_eq!(pseudonyms.hide(user, text), expected);
        }
        for user in ["auth0|user", "user", "auth0|abcd"] {
            assert_eq!(pseudonyms.hide(user, user), pseudonyms.of(user));
        }
        // What is in any text is no id by itself.
        assert_eq!(pseudonyms.hide("auth0|7", "line 7"), "line 7");
    }
}
