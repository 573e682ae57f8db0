//! Parts common to every command that records in a ledger: settings, tenant, and how a run begins
//! and ends.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Run,
    after_import::ReadInput,
    exit,
    ledger::{Closed, LedgerTarget, close_ledger, open_ledger, place, record_end, spawn_ledger},
    shards::of_other_shards,
};
use crate::{
    auth0::Client,
    cli::{self, Bulk, Output},
    commands::{
        advice::next::Ended,
        blocking,
        outputs::names::{backup_of, require_ledger},
        print,
        reading::{dialect, extent},
    },
    config::Config,
    engine::{End, Limits, gateway::Gateway, intake::Remarks},
    error::{Error, Exit},
    input::{self, RowReader, Shape, Source},
    ledger::{Key, Ledger, LedgerKind, Opened, Reader, RunReasons},
    model::State,
    progress::{Extent, Recorded, Show},
    report::{Explained, Figures, Status, Summary, Waits, write_json},
    sync::lock,
    text::file_name,
};

/// Identity and requirements of a command.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct CommandSpec {
    /// Its name.
    pub(in crate::commands) name: &'static str,
    /// Kind of its ledger.
    pub(in crate::commands) kind: LedgerKind,
    /// States that its rows can reach, besides the contract's; the main one first.
    pub(in crate::commands) own: &'static [State],
    /// Scopes that the token must have.
    pub(in crate::commands) scopes: &'static [&'static str],
    /// True if nothing is changed or recorded.
    pub(in crate::commands) dry_run: bool,
}

/// A run that records in a ledger.
pub(in crate::commands) struct Session {
    spec: CommandSpec,
    pub(in crate::commands) run: Run,
    pub(in crate::commands) ledger: Ledger,
    pub(in crate::commands) key: Key,
    resumed: bool,
    owner: JoinHandle<Result<(), Error>>,
    pub(in crate::commands) path: PathBuf,
    /// Folder of a dry run's ledger, removed at the end.
    scratch: Option<tempfile::TempDir>,
    /// Other files that were written, for the summary.
    pub(in crate::commands) files: BTreeMap<&'static str, String>,
    /// Input of an import or `replace`, for the summary.
    pub(in crate::commands) input: Option<ReadInput>,
}

/// Ledger of a run and how to open it.
pub(in crate::commands) struct SessionOpening<'a> {
    pub(in crate::commands) spec: CommandSpec,
    /// Names of the inputs; of `undo` the ledger's.
    pub(in crate::commands) inputs: &'a [String],
    /// `--retry`.
    pub(in crate::commands) retry: &'a [cli::Retry],
    /// Path of the ledger, if it differs from the default.
    pub(in crate::commands) ledger: Option<PathBuf>,
}

/// Opens an input, and returns it with its length, if that is known. An input that can be read
/// twice is read once before, so that an unreadable one stops the run before anything is sent.
///
/// Opening a pipe waits until another process opens it for writing: a caller that has taken over
/// the signals must not wait for this alone.
pub(in crate::commands) async fn open_input(
    bulk: &Bulk,
    config: &Config,
    shape: Shape,
) -> Result<(Box<dyn RowReader>, Extent), Error> {
    require_ledger(bulk, config)?;
    let paths = bulk.reading.paths();
    let dialect = dialect(&bulk.reading)?;
    blocking(move || {
        let source: Box<dyn RowReader> = Box::new(Source::open_all(&paths, &dialect, shape)?);
        let extent = extent(&*source, input::scan_all(&paths, &dialect, shape)?);
        Ok((source, extent))
    })
    .await
}

impl Session {
    /// Opens the ledger and makes a client; nothing is sent yet.
    pub(in crate::commands) async fn open(
        config: Config,
        opening: SessionOpening<'_>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let (mut scratch, path) = place(&config, &opening)?;
        let SessionOpening { spec, inputs, retry, .. } = opening;
        let is_kept = scratch.is_none() || !spec.dry_run;
        let run = Run::open(config, spec.scopes, is_kept.then_some(&*path), stop).await?;
        if path.symlink_metadata().is_ok() {
            let (path, kind) = (path.clone(), spec.kind);
            // A ledger that cannot be read is reported when it is opened for writing.
            blocking(move || Reader::open(&path).map_or(Ok(()), |it| it.check_kind(kind))).await?;
        }
        let target = LedgerTarget { tenant: run.tenant.clone(), shard: run.config.shard };
        let opened = open_ledger(spec, inputs, retry, target, path.clone()).await?;
        let mut files = BTreeMap::new();
        if !spec.dry_run
            && let Some(folder) = scratch.take()
        {
            files.insert("removable_folder", file_name(folder.keep()));
        }
        let Opened { ledger, key, resumed, owner } = opened;
        let owner = spawn_ledger(owner);
        run.note_typed(&ledger).await?;
        if let Some(meter) = run.config.meter.clone().filter(|_| !spec.dry_run) {
            let path = path.clone();
            blocking(move || {
                let last = Reader::open(&path).and_then(|it| it.last_success(spec.name));
                // A failure to read it is no reason to stop: the run itself goes on with the
                // ledger.
                meter.has_ledger(&path, last.unwrap_or_default());
                Ok(())
            })
            .await?;
        }
        Ok(Self { spec, run, ledger, key, resumed, owner, path, scratch, files, input: None })
    }

