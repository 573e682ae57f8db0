//! Keycloak and Red Hat build of Keycloak: realm files, users files, federated users files, or the
//! folder of `kc.sh export --dir`.
//!
//! Read in `keycloak/keycloak`: `OTPCredentialModel` (`getDecodedSecret`: without `secretEncoding`
//! the key is the UTF-8 of the text), `OTPCredentialData`, `WebAuthnCredentialData`,
//! `WebAuthnCredentialProvider`, `CredentialPublicKeyConverter`, `WebAuthnRegister` (the user
//! handle is the UTF-8 of the user's id), `ExportUtils`, `MultipleStepsExportProvider`; and in
//! `netzbegruenung/keycloak-mfa-plugins`: `SmsAuthCredentialData`.

use super::{About, FactorDraft, Rows, System, totp, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding, from_json},
};

const RP_ID: &str = "webAuthnPolicyRpId";
const RP_ID_PASSWORDLESS: &str = "webAuthnPolicyPasswordlessRpId";

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "keycloak",
    title: "Keycloak",
    forms: &[Form::Json(Places {
        elements: &["users[]", "federatedUsers[]"],
        notes: &["realm", RP_ID, RP_ID_PASSWORDLESS],
    })],
    has_folders: true,
    has_user_ids: false,
    realm: Some("realm"),
    about: About {
        export: &[
            "kc.sh export --dir out --realm REALM --users different_files",
            "Run it on a stopped or second server, and give the folder `out`, or the files in it.",
        ],
        carries: &[
            "totp: `otp` credentials, whose key is the UTF-8 of the text unless `secretEncoding` says BASE32",
            "webauthn-roaming: `webauthn` credentials",
            "passkey: `webauthn-passwordless` credentials",
            "phone: `mobile-number` credentials of the netzbegruenung SMS plugin",
        ],
        leaves: &[
            "recovery codes: Auth0 has no import for them",
            "security keys that are built into a device (`transports` of `internal` alone)",
            "credentials of other types, such as those of plugins",
        ],
        traps: &[
            "The realm file alone has no users unless it was exported with `--users realm_file`.",
            "Partial exports of the admin console and the REST API hold no secrets.",
            "Federated (LDAP) users have only an id: use a template or a map by `id`.",
            "HmacSHA256, HmacSHA512, 8 digits and other periods than 30 s cannot be moved.",
        ],
        flags: &[
            "--user-id or --users: Keycloak knows no Auth0 ids",
            "--rp-id HOST: for security keys and passkeys, if the realm's relying party id is empty",
        ],
        no_factors: "a realm file holds users only if it was exported with `--users realm_file` or \
                     `same_file`; otherwise give its folder, or the `*-users-*.json` files beside it",
    },
    recognises,
    read,
};

fn recognises(user: &Node) -> bool {
    let is_user = user.has("credentials") || user.has("requiredActions") || user.has("username");
    let of_others =
        ["localId", "traits", "twoFactor", "registrations", "tenantId", "usernameStatus", "active"];
    is_user && !of_others.iter().any(|key| user.has(key))
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    rows.person = Person {
        id: user.get("id").text().map(Into::into),
        email: user.get("email").text().map(Into::into),
        username: user.get("username").text().map(Into::into),
        is_email_verified: user.get("emailVerified").flag(),
        is_disabled: user.get("enabled").flag() == Some(false),
    };
    let mut n_recovery = 0;
    let credentials = rows.items(user.get("credentials"), "credentials");
    for (index, credential) in credentials.iter().enumerate() {
        let at = format!("credentials[{index}]");
        match credential.get("type").text() {
            Some("otp") => otp(credential, at, rows),
            Some("totp" | "hotp") => rows.reject(
                at,
                Some(FactorType::Totp),
                "totp_secret",
                Code::SourceTooOld,
                "is in the format of Keycloak 7 and before: update Keycloak and export again",
            ),
            Some("webauthn") => security_key(credential, at, rows),
            Some("webauthn-passwordless") => passkey(credential, at, rows),
            Some("mobile-number") => phone(credential, at, rows),
            Some("recovery-authn-codes") => {
                n_recovery += 1;
                if n_recovery == 1 {
                    rows.recovery_codes(at);
                }
            }
            // No second factors, in any version.
            Some("password" | "password-history") => {}
            None => {
                let rule = "must be an object with a `type`";
                rows.reject(at, None, "", Code::InvalidRow, rule);
            }
            Some(_) => rows.not_carried(
                at,
                None,
                Code::FactorTypeUnsupported,
                "is of a type that no API creates in Auth0",
            ),
        }
    }
}

/// Returns the JSON in the text `key`: an empty object where there is none, `None` where it is
/// broken.
fn inner(credential: &Node, key: &str) -> Option<Node> {
    match credential.get(key) {
        Node::Null => Some(Node::Object(Vec::new())),
        // Some write it as JSON.
        object @ Node::Object(_) => Some(object.clone()),
        value => from_json(value.text()?).ok().filter(|json| matches!(json, Node::Object(_))),
    }
}

