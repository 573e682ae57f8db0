//! Questions over HTTP: to the simulated tenant, and to a server that answers anything at all.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    auth0::{self, BaseUrl, Client, ClientProof, Credentials},
    engine::Concurrency,
    model::{CustomDomain, FactorSwitches, LocalTime, MessageTypes, Sampled},
    pacer::{Pacer, Rate},
    protocol::RetryPolicy,
    sandbox::{Kind, Method, Sandbox, Settings, Verb},
    stats::RunStats,
};

fn now() -> LocalTime {
    LocalTime::from_millis(jiff::Timestamp::now().as_millisecond())
}

fn gateway(base: &str, credentials: Credentials) -> Gateway<Client> {
    let pacer = Arc::new(Pacer::new(Rate::PerSecond(10_000.0), 0.0));
    let client = Client::new(auth0::Settings {
        base: BaseUrl::parse(base).unwrap(),
        credentials,
        scopes: &[],
        proxy: None,
        timeout: Duration::from_millis(500),
        concurrency: 4,
        now,
        pacer: Arc::clone(&pacer),
    });
    Gateway {
        api: Arc::new(client.unwrap()),
        pacer,
        policy: RetryPolicy::new(3, Duration::from_millis(200)),
        stop: CancellationToken::new(),
        stats: Arc::new(RunStats::default()),
        refusals: Arc::default(),
        now,
    }
}

fn limits() -> Limits {
    Limits {
        concurrency: Concurrency::Fixed(4),
        window: 64,
        ahead_above: 1e9,
        max_outage: Duration::from_secs(20),
        max_errors: None,
        seed: 1,
        runtimes: Vec::new(),
    }
}

/// Credentials that the tenant gives tokens for, which say their scopes.
fn renewable() -> Credentials {
    let audience = "http://t/api/v2/".to_owned();
    Credentials::Client {
        id: "any".to_owned(),
        proof: ClientProof::Secret("any".to_owned().into()),
        audience,
    }
}

/// A ready token.
fn ready(token: &str) -> Credentials {
    Credentials::Token(token.to_owned().into())
}

/// A ready token that says things of itself.
fn jwt(claims: &Value) -> String {
    format!("e30.{}.x", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()))
}

/// A tenant whose tokens allow all that can be asked, unless told otherwise.
async fn sandbox(mut settings: Value) -> Sandbox {
    if settings.get("scopes").is_none() {
        settings["scopes"] = json!(crate::sandbox::ALL_SCOPES);
    }
    let settings: Settings = serde_json::from_value(settings).unwrap();
    Sandbox::start(settings, 0).await.unwrap()
}

fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| UserId::parse(name).unwrap()).collect()
}

/// All questions, and these users.
fn everything(sample: &[&str]) -> Wanted {
    Wanted {
        questions: TenantQuestion::ALL.to_vec(),
        sample: users(sample),
        types: vec![FactorType::Phone, FactorType::Totp],
        in_passing: false,
    }
}

fn on(switches: &[(FactorType, bool)]) -> Asked<FactorSwitches> {
    Asked::Known(FactorSwitches { switches: switches.to_vec() })
}

const HEALTHY: [(FactorType, bool); 4] = [
    (FactorType::Phone, true),
    (FactorType::Email, true),
    (FactorType::Totp, true),
    (FactorType::WebauthnRoaming, true),
];

/// Asserts that all that is known of the sandbox as it is by default is known.
fn assert_healthy(facts: &Facts, what: &str) {
    assert_eq!(facts.switches, on(&HEALTHY), "{what}");
    let both = MessageTypes { sms: true, voice: true };
    assert_eq!(facts.message_types, Asked::Known(both), "{what}");
    assert_eq!(facts.policies, Asked::Known(vec!["all-applications".to_owned()]), "{what}");
    let domain =
        |name: &str| CustomDomain { domain: name.to_owned(), relying_party: None, is_ready: true };
    let domains = ["login.example.com", "login.example.org"].map(domain).to_vec();
    assert_eq!(facts.domains, Asked::Known(domains), "{what}");
    assert_eq!(facts.masks_lists, Asked::Known(true), "{what}");
}

