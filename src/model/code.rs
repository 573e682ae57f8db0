//! Stable names of everything that can be wrong with a row: the rules that it may break, and the
//! reasons why it was refused, failed, kept or left to a person. Scripts rely on the names; the
//! sentences for people may be improved at any time.

/// Declares the codes, each with its name.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)+) => {
        /// A rule that a value or a row may break, or a reason why a row ended as it did.
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
    /// The line could not be split into cells.
    InvalidRow = "invalid_row",

    /// A field that every row of its type needs is empty.
    Required = "required",
    /// A JSON value that is not a string.
    NotAString = "not_a_string",
    /// The field belongs to another type of factor.
    ForeignField = "foreign_field",
    /// A field must be empty for this operation.
    MustBeEmpty = "must_be_empty",
    /// A change that changes nothing.
    EmptyChange = "empty_change",
    /// A type that cannot be created.
    UnknownType = "unknown_type",
    /// The value is longer than any valid one.
    TooLong = "too_long",
    /// White space at the ends of an id.
    OuterWhiteSpace = "outer_white_space",
    /// A control character, such as a line break.
    ControlCharacter = "control_character",
    /// An id of dots alone, which no path can hold.
    DotsAlone = "dots_alone",
    /// The id is percent-encoded already.
    PercentEncoded = "percent_encoded",
    /// Characters are hidden on purpose, as in lists for people.
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
    /// An invisible character.
    InvisibleCharacter = "invisible_character",
    /// An id that was once a number with decimals.
    DecimalTail = "decimal_tail",
    /// Text that was decoded wrongly at some point.
    GarbledText = "garbled_text",

    /// No `+` in front of a phone number.
    MissingPlus = "missing_plus",
    /// A phone number contains something other than digits.
    NotADigit = "not_a_digit",
    /// An extension, or what may be one.
    Extension = "extension",
    /// A zero that is dialled inside the country only.
    TrunkZero = "trunk_zero",
    /// Brackets around something other than an area code.
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
    /// The value is not hexadecimal, although declared so.
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
    /// The value is encoded once more than it should be.
    EncodedTwice = "encoded_twice",
    /// Encrypted, or several parts joined.
    LooksEncrypted = "looks_encrypted",
    /// A URI of another scheme than `otpauth`.
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
    /// A hash other than SHA-1.
    OtpauthAlgorithm = "otpauth_algorithm",
    /// A number of digits other than 6.
    OtpauthDigits = "otpauth_digits",
    /// A period other than 30 seconds.
    OtpauthPeriod = "otpauth_period",
    /// Another parameter that changes the codes.
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
    /// No algorithm, one that does not sign, or one that does not fit the key.
    CoseAlgorithm = "cose_algorithm",
    /// A curve other than the algorithm's.
    CoseCurve = "cose_curve",
    /// Coordinates of a length other than the curve's.
    CoseLength = "cose_length",
    /// Coordinates that are not a point of the curve.
    NotOnCurve = "not_on_curve",
    /// An RSA key that is malformed or too short.
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
    /// The list has more entries than possible.
    TooMany = "too_many",

    /// A TOTP secret for a hash other than SHA-1.
    TotpAlgorithmUnsupported = "totp_algorithm_unsupported",
    /// A TOTP secret for a number of digits other than 6.
    TotpDigitsUnsupported = "totp_digits_unsupported",
    /// A TOTP secret for a period other than 30 seconds.
    TotpPeriodUnsupported = "totp_period_unsupported",
    /// A TOTP secret whose periods do not start in 1970.
    TotpT0Unsupported = "totp_t0_unsupported",
    /// A counter-based secret.
    HotpUnsupported = "hotp_unsupported",
    /// A secret in an unknown encoding.
    TotpSecretEncodingUnknown = "totp_secret_encoding_unknown",
    /// A secret that does not have the form that its source always writes.
    TotpSecretInvalid = "totp_secret_invalid",
    /// An encrypted secret.
    SecretEncrypted = "secret_encrypted",
    /// A secret that the source does not hand out, or not in this kind of export.
    SecretNotExported = "secret_not_exported",
    /// A contact with characters hidden.
    MaskedValue = "masked_value",
    /// A phone number that is not E.164.
    PhoneNotE164 = "phone_not_e164",
    /// The relying party of the credential is unknown.
    RpIdMissing = "rp_id_missing",
    /// A relying party id that is not a host name.
    RpIdInvalid = "rp_id_invalid",
    /// A public key that cannot be written as a COSE key.
    PublicKeyNotCose = "public_key_not_cose",
    /// A public key of an algorithm that the API does not take.
    PublicKeyAlgUnsupported = "public_key_alg_unsupported",
    /// A credential of U2F, bound to an application id.
    U2fAppidCredential = "u2f_appid_credential",
    /// A second factor built into a device.
    WebauthnPlatformUnsupported = "webauthn_platform_unsupported",
    /// A passkey whose user handle is unknown.
    UserHandleMissing = "user_handle_missing",
    /// A factor that its user never confirmed.
    Unconfirmed = "unconfirmed",
    /// A factor that is switched off at its source.
    Disabled = "disabled",
    /// A credential that its source considers a copy.
    ClonedFlag = "cloned_flag",
    /// Recovery codes.
    RecoveryCodesNotImportable = "recovery_codes_not_importable",
    /// A kind of factor that no API can create.
    FactorTypeUnsupported = "factor_type_unsupported",
    /// A credential from a version of its source that is too old.
    SourceTooOld = "source_too_old",

    /// A person who gets a user id neither from the template nor from the map.
    UserNotMapped = "user_not_mapped",
    /// A person who has several user ids in the map.
    UserAmbiguous = "user_ambiguous",
    /// Two people of the source on one user id.
    UserCollision = "user_collision",
    /// A person whose address the source has not verified.
    EmailNotVerified = "email_not_verified",

    /// A set with a row that cannot be used.
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
    /// The path was refused, probably because of its user id.
    InvalidUri = "invalid_uri",
    /// The query was refused.
    InvalidQueryString = "invalid_query_string",
    /// The body was refused; the detail is the field, where it is known.
    InvalidBody = "invalid_body",
    /// Another 400.
    BadRequest = "bad_request",
    /// The tenant says that the factor exists already, but no list shows it.
    Conflict = "conflict",
    /// The tenant takes one method of this type of a user, and the user has one.
    SecondOfType = "second_of_type",
    /// Another HTTP status; the detail is that status.
    Http = "http",

    /// No answer came in time.
    Timeout = "timeout",
    /// The connection broke after the request was sent.
    ConnectionLost = "connection_lost",
    /// The request was never executed, however often it was tried.
    NoAnswer = "no_answer",
    /// An answer whose body broke off.
    UnreadableAnswer = "unreadable_answer",
    /// An answer without the shape of the API's.
    ForeignAnswer = "foreign_answer",
    /// A result where none was expected.
    UnexpectedAnswer = "unexpected_answer",

    /// A list of which a part is missing.
    IncompleteList = "incomplete_list",
    /// A list whose pages do not fit together.
    UnreadableList = "unreadable_list",
    /// A list longer than any user's.
    TooManyMethods = "too_many_methods",
    /// A list that holds a method created for another user.
    ListOfAnotherUser = "list_of_another_user",
    /// No usable list came, however often it was requested.
    NoUsableList = "no_usable_list",
    /// The tenant refuses to list the user's methods.
    ListRefused = "list_refused",

    /// Every attempt was lost, and none has created anything.
    NotCreated = "not_created",
    /// A similar method exists, and may be older than the attempt.
    OlderCandidate = "older_candidate",
    /// A similar method exists, and nothing is known of the tenant's clocks.
    ClockUnknown = "clock_unknown",
    /// Several similar methods exist.
    SeveralCandidates = "several_candidates",
    /// A similar method exists under another name.
    OtherName = "other_name",
    /// The tenant returned one id for two factors; the detail is that id.
    IdGivenTwice = "id_given_twice",
    /// The factor exists more than once; the detail is the other ids.
    AlsoThere = "also_there",

    /// Replacing the set would delete a method that it cannot hold; the detail is its type.
    WouldDestroy = "would_destroy",
    /// The method was not created when the import ran.
    OtherTime = "other_time",
    /// The method was used since the import.
    UsedSince = "used_since",
    /// The method has another type than the import's.
    OtherType = "other_type",
    /// The method was renamed since the import.
    Renamed = "renamed",

    /// A code that this version does not know; the detail is the whole text.
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
