//! Checks that the tenant is ready before an import sends its first request. It asks those
//! questions of `preflight` about the tenant as a whole for which the token is known to have the
//! scopes.

use tokio::sync::mpsc;

use super::{Run, session::Session};
use crate::{
    commands::{
        advice::suggest::Suggestion,
        blocking, now, pacing,
        reading::look::{Look, Looked, Needs},
    },
    config::{Config, Target},
    engine::{End, IntakeEvent, JobReceiver, Stop},
    error::Error,
    jobs::setup::{self, TenantQuestion, Wanted},
    model::{FactorType, Grant},
    preflight::{
        Census, Estimate, Facts, Finding, FindingCode, JudgeTerms, RateConditions, Severity,
        Workload, judge, time_findings,
    },
};

/// Returns the questions about the tenant whose answers matter for INPUT.
pub(in crate::commands) fn questions(census: &Census) -> Vec<TenantQuestion> {
    let has = |types: &[FactorType]| types.iter().any(|of| census.rows(*of) > 0);
    let (phone, email) = (FactorType::Phone, FactorType::Email);
    let is_needed = |question: &TenantQuestion| match question {
        // A passkey is not a Guardian factor.
        TenantQuestion::FactorSwitches => {
            has(&[phone, email, FactorType::Totp, FactorType::WebauthnRoaming])
        }
        TenantQuestion::MessageTypes => has(&[phone]),
        TenantQuestion::Policies => true,
        TenantQuestion::CustomDomains => !census.parties.is_empty(),
        TenantQuestion::MasksLists => has(&[phone, email]),
    };
    TenantQuestion::ALL.into_iter().filter(is_needed).collect()
}

/// Returns the host name at which the tenant is reached; this process's own sandbox has none.
pub(in crate::commands) fn host(config: &Config) -> Option<&str> {
    match &config.target {
        Target::Tenant { base, .. } => base.host(),
        Target::Sandbox => None,
    }
}

/// Returns the number of questions that an import asks before its first request.
pub(in crate::commands) fn asked_first(census: &Census, grant: &Grant) -> u64 {
    let asked = questions(census).into_iter().filter(|one| grant.has(one.scope()) == Some(true));
    asked.count() as u64
}

/// Estimates the import from what the tenant's answers have shown; `settled` rows are done already,
/// and some questions are asked first.
pub(in crate::commands) fn plan(
    census: &Census,
    settled: u64,
    questions: u64,
    run: &Run,
) -> Estimate {
    let work = Workload {
        questions,
        factors: census.factors().saturating_sub(settled),
        users: census.users.unwrap_or_default(),
        skip_existing: run.config.skip_existing,
        name_marker: run.config.name_marker,
    };
    let pace = RateConditions {
        pacing: pacing(&run.config),
        concurrency: run.config.concurrency,
        learnt: run.pacer.learnt(),
    };
    Estimate::of(&work, &pace, now())
}

/// Decides whether an import may go on, once the tenant was asked.
#[derive(Debug)]
pub(in crate::commands) struct Gate {
    /// Needs of INPUT; `None` once nothing is left to ask.
    needs: Option<Needs>,
    accepted: Vec<FindingCode>,
}

impl Gate {
    /// Makes the gate for an input's needs.
    pub(in crate::commands) fn new(needs: Needs, accepted: Vec<FindingCode>) -> Self {
        let is_idle = matches!(&needs, Needs::Known(looked) if looked.census.factors() == 0);
        Self { needs: (!is_idle).then_some(needs), accepted }
    }

    /// Asks before anything is settled, if no earlier run has settled anything.
    pub(in crate::commands) async fn before_settling(
        &mut self,
        session: &Session,
    ) -> Result<(), End> {
        // With a pipe, it is not known until later whether there is anything to send.
        let is_later = matches!(self.needs, None | Some(Needs::Piped));
        if is_later || session.settled().await > 0 {
            return Ok(());
        }
        self.ask(session).await
    }

