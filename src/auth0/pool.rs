//! Connections that are kept for the next request, and when they are no longer trusted.
//!
//! Whatever stands in front of a tenant closes connections that are idle for long, and a request
//! that arrives at that moment gets no answer. So connections are kept for less than the idle time
//! after which an answer was lost; and a user whose answer was lost gets new connections for the
//! look-up and for the next attempt, so that the same factor cannot lose its answer that way twice.
//!
//! Each thread keeps connections of its own: they are driven by the runtime of the thread that
//! opened them, and a request from another would have to wait for it. This takes a runtime for each
//! thread, so that a task stays on the thread on which it began.

use std::{
    collections::{
        HashMap, HashSet,
        hash_map::{Entry, RandomState},
    },
    hash::BuildHasher,
    sync::{Mutex, MutexGuard},
    thread::{self, ThreadId},
    time::Duration,
};

use reqwest::{Client, Method, Proxy, Request, header::HeaderValue, redirect, retry};
use tokio::time::Instant;

use crate::{error::Error, sync::lock};

/// A constant, because any other value would be reference-counted by each request, from every
/// thread.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("mfaferry/", env!("CARGO_PKG_VERSION")));
/// Longest time that an idle connection is kept, at first.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// Shortest idle time that is blamed for a lost answer: a connection that was just in use hardly
/// lost it because it was idle.
const SHORTEST_IDLE: Duration = Duration::from_millis(100);
/// Number of answers lost on connections idle for less than that, after which connections are kept
/// for less, if no answer came on any connection that was idle for as long as one of them.
const MAX_SHORT: u32 = 5;
/// Shortest idle time for which keeping connections is worthwhile: below it none are kept.
const WORTHWHILE: Duration = Duration::from_millis(1);
/// Shortest interval between two times at which kept connections are given up; in between none are
/// kept.
const RENEWAL: Duration = Duration::from_secs(1);
/// Start of every path about a user.
const USERS: &str = "/api/v2/users/";
/// Most requests remembered as having lost their answer; beyond that, an arbitrary one is
/// forgotten.
const MAX_DOUBTED: usize = 65_536;

/// Settings from which a client is made.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) proxy: Option<Proxy>,
    pub(super) connect_timeout: Duration,
    /// Most connections that each client keeps.
    pub(super) concurrency: usize,
    pub(super) https_only: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pool {
    recipe: Recipe,
    /// Client that keeps no connection.
    fresh: Client,
    hasher: RandomState,
    state: Mutex<PoolState>,
}

#[derive(Debug)]
struct PoolState {
    /// False from the moment kept connections are given up until new ones may be kept.
    is_trusted: bool,
    /// Clients that keep connections, one for each thread that sends.
    kept: HashMap<ThreadId, Kept>,
    /// Counts how often keeping connections has begun anew.
    generation: u64,
    trusted_at: Instant,
    /// Longest time that an idle connection is kept.
    longest_idle: Duration,
    /// Number of answers lost on connections idle for less than [`SHORTEST_IDLE`], and the shortest
    /// such idle time.
    short: (u32, Duration),
    /// Hashes of the requests whose answer was lost.
    doubted: HashSet<u64>,
}

/// A client that keeps connections.
#[derive(Debug)]
struct Kept {
    client: Client,
    /// Start of the idle time of each kept connection. The last one is taken first, as in the
    /// client.
    idle: Vec<Instant>,
}

/// The client that one request goes through.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) client: Client,
    /// Hash of the user that the request is about.
    about: u64,
    /// True if the request changes anything.
    is_change: bool,
    /// Generation of the client that keeps connections, if the request goes through it.
    generation: Option<u64>,
    /// Minimum time for which its connection was idle; `None` for a new connection.
    idle: Option<Duration>,
}

impl Recipe {
    fn client(&self, longest_idle: Option<Duration>) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            // A 307 would carry the TOTP secret to another host.
            .redirect(redirect::Policy::none())
            // Every wire attempt has an intent of its own. Without the zero, each request would be
            // copied for a retry that never comes.
            .retry(retry::never().max_retries_per_request(0))
            // `http_proxy` would see secrets in the clear; only `https_proxy` is honoured.
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(longest_idle.map_or(0, |_| self.concurrency))
            .pool_idle_timeout(longest_idle)
            .https_only(self.https_only);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if !self.https_only {
            // A loopback tenant has no TLS, and reading the machine's CA certificates for it would
            // take longer than a short run.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|_| {
            Error::config(
                "TLS cannot be set up on this machine: it has no CA certificate that can be read",
                "install CA certificates, or name a file of them in SSL_CERT_FILE; if that, or \
                 SSL_CERT_DIR, is set, nothing else is read: check it",
            )
        })
    }
}

