//! The gateway to the tenant that all requests of a run share: it obtains a token before each and
//! evaluates each answer. Nothing here waits between requests or decides what follows.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, LimitDecision, NotExecuted, Verdict},
    engine::{Next, StepResult},
    error::Error,
    model::{LocalTime, UserId},
    pacer::{Pacer, breaker::Health},
    protocol::{
        RetryPolicy,
        pages::{AfterPage, Pages},
        refusals::{Refusals, RequestClass},
    },
    stats::{RunStats, StatusClass},
    sync::lock,
};

/// State that the workers of a run share.
#[derive(Debug)]
pub struct Gateway<A> {
    /// The tenant.
    pub api: Arc<A>,
    /// Pacer that grants permits.
    pub pacer: Arc<Pacer>,
    /// Policy that decides what follows from an answer.
    pub policy: RetryPolicy,
    /// Cancelled when nothing new may be sent.
    pub stop: CancellationToken,
    /// Numbers for progress and summary.
    pub stats: Arc<RunStats>,
    /// Refusals that every user has received.
    pub refusals: Arc<Mutex<Refusals>>,
    /// Wall clock.
    pub now: fn() -> LocalTime,
}

/// Outcome of asking for a page of a list.
#[derive(Debug)]
pub struct PageAnswer {
    /// Next step for the list.
    pub after: AfterPage,
    /// The HTTP status, where one came.
    pub status: Option<u16>,
    /// Health of the tenant, as the answer shows it.
    pub health: Health,
}

impl<A: Api> Gateway<A> {
    /// Returns the gateway for a part of the run: ending that part does not stop the run.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            api: Arc::clone(&self.api),
            pacer: Arc::clone(&self.pacer),
            policy: self.policy.clone(),
            stop: self.stop.child_token(),
            stats: Arc::clone(&self.stats),
            refusals: Arc::clone(&self.refusals),
            now: self.now,
        }
    }

    /// Checks whether the tenant answers at all, with a request that changes nothing.
    pub async fn health_check(&self, user: &UserId) -> StepResult {
        self.check_by(self.api.page(user, 0)).await
    }

    /// Checks whether the tenant answers at all, using `request`, which changes nothing.
    pub async fn check_by<T>(&self, request: impl Future<Output = Answer<T>> + Send) -> StepResult {
        if !self.permit().await {
            return Next::Held.with(Health::Unknown);
        }
        if let Err(held) = self.prepare().await {
            return held;
        }
        let answer = request.await;
        let health = self.note(&answer);
        match answer.verdict {
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Next::Stop(error).with(health),
            Verdict::Done(_)
            | Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(_)
            | Verdict::InDoubt(_) => Next::Settled.with(health),
        }
    }

    /// Requests one of a user's methods, or the next page of the list that `pages` collects.
    pub async fn page(
        &self,
        user: &UserId,
        method: Option<&str>,
        pages: &mut Pages,
        rng: &mut fastrand::Rng,
    ) -> PageAnswer {
        let answer = self.api.part(user, method, pages.next()).await;
        let health = self.note(&answer);
        let status = answer.status;
        let verdict = match self.judge(RequestClass::List, user, &answer) {
            Some(error) => Verdict::Stop(error),
            None => answer.verdict,
        };
        let after = self.policy.after_page(verdict, pages, rng);
        PageAnswer { after, status, health }
    }

    /// Compares a refusal with what all other users were answered. Returns an error if everybody is
    /// refused alike and the row is not the reason.
    pub fn judge<T>(
        &self,
        asked: RequestClass,
        user: &UserId,
        answer: &Answer<T>,
    ) -> Option<Box<Error>> {
        let refusals = || lock(&self.refusals);
        match &answer.verdict {
            Verdict::Done(_) | Verdict::Present => {
                refusals().granted(asked);
                None
            }
            Verdict::Refused(reason) => {
                refusals().refused(asked, user, reason, answer.status).map(Box::new)
            }
            Verdict::NotExecuted(_)
            | Verdict::InDoubt(_)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_) => None,
        }
    }

    /// Waits for a permit; false when the run is stopping.
    async fn permit(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = self.pacer.permit() => true,
        }
    }

    /// Shows an answer to the pacer and the counters, and returns what it says about the tenant's
    /// health.
    pub fn note<T>(&self, answer: &Answer<T>) -> Health {
        let decision = answer.limit_decision();
        // A request that got no answer says nothing about the limit; a 429 of the token endpoint
        // has no status here.
        if decision == LimitDecision::Throttled || answer.status.is_some() {
            self.pacer.observe(&answer.meter, decision);
        }
        self.stats.sent(answer.requests, class_of(answer), decision);
        Health::of(&answer.verdict)
    }

    /// Obtains a fresh token. No intent is recorded yet, so a run that is stopping need not wait
    /// for it.
    pub async fn prepare(&self) -> Result<(), StepResult> {
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Next::Held.with(Health::Unknown)),
            answer = self.api.prepare() => answer,
        };
        let decision = answer.limit_decision();
        self.stats.sent(answer.requests, class_of(&answer), decision);
        match answer.verdict {
            Verdict::Done(()) => Ok(()),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => {
                Err(Next::Stop(error).with(Health::Unknown))
            }
            Verdict::NotExecuted(NotExecuted::Throttled) => {
                self.pacer.observe(&answer.meter, decision);
                Err(Next::After(Duration::ZERO).with(Health::Unknown))
            }
            Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(NotExecuted::Unauthorized | NotExecuted::NotSent)
            | Verdict::InDoubt(_) => Err(Next::After(Duration::ZERO).with(Health::Unreached)),
        }
    }
}

/// Returns the class of an answer's status; a failed request for a token has none.
fn class_of<T>(answer: &Answer<T>) -> StatusClass {
    match (answer.status, &answer.verdict) {
        (Some(status), _) => StatusClass::of(status),
        (None, Verdict::Done(_)) => StatusClass::Success,
        (None, Verdict::NotExecuted(NotExecuted::Throttled | NotExecuted::Unauthorized)) => {
            StatusClass::Refusal
        }
        (None, _) => StatusClass::None,
    }
}
