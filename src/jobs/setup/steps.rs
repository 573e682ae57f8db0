//! Steps of the questions: each sends at most one request, and notes what its answer says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::TenantQuestion;
use crate::{
    api::{Answer, Setup, Verdict},
    auth0::NOT_THE_TENANT,
    engine::{Executor, Job, Next, StepResult, gateway::Gateway},
    error::Error,
    model::{Asked, Code, FactorType, Facts, History, Method, Sampled, UserId},
    pacer::breaker::{Health, RequestKind},
    protocol::{Repeatable, refusals},
    sync::lock,
};

/// Everything that is asked about the tenant, or a user's first page. Each of its steps sends one
/// request.
#[derive(Debug)]
pub(super) struct SetupJob {
    user: UserId,
    work: Work,
    history: History,
}

#[derive(Debug)]
pub(super) enum Work {
    Tenant(VecDeque<TenantQuestion>),
    Page,
}

impl SetupJob {
    pub(super) fn new(user: UserId, work: Work) -> Self {
        Self { user, work, history: History::default() }
    }
}

impl Job for SetupJob {
    fn user(&self) -> &UserId {
        &self.user
    }

    fn kind(&self) -> RequestKind {
        RequestKind::Read
    }
}

/// State that the workers share.
#[derive(Debug)]
pub(super) struct SetupState {
    pub(super) types: Vec<FactorType>,
    pub(super) in_passing: bool,
    pub(super) so_far: Mutex<SoFar>,
}

/// Answers so far.
#[derive(Debug, Default)]
pub(super) struct SoFar {
    has_grant: bool,
    pub(super) facts: Facts,
    pub(super) sampled: Sampled,
    /// Scope that the last answer said the token lacks.
    refused: Option<&'static str>,
}

impl SoFar {
    /// Drops the questions whose scope is lacking.
    fn leave_out(&mut self, questions: &mut VecDeque<TenantQuestion>, may: impl Fn(&str) -> bool) {
        questions.retain(|question| {
            let asks = may(question.scope());
            if !asks {
                self.leave(*question);
            }
            asks
        });
    }

    /// Notes that a question will have no answer, because its scope is lacking.
    fn leave(&mut self, question: TenantQuestion) {
        let scope = question.scope();
        match question {
            TenantQuestion::FactorSwitches => self.facts.switches = Asked::NotAllowed(scope),
            TenantQuestion::MessageTypes => self.facts.message_types = Asked::NotAllowed(scope),
            TenantQuestion::Policies => self.facts.policies = Asked::NotAllowed(scope),
            TenantQuestion::CustomDomains => self.facts.domains = Asked::NotAllowed(scope),
            TenantQuestion::MasksLists => self.facts.masks_lists = Asked::NotAllowed(scope),
        }
    }
}

impl SetupState {
    pub(super) fn so_far(&self) -> MutexGuard<'_, SoFar> {
        lock(&self.so_far)
    }
}

/// Question that is being asked, and what came of it so far.
struct Attempt<'a> {
    question: TenantQuestion,
    history: &'a mut History,
    rng: &'a mut fastrand::Rng,
}

/// Asks until there is a usable answer, or none can be expected. Shared by all workers.
#[derive(Debug)]
pub(super) struct SetupExecutor<A> {
    pub(super) gateway: Gateway<A>,
    pub(super) known: Arc<SetupState>,
}

impl<A: Setup> Executor for SetupExecutor<A> {
    type Api = A;
    type Job = SetupJob;

    fn gateway(&self) -> &Gateway<A> {
        &self.gateway
    }

    /// Asks for a list; "the token may not see it" is an answer, too.
    async fn health_check(&self, user: &UserId) -> StepResult {
        match self.gateway.health_check(user).await {
            StepResult { next: Next::Stop(error), .. }
                if matches!(*error, Error::MissingScope { .. }) =>
            {
                Next::Settled.with(Health::Good)
            }
            other => other,
        }
    }

    async fn step(&self, job: &mut SetupJob, rng: &mut fastrand::Rng) -> StepResult {
        let SetupJob { user, work, history } = job;
        let questions = match work {
            Work::Page => return self.ask_user(user, history, rng).await,
            Work::Tenant(questions) => questions,
        };
        if !self.known.so_far().has_grant
            && let Err(next) = self.learn_grant(questions).await
        {
            return next;
        }
        let Some(question) = questions.front().copied() else {
            return Next::Settled.with(Health::Unknown);
        };
        let StepResult { next, health } = self.ask_tenant(question, history, rng).await;
        if !matches!(next, Next::Settled) {
            return next.with(health);
        }
        *history = History::default();
        questions.pop_front();
        let mut so_far = self.known.so_far();
        if let Some(refused) = so_far.refused.take() {
            so_far.leave_out(questions, |scope| scope != refused);
        }
        let next = if questions.is_empty() { Next::Settled } else { Next::After(Duration::ZERO) };
        next.with(health)
    }
}

