//! A tenant that has never answered: a slip in a setting, a proxy, a portal, and no outage to wait
//! for. And what is told of one that answers no longer.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use mfaferry::sandbox::Settings;

use crate::{
    between::{Between, reply},
    door::Door,
    support::{Bench, Done, binary, factors, run_bounded, side_by_side},
    tls,
};

/// The server that listens there, with its port.
type Place = fn() -> String;

/// Refuses everybody, as long as the tests last: a port given back could become another test's
/// tenant.
fn closed() -> String {
    let door = Box::leak(Box::new(Door::closed()));
    format!("http://{}", door.address)
}

/// Answers everybody the same, as long as the tests last.
fn always(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            // Whoever goes away early is no matter.
            drop(stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(&answer)));
        }
    });
    format!("http://{address}")
}

fn page() -> String {
    let html = "<html><title>Welcome to nginx!</title><p>CANARY@example.com</p></html>";
    always(reply("200 OK", "content-type: text/html\r\n", html))
}

fn bad_gateway() -> String {
    let html = "<html><title>502 Bad Gateway</title></html>";
    always(reply("502 Bad Gateway", "content-type: text/html\r\n", html))
}

fn throttled() -> String {
    let json = r#"{"error":"too_many_requests","error_description":"CANARY"}"#;
    always(reply("429 Too Many Requests", "content-type: application/json\r\n", json))
}

fn throttled_for_long() -> String {
    let headers = "content-type: application/json\r\nretry-after: 3600\r\n";
    always(reply("429 Too Many Requests", headers, "{}"))
}

fn token_of_nobody() -> String {
    let json = r#"{"token":"CANARYgranted"}"#;
    always(reply("200 OK", "content-type: application/json\r\n", json))
}

fn dumb() -> String {
    always(Vec::new())
}

fn no_tls() -> String {
    page().replace("http:", "https:")
}

fn unknown_ca() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let session = rustls::ServerConnection::new(tls::server(tls::SELF_SIGNED)).unwrap();
            drop(rustls::StreamOwned::new(session, stream).read(&mut [0; 64]));
        }
    });
    format!("https://{address}")
}

/// An import with the usual patience, and how long it took.
fn import(base: &str, ready: bool) -> (Done, Duration, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), factors(3).0).unwrap();
    let mut command = binary();
    command.current_dir(folder.path()).args(["import", "in.csv", "--base-url", base]);
    if ready {
        command.env("AUTH0_API_TOKEN", "CANARYtoken");
    } else {
        command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYsecret");
    }
    #[expect(clippy::disallowed_methods, reason = "another process is being timed")]
    let began = Instant::now();
    let done = run_bounded(&mut command);
    (done, began.elapsed(), folder)
}

