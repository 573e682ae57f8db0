//! Changes to existing methods, which may be repeated at will: replace a user's set, change a
//! method,
//! delete, take back what was created. One [`Order`] goes in two stages, each one request.
//!
//! The first asks what is there, decides by it and writes it to the backup,
//! durable, before anything is destroyed; the second does it. PUT, PATCH and DELETE are
//! idempotent, so that an answer that is lost is asked for again, and nothing has to be settled.
//! An intent is recorded all the same: a method that is not there any more after one has been
//! deleted by us.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

mod act;
pub mod backup;
mod created;
mod judge;
mod look;
mod rows;
mod sets;

pub use created::created;
pub use rows::{Orders, Single};
pub use sets::{Sets, Whole};

use crate::{
    api::Api,
    engine::{Carrier, Errand, Next, gateway::Line},
    error::Error,
    jobs::change::backup::Backup,
    ledger::{Counts, Key, Ledger, Seq, Undoable},
    model::{Change, History, How, Reason, Set, Settlement, State, Target, UserId},
    pacer::breaker::{Health, Kind},
    protocol::Repeatable,
};

/// Task to do.
#[derive(Debug)]
pub enum Task {
    /// Make it the user's whole set.
    Replace(Set),
    /// Change a method.
    Update(Change),
    /// Delete a method, or all of a user's.
    Delete(Target),
    /// Delete a method that an import has created.
    Undo(Box<Undoable>),
}

/// A task on its way.
#[derive(Debug)]
pub struct Order {
    /// Its rows in the ledger: of a set one for each factor.
    rows: Vec<Seq>,
    task: Task,
    stage: Stage,
    history: History,
    /// Methods that its request will take away, until that has been allowed.
    deletes: u64,
    /// Time of the last look, and the number of consecutive looks that became too old.
    looked: Option<(Instant, u32)>,
}

/// A look older than this is repeated before anything is deleted: a user may have
/// added to it in an outage or a long hold.
const STALE: Duration = Duration::from_secs(60);
/// So often: where permits are that rare it would never end.
const MOST_LOOKS: u32 = 3;

/// Next stage of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// See what is there.
    Look,
    /// Do it.
    Act,
}

impl Order {
    /// An order for rows that the ledger has admitted.
    pub fn new(rows: Vec<Seq>, task: Task, history: History) -> Self {
        let stage = if matches!(task, Task::Update(_)) { Stage::Act } else { Stage::Look };
        Self { rows, task, stage, history, deletes: 0, looked: None }
    }

    /// Returns whether the next action rests on too old a look.
    fn is_stale(&self) -> bool {
        let stale = |(at, looks): (Instant, u32)| at.elapsed() > STALE && looks < MOST_LOOKS;
        self.stage == Stage::Act && self.looked.is_some_and(stale)
    }

    /// Notes that what is there has just been seen.
    fn saw(&mut self) {
        let now = Instant::now();
        let looks = match self.looked {
            Some((at, looks)) if now - at > STALE => looks + 1,
            _ => 0,
        };
        self.looked = Some((now, looks));
    }

    /// The tenant's id of the method, where the order is about one.
    fn method(&self) -> Option<&str> {
        match &self.task {
            Task::Replace(_) => None,
            Task::Update(change) => Some(&change.method),
            Task::Delete(target) => target.method.as_deref(),
            Task::Undo(undoable) => undoable.entry.method_id.as_deref(),
        }
    }
}

impl Errand for Order {
    fn user(&self) -> &UserId {
        match &self.task {
            Task::Replace(set) => &set.user,
            Task::Update(change) => &change.user,
            Task::Delete(target) => &target.user,
            Task::Undo(undoable) => &undoable.entry.user,
        }
    }

    fn kind(&self) -> Kind {
        match self.stage {
            Stage::Look => Kind::LookUp,
            Stage::Act => Kind::Change,
        }
    }
}

/// Takes orders through their stages. Shared by all workers.
#[derive(Debug)]
pub struct Applier<A> {
    /// To the tenant.
    pub line: Line<A>,
    /// Records intents and outcomes.
    pub ledger: Ledger,
    /// Backup for methods that are about to be deleted.
    pub backup: Option<Backup>,
    /// The ledger's key: for names.
    pub key: Key,
    /// `--allow-loss`: sets are replaced even where that destroys what they cannot hold.
    pub allow_loss: bool,
    /// `--force`: what was used or changed since is taken back, too.
    pub force: bool,
    /// `--dry-run`: only look.
    pub dry_run: bool,
    /// `--max-deletes`.
    pub deletes: Deletes,
}

/// Number of methods that may still be deleted.
#[derive(Debug)]
pub struct Deletes(AtomicU64);

