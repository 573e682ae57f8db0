//! The tenant over HTTP: the only room that knows the provider's words and speaks HTTP.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method as Verb,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use url::Url;

mod clock;
mod endpoint;
pub(crate) mod fuzzing;
mod token;
mod transport;
mod verdict;
mod wire;

pub use endpoint::BaseUrl;
pub use token::{CREATE, Credentials, DELETE, READ, UPDATE};

use crate::{
    api::{
        Answer, Api, CreatedMethod, Meter, Method, Millis, NotExecuted, SetMethod, Update, Verdict,
    },
    error::Error,
    model::{Factor, UserId},
};
use clock::ServerClock;
use token::{Token, Tokens};
use transport::{Exchange, NotSent, Transport};
use verdict::Class;

/// Methods asked for on a page: the cap on public cloud (auth0-api.md 1.4).
const PER_PAGE: u64 = 50;
/// No user has so many pages; a tenant that says so is not believed.
const MOST_PAGES: u64 = 50;
/// Kept in the tenant's log as `references.correlation_id` (auth0-api.md 6).
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// What a client needs to know.
#[derive(Debug)]
pub struct Settings {
    /// The tenant.
    pub base: BaseUrl,
    /// How a token is had.
    pub credentials: Credentials,
    /// What it must allow: a token that says it lacks one of these is refused before it is used.
    pub scopes: &'static [&'static str],
    /// `https_proxy`, where set.
    pub https_proxy: Option<String>,
    /// For one request, connection included.
    pub timeout: Duration,
    /// Connections kept open.
    pub concurrency: usize,
    /// Wall clock.
    pub now: fn() -> Millis,
}

/// A client of one tenant.
#[derive(Debug)]
pub struct Client {
    base: BaseUrl,
    transport: Transport,
    tokens: Tokens,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let Settings { base, credentials, scopes, https_proxy, timeout, concurrency, now } =
            settings;
        let transport = Transport::new(
            &base,
            https_proxy.as_deref(),
            timeout,
            concurrency,
            ServerClock::new(now),
        )?;
        let tokens = Tokens::new(credentials, scopes, base.token(), transport.clone());
        Ok(Self { base, transport, tokens })
    }

    /// One exchange with a bearer token.
    async fn call(
        &self,
        verb: Verb,
        url: Url,
        scope: &'static str,
        fill: impl FnOnce(&mut reqwest::Request),
    ) -> Answer<Option<Bytes>> {
        let token = match self.tokens.get().await {
            Ok(token) => token,
            Err(answer) => return answer.map(Verdict::without_result),
        };
        let mut request = self.transport.request(verb, url);
        *request.headers_mut() = token::headers(&token);
        fill(&mut request);
        match self.transport.send(request).await {
            Exchange::NotSent(NotSent::Passing(why)) => Answer::bare(Verdict::NotExecuted(why)),
            Exchange::NotSent(NotSent::Fatal(error)) => {
                Answer::bare(Verdict::Stop(Box::new(error)))
            }
            Exchange::Lost(reason) => {
                Answer { requests: 1, ..Answer::bare(Verdict::InDoubt(reason)) }
            }
            Exchange::Answered { status, body, meter } => {
                let verdict = self.sort(status, body, scope, &token);
                Answer { verdict, status: Some(status), meter, requests: 1 }
            }
        }
    }

    /// One exchange that changes something.
    async fn change(
        &self,
        verb: Verb,
        url: Url,
        scope: &'static str,
        body: Option<Bytes>,
        correlation: &str,
    ) -> Answer<Option<Bytes>> {
        self.call(verb, url, scope, |request| {
            let headers = request.headers_mut();
            if let Ok(id) = HeaderValue::from_str(correlation) {
                headers.insert(CORRELATION, id);
            }
            if let Some(body) = body {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                *request.body_mut() = Some(body.into());
            }
        })
        .await
    }

    fn sort(
        &self,
        status: u16,
        body: Option<Bytes>,
        scope: &'static str,
        token: &Token,
    ) -> Verdict<Option<Bytes>> {
        let class = verdict::classify(status, body.as_ref(), scope);
        // The limiter and the edge answer before anybody looks at the token.
        if matches!(class, Class::Success | Class::Present | Class::Refused(_)) {
            self.tokens.accepted(token.generation);
        }
        match class {
            Class::Success => Verdict::Done(body),
            Class::Present => Verdict::Present,
            Class::Refused(reason) => Verdict::Refused(reason),
            Class::Throttled => Verdict::NotExecuted(NotExecuted::Throttled),
            Class::NotSent => Verdict::NotExecuted(NotExecuted::NotSent),
            Class::InDoubt(reason) => Verdict::InDoubt(reason),
            Class::Stop(error) => Verdict::Stop(Box::new(error)),
            // Once the tenant has answered, a stray page of a gateway is a fault that passes.
            Class::Foreign(_) if self.tokens.has_worked() => {
                Verdict::InDoubt("foreign_answer".into())
            }
            Class::Foreign(error) => Verdict::StopInDoubt(Box::new(error)),
            Class::Unauthorized => match self.tokens.refused(token.generation) {
                Ok(()) => Verdict::NotExecuted(NotExecuted::Unauthorized),
                Err(error) => Verdict::Stop(Box::new(error)),
            },
        }
    }
}

