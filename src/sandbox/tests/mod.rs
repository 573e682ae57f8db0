//! The whole room over real HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use client::{PHONE, TOKEN, call, eventually, methods, open, post, read, request, start};

mod client;
mod declared;
mod facts;
mod faults;
mod setup;
mod users;

#[tokio::test]
async fn a_method_lives_through_all_seven_operations() {
    let sandbox = start(Settings::default()).await;
    let list = methods("1");
    let created = call(&sandbox, "POST", &list, PHONE).await;
    assert_eq!(
        (created.status, created.json()["phone_number"].as_str()),
        (201, Some("XXXXXXXXXXX5044"))
    );
    let one = format!("{list}/{}", created.json()["id"].as_str().unwrap().replace('|', "%7C"));
    assert_eq!(call(&sandbox, "GET", &one, "").await.json()["confirmed"], true);
    assert_eq!(call(&sandbox, "PATCH", &one, r#"{"name":"new"}"#).await.json()["name"], "new");
    let got = call(&sandbox, "GET", &format!("{list}?include_totals=true"), "").await.json();
    assert_eq!((&got["total"], &got["authenticators"][0]["name"]), (&json!(1), &json!("new")));
    assert_eq!(call(&sandbox, "DELETE", &one, "").await.status, 204);
    assert_eq!(call(&sandbox, "GET", &one, "").await.status, 404);
    let put = call(&sandbox, "PUT", &list, r#"[{"type":"email","email":"a@b.c"}]"#).await;
    assert_eq!((put.status, put.json()[0]["email"].as_str()), (200, Some("a@b.c")));
    assert_eq!(call(&sandbox, "DELETE", &list, "").await.status, 204);
    assert_eq!(call(&sandbox, "GET", &list, "").await.json(), json!([]));
    assert_eq!(sandbox.stats().created, 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn refusals_come_in_auth0s_order() {
    let mut settings =
        Settings { scopes: vec!["create:authentication_methods".into()], ..Settings::default() };
    settings.users = Users::AnyBut(vec!["gone".into()]);
    settings.cap_per_user = Some(2);
    let sandbox = start(settings).await;
    let bad_token = request("POST", &methods("gone"), "{").replace(TOKEN, "other");
    assert_eq!(read(open(&sandbox, &bad_token).await).await.unwrap().status, 401);
    let no_scope = call(&sandbox, "PUT", &methods("gone"), "{").await;
    assert_eq!(
        (no_scope.status, no_scope.json()["errorCode"].as_str()),
        (403, Some("insufficient_scope"))
    );
    assert_eq!(
        call(&sandbox, "POST", &methods("gone"), "{").await.json()["errorCode"],
        "invalid_body"
    );
    assert_eq!(
        call(&sandbox, "POST", &methods("%00"), PHONE).await.json()["errorCode"],
        "invalid_uri"
    );
    assert_eq!(post(&sandbox, "gone").await.unwrap().json()["errorCode"], "inexistent_user");
    assert_eq!(post(&sandbox, "1").await.unwrap().status, 201);
    assert_eq!(post(&sandbox, "1").await.unwrap().status, 409);
    call(&sandbox, "POST", &methods("1"), &PHONE.replace("5044", "5045")).await;
    let capped = post(&sandbox, "1").await.unwrap();
    assert_eq!((capped.status, capped.json()["errorCode"].as_str()), (403, None));
    let text =
        request("POST", &methods("1"), "type=phone").replace("application/json", "text/plain");
    assert_eq!(read(open(&sandbox, &text).await).await.unwrap().status, 415);
    assert_eq!(call(&sandbox, "GET", "/api/v2/clients", "").await.status, 404);
}

#[tokio::test]
async fn forms_are_taken_where_the_api_declares_them() {
    let sandbox = start(Settings::default()).await;
    let send = async |verb, path: &str, body| {
        let form = request(verb, path, body)
            .replace("application/json", "application/x-www-form-urlencoded");
        read(open(&sandbox, &form).await).await.unwrap()
    };
    let list = methods("1");
    let created = send("POST", &list, "type=phone&phone_number=%2B44207183875044").await;
    let as_json = call(&sandbox, "POST", &methods("2"), PHONE).await.json();
    assert_eq!((created.status, &created.json()["phone_number"]), (201, &as_json["phone_number"]));
    let one = format!("{list}/{}", created.json()["id"].as_str().unwrap().replace('|', "%7C"));
    assert_eq!(send("PATCH", &one, "name=my+phone").await.json()["name"], "my phone");
    let refused = send("POST", &list, "type=phone&digits=6").await;
    assert_eq!((refused.status, &refused.json()["errorCode"]), (400, &json!("invalid_body")));
    // PUT takes an array, which no form can be.
    let replaced = send("PUT", &list, "type=email&email=a%40b.c").await;
    assert_eq!((replaced.status, &replaced.json()["errorCode"]), (400, &json!("invalid_body")));
}

#[tokio::test]
async fn bodies_over_one_megabyte_are_refused() {
    let sandbox = start(Settings::default()).await;
    let head =
        request("POST", &methods("1"), "").replace("content-length: 0", "content-length: 2000000");
    assert_eq!(read(open(&sandbox, &head).await).await.unwrap().status, 413);
    let chunked = request("POST", &methods("1"), "")
        .replace("content-length: 0", "transfer-encoding: chunked");
    let mut stream = open(&sandbox, &chunked).await;
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 1_100_000, " ".repeat(1_100_000));
    let _written = stream.write_all(chunk.as_bytes()).await;
    // The server answers and closes while the rest is on its way, so the answer may be lost to a
    // reset.
    if let Ok(reply) = read(stream).await {
        assert_eq!(reply.status, 413);
    }
    assert!(sandbox.state().is_empty());
}

#[tokio::test]
async fn one_bucket_holds_for_everything_and_says_so() {
    let limit = Limit::TokenBucket { rate: 0.1, burst: 2 };
    let sandbox =
        start(Settings { limit, retry_after: RetryAfter::Seconds, ..Settings::default() }).await;
    let first = call(&sandbox, "GET", &methods("1"), "").await;
    assert_eq!((first.number("x-ratelimit-limit"), first.number("x-ratelimit-remaining")), (2, 1));
    let date = httpdate::parse_http_date(first.header("date").unwrap()).unwrap();
    let date = date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((10..=11).contains(&(first.number("x-ratelimit-reset") - date)));
    assert_eq!(call(&sandbox, "GET", "/api/v2/clients", "").await.status, 404);
    let refused = post(&sandbox, "1").await.unwrap();
    assert_eq!((refused.status, refused.number("x-ratelimit-remaining")), (429, 0));
    assert!((1..=10).contains(&refused.number("retry-after")));
    assert_eq!(refused.json()["errorCode"], "too_many_requests");
    assert!(sandbox.state().is_empty());
    assert_eq!(sandbox.stats().throttled, 1);
}

#[tokio::test]
async fn overlaps_of_one_user_are_seen() {
    let settings = Settings { latency_ms: (250, 250), journal: true, ..Settings::default() };
    let sandbox = start(settings).await;
    let (first, other) = tokio::join!(post(&sandbox, "1"), post(&sandbox, "2"));
    assert_eq!((first.unwrap().status, other.unwrap().status), (201, 201));
    post(&sandbox, "1").await.unwrap();
    assert_eq!(sandbox.stats().overlaps, 0);
    let (one, two) = tokio::join!(post(&sandbox, "1"), post(&sandbox, "1"));
    assert_eq!((one.unwrap().status, two.unwrap().status), (409, 409));
    assert_eq!((sandbox.stats().overlaps, sandbox.stats().most_in_flight), (1, 2));
    let arrivals = sandbox.arrivals();
    assert_eq!(arrivals.len(), 5);
    assert_eq!(arrivals[0].digest.as_ref(), Some(&sandbox.state()["auth0|1"][0].digest()));
}

#[tokio::test]
async fn oracle_says_digests_and_never_values() {
    let sandbox = start(Settings::default()).await;
    sandbox.seed(
        "auth0|1",
        vec![Method::new(Kind::RecoveryCode, "hush"), Method::new(Kind::Phone, "+4420").named("n")],
    );
    let users = call(&sandbox, "GET", "/_sandbox/state", "").await;
    assert!(!users.body.contains("hush") && !users.body.contains("+4420"));
    let user: Value = serde_json::from_str(users.body.lines().next().unwrap()).unwrap();
    assert_eq!(user["user_id"], "auth0|1");
    assert_eq!(user["methods"][1]["digest"], Method::new(Kind::Phone, "+4420").digest());
    post(&sandbox, "2").await.unwrap();
    let stats = call(&sandbox, "GET", "/_sandbox/stats", "").await.json();
    assert_eq!((&stats["requests"]["POST"], &stats["created"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn seeded_methods_are_listed_with_their_last_login() {
    let sandbox = start(Settings::default()).await;
    let push = Method {
        last_auth_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        ..Method::new(Kind::Push, "")
    };
    sandbox.seed("auth0|1", vec![push]);
    let got = call(&sandbox, "GET", &methods("1"), "").await.json();
    assert_eq!(
        (&got[0]["type"], &got[0]["last_auth_at"]),
        (&json!("push"), &json!("2026-01-02T03:04:05.000Z"))
    );
}

#[tokio::test]
async fn tokens_are_fetched_and_expire() {
    let sandbox = start(Settings { token_lifetime_s: 0, ..Settings::default() }).await;
    let wanted = r#"{"grant_type":"client_credentials","client_id":"c","client_secret":"s","audience":"http://t/api/v2/"}"#;
    let token = call(&sandbox, "POST", "/oauth/token", wanted).await.json();
    let late =
        request("GET", &methods("1"), "").replace(TOKEN, token["access_token"].as_str().unwrap());
    let refused = read(open(&sandbox, &late).await).await.unwrap();
    assert_eq!(refused.json()["message"], "Expired token received for JSON Web Token validation");
    assert_eq!((sandbox.stats().unauthorized, sandbox.stats().requests(Verb::Token)), (1, 1));
}

#[tokio::test]
async fn skew_moves_date_creation_and_reset_together() {
    let limit = Limit::TokenBucket { rate: 1.0, burst: 5 };
    let sandbox = start(Settings { clock_skew_s: -86_400, limit, ..Settings::default() }).await;
    let reply = post(&sandbox, "1").await.unwrap();
    let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
    let date = date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let created: jiff::Timestamp = reply.json()["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created.as_second().unsigned_abs().abs_diff(date) <= 1);
    assert!(reply.number("x-ratelimit-reset").abs_diff(date) <= 2);
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    assert!((now - date).abs_diff(86_400) <= 2);
}

#[tokio::test]
async fn stopping_closes_every_connection() {
    let sandbox = start(faults::faulty("hang=100%")).await;
    let stream = open(&sandbox, &request("POST", &methods("1"), PHONE)).await;
    let address = sandbox.addr();
    eventually(|| sandbox.stats().in_flight == 1).await;
    sandbox.stop().await;
    assert!(timeout(Duration::from_secs(1), read(stream)).await.unwrap().is_err());
    assert!(TcpStream::connect(address).await.is_err());
}
