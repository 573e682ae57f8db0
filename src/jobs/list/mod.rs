//! Jobs that only ask: `verify` and `export`.
//!
//! Unlike an import they may repeat a request: a GET changes nothing, so no intent is needed. The
//! answers are delivered in the order of the questions. Both the requests in flight and the
//! questions not yet delivered are bounded; a user whose answer takes long holds up nobody else
//! until that bound is reached.

pub mod export;
mod rows;
pub mod verify;

pub use rows::{ExportRow, ExportRows, UserRows};

use crate::{
    api::Api,
    engine::{
        End, Executor, Job, JobReceiver, Limits, Next, StepResult,
        gateway::{Gateway, PageAnswer},
        in_order::{self, Collector, Results, Slot},
    },
    model::{Code, History, Method, Reason, UserId},
    pacer::breaker::RequestKind,
    protocol::{
        Repeatable,
        pages::{AfterPage, Pages},
    },
};

/// A question to the tenant.
pub trait ListQuestion: Send + Sync + 'static {
    /// Returns the user, and the method or `None` for all; `None` when no request is needed.
    fn about(&self) -> Option<(&UserId, Option<&str>)>;
}

/// The tenant's answer: the methods, or why there are none.
pub type Listed = Result<Vec<Method>, Reason>;

/// A question with its answer.
#[derive(Debug)]
pub struct Answered<Q> {
    /// The question.
    pub question: Q,
    /// The answer.
    pub listed: Listed,
}

/// A question on its way. Each of its steps asks for one page.
#[derive(Debug)]
struct ListJob<Q> {
    user: UserId,
    method: Option<String>,
    /// The question and its slot, until there is an answer.
    open: Option<(Slot, Q)>,
    pages: Pages,
    /// Number of times that the list was begun.
    history: History,
}

impl<Q: ListQuestion> Job for ListJob<Q> {
    fn user(&self) -> &UserId {
        &self.user
    }

    fn kind(&self) -> RequestKind {
        RequestKind::Read
    }
}

/// Asks, page by page, until there is a usable answer. Shared by all workers.
#[derive(Debug)]
struct ListExecutor<A, Q> {
    gateway: Gateway<A>,
    answers: Results<Answered<Q>>,
}

impl<A: Api, Q: ListQuestion> Executor for ListExecutor<A, Q> {
    type Api = A;
    type Job = ListJob<Q>;

    fn gateway(&self) -> &Gateway<A> {
        &self.gateway
    }

    async fn step(&self, job: &mut ListJob<Q>, rng: &mut fastrand::Rng) -> StepResult {
        let method = job.method.as_deref();
        let PageAnswer { after, health, .. } =
            self.gateway.page(&job.user, method, &mut job.pages, rng).await;
        let verdict = match after {
            AfterPage::More(wait) => return Next::After(wait).with(health),
            AfterPage::Whole(verdict) => verdict,
        };
        let listed = match self.gateway.policy.after_repeatable(verdict, &mut job.history, rng) {
            Repeatable::Done(list) => Ok(list),
            Repeatable::Refused(reason) => Err(reason),
            Repeatable::Failed(reason) if reason.code() == Code::TooManyMethods => Err(reason),
            Repeatable::Failed(_) => Err(Code::NoUsableList.into()),
            Repeatable::Stop(error) => return Next::Stop(error).with(health),
            Repeatable::Again(wait) => return Next::After(wait).with(health),
        };
        if let Some((slot, question)) = job.open.take() {
            self.answers.send(slot, Answered { question, listed });
        }
        Next::Settled.with(health)
    }
}

/// Asks every incoming question and delivers each, with its answer, in the order of the questions.
/// Requests in flight are always waited for, and their results delivered.
pub async fn run<A: Api, Q: ListQuestion>(
    gateway: Gateway<A>,
    limits: Limits,
    questions: JobReceiver<Q>,
    collector: &mut impl Collector<Answered<Q>>,
) -> End {
    in_order::run(limits, questions, collector, |answers| {
        let executor = ListExecutor { gateway, answers: answers.clone() };
        (executor, move |slot, question| open(slot, question, &answers))
    })
    .await
}

/// Makes a job of a question. One that needs no request is answered at once.
fn open<Q: ListQuestion>(
    slot: Slot,
    question: Q,
    answers: &Results<Answered<Q>>,
) -> Option<ListJob<Q>> {
    let Some((user, method)) = question.about() else {
        answers.send(slot, Answered { question, listed: Ok(Vec::new()) });
        return None;
    };
    Some(ListJob {
        user: user.clone(),
        method: method.map(str::to_owned),
        open: Some((slot, question)),
        pages: Pages::default(),
        history: History::default(),
    })
}

#[cfg(test)]
mod tests;