#[test]
fn a_tenant_that_never_answered_ends_the_run_within_seconds_and_says_why() {
    let table: [(&str, Place); 9] = [
        ("nothing listens", closed),
        ("a page of another server", page),
        ("a page of a gateway", bad_gateway),
        ("429", throttled),
        ("429 for an hour", throttled_for_long),
        ("a body that is no grant", token_of_nobody),
        ("closed without an answer", dumb),
        ("TLS asked of a plain port", no_tls),
        ("a CA nobody knows", unknown_ca),
    ];
    let cases = table.iter().flat_map(|case| [(case, false), (case, true)]);
    let told = std::thread::scope(|scope| {
        let runs: Vec<_> = cases
            .map(|(&(what, place), ready)| {
                scope.spawn(move || {
                    let base = place();
                    let (done, took, folder) = import(&base, ready);
                    assert_eq!(done.code, Some(3), "{what}: {done:?}");
                    assert!(took < Duration::from_secs(20), "{what}: {took:?}");
                    assert!(!done.stderr.contains("CANARY"), "{what}: {done:?}");
                    let ledger = folder.path().join("in.csv.ledger");
                    let report =
                        binary().arg("report").arg(ledger).args(["--format", "jsonl"]).output();
                    let rows = String::from_utf8(report.unwrap().stdout).unwrap();
                    let settled = rows.lines().filter(|row| !row.contains("\"in_flight\""));
                    assert_eq!(settled.count(), 0, "{what}: {rows}");
                    let with = if ready { "a ready token" } else { "client credentials" };
                    let (_, error) = done.stderr.split_once("error: ").unwrap();
                    let port = base.rsplit(':').next().unwrap();
                    format!("# {what}, {with}\nerror: {}\n", error.replace(port, "PORT"))
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<String>()
    });
    insta::assert_snapshot!(told);
}

#[test]
fn one_failure_at_the_start_ends_nothing() {
    for strikes in [1, 2] {
        let bench =
            Bench::new(Settings { static_tokens: vec!["ready".into()], ..Settings::default() });
        bench.write("in.csv", factors(12).0);
        let between = Between::start(
            bench.tenant().addr(),
            if strikes == 1 { |number| number == 0 } else { |number| number < 2 },
            crate::between::Request::pass,
        );
        let mut command = bench.import("in.csv");
        command.args(["--base-url", &format!("http://{}", between.address)]);
        let done = run_bounded(command.args(["--settle", "100ms"]).env("AUTH0_API_TOKEN", "ready"));
        assert_eq!(done.code, Some(0), "{strikes}: {done:?}");
        assert_eq!(bench.tenant().stats().created, 12, "{strikes}: {done:?}");
    }
}

#[test]
fn the_api_itself_out_of_order_from_the_start_is_an_outage() {
    let json = r#"{"statusCode":503,"error":"Service Unavailable"}"#;
    let base = always(reply("503 Service Unavailable", "content-type: application/json\r\n", json));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), factors(60).0).unwrap();
    side_by_side(&["AUTH0_API_TOKEN", "AUTH0_CLIENT_SECRET"], |ready| {
        let mut command = binary();
        command.current_dir(folder.path()).args(["import", "in.csv", "--max-outage", "1s"]);
        command.args(["--base-url", &base, "--ledger", ready]).env("AUTH0_CLIENT_ID", "tester");
        if ready == "AUTH0_API_TOKEN" {
            command.env_remove("AUTH0_CLIENT_ID");
        }
        let done = run_bounded(command.args(["--settle", "100ms"]).env(ready, "CANARYtoken"));
        assert_eq!(done.code, Some(5), "{ready}: {done:?}");
        assert!(done.stderr.contains("; last: 503 from the API\n"), "{ready}: {done:?}");
    });
}

#[test]
fn what_went_wrong_last_is_told_while_waiting_and_at_the_end() {
    let gateway = reply("502 Bad Gateway", "content-type: text/html\r\n", "<title>Sorry</title>");
    for (answer, told) in [
        (gateway, "something other than the tenant answered: 502 (text/html): \"Sorry\""),
        (Vec::new(), "the connection was closed before an answer"),
    ] {
        let bench = Bench::new(Settings::default());
        bench.write("in.csv", factors(60).0);
        let count = Arc::new(AtomicUsize::new(0));
        let between = Between::start_with(bench.tenant().addr(), move |request| {
            if request.verb == "TOKEN" || count.fetch_add(1, SeqCst) < 4 {
                request.pass()
            } else {
                answer.clone()
            }
        });
        let mut command = bench.import("in.csv");
        command.args(["--base-url", &format!("http://{}", between.address)]);
        let done = run_bounded(command.args(["--max-outage", "1s", "--settle", "200ms"]));
        assert_eq!(done.code, Some(5), "{done:?}");
        for told in [format!("does not answer, waiting: {told}\n"), format!("; last: {told}\n")] {
            assert!(done.stderr.contains(&told), "{told}: {done:?}");
        }
    }
}

#[test]
fn every_answer_can_be_seen_in_the_log() {
    let bench = Bench::new(Settings { static_tokens: vec!["ready".into()], ..Settings::default() });
    let (csv, _, _) = factors(12);
    bench.write("in.csv", &csv);
    let struck = AtomicBool::new(false);
    let between = Between::start_with(bench.tenant().addr(), move |request| {
        if request.verb == "POST" && request.nth > 3 && !struck.swap(true, SeqCst) {
            let html = "<title>Sorry\u{1b}[2J for +14155550100 CANARYCANARYCANARY</title>";
            return reply("504 Gateway Timeout", "content-type: text/html\r\n", html);
        }
        request.pass()
    });
    let mut command = bench.import("in.csv");
    command.args(["--base-url", &format!("http://{}", between.address), "-vv"]);
    let done = run_bounded(command.args(["--settle", "100ms"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let count = |text: &str| done.stderr.lines().filter(|line| line.ends_with(text)).count();
    assert_eq!(count("TRACE token: 200, granted"), 1, "{done:?}");
    assert_eq!(count("TRACE write: 201 from the API"), 12, "{done:?}");
    assert!(count("TRACE read: 200 from the API") >= 2, "{done:?}");
    let shown = "TRACE write: something other than the tenant answered: 504 (text/html): \"Sorry\\u{1b}[2J for … …\"";
    assert_eq!(count(shown), 1, "{done:?}");
    let values: Vec<&str> = csv.lines().skip(1).filter_map(|row| row.split(',').nth(2)).collect();
    assert!(values.iter().all(|value| value.is_empty() || !done.stderr.contains(value)));
}
