//! Rows of the matrix that are not quite one run against one tenant.

use std::{
    collections::BTreeMap,
    fs,
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mfaferry::sandbox::{Method, Settings};

use crate::{
    between::{Between, reply},
    support::{Bench, around, binary, factors, read, run_bounded, spawn},
    tls,
};

/// An import into `url`, with a ready token.
fn import_into(url: &str, bench: &Bench) -> Command {
    let mut command = bench.import("in.csv");
    command.args(["--base-url", url, "--timeout", "500ms", "--max-outage", "1s"]);
    command.env("AUTH0_API_TOKEN", "ready");
    command
}

fn ready_for_three() -> Bench {
    let bench = Bench::new(Settings { static_tokens: vec!["ready".into()], ..Settings::default() });
    bench.write("in.csv", factors(3).0);
    bench
}

pub(super) fn no_such_name() {
    let bench = ready_for_three();
    let mut import = import_into("https://tenant.invalid", &bench);
    let done = run_bounded(&mut around("unshare", &["-rn"], &import));
    if done.stderr.starts_with("unshare: ") {
        let message = format!("\nNOT TESTED: row 3: {}", done.stderr);
        std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes()).unwrap();
        return;
    }
    assert_eq!(done.code, Some(3), "{done:?}");
    let is_musl = cfg!(target_env = "musl");
    let said = if is_musl { "no connection in time" } else { "its name is not found" };
    assert!(done.stderr.contains(said), "{done:?}");
    assert!(done.stderr.contains("that this machine resolves names"), "{done:?}");
    assert!(bench.rows("in.csv.ledger").is_empty(), "nothing was sent, so nothing is in doubt");
    let done = run_bounded(import.args(["--base-url", "https://nothing.valid.", "--ledger", "x"]));
    assert_eq!(done.code, Some(3), "{done:?}");
}

pub(super) fn certificates() {
    let bench = ready_for_three();
    bench.write("ca.pem", tls::AUTHORITY);
    for (certificate, exit) in [
        (tls::SELF_SIGNED, 3),
        (tls::EXPIRED, 3),
        (tls::OTHER_HOST, 3),
        // And it is the certificate that made the difference.
        (tls::GOOD, 0),
    ] {
        let between = Between::start_tls(bench.tenant().addr(), tls::server(certificate));
        let mut command = import_into(&format!("https://{}", between.address), &bench);
        let ledger = format!("{}.ledger", between.address.port());
        let done = run_bounded(command.args(["--ledger", &ledger]).env("SSL_CERT_FILE", "ca.pem"));
        assert_eq!(done.code, Some(exit), "{done:?}");
        if exit == 3 {
            assert!(done.stderr.contains("certificate"), "{done:?}");
            assert!(bench.rows(&ledger).is_empty(), "no row is burnt");
            assert!(bench.tenant().stats().requests.values().all(|count| *count == 0));
        }
    }
    assert_eq!(bench.tenant().stats().created, 3);
}

/// Behaviour of a server towards a connection; it keeps the one that it gives back.
type Behave = fn(TcpStream) -> Option<TcpStream>;

pub(super) fn broken_handshakes() {
    let servers: [(&str, Behave); 4] = [
        ("silence", Some),
        ("closed", |_| None),
        ("nonsense", |mut stream| {
            drop(std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
            Some(stream)
        }),
        ("half a record", |mut stream| {
            drop(std::io::Write::write_all(&mut stream, &[22, 3, 3, 0, 90, 2, 0]));
            None
        }),
    ];
    std::thread::scope(|scope| {
        for (what, behave) in servers {
            scope.spawn(move || broken_handshake(what, behave));
        }
    });
}

fn broken_handshake(what: &str, behave: Behave) {
    let bench = ready_for_three();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ending = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ending);
    let thread = std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            if told.load(Ordering::Relaxed) {
                break;
            }
            kept.push(behave(stream.unwrap()));
        }
        kept.len()
    });
    let done = run_bounded(&mut import_into(&format!("https://{address}"), &bench));
    assert_eq!(done.code, Some(3), "{what}: {done:?}");
    let rows = bench.rows("in.csv.ledger");
    assert!(rows.is_empty(), "{what}: no byte of a request was written: {rows:?}");
    ending.store(true, Ordering::Relaxed);
    drop(TcpStream::connect(address));
    assert!(thread.join().unwrap() > 0, "{what}");
}

pub(super) fn http_2_is_not_there() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    assert!(!fs::read_to_string(lock).unwrap().contains("name = \"h2\""));
}

pub(super) fn redirects() {
    for (status, elsewhere) in
        ["301", "302", "303", "307", "308"].map(|status| (status, TcpListener::bind("127.0.0.1:0")))
    {
        let elsewhere = elsewhere.unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let to = format!("http://{}/api/v2/", elsewhere.local_addr().unwrap());
        let bench = ready_for_three();
        let tenant = bench.tenant().addr();
        let between = Between::start_with(tenant, move |request| {
            let location = format!("location: {to}\r\n");
            if request.verb == "POST" { reply(status, &location, "") } else { request.pass() }
        });
        let done = run_bounded(&mut import_into(&format!("http://{}", between.address), &bench));
        assert_eq!(done.code, Some(3), "{status}: {done:?}");
        let refused = elsewhere.accept().unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock, "{status}: nobody came");
        assert_eq!(bench.tenant().stats().created, 0);
        let states = bench.states("in.csv.ledger");
        assert!(!states.contains_key("rejected") && !states.contains_key("failed"), "{states:?}");
    }
}

pub(super) fn reports() {
    let bench = ready_for_three();
    assert_eq!(run_bounded(&mut bench.import("in.csv")).code, Some(0));
    for format in ["text", "json", "csv", "jsonl"] {
        let mut report = binary();
        report.current_dir(bench.folder.path()).args(["report", "--ledger", "in.csv.ledger"]);
        report.args(["--format", format]);
        let full =
            run_bounded(&mut around("sh", &["-c", "exec \"$0\" \"$@\" >/dev/full"], &report));
        assert_eq!(full.code, Some(1), "{format}: {full:?}");
        assert!(full.stderr.contains("error: "), "{format}: {full:?}");
        let again = run_bounded(&mut report);
        assert!(again.code == Some(0) && !again.stdout.is_empty(), "{format}: {again:?}");
    }
}

pub(super) fn two_ledgers() {
    let bench = Bench::new(Settings { latency_ms: (5, 25), ..Settings::default() });
    let (csv, wanted, users) = factors(90);
    bench.write("in.csv", csv);
    let both = ["one.ledger", "two.ledger"]
        .map(|ledger| spawn(bench.import("in.csv").args(["--ledger", ledger])));
    for child in both {
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let held: BTreeMap<_, _> = bench.tenant().state();
    let mut there: Vec<_> = held
        .iter()
        .flat_map(|(user, methods)| methods.iter().map(|one| (user.clone(), one.digest())))
        .collect();
    let mut asked: Vec<_> = users.into_iter().zip(wanted.iter().map(Method::digest)).collect();
    there.sort();
    asked.sort();
    assert_eq!(there, asked, "each factor is there once");
    let [one, two] = ["one.ledger", "two.ledger"].map(|ledger| bench.states(ledger));
    let created = |states: &BTreeMap<String, usize>| states.get("created").copied().unwrap_or(0);
    assert_eq!(created(&one) + created(&two), 90, "{one:?} {two:?}");
}
