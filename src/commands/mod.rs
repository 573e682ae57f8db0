//! The commands: each puts the parts together. Only here, and in `progress`, is anything printed.
//!
//! Each file is a command, or the few that are much alike. The folders hold the parts that commands
//! share, from the bottom up: `outputs`, files that are written; `advice`, the commands that make
//! sense next; `reading`, the input; `run`, a command from its start to its end. `prove` and
//! `report` are commands with parts of their own.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    thread,
    time::UNIX_EPOCH,
};

use tokio::sync::oneshot;

mod advice;
mod change;
mod check;
mod explain;
mod export;
mod import;
mod man;
mod outputs;
mod preflight;
mod probe;
mod prove;
mod reading;
mod reference;
mod report;
mod resolve;
mod run;
mod sandbox;
mod select;
mod sources;
mod verify;

use self::{
    reading::{import_shape, try_open, try_open_factors},
    run::{
        logging,
        metering::Metering,
        runtime::{on_all, paced},
    },
};
use crate::{
    cli::{
        Bulk, Cli, Command, Creating, Import, LogFormat, OutputArgs, Recording, RunFlags,
        asks_for_json,
    },
    config::Config,
    error::{Error, Exit},
    input::Shape,
    model::LocalTime,
    pacer::{Pacer, Pacing},
    progress::Show,
    report::{Failure, write_json},
    text::escape,
};

/// Protects secrets, before anything else: switches off core dumps, keeps the user's other
/// processes out of this one's memory, and makes a panic report its place but not its message,
/// which may quote a value.
pub fn disable_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if rustix::process::setrlimit(rustix::process::Resource::Core, none).is_err() {
        // No worse than before, and logging has not started.
    }
    #[cfg(target_os = "linux")]
    if rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .is_err()
    {
        // As above.
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // Nobody is left to tell if standard error is gone.
        drop(writeln!(io::stderr(), "error: internal error at {place}; please report this"));
    }));
}

/// Runs the command, prints any error to standard error, and returns the exit code.
pub fn run(cli: Cli) -> Exit {
    let is_json = cli.command.has_json_result();
    let talking = cli.command.talking();
    let mut files = cli.files();
    files.read.extend(talking.iter().flat_map(|talking| Config::files_read(&talking.tenant)));
    let is_sound = outputs::keep_apart(&files);
    // If the files collide, the metrics file must not be written, either.
    let metering =
        if is_sound.is_ok() { Metering::new(talking, files) } else { Metering::default() };
    let log = is_sound.and_then(|()| logging::start(&cli.output));
    let (done, log) = match log {
        Ok(log) => (execute(cli, &metering), log),
        Err(error) => (Err(error), None),
    };
    let exit = done.unwrap_or_else(|error| {
        if error.is_closed_pipe() {
            return Exit::Good;
        }
        if is_json {
            // Nobody is left to tell if standard output is gone.
            drop(print(|out| write_json(&Failure::of(&error), out)));
        }
        print_error(&error)
    });
    metering.end(exit);
    if let Some(log) = log {
        log.end();
    }
    exit
}

/// Returns the form of progress.
fn progress_of(output_args: &OutputArgs) -> Show {
    match (output_args.quiet, io::stderr().is_terminal()) {
        (true, _) => Show::Nothing,
        _ if matches!(output_args.log_format, LogFormat::Json) => Show::LogFields,
        // A line that is redrawn would be lost among detailed logs.
        (false, true) if output_args.verbose == 0 => Show::Line,
        (false, _) => Show::Log,
    }
}

fn execute(cli: Cli, metering: &Metering) -> Result<Exit, Error> {
    let show = progress_of(&cli.output);
    let output_args = &cli.output;
    match cli.command {
        Command::Import(mut import) => {
            let config = settle_import(&mut import, output_args);
            paced(config, metering, |config| import::run(*import, config, show))
        }
        Command::Check(check) => check::run(&check, &output_args.typed, output_args.quiet),
        Command::Export(export) => {
            let config = resolve(&export.bulk, Shape::Users, output_args);
            paced(config, metering, |config| export::run(*export, config, show))
        }
        Command::Replace(replace) => {
            let shape = import_shape(replace.from_export);
            let config = resolve(&replace.bulk, shape, output_args);
            paced(config, metering, |config| change::replace(*replace, config, show))
        }
        Command::Update(update) => {
            let config = resolve(&update.bulk, Shape::Changes, output_args);
            paced(config, metering, |config| change::update(*update, config, show))
        }
        Command::Delete(delete) => {
            let config = resolve(&delete.bulk, Shape::Targets, output_args);
            paced(config, metering, |config| change::delete(*delete, config, show))
        }
        Command::Undo(undo) => {
            let config = settle_run(&undo.run, &undo.recording, output_args);
            paced(config, metering, |config| change::undo(*undo, config, show))
        }
        Command::Resolve(resolve) => {
            let config = resolve::try_open(&resolve)
                .and_then(|()| settle_run(&resolve.run, &resolve.recording, output_args));
            paced(config, metering, |config| resolve::run(*resolve, config, show))
        }
        Command::Preflight(it) => {
            let config = try_open_factors(&it.reading, &it.system)
                .and_then(|()| {
                    Config::resolve(&it.tenant, &it.pace, None, Some(&it.creating), output_args)
                })
                .and_then(|config| config.knowing(&it.knowing));
            paced(config, metering, |config| preflight::run(*it, config, show))
        }
        Command::Verify(it) => {
            let config = try_open_factors(&it.reading, &it.system)
                .and_then(|()| Config::resolve(&it.tenant, &it.pace, None, None, output_args))
                .and_then(|config| config.knowing(&it.knowing));
            paced(config, metering, |config| verify::run(*it, config, show))
        }
        Command::Probe(it) => probe::start(*it, output_args, metering, show),
        Command::Explain(explain) => explain::run(&explain),
        Command::Sources { name } => sources::run(name.as_deref()),
        Command::Report(report) => report::run(&report),
        Command::Select(it) => select::run(&it),
        Command::Sandbox(sandbox) => on_all(sandbox::run(sandbox)),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man(it) => man::run(&it),
        Command::Schema(schema) => reference::schema(&schema),
    }
}

