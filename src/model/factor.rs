//! A checked and normalised factor, and its user.

use std::{borrow::Cow, fmt};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A user of the tenant, as `provider|id`. Not secret: the ledger and the reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(std::sync::Arc<str>);

impl UserId {
    /// Parses an id. `None` if it cannot be part of a path, so that no request could be about it:
    /// the empty id, and dots alone.
    pub fn parse(id: &str) -> Option<Self> {
        (!matches!(id, "" | "." | "..")).then(|| Self(id.into()))
    }

    /// Returns the id of a user who does not exist, for health checks while no user is known whose
    /// record is sound: "no such user" is an answer.
    pub fn nobody() -> Self {
        Self("auth0|mfaferry-probe".into())
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

coded! {
    /// The types of factor that can be created.
    FactorType {
        /// SMS or voice call.
        Phone = 1 => "phone",
        /// One-time code by e-mail.
        Email = 2 => "email",
        /// Authenticator app.
        Totp = 3 => "totp",
        /// Security key.
        WebauthnRoaming = 4 => "webauthn-roaming",
        /// Passkey.
        Passkey = 5 => "passkey",
    }
}

impl FactorType {
    /// Returns true if PUT takes this type (auth0-api.md 1.2).
    pub const fn is_settable(self) -> bool {
        matches!(self, Self::Phone | Self::Email | Self::Totp)
    }
}

impl Serialize for FactorType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FactorType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|known| known.name() == word);
        found.ok_or_else(|| de::Error::custom("no type of factor"))
    }
}

impl fmt::Display for FactorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Contact data (a phone number or an e-mail address): wiped on drop, and not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Contact(String);

impl Contact {
    /// Wraps a normalised value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Returns the value, for the wire and for comparison only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(…)")
    }
}

/// Channel that delivers the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Text message.
    Sms,
    /// Call.
    Voice,
}

impl Channel {
    /// The name in inputs and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
        }
    }
}

/// A checked and normalised factor: exactly what is sent.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Physical line of its record.
    pub line: u64,
    /// Path inside a document, where that says more than a line.
    pub at: Option<Box<str>>,
    /// User it belongs to.
    pub user: UserId,
    /// Name shown to the user; 1 to 20 characters.
    pub name: Option<String>,
    /// The factor itself.
    pub credential: Credential,
}

impl Factor {
    /// Returns the type of the factor.
    pub fn factor_type(&self) -> FactorType {
        match self.credential {
            Credential::Phone { .. } => FactorType::Phone,
            Credential::Email { .. } => FactorType::Email,
            Credential::Totp { .. } => FactorType::Totp,
            Credential::WebauthnRoaming(_) => FactorType::WebauthnRoaming,
            Credential::Passkey(..) => FactorType::Passkey,
        }
    }

    /// Returns the preferred channel of a phone, where given.
    pub fn preferred(&self) -> Option<Channel> {
        match self.credential {
            Credential::Phone { preferred, .. } => preferred,
            _ => None,
        }
    }

    /// Returns the value by which a factor is recognised as *the same* when it appears again:
    /// number, address, secret or key id. The domain of an address is in lower case, because case
    /// has no meaning there (RFC 1035, 2.3.3).
    pub fn folded_identity(&self) -> Cow<'_, str> {
        let identity = self.identity();
        match identity.rsplit_once('@') {
            Some((local, domain)) if self.factor_type() == FactorType::Email => {
                // Nearly all values are in that form already.
                if domain.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
                    return identity.into();
                }
                format!("{local}@{}", domain.to_lowercase()).into()
            }
            _ => identity.into(),
        }
    }

    /// Returns the same value as it is sent.
    pub fn identity(&self) -> &str {
        use secrecy::ExposeSecret;
        match &self.credential {
            Credential::Phone { number, .. } => number.expose(),
            Credential::Email { address } => address.expose(),
            Credential::Totp { secret } => secret.expose_secret(),
            Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => &key.key_id,
        }
    }
}

/// Value of a factor, by type.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A phone.
    Phone {
        /// E.164.
        number: Contact,
        /// Preferred channel, where given.
        preferred: Option<Channel>,
    },
    /// An e-mail address.
    Email {
        /// The address.
        address: Contact,
    },
    /// An authenticator app.
    Totp {
        /// Base32, upper case, no padding.
        secret: SecretString,
    },
    /// A security key.
    WebauthnRoaming(PublicKeyCredential),
    /// A passkey.
    Passkey(PublicKeyCredential, Box<PasskeyDetails>),
}

/// Fields that security keys and passkeys share. All of them are public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyCredential {
    /// Credential id, Base64url without padding.
    pub key_id: String,
    /// COSE key, standard Base64 with padding.
    pub public_key: String,
    /// Host name the credential is bound to; always there for a security key.
    pub relying_party_identifier: Option<String>,
}

/// Fields that only passkeys have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasskeyDetails {
    /// Lower-case UUID.
    pub aaguid: Option<String>,
    /// `single_device` or `multi_device`.
    pub credential_device_type: Option<&'static str>,
    /// True if the passkey is synced.
    pub credential_backed_up: Option<bool>,
    /// Linked identity.
    pub identity_user_id: Option<String>,
    /// Browser at enrolment.
    pub user_agent: Option<String>,
    /// User handle.
    pub user_handle: Option<String>,
    /// Transports of the authenticator.
    pub transports: Vec<String>,
}
