//! The second stage: the request that changes something.

use super::{Applier, Order, Task, judge};
use crate::{
    api::{Answer, Api, SetMethod, Update, Verdict},
    engine::{Errand, Next, Stop},
    error::Error,
    ledger::Intent,
    model::{How, Settlement, State},
    pacer::breaker::Health,
    protocol::Repeatable,
};

impl<A: Api> Applier<A> {
    pub(super) async fn act(
        &self,
        order: &mut Order,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        if !self.deletes.take(order.deletes) {
            return Ok((Next::Halt(Stop::MaxDeletes), Health::Unknown));
        }
        order.deletes = 0;
        self.intend(order).await?;
        let answer = self.request(order).await;
        let health = self.line.note(&answer);
        let status = answer.status;
        if matches!(answer.verdict, Verdict::InDoubt(_)) {
            order.history.doubts += 1;
        }
        let outcome = self.line.policy.after_repeatable(answer.verdict, &mut order.history, dice);
        let next = match (outcome, &order.task) {
            (Repeatable::Done(set), Task::Replace(_)) => {
                self.settle_set(order, &set, status).await?
            }
            (other, _) => self.without_result(order, other.without_result(), status).await?,
        };
        Ok((next, health))
    }

    /// Records that the request is about to leave; durable on return.
    async fn intend(&self, order: &mut Order) -> Result<(), Error> {
        let ledger = &self.ledger;
        if let Task::Undo(_) = order.task {
            for row in &order.rows {
                ledger.undo(*row).await?;
            }
        } else {
            let (at, skew) = ((self.line.now)(), self.line.api.clock_skew());
            let doubts = order.history.doubts;
            let intent = |seq: &_| Intent { seq: *seq, at, skew, doubts, marked: false };
            ledger.intend(order.rows.iter().map(intent).collect()).await?;
        }
        order.history.attempts += 1;
        Ok(())
    }

    async fn request(&self, order: &Order) -> Answer<Vec<SetMethod>> {
        let (api, user) = (&self.line.api, order.user());
        let correlation =
            order.rows.first().map(|row| self.ledger.correlation(*row)).unwrap_or_default();
        let none = |answer: Answer<()>| answer.map(|verdict| verdict.map(|()| Vec::new()));
        match &order.task {
            Task::Replace(set) => api.replace(user, &set.factors, &correlation).await,
            Task::Update(change) => {
                let update = Update { name: change.name.as_deref(), preferred: change.preferred };
                none(api.update(user, &change.method, update, &correlation).await)
            }
            Task::Delete(_) | Task::Undo(_) => {
                none(api.delete(user, order.method(), &correlation).await)
            }
        }
    }

    /// Records a set, each factor with its method.
    async fn settle_set(
        &self,
        order: &Order,
        set: &[SetMethod],
        status: Option<u16>,
    ) -> Result<Next, Error> {
        let Task::Replace(wanted) = &order.task else {
            return Err(Error::Internal("a set that nobody asked for".into()));
        };
        // Rows that an earlier run has settled have no place here: then nobody knows whose is whose.
        let all = order.rows.len() == wanted.factors.len();
        let ids = judge::ids(&wanted.factors, set);
        for (row, id) in order.rows.iter().zip(ids) {
            let settlement = Settlement {
                state: State::Replaced,
                how: How::Response,
                method_id: id.filter(|_| all).map(Into::into),
                status,
                error: None,
            };
            self.ledger.settle(*row, settlement, order.history.doubts).await?;
        }
        Ok(Next::Settled)
    }
}
