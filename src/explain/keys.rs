//! Security keys and passkeys.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "private_key",
        "The value is a private key where a public one is asked for.",
        "The wrong column was exported.",
        "Export the public key, and treat this file as a leak of private keys.",
    ),
    Explanation::of(
        "not_cose",
        "The public key is not a COSE key.",
        "The source stores keys in another form, such as PEM or JWK.",
        "Convert it to COSE (RFC 9052) in standard Base64, or use `--from` for the system that wrote it.",
    ),
    Explanation::of(
        "cose_kind",
        "The COSE key is of a kind that WebAuthn does not use.",
        "It is a key for encryption, or a symmetric one.",
        "Check which column holds the credential's public key.",
    ),
    Explanation::of(
        "cose_incomplete",
        "A part of the COSE key is missing or has another shape.",
        "It is cut off, or was converted wrongly.",
        "Export or convert it again.",
    ),
    Explanation::of(
        "cose_algorithm",
        "The COSE key names no algorithm, or one that cannot sign with such a key.",
        "It was converted without its algorithm.",
        "Add the algorithm (label 3) when converting.",
    ),
    Explanation::of(
        "cose_curve",
        "The COSE key has another curve than its algorithm.",
        "It was converted wrongly.",
        "Convert it again.",
    ),
    Explanation::of(
        "cose_length",
        "The coordinates of the COSE key have another length than the curve's.",
        "Leading zeros were dropped, or it is cut off.",
        "Convert it again with coordinates of full length.",
    ),
    Explanation::of(
        "not_on_curve",
        "The coordinates of the COSE key are no point of its curve.",
        "The key is damaged: no signature could be verified with it.",
        "Export it again.",
    ),
    Explanation::of(
        "weak_rsa",
        "The RSA key cannot be one, or is too short.",
        "The key is damaged, or has fewer than 2,048 bits.",
        "Export it again. If it is whole, the user must enrol again.",
    ),
    Explanation::of(
        "not_a_host",
        "The relying party id is not a bare host name.",
        "It has a scheme, port or path, as an origin has.",
        "Leave the host name only, such as `login.example.org`.",
    ),
    Explanation::of(
        "not_a_uuid",
        "The `aaguid` is not a UUID.",
        "Columns are shifted, or the value is in another encoding.",
        "Write it as a UUID, or leave it empty.",
    ),
    Explanation::of(
        "unknown_device_type",
        "`credential_device_type` is neither `single_device` nor `multi_device`.",
        "The source has other words for it.",
        "Write one of the two.",
    ),
    Explanation::of(
        "not_a_boolean",
        "The value is neither true nor false.",
        "The source has other words for it.",
        "Write `true` or `false`.",
    ),
    Explanation::of(
        "not_transports",
        "`transports` holds something other than names of transports.",
        "Columns are shifted.",
        "Write names such as `usb nfc ble internal hybrid`, or leave it empty.",
    ),
    Explanation::of(
        "too_many",
        "The list has more entries than there can be.",
        "Rows or cells were joined on the way.",
        "Look at the line in the input and correct it.",
    ),
    Explanation::of(
        "rp_id_missing",
        "Nothing says which relying party the credential belongs to.",
        "The export does not hold it.",
        "Name it with `--rp-id HOST`: the host on which the users enrolled, or its registered suffix.",
    ),
    Explanation::of(
        "rp_id_invalid",
        "The relying party id in the export is no host name.",
        "It is a URL, or damaged.",
        "Correct the setting at the source and export again.",
    ),
    Explanation::of(
        "public_key_not_cose",
        "The public key cannot be written as a COSE key.",
        "It is damaged, or in a form that is not known.",
        "Export it again.",
    ),
    Explanation::of(
        "public_key_alg_unsupported",
        "The public key is of an algorithm that the API does not take.",
        "The authenticator uses an unusual algorithm.",
        "The user must enrol again.",
    ),
    Explanation::of(
        "u2f_appid_credential",
        "The credential was made with U2F, and is bound to an application id instead of a relying party.",
        "It is older than WebAuthn.",
        "The user must enrol the key again.",
    ),
    Explanation::of(
        "webauthn_platform_unsupported",
        "The second factor is built into a device (fingerprint reader, face recognition).",
        "The API creates roaming security keys and passkeys only.",
        "The user must enrol it again.",
    ),
    Explanation::of(
        "user_handle_missing",
        "The passkey's user handle is not known.",
        "The export does not hold it. Without it the tenant cannot find the user at login.",
        "Look at `mfaferry sources NAME` for an export that has it. Otherwise the user must enrol again.",
    ),
    Explanation::of(
        "cloned_flag",
        "The source takes the credential for a copy of another.",
        "Its signature counter went backwards.",
        "Have the user enrol the key again. Do not carry it over.",
    ),
];