/// Returns both of a credential's texts of JSON, or adds the row that says which is broken.
fn parts(
    credential: &Node,
    at: &str,
    factor_type: FactorType,
    rows: &mut Rows<'_>,
) -> Option<(Node, Node)> {
    for key in ["secretData", "credentialData"] {
        if inner(credential, key).is_none() {
            let rule = format!("has a `{key}` that is no JSON: was it cut off?");
            rows.reject(at, Some(factor_type), "", Code::InvalidRow, rule);
            return None;
        }
    }
    Some((inner(credential, "secretData")?, inner(credential, "credentialData")?))
}

fn otp(credential: &Node, at: String, rows: &mut Rows<'_>) {
    if credential.get("secretData").is_null() {
        rows.not_carried(
            at,
            Some(FactorType::Totp),
            Code::SecretNotExported,
            "has no `secretData`: the REST API and partial exports leave it out; use `kc.sh export`",
        );
        return;
    }
    let Some((secret, data)) = parts(credential, &at, FactorType::Totp, rows) else {
        return;
    };
    let mut factor = named(credential, FactorType::Totp);
    totp::check_kind(&mut factor, data.get("subType"));
    totp::check_algorithm(&mut factor, data.get("algorithm"));
    totp::check_digits(&mut factor, data.get("digits"));
    totp::check_period(&mut factor, data.get("period"));
    let encoding = match data.get("secretEncoding") {
        Node::Null => Some(SecretEncoding::Text),
        value if value.text().is_some_and(|name| name.eq_ignore_ascii_case("BASE32")) => {
            Some(SecretEncoding::Base32)
        }
        _ => None,
    };
    let factor = match (encoding, secret.get("value").text()) {
        (Some(encoding), Some(value)) => totp::set_secret(factor, value, encoding),
        (None, _) => {
            let rule =
                "has a `secretEncoding` that this version does not know: the key cannot be read";
            factor.fault(Field::TotpSecret, Code::TotpSecretEncodingUnknown, rule);
            factor
        }
        (Some(_), None) => {
            let rule = "is missing from `secretData`";
            factor.fault(Field::TotpSecret, Code::TotpSecretInvalid, rule);
            factor
        }
    };
    rows.push(at, factor);
}

fn security_key(credential: &Node, at: String, rows: &mut Rows<'_>) {
    let Some((_, data)) = parts(credential, &at, FactorType::WebauthnRoaming, rows) else {
        return;
    };
    if webauthn::is_platform(data.get("transports")) {
        let code = Code::WebauthnPlatformUnsupported;
        rows.not_carried(at, Some(FactorType::WebauthnRoaming), code, webauthn::PLATFORM);
        return;
    }
    let factor = named(credential, FactorType::WebauthnRoaming);
    let factor = webauthn::set_rp_id(factor, rows.note(RP_ID), rows.options);
    rows.push(at, with_key(factor, &data));
}

fn passkey(credential: &Node, at: String, rows: &mut Rows<'_>) {
    let Some((_, data)) = parts(credential, &at, FactorType::Passkey, rows) else {
        return;
    };
    let factor = named(credential, FactorType::Passkey);
    let factor = webauthn::set_rp_id(factor, rows.note(RP_ID_PASSWORDLESS), rows.options);
    let handle = rows.person.id.as_deref().map(str::as_bytes);
    let factor = webauthn::set_user_handle(with_key(factor, &data), handle)
        .set(Field::Aaguid, webauthn::aaguid(data.get("aaguid").text()))
        .set_list(Field::Transports, webauthn::transports(data.get("transports")));
    rows.push(at, factor);
}

/// Sets id and public key: the one in standard Base64, the other in Base64url.
fn with_key(factor: FactorDraft, data: &Node) -> FactorDraft {
    let bytes = |key| data.get(key).text().and_then(values::base64);
    webauthn::set_key(factor, bytes("credentialId"), bytes("credentialPublicKey"))
}

fn phone(credential: &Node, at: String, rows: &mut Rows<'_>) {
    let Some((_, data)) = parts(credential, &at, FactorType::Phone, rows) else {
        return;
    };
    let number = ["mobileNumber", "mobile_number"].map(|key| data.get(key).scalar());
    let factor = FactorDraft::phone(number.into_iter().flatten().next());
    rows.push(at, factor.set(Field::Name, credential.get("userLabel").text()));
}

