//! The tenant over HTTP: the only client of the API. Places besides that use the provider's words
//! are listed in `tests/it/provider_words.rs`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{Method as Verb, header::HeaderValue};

mod accounts;
mod births;
mod clock;
mod contact;
mod endpoint;
mod exchange;
mod foreign;
pub(crate) mod fuzzing;
mod grant;
mod pool;
mod proxy;
mod raw;
mod scopes;
mod setup;
mod shape;
mod token;
mod transport;
mod unsent;
mod verdict;
mod wire;

pub use clock::ServerClock;
pub use contact::NOT_THE_TENANT;
pub use endpoint::BaseUrl;
pub use grant::ClientProof;
pub use proxy::Proxy;
pub use scopes::{
    CREATE, DELETE, READ, READ_DOMAINS, READ_FACTORS, READ_POLICIES, READ_SETTINGS, READ_USERS,
    UPDATE, short_scope,
};
pub use token::Credentials;
pub use verdict::NOT_ENABLED;

use crate::{
    api::{Answer, Api, CreatedMethod, Page, SetMethod, Update, Verdict},
    error::Error,
    model::{CapRefusal, ClockSkew, Code, Factor, LocalTime, Method, TenantFacts, UserId},
    pacer::Pacer,
};
use births::Births;
use contact::Contact;
use token::TokenSource;
use transport::Transport;

/// Version of the Management API's published description (`OpenAPI`) that this room was written
/// against.
pub const API_DESCRIPTION: &str = "1.9445.0 of 2026-06-25";

/// Methods asked for on a page: the cap on public cloud (auth0-api.md 1.4).
const PER_PAGE: u64 = 50;

/// Settings of a client.
#[derive(Debug)]
pub struct Settings {
    /// The tenant.
    pub base: BaseUrl,
    /// Credentials for an access token.
    pub credentials: Credentials,
    /// Required scopes: a token that states that it lacks one of these is refused before it is
    /// used.
    pub scopes: &'static [&'static str],
    /// `https_proxy`, where set.
    pub proxy: Option<Proxy>,
    /// Timeout of one request, connection included.
    pub timeout: Duration,
    /// Connections kept open.
    pub concurrency: usize,
    /// Wall clock.
    pub now: fn() -> LocalTime,
    /// Grants permits for requests for tokens; all other requests have theirs already.
    pub pacer: Arc<Pacer>,
}

/// A client of one tenant.
#[derive(Debug)]
pub struct Client {
    base: BaseUrl,
    /// `Host` of requests.
    host: Option<HeaderValue>,
    transport: Transport,
    tokens: TokenSource,
    /// Memory of who has answered so far, and of what went wrong last.
    contact: Arc<Contact>,
    /// Compares the creation times of new methods with the clock of the answers.
    births: Births,
    /// Methods asked for on a page.
    per_page: u64,
    /// True if the relying party of a passkey is sent with it, where it has one.
    tells_passkey_party: bool,
    /// The tenant's answer when a user already has too many methods, if known.
    cap_refusal: Option<CapRefusal>,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let Settings { base, credentials, scopes, proxy, timeout, concurrency, now, pacer } =
            settings;
        let transport = Transport::new(&base, proxy, timeout, concurrency, ServerClock::new(now))?;
        let contact = Arc::new(Contact::new(base.place()));
        let tokens = TokenSource::new(
            credentials,
            scopes,
            base.token(),
            transport.clone(),
            Arc::clone(&contact),
            pacer,
        );
        let host = base.host_header();
        Ok(Self {
            base,
            host,
            transport,
            tokens,
            contact,
            births: Births::default(),
            per_page: PER_PAGE,
            tells_passkey_party: true,
            cap_refusal: None,
        })
    }

    /// Adds what is known about the tenant.
    #[must_use]
    pub fn knowing(self, facts: &TenantFacts) -> Self {
        // No user has enough methods for a larger page to save a request.
        let page = |cap: u32| u64::from(cap).clamp(1, PER_PAGE);
        Self {
            per_page: facts.page_size_cap.map_or(PER_PAGE, page),
            tells_passkey_party: facts.passkey_relying_party.unwrap_or(true),
            cap_refusal: facts.cap_refusal.clone(),
            ..self
        }
    }
}

