//! `verify`: what the tenant holds of the input. Only asks; writes nothing.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    announce::announce,
    blocking, now, print,
    reading::dialect,
    session,
    signals::{Signals, stop_after},
    tenant::Tenant,
};
use crate::{
    auth0,
    cli::{Verify, VerifyOutput},
    config::Config,
    engine::{
        End,
        gateway::Gateway,
        in_order::Collector,
        intake::{self, Remarks},
    },
    error::{Error, Exit},
    input::Source,
    jobs::list::{
        self, Answered,
        verify::{Account, Counts, Group, Groups, Sample},
    },
    progress::{self, Counted, Show, Watch},
    protocol::RetryPolicy,
    report::{self, SampleSummary, Status, VerifyRemarks, VerifySummary, Waits, write_json},
    stats::RunStats,
    text::invalid_value,
};

/// Counts that progress shows while the account goes on.
#[derive(Debug, Default)]
struct Shared(Mutex<Counts>);

impl Shared {
    fn with<T>(&self, of: impl FnOnce(&mut Counts) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counted for Shared {
    fn settled(&self) -> u64 {
        self.with(|counts| counts.rows())
    }

    fn bad(&self) -> u64 {
        self.with(|counts| counts.bad())
    }
}

/// Judges answers as they come, and shows them.
struct Accountant {
    account: Account,
    remarks: VerifyRemarks,
    shared: Arc<Shared>,
    /// True if each factor is printed.
    lines: bool,
    stop: CancellationToken,
}

impl Collector<Answered<Group>> for Accountant {
    /// Each line of the result says by itself which row it is about.
    const GAPS: bool = true;

    async fn take(&mut self, answered: Answered<Group>) -> Result<(), Error> {
        let Answered { question: group, listed } = answered;
        let judged = self.account.enter(&group, &listed);
        self.shared.with(|counts| *counts = self.account.counts);
        self.remarks.note(&group, &judged);
        // Whoever has closed the pipe wants no more of it.
        if self.lines && !tell(|out| report::write_judged(&group, &judged, out))? {
            self.stop.cancel();
        }
        Ok(())
    }
}

/// Runs the command.
pub(super) async fn run(verify: Verify, config: Config, show: Show) -> Result<Exit, Error> {
    let sample = match &verify.sample {
        None => None,
        Some(text) => Some(Sample::parse(text, verify.seed).ok_or_else(|| {
            Error::usage(
                invalid_value(text, "--sample"),
                "give a share of the users above `0%` and up to `100%`, such as `5%`",
            )
        })?),
    };
    let (path, dialect) = (PathBuf::from(&verify.reading.input), dialect(&verify.reading)?);
    let stop = CancellationToken::new();
    let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
    tokio::spawn(stop_after(config.max_duration, stop.clone()));
    let secrets = verify.secret_encoding.map(Into::into);
    let opening = blocking(move || Groups::open(&path, &dialect, sample, secrets));
    // The first reading of a large file takes its time, and there is nothing to be finished.
    let input = tokio::select! {
        () = stop.cancelled() => return Ok(Exit::Stopped),
        input = opening => input?,
    };
    let scopes = &[auth0::READ];
    announce(&config, scopes, None);
    let tenant = Tenant::with(&config, scopes).await?;
    let done = ask(&verify, &config, tenant, input, sample, stop, show).await;
    signals.abort();
    done
}

async fn ask(
    verify: &Verify,
    config: &Config,
    tenant: Tenant,
    (source, groups): (Source, Groups),
    sample: Option<Sample>,
    stop: CancellationToken,
    show: Show,
) -> Result<Exit, Error> {
    let began = Instant::now();
    let stats = Arc::new(RunStats::default());
    let pacer = Arc::clone(&tenant.pacer);
    let shared = Arc::new(Shared::default());
    let read = Arc::new(Mutex::new(Remarks::default()));
    let rows = Arc::clone(&read.lock().unwrap_or_else(PoisonError::into_inner).rows);
    let watch = Watch {
        tally: Arc::clone(&shared),
        stats: Arc::clone(&stats),
        pacer: Arc::clone(&pacer),
        read: source.bytes_read(),
        rows,
        length: source.len(),
    };
    let progress = tokio::spawn(progress::watch(watch, show));
    let line = Gateway {
        api: Arc::new(tenant.client),
        pacer: Arc::clone(&pacer),
        policy: RetryPolicy::new(config.max_attempts, config.settle),
        stop: stop.clone(),
        stats: Arc::clone(&stats),
        now,
    };
    let lines = verify.output == VerifyOutput::Jsonl;
    let mut accountant = Accountant {
        account: Account::new(verify.extras),
        remarks: VerifyRemarks::default(),
        shared,
        lines,
        stop,
    };
    let questions = intake::read(source, groups, read)?;
    let end = list::run(line, session::limits(config), questions, &mut accountant).await;
    let Accountant { mut account, mut remarks, .. } = accountant;
    progress.abort();
    progress::clear();
    let complete = matches!(end, End::Complete);
    if complete {
        let extras = account.finish();
        remarks.note_extras(&extras);
        if lines {
            tell(|out| report::write_extras(&extras, out))?;
        }
    }
    if let Some(sandbox) = tenant.sandbox {
        sandbox.stop().await;
    }
    let summary = VerifySummary {
        status: if complete { Status::Complete } else { Status::Stopped },
        rows: account.counts.rows(),
        counts: account.counts,
        extras: verify.extras.then(|| remarks.extras()),
        users: account.users,
        requests: stats.requests(),
        throttled: stats.throttled(),
        elapsed_seconds: began.elapsed(),
        waits: Waits::of(&pacer, &stats),
        sample: sample.map(|sample| SampleSummary::new(&sample, &account, complete)),
    };
    match verify.output {
        VerifyOutput::Text => print(|out| summary.write_text(&remarks, out))?,
        VerifyOutput::Json => print(|out| write_json(&summary, out))?,
        VerifyOutput::Jsonl => {
            tracing::info!("{}", summary.line());
            summary.sample.iter().for_each(|sample| tracing::info!("{sample}"));
        }
    }
    match end {
        End::Complete if summary.counts.bad() > 0 => Ok(Exit::RowsNeedAttention),
        End::Complete => Ok(Exit::Good),
        End::Stopped(_) => Ok(Exit::Stopped),
        End::Failed(error) => Err(error),
    }
}

/// Writes to standard output; says whether somebody still reads it.
fn tell(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Result<bool, Error> {
    print(|out| write(out).map(|()| true))
}
