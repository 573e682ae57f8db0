//! Ory Kratos and Ory Network: identities as the admin API lists them.
//!
//! Read in `ory/kratos`: `identity/identity.go` (credentials have a `config` only where it is asked
//! for), `identity/credentials_webauthn.go` (ids, keys and handles are standard Base64),
//! `identity/.snapshots` and `identity/stub` (what old and imported credentials leave out),
//! `cmd/identities/definitions.go`.

use super::{About, FactorDraft, Rows, System, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "kratos",
    title: "Ory Kratos",
    forms: &[Form::Json(Places { elements: &["", "identities[]"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "curl \"$KRATOS_ADMIN/admin/identities?page_size=250&include_credential=totp&\
             include_credential=webauthn&include_credential=passkey&include_credential=lookup_secret\" >> \
             identities.json",
            "Repeat it with the `page_token` of the `Link` header until there is none. Pages one after another \
             in one file are read, and so is `{\"identities\":[…]}`.",
        ],
        carries: &[
            "totp: the otpauth URI in `totp.config.totp_url`",
            "webauthn-roaming: `webauthn` credentials",
            "passkey: `passkey` credentials, and `webauthn` ones that are passwordless",
        ],
        leaves: &[
            "recovery codes (`lookup_secret`): Auth0 has no import for them",
            "security keys that are built into a device (`transport` of `internal` alone)",
            "credentials that Kratos takes for copies (`clone_warning`)",
            "passwords, social logins and one-time codes: they are no second factors",
        ],
        traps: &[
            "Without `include_credential`, and from `ory list identities`, credentials come without `config`, \
             which holds secrets and keys.",
            "Imported TOTP secrets may have another hash, number of digits or period, which Auth0 cannot check.",
            "`{email}` is `traits.email`; other schemas need a map by `id`.",
            "Keys of `app.example.com` work on `login.example.com` only if they were made for `example.com`.",
        ],
        flags: &[
            "--user-id or --users: Kratos knows no Auth0 ids",
            "--rp-id HOST: `rp.id` of Kratos' configuration, for security keys and passkeys",
        ],
        no_factors: "nobody has enrolled, or the list was made without `include_credential` by a version that \
                     then leaves out `credentials`: run the query of `mfaferry sources kratos`",
    },
    recognises,
    read,
};

const NO_CONFIG: &str = "has no `config`: ask the admin API again, with \
                         `include_credential=totp&include_credential=webauthn&include_credential=passkey`";

fn recognises(identity: &Node) -> bool {
    identity.has("id") && identity.has("traits")
}

fn read(identity: &Node, rows: &mut Rows<'_>) {
    let email = identity.get("traits").get("email").text();
    rows.person = Person {
        id: identity.get("id").text().map(Into::into),
        email: email.map(Into::into),
        username: identity.get("traits").get("username").text().map(Into::into),
        is_email_verified: email.and_then(|email| is_verified(identity, email)),
        is_disabled: identity.get("state").text() == Some("inactive"),
    };
    let credentials = identity.get("credentials");
    if !matches!(credentials, Node::Null | Node::Object(_)) {
        let rule = "must be an object: nothing in it can be read";
        rows.reject("credentials", None, "", Code::InvalidRow, rule);
    }
    for (index, (kind, credential)) in credentials.entries().iter().enumerate() {
        let at = format!("credentials.{kind}");
        match kind.as_str() {
            "totp" => totp(credential, &at, rows),
            "webauthn" | "passkey" => webauthn(credential, kind == "passkey", &at, rows),
            "lookup_secret" => rows.recovery_codes(at),
            // No second factors.
            "password" | "oidc" | "saml" | "code" | "link_recovery" | "code_recovery"
            | "profile" => {}
            // An unknown key may be anything, even a misplaced value.
            _ => rows.not_carried(
                format!("credentials[{index}]"),
                None,
                Code::FactorTypeUnsupported,
                "is of a type that no API creates in Auth0",
            ),
        }
    }
}

/// Returns whether an address is known to be the person's, where it is among those to verify.
fn is_verified(identity: &Node, email: &str) -> Option<bool> {
    let addresses = identity.get("verifiable_addresses").items();
    let is_it = |address: &&Node| {
        address.get("value").text().is_some_and(|value| value.eq_ignore_ascii_case(email))
    };
    addresses.iter().find(is_it)?.get("verified").flag()
}

/// Returns a credential's `config`, or adds the row that says why there is none.
fn config<'n>(
    credential: &'n Node,
    factor_type: FactorType,
    at: &str,
    rows: &mut Rows<'_>,
) -> Option<&'n Node> {
    match credential.get("config") {
        config @ Node::Object(_) => Some(config),
        Node::Null if matches!(credential, Node::Object(_)) => {
            rows.not_carried(at, Some(factor_type), Code::SecretNotExported, NO_CONFIG);
            None
        }
        _ => {
            let rule = "must be an object with a `config` that is one, too";
            rows.reject(at, Some(factor_type), "", Code::InvalidRow, rule);
            None
        }
    }
}

