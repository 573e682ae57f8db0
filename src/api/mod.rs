//! The interface between the engine and a provider, and the verdicts it returns.
//!
//! [`Api`] is implemented by the tenant client over HTTP and by scripted tenants in tests; the
//! engine is generic over it. A [`Verdict`] is what an answer *means*; which status and body
//! mean what is decided by the implementation, in one table.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

mod raw;

pub use raw::{RawAnswer, RawApi, RawLimit, RawRequest, RawVerb};

use crate::{
    error::Error,
    model::{
        Account, Channel, ClockSkew, Code, CustomDomain, Factor, FactorSwitches, FactorType, Grant,
        MessageTypes, Method, Reason, UserId,
    },
};

/// The operations on a tenant. Only [`Api::create`] must not simply be repeated.
pub trait Api: Send + Sync + 'static {
    /// Makes sure that a request could be sent now (above all that there is a fresh token), so that
    /// an intent is only written when nothing but the request itself is left to do.
    fn prepare(&self) -> impl Future<Output = Answer<()>> + Send;

    /// Creates one factor. Never repeats a request by itself.
    fn create(
        &self,
        factor: &Factor,
        correlation: &str,
    ) -> impl Future<Output = Answer<CreatedMethod>> + Send;

    /// Fetches one page of a user's methods; the first page has the number 0.
    /// [`Pages`](crate::protocol::pages::Pages) puts the list together.
    fn page(&self, user: &UserId, number: u64) -> impl Future<Output = Answer<Page>> + Send;

    /// Fetches one of a user's methods.
    fn get(&self, user: &UserId, method: &str) -> impl Future<Output = Answer<Method>> + Send;

    /// Fetches the given page of all methods, or the one method asked about as a list of its own.
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

    /// Makes `factors` the user's whole set; returns the methods that the user has then.
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

    /// Returns how far the clock of the tenant's `created_at` is ahead of ours, as its answers
    /// show; never more than it really is. `None` until an answer has shown it, and again after our
    /// clock was set.
    fn clock_skew(&self) -> Option<ClockSkew>;

    /// Returns the lowest lead over our clock that any answer has shown: a tenant has several
    /// clocks.
    fn least_skew(&self) -> Option<ClockSkew> {
        self.clock_skew()
    }

    /// Reports that an answer did not belong to its request: its connection is not used again.
    fn distrust(&self) {}

    /// Returns whether the tenant has ever answered in any way.
    fn has_answered(&self) -> bool {
        true
    }

    /// Describes what went wrong with the last request, if none has succeeded since.
    fn last_fault(&self) -> Option<String> {
        None
    }

    /// Returns the error of a run that has waited this long: for a tenant that fell silent, or for
    /// one that never answered.
    fn outage(&self, lasted: Duration) -> Error {
        Error::Outage { lasted, cause: self.last_fault() }
    }
}

/// A tenant that can be asked who its users are.
pub trait Directory: Api {
    /// Returns the users with an address, compared exactly as it is written.
    fn users_by_email(&self, address: &str) -> impl Future<Output = Answer<Vec<Account>>> + Send;
}

/// A tenant that can be asked how it is set up.
pub trait Setup: Api {
    /// Returns what the token allows, and for how long. Sends nothing but the request for a token.
    fn grant(&self) -> impl Future<Output = Answer<Grant>> + Send;

    /// Returns which factors are switched on; scope `read:guardian_factors`.
    fn factor_switches(&self) -> impl Future<Output = Answer<FactorSwitches>> + Send;

    /// Returns how codes reach phones; scope `read:guardian_factors`.
    fn message_types(&self) -> impl Future<Output = Answer<MessageTypes>> + Send;

    /// Returns the names of the policies that ask for a factor at login; scope `read:mfa_policies`.
    fn policies(&self) -> impl Future<Output = Answer<Vec<String>>> + Send;

    /// Returns the custom domains; scope `read:custom_domains`.
    fn custom_domains(&self) -> impl Future<Output = Answer<Vec<CustomDomain>>> + Send;

    /// Returns whether lists show phone numbers masked; scope `read:tenant_settings`.
    fn masks_lists(&self) -> impl Future<Output = Answer<bool>> + Send;
}

/// A created method, as far as the answer describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedMethod {
    /// The tenant's id of the method.
    pub id: String,
}

/// A method that exists after a user's whole set was replaced, as far as the answer describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMethod {
    /// The tenant's id of the method.
    pub id: String,
    /// Its type.
    pub factor_type: Option<FactorType>,
}

