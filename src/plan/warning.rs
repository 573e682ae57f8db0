//! Warnings about a row: oddities that do not keep it from being sent.

use std::fmt;

use crate::model::Field;

/// Something odd that does not keep a factor from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A TOTP secret shorter than RFC 4226 asks for.
    WeakSecret {
        /// Its length.
        bits: usize,
    },
    /// A TOTP secret longer than the hash uses; some apps do not take it.
    LongSecret {
        /// Its length.
        bits: usize,
    },
    /// A TOTP secret of one repeated character or byte: nobody's random secret.
    OneCharacter,
    /// Cells that hold a word for an empty value, and count as empty.
    NullWord {
        /// Their fields, as bits ([`Field::bit`]).
        fields: u32,
    },
    /// A name that was cut to the length that the API takes.
    NameCut,
    /// Words that were decoded wrongly on their way.
    GarbledText {
        /// The field with the words.
        field: Field,
    },
    /// A user id that is not `provider|id`.
    NoConnectionPrefix,
    /// A parameter of an `otpauth` URI that nobody knows.
    OtpauthParameter,
    /// A user handle whose bytes are Base64 again.
    EncodedTwice,
    /// A passkey that is bound to one device and backed up, which cannot be.
    BackedUpSingleDevice,
}

impl Warning {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WeakSecret { .. } => "weak_secret",
            Self::LongSecret { .. } => "long_secret",
            Self::OneCharacter => "one_character",
            Self::NullWord { .. } => "null_word",
            Self::NameCut => "name_cut",
            Self::GarbledText { .. } => "garbled_text",
            Self::NoConnectionPrefix => "no_connection_prefix",
            Self::OtpauthParameter => "otpauth_parameter",
            Self::EncodedTwice => "encoded_twice",
            Self::BackedUpSingleDevice => "backed_up_single_device",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakSecret { bits } => write!(
                f,
                "`totp_secret` has only {bits} bits; at least 128 are recommended: have the user \
                 enrol again some time"
            ),
            Self::LongSecret { bits } => {
                write!(f, "`totp_secret` has {bits} bits, more than the 512 that HMAC-SHA-1 uses")
            }
            Self::OneCharacter => f.write_str(
                "`totp_secret` is a single character repeated: is it a placeholder? Anyone can \
                 guess its codes",
            ),
            Self::NullWord { fields } => {
                let named = Field::ALL.into_iter().filter(|field| fields & field.bit() != 0);
                let named: Vec<_> = named.map(|field| format!("`{}`", field.name())).collect();
                write!(f, "a word such as NULL in {} is treated as empty", named.join(", "))
            }
            Self::NameCut => f.write_str("`name` has more than 20 characters: the rest is cut off"),
            Self::GarbledText { field } => write!(
                f,
                "`{}` looks wrongly decoded: was UTF-8 read as Windows-1252 somewhere?",
                field.name()
            ),
            Self::NoConnectionPrefix => f.write_str(
                "`user_id` has no `|`: Auth0's ids are `connection|id`, such as `auth0|5f7c…`",
            ),
            Self::OtpauthParameter => f.write_str(
                "`totp_secret` is an `otpauth` URI with an unknown parameter: check that it does \
                 not change the codes",
            ),
            Self::EncodedTwice => f.write_str(
                "`user_handle` contains Base64 inside its Base64url: was it encoded twice?",
            ),
            Self::BackedUpSingleDevice => f.write_str(
                "`credential_backed_up` is true for a `single_device` passkey, which cannot be \
                 backed up",
            ),
        }?;
        write!(f, " [{}]", self.code())
    }
}
