//! Brief help for each reason, and the kind of action that it calls for: summaries and reports show
//! it beside a code, and choose their commands by it.

use crate::model::{Code, State};

/// Kind of action that a reason calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Mend the row at its source.
    MendSource,
    /// Prove the encoding of secrets with a user's code.
    ProveEncoding,
    /// Mend the map or the template of user ids.
    MendMap,
    /// Create the users, then retry their rows.
    CreateUsers,
    /// Check the tenant, then retry the rows.
    MendTenant,
    /// Retry the rows.
    Retry,
    /// Compare the tenant with the input.
    Verify,
    /// Nothing can be done, or nothing needs to be.
    None,
}

impl Action {
    /// Returns what to do, in a few words; empty if there is nothing to do.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MendSource => "mend the source",
            Self::ProveEncoding => "prove the encoding",
            Self::MendMap => "mend the mapping",
            Self::CreateUsers => "create the users",
            Self::MendTenant => "look at the tenant",
            Self::Retry => "try again",
            Self::Verify => "verify",
            Self::None => "",
        }
    }

    /// Returns the same in a word or two, where there is little room.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MendSource => "mend",
            Self::ProveEncoding => "prove",
            Self::MendMap => "mend the mapping",
            Self::CreateUsers => "create them",
            Self::MendTenant => "look at it",
            Self::Retry => "retry",
            Self::Verify | Self::None => self.words(),
        }
    }

    /// Returns the action for rows of that code in a state.
    pub const fn of(code: Code, state: State) -> Self {
        match state {
            // A factor that may exist is never sent again.
            State::NeedsReview => Self::Verify,
            State::Failed => Self::Retry,
            State::Rejected => advice(code).action,
            _ => Self::None,
        }
    }
}

/// Help for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// Action that it calls for.
    pub action: Action,
    /// Meaning, in a few words.
    pub brief: &'static str,
}

/// Declares the advice for every code; the compiler makes sure that none is left out.
macro_rules! advice {
    ($($action:ident { $($code:ident = $brief:literal,)+ })+) => {
        /// Returns the help for a code.
        pub const fn advice(code: Code) -> Advice {
            match code {
                $($(Code::$code => Advice { action: Action::$action, brief: $brief },)+)+
            }
        }
    };
}