    /// Asks before anything is sent; a run that has nothing to send asks nothing.
    pub(in crate::commands) async fn before_sending<J: Send + 'static>(
        &mut self,
        session: &Session,
        mut intake: JobReceiver<J>,
    ) -> Result<JobReceiver<J>, End> {
        if self.needs.is_none() {
            return Ok(intake);
        }
        let first = loop {
            let event = tokio::select! {
                () = session.run.stop.cancelled() => return Ok(intake),
                event = intake.recv() => event,
            };
            match event {
                None => return Ok(intake),
                Some(IntakeEvent::More(jobs)) if jobs.is_empty() => {}
                Some(event) => break event,
            }
        };
        if matches!(first, IntakeEvent::More(_)) {
            self.ask(session).await?;
        }
        Ok(put_back(first, intake))
    }

    async fn ask(&mut self, session: &Session) -> Result<(), End> {
        let (census, is_piped) = match self.needs.take() {
            None => return Ok(()),
            // Nothing is known about a pipe beforehand.
            Some(Needs::Piped) => (Census::default(), true),
            Some(Needs::Known(looked)) => (looked.census, false),
            Some(Needs::Unseen(look)) => (take(*look, session).await?, false),
        };
        let (found, facts) = find(session, &census).await?;
        if is_piped && may_ask(&facts) {
            tracing::warn!(
                "INPUT can be read only once, so only what does not depend on it is judged; run \
                 `mfaferry preflight` on a file of it first"
            );
        }
        let (stops, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| self.is_stop(one));
        let is_news = |one: &&Finding| match one.severity {
            // Accepted, but still grave.
            Severity::Stop => true,
            Severity::Warn => !self.accepted.contains(&one.code),
            Severity::Note | Severity::Unknown => false,
        };
        for finding in others.iter().filter(is_news) {
            tracing::warn!("{}: {}", finding.code, finding.message);
        }
        if stops.is_empty() { Ok(()) } else { Err(End::Failed(refusal(&stops, &self.accepted))) }
    }

    fn is_stop(&self, finding: &Finding) -> bool {
        finding.is_stop() && !self.accepted.contains(&finding.code)
    }
}

/// Makes the first reading of an input that turned out to have something to send.
async fn take(look: Look, session: &Session) -> Result<Census, End> {
    let Looked { census, suggestion } = tokio::select! {
        () = session.run.stop.cancelled() => return Err(End::Stopped(Stop::Asked)),
        looked = blocking(move || look.take()) => looked.map_err(End::Failed)?,
    };
    suggestion.iter().for_each(Suggestion::give);
    Ok(census)
}

/// Returns the findings of these questions.
async fn find(session: &Session, census: &Census) -> Result<(Vec<Finding>, Facts), End> {
    let run = &session.run;
    let wanted = Wanted {
        questions: questions(census),
        types: census.types(),
        in_passing: true,
        ..Wanted::default()
    };
    let facts = setup::ask(run.gateway(), run.limits(), wanted).await?;
    // The client has checked its own scopes.
    let mut found = judge(
        census,
        &facts,
        &JudgeTerms { scopes: &[], host: host(&run.config), known: &run.config.facts },
    );
    // If the token allows no questions, the import goes on without them.
    if facts.were_asked() {
        found.extend(about_time(&facts, &plan(census, session.settled().await, 0, run), run));
    }
    Ok((found, facts))
}

/// Returns whether the token is known to allow any question about the tenant.
fn may_ask(facts: &Facts) -> bool {
    TenantQuestion::ALL.iter().any(|question| facts.grant.has(question.scope()) == Some(true))
}

/// Returns the findings about time. If --max-duration ends a run before its token does, the token
/// does not cut it short: that is how to import with tokens that cannot be renewed.
fn about_time(facts: &Facts, plan: &Estimate, run: &Run) -> Vec<Finding> {
    let now = now();
    let most = run.config.max_duration.and_then(|most| i64::try_from(most.as_millis()).ok());
    let is_in_time = facts.grant.ends.zip(most).is_some_and(|(ends, most)| ends - now >= most);
    let mut found = time_findings(facts, plan, None, now);
    found.retain(|finding| !(is_in_time && finding.code == FindingCode::TokenShort));
    found
}

/// Returns the error of an import whose tenant is not ready for it.
fn refusal(stops: &[Finding], accepted: &[FindingCode]) -> Error {
    let told: Vec<_> =
        stops.iter().map(|stop| format!("{}: {}", stop.code, stop.message)).collect();
    let codes = stops.iter().map(|stop| stop.code.name());
    let actions: Vec<_> = stops
        .iter()
        .map(|stop| match &stop.command {
            Some(command) => format!("{}: `{command}`", stop.action),
            None => stop.action.clone(),
        })
        .collect();
    let names = accepted.iter().map(|code| code.name()).chain(codes);
    let mut accept: Vec<_> = Vec::new();
    for name in names {
        if !accept.contains(&name) {
            accept.push(name);
        }
    }
    let accept = accept.join(",");
    Error::NotReady {
        message: format!("the tenant is not ready for INPUT: {}", told.join("; ")),
        hint: format!(
            "{}. Or import all the same with `--accept {accept}`. Nothing was sent",
            actions.join("; "),
        ),
        accept,
    }
}

/// Returns an intake that begins with an event that was taken from it.
fn put_back<J: Send + 'static>(
    first: IntakeEvent<J>,
    mut intake: JobReceiver<J>,
) -> JobReceiver<J> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut next = Some(first);
        while let Some(event) = next {
            if sender.send(event).await.is_err() {
                return;
            }
            next = tokio::select! {
                () = sender.closed() => return,
                event = intake.recv() => event,
            };
        }
    });
    receiver
}