fn totp(credential: &Node, at: &str, rows: &mut Rows<'_>) {
    let Some(config) = config(credential, FactorType::Totp, at, rows) else {
        return;
    };
    let mut factor = FactorDraft::new(FactorType::Totp);
    let uri = config.get("totp_url").text().unwrap_or_default();
    let scheme = uri.trim_start().get(.."otpauth:".len());
    let factor = if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("otpauth:")) {
        // What is in the URI is checked with all URIs, later.
        factor.secret(uri, SecretEncoding::Base32)
    } else {
        let rule = "has a `totp_url` that is no `otpauth` URI, so there is no secret";
        factor.fault(Field::TotpSecret, Code::TotpSecretInvalid, rule);
        factor
    };
    rows.push(at, factor);
}

fn webauthn(credential: &Node, is_passkey: bool, at: &str, rows: &mut Rows<'_>) {
    let usual = if is_passkey { FactorType::Passkey } else { FactorType::WebauthnRoaming };
    let Some(config) = config(credential, usual, at, rows) else {
        return;
    };
    let at = format!("{at}.config.credentials");
    for (index, key) in rows.items(config.get("credentials"), &at).iter().enumerate() {
        let at = format!("{at}[{index}]");
        let factor_type = match key.get("is_passwordless") {
            _ if is_passkey => Some(FactorType::Passkey),
            Node::Bool(true) => Some(FactorType::Passkey),
            Node::Null | Node::Bool(false) => Some(FactorType::WebauthnRoaming),
            _ => None,
        };
        let Some(factor_type) = factor_type.filter(|_| matches!(key, Node::Object(_))) else {
            let rule = "must be an object whose `is_passwordless` is true, false or absent";
            rows.reject(at, Some(usual), "", Code::InvalidRow, rule);
            continue;
        };
        if key.get("authenticator").get("clone_warning").flag() == Some(true) {
            rows.reject(at, Some(factor_type), "", Code::ClonedFlag, webauthn::CLONED);
            continue;
        }
        let handle = config.get("user_handle").text().and_then(values::base64);
        let handle = handle.filter(|handle| !handle.is_empty());
        if factor_type == FactorType::Passkey
            && let Some(handle) = handle
        {
            rows.push(at, passkey(key, &handle, rows));
        } else if webauthn::is_platform(key.get("transport")) {
            let code = Code::WebauthnPlatformUnsupported;
            rows.not_carried(at, Some(factor_type), code, webauthn::PLATFORM);
        } else {
            // Without a handle nobody can log in by it alone, but it can be a second factor.
            rows.push(at, public_key(key, FactorType::WebauthnRoaming, rows));
        }
    }
}

/// Reads what security keys and passkeys share.
fn public_key(key: &Node, factor_type: FactorType, rows: &Rows<'_>) -> FactorDraft {
    let bytes = |name| key.get(name).text().and_then(values::base64);
    let factor = FactorDraft::new(factor_type).set(Field::Name, key.get("display_name").text());
    let factor = webauthn::set_rp_id(factor, None, rows.options);
    webauthn::set_key(factor, bytes("id"), bytes("public_key"))
}

