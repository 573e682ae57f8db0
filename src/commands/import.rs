//! `import`: create every factor of the input that is not settled yet.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    blocking, now, print,
    signals::{Signals, stop_after},
    tenant::Tenant,
};
use crate::{
    cli::{self, Import, Output},
    config::{Config, Target},
    deliver::{Delivery, Step},
    engine::{self, End, Limits, Stop},
    error::{Error, Exit},
    input::{self, Source},
    intake::{self, Remarks},
    ledger::{self, Ledger, Opened, Reader},
    model::State,
    progress::{self, Show, Watch},
    report::{LedgerReport, Status, Summary, Waits, write_json},
    retry::RetryPolicy,
    vitals::Vitals,
};

/// Factors taken in and not settled: enough for every lane and for many in doubt, and still
/// some megabytes only.
const WINDOW: usize = 16_384;

/// Runs the command.
pub(super) async fn run(import: Import, show: Show) -> Result<Exit, Error> {
    let mut config = Config::resolve(&import.tenant, &import.pace, import.ledger.as_ref())?;
    config.skip_existing |= import.skip_existing;
    config.name_marker |= import.name_marker;
    let stop = CancellationToken::new();
    let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
    tokio::spawn(stop_after(config.max_duration, stop.clone()));
    let path = PathBuf::from(&import.input);
    let format = import.format.map(Into::into);
    // What makes the file unreadable stops the run before anything is sent, where that can be
    // known beforehand.
    let source = blocking(move || {
        input::preflight(&path, format)?;
        Ok(Source::open(&path, format)?)
    })
    .await?;
    let ledger_path = ledger_path(&import, &config)?;
    let tenant = Tenant::of(&config).await?;
    let opened = open_ledger(&import, &tenant, ledger_path.clone()).await?;
    let done = deliver(&import, &config, tenant, source, opened, &ledger_path, stop, show).await;
    signals.abort();
    done
}

/// `--ledger`, or `INPUT.ledger`; in a sandbox run a fresh temporary file.
fn ledger_path(import: &Import, config: &Config) -> Result<PathBuf, Error> {
    if let Some(path) = &config.ledger {
        return Ok(path.into());
    }
    if matches!(config.target, Target::Sandbox) {
        let folder = tempfile::Builder::new()
            .prefix("mfaferry-")
            .tempdir()
            .map_err(|source| Error::Io { what: "making a temporary ledger".into(), source })?;
        return Ok(folder.keep().join("sandbox.ledger"));
    }
    if import.input == "-" {
        return Err(Error::usage(
            "standard input has no name to call the ledger by",
            "give --ledger FILE; the same FILE resumes an interrupted import",
        ));
    }
    Ok(format!("{}.ledger", import.input).into())
}

async fn open_ledger(import: &Import, tenant: &Tenant, path: PathBuf) -> Result<Opened, Error> {
    let name = tenant.name.clone();
    // Rejected rows are known by their input: one file has one name, however it is spelt.
    let input = match std::fs::canonicalize(&import.input) {
        Ok(path) if import.input != "-" => path.display().to_string(),
        _ => import.input.clone(),
    };
    let state = |retry: &cli::Retry| match retry {
        cli::Retry::Failed => State::Failed,
        cli::Retry::Rejected => State::Rejected,
    };
    let retry = import.retry.iter().map(state).collect();
    blocking(move || {
        let opening =
            ledger::Opening { tenant: &name, command: "import", input: &input, retry, now };
        Ledger::open(&path, opening)
    })
    .await
}

#[expect(clippy::too_many_arguments, reason = "what `run` has made ready, each used once")]
async fn deliver(
    import: &Import,
    config: &Config,
    tenant: Tenant,
    source: Source,
    opened: Opened,
    path: &Path,
    stop: CancellationToken,
    show: Show,
) -> Result<Exit, Error> {
    let began = Instant::now();
    let Opened { ledger, key, resumed, thread } = opened;
    let vitals = Arc::new(Vitals::default());
    let pacer = super::pacer(config);
    let remarks = Remarks::default();
    let rows = Arc::clone(&remarks.rows);
    let remarks = Arc::new(Mutex::new(remarks));
    let watch = Watch {
        tally: ledger.tally(),
        vitals: Arc::clone(&vitals),
        pacer: Arc::clone(&pacer),
        read: source.bytes_read(),
        rows,
        length: source.len(),
    };
    let progress = tokio::spawn(progress::watch(watch, show));
    let first = if config.skip_existing { Step::Survey } else { Step::Send };
    let intake = intake::start(source, key, ledger.clone(), first, Arc::clone(&remarks))?;
    let delivery = Arc::new(Delivery {
        api: Arc::new(tenant.client),
        ledger: ledger.clone(),
        pacer: Arc::clone(&pacer),
        policy: RetryPolicy::new(config.max_attempts, config.settle),
        name_marker: config.name_marker,
        stop,
        vitals: Arc::clone(&vitals),
        now,
    });
    let limits = Limits {
        concurrency: config.concurrency,
        window: WINDOW,
        max_outage: config.max_outage,
        max_errors: config.max_errors,
        seed: fastrand::u64(..),
    };
    let end = engine::run(delivery, limits, intake).await;
    let complete = matches!(end, End::Complete);
    let end = match (ledger.end_run(complete).await, end) {
        // A ledger that has failed is the news, whatever else was.
        (Err(error), End::Complete | End::Stopped(_)) => End::Failed(error),
        (_, end) => end,
    };
    progress.abort();
    progress::clear();
    let counts = ledger.tally().get();
    drop(ledger);
    blocking(move || {
        thread.join().map_err(|_| Error::Internal("the ledger's thread panicked".into()))
    })
    .await?;
    if let Some(sandbox) = tenant.sandbox {
        sandbox.stop().await;
    }
    let read = read_back(path);
    let summary = Summary {
        status: if complete { Status::Complete } else { Status::Stopped },
        rows: counts.rows(),
        counts,
        requests: vitals.requests(),
        throttled: vitals.throttled(),
        elapsed_seconds: began.elapsed(),
        waits: Waits::of(&pacer, &vitals),
        ledger: path.display().to_string(),
        ledger_totals: read.as_ref().ok().filter(|_| resumed).map(|report| report.totals),
    };
    let remarks = remarks.lock().unwrap_or_else(PoisonError::into_inner);
    let hints = read.as_ref().map_or(&[][..], |report| &report.hints);
    print(|out| match import.output {
        Output::Json => write_json(&summary, out),
        Output::Text => summary.write_text(&remarks, hints, out),
    })?;
    // In doubt since an earlier run, and no longer in the input: nobody has looked it up.
    let left_in_flight = read.as_ref().is_ok_and(|report| report.totals.in_flight > 0);
    match end {
        End::Complete if counts.bad() > 0 || left_in_flight => Ok(Exit::SomeBad),
        End::Complete => Ok(Exit::Good),
        End::Stopped(Stop::Asked) => Ok(Exit::Stopped),
        End::Stopped(Stop::MaxErrors) => {
            tracing::error!("stopped: as many rows are rejected or failed as --max-errors allows");
            Ok(Exit::Stopped)
        }
        End::Failed(error) => Err(error),
    }
}

/// The ledger as a report would show it.
fn read_back(path: &Path) -> Result<LedgerReport, Error> {
    LedgerReport::read(&path.display().to_string(), &Reader::open(path)?)
}
