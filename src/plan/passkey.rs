//! Fields that only passkeys have.

use super::{
    Warning,
    bytes::{base64url, is_encoded_again},
    damage::is_null_entry,
    draft::{Draft, Rule},
    uuid, webauthn,
};
use crate::model::{Cell, Code, Credential, Field, PasskeyDetails};

/// The longest free text, in bytes; user agents are the longest in practice, below 500.
const MAX_TEXT: usize = 1024;
/// WebAuthn, 5.4.3: a user handle has 64 bytes at most.
const MAX_HANDLE: usize = 64;
/// The longest name of a transport; WebAuthn's own have 10 at most.
const MAX_TRANSPORT: usize = 32;
/// Largest number of transports: more than WebAuthn knows.
const MAX_TRANSPORTS: usize = 16;

/// Words for true that programs and databases write: JSON, `PostgreSQL`, `MySQL`, pandas, people.
/// [`FALSE`] has those for false.
const TRUE: [&str; 7] = ["true", "t", "1", "1.0", "yes", "y", "on"];
const FALSE: [&str; 7] = ["false", "f", "0", "0.0", "no", "n", "off"];

pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let key = webauthn::passkey_credential(draft);
    let details = PasskeyDetails {
        aaguid: draft.optional(Field::Aaguid, |text| {
            uuid::parse(&text).ok_or_else(|| {
                let rule = "must be a UUID: 32 hexadecimal digits in groups of 8-4-4-4-12";
                Rule::new(Code::NotAUuid, rule)
            })
        }),
        credential_device_type: draft
            .optional(Field::CredentialDeviceType, |text| device_type(&text)),
        credential_backed_up: backed_up(draft),
        identity_user_id: draft.optional(Field::IdentityUserId, plain),
        user_agent: draft.optional(Field::UserAgent, plain),
        user_handle: user_handle(draft),
        transports: transports(draft),
    };
    if details.credential_backed_up == Some(true)
        && details.credential_device_type == Some("single_device")
    {
        draft.warn(Warning::BackedUpSingleDevice);
    }
    Some(Credential::Passkey(key?, Box::new(details)))
}

/// Reads one of the two device types, with any separator between the words.
fn device_type(text: &str) -> Result<&'static str, Rule> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
    };
    ["single_device", "multi_device"]
        .into_iter()
        .find(|known| letters(text) == letters(known))
        .ok_or_else(|| {
            Rule::new(Code::UnknownDeviceType, "must be `single_device` or `multi_device`")
        })
}

fn backed_up(draft: &mut Draft) -> Option<bool> {
    let field = Field::CredentialBackedUp;
    let is_one_of = |words: &[&str], text: &str| {
        words.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
    };
    match draft.take(field) {
        Cell::Bool(value) | Cell::Bit(value) => Some(value),
        Cell::Text(text) if is_one_of(&TRUE, &text) => Some(true),
        Cell::Text(text) if is_one_of(&FALSE, &text) => Some(false),
        Cell::Absent => None,
        Cell::Text(_) | Cell::List(_) | Cell::Unusable(_) => {
            draft.fault(field, Rule::new(Code::NotABoolean, "must be `true` or `false`"));
            None
        }
    }
}

fn plain(text: String) -> Result<String, Rule> {
    if text.len() > MAX_TEXT {
        let rule = format!("has {} bytes; at most {MAX_TEXT} are allowed", text.len());
        Err(Rule::new(Code::TooLong, rule))
    } else if text.chars().any(char::is_control) {
        let rule = "must not contain control characters such as line breaks or tabs";
        Err(Rule::new(Code::ControlCharacter, rule))
    } else {
        Ok(text)
    }
}

fn user_handle(draft: &mut Draft) -> Option<String> {
    let (handle, again) = draft.optional(Field::UserHandle, |text| {
        let (handle, bytes) = base64url(&text)?;
        match bytes.len() {
            1..=MAX_HANDLE => Ok((handle, is_base64_again(&bytes))),
            n_bytes => {
                let rule = format!("decodes to {n_bytes} bytes; 1 to {MAX_HANDLE} are allowed");
                Err(Rule::new(Code::WrongSize, rule))
            }
        }
    })?;
    if again {
        draft.warn(Warning::EncodedTwice);
    }
    Some(handle)
}

/// Returns true if a handle's bytes are Base64 of another handle. Handles may well be text: only
/// padding shows it, or the mixture of letters that 16, 32 or 64 random bytes give.
fn is_base64_again(bytes: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| bytes.iter().any(test);
    is_encoded_again(bytes)
        && (bytes.ends_with(b"=")
            || matches!(bytes.len(), 22 | 43 | 86)
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase))
}

fn transports(draft: &mut Draft) -> Vec<String> {
    let field = Field::Transports;
    let names: Vec<String> = match draft.take(field) {
        Cell::Absent => return Vec::new(),
        Cell::List(names) => names,
        Cell::Text(text) => listed(&text),
        Cell::Bool(_) | Cell::Bit(_) | Cell::Unusable(_) => {
            let rule =
                "must be a list of names, or names separated by spaces, commas or semicolons";
            draft.fault(field, Rule::new(Code::NotTransports, rule));
            return Vec::new();
        }
    };
    let mut kept: Vec<String> = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        let name = name.trim().to_ascii_lowercase();
        if is_null_entry(&name) {
            draft.warn(Warning::NullWord { fields: field.bit() });
            continue;
        }
        if !is_transport(&name) {
            let rule = format!(
                "must be names such as `usb` or `internal` (letters, digits and hyphens), but \
                 entry {} is not",
                at + 1
            );
            draft.fault(field, Rule::new(Code::NotTransports, rule));
            return Vec::new();
        }
        if !kept.contains(&name) {
            kept.push(name);
        }
        if kept.len() > MAX_TRANSPORTS {
            let rule = format!("has more than {MAX_TRANSPORTS} entries");
            draft.fault(field, Rule::new(Code::TooMany, rule));
            return Vec::new();
        }
    }
    kept
}

/// The entries of a list in a cell, as JSON, `PostgreSQL` (`{usb,nfc}`), Python and people write
/// it.
fn listed(text: &str) -> Vec<String> {
    let text = text.trim();
    let inner = [('[', ']'), ('{', '}'), ('(', ')')]
        .into_iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close))
        .unwrap_or(text);
    inner
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|'))
        .map(|entry| entry.trim_matches(['"', '\'']))
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_transport(name: &str) -> bool {
    (1..=MAX_TRANSPORT).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
