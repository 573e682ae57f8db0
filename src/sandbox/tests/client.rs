//! A client that speaks HTTP by hand, so that broken answers can be seen as they are.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::sandbox::{Sandbox, Settings};

pub(super) const TOKEN: &str = "ready";
pub(super) const PHONE: &str =
    r#"{"type":"phone","name":"mobile","phone_number":"+44207183875044"}"#;

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.header(name).unwrap().parse().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns whether as many bytes came as were announced.
    pub(super) fn is_whole(&self) -> bool {
        self.header("content-length").is_none_or(|length| length.parse() == Ok(self.body.len()))
    }
}

pub(super) async fn start(settings: Settings) -> Sandbox {
    Sandbox::start(Settings { static_tokens: vec![TOKEN.into()], ..settings }, 0).await.unwrap()
}

pub(super) async fn open(sandbox: &Sandbox, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

pub(super) fn request(verb: &str, path: &str, body: &str) -> String {
    format!(
        "{verb} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Everything up to the end of the connection.
pub(super) async fn read(mut stream: TcpStream) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

pub(super) async fn send(
    sandbox: &Sandbox,
    verb: &str,
    path: &str,
    body: &str,
) -> io::Result<Reply> {
    read(open(sandbox, &request(verb, path, body)).await).await
}

pub(super) async fn call(sandbox: &Sandbox, verb: &str, path: &str, body: &str) -> Reply {
    send(sandbox, verb, path, body).await.unwrap()
}

pub(super) fn methods(user: &str) -> String {
    format!("/api/v2/users/auth0%7C{user}/authentication-methods")
}

pub(super) async fn post(sandbox: &Sandbox, user: &str) -> io::Result<Reply> {
    send(sandbox, "POST", &methods(user), PHONE).await
}

/// Waits until something is true, and fails if it never is.
pub(super) async fn eventually(is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(5), waiting).await.expect("it never came true");
}