/// The result that an answer of that status holds. What cannot be read may have been executed all
/// the same.
fn read_as<T>(
    answer: Answer<Option<Bytes>>,
    status: u16,
    read: impl FnOnce(Bytes) -> Option<T>,
) -> Answer<T> {
    let as_expected = answer.status == Some(status);
    answer.map(|verdict| match verdict {
        Verdict::Done(Some(body)) if as_expected => {
            read(body).map_or_else(|| Verdict::InDoubt("unreadable_answer".into()), Verdict::Done)
        }
        Verdict::Done(_) => Verdict::InDoubt("unreadable_answer".into()),
        other => other.without_result(),
    })
}

impl Api for Client {
    async fn prepare(&self) -> Answer<()> {
        match self.tokens.get().await {
            Ok(_) => Answer::bare(Verdict::Done(())),
            Err(answer) => answer,
        }
    }

    async fn create(&self, factor: &Factor, correlation: &str) -> Answer<CreatedMethod> {
        let Some(url) = self.base.methods(&factor.user) else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let body = wire::create_body(factor);
        let answer = self.change(Verb::POST, url, CREATE, Some(body), correlation).await;
        // Only a 201 with an id says "created"; any other 2xx may have created it, too.
        read_as(answer, 201, |body| {
            let created: wire::Created = serde_json::from_slice(&body).ok()?;
            let sound = !created.id.is_empty() && created.id.len() <= 256;
            sound.then_some(CreatedMethod { id: created.id })
        })
    }

    async fn list(&self, user: &UserId) -> Answer<Vec<Method>> {
        let Some(mut url) = self.base.methods(user) else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let mut list = Vec::new();
        let mut total = None;
        let mut requests = 0;
        let mut meter = Meter::default();
        let mut status = None;
        for number in 0..MOST_PAGES {
            let page = format!("page={number}&per_page={PER_PAGE}&include_totals=true");
            url.set_query(Some(&page));
            let answer = self.call(Verb::GET, url.clone(), READ, |_| {}).await;
            requests += answer.requests;
            (meter, status) = (answer.meter, answer.status.or(status));
            let no_list = |verdict| Answer { verdict, status, meter, requests };
            let unreadable = || no_list(Verdict::InDoubt("unreadable_list".into()));
            let body = match answer.verdict {
                Verdict::Done(Some(body)) if status == Some(200) => body,
                Verdict::Done(_) => return unreadable(),
                other => return no_list(other.without_result()),
            };
            let Some(page) = wire::page(&body) else {
                return unreadable();
            };
            let (start, count) = (list.len() as u64, page.methods.len() as u64);
            let size = page.limit.filter(|limit| *limit > 0).unwrap_or(PER_PAGE);
            // A list that changes between its pages is no list.
            if page.start.is_some_and(|at| at != start) || (number > 0 && page.total != total) {
                return unreadable();
            }
            total = page.total;
            list.extend(page.methods);
            let whole = match total {
                Some(total) => list.len() as u64 >= total || count == 0,
                None => count < size,
            };
            if whole {
                let short = total.is_some_and(|total| total != list.len() as u64);
                let mut ids = HashSet::new();
                if short || !list.iter().all(|method| ids.insert(method.id.as_str())) {
                    break;
                }
                return Answer { verdict: Verdict::Done(list), status, meter, requests };
            }
        }
        Answer { verdict: Verdict::InDoubt("incomplete_list".into()), status, meter, requests }
    }

    async fn get(&self, user: &UserId, method: &str) -> Answer<Method> {
        let Some(url) = self.base.method(user, method) else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let answer = self.call(Verb::GET, url, READ, |_| {}).await;
        let read = |body: &Bytes| wire::method(std::str::from_utf8(body).ok()?);
        read_as(answer, 200, |body| read(&body).filter(|found| found.id == method))
    }

    async fn replace(
        &self,
        user: &UserId,
        factors: &[Factor],
        correlation: &str,
    ) -> Answer<Vec<SetMethod>> {
        let Some(url) = self.base.methods(user) else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let body = wire::replace_body(factors);
        let answer = self.change(Verb::PUT, url, UPDATE, Some(body), correlation).await;
        read_as(answer, 200, |body| wire::set(&body))
    }

    async fn update(
        &self,
        user: &UserId,
        method: &str,
        update: Update<'_>,
        correlation: &str,
    ) -> Answer<()> {
        let Some(url) = self.base.method(user, method) else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let body = wire::update_body(update);
        let answer = self.change(Verb::PATCH, url, UPDATE, Some(body), correlation).await;
        read_as(answer, 200, |_| Some(()))
    }

    async fn delete(&self, user: &UserId, method: Option<&str>, correlation: &str) -> Answer<()> {
        let url = match method {
            Some(method) => self.base.method(user, method),
            None => self.base.methods(user),
        };
        let Some(url) = url else {
            return Answer::bare(Verdict::Refused("invalid_uri".into()));
        };
        let answer = self.change(Verb::DELETE, url, DELETE, None, correlation).await;
        // 204 by the book; a 200 says no less.
        let done = matches!(answer.status, Some(200 | 204));
        answer.map(|verdict| match verdict {
            Verdict::Done(_) if done => Verdict::Done(()),
            Verdict::Done(_) => Verdict::InDoubt("unreadable_answer".into()),
            other => other.without_result(),
        })
    }

    fn clock_skew(&self) -> Option<Millis> {
        self.transport.clock.skew()
    }
}
