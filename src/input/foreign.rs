//! Other formats that people have at hand, recognised by names that only they use.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    InputError,
    dialect::Names,
    shape::{Name, Shape},
};

/// A column or key, what it stands for, what to do.
const KNOWN: [(&str, &str, &str); 4] = [
    (
        "mfa_factors",
        "Auth0's bulk import format (`mfa_factors`)",
        "read it as it is: give `--from auth0-users`, and `--user-id 'auth0|{id}'` or `--users MAP`",
    ),
    (
        "otp_secret",
        "Auth0's export of MFA secrets (`otp_secret`)",
        "read it as it is: give `--from auth0-secrets`",
    ),
    (
        "identities",
        "an export of Auth0 users (`identities`)",
        "it lists users but none of their factors: is this the right file?",
    ),
    ("sops", "a file encrypted by SOPS", "decrypt it first: `sops decrypt INPUT`"),
];

/// Looks for such a key in an object.
pub(super) fn check_object(line: u64, text: &str, names: &Names) -> Result<(), InputError> {
    if !matches!(names.shape, Shape::Factors | Shape::Exported) || !text.starts_with('{') {
        return Ok(());
    }
    // Anything but an object breaks another rule.
    let keys: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
    keys.keys()
        .filter(|key| matches!(names.key(key), Name::Unknown(_)))
        .try_for_each(|key| check_name(line, key))
}

/// Fails if a name that no field has is one of these.
pub(super) fn check_name(line: u64, name: &str) -> Result<(), InputError> {
    let name = name.trim().to_ascii_lowercase();
    // A list in columns of its own is flattened to `mfa_factors.0.totp`, or with slashes.
    let root = name.split(['.', '/']).next().unwrap_or_default();
    match KNOWN.into_iter().find(|(known, ..)| *known == root) {
        Some((_, kind, hint)) => Err(InputError::Foreign { line, kind, hint }),
        None => Ok(()),
    }
}
