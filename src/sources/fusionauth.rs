//! `FusionAuth`: users in the shape of its import API, answers of its search and retrieve APIs, and
//! passkeys.
//!
//! Documented in `FusionAuth/fusionauth-site`: `docs/apis/_import-users-request-body` (secrets are
//! Base64, and only there), `_user-response-body` (no secret), `_import-webauthn-request-body`
//! (PEM; ids in Base64url). How it encodes user handles is not documented, so its passkeys become
//! security keys.

use super::{About, FactorDraft, Rows, System, spki, totp, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "fusionauth",
    title: "FusionAuth",
    forms: &[Form::Json(Places { elements: &["users[]", "user", "credentials[]"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "Secrets come from a copy of the database only: put them, in Base64, into the shape of the import \
             API, {\"users\":[{\"id\":…,\"twoFactor\":{\"methods\":[{\"method\":\"authenticator\",\"secret\":…}]}}]}.",
            "GET /api/user/search, for phones and addresses alone.",
            "GET /api/webauthn?userId=…, for passkeys: {\"credentials\":[…]}.",
        ],
        carries: &[
            "totp: `authenticator` methods with a `secret`",
            "phone: `sms` methods",
            "email: `email` methods",
            "webauthn-roaming: passkeys, since their user handles are not known",
        ],
        leaves: &[
            "`authenticator` methods without a secret, as the API answers",
            "recovery codes: Auth0 has no import for them",
            "passkeys that are built into a device (`transports` of `internal` alone)",
        ],
        traps: &[
            "FusionAuth takes phones that are not E.164: those are rejected.",
            "`mobilePhone` and `phoneNumber` of a user are profile data and no factors.",
            "Secrets have 120 bits, which Auth0 may refuse.",
        ],
        flags: &[
            "--user-id or --users: FusionAuth knows no Auth0 ids; passkeys have only the user's id",
            "--rp-id HOST: for passkeys without `relyingPartyId`",
        ],
        no_factors: "search answers list `twoFactor.methods` of users who have some: has anyone?",
    },
    recognises,
    read,
};

fn recognises(element: &Node) -> bool {
    let has = |key| element.has(key);
    let is_passkey =
        has("userId") && ["credentialId", "publicKey", "relyingPartyId"].into_iter().any(has);
    let is_user =
        ["twoFactor", "usernameStatus", "active", "registrations", "tenantId", "verified"];
    let is_other = ["localId", "traits", "credentials", "emailVerified"].into_iter().any(has);
    is_passkey || is_user.into_iter().any(has) && !is_other
}

fn read(element: &Node, rows: &mut Rows<'_>) {
    if element.has("userId") {
        passkey(element, rows);
    } else {
        user(element, rows);
    }
}

fn user(user: &Node, rows: &mut Rows<'_>) {
    let email = user.get("email").text();
    rows.person = Person {
        id: user.get("id").text().map(Into::into),
        email: email.map(Into::into),
        username: user.get("username").text().map(Into::into),
        is_email_verified: user.get("verified").flag(),
        is_disabled: user.get("active").flag() == Some(false),
    };
    let two_factor = user.get("twoFactor");
    if !matches!(two_factor, Node::Null | Node::Object(_)) {
        let rule = "must be an object: nothing in it can be read";
        rows.reject("twoFactor", None, "", Code::InvalidRow, rule);
    }
    let methods = rows.items(two_factor.get("methods"), "twoFactor.methods");
    for (index, method) in methods.iter().enumerate() {
        let at = format!("twoFactor.methods[{index}]");
        match method.get("method").text() {
            Some("authenticator") => authenticator(method, at, rows),
            Some("sms") => {
                rows.push(at, FactorDraft::phone(method.get("mobilePhone").text()));
            }
            Some("email") => {
                let factor = FactorDraft::new(FactorType::Email)
                    .set(Field::Email, method.get("email").text());
                rows.push(at, factor);
            }
            None => {
                let rule = "must be an object with a `method`";
                rows.reject(at, None, "", Code::InvalidRow, rule);
            }
            Some(_) => {
                let rule = "is of a type that no API creates in Auth0";
                rows.not_carried(at, None, Code::FactorTypeUnsupported, rule);
            }
        }
    }
    if !rows.items(two_factor.get("recoveryCodes"), "twoFactor.recoveryCodes").is_empty() {
        rows.recovery_codes("twoFactor.recoveryCodes");
    }
}

fn authenticator(method: &Node, at: String, rows: &mut Rows<'_>) {
    let factor_type = FactorType::Totp;
    if method.get("secret").is_null() {
        let rule =
            "has no secret: FusionAuth's API never answers it; take it from a copy of the database";
        rows.not_carried(at, Some(factor_type), Code::SecretNotExported, rule);
        return;
    }
    let secret = method.get("secret").text().unwrap_or_default();
    let mut factor = FactorDraft::new(factor_type);
    let parameters = method.get("authenticator");
    totp::check_algorithm(&mut factor, parameters.get("algorithm"));
    totp::check_digits(&mut factor, parameters.get("codeLength"));
    totp::check_period(&mut factor, parameters.get("timeStep"));
    rows.push(at, totp::set_secret(factor, secret, SecretEncoding::Base64));
}

fn passkey(credential: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::WebauthnRoaming;
    rows.person.id = credential.get("userId").text().map(Into::into);
    if webauthn::is_platform(credential.get("transports")) {
        let code = Code::WebauthnPlatformUnsupported;
        rows.not_carried("", Some(factor_type), code, webauthn::PLATFORM);
        return;
    }
    let text = |key| credential.get(key).text();
    let factor = FactorDraft::new(factor_type).set(Field::Name, text("displayName"));
    let factor = webauthn::set_rp_id(factor, text("relyingPartyId"), rows.options);
    let factor = webauthn::set_key_id(factor, text("credentialId").and_then(values::base64));
    let cose = spki::from_pem(text("publicKey").unwrap_or(""));
    rows.push("", webauthn::set_public_key(factor, cose));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{read_all, told};

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEu02aiQbrUrdvbFX+f5gnKEBhF66T\\nwpceV8SvGm3xhxVB8fjcDbogDv2YDjDb7U+hPquBh9FeZWHINEUUPdAjXA==\\n-----END PUBLIC KEY-----";
    const COSE: &str = "pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=";

    fn user(methods: &str) -> String {
        format!(
            r#"{{"id":"5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21","username":"mara","email":"mara@example.org",
                "verified":true,"active":true,"mobilePhone":"303-555-1234","twoFactor":{{"methods":[{methods}],
                "recoveryCodes":["a","b"]}}}}"#
        )
    }

    #[track_caller]
    fn check(method: &str, expected: &str) {
        let (person, rows) = read_all(&SYSTEM, &user(method), None);
        assert_eq!(person.is_email_verified, Some(true));
        let recovery = "twoFactor.recoveryCodes  not_carried recovery_codes_not_importable";
        let expected = format!("twoFactor.methods[0] {expected}");
        assert_eq!(told((person, rows)), [expected.as_str(), recovery], "{method}");
    }

    #[test]
    fn each_method_is_a_factor_or_a_row_that_says_why_not() {
        let totp = |secret: &str, parameters: &str| {
            format!(r#"{{"method":"authenticator"{secret},"authenticator":{{{parameters}}}}}"#)
        };
        let secret = r#","secret":"/FFYLcHGXw8lM9mLOBuQr+6nFx8=""#;
        let usual = r#""algorithm":"HmacSHA1","codeLength":6,"timeStep":30"#;
        let sent = "totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
        check(&totp(secret, usual), sent);
        check(&totp(secret, ""), sent);
        check(&totp("", usual), "totp not_carried secret_not_exported");
        check(
            &totp(secret, r#""algorithm":"HmacSHA256","codeLength":8,"timeStep":60"#),
            "totp rejected totp_algorithm_unsupported (totp_secret), totp_digits_unsupported \
             (totp_secret), totp_period_unsupported (totp_secret)",
        );
        check(
            &totp(r#","secret":"/FFYL""#, usual),
            "totp rejected totp_secret_invalid (totp_secret)",
        );
        check(
            r#"{"method":"sms","mobilePhone":"+493012345678"}"#,
            "phone phone_number=+493012345678",
        );
        check(
            r#"{"method":"sms","mobilePhone":"555-555-5555"}"#,
            "phone rejected phone_not_e164 (phone_number)",
        );
        check(r#"{"method":"email","email":"m@example.org"}"#, "email email=m@example.org");
        check(r#"{"method":"voice"}"#, " not_carried factor_type_unsupported");
    }

    #[test]
    fn whoever_is_not_active_is_carried_and_said_to_be_disabled() {
        let (person, rows) =
            read_all(&SYSTEM, &user("").replace("\"active\":true", "\"active\":false"), None);
        assert!(person.is_disabled);
        assert_eq!(rows.len(), 1);
    }

    #[test]
    fn a_passkey_is_a_security_key_whose_pem_becomes_a_cose_key() {
        let passkey = format!(
            r#"{{"credentialId":"ixnxeGT0OqTRz73WyRiGng","userId":"5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21",
                "displayName":"Laptop","publicKey":"{PEM}","relyingPartyId":"example.org","algorithm":-7,
                "transports":["internal","hybrid"]}}"#
        );
        let (person, rows) = read_all(&SYSTEM, &passkey, Some("flag.example"));
        assert_eq!(person.id.as_deref(), Some("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21"));
        let sent = format!(
            " webauthn-roaming name=Laptop key_id=ixnxeGT0OqTRz73WyRiGng public_key={COSE} \
             relying_party_identifier=example.org"
        );
        assert_eq!(told((person, rows)), [sent]);
        for (from, to, expected) in [
            (
                "[\"internal\",\"hybrid\"]",
                "[\"internal\"]",
                "not_carried webauthn_platform_unsupported",
            ),
            ("\"example.org\"", "null", "rejected rp_id_missing (relying_party_identifier)"),
            ("MFkw", "MFkx", "rejected public_key_not_cose (public_key)"),
        ] {
            let found = told(read_all(&SYSTEM, &passkey.replace(from, to), None));
            assert_eq!(found, [format!(" webauthn-roaming {expected}")]);
        }
    }
}
