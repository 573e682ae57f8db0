//! Decides which of the tenant's users a person is. Pure.
//!
//! Mistaking one person for another puts the one's factors on the other's account. So if there are
//! several candidates none is chosen, and an address that the source calls unverified proves
//! nothing: anybody may have signed up with it there. The tenant's own `email_verified` does not
//! help: it is false for most users of a bulk import.

use crate::model::{Account, Code, Person, UserId};

/// Flags that decide which user is taken for a person.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `--connection`: only users with an account of this connection.
    pub connection: Option<String>,
    /// `--trust-unverified-email`.
    pub trusts_unverified: bool,
}

/// Returns the address to look up, or why there is none.
pub fn address<'a>(person: &'a Person, rules: &Rules) -> Result<&'a str, Code> {
    let address = person.email.as_deref().filter(|address| !address.is_empty());
    let address = address.ok_or(Code::UserNotMapped)?;
    if !address.contains('@') || address.chars().any(char::is_control) {
        return Err(Code::NotAnAddress);
    }
    if person.is_email_verified == Some(false) && !rules.trusts_unverified {
        return Err(Code::EmailNotVerified);
    }
    Ok(address)
}

/// Returns the other spelling to look up after `found` was found at `address`: the address in lower
/// case, if that differs and nobody has the address exactly as written. Database connections keep
/// addresses in lower case (auth0-api.md 5).
pub fn other_spelling(address: &str, found: &[Account]) -> Option<String> {
    let is_exact =
        |account: &Account| account.email.as_deref().is_none_or(|email| email == address);
    let lower = address.to_lowercase();
    (lower != address && !found.iter().any(is_exact)).then_some(lower)
}

/// Returns the only user at `address` among those found there, in either spelling.
pub fn user(address: &str, found: &[Account], rules: &Rules) -> Result<UserId, Code> {
    let address = address.to_lowercase();
    let is_at = |account: &&Account| {
        // A user without one is a match, because the tenant found them by the address.
        account.email.as_deref().is_none_or(|email| email.to_lowercase() == address)
    };
    let is_of = |account: &&Account| {
        rules.connection.as_ref().is_none_or(|name| account.connections.contains(name))
    };
    let mut candidates: Vec<_> = found.iter().filter(is_at).filter(is_of).collect();
    // Both spellings may have found the same user.
    candidates.sort_unstable_by(|a, b| a.user.cmp(&b.user));
    candidates.dedup_by(|a, b| a.user == b.user);
    match candidates[..] {
        [] => Err(Code::UserNotFound),
        [one] => Ok(one.user.clone()),
        _ => Err(Code::UserAmbiguous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str, email: &str, connections: &[&str]) -> Account {
        Account {
            user: UserId::parse(user).unwrap(),
            email: (!email.is_empty()).then(|| email.to_owned()),
            connections: connections.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn whoever_is_asked_for_has_an_address_that_is_theirs() {
        let person = |email: &str, is_email_verified| Person {
            email: Some(email.to_owned()),
            is_email_verified,
            ..Person::default()
        };
        let trusting = Rules { trusts_unverified: true, ..Rules::default() };
        for (person, strict, trustful) in [
            (Person::default(), Err(Code::UserNotMapped), Err(Code::UserNotMapped)),
            (person("", None), Err(Code::UserNotMapped), Err(Code::UserNotMapped)),
            (person("ann", Some(true)), Err(Code::NotAnAddress), Err(Code::NotAnAddress)),
            (person("a@b.c\n", None), Err(Code::NotAnAddress), Err(Code::NotAnAddress)),
            (person("a@b.c", None), Ok("a@b.c"), Ok("a@b.c")),
            (person("a@b.c", Some(true)), Ok("a@b.c"), Ok("a@b.c")),
            (person("a@b.c", Some(false)), Err(Code::EmailNotVerified), Ok("a@b.c")),
        ] {
            assert_eq!(address(&person, &Rules::default()), strict, "{:?}", person.email);
            assert_eq!(address(&person, &trusting), trustful, "{:?}", person.email);
        }
    }

    #[test]
    fn lower_case_is_asked_for_only_where_it_is_another_and_nobody_is_there_exactly() {
        let exact = account("auth0|1", "Ann@B.c", &[]);
        let other = account("auth0|1", "ann@b.c", &[]);
        let lower = Some("ann@b.c".to_owned());
        for (address, found, expected) in [
            ("ann@b.c", &[][..], None),
            ("ann@b.c", std::slice::from_ref(&exact), None),
            ("Ann@B.c", &[], lower.clone()),
            ("Ann@B.c", std::slice::from_ref(&other), lower),
            ("Ann@B.c", &[other.clone(), exact.clone()], None),
        ] {
            assert_eq!(other_spelling(address, found), expected, "{address} {found:?}");
        }
    }

    #[test]
    fn exactly_one_user_is_the_person_and_nobody_is_chosen_among_several() {
        let (db, social) = (&["db"][..], &["db-2", "google"][..]);
        let ann = || account("auth0|1", "ann@b.c", db);
        let second = || account("auth0|2", "ann@b.c", social);
        let found = |user: &str| Ok(UserId::parse(user).unwrap());
        let (nobody, several) = (Err(Code::UserNotFound), Err(Code::UserAmbiguous));
        for (accounts, connection, trusting, expected) in [
            (vec![], None, false, nobody.clone()),
            (vec![ann()], None, false, found("auth0|1")),
            (vec![ann(), ann()], None, false, found("auth0|1")),
            (vec![ann(), second()], None, false, several),
            (vec![ann(), second()], Some("google"), false, found("auth0|2")),
            (vec![ann(), second()], Some("db"), false, found("auth0|1")),
            (vec![ann(), second()], Some("DB"), false, nobody.clone()),
            (vec![account("auth0|4", "ann@b.c", db)], None, false, found("auth0|4")),
            (vec![account("auth0|4", "Ann@B.C", db)], None, false, found("auth0|4")),
            (vec![account("auth0|4", "bob@b.c", db)], None, false, nobody.clone()),
            (vec![account("auth0|4", "", db)], None, false, found("auth0|4")),
            (vec![account("auth0|4", "bob@b.c", db), ann()], None, false, found("auth0|1")),
        ] {
            let told = format!("{accounts:?} {connection:?} {trusting}");
            let rules =
                Rules { connection: connection.map(str::to_owned), trusts_unverified: trusting };
            assert_eq!(user("Ann@b.c", &accounts, &rules), expected, "{told}");
        }
    }
}
