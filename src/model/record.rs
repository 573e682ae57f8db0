//! A row as the input wrote it, before any check.

use std::fmt;

use zeroize::Zeroize;

/// The columns (CSV) and keys (JSONL) an input may have, in the order of the contract's section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// User that the factor belongs to: `provider|id`.
    UserId,
    /// Type of the factor.
    Type,
    /// Name shown to the user; at most 20 characters.
    Name,
    /// E.164, for phones.
    PhoneNumber,
    /// `sms` or `voice`, for phones.
    PreferredAuthenticationMethod,
    /// Address of an e-mail factor.
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
    /// Id of an existing method, where one is meant.
    AuthenticationMethodId,
}

impl Field {
    /// The fields that make up a factor, in the order of the contract.
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

    /// Every field.
    pub const ALL: [Self; Self::COUNT] = {
        let mut all = [Self::AuthenticationMethodId; Self::COUNT];
        all.split_at_mut(Self::FACTOR.len()).0.copy_from_slice(&Self::FACTOR);
        all
    };

    /// Number of fields.
    const COUNT: usize = Self::FACTOR.len() + 1;

    /// Returns the bit of this field in a set of fields.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Returns the name in headers, keys, messages and on the wire.
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

    /// Finds the field of exactly that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// Value that an input gives for one field. `Debug` shows the shape, never the value.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Cell {
    /// The cell is missing, empty, or JSON `null`.
    #[default]
    Absent,
    /// Text, from a CSV cell or a JSON string.
    Text(String),
    /// A JSON boolean.
    Bool(bool),
    /// The JSON number 0 or 1, as databases write a boolean.
    Bit(bool),
    /// A JSON array of strings.
    List(Vec<String>),
    /// A JSON value of a shape that no field accepts, and the name of that shape (`a number`, `an
    /// object`, …).
    Unusable(&'static str),
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Text(_) => "Text(…)",
            Self::Bool(_) => "Bool(…)",
            Self::Bit(_) => "Bit(…)",
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
            Self::Absent | Self::Bool(_) | Self::Bit(_) | Self::Unusable(_) => {}
        }
    }
}

/// Encoding of the secrets of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretEncoding {
    /// Base32 of the key.
    Base32,
    /// The key is the text itself.
    Text,
    /// Hexadecimal digits of the key.
    Hex,
    /// Base64 of the key.
    Base64,
    /// Base64 of the Base32 text of the key.
    Base64OfBase32,
}

impl SecretEncoding {
    /// Every encoding.
    pub const ALL: [Self; 5] =
        [Self::Base32, Self::Text, Self::Hex, Self::Base64, Self::Base64OfBase32];

    /// Returns the name in `--secret-encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base32 => "base32",
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64OfBase32 => "base64-of-base32",
        }
    }
}

/// One factor as the input wrote it: not checked, not normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Physical line in the input where the record begins; a CSV header is line 1.
    pub line: u64,
    /// Number of the record among those of its line, from 0, where a line may hold several: its
    /// index in `authentication_methods`, or among the rows of a person in another system's export.
    pub index: Option<u32>,
    /// Path inside of a document, such as `users[17].credentials[2]`, where that says more than a
    /// line.
    pub at: Option<Box<str>>,
    /// True if it comes from another system's export.
    pub is_of_system: bool,
    /// Encoding of its secret, where the record's source has only one.
    pub encoding: Option<SecretEncoding>,
    /// True if its secret is the Base32 of a text that another system used as the key.
    pub was_text: bool,
    cells: [Cell; Field::COUNT],
}

impl Record {
    /// Makes an empty record that begins at `line`.
    pub fn new(line: u64) -> Self {
        let mut record = Self::default();
        record.line = line;
        record
    }

    /// Returns the input's value for `field`.
    pub fn get(&self, field: Field) -> &Cell {
        &self.cells[field as usize]
    }

    /// Sets the input's value for `field`.
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
