//! A finding: what is wrong, how serious it is, and what to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// People would be locked out, or the run could not be completed: mend it, or accept it by
    /// name.
    Stop,
    /// Some people may have trouble.
    Warn,
    /// Good to know.
    Note,
    /// It could not be checked.
    Unknown,
}

impl Severity {
    /// Returns the name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Warn => "warn",
            Self::Note => "note",
            Self::Unknown => "unknown",
        }
    }
}

/// Declares the codes, each with its name.
macro_rules! finding_codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)+) => {
        /// Stable name of a finding; `--accept` takes them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FindingCode {
            $($(#[$doc])* $code,)+
        }

        impl FindingCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// Returns the name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            /// Finds the code of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

finding_codes! {
    /// The token lacks a scope that `import` needs.
    ScopeMissing = "scope_missing",
    /// A factor type of INPUT is switched off.
    FactorOff = "factor_off",
    /// No policy asks for a factor at login.
    NoPolicy = "no_policy",
    /// The tenant cannot serve a relying party id of INPUT.
    RpIdUnservable = "rp_id_unservable",
    /// Users of INPUT do not exist.
    UsersMissing = "users_missing",
    /// Users of INPUT have methods already.
    UsersHaveMethods = "users_have_methods",
    /// Phones are meant to get text messages, which are switched off.
    SmsOff = "sms_off",
    /// Phones are meant to get calls, which are switched off.
    VoiceOff = "voice_off",
    /// The only factor of users is email.
    EmailOnly = "email_only",
    /// Users have more factors than tenants are known to accept.
    ManyPerUser = "many_per_user",
    /// Passkeys lack fields that the tenant is known to require.
    PasskeyFields = "passkey_fields",
    /// Lists are masked.
    ListsMasked = "lists_masked",
    /// Recovery codes cannot be imported.
    NoRecoveryCodes = "no_recovery_codes",
    /// The clocks differ.
    ClockOff = "clock_off",
    /// The token ends before the run would.
    TokenShort = "token_short",
    /// The run is longer than `--max-duration`.
    ManyHours = "many_hours",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for FindingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A finding about INPUT and the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable name; for an unknown answer, the name of what could not be checked.
    pub code: FindingCode,
    /// Its severity.
    pub severity: Severity,
    /// Users of INPUT that it concerns, where that is known.
    pub users: Option<u64>,
    /// Rows of INPUT that it concerns, where that is known.
    pub rows: Option<u64>,
    /// Sentence that says what is wrong.
    pub message: String,
    /// Sentence that says what to do about it.
    pub action: String,
    /// Command that does it, ready to be typed.
    pub command: Option<String>,
    /// Scope that the token would need for the answer.
    pub scope: Option<&'static str>,
    /// Upper bound of the users of INPUT who do not exist, with a confidence of 95 %; only in
    /// `users_missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper_bound_users: Option<u64>,
}

impl Finding {
    /// Makes a finding without numbers and without a command.
    pub(super) fn new(
        code: FindingCode,
        severity: Severity,
        message: String,
        action: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            users: None,
            rows: None,
            message,
            action: action.into(),
            command: None,
            scope: None,
            upper_bound_users: None,
        }
    }

    /// Adds the command that does what has to be done.
    pub(super) fn doing(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }

    /// Returns whether it stops an import that does not accept it.
    pub fn is_stop(&self) -> bool {
        self.severity == Severity::Stop
    }
}
