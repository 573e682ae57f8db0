//! The fields that every factor has: its user, its type, its name.

use super::{
    Warning,
    damage::{self, Class, Mended},
    draft::{Draft, Rule},
    label,
};
use crate::model::{Cell, Code, FactorType, Field, Record, UserId};

/// Ids longer than this would make paths that servers refuse.
const MAX_USER_ID: usize = 1024;
const DOTS_ALONE: &str = "must be a user id such as `auth0|…`; dots alone cannot be used in a URL";

pub(super) fn user(draft: &mut Draft) -> Option<UserId> {
    let (user, has_connection) = draft.required(Field::UserId, |id| read_user(&id))?;
    if !has_connection {
        draft.warn(Warning::NoConnectionPrefix);
    }
    Some(user)
}

/// Returns whose a record is, as planning it finds, whatever else is wrong with it.
pub fn user_of(record: &Record) -> Option<UserId> {
    let Cell::Text(id) = record.get(Field::UserId) else {
        return None;
    };
    let read = |id: &str| read_user(id).ok().map(|(user, _)| user);
    if !damage::is_suspect(id) {
        return read(id);
    }
    match damage::mend(id, Class::of(Field::UserId, None)) {
        Mended::Sound(id) | Mended::Garbled(id) => read(&id),
        Mended::Absent | Mended::Lost(_) => None,
    }
}

/// Reads a user id, and whether it names its connection.
fn read_user(id: &str) -> Result<(UserId, bool), Rule> {
    let has_connection = memchr::memchr(b'|', id.as_bytes()).is_some();
    match user_fault(id, has_connection) {
        Some(rule) => Err(rule),
        None => match UserId::parse(id) {
            Some(user) => Ok((user, has_connection)),
            None => Err(Rule::new(Code::DotsAlone, DOTS_ALONE)),
        },
    }
}

fn user_fault(id: &str, has_connection: bool) -> Option<Rule> {
    let (code, rule) = if id.len() > MAX_USER_ID {
        let rule = format!("has {} bytes; at most {MAX_USER_ID} are allowed", id.len());
        return Some(Rule::new(Code::TooLong, rule));
    } else if id.starts_with(char::is_whitespace) || id.ends_with(char::is_whitespace) {
        (Code::OuterWhiteSpace, "must not begin or end with white space")
    } else if memchr::memchr(0, id.as_bytes()).is_some() {
        (Code::ControlCharacter, "must not contain a NUL character")
    } else if !has_connection && (id.contains("%7C") || id.contains("%7c")) {
        (Code::PercentEncoded, "is already percent-encoded: write `|` instead of `%7C`")
    } else {
        return None;
    };
    Some(Rule::new(code, rule))
}

pub(super) fn factor_type(draft: &mut Draft) -> Option<FactorType> {
    draft.required(Field::Type, |text| {
        let is_that = |name: &str| text.trim().eq_ignore_ascii_case(name);
        let known = FactorType::ALL.into_iter().find(|known| is_that(known.name()));
        // Auth0's guide writes it with an underscore.
        let alias = || is_that("webauthn_roaming").then_some(FactorType::WebauthnRoaming);
        known.or_else(alias).ok_or_else(|| {
            Rule::new(
                Code::UnknownType,
                "must be `phone`, `email`, `totp`, `webauthn-roaming` or `passkey`; no other type \
                 can be created",
            )
        })
    })
}

pub(super) fn name(draft: &mut Draft) -> Option<String> {
    let (name, is_cut) = draft.optional(Field::Name, |name| {
        // Nearly all are plain, and stay as they are.
        let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_plain && name.chars().any(char::is_control) {
            let rule = "must not contain control characters such as line breaks or tabs";
            return Err(Rule::new(Code::ControlCharacter, rule));
        }
        // A tenant may cut spaces off, and then the name would not be ours any more.
        let trimmed = name.trim_matches(' ');
        match label::cut(trimmed) {
            Some(cut) => Ok((cut.to_owned(), true)),
            None if trimmed.len() == name.len() => Ok((name, false)),
            None => Ok((trimmed.to_owned(), false)),
        }
    })?;
    if !is_cut {
        return Some(name);
    }
    draft.warn(Warning::NameCut);
    // Quotes may stand around what is left, and then they would be taken off the next time.
    match damage::mend(&name, Class::Words) {
        Mended::Sound(name) | Mended::Garbled(name) => Some(name),
        Mended::Absent | Mended::Lost(_) => None,
    }
}