/// Begins a factor with the name that its user gave it.
fn named(credential: &Node, factor_type: FactorType) -> FactorDraft {
    FactorDraft::new(factor_type).set(Field::Name, credential.get("userLabel").text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{read_all, told};

    /// Key of the test vectors in three encodings, as a COSE key in Base64url.
    const KEY: &str = "pQECAyYgASFYILtNmokG61K3b2xV_n-YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2-1PoT6rgYfRXmVhyDRFFD3QI1w";

    fn user(credentials: &str) -> String {
        format!(
            r#"{{"id":"5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21","username":"mara","email":"mara@example.org",
                "emailVerified":true,"enabled":true,"credentials":[{credentials}]}}"#
        )
    }

    fn credential(kind: &str, secret: &str, data: &str) -> String {
        let text = |json: &str| serde_json::to_string(json).unwrap();
        format!(
            r#"{{"type":"{kind}","userLabel":"Pixel","secretData":{},"credentialData":{}}}"#,
            text(secret),
            text(data)
        )
    }

    #[test]
    fn an_otp_secret_is_text_unless_it_says_base32() {
        let data =
            r#"{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}"#;
        let secret = r#"{"value":"r7Gm2QxVt9LwZ4KdYp0s"}"#;
        for (secret, data, expected) in [
            (secret, data, "totp_secret=OI3UO3JSKF4FM5BZJR3VUNCLMRMXAMDT"),
            (secret, r#"{"subType":"totp"}"#, "totp_secret=OI3UO3JSKF4FM5BZJR3VUNCLMRMXAMDT"),
            (
                r#"{"value":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"}"#,
                r#"{"secretEncoding":"base32"}"#,
                "totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7",
            ),
            (secret, r#"{"secretEncoding":"HEX"}"#, "rejected totp_secret_encoding_unknown"),
            (secret, r#"{"subType":"hotp"}"#, "rejected hotp_unsupported"),
            (secret, r#"{"algorithm":"HmacSHA256"}"#, "rejected totp_algorithm_unsupported"),
            (secret, r#"{"digits":8}"#, "rejected totp_digits_unsupported"),
            (secret, r#"{"period":60}"#, "rejected totp_period_unsupported"),
            ("{}", data, "rejected totp_secret_invalid"),
            ("{", data, "rejected invalid_row"),
        ] {
            let found = told(read_all(&SYSTEM, &user(&credential("otp", secret, data)), None));
            assert_eq!(found.len(), 1);
            assert!(found[0].contains(expected), "{data}: {found:?}");
        }
    }

    #[test]
    fn each_kind_of_credential_is_a_factor_or_a_row_that_says_why_not() {
        let webauthn = format!(
            r#"{{"aaguid":"7216fe24-7230-4eaa-8fc9-ed7867f8657f","credentialId":"mUAcqMr9cYkH2O+ZX2Dx5VfQEUA=",
                "counter":41,"credentialPublicKey":"{KEY}","transports":["usb"]}}"#
        );
        let internal = webauthn.replace(r#"["usb"]"#, r#"["internal"]"#);
        let credentials = [
            credential("password", "{}", "{}"),
            credential("webauthn", "{}", &webauthn),
            credential("webauthn-passwordless", "{}", &webauthn),
            credential("webauthn", "{}", &internal),
            credential("mobile-number", "{}", r#"{"mobileNumber":"+493012345678"}"#),
            credential("mobile-number", "{}", r#"{"mobile_number":"+493012345678"}"#),
            credential("recovery-authn-codes", "{}", "{}"),
            credential("recovery-authn-codes", "{}", "{}"),
            credential("APP_CREDENTIAL", "{}", "{}"),
            r#"{"type":"otp","credentialData":"{}"}"#.to_owned(),
            r#"{"type":"totp","hashedSaltedValue":"x"}"#.to_owned(),
        ];
        let rows = read_all(&SYSTEM, &user(&credentials.join(",")), Some("login.example.org"));
        insta::assert_snapshot!(told(rows).join("\n"), @r#"
        credentials[1] webauthn-roaming name=Pixel key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
        credentials[2] passkey name=Pixel key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org aaguid=7216fe24-7230-4eaa-8fc9-ed7867f8657f user_handle=NWQwYzlmMGUtM2IwYS00YzdlLTlhNTMtMGY2YzFmMWE3ZDIx transports=usb
        credentials[3] webauthn-roaming not_carried webauthn_platform_unsupported
        credentials[4] phone name=Pixel phone_number=+493012345678
        credentials[5] phone name=Pixel phone_number=+493012345678
        credentials[6]  not_carried recovery_codes_not_importable
        credentials[8]  not_carried factor_type_unsupported
        credentials[9] totp not_carried secret_not_exported
        credentials[10] totp rejected source_too_old (totp_secret)
        "#);
    }

    #[test]
    fn what_is_no_list_of_credentials_is_a_row_that_says_so() {
        let user = user("").replace("[]", "{}");
        assert_eq!(told(read_all(&SYSTEM, &user, None)), ["credentials  rejected invalid_row"]);
    }
}
