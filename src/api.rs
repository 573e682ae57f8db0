//! What the engine needs of a provider, and the words in which it answers.
//!
//! [`Api`] is implemented by the tenant client over HTTP and by scripted tenants in tests; the
//! engine is generic over it. A [`Verdict`] is what an answer *means*; which status and body
//! mean what is decided by the implementation, in one table.

use std::{borrow::Cow, future::Future, time::Duration};

use tokio::time::Instant;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    error::Error,
    model::{Channel, Factor, FactorType, UserId},
};

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

/// The operations on a tenant. Only [`Api::create`] must not simply be repeated.
pub trait Api: Send + Sync + 'static {
    /// Makes sure that a request could be sent now (a fresh token, above all), so that an intent
    /// is only written when nothing but the request itself is left to do.
    fn prepare(&self) -> impl Future<Output = Answer<()>> + Send;

    /// Creates one factor. Never repeats a request by itself.
    fn create(
        &self,
        factor: &Factor,
        correlation: &str,
    ) -> impl Future<Output = Answer<CreatedMethod>> + Send;

    /// A page of the list of a user's methods; the first has the number 0.
    /// [`Pages`](crate::pages::Pages) makes the list of them.
    fn page(&self, user: &UserId, number: u64) -> impl Future<Output = Answer<Page>> + Send;

    /// One of a user's methods.
    fn get(&self, user: &UserId, method: &str) -> impl Future<Output = Answer<Method>> + Send;

    /// Of a user's methods the one that is asked about, as a list of its own, or that page of all.
    fn part(
        &self,
        user: &UserId,
        method: Option<&str>,
        number: u64,
    ) -> impl Future<Output = Answer<Page>> + Send {
        async move {
            match method {
                Some(method) => {
                    let answer = self.get(user, method).await;
                    answer.map(|verdict| verdict.map(|method| Page::whole(vec![method])))
                }
                None => self.page(user, number).await,
            }
        }
    }

    /// Makes `factors` the user's whole set; gives the methods that are there then.
    fn replace(
        &self,
        user: &UserId,
        factors: &[Factor],
        correlation: &str,
    ) -> impl Future<Output = Answer<Vec<SetMethod>>> + Send;

    /// Changes a method.
    fn update(
        &self,
        user: &UserId,
        method: &str,
        update: Update<'_>,
        correlation: &str,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Deletes a method, or all of the user's.
    fn delete(
        &self,
        user: &UserId,
        method: Option<&str>,
        correlation: &str,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// How far the clock of the tenant's `created_at` is ahead of ours, in milliseconds, as its
    /// answers say; never more than it really is. `None` until an answer has said so, and again
    /// when our clock was set since.
    fn clock_skew(&self) -> Option<Millis>;

    /// The least that any answer has said of any of the tenant's clocks: a tenant has several.
    fn least_skew(&self) -> Option<Millis> {
        self.clock_skew()
    }

    /// Tells that an answer was no answer to its request: what it came on is not used again.
    fn distrust(&self) {}

    /// Says what has last answered in the tenant's place, if the tenant has not since.
    fn stranger(&self) -> Option<String> {
        None
    }
}

/// A created method, as far as the answer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedMethod {
    /// The tenant's id of the method.
    pub id: String,
}

/// A method that is there after a user's whole set was replaced, as far as the answer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMethod {
    /// The tenant's id of the method.
    pub id: String,
    /// Its type.
    pub factor_type: Option<FactorType>,
}

/// What is to change of a method; what is not given stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// How a phone is called up.
    pub preferred: Option<Channel>,
}

/// A method in the tenant's own JSON. May hold whatever a tenant answers with: wiped on drop, and
/// Debug does not show it.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Raw(String);

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw(…)")
    }
}

impl Raw {
    /// Wraps it.
    pub fn new(json: &str) -> Self {
        Self(json.into())
    }

