//! Results of jobs in the order in which the jobs were taken in, in whatever order the engine
//! finishes them.
//!
//! Each job takes a [`Slot`] when it is taken in, and the slot becomes free again once its result
//! has been delivered: as the number of slots is fixed, it also bounds how many results can wait
//! for an earlier one.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    engine::{self, End, Executor, IntakeEvent, JobReceiver, Limits},
    error::Error,
};

/// Questions admitted per request in flight whose results are not yet delivered.
pub(crate) const QUESTIONS_AHEAD: usize = 8;

/// Receiver of the results.
pub trait Collector<T>: Send {
    /// True if a run that is cut short may deliver a result although an earlier one never came.
    const GAPS: bool;

    /// Takes the next result. It is not called again after an error.
    fn take(&mut self, result: T) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A job's place in the order of the results.
#[derive(Debug)]
pub struct Slot {
    number: u64,
    _room: OwnedSemaphorePermit,
}

/// Gives each job its slot.
#[derive(Debug)]
pub struct Slots {
    room: Arc<Semaphore>,
    given: u64,
}

impl Slots {
    /// Waits for a slot. `None` never occurs: nobody closes the semaphore.
    pub async fn next(&mut self) -> Option<Slot> {
        let room = Arc::clone(&self.room).acquire_owned().await.ok()?;
        self.given += 1;
        Some(Slot { number: self.given, _room: room })
    }
}

/// Receives results as they come.
#[derive(Debug)]
pub struct Results<T>(mpsc::Sender<(Slot, T)>);

impl<T> Results<T> {
    /// Hands in the result of the job that holds this slot.
    pub fn send(&self, slot: Slot, result: T) {
        // The channel is never full, as each result has its slot; if nobody listens any more, the
        // run is stopping.
        drop(self.0.try_send((slot, result)));
    }
}

impl<T> Clone for Results<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Puts the results in order.
#[derive(Debug)]
pub struct InOrder<T>(mpsc::Receiver<(Slot, T)>);

/// Returns `count` slots, the sender for their results, and the receiver that puts them in order.
pub fn in_order<T>(count: usize) -> (Slots, Results<T>, InOrder<T>) {
    let (results, receiver) = mpsc::channel(count);
    let slots = Slots { room: Arc::new(Semaphore::new(count)), given: 0 };
    (slots, Results(results), InOrder(receiver))
}

/// Runs a job for every incoming question, and delivers the results in the order of the questions.
/// `parts` receives the sender of the results, and makes the executor and the function that turns a
/// question into a job; a question that needs no request is answered there at once. Requests in
/// flight are always waited for, and their results delivered.
pub async fn run<C, Q, T, B>(
    limits: Limits,
    questions: JobReceiver<Q>,
    collector: &mut impl Collector<T>,
    parts: impl FnOnce(Results<T>) -> (C, B),
) -> End
where
    C: Executor,
    Q: Send + 'static,
    T: Send + 'static,
    C::Job: Sync,
    B: FnMut(Slot, Q) -> Option<C::Job> + Send + 'static,
{
    let most = limits.concurrency.most();
    let slots = (most * QUESTIONS_AHEAD).min(limits.window.max(most));
    let (slots, results, in_order) = in_order(slots);
    let (executor, open) = parts(results);
    let stop = executor.gateway().stop.clone();
    let jobs = open_jobs(questions, slots, open);
    // The engine has a task of its own: the collector may wait for the disk, and must not hold up
    // the engine.
    let engine = tokio::spawn(engine::run(Arc::new(executor), limits, jobs));
    let delivered = in_order.deliver(collector).await;
    if delivered.is_err() {
        stop.cancel();
    }
    match (engine.await, delivered) {
        (Err(_), _) => End::Failed(Error::Internal("the engine panicked".into())),
        (Ok(End::Failed(error)), _) | (_, Err(error)) => End::Failed(error),
        (Ok(end), Ok(())) => end,
    }
}

/// Opens a job for each question, as there are slots.
fn open_jobs<Q: Send + 'static, J: Send + 'static>(
    questions: JobReceiver<Q>,
    slots: Slots,
    open: impl FnMut(Slot, Q) -> Option<J> + Send + 'static,
) -> JobReceiver<J> {
    let (jobs, intake) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            // A pipe may be silent for long: that must not hold up a run that is stopping.
            () = jobs.closed() => {}
            () = open_each(questions, slots, open, &jobs) => {}
        }
    });
    intake
}

