//! One factor, one step towards its end: POST → verdict, or, for one in doubt, GET list → judgement.
//!
//! The order is the protocol (reliability.md 1.3, R1): the permit first, so that an intent is as
//! old as its request; then a fresh token; then the intent, durable; then the request, at once. The
//! engine sees to the first three, for many factors at a time, and asks here what the intent is.
//! Nothing here waits between steps: how long until the next one is part of the result, and the
//! engine waits, so that a factor in doubt takes nobody's place.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

mod given;
mod job;
mod rows;

pub use given::Given;
pub use job::{CreateJob, Step};
pub use rows::{CreateJobs, Factors, tell};

use tokio::time::Instant;

use crate::{
    api::{Api, Update, Verdict},
    engine::{Executor, Next, Ticket, gateway::Gateway},
    error::Error,
    ledger::{Counts, Intent, Ledger, Seq},
    model::{Audit, Code, Finding, Method, State, UserId},
    pacer::breaker::Health,
    protocol::{
        Decision,
        marker::{self},
        reconcile,
        sent::Sent,
    },
};

/// Takes factors through their steps. Shared by all workers.
#[derive(Debug)]
pub struct CreateExecutor<A> {
    /// To the tenant.
    pub gateway: Gateway<A>,
    /// Records intents and outcomes.
    pub ledger: Ledger,
    /// `--name-marker`.
    pub name_marker: bool,
    /// The ids that were given of late.
    pub given: Mutex<Given>,
}

impl<A: Api> Executor for CreateExecutor<A> {
    type Api = A;
    type Job = CreateJob;

    fn gateway(&self) -> &Gateway<A> {
        &self.gateway
    }

    fn counts(&self) -> Counts {
        self.ledger.tally().get()
    }

    async fn record_intents(&self, tickets: &mut [Ticket<CreateJob>]) -> Result<(), Error> {
        let jobs = tickets.iter_mut().map(|ticket| &mut *ticket.job);
        let posts = jobs.filter(|job| job.step == Step::Send);
        let intents: Vec<Intent> = posts.map(|job| self.intent(job)).collect();
        if intents.is_empty() { Ok(()) } else { self.ledger.record_intents(intents).await }
    }

    async fn withdraw(&self, job: &CreateJob) -> Result<(), Error> {
        match job.step {
            Step::Send => self.ledger.void(job.seq).await,
            Step::CheckExisting | Step::LookUp | Step::Audit | Step::Restore => Ok(()),
        }
    }

    async fn step(&self, job: &mut CreateJob, rng: &mut fastrand::Rng) -> (Next, Health) {
        let taken = match job.step {
            Step::CheckExisting => self.check_existing(job, rng).await,
            Step::Send => self.send(job, rng).await,
            Step::LookUp => self.look_up(job, rng).await,
            Step::Audit => self.audit(job, rng).await,
            Step::Restore => self.restore(job, rng).await,
        };
        taken.unwrap_or_else(|error| (Next::Stop(Box::new(error)), Health::Unknown))
    }
}

impl<A: Api> CreateExecutor<A> {
    /// That a POST is about to leave.
    fn intent(&self, job: &mut CreateJob) -> Intent {
        let (at, skew) = ((self.gateway.now)(), self.gateway.api.clock_skew());
        let history = &mut job.history;
        let marked = self.name_marker;
        if history.doubts == 0 {
            (history.intent_at, history.skew, history.marked) = (at, skew, marked);
            history.left = Some(Instant::now());
        }
        history.marked &= marked;
        Intent { seq: job.seq, at, skew, doubts: history.doubts, marked }
    }