#[tokio::test]
async fn all_is_asked_with_five_requests_and_one_for_each_user_of_the_sample() {
    let tenant = sandbox(json!({"users": {"any_but": ["gone"]}, "clock_skew_s": -90})).await;
    let many = (0..60).map(|n| Method::new(Kind::Phone, format!("+1{n}"))).collect();
    tenant.seed("auth0|many", many);
    tenant
        .seed("auth0|other", vec![Method::new(Kind::Email, "a@b.c"), Method::new(Kind::Push, "")]);
    let unconfirmed = Method { confirmed: false, ..Method::new(Kind::Totp, "JBSW") };
    tenant.seed("auth0|unconfirmed", vec![unconfirmed]);
    let sample =
        ["auth0|many", "auth0|other", "auth0|unconfirmed", "auth0|none", "auth0|gone", "x"];
    let gateway = gateway(&tenant.base_url(), renewable());
    let (stats, stop) = (Arc::clone(&gateway.stats), gateway.stop.clone());
    let facts = ask(gateway, limits(), everything(&sample)).await.unwrap();
    assert_healthy(&facts, "");
    // Nobody can have the last id. As `verify` has it, an unconfirmed method is one.
    let sampled = Sampled { users: 6, missing: 2, with_methods: 2, unanswered: 0 };
    assert_eq!(facts.sample, Asked::Known(sampled));
    let seen = tenant.stats();
    assert_eq!((seen.questions, seen.requests(Verb::Get), seen.requests(Verb::Token)), (5, 11, 1));
    assert_eq!(stats.requests(), 12);
    assert!(!stop.is_cancelled(), "what comes after is not stopped");
    let skew = facts.skew.unwrap().as_millis();
    assert!((-92_000..=-90_000).contains(&skew), "{skew}");
    assert!(facts.grant.is_renewable && facts.grant.has(READ) == Some(true));
    let left = facts.grant.ends.unwrap() - now();
    assert!((86_300_000..=86_400_000).contains(&left), "{left}");
}

#[tokio::test]
async fn what_is_not_wanted_is_not_asked() {
    let tenant = sandbox(json!({})).await;
    let wanted = Wanted { questions: vec![TenantQuestion::Policies], ..Wanted::default() };
    let facts = ask(gateway(&tenant.base_url(), renewable()), limits(), wanted).await.unwrap();
    assert_eq!(facts.policies, Asked::Known(vec!["all-applications".to_owned()]));
    let left = (facts.switches, facts.message_types, facts.domains);
    assert_eq!(left, (Asked::NotNeeded, Asked::NotNeeded, Asked::NotNeeded));
    assert_eq!((facts.masks_lists, facts.sample), (Asked::NotNeeded, Asked::NotNeeded));
    assert_eq!(tenant.stats().requests(Verb::Get), 1);
    // For what the token allows no request is needed but its own, and so no permit.
    let mut nothing = gateway(&tenant.base_url(), renewable());
    nothing.pacer = Arc::new(Pacer::new(Rate::PerSecond(0.001), 0.0));
    nothing.pacer.permit().await;
    let asked = ask(nothing, limits(), Wanted::default());
    let facts = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("a permit");
    assert!(facts.unwrap().grant.scopes.is_some());
    assert_eq!(tenant.stats().requests(Verb::Get), 1);
}

/// Scopes that are asked about, in the order of [`answers`].
const SCOPES: [&str; 6] =
    [READ_FACTORS, READ_FACTORS, READ_POLICIES, READ_DOMAINS, READ_SETTINGS, READ];

/// Kinds of the answers: known or the scope that is lacking.
fn answers(facts: &Facts) -> [Option<&'static str>; 6] {
    fn lacking<T>(asked: &Asked<T>) -> Option<&'static str> {
        match asked {
            Asked::Known(_) => None,
            Asked::NotAllowed(scope) => Some(scope),
            Asked::Unanswered => Some("unanswered"),
            Asked::NotNeeded => Some("not needed"),
        }
    }
    [
        lacking(&facts.switches),
        lacking(&facts.message_types),
        lacking(&facts.policies),
        lacking(&facts.domains),
        lacking(&facts.masks_lists),
        lacking(&facts.sample),
    ]
}

