//! `replace`, `update` and `delete` change existing methods, row by row of an input; `undo`
//! reverses an import, row by row of its ledger.

use std::{ops::ControlFlow, path::PathBuf, sync::Arc};

use super::{
    blocking,
    reading::{StdinUse, import_shape},
    run::{
        after_import::ReadInput,
        confirm::confirm,
        session::{CommandSpec, Session, SessionOpening, open_input},
        signals::Stoppable,
        unbegun,
    },
};
use crate::{
    auth0::{self, Client},
    cli::{Bulk, Delete, Deleting, Replace, Undo, UpdateArgs},
    config::Config,
    engine::{
        self, JobReceiver,
        intake::{self, JobBuilder, PlannedRow, RowPlanner},
    },
    error::{Error, Exit},
    input::{RowReader, Shape},
    jobs::change::{
        ChangeExecutor, ChangeJob, ChangeJobs, ChangeRows, Deletes, SetJobs, Sets, backup::Backup,
        created,
    },
    ledger::{Key, LedgerKind, Reader},
    model::State,
    plan::Naming,
    progress::{Extent, Show},
    text::{file_name, path_of},
};

/// Options of a command that changes methods.
#[derive(Debug, Default)]
struct ChangeOptions {
    /// True if methods are backed up first.
    backs_up: bool,
    /// Path of the backup, if given.
    backup: Option<PathBuf>,
    allow_loss: bool,
    force: bool,
    max_deletes: Option<u64>,
}

/// `replace`.
pub(super) async fn replace(command: Replace, config: Config, show: Show) -> Result<Exit, Error> {
    let spec = CommandSpec {
        name: "replace",
        kind: LedgerKind::Factors,
        own: &[State::Replaced],
        scopes: &[auth0::READ, auth0::UPDATE],
        dry_run: false,
    };
    let shape = import_shape(command.from_export);
    let options = ChangeOptions {
        backs_up: true,
        backup: command.backup,
        allow_loss: command.allow_loss,
        ..ChangeOptions::default()
    };
    let begun = match begin(&command.bulk, &config, spec, shape).await? {
        ControlFlow::Continue(begun) => begun,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    let input = ReadInput::of(&command.bulk.reading.inputs, begun.source.lines());
    let (secrets, count) = (command.secret_encoding, input.secret_count());
    let input = Some(input);
    let rows = RowsToChange { bulk: &command.bulk, config, begun, spec, options, input, show };
    rows.apply(move |key| Sets::new(key, shape, secrets).counting(count), SetJobs::default()).await
}

/// `update`.
pub(super) async fn update(command: UpdateArgs, config: Config, show: Show) -> Result<Exit, Error> {
    let spec = CommandSpec {
        name: "update",
        kind: LedgerKind::Factors,
        own: &[State::Updated],
        scopes: &[auth0::UPDATE],
        dry_run: false,
    };
    let begun = match begin(&command.bulk, &config, spec, Shape::Changes).await? {
        ControlFlow::Continue(begun) => begun,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    let options = ChangeOptions::default();
    let rows =
        RowsToChange { bulk: &command.bulk, config, begun, spec, options, input: None, show };
    rows.apply(ChangeRows::changes, ChangeJobs).await
}

/// `delete`.
pub(super) async fn delete(command: Delete, config: Config, show: Show) -> Result<Exit, Error> {
    let Delete { bulk, all_methods, deleting } = command;
    let spec = CommandSpec {
        name: "delete",
        kind: LedgerKind::Factors,
        own: &[State::Deleted, State::AlreadyGone, State::Kept],
        scopes: &[auth0::READ, auth0::DELETE],
        dry_run: deleting.dry_run,
    };
    let begun = match begin(&bulk, &config, spec, Shape::Targets).await? {
        ControlFlow::Continue(begun) => begun,
        ControlFlow::Break(exit) => return Ok(exit),
    };
    let what = match (all_methods, begun.extent.rows) {
        (false, Some(rows)) => format!("{rows} methods"),
        (false, None) => "methods".into(),
        (true, Some(rows)) => format!("all methods of {rows} users"),
        (true, None) => "all methods of users".into(),
    };
    let stoppable = &begun.stoppable;
    let asking = confirmed(&deleting, &what, &config, StdinUse::of(&bulk.reading.inputs));
    match stoppable.unless_stopped(asking).await? {
        Some(true) => {}
        Some(false) => return Ok(Exit::Stopped),
        None => {
            let output = Some(bulk.run.output);
            return unbegun::stopped(&config, &opening(&bulk, spec), stoppable, output);
        }
    }
    let naming = if all_methods { Naming::None } else { Naming::All };
    let options = options(deleting);
    let rows = RowsToChange { bulk: &bulk, config, begun, spec, options, input: None, show };
    rows.apply(move |key| ChangeRows::targets(key, naming), ChangeJobs).await
}

/// `undo`.
pub(super) async fn undo(command: Undo, config: Config, show: Show) -> Result<Exit, Error> {
    let Undo { force, deleting, run, .. } = command;
    let spec = CommandSpec {
        name: "undo",
        kind: LedgerKind::Factors,
        own: &[State::Undone, State::Kept, State::AlreadyGone],
        scopes: &[auth0::READ, auth0::DELETE],
        dry_run: deleting.dry_run,
    };
    let Some(path) = config.ledger.as_deref().map(path_of) else {
        return Err(Error::usage(
            "no ledger given",
            "pass --ledger FILE, the ledger of the import to undo",
        ));
    };
    // Opening the ledger for a run would create one where there is none.
    let place = path.clone();
    let totals = blocking(move || Reader::open(&place)?.totals()).await?;
    let what = format!(
        "{} methods that an import has created",
        totals[State::Created] + totals[State::Kept]
    );
    let stoppable = Stoppable::start()?;
    let asking = confirmed(&deleting, &what, &config, StdinUse::Answers);
    let confirmed = stoppable.unless_stopped(asking).await?;
    let inputs = [file_name(&path)];
    let opening = SessionOpening { spec, inputs: &inputs, retry: &[], ledger: Some(path) };
    match confirmed {
        Some(true) => {}
        Some(false) => return Ok(Exit::Stopped),
        None => return unbegun::stopped(&config, &opening, &stoppable, Some(run.output)),
    }
    let mut session = Session::open(config, opening, stoppable.stop.clone()).await?;
    session.watch(Extent::default(), show);
    let intake = created(session.ledger.clone());
    let options = ChangeOptions { force, ..options(deleting) };
    apply(session, intake, options, run.output).await
}

fn options(deleting: Deleting) -> ChangeOptions {
    ChangeOptions {
        backs_up: true,
        backup: deleting.backup,
        max_deletes: deleting.max_deletes,
        ..ChangeOptions::default()
    }
}

/// Asks for confirmation before anything is deleted, unless that is not needed.
async fn confirmed(
    deleting: &Deleting,
    what: &str,
    config: &Config,
    stdin: StdinUse,
) -> Result<bool, Error> {
    if deleting.yes || deleting.dry_run {
        return Ok(true);
    }
    let tenant = config.target.name();
    let question =
        format!("Delete {what}, at {tenant}? They are backed up first. Type `yes` to go on: ");
    blocking(move || confirm(&question, stdin)).await
}

/// An open input, and the signals that end its run.
struct Begun {
    stoppable: Stoppable,
    source: Box<dyn RowReader>,
    extent: Extent,
}

/// Opens the input of a command; if a signal comes before it is read, reports that and returns the
/// exit code.
async fn begin(
    bulk: &Bulk,
    config: &Config,
    spec: CommandSpec,
    shape: Shape,
) -> Result<ControlFlow<Exit, Begun>, Error> {
    let stoppable = Stoppable::start()?;
    let opened = stoppable.unless_stopped(open_input(bulk, config, shape)).await?;
    if let Some((source, extent)) = opened {
        return Ok(ControlFlow::Continue(Begun { stoppable, source, extent }));
    }
    let output = Some(bulk.run.output);
    unbegun::stopped(config, &opening(bulk, spec), &stoppable, output).map(ControlFlow::Break)
}

fn opening(bulk: &Bulk, spec: CommandSpec) -> SessionOpening<'_> {
    SessionOpening { spec, inputs: &bulk.reading.inputs, retry: &bulk.retry, ledger: None }
}

/// A run over the rows of an input.
struct RowsToChange<'a> {
    bulk: &'a Bulk,
    config: Config,
    begun: Begun,
    spec: CommandSpec,
    options: ChangeOptions,
    /// Set where the summary mentions it.
    input: Option<ReadInput>,
    show: Show,
}

