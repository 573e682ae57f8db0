//! The first stage: asks what exists, decides whether it may be changed, and backs it up.

use std::time::Duration;

use tokio::time::Instant;

use super::{ChangeExecutor, ChangeJob, ChangeRequest, Stage, judge};
use crate::{
    api::Api,
    engine::{Job, Next, StepResult, Stop, gateway::PageAnswer},
    error::Error,
    model::{Method, Reason, State, Target},
    protocol::{Repeatable, pages::AfterPage},
};

/// Decision about what exists.
enum Ruling {
    /// The change may be made; it deletes that many methods.
    Act(u64),
    /// Nothing is to be changed, or nothing may be.
    Settle(State, Option<Reason>),
}

impl<A: Api> ChangeExecutor<A> {
    pub(super) async fn look(
        &self,
        job: &mut ChangeJob,
        rng: &mut fastrand::Rng,
    ) -> Result<StepResult, Error> {
        if job.pages.is_empty() {
            job.began_to_look = Instant::now();
        }
        let mut pages = std::mem::take(&mut job.pages);
        let answer = self.gateway.page(job.user(), job.method(), &mut pages, rng).await;
        let PageAnswer { after, status, health } = answer;
        job.pages = pages;
        let verdict = match after {
            AfterPage::More(wait) => return Ok(Next::After(wait).with(health)),
            AfterPage::Whole(verdict) => verdict,
        };
        let outcome = self.gateway.policy.after_repeatable(verdict, &mut job.history, rng);
        let present = match outcome {
            Repeatable::Done(present) => present,
            other @ (Repeatable::Refused(_)
            | Repeatable::Again(_)
            | Repeatable::Failed(_)
            | Repeatable::Stop(_)) => {
                let next = self.without_result(job, other.without_result(), status).await?;
                return Ok(next.with(health));
            }
        };
        let next = match self.rule(job, &present).await? {
            Ruling::Settle(state, reason) => self.settle(job, state, status, reason).await?,
            Ruling::Act(deletes) => self.prepare(job, &present, deletes).await?,
        };
        Ok(next.with(health))
    }

    async fn rule(&self, job: &ChangeJob, present: &[Method]) -> Result<Ruling, Error> {
        let deletes = present.len() as u64;
        Ok(match &job.request {
            ChangeRequest::Replace(_) => match judge::loss(present).filter(|_| !self.allow_loss) {
                Some(reason) => Ruling::Settle(State::Rejected, Some(reason)),
                None => Ruling::Act(0),
            },
            ChangeRequest::Update(_) => Ruling::Act(0),
            ChangeRequest::Delete(_) if present.is_empty() => {
                let ours = job.history.attempts > 0;
                let state = if ours { State::Deleted } else { State::AlreadyGone };
                Ruling::Settle(state, None)
            }
            ChangeRequest::Delete(Target { user, method: Some(id), .. }) => {
                let made = self.ledger.made(user, id).await?;
                let keeps = made.zip(present.first());
                match keeps.and_then(|(made, method)| judge::other_time(&made, method)) {
                    Some(code) => Ruling::Settle(State::Kept, Some(code.into())),
                    None => Ruling::Act(deletes),
                }
            }
            ChangeRequest::Delete(_) => Ruling::Act(deletes),
            ChangeRequest::Undo(undoable) => {
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

    /// Backs up what exists, and lets the job go on.
    async fn prepare(
        &self,
        job: &mut ChangeJob,
        present: &[Method],
        deletes: u64,
    ) -> Result<Next, Error> {
        if self.dry_run {
            // A dry run ends where the real one would.
            if !self.deletes.take(deletes) {
                return Ok(Next::Halt(Stop::MaxDeletes));
            }
            let done = Repeatable::Done(());
            return self.without_result(job, done, None).await;
        }
        if let Some(backup) = &self.backup
            && !present.is_empty()
        {
            backup.append(job.user(), present).await?;
        }
        // A deletion that an earlier try was allowed is not asked for again.
        let allowed = job.looked.is_some() && job.deletes == 0;
        job.deletes = if allowed { 0 } else { deletes };
        job.stage = Stage::Act;
        job.saw();
        Ok(Next::After(Duration::ZERO))
    }
}
