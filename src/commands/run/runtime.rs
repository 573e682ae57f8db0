//! Threads of a command that talks to a tenant, or is one.

use std::{
    sync::Mutex,
    thread::{self, available_parallelism},
};

use tokio::runtime::Builder;

use super::metering::Metering;
use crate::{
    config::Config,
    error::{Error, Exit},
    pacer::Rate,
};

/// Requests a second that one thread can easily send. It takes a fifth less CPU than several at 400
/// a second, and a fifteenth less at 16: several threads wake each other.
const LOW_RATE: f64 = 500.0;

/// Threads that a run needs besides its runtime's: one reads its input, one plans, and one writes
/// its ledger.
const OTHER_THREADS: usize = 3;
/// Processors left to those. With a thread of the runtime for each processor, all threads take
/// turns: on two processors, an import took a seventh more CPU at 1,500 requests a second and at
/// full speed, and was no faster.
const OTHER_PROCESSORS: usize = 1;

/// Runs a command that keeps to a pace. At a low pace, several threads would mostly wake each
/// other.
pub(in crate::commands) fn paced<F>(
    config: Result<Config, Error>,
    metering: &Metering,
    command: impl FnOnce(Config) -> F,
) -> Result<Exit, Error>
where
    F: Future<Output = Result<Exit, Error>> + Send + 'static,
{
    let mut config = config?;
    metering.start(&mut config)?;
    let is_low = matches!(config.rate, Rate::PerSecond(rate) if rate <= LOW_RATE);
    let is_one = is_low && config.rate_plan.is_none();
    let builder = if is_one {
        Builder::new_current_thread()
    } else {
        on_threads(processors().saturating_sub(OTHER_PROCESSORS).max(1))
    };
    block_on(builder, command(config))
}

/// Runs a command on as many threads as there are processors.
pub(in crate::commands) fn on_all<T: Send + 'static>(
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    block_on(on_threads(processors()), command)
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns the builder of a runtime with that many threads for its tasks, or with the caller's
/// alone where the system has no room for more: tokio's hangs if it runs out of threads while
/// starting them.
fn on_threads(threads: usize) -> Builder {
    let count = threads + OTHER_THREADS;
    let gate = Mutex::new(());
    let has_room = thread::scope(|scope| {
        // All threads at the same time: none ends before the last one has started.
        let _shut = gate.lock();
        (0..count).all(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().spawn_scoped(scope, wait).is_ok()
        })
    });
    if !has_room {
        return Builder::new_current_thread();
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads);
    builder
}

pub(in crate::commands) fn block_on<T: Send + 'static>(
    mut builder: Builder,
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "starting".into(), source })?;
    // The command runs as a task among others: on this thread, the system would have to wake it
    // each time that another task sends it something.
    let done = runtime.block_on(runtime.spawn(command));
    // A thread that still waits for a silent pipe must not keep the program alive.
    runtime.shutdown_background();
    done.unwrap_or_else(|_| Err(Error::Internal("the command panicked".into())))
}
