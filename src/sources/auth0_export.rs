//! Exports of `mfaferry export`: for each user a line of JSON with their methods, as the Management
//! API hands them out.
//!
//! Names of fields: `UserAuthenticationMethod` in the description of the Management API. Samples in
//! Auth0's guides have them in camel case, and types with underscores; the My Account API has
//! `relying_party_id`.

use super::{About, FactorDraft, Rows, System, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "auth0-export",
    title: "mfaferry",
    forms: &[Form::JsonLines, Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: true,
    realm: None,
    about: About {
        export: &["mfaferry export users.csv --out methods.jsonl"],
        carries: &[
            "phone: numbers that the tenant hands out whole",
            "email: addresses that the tenant hands out whole",
            "webauthn-roaming: as they are",
            "passkey: as they are",
        ],
        leaves: &[
            "totp: the API never hands out secrets; ask support for them and use `auth0-secrets`",
            "recovery codes: Auth0 has no import for them",
            "push, Guardian, passwords, and second factors that are built into a device: no API creates them",
            "methods that their users have not confirmed",
        ],
        traps: &[
            "Phones are masked unless the tenant has the flag `disable_management_api_sms_obfuscation`.",
            "Security keys and passkeys belong to a domain: they work in the new tenant only if its custom \
             domain is the same.",
            "User ids are those of the old tenant: users must have the same ids in the new one.",
        ],
        flags: &[
            "--rp-id HOST: for security keys and passkeys whose relying party the file does not name",
        ],
        no_factors: "its users have no methods: was it exported from the right tenant?",
    },
    recognises,
    read,
};

/// Keys of a user's list of methods: the export's, and the API's own where it counts them.
const LISTS: [&str; 2] = ["authentication_methods", "authenticators"];

fn recognises(user: &Node) -> bool {
    user.has("user_id") && LISTS.iter().any(|key| user.has(key))
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    let id = user.get("user_id").text().map(Into::into);
    rows.person = Person { id, ..Person::default() };
    let key = LISTS.into_iter().find(|key| !user.get(key).is_null()).unwrap_or(LISTS[0]);
    let list = match user.get(key) {
        counted @ Node::Object(_) => counted.get("authenticators"),
        list => list,
    };
    if !matches!(list, Node::List(_)) {
        rows.reject(key, None, "", Code::InvalidRow, "is no list of methods");
    }
    for (index, method) in list.items().iter().enumerate() {
        read_method(method, format!("{key}[{index}]"), rows);
    }
}

fn read_method(method: &Node, at: String, rows: &mut Rows<'_>) {
    let written = method.get("type").text().unwrap_or_default();
    let kind = written.trim().to_ascii_lowercase().replace('_', "-");
    let factor_type = FactorType::ALL.into_iter().find(|known| known.name() == kind);
    if kind.is_empty() {
        rows.reject(at, None, "", Code::InvalidRow, "has no `type` that is a text");
        return;
    }
    if method.get("confirmed").flag() == Some(false) {
        let rule = "was never confirmed: its user did not finish to enrol it";
        rows.not_carried(at, factor_type, Code::Unconfirmed, rule);
        return;
    }
    let factor = match (factor_type, kind.as_str()) {
        (Some(FactorType::Totp), _) if method.get("totp_secret").is_null() => {
            let rule = "has no secret, which the API never hands out: ask support for the MFA secrets and use \
                        `--from auth0-secrets`, or the user must enrol again";
            rows.not_carried(at, factor_type, Code::SecretNotExported, rule);
            return;
        }
        (Some(factor_type), _) => of_type(factor_type, method, rows),
        (None, "recovery-code") => return rows.recovery_codes(at),
        (None, "webauthn-platform") => {
            let code = Code::WebauthnPlatformUnsupported;
            return rows.not_carried(at, None, code, webauthn::PLATFORM);
        }
        (None, _) => {
            let rule = "is of a type that no API creates in Auth0: the user must enrol again";
            return rows.not_carried(at, None, Code::FactorTypeUnsupported, rule);
        }
    };
    rows.push(at, factor);
}

/// Takes what the API takes of a method of that type, as it is; it lists more.
fn of_type(factor_type: FactorType, method: &Node, rows: &Rows<'_>) -> FactorDraft {
    let factor = FactorDraft::new(factor_type).set_cell(Field::Name, method.get("name"));
    let fields: &[Field] = match factor_type {
        FactorType::Phone => &[Field::PhoneNumber, Field::PreferredAuthenticationMethod],
        FactorType::Email => &[Field::Email],
        FactorType::Totp => &[Field::TotpSecret],
        FactorType::WebauthnRoaming => &[Field::KeyId, Field::PublicKey],
        FactorType::Passkey => &[
            Field::KeyId,
            Field::PublicKey,
            Field::Aaguid,
            Field::CredentialDeviceType,
            Field::CredentialBackedUp,
            Field::IdentityUserId,
            Field::UserAgent,
            Field::UserHandle,
            Field::Transports,
        ],
    };
    let take = |factor: FactorDraft, field: &Field| {
        let value = value(method, &[field.name()]);
        let is_zero = *field == Field::Aaguid && value.text().is_some_and(values::is_zero_uuid);
        if is_zero { factor } else { factor.set_cell(*field, value) }
    };
    let factor = fields.iter().fold(factor, take);
    let rp_id = value(method, &[Field::RelyingPartyIdentifier.name(), "relying_party_id"]);
    match factor_type {
        FactorType::WebauthnRoaming | FactorType::Passkey
            if !matches!(rp_id, Node::Null | Node::Text(_)) =>
        {
            factor.set_cell(Field::RelyingPartyIdentifier, rp_id)
        }
        FactorType::WebauthnRoaming => webauthn::set_rp_id(factor, rp_id.text(), rows.options),
        // Passkeys do without, and tenants list them without.
        FactorType::Passkey if rp_id.text().or(rows.options.rp_id.as_deref()).is_some() => {
            webauthn::set_rp_id(factor, rp_id.text(), rows.options)
        }
        _ => factor,
    }
}

/// Returns the value of the first of those keys that is there, in snake or in camel case.
fn value<'a>(method: &'a Node, keys: &[&str]) -> &'a Node {
    static NULL: Node = Node::Null;
    let values = keys.iter().map(|key| match method.get(key) {
        Node::Null => method.get(&camel(key)),
        value => value,
    });
    values.into_iter().find(|value| !value.is_null()).unwrap_or(&NULL)
}

