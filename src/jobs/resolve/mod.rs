//! `resolve`: finds people of another system among the tenant's users by their e-mail address.
//!
//! Each person is one question of at most two requests: the address as written, and in lower case
//! ([`judge`]). A look-up changes nothing, so it may be repeated and needs no intent; what is
//! durable is the line of the map, and then the row of the ledger ([`map`]).

pub mod judge;
pub mod map;
pub mod people;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    api::{Directory, Verdict},
    engine::{
        End, Executor, Job, JobReceiver, Limits, Next, StepResult,
        gateway::Gateway,
        in_order::{self, Results, Slot},
    },
    ledger::{Counts, Tally},
    model::{Account, History, UserId},
    pacer::breaker::{Health, RequestKind},
    protocol::{Repeatable, refusals},
};
use judge::Rules;
use map::{MapWriter, Resolution, Resolved};
use people::PersonQuestion;

/// Address at a domain that belongs to nobody (RFC 2606), for checking whether the tenant answers
/// at all.
const ADDRESS_OF_NOBODY: &str = "mfaferry-probe@example.com";

/// Most spellings of an address whose answers are kept for the next person who has it.
const SPELLINGS: usize = 4;

/// A question on its way. Each of its steps sends one request.
#[derive(Debug)]
struct ResolveJob {
    address: UserId,
    /// The question and its slot, until there is an answer.
    open: Option<(Slot, PersonQuestion)>,
    /// The other spelling of the address, once it is to be looked up.
    other: Option<String>,
    found: Vec<Account>,
    /// Answers for each spelling: several people may have one address.
    answered: Vec<(String, Vec<Account>)>,
    history: History,
}

impl Job for ResolveJob {
    fn user(&self) -> &UserId {
        &self.address
    }

    fn follow(&mut self, before: &Self) {
        self.answered = before.answered.iter().rev().take(SPELLINGS).rev().cloned().collect();
    }

    fn kind(&self) -> RequestKind {
        RequestKind::Read
    }
}

/// Looks a person up until it is known who they are. Shared by all workers.
#[derive(Debug)]
struct ResolveExecutor<A> {
    gateway: Gateway<A>,
    rules: Arc<Rules>,
    tally: Arc<Tally>,
    resolved: Results<Resolved>,
}

impl<A: Directory> Executor for ResolveExecutor<A> {
    type Api = A;
    type Job = ResolveJob;

    fn gateway(&self) -> &Gateway<A> {
        &self.gateway
    }

    fn counts(&self) -> Counts {
        self.tally.get()
    }

    /// The scope of these look-ups allows nothing else.
    async fn health_check(&self, _: &UserId) -> StepResult {
        self.gateway.check_by(self.gateway.api.users_by_email(ADDRESS_OF_NOBODY)).await
    }

    async fn step(&self, job: &mut ResolveJob, rng: &mut fastrand::Rng) -> StepResult {
        let Some((_, question)) = &job.open else { return Next::Settled.with(Health::Unknown) };
        let written = match judge::address(&question.person, &self.rules) {
            Ok(address) => address.to_owned(),
            Err(code) => {
                return self.settle(job, Resolution::NotFound(code.into())).with(Health::Unknown);
            }
        };
        let asked = job.other.clone().unwrap_or_else(|| written.clone());
        if let Some((_, found)) = job.answered.iter().find(|(address, _)| *address == asked) {
            let found = found.clone();
            return self.found(job, &written, found).with(Health::Unknown);
        }
        let answer = self.gateway.api.users_by_email(&asked).await;
        let health = self.gateway.note(&answer);
        let everybodys = self.gateway.judge(refusals::RequestClass::LookUp, &job.address, &answer);
        let verdict = everybodys.map_or(answer.verdict, Verdict::Stop);
        let next = match self.gateway.policy.after_repeatable(verdict, &mut job.history, rng) {
            Repeatable::Done(found) => {
                job.answered.push((asked, found.clone()));
                self.found(job, &written, found)
            }
            Repeatable::Refused(reason) => self.settle(job, Resolution::NotFound(reason)),
            Repeatable::Failed(reason) => self.settle(job, Resolution::Failed(reason)),
            Repeatable::Stop(error) => Next::Stop(error),
            Repeatable::Again(wait) => Next::After(wait),
        };
        next.with(health)
    }
}

impl<A> ResolveExecutor<A> {
    /// Judges the users found at one spelling, or goes on to the other spelling.
    fn found(&self, job: &mut ResolveJob, written: &str, found: Vec<Account>) -> Next {
        job.found.extend(found);
        if job.other.is_none() {
            job.other = judge::other_spelling(written, &job.found);
            if job.other.is_some() {
                return Next::After(std::time::Duration::ZERO);
            }
        }
        let outcome = match judge::user(written, &job.found, &self.rules) {
            Ok(user) => Resolution::Found(user),
            Err(code) => Resolution::NotFound(code.into()),
        };
        self.settle(job, outcome)
    }

    fn settle(&self, job: &mut ResolveJob, outcome: Resolution) -> Next {
        if let Some((slot, question)) = job.open.take() {
            self.resolved.send(slot, Resolved { question, outcome });
        }
        Next::Settled
    }
}

/// Looks up every incoming person, and writes each to the map in the order in which they came.
pub async fn run<A: Directory>(
    gateway: Gateway<A>,
    limits: Limits,
    questions: JobReceiver<PersonQuestion>,
    rules: Rules,
    tally: Arc<Tally>,
    map: &mut MapWriter,
) -> End {
    let rules = Arc::new(rules);
    in_order::run(limits, questions, map, |resolved| {
        let executor = ResolveExecutor {
            gateway,
            rules: Arc::clone(&rules),
            tally,
            resolved: resolved.clone(),
        };
        (executor, move |slot, question| open(slot, question, &rules, &resolved))
    })
    .await
}

/// Makes a job of a question. A person who cannot be looked up is answered at once.
fn open(
    slot: Slot,
    question: PersonQuestion,
    rules: &Rules,
    resolved: &Results<Resolved>,
) -> Option<ResolveJob> {
    if let Err(code) = judge::address(&question.person, rules) {
        resolved.send(slot, Resolved { question, outcome: Resolution::NotFound(code.into()) });
        return None;
    }
    Some(ResolveJob {
        address: question.address.clone(),
        open: Some((slot, question)),
        other: None,
        found: Vec::new(),
        answered: Vec::new(),
        history: History::default(),
    })
}
