//! Words of the settings that say how the tenant is set up for logins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A factor as Guardian names it (auth0-api.md 5). Passkeys are none.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardianFactor {
    /// Phones, by text message and by call.
    Sms,
    /// `push-notification`
    PushNotification,
    /// `email`
    Email,
    /// `duo`
    Duo,
    /// One-time passwords.
    Otp,
    /// Security keys.
    WebauthnRoaming,
    /// `webauthn-platform`
    WebauthnPlatform,
    /// `recovery-code`
    RecoveryCode,
}

impl GuardianFactor {
    /// Every factor, in the order of the answer.
    pub const ALL: [Self; 8] = [
        Self::Sms,
        Self::PushNotification,
        Self::Email,
        Self::Duo,
        Self::Otp,
        Self::WebauthnRoaming,
        Self::WebauthnPlatform,
        Self::RecoveryCode,
    ];
}

/// Switches of factors; those that are not named are on.
pub type GuardianFactors = BTreeMap<GuardianFactor, bool>;

/// A policy that asks for a factor at login.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MfaPolicy {
    /// `all-applications`
    AllApplications,
    /// `confidence-score`
    ConfidenceScore,
}

/// A custom domain of the tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct CustomDomain {
    /// Its name.
    pub domain: String,
    /// Progress of its verification: only one that is ready serves logins.
    #[serde(default)]
    pub status: DomainStatus,
    /// Relying party of passkeys, if it differs from the domain.
    #[serde(default)]
    pub relying_party_identifier: Option<String>,
}

impl CustomDomain {
    /// A domain that serves logins.
    pub fn ready(domain: impl Into<String>) -> Self {
        Self { domain: domain.into(), status: DomainStatus::Ready, relying_party_identifier: None }
    }
}

/// Progress of a domain's verification.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainStatus {
    /// It serves logins.
    #[default]
    Ready,
    /// Its owner has not proved it yet.
    PendingVerification,
    /// It is being prepared.
    Pending,
    /// It was switched off.
    Disabled,
}
