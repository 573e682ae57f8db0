//! Order and concurrency: what goes next, and when.
//!
//! One loop owns everything that changes (`dispatcher`): the lanes (one a user, in input order),
//! what is ready and what waits for a time (`lanes`), what is cleared to go (`permits`),
//! the breaker, and how many may be in flight (`concurrency`). Workers (`workers`) take one step of one [`Job`] at a time and hand it back, so
//! one that has to wait holds up its own user and nobody else. All of it is bounded: at most
//! [`Limits::window`] are taken in and not settled. What a step is, the [`Executor`] knows. Results that
//! are told in the order of the input are put in order behind it (`in_order`).

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

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
mod workers;

pub use concurrency::Concurrency;
pub use lanes::Ticket;

use crate::{
    api::Api,
    engine::gateway::Gateway,
    error::Error,
    ledger::Counts,
    model::{State, UserId},
    pacer::breaker::{Health, Kind},
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
    /// Rows that a share is not judged below.
    const ENOUGH: u64 = 100;

    fn reached(self, counts: &Counts) -> bool {
        let errors = counts.states[State::Rejected] + counts.states[State::Failed];
        match self {
            Self::Rows(most) => errors >= most.max(1),
            #[expect(clippy::cast_precision_loss, reason = "a share of rows, not a count")]
            Self::Percent(most) => {
                counts.rows() >= Self::ENOUGH
                    && errors as f64 * 100.0 >= most * counts.rows() as f64
            }
        }
    }
}

/// Batches from the input. The end is sent explicitly: a sender that goes without it has failed.
#[derive(Debug)]
pub enum IntakeEvent<T> {
    /// More rows.
    More(Vec<T>),
    /// The regular end: there are no more rows.
    End,
    /// No more of it can be read.
    Broken(Error),
}

/// Receiver of jobs that have something to do.
pub type JobReceiver<E> = mpsc::Receiver<IntakeEvent<E>>;

/// One thing to be done for one user, step by step.
pub trait Job: Send + 'static {
    /// Returns the user that the job is for. Jobs of one user run one after the other, in input
    /// order.
    fn user(&self) -> &UserId;
    /// Returns the kind of request that its next step sends.
    fn kind(&self) -> Kind;
    /// Returns whether a request of it may still be under way, so that its next step has to wait
    /// for the settle time.
    fn is_in_doubt(&self) -> bool {
        false
    }
    /// Returns whether its next step is for the end of the run, when all others are settled.
    fn is_for_the_end(&self) -> bool {
        false
    }
    /// Takes over what is known of the user from the job before it.
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

    /// Records what has to be durable before the next steps of `tickets` may be taken; durable on
    /// return.
    fn record_intents(
        &self,
        _turns: &mut [Ticket<Self::Job>],
    ) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Records that the next step of `job` was not taken after all.
    fn withdraw(&self, _errand: &Self::Job) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Asks for any answer at all, with a request that changes nothing: about `user`, where that is what
    /// the jobs are about.
    fn health_check(&self, user: &UserId) -> impl Future<Output = (Next, Health)> + Send {
        self.gateway().health_check(user)
    }

    /// Takes the step that `job` is at: one request at most.
    fn step(
        &self,
        job: &mut Self::Job,
        rng: &mut fastrand::Rng,
    ) -> impl Future<Output = (Next, Health)> + Send;
}

/// Result of a step.
#[derive(Debug)]
pub enum Next {
    /// It has come to its end; if a step is left for the end of the run, that is still to come.
    Settled,
    /// Everything left to do after its end is done, or cannot be done in this run.
    Finished,
    /// Its next step is due after this long.
    After(Duration),
    /// Nothing was sent: the run is stopping.
    Held,
    /// The run stops in good order: so much may be done and no more.
    Halt(Stop),
    /// The run stops.
    Stop(Box<Error>),
}

/// End of a run.
#[derive(Debug)]
pub enum End {
    /// Everything that came in is settled.
    Complete,
    /// It was asked to stop, or has come to a limit.
    Stopped(Stop),
    /// It cannot go on.
    Failed(Error),
}

impl End {
    /// Returns the number of users after whom `--max-users` has stopped it.
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
    /// `--max-users`: the first so many are done, and INPUT has more.
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
