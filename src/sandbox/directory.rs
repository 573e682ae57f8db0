//! People of the tenant as `GET /api/v2/users-by-email` finds them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Domains that belong to nobody (RFC 2606, section 3): in a demo, anybody can have an address
/// there.
const RESERVED: [&str; 3] = ["example.com", "example.net", "example.org"];
/// Connection of users whose connection is unknown.
const DATABASE: &str = "Username-Password-Authentication";

/// A user of the tenant, in the form of the API and of its export job. Other keys are ignored.
/// `Debug` does not show the address.
#[derive(Clone, Deserialize, Serialize, PartialEq, Eq)]
pub struct User {
    /// `provider|id`.
    pub user_id: String,
    /// The address, which is looked up case-sensitively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// True if the user has proved that the address is theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// Accounts linked to the user, its own first. If none is given, one is derived from the id.
    #[serde(default)]
    pub identities: Vec<Identity>,
}

/// One of the accounts that are linked to a user.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Identity {
    /// Name of the connection that the account comes from.
    pub connection: String,
    /// Id without the provider.
    pub user_id: String,
    /// Provider of the connection.
    pub provider: String,
    /// True for a login by Google, Facebook and the like.
    #[serde(default, rename = "isSocial")]
    pub is_social: bool,
}

impl User {
    /// Makes a user of the database connection with a verified address.
    pub fn new(user_id: impl Into<String>, email: impl Into<String>) -> Self {
        let identities = Vec::new();
        Self {
            user_id: user_id.into(),
            email: Some(email.into()),
            email_verified: true,
            identities,
        }
    }

    /// Returns the user whom a demo has at an address: one for each lower-case address at a domain
    /// that belongs to nobody, with an id derived from the address alone.
    pub(super) fn of_demo(address: &str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        let is_demo = !local.is_empty()
            && RESERVED.contains(&domain)
            && !address.chars().any(char::is_uppercase);
        let digest = Sha256::digest(address.as_bytes());
        let id = data_encoding::HEXLOWER.encode(&digest[..12]);
        is_demo.then(|| Self::new(format!("auth0|{id}"), address).with_identity())
    }

    /// Returns the user with at least one identity.
    fn with_identity(mut self) -> Self {
        if self.identities.is_empty() {
            let (provider, id) = self.user_id.split_once('|').unwrap_or(("auth0", &self.user_id));
            let is_database = provider == "auth0";
            self.identities.push(Identity {
                connection: if is_database { DATABASE } else { provider }.to_owned(),
                user_id: id.to_owned(),
                provider: provider.to_owned(),
                is_social: !is_database,
            });
        }
        self
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Users that were listed, by id and by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    users: BTreeMap<String, User>,
    by_email: HashMap<String, Vec<String>>,
}

impl Directory {
    /// Returns whether there is a user with that id.
    pub(super) fn has(&self, user_id: &str) -> bool {
        self.users.contains_key(user_id)
    }

    /// Returns the users with exactly that address, in the order of the list.
    pub(super) fn at(&self, address: &str) -> impl Iterator<Item = &User> {
        self.by_email.get(address).into_iter().flatten().filter_map(|id| self.users.get(id))
    }
}

impl From<Vec<User>> for Directory {
    /// Makes a directory from a list; of two users with one id, the later one counts.
    fn from(list: Vec<User>) -> Self {
        let mut directory = Self::default();
        for user in list.into_iter().map(User::with_identity) {
            let (id, email) = (user.user_id.clone(), user.email.clone());
            let before = directory.users.insert(id.clone(), user);
            if let Some(ids) = before
                .and_then(|before| before.email)
                .and_then(|email| directory.by_email.get_mut(&email))
            {
                ids.retain(|other| *other != id);
            }
            if let Some(email) = email {
                directory.by_email.entry(email).or_default().push(id);
            }
        }
        directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_as_they_are_written_with_all_who_have_them() {
        let list = vec![
            User::new("auth0|1", "ann@corp.test"),
            User::new("google-oauth2|2", "ann@corp.test"),
            User::new("auth0|3", "Ann@corp.test"),
            User { email: None, ..User::new("sms|4", "") },
            User::new("auth0|5", "old@corp.test"),
            User::new("auth0|5", "new@corp.test"),
        ];
        let directory = Directory::from(list);
        let ids = |address| -> Vec<&str> {
            directory.at(address).map(|user| user.user_id.as_str()).collect()
        };
        assert_eq!(ids("ann@corp.test"), ["auth0|1", "google-oauth2|2"]);
        assert_eq!(ids("Ann@corp.test"), ["auth0|3"]);
        assert_eq!(ids("old@corp.test"), [""; 0]);
        assert_eq!(ids("new@corp.test"), ["auth0|5"]);
        assert_eq!(ids(""), [""; 0]);
        assert!(directory.has("sms|4") && !directory.has("sms|5"));
        let social = directory.at("ann@corp.test").nth(1).unwrap();
        assert_eq!(social.identities[0].connection, "google-oauth2");
        assert!(social.identities[0].is_social);
    }

    #[test]
    fn a_demo_has_everybody_in_lower_case_at_a_domain_that_is_nobodys() {
        let ann = User::of_demo("ann+1@example.org").unwrap();
        assert_eq!(Some(&ann), User::of_demo("ann+1@example.org").as_ref());
        assert_ne!(ann.user_id, User::of_demo("ann@example.org").unwrap().user_id);
        assert_eq!((ann.user_id.len(), ann.identities.len()), ("auth0|".len() + 24, 1));
        for address in
            ["Ann@example.org", "ann@Example.org", "@example.org", "example.org", "ann@corp.test"]
        {
            assert_eq!(User::of_demo(address), None, "{address}");
        }
    }
}