    /// The JSON, for a file or an output that the user asked for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A method as the tenant lists it. Contact values may be masked; a TOTP secret is never there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Method {
    /// The tenant's id of the method.
    pub id: String,
    /// Its type; `None` for types that cannot be created.
    pub factor_type: Option<FactorType>,
    /// The name given to it.
    pub name: Option<String>,
    /// Phone number or e-mail address, plain or masked.
    pub contact: Option<String>,
    /// Credential id of a key or passkey.
    pub key_id: Option<String>,
    /// When it was created, by the tenant's clock.
    pub created_at: Millis,
    /// How a phone is called up, where the list shows it.
    pub preferred: Option<Channel>,
    /// Its type in the tenant's own word, for types that cannot be created, too.
    pub type_name: String,
    /// Whether it has ever been used to log in.
    pub used: bool,
    /// All of it.
    pub raw: Raw,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method")
            .field("id", &self.id)
            .field("factor_type", &self.factor_type)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// A page of a list of methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What it holds.
    pub methods: Vec<Method>,
    /// How many come before it, where it says so.
    pub start: Option<u64>,
    /// How many a full page holds.
    pub size: u64,
    /// How many the list has in all, where it says so.
    pub total: Option<u64>,
}

impl Page {
    /// A list that has just this page.
    pub fn whole(methods: Vec<Method>) -> Self {
        let total = methods.len() as u64;
        Self { methods, start: Some(0), size: total, total: Some(total) }
    }
}

/// One exchange with the tenant.
#[derive(Debug)]
pub struct Answer<T> {
    /// What it means.
    pub verdict: Verdict<T>,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// What the tenant said about its rate limit.
    pub meter: Meter,
    /// HTTP requests that this exchange took.
    pub requests: u32,
}

impl<T> Answer<T> {
    /// An answer with nothing but its meaning.
    pub fn bare(verdict: Verdict<T>) -> Self {
        Self { verdict, status: None, meter: Meter::default(), requests: 0 }
    }

    /// The same exchange with another meaning.
    pub fn map<U>(self, verdict: impl FnOnce(Verdict<T>) -> Verdict<U>) -> Answer<U> {
        Answer {
            verdict: verdict(self.verdict),
            status: self.status,
            meter: self.meter,
            requests: self.requests,
        }
    }
}

/// What an answer said about the tenant's rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Meter {
    /// Size of the bucket.
    pub limit: Option<u32>,
    /// What is left in it.
    pub remaining: Option<u32>,
    /// Time until the bucket is full again (`reset` minus the answer's own `Date`).
    pub full_in: Option<Duration>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// When the request left.
    pub sent: Option<Instant>,
}

impl Meter {
    /// The same of an answer that is not the tenant's: only that it came.
    #[must_use]
    pub fn of_a_stranger(self) -> Self {
        Self { sent: self.sent, ..Self::default() }
    }
}

/// What an answer, or its absence, means. The order of the variants is from good to bad.
#[derive(Debug)]
pub enum Verdict<T> {
    /// Done, and here is the result.
    Done(T),
    /// The tenant says that it is there already.
    Present,
    /// Refused for good, for this row only.
    Refused(Reason),
    /// Known not to have been executed: may simply be sent again.
    NotExecuted(NotExecuted),
    /// May or may not have been executed. Never sent again without looking.
    InDoubt(Reason),
    /// Refused for a reason that holds for every row, and not executed: the run stops, the row is
    /// still to do.
    Stop(Box<Error>),
    /// Answered by something that is not the tenant's API, it seems: the run stops, and whether
    /// the request was executed has to be looked up by the next one.
    StopInDoubt(Box<Error>),
}

impl<T> Verdict<T> {
    /// The same meaning with another result.
    pub fn map<U>(self, result: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Done(value) => Verdict::Done(result(value)),
            other => other.without_result(),
        }
    }

    /// The same meaning for another result type, where there is no result.
    pub fn without_result<U>(self) -> Verdict<U> {
        match self {
            Self::Done(_) => Verdict::InDoubt(Reason::from("unexpected_answer")),
            Self::Present => Verdict::Present,
            Self::Refused(reason) => Verdict::Refused(reason),
            Self::NotExecuted(why) => Verdict::NotExecuted(why),
            Self::InDoubt(reason) => Verdict::InDoubt(reason),
            Self::Stop(error) => Verdict::Stop(error),
            Self::StopInDoubt(error) => Verdict::StopInDoubt(error),
        }
    }
}

/// A short code for the ledger's `error` column. Never holds a value from the input or an answer.
pub type Reason = Cow<'static, str>;

/// Why a request is known not to have been executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExecuted {
    /// 429.
    Throttled,
    /// 401; the token is being renewed.
    Unauthorized,
    /// No byte of it was written: name resolution, connection or TLS failed.
    NotSent,
}
