//! The plain types a row is made of on its way through the program. No I/O, no provider words.

use std::fmt;

use secrecy::SecretString;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The columns (CSV) and keys (JSONL) an input may have, in the order of the contract's section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// Whose factor it is: `provider|id`.
    UserId,
    /// Which kind of factor.
    Type,
    /// What the user sees it called; at most 20 characters.
    Name,
    /// E.164, for phones.
    PhoneNumber,
    /// `sms` or `voice`, for phones.
    PreferredAuthenticationMethod,
    /// For e-mail factors.
    Email,
    /// Base32 or an `otpauth://` URI.
    TotpSecret,
    /// WebAuthn credential id, Base64url.
    KeyId,
    /// COSE key, standard Base64.
    PublicKey,
    /// Host name that a WebAuthn credential is bound to.
    RelyingPartyIdentifier,
    /// Passkeys: model of the authenticator, a UUID.
    Aaguid,
    /// Passkeys: `single_device` or `multi_device`.
    CredentialDeviceType,
    /// Passkeys: a boolean.
    CredentialBackedUp,
    /// Passkeys: which linked identity.
    IdentityUserId,
    /// Passkeys: browser at enrolment.
    UserAgent,
    /// Passkeys: user handle of the credential.
    UserHandle,
    /// Passkeys: `usb nfc ble internal hybrid …`.
    Transports,
    /// Which method of the user's, where one that is there is meant.
    AuthenticationMethodId,
}

impl Field {
    /// Those that make up a factor, in the order of the contract.
    pub const FACTOR: [Self; 17] = [
        Self::UserId,
        Self::Type,
        Self::Name,
        Self::PhoneNumber,
        Self::PreferredAuthenticationMethod,
        Self::Email,
        Self::TotpSecret,
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

    /// How many there are.
    const COUNT: usize = Self::FACTOR.len() + 1;

    /// The name in headers, keys, messages and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::Type => "type",
            Self::Name => "name",
            Self::PhoneNumber => "phone_number",
            Self::PreferredAuthenticationMethod => "preferred_authentication_method",
            Self::Email => "email",
            Self::TotpSecret => "totp_secret",
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
            Self::AuthenticationMethodId => "authentication_method_id",
        }
    }

    /// The field of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = Self::FACTOR.into_iter().chain([Self::AuthenticationMethodId]);
        all.into_iter().find(|field| field.name() == name)
    }
}

/// What an input gave for one field. Debug shows the shape, never the value.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Cell {
    /// Not given, empty, or JSON `null`.
    #[default]
    Absent,
    /// Text, from a CSV cell or a JSON string.
    Text(String),
    /// A JSON boolean.
    Bool(bool),
    /// A JSON array of strings.
    List(Vec<String>),
    /// A JSON value of a shape that no field takes; holds what it was (`a number`, `an object`, …).
    Unusable(&'static str),
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Text(_) => "Text(…)",
            Self::Bool(_) => "Bool(…)",
            Self::List(_) => "List(…)",
            Self::Unusable(_) => "Unusable(…)",
        })
    }
}

impl Zeroize for Cell {
    fn zeroize(&mut self) {
        match self {
            Self::Text(text) => text.zeroize(),
            Self::List(items) => items.zeroize(),
            Self::Absent | Self::Bool(_) | Self::Unusable(_) => {}
        }
    }
}

/// One factor as the input wrote it: not checked, not normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Physical line in the input where the record begins; a CSV header is line 1.
    pub line: u64,
    /// Index in `authentication_methods`, where the line holds a whole user.
    pub index: Option<u32>,
    cells: [Cell; Field::COUNT],
}

impl Record {
    /// An empty record that begins at `line`.
    pub fn new(line: u64) -> Self {
        let mut record = Self::default();
        record.line = line;
        record
    }

    /// What the input gave for `field`.
    pub fn get(&self, field: Field) -> &Cell {
        &self.cells[field as usize]
    }

    /// Sets what the input gave for `field`.
    pub fn set(&mut self, field: Field, cell: Cell) {
        self.cells[field as usize] = cell;
    }

    /// Takes the cell out, leaving `Absent`.
    pub fn take(&mut self, field: Field) -> Cell {
        std::mem::take(&mut self.cells[field as usize])
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.cells.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// A user of the tenant, as `provider|id`. Not secret: the ledger and the reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(std::sync::Arc<str>);

impl UserId {
    /// Wraps an id that the plan has accepted.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds of factor that can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FactorType {
    /// SMS or voice call.
    Phone = 1,
    /// One-time code by e-mail.
    Email = 2,
    /// Authenticator app.
    Totp = 3,
    /// Security key.
    WebauthnRoaming = 4,
    /// Passkey.
    Passkey = 5,
}

impl FactorType {
    /// Every type.
    pub const ALL: [Self; 5] =
        [Self::Phone, Self::Email, Self::Totp, Self::WebauthnRoaming, Self::Passkey];

    /// The name in inputs, ledgers, reports and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Totp => "totp",
            Self::WebauthnRoaming => "webauthn-roaming",
            Self::Passkey => "passkey",
        }
    }

    /// The type of that number in a ledger.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u8 == code)
    }
}

impl fmt::Display for FactorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Contact data (a phone number, an e-mail address): wiped on drop, and Debug does not show it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Contact(String);

impl Contact {
    /// Wraps a normalised value.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the wire and for comparison only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(…)")
    }
}

/// How a phone is called up.
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

/// A checked and normalised factor: what is sent is exactly this.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Physical line of its record.
    pub line: u64,
    /// Whose it is.
    pub user: UserId,
    /// What the user sees; 1 to 20 characters.
    pub name: Option<String>,
    /// The factor itself.
    pub credential: Credential,
}

