//! Threads of a command that talks to a tenant, or is one.

use std::{
    sync::Mutex,
    thread::{self, available_parallelism},
};

use tokio::runtime::{Builder, Runtime};

use super::metering::Metering;
use crate::{
    config::Config,
    error::{Error, Exit},
    pacer::Rate,
};

/// Requests a second up to which one thread does everything but reading and planning: handing the
/// ledger's writes to another takes a tenth more CPU at 400 a second. At higher rates it saves
/// less, and requests would wait for the disk.
const LOW_RATE: f64 = 500.0;
/// Requests a second for each thread that sends them: a quarter of what one can send. A second
/// thread takes a fifth more CPU at 15,000 a second, and makes an import at full speed a seventh
/// faster.
const PER_THREAD: f64 = 10_000.0;
/// Threads that a run needs besides those that send: one reads its input, one plans, and one writes
/// its ledger.
const OTHER_THREADS: usize = 3;

/// Runs a command that keeps to a pace, on as many threads as its pace needs.
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
    let rate = match config.rate {
        Rate::PerSecond(rate) if config.rate_plan.is_none() => Some(rate),
        _ => None,
    };
    let threads = rate.map_or(1, |rate| senders(rate, processors()));
    // Each runtime starts one more thread to resolve a name.
    let needed = 2 * threads + OTHER_THREADS;
    if rate.is_some_and(|rate| rate <= LOW_RATE) || !has_room(needed) {
        return block_on(Builder::new_current_thread(), command(config));
    }
    // Each thread has a runtime to itself. Threads that share one take each other's tasks, and so
    // move each connection from core to core: an import at full speed took an eleventh longer, and
    // a fifteenth more CPU.
    let others = (1..threads).map(|_| build(on_threads(1))).collect::<Result<Vec<_>, _>>()?;
    config.runtimes = others.iter().map(|runtime| runtime.handle().clone()).collect();
    let done = block_on(on_threads(1), command(config));
    others.into_iter().for_each(Runtime::shutdown_background);
    done
}

/// Returns how many threads send that many requests a second: at most one for each processor.
fn senders(rate: f64, processors: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let wanted = (rate / PER_THREAD).ceil() as usize;
    wanted.clamp(1, processors)
}

/// Runs a command on as many threads as there are processors.
pub(in crate::commands) fn on_all<T: Send + 'static>(
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let threads = processors();
    let builder =
        if has_room(threads) { on_threads(threads) } else { Builder::new_current_thread() };
    block_on(builder, command)
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns true if the system lets this program start that many threads: tokio hangs if it runs out
/// of threads while starting them.
fn has_room(threads: usize) -> bool {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        // All threads at the same time: none ends before the last one has started.
        let _shut = gate.lock();
        (0..threads).all(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().spawn_scoped(scope, wait).is_ok()
        })
    })
}

fn on_threads(threads: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads);
    builder
}

fn build(mut builder: Builder) -> Result<Runtime, Error> {
    builder.enable_all().build().map_err(|source| Error::Io { what: "starting".into(), source })
}

pub(in crate::commands) fn block_on<T: Send + 'static>(
    builder: Builder,
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let runtime = build(builder)?;
    // The command runs as a task among others: on this thread, the system would have to wake it
    // each time that another task sends it something.
    let done = runtime.block_on(runtime.spawn(command));
    // A thread that still waits for a silent pipe must not keep the program alive.
    runtime.shutdown_background();
    done.unwrap_or_else(|_| Err(Error::Internal("the command panicked".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_sends_10_000_requests_a_second_and_none_has_to_share_its_processor() {
        for (rate, processors, expected) in [
            (0.5, 8, 1),
            (5_000.0, 8, 1),
            (10_000.0, 8, 1),
            (10_001.0, 8, 2),
            (50_000.0, 8, 5),
            (100_000.0, 8, 8),
            (100_000.0, 2, 2),
            (100_000.0, 1, 1),
        ] {
            assert_eq!(senders(rate, processors), expected, "{rate} on {processors}");
        }
    }
}