async fn open_each<Q, J>(
    mut questions: JobReceiver<Q>,
    mut slots: Slots,
    mut open: impl FnMut(Slot, Q) -> Option<J>,
    jobs: &mpsc::Sender<IntakeEvent<J>>,
) {
    let end = loop {
        match questions.recv().await {
            Some(IntakeEvent::More(more)) => {
                for question in more {
                    let Some(slot) = slots.next().await else { return };
                    let Some(job) = open(slot, question) else { continue };
                    if jobs.send(IntakeEvent::More(vec![job])).await.is_err() {
                        return;
                    }
                }
            }
            Some(IntakeEvent::End) => break IntakeEvent::End,
            Some(IntakeEvent::Broken(error)) => break IntakeEvent::Broken(error),
            // The reader ended without an `End`; the engine sees the closed channel, too.
            None => return,
        }
    };
    // If nobody listens any more, the run is stopping.
    drop(jobs.send(end).await);
}

impl<T: Send> InOrder<T> {
    /// Delivers the results until there are no more senders.
    pub async fn deliver<C: Collector<T>>(mut self, collector: &mut C) -> Result<(), Error> {
        let mut waiting = BTreeMap::new();
        let mut delivered = 0;
        while let Some((slot, result)) = self.0.recv().await {
            waiting.insert(slot.number, (slot, result));
            while let Some((_slot, result)) = waiting.remove(&(delivered + 1)) {
                collector.take(result).await?;
                delivered += 1;
            }
        }
        for (_slot, result) in waiting.into_values().filter(|_| C::GAPS) {
            collector.take(result).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collector of numbers, which fails at one of them.
    struct Told<const GAPS: bool>(Vec<u32>, Option<u32>);

    impl<const GAPS: bool> Collector<u32> for Told<GAPS> {
        const GAPS: bool = GAPS;

        async fn take(&mut self, result: u32) -> Result<(), Error> {
            self.0.push(result);
            if self.1 == Some(result) { Err(Error::Internal("enough".into())) } else { Ok(()) }
        }
    }

    /// Returns the numbers that are told, when results come in the order `come`, each by its number
    /// from 0; and whether the end was regular.
    async fn told<const GAPS: bool>(come: &[u32], fails: Option<u32>) -> (Vec<u32>, bool) {
        let (mut slots, results, in_order) = in_order(8);
        let mut given = Vec::new();
        for _ in 0..8 {
            given.push(slots.next().await);
        }
        for number in come {
            results.send(given[*number as usize].take().unwrap(), *number);
        }
        drop(results);
        let mut told = Told::<GAPS>(Vec::new(), fails);
        let end = in_order.deliver(&mut told).await;
        (told.0, end.is_ok())
    }

    #[tokio::test]
    async fn results_are_told_in_the_order_of_intake() {
        let all = (0..8).collect();
        assert_eq!(told::<false>(&[7, 0, 2, 1, 6, 5, 3, 4], None).await, (all, true));
    }

    #[tokio::test]
    async fn a_result_behind_one_that_never_came_is_told_only_where_gaps_are_allowed() {
        assert_eq!(told::<true>(&[5, 3, 0], None).await, (vec![0, 3, 5], true));
        assert_eq!(told::<false>(&[5, 3, 0], None).await, (vec![0], true));
    }

    #[tokio::test]
    async fn nothing_is_told_after_an_error() {
        assert_eq!(told::<true>(&[1, 0, 2, 5], Some(1)).await, (vec![0, 1], false));
    }

    #[tokio::test]
    async fn no_more_are_taken_in_than_may_wait_to_be_told() {
        let (mut slots, results, in_order) = in_order(2);
        let first = slots.next().await.unwrap();
        let second = slots.next().await.unwrap();
        // What is answered and cannot be told yet still takes its slot.
        results.send(second, 1);
        let mut third = std::pin::pin!(slots.next());
        let mut told = Told::<false>(Vec::new(), None);
        let mut telling = std::pin::pin!(in_order.deliver(&mut told));
        tokio::select! {
            biased;
            _ = &mut telling => unreachable!("results are still to come"),
            _ = &mut third => unreachable!("there is no slot"),
            () = tokio::task::yield_now() => {}
        }
        results.send(first, 0);
        tokio::select! {
            biased;
            _ = &mut telling => unreachable!("results are still to come"),
            third = &mut third => assert!(third.is_some()),
        }
    }
}
