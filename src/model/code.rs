//! Stable names of the rules that a row may break. Scripts rely on them; sentences for people may
//! be put better at any time.

/// Declares the rules, each with its name.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)+) => {
        /// A rule that a value or a row may break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)+
        }

        impl Code {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name in ledgers, reports and messages.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

codes! {
    /// The line did not get as far as cells.
    InvalidRow = "invalid_row",

    /// A field that every row of its type needs is empty.
    Required = "required",
    /// A JSON value that is no string.
    NotAString = "not_a_string",
    /// The field belongs to another type of factor.
    ForeignField = "foreign_field",
    /// A field must be empty for what is asked.
    MustBeEmpty = "must_be_empty",
    /// A change that changes nothing.
    EmptyChange = "empty_change",
    /// A type that cannot be created.
    UnknownType = "unknown_type",
    /// Longer than any such value.
    TooLong = "too_long",
    /// White space at the ends of an id.
    OuterWhiteSpace = "outer_white_space",
    /// A control character, such as a line break.
    ControlCharacter = "control_character",
    /// An id of dots alone, which no path can hold.
    DotsAlone = "dots_alone",
    /// Percent-encoded already.
    PercentEncoded = "percent_encoded",
    /// Hidden on purpose, as lists for people do.
    Masked = "masked",

    /// A number that a spreadsheet has put into exponent form.
    SpreadsheetExponent = "spreadsheet_exponent",
    /// An error of a spreadsheet in place of the value.
    SpreadsheetError = "spreadsheet_error",
    /// A formula of a spreadsheet.
    Formula = "formula",
    /// An apostrophe that keeps spreadsheets from calculating.
    ApostropheGuard = "apostrophe_guard",
    /// Quotes around the value that are part of it.
    SurroundingQuotes = "surrounding_quotes",
    /// A character that nobody sees.
    InvisibleCharacter = "invisible_character",
    /// An id that went through a number with decimals.
    DecimalTail = "decimal_tail",
    /// Text that was decoded wrongly on the way.
    GarbledText = "garbled_text",

    /// No `+` in front of a phone number.
    MissingPlus = "missing_plus",
    /// Something else than digits in a phone number.
    NotADigit = "not_a_digit",
    /// An extension, or what may be one.
    Extension = "extension",
    /// A zero that is dialled inside the country only.
    TrunkZero = "trunk_zero",
    /// Brackets around something else than an area code.
    Brackets = "brackets",
    /// No country has this code.
    UnknownCountryCode = "unknown_country_code",
    /// No number of the country has this length.
    ImpossibleLength = "impossible_length",
    /// Neither `sms` nor `voice`.
    UnknownChannel = "unknown_channel",

    /// Not an e-mail address alone.
    NotAnAddress = "not_an_address",

    /// Not Base32.
    NotBase32 = "not_base32",
    /// Not standard Base64.
    NotBase64 = "not_base64",
    /// Not Base64url.
    NotBase64url = "not_base64url",
    /// Not hexadecimal, though declared so.
    NotHex = "not_hex",
    /// Hexadecimal where another encoding is asked for.
    LooksLikeHex = "looks_like_hex",
    /// A decimal number where an encoding of bytes is asked for.
    LooksLikeDecimal = "looks_like_decimal",
    /// A UUID where an encoding of bytes is asked for.
    LooksLikeUuid = "looks_like_uuid",
    /// Base32 where another encoding is asked for.
    LooksLikeBase32 = "looks_like_base32",
    /// Base64, or text, where Base32 is asked for.
    LooksLikeBase64 = "looks_like_base64",
    /// Base64 of the Base32 text of a secret.
    LooksLikeBase64OfBase32 = "looks_like_base64_of_base32",
    /// Encoded once more than is asked for.
    EncodedTwice = "encoded_twice",
    /// Encrypted, or several parts joined.
    LooksEncrypted = "looks_encrypted",
    /// A URI of another scheme.
    OtherScheme = "other_scheme",
    /// Ends where its encoding cannot end.
    CutOff = "cut_off",
    /// Fewer bits than are safe.
    TooShort = "too_short",
    /// A number of bytes that no such value has.
    WrongSize = "wrong_size",

    /// An `otpauth` URI that cannot be read.
    OtpauthInvalid = "otpauth_invalid",
    /// A kind of code that the API cannot hold.
    OtpauthKind = "otpauth_kind",
    /// Another hash than SHA-1.
    OtpauthAlgorithm = "otpauth_algorithm",
    /// Another number of digits than 6.
    OtpauthDigits = "otpauth_digits",
    /// Another period than 30 seconds.
    OtpauthPeriod = "otpauth_period",
    /// Something else that changes codes.
    OtpauthChangesCodes = "otpauth_changes_codes",
    /// A parameter twice.
    OtpauthRepeated = "otpauth_repeated",
    /// No secret in the URI.
    OtpauthNoSecret = "otpauth_no_secret",

    /// A private key where a public one is asked for.
    PrivateKey = "private_key",
    /// A key in another form than COSE.
    NotCose = "not_cose",
    /// A kind of key that WebAuthn does not use.
    CoseKind = "cose_kind",
    /// A part of the key is missing or in another shape.
    CoseIncomplete = "cose_incomplete",
    /// No algorithm, or one that does not sign, or not with such a key.
    CoseAlgorithm = "cose_algorithm",
    /// Another curve than the algorithm's.
    CoseCurve = "cose_curve",
    /// Coordinates of another length than the curve's.
    CoseLength = "cose_length",
    /// Coordinates that are no point of the curve.
    NotOnCurve = "not_on_curve",
    /// An RSA key that cannot be one, or is too short.
    WeakRsa = "weak_rsa",
    /// Not a host name alone.
    NotAHost = "not_a_host",

    /// Not a UUID.
    NotAUuid = "not_a_uuid",
    /// Neither `single_device` nor `multi_device`.
    UnknownDeviceType = "unknown_device_type",
    /// Neither true nor false.
    NotABoolean = "not_a_boolean",
    /// Not names of transports.
    NotTransports = "not_transports",
    /// More entries than there can be.
    TooMany = "too_many",

    /// A set of which a row cannot be used.
    IncompleteSet = "incomplete_set",
    /// A user whose rows do not stand together.
    ScatteredSet = "scattered_set",
    /// A type that cannot be part of a set.
    NotSettable = "not_settable",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_snake_case_and_there_once() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        for name in &names {
            let bytes = name.bytes();
            assert!(bytes.clone().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
