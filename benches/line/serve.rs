//! A tenant that says yes at once and remembers nothing: what is measured against it is the client.

use std::{
    convert::Infallible,
    io::Write,
    net::Ipv4Addr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// Far in the future: a bucket that is never empty.
const LIMIT: [(&str, &str); 3] = [
    ("x-ratelimit-limit", "100000"),
    ("x-ratelimit-remaining", "99999"),
    ("x-ratelimit-reset", "4102444800"),
];
pub(crate) const TOKEN: &str = r#"{"access_token":"bench","expires_in":86400,"scope":"create:authentication_methods read:authentication_methods","token_type":"Bearer"}"#;

static CREATED: AtomicU64 = AtomicU64::new(0);
static MET: AtomicBool = AtomicBool::new(false);

/// Serves until it is killed. Says on standard output its port, and `first` when the first factor
/// comes.
pub(crate) fn serve(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads").block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
        say(&listener.local_addr().expect("it is bound").port().to_string());
        loop {
            let (stream, _) = listener.accept().await.expect("file handles");
            stream.set_nodelay(true).expect("a socket");
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    });
}

pub(crate) fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("the harness listens");
}

/// Returns the type of the factor that a body creates: an answer of another type is not believed.
pub(crate) fn type_of(body: &[u8]) -> &str {
    const KEY: &[u8] = br#""type":""#;
    let at = body.windows(KEY.len()).position(|window| window == KEY);
    let rest = at.map_or(&[][..], |at| body.split_at(at + KEY.len()).1);
    let end = rest.iter().position(|byte| *byte == b'"').unwrap_or_default();
    std::str::from_utf8(rest.split_at(end).0).unwrap_or_default()
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_token = request.uri().path() == "/oauth/token";
    // A body that breaks off is a client that has gone.
    let sent = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let (status, body) = if is_token {
        (StatusCode::OK, TOKEN.to_owned())
    } else {
        if !MET.swap(true, Ordering::Relaxed) {
            say("first");
        }
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let factor_type = type_of(&sent);
        let now = jiff::Timestamp::now();
        let body = format!(
            r#"{{"id":"{factor_type}|dev_{number:016}","type":"{factor_type}","created_at":"{now}"}}"#
        );
        (StatusCode::CREATED, body)
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    for (name, value) in LIMIT {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(response)
}
