//! `--name-marker`: a short keyed mark in a factor's name, by which the factor is recognised with
//! certainty while it is in doubt (reliability.md 1.2). Pure.
//!
//! `Phone #k7f3q9xa4z`: up to 8 characters of the wanted name, 8 of Base32 from the factor's keyed
//! fingerprint, and 2 random ones for each attempt. Within one user 40 bits are ample, and without
//! the ledger's key nobody can derive a number from them.

use data_encoding::BASE32_NOPAD;

use crate::model::{Factor, Fingerprint};

/// Characters of the wanted name that a marked name shows.
const LABEL: usize = 8;

/// The part of a mark that is the same in every attempt. It is not formatted in advance, since few
/// marks are ever used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(Fingerprint);

impl Mark {
    /// Makes the mark of the factor with that fingerprint.
    pub fn of(print: Fingerprint) -> Self {
        Self(print)
    }

    fn text(&self) -> String {
        // Bytes other than those in the ledger's index, although any would do.
        BASE32_NOPAD.encode(&self.0.0[8..13]).to_ascii_lowercase()
    }

    /// Returns the name to send in place of the wanted one: at most 20 characters.
    pub fn mark_name(&self, factor: &Factor, rng: &mut fastrand::Rng) -> String {
        let label: String = wanted_name(factor).chars().take(LABEL).collect();
        let tag: String = (0..2)
            .map(|_| {
                rng.choice(b"abcdefghijklmnopqrstuvwxyz234567").map_or('a', |c| char::from(*c))
            })
            .collect();
        format!("{} #{}{tag}", label.trim_end(), self.text())
    }

    /// Returns whether a listed name bears this mark.
    pub fn is_in(&self, name: Option<&str>) -> bool {
        let marked = name.and_then(|name| name.rsplit_once('#')).map(|(_, mark)| mark);
        let text = self.text();
        marked.is_some_and(|mark| mark.len() == text.len() + 2 && mark.starts_with(&text))
    }
}

/// Returns the name to restore: the input's or, as a name cannot be removed, a plain one.
pub fn wanted_name(factor: &Factor) -> &str {
    use crate::model::FactorType;
    factor.name.as_deref().unwrap_or(match factor.factor_type() {
        FactorType::Phone => "Phone",
        FactorType::Email => "Email",
        FactorType::Totp => "Authenticator",
        FactorType::WebauthnRoaming => "Security key",
        FactorType::Passkey => "Passkey",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Credential, UserId};

    #[test]
    fn a_marked_name_fits_and_is_known_again_by_its_own_mark_only() {
        let mut rng = fastrand::Rng::with_seed(3);
        for wanted in
            [None, Some("x"), Some("Work phone of Anna B"), Some("äöüß ñçé 12"), Some("a#b")]
        {
            let factor = Factor {
                line: 2,
                at: None,
                user: UserId::parse("auth0|1").unwrap(),
                name: wanted.map(Into::into),
                credential: Credential::Email { address: Contact::new("a@example.com".into()) },
            };
            let mark = Mark::of(Fingerprint([7; 16]));
            let name = mark.mark_name(&factor, &mut rng);
            assert!(name.chars().count() <= 20, "{name}");
            assert!(mark.is_in(Some(&name)) && !mark.is_in(wanted) && !mark.is_in(None));
            assert!(!Mark::of(Fingerprint([8; 16])).is_in(Some(&name)));
        }
    }
}
