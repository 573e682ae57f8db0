//! Order and concurrency: what goes next, and when.
//!
//! One loop owns everything that changes (`dispatcher`): the lanes (one a user, in input order),
//! what is ready and what waits for a time (`lanes`), what is cleared to go (`permits`), the
//! breaker, and how many may be in flight (`concurrency`). Workers (`workers`) take one step of one
//! [`Job`] at a time and hand it back, so one that has to wait holds up its own user and nobody
//! else. All of it is bounded: at most [`Limits::window`] jobs are taken in and not settled. The
//! [`Executor`] knows what a step is. Where results have to be delivered in input order, `in_order`
//! sorts them.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::mpsc};

mod ahead;
mod concurrency;
mod dispatcher;
pub mod first_users;
pub mod gateway;
mod growth;
pub mod in_order;
pub mod intake;
mod lanes;
mod permits;
pub mod scan;
pub mod shard;
mod some_users;
mod workers;

pub use concurrency::Concurrency;
pub use lanes::Ticket;

use crate::{
    api::Api,
    engine::gateway::Gateway,
    error::Error,
    ledger::Counts,
    model::{Completion, State, UserId},
    pacer::breaker::{Health, RequestKind},
};
use dispatcher::Engine;

/// Bounds of a run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests in flight: as many as the pace needs, or a number.
    pub concurrency: Concurrency,
    /// Jobs taken in and not settled.
    pub window: usize,
    /// Requests a second above which some jobs are cleared ahead of the workers.
    pub ahead_above: f64,
    /// An outage longer than this stops the run.
    pub max_outage: Duration,
    /// Number of bad rows that stops the run.
    pub max_errors: Option<MaxErrors>,
    /// Seed of the jitter.
    pub seed: u64,
    /// Runtimes, of one thread each, that take a share of the workers besides the engine's own.
    pub runtimes: Vec<Handle>,
}

/// `--max-errors`: rejected and failed rows that stop a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// A number of rows.
    Rows(u64),
    /// This share of the rows, in percent, once there are a hundred of them.
    Percent(f64),
}

impl MaxErrors {
    /// Number of rows below which a share is not judged.
    const MIN_ROWS_TO_JUDGE: u64 = 100;

    fn reached(self, counts: &Counts) -> bool {
        let errors = counts.states[State::Rejected] + counts.states[State::Failed];
        match self {
            Self::Rows(most) => errors >= most.max(1),
            #[expect(clippy::cast_precision_loss, reason = "a share of rows, not a count")]
            Self::Percent(most) => {
                counts.rows() >= Self::MIN_ROWS_TO_JUDGE
                    && errors as f64 * 100.0 >= most * counts.rows() as f64
            }
        }
    }
}

/// Batches from the input. The end is sent explicitly: a channel that closes without it means that
/// the sender has failed.
#[derive(Debug)]
pub enum IntakeEvent<T> {
    /// More rows.
    More(Vec<T>),
    /// The regular end: there are no more rows.
    End,
    /// The rest of the input cannot be read.
    Broken(Error),
}

/// Receiver of jobs to run.
pub type JobReceiver<E> = mpsc::Receiver<IntakeEvent<E>>;

/// One thing to be done for one user, step by step.
pub trait Job: Send + 'static {
    /// Returns the user that the job is for. Jobs of one user run one after the other, in input
    /// order.
    fn user(&self) -> &UserId;
    /// Returns the kind of request that its next step sends.
    fn kind(&self) -> RequestKind;
    /// Returns whether an earlier request of the job may still be under way, so that its next step
    /// has to wait for the settle time.
    fn is_in_doubt(&self) -> bool {
        false
    }
    /// Returns whether its next step belongs at the end of the run, when all other jobs are
    /// settled.
    fn is_for_the_end(&self) -> bool {
        false
    }
    /// Takes over what the previous job of the same user has learned about the user.
    fn follow(&mut self, _before: &Self)
    where
        Self: Sized,
    {
    }
}

/// Takes jobs through their steps. Shared by all workers.
pub trait Executor: Send + Sync + 'static {
    /// The tenant.
    type Api: Api;
    /// The jobs it runs.
    type Job: Job;

    /// Returns the gateway to the tenant.
    fn gateway(&self) -> &Gateway<Self::Api>;

    /// Counts rows by state, for `--max-errors`; nothing where no ledger is kept.
    fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Records what has to be durable before the next steps of `tickets` may be taken; it is
    /// durable on return.
    fn record_intents(
        &self,
        _tickets: &mut [Ticket<Self::Job>],
    ) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Records that the next step of `job` was not taken after all.
    fn withdraw(&self, _job: &Self::Job) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Checks whether the tenant answers at all, with a request that changes nothing: about `user`,
    /// where the jobs are about users.
    fn health_check(&self, user: &UserId) -> impl Future<Output = StepResult> + Send {
        self.gateway().health_check(user)
    }

    /// Takes the step that `job` is at: one request at most.
    fn step(
        &self,
        job: &mut Self::Job,
        rng: &mut fastrand::Rng,
    ) -> impl Future<Output = StepResult> + Send;
}

/// Result of a step.
#[derive(Debug)]
pub struct StepResult {
    /// Consequence for the job.
    pub next: Next,
    /// Health of the tenant, as the answer shows it; unknown where nothing was sent.
    pub health: Health,
}

/// Consequence of a step for its job.
#[derive(Debug)]
pub enum Next {
    /// The job has come to its end; a step left for the end of the run is still to come.
    Settled,
    /// Everything that was left after its end is done, or cannot be done in this run.
    Finished,
    /// Its next step is due after this long.
    After(Duration),
    /// Nothing was sent, because the run is stopping.
    Held,
    /// The run stops in good order, because it has done as much as it is allowed to do.
    Halt(Stop),
    /// The run stops.
    Stop(Box<Error>),
}

impl Next {
    /// Makes the result of a step that saw the tenant in that health.
    pub fn with(self, health: Health) -> StepResult {
        StepResult { next: self, health }
    }
}

/// End of a run.
#[derive(Debug)]
pub enum End {
    /// Everything that was taken in is settled.
    Complete,
    /// The run was asked to stop, or has reached a limit.
    Stopped(Stop),
    /// The run cannot go on.
    Failed(Error),
}

impl End {
    /// Returns whether the run is complete.
    pub fn completion(&self) -> Completion {
        if self.is_complete() { Completion::Complete } else { Completion::Interrupted }
    }

    /// Returns true if everything that was taken in is settled.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Complete => true,
            Self::Stopped(_) | Self::Failed(_) => false,
        }
    }

    /// Returns the number of users after which `--max-users` stopped the run.
    pub fn first_users(&self) -> Option<usize> {
        match self {
            Self::Stopped(Stop::MaxUsers(most)) => Some(*most),
            Self::Complete | Self::Stopped(_) | Self::Failed(_) => None,
        }
    }
}

/// Reason why a run stopped in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A signal.
    Asked,
    /// `--max-errors`.
    MaxErrors,
    /// `--max-deletes`.
    MaxDeletes,
    /// `--max-users`: this many users are done, and INPUT has more.
    MaxUsers(usize),
}

/// Runs until everything that comes in is settled, or something stops it. Requests in flight are
/// always waited for.
pub async fn run<C: Executor>(
    executor: Arc<C>,
    limits: Limits,
    intake: JobReceiver<C::Job>,
) -> End {
    let mut engine = Engine::new(executor, limits);
    let end = engine.dispatch(intake).await;
    engine.drain().await;
    end
}
