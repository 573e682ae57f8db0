//! The first stage: what is there, whether it may be touched, and the backup of it.

use std::time::Duration;

use super::{Applier, Order, Stage, Task, judge};
use crate::{
    api::Api,
    engine::{Errand, Next, gateway::Listing},
    error::Error,
    model::{Method, Reason, State, Target},
    pacer::breaker::Health,
    protocol::Repeatable,
};

/// Decision after looking at what exists.
enum Ruling {
    /// It may be done: that takes so many methods away.
    Act(u64),
    /// Nothing, or not that.
    Settle(State, Option<Reason>),
}

impl<A: Api> Applier<A> {
    pub(super) async fn look(
        &self,
        order: &mut Order,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some(listing) = self.line.list(order.user(), order.method(), dice).await else {
            return Ok((Next::Held, Health::Unknown));
        };
        let Listing { verdict, status, health } = listing;
        let outcome = self.line.policy.after_repeatable(verdict, &mut order.history, dice);
        let present = match outcome {
            Repeatable::Done(present) => present,
            other @ (Repeatable::Refused(_)
            | Repeatable::Again(_)
            | Repeatable::Failed(_)
            | Repeatable::Stop(_)) => {
                let next = self.without_result(order, other.without_result(), status).await?;
                return Ok((next, health));
            }
        };
        let next = match self.rule(order, &present).await? {
            Ruling::Settle(state, reason) => self.settle(order, state, status, reason).await?,
            Ruling::Act(deletes) => self.prepare(order, &present, deletes).await?,
        };
        Ok((next, health))
    }

    async fn rule(&self, order: &Order, present: &[Method]) -> Result<Ruling, Error> {
        let deletes = present.len() as u64;
        Ok(match &order.task {
            Task::Replace(_) => match judge::loss(present).filter(|_| !self.allow_loss) {
                Some(reason) => Ruling::Settle(State::Rejected, Some(reason)),
                None => Ruling::Act(0),
            },
            Task::Update(_) => Ruling::Act(0),
            Task::Delete(_) if present.is_empty() => {
                let ours = order.history.attempts > 0;
                let state = if ours { State::Deleted } else { State::AlreadyGone };
                Ruling::Settle(state, None)
            }
            Task::Delete(Target { user, method: Some(id), .. }) => {
                let made = self.ledger.made(user, id).await?;
                let keeps = made.zip(present.first());
                match keeps.and_then(|(made, method)| judge::other_time(&made, method)) {
                    Some(code) => Ruling::Settle(State::Kept, Some(code.into())),
                    None => Ruling::Act(deletes),
                }
            }
            Task::Delete(_) => Ruling::Act(deletes),
            Task::Undo(undoable) => {
                let method = present.first();
                let keeps = method
                    .and_then(|method| judge::keeps(&undoable.entry, method, &self.key))
                    .filter(|_| !self.force);
                match keeps {
                    Some(code) => Ruling::Settle(State::Kept, Some(code.into())),
                    None => Ruling::Act(deletes),
                }
            }
        })
    }

    /// Backs up what is there, and lets the order go on.
    async fn prepare(
        &self,
        order: &mut Order,
        present: &[Method],
        deletes: u64,
    ) -> Result<Next, Error> {
        if self.dry_run {
            let done = Repeatable::Done(());
            return self.without_result(order, done, None).await;
        }
        if let Some(backup) = &self.backup
            && !present.is_empty()
        {
            backup.append(order.user(), present).await?;
        }
        // What an earlier try was allowed is not asked for once more.
        let allowed = order.looked.is_some() && order.deletes == 0;
        order.deletes = if allowed { 0 } else { deletes };
        order.stage = Stage::Act;
        order.saw();
        Ok(Next::After(Duration::ZERO))
    }
}
