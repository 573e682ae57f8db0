//! Answers as they came, for callers that study the tenant instead of acting on what it says.

use serde_json::Value;

use super::{Answer, Setup};
use crate::model::UserId;

/// A tenant that can be sent any request.
pub trait RawApi: Setup {
    /// Sends one request, and never repeats it by itself.
    fn ask(&self, request: RawRequest<'_>) -> impl Future<Output = RawAnswer> + Send;
}

/// Verb of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "these are HTTP's own words")]
pub enum RawVerb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl RawVerb {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request about a user's methods.
#[derive(Debug, Clone, Copy)]
pub struct RawRequest<'a> {
    /// Its verb.
    pub verb: RawVerb,
    /// User whose methods they are.
    pub user: &'a UserId,
    /// Id of the method; all of them without one.
    pub method: Option<&'a str>,
    /// Query, without its question mark.
    pub query: Option<&'a str>,
    /// Body.
    pub body: Option<&'a Value>,
}

impl<'a> RawRequest<'a> {
    /// Makes a request about all of a user's methods.
    pub fn all(verb: RawVerb, user: &'a UserId) -> Self {
        Self { verb, user, method: None, query: None, body: None }
    }

    /// Makes a request about one of a user's methods.
    pub fn one(verb: RawVerb, user: &'a UserId, method: &'a str) -> Self {
        Self { method: Some(method), ..Self::all(verb, user) }
    }
}

/// Answer to a raw request.
#[derive(Debug)]
pub struct RawAnswer {
    /// Its meaning, its status and its limit.
    pub answer: Answer<()>,
    /// Body of a success; null where it has none.
    pub body: Value,
    /// `errorCode` of an error.
    pub code: Option<String>,
    /// `message` of an error.
    pub message: Option<String>,
    /// Headers that say how much of the limit is left.
    pub limit: RawLimit,
}

/// Headers of the rate limit, as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawLimit {
    /// `x-ratelimit-limit`.
    pub limit: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `x-ratelimit-reset`.
    pub reset: Option<u64>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Date`, in seconds since 1970.
    pub date: Option<u64>,
}

impl RawAnswer {
    /// An answer with nothing but its meaning.
    pub fn bare(answer: Answer<()>) -> Self {
        Self { answer, body: Value::Null, code: None, message: None, limit: RawLimit::default() }
    }
}
