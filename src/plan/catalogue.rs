//! Codes for rows of other systems. A migration counts what cannot be imported by the catalogue
//! that all sources share; the rule's own sentence still states the exact fault.

use crate::model::{Code, Field};

/// Rules about secrets, and the catalogue's code for each.
const OF_SECRETS: [(Code, Code); 19] = [
    (Code::NotBase32, Code::TotpSecretInvalid),
    (Code::NotBase64, Code::TotpSecretInvalid),
    (Code::NotHex, Code::TotpSecretInvalid),
    (Code::CutOff, Code::TotpSecretInvalid),
    (Code::LooksLikeHex, Code::TotpSecretInvalid),
    (Code::LooksLikeDecimal, Code::TotpSecretInvalid),
    (Code::LooksLikeUuid, Code::TotpSecretInvalid),
    (Code::LooksLikeBase64, Code::TotpSecretInvalid),
    (Code::LooksLikeBase64OfBase32, Code::TotpSecretInvalid),
    (Code::EncodedTwice, Code::TotpSecretInvalid),
    (Code::TooShort, Code::TotpSecretInvalid),
    (Code::OtherScheme, Code::TotpSecretInvalid),
    (Code::OtpauthInvalid, Code::TotpSecretInvalid),
    (Code::OtpauthNoSecret, Code::TotpSecretInvalid),
    (Code::LooksEncrypted, Code::SecretEncrypted),
    (Code::OtpauthKind, Code::HotpUnsupported),
    (Code::OtpauthAlgorithm, Code::TotpAlgorithmUnsupported),
    (Code::OtpauthDigits, Code::TotpDigitsUnsupported),
    (Code::OtpauthPeriod, Code::TotpPeriodUnsupported),
];

/// Rules about phone numbers, contacts, host names and public keys, and the catalogue's code for
/// each.
const CODES_OF_OTHER_RULES: [(Code, Code); 17] = [
    (Code::MissingPlus, Code::PhoneNotE164),
    (Code::NotADigit, Code::PhoneNotE164),
    (Code::Extension, Code::PhoneNotE164),
    (Code::TrunkZero, Code::PhoneNotE164),
    (Code::Brackets, Code::PhoneNotE164),
    (Code::UnknownCountryCode, Code::PhoneNotE164),
    (Code::ImpossibleLength, Code::PhoneNotE164),
    (Code::Masked, Code::MaskedValue),
    (Code::NotAHost, Code::RpIdInvalid),
    (Code::NotCose, Code::PublicKeyNotCose),
    (Code::CoseIncomplete, Code::PublicKeyNotCose),
    (Code::CoseLength, Code::PublicKeyNotCose),
    (Code::NotOnCurve, Code::PublicKeyNotCose),
    (Code::WeakRsa, Code::PublicKeyNotCose),
    (Code::CoseKind, Code::PublicKeyAlgUnsupported),
    (Code::CoseAlgorithm, Code::PublicKeyAlgUnsupported),
    (Code::CoseCurve, Code::PublicKeyAlgUnsupported),
];

/// Returns the catalogue's code for a broken rule of `field`.
pub(super) fn code(field: Field, code: Code) -> Code {
    let of_field: &[(Code, Code)] =
        if field == Field::TotpSecret { &OF_SECRETS } else { &CODES_OF_OTHER_RULES };
    let masked = (Code::Masked, Code::MaskedValue);
    let pairs = of_field.iter().copied().chain([masked]);
    pairs.into_iter().find(|(rule, _)| *rule == code).map_or(code, |(_, counted)| counted)
}
