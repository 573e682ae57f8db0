//! A place that stays the same, whatever is behind it: at first nobody, then a tenant, then
//! another. The port is never given back in between, so nobody else can take it.

use std::{
    io::copy,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::net::TcpSocket;

/// Connections that may wait at a door.
const QUEUE: u32 = 8;

/// See the module. Ends when dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    state: State,
    leads_to: Arc<Mutex<SocketAddr>>,
    ending: Arc<AtomicBool>,
    /// Listening needs one.
    runtime: tokio::runtime::Runtime,
}

enum State {
    /// Whoever connects is refused.
    Closed(TcpSocket),
    /// Whoever connects waits: the queue is full.
    Full(TcpListener, Vec<TcpStream>),
    Open,
}

impl Door {
    pub(crate) fn closed() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (leads_to, ending) = (Arc::new(Mutex::new(address)), Arc::default());
        Self { address, state: State::Closed(socket), leads_to, ending, runtime }
    }

    pub(crate) fn full() -> Self {
        let mut door = Self::closed();
        let listener = door.listen();
        let mut queue = Vec::new();
        let patience = Duration::from_millis(100);
        while let Ok(stream) = TcpStream::connect_timeout(&door.address, patience) {
            queue.push(stream);
            assert!(queue.len() < 64, "the queue is never full");
        }
        door.state = State::Full(listener, queue);
        door
    }

    pub(crate) fn open(tenant: SocketAddr) -> Self {
        let mut door = Self::closed();
        door.lead_to(tenant);
        door
    }

    /// Leads whoever connects from now on to that tenant.
    pub(crate) fn lead_to(&mut self, tenant: SocketAddr) {
        *self.leads_to.lock().unwrap() = tenant;
        let listener = match std::mem::replace(&mut self.state, State::Open) {
            State::Open => return,
            State::Full(listener, queue) => {
                drop(queue);
                listener
            }
            closed @ State::Closed(_) => {
                self.state = closed;
                self.listen()
            }
        };
        let (leads_to, ending) = (Arc::clone(&self.leads_to), Arc::clone(&self.ending));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ending.load(Ordering::Relaxed) {
                    return;
                }
                let tenant = TcpStream::connect(*leads_to.lock().unwrap());
                if let (Ok(client), Ok(tenant)) = (stream, tenant) {
                    let back = (tenant.try_clone().unwrap(), client.try_clone().unwrap());
                    thread::spawn(move || pass(client, tenant));
                    thread::spawn(move || pass(back.0, back.1));
                }
            }
        });
    }

    fn listen(&mut self) -> TcpListener {
        let State::Closed(socket) = std::mem::replace(&mut self.state, State::Open) else {
            panic!("it listens already");
        };
        let _guard = self.runtime.enter();
        let listener = socket.listen(QUEUE).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if matches!(self.state, State::Open) {
            drop(TcpStream::connect(self.address));
        }
    }
}

/// Everything that comes from the one, and then its end.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Either side may break off at any time.
    drop(copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}