#[tokio::test]
async fn what_the_token_does_not_allow_is_known_to_be_so_and_asked_for_only_where_it_does_not_say()
{
    let all = crate::sandbox::ALL_SCOPES;
    let missing: Vec<Vec<&str>> =
        all.iter().map(|scope| vec![*scope]).chain([vec![], all.to_vec()]).collect();
    for missing in missing {
        let scopes: Vec<&str> = all.into_iter().filter(|one| !missing.contains(one)).collect();
        let said = jwt(&json!({"scope": scopes.join(" ")}));
        let tenant = sandbox(json!({"scopes": scopes, "static_tokens": ["opaque", said]})).await;
        let expected = SCOPES.map(|scope| missing.contains(&scope).then_some(scope));
        let lacking = expected.iter().flatten().count() as u64;
        let mut before = 0;
        for (credentials, tried) in
            [(renewable(), false), (ready(&said), false), (ready("opaque"), true)]
        {
            let gateway = gateway(&tenant.base_url(), credentials);
            let facts = ask(gateway, limits(), everything(&["auth0|1"])).await.unwrap();
            assert_eq!(answers(&facts), expected, "without {missing:?}");
            let asked = tenant.stats().requests(Verb::Get) - before;
            // What was refused once for lack of a scope is not asked for with the same one again.
            let pair = u64::from(tried && missing.contains(&READ_FACTORS));
            let most = if tried { 6 - pair } else { 6 - lacking };
            assert_eq!(asked, most, "without {missing:?}");
            before += asked;
            let said = facts.grant.scopes.map(|said| said.join(" "));
            assert_eq!(said, (!tried).then(|| scopes.join(" ")));
        }
        // In passing nothing is tried that may be refused.
        let wanted = Wanted { in_passing: true, ..everything(&["auth0|1"]) };
        let gateway = gateway(&tenant.base_url(), ready("opaque"));
        let facts = ask(gateway, limits(), wanted).await.unwrap();
        assert_eq!(answers(&facts), SCOPES.map(Some));
        assert_eq!(tenant.stats().requests(Verb::Get), before);
    }
}

#[tokio::test]
async fn answers_that_are_lost_are_asked_for_again() {
    let sample = ["auth0|1", "auth0|gone", "auth0|3", "auth0|4", "auth0|5"];
    let mut running = JoinSet::new();
    for settings in [
        json!({"faults": ["429@get=40%"]}),
        json!({"faults": ["503-before@get=100%x2"]}),
        json!({"faults": ["500-after@get=100%x2"]}),
        json!({"faults": ["cut@get=100%x2"]}),
        json!({"faults": ["close-after@get=100%x2"]}),
        json!({"faults": ["502-html-after@get=100%x2"]}),
        json!({"faults": ["429@token=100%x1"]}),
        json!({"faults": ["503-before@token=100%x1"]}),
        json!({"token_requests": 2}),
        json!({"outages": [{"from_s": 0, "to_s": 0.3, "kind": "refuse503"}]}),
    ] {
        running.spawn(async move {
            let what = settings.to_string();
            let mut all = json!({"users": {"any_but": ["gone"]}});
            all.as_object_mut().unwrap().append(&mut settings.as_object().unwrap().clone());
            let tenant = sandbox(all).await;
            let gateway = gateway(&tenant.base_url(), renewable());
            let facts = ask(gateway, limits(), everything(&sample)).await.expect(&what);
            assert_healthy(&facts, &what);
            let sampled = Sampled { users: 5, missing: 1, ..Sampled::default() };
            assert_eq!(facts.sample, Asked::Known(sampled), "{what}");
            let stats = tenant.stats();
            let faults: u64 = stats.faults.values().sum();
            let trouble = faults + stats.unauthorized + stats.outages;
            assert!(trouble > 0, "{what} never struck");
        });
    }
    running.join_all().await;
}

#[tokio::test]
async fn wrong_credentials_and_a_signal_end_it() {
    let tenant = sandbox(json!({"client_secret": "right"})).await;
    let ends = async |credentials, stop: bool| {
        let gateway = gateway(&tenant.base_url(), credentials);
        if stop {
            gateway.stop.cancel();
        }
        ask(gateway, limits(), everything(&["auth0|1"])).await.unwrap_err()
    };
    let wrong = ends(renewable(), false).await;
    assert!(
        matches!(&wrong, End::Failed(error) if error.code() == "credentials_refused"),
        "{wrong:?}"
    );
    let refused = ends(ready("unknown"), false).await;
    assert!(
        matches!(&refused, End::Failed(error) if error.code() == "token_refused"),
        "{refused:?}"
    );
    let stopped = ends(ready("unknown"), true).await;
    assert!(matches!(stopped, End::Stopped(Stop::Asked)), "{stopped:?}");
}

