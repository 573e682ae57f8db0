//! Types of the facts.

use serde::{Deserialize, Serialize};

/// Refusal of one method more than a user may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapRefusal {
    /// HTTP status.
    pub status: u16,
    /// `errorCode` of the body, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// `message` of the body.
    pub message: String,
}

impl Default for CapRefusal {
    /// Returns the answer in the API's description (auth0-api.md 1.6).
    fn default() -> Self {
        Self {
            status: 403,
            error_code: None,
            message: "You reached the limit of entities of this type for this user.".to_owned(),
        }
    }
}

/// Treatment of a `name` of more than 20 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongName {
    /// POST is refused.
    #[default]
    Refused,
    /// Only the first 20 characters are kept.
    Cut,
    /// The whole name is kept.
    Kept,
}

/// Form of a TOTP secret that is not canonical Base32 of at least 80 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// With lower-case letters.
    LowerCase,
    /// With `=` at its end.
    Padded,
    /// Fewer than 16 characters, which is less than 80 bits.
    Short,
    /// With spaces.
    Spaced,
}

/// Field of a passkey in POST, beside `type` and `name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "these are the API's own words (auth0-api.md 1.3)")]
pub enum PasskeyField {
    KeyId,
    PublicKey,
    RelyingPartyIdentifier,
    Aaguid,
    CredentialDeviceType,
    CredentialBackedUp,
    IdentityUserId,
    UserAgent,
    UserHandle,
    Transports,
}

impl PasskeyField {
    /// Every field, in the order of the API's description.
    pub const ALL: [Self; 10] = [
        Self::KeyId,
        Self::PublicKey,
        Self::RelyingPartyIdentifier,
        Self::Aaguid,
        Self::CredentialDeviceType,
        Self::CredentialBackedUp,
        Self::IdentityUserId,
        Self::UserAgent,
        Self::UserHandle,
        Self::Transports,
    ];

    /// Returns the API's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyId => "key_id",
            Self::PublicKey => "public_key",
            Self::RelyingPartyIdentifier => "relying_party_identifier",
            Self::Aaguid => "aaguid",
            Self::CredentialDeviceType => "credential_device_type",
            Self::CredentialBackedUp => "credential_backed_up",
            Self::IdentityUserId => "identity_user_id",
            Self::UserAgent => "user_agent",
            Self::UserHandle => "user_handle",
            Self::Transports => "transports",
        }
    }
}

/// Contents of `Retry-After` on a 429.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// The header is not sent.
    #[default]
    Off,
    /// Whole seconds until the next request will be accepted.
    Seconds,
    /// The same as an HTTP date, by the tenant's clock.
    Date,
    /// Exactly this text: `0`, `-1`, `1000000000`, or no number at all.
    Literal(String),
}

/// Rounding of a time to whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetRounding {
    /// Rounding up.
    #[default]
    Up,
    /// Rounding down.
    Down,
    /// Rounding to the nearer second.
    Nearest,
}

/// Treatment of a `per_page` above the largest page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageSizeAbove {
    /// The list is refused (400).
    #[default]
    Refused,
    /// The page is as large as possible, and says so.
    Cut,
    /// The page is as large as it may be, and says that it is as large as asked for.
    CutSilently,
}
