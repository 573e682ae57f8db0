//! The ledger of a run: its place, and how it is opened and closed.

use std::path::{Path, PathBuf};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::JoinHandle,
};

use super::{
    after_import::ReadInput,
    session::{CommandSpec, SessionOpening},
};
use crate::{
    cli,
    commands::{
        blocking, now,
        outputs::{names::ledger_path, scratch::scratch},
    },
    config::Config,
    engine::End,
    error::Error,
    ledger::{ByState, Changes, Counts, Ledger, Opened, Opening, Owner, Reader, RunReasons},
    model::{Completion, Lines, Shard, State},
    progress::Meter,
    text::{file_name, path_of},
};

/// Returns the path of a run's ledger, and the folder made for one that need not last.
pub(super) fn place(
    config: &Config,
    opening: &SessionOpening<'_>,
) -> Result<(Option<tempfile::TempDir>, PathBuf), Error> {
    let SessionOpening { spec, inputs, ledger, .. } = opening;
    let is_scratch = spec.dry_run || config.has_scratch_ledger();
    let scratch = (ledger.is_none() && is_scratch).then(scratch);
    let scratch = scratch.transpose()?;
    let path = match (&scratch, ledger) {
        (Some(folder), _) if spec.dry_run => folder.path().join("dry-run.ledger"),
        (Some(folder), _) => folder.path().join("sandbox.ledger"),
        (None, Some(path)) => path.clone(),
        (None, None) => ledger_path(config, inputs)?,
    };
    Ok((scratch, path))
}

/// Tenant and shard that a ledger is bound to.
pub(super) struct LedgerTarget {
    pub(super) tenant: String,
    pub(super) shard: Option<Shard>,
}

pub(super) async fn open_ledger(
    spec: CommandSpec,
    inputs: &[String],
    retry: &[cli::Retry],
    LedgerTarget { tenant, shard }: LedgerTarget,
    path: PathBuf,
) -> Result<Opened, Error> {
    // Rejected rows are identified by their input: one file has to have one name, however it is
    // spelt.
    let name_of = |input: &String| match std::fs::canonicalize(path_of(input)) {
        Ok(path) if input != "-" => file_name(path),
        _ => input.clone(),
    };
    // Several inputs may come in another order the next time.
    let mut inputs: Vec<_> = inputs.iter().map(name_of).collect();
    inputs.sort();
    let input = inputs.join(", ");
    let state = |retry: &cli::Retry| match retry {
        cli::Retry::Failed => State::Failed,
        cli::Retry::Rejected => State::Rejected,
    };
    let retry = retry.iter().map(state).collect();
    blocking(move || {
        let (tenant, input) = (&*tenant, &*input);
        Ledger::open(
            &path,
            Opening { tenant, command: spec.name, kind: spec.kind, input, retry, shard, now },
        )
    })
    .await
}

/// Starts the ledger's writer: on a thread of its own, so that only callers of the ledger wait for
/// the disk, unless one thread does everything. There, requests are so few that waking another
/// thread for each would cost more than waiting, or the system has no room for more threads.
pub(super) fn spawn_ledger(owner: Owner) -> JoinHandle<Result<(), Error>> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => tokio::spawn(owner.share()),
        _ => tokio::task::spawn_blocking(|| owner.block()),
    }
}

/// Returns the number of the ledger's rows in each state; `rows` are those that were admitted.
fn read_back(path: &Path, rows: Option<ByState>) -> Result<ByState, Error> {
    let reader = Reader::open(path)?;
    match rows {
        Some(rows) => reader.with_refusals(rows),
        // The ledger has failed: what is durable in it can still be read.
        None => reader.totals(),
    }
}

/// Records in the ledger how the run ended, and returns what the whole input of an import says
/// about earlier imports. If the ledger fails, that becomes the result.
pub(super) async fn record_end(
    ledger: &Ledger,
    lines: &Lines,
    end: End,
    import: Option<&ReadInput>,
) -> (End, Option<Changes>) {
    let completion = end.completion();
    let recorded = async {
        ledger.note_files(lines).await?;
        let codes = import.map(ReadInput::selected_codes).unwrap_or_default();
        ledger.note_selection(codes).await?;
        let is_whole = completion == Completion::Complete && import.is_some();
        let changes = if is_whole { Some(ledger.changes().await?) } else { None };
        ledger.end_run(completion).await?;
        Ok(changes)
    };
    match (recorded.await, end) {
        (Err(error), End::Complete | End::Stopped(_)) => (End::Failed(error), None),
        (recorded, end) => (end, recorded.ok().flatten()),
    }
}

/// Result of a run by its ledger.
pub(super) struct Closed {
    /// Rows in each state, of all runs, if the ledger could be read.
    pub(super) totals: Option<ByState>,
    pub(super) counts: Counts,
    pub(super) reasons: RunReasons,
}

/// Closes the last handle of the ledger, and returns what the ledger then holds.
pub(super) async fn close_ledger(
    ledger: Ledger,
    owner: JoinHandle<Result<(), Error>>,
    path: &Path,
    meter: Option<&Meter>,
) -> Result<Closed, Error> {
    // Read while the ledger is still open: a mere reader cannot clear away the files that SQLite
    // keeps beside it.
    let totals = read_back(path, ledger.states().await.ok()).ok();
    let (counts, reasons) = ledger.tally().all();
    if let Some(meter) = meter {
        meter.has_ledger_rows(totals);
    }
    drop(ledger);
    owner.await.map_err(|_| Error::Internal("the ledger panicked".into()))??;
    Ok(Closed { totals, counts, reasons })
}
