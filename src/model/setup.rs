//! The tenant's settings that decide whether imported factors can be used, as far as its answers
//! show them.

use super::{FactorType, LocalTime};

/// Switches of Guardian's factors (`GET guardian/factors`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactorSwitches {
    /// Factors that the tenant names, each with its switch.
    pub switches: Vec<(FactorType, bool)>,
}

impl FactorSwitches {
    /// Returns whether a type is switched on; `None` for one that the tenant does not name, such as
    /// passkeys, which are no Guardian factor.
    pub fn is_on(&self, of: FactorType) -> Option<bool> {
        self.switches.iter().find(|(named, _)| *named == of).map(|(_, on)| *on)
    }
}

/// Channels that deliver codes to phones (`GET guardian/factors/phone/message-types`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageTypes {
    /// Text messages.
    pub sms: bool,
    /// Calls.
    pub voice: bool,
}

/// A custom domain (`GET custom-domains`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomDomain {
    /// Host name, in lower case.
    pub domain: String,
    /// `relying_party_identifier`, where it is configured, in lower case.
    pub relying_party: Option<String>,
    /// True if it is verified and serves logins.
    pub is_ready: bool,
}

/// Scopes and lifetime of the client's token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Scopes of the token; `None` for an opaque one that does not say.
    pub scopes: Option<Vec<String>>,
    /// End of the token, by our clock; `None` if it does not say.
    pub ends: Option<LocalTime>,
    /// True if another token can be obtained when it ends: with client credentials, not with a
    /// ready-made token.
    pub is_renewable: bool,
}

impl Grant {
    /// Returns whether a scope is granted; `None` if the token does not say.
    pub fn has(&self, scope: &str) -> Option<bool> {
        self.scopes.as_ref().map(|granted| granted.iter().any(|one| one == scope))
    }
}
