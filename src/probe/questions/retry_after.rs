//! Question: does a 429 say how long to wait? It is asked only if a flag allows it, since for a
//! moment it uses up the rate limit for all clients of the tenant.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::super::{
    ProbeTerms,
    asker::{Asker, Unanswered},
};
use crate::{
    api::{NotExecuted, RawAnswer, RawApi, RawRequest, RawVerb, Verdict},
    model::{RetryAfter, TenantFacts},
};

/// Number of requests at the same time, and the most times that they are sent.
const REQUESTS_AT_ONCE: usize = 20;
const ROUNDS: usize = 15;

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    terms: &ProbeTerms,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    if !terms.provokes_limit {
        return Err(Unanswered::NotAsked(
            "takes --provoke-limit, which uses the tenant's limit up for a moment".into(),
        ));
    }
    tracing::warn!(
        "--provoke-limit: for a moment, nobody else gets an answer of this tenant's API"
    );
    let mut sent = 0;
    for _ in 0..ROUNDS {
        // The permit waits for the end of a hold, and fails if the probe is stopping.
        asker.permit().await?;
        let mut burst = JoinSet::new();
        for _ in 0..REQUESTS_AT_ONCE {
            let (api, user) = (Arc::clone(&asker.gateway.api), asker.user.clone());
            burst.spawn(async move {
                let query = Some("per_page=1");
                api.ask(RawRequest { query, ..RawRequest::all(RawVerb::Get, &user) }).await
            });
        }
        let mut throttled = None;
        while let Some(answer) = burst.join_next().await {
            let Ok(answer) = answer else { continue };
            sent += 1;
            asker.gateway.note(&answer.answer);
            if is_throttled(&answer) {
                throttled.get_or_insert(answer);
            }
        }
        if let Some(RawAnswer { answer, code, limit, .. }) = throttled {
            asker.note("GET list, in a burst", answer.status, code);
            let fact = read(limit.retry_after.as_deref());
            let said = match &fact {
                RetryAfter::Off => "no, there is no Retry-After".to_owned(),
                RetryAfter::Seconds => "yes, in seconds".to_owned(),
                RetryAfter::Date => "yes, as a date".to_owned(),
                RetryAfter::Literal(_) => "it says what is no time".to_owned(),
            };
            facts.retry_after = Some(fact);
            return Ok(format!("{said} (after {sent} requests)"));
        }
    }
    let why = format!("could not tell: no 429 in {sent} requests, {REQUESTS_AT_ONCE} at a time");
    Err(Unanswered::Unclear(why))
}

fn is_throttled(answer: &RawAnswer) -> bool {
    // A 429 of the token endpoint has no status here.
    answer.answer.status == Some(429)
        && matches!(answer.answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled))
}

fn read(header: Option<&str>) -> RetryAfter {
    match header {
        None => RetryAfter::Off,
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            RetryAfter::Seconds
        }
        // A date such as `Tue, 14 Nov 2023 22:13:25 GMT`.
        Some(text) if text.ends_with(" GMT") && text.len() == 29 => RetryAfter::Date,
        Some(text) => RetryAfter::Literal(text.chars().take(100).collect()),
    }
}