    /// POSTs what is intended.
    async fn send(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let history = &mut job.history;
        history.attempts += 1;
        let correlation = self.ledger.correlation(job.seq);
        let mut answer = if self.name_marker {
            let mut factor = job.factor.clone();
            factor.name = Some(job.mark.mark_name(&job.factor, rng));
            self.gateway.api.create(&factor, &correlation).await
        } else {
            self.gateway.api.create(&job.factor, &correlation).await
        };
        if let Verdict::Done(created) = &answer.verdict
            && let Some(other) = self.give(&created.id, job)
        {
            // Two answers have come for one request, it seems: neither tells whose the id is.
            self.gateway.api.distrust();
            self.ledger.audit(other, Audit::Contested(created.id.clone())).await?;
            answer.verdict = Verdict::InDoubt(Code::IdGivenTwice.into());
        }
        let history = &mut job.history;
        let health = self.gateway.note(&answer);
        let not_executed = matches!(answer.verdict, Verdict::NotExecuted(_) | Verdict::Stop(_));
        let decision =
            self.gateway.policy.after_create(answer.verdict, answer.status, history, rng);
        if not_executed {
            history.attempts -= 1;
            self.ledger.void(job.seq).await?;
        }
        Ok((self.follow(job, decision).await?, health))
    }

    async fn check_existing(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let listed = if let Some(list) = &job.listed {
            let known = self.ledger.known(&job.factor.user, job.seq).await?;
            Some((Verdict::Done((Arc::clone(list), known)), Health::Unknown))
        } else {
            self.list(job, rng).await?
        };
        let Some((verdict, health)) = listed else { return HELD };
        // A user who is not there has none, as the POST will say.
        let verdict = match verdict {
            Verdict::Refused(reason) if reason.is_not_found() => Verdict::Done(Evidence::default()),
            verdict => verdict,
        };
        let verdict = verdict.map(|(list, known)| {
            let found = reconcile::present(&job.factor, &list, |id| holds(&known, id));
            job.listed = Some(list);
            found
        });
        let decision = self.gateway.policy.after_existing(verdict, &mut job.history, rng);
        Ok((self.follow(job, decision).await?, health))
    }

    async fn look_up(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some((verdict, health)) = self.list(job, rng).await? else { return HELD };
        let verdict = verdict.map(|(list, known)| {
            // What was there before the first POST is not ours either.
            let before = job.listed.as_deref();
            let is_known = |id: &str| {
                holds(&known, id) || before.is_some_and(|list| list.iter().any(|m| m.id == id))
            };
            let finding = if job.history.doubts == 0 {
                Finding::Absent
            } else {
                reconcile::judge(&job.factor, &list, self.sent(job), is_known, job.marked())
            };
            let there = (finding == Finding::Absent && job.history.conflict)
                .then(|| reconcile::present(&job.factor, &list, |id| holds(&known, id)));
            match there.flatten() {
                Some((id, how)) => Finding::There(id, how),
                None => finding,
            }
        });
        let decision = self.gateway.policy.after_lookup(verdict, &mut job.history, rng);
        Ok((self.follow(job, decision).await?, health))
    }

    async fn audit(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some((verdict, health)) = self.list(job, rng).await? else { return HELD };
        let verdict = verdict.map(|(list, known)| {
            let (own, is_known) = (job.own.as_deref(), |id: &str| holds(&known, id));
            reconcile::audit(&job.factor, &list, self.sent(job), own, is_known, job.marked())
        });
        let decision = self.gateway.policy.after_audit(verdict, &mut job.history, rng);
        Ok((self.follow(job, decision).await?, health))
    }

    async fn restore(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some(id) = &job.own else {
            return Err(Error::Internal("a created factor has no id".into()));
        };
        // Who has to look it up after a crash looks for the mark: it must be known for certain that
        // nobody has to.
        self.ledger.flush().await?;
        let name = marker::wanted_name(&job.factor);
        let update = Update { name: Some(name), preferred: None };
        let correlation = self.ledger.correlation(job.seq);
        let answer = self.gateway.api.update(&job.factor.user, id, update, &correlation).await;
        let health = self.gateway.note(&answer);
        let decision = self.gateway.policy.after_restore(answer.verdict, &mut job.history, rng);
        Ok((self.follow(job, decision).await?, health))
    }

