//! Asks the tenant about many users, side by side, and tells the answers in the order of asking:
//! `verify` and `export`.
//!
//! Unlike an import it may ask again: a GET changes nothing, so no ledger is needed, and whoever
//! is stopped just starts over. Bounded are the requests in flight, and the questions that are read
//! and not yet told; a user whose answer takes long holds up nobody else until that bound is met.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

mod ask;
mod input;

pub use ask::Survey;
pub use input::Input;

use crate::{
    api::Api,
    engine::{End, Feed, Stop},
    error::Error,
    jobs::list::verify::Group,
    model::{Method, Reason, UserId},
};
use ask::Outcome;

/// Questions taken in and not told, for each request in flight.
const AHEAD: u64 = 8;

/// A question to the tenant.
pub trait Question: Send + Sync + 'static {
    /// True if a run that is cut short may report an answer although one before it never came.
    const GAPS: bool;

    /// Returns the user, and the method or all; `None` when nobody has to be asked.
    fn about(&self) -> Option<(&UserId, Option<&str>)>;
}

impl Question for Group {
    const GAPS: bool = true;

    fn about(&self) -> Option<(&UserId, Option<&str>)> {
        let user = self.user.as_ref().filter(|_| !self.factors.is_empty());
        user.map(|user| (user, None))
    }
}

/// Answer of the tenant: the methods, or why there are none.
pub type Listed = Result<Vec<Method>, Reason>;

/// Whoever wants to know.
pub trait Listener<Q>: Send {
    /// Takes in a question with its answer. An error ends the run.
    fn hear(
        &mut self,
        question: &Q,
        listed: &Listed,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Asks every question that comes in and tells each, with its answer, in the order in which they
/// came. Requests in flight are always waited for, and what they bring is told.
pub async fn run<A: Api, Q: Question>(
    survey: Arc<Survey<A>>,
    questions: mpsc::Receiver<Feed<Q>>,
    listener: &mut impl Listener<Q>,
) -> End {
    let mut run = Run {
        window: survey.concurrency().max(1) as u64 * AHEAD,
        survey,
        tasks: JoinSet::new(),
        waiting: BTreeMap::new(),
        taken_in: 0,
        told: 0,
        listener,
    };
    let end = run.go(questions).await;
    run.drain(end).await
}

/// A question with its number and what came of asking.
type Asked<Q> = (u64, Q, Outcome);

struct Run<'a, A, Q, L> {
    survey: Arc<Survey<A>>,
    tasks: JoinSet<Asked<Q>>,
    /// Answered before others that come first.
    waiting: BTreeMap<u64, (Q, Listed)>,
    window: u64,
    taken_in: u64,
    told: u64,
    listener: &'a mut L,
}

impl<A: Api, Q: Question, L: Listener<Q>> Run<'_, A, Q, L> {
    async fn go(&mut self, mut questions: mpsc::Receiver<Feed<Q>>) -> End {
        let stop = self.survey.stop.clone();
        let mut reading = true;
        // An input that breaks off: what came before it is still asked about.
        let mut broken = None;
        loop {
            if let Err(error) = self.tell_next().await {
                return End::Failed(error);
            }
            if !reading && self.tasks.is_empty() {
                return broken.map_or(End::Complete, End::Failed);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped(Stop::Asked),
                Some(asked) = self.tasks.join_next() => {
                    if let Some(error) = self.take_back(asked) {
                        return End::Failed(error);
                    }
                }
                more = questions.recv(), if reading && self.taken_in - self.told < self.window => {
                    match more {
                        Some(Feed::More(more)) => more.into_iter().for_each(|question| self.take_in(question)),
                        Some(Feed::End) => reading = false,
                        Some(Feed::Broken(error)) => {
                            broken = Some(error);
                            reading = false;
                        }
                        None => {
                            let error = Error::Internal("the input's thread has gone".into());
                            return End::Failed(error);
                        }
                    }
                }
            }
        }
    }

    fn take_in(&mut self, question: Q) {
        let number = self.taken_in;
        self.taken_in += 1;
        let Some((user, method)) = question.about() else {
            self.waiting.insert(number, (question, Ok(Vec::new())));
            return;
        };
        let (user, method) = (user.clone(), method.map(str::to_owned));
        let survey = Arc::clone(&self.survey);
        self.tasks.spawn(async move {
            let outcome = survey.ask(&user, method.as_deref()).await;
            (number, question, outcome)
        });
    }

    fn take_back(&mut self, asked: Result<Asked<Q>, JoinError>) -> Option<Error> {
        match asked {
            Ok((number, question, Outcome::Answered(listed))) => {
                self.waiting.insert(number, (question, listed));
                None
            }
            Ok((_, _, Outcome::Held)) => None,
            Ok((_, _, Outcome::Stop(error))) => Some(*error),
            Err(_) => Some(Error::Internal("a task panicked".into())),
        }
    }

    /// Tells what has its turn.
    async fn tell_next(&mut self) -> Result<(), Error> {
        while let Some((question, listed)) = self.waiting.remove(&self.told) {
            self.told += 1;
            self.listener.hear(&question, &listed).await?;
        }
        Ok(())
    }

    /// Lets requests in flight finish and tells what is known; where that may have gaps, without
    /// those in between.
    async fn drain(&mut self, end: End) -> End {
        self.survey.stop.cancel();
        let mut failed = None;
        while let Some(asked) = self.tasks.join_next().await {
            failed = failed.or(self.take_back(asked));
        }
        if let (None, Err(error)) = (&failed, self.tell_next().await) {
            failed = Some(error);
        }
        let rest = std::mem::take(&mut self.waiting);
        for (question, listed) in rest.into_values().filter(|_| Q::GAPS) {
            if let (None, Err(error)) = (&failed, self.listener.hear(&question, &listed).await) {
                failed = Some(error);
            }
        }
        match (end, failed) {
            (End::Failed(error), _) | (_, Some(error)) => End::Failed(error),
            (end, None) => end,
        }
    }
}

#[cfg(test)]
mod tests;