/// Resolves the settings of a command that reads no rows of factors.
fn settle_run(
    run: &RunFlags,
    recording: &Recording,
    output_args: &OutputArgs,
) -> Result<Config, Error> {
    Config::resolve(&run.tenant, &run.pace, Some(recording), None, output_args)
}

/// Prints clap's answer to a command line: help, or what is wrong with it, the latter also as JSON
/// if the result would have been. Returns the exit code.
pub fn refuse_arguments(error: &clap::Error) -> Exit {
    let printed = error.print().and_then(|()| io::stdout().flush());
    if !error.use_stderr() {
        let failed = |source| Error::Io { what: "writing to standard output".into(), source };
        return match printed.map_err(failed) {
            Err(error) if !error.is_closed_pipe() => print_error(&error),
            _ => Exit::Good,
        };
    }
    if asks_for_json(std::env::args_os()) {
        drop(print(|out| write_json(&Failure::usage(&error.render().to_string()), out)));
    }
    Exit::Usage
}

/// Prints an error and its hint, and returns the exit code.
fn print_error(error: &Error) -> Exit {
    let mut text = format!("error: {}\n", escape(&error.to_string()));
    if let Some(hint) = error.hint() {
        text = format!("{text}\nhint: {}\n", escape(&hint));
    }
    // Nobody is left to tell if standard error is gone.
    drop(io::stderr().write_all(text.as_bytes()));
    error.exit()
}

/// Returns the settings of a command that reads an input, after checking that the input can be
/// read.
fn resolve(bulk: &Bulk, shape: Shape, output_args: &OutputArgs) -> Result<Config, Error> {
    try_open(&bulk.reading, shape)?;
    settle(bulk, None, output_args)
}

/// Returns the settings of a command whose input has been checked.
fn settle(
    bulk: &Bulk,
    creating: Option<&Creating>,
    output_args: &OutputArgs,
) -> Result<Config, Error> {
    let RunFlags { tenant, pace, .. } = &bulk.run;
    Config::resolve(tenant, pace, Some(&bulk.recording), creating, output_args)
}

/// Returns the settings of an import, after checking that its input can be read.
fn settle_import(import: &mut Import, output_args: &OutputArgs) -> Result<Config, Error> {
    if import.from_export {
        import.system.from = Some("auth0-export".into());
    }
    try_open_factors(&import.bulk.reading, &import.system)?;
    settle(&import.bulk, Some(&import.creating), output_args)?.knowing(&import.knowing)
}

/// Writes to standard output; it is no error if the reader has gone (`| head`).
fn print<T: Default>(write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, Error> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|value| out.flush().map(|()| value));
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(T::default()),
        done => {
            done.map_err(|source| Error::Io { what: "writing to standard output".into(), source })
        }
    }
}

/// Runs blocking work on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // Tokio's own threads for blocking work panic where the system has no room for another thread.
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .spawn(move || drop(tell.send(work())))
        .map_err(|source| Error::Io { what: "starting a thread".into(), source })?;
    told.await.unwrap_or_else(|_| Err(Error::Internal("a thread panicked".into())))
}

/// Creates the one pacer of a run.
fn pacer(config: &Config) -> Arc<Pacer> {
    Arc::new(Pacer::with(pacing(config)))
}

/// Collects everything that decides the pace of a run.
fn pacing(config: &Config) -> Pacing {
    let Config { rate, burst, reserve, .. } = *config;
    Pacing { rate, burst, reserve, plan: config.rate_plan.clone(), now }
}

/// Returns the time by the wall clock.
fn now() -> LocalTime {
    // Called nine times per request; a `Timestamp` would take three times as long.
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    LocalTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