#[tokio::test]
async fn the_end_of_a_ready_token_is_told_by_the_tenants_clock() {
    let tenants_hour = now().as_millis() / 1000 + 7200 + 3600;
    let token = jwt(&json!({"exp": tenants_hour}));
    let tenant = sandbox(json!({"clock_skew_s": 7200, "static_tokens": [token]})).await;
    let facts = ask(gateway(&tenant.base_url(), ready(&token)), limits(), everything(&[])).await;
    let grant = facts.unwrap().grant;
    assert_eq!((grant.is_renewable, grant.scopes), (false, None));
    let left = grant.ends.unwrap() - now();
    assert!((3_590_000..=3_602_000).contains(&left), "{left}");
}

/// Answer of a server in the tenant's place to a path.
type Reply = (&'static str, String);

/// Answers to good questions, as the tenant gives them.
fn good(path: &str) -> Reply {
    let body = match path.split('?').next().unwrap().trim_start_matches("/api/v2/") {
        "guardian/factors" => json!([
            {"name": "sms", "enabled": true}, {"name": "email", "enabled": true},
            {"name": "otp", "enabled": true}, {"name": "webauthn-roaming", "enabled": true}
        ]),
        "guardian/factors/phone/message-types" => json!({"message_types": ["sms", "voice"]}),
        "guardian/policies" => json!(["all-applications"]),
        "custom-domains" => json!([
            {"domain": "login.example.com", "status": "ready"},
            {"domain": "login.example.org", "status": "ready"}
        ]),
        "tenants/settings" => json!({"flags": {}}),
        _ => json!({"authenticators": [], "start": 0, "limit": 50}),
    };
    ("200 OK", body.to_string())
}

/// A server; the paths that it was asked for.
async fn server(
    answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, paths) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
    let seen = Arc::clone(&paths);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, body) = answer(&path);
            seen.lock().unwrap().push(path);
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            // A client that goes away is no matter.
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (address, paths)
}

/// An error of the API's own.
fn error(status: &'static str, code: &str) -> Reply {
    let number: u16 = status.split(' ').next().unwrap().parse().unwrap();
    let body = json!({"statusCode": number, "error": status, "message": "", "errorCode": code});
    (status, body.to_string())
}

#[tokio::test]
async fn a_question_that_is_never_answered_leaves_the_others_alone() {
    let page = || ("200 OK", "<html><title>Sign in</title></html>".to_owned());
    let large = || ("200 OK", format!("[{}]", " ".repeat(300 * 1024)));
    let cases: [(fn() -> Reply, usize); 9] = [
        (page, 3),
        (|| ("200 OK", "{}".to_owned()), 1),
        (|| ("200 OK", "[]]".to_owned()), 3),
        (|| ("201 Created", "[]".to_owned()), 3),
        (large, 3),
        (|| error("500 Internal Server Error", ""), 3),
        (|| error("404 Not Found", ""), 1),
        (|| error("403 Forbidden", "insufficient_entitlement"), 1),
        (|| error("400 Bad Request", "operation_not_supported"), 1),
    ];
    // All at once: there are pauses between the tries.
    let mut running = JoinSet::new();
    for (place, question) in
        [(0, "guardian/factors"), (2, "guardian/policies"), (3, "custom-domains")]
    {
        for (number, (broken, tries)) in cases.into_iter().enumerate() {
            running.spawn(async move {
                let what = format!("case {number} of {question}");
                let is_asked = move |path: &str| path == format!("/api/v2/{question}");
                let answer = move |path: &str| if is_asked(path) { broken() } else { good(path) };
                let (address, paths) = server(answer).await;
                let gateway = gateway(&format!("http://{address}"), ready("opaque"));
                let facts = ask(gateway, limits(), everything(&["auth0|1"])).await.expect(&what);
                let mut expected = [None; 6];
                expected[place] = Some("unanswered");
                assert_eq!(answers(&facts), expected, "{what}");
                let paths = paths.lock().unwrap();
                let asked = paths.iter().filter(|path| is_asked(path)).count();
                assert_eq!(asked, tries, "{what}: {paths:?}");
            });
        }
    }
    running.join_all().await;
}

