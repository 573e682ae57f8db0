//! The workers and their queue: a worker takes one step of one job at a time and reports the result
//! through the same queue.
//!
//! A worker that has finished a step takes the next one by itself, without a detour through the
//! loop that fills the queue: while there is work, nobody has to be woken. Only trouble stops that,
//! see [`ClearedItems`].

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::Instant,
};

use super::{
    Executor, Job, Limits, Next, StepResult,
    lanes::{KINDS, Ticket},
};
use crate::{
    error::Error,
    model::UserId,
    pacer::breaker::{Health, RequestKind},
    sync::lock,
};

/// One thing for a worker to do.
enum WorkItem<E> {
    /// A step that has been cleared.
    Step(Ticket<E>),
    /// A check whether the tenant answers at all.
    HealthCheck(UserId),
}

/// Report of a worker.
pub(super) struct WorkerReport<E> {
    /// The job, or `None` for a health check.
    pub(super) ticket: Option<Ticket<E>>,
    pub(super) kind: RequestKind,
    pub(super) next: Next,
    pub(super) health: Health,
    /// Time that the worker took.
    pub(super) took: Duration,
}

/// The worker tasks. There are as many as there have been requests in flight at the same time so
/// far.
pub(super) struct Workers<C: Executor> {
    executor: Arc<C>,
    tasks: JoinSet<()>,
    /// Runtimes of one thread each, on which the workers are spawned in turn.
    runtimes: Vec<Handle>,
    /// Number of workers that may be busy.
    allowed: usize,
    /// Seed of the jitter.
    seed: u64,
    queue: Arc<WorkQueue<C::Job>>,
}

/// Queue shared by the workers and the dispatcher.
struct WorkQueue<E> {
    /// One count for each item in the queue, at least; workers wait for these.
    ready: Semaphore,
    state: Mutex<QueueState<E>>,
    /// Notified when there are reports.
    wakeup: Notify,
}

struct QueueState<E> {
    cleared: ClearedItems<E>,
    reports: Vec<WorkerReport<E>>,
    /// Number of busy workers.
    busy: usize,
}

/// Items that the dispatcher has cleared for the workers. What was cleared before trouble must not
/// be sent after it, and the dispatcher learns of it only later. So the report of trouble itself
/// shuts the queue: no worker gets an item until the dispatcher has withdrawn what may not stay.
struct ClearedItems<E> {
    items: VecDeque<WorkItem<E>>,
    is_shut: bool,
}

impl<E> ClearedItems<E> {
    fn take(&mut self) -> Option<WorkItem<E>> {
        if self.is_shut { None } else { self.items.pop_front() }
    }

    fn shut(&mut self) {
        self.is_shut = true;
    }

    /// Opens the queue. Returns how many items have to be counted anew: workers that came while it
    /// was shut have used up their counts.
    fn reopen(&mut self) -> usize {
        if std::mem::take(&mut self.is_shut) { self.items.len() } else { 0 }
    }
}

impl<C: Executor> Workers<C> {
    /// Creates a pool without workers.
    pub(super) fn new(executor: Arc<C>, allowed: usize, limits: &Limits) -> Self {
        let queue = Arc::new(WorkQueue {
            ready: Semaphore::new(0),
            state: Mutex::new(QueueState {
                cleared: ClearedItems { items: VecDeque::new(), is_shut: false },
                reports: Vec::new(),
                busy: 0,
            }),
            wakeup: Notify::new(),
        });
        let runtimes =
            [Handle::current()].into_iter().chain(limits.runtimes.iter().cloned()).collect();
        Self { executor, tasks: JoinSet::new(), runtimes, allowed, seed: limits.seed, queue }
    }

    /// Sets the number of workers that may be busy; those already busy beyond it finish their
    /// steps. Returns whether that makes room.
    pub(super) fn allow(&mut self, allowed: usize) -> bool {
        allowed > std::mem::replace(&mut self.allowed, allowed)
    }

    /// Returns how many more items could be worked on at once; a negative number of items has to
    /// wait.
    pub(super) fn room(&self) -> isize {
        let state = self.queue.state();
        self.allowed.cast_signed()
            - state.busy.cast_signed()
            - state.cleared.items.len().cast_signed()
    }