impl Pool {
    pub(super) fn new(recipe: Recipe) -> Result<Self, Error> {
        let state = PoolState {
            is_trusted: true,
            kept: HashMap::new(),
            generation: 0,
            trusted_at: Instant::now(),
            longest_idle: LONGEST_IDLE,
            short: (0, SHORTEST_IDLE),
            doubted: HashSet::new(),
        };
        let fresh = recipe.client(None)?;
        Ok(Self { recipe, fresh, hasher: RandomState::new(), state: Mutex::new(state) })
    }

    /// Leases a client for a request that is about to leave.
    pub(super) fn lease(&self, request: &Request) -> Lease {
        let about = self.hasher.hash_one(subject(request.url().path()));
        let is_change = request.method() != Method::GET;
        let mut state = self.state();
        state.renew();
        let (generation, longest_idle) = (state.generation, state.longest_idle);
        let is_doubted = state.doubted.contains(&about);
        let kept = if is_doubted { None } else { self.kept(&mut state) };
        let Some(kept) = kept else {
            let client = self.fresh.clone();
            return Lease { client, about, is_change, generation: None, idle: None };
        };
        let idle = kept.idle.pop().map(|since| since.elapsed());
        let idle = idle.filter(|idle| *idle < longest_idle);
        if idle.is_none() {
            // The client also drops connections that have been idle for longer.
            kept.idle.clear();
        }
        let client = kept.client.clone();
        Lease { client, about, is_change, generation: Some(generation), idle }
    }

    /// Notes that the whole answer came.
    pub(super) fn answered(&self, lease: &Lease) {
        let mut state = self.state();
        if lease.generation == Some(state.generation)
            && let Some(kept) = state.kept.get_mut(&thread::current().id())
            && kept.idle.len() < self.recipe.concurrency
        {
            kept.idle.push(Instant::now());
        }
        if lease.idle.is_some_and(|idle| idle >= state.short.1) {
            state.short = (0, SHORTEST_IDLE);
        }
        // The request after a look-up is the next attempt, which must not be lost.
        if lease.is_change && !state.doubted.is_empty() {
            state.doubted.remove(&lease.about);
        }
    }

    /// Notes that no whole answer came. If the connection had been idle, other idle ones may lose
    /// answers as well.
    pub(super) fn lost(&self, lease: &Lease) {
        let mut state = self.state();
        if state.doubted.len() >= MAX_DOUBTED
            && let Some(any) = state.doubted.iter().next().copied()
        {
            state.doubted.remove(&any);
        }
        state.doubted.insert(lease.about);
        let is_kept = lease.generation == Some(state.generation);
        let Some(idle) = lease.idle.filter(|_| is_kept) else {
            return;
        };
        if idle < SHORTEST_IDLE {
            state.short = (state.short.0 + 1, state.short.1.min(idle));
        }
        let longest_idle = match state.short {
            (times, shortest) if times >= MAX_SHORT => shortest / 2,
            _ if idle < SHORTEST_IDLE => return,
            _ => (idle / 2).max(SHORTEST_IDLE),
        };
        // The time is at least halved each time, so this is logged only a few times.
        if longest_idle < state.longest_idle {
            state.longest_idle = longest_idle;
            state.trust();
            tracing::debug!("connections are kept for {} ms now", longest_idle.as_millis());
        }
    }

    /// Gives up all kept connections, because one of them carried something that cannot be the
    /// answer.
    pub(super) fn distrust(&self) {
        self.state().distrust();
    }

    /// Returns this thread's client that keeps connections; `None` while none are to be kept.
    fn kept<'a>(&self, state: &'a mut PoolState) -> Option<&'a mut Kept> {
        if !state.is_trusted || state.longest_idle < WORTHWHILE {
            return None;
        }
        match state.kept.entry(thread::current().id()) {
            Entry::Occupied(kept) => Some(kept.into_mut()),
            Entry::Vacant(place) => {
                let client = self.recipe.client(Some(state.longest_idle)).ok()?;
                Some(place.insert(Kept { client, idle: Vec::new() }))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        lock(&self.state)
    }
}

impl PoolState {
    fn distrust(&mut self) {
        self.is_trusted = false;
        self.kept.clear();
    }

    fn renew(&mut self) {
        if !self.is_trusted && self.trusted_at.elapsed() >= RENEWAL {
            self.trust();
        }
    }

    /// Keeps connections from now on, and none of those of before.
    fn trust(&mut self) {
        self.is_trusted = true;
        self.kept.clear();
        self.generation += 1;
        self.trusted_at = Instant::now();
    }
}

