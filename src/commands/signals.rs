//! SIGINT, SIGTERM, SIGHUP: once to stop in good order, twice to stop at once.

use std::io::{self, Write};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Exit};

/// The signals that ask a run to stop.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals over.
    pub(super) fn take() -> Result<Self, Error> {
        let take = |kind| {
            signal(kind)
                .map_err(|source| Error::Io { what: "listening for signals".into(), source })
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Cancels `stop` at the first, ends the program at the second: the ledger is sound at any
    /// moment.
    pub(super) async fn watch(mut self, stop: CancellationToken) {
        self.recv().await;
        tracing::warn!(
            "stopping: requests in flight finish, nothing new is sent; again to stop at once"
        );
        stop.cancel();
        self.recv().await;
        drop(writeln!(io::stderr(), "stopped at once; run the same command again to go on"));
        std::process::exit(Exit::Stopped as i32);
    }
}
