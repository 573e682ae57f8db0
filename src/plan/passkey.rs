//! Fields that only passkeys have.

use super::{
    draft::{Draft, Rule},
    webauthn,
};
use crate::model::{Cell, Credential, Field, PasskeyDetails};

/// The longest free text, in bytes; user agents are the longest in practice, below 500.
const MAX_TEXT: usize = 1024;
/// The longest name of a transport; WebAuthn's own have 10 at most.
const MAX_TRANSPORT: usize = 32;
/// More transports than WebAuthn knows.
const MAX_TRANSPORTS: usize = 16;

pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let key = webauthn::passkey_credential(draft);
    let details = PasskeyDetails {
        aaguid: draft.optional(Field::Aaguid, |text| aaguid(&text)),
        credential_device_type: draft
            .optional(Field::CredentialDeviceType, |text| device_type(&text)),
        credential_backed_up: backed_up(draft),
        identity_user_id: draft.optional(Field::IdentityUserId, plain),
        user_agent: draft.optional(Field::UserAgent, plain),
        user_handle: draft.optional(Field::UserHandle, plain),
        transports: transports(draft),
    };
    Some(Credential::Passkey(key?, Box::new(details)))
}

fn aaguid(text: &str) -> Result<String, Rule> {
    let uuid = text.trim().to_ascii_lowercase();
    let is_right = |(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    if uuid.len() == 36 && uuid.bytes().enumerate().all(is_right) {
        Ok(uuid)
    } else {
        Err("must be a UUID: 32 hexadecimal digits in groups of 8-4-4-4-12".into())
    }
}

fn device_type(text: &str) -> Result<&'static str, Rule> {
    ["single_device", "multi_device"]
        .into_iter()
        .find(|known| text.trim().eq_ignore_ascii_case(known))
        .ok_or_else(|| "must be `single_device` or `multi_device`".into())
}

fn backed_up(draft: &mut Draft) -> Option<bool> {
    let field = Field::CredentialBackedUp;
    match draft.take(field) {
        Cell::Bool(value) => Some(value),
        Cell::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Cell::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Cell::Absent => None,
        Cell::Text(_) | Cell::List(_) | Cell::Unusable(_) => {
            draft.fault(field, "must be `true` or `false`");
            None
        }
    }
}

fn plain(text: String) -> Result<String, Rule> {
    if text.len() > MAX_TEXT {
        Err(format!("has {} bytes, and {MAX_TEXT} is the most", text.len()).into())
    } else if text.chars().any(char::is_control) {
        Err("must not contain control characters such as line breaks or tabs".into())
    } else {
        Ok(text)
    }
}

fn transports(draft: &mut Draft) -> Vec<String> {
    let field = Field::Transports;
    let names: Vec<String> = match draft.take(field) {
        Cell::Absent => return Vec::new(),
        Cell::List(names) => names,
        Cell::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        Cell::Bool(_) | Cell::Unusable(_) => {
            draft.fault(field, "must be a list of names, or names separated by spaces");
            return Vec::new();
        }
    };
    let mut kept: Vec<String> = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        if !is_transport(&name) {
            let rule = "must be names such as `usb` or `internal` (lower-case letters, digits and hyphens)";
            draft.fault(field, format!("{rule}, but entry {} is none", at + 1));
            return Vec::new();
        }
        if !kept.contains(&name) {
            kept.push(name);
        }
        if kept.len() > MAX_TRANSPORTS {
            draft.fault(field, format!("has more than {MAX_TRANSPORTS} entries"));
            return Vec::new();
        }
    }
    kept
}

fn is_transport(name: &str) -> bool {
    (1..=MAX_TRANSPORT).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
