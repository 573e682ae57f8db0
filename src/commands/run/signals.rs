//! SIGINT, SIGTERM, SIGHUP: the first asks the run to stop in good order, the second ends it at
//! once. `--max-duration` counts as the first.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Exit};

/// The signals that ask a run to stop.
#[derive(Debug)]
pub(in crate::commands) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` under `nohup`, which makes the process ignore it.
    hang_up: Option<Signal>,
}

/// Returns the signal for a file that may not grow (`ulimit -f`). Its handler must stay installed:
/// then such a file is an error of the write, and not a silent death.
fn file_too_large() -> SignalKind {
    SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())
}

/// Installs that handler where there is no runtime yet.
pub(super) fn outlive_limits() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    signal(file_too_large()).map(drop)
}

impl Signals {
    /// Takes the signals over.
    pub(in crate::commands) fn take() -> Result<Self, Error> {
        let take = |kind| {
            signal(kind)
                .map_err(|source| Error::Io { what: "listening for signals".into(), source })
        };
        drop(take(file_too_large())?);
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: if hang_up_is_ignored() { None } else { Some(take(SignalKind::hangup())?) },
        })
    }

    /// Waits for one of them.
    pub(in crate::commands) async fn recv(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }

    /// Cancels `stop` at the first signal and ends the program at the second: the ledger is sound
    /// at any moment.
    pub(in crate::commands) async fn watch(self, stop: CancellationToken) {
        self.watch_saying(
            stop,
            "stopping: requests in flight finish, nothing new is sent; again to stop at once",
            || {
                drop(writeln!(
                    io::stderr(),
                    "stopped at once; run the same command again to resume"
                ));
            },
        )
        .await;
    }

    /// Does the same; logs `first` at the first signal, and calls `second` at the second.
    pub(in crate::commands) async fn watch_saying(
        mut self,
        stop: CancellationToken,
        first: &str,
        second: impl FnOnce(),
    ) {
        self.recv().await;
        tracing::warn!("{first}");
        stop.cancel();
        self.recv().await;
        second();
        std::process::exit(Exit::Stopped as i32);
    }
}

/// A command that signals can stop, from before its input is read until this is dropped.
#[derive(Debug)]
pub(in crate::commands) struct Stoppable {
    pub(in crate::commands) began: Instant,
    pub(in crate::commands) stop: CancellationToken,
    watch: JoinHandle<()>,
}

impl Stoppable {
    /// Takes the signals over.
    pub(in crate::commands) fn start() -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let watch = tokio::spawn(Signals::take()?.watch(stop.clone()));
        Ok(Self { began: Instant::now(), stop, watch })
    }

    /// Waits for work that leaves nothing to be finished, such as the first reading of a large
    /// file; `None` if a signal came before its end.
    pub(in crate::commands) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, Error> {
        tokio::select! {
            () = self.stop.cancelled() => Ok(None),
            done = work => done.map(Some),
        }
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Cancels `stop` and logs `saying` when `--max-duration` is over, if it is given.
pub(in crate::commands) async fn stop_after(
    most: Option<Duration>,
    stop: CancellationToken,
    saying: &str,
) {
    if let Some(most) = most {
        tokio::time::sleep(most).await;
        tracing::warn!("{saying}");
        stop.cancel();
    }
}

/// Returns whether the parent process made this one ignore SIGHUP. proc(5): `SigIgn` is a
/// hexadecimal mask, its lowest bit signal 1, which is SIGHUP.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
