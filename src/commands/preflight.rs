//! `preflight`: is the tenant ready for an input, and how long will the import take? Read-only.

use std::{sync::Arc, time::Duration};

use super::{
    blocking, now, print,
    reading::{Opener, UserIdMapping},
    run::{
        Run,
        readiness::{asked_first, host, plan, questions},
        signals::Stoppable,
    },
};
use crate::{
    auth0,
    cli::{self, Output},
    config::Config,
    engine::{End, scan::scan},
    error::{Error, Exit},
    jobs::setup::{self, Wanted},
    model::{SecretEncoding, TenantFacts, UserId},
    preflight::{Census, Gatherer, JudgeTerms, SampleSize, judge, time_findings},
    progress::{Extent, ProgressCounts, Show},
    report::{PreflightReport, SampleReport, StoppedPreflight, write_json},
    stats::RunStats,
    text::invalid_value,
};

/// Scopes that are used if the token has them.
const SCOPES: &[&str] = &[
    auth0::READ,
    auth0::READ_FACTORS,
    auth0::READ_POLICIES,
    auth0::READ_DOMAINS,
    auth0::READ_SETTINGS,
];

/// Questions and lists so far, for progress.
struct Requests(Arc<RunStats>);

impl ProgressCounts for Requests {
    fn settled(&self) -> u64 {
        self.0.requests()
    }

    fn unit(&self) -> &'static str {
        "request"
    }
}

/// Runs the command.
pub(super) async fn run(
    preflight: cli::Preflight,
    mut config: Config,
    show: Show,
) -> Result<Exit, Error> {
    let size = SampleSize::parse(&preflight.sample).ok_or_else(|| {
        Error::usage(
            invalid_value(&preflight.sample, "--sample"),
            format!(
                "give a number of users from `0` to `{}`, or a share of them such as `5%`",
                SampleSize::MAX_USERS
            ),
        )
    })?;
    let input = Opener::of(
        &preflight.reading,
        &preflight.system,
        preflight.secret_encoding,
        UserIdMapping::Required,
    )?;
    let stoppable = Stoppable::start()?;
    let secrets = preflight.secret_encoding;
    let (seed, facts) = (preflight.seed, config.facts.clone());
    let reading = blocking(move || take_census(&input, secrets, size, seed, facts));
    let Some((census, sample)) = stoppable.unless_stopped(reading).await? else {
        return stopped(preflight.output);
    };
    // The limit is the import's, and the plan is compared with it.
    let max_duration = config.max_duration.take();
    let mut run = Run::open_with_any(config, SCOPES, stoppable.stop.clone()).await?;
    let requests = questions(&census).len().saturating_add(sample.len()) as u64;
    let extent = Extent { rows: Some(requests), ..Extent::default() };
    run.watch(Arc::new(Requests(Arc::clone(&run.stats))), extent, show);
    ask(&preflight, run, &census, sample, max_duration).await
}

/// Reads an input whole.
fn take_census(
    input: &Opener,
    secrets: Option<SecretEncoding>,
    size: SampleSize,
    seed: u64,
    facts: TenantFacts,
) -> Result<(Census, Vec<UserId>), Error> {
    let (gatherer, marker) = Gatherer::of_users(size, seed);
    let one_of = facts.conflict.map(|rule| rule.second_of_type).unwrap_or_default();
    let mut gatherer = gatherer.capped(facts.cap_per_user, one_of);
    let mut marker = marker.requiring(facts.passkey_required);
    let failed = |source| Error::Io { what: "counting the users of the input".into(), source };
    let note = move |plan: crate::plan::Plan| marker.mark(&plan.planned);
    let scanned = scan(input.open()?, secrets, note, |mark| gatherer.add(mark)).map_err(failed)?;
    if let Some(error) = scanned.unreadable {
        return Err(error.into());
    }
    gatherer.finish().map_err(failed)
}

/// Reports that a signal stopped it.
fn stopped(output: Output) -> Result<Exit, Error> {
    let told = StoppedPreflight::default();
    match output {
        Output::Text => print(|out| told.write_text(out))?,
        Output::Json => print(|out| write_json(&told, out))?,
    }
    Ok(Exit::Stopped)
}

/// Asks the tenant, and reports the findings.
async fn ask(
    preflight: &cli::Preflight,
    mut run: Run,
    census: &Census,
    sample: Vec<UserId>,
    max_duration: Option<Duration>,
) -> Result<Exit, Error> {
    let picked = SampleReport { users: sample.len() as u64, seed: preflight.seed };
    let wanted =
        Wanted { questions: questions(census), sample, types: census.types(), in_passing: false };
    // These few requests have to reveal the limit.
    run.pacer.survey();
    let answered = setup::ask(run.gateway(), run.limits(), wanted).await;
    run.clear_progress().await;
    run.leave_tenant().await;
    let facts = match answered {
        Ok(facts) => facts,
        // Reported like every error.
        Err(End::Failed(error)) => return Err(error),
        Err(End::Stopped(_)) => return stopped(preflight.output),
        Err(End::Complete) => return Err(Error::Internal("nothing was asked".into())),
    };
    let scopes: &[&str] = if run.config.name_marker {
        &[auth0::CREATE, auth0::READ, auth0::UPDATE]
    } else {
        &[auth0::CREATE, auth0::READ]
    };
    let mut findings = judge(
        census,
        &facts,
        &JudgeTerms { scopes, host: host(&run.config), known: &run.config.facts },
    );
    let plan = plan(census, 0, asked_first(census, &facts.grant), &run);
    findings.extend(time_findings(&facts, &plan, max_duration, now()));
    findings.sort_by_key(|finding| finding.severity);
    let picked = Some(picked).filter(|_| facts.sample.was_asked());
    let accepted = preflight.accept.clone();
    let report = PreflightReport::new(census, findings, accepted, plan, picked)
        .after(facts.requests, run.began.elapsed());
    match preflight.output {
        Output::Text if run.is_quiet() && report.is_ready() => {}
        Output::Text => print(|out| report.write_text(out))?,
        Output::Json => print(|out| write_json(&report, out))?,
    }
    Ok(if report.is_ready() { Exit::Good } else { Exit::NeedsAttention })
}
