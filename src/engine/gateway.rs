//! The gateway to the tenant that all requests of a run share: a token before each, and what its answer
//! tells afterwards. Nothing here waits between requests, nor decides what follows.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, NotExecuted, Verdict},
    engine::Next,
    model::{History, LocalTime, Method, UserId},
    pacer::{Pacer, breaker::Health},
    protocol::{RetryPolicy, pages::Pages},
    stats::RunStats,
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
    /// Wall clock.
    pub now: fn() -> LocalTime,
}

/// What came of asking for a list.
#[derive(Debug)]
pub struct Listing {
    /// The list, or why there is none.
    pub verdict: Verdict<Vec<Method>>,
    /// The last HTTP status, where one came.
    pub status: Option<u16>,
    /// What the answers said of the tenant.
    pub health: Health,
}

impl<A: Api> Gateway<A> {
    /// Asks for any answer at all, with a request that changes nothing.
    pub async fn health_check(&self, user: &UserId) -> (Next, Health) {
        if !self.permit(Duration::ZERO).await {
            return (Next::Held, Health::Unknown);
        }
        if let Err(held) = self.prepare().await {
            return held;
        }
        let answer = self.api.page(user, 0).await;
        let health = self.note(&answer);
        match answer.verdict {
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => (Next::Stop(error), health),
            Verdict::Done(_)
            | Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(_)
            | Verdict::InDoubt(_) => (Next::Settled, health),
        }
    }

    /// Asks for one of a user's methods, or for all, page by page; the permit of the first request is
    /// the caller's, each other takes its own, and a page that fails after others is asked for again,
    /// and they are not. `None` when the run is stopping.
    pub async fn list(
        &self,
        user: &UserId,
        method: Option<&str>,
        rng: &mut fastrand::Rng,
    ) -> Option<Listing> {
        let mut pages = Pages::default();
        let mut tries = History::default();
        let mut answered = false;
        loop {
            let answer = self.api.part(user, method, pages.next()).await;
            let mut health = self.note(&answer);
            // Who has answered with one page is there, whatever ails the next.
            answered |= health == Health::Good;
            if answered {
                health = Health::Good;
            }
            let status = answer.status;
            let wait = match pages.take(answer.verdict) {
                None => {
                    tries = History::default();
                    Duration::ZERO
                }
                Some(verdict) => {
                    // Who is not reached even so is for the breaker to judge.
                    let only_that_page =
                        !pages.is_empty() && tries.bounced < self.policy.max_attempts;
                    let again =
                        only_that_page.then(|| self.policy.again(&verdict, &mut tries, rng));
                    match again.flatten() {
                        Some(wait) => wait,
                        None => return Some(Listing { verdict, status, health }),
                    }
                }
            };
            if !self.permit(wait).await {
                return None;
            }
        }
    }

    /// Waits so long and then for a permit; false when the run is stopping.
    async fn permit(&self, wait: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = async {
                if !wait.is_zero() {
                    sleep(wait).await;
                }
                self.pacer.permit().await;
            } => true,
        }
    }

    /// Shows an answer to the pacer and the counters, and says what it tells of the tenant.
    pub fn note<T>(&self, answer: &Answer<T>) -> Health {
        let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
        // What never came says nothing about the limit; a token's 429 has no status of ours.
        if throttled || answer.status.is_some() {
            self.pacer.observe(&answer.meter, throttled);
        }
        self.stats.sent(answer.requests, throttled);
        Health::of(&answer.verdict)
    }

    /// A fresh token. Nothing is intended yet, so waiting for it ends at once when the run stops.
    pub async fn prepare(&self) -> Result<(), (Next, Health)> {
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err((Next::Held, Health::Unknown)),
            answer = self.api.prepare() => answer,
        };
        let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
        self.stats.sent(answer.requests, throttled);
        match answer.verdict {
            Verdict::Done(()) => Ok(()),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => {
                Err((Next::Stop(error), Health::Unknown))
            }
            Verdict::NotExecuted(NotExecuted::Throttled) => {
                self.pacer.observe(&answer.meter, true);
                Err((Next::After(Duration::ZERO), Health::Unknown))
            }
            Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(NotExecuted::Unauthorized | NotExecuted::NotSent)
            | Verdict::InDoubt(_) => Err((Next::After(Duration::ZERO), Health::Unreached)),
        }
    }
}
