//! Proxies and peers that stand between us and the tenant, and token endpoints that say odd things.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mfaferry::sandbox::{Settings, Verb};

use crate::{
    between::Between,
    support::{Bench, Done, binary, factors, run, run_bounded, side_by_side},
};

/// Says the same to everybody, whatever they say; counts them. Lives as long as the tests.
fn stubborn(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            count.fetch_add(1, Ordering::SeqCst);
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            // Whoever goes away early is no matter.
            drop(stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(&answer)));
        }
    });
    (address, asked)
}

/// An import that nobody real is asked for.
fn import(arguments: &[&str], environment: &[(&str, &str)]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), factors(3).0).unwrap();
    let mut command = binary();
    command
        .current_dir(folder.path())
        .args(["import", "in.csv", "--timeout=2s", "--max-outage=300ms", "--output=json"])
        .args(arguments)
        .env("AUTH0_CLIENT_ID", "tester")
        .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret")
        .envs(environment.iter().copied());
    run_bounded(&mut command)
}

#[test]
fn a_proxy_that_opens_no_connection_from_the_start_stops_the_run_and_says_what_it_answers() {
    let answers = [
        ("407 Proxy Authentication Required", 3, "the proxy wants credentials (407)"),
        ("403 Forbidden", 3, "the proxy refuses to open a connection to the tenant (403)"),
        ("404 Not Found", 3, "(404)"),
        ("302 Found\r\nLocation: http://portal.example/", 3, "the proxy sends us elsewhere (302)"),
        ("429 Too Many Requests", 3, "the proxy opens no connection to the tenant (429)"),
        ("502 Bad Gateway", 3, "the proxy opens no connection to the tenant (502)"),
        ("503 Service Unavailable", 3, "the proxy opens no connection to the tenant (503)"),
    ];
    side_by_side(&answers, |(answer, code, text)| {
        let reply = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (address, asked) = stubborn(reply.into_bytes());
        let proxy = format!("http://user:CANARYpassword@{address}");
        let done = import(&["--domain", "tenant.example"], &[("https_proxy", &proxy)]);
        assert_eq!(done.code, Some(code), "{answer}: {done:?}");
        assert!(done.stderr.contains(text), "{answer}: {done:?}");
        assert!(!done.stderr.contains("CANARY"), "{answer}: {done:?}");
        assert!(asked.load(Ordering::SeqCst) > 0, "{answer}");
    });
    let (address, _) = stubborn(b"\x15\x03\x01".to_vec());
    let proxy = format!("http://{address}");
    let done = import(&["--domain", "tenant.example"], &[("https_proxy", &proxy)]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("the proxy opens no connection to the tenant"), "{done:?}");
}

#[test]
fn a_host_that_no_proxy_names_is_asked_directly() {
    let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let (proxy, by_proxy) = stubborn(refusal.to_vec());
    let (tenant, directly) = stubborn(OLD_TLS.to_vec());
    // The machine itself by a name that counts as none of its own.
    let base = format!("https://0.0.0.0:{}", tenant.port());
    let proxy = format!("http://{proxy}");
    for (name, list, spared) in [
        ("no_proxy", "0.0.0.0", true),
        ("NO_PROXY", "*", true),
        ("NO_PROXY", ".internal,0.0.0.0/8", true),
        ("no_proxy", ".internal", false),
        ("no_proxy", "", false),
    ] {
        let before = (by_proxy.load(Ordering::SeqCst), directly.load(Ordering::SeqCst));
        let done = import(&["--base-url", &base], &[("https_proxy", &proxy), (name, list)]);
        assert_eq!(done.code, Some(3), "{list}: {done:?}");
        let after = (by_proxy.load(Ordering::SeqCst), directly.load(Ordering::SeqCst));
        assert_eq!((after.0 == before.0, after.1 > before.1), (spared, spared), "{list}");
    }
}

/// An alert that ends the handshake: `protocol_version`.
const OLD_TLS: &[u8] = &[21, 3, 1, 0, 2, 2, 70];

#[test]
fn tls_that_is_too_old_stops_the_run() {
    // A server's hello of TLS 1.0, with a cipher of its time.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    for answer in [OLD_TLS.to_vec(), vec![21, 3, 1, 0, 2, 2, 40], hello] {
        let (address, _) = stubborn(answer.clone());
        let done = import(&["--base-url", &format!("https://{address}")], &[]);
        assert_eq!(done.code, Some(3), "{answer:?}: {done:?}");
        assert!(done.stderr.contains("TLS is too old"), "{answer:?}: {done:?}");
    }
}

#[test]
fn certificates_are_read_only_where_tls_is_spoken() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    for (scheme, code) in [("http", 0), ("https", 3)] {
        let base = format!("{scheme}://{}", bench.tenant().addr());
        let mut command = bench.import("in.csv");
        command.args(["--base-url", &base, "--ledger", scheme]);
        let done = run_bounded(command.env("SSL_CERT_FILE", "/nonexistent"));
        assert_eq!(done.code, Some(code), "{scheme}: {done:?}");
        assert_eq!(done.stderr.contains("SSL_CERT_FILE"), code == 3, "{scheme}: {done:?}");
    }
}

#[test]
fn a_token_whose_life_makes_no_sense_is_used_for_a_sensible_time() {
    for life in ["0", "-1", "1", "18446744073709551615", "1e300", "\"never\"", "null"] {
        let bench = Bench::new(Settings::default());
        bench.write("in.csv", factors(30).0);
        let said: serde_json::Value = serde_json::from_str(life).unwrap();
        let between = Between::start_with(bench.tenant().addr(), move |request| {
            if request.verb != "TOKEN" {
                return request.pass();
            }
            request.with_body(|mut granted| {
                granted["expires_in"] = said.clone();
                granted
            })
        });
        let mut command = bench.import("in.csv");
        let done = run(command.args(["--base-url", &format!("http://{}", between.address)]));
        assert_eq!(done.code, Some(0), "{life}: {done:?}");
        assert_eq!(bench.tenant().stats().requests(Verb::Token), 1, "{life}: {done:?}");
    }
}

#[test]
fn requests_for_tokens_are_paced_and_counted() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let done = run(bench.import("in.csv").args(["--rate", "2"]));
    let summary = done.summary();
    assert_eq!((done.code, &summary["requests"]), (Some(0), &2.into()), "{done:?}");
    assert!(summary["elapsed_seconds"].as_f64().unwrap() > 0.45, "{summary}");
}