impl RowsToChange<'_> {
    async fn apply<P, G>(self, planner: impl FnOnce(Key) -> P, build: G) -> Result<Exit, Error>
    where
        P: RowPlanner<Planned = PlannedRow<G::Payload>>,
        G: JobBuilder<Job = ChangeJob>,
    {
        let Self { bulk, config, begun, spec, options, input, show } = self;
        let Begun { stoppable, source, extent } = begun;
        let stop = stoppable.stop.clone();
        let mut session = Session::open(config, opening(bulk, spec), stop).await?;
        session.input = input;
        session.watch(extent, show);
        let intake = intake::start(
            source,
            planner(session.key.clone()),
            build,
            session.ledger.clone(),
            session.remarks(),
        )?;
        apply(session, intake, options, bulk.run.output).await
    }
}

/// Runs the incoming jobs, and ends the session.
async fn apply(
    mut session: Session,
    intake: JobReceiver<ChangeJob>,
    options: ChangeOptions,
    output: crate::cli::Output,
) -> Result<Exit, Error> {
    let dry_run = session.is_dry_run();
    let mut backup = None;
    if options.backs_up && !dry_run {
        let path = session.backup_path(options.backup);
        backup = Some(blocking(move || Backup::open(&path)).await?);
    }
    let applier: Arc<ChangeExecutor<Client>> = Arc::new(ChangeExecutor {
        gateway: session.gateway(),
        ledger: session.ledger.clone(),
        backup,
        key: session.key.clone(),
        allow_loss: options.allow_loss,
        force: options.force,
        dry_run,
        deletes: Deletes::at_most(options.max_deletes),
    });
    let end = engine::run(applier, session.limits(), intake).await;
    session.close(end, Some(output)).await
}