    /// Queues jobs that have been cleared.
    pub(super) fn add(&mut self, tickets: Vec<Ticket<C::Job>>) {
        let count = tickets.len();
        self.queue.state().cleared.items.extend(tickets.into_iter().map(WorkItem::Step));
        self.queue.ready.add_permits(count);
        self.start();
    }

    /// Queues a health check, before anything else.
    pub(super) fn health_check(&mut self, user: UserId) {
        self.queue.state().cleared.items.push_front(WorkItem::HealthCheck(user));
        self.queue.ready.add_permits(1);
        self.start();
    }

    /// Starts workers as far as the queue needs them: the full number allowed is seldom
    /// needed.
    fn start(&mut self) {
        let wanted = {
            let state = self.queue.state();
            self.allowed.max(1).min(state.busy + state.cleared.items.len())
        };
        while self.tasks.len() < wanted {
            let rng = fastrand::Rng::with_seed(self.seed.wrapping_add(self.tasks.len() as u64));
            let (executor, queue) = (Arc::clone(&self.executor), Arc::clone(&self.queue));
            let runtime = &self.runtimes[self.tasks.len() % self.runtimes.len()];
            self.tasks.spawn_on(run_worker(executor, queue, rng), runtime);
        }
    }

    /// Takes back from the queue the kinds that may not stay, and lets the rest go on.
    pub(super) fn withdraw(&self, stays: impl Fn(RequestKind) -> bool) -> Vec<Ticket<C::Job>> {
        let mut back = Vec::new();
        let cleared = &mut self.queue.state().cleared;
        if !KINDS.into_iter().all(&stays) {
            for item in std::mem::take(&mut cleared.items) {
                match item {
                    WorkItem::Step(ticket) if !stays(ticket.job.kind()) => back.push(ticket),
                    item => cleared.items.push_back(item),
                }
            }
        }
        self.queue.ready.add_permits(cleared.reopen());
        back
    }

    /// Waits for reports and takes all there are. Returns an error if a worker has ended, which
    /// none does by itself.
    pub(super) async fn reports(
        &mut self,
        into: &mut Vec<WorkerReport<C::Job>>,
    ) -> Result<(), Error> {
        let ended = tokio::select! {
            biased;
            () = self.queue.wakeup.notified() => {
                std::mem::swap(into, &mut self.queue.state().reports);
                return Ok(());
            }
            ended = self.tasks.join_next(), if !self.tasks.is_empty() => ended,
        };
        let panicked = matches!(ended, Some(Err(error)) if error.is_panic());
        let how = if panicked { "panicked" } else { "ended early" };
        Err(Error::Internal(format!("a worker {how}")))
    }

    /// Lets workers finish their steps.
    pub(super) async fn dismiss(&mut self) {
        self.queue.ready.close();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl<E> WorkQueue<E> {
    /// Waits for something to do; `None` when there will be nothing more.
    async fn take(&self) -> Option<WorkItem<E>> {
        loop {
            self.ready.acquire().await.ok()?.forget();
            let mut state = self.state();
            if let Some(item) = state.cleared.take() {
                state.busy += 1;
                return Some(item);
            }
        }
    }

    fn report(&self, report: WorkerReport<E>) {
        let trouble = report.health != Health::Good
            || matches!(report.next, Next::Held | Next::Halt(_) | Next::Stop(_));
        let mut state = self.state();
        state.busy -= 1;
        if trouble {
            state.cleared.shut();
        }
        state.reports.push(report);
        drop(state);
        self.wakeup.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, QueueState<E>> {
        lock(&self.state)
    }
}

/// Runs a worker until the queue is closed.
async fn run_worker<C: Executor>(
    executor: Arc<C>,
    queue: Arc<WorkQueue<C::Job>>,
    mut rng: fastrand::Rng,
) {
    while let Some(item) = queue.take().await {
        let began = Instant::now();
        let (ticket, kind, StepResult { next, health }) = match item {
            WorkItem::HealthCheck(user) => {
                (None, RequestKind::HealthCheck, executor.health_check(&user).await)
            }
            WorkItem::Step(mut ticket) => {
                let kind = ticket.job.kind();
                let done = executor.step(&mut ticket.job, &mut rng).await;
                (Some(ticket), kind, done)
            }
        };
        queue.report(WorkerReport { ticket, kind, next, health, took: began.elapsed() });
    }
}
