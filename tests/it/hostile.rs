//! Answers that are not the API's, or not to what was asked: gateways, login pages, answers that
//! went astray on a connection. None of them is believed: nothing is lost, doubled, or said to be
//! done that is not.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use mfaferry::{
    api::{Api, Update, Verdict},
    auth0::{BaseUrl, Client, Credentials, Settings as Auth0},
    model::{ClockSkew, Contact, Credential, Factor, LocalTime, UserId},
    pacer::{Pacer, Rate},
    sandbox::{Conflict, Kind, Method, Settings, Verb},
};
use serde_json::{Value, json};

use crate::{
    between::{Between, Request, reply},
    support::{Bench, Done, factors, run_bounded},
};

/// An answer that is somebody else's.
type Page = (&'static str, &'static str, &'static str);

/// Answers of gateways, login pages and empty shells.
const PAGES: [Page; 9] = [
    (
        "Cloudflare",
        "text/html; charset=UTF-8",
        "<!DOCTYPE html><title>Attention Required! | Cloudflare</title><p>error code: 1001",
    ),
    (
        "nginx",
        "text/html",
        "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    ),
    (
        "Kong",
        "application/json; charset=utf-8",
        r#"{"message":"no Route matched with those values"}"#,
    ),
    ("AWS API gateway", "application/json", r#"{"message":"Missing Authentication Token"}"#),
    (
        "Envoy",
        "application/json",
        r#"{"code":404,"status":404,"error":"Not Found","message":"route not found"}"#,
    ),
    (
        "a login page",
        "text/html",
        "<html><head><title>Sign in</title></head><body><form method=post></form></body></html>",
    ),
    ("nothing", "text/plain", ""),
    ("an empty list", "application/json", "[]"),
    ("an empty object", "application/json", "{}"),
];
const STATUSES: [&str; 8] = [
    "200 OK",
    "201 Created",
    "204 No Content",
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "409 Conflict",
];

fn page((_, media, body): Page, status: &str) -> Vec<u8> {
    reply(status, &format!("content-type: {media}\r\n"), body)
}

fn phone(user: &str) -> Factor {
    let number = Contact::new("+14155550100".into());
    let credential = Credential::Phone { number, preferred: None };
    Factor {
        line: 2,
        at: None,
        user: UserId::parse(user).unwrap(),
        name: Some("Mine".into()),
        credential,
    }
}

/// A client of whatever is at `base`.
fn client(base: &str) -> Client {
    Client::new(Auth0 {
        base: BaseUrl::parse(base).unwrap(),
        credentials: Credentials::Token("ready".to_owned().into()),
        scopes: &[],
        proxy: None,
        pacer: Arc::new(Pacer::new(Rate::PerSecond(10_000.0), 0.0)),
        timeout: Duration::from_secs(5),
        concurrency: 1,
        now: || LocalTime::from_millis(1_700_000_000_000),
    })
    .unwrap()
}

/// Asks for every operation; what each verdict is.
async fn every_operation(client: &Client, user: &str) -> Vec<(&'static str, String)> {
    fn word<T>(verdict: &Verdict<T>) -> String {
        match verdict {
            Verdict::Done(_) => "done".into(),
            Verdict::Present => "present".into(),
            Verdict::Refused(reason) => format!("refused {reason}"),
            Verdict::NotExecuted(_) => "not executed".into(),
            Verdict::InDoubt(_) | Verdict::StopInDoubt(_) => "in doubt".into(),
            Verdict::Stop(_) => "stop".into(),
        }
    }
    let (user, factor) = (UserId::parse(user).unwrap(), phone(user));
    let update = Update { name: Some("New"), preferred: None };
    let set = [factor.clone(), factor.clone()];
    vec![
        ("create", word(&client.create(&factor, "c").await.verdict)),
        ("list", word(&client.page(&user, 0).await.verdict)),
        ("get", word(&client.get(&user, "phone|dev_1").await.verdict)),
        ("replace", word(&client.replace(&user, &set, "c").await.verdict)),
        ("update", word(&client.update(&user, "phone|dev_1", update, "c").await.verdict)),
        ("delete", word(&client.delete(&user, Some("phone|dev_1"), "c").await.verdict)),
        ("delete all", word(&client.delete(&user, None, "c").await.verdict)),
    ]
}

/// Returns every operation's verdict on each of the answers.
fn asked(answers: Vec<(String, Vec<u8>)>) -> Vec<(String, &'static str, String)> {
    let answers = Arc::new(answers);
    let told = Arc::clone(&answers);
    let nobody = ([127, 0, 0, 1], 1).into();
    let between = Between::start_with(nobody, move |request: &Request| {
        let number = request.path.split(['/', '?']).nth(4).unwrap();
        told[number.parse::<usize>().unwrap()].1.clone()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client(&format!("http://{}", between.address));
    let mut verdicts = Vec::new();
    for (number, (what, _)) in answers.iter().enumerate() {
        let told = runtime.block_on(every_operation(&client, &number.to_string()));
        verdicts.extend(told.into_iter().map(|(operation, word)| (what.clone(), operation, word)));
    }
    verdicts
}

#[test]
fn no_operation_believes_an_answer_that_is_not_the_apis() {
    let mut answers = Vec::new();
    for from in PAGES {
        for status in STATUSES {
            answers.push((format!("{status} {}", from.0), page(from, status)));
        }
    }
    let verdicts = asked(answers);
    assert_eq!(verdicts.len(), PAGES.len() * STATUSES.len() * 7);
    for (what, operation, word) in verdicts {
        // A 204 has no body, whoever sends it; an empty 200 says no less.
        let empty = what.starts_with("204") || what == "200 OK nothing";
        let done = empty && operation.starts_with("delete");
        assert_eq!(word, if done { "done" } else { "in doubt" }, "{what} to {operation}");
    }
}

#[test]
fn neither_clock_nor_limit_is_learned_from_an_answer_that_is_not_the_apis() {
    let headers = "date: Tue, 14 Nov 2023 20:13:20 GMT\r\nx-ratelimit-limit: 50\r\n\
                   x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1800000000\r\n";
    let empty = r#"{"authenticators":[],"start":0,"limit":50}"#;
    for (body, ours) in [("<title>Sign in</title>", false), ("[]", false), (empty, true)] {
        let nobody = ([127, 0, 0, 1], 1).into();
        let between = Between::start_with(nobody, move |_| reply("200 OK", headers, body));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = client(&format!("http://{}", between.address));
        let answer = runtime.block_on(client.page(&UserId::parse("auth0|1").unwrap(), 0));
        assert_eq!(answer.meter.remaining, ours.then_some(0), "{body}");
        let skew = client.clock_skew().map(ClockSkew::as_millis);
        assert_eq!(skew, ours.then_some(-7_200_000), "{body}");
    }
}

/// A 201 that answers to [`phone`], with something changed.
fn created(change: impl FnOnce(&mut Value)) -> String {
    let mut created = json!({"id": "phone|dev_1", "type": "phone", "name": "Mine",
        "phone_number": "XXXXXXX0100", "created_at": "2023-11-14T22:13:20.100Z"});
    change(&mut created);
    created.to_string()
}

#[test]
fn a_201_counts_only_if_it_answers_to_what_was_sent() {
    let set = |key: &'static str, value: Value| {
        created(move |created| drop(std::mem::replace(&mut created[key], value)))
    };
    let without = |key: &'static str| {
        created(move |created| drop(created.as_object_mut().unwrap().remove(key)))
    };
    let id = |id: &str| set("id", json!(id));
    let cases = [
        ("done", created(|_| {})),
        ("done", without("name")),
        ("done", without("phone_number")),
        ("done", without("created_at")),
        ("done", set("phone_number", json!("+14155550100"))),
        ("done", set("unknown", json!({"key": 1}))),
        ("done", id("phone|dev_aZ09-_.~")),
        ("done", set("created_at", json!("2023-11-14T22:13:16.000Z"))),
        ("in doubt", set("created_at", json!("2023-11-13T20:00:00.000Z"))),
        ("in doubt", set("created_at", json!("yesterday"))),
        ("in doubt", without("id")),
        ("in doubt", without("type")),
        ("in doubt", set("type", json!("totp"))),
        ("in doubt", set("name", json!("Yours"))),
        ("in doubt", set("phone_number", json!("+14155550101"))),
        ("in doubt", set("phone_number", json!("XXXXXXX0101"))),
        ("in doubt", id("")),
        ("in doubt", id(".")),
        ("in doubt", id("..")),
        ("in doubt", id("phone|")),
        ("in doubt", id("phone|..")),
        ("in doubt", id("totp|dev_1")),
        ("in doubt", id("dev_1")),
        ("in doubt", id("phone|dev_1\n")),
        ("in doubt", id("phone|dev\r\nx: y")),
        ("in doubt", id("phone|dev\u{0}1")),
        ("in doubt", id("phone|dev 1")),
        ("in doubt", id("phone|dev_é")),
        ("in doubt", id("phone|\u{202e}dev_1")),
        ("in doubt", id("phone|../../users/x")),
        ("in doubt", id(&format!("phone|{}", "x".repeat(251)))),
        ("in doubt", set("id", json!(7))),
        ("in doubt", format!("[{}]", created(|_| {}))),
        ("in doubt", r#"["phone|dev_1","phone"]"#.into()),
    ];
    let json = "content-type: application/json\r\n";
    let answer = |(_, body): &(&str, String)| (body.clone(), reply("201 Created", json, body));
    let verdicts = asked(cases.iter().map(answer).collect());
    let told = verdicts.iter().filter(|(_, operation, _)| *operation == "create");
    for ((expected, body), (_, _, word)) in cases.iter().zip(told) {
        assert_eq!(word, expected, "{body}");
    }
    // As an answer to another operation, or with another status, it is none.
    assert!(verdicts.iter().all(|(_, operation, word)| *operation == "create" || word != "done"));
    let whole = created(|_| {});
    for status in ["200 OK", "202 Accepted", "203 Whatever"] {
        let verdicts = asked(vec![(status.into(), reply(status, json, &whole))]);
        assert_eq!(verdicts[0].2, "in doubt", "{status}");
    }
}

#[test]
fn what_puts_patches_lists_and_gets_answer_counts_only_if_it_is_what_was_asked_for() {
    let one = |id: &str, name: &str| json!({"id": id, "type": "phone", "name": name, "created_at": "2023-11-14T22:13:20.100Z"});
    let list =
        |methods: Value| json!({"authenticators": methods, "start": 0, "limit": 50, "total": 1});
    let (first, second) = (one("phone|dev_1", "New"), one("phone|dev_2", "New"));
    let totp = json!({"id": "totp|dev_3", "type": "totp"});
    let push = json!({"id": "push|dev_3", "type": "push"});
    let bad = one("phone|dev\n1", "New");
    for (operation, body, expected) in [
        ("replace", json!([first, second]), "done"),
        ("replace", json!([first, second, push]), "done"),
        ("replace", json!([]), "in doubt"),
        ("replace", json!([first]), "in doubt"),
        ("replace", json!([first, first]), "in doubt"),
        ("replace", json!([first, totp]), "in doubt"),
        ("replace", json!([first, second, totp]), "in doubt"),
        ("replace", json!([first, bad]), "in doubt"),
        ("replace", json!({"authenticators": [first, second]}), "in doubt"),
        ("replace", json!([["phone|dev_1", "phone"], ["phone|dev_2", "phone"]]), "in doubt"),
        ("update", first.clone(), "done"),
        ("update", one("phone|dev_1", "Old"), "in doubt"),
        ("update", second.clone(), "in doubt"),
        ("update", json!({"id": "phone|dev_1"}), "in doubt"),
        ("update", json!([first]), "in doubt"),
        ("get", first.clone(), "done"),
        ("get", second.clone(), "in doubt"),
        ("get", bad.clone(), "in doubt"),
        ("list", list(json!([first])), "done"),
        ("list", json!([first]), "done"),
        ("list", list(json!([bad])), "in doubt"),
        ("list", json!([]), "in doubt"),
        ("list", first.clone(), "in doubt"),
        ("delete", first.clone(), "in doubt"),
    ] {
        let body = body.to_string();
        let answer = reply("200 OK", "content-type: application/json\r\n", &body);
        let verdicts = asked(vec![(body.clone(), answer)]);
        let (_, _, word) = verdicts.iter().find(|(_, asked, _)| *asked == operation).unwrap();
        assert_eq!(word, expected, "{operation}: {body}");
    }
}

const ROWS: usize = 12;

fn ready() -> (Bench, Vec<Method>, Vec<String>) {
    let bench = Bench::new(Settings {
        conflict: Conflict::OFF,
        static_tokens: vec!["ready".into()],
        ..Settings::default()
    });
    let (csv, wanted, users) = factors(ROWS);
    bench.write("in.csv", csv);
    (bench, wanted, users)
}

/// Somebody who answers in the tenant's place for as long as the flag is set.
fn switched(
    bench: &Bench,
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
) -> (Between, Arc<AtomicBool>) {
    let on = Arc::new(AtomicBool::new(true));
    let is_on = Arc::clone(&on);
    let between = Between::start_with(bench.tenant().addr(), move |request| {
        if is_on.load(Relaxed) { answer(request) } else { request.pass() }
    });
    (between, on)
}

/// A command of this bench that goes through `between`.
fn through(bench: &Bench, between: &Between, name: &str, flags: &[&str]) -> Done {
    let mut command = bench.command(name);
    command.args(["--base-url", &format!("http://{}", between.address)]);
    // Whatever is lost here is lost on purpose, not because the machine is busy.
    command
        .args(["--timeout", "20s", "--concurrency", "2"])
        .args(flags)
        .env("AUTH0_API_TOKEN", "ready");
    run_bounded(&mut command)
}

/// Two requests of that kind are struck, after the API has answered others, and not one user twice
/// in a row.
fn strikes(request: &Request, verb: &str) -> bool {
    request.verb == verb && [2, 6].contains(&request.nth)
}

#[test]
fn a_post_that_something_else_answers_is_looked_up_and_neither_lost_nor_doubled() {
    let struck = [
        (0, "409 Conflict"),
        (6, "409 Conflict"),
        (2, "404 Not Found"),
        (0, "403 Forbidden"),
        (3, "401 Unauthorized"),
        (5, "200 OK"),
        (8, "201 Created"),
        (7, "400 Bad Request"),
    ];
    std::thread::scope(|scope| {
        for executed in [true, false] {
            for (number, status) in struck {
                scope.spawn(move || {
                    let what = format!("{status} {}, executed: {executed}", PAGES[number].0);
                    let (bench, wanted, users) = ready();
                    let between = Between::start_with(bench.tenant().addr(), move |request| {
                        if !strikes(request, "POST") {
                            return request.pass();
                        }
                        if executed {
                            request.pass();
                        }
                        page(PAGES[number], status)
                    });
                    let done =
                        through(&bench, &between, "import", &["in.csv", "--settle", "200ms"]);
                    assert_eq!(done.code, Some(0), "{what}: {done:?}");
                    let all = BTreeMap::from([("created".into(), ROWS)]);
                    assert_eq!(bench.states("in.csv.ledger"), all, "{what}");
                    bench.audit("in.csv.ledger", &wanted, &users);
                    let posts = bench.tenant().stats().requests(Verb::Post);
                    assert_eq!(posts, ROWS as u64, "{what}");
                });
            }
        }
    });
}

#[test]
fn a_look_up_that_something_else_answers_proves_nothing() {
    let struck = [
        (2, "404 Not Found"),
        (7, "200 OK"),
        (8, "200 OK"),
        (0, "403 Forbidden"),
        (0, "409 Conflict"),
    ];
    std::thread::scope(|scope| {
        for (number, status) in struck {
            scope.spawn(move || {
                let (bench, wanted, users) = ready();
                let between = Between::start_with(bench.tenant().addr(), move |request| {
                    let answer = request.pass();
                    match request.verb.as_str() {
                        // Executed, and the answer is lost: what follows hangs on the list.
                        "POST" if strikes(request, "POST") => Vec::new(),
                        "GET" if request.nth < 2 => page(PAGES[number], status),
                        _ => answer,
                    }
                });
                let done = through(&bench, &between, "import", &["in.csv", "--settle", "200ms"]);
                assert_eq!(done.code, Some(0), "{status}: {done:?}");
                bench.audit("in.csv.ledger", &wanted, &users);
                assert_eq!(bench.tenant().stats().requests(Verb::Post), ROWS as u64, "{status}");
            });
        }
    });
}

#[test]
fn a_404_of_the_apis_own_is_no_list_of_what_a_user_in_doubt_has() {
    let (bench, _, _) = ready();
    let between = Between::start_with(bench.tenant().addr(), |request| {
        let answer = request.pass();
        let gone = r#"{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}"#;
        match request.verb.as_str() {
            "POST" if request.nth == 0 => Vec::new(),
            "GET" => reply("404 Not Found", "content-type: application/json\r\n", gone),
            _ => answer,
        }
    });
    let flags = ["in.csv", "--settle", "200ms", "--timeout", "1s", "--concurrency", "1"];
    let mut command = bench.command("import");
    command.args(["--base-url", &format!("http://{}", between.address)]).args(flags);
    let mut child = crate::support::spawn(command.env("AUTH0_API_TOKEN", "ready"));
    // Asked for twelve times, some of them half a minute apart: it is enough that it asks again.
    crate::support::until("the list is asked for again", || {
        bench.tenant().stats().requests(Verb::Get) >= 4
    });
    crate::support::signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let states = bench.states("in.csv.ledger");
    assert_eq!(states["in_flight"], 1, "{states:?}");
    let posts = bench.tenant().stats().requests(Verb::Post);
    let rows = states.values().sum::<usize>() as u64;
    assert_eq!(posts, rows, "nothing is sent again");
}

#[test]
fn whoever_answers_from_the_start_in_the_tenants_place_stops_every_command_with_3() {
    std::thread::scope(|scope| {
        for (number, status) in
            [(0, "409 Conflict"), (2, "404 Not Found"), (5, "200 OK"), (6, "403 Forbidden")]
        {
            scope.spawn(move || {
                let (bench, wanted, users) = ready();
                let (between, on) = switched(&bench, move |_| page(PAGES[number], status));
                let import = ["in.csv", "--settle", "200ms"];
                let done = through(&bench, &between, "import", &import);
                assert_eq!(done.code, Some(3), "{status}: {done:?}");
                let (code, _) = status.split_once(' ').unwrap();
                assert!(done.stderr.contains(&format!("answered: {code} (")), "{done:?}");
                let states = bench.states("in.csv.ledger");
                assert!(states.keys().all(|state| state == "in_flight"), "{states:?}");
                assert!(states.values().sum::<usize>() <= 5, "{states:?}");
                on.store(false, Relaxed);
                let done = through(&bench, &between, "import", &import);
                assert_eq!(done.code, Some(0), "{status}: {done:?}");
                bench.audit("in.csv.ledger", &wanted, &users);
                on.store(true, Relaxed);
                // And of those that only ask first.
                for (name, flags) in
                    [("undo", &["--ledger", "in.csv.ledger", "--yes"][..]), ("verify", &["in.csv"])]
                {
                    let done = through(&bench, &between, name, flags);
                    assert_eq!(done.code, Some(3), "{name}, {status}: {done:?}");
                }
                bench.audit("in.csv.ledger", &wanted, &users);
            });
        }
    });
}

#[test]
fn whoever_answers_later_in_the_tenants_place_is_named_by_the_outage() {
    let (bench, ..) = ready();
    let (csv, wanted, users) = factors(60);
    bench.write("in.csv", csv);
    let (between, on) = switched(&bench, |request| {
        if request.verb == "POST" && request.nth < 4 {
            request.pass()
        } else {
            page(PAGES[0], "409 Conflict")
        }
    });
    let flags = ["in.csv", "--settle", "200ms", "--max-outage", "1s"];
    let done = through(&bench, &between, "import", &flags);
    assert_eq!(done.code, Some(5), "{done:?}");
    assert!(done.stderr.contains("Attention Required! | Cloudflare"), "{done:?}");
    on.store(false, Relaxed);
    let done = through(&bench, &between, "import", &["in.csv", "--settle", "200ms"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
}

const CONFLICT: &str =
    r#"{"statusCode":409,"error":"Conflict","message":"Authentication method already exists."}"#;

#[test]
fn a_true_409_is_settled_by_what_is_there() {
    let (bench, _, _) = ready();
    let json = "content-type: application/json\r\n";
    let between = Between::start_with(bench.tenant().addr(), move |request| match request.nth {
        nth if request.verb == "POST" && nth < 6 => reply("409 Conflict", json, CONFLICT),
        _ => request.pass(),
    });
    let path = "in.csv";
    // Of the first two users the first factor is there, and of the third another one.
    bench.tenant().seed("auth0|user0", vec![Method::new(Kind::Phone, "+14155000000")]);
    bench.tenant().seed("auth0|user1", vec![Method::new(Kind::Phone, "+14155000001")]);
    bench.tenant().seed("auth0|user2", vec![Method::new(Kind::Phone, "+14155999999")]);
    let done =
        through(&bench, &between, "import", &[path, "--settle", "30s", "--concurrency", "1"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let rows = bench.rows("in.csv.ledger");
    let first: Vec<_> = rows.iter().filter(|row| row["state"] != "created").collect();
    assert_eq!(first.len(), 6, "{rows:#?}");
    for row in first {
        let user = row["user_id"].as_str().unwrap();
        let there = row["line"] == 2 || row["line"] == 3;
        let expected = if there { "already_present" } else { "rejected" };
        assert_eq!(row["state"], expected, "{user}: {row}");
        if there {
            assert_eq!(row["how"], "consistent", "{row}");
            assert!(row["method_id"].is_string(), "{row}");
        } else {
            assert_eq!(row["error"], "conflict", "{row}");
        }
    }
    assert_eq!(bench.tenant().stats().requests(Verb::Get), 6, "one look each");
}

#[test]
fn what_something_else_answers_to_undo_is_not_believed() {
    for (number, status) in [(2, "404 Not Found"), (5, "200 OK"), (0, "409 Conflict")] {
        let (bench, _, _) = ready();
        let (between, _on) = switched(&bench, move |request| {
            if strikes(request, "GET") || strikes(request, "DELETE") {
                page(PAGES[number], status)
            } else {
                request.pass()
            }
        });
        assert_eq!(through(&bench, &between, "import", &["in.csv"]).code, Some(0));
        let done = through(&bench, &between, "undo", &["--ledger", "in.csv.ledger", "--yes"]);
        assert_eq!(done.code, Some(0), "{status}: {done:?}");
        let all = BTreeMap::from([("undone".into(), ROWS)]);
        assert_eq!(bench.states("in.csv.ledger"), all, "{status}");
        assert!(bench.tenant().state().values().all(Vec::is_empty), "{status}: all are gone");
    }
}

#[test]
fn a_404_that_names_neither_user_nor_method_leaves_what_an_import_has_created() {
    let (bench, wanted, users) = ready();
    let (between, on) = switched(&bench, |_| {
        let body = r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#;
        reply("404 Not Found", "content-type: application/json\r\n", body)
    });
    on.store(false, Relaxed);
    assert_eq!(through(&bench, &between, "import", &["in.csv"]).code, Some(0));
    on.store(true, Relaxed);
    let done = through(&bench, &between, "undo", &["--ledger", "in.csv.ledger", "--yes"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
}

#[test]
fn delete_replace_and_update_go_on_until_the_api_says_so() {
    let (bench, _, _) = ready();
    for user in 0..4 {
        bench
            .tenant()
            .seed(&format!("auth0|user{user}"), vec![Method::new(Kind::Phone, "+14155999999")]);
    }
    let there: Vec<_> = bench.tenant().state().into_iter().collect();
    let mut targets = String::from("user_id,authentication_method_id\n");
    let mut changes = String::from("user_id,authentication_method_id,name\n");
    let mut sets = String::from("user_id,type,phone_number,name\n");
    for (number, (user, methods)) in there.iter().enumerate() {
        targets += &format!("{user},{}\n", methods[0].id);
        changes += &format!("{user},{},New\n", methods[0].id);
        sets += &format!("{user},phone,+1415500000{number},Set\n");
    }
    for (name, text) in [("targets.csv", &targets), ("changes.csv", &changes), ("sets.csv", &sets)]
    {
        bench.write(name, text);
    }
    let between = Between::start_with(bench.tenant().addr(), |request| {
        let json = "content-type: application/json\r\n";
        match (request.verb.as_str(), request.nth) {
            ("PATCH", 1) => {
                reply("200 OK", json, r#"{"id":"phone|dev_x","type":"phone","name":"x"}"#)
            }
            ("PUT", 1) => reply("200 OK", json, "[]"),
            ("DELETE", 1) => page(PAGES[5], "200 OK"),
            _ => request.pass(),
        }
    });
    let names = || -> Vec<_> {
        let state = bench.tenant().state();
        state.values().flatten().map(|method| method.name.clone().unwrap_or_default()).collect()
    };
    let done = through(&bench, &between, "update", &["changes.csv"]);
    assert_eq!((done.code, names()), (Some(0), vec!["New".to_owned(); 4]), "{done:?}");
    let done = through(&bench, &between, "delete", &["targets.csv", "--yes"]);
    assert_eq!((done.code, names().len()), (Some(0), 0), "{done:?}");
    let done = through(&bench, &between, "replace", &["sets.csv"]);
    assert_eq!((done.code, names()), (Some(0), vec!["Set".to_owned(); 4]), "{done:?}");
}

#[test]
fn a_method_of_another_time_than_the_ledger_says_is_kept() {
    let (bench, wanted, users) = ready();
    let (between, _on) = switched(&bench, |request| {
        if request.verb != "GET" || request.path.contains("per_page") {
            return request.pass();
        }
        request.with_body(|mut method| {
            method["created_at"] = json!("2020-02-20T20:20:20.000Z");
            method
        })
    });
    assert_eq!(through(&bench, &between, "import", &["in.csv"]).code, Some(0));
    let mut targets = String::from("user_id,authentication_method_id\n");
    for (user, methods) in bench.tenant().state() {
        targets += &format!("{user},{}\n", methods[0].id);
    }
    bench.write("targets.csv", &targets);
    let ledger = ["--ledger", "in.csv.ledger", "--yes"];
    let done = through(&bench, &between, "delete", &[&["targets.csv"], &ledger[..]].concat());
    assert_eq!((done.code, &done.summary()["kept"]), (Some(0), &json!(4)), "{done:?}");
    let done = through(&bench, &between, "undo", &ledger);
    assert_eq!((done.code, &done.summary()["kept"]), (Some(0), &json!(ROWS)), "{done:?}");
    let rows = bench.rows("in.csv.ledger");
    assert!(rows.iter().all(|row| row["state"] == "kept"), "{rows:#?}");
    assert!(rows.iter().all(|row| row["error"] == "other_time"), "{rows:#?}");
    let held: usize = bench.tenant().state().values().map(Vec::len).sum();
    assert_eq!((held, users.len()), (ROWS, wanted.len()));
}

/// Rows whose answers look alike: nothing but the id tells them apart.
fn alike(count: usize) -> (String, Vec<Method>, Vec<String>) {
    let mut csv = String::from("user_id,type,name,totp_secret\n");
    let (mut wanted, mut users) = (Vec::new(), Vec::new());
    for number in 0..count {
        let secret = data_encoding::BASE32_NOPAD.encode(format!("{number:020}").as_bytes());
        csv += &format!("auth0|user{number},totp,App,{secret}\n");
        wanted.push(Method::new(Kind::Totp, secret));
        users.push(format!("auth0|user{number}"));
    }
    (csv, wanted, users)
}

#[test]
fn of_two_rows_with_the_same_id_neither_is_believed() {
    let (bench, ..) = ready();
    let (csv, wanted, users) = alike(ROWS);
    bench.write("in.csv", csv);
    // The fourth answer of a connection comes once more, to the next POST, and then it is closed.
    let between = Between::start_kept(bench.tenant().addr(), |request, held| {
        if held.len() > 4 {
            return None;
        }
        held.push(request.pass());
        let again = usize::from(held.len() == 5 && request.verb == "POST");
        held.get(held.len() - 1 - again).cloned()
    });
    let flags = ["in.csv", "--settle", "200ms", "--concurrency", "1"];
    let done = through(&bench, &between, "import", &flags);
    assert_eq!(done.code, Some(4), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
    let rows = bench.rows("in.csv.ledger");
    let mut suspects = 0;
    for row in rows.iter().filter(|row| row["state"] != "created") {
        suspects += 1;
        assert_eq!(row["state"], "needs_review", "{row}");
        assert!(row["error"].as_str().unwrap().starts_with("id_given_twice:totp|dev_"), "{row}");
    }
    assert!((1..=3).contains(&suspects), "{rows:#?}");
    // The next run looks at what such a user really has.
    let done = through(&bench, &between, "import", &flags);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.states("in.csv.ledger")["created"], ROWS);
    bench.audit("in.csv.ledger", &wanted, &users);
}

#[test]
fn a_list_that_holds_what_was_created_for_another_user_is_no_list_of_this_one() {
    let (bench, ..) = ready();
    let (csv, wanted, users) = alike(ROWS);
    bench.write("in.csv", csv);
    let between = Between::start_with(bench.tenant().addr(), |request| {
        let answer = request.pass();
        match request.verb.as_str() {
            "POST" if strikes(request, "POST") => Vec::new(),
            "GET" if request.nth < 2 => {
                let other = request.path.split("user").next().unwrap();
                request.ask(
                    "GET",
                    &format!(
                        "{other}users/auth0%7Cuser0/authentication-methods?include_totals=true"
                    ),
                    "",
                    b"",
                )
            }
            _ => answer,
        }
    });
    let flags = ["in.csv", "--settle", "200ms", "--concurrency", "1"];
    let done = through(&bench, &between, "import", &flags);
    assert_eq!(done.code, Some(0), "{done:?}");
    bench.audit("in.csv.ledger", &wanted, &users);
    assert_eq!(bench.tenant().stats().requests(Verb::Post), ROWS as u64);
    assert!(bench.tenant().stats().requests(Verb::Get) >= 6, "the lists were asked for again");
}

#[test]
fn an_answer_too_many_on_a_kept_connection_gives_nobody_anothers_id() {
    for input in [factors(ROWS), alike(ROWS)] {
        let (bench, ..) = ready();
        let (csv, wanted, users) = input;
        bench.write("in.csv", csv);
        // The fourth answer of each connection comes once more, and every later one late.
        let between = Between::start_kept(bench.tenant().addr(), |request, held| {
            held.push(request.pass());
            held.get(held.len() - 1 - usize::from(held.len() > 4)).cloned()
        });
        let flags = ["in.csv", "--settle", "200ms", "--concurrency", "1"];
        let done = through(&bench, &between, "import", &flags);
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        let states = bench.states("in.csv.ledger");
        bench.audit("in.csv.ledger", &wanted, &users);
        // What was told twice is not just called created.
        let suspects = states.get("needs_review").copied().unwrap_or_default();
        assert!(suspects <= 3 && states["created"] + suspects == ROWS, "{states:?}");
        assert_eq!(done.code, Some(if suspects == 0 { 0 } else { 4 }), "{states:?}");
    }
}
