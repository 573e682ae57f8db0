//! Questions about the tenant as a whole.

use serde_json::json;

use super::*;
use crate::sandbox::{ALL_SCOPES, USUAL_SCOPES};

const QUESTIONS: [(&str, &str); 5] = [
    ("guardian/factors", "read:guardian_factors"),
    ("guardian/factors/phone/message-types", "read:guardian_factors"),
    ("guardian/policies", "read:mfa_policies"),
    ("custom-domains", "read:custom_domains"),
    ("tenants/settings", "read:tenant_settings"),
];

/// A tenant whose tokens allow all that can be asked, unless told otherwise.
async fn start(settings: Settings) -> Sandbox {
    let scopes = match &*settings.scopes {
        usual if usual == USUAL_SCOPES => ALL_SCOPES.map(str::to_owned).to_vec(),
        chosen => chosen.to_vec(),
    };
    super::start(Settings { scopes, ..settings }).await
}

async fn ask(sandbox: &Sandbox, question: &str) -> client::Reply {
    call(sandbox, "GET", &format!("/api/v2/{question}"), "").await
}

#[tokio::test]
async fn a_tenant_is_ready_for_logins_unless_told_otherwise() {
    let sandbox = start(Settings::default()).await;
    let factors = ask(&sandbox, "guardian/factors").await.json();
    let names: Vec<_> =
        factors.as_array().unwrap().iter().map(|factor| factor["name"].clone()).collect();
    let known = json!([
        "sms",
        "push-notification",
        "email",
        "duo",
        "otp",
        "webauthn-roaming",
        "webauthn-platform",
        "recovery-code"
    ]);
    assert_eq!(json!(names), known);
    for factor in factors.as_array().unwrap() {
        assert_eq!((&factor["enabled"], &factor["trial_expired"]), (&json!(true), &json!(false)));
    }
    let types = ask(&sandbox, "guardian/factors/phone/message-types").await.json();
    assert_eq!(types, json!({"message_types": ["sms", "voice"]}));
    assert_eq!(ask(&sandbox, "guardian/policies").await.json(), json!(["all-applications"]));
    let domains = ask(&sandbox, "custom-domains").await.json();
    // What the description requires.
    for (number, name) in ["login.example.com", "login.example.org"].into_iter().enumerate() {
        let domain = &domains[number];
        assert_eq!((&domain["domain"], &domain["status"]), (&json!(name), &json!("ready")));
        assert_eq!(domain["primary"], json!(number == 0));
        assert_eq!(domain["type"], "auth0_managed_certs");
        assert!(domain["custom_domain_id"].as_str().unwrap().starts_with("cd_"));
        assert!(domain.get("relying_party_identifier").is_none());
    }
    let settings = ask(&sandbox, "tenants/settings").await.json();
    assert_eq!(settings["flags"]["disable_management_api_sms_obfuscation"], false);
    assert_eq!((sandbox.stats().questions, sandbox.stats().requests(Verb::Get)), (5, 5));
}

#[tokio::test]
async fn what_is_set_is_answered() {
    let settings = json!({
        "guardian_factors": {"otp": false, "webauthn-roaming": false, "sms": true},
        "message_types": ["voice"],
        "mfa_policies": ["confidence-score"],
        "custom_domains": [{"domain": "id.corp.test", "status": "pending_verification",
            "relying_party_identifier": "corp.test"}],
        "masking": false,
    });
    let sandbox = start(serde_json::from_value(settings).unwrap()).await;
    let factors = ask(&sandbox, "guardian/factors").await.json();
    let off: Vec<_> =
        factors.as_array().unwrap().iter().filter(|one| one["enabled"] == false).collect();
    assert_eq!(
        (off.len(), &off[0]["name"], &off[1]["name"]),
        (2, &json!("otp"), &json!("webauthn-roaming"))
    );
    let types = ask(&sandbox, "guardian/factors/phone/message-types").await.json();
    assert_eq!(types["message_types"], json!(["voice"]));
    assert_eq!(ask(&sandbox, "guardian/policies").await.json(), json!(["confidence-score"]));
    let domain = &ask(&sandbox, "custom-domains").await.json()[0];
    assert_eq!(
        (&domain["domain"], &domain["status"], &domain["relying_party_identifier"]),
        (&json!("id.corp.test"), &json!("pending_verification"), &json!("corp.test"))
    );
    let all = ask(&sandbox, "tenants/settings").await.json();
    assert!(all["friendly_name"].is_string());
    assert_eq!(all["flags"]["disable_management_api_sms_obfuscation"], true);
    let flags = ask(&sandbox, "tenants/settings?fields=flags&include_fields=true").await.json();
    assert_eq!((flags.as_object().unwrap().len(), &flags["flags"]), (1, &all["flags"]));
    let rest = ask(&sandbox, "tenants/settings?fields=flags&include_fields=false").await.json();
    assert!(rest.get("flags").is_none() && rest["friendly_name"].is_string());
    // Whatever is switched off, what Auth0 would do with such a method is not known.
    let totp = r#"{"type":"totp","totp_secret":"JBSWY3DPEHPK3PXP"}"#;
    assert_eq!(call(&sandbox, "POST", &methods("1"), totp).await.status, 201);
}

#[tokio::test]
async fn each_question_takes_its_scope_and_no_query_of_others() {
    for (question, scope) in QUESTIONS {
        let scopes = ALL_SCOPES.into_iter().filter(|other| *other != scope).map(str::to_owned);
        let lacking = Settings { scopes: scopes.collect(), ..Settings::default() };
        let sandbox = start(lacking).await;
        for (other, its) in QUESTIONS {
            let answer = ask(&sandbox, other).await;
            assert_eq!(answer.status, if its == scope { 403 } else { 200 }, "{other}");
        }
        let refused = ask(&sandbox, question).await.json();
        let message = format!("Insufficient scope, expected any of: {scope}");
        let expected = json!({"statusCode": 403, "error": "Forbidden", "message": message,
            "errorCode": "insufficient_scope"});
        assert_eq!(refused, expected);
        let sandbox = start(Settings::default()).await;
        let refused = ask(&sandbox, &format!("{question}?nonsense=1")).await;
        assert_eq!(
            (refused.status, &refused.json()["errorCode"]),
            (400, &json!("invalid_query_string"))
        );
        assert_eq!(call(&sandbox, "PATCH", &format!("/api/v2/{question}"), "{}").await.status, 404);
        let bad_token = request("GET", &format!("/api/v2/{question}"), "").replace(TOKEN, "other");
        assert_eq!(read(open(&sandbox, &bad_token).await).await.unwrap().status, 401);
    }
}

#[tokio::test]
async fn faults_and_the_limit_are_the_same_for_questions() {
    let settings = json!({"limit": {"token_bucket": {"rate": 0.001, "burst": 2}},
        "faults": ["503-before@get=100%x1"]});
    let sandbox = start(serde_json::from_value(settings).unwrap()).await;
    let statuses = [
        ask(&sandbox, "guardian/policies").await,
        ask(&sandbox, "guardian/policies").await,
        ask(&sandbox, "custom-domains").await,
    ]
    .map(|reply| reply.status);
    assert_eq!(statuses, [503, 200, 429]);
}