fn passkey(key: &Node, handle: &[u8], rows: &Rows<'_>) -> FactorDraft {
    let factor = public_key(key, FactorType::Passkey, rows);
    let factor = webauthn::set_user_handle(factor, Some(handle));
    let flags = key.get("flags");
    let factor =
        webauthn::set_backup(factor, flags.get("backup_eligible"), flags.get("backup_state"));
    let aaguid = key.get("authenticator").get("aaguid").text();
    let uuid = aaguid.and_then(values::base64).and_then(|bytes| values::to_uuid(&bytes));
    factor
        .set(Field::Aaguid, webauthn::aaguid(uuid.as_deref().or(aaguid)))
        .set_list(Field::Transports, webauthn::transports(key.get("transport")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{read_all, told, told_sample};

    const KEY: &str = "pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=";

    fn read_credentials(credentials: &str) -> Vec<String> {
        let identity = format!(r#"{{"id":"5d0c9f0e","traits":{{}},"credentials":{credentials}}}"#);
        told(read_all(&SYSTEM, &identity, Some("example.org")))
    }

    #[test]
    fn a_totp_url_is_an_otpauth_uri_or_a_row_that_says_why_not() {
        let secret = "secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
        for (uri, expected) in [
            (
                "otpauth://totp/acme:m@example.org?algorithm=SHA1&digits=6&issuer=acme&period=30&{}",
                None,
            ),
            ("otpauth://totp/m@example.org?{}", None),
            ("otpauth://totp/m?{}&algorithm=SHA256", Some("totp_algorithm_unsupported")),
            ("otpauth://totp/m?{}&digits=8", Some("totp_digits_unsupported")),
            ("otpauth://totp/m?{}&period=60", Some("totp_period_unsupported")),
            ("otpauth://hotp/m?{}", Some("hotp_unsupported")),
            ("otpauth://totp/m?issuer=acme", Some("totp_secret_invalid")),
            ("totp://m?{}", Some("totp_secret_invalid")),
            ("7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7", Some("totp_secret_invalid")),
            ("", Some("totp_secret_invalid")),
        ] {
            let uri = uri.replace("{}", secret);
            let found =
                read_credentials(&format!(r#"{{"totp":{{"config":{{"totp_url":"{uri}"}}}}}}"#));
            let expected = match expected {
                None => {
                    "credentials.totp totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7".to_owned()
                }
                Some(code) => format!("credentials.totp totp rejected {code} (totp_secret)"),
            };
            assert_eq!(found, [expected], "{uri}");
        }
        // Base32 that could be hexadecimal is Base32.
        let uri = "otpauth://totp/a?secret=BEEF2345CAFE6723DEAD4567FACE2745";
        let found = read_credentials(&format!(r#"{{"totp":{{"config":{{"totp_url":"{uri}"}}}}}}"#));
        assert_eq!(found, ["credentials.totp totp totp_secret=BEEF2345CAFE6723DEAD4567FACE2745"]);
    }

    #[test]
    fn what_cannot_be_read_is_a_row_beside_the_others() {
        for (credentials, expected) in [
            ("[]", &["credentials  rejected invalid_row"][..]),
            (r#"{"totp":{}}"#, &["credentials.totp totp not_carried secret_not_exported"]),
            (
                r#"{"totp":{"config":null}}"#,
                &["credentials.totp totp not_carried secret_not_exported"],
            ),
            (r#"{"totp":null}"#, &["credentials.totp totp rejected invalid_row"]),
            (r#"{"totp":{"config":"x"}}"#, &["credentials.totp totp rejected invalid_row"]),
            (
                r#"{"totp":{"config":{"totp_url":5}}}"#,
                &["credentials.totp totp rejected totp_secret_invalid (totp_secret)"],
            ),
            (
                r#"{"passkey":{},"webauthn":{}}"#,
                &[
                    "credentials.passkey passkey not_carried secret_not_exported",
                    "credentials.webauthn webauthn-roaming not_carried secret_not_exported",
                ],
            ),
            (
                r#"{"webauthn":{"config":{"credentials":{}}}}"#,
                &["credentials.webauthn.config.credentials  rejected invalid_row"],
            ),
            (r#"{"webauthn":{"config":{"credentials":null}}}"#, &[]),
            (
                r#"{"webauthn":{"config":{"credentials":[7,{"is_passwordless":"yes"},{}]}}}"#,
                &[
                    "credentials.webauthn.config.credentials[0] webauthn-roaming rejected invalid_row",
                    "credentials.webauthn.config.credentials[1] webauthn-roaming rejected invalid_row",
                    "credentials.webauthn.config.credentials[2] webauthn-roaming rejected not_base64 (key_id), \
                     public_key_not_cose (public_key)",
                ],
            ),
            (
                r#"{"password":{},"oidc":{},"saml":{},"code":{"config":{"addresses":[]}},"lookup_secret":{},"device":{}}"#,
                &[
                    "credentials.lookup_secret  not_carried recovery_codes_not_importable",
                    "credentials[5]  not_carried factor_type_unsupported",
                ],
            ),
            ("null", &[]),
        ] {
            assert_eq!(read_credentials(credentials), expected, "{credentials}");
        }
    }

    #[test]
    fn keys_are_passkeys_or_security_keys_by_their_credential_and_its_flag() {
        let read_key = |kind: &str, fields: &str, handle: &str| {
            let found = read_credentials(&format!(
                r#"{{"{kind}":{{"config":{{{handle}"credentials":[{{"id":"ixnxeGT0OqTRz73WyRiGng==","public_key":"{KEY}"{fields}}}]}}}}}}"#
            ));
            let [found] = &found[..] else { panic!("{found:?}") };
            let shown = found.split_once("] ").unwrap().1.replace(KEY, "…");
            shown.replace(
                " key_id=ixnxeGT0OqTRz73WyRiGng public_key=… relying_party_identifier=example.org",
                "",
            )
        };
        let handle = r#""user_handle":"hD7bea1TloCqzl/fnWsJzg==","#;
        let with_handle = "user_handle=hD7bea1TloCqzl_fnWsJzg";
        for (kind, fields, handle, expected) in [
            ("webauthn", "", "", "webauthn-roaming".to_owned()),
            (
                "webauthn",
                r#","is_passwordless":false,"display_name":"""#,
                handle,
                "webauthn-roaming".into(),
            ),
            ("webauthn", r#","is_passwordless":true"#, handle, format!("passkey {with_handle}")),
            ("passkey", r#","is_passwordless":false"#, handle, format!("passkey {with_handle}")),
            ("passkey", "", "", "webauthn-roaming".into()),
            ("passkey", "", r#""user_handle":"==","#, "webauthn-roaming".into()),
            (
                "webauthn",
                r#","transport":["internal"]"#,
                handle,
                "webauthn-roaming not_carried webauthn_platform_unsupported".into(),
            ),
            (
                "passkey",
                r#","transport":["internal"],"authenticator":{"aaguid":"AAAAAAAAAAAAAAAAAAAAAA=="}"#,
                handle,
                format!("passkey {with_handle} transports=internal"),
            ),
            (
                "passkey",
                r#","authenticator":{"aaguid":"chb+JHIwTqqPye14Z/hlfw=="},"flags":{"backup_eligible":false,"backup_state":false}"#,
                handle,
                format!(
                    "passkey aaguid=7216fe24-7230-4eaa-8fc9-ed7867f8657f credential_device_type=single_device \
                     credential_backed_up=false {with_handle}"
                ),
            ),
            (
                "passkey",
                r#","authenticator":{"clone_warning":true}"#,
                handle,
                "passkey rejected cloned_flag".into(),
            ),
        ] {
            assert_eq!(read_key(kind, fields, handle), expected, "{kind} {fields}");
        }
    }

    #[test]
    fn people_are_known_by_their_traits() {
        let person = |json: &str| read_all(&SYSTEM, json, None).0;
        let mara = person(
            r#"{"id":"5d0c9f0e","state":"inactive","traits":{"email":"Mara@example.org","username":"mara"},
                "verifiable_addresses":[{"value":"other@example.org","verified":false},
                                        {"value":"mara@example.org","verified":true}]}"#,
        );
        assert_eq!(mara.id.as_deref(), Some("5d0c9f0e"));
        assert_eq!(mara.email.as_deref(), Some("Mara@example.org"));
        assert_eq!(mara.username.as_deref(), Some("mara"));
        assert_eq!((mara.is_email_verified, mara.is_disabled), (Some(true), true));
        let noor =
            person(r#"{"id":"5d0c9f0f","state":"active","traits":{"email":"noor@example.org"}}"#);
        assert_eq!((noor.is_email_verified, noor.is_disabled), (None, false));
    }

    #[test]
    fn the_sample_holds_each_kind_of_row() {
        insta::assert_snapshot!(told_sample("kratos.json", &SYSTEM), @r#"
        1 6a051250-7a0 [0].credentials.totp totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
        1 6a051250-7a0 [0].credentials.passkey.config.credentials[0] passkey name=Google Password Mana key_id=ixnxeGT0OqTRz73WyRiGng public_key=pQECAyYgASFYIJGn36vIrY+Wbk1a1QNJh4B1Ig7wp9U5HvTVZW+UIRdrIlgg6DWHgsZAryJ4LNNyIN30poVSgHRo+jgWdyH4WffbCio= relying_party_identifier=login.example.org aaguid=7216fe24-7230-4eaa-8fc9-ed7867f8657f credential_device_type=multi_device credential_backed_up=true user_handle=hD7bea1TloCqzl_fnWsJzg transports=internal hybrid
        1 6a051250-7a0 [0].credentials.lookup_secret  not_carried recovery_codes_not_importable
        1 86b07569-b5a [1].credentials.totp totp totp_secret=M3MNKCIIANECWMHVUNONF3AXHMZ4MTQK
        1 86b07569-b5a [1].credentials.webauthn.config.credentials[0] webauthn-roaming name=Blue key key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
        1 86b07569-b5a [1].credentials.webauthn.config.credentials[1] webauthn-roaming key_id=i1ie45dwArzDdc6_gicFZiK5EJk public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
        1 86b07569-b5a [1].credentials.webauthn.config.credentials[2] webauthn-roaming not_carried webauthn_platform_unsupported
        1 86b07569-b5a [1].credentials.webauthn.config.credentials[3] webauthn-roaming rejected cloned_flag
        1 86b07569-b5a [1].credentials.webauthn.config.credentials[4] passkey key_id=x1AiGlR6jVhgo1cbH9c4WQ public_key=pQECAyYgASFYIJGn36vIrY+Wbk1a1QNJh4B1Ig7wp9U5HvTVZW+UIRdrIlgg6DWHgsZAryJ4LNNyIN30poVSgHRo+jgWdyH4WffbCio= relying_party_identifier=login.example.org user_handle=QfyRmpykvep-IkyewKr-2g
        2 e0a1e6cf-21f [0].credentials.totp totp not_carried secret_not_exported
        2 e0a1e6cf-21f [0].credentials.webauthn webauthn-roaming not_carried secret_not_exported
        2 ca1825ef-97c [1].credentials.totp totp rejected totp_algorithm_unsupported (totp_secret), totp_digits_unsupported (totp_secret), totp_period_unsupported (totp_secret)
        2 f3ace225-8bf [2].credentials.totp totp rejected totp_secret_invalid (totp_secret)
        2 f3ace225-8bf [2].credentials[1]  not_carried factor_type_unsupported
        2 f2a25ae8-0c0 [3].credentials.totp totp rejected totp_secret_invalid (totp_secret)
        "#);
    }
}
