//! `verify`: compares the input with the tenant. Read-only.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::{
    advice::next::{after_bad_verify, after_stopped_verify},
    blocking, print,
    reading::{Opener, UserIdMapping, extent},
    run::{Run, exit, shards::warn_of_rate, signals::Stoppable},
};
use crate::{
    auth0,
    cli::{Verify, VerifyOutput},
    config::Config,
    engine::{in_order::Collector, intake},
    error::{Error, Exit},
    input::RowReader,
    jobs::list::{
        self, Answered,
        verify::{Account, Counts, Group, Groups, Sample},
    },
    model::Lines,
    progress::{ProgressCounts, Show},
    report::{
        self, SampleSummary, Status, UsageSummary, VerifyRemarks, VerifySummary, Waits, write_json,
    },
    sync::lock,
    text::invalid_value,
};

/// Counts that progress shows while the account goes on.
#[derive(Debug, Default)]
struct Shared(Mutex<Counts>);

impl Shared {
    fn with<T>(&self, of: impl FnOnce(&mut Counts) -> T) -> T {
        of(&mut lock(&self.0))
    }
}

impl ProgressCounts for Shared {
    fn settled(&self) -> u64 {
        // Users who are not in the sample need no request.
        self.with(|counts| counts.rows() - counts.not_sampled)
    }

    fn settled_by_requests(&self) -> u64 {
        self.with(|counts| counts.asked())
    }

    fn bad(&self) -> u64 {
        self.with(|counts| counts.bad())
    }

