//! Kinds of rows that the tenant's settings treat differently, one byte each.

use crate::model::{Channel, Credential, Factor, FactorType};

/// Relying parties that are told apart. A tenant serves a handful.
pub(super) const MAX_PARTIES: u8 = 120;

/// Kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Recovery codes of a user, which stay behind.
    RecoveryCodes,
    /// A phone.
    Phone(Channel),
    /// An address.
    Email,
    /// An authenticator app.
    Totp,
    /// A security key or a passkey, with the number of its relying party.
    Key {
        /// True for a passkey.
        is_passkey: bool,
        /// Number of its relying party, if it names one; [`MAX_PARTIES`] for all that are not told
        /// apart.
        party: Option<u8>,
    },
}

/// Returns the relying party that a security key or a passkey names.
pub(super) fn party_of(factor: &Factor) -> Option<&str> {
    match &factor.credential {
        Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => {
            key.relying_party_identifier.as_deref()
        }
        Credential::Phone { .. } | Credential::Email { .. } | Credential::Totp { .. } => None,
    }
}

/// First byte of a key with a relying party; each has one for security keys and one for passkeys.
const PARTIES: u8 = 7;

impl RowKind {
    /// Returns the kind of a factor, whose relying party has that number.
    pub(super) fn of(factor: &Factor, party: Option<u8>) -> Self {
        match factor.credential {
            // Where nothing is said, a code comes as a text message.
            Credential::Phone { preferred, .. } => Self::Phone(preferred.unwrap_or(Channel::Sms)),
            Credential::Email { .. } => Self::Email,
            Credential::Totp { .. } => Self::Totp,
            Credential::WebauthnRoaming(_) => Self::Key { is_passkey: false, party },
            Credential::Passkey(..) => Self::Key { is_passkey: true, party },
        }
    }

    /// Returns the type of factor; `None` of what is none.
    pub(super) const fn factor_type(self) -> Option<FactorType> {
        Some(match self {
            Self::RecoveryCodes => return None,
            Self::Phone(_) => FactorType::Phone,
            Self::Email => FactorType::Email,
            Self::Totp => FactorType::Totp,
            Self::Key { is_passkey: false, .. } => FactorType::WebauthnRoaming,
            Self::Key { is_passkey: true, .. } => FactorType::Passkey,
        })
    }

    /// Writes it as a byte.
    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::RecoveryCodes => 0,
            Self::Phone(Channel::Sms) => 1,
            Self::Phone(Channel::Voice) => 2,
            Self::Email => 3,
            Self::Totp => 4,
            Self::Key { is_passkey, party: None } => 5 + u8::from(is_passkey),
            Self::Key { is_passkey, party: Some(party) } => {
                PARTIES + 2 * party.min(MAX_PARTIES) + u8::from(is_passkey)
            }
        }
    }

    /// Reads what [`RowKind::to_byte`] wrote.
    pub(super) fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::RecoveryCodes,
            1 => Self::Phone(Channel::Sms),
            2 => Self::Phone(Channel::Voice),
            3 => Self::Email,
            4 => Self::Totp,
            5 | 6 => Self::Key { is_passkey: byte == 6, party: None },
            _ => {
                let place = byte - PARTIES;
                Self::Key { is_passkey: place % 2 == 1, party: Some(place / 2) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_byte() {
        for byte in 0..=PARTIES + 2 * MAX_PARTIES + 1 {
            assert_eq!(RowKind::from_byte(byte).to_byte(), byte);
        }
        let last = RowKind::Key { is_passkey: true, party: Some(MAX_PARTIES) };
        assert_eq!(RowKind::from_byte(last.to_byte()), last);
    }
}