    /// Returns true if nothing is changed or recorded.
    pub(in crate::commands) fn is_dry_run(&self) -> bool {
        self.spec.dry_run
    }

    /// Returns the number of rows that earlier runs have settled.
    pub(in crate::commands) async fn settled(&self) -> u64 {
        if !self.resumed {
            return 0;
        }
        self.ledger.states().await.map_or(0, |rows| rows.sum())
    }

    /// Returns the state that the workers share.
    pub(in crate::commands) fn gateway(&self) -> Gateway<Client> {
        self.run.gateway()
    }

    /// Returns the bounds of the run.
    pub(in crate::commands) fn limits(&self) -> Limits {
        self.run.limits()
    }

    /// Returns the remarks on the rows.
    pub(in crate::commands) fn remarks(&self) -> Arc<Mutex<Remarks>> {
        Arc::clone(&self.run.remarks)
    }

    /// Starts to show progress through `extent`.
    pub(in crate::commands) fn watch(&mut self, extent: Extent, show: Show) {
        let recorded = Recorded { tally: self.ledger.tally(), own: self.spec.own };
        self.run.begin_notes(&self.ledger);
        self.run.watch(Arc::new(recorded), extent, show);
    }

    /// Returns the path of the backup, with its default.
    pub(in crate::commands) fn backup_path(&mut self, given: Option<PathBuf>) -> PathBuf {
        let path = given.unwrap_or_else(|| backup_of(&self.path));
        self.files.insert("backup", file_name(&path));
        path
    }

    /// Records how the run ended, reports the result (on standard error if `output` is `None`), and
    /// returns the exit code.
    pub(in crate::commands) async fn close(
        self,
        end: End,
        output: Option<Output>,
    ) -> Result<Exit, Error> {
        let Self { spec, mut run, ledger, resumed, owner, path, scratch, files, input, .. } = self;
        let import = input.as_ref().filter(|input| input.is_import);
        // The end comes last: with it the ledger is read back.
        run.end_notes(&ledger).await;
        let (end, changes) = record_end(&ledger, &run.lines(), end, import).await;
        let meter = run.config.meter.as_ref().filter(|_| !spec.dry_run);
        let Closed { totals, counts, reasons: RunReasons { of_run, skipped } } =
            close_ledger(ledger, owner, &path, meter).await?;
        run.leave_tenant().await;
        let (status, cause) = Status::of(&end);
        // Rows in doubt since an earlier run that are no longer in the input have not been looked
        // up.
        let left = totals.is_some_and(|totals| totals[State::InFlight] > 0);
        let is_bad = counts.bad() > 0 || left;
        let (lines, explained) = (run.lines(), Explained::all);
        let (reasons, skipped_reasons) = (explained(&of_run, &lines), explained(&skipped, &lines));
        let ended = Ended {
            typed: &run.config.typed,
            end: &end,
            reasons: reasons.iter().chain(&skipped_reasons).collect(),
            is_bad,
            ledger: &path,
            is_dry_run: spec.dry_run,
            is_in_sandbox: run.config.is_in_sandbox(),
        };
        let summary = Summary {
            schema: Summary::SCHEMA,
            status,
            first_users: end.first_users(),
            next: ended.next().into_iter().chain(of_other_shards(&ended)).collect(),
            cause,
            rows: counts.rows(),
            figures: Figures { counts, own: spec.own },
            dry_run: spec.dry_run,
            requests: run.stats.requests(),
            throttled: run.stats.throttled(),
            elapsed_seconds: run.began.elapsed(),
            waits: Waits::of(&run.pacer, &run.stats),
            shard: run.config.part(),
            ledger: file_name(&path),
            files,
            after_import: input.map(|input| input.end(&ended, changes)),
            ledger_totals: totals.filter(|_| resumed),
            reasons,
            skipped_reasons,
        };
        let remarks = lock(&run.remarks);
        let hints = run.hints(totals.as_ref());
        if !(run.is_quiet() && end.is_complete() && !is_bad && output == Some(Output::Text)) {
            show(&summary, &remarks, &hints, output)?;
        }
        drop(scratch);
        Ok(exit(end, is_bad))
    }
}

/// Writes the summary to standard output, or to the log where standard output holds the result
/// itself.
pub(in crate::commands) fn show(
    summary: &Summary,
    remarks: &Remarks,
    hints: &[String],
    output: Option<Output>,
) -> Result<(), Error> {
    let mut text = Vec::new();
    let written = match output {
        Some(Output::Json) => write_json(summary, &mut text),
        Some(Output::Text) | None => summary.write_text(remarks, hints, &mut text),
    };
    written.map_err(|source| Error::Io { what: "writing the summary".into(), source })?;
    if output.is_some() {
        return print(|out| out.write_all(&text));
    }
    tracing::info!("{}", String::from_utf8_lossy(&text).trim_end());
    Ok(())
}
