//! Somebody between the binary and the tenant, who may answer anything at all.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// One request on its way to the tenant. No connection is used twice, unless it is said to be.
pub(crate) struct Request {
    pub(crate) verb: String,
    pub(crate) path: String,
    /// Number of requests with this verb that came before it.
    pub(crate) nth: usize,
    authorization: String,
    media: String,
    body: Vec<u8>,
    tenant: SocketAddr,
}

/// Raw bytes of an answer, after which the connection is closed.
pub(crate) type Answer = fn(&Request) -> Vec<u8>;

/// Treatment of a connection.
type Serve = dyn Fn(usize, TcpStream, &Counts) -> std::io::Result<()> + Send + Sync;
type Counts = Mutex<HashMap<String, usize>>;

/// Returns whether the connection of that number is reset before anything is read from it.
pub(crate) type Reset = fn(usize) -> bool;

/// See the module. Ends when dropped.
pub(crate) struct Between {
    pub(crate) address: SocketAddr,
    ending: Arc<AtomicBool>,
}

impl Between {
    pub(crate) fn start(tenant: SocketAddr, reset: Reset, answer: Answer) -> Self {
        Self::serving(move |number, stream, counts| {
            if reset(number) {
                // What is closed with something unread in it is reset.
                stream.peek(&mut [0]).map(drop)
            } else {
                serve(stream, tenant, answer, counts)
            }
        })
    }

    /// The same with an answer that knows more than the request.
    pub(crate) fn start_with(
        tenant: SocketAddr,
        answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::serving(move |_, stream, counts| serve(stream, tenant, &answer, counts))
    }

    /// Passes everything on, and resets a connection on which a request arrives after it was idle
    /// for longer than that; counts them.
    pub(crate) fn start_dying(tenant: SocketAddr, idle: Duration, died: Arc<AtomicUsize>) -> Self {
        Self::serving(move |_, mut stream, counts| {
            stream.set_nodelay(true)?;
            for number in 0.. {
                #[expect(clippy::disallowed_methods, reason = "another process is being timed")]
                let answered = Instant::now();
                if stream.peek(&mut [0])? == 0 {
                    return Ok(());
                }
                if number > 0 && answered.elapsed() > idle {
                    died.fetch_add(1, Ordering::Relaxed);
                    // What is closed with something unread in it is reset.
                    return Ok(());
                }
                let keep =
                    |request: &Request| replace(&request.pass(), "connection: close\r\n", "");
                serve(&mut stream, tenant, keep, counts)?;
            }
            Ok(())
        })
    }

    /// The same on connections that are kept: an answer also knows what was held back before on its
    /// connection, and says what is. Without an answer the connection is closed.
    pub(crate) fn start_kept(
        tenant: SocketAddr,
        answer: impl Fn(&Request, &mut Vec<Vec<u8>>) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::serving(move |_, mut stream, counts| {
            let mut held = Vec::new();
            loop {
                let request = receive(&mut stream, tenant, counts)?;
                let Some(answer) = answer(&request, &mut held) else {
                    return Ok(());
                };
                stream.write_all(&replace(&answer, "connection: close\r\n", ""))?;
            }
        })
    }

    /// Passes everything on, and speaks TLS to the client.
    pub(crate) fn start_tls(tenant: SocketAddr, config: Arc<rustls::ServerConfig>) -> Self {
        Self::serving(move |_, stream, counts| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            serve(&mut stream, tenant, Request::pass, counts)?;
            stream.conn.send_close_notify();
            stream.flush()
        })
    }

    fn serving(
        serve: impl Fn(usize, TcpStream, &Counts) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let serve: Arc<Serve> = Arc::new(serve);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ending = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ending);
        std::thread::spawn(move || {
            let counts = Arc::new(Counts::default());
            for (number, stream) in listener.incoming().enumerate() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let (serve, counts) = (Arc::clone(&serve), Arc::clone(&counts));
                // A client that goes away is no matter.
                std::thread::spawn(move || drop(serve(number, stream, &counts)));
            }
        });
        Self { address, ending }
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    mut stream: impl Read + Write,
    tenant: SocketAddr,
    answer: impl Fn(&Request) -> Vec<u8>,
    counts: &Counts,
) -> std::io::Result<()> {
    let request = receive(&mut stream, tenant, counts)?;
    stream.write_all(&answer(&request))
}

fn receive(mut stream: impl Read, tenant: SocketAddr, counts: &Counts) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(&mut stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut found =
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        found.next_back().unwrap_or_default().to_owned()
    };
    let length: usize = header("content-length").parse().unwrap_or_default();
    while bytes.len() < head_end + length {
        more(&mut stream, &mut bytes)?;
    }
    let mut words = head.split(' ').map(str::to_owned);
    let verb = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    // Tokens are asked for by POST, too, and are not counted with the rest.
    let verb = if path == "/oauth/token" { "TOKEN".into() } else { verb };
    let nth = {
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(verb.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let body = bytes.split_off(head_end);
    let (authorization, media) = (header("authorization"), header("content-type"));
    Ok(Request { verb, path, nth, authorization, media, body, tenant })
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    let mut piece = [0; 4096];
    match stream.read(&mut piece)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&piece[..count]);
            Ok(())
        }
    }
}

impl Request {
    /// The tenant's own answer.
    pub(crate) fn pass(&self) -> Vec<u8> {
        let verb = if self.verb == "TOKEN" { "POST" } else { &self.verb };
        self.ask(verb, &self.path, &self.media, &self.body)
    }

    /// Asks the tenant something else, with the same token.
    pub(crate) fn ask(&self, verb: &str, path: &str, media: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.tenant).unwrap();
        let media =
            if media.is_empty() { String::new() } else { format!("content-type: {media}\r\n") };
        let head = format!(
            "{verb} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{media}\
             authorization: {}\r\ncontent-length: {}\r\n\r\n",
            self.authorization,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        // An answer that breaks off is an answer, too.
        drop(stream.read_to_end(&mut answer));
        answer
    }

    /// The body, as far as it is text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The tenant's answer with its body made into another.
    pub(crate) fn with_body(
        &self,
        change: impl Fn(serde_json::Value) -> serde_json::Value,
    ) -> Vec<u8> {
        let answer = self.pass();
        let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[..at]).lines().next().unwrap().to_owned();
        let body = change(serde_json::from_slice(&answer[at + 4..]).unwrap()).to_string();
        reply(&status.replace("HTTP/1.1 ", ""), "content-type: application/json\r\n", &body)
    }
}

/// An answer made up.
pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let close = "connection: close\r\n";
    format!("HTTP/1.1 {status}\r\n{headers}{close}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The same with `new` for `old`, bytes that are no text included.
pub(crate) fn replace(answer: &[u8], old: &str, new: &str) -> Vec<u8> {
    String::from_utf8_lossy(answer).replace(old, new).into_bytes()
}