impl Deletes {
    /// Allows `count` deletions, or any number.
    pub fn at_most(count: Option<u64>) -> Self {
        Self(AtomicU64::new(count.unwrap_or(u64::MAX)))
    }

    /// Takes so many from what is left, if it is enough.
    fn take(&self, count: u64) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(count)).is_ok()
    }
}

impl<A: Api> Carrier for Applier<A> {
    type Api = A;
    type Errand = Order;

    fn line(&self) -> &Line<A> {
        &self.line
    }

    fn counts(&self) -> Counts {
        self.ledger.tally().get()
    }

    async fn step(&self, order: &mut Order, dice: &mut fastrand::Rng) -> (Next, Health) {
        if order.is_stale() {
            order.stage = Stage::Look;
        }
        let taken = match order.stage {
            Stage::Look => self.look(order, dice).await,
            Stage::Act => self.act(order, dice).await,
        };
        taken.unwrap_or_else(|error| (Next::Stop(Box::new(error)), Health::Unknown))
    }
}

impl<A: Api> Applier<A> {
    /// Follows up an answer that carries no result.
    async fn without_result(
        &self,
        order: &Order,
        outcome: Repeatable<()>,
        status: Option<u16>,
    ) -> Result<Next, Error> {
        match outcome {
            Repeatable::Again(wait) => Ok(Next::After(wait)),
            Repeatable::Stop(error) => Ok(Next::Stop(error)),
            Repeatable::Failed(reason) => {
                self.settle(order, State::Failed, status, Some(reason)).await
            }
            Repeatable::Refused(reason) if reason.is_not_found() => {
                self.not_there(order, status, reason).await
            }
            Repeatable::Refused(reason) => {
                self.settle(order, State::Rejected, status, Some(reason)).await
            }
            Repeatable::Done(()) => {
                let state = match &order.task {
                    Task::Replace(_) => State::Replaced,
                    Task::Update(_) => State::Updated,
                    Task::Delete(_) => State::Deleted,
                    Task::Undo(_) => State::Undone,
                };
                self.settle(order, state, status, None).await
            }
        }
    }

    /// The method, or the user, is not there.
    async fn not_there(
        &self,
        order: &Order,
        status: Option<u16>,
        reason: Reason,
    ) -> Result<Next, Error> {
        // A whole user who is not there is more likely a slip of the input.
        let settled = match &order.task {
            Task::Delete(Target { method: Some(_), .. }) => State::Deleted,
            Task::Undo(_) => State::Undone,
            Task::Replace(_) | Task::Update(_) | Task::Delete(_) => {
                return self.settle(order, State::Rejected, status, Some(reason)).await;
            }
        };
        // Whether by an attempt of ours whose answer was lost, that alone makes the difference.
        let state = if order.history.attempts > 0 { settled } else { State::AlreadyGone };
        self.settle(order, state, status, None).await
    }

    /// Records how an order ended.
    async fn settle(
        &self,
        order: &Order,
        state: State,
        status: Option<u16>,
        error: Option<Reason>,
    ) -> Result<Next, Error> {
        let looked = order.stage == Stage::Look && order.history.attempts > 0;
        let settlement = Settlement {
            state,
            how: if looked { How::Reconciled } else { How::Response },
            method_id: order.method().map(Into::into),
            status,
            error,
        };
        for row in &order.rows {
            // What could not be taken away stays created, as far as is known.
            let untouched = matches!(order.task, Task::Undo(_)) && state.is_bad();
            if self.dry_run || untouched {
                self.ledger.leave(*row, state).await?;
            } else {
                let doubts = order.history.doubts;
                self.ledger.settle(*row, settlement.clone(), doubts).await?;
            }
        }
        Ok(Next::Settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_too_long_ago_is_looked_at_again_but_not_for_ever() {
        let target = Target { line: 2, user: UserId::parse("auth0|1").unwrap(), method: None };
        let mut order = Order::new(vec![Seq(0)], Task::Delete(target), History::default());
        order.saw();
        order.stage = Stage::Act;
        tokio::time::sleep(STALE / 2).await;
        assert!(!order.is_stale());
        tokio::time::sleep(STALE).await;
        let mut looks = 0;
        while order.is_stale() {
            looks += 1;
            order.saw();
            assert!(!order.is_stale());
            tokio::time::sleep(STALE * 2).await;
        }
        assert_eq!(looks, MOST_LOOKS);
        // Seen again in time, it counts anew.
        order.saw();
        tokio::time::sleep(STALE / 2).await;
        order.saw();
        tokio::time::sleep(STALE * 2).await;
        assert!(order.is_stale());
    }
}
