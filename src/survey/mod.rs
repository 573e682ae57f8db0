//! Asks the tenant about many users, side by side, and tells the answers in the order of asking.
//!
//! Unlike an import it may ask again: a GET changes nothing, so no ledger is needed, and whoever
//! is stopped just starts over. Bounded are the requests in flight, and the groups that are read
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
    verify::{Group, Listed},
};
use ask::Outcome;

/// Groups taken in and not told, for each request in flight.
const AHEAD: u64 = 8;

/// Asks about every group that comes in and hands each, with its answer, to `tell`, in the order
/// in which they came. Requests in flight are always waited for, and what they bring is told.
pub async fn run<A: Api>(
    survey: Arc<Survey<A>>,
    groups: mpsc::Receiver<Feed<Group>>,
    tell: impl FnMut(&Group, &Listed) -> Result<(), Error>,
) -> End {
    let mut run = Run {
        window: survey.concurrency().max(1) as u64 * AHEAD,
        survey,
        tasks: JoinSet::new(),
        waiting: BTreeMap::new(),
        taken_in: 0,
        told: 0,
        tell,
    };
    let end = run.go(groups).await;
    run.drain(end).await
}

/// A group with its number and what came of asking.
type Asked = (u64, Group, Outcome);

struct Run<A, F> {
    survey: Arc<Survey<A>>,
    tasks: JoinSet<Asked>,
    /// Answered before others that come first.
    waiting: BTreeMap<u64, (Group, Listed)>,
    window: u64,
    taken_in: u64,
    told: u64,
    tell: F,
}

impl<A, F> Run<A, F>
where
    A: Api,
    F: FnMut(&Group, &Listed) -> Result<(), Error>,
{
    async fn go(&mut self, mut groups: mpsc::Receiver<Feed<Group>>) -> End {
        let stop = self.survey.stop.clone();
        let mut reading = true;
        // An input that breaks off: what came before it is still asked about.
        let mut broken = None;
        loop {
            if let Err(error) = self.tell_next() {
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
                more = groups.recv(), if reading && self.taken_in - self.told < self.window => {
                    match more {
                        Some(Feed::More(groups)) => groups.into_iter().for_each(|group| self.take_in(group)),
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

    fn take_in(&mut self, group: Group) {
        let number = self.taken_in;
        self.taken_in += 1;
        let Some(user) = group.user.clone().filter(|_| !group.factors.is_empty()) else {
            self.waiting.insert(number, (group, Ok(Vec::new())));
            return;
        };
        let survey = Arc::clone(&self.survey);
        self.tasks.spawn(async move {
            let outcome = survey.ask(&user).await;
            (number, group, outcome)
        });
    }

    fn take_back(&mut self, asked: Result<Asked, JoinError>) -> Option<Error> {
        match asked {
            Ok((number, group, Outcome::Answered(listed))) => {
                self.waiting.insert(number, (group, listed));
                None
            }
            Ok((_, _, Outcome::Held)) => None,
            Ok((_, _, Outcome::Stop(error))) => Some(*error),
            Err(_) => Some(Error::Internal("a task panicked".into())),
        }
    }

    /// Tells what has its turn.
    fn tell_next(&mut self) -> Result<(), Error> {
        while let Some((group, listed)) = self.waiting.remove(&self.told) {
            self.told += 1;
            (self.tell)(&group, &listed)?;
        }
        Ok(())
    }

    /// Lets requests in flight finish and tells what is known, now without those in between.
    async fn drain(&mut self, end: End) -> End {
        self.survey.stop.cancel();
        let mut failed = None;
        while let Some(asked) = self.tasks.join_next().await {
            failed = failed.or(self.take_back(asked));
        }
        for (group, listed) in std::mem::take(&mut self.waiting).into_values() {
            if let (None, Err(error)) = (&failed, (self.tell)(&group, &listed)) {
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
