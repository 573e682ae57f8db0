//! The line to the tenant that all requests of a run share: a token before each, and what its answer
//! tells afterwards. Nothing here waits between requests, nor decides what follows.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, Millis, NotExecuted, Verdict},
    breaker::Health,
    engine::Next,
    ledger::Ledger,
    model::UserId,
    pacer::Pacer,
    retry::RetryPolicy,
    vitals::Vitals,
};

/// What a run's workers share.
#[derive(Debug)]
pub struct Line<A> {
    /// The tenant.
    pub api: Arc<A>,
    /// Where intents and outcomes go.
    pub ledger: Ledger,
    /// When requests may go.
    pub pacer: Arc<Pacer>,
    /// What follows from an answer.
    pub policy: RetryPolicy,
    /// Cancelled when nothing new may be sent.
    pub stop: CancellationToken,
    /// Numbers for progress and summary.
    pub vitals: Arc<Vitals>,
    /// Wall clock.
    pub now: fn() -> Millis,
}

/// Shows an answer to the pacer and the counters, and says what it tells of the tenant.
pub fn note<T>(answer: &Answer<T>, pacer: &Pacer, vitals: &Vitals) -> Health {
    let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
    // What never came says nothing about the limit; a token's 429 has no status of ours.
    if throttled || answer.status.is_some() {
        pacer.observe(&answer.meter, throttled);
    }
    vitals.sent(answer.requests, throttled);
    Health::of(&answer.verdict)
}

impl<A: Api> Line<A> {
    /// Asks for any answer at all, with a request that changes nothing.
    pub async fn probe(&self, user: &UserId) -> (Next, Health) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return (Next::Held, Health::Unknown),
            () = self.pacer.permit() => {}
        }
        if let Err(held) = self.prepare().await {
            return held;
        }
        let answer = self.api.list(user).await;
        let health = self.note(&answer);
        match answer.verdict {
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => (Next::Stop(error), health),
            _ => (Next::Settled, health),
        }
    }

    /// As [`note`].
    pub fn note<T>(&self, answer: &Answer<T>) -> Health {
        note(answer, &self.pacer, &self.vitals)
    }

    /// A fresh token. Nothing is intended yet, so waiting for it ends at once when the run stops.
    pub async fn prepare(&self) -> Result<(), (Next, Health)> {
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err((Next::Held, Health::Unknown)),
            answer = self.api.prepare() => answer,
        };
        let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
        self.vitals.sent(answer.requests, throttled);
        match answer.verdict {
            Verdict::Done(()) => Ok(()),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => {
                Err((Next::Stop(error), Health::Unknown))
            }
            Verdict::NotExecuted(NotExecuted::Throttled) => {
                self.pacer.observe(&answer.meter, true);
                Err((Next::After(Duration::ZERO), Health::Unknown))
            }
            _ => Err((Next::After(Duration::ZERO), Health::Bad)),
        }
    }
}