#[tokio::test]
async fn each_question_has_tries_of_its_own() {
    let broken = |path: &str| {
        let is_list = path.contains("users");
        if is_list { good(path) } else { error("500 Internal Server Error", "") }
    };
    let (address, paths) = server(broken).await;
    let gateway = gateway(&format!("http://{address}"), ready("opaque"));
    let questions = vec![TenantQuestion::Policies, TenantQuestion::CustomDomains];
    let wanted = Wanted { questions, ..Wanted::default() };
    let facts = ask(gateway, limits(), wanted).await.unwrap();
    assert_eq!((facts.policies, facts.domains), (Asked::Unanswered, Asked::Unanswered));
    let paths = paths.lock().unwrap();
    for question in ["policies", "custom-domains"] {
        let tries = paths.iter().filter(|path| path.ends_with(question)).count();
        assert_eq!(tries, 3, "{question}: {paths:?}");
    }
}

#[tokio::test]
async fn a_signal_in_the_middle_of_the_sample_ends_it_in_good_order() {
    let tenant = sandbox(json!({"latency_ms": [5, 10]})).await;
    let names: Vec<String> = (0..400).map(|n| format!("auth0|{n}")).collect();
    let sample: Vec<&str> = names.iter().map(String::as_str).collect();
    let gateway = gateway(&tenant.base_url(), renewable());
    let stop = gateway.stop.clone();
    let asked = || tenant.stats().requests(Verb::Get);
    let stopping = async {
        while asked() < 25 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    let (end, ()) = tokio::join!(ask(gateway, limits(), everything(&sample)), stopping);
    assert!(matches!(end, Err(End::Stopped(Stop::Asked))), "{end:?}");
    assert!((25..200).contains(&asked()), "{}", asked());
    assert_eq!(tenant.stats().in_flight, 0);
}

#[tokio::test]
async fn somebody_else_in_the_tenants_place_ends_it() {
    let claims = jwt(&json!({"scope": SCOPES.join(" ")}));
    for in_passing in [false, true] {
        let page = |_: &str| ("200 OK", "<html><title>Sign in</title></html>".to_owned());
        let (address, paths) = server(page).await;
        let gateway = gateway(&format!("http://{address}"), ready(&claims));
        let wanted = Wanted { in_passing, ..everything(&[]) };
        let end = ask(gateway, limits(), wanted).await.unwrap_err();
        let is_known = |error: &Error| error.code() == auth0::NOT_THE_TENANT;
        assert!(matches!(&end, End::Failed(error) if is_known(error)), "{end:?}");
        assert!(paths.lock().unwrap().len() <= 4, "it is soon clear");
    }
}

#[tokio::test]
async fn an_answer_in_a_new_shape_ends_nothing_even_where_the_token_may_see_no_lists() {
    let claims = jwt(&json!({"scope": READ_FACTORS}));
    let answer = |path: &str| {
        let is_question = path.contains("guardian");
        let scope = || error("403 Forbidden", "insufficient_scope");
        if is_question { ("200 OK", r#"{"factors":{}}"#.to_owned()) } else { scope() }
    };
    let (address, _) = server(answer).await;
    let gateway = gateway(&format!("http://{address}"), ready(&claims));
    let wanted = Wanted { in_passing: true, ..everything(&["auth0|1"]) };
    let facts = ask(gateway, limits(), wanted).await.unwrap();
    let mut expected = SCOPES.map(Some);
    expected[..2].fill(Some("unanswered"));
    assert_eq!(answers(&facts), expected);
}

#[tokio::test]
async fn a_403_for_one_user_leaves_the_others_of_the_sample_known() {
    for (code, expected) in [
        ("operation_not_supported", Some((2, 1))),
        ("insufficient_entitlement", Some((2, 1))),
        ("insufficient_scope", None),
    ] {
        let answer = move |path: &str| {
            if path.contains("auth0%7C2") { error("403 Forbidden", code) } else { good(path) }
        };
        let (address, paths) = server(answer).await;
        let gateway = gateway(&format!("http://{address}"), ready("opaque"));
        let facts = ask(gateway, limits(), everything(&["auth0|1", "auth0|2", "auth0|3"])).await;
        let facts = facts.expect(code);
        let sampled = match facts.sample {
            Asked::Known(sampled) => Some((sampled.users, sampled.unanswered)),
            _ => None,
        };
        assert_eq!(sampled, expected, "{code}");
        assert_eq!(facts.requests, paths.lock().unwrap().len() as u64, "{code}");
    }
}