impl<A: Setup> SetupExecutor<A> {
    /// Learns what the token allows, and drops the questions that it does not.
    pub(super) async fn learn_grant(
        &self,
        questions: &mut VecDeque<TenantQuestion>,
    ) -> Result<(), StepResult> {
        let answer = self.gateway.api.grant().await;
        let health = self.gateway.note(&answer);
        let grant = match answer.verdict {
            Verdict::Done(grant) => grant,
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => {
                return Err(Next::Stop(error).with(health));
            }
            // A token was there just before: the next step is only taken with another one.
            Verdict::NotExecuted(_)
            | Verdict::InDoubt(_)
            | Verdict::Refused(_)
            | Verdict::Present => return Err(Next::After(Duration::ZERO).with(health)),
        };
        let mut so_far = self.known.so_far();
        so_far.leave_out(questions, |scope| super::may(&grant, scope, self.known.in_passing));
        so_far.facts.grant = grant;
        so_far.has_grant = true;
        Ok(())
    }

    async fn ask_tenant(
        &self,
        question: TenantQuestion,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> StepResult {
        let api = &self.gateway.api;
        let attempt = Attempt { question, history, rng };
        match question {
            TenantQuestion::FactorSwitches => {
                self.take(attempt, api.factor_switches().await, |facts| &mut facts.switches)
            }
            TenantQuestion::MessageTypes => {
                self.take(attempt, api.message_types().await, |facts| &mut facts.message_types)
            }
            TenantQuestion::Policies => {
                self.take(attempt, api.policies().await, |facts| &mut facts.policies)
            }
            TenantQuestion::CustomDomains => {
                self.take(attempt, api.custom_domains().await, |facts| &mut facts.domains)
            }
            TenantQuestion::MasksLists => {
                self.take(attempt, api.masks_lists().await, |facts| &mut facts.masks_lists)
            }
        }
    }

    /// Shows an answer to the pacer and the counters, and counts its request.
    fn note<T>(&self, answer: &Answer<T>) -> Health {
        let was_sent = answer.status.is_some() || matches!(answer.verdict, Verdict::InDoubt(_));
        self.known.so_far().facts.requests += u64::from(was_sent);
        self.gateway.note(answer)
    }

    /// Takes in the answer to a question, or asks it again.
    fn take<T>(
        &self,
        Attempt { question, history, rng }: Attempt<'_>,
        answer: Answer<T>,
        slot: fn(&mut Facts) -> &mut Asked<T>,
    ) -> StepResult {
        let health = self.note(&answer);
        let mut so_far = self.known.so_far();
        match answer.verdict {
            Verdict::Stop(error) if matches!(*error, Error::MissingScope { .. }) => {
                so_far.refused = Some(question.scope());
                *slot(&mut so_far.facts) = Asked::NotAllowed(question.scope());
                return Next::Settled.with(Health::Good);
            }
            // The health checks find out whether all other requests meet the same foreign answers.
            Verdict::StopInDoubt(error) if error.code() == NOT_THE_TENANT => {
                *slot(&mut so_far.facts) = Asked::Unanswered;
                return Next::Settled.with(health);
            }
            _ => {}
        }
        let asked = match self.gateway.policy.after_repeatable(answer.verdict, history, rng) {
            Repeatable::Done(known) => Asked::Known(known),
            Repeatable::Refused(_) | Repeatable::Failed(_) => Asked::Unanswered,
            Repeatable::Stop(error) => return Next::Stop(error).with(health),
            Repeatable::Again(wait) => return Next::After(wait).with(health),
        };
        *slot(&mut so_far.facts) = asked;
        Next::Settled.with(health)
    }

    /// Requests a user's first page, which shows whether the user exists and has any methods.
    async fn ask_user(
        &self,
        user: &UserId,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> StepResult {
        let answer = self.gateway.api.page(user, 0).await;
        let health = self.note(&answer);
        let everybodys = self.gateway.judge(refusals::RequestClass::List, user, &answer);
        let verdict = match (everybodys, answer.verdict) {
            (Some(error), _) => Verdict::Stop(error),
            // One user's list is no reason to give up the others.
            (None, Verdict::Stop(error)) if is_about_one(&error, answer.status) => {
                Verdict::Refused(Code::Forbidden.into())
            }
            (None, verdict) => verdict,
        };
        let listed = match self.gateway.policy.after_repeatable(verdict, history, rng) {
            Repeatable::Done(page) => Ok(page.methods),
            Repeatable::Refused(reason) | Repeatable::Failed(reason) => Err(reason),
            Repeatable::Stop(error) => return Next::Stop(error).with(health),
            Repeatable::Again(wait) => return Next::After(wait).with(health),
        };
        let is_of_input = |method: &Method| {
            method.factor_type.is_some_and(|factor| self.known.types.contains(&factor))
        };
        let mut so_far = self.known.so_far();
        let sampled = &mut so_far.sampled;
        match listed {
            Ok(methods) => {
                sampled.users += 1;
                sampled.with_methods += u64::from(methods.iter().any(is_of_input));
            }
            // As in `verify`: no user with that id exists, or could.
            Err(reason) if reason.is_not_found() || reason.code() == Code::InvalidUri => {
                sampled.users += 1;
                sampled.missing += 1;
            }
            Err(_) => sampled.unanswered += 1,
        }
        Next::Settled.with(health)
    }
}

/// Returns whether an error may concern only the user who was asked about: a 403 that names no
/// scope.
fn is_about_one(error: &Error, status: Option<u16>) -> bool {
    status == Some(403) && !matches!(error, Error::MissingScope { .. })
}
