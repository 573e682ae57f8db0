//! Obtains what requests need before they may be sent, for many jobs at a time: a permit each, an
//! access token, and a durable record of their intents.
//!
//! Above a rate that no tenant lets through ([`Limits::ahead_above`](super::Limits)), some jobs are
//! cleared ahead of the workers, so that no worker waits for the disk and many intents share a
//! sync. A crash leaves in doubt whatever was cleared, and each of these costs a look-up: below
//! that rate a job is only cleared for a worker that is free. What has been cleared but not sent
//! when a hold, an outage or a stop comes is taken back.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Executor, Next, StepResult, lanes::Ticket};
use crate::{
    error::Error,
    pacer::{Pacer, Waiter, breaker::Health},
};

/// Minimum time over which the sending rate is measured.
const RATE_WINDOW: Duration = Duration::from_millis(20);
/// Number of jobs cleared ahead: some hundredths of a second of sending (performance.md 3).
const JOBS_CLEARED_AHEAD: usize = 1024;

/// Jobs that could not be cleared because there was no access token, what follows from that, and
/// the tenant's health.
pub(super) struct Refused<E> {
    pub(super) tickets: Vec<Ticket<E>>,
    pub(super) next: Next,
    pub(super) health: Health,
}

/// Result of clearing a batch.
pub(super) type Cleared<E> = Result<Vec<Ticket<E>>, Refused<E>>;
type Clearing<E> = Pin<Box<dyn Future<Output = Result<Cleared<E>, Error>> + Send>>;

/// See the module.
pub(super) struct Permits<C: Executor> {
    executor: Arc<C>,
    waiter: Waiter<Arc<Pacer>>,
    batch: Option<Clearing<C::Job>>,
    /// Number of jobs that are being cleared.
    clearing: usize,
    /// Rate above which [`JOBS_CLEARED_AHEAD`] are cleared ahead, and the number cleared ahead now.
    ahead_above: f64,
    ahead: usize,
    /// Number of jobs cleared since `since`.
    count: u32,
    since: Instant,
}

impl<C: Executor> Permits<C> {
    /// Clears jobs for `executor`; nothing is cleared yet.
    pub(super) fn new(executor: Arc<C>, ahead_above: f64) -> Self {
        Self {
            waiter: Waiter::new(Arc::clone(&executor.gateway().pacer)),
            executor,
            batch: None,
            clearing: 0,
            ahead_above,
            ahead: 0,
            count: 0,
            since: Instant::now(),
        }
    }

    /// Returns how many more jobs to clear now, given the room at the workers; negative room means
    /// that as many cleared jobs are waiting already. Returns 0 while a batch is being cleared or
    /// enough jobs wait, so that the next batch is large.
    pub(super) fn wanted(&mut self, room: isize, now: Instant) -> usize {
        self.measure(now);
        if self.batch.is_some() || room + self.ahead.cast_signed() / 2 < 0 {
            return 0;
        }
        usize::try_from(room + self.ahead.cast_signed()).unwrap_or(0)
    }

    fn measure(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed >= RATE_WINDOW {
            let is_fast = f64::from(self.count) > self.ahead_above * passed.as_secs_f64();
            self.ahead = if is_fast { JOBS_CLEARED_AHEAD } else { 0 };
            (self.count, self.since) = (0, now);
        }
    }

    /// Returns a permit for one request, or the time at which to ask again.
    pub(super) fn permit(&mut self, now: Instant) -> Result<(), Instant> {
        self.waiter.ask(now)
    }

    /// Leaves the pacer's queue, because no job needs a permit.
    pub(super) fn leave(&mut self, now: Instant) {
        self.waiter.leave(now);
    }

    /// Begins to clear jobs that have their permits; no other batch may be under way.
    pub(super) fn begin(&mut self, tickets: Vec<Ticket<C::Job>>) {
        self.clearing = tickets.len();
        self.count += u32::try_from(tickets.len()).unwrap_or(u32::MAX);
        self.batch = Some(Box::pin(clear(Arc::clone(&self.executor), tickets)));
    }

    /// Waits for the batch that was begun; for ever if there is none. An error ends the run.
    pub(super) async fn done(&mut self) -> Result<Cleared<C::Job>, Error> {
        let Some(batch) = &mut self.batch else {
            return std::future::pending().await;
        };
        let cleared = batch.await;
        self.batch = None;
        self.clearing = 0;
        cleared
    }

    /// Returns the number of jobs being cleared.
    pub(super) fn clearing(&self) -> usize {
        self.clearing
    }

    /// Returns whether a batch is being cleared.
    pub(super) fn is_under_way(&self) -> bool {
        self.batch.is_some()
    }
}

async fn clear<C: Executor>(
    executor: Arc<C>,
    mut tickets: Vec<Ticket<C::Job>>,
) -> Result<Cleared<C::Job>, Error> {
    if let Err(StepResult { next, health }) = executor.gateway().prepare().await {
        return Ok(Err(Refused { tickets, next, health }));
    }
    executor.record_intents(&mut tickets).await?;
    Ok(Ok(tickets))
}

/// Records that the steps of `tickets` were not taken after all.
pub(super) async fn withdraw<C: Executor>(
    executor: &Arc<C>,
    tickets: Vec<Ticket<C::Job>>,
) -> Result<Vec<Ticket<C::Job>>, Error> {
    for ticket in &tickets {
        executor.withdraw(&ticket.job).await?;
    }
    Ok(tickets)
}
