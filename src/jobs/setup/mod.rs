//! Questions to the tenant before a run: how it is set up, what the token allows, and which users
//! of a sample exist. Only reads; a question without a usable answer is no reason to stop.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::sync::mpsc;

mod steps;

use crate::{
    api::{Setup, Verdict},
    auth0::{READ, READ_DOMAINS, READ_FACTORS, READ_POLICIES, READ_SETTINGS},
    engine::{self, End, IntakeEvent, Limits, Next, StepResult, Stop, gateway::Gateway},
    error::Error,
    model::{Asked, FactorType, Facts, Grant, UserId},
};
use steps::{SetupExecutor, SetupJob, SetupState, Work};

/// A question about the tenant as a whole: one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantQuestion {
    /// Switches of the factors.
    FactorSwitches,
    /// Channels that deliver codes to phones.
    MessageTypes,
    /// Policies that ask for a factor at login.
    Policies,
    /// Custom domains.
    CustomDomains,
    /// Masking of lists.
    MasksLists,
}

impl TenantQuestion {
    /// Every question.
    pub const ALL: [Self; 5] = [
        Self::FactorSwitches,
        Self::MessageTypes,
        Self::Policies,
        Self::CustomDomains,
        Self::MasksLists,
    ];

    /// Returns the scope that it requires.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::FactorSwitches | Self::MessageTypes => READ_FACTORS,
            Self::Policies => READ_POLICIES,
            Self::CustomDomains => READ_DOMAINS,
            Self::MasksLists => READ_SETTINGS,
        }
    }
}

/// Answers that the caller needs.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Questions about the tenant; the others stay [`Asked::NotNeeded`].
    pub questions: Vec<TenantQuestion>,
    /// Users whose lists are requested, one page each.
    pub sample: Vec<UserId>,
    /// Types of INPUT: methods of other types are not counted.
    pub types: Vec<FactorType>,
    /// True if the caller goes on without answers: then only requests that the token is known to
    /// allow are made. Otherwise a token that does not state its scopes is tried.
    pub in_passing: bool,
}

/// Asks everything in `wanted`, each question until it is answered once. A request that fails is
/// repeated like any other look-up; requests in flight are always waited for.
///
/// # Errors
/// The end of a run that was stopped, or that cannot go on: wrong credentials, a tenant out of
/// reach.
pub async fn ask<A: Setup>(
    gateway: Gateway<A>,
    limits: Limits,
    wanted: Wanted,
) -> Result<Facts, End> {
    let Wanted { questions, sample, types, in_passing } = wanted;
    let known = Arc::new(SetupState { types, in_passing, so_far: Mutex::default() });
    ask_tenant(&gateway, &limits, &known, questions.into()).await?;
    let mut facts = std::mem::take(&mut known.so_far().facts);
    if !sample.is_empty() {
        facts.sample = if may(&facts.grant, READ, in_passing) {
            let jobs = sample.into_iter().map(|user| SetupJob::new(user, Work::Page)).collect();
            match run(&gateway, &limits, &known, jobs).await {
                Ok(()) => Asked::Known(known.so_far().sampled),
                Err(End::Failed(Error::MissingScope { .. })) => Asked::NotAllowed(READ),
                Err(end) => return Err(end),
            }
        } else {
            Asked::NotAllowed(READ)
        };
    }
    facts.requests += known.so_far().facts.requests;
    facts.skew = gateway.api.clock_skew();
    // The end of a ready-made token is stated by the tenant's clock, whose lead is known by now.
    if !facts.grant.is_renewable
        && let Verdict::Done(grant) = gateway.api.grant().await.verdict
    {
        facts.grant = grant;
    }
    Ok(facts)
}

/// Asks about the tenant. If the token allows no question, nothing is sent and no permit is taken.
async fn ask_tenant<A: Setup>(
    gateway: &Gateway<A>,
    limits: &Limits,
    known: &Arc<SetupState>,
    mut questions: VecDeque<TenantQuestion>,
) -> Result<(), End> {
    let executor = SetupExecutor { gateway: gateway.part(), known: Arc::clone(known) };
    let learnt = tokio::select! {
        biased;
        () = gateway.stop.cancelled() => return Err(End::Stopped(Stop::Asked)),
        learnt = executor.learn_grant(&mut questions) => learnt,
    };
    match learnt {
        Ok(()) if questions.is_empty() => Ok(()),
        Err(StepResult { next: Next::Stop(error), .. }) => Err(End::Failed(*error)),
        // Without a token, the engine knows how long to go on trying.
        Ok(()) | Err(_) => {
            let job = SetupJob::new(UserId::nobody(), Work::Tenant(questions));
            run(gateway, limits, known, vec![job]).await
        }
    }
}

/// Runs the jobs to their end.
async fn run<A: Setup>(
    gateway: &Gateway<A>,
    limits: &Limits,
    known: &Arc<SetupState>,
    jobs: Vec<SetupJob>,
) -> Result<(), End> {
    let executor = SetupExecutor { gateway: gateway.part(), known: Arc::clone(known) };
    let (sender, intake) = mpsc::channel(1);
    tokio::spawn(async move {
        for job in jobs {
            if sender.send(IntakeEvent::More(vec![job])).await.is_err() {
                return;
            }
        }
        // If nobody listens any more, the run is stopping.
        drop(sender.send(IntakeEvent::End).await);
    });
    match engine::run(Arc::new(executor), limits.clone(), intake).await {
        End::Complete => Ok(()),
        end => Err(end),
    }
}

/// Returns whether to ask a question that requires a scope.
fn may(grant: &Grant, scope: &str, in_passing: bool) -> bool {
    grant.has(scope).unwrap_or(!in_passing)
}

#[cfg(test)]
mod tests;