advice! {
    MendSource {
        InvalidRow = "damaged row",
        Required = "empty field",
        NotAString = "not text",
        ForeignField = "another type's field",
        MustBeEmpty = "must be empty",
        EmptyChange = "changes nothing",
        UnknownType = "unknown factor type",
        TooLong = "too long",
        OuterWhiteSpace = "outer white space",
        ControlCharacter = "control character",
        DotsAlone = "id is only dots",
        PercentEncoded = "percent-encoded",
        Masked = "masked value",
        MaskedValue = "masked value",
        SpreadsheetExponent = "exponent form",
        SpreadsheetError = "spreadsheet error",
        Formula = "spreadsheet formula",
        ApostropheGuard = "leading apostrophe",
        SurroundingQuotes = "quotes in the value",
        InvisibleCharacter = "invisible character",
        DecimalTail = "decimal tail",
        GarbledText = "garbled text",
        MissingPlus = "no country code",
        PhoneNotE164 = "no country code",
        NotADigit = "not all digits",
        Extension = "has an extension",
        TrunkZero = "stray trunk zero",
        Brackets = "misplaced brackets",
        UnknownCountryCode = "no such country code",
        ImpossibleLength = "impossible length",
        UnknownChannel = "not sms or voice",
        NotAnAddress = "not an email address",
        NotBase64url = "not Base64url",
        LooksLikeDecimal = "decimal number",
        LooksLikeUuid = "a UUID",
        LooksEncrypted = "looks encrypted",
        OtherScheme = "not an otpauth URI",
        CutOff = "cut off",
        TooShort = "under 80 bits",
        WrongSize = "impossible size",
        OtpauthInvalid = "damaged URI",
        OtpauthRepeated = "repeated parameter",
        OtpauthNoSecret = "URI without secret",
        PrivateKey = "private key",
        NotCose = "not a COSE key",
        CoseKind = "not a WebAuthn key",
        CoseIncomplete = "incomplete key",
        CoseAlgorithm = "unusable algorithm",
        CoseCurve = "wrong curve",
        CoseLength = "wrong length",
        NotOnCurve = "not on its curve",
        WeakRsa = "unusable RSA key",
        NotAHost = "not a host name",
        NotAUuid = "not a UUID",
        UnknownDeviceType = "no such device type",
        NotABoolean = "not true or false",
        NotTransports = "unknown transports",
        TooMany = "too many entries",
        TotpSecretInvalid = "damaged secret",
        RpIdMissing = "no relying party",
        RpIdInvalid = "not a host name",
        PublicKeyNotCose = "unusable key",
        SecretEncrypted = "encrypted secret",
        ClonedFlag = "marked as a copy",
        EmailNotVerified = "address unverified",
        IncompleteSet = "set is incomplete",
        ScatteredSet = "rows not together",
        NotSettable = "no type for a set",
        MethodNotFound = "no such method",
        InvalidUri = "unusable user id",
        InvalidQueryString = "unusable address",
        InvalidBody = "refused by the tenant",
    }
    ProveEncoding {
        NotBase32 = "not Base32",
        NotBase64 = "not Base64",
        NotHex = "not hexadecimal",
        LooksLikeHex = "hexadecimal",
        LooksLikeBase32 = "looks like Base32",
        LooksLikeBase64 = "Base64, or text",
        LooksLikeBase64OfBase32 = "encoded twice",
        EncodedTwice = "encoded twice",
        TotpSecretEncodingUnknown = "unknown encoding",
    }
    MendMap {
        UserNotMapped = "no user id found",
        UserAmbiguous = "several users fit",
        UserCollision = "two on one user id",
    }
    CreateUsers {
        UserNotFound = "no such user",
    }
    MendTenant {
        NotFound = "unclear 404",
        EntityLimit = "limit reached",
        UserHasPasskey = "user has a passkey",
        TooManyUserIdentifiers = "too many user ids",
        Forbidden = "unclear 403",
        BadRequest = "unclear 400",
        Conflict = "409 but not listed",
        SecondOfType = "only one per type",
        ListRefused = "list refused",
        WouldDestroy = "would delete more",
    }
    Retry {
        Http = "unexpected status",
        Timeout = "no answer in time",
        ConnectionLost = "connection lost",
        NoAnswer = "never carried out",
        UnreadableAnswer = "answer cut short",
        ForeignAnswer = "answer from something else",
        UnexpectedAnswer = "unexpected answer",
        IncompleteList = "incomplete list",
        UnreadableList = "unreadable list",
        NoUsableList = "no usable list",
        NotCreated = "every attempt was lost",
    }
    Verify {
        TooManyMethods = "too many methods",
        ListOfAnotherUser = "another user's list",
        OlderCandidate = "similar factor, maybe older",
        ClockUnknown = "similar factor, age unknown",
        SeveralCandidates = "several similar factors",
        OtherName = "exists under another name",
        IdGivenTwice = "one id for two factors",
        AlsoThere = "exists more than once",
    }
    None {
        OtpauthKind = "codes of another kind",
        OtpauthAlgorithm = "not SHA-1: enrol anew",
        OtpauthDigits = "not 6 digits: enrol anew",
        OtpauthPeriod = "not 30 seconds: enrol anew",
        OtpauthChangesCodes = "changes the codes: enrol anew",
        TotpAlgorithmUnsupported = "not SHA-1: enrol anew",
        TotpDigitsUnsupported = "not 6 digits: enrol anew",
        TotpPeriodUnsupported = "not 30 seconds: enrol anew",
        TotpT0Unsupported = "other start of time: enrol anew",
        HotpUnsupported = "counter-based: enrol anew",
        SecretNotExported = "the export has no secret",
        PublicKeyAlgUnsupported = "algorithm no API accepts",
        U2fAppidCredential = "made with U2F: enrol anew",
        WebauthnPlatformUnsupported = "built into a device: enrol anew",
        UserHandleMissing = "no user handle: enrol anew",
        Unconfirmed = "never confirmed",
        Disabled = "switched off at the source",
        RecoveryCodesNotImportable = "no API imports recovery codes",
        FactorTypeUnsupported = "no API creates this type",
        SourceTooOld = "version too old: enrol anew",
        OtherTime = "created at another time",
        UsedSince = "used since the import",
        OtherType = "of another type now",
        Renamed = "renamed since the import",
        Unknown = "unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_advice_is_short_enough_for_a_line() {
        for code in Code::ALL {
            let Advice { action, brief } = advice(*code);
            let length = brief.len() + action.words().len();
            assert!(!brief.is_empty() && brief.len() <= 32 && length <= 36, "{}", code.name());
            assert!(!brief.ends_with('.'), "{brief}");
        }
    }

    #[test]
    fn what_may_exist_is_never_tried_again() {
        for code in Code::ALL {
            assert_eq!(Action::of(*code, State::NeedsReview), Action::Verify);
            assert_eq!(Action::of(*code, State::NotCarried), Action::None);
            assert_eq!(Action::of(*code, State::Failed), Action::Retry);
        }
    }
}
