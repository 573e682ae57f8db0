//! Rules that sources of WebAuthn credentials share: the relying party they belong to, which of
//! them cannot be imported, and what the API accepts of each.

use super::{
    FactorDraft, Options,
    spki::{self, KeyFault},
    values::{self, Bytes},
};
use crate::model::{Code, Field, Node};

/// Says why a second factor that is built into a device is not carried.
pub(super) const PLATFORM: &str = "is built into the user's device (fingerprint, face, device PIN): the API \
                                   creates such second factors for nobody, so the user must enrol again";

/// Says why a credential that may be a copy is refused.
pub(super) const CLONED: &str =
    "is taken for a copy by its source (its counter went backwards): the user must enrol again";

/// Returns true if the credential is built into a device: `internal` is its only transport. More
/// than one, or none that is known, may be a security key.
pub(super) fn is_platform(transports: &Node) -> bool {
    matches!(transports.items(), [only] if only.text() == Some("internal"))
}

/// Returns the named transports.
pub(super) fn transports(transports: &Node) -> Vec<String> {
    transports.items().iter().filter_map(Node::text).map(str::to_owned).collect()
}

/// Returns the model of the authenticator; a UUID of zeros means that it is unknown.
pub(super) fn aaguid(uuid: Option<&str>) -> Option<&str> {
    uuid.filter(|uuid| !values::is_zero_uuid(uuid))
}

/// Sets the relying party: the export's own or, only if there is none, the flag's.
#[must_use]
pub(super) fn set_rp_id(
    mut factor: FactorDraft,
    own: Option<&str>,
    options: &Options,
) -> FactorDraft {
    let own = own.map(str::trim).filter(|own| !own.is_empty());
    let field = Field::RelyingPartyIdentifier;
    match own.or(options.rp_id.as_deref()) {
        Some(rp_id) if rp_id.contains([':', '/', '?', '#', '@', ' ']) => {
            factor.fault(
                field,
                Code::RpIdInvalid,
                "is not a host name (is it a URL?): the credential belongs to an origin or to nothing that \
                 the API knows, so the user must enrol again",
            );
            factor
        }
        Some(rp_id) => factor.set(field, Some(rp_id)),
        None => {
            factor.fault(
                field,
                Code::RpIdMissing,
                "is not in the export: give the host name that the credentials were made for with \
                 `--rp-id HOST`",
            );
            factor
        }
    }
}

/// Sets the id of the credential and its public key, in any form.
#[must_use]
pub(super) fn set_key(factor: FactorDraft, id: Option<Bytes>, key: Option<Bytes>) -> FactorDraft {
    let factor = set_key_id(factor, id);
    set_public_key(factor, spki::to_cose(&key.unwrap_or_default()))
}

/// Sets whether the credential can be synced, and whether it is, if that is known.
#[must_use]
pub(super) fn set_backup(factor: FactorDraft, eligible: &Node, backed_up: &Node) -> FactorDraft {
    let device_type = eligible.flag().map(|is| if is { "multi_device" } else { "single_device" });
    factor
        .set(Field::CredentialDeviceType, device_type)
        .set_flag(Field::CredentialBackedUp, backed_up.flag())
}

/// Sets the user handle, without which a passkey cannot find its user.
#[must_use]
pub(super) fn set_user_handle(mut factor: FactorDraft, handle: Option<&[u8]>) -> FactorDraft {
    if let Some(handle) = handle.filter(|handle| !handle.is_empty()) {
        return factor.set(Field::UserHandle, Some(&values::to_base64url(handle)));
    }
    factor.fault(
        Field::UserHandle,
        Code::UserHandleMissing,
        "is missing, or not as this source writes it: nobody is found by a passkey without it, so the user must \
         enrol again",
    );
    factor
}

/// Sets the id of the credential.
#[must_use]
pub(super) fn set_key_id(mut factor: FactorDraft, id: Option<Bytes>) -> FactorDraft {
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        return factor.set(Field::KeyId, Some(&values::to_base64url(&id)));
    }
    let rule = "is missing, or not whole Base64, as this source writes it: was it cut off?";
    factor.fault(Field::KeyId, Code::NotBase64, rule);
    factor
}

/// Sets the public key.
#[must_use]
pub(super) fn set_public_key(
    mut factor: FactorDraft,
    key: Result<impl AsRef<[u8]>, KeyFault>,
) -> FactorDraft {
    match key {
        Ok(key) => factor.set(Field::PublicKey, Some(&values::to_base64(key.as_ref()))),
        Err((code, rule)) => {
            factor.fault(Field::PublicKey, code, rule);
            factor
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactorType;

    fn list(words: &[&str]) -> Node {
        Node::List(words.iter().copied().map(Node::of).collect())
    }

    #[test]
    fn only_internal_alone_is_built_into_a_device() {
        assert!(is_platform(&list(&["internal"])));
        for transports in [list(&["internal", "hybrid"]), list(&["usb"]), list(&[]), Node::Null] {
            assert!(!is_platform(&transports), "{transports:?}");
        }
    }

    #[test]
    fn the_flag_gives_a_relying_party_only_where_the_export_has_none() {
        let none = Options::default();
        let flag = Options { rp_id: Some("flag.example".into()), ..Options::default() };
        let table = [
            (Some("own.example"), &none, Ok("own.example")),
            (Some("own.example"), &flag, Ok("own.example")),
            (Some(""), &flag, Ok("flag.example")),
            (None, &flag, Ok("flag.example")),
            (None, &none, Err(Code::RpIdMissing)),
            (Some(" "), &none, Err(Code::RpIdMissing)),
            (Some("https://own.example"), &flag, Err(Code::RpIdInvalid)),
            (Some("own.example:8443"), &flag, Err(Code::RpIdInvalid)),
        ];
        for (own, options, expected) in table {
            let factor = set_rp_id(FactorDraft::new(FactorType::WebauthnRoaming), own, options);
            match expected {
                Ok(rp_id) => assert_eq!(factor.text(Field::RelyingPartyIdentifier), Some(rp_id)),
                Err(code) => assert_eq!(factor.faults()[0].code, code.name(), "{own:?}"),
            }
        }
    }

    #[test]
    fn a_model_of_zeros_is_none() {
        assert_eq!(aaguid(Some("00000000-0000-0000-0000-000000000000")), None);
        assert_eq!(aaguid(None), None);
        let uuid = Some("7216fe24-7230-4eaa-8fc9-ed7867f8657f");
        assert_eq!(aaguid(uuid), uuid);
    }
}
