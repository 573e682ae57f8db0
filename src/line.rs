//! The line to the tenant that all requests of a run share: a permit and a token before each, and
//! what its answer tells afterwards. Nothing here waits between requests, nor decides what follows.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, Millis, NotExecuted, Verdict},
    breaker::Health,
    engine::Next,
    ledger::Ledger,
    model::UserId,
    pacer::Pacer,
    retry::{History, RetryPolicy},
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

impl<A: Api> Line<A> {
    /// A permit and a fresh token for one request of `history`'s. Nothing is intended yet, so
    /// waiting for them ends at once when the run stops, or when `gate`, where there is one, is
    /// shut.
    pub async fn clear(
        &self,
        gate: Option<&mut watch::Receiver<bool>>,
        history: &mut History,
        dice: &mut fastrand::Rng,
    ) -> Result<(), (Next, Health)> {
        match self.ready(gate).await {
            Err((Next::After(_), health)) => {
                history.bounced += 1;
                Err((Next::After(self.policy.delay(history.bounced, dice)), health))
            }
            other => other,
        }
    }

    /// Asks for any answer at all, with a request that changes nothing.
    pub async fn probe(&self, user: &UserId) -> (Next, Health) {
        if let Err(held) = self.ready(None).await {
            return held;
        }
        let answer = self.api.list(user).await;
        let health = self.note(&answer);
        match answer.verdict {
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => (Next::Stop(error), health),
            _ => (Next::Settled, health),
        }
    }

    /// Shows an answer to the pacer and the counters, and says what it tells of the tenant.
    pub fn note<T>(&self, answer: &Answer<T>) -> Health {
        let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
        // What never came says nothing about the limit.
        if answer.status.is_some() {
            self.pacer.observe(&answer.meter, throttled);
        }
        self.vitals.sent(answer.requests, throttled);
        Health::of(&answer.verdict)
    }

    async fn ready(&self, gate: Option<&mut watch::Receiver<bool>>) -> Result<(), (Next, Health)> {
        let shut = async {
            match gate {
                // The engine has gone: nobody will open it again.
                Some(gate) => drop(gate.wait_for(|open| !open).await),
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err((Next::Held, Health::Unknown)),
            () = shut => return Err((Next::Held, Health::Unknown)),
            answer = async {
                self.pacer.permit().await;
                self.api.prepare().await
            } => answer,
        };
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