/// Returns `key_id` as `keyId`.
fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    const KEY: &str = r#""key_id":"ixnxeGT0OqTRz73WyRiGng","public_key":"pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=""#;

    fn user(methods: &str) -> String {
        format!(
            r#"{{"user_id":"auth0|66f0c1d2a3b4c5d6e7f80912","authentication_methods":{methods}}}"#
        )
    }

    #[test]
    fn each_method_is_carried_as_it_is_or_says_why_not() {
        let methods = format!(
            r#"[{{"id":"phone|dev_Qk2s8dLx0aTz91bc","type":"phone","confirmed":true,"name":"Mine",
                  "phone_number":"+493012345678","preferred_authentication_method":"sms",
                  "authentication_methods":[{{"type":"sms"}}],"created_at":"2025-02-11T08:15:00.000Z"}},
                {{"id":"passkey|dev_J7w1mPz4cR8yLq2e","type":"passkey","confirmed":true,{KEY},
                  "credential_device_type":"multi_device","credential_backed_up":true,
                  "identity_user_id":"66f0c1d2a3b4c5d6e7f80912","user_handle":"hD7bea1TloCqzl_fnWsJzg",
                  "aaguid":"7216fe24-7230-4eaa-8fc9-ed7867f8657f","user_agent":"Firefox",
                  "transports":["hybrid","internal"],"created_at":"2025-06-26T10:28:12.580Z"}},
                {{"type":"webauthn-roaming","relying_party_identifier":"login.example.org",
                  "aaguid":"7216fe24-7230-4eaa-8fc9-ed7867f8657f",{KEY}}},
                {{"type":"email","email":"mara@example.org"}},
                {{"type":"email","email":"m***@e******.org"}},
                {{"type":"phone","phone_number":"XXXXXXXX1234"}},
                {{"type":"phone","phone_number":493012345678}},
                {{"type":"totp","confirmed":true}},
                {{"type":"totp","totp_secret":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"}},
                {{"type":"phone","confirmed":false,"phone_number":"+493012345678"}},
                {{"type":"recovery-code","confirmed":true}},{{"type":"push-notification"}},
                {{"type":"webauthn-platform",{KEY}}},{{"type":"guardian"}},{{"type":"password"}},
                {{"type":"webauthn-roaming",{KEY}}},
                {{"type":"webauthn-roaming","relying_party_identifier":"https://a.example",{KEY}}},
                {{"type":"webauthn-roaming","relying_party_identifier":7,{KEY}}},
                {{"type":"passkey","credential_backed_up":"perhaps","transports":7,{KEY}}},
                {{}},7]"#
        );
        let rows = told(read_all(&SYSTEM, &user(&methods), None));
        insta::assert_snapshot!(rows.join("\n"), @r#"
        authentication_methods[0] phone name=Mine phone_number=+493012345678 preferred_authentication_method=sms
        authentication_methods[1] passkey key_id=ixnxeGT0OqTRz73WyRiGng public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= aaguid=7216fe24-7230-4eaa-8fc9-ed7867f8657f credential_device_type=multi_device credential_backed_up=true identity_user_id=66f0c1d2a3b4c5d6e7f80912 user_agent=Firefox user_handle=hD7bea1TloCqzl_fnWsJzg transports=hybrid internal
        authentication_methods[2] webauthn-roaming key_id=ixnxeGT0OqTRz73WyRiGng public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
        authentication_methods[3] email email=mara@example.org
        authentication_methods[4] email rejected masked_value (email)
        authentication_methods[5] phone rejected masked_value (phone_number)
        authentication_methods[6] phone rejected not_a_string (phone_number)
        authentication_methods[7] totp not_carried secret_not_exported
        authentication_methods[8] totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
        authentication_methods[9] phone not_carried unconfirmed
        authentication_methods[10]  not_carried recovery_codes_not_importable
        authentication_methods[11]  not_carried factor_type_unsupported
        authentication_methods[12]  not_carried webauthn_platform_unsupported
        authentication_methods[13]  not_carried factor_type_unsupported
        authentication_methods[14]  not_carried factor_type_unsupported
        authentication_methods[15] webauthn-roaming rejected rp_id_missing (relying_party_identifier)
        authentication_methods[16] webauthn-roaming rejected rp_id_invalid (relying_party_identifier)
        authentication_methods[17] webauthn-roaming rejected not_a_string (relying_party_identifier)
        authentication_methods[18] passkey rejected not_a_boolean (credential_backed_up), not_transports (transports)
        authentication_methods[19]  rejected invalid_row
        authentication_methods[20]  rejected invalid_row
        "#);
    }

    #[test]
    fn names_of_guides_and_of_the_my_account_api_are_those_of_the_management_api() {
        let key = KEY.replace("key_id", "keyId").replace("public_key", "publicKey");
        let own = format!(
            r#"[{{"type":"webauthn-roaming","relying_party_identifier":"a.example",{KEY}}}]"#
        );
        let expected: Vec<String> = told(read_all(&SYSTEM, &user(&own), None));
        assert!(expected[0].contains("relying_party_identifier=a.example"), "{expected:?}");
        for method in [
            format!(r#"{{"type":"webauthn_roaming","relyingPartyIdentifier":"a.example",{key}}}"#),
            format!(r#"{{"type":"WEBAUTHN-ROAMING","relying_party_id":"a.example",{KEY}}}"#),
        ] {
            assert_eq!(told(read_all(&SYSTEM, &user(&format!("[{method}]")), None)), expected);
        }
    }

    #[test]
    fn the_flag_gives_a_relying_party_only_where_the_file_has_none() {
        for (kind, own, flag, expected) in [
            ("webauthn-roaming", "", Some("b.example"), "relying_party_identifier=b.example"),
            ("passkey", "", Some("b.example"), "relying_party_identifier=b.example"),
            (
                "passkey",
                r#""relying_party_identifier":"a.example","#,
                Some("b.example"),
                "relying_party_identifier=a.example",
            ),
            ("passkey", "", None, "w="),
            // A model of zeros is none.
            ("passkey", r#""aaguid":"00000000-0000-0000-0000-000000000000","#, None, "w="),
            ("webauthn-roaming", "", None, "rejected rp_id_missing (relying_party_identifier)"),
        ] {
            let method = format!(r#"[{{"type":"{kind}",{own}{KEY}}}]"#);
            let found = told(read_all(&SYSTEM, &user(&method), flag));
            assert!(found[0].ends_with(expected), "{found:?}");
        }
    }

    #[test]
    fn a_list_is_read_under_each_of_its_names_and_must_be_one() {
        let list = r#"[{"type":"email","email":"mara@example.org"}]"#;
        for (rest, expected) in [
            (
                format!(r#""authentication_methods":{list}"#),
                "authentication_methods[0] email email=mara@example.org",
            ),
            (
                format!(r#""authenticators":{list}"#),
                "authenticators[0] email email=mara@example.org",
            ),
            (
                format!(r#""authentication_methods":{{"authenticators":{list},"total":1}}"#),
                "authentication_methods[0] email email=mara@example.org",
            ),
            (
                r#""authentication_methods":7"#.to_owned(),
                "authentication_methods  rejected invalid_row",
            ),
            (
                r#""authentication_methods":null"#.to_owned(),
                "authentication_methods  rejected invalid_row",
            ),
        ] {
            let line = format!(r#"{{"user_id":"auth0|1",{rest}}}"#);
            assert!(recognises(&from_json(&line).unwrap()));
            assert_eq!(told(read_all(&SYSTEM, &line, None)), [expected], "{rest}");
        }
        assert!(told(read_all(&SYSTEM, &user("[]"), None)).is_empty());
    }
}
