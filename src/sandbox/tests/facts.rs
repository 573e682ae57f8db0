//! Each answer that a probe may find, as the tenant gives it when it is set to.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{PHONE, call, methods, post, start};
use crate::{
    model::{ProbedTenant, TenantFacts},
    sandbox::{Sandbox, Settings, Users},
};

/// A tenant with these facts, where `gone` is nobody.
async fn tenant(facts: &str) -> Sandbox {
    let facts = ProbedTenant::read(facts.as_bytes()).unwrap().facts;
    let users = Users::AnyBut(vec!["gone".into()]);
    start(Settings { users, ..Settings::default() }.with_facts(&facts)).await
}

/// POSTs the bodies for one user. Returns the statuses.
async fn posted(sandbox: &Sandbox, bodies: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for body in bodies {
        statuses.push(call(sandbox, "POST", &methods("1"), body).await.status);
    }
    statuses
}

fn key(kind: &str, rest: &str) -> String {
    format!(r#"{{"type":"{kind}"{rest}}}"#)
}

const OTHER_PHONE: &str = r#"{"type":"phone","phone_number":"+44207183875045"}"#;
const TOTP: &str = r#"{"type":"totp","totp_secret":"JBSWY3DPEHPK3PXP"}"#;
const EMAIL: &str = r#"{"type":"email","email":"a@b.c"}"#;

#[tokio::test]
async fn a_conflict_is_what_the_rule_says() {
    for (rule, expect) in [
        (r#""off""#, [201, 201, 201, 201, 201]),
        (r#""same_value""#, [201, 201, 409, 201, 409]),
        (r#"{"same": ["phone_number"]}"#, [201, 201, 409, 201, 201]),
        (r#"{"same": ["totp_secret", "email"]}"#, [201, 201, 201, 201, 409]),
        (r#"{"second_of_type": ["phone"]}"#, [201, 409, 409, 201, 201]),
        (r#"{"same": ["totp_secret"], "second_of_type": ["phone"]}"#, [201, 409, 409, 201, 409]),
    ] {
        let sandbox = tenant(&format!(r#"{{"conflict": {rule}}}"#)).await;
        let statuses = posted(&sandbox, &[PHONE, OTHER_PHONE, PHONE, TOTP, TOTP]).await;
        assert_eq!(statuses, expect, "{rule}");
    }
    let of_keys =
        tenant(r#"{"conflict": {"same": ["key_id"], "second_of_type": ["passkey"]}}"#).await;
    let passkey = |id: &str| key("passkey", &format!(r#","key_id":"{id}","public_key":"p""#));
    let roaming = passkey("a").replace("passkey", "webauthn-roaming").replace(
        r#""public_key""#,
        r#""relying_party_identifier":"login.example.com","public_key""#,
    );
    let (a, b) = (passkey("a"), passkey("b"));
    assert_eq!(posted(&of_keys, &[&a, &b, &roaming, &roaming]).await, [201, 409, 201, 409]);
}

#[tokio::test]
async fn the_cap_is_refused_in_the_words_that_are_set() {
    let refusal = r#"{"status": 400, "error_code": "max_methods", "message": "No more."}"#;
    let facts = format!(r#"{{"cap_per_user": 1, "cap_refusal": {refusal}}}"#);
    let sandbox = tenant(&facts).await;
    assert_eq!(posted(&sandbox, &[PHONE, TOTP, OTHER_PHONE]).await, [201, 201, 400]);
    let refused = call(&sandbox, "POST", &methods("1"), OTHER_PHONE).await.json();
    assert_eq!(
        (&refused["message"], &refused["errorCode"], &refused["statusCode"]),
        (&json!("No more."), &json!("max_methods"), &json!(400))
    );
    let usual = tenant(r#"{"cap_per_user": 1}"#).await;
    assert_eq!(posted(&usual, &[PHONE, OTHER_PHONE]).await, [201, 403]);
}

#[tokio::test]
async fn a_factor_that_is_off_is_refused_where_that_is_so() {
    let off = || {
        let mut settings = Settings::default();
        settings.guardian_factors.insert(crate::sandbox::GuardianFactor::Otp, false);
        settings
    };
    let lax = start(off()).await;
    assert_eq!(posted(&lax, &[TOTP, PHONE]).await, [201, 201]);
    let strict = start(Settings { refuses_disabled_factor: true, ..off() }).await;
    assert_eq!(posted(&strict, &[TOTP, PHONE]).await, [403, 201]);
}

#[tokio::test]
async fn a_long_name_is_refused_cut_or_kept() {
    let long = "ä".repeat(21);
    let body = format!(r#"{{"type":"email","email":"a@b.c","name":"{long}"}}"#);
    for (rule, expect) in [("refused", None), ("cut", Some(20)), ("kept", Some(21))] {
        let sandbox = tenant(&format!(r#"{{"long_name": "{rule}"}}"#)).await;
        let answer = call(&sandbox, "POST", &methods("1"), &body).await;
        assert_eq!(answer.status, if expect.is_some() { 201 } else { 400 }, "{rule}");
        let listed = call(&sandbox, "GET", &methods("1"), "").await.json();
        let name = listed[0]["name"].as_str().map(|name| name.chars().count());
        assert_eq!(name, expect, "{rule}");
    }
}

#[tokio::test]
async fn forms_of_secrets_are_refused_one_by_one() {
    let secrets = [
        ("lower_case", "jbswy3dpehpk3pxp"),
        ("padded", "JBSWY3DPEHPK3PXPJBSWY3DPEE======"),
        ("short", "JBSWY3DP"),
        ("spaced", "JBSW Y3DP EHPK 3PXP"),
    ];
    let bodies = secrets.map(|(_, secret)| key("totp", &format!(r#","totp_secret":"{secret}""#)));
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).chain([TOTP]).collect();
    assert_eq!(posted(&tenant("{}").await, &bodies).await, [201; 5]);
    for (at, (form, _)) in secrets.iter().enumerate() {
        let sandbox = tenant(&format!(r#"{{"refused_secrets": ["{form}"]}}"#)).await;
        let mut expect = [201; 5];
        expect[at] = 400;
        assert_eq!(posted(&sandbox, &bodies).await, expect, "{form}");
    }
}

#[tokio::test]
async fn lists_and_single_methods_are_masked_apart() {
    for (facts, in_list, alone) in [
        ("{}", true, true),
        (r#"{"masking": false}"#, false, false),
        (r#"{"masking_of_one": false}"#, true, false),
        (r#"{"masking": false, "masking_of_one": true}"#, false, true),
    ] {
        let sandbox = tenant(facts).await;
        let id = post(&sandbox, "1").await.unwrap().json()["id"].clone();
        let one = format!("{}/{}", methods("1"), id.as_str().unwrap().replace('|', "%7C"));
        let is_masked = |shown: &Value| shown["phone_number"].as_str().unwrap().contains("XX");
        let listed = call(&sandbox, "GET", &methods("1"), "").await.json();
        let got = call(&sandbox, "GET", &one, "").await.json();
        assert_eq!((is_masked(&listed[0]), is_masked(&got)), (in_list, alone), "{facts}");
    }
}

#[tokio::test]
async fn a_passkey_needs_what_is_required_and_takes_no_relying_party_where_that_is_so() {
    let bare = key("passkey", r#","key_id":"k","public_key":"p""#);
    let handled = key("passkey", r#","key_id":"l","public_key":"p","user_handle":"h""#);
    let bound =
        key("passkey", r#","key_id":"m","public_key":"p","relying_party_identifier":"a.example""#);
    let bodies = [bare.as_str(), &handled, &bound, r#"{"type":"passkey"}"#];
    for (facts, expect) in [
        ("{}", [201, 201, 201, 400]),
        (r#"{"passkey_relying_party": false}"#, [201, 201, 400, 400]),
        (r#"{"passkey_required": ["key_id", "user_handle"]}"#, [400, 201, 400, 400]),
        (r#"{"passkey_required": []}"#, [201, 201, 201, 201]),
        (r#"{"passkey_required": ["relying_party_identifier"]}"#, [400, 400, 201, 400]),
    ] {
        assert_eq!(posted(&tenant(facts).await, &bodies).await, expect, "{facts}");
    }
}

#[tokio::test]
async fn unknown_users_are_answered_as_set_and_nothing_is_kept() {
    for (facts, put, delete) in [
        ("{}", 404, 204),
        (r#"{"put_unknown_user": 200, "delete_unknown_user": 404}"#, 200, 404),
        (r#"{"put_unknown_user": 400, "delete_unknown_user": 200}"#, 400, 200),
    ] {
        let sandbox = tenant(facts).await;
        let list = methods("gone");
        let statuses = [
            call(&sandbox, "PUT", &list, &format!("[{EMAIL}]")).await.status,
            call(&sandbox, "DELETE", &list, "").await.status,
            call(&sandbox, "GET", &list, "").await.status,
        ];
        assert_eq!(statuses, [put, delete, 404], "{facts}");
        assert!(sandbox.state().is_empty());
    }
}

#[tokio::test]
async fn new_methods_are_shown_after_their_delays() {
    let sandbox = tenant(r#"{"read_delay_ms": 100, "list_delay_ms": 200}"#).await;
    let began = Instant::now();
    let id = post(&sandbox, "1").await.unwrap().json()["id"].clone();
    let one = format!("{}/{}", methods("1"), id.as_str().unwrap().replace('|', "%7C"));
    let seen = async || {
        let listed = call(&sandbox, "GET", &methods("1"), "").await.json();
        let got = call(&sandbox, "GET", &one, "").await.status;
        (got, listed.as_array().unwrap().len())
    };
    let (mut read, mut listed) = (None, None);
    while listed.is_none() {
        let (got, length) = seen().await;
        read = read.or_else(|| (got == 200).then(|| began.elapsed()));
        listed = (length == 1).then(|| began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60), "it never shows");
    }
    assert!(read >= Some(Duration::from_millis(100)), "{read:?}");
    assert!(listed >= Some(Duration::from_millis(200)), "{listed:?}");
}

#[tokio::test]
async fn pages_are_as_large_as_they_may_be() {
    for (facts, expect) in [
        ("{}", [(200, 50), (200, 60), (400, 0)]),
        (r#"{"page_size_cap": 50}"#, [(200, 50), (400, 0), (400, 0)]),
        (r#"{"page_size_cap": 50, "page_size_above": "cut"}"#, [(200, 50), (200, 50), (200, 50)]),
        (r#"{"page_size_cap": 20, "page_size_above": "cut"}"#, [(200, 20), (200, 20), (200, 20)]),
        // It says so, and holds no more than 20 (see the page in the tenant's own tests).
        (
            r#"{"page_size_cap": 20, "page_size_above": "cut_silently"}"#,
            [(200, 20), (200, 60), (200, 101)],
        ),
    ] {
        let sandbox = tenant(facts).await;
        for (query, expect) in ["", "&per_page=60", "&per_page=101"].into_iter().zip(expect) {
            let path = format!("{}?include_totals=true{query}", methods("1"));
            let answer = call(&sandbox, "GET", &path, "").await;
            let size = answer.json()["limit"].as_u64().unwrap_or_default();
            assert_eq!((answer.status, size), expect, "{facts} {query}");
        }
    }
}

#[tokio::test]
async fn every_fact_goes_into_the_settings_and_comes_back() {
    let facts: TenantFacts = ProbedTenant::read(ALL.as_bytes()).unwrap().facts;
    let written = serde_json::to_value(&facts).unwrap();
    assert_eq!(written.as_object().unwrap().len(), TenantFacts::NAMES.len(), "one is missing here");
    let settings = Settings::default();
    assert_eq!(settings.clone().with_facts(&facts).facts(), facts);
    let usual = settings.facts();
    assert_eq!(settings.with_facts(&TenantFacts::default()).facts(), usual);
    // Each of them is other than usual.
    for (name, value) in serde_json::to_value(&usual).unwrap().as_object().unwrap() {
        assert_ne!(value, &written[name], "{name}");
    }
}

const ALL: &str = r#"{
    "conflict": {"second_of_type": ["totp"]},
    "cap_per_user": 3,
    "cap_refusal": {"status": 400, "message": "No more."},
    "refuses_disabled_factor": true,
    "long_name": "kept",
    "refused_secrets": ["spaced"],
    "masking": false,
    "masking_of_one": false,
    "passkey_required": ["key_id"],
    "passkey_relying_party": false,
    "patch_refused": ["totp"],
    "put_unknown_user": 200,
    "delete_unknown_user": 404,
    "read_delay_ms": 5,
    "list_delay_ms": 50,
    "retry_after": "seconds",
    "limit_headers": false,
    "reset_rounding": "down",
    "page_size_cap": 50,
    "page_size_above": "cut"
}"#;