impl Factor {
    /// The kind of factor.
    pub fn factor_type(&self) -> FactorType {
        match self.credential {
            Credential::Phone { .. } => FactorType::Phone,
            Credential::Email { .. } => FactorType::Email,
            Credential::Totp { .. } => FactorType::Totp,
            Credential::WebauthnRoaming(_) => FactorType::WebauthnRoaming,
            Credential::Passkey(..) => FactorType::Passkey,
        }
    }

    /// How a phone is called up, where that is given.
    pub fn preferred(&self) -> Option<Channel> {
        match self.credential {
            Credential::Phone { preferred, .. } => preferred,
            _ => None,
        }
    }

    /// The value that makes it *the same factor* when met again: number, address, secret or key id.
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

/// What a factor consists of, by kind.
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

/// What security keys and passkeys share. All of it is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyCredential {
    /// Credential id, Base64url without padding.
    pub key_id: String,
    /// COSE key, standard Base64 with padding.
    pub public_key: String,
    /// Host name the credential is bound to; always there for a security key.
    pub relying_party_identifier: Option<String>,
}

/// What only passkeys have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasskeyDetails {
    /// Lower-case UUID.
    pub aaguid: Option<String>,
    /// `single_device` or `multi_device`.
    pub credential_device_type: Option<&'static str>,
    /// Whether it is synced.
    pub credential_backed_up: Option<bool>,
    /// Linked identity.
    pub identity_user_id: Option<String>,
    /// Browser at enrolment.
    pub user_agent: Option<String>,
    /// User handle.
    pub user_handle: Option<String>,
    /// How the authenticator is reached.
    pub transports: Vec<String>,
}

/// One thing wrong with one row. Says the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// The field at fault, as a name or a path (`authentication_methods[1].phone_number`);
    /// empty when the fault is the line's as a whole.
    pub field: String,
    /// The rule that it breaks, as a sentence for people.
    pub rule: String,
}

/// A row that is refused before anything is sent, with every fault found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Physical line of the row.
    pub line: u64,
    /// Index in `authentication_methods`, where the line holds a whole user.
    pub index: Option<u32>,
    /// The user, where that much could be read.
    pub user: Option<UserId>,
    /// The type, where that much could be read.
    pub factor_type: Option<FactorType>,
    /// At least one.
    pub faults: Vec<Fault>,
}

/// A row after planning: a factor to deliver, or the reasons why not.
#[derive(Debug)]
pub enum Planned {
    /// Can be sent.
    Factor(Box<Factor>),
    /// Cannot.
    Rejected(Box<Rejection>),
}

impl Planned {
    /// Physical line of its row.
    pub fn line(&self) -> u64 {
        match self {
            Self::Factor(factor) => factor.line,
            Self::Rejected(rejection) => rejection.line,
        }
    }
}

/// What a row of a ledger is about. An import is taken back in its own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// A factor to be created.
    Import = 0,
    /// A user's methods, or one of them, to be written out.
    Export = 1,
    /// A factor of a user's whole set.
    Replace = 2,
    /// A method to be changed.
    Update = 3,
    /// A method, or a user's methods, to be deleted.
    Delete = 4,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] =
        [Self::Import, Self::Export, Self::Replace, Self::Update, Self::Delete];

    /// The name in reports; the command's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The operation of that number in a ledger.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| *operation as u8 == code)
    }
}

/// How a row stands; the names are the contract's (section 1) and those of the other operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Known not to be there and still to do. Never shown: no intent is open.
    Pending = 0,
    /// Intent recorded, outcome not yet known.
    InFlight = 1,
    /// This tool created it.
    Created = 2,
    /// It was there before.
    AlreadyPresent = 3,
    /// Refused for good.
    Rejected = 4,
    /// Provably not created, and tried as often as allowed. Of what may be repeated at will: not
    /// known to be done.
    Failed = 5,
    /// It could not be established whether it exists.
    NeedsReview = 6,
    /// It is in its user's whole set now.
    Replaced = 7,
    /// It has its new name or channel.
    Updated = 8,
    /// It is no longer there.
    Deleted = 9,
    /// It was no longer there.
    AlreadyGone = 10,
    /// This tool created it, and has taken it away again.
    Undone = 11,
    /// This tool created it, and has left it when asked to take it away.
    Kept = 12,
    /// It is written out.
    Exported = 13,
    /// This tool created it; it is being taken away. Shown as in flight.
    Undoing = 14,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 15] = [
        Self::Pending,
        Self::InFlight,
        Self::Created,
        Self::AlreadyPresent,
        Self::Rejected,
        Self::Failed,
        Self::NeedsReview,
        Self::Replaced,
        Self::Updated,
        Self::Deleted,
        Self::AlreadyGone,
        Self::Undone,
        Self::Kept,
        Self::Exported,
        Self::Undoing,
    ];

    /// The name in reports and summaries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight | Self::Undoing => "in_flight",
            Self::Created => "created",
            Self::AlreadyPresent => "already_present",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::NeedsReview => "needs_review",
            Self::Replaced => "replaced",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::AlreadyGone => "already_gone",
            Self::Undone => "undone",
            Self::Kept => "kept",
            Self::Exported => "exported",
        }
    }

    /// The state of that number in a ledger.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == code)
    }

    /// Whether a request may be under way whose outcome is not known.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::InFlight | Self::Undoing)
    }

    /// Whether a later run leaves it alone.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::InFlight | Self::Undoing)
    }

    /// Whether somebody has to look at it: such a run ends with exit code 4.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::NeedsReview)
    }
}
