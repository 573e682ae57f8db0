//! A simulated Auth0 tenant: the seven authentication-method operations, the look-up of users by
//! address, five questions about the tenant as a whole and the token endpoint, with their state,
//! over real HTTP/1.1 on loopback.
//!
//! It is strict where Auth0 is known to be strict (auth0-api.md 1 and 3 to 6), and its limits and
//! faults are data ([`Settings`]), so that a run against it can be made to go wrong in any of the
//! ways of reliability.md 2. One request takes this way, and the order of the checks is Auth0's:
//!
//! ```text
//! link -> http -> limit (429) -> fault? -> api: token (401) -> scope (403) -> wire (400) -> tenant (404, 403, 409, write) -> view
//! ```
//!
//! Invariants:
//! 1. A 429 is never executed, and neither is any fault named `-before`.
//! 2. What is written stays written, whatever becomes of the answer.
//! 3. The same seed gives the same faults, ids and delays to a client that asks one thing at a
//!    time.
//!
//! Beside Auth0's paths there are two of its own, for rehearsals in another process. They answer
//! at all times, without a token and outside the limit:
//! - `GET /_sandbox/stats`: [`Stats`] as one JSON object;
//! - `GET /_sandbox/state`: one JSON object a line and user, `{"user_id", "methods": [{"id",
//!   "type", "name", "created_at", "digest"}]}`, users in order of their ids, methods in order of
//!   creation. `digest` is the hex HMAC-SHA-256 of `type|value` (for instance `phone|+4420…`) with
//!   a key that is drawn at the start: a rehearsal uses real customers' files, so neither values
//!   nor anything they could be guessed from is ever printed.
//!
//! All paths are answered only to requests whose `Host` is this machine's (`localhost`,
//! 127.0.0.0/8, `[::1]`), so that no web page can read them under a name of its own; others get a
//! 421.
//!
//! Where Auth0's behaviour is not established it is a setting
//! ([`TenantFacts`](crate::model::TenantFacts)), so that the tenant can be made to behave like one
//! that was probed. Unless told otherwise, a name of more than 20 characters is a 400, since no
//! list may show it; PUT for an unknown user is a 404, and DELETE of all its methods a 204; a
//! factor that is switched off can be created all the same. Some is decided once and for all: a
//! field of another type is a 400, and so is a user id without a `|`; `cap_per_user` counts per
//! type; POST masks in its answer as lists do; PATCH of a method whose type its answer has no word
//! for, a passkey above all, is a 400.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod answer;
mod call;
mod clock;
mod directory;
mod facts;
mod faults;
mod http;
mod limit;
mod rng;
mod settings;
mod setup;
mod stats;
mod tenant;

pub use crate::model::{Conflict, RetryAfter};
pub use call::Verb;
pub use directory::{Directory, Identity, User};
pub use faults::{Fault, FaultError, FaultKind, On};
pub use limit::bucket::{BucketState, Neighbours};
pub use limit::{Admission, Limit, Limiter};
pub use settings::{ALL_SCOPES, Outage, OutageKind, Secret, Settings, USUAL_SCOPES, Users};
pub use setup::{CustomDomain, DomainStatus, GuardianFactor, GuardianFactors, MfaPolicy};
pub use stats::{Arrival, Stats};
pub use tenant::method::{Channel, Credential, Kind, Method};

use http::Server;

/// A running simulated tenant. It ends with [`stop`](Self::stop), or when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    server: Arc<Server>,
    ending: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Sandbox {
    /// Listens on 127.0.0.1 at `port` (0: any free one) and serves until stopped.
    ///
    /// # Errors
    ///
    /// If the port cannot be bound.
    pub async fn start(settings: Settings, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let server = Arc::new(Server::new(settings));
        let ending = CancellationToken::new();
        let accepting =
            tokio::spawn(http::listen::accept(listener, Arc::clone(&server), ending.clone()));
        Ok(Self { address, server, ending, accepting })
    }

    /// Returns the address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL for a client: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes every connection at once and waits until everything has ended. Late writes are
    /// dropped.
    pub async fn stop(mut self) {
        self.ending.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(%error, "the sandbox did not end well");
        }
    }

    /// Adds methods to a user without using the API, of any type and age, after the existing ones.
    ///
    /// An empty `id` is filled in as for a new method, and a `created_at` at the Unix epoch becomes
    /// now. Caps and conflicts do not apply.
    pub fn seed(&self, user_id: &str, methods: Vec<Method>) {
        self.server.api().seed(user_id, methods);
    }

    /// Simulates a user who changes their methods: uses, renames or removes one.
    pub fn change(&self, user_id: &str, change: impl FnOnce(&mut Vec<Method>)) {
        self.server.api().tenant().change(user_id, change);
    }

    /// Begins an outage now, or ends the one that was begun so.
    pub fn switch_outage(&self, outage: Option<OutageKind>) {
        self.server.switch_outage(outage);
    }

    /// Returns the tenant's present methods: users in order of their ids, methods in order of their
    /// creation, with plain values. Users without methods are left out.
    pub fn state(&self) -> BTreeMap<String, Vec<Method>> {
        self.server.api().tenant().snapshot()
    }

    /// Returns the statistics so far.
    pub fn stats(&self) -> Stats {
        self.server.stats()
    }

    /// Returns the requests of the seven operations in order of their arrival, if `journal` is on.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.server.arrivals()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests;
