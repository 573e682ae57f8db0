//! Look-ups of users by their address.

use serde_json::json;

use super::*;

fn settings(more: &Value) -> Settings {
    let mut all = json!({"users": [
        {"user_id": "auth0|1", "email": "ann@corp.test", "email_verified": true, "identities": [
            {"connection": "staff", "user_id": "1", "provider": "auth0", "isSocial": false},
            {"connection": "google-oauth2", "user_id": "9", "provider": "google-oauth2", "isSocial": true}
        ]},
        {"user_id": "auth0|2", "email": "ann@corp.test"},
        {"user_id": "auth0|3", "email": "ann+x@corp.test", "name": "passed over"}
    ]});
    all.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

async fn look_up(sandbox: &Sandbox, query: &str) -> client::Reply {
    call(sandbox, "GET", &format!("/api/v2/users-by-email{query}"), "").await
}

#[tokio::test]
async fn users_are_found_by_their_very_address_with_their_linked_identities() {
    let sandbox = start(settings(&json!({}))).await;
    let found = look_up(&sandbox, "?email=ann%40corp.test").await;
    assert_eq!(found.status, 200);
    assert_eq!(
        found.json(),
        json!([
            {"user_id": "auth0|1", "email": "ann@corp.test", "email_verified": true, "identities": [
                {"connection": "staff", "user_id": "1", "provider": "auth0", "isSocial": false},
                {"connection": "google-oauth2", "user_id": "9", "provider": "google-oauth2",
                    "isSocial": true}
            ]},
            {"user_id": "auth0|2", "email": "ann@corp.test", "email_verified": false, "identities": [
                {"connection": "Username-Password-Authentication", "user_id": "2",
                    "provider": "auth0", "isSocial": false}
            ]},
        ])
    );
    for (query, ids) in [
        ("?email=Ann%40corp.test", json!([])),
        ("?email=ann%2Bx%40corp.test&fields=user_id", json!([{"user_id": "auth0|3"}])),
        ("?email=bob%40example.org", json!([])),
    ] {
        assert_eq!(look_up(&sandbox, query).await.json(), ids, "{query}");
    }
    for query in ["", "?email=ann+x%40corp.test", "?email=ann%40corp.test&per_page=1"] {
        let refused = look_up(&sandbox, query).await;
        let code = refused.json()["errorCode"].clone();
        assert_eq!((refused.status, code), (400, json!("invalid_query_string")), "{query}");
    }
    let stats = sandbox.stats();
    assert_eq!((stats.users_by_email, stats.requests(Verb::Get)), (7, 7));
    // Whoever is listed exists, and nobody else.
    assert_eq!(post(&sandbox, "2").await.unwrap().status, 201);
    assert_eq!(post(&sandbox, "4").await.unwrap().status, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn look_ups_need_a_token_with_their_scope_and_take_part_in_limits_and_faults() {
    let sandbox = start(settings(&json!({
        "scopes": ["read:authentication_methods"],
        "limit": {"token_bucket": {"rate": 0.001, "burst": 2}},
        "faults": ["503-before@get=100%x1"],
    })))
    .await;
    assert_eq!(look_up(&sandbox, "?email=ann%40corp.test").await.status, 503);
    let refused = look_up(&sandbox, "?email=ann%40corp.test").await;
    assert_eq!(
        (refused.status, refused.json()["errorCode"].as_str()),
        (403, Some("insufficient_scope"))
    );
    assert!(refused.json()["message"].as_str().unwrap().ends_with("read:users"));
    assert_eq!(look_up(&sandbox, "?email=ann%40corp.test").await.status, 429);
    sandbox.stop().await;
}
