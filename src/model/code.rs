//! Stable names of everything that can be wrong with a row: the rules that it may break, and the
//! reasons why it was refused, failed, kept or left to a person. Scripts rely on them; sentences for
//! people may be put better at any time.

/// Declares the codes, each with its name.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)+) => {
        /// A rule that a value or a row may break, or a reason for what became of a row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name in ledgers, reports and messages.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            /// Finds the code of that name.
            pub(super) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
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
    /// The value is longer than any such value can be.
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

    /// The cell is not exactly one e-mail address.
    NotAnAddress = "not_an_address",

    /// The value is not Base32.
    NotBase32 = "not_base32",
    /// The value is not standard Base64.
    NotBase64 = "not_base64",
    /// The value is not Base64url.
    NotBase64url = "not_base64url",
    /// The value is not hexadecimal, though declared so.
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
    /// The value is not a bare host name.
    NotAHost = "not_a_host",

    /// The value is not a UUID.
    NotAUuid = "not_a_uuid",
    /// Neither `single_device` nor `multi_device`.
    UnknownDeviceType = "unknown_device_type",
    /// Neither true nor false.
    NotABoolean = "not_a_boolean",
    /// The list holds something other than names of transports.
    NotTransports = "not_transports",
    /// The list has more entries than there can be.
    TooMany = "too_many",

    /// A TOTP secret of another hash than SHA-1.
    TotpAlgorithmUnsupported = "totp_algorithm_unsupported",
    /// A TOTP secret of another number of digits than 6.
    TotpDigitsUnsupported = "totp_digits_unsupported",
    /// A TOTP secret of another period than 30 seconds.
    TotpPeriodUnsupported = "totp_period_unsupported",
    /// A TOTP secret that counts its periods from another time than 1970.
    TotpT0Unsupported = "totp_t0_unsupported",
    /// A counter-based secret.
    HotpUnsupported = "hotp_unsupported",
    /// A secret in an encoding that nobody knows.
    TotpSecretEncodingUnknown = "totp_secret_encoding_unknown",
    /// A secret that is not what its source always writes.
    TotpSecretInvalid = "totp_secret_invalid",
    /// An encrypted secret.
    SecretEncrypted = "secret_encrypted",
    /// A secret that the source does not hand out, or not in this kind of export.
    SecretNotExported = "secret_not_exported",
    /// A contact with characters hidden.
    MaskedValue = "masked_value",
    /// A phone number that is not E.164.
    PhoneNotE164 = "phone_not_e164",
    /// Nothing says which relying party the credential belongs to.
    RpIdMissing = "rp_id_missing",
    /// A relying party id that is no host name.
    RpIdInvalid = "rp_id_invalid",
    /// A public key that cannot be written as a COSE key.
    PublicKeyNotCose = "public_key_not_cose",
    /// A public key of an algorithm that the API does not take.
    PublicKeyAlgUnsupported = "public_key_alg_unsupported",
    /// A credential of U2F, bound to an application id.
    U2fAppidCredential = "u2f_appid_credential",
    /// A second factor that is built into a device.
    WebauthnPlatformUnsupported = "webauthn_platform_unsupported",
    /// A passkey whose user handle is not known.
    UserHandleMissing = "user_handle_missing",
    /// A factor that its user never confirmed.
    Unconfirmed = "unconfirmed",
    /// A factor that is switched off at its source.
    Disabled = "disabled",
    /// A credential that its source takes for a copy.
    ClonedFlag = "cloned_flag",
    /// Recovery codes.
    RecoveryCodesNotImportable = "recovery_codes_not_importable",
    /// A kind of factor that no API creates.
    FactorTypeUnsupported = "factor_type_unsupported",
    /// A credential of a version of its source that is too old.
    SourceTooOld = "source_too_old",

    /// A person whom neither template nor map gives a user id.
    UserNotMapped = "user_not_mapped",
    /// A person to whom the map gives several user ids.
    UserAmbiguous = "user_ambiguous",
    /// Two people of the source on one user id.
    UserCollision = "user_collision",
    /// A person whose address the source has not verified.
    EmailNotVerified = "email_not_verified",

    /// A set of which a row cannot be used.
    IncompleteSet = "incomplete_set",
    /// A user whose rows are not consecutive.
    ScatteredSet = "scattered_set",
    /// A type that cannot be part of a set.
    NotSettable = "not_settable",

    /// There is no such user.
    UserNotFound = "user_not_found",
    /// There is no such method.
    MethodNotFound = "method_not_found",
    /// A 404 that names neither user nor method.
    NotFound = "not_found",
    /// The user has as many methods of the type as the tenant allows.
    EntityLimit = "entity_limit",
    /// The factor is not allowed for a user who has a passkey.
    UserHasPasskey = "user_has_passkey",
    /// The user would have more identifiers than the tenant allows.
    TooManyUserIdentifiers = "too_many_user_identifiers",
    /// Another 403.
    Forbidden = "forbidden",
    /// The path was refused, for its user id above all.
    InvalidUri = "invalid_uri",
    /// The query was refused.
    InvalidQueryString = "invalid_query_string",
    /// The body was refused; the detail is the field, where it is known.
    InvalidBody = "invalid_body",
    /// Another 400.
    BadRequest = "bad_request",
    /// The tenant says that it is there already, and no list shows it.
    Conflict = "conflict",
    /// The tenant takes one method of this type of a user, and the user has one.
    SecondOfType = "second_of_type",
    /// A status that means nothing else; the detail is that status.
    Http = "http",

    /// No answer came in time.
    Timeout = "timeout",
    /// The connection broke after the request was sent.
    ConnectionLost = "connection_lost",
    /// The request was not executed, as often as it was tried.
    NoAnswer = "no_answer",
    /// An answer whose body broke off.
    UnreadableAnswer = "unreadable_answer",
    /// An answer that has not the shape of the API's.
    ForeignAnswer = "foreign_answer",
    /// A result where none was asked for.
    UnexpectedAnswer = "unexpected_answer",

    /// A list of which a part is missing.
    IncompleteList = "incomplete_list",
    /// A list whose pages do not fit together.
    UnreadableList = "unreadable_list",
    /// A list longer than any user's.
    TooManyMethods = "too_many_methods",
    /// A list that holds what was created for another user.
    ListOfAnotherUser = "list_of_another_user",
    /// No list came that can be used, as often as it was asked for.
    NoUsableList = "no_usable_list",
    /// The tenant refuses to list the user's methods.
    ListRefused = "list_refused",

    /// Every attempt was lost, and none has created anything.
    NotCreated = "not_created",
    /// Something like it is there, and may be older than the attempt.
    OlderCandidate = "older_candidate",
    /// Something like it is there, and nothing is known of the tenant's clocks.
    ClockUnknown = "clock_unknown",
    /// More than one thing like it is there.
    SeveralCandidates = "several_candidates",
    /// Something like it is there under another name.
    OtherName = "other_name",
    /// The tenant gave one id for two factors; the detail is that id.
    IdGivenTwice = "id_given_twice",
    /// It is there more than once; the detail is the other ids.
    AlsoThere = "also_there",

    /// Replacing the set would delete what it cannot hold; the detail is its type.
    WouldDestroy = "would_destroy",
    /// The method was created at another time than by the import.
    OtherTime = "other_time",
    /// The method was used since the import.
    UsedSince = "used_since",
    /// The method is of another type than the import's.
    OtherType = "other_type",
    /// The method was renamed since the import.
    Renamed = "renamed",

    /// None that this version knows; the detail is the whole text.
    Unknown = "unknown",
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
