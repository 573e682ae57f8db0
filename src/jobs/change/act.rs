//! The second stage: the request that changes something.

use super::{ChangeExecutor, ChangeJob, ChangeRequest, judge};
use crate::{
    api::{Answer, Api, SetMethod, Update, Verdict},
    engine::{Job, Next, StepResult, Stop},
    error::Error,
    ledger::Intent,
    model::{How, Settlement, State},
    pacer::breaker::Health,
    protocol::{Repeatable, refusals::RequestClass},
};

impl<A: Api> ChangeExecutor<A> {
    pub(super) async fn act(
        &self,
        job: &mut ChangeJob,
        rng: &mut fastrand::Rng,
    ) -> Result<StepResult, Error> {
        if !self.deletes.take(job.deletes) {
            return Ok(Next::Halt(Stop::MaxDeletes).with(Health::Unknown));
        }
        job.deletes = 0;
        self.record_intents(job).await?;
        let answer = self.request(job).await;
        let health = self.gateway.note(&answer);
        let everybodys = self.gateway.judge(RequestClass::Change, job.user(), &answer);
        let status = answer.status;
        if matches!(answer.verdict, Verdict::InDoubt(_)) {
            job.history.doubts += 1;
        }
        let outcome = self.gateway.policy.after_repeatable(answer.verdict, &mut job.history, rng);
        let next = match (outcome, &job.request) {
            (Repeatable::Done(set), ChangeRequest::Replace(_)) => {
                self.settle_set(job, &set, status).await?
            }
            (other, _) => self.without_result(job, other.without_result(), status).await?,
        };
        Ok(everybodys.map_or(next, Next::Stop).with(health))
    }

    /// Records that the request is about to leave; durable on return.
    async fn record_intents(&self, job: &mut ChangeJob) -> Result<(), Error> {
        let ledger = &self.ledger;
        if let ChangeRequest::Undo(_) = job.request {
            for row in &job.rows {
                ledger.undo(*row).await?;
            }
        } else {
            let (at, skew) = ((self.gateway.now)(), self.gateway.api.clock_skew());
            let doubts = job.history.doubts;
            let intent = |seq: &_| Intent { seq: *seq, at, skew, doubts, marked: false };
            ledger.record_intents(job.rows.iter().map(intent).collect()).await?;
        }
        job.history.attempts += 1;
        Ok(())
    }

    async fn request(&self, job: &ChangeJob) -> Answer<Vec<SetMethod>> {
        let (api, user) = (&self.gateway.api, job.user());
        let correlation =
            job.rows.first().map(|row| self.ledger.correlation(*row)).unwrap_or_default();
        let none = |answer: Answer<()>| answer.map(|verdict| verdict.map(|()| Vec::new()));
        match &job.request {
            ChangeRequest::Replace(set) => api.replace(user, &set.factors, &correlation).await,
            ChangeRequest::Update(change) => {
                let update = Update { name: change.name.as_deref(), preferred: change.preferred };
                none(api.update(user, &change.method, update, &correlation).await)
            }
            ChangeRequest::Delete(_) | ChangeRequest::Undo(_) => {
                none(api.delete(user, job.method(), &correlation).await)
            }
        }
    }

    /// Records a set, each factor with its method.
    async fn settle_set(
        &self,
        job: &ChangeJob,
        set: &[SetMethod],
        status: Option<u16>,
    ) -> Result<Next, Error> {
        let ChangeRequest::Replace(wanted) = &job.request else {
            return Err(Error::Internal("a set that nobody asked for".into()));
        };
        // If an earlier run has settled some rows, it is unknown which method belongs to which row.
        let all = job.rows.len() == wanted.factors.len();
        let ids = judge::ids(&wanted.factors, set);
        for (row, id) in job.rows.iter().zip(ids) {
            let settlement = Settlement {
                state: State::Replaced,
                how: How::Response,
                method_id: id.filter(|_| all).map(Into::into),
                status,
                error: None,
            };
            self.ledger.settle(*row, settlement, job.history.doubts).await?;
        }
        Ok(Next::Settled)
    }
}
