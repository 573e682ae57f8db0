//! The steps that ask for a list: before the first POST, after one in doubt, and at the end of the
//! run. Each asks for one page; [`reconcile`] judges the whole list.

use std::sync::Arc;

use super::{CreateExecutor, CreateJob, Step};
use crate::{
    api::{Api, Verdict},
    engine::{Next, StepResult, gateway::PageAnswer},
    error::Error,
    model::{Code, Finding, Method, UserId},
    pacer::breaker::Health,
    protocol::{
        Decision,
        conflict::{self, ConflictProof},
        pages::AfterPage,
        reconcile,
        sent::Sent,
    },
};

/// A user's methods, and those of their ids that the ledger holds for the user's other factors.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    list: Arc<Vec<Method>>,
    known: Vec<Arc<str>>,
}

impl Evidence {
    fn is_known(&self, id: &str) -> bool {
        self.known.iter().any(|known| **known == *id)
    }
}

/// Decision that follows from a list, or from its absence.
type After<A> =
    fn(&CreateExecutor<A>, &mut CreateJob, Verdict<Evidence>, &mut fastrand::Rng) -> Decision;

impl<A: Api> CreateExecutor<A> {
    /// Requests a page of the list that the job's step needs. After the last page, does what
    /// `after` decides.
    pub(super) async fn with_list(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
        after: After<A>,
    ) -> Result<StepResult, Error> {
        // One list before a user's first POST serves all of the user's factors.
        let before = job.listed.clone().filter(|_| job.step == Step::CheckExisting);
        let (verdict, health) = if let Some(list) = before {
            (Verdict::Done(list), Health::Unknown)
        } else {
            let (user, mut pages) = (&job.factor.user, job.pages.take().unwrap_or_default());
            let answer = self.gateway.page(user, None, &mut pages, rng).await;
            let PageAnswer { after, health, .. } = answer;
            match after {
                AfterPage::More(wait) => {
                    job.pages = Some(pages);
                    return Ok(Next::After(wait).with(health));
                }
                AfterPage::Whole(verdict) => (self.of_user(user, verdict).map(Arc::new), health),
            }
        };
        let verdict = match verdict {
            Verdict::Done(list) => {
                let known = self.ledger.known(&job.factor.user, job.seq).await?;
                Verdict::Done(Evidence { list, known })
            }
            other => other.without_result(),
        };
        let decision = after(self, job, verdict, rng);
        Ok(self.follow(job, decision).await?.with(health))
    }

    /// Discards a list that holds a method created for another user: it is the answer to another
    /// request.
    fn of_user(&self, user: &UserId, verdict: Verdict<Vec<Method>>) -> Verdict<Vec<Method>> {
        match verdict {
            Verdict::Done(list) if self.is_of_another(&list, user) => {
                self.gateway.api.distrust();
                Verdict::InDoubt(Code::ListOfAnotherUser.into())
            }
            verdict => verdict,
        }
    }

    fn is_of_another(&self, list: &[Method], user: &UserId) -> bool {
        let recent_ids = self.recent_ids();
        list.iter().any(|method| recent_ids.is_of_another(&method.id, user))
    }

    /// Decides by the list before the first POST.
    pub(super) fn after_existing(
        &self,
        job: &mut CreateJob,
        verdict: Verdict<Evidence>,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        // A user who does not exist has no methods; the POST will report that.
        let verdict = match verdict {
            Verdict::Refused(reason) if reason.is_not_found() => Verdict::Done(Evidence::default()),
            verdict => verdict,
        };
        let verdict = verdict.map(|seen| {
            let found = reconcile::present(&job.factor, &seen.list, |id| seen.is_known(id));
            job.listed = Some(seen.list);
            found
        });
        self.gateway.policy.after_existing(verdict, &mut job.history, rng)
    }

    /// Decides by the list after a POST that is in doubt, or that the tenant calls a conflict.
    pub(super) fn after_lookup(
        &self,
        job: &mut CreateJob,
        verdict: Verdict<Evidence>,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        let verdict = verdict.map(|seen| {
            // A method that existed before the first POST is not ours either.
            let before = job.listed.as_deref();
            let is_known = |id: &str| {
                seen.is_known(id) || before.is_some_and(|list| list.iter().any(|m| m.id == id))
            };
            let finding = if job.history.doubts == 0 {
                Finding::Absent
            } else {
                reconcile::judge(&job.factor, &seen.list, self.sent(job), is_known, job.marked())
            };
            if finding != Finding::Absent || !job.history.conflict {
                return finding;
            }
            let proof = self.gateway.policy.proof_of_conflict(job.factor.factor_type());
            let proof = if job.history.doubts == 0 { proof } else { proof.in_doubt() };
            if let (ConflictProof::Type, Some((reason, _))) = (proof, &mut job.history.refusal) {
                *reason = Code::SecondOfType.into();
            }
            conflict::judge(&job.factor, &seen.list, |id| seen.is_known(id), proof)
        });
        self.gateway.policy.after_lookup(verdict, &mut job.history, rng)
    }

    /// Decides by the list at the end of the run.
    pub(super) fn after_audit(
        &self,
        job: &mut CreateJob,
        verdict: Verdict<Evidence>,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        let verdict = verdict.map(|seen| {
            let (own, is_known) = (job.own.as_deref(), |id: &str| seen.is_known(id));
            reconcile::audit(&job.factor, &seen.list, self.sent(job), own, is_known, job.marked())
        });
        self.gateway.policy.after_audit(verdict, &mut job.history, rng)
    }

    /// Returns when the first attempt in doubt was sent, by the tenant's clock.
    fn sent(&self, job: &CreateJob) -> Sent {
        let (now, api) = ((self.gateway.now)(), &self.gateway.api);
        Sent::of(&job.history, now, api.clock_skew(), api.least_skew())
    }
}
