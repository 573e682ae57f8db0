//! One authentication method as the tenant holds it.

use std::fmt;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{model::FactorType, sandbox::setup::GuardianFactor};

/// The key of [`Method::digest`], drawn once a process.
static KEY: LazyLock<Hmac<Sha256>> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Digests that anybody could compute would be worse than none.
        unreachable!("the system has no random numbers: {error}");
    }
    keyed(&bytes)
});

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length is a key"))
}

/// A type of method, as GET may return it (auth0-api.md 1.2).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `phone`
    Phone,
    /// `email`
    Email,
    /// `totp`
    Totp,
    /// `webauthn-roaming`
    WebauthnRoaming,
    /// `passkey`
    Passkey,
    /// `webauthn-platform`, which the API cannot create
    WebauthnPlatform,
    /// `push`, which the API cannot create
    Push,
    /// `guardian`, which the API cannot create
    Guardian,
    /// `recovery-code`, which the API cannot create
    RecoveryCode,
    /// `email-verification`, which the API cannot create
    EmailVerification,
    /// `password`, which the API cannot create
    Password,
}

impl Kind {
    /// Auth0's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Totp => "totp",
            Self::WebauthnRoaming => "webauthn-roaming",
            Self::Passkey => "passkey",
            Self::WebauthnPlatform => "webauthn-platform",
            Self::Push => "push",
            Self::Guardian => "guardian",
            Self::RecoveryCode => "recovery-code",
            Self::EmailVerification => "email-verification",
            Self::Password => "password",
        }
    }

    /// Returns the type if POST accepts it.
    pub(in crate::sandbox) fn creatable(self) -> Option<FactorType> {
        match self {
            Self::Phone => Some(FactorType::Phone),
            Self::Email => Some(FactorType::Email),
            Self::Totp => Some(FactorType::Totp),
            Self::WebauthnRoaming => Some(FactorType::WebauthnRoaming),
            Self::Passkey => Some(FactorType::Passkey),
            Self::WebauthnPlatform
            | Self::Push
            | Self::Guardian
            | Self::RecoveryCode
            | Self::EmailVerification
            | Self::Password => None,
        }
    }

    /// Returns Guardian's word for the type, if it has one.
    pub(in crate::sandbox) fn guardian_factor(self) -> Option<GuardianFactor> {
        match self {
            Self::Phone => Some(GuardianFactor::Sms),
            Self::Email => Some(GuardianFactor::Email),
            Self::Totp => Some(GuardianFactor::Otp),
            Self::WebauthnRoaming => Some(GuardianFactor::WebauthnRoaming),
            _ => None,
        }
    }

    /// The types that POST accepts.
    pub(in crate::sandbox) const CREATABLE: [Self; 5] =
        [Self::Phone, Self::Email, Self::Totp, Self::WebauthnRoaming, Self::Passkey];

    /// The types that PUT accepts.
    pub(in crate::sandbox) const SETTABLE: [Self; 3] = [Self::Phone, Self::Email, Self::Totp];
}

/// Channel that delivers a code to a phone.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `sms`
    Sms,
    /// `voice`
    Voice,
}

/// A method as the tenant holds it, with its plain value. `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Method {
    /// Assigned by the tenant: `phone|dev_` and sixteen letters or digits.
    pub id: String,
    /// Its type.
    pub kind: Kind,
    /// Its label.
    pub name: Option<String>,
    /// The phone number, address, TOTP secret or key id; empty for types that have none.
    pub value: String,
    /// Phone only.
    pub preferred: Option<Channel>,
    /// Security keys and passkeys only.
    pub credential: Option<Box<Credential>>,
    /// True if it can be used.
    pub confirmed: bool,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last login with it.
    pub last_auth_at: Option<Timestamp>,
}

/// Fields of a security key or a passkey besides its key id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "these are the API's own words (auth0-api.md 1.3)")]
pub struct Credential {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relying_party_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aaguid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_device_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_backed_up: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transports: Option<Vec<String>>,
}

impl Method {
    /// Makes a confirmed method without a name, for seeding: the tenant assigns its id and date.
    pub fn new(kind: Kind, value: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            kind,
            name: None,
            value: value.into(),
            preferred: None,
            credential: None,
            confirmed: true,
            created_at: Timestamp::UNIX_EPOCH,
            last_auth_at: None,
        }
    }

    /// Gives it a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the hex HMAC-SHA-256 of `type|value` with the key of this process, which identifies
    /// the factor without revealing its value. Without a key, all phone numbers could be tried.
    pub fn digest(&self) -> String {
        self.digest_with(KEY.clone())
    }

    fn digest_with(&self, mut hash: Hmac<Sha256>) -> String {
        hash.update(self.kind.as_str().as_bytes());
        hash.update(b"|");
        hash.update(self.value.as_bytes());
        HEXLOWER.encode(&hash.finalize().into_bytes())
    }

    /// Returns whether this is the same factor: same type, same value. Types without a value never
    /// are.
    pub(in crate::sandbox) fn is_same_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.value == other.value && !self.value.is_empty()
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("value", &"[hidden]")
            .field("preferred", &self.preferred)
            .field("confirmed", &self.confirmed)
            .field("created_at", &self.created_at)
            .field("last_auth_at", &self.last_auth_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_printed() {
        let printed = format!("{:?}", Method::new(Kind::Totp, "JBSWY3DP").named("mine"));
        assert!(!printed.contains("JBSWY3DP") && printed.contains("mine"), "{printed}");
    }

    #[test]
    fn digest_is_of_type_and_value_and_of_a_key_that_nobody_knows() {
        let phone = Method::new(Kind::Phone, "+123");
        // printf 'phone|+123' | openssl dgst -sha256 -mac HMAC -macopt hexkey:07…07
        assert_eq!(
            phone.digest_with(keyed(&[7; 32])),
            "6c1498c5a9814577bf03891175f34e678e63097199a54720094d156f72f43ea9"
        );
        assert_eq!(phone.digest(), Method::new(Kind::Phone, "+123").digest());
        assert_ne!(phone.digest(), Method::new(Kind::Email, "+123").digest());
        assert_ne!(phone.digest(), phone.digest_with(keyed(&[0; 32])), "the key was drawn");
    }

    #[test]
    fn words_are_those_that_serde_writes() {
        for kind in Kind::CREATABLE.into_iter().chain([Kind::WebauthnPlatform, Kind::RecoveryCode])
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