/// Returns the subject of a request, by its path: the user, whichever method it names. A user's id
/// is one segment.
fn subject(path: &str) -> &str {
    let of_user = path.strip_prefix(USERS).and_then(|rest| rest.split('/').next());
    of_user.unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc::channel};

    use reqwest::Url;
    use tokio::{runtime::Handle, time::advance};

    use super::*;

    fn pool() -> Pool {
        drop(rustls::crypto::ring::default_provider().install_default());
        Pool::new(Recipe {
            proxy: None,
            connect_timeout: Duration::from_secs(1),
            concurrency: 4,
            https_only: false,
        })
        .unwrap()
    }

    fn request(method: Method, user: u32) -> Request {
        let url = format!("http://127.0.0.1/api/v2/users/{user}/authentication-methods?page=0");
        Request::new(method, Url::parse(&url).unwrap())
    }

    fn post(user: u32) -> Request {
        request(Method::POST, user)
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_kept_for_less_time_than_that_after_which_one_was_lost() {
        for (idle, kept) in [(20_000, 10_000), (500, 250), (150, 100), (100, 100), (99, 30_000)] {
            let pool = pool();
            pool.answered(&pool.lease(&post(1)));
            advance(Duration::from_millis(idle)).await;
            let lease = pool.lease(&post(2));
            assert_eq!(lease.idle, Some(Duration::from_millis(idle)));
            pool.lost(&lease);
            assert_eq!(pool.state().longest_idle, Duration::from_millis(kept));
            // Whatever was lost on a new one says nothing of those that are kept.
            pool.lost(&pool.lease(&post(3)));
            assert_eq!(pool.state().longest_idle, Duration::from_millis(kept));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_lost_soon_after_their_use_are_kept_for_less_where_none_that_old_is_answered() {
        let idle = SHORTEST_IDLE / 2;
        for (answered_after, kept) in [(idle, LONGEST_IDLE), (idle / 2, idle / 2)] {
            let pool = pool();
            for user in 0..MAX_SHORT {
                assert_eq!(pool.state().longest_idle, LONGEST_IDLE);
                pool.answered(&pool.lease(&post(100 + user)));
                advance(answered_after).await;
                pool.answered(&pool.lease(&post(200 + user)));
                advance(idle).await;
                pool.lost(&pool.lease(&post(user)));
            }
            assert_eq!(pool.state().longest_idle, kept);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_lost_an_answer_gets_new_connections_until_a_change_is_answered() {
        let pool = pool();
        pool.answered(&pool.lease(&post(1)));
        pool.lost(&pool.lease(&post(1)));
        pool.answered(&pool.lease(&post(2)));
        for request in [request(Method::GET, 1), request(Method::GET, 1), post(1)] {
            let lease = pool.lease(&request);
            assert_eq!(lease.generation, None);
            pool.answered(&lease);
        }
        assert_eq!(pool.lease(&post(1)).idle, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn kept_connections_are_given_up_at_once_and_kept_anew_no_more_than_once_a_second() {
        let pool = pool();
        advance(RENEWAL).await;
        for _ in 0..100 {
            pool.answered(&pool.lease(&post(1)));
            let before = pool.lease(&post(1)).generation;
            pool.distrust();
            let lease = pool.lease(&post(2));
            assert!(
                lease.idle.is_none() && (lease.generation.is_none() || lease.generation != before)
            );
            advance(RENEWAL / 10).await;
        }
        assert!((9..=12).contains(&pool.state().generation), "{}", pool.state().generation);
    }

    #[tokio::test(start_paused = true)]
    async fn each_thread_keeps_its_own_connections_and_all_give_theirs_up_together() {
        let pool = Arc::new(pool());
        let lease = |pool: &Pool, user| {
            let lease = pool.lease(&post(user));
            pool.answered(&lease);
            (lease.generation, lease.idle)
        };
        let (ask, asked) = channel();
        let (tell, told) = channel();
        let (runtime, other) = (Handle::current(), Arc::clone(&pool));
        let thread = thread::spawn(move || {
            let _entered = runtime.enter();
            for user in asked {
                tell.send(lease(&other, user)).unwrap();
            }
        });
        let here = |user| lease(&pool, user);
        let elsewhere = |user| {
            ask.send(user).unwrap();
            told.recv().unwrap()
        };
        let (opened, none) = (|generation| (Some(generation), None), (None, None));
        let kept = |generation| (Some(generation), Some(Duration::ZERO));
        assert_eq!((here(1), elsewhere(2)), (opened(0), opened(0)));
        assert_eq!((here(3), elsewhere(4)), (kept(0), kept(0)));
        pool.distrust();
        assert_eq!((here(5), elsewhere(6)), (none, none));
        advance(RENEWAL).await;
        assert_eq!((here(7), elsewhere(8)), (opened(1), opened(1)));
        assert_eq!((here(9), elsewhere(10)), (kept(1), kept(1)));
        drop(ask);
        thread.join().unwrap();
    }

    #[test]
    fn all_requests_about_a_user_have_one_subject() {
        for path in ["", "?page=2", "/m%7C1"] {
            let path = format!("/api/v2/users/auth0%7C1/authentication-methods{path}");
            assert_eq!(subject(&path), "auth0%7C1");
        }
        assert_eq!(subject("/oauth/token"), "/oauth/token");
    }
}