/// Changes to a method; absent fields stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Channel that delivers the code.
    pub preferred: Option<Channel>,
}

/// A page of a list of methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Methods on the page.
    pub methods: Vec<Method>,
    /// Number of methods before the page, if the answer gives it.
    pub start: Option<u64>,
    /// Number of methods on a full page.
    pub size: u64,
    /// Number of methods in the whole list, if the answer gives it.
    pub total: Option<u64>,
}

impl Page {
    /// Makes the only page of a list.
    pub fn whole(methods: Vec<Method>) -> Self {
        let total = methods.len() as u64;
        Self { methods, start: Some(0), size: total, total: Some(total) }
    }
}

/// One exchange with the tenant.
#[derive(Debug)]
pub struct Answer<T> {
    /// Meaning of the answer.
    pub verdict: Verdict<T>,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// Rate-limit headers of the answer.
    pub meter: Meter,
    /// HTTP requests that this exchange took.
    pub requests: u32,
}

impl<T> Answer<T> {
    /// Returns the decision of the rate limit.
    pub fn limit_decision(&self) -> LimitDecision {
        match self.verdict {
            Verdict::NotExecuted(NotExecuted::Throttled) => LimitDecision::Throttled,
            _ => LimitDecision::Admitted,
        }
    }

    /// Makes an answer that has nothing but its meaning.
    pub fn bare(verdict: Verdict<T>) -> Self {
        Self { verdict, status: None, meter: Meter::default(), requests: 0 }
    }

    /// Replaces the meaning.
    pub fn map<U>(self, verdict: impl FnOnce(Verdict<T>) -> Verdict<U>) -> Answer<U> {
        Answer {
            verdict: verdict(self.verdict),
            status: self.status,
            meter: self.meter,
            requests: self.requests,
        }
    }
}

/// Rate-limit headers of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Meter {
    /// Size of the bucket.
    pub limit: Option<u32>,
    /// Tokens left in it.
    pub remaining: Option<u32>,
    /// Time until the bucket is full again (`reset` minus the answer's own `Date`).
    pub full_in: Option<Duration>,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Time at which the request was sent.
    pub sent: Option<Instant>,
}

impl Meter {
    /// Keeps only the fact that an answer came, because it is not the tenant's.
    #[must_use]
    pub fn of_foreign_answer(self) -> Self {
        Self { sent: self.sent, ..Self::default() }
    }
}

/// Decision of the tenant's rate limit about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitDecision {
    /// The request was let through, whatever came of it.
    Admitted,
    /// The request was refused with 429.
    Throttled,
}

/// Meaning of an answer, or of its absence. Variants are ordered from good to bad.
#[derive(Debug)]
pub enum Verdict<T> {
    /// Done, with the result.
    Done(T),
    /// The tenant says that the factor exists already.
    Present,
    /// Refused for good, for this row only.
    Refused(Reason),
    /// Known not to have been executed: may simply be sent again.
    NotExecuted(NotExecuted),
    /// May or may not have been executed. Never sent again without looking.
    InDoubt(Reason),
    /// Refused for a reason that holds for every row, and not executed: the run stops, and the row
    /// is still to be done.
    Stop(Box<Error>),
    /// Apparently answered by something other than the tenant's API: the run stops, and the next
    /// one has to look up whether the request was executed.
    StopInDoubt(Box<Error>),
}

impl<T> Verdict<T> {
    /// Replaces the result.
    pub fn map<U>(self, result: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Done(value) => Verdict::Done(result(value)),
            other => other.without_result(),
        }
    }

    /// Changes the result type of a verdict that has no result.
    pub fn without_result<U>(self) -> Verdict<U> {
        match self {
            Self::Done(_) => Verdict::InDoubt(Code::UnexpectedAnswer.into()),
            Self::Present => Verdict::Present,
            Self::Refused(reason) => Verdict::Refused(reason),
            Self::NotExecuted(why) => Verdict::NotExecuted(why),
            Self::InDoubt(reason) => Verdict::InDoubt(reason),
            Self::Stop(error) => Verdict::Stop(error),
            Self::StopInDoubt(error) => Verdict::StopInDoubt(error),
        }
    }
}

/// Reason why a request is known not to have been executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExecuted {
    /// 429.
    Throttled,
    /// 401; the token is being renewed.
    Unauthorized,
    /// No byte of it was written: name resolution, connection or TLS failed.
    NotSent,
}
