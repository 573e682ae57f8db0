//! `resolve`: finds out which of the tenant's users the people of another system's export are.

use std::path::{Path, PathBuf};

use super::{
    blocking, reading,
    run::{
        session::{CommandSpec, Session, SessionOpening},
        shards::warn_of_rate,
        signals::Stoppable,
        unbegun,
    },
};
use crate::{
    auth0,
    cli::{self, Resolve},
    config::Config,
    engine::End,
    error::{Error, Exit},
    files,
    input::Form,
    jobs::{
        output::Output,
        resolve::{
            self,
            judge::Rules,
            map::MapWriter,
            people::{self, ExportPeople, PeopleReader},
        },
    },
    ledger::{LedgerKind, Reader},
    model::{Shard, State},
    progress::{Extent, Show},
    sources::{Export, Options, System},
    text::{escape, file_name},
};

/// Reads the beginning of the input: a mistake in a name or in `--from` is reported before one in
/// the settings.
pub(super) fn try_open(resolve: &Resolve) -> Result<(), Error> {
    let form = reading::form(resolve.format);
    Ok(Export::glance(&resolve.paths(), system(&resolve.from)?, form)?)
}

/// Runs the command.
pub(super) async fn run(resolve: Resolve, config: Config, show: Show) -> Result<Exit, Error> {
    let shard = resolve.sharding.of();
    let config = config.of_shard(shard);
    warn_of_rate(&config);
    let (paths, system) = (resolve.paths(), system(&resolve.from)?);
    let form = reading::form(resolve.format);
    let Resolve { inputs, out, connection, trust_unverified_email, mut retry, run, .. } = resolve;
    let options =
        Options { includes_profile_phone: resolve.include_profile_phone, ..Options::default() };
    let spec = CommandSpec {
        name: "resolve",
        kind: LedgerKind::People,
        own: &[State::Resolved],
        scopes: &[auth0::READ_USERS],
        dry_run: false,
    };
    let ledger = config.ledger.clone().map_or_else(|| files::beside(&out, ".ledger"), Into::into);
    if !ledger.exists() {
        refuse_other(&out)?;
    }
    let stoppable = Stoppable::start()?;
    let opening = blocking(move || open_people(&paths, system, form, &options, shard));
    let opened = stoppable.unless_stopped(opening).await?;
    // People who got no answer are always looked up again.
    retry.push(cli::Retry::Failed);
    let opening = SessionOpening { spec, inputs: &inputs, retry: &retry, ledger: Some(ledger) };
    let Some((people, extent)) = opened else {
        return unbegun::stopped(&config, &opening, &stoppable, Some(run.output));
    };
    let mut session = Session::open(config, opening, stoppable.stop.clone()).await?;
    session.files.insert("out", file_name(&out));
    let path = session.path.clone();
    let known = blocking(move || Ok(Reader::open(&path)?.taken_up()?.sum())).await?;
    if known == 0 {
        refuse_other(&out)?;
    }
    // The header counts as a line.
    let output = Output::file(&out, if known > 0 { known + 1 } else { 0 })?;
    session.watch(extent, show);
    let (key, ledger) = (session.key.clone(), session.ledger.clone());
    let questions = people::start(Box::new(people), key, ledger.clone(), session.remarks())?;
    let rules = Rules { connection, trusts_unverified: trust_unverified_email };
    let mut map = MapWriter::new(ledger.clone(), output, known);
    let end = resolve::run(
        session.gateway(),
        session.limits(),
        questions,
        rules,
        ledger.tally(),
        &mut map,
    )
    .await;
    let end = match map.finish(&end).await {
        Ok(()) => end,
        Err(error) => End::Failed(error),
    };
    if end.is_complete() {
        nothing_new(&session, &out);
    }
    drop(ledger);
    session.close(end, Some(run.output)).await
}

fn system(name: &str) -> Result<&'static System, Error> {
    let unknown = || Error::Internal("a system that is none was let through".into());
    System::of_name(name).ok_or_else(unknown)
}

/// Opens another system's export for its people, and counts them if it can be read again: then an
/// unreadable input stops the run before anything is sent.
fn open_people(
    paths: &[PathBuf],
    system: &'static System,
    form: Option<Form>,
    options: &Options,
    shard: Shard,
) -> Result<(ExportPeople, Extent), Error> {
    let mut people = ExportPeople::of(Export::open(paths, system, form, options.clone())?, shard);
    let mut count = None;
    if people.length().is_some() {
        let mut seen = 0;
        while people.next_person()?.is_some() {
            seen += 1;
        }
        count = Some(seen);
        people = people.again()?;
    }
    let extent = Extent { read: people.bytes_read(), length: people.length(), rows: count };
    Ok((people, extent))
}

/// Refuses to overwrite a file that this ledger knows nothing of, a map or any other.
fn refuse_other(out: &Path) -> Result<(), Error> {
    if out.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Error::usage(
        format!("`{}` exists, and no ledger knows it as a map of this run", show_path(out)),
        "give --out another name, or move it away",
    ))
}

fn nothing_new(session: &Session, out: &Path) {
    let counts = session.ledger.tally().get();
    if counts.skipped > 0 && session.run.stats.requests() == 0 {
        tracing::info!(
            "nobody was looked up: `{}` has everybody already. `--retry rejected` looks up again those \
             not found; to use other flags, give another --out",
            show_path(out)
        );
    }
}

fn show_path(path: &Path) -> String {
    escape(&file_name(path))
}
