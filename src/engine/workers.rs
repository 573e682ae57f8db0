//! The workers, and the board from which they take what is cleared and where they put what came of
//! it: each takes one step of one errand at a time.
//!
//! Whoever has done a step takes the next by itself, with no turn through the loop that fills the
//! board: nobody has to be woken while there is work. Only what looks like trouble stops that, for
//! everybody, until the loop has looked at it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Carrier, Errand, Next,
    lanes::{KINDS, Turn},
};
use crate::{
    error::Error,
    ledger::wakeup::Bell,
    model::UserId,
    pacer::breaker::{Health, Kind},
};

/// One thing for a worker to do.
enum Work<E> {
    /// A step that is cleared to be sent.
    Step(Turn<E>),
    /// Ask for any answer at all.
    Probe(UserId),
}

/// Report of a worker.
pub(super) struct Report<E> {
    /// Nothing, of a probe.
    pub(super) turn: Option<Turn<E>>,
    pub(super) kind: Kind,
    pub(super) next: Next,
    pub(super) health: Health,
}

/// One worker for each request that may be in flight.
pub(super) struct Crew<C: Carrier> {
    workers: JoinSet<()>,
    size: usize,
    board: Arc<Board<C::Errand>>,
}

/// State shared by the workers and the dispatcher.
struct Board<E> {
    /// At least one for each work on the board: workers wait for these.
    works: Semaphore,
    state: Mutex<State<E>>,
    /// Rung when there are reports.
    bell: Bell,
}

struct State<E> {
    works: VecDeque<Work<E>>,
    reports: Vec<Report<E>>,
    /// Workers that are at something.
    busy: usize,
    /// Nobody takes anything.
    shut: bool,
}

impl<C: Carrier> Crew<C> {
    /// Starts `size` idle workers. `seed` is for jitter.
    pub(super) fn new(carrier: &Arc<C>, size: usize, seed: u64) -> Self {
        let board = Arc::new(Board {
            works: Semaphore::new(0),
            state: Mutex::new(State {
                works: VecDeque::new(),
                reports: Vec::new(),
                busy: 0,
                shut: false,
            }),
            bell: Bell::default(),
        });
        let mut workers = JoinSet::new();
        for worker in 0..size {
            let dice = fastrand::Rng::with_seed(seed.wrapping_add(worker as u64));
            workers.spawn(labour(Arc::clone(carrier), Arc::clone(&board), dice));
        }
        Self { workers, size, board }
    }

    /// Returns how many more items could be worked on at once; below zero, so many
    /// have to wait.
    pub(super) fn room(&self) -> isize {
        let state = self.board.state();
        self.size.cast_signed() - state.busy.cast_signed() - state.works.len().cast_signed()
    }

    /// Puts what is cleared on the board.
    pub(super) fn add(&self, turns: Vec<Turn<C::Errand>>) {
        let count = turns.len();
        self.board.state().works.extend(turns.into_iter().map(Work::Step));
        self.board.works.add_permits(count);
    }

    /// Has a probe made before anything else.
    pub(super) fn probe(&self, user: UserId) {
        self.board.state().works.push_front(Work::Probe(user));
        self.board.works.add_permits(1);
    }

    /// Takes back from the board the kinds that may not stay, and lets the rest go on.
    pub(super) fn withdraw(&self, stays: impl Fn(Kind) -> bool) -> Vec<Turn<C::Errand>> {
        let mut back = Vec::new();
        let mut state = self.board.state();
        if KINDS.into_iter().all(&stays) && !state.shut {
            return back;
        }
        for work in std::mem::take(&mut state.works) {
            match work {
                Work::Step(turn) if !stays(turn.errand.kind()) => back.push(turn),
                work => state.works.push_back(work),
            }
        }
        if std::mem::take(&mut state.shut) {
            // Those who came while it was shut have used up theirs.
            self.board.works.add_permits(state.works.len());
        }
        back
    }

    /// Waits for reports, and takes all there are. An error if a worker has ended, which none does
    /// by itself.
    pub(super) async fn reports(&mut self, into: &mut Vec<Report<C::Errand>>) -> Result<(), Error> {
        let ended = tokio::select! {
            biased;
            () = self.board.bell.rung() => {
                self.board.bell.answer();
                std::mem::swap(into, &mut self.board.state().reports);
                return Ok(());
            }
            ended = self.workers.join_next() => ended,
        };
        let panicked = matches!(ended, Some(Err(error)) if error.is_panic());
        let how = if panicked { "panicked" } else { "ended early" };
        Err(Error::Internal(format!("a worker {how}")))
    }

    /// Lets workers finish what they are at.
    pub(super) async fn dismiss(&mut self) {
        self.board.works.close();
        while self.workers.join_next().await.is_some() {}
    }
}

impl<E> Board<E> {
    /// Waits for something to do; `None` when there will be nothing more.
    async fn take(&self) -> Option<Work<E>> {
        loop {
            self.works.acquire().await.ok()?.forget();
            let mut state = self.state();
            if !state.shut
                && let Some(work) = state.works.pop_front()
            {
                state.busy += 1;
                return Some(work);
            }
        }
    }

    fn report(&self, report: Report<E>) {
        let trouble = report.health != Health::Good
            || matches!(report.next, Next::Held | Next::Halt(_) | Next::Stop(_));
        let mut state = self.state();
        state.busy -= 1;
        state.shut |= trouble;
        state.reports.push(report);
        drop(state);
        self.bell.ring();
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a worker until the queue is closed.
async fn labour<C: Carrier>(
    carrier: Arc<C>,
    board: Arc<Board<C::Errand>>,
    mut dice: fastrand::Rng,
) {
    while let Some(work) = board.take().await {
        board.report(match work {
            Work::Probe(user) => {
                let (next, health) = carrier.line().probe(&user).await;
                Report { turn: None, kind: Kind::Probe, next, health }
            }
            Work::Step(mut turn) => {
                let kind = turn.errand.kind();
                let (next, health) = carrier.step(&mut turn.errand, &mut dice).await;
                Report { turn: Some(turn), kind, next, health }
            }
        });
    }
}
