//! `probe`: learns on a test tenant what the API's documentation leaves open.

use std::{
    io::{IsTerminal, Write},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::termios::tcgetwinsize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    blocking, now, print,
    report::refused,
    run::{
        Run, Scopes, exit,
        metering::Metering,
        runtime::paced,
        signals::{Signals, stop_after},
    },
};
use crate::{
    auth0,
    cli::{self, CommandLine, Output, OutputArgs},
    config::{Config, Target},
    engine::{End, Stop},
    error::{Error, Exit},
    files::NewFile,
    model::{TenantFacts, UserId},
    probe::{self, Cleaned, ProbeTerms, Probed, Question, There, Traces},
    progress::{self, Extent, ProgressCounts, Show},
    report::{Circumstances, NextStep, ProbeCleaned, ProbeReport, Purpose, write_json},
    stats::RunStats,
};

/// Scopes that a probe can use, and those that it cannot do without.
const SCOPES: &[&str] =
    &[auth0::CREATE, auth0::READ, auth0::UPDATE, auth0::DELETE, auth0::READ_FACTORS];
const REQUIRED: &[&str] = &[auth0::CREATE, auth0::READ, auth0::DELETE];
/// The same for cleaning up alone.
const CLEANING: &[&str] = &[auth0::READ, auth0::DELETE];

/// Relying party of the security keys if the tenant has no host name.
const SOME_HOST: &str = "login.example.com";

/// Characters in a line where there is no terminal.
const USUAL_COLUMNS: usize = 80;

/// Questions so far, for progress.
struct QuestionCount(Arc<AtomicU64>);

impl ProgressCounts for QuestionCount {
    fn settled(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn unit(&self) -> &'static str {
        "question"
    }
}

/// Runs the command, if its user agrees to what it does.
pub(super) fn start(
    probe: cli::Probe,
    output_args: &OutputArgs,
    metering: &Metering,
    show: Show,
) -> Result<Exit, Error> {
    let config = agreed(&probe).and_then(|()| {
        Config::resolve(&probe.run.tenant, &probe.run.pace, None, None, output_args)
    });
    paced(config, metering, |config| run(probe, config, show))
}

fn agreed(probe: &cli::Probe) -> Result<(), Error> {
    if probe.clean && probe.out.is_some() {
        return Err(Error::usage(
            "--clean asks nothing, so that there is nothing to write to --out",
            "leave one of them out",
        ));
    }
    if probe.out.as_deref() == Some(Path::new("-")) {
        return Err(Error::usage(
            "--out has to name a file",
            "leave it out, and pass --output json to have the facts on standard output",
        ));
    }
    if probe.user.yes {
        return Ok(());
    }
    Err(Error::usage(
        "probe creates and deletes MFA methods of the user of --user-id, and asks for a confirmation",
        "pass --yes if this is a test tenant and no one logs in as this user",
    ))
}

async fn run(probe: cli::Probe, mut config: Config, show: Show) -> Result<Exit, Error> {
    let user = UserId::parse(&probe.user.user_id).ok_or_else(|| {
        Error::usage("--user-id is no id of a user", "give one such as `auth0|6651…`")
    })?;
    // Created before anything is sent, so that the findings are not lost.
    let mut out = match probe.out.clone() {
        Some(path) => Some(blocking(move || create(&path)).await?),
        None => None,
    };
    let stop = CancellationToken::new();
    let last = Last {
        tenant: config.target.label().to_owned(),
        clean: cleaning(&config),
        is_cleaning: probe.clean,
        output: probe.run.output,
        began: Instant::now(),
        stats: Arc::default(),
        there: There::default(),
    };
    let (stats, there) = (Arc::clone(&last.stats), last.there.clone());
    let signals = tokio::spawn(watch(Signals::take()?, stop.clone(), last));
    // The usual message, that nothing new is sent, would be wrong here.
    let (most, over) =
        (config.max_duration.take(), stopping("--max-duration is over; ", probe.clean));
    let watched = stop.clone();
    tokio::spawn(async move { stop_after(most, watched, &over).await });
    let scopes = if probe.clean {
        Scopes { used: CLEANING, required: CLEANING }
    } else {
        Scopes { used: SCOPES, required: REQUIRED }
    };
    let mut run = Run::with(config, scopes, None, stop).await?;
    drop(stats.set(Arc::clone(&run.stats)));
    if !probe.clean {
        tracing::info!("for a test tenant and a throw-away user: methods are created and deleted");
    }
    let host = match &run.config.target {
        Target::Tenant { base, .. } if !base.is_loopback() => base.host().map(str::to_owned),
        Target::Tenant { .. } | Target::Sandbox => None,
    };
    let terms = ProbeTerms {
        user,
        host: host.unwrap_or_else(|| SOME_HOST.into()),
        allows_existing: probe.user.allow_existing,
        max_methods: probe.max_methods,
        provokes_limit: probe.provoke_limit,
        max_outage: run.config.max_outage,
        there,
    };
    let done = if probe.clean {
        clean(&probe, &mut run, &terms).await
    } else {
        let done = Arc::new(AtomicU64::new(0));
        let extent = Extent { rows: Some(Question::ALL.len() as u64), ..Extent::default() };
        run.watch(Arc::new(QuestionCount(Arc::clone(&done))), extent, show);
        ask(&probe, &mut run, &terms, &done, out.take()).await
    };
    signals.abort();
    done
}

/// Stops the probe in good order at the first signal, and at once at the second.
async fn watch(signals: Signals, stop: CancellationToken, last: Last) {
    let first = format!("{}; again to stop at once", stopping("", last.is_cleaning));
    signals.watch_saying(stop, &first, || last.say()).await;
}

