//! Settings of a simulated tenant: plain data, read once at its start.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{
    directory::{Directory, User},
    faults::Fault,
    limit::Limit,
    setup::{CustomDomain, GuardianFactors, MfaPolicy},
    tenant::method::Channel,
};
use crate::model::{
    CapRefusal, Conflict, FactorType, LongName, PageSizeAbove, PasskeyField, ResetRounding,
    RetryAfter, SecretForm,
};

/// The scopes of the seven operations (auth0-api.md 1.4) and of the look-up by address: those of an
/// application that imports, and the default.
pub const USUAL_SCOPES: [&str; 5] = [
    "create:authentication_methods",
    "read:authentication_methods",
    "update:authentication_methods",
    "delete:authentication_methods",
    "read:users",
];

/// The usual scopes, and those of the questions about the tenant that `preflight` asks.
pub const ALL_SCOPES: [&str; 9] = [
    "create:authentication_methods",
    "read:authentication_methods",
    "update:authentication_methods",
    "delete:authentication_methods",
    "read:users",
    "read:guardian_factors",
    "read:mfa_policies",
    "read:custom_domains",
    "read:tenant_settings",
];

/// Everything that can be set about a simulated tenant.
///
/// The default is a tenant that never refuses a sound request: every user exists, nothing is
/// limited, nothing fails, and values are masked as recorded. It is ready for logins, too: every
/// factor is switched on, a policy asks for one, and there are custom domains for the keys of the
/// samples.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent switches of a tenant")]
pub struct Settings {
    /// Users that exist.
    pub users: Users,
    /// The rate limit: one bucket for everything under `/api/v2`.
    pub limit: Limit,
    /// Answers carry `x-ratelimit-limit`, `-remaining` and `-reset` (auth0-api.md 3.2).
    pub limit_headers: bool,
    /// Rounding of `x-ratelimit-reset` to whole seconds.
    pub reset_rounding: ResetRounding,
    /// Contents of `Retry-After` on a 429; Auth0 does not document it for this API.
    pub retry_after: RetryAfter,
    /// Phone numbers and email addresses come back masked (auth0-api.md 1.5), and the tenant's
    /// settings say so.
    pub masking: bool,
    /// Masking in GET of one method; unset: as in lists.
    pub masking_of_one: Option<bool>,
    /// Switches of factors, such as `{"otp": false}`; those that are not named are on.
    pub guardian_factors: GuardianFactors,
    /// POST of a type whose factor is off is refused (403).
    pub refuses_disabled_factor: bool,
    /// Channels that deliver codes to phones.
    pub message_types: Vec<Channel>,
    /// Policies that ask for a factor at login.
    pub mfa_policies: Vec<MfaPolicy>,
    /// Custom domains, such as `[{"domain": "login.example.com", "status":
    /// "pending_verification"}]`.
    pub custom_domains: Vec<CustomDomain>,
    /// Number of methods of one type that a user may have before the 403 (auth0-api.md 1.6).
    pub cap_per_user: Option<u32>,
    /// Answer in place of that 403.
    pub cap_refusal: CapRefusal,
    /// Treatment of a `name` of more than 20 characters in POST.
    pub long_name: LongName,
    /// Forms of TOTP secrets that POST refuses.
    pub refused_secrets: BTreeSet<SecretForm>,
    /// Fields that POST requires of a passkey.
    pub passkey_required: BTreeSet<PasskeyField>,
    /// POST takes `relying_party_identifier` for a passkey, required or not.
    pub passkey_relying_party: bool,
    /// Types that PATCH refuses. The answer to PATCH has no word for a passkey in the API's
    /// description.
    pub patch_refused: BTreeSet<FactorType>,
    /// Status of PUT (list) for an unknown user, for whom nothing is stored.
    pub put_unknown_user: u16,
    /// Status of DELETE (list) for an unknown user.
    pub delete_unknown_user: u16,
    /// Milliseconds until GET of one method shows a new one.
    pub read_delay_ms: u64,
    /// Milliseconds until a list shows a new method.
    pub list_delay_ms: u64,
    /// Largest `per_page` of a list.
    pub page_size_cap: u32,
    /// Treatment of a `per_page` above it.
    pub page_size_above: PageSizeAbove,
    /// Share of the methods, 0 to 1, that somebody uses in a login a second after their creation.
    pub used_share: f64,
    /// Rule for what counts as the same method (409).
    pub conflict: Conflict,
    /// Shortest and longest time an answer takes, in milliseconds, drawn from the seed.
    ///
    /// What is asked for is done at once; it is the answer that takes its time.
    pub latency_ms: (u64, u64),
    /// Seconds an issued token lives.
    pub token_lifetime_s: u64,
    /// Requests after which a token counts as expired, whatever its age.
    pub token_requests: Option<u32>,
    /// The scopes of every token, [`USUAL_SCOPES`] by default. With [`ALL_SCOPES`], `preflight`,
    /// and an import before its first request, can ask how the tenant is set up.
    pub scopes: Vec<String>,
    /// The only client id that gets a token; any that is not empty when unset.
    pub client_id: Option<String>,
    /// The only client secret that gets a token; any that is not empty when unset.
    pub client_secret: Option<Secret>,
    /// Public RSA key of the only client, in PEM. If set, a token is granted for an assertion
    /// signed with the private key (private key JWT), and for a secret only if `client_secret` is
    /// set, too.
    pub client_public_key: Option<String>,
    /// Ready-made bearer tokens that are accepted without having been issued. They do not expire,
    /// but `token_requests` applies to them, too.
    pub static_tokens: Vec<Secret>,
    /// Seconds the tenant's clock is ahead: `Date`, `created_at` and the reset header shift
    /// together.
    pub clock_skew_s: i64,
    /// Faults, and how often they occur.
    pub faults: Vec<Fault>,
    /// Delay of the `late` answer and the `late-write` write, in milliseconds.
    pub late_by_ms: u64,
    /// Seed of faults, latency, ids and tokens.
    pub seed: u64,
    /// Times during which no request is answered.
    pub outages: Vec<Outage>,
    /// Limits that replace the first one, each with its time in seconds after the start.
    pub change_limit_at: Vec<(f64, Limit)>,
    /// Requests a second that other applications take from the same bucket, evenly spread.
    pub neighbours_per_s: f64,
    /// Records every request for [`Sandbox::arrivals`](super::Sandbox::arrivals).
    pub journal: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            users: Users::Any,
            limit: Limit::None,
            limit_headers: true,
            reset_rounding: ResetRounding::Up,
            retry_after: RetryAfter::Off,
            masking: true,
            masking_of_one: None,
            guardian_factors: GuardianFactors::new(),
            refuses_disabled_factor: false,
            message_types: vec![Channel::Sms, Channel::Voice],
            mfa_policies: vec![MfaPolicy::AllApplications],
            custom_domains: ["login.example.com", "login.example.org"]
                .map(CustomDomain::ready)
                .to_vec(),
            cap_per_user: None,
            cap_refusal: CapRefusal::default(),
            long_name: LongName::Refused,
            refused_secrets: BTreeSet::new(),
            passkey_required: [PasskeyField::KeyId, PasskeyField::PublicKey].into(),
            passkey_relying_party: true,
            patch_refused: [FactorType::Passkey].into(),
            put_unknown_user: 404,
            delete_unknown_user: 204, // No 404 is declared.
            read_delay_ms: 0,
            list_delay_ms: 0,
            page_size_cap: 100,
            page_size_above: PageSizeAbove::Refused,
            used_share: 0.0,
            conflict: Conflict::same_value(),
            latency_ms: (0, 0),
            token_lifetime_s: 86_400, // Auth0's default for its Management API (auth0-api.md 4).
            token_requests: None,
            scopes: USUAL_SCOPES.map(str::to_owned).to_vec(),
            client_id: None,
            client_secret: None,
            client_public_key: None,
            static_tokens: Vec::new(),
            clock_skew_s: 0,
            faults: Vec::new(),
            late_by_ms: 60_000,
            seed: 0,
            outages: Vec::new(),
            change_limit_at: Vec::new(),
            neighbours_per_s: 0.0,
            journal: false,
        }
    }
}

