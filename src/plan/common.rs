//! What every factor has: whose it is, its type, its name.

use super::draft::{Draft, Rule};
use crate::model::{FactorType, Field, UserId};

/// Ids longer than this would make paths that servers refuse.
const MAX_USER_ID: usize = 1024;

/// The limit of the API's PUT and GET schemas (`auth0-api.md` 1.3), in characters.
const MAX_NAME: usize = 20;

pub(super) fn user(draft: &mut Draft) -> Option<UserId> {
    draft.required(Field::UserId, |id| match user_fault(&id) {
        Some(rule) => Err(rule),
        None => Ok(UserId::new(&id)),
    })
}

fn user_fault(id: &str) -> Option<Rule> {
    let rule = if id.len() > MAX_USER_ID {
        return Some(format!("has {} bytes, and {MAX_USER_ID} is the most", id.len()).into());
    } else if id.starts_with(char::is_whitespace) || id.ends_with(char::is_whitespace) {
        "must have no white space at its ends"
    } else if id.contains('\0') {
        "must not contain a NUL character"
    } else if id == "." || id == ".." {
        "must be a user id such as `auth0|…`: dots alone cannot be addressed"
    } else if !id.contains('|') && (id.contains("%7C") || id.contains("%7c")) {
        "is percent-encoded already: write `|` instead of `%7C`"
    } else {
        return None;
    };
    Some(rule.into())
}

pub(super) fn factor_type(draft: &mut Draft) -> Option<FactorType> {
    draft.required(Field::Type, |text| {
        let name = text.trim().to_ascii_lowercase();
        let known = FactorType::ALL.into_iter().find(|known| known.name() == name);
        // Auth0's guide writes it with an underscore.
        let alias = (name == "webauthn_roaming").then_some(FactorType::WebauthnRoaming);
        known.or(alias).ok_or_else(|| {
            "must be `phone`, `email`, `totp`, `webauthn-roaming` or `passkey`; no other type can be \
             created"
                .into()
        })
    })
}

pub(super) fn name(draft: &mut Draft) -> Option<String> {
    draft.optional(Field::Name, |name| {
        // A tenant may cut these off, and then the name would not be ours any more.
        let name = name.trim_matches(' ').to_owned();
        let n_chars = name.chars().count();
        if n_chars > MAX_NAME {
            Err(format!("has {n_chars} characters, and {MAX_NAME} is the most").into())
        } else if name.chars().any(char::is_control) {
            Err("must not contain control characters such as line breaks or tabs".into())
        } else {
            Ok(name)
        }
    })
}
