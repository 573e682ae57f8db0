//! Parts that commands share from their start to their end: the log, signals, and for each command
//! that sends requests ([`Run`]) the tenant, the pace, the statistics, progress and the exit code.
//! A command that records in a ledger has a [`session`] as well.

pub(super) mod after_import;
mod announce;
pub(super) mod confirm;
mod ledger;
pub(super) mod logging;
pub(super) mod metering;
mod notes;
pub(super) mod readiness;
pub(super) mod runtime;
pub(super) mod second_ledger;
pub(super) mod session;
pub(super) mod shards;
pub(super) mod signals;
mod tenant;
pub(super) mod unbegun;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

pub(super) use self::tenant::Scopes;
use self::{announce::announce, notes::RunNotes, signals::stop_after, tenant::Tenant};
use super::{now, print_error};
use crate::{
    auth0::Client,
    config::Config,
    engine::{Concurrency, End, Limits, Stop, gateway::Gateway, intake::Remarks},
    error::{Error, Exit},
    ledger::ByState,
    model::Lines,
    pacer::Pacer,
    progress::{self, Extent, ProgressCounts, Sampler, Show, Watch},
    protocol::{RetryPolicy, refusals::Refusals},
    report,
    report::Recorder,
    sandbox::Sandbox,
    stats::RunStats,
    sync::lock,
};

/// Most jobs that are taken in and not settled: enough for every lane and for many in doubt, in a
/// few megabytes.
const MAX_UNSETTLED: usize = 8_192;
/// Requests a second above which some jobs are cleared ahead of the workers. No tenant allows that
/// many (auth0-api.md 3.1); at such a rate requests would wait for the disk.
const AHEAD_ABOVE: f64 = 6_000.0;

const MAX_DURATION_OVER: &str =
    "stopping: --max-duration is over; requests in flight finish, nothing new is sent";

/// Open files besides the connections: input, ledger, log, and those of the runtimes.
const OTHER_FILES: usize = 64;

/// A run that has begun.
pub(super) struct Run {
    pub(super) began: Instant,
    pub(super) config: Config,
    client: Arc<Client>,
    /// The tenant's name, to which a ledger is bound.
    pub(super) tenant: String,
    sandbox: Option<Sandbox>,
    pub(super) pacer: Arc<Pacer>,
    pub(super) stats: Arc<RunStats>,
    refusals: Arc<Mutex<Refusals>>,
    pub(super) stop: CancellationToken,
    pub(super) remarks: Arc<Mutex<Remarks>>,
    /// Other records of the run's statistics besides the ledger. Add them before calling `watch`.
    pub(super) recorders: Vec<Arc<dyn Recorder>>,
    /// Notes that the run leaves in the ledger for reports.
    pub(super) notes: RunNotes,
    progress: Option<JoinHandle<()>>,
    sampler: Option<Sampler>,
}