/// Users that exist. A user with methods (see [`Sandbox::seed`](super::Sandbox::seed)) always does.
///
/// In settings an array is a [`Directory`] of [`User`]s. Without one, whoever is asked for by
/// address is found if the address is in lower case at `example.com`, `example.net` or
/// `example.org`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(from = "UsersSetting")]
pub enum Users {
    /// Every well-formed id: `provider|id`, without control characters.
    #[default]
    Any,
    /// Every well-formed id that contains none of these texts.
    AnyBut(Vec<String>),
    /// These and no others.
    Listed(BTreeSet<String>),
    /// These and no others, with their addresses.
    Known(Directory),
}

/// The forms of the setting.
#[derive(Deserialize)]
#[serde(untagged)]
enum UsersSetting {
    Known(Vec<User>),
    ById(UserIds),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum UserIds {
    Any,
    AnyBut(Vec<String>),
    Listed(BTreeSet<String>),
}

impl From<UsersSetting> for Users {
    fn from(setting: UsersSetting) -> Self {
        match setting {
            UsersSetting::Known(list) => Self::Known(list.into()),
            UsersSetting::ById(UserIds::Any) => Self::Any,
            UsersSetting::ById(UserIds::AnyBut(pieces)) => Self::AnyBut(pieces),
            UsersSetting::ById(UserIds::Listed(ids)) => Self::Listed(ids),
        }
    }
}

impl Users {
    pub(super) fn include(&self, user_id: &str) -> bool {
        match self {
            Self::Any => true,
            Self::AnyBut(pieces) => !pieces.iter().any(|piece| user_id.contains(piece.as_str())),
            Self::Listed(ids) => ids.contains(user_id),
            Self::Known(directory) => directory.has(user_id),
        }
    }