/// Returns the answer to a request about a method whose id cannot be part of a path.
fn no_path<T>() -> Answer<T> {
    Answer::bare(Verdict::Refused(Code::InvalidUri.into()))
}

impl Api for Client {
    async fn prepare(&self) -> Answer<()> {
        match self.tokens.get().await {
            Ok((_, asked)) => Answer { requests: asked, ..Answer::bare(Verdict::Done(())) },
            Err(answer) => answer,
        }
    }

    async fn create(&self, factor: &Factor, correlation: &str) -> Answer<CreatedMethod> {
        let url = self.base.methods(&factor.user);
        let clock = &self.transport.clock;
        let (sent, skew) = (clock.wall(), clock.date_skew());
        let body = Some(wire::create_body(factor, self.tells_passkey_party));
        // Only a 201 that matches what was sent says "created"; any other 2xx may have created the
        // method, too.
        self.change(Verb::POST, url, CREATE, body, correlation, |status, body| {
            let (id, at) = shape::created(body, factor).filter(|_| status == 201)?;
            let follows = |at| self.births.may_follow(at, sent, skew.or_else(|| clock.date_skew()));
            if !at.is_none_or(follows) {
                return None;
            }
            if let Some(at) = at {
                clock.observe_creation(at);
            }
            Some(CreatedMethod { id })
        })
        .await
    }

    async fn page(&self, user: &UserId, number: u64) -> Answer<Page> {
        let mut url = self.base.methods(user);
        url.set_query(Some(&format!(
            "page={number}&per_page={}&include_totals=true",
            self.per_page
        )));
        let read = |status, body: &Bytes| {
            let page = wire::page(body, self.per_page).filter(|_| status == 200)?;
            // An empty list that was asked for with its total is never a bare `[]`.
            let is_bare = number == 0 && page.total.is_none() && page.methods.is_empty();
            (!is_bare).then_some(page)
        };
        self.call(Verb::GET, url, READ, |_| {}, read).await
    }

    async fn get(&self, user: &UserId, method: &str) -> Answer<Method> {
        let Some(url) = self.base.method(user, method) else {
            return no_path();
        };
        self.call(
            Verb::GET,
            url,
            READ,
            |_| {},
            |status, body| {
                let found = wire::method(std::str::from_utf8(body).ok()?);
                found.filter(|found| status == 200 && found.id == method)
            },
        )
        .await
    }

    async fn replace(
        &self,
        user: &UserId,
        factors: &[Factor],
        correlation: &str,
    ) -> Answer<Vec<SetMethod>> {
        let url = self.base.methods(user);
        let body = Some(wire::replace_body(factors));
        self.change(Verb::PUT, url, UPDATE, body, correlation, |status, body| {
            shape::set(body, factors).filter(|_| status == 200)
        })
        .await
    }

    async fn update(
        &self,
        user: &UserId,
        method: &str,
        update: Update<'_>,
        correlation: &str,
    ) -> Answer<()> {
        let Some(url) = self.base.method(user, method) else {
            return no_path();
        };
        let body = Some(wire::update_body(update));
        self.change(Verb::PATCH, url, UPDATE, body, correlation, |status, body| {
            (status == 200 && shape::is_updated(body, method, update)).then_some(())
        })
        .await
    }

    async fn delete(&self, user: &UserId, method: Option<&str>, correlation: &str) -> Answer<()> {
        let url = match method {
            Some(method) => self.base.method(user, method),
            None => Some(self.base.methods(user)),
        };
        let Some(url) = url else {
            return no_path();
        };
        // The documentation says 204; an empty 200 means the same.
        self.change(Verb::DELETE, url, DELETE, None, correlation, |status, body| {
            (status == 204 || (status == 200 && body.is_empty())).then_some(())
        })
        .await
    }

    fn distrust(&self) {
        self.transport.distrust();
    }

    fn has_answered(&self) -> bool {
        self.contact.has_answered()
    }

    fn last_fault(&self) -> Option<String> {
        self.contact.last()
    }

    fn outage(&self, lasted: Duration) -> Error {
        let cause = self.last_fault();
        self.contact.never_met().unwrap_or(Error::Outage { lasted, cause })
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        self.transport.clock.skew()
    }

    fn least_skew(&self) -> Option<ClockSkew> {
        self.transport.clock.least_skew()
    }
}