impl Run {
    /// Announces the tenant of the run, makes a client whose token must allow `scopes`, and starts
    /// the clock of `--max-duration`. Sends no request for a row yet.
    pub(super) async fn open(
        config: Config,
        scopes: &'static [&'static str],
        ledger: Option<&Path>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        Self::with(config, Scopes { used: scopes, required: scopes }, ledger, stop).await
    }

    /// Opens a run that uses those of `scopes` that the token has.
    pub(super) async fn open_with_any(
        config: Config,
        scopes: &'static [&'static str],
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        Self::with(config, Scopes { used: scopes, required: &[] }, None, stop).await
    }

    /// Opens a run that uses these scopes.
    pub(super) async fn with(
        mut config: Config,
        scopes: Scopes,
        ledger: Option<&Path>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        config.concurrency = config.concurrency.within(connections());
        announce(&config, scopes.used, ledger);
        let Tenant { client, name, sandbox, pacer } = Tenant::with(&config, scopes).await?;
        tokio::spawn(stop_after(config.max_duration, stop.clone(), MAX_DURATION_OVER));
        let recorders = config.meter.iter().cloned();
        let recorders = recorders.map(|meter| Arc::new(meter) as Arc<dyn Recorder>).collect();
        Ok(Self {
            began,
            config,
            client: Arc::new(client),
            tenant: name,
            sandbox,
            pacer,
            stats: Arc::default(),
            refusals: Arc::default(),
            stop,
            remarks: Arc::default(),
            recorders,
            notes: RunNotes::default(),
            progress: None,
            sampler: None,
        })
    }

    /// Returns true if `-q` is given.
    pub(super) fn is_quiet(&self) -> bool {
        self.config.announce.is_none()
    }

    /// Returns the state that the workers share.
    pub(super) fn gateway(&self) -> Gateway<Client> {
        Gateway {
            api: Arc::clone(&self.client),
            pacer: Arc::clone(&self.pacer),
            policy: RetryPolicy::new(self.config.max_attempts, self.config.settle)
                .knowing(&self.config.facts),
            stop: self.stop.clone(),
            stats: Arc::clone(&self.stats),
            refusals: Arc::clone(&self.refusals),
            now,
        }
    }

    /// Returns hints about refusals that all users got alike, although the reason looks like one of
    /// the row, and about rows that are still in flight in the ledger.
    pub(super) fn hints(&self, totals: Option<&ByState>) -> Vec<String> {
        let refusals = lock(&self.refusals).hints();
        refusals.into_iter().chain(totals.and_then(report::in_flight)).collect()
    }

    /// Returns the bounds of the run.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            concurrency: self.config.concurrency,
            window: MAX_UNSETTLED,
            ahead_above: AHEAD_ABOVE,
            max_outage: self.config.max_outage,
            max_errors: self.config.max_errors,
            seed: fastrand::u64(..),
            runtimes: self.config.runtimes.clone(),
        }
    }

    /// Shows progress through `extent` from now on, and passes it to the recorders.
    pub(super) fn watch<T: ProgressCounts>(&mut self, tally: Arc<T>, extent: Extent, show: Show) {
        let remarks = lock(&self.remarks);
        let watch = Arc::new(Watch {
            tally,
            stats: Arc::clone(&self.stats),
            pacer: Arc::clone(&self.pacer),
            extent,
            rows: Arc::clone(&remarks.rows),
        });
        self.progress = Some(tokio::spawn(progress::watch(Arc::clone(&watch), show)));
        if !self.recorders.is_empty() {
            self.sampler = Some(Sampler::start(watch, self.recorders.clone(), now));
        }
    }

    /// Ends the display of progress, after the recorders have got the final numbers.
    pub(super) async fn clear_progress(&mut self) {
        if let Some(sampler) = self.sampler.take() {
            sampler.finish().await;
        }
        if let Some(progress) = self.progress.take() {
            progress.abort();
        }
        progress::clear();
    }

    /// Returns the map from lines to input files.
    pub(super) fn lines(&self) -> Lines {
        lock(&self.remarks).lines.clone()
    }

    /// Stops the sandbox, if that is the tenant.
    pub(super) async fn leave_tenant(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.stop().await;
        }
    }
}

/// Returns the number of connections that the system allows this process, after raising the soft
/// limit of open files to the most it may need. On many systems that limit starts at 1,024.
fn connections() -> usize {
    let least = Rlimit {
        current: Some((Concurrency::MAX_REQUESTS + OTHER_FILES) as u64),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    let before = getrlimit(Resource::Nofile).current;
    let wanted = least.current.min(least.maximum.or(least.current));
    if before.is_some() && before < wanted {
        let more = Rlimit { current: wanted, ..least };
        if setrlimit(Resource::Nofile, more).is_err() {
            // The old limit still holds, and is read below.
        }
    }
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(OTHER_FILES)
}

/// Returns the exit code of a run that ended with `end`, and logs why it stopped; `bad` is true if
/// rows need attention.
pub(super) fn exit(end: End, bad: bool) -> Exit {
    match end {
        End::Complete if bad => Exit::NeedsAttention,
        End::Complete => Exit::Good,
        // The summary gives the reason.
        End::Stopped(Stop::Asked | Stop::MaxUsers(_)) => Exit::Stopped,
        End::Stopped(Stop::MaxErrors) => {
            tracing::error!("stopped: rejected and failed rows have reached --max-errors");
            Exit::Stopped
        }
        End::Stopped(Stop::MaxDeletes) => {
            tracing::error!("stopped: the next step would delete more than --max-deletes allows");
            Exit::Stopped
        }
        End::Failed(error) => print_error(&error),
    }
}
