//! A tenant with a thread a connection, over TLS or not, with a hidden limit or none. It answers as
//! `serve` does, and is slower: what is compared here is compared with itself.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use clap::Args;
use mfaferry::sandbox::{Admission, BucketState, Limit, Limiter};

use super::{
    serve::{TOKEN, say, type_of},
    tls,
};

/// Settings of the server.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Manner {
    /// Speaks TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// Requests a second out of a bucket of as many; 0: any number
    #[arg(long, default_value_t = 0)]
    pub(crate) limit: u32,
    /// Milliseconds before each answer
    #[arg(long, default_value_t = 0)]
    pub(crate) latency: u64,
}

struct Tenant {
    limiter: Limiter,
    began: Instant,
    latency: Duration,
    created: AtomicU64,
}

/// Serves until it is killed; says its port on standard output.
pub(crate) fn serve(manner: Manner) {
    let limit = match manner.limit {
        0 => Limit::None,
        rate => Limit::TokenBucket { rate: f64::from(rate), burst: rate },
    };
    let tenant = Arc::new(Tenant {
        limiter: Limiter::new(limit, &[], 0.0, unix()),
        began: Instant::now(),
        latency: Duration::from_millis(manner.latency),
        created: AtomicU64::new(0),
    });
    let config = manner.tls.then(|| tls::server(tls::GOOD));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    say(&listener.local_addr().expect("it is bound").port().to_string());
    for stream in listener.incoming() {
        let (stream, tenant, config) =
            (stream.expect("file handles"), Arc::clone(&tenant), config.clone());
        thread::spawn(move || {
            stream.set_nodelay(true).expect("a socket");
            match config {
                Some(config) => {
                    let session = rustls::ServerConnection::new(config).expect("a session");
                    tenant.converse(rustls::StreamOwned::new(session, stream));
                }
                None => tenant.converse::<TcpStream>(stream),
            }
        });
    }
}

impl Tenant {
    /// Answers what comes on a connection until it is closed.
    fn converse<S: Read + Write>(&self, stream: S) {
        let mut stream = BufReader::new(stream);
        while let Some((is_token, body)) = read(&mut stream) {
            let answer = self.answer(is_token, &body);
            let stream = stream.get_mut();
            if stream.write_all(&answer).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, is_token: bool, body: &[u8]) -> Vec<u8> {
        if is_token {
            return response("200 OK", None, TOKEN);
        }
        let admission = self.limiter.admit(self.began.elapsed());
        thread::sleep(self.latency);
        match admission {
            Admission::Refused(reading) => response("429 Too Many Requests", Some(reading), "{}"),
            Admission::Granted(reading) => self.created(Some(reading), body),
            Admission::Free => self.created(None, body),
        }
    }

    fn created(&self, reading: Option<BucketState>, body: &[u8]) -> Vec<u8> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        let (factor_type, now) = (type_of(body), jiff::Timestamp::now());
        let body = format!(
            r#"{{"id":"{factor_type}|dev_{number:016}","type":"{factor_type}","created_at":"{now}"}}"#
        );
        response("201 Created", reading, &body)
    }
}

/// Reads a request; `None` at the end of the connection. Says whether it asks for a token.
fn read(stream: &mut impl BufRead) -> Option<(bool, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let is_token = line.starts_with("POST /oauth/token");
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((is_token, body))
}

fn response(status: &str, reading: Option<BucketState>, body: &str) -> Vec<u8> {
    let now = unix();
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + now);
    // A bucket that is never empty, where there is no limit.
    let (limit, remaining, full_in) = reading
        .map_or((100_000, 99_999, Duration::ZERO), |reading| {
            (reading.limit, reading.remaining, reading.full_in)
        });
    let reset = (now + full_in).as_secs_f64().ceil();
    format!(
        "HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-type: application/json; charset=utf-8\r\n\
         x-ratelimit-limit: {limit}\r\nx-ratelimit-remaining: {remaining}\r\n\
         x-ratelimit-reset: {reset}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn unix() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970")
}
