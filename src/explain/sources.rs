//! Codes of exports: contents that no API creates, or that the source does not hand out.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "masked_value",
        "Characters of the phone number or address are hidden in the export.",
        "The source masks contacts in this kind of export.",
        "Look at `mfaferry sources NAME` for an export with whole values.",
    ),
    Explanation::of(
        "phone_not_e164",
        "The phone number in the export is not in E.164.",
        "The source took national numbers.",
        "Add the country calling code at the source.",
    ),
    Explanation::of(
        "unconfirmed",
        "The user began to enrol this factor and never confirmed it.",
        "It cannot be known whether the user has it.",
        "Nothing to do: it was not usable at the source either.",
    ),
    Explanation::of(
        "disabled",
        "The factor is switched off at its source.",
        "An administrator or the user switched it off.",
        "Nothing to do, or switch it on at the source and export again.",
    ),
    Explanation::of(
        "recovery_codes_not_importable",
        "The user has recovery codes, which no API can import.",
        "Auth0 makes its own recovery codes.",
        "Tell these users that their old codes end, and let them make new ones after the migration.",
    ),
    Explanation::of(
        "factor_type_unsupported",
        "No API creates this kind of factor.",
        "Push, platform keys and the like are bound to the system where they were enrolled.",
        "These users must enrol it again.",
    ),
    Explanation::of(
        "source_too_old",
        "The credential was written by a version of the source that is too old.",
        "Its format is not known.",
        "Upgrade the source, let it migrate its data, and export again.",
    ),
];