    /// Returns the users with that very address.
    pub(super) fn at(&self, address: &str) -> Vec<User> {
        match self {
            Self::Known(directory) => directory.at(address).cloned().collect(),
            Self::Any | Self::AnyBut(_) | Self::Listed(_) => User::of_demo(address)
                .filter(|user| self.include(&user.user_id))
                .into_iter()
                .collect(),
        }
    }
}

/// A period, counted from the start, during which no request is answered.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// First second of it.
    pub from_s: f64,
    /// First second after it.
    pub to_s: f64,
    /// Kind of the outage.
    pub kind: OutageKind,
}

/// Kind of an outage, as a client sees it. Nothing is executed in either.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OutageKind {
    /// Every request gets a 503.
    Refuse503,
    /// Every connection is closed without an answer.
    Drop,
}

/// A value that must not appear in a log: a client secret or a token.
#[derive(Clone, Deserialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub(super) fn is(&self, text: &str) -> bool {
        self.0 == text
    }
}

/// Lets a map of secrets be looked up by text; hashing and equality are those of the text.
impl Borrow<str> for Secret {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let settings = Settings {
            client_secret: Some("hush".into()),
            static_tokens: vec!["quiet".into()],
            ..Settings::default()
        };
        let printed = format!("{settings:?}");
        assert!(!printed.contains("hush") && !printed.contains("quiet"), "{printed}");
    }

    #[test]
    fn settings_are_read_from_json_and_unknown_keys_are_refused() {
        let text = r#"{"users": {"any_but": ["gone"]}, "limit": {"token_bucket": {"rate": 16, "burst": 50}},
            "faults": ["close-after=1%", "503-before@any=0.5"], "change_limit_at": [[2.5, "none"]],
            "outages": [{"from_s": 1, "to_s": 2, "kind": "drop"}], "retry_after": {"literal": "-1"}}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.faults.len(), 2);
        assert!(!settings.users.include("auth0|gone1") && settings.users.include("auth0|here"));
        let users = |text: &str| serde_json::from_str::<Settings>(text).unwrap().users;
        assert_eq!(users(r#"{"users": "any"}"#), Users::Any);
        let known = users(r#"{"users": [{"user_id": "auth0|1", "email": "ann@corp.test"}]}"#);
        assert!(known.include("auth0|1") && !known.include("auth0|2"));
        assert_eq!((known.at("ann@corp.test").len(), known.at("ann@example.org").len()), (1, 0));
        for unknown in [
            r#"{"users": [{"email": "x"}]}"#,
            r#"{"speed": 1}"#,
            r#"{"faults": ["nonsense=1%"]}"#,
            r#"{"guardian_factors": {"totp": false}}"#,
            r#"{"message_types": ["fax"]}"#,
            r#"{"mfa_policies": ["never"]}"#,
            r#"{"custom_domains": [{"domain": "a.example", "state": "ready"}]}"#,
            r#"{"custom_domains": [{"domain": "a.example", "status": "fine"}]}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(unknown).is_err(), "{unknown}");
        }
    }
}