    /// The methods of a factor's user, and the ids that the ledger holds for the user's other
    /// factors; nothing when the run is stopping.
    async fn list(
        &self,
        job: &CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<Option<(Verdict<Evidence>, Health)>, Error> {
        let Some(listing) = self.gateway.list(&job.factor.user, None, rng).await else {
            return Ok(None);
        };
        let verdict = match listing.verdict {
            Verdict::Done(list) if self.is_of_another(&list, &job.factor.user) => {
                self.gateway.api.distrust();
                Verdict::InDoubt(Code::ListOfAnotherUser.into())
            }
            verdict => verdict,
        };
        let known = match verdict {
            Verdict::Done(_) => self.ledger.known(&job.factor.user, job.seq).await?,
            Verdict::Present
            | Verdict::Refused(_)
            | Verdict::NotExecuted(_)
            | Verdict::InDoubt(_)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_) => Vec::new(),
        };
        Ok(Some((verdict.map(|list| (Arc::new(list), known)), listing.health)))
    }

    /// Whether a list holds what was created for another user: then it is the answer to another
    /// request, and says nothing about this one.
    fn is_of_another(&self, list: &[Method], user: &UserId) -> bool {
        let given = self.given();
        list.iter().any(|method| given.is_of_another(&method.id, user))
    }

    /// Notes that an id is that row's; the other row that was told the same, if there is one.
    fn give(&self, id: &str, job: &CreateJob) -> Option<Seq> {
        self.given().give(id, job.seq, &job.factor.user)
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        // Whatever it holds is sound: nothing panics half way.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the first attempt in doubt was sent, by the tenant's clock.
    fn sent(&self, job: &CreateJob) -> Sent {
        let (now, api) = ((self.gateway.now)(), &self.gateway.api);
        Sent::of(&job.history, now, api.clock_skew(), api.least_skew())
    }

    async fn follow(&self, job: &mut CreateJob, decision: Decision) -> Result<Next, Error> {
        Ok(match decision {
            Decision::Settle(settlement) => {
                job.own = settlement.method_id.as_deref().map(Into::into);
                // What was found in the user's own list is theirs, whoever else was told so.
                if let Some(id) = &job.own
                    && let Some(other) = self.give(id, job)
                {
                    self.ledger.audit(other, Audit::Contested(id.as_ref().into())).await?;
                }
                let doubts = job.history.doubts;
                let state = settlement.state;
                job.history.lookups = 0;
                self.ledger.settle(job.seq, settlement, doubts).await?;
                if doubts > 0 {
                    job.step = Step::Audit;
                } else if state == State::Created && job.history.marked {
                    job.step = Step::Restore;
                    return Ok(Next::After(Duration::ZERO));
                }
                Next::Settled
            }
            Decision::Audited(audit) => {
                if let Audit::Appeared(id) = &audit {
                    job.own = Some(id.as_str().into());
                }
                let there = matches!(audit, Audit::Appeared(_))
                    || (audit == Audit::Sound && job.own.is_some());
                self.ledger.audit(job.seq, audit).await?;
                job.history.lookups = 0;
                if there && job.history.marked {
                    job.step = Step::Restore;
                    return Ok(Next::After(Duration::ZERO));
                }
                Next::Finished
            }
            Decision::Restored(done) => {
                if done {
                    self.ledger.restored(job.seq).await?;
                }
                Next::Finished
            }
            Decision::CheckExistingAfter(wait)
            | Decision::AuditAfter(wait)
            | Decision::RestoreAfter(wait) => Next::After(wait),
            Decision::SendAfter(wait) => {
                job.step = Step::Send;
                Next::After(wait)
            }
            Decision::LookUpAfter(wait) => {
                job.step = Step::LookUp;
                Next::After(wait)
            }
            Decision::Stop(error) => Next::Stop(error),
        })
    }
}

/// What comes of a step that the end of the run has cut short.
const HELD: Result<(Next, Health), Error> = Ok((Next::Held, Health::Unknown));

/// A user's methods, and those ids among them that the ledger holds for other factors.
type Evidence = (Arc<Vec<Method>>, Vec<Arc<str>>);

fn holds(known: &[Arc<str>], id: &str) -> bool {
    known.iter().any(|known| **known == *id)
}