/// Returns the message that says why the probe stops, and what that means.
fn stopping(why: &str, is_cleaning: bool) -> String {
    let what = if is_cleaning {
        "nothing more is waited for"
    } else {
        "nothing more is asked, and what was created is deleted"
    };
    format!("stopping: {why}{what}")
}

/// Report of a probe that is ended at once.
struct Last {
    tenant: String,
    clean: Option<NextStep>,
    is_cleaning: bool,
    output: Output,
    began: Instant,
    stats: Arc<OnceLock<Arc<RunStats>>>,
    there: There,
}

impl Last {
    /// Reports the methods that may be left behind, and how to delete them.
    fn say(self) {
        progress::clear();
        let Traces { left, removed } = self.there.now();
        let end = End::Stopped(Stop::Asked);
        if self.is_cleaning {
            let cleaned = Cleaned { end, removed, left };
            let report = ProbeCleaned::new(self.tenant, &cleaned, self.clean);
            drop(say_cleaned(&report, self.output));
            return;
        }
        let probed =
            Probed { end, facts: TenantFacts::default(), questions: Vec::new(), left_behind: left };
        let circumstances = Circumstances {
            tenant: self.tenant,
            now: now(),
            requests: self.stats.get().map_or(0, |stats| stats.requests()),
            elapsed: self.began.elapsed(),
            clean: self.clean,
        };
        let report = ProbeReport::new(&probed, circumstances);
        // If this cannot be written, there is nowhere left to report it.
        drop(say(&report, self.output));
    }
}

fn say(report: &ProbeReport, output: Output) -> Result<(), Error> {
    match output {
        Output::Text => print(|out| report.write_text(out, columns())),
        Output::Json => print(|out| write_json(report, out)),
    }
}

fn say_cleaned(report: &ProbeCleaned, output: Output) -> Result<(), Error> {
    match output {
        Output::Text => print(|out| report.write_text(out)),
        Output::Json => print(|out| write_json(report, out)),
    }
}

/// Returns the number of characters in a line of the terminal, or what fits most where the result
/// goes elsewhere.
fn columns() -> usize {
    let stdout = std::io::stdout();
    let size = if stdout.is_terminal() { tcgetwinsize(stdout).ok() } else { None };
    let columns = size.map(|size| size.ws_col.into()).filter(|columns| *columns > 0);
    columns.unwrap_or(USUAL_COLUMNS)
}

/// A new file, and its name.
type Out = (std::path::PathBuf, NewFile);

fn create(path: &Path) -> Result<Out, Error> {
    let file = NewFile::create(path).map_err(|error| refused(path, error))?;
    Ok((path.to_owned(), file))
}

/// Asks every question and reports the answers.
async fn ask(
    probe: &cli::Probe,
    run: &mut Run,
    terms: &ProbeTerms,
    done: &Arc<AtomicU64>,
    out: Option<Out>,
) -> Result<Exit, Error> {
    let probed = probe::probe(run.gateway(), terms, done).await;
    run.clear_progress().await;
    run.leave_tenant().await;
    let mut probed = match probed {
        Ok(probed) => probed,
        Err(End::Failed(error)) => return Err(error),
        Err(end) => Probed {
            end,
            facts: TenantFacts::default(),
            questions: Vec::new(),
            left_behind: Vec::new(),
        },
    };
    let circumstances = Circumstances {
        tenant: run.config.target.label().to_owned(),
        now: now(),
        requests: run.stats.requests(),
        elapsed: run.began.elapsed(),
        clean: cleaning(&run.config),
    };
    let mut report = ProbeReport::new(&probed, circumstances.clone());
    match out {
        Some((path, mut file)) if report.is_complete() => {
            let written = write_json(&report.for_file(), &mut file).and_then(|()| file.flush());
            if let Err(error) = written.and_then(|()| file.place()) {
                // The findings are still printed.
                probed.end = End::Failed(refused(&path, error));
                report = ProbeReport::new(&probed, circumstances);
            }
        }
        Some(_) => tracing::warn!("--out was not written: not every question was asked"),
        None => {}
    }
    match probe.run.output {
        Output::Text if run.is_quiet() && report.is_complete() && !report.is_bad() => {}
        output => say(&report, output)?,
    }
    Ok(exit(probed.end, report.is_bad()))
}

/// Deletes what an earlier probe has left behind.
async fn clean(probe: &cli::Probe, run: &mut Run, terms: &ProbeTerms) -> Result<Exit, Error> {
    let cleaned = probe::clean(run.gateway(), terms).await;
    run.leave_tenant().await;
    let cleaned = match cleaned {
        Ok(cleaned) => cleaned,
        Err(End::Failed(error)) => return Err(error),
        Err(end) => return Ok(exit(end, false)),
    };
    let tenant = run.config.target.label().to_owned();
    let report = ProbeCleaned::new(tenant, &cleaned, cleaning(&run.config));
    match probe.run.output {
        Output::Text if run.is_quiet() && report.is_complete() && !report.is_bad() => {}
        output => say_cleaned(&report, output)?,
    }
    Ok(exit(cleaned.end, report.is_bad()))
}

/// Returns the command that deletes what is left behind; none for the built-in sandbox.
fn cleaning(config: &Config) -> Option<NextStep> {
    let typed: &CommandLine = &config.typed;
    let without = ["out", "allow-existing", "max-methods", "provoke-limit", "clean", "output"];
    let mut words = typed.with_command("probe", &without)?;
    words.push("--clean".into());
    let lasts = !config.is_in_sandbox();
    lasts.then(|| NextStep::whole(Purpose::Retry, words))
}
