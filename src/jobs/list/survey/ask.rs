//! One user's list, asked for until there is an answer that can be used.
//!
//! Every request goes through the one pacer; what fails is repeated after a delay of [`retry`]'s
//! schedule. When several fail in a row, whoever it was, nobody asks any more but one probe at a
//! time ([`breaker`](crate::pacer::breaker)): a sick tenant is not asked harder.
//!
//! [`retry`]: crate::protocol::retry

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, Semaphore, SemaphorePermit},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, Page, Verdict},
    engine::gateway::note,
    error::Error,
    model::{Code, History, UserId},
    pacer::{
        Pacer,
        breaker::{Allowance, Breaker, Kind},
    },
    protocol::{Repeatable, RetryPolicy, pages::Pages},
    stats::Vitals,
};

use super::Listed;

/// Result of asking about a user.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A list, or why there will be none.
    Answered(Listed),
    /// Nothing: the run is stopping.
    Held,
    /// The run stops.
    Stop(Box<Error>),
}

/// Asks. Shared by all tasks.
#[derive(Debug)]
pub struct Survey<A> {
    api: Arc<A>,
    pacer: Arc<Pacer>,
    policy: RetryPolicy,
    vitals: Arc<Vitals>,
    max_outage: Duration,
    pub(super) stop: CancellationToken,
    concurrency: usize,
    /// One for each request that may be in flight.
    slots: Semaphore,
    breaker: Mutex<Breaker>,
    /// Held by whoever probes, or goes first after an outage.
    alone: tokio::sync::Mutex<()>,
    dice: Mutex<fastrand::Rng>,
}

/// A place among the requests in flight; they are never closed.
type Slot<'a> = Result<SemaphorePermit<'a>, AcquireError>;

/// May a request go? `Some` when it is the only one that may.
type Pass<'a> = Option<tokio::sync::MutexGuard<'a, ()>>;

impl<A: Api> Survey<A> {
    /// A survey that ends when `stop` is cancelled. `seed` is for jitter.
    pub fn new(
        api: Arc<A>,
        pacer: Arc<Pacer>,
        policy: RetryPolicy,
        vitals: Arc<Vitals>,
        limits: (usize, Duration),
        stop: CancellationToken,
        seed: u64,
    ) -> Self {
        let (concurrency, max_outage) = limits;
        Self {
            api,
            pacer,
            policy,
            vitals,
            max_outage,
            stop,
            concurrency,
            slots: Semaphore::new(concurrency.max(1)),
            breaker: Mutex::default(),
            alone: tokio::sync::Mutex::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Requests in flight at most.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Asks for all of a user's methods, or one of them, until there is an outcome.
    pub(super) async fn ask(&self, user: &UserId, method: Option<&str>) -> Outcome {
        let mut pages = Pages::default();
        // How often the list was begun, and the page asked for that is missing of it.
        let (mut begun, mut tried) = (History::default(), History::default());
        loop {
            let answer = match self.request(user, method, pages.next()).await {
                Ok(answer) => answer,
                Err(outcome) => return outcome,
            };
            let Some(verdict) = pages.take(answer.verdict) else {
                tried = History::default();
                continue;
            };
            let history = if pages.is_empty() { &mut begun } else { &mut tried };
            let dice = &mut lock(&self.dice).fork();
            let wait = match self.policy.after_repeatable(verdict, history, dice) {
                Repeatable::Done(list) => return Outcome::Answered(Ok(list)),
                Repeatable::Refused(reason) => return Outcome::Answered(Err(reason)),
                Repeatable::Failed(reason) => {
                    let too_many = reason.code() == Code::TooManyMethods;
                    let why = if too_many { reason } else { Code::NoUsableList.into() };
                    return Outcome::Answered(Err(why));
                }
                Repeatable::Stop(error) => return Outcome::Stop(error),
                Repeatable::Again(wait) => wait,
            };
            tokio::select! {
                () = self.stop.cancelled() => return Outcome::Held,
                () = sleep(wait) => {}
            }
        }
    }

    /// One request, when it may go.
    async fn request(
        &self,
        user: &UserId,
        method: Option<&str>,
        page: u64,
    ) -> Result<Answer<Page>, Outcome> {
        loop {
            let pass = self.pass().await?;
            let slot = self.slot().await?;
            self.permit().await?;
            // The gate may have closed meanwhile.
            if pass.is_none() && self.allowance() != Allowance::All {
                continue;
            }
            let answer = self.api.part(user, method, page).await;
            self.note(Kind::LookUp, &answer, Some(user));
            drop(slot);
            return Ok(answer);
        }
    }

    /// Waits until a request may go; whoever comes first in an outage probes.
    async fn pass(&self) -> Result<Pass<'_>, Outcome> {
        if self.allowance() == Allowance::All {
            return Ok(None);
        }
        let alone = tokio::select! {
            () = self.stop.cancelled() => return Err(Outcome::Held),
            alone = self.alone.lock() => alone,
        };
        loop {
            let at = match self.allowance() {
                Allowance::All => return Ok(None),
                Allowance::One => return Ok(Some(alone)),
                Allowance::ProbeAt(at) => at,
            };
            let lasted = lock(&self.breaker).outage();
            if lasted > self.max_outage {
                return Err(Outcome::Stop(Box::new(Error::Outage {
                    lasted,
                    cause: self.api.stranger(),
                })));
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(Outcome::Held),
                () = sleep_until(at) => {}
            }
            let _slot = self.slot().await?;
            self.permit().await?;
            let probed = lock(&self.breaker).probed_user();
            let answer = self.api.page(&probed, 0).await;
            self.note(Kind::Probe, &answer, None);
            if let Verdict::Stop(error) | Verdict::StopInDoubt(error) = answer.verdict {
                return Err(Outcome::Stop(error));
            }
        }
    }

    /// A place among the requests in flight.
    async fn slot(&self) -> Result<Slot<'_>, Outcome> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Outcome::Held),
            slot = self.slots.acquire() => Ok(slot),
        }
    }

    async fn permit(&self) -> Result<(), Outcome> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Outcome::Held),
            () = self.pacer.permit() => Ok(()),
        }
    }

    /// Shows an answer to the pacer, the breaker and the counters.
    fn note<T>(&self, kind: Kind, answer: &Answer<T>, user: Option<&UserId>) {
        let health = note(answer, &self.pacer, &self.vitals);
        let mut breaker = lock(&self.breaker);
        breaker.observe(kind, health, user, Instant::now());
        self.vitals.set_outage(breaker.is_outage());
    }

    fn allowance(&self) -> Allowance {
        lock(&self.breaker).allowance(Kind::LookUp)
    }
}

/// Plain values under these locks: still usable after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
