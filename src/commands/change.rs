//! `replace`, `update` and `delete`: something is done to methods that are there, for each row of
//! an input. `undo`: an import is taken back, for each row of its ledger.

use std::{path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    blocking,
    confirm::confirm,
    session::{Opening, Session, Verb, open_input},
    signals::Signals,
};
use crate::{
    auth0::{self, Client},
    cli::{Bulk, Delete, Deleting, Replace, Undo, UpdateArgs},
    config::Config,
    engine::{
        self, Intake,
        intake::{self, Gather, Planner, Prepared},
    },
    error::{Error, Exit},
    input::{Shape, Source},
    jobs::change::{Applier, Deletes, Order, Orders, Sets, Single, Whole, backup::Backup, created},
    ledger::{Key, Reader},
    model::State,
    plan::Naming,
    progress::Show,
};

/// Options of a command that changes methods.
#[derive(Debug, Default)]
struct Wants {
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
    let verb = Verb {
        name: "replace",
        own: &[State::Replaced],
        scopes: &[auth0::READ, auth0::UPDATE],
        dry_run: false,
    };
    let shape = if command.from_export { Shape::Exported } else { Shape::Factors };
    let wants = Wants {
        backs_up: true,
        backup: command.backup,
        allow_loss: command.allow_loss,
        ..Wants::default()
    };
    let (source, _) = open_input(&command.bulk, shape).await?;
    let rows = Rows { bulk: &command.bulk, config, source, verb, wants, show };
    let secrets = command.secret_encoding.map(Into::into);
    rows.apply(move |key| Sets::new(key, shape, secrets), Whole::default()).await
}

/// `update`.
pub(super) async fn update(command: UpdateArgs, config: Config, show: Show) -> Result<Exit, Error> {
    let verb =
        Verb { name: "update", own: &[State::Updated], scopes: &[auth0::UPDATE], dry_run: false };
    let (source, _) = open_input(&command.bulk, Shape::Changes).await?;
    let wants = Wants::default();
    let rows = Rows { bulk: &command.bulk, config, source, verb, wants, show };
    rows.apply(Orders::changes, Single).await
}

/// `delete`.
pub(super) async fn delete(command: Delete, config: Config, show: Show) -> Result<Exit, Error> {
    let Delete { bulk, all_methods, deleting } = command;
    let verb = Verb {
        name: "delete",
        own: &[State::Deleted, State::AlreadyGone, State::Kept],
        scopes: &[auth0::READ, auth0::DELETE],
        dry_run: deleting.dry_run,
    };
    let (source, rows) = open_input(&bulk, Shape::Targets).await?;
    let what = match (all_methods, rows) {
        (false, Some(rows)) => format!("{rows} methods"),
        (false, None) => "methods".into(),
        (true, Some(rows)) => format!("all methods of {rows} users"),
        (true, None) => "all methods of users".into(),
    };
    if !agreed(&deleting, &what, &config, bulk.reading.input == "-").await? {
        return Ok(Exit::Stopped);
    }
    let naming = if all_methods { Naming::None } else { Naming::All };
    let rows = Rows { bulk: &bulk, config, source, verb, wants: wants(deleting), show };
    rows.apply(move |key| Orders::targets(key, naming), Single).await
}

/// `undo`.
pub(super) async fn undo(command: Undo, config: Config, show: Show) -> Result<Exit, Error> {
    let Undo { force, deleting, run, .. } = command;
    let verb = Verb {
        name: "undo",
        own: &[State::Undone, State::Kept, State::AlreadyGone],
        scopes: &[auth0::READ, auth0::DELETE],
        dry_run: deleting.dry_run,
    };
    let Some(path) = config.ledger.clone().map(PathBuf::from) else {
        return Err(Error::usage(
            "no ledger given",
            "pass --ledger FILE, the ledger of the import to undo",
        ));
    };
    // Opening for a run would make one where there is none.
    let place = path.clone();
    let totals = blocking(move || Reader::open(&place)?.totals()).await?;
    let what = format!(
        "{} methods that an import has created",
        totals[State::Created] + totals[State::Kept]
    );
    if !agreed(&deleting, &what, &config, false).await? {
        return Ok(Exit::Stopped);
    }
    let stop = CancellationToken::new();
    let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
    let input = path.display().to_string();
    let opening = Opening { verb, input: &input, retry: &[], ledger: Some(path) };
    let mut session = Session::open(config, opening, stop).await?;
    session.watch(Arc::default(), None, show);
    let intake = created(session.ledger.clone());
    let wants = Wants { force, ..wants(deleting) };
    let done = apply(session, intake, wants, run.output).await;
    signals.abort();
    done
}

fn wants(deleting: Deleting) -> Wants {
    Wants {
        backs_up: true,
        backup: deleting.backup,
        max_deletes: deleting.max_deletes,
        ..Wants::default()
    }
}

/// Asks before anything is deleted, unless that is not needed.
async fn agreed(
    deleting: &Deleting,
    what: &str,
    config: &Config,
    input_is_stdin: bool,
) -> Result<bool, Error> {
    if deleting.yes || deleting.dry_run {
        return Ok(true);
    }
    let tenant = config.target.name();
    let question =
        format!("Delete {what}, at {tenant}? They are backed up first. Type `yes` to go on: ");
    blocking(move || confirm(&question, input_is_stdin)).await
}

/// A run over the rows of an input.
struct Rows<'a> {
    bulk: &'a Bulk,
    config: Config,
    source: Source,
    verb: Verb,
    wants: Wants,
    show: Show,
}

impl Rows<'_> {
    async fn apply<P, G>(self, planner: impl FnOnce(Key) -> P, gather: G) -> Result<Exit, Error>
    where
        P: Planner<Planned = Prepared<G::Task>>,
        G: Gather<Errand = Order>,
    {
        let Self { bulk, config, source, verb, wants, show } = self;
        let stop = CancellationToken::new();
        let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
        let opening =
            Opening { verb, input: &bulk.reading.input, retry: &bulk.retry, ledger: None };
        let mut session = Session::open(config, opening, stop).await?;
        session.watch(source.bytes_read(), source.len(), show);
        let intake = intake::start(
            source,
            planner(session.key.clone()),
            gather,
            session.ledger.clone(),
            Arc::clone(&session.remarks),
        )?;
        let done = apply(session, intake, wants, bulk.run.output).await;
        signals.abort();
        done
    }
}

/// Runs the orders that come in, and ends the session.
async fn apply(
    mut session: Session,
    intake: Intake<Order>,
    wants: Wants,
    output: crate::cli::Output,
) -> Result<Exit, Error> {
    let dry_run = session.is_dry_run();
    let mut backup = None;
    if wants.backs_up && !dry_run {
        let path = session.backup_path(wants.backup);
        backup = Some(blocking(move || Backup::open(&path)).await?);
    }
    let applier: Arc<Applier<Client>> = Arc::new(Applier {
        line: session.line(),
        ledger: session.ledger.clone(),
        backup,
        key: session.key.clone(),
        allow_loss: wants.allow_loss,
        force: wants.force,
        dry_run,
        deletes: Deletes::at_most(wants.max_deletes),
    });
    let end = engine::run(applier, session.limits(), intake).await;
    session.close(end, Some(output)).await
}
