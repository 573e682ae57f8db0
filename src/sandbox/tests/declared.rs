//! Answers as the published description of the API declares them (version 1.9445.0): fields, words
//! and lengths. `tests/long` holds the same against the description itself.

use serde_json::{Value, json};

use super::client::{call, methods, start};
use crate::sandbox::{Credential, Kind, Method, Settings};

/// Fields of every answer that shows a method.
const EVERYWHERE: &[&str] = &[
    "id",
    "type",
    "name",
    "phone_number",
    "email",
    "authentication_methods",
    "preferred_authentication_method",
    "key_id",
    "public_key",
    "relying_party_identifier",
    "created_at",
];
const OF_PASSKEYS: &[&str] = &[
    "aaguid",
    "credential_device_type",
    "credential_backed_up",
    "identity_user_id",
    "user_agent",
    "user_handle",
    "transports",
];
const OF_GET: &[&str] = &["confirmed", "link_id", "enrolled_at", "last_auth_at"];

/// Fields that an answer may hold beside those of all, and its words for `type`.
struct Declared {
    more: &'static [&'static [&'static str]],
    types: &'static [&'static str],
}

const SETTABLE: &[&str] = &["phone", "email", "totp", "webauthn-roaming"];
const CREATABLE: &[&str] = &["phone", "email", "totp", "webauthn-roaming", "passkey"];
const ALL: &[&str] = &[
    "recovery-code",
    "totp",
    "push",
    "phone",
    "email",
    "email-verification",
    "webauthn-roaming",
    "webauthn-platform",
    "guardian",
    "passkey",
    "password",
];
const POST: Declared = Declared { more: &[OF_PASSKEYS], types: CREATABLE };
const PUT: Declared = Declared { more: &[], types: SETTABLE };
const PATCH: Declared = Declared { more: &[&["confirmed", "aaguid"]], types: SETTABLE };
const GET: Declared = Declared { more: &[OF_GET, OF_PASSKEYS], types: ALL };

impl Declared {
    fn holds(&self, method: &Value) {
        let fields = method.as_object().unwrap();
        for field in fields.keys() {
            let known = |fields: &[&str]| fields.contains(&field.as_str());
            assert!(known(EVERYWHERE) || self.more.iter().any(|more| known(more)), "{method}");
        }
        assert!(self.types.contains(&method["type"].as_str().unwrap()), "{method}");
        assert!(method["id"].is_string() && method["created_at"].is_string(), "{method}");
        assert!(method["name"].as_str().is_none_or(|name| name.chars().count() <= 20), "{method}");
        let parts = method["authentication_methods"].as_array();
        for part in parts.into_iter().flatten() {
            let word = part["type"].as_str().unwrap();
            assert!(["totp", "push", "sms", "voice"].contains(&word), "{method}");
        }
    }
}

#[tokio::test]
async fn answers_have_the_declared_fields_and_words_and_no_others() {
    let sandbox = start(Settings::default()).await;
    let list = methods("1");
    let keys =
        json!({"key_id": "a2V5", "public_key": "cA", "relying_party_identifier": "a.example.com"});
    let mut security_key = keys.clone();
    security_key["type"] = "webauthn-roaming".into();
    let mut passkey = keys;
    for (field, value) in [
        ("type", json!("passkey")),
        ("aaguid", json!("00000000-0000-0000-0000-00000000000a")),
        ("credential_device_type", json!("multi_device")),
        ("credential_backed_up", json!(true)),
        ("identity_user_id", json!("i")),
        ("user_agent", json!("u")),
        ("user_handle", json!("aA")),
        ("transports", json!(["usb"])),
    ] {
        passkey[field] = value;
    }
    let settable = [
        json!({"type": "phone", "phone_number": "+123", "preferred_authentication_method": "voice", "name": "12345678901234567890"}),
        json!({"type": "email", "email": "a@b.c"}),
        json!({"type": "totp", "totp_secret": "JBSW"}),
    ];
    for factor in settable.iter().chain([&security_key, &passkey]) {
        let created = call(&sandbox, "POST", &list, &factor.to_string()).await;
        assert_eq!(created.status, 201, "{}", created.body);
        POST.holds(&created.json());
        let id = created.json()["id"].as_str().unwrap().replace('|', "%7C");
        let one = format!("{list}/{id}");
        GET.holds(&call(&sandbox, "GET", &one, "").await.json());
        let renamed = call(&sandbox, "PATCH", &one, r#"{"name":"new"}"#).await;
        if factor["type"] == "passkey" {
            assert_eq!(renamed.status, 400, "no answer could show it: {}", renamed.body);
        } else {
            PATCH.holds(&renamed.json());
        }
    }
    let put = call(&sandbox, "PUT", &methods("2"), &json!(settable).to_string()).await.json();
    put.as_array().unwrap().iter().for_each(|method| PUT.holds(method));
    let rest = [Kind::WebauthnPlatform, Kind::Push, Kind::Guardian, Kind::RecoveryCode]
        .into_iter()
        .chain([Kind::EmailVerification, Kind::Password]);
    let seeded = rest.map(|kind| Method {
        last_auth_at: Some(jiff::Timestamp::UNIX_EPOCH),
        credential: Some(Box::new(Credential::default())),
        ..Method::new(kind, "")
    });
    sandbox.seed("auth0|1", seeded.collect());
    let bare = call(&sandbox, "GET", &list, "").await.json();
    let counted = call(&sandbox, "GET", &format!("{list}?include_totals=true"), "").await.json();
    assert_eq!((&counted["authenticators"], &counted["total"]), (&bare, &json!(11)));
    bare.as_array().unwrap().iter().for_each(|method| GET.holds(method));
}