    fn by_state(&self) -> Vec<(&'static str, u64)> {
        self.with(|counts| counts.by_state().to_vec())
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
    /// Each line of the result names its row.
    const GAPS: bool = true;

    async fn take(&mut self, answered: Answered<Group>) -> Result<(), Error> {
        let Answered { question: group, listed } = answered;
        let judged = self.account.enter(&group, &listed);
        self.shared.with(|counts| *counts = self.account.counts);
        self.remarks.note(&group, &judged);
        // The reader has closed the pipe.
        if self.lines && !print_lines(|out| self.remarks.write_judged(&group, &judged, out))? {
            self.stop.cancel();
        }
        Ok(())
    }
}

/// Runs the command.
pub(super) async fn run(verify: Verify, config: Config, show: Show) -> Result<Exit, Error> {
    let config = config.of_shard(verify.sharding.of());
    warn_of_rate(&config);
    let sample = match &verify.sample {
        None => None,
        Some(text) => Some(Sample::parse(text, verify.seed).ok_or_else(|| {
            Error::usage(
                invalid_value(text, "--sample"),
                "give a share of the users above `0%` and up to `100%`, such as `5%`",
            )
        })?),
    };
    let input = Opener::of(
        &verify.reading,
        &verify.system,
        verify.secret_encoding,
        UserIdMapping::Required,
    )?
    .sharded(verify.sharding.of())
    .limited(verify.max_users.as_ref());
    let is_cut = input.is_cut();
    let stoppable = Stoppable::start()?;
    let secrets = verify.secret_encoding;
    let opening = blocking(move || Groups::open(|| input.open(), sample, secrets));
    let Some((source, groups)) = stoppable.unless_stopped(opening).await? else {
        return stopped(&verify, &config, sample.as_ref(), &stoppable);
    };
    if config.is_in_sandbox() {
        tracing::warn!(
            "--sandbox begins a tenant of its own, which holds nothing yet: to verify an import, start \
             `mfaferry sandbox` and give both commands its --base-url"
        );
    }
    let run = Run::open(config, &[auth0::READ], None, stoppable.stop.clone()).await?;
    account_for(&verify, run, VerifyInput { source, groups, sample, is_cut }, show).await
}

/// Reports that a signal came before anything was asked.
fn stopped(
    verify: &Verify,
    config: &Config,
    sample: Option<&Sample>,
    stoppable: &Stoppable,
) -> Result<Exit, Error> {
    let account = account(verify);
    let at_least = verify.fail_if_unused.as_ref().map(|given| given.value.0);
    let summary = VerifySummary {
        shard: config.part(),
        extras: verify.extras.then_some(0),
        elapsed_seconds: stoppable.began.elapsed(),
        sample: sample
            .map(|sample| SampleSummary::new(sample, &account, config.part()).without_bound()),
        usage: account.usage.map(|usage| UsageSummary { usage, at_least }),
        next: after_stopped_verify(&config.typed),
        ..VerifySummary::default()
    };
    write(verify.output, &summary, &VerifyRemarks::new(Lines::default()))?;
    Ok(Exit::Stopped)
}

/// Returns the account that counts what the flags ask for.
fn account(verify: &Verify) -> Account {
    let account = Account::new(verify.extras);
    if verify.wants_usage() { account.counting_usage() } else { account }
}

/// Open input.
struct VerifyInput {
    source: Box<dyn RowReader>,
    groups: Groups,
    sample: Option<Sample>,
    /// True once `--max-users` has left out a user.
    is_cut: Arc<AtomicBool>,
}

/// Asks about every group of the input, and accounts for the answers.
async fn account_for(
    verify: &Verify,
    mut run: Run,
    VerifyInput { source, groups, sample, is_cut }: VerifyInput,
    show: Show,
) -> Result<Exit, Error> {
    let shared = Arc::new(Shared::default());
    run.watch(Arc::clone(&shared), extent(&*source, groups.rows), show);
    let lines = verify.output == VerifyOutput::Jsonl;
    let mut accountant = Accountant {
        account: account(verify),
        remarks: VerifyRemarks::new(source.lines()),
        shared,
        lines,
        stop: run.stop.clone(),
    };
    let questions = intake::read(source, groups, Arc::clone(&run.remarks))?;
    let end = list::run(run.gateway(), run.limits(), questions, &mut accountant).await;
    run.clear_progress().await;
    let Accountant { mut account, mut remarks, .. } = accountant;
    let complete = end.is_complete();
    if complete {
        let extras = account.finish();
        remarks.note_extras(&extras);
        if lines {
            print_lines(|out| report::write_extras(&extras, out))?;
        }
    }
    run.leave_tenant().await;
    let (status, cause) = Status::of(&end);
    let first_users = verify.max_users.as_ref().map(|most| most.value.0);
    let at_least = verify.fail_if_unused.as_ref().map(|given| given.value.0);
    let usage = account.usage.map(|usage| UsageSummary { usage, at_least });
    let sample = sample.map(|it| SampleSummary::new(&it, &account, run.config.part()));
    let is_bad = account.counts.bad() > 0 || usage.is_some_and(|usage| usage.is_too_small());
    let typed = &run.config.typed;
    let next = match (complete, is_bad) {
        (true, true) => after_bad_verify(typed),
        (true, false) => Vec::new(),
        (false, _) => after_stopped_verify(typed),
    };
    let summary = VerifySummary {
        status,
        cause,
        first_users: first_users.filter(|_| is_cut.load(Ordering::Relaxed)),
        shard: run.config.part(),
        rows: account.counts.rows(),
        counts: account.counts,
        extras: verify.extras.then(|| remarks.extras()),
        users: account.users,
        requests: run.stats.requests(),
        throttled: run.stats.throttled(),
        elapsed_seconds: run.began.elapsed(),
        waits: Waits::of(&run.pacer, &run.stats),
        sample: if complete { sample } else { sample.map(SampleSummary::without_bound) },
        usage,
        reasons: remarks.reasons(),
        next,
    };
    let is_unsaid = verify.output == VerifyOutput::Text && run.is_quiet() && complete && !is_bad;
    if !is_unsaid {
        write(verify.output, &summary, &remarks)?;
    }
    Ok(exit(end, is_bad))
}

/// Writes the result.
fn write(
    output: VerifyOutput,
    summary: &VerifySummary,
    remarks: &VerifyRemarks,
) -> Result<(), Error> {
    match output {
        VerifyOutput::Text => print(|out| summary.write_text(remarks, out))?,
        VerifyOutput::Json => print(|out| write_json(summary, out))?,
        VerifyOutput::Jsonl => {
            tracing::info!("{}", summary.line());
            summary.statements().for_each(|statement| tracing::info!("{statement}"));
        }
    }
    Ok(())
}

/// Writes to standard output; returns false if the reader has gone.
fn print_lines(
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<bool, Error> {
    print(|out| write(out).map(|()| true))
}
