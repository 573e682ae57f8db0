//! One factor, one step towards its end: POST → verdict, or, for one in doubt, GET list →
//! judgement.
//!
//! The order is the protocol (reliability.md 1.3, R1): first the permit, so that an intent is as
//! old as its request; then a fresh token; then the durable intent; then the request, at once. The
//! engine takes care of the first three, for many factors at a time, and asks here for the intent.
//! Nothing here waits between steps: a step's result says when the next one is due, and the engine
//! waits, so that a factor in doubt takes nobody's place.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

mod job;
mod look;
mod recent_ids;
mod rows;

pub use job::CreateJob;
pub use recent_ids::RecentIds;
pub use rows::{Advice, CreateJobs, Factors, OnTheWay, log_findings};

pub use crate::protocol::Step;

use tokio::time::Instant;

use crate::{
    api::{Api, Update, Verdict},
    engine::{Executor, Next, StepResult, Ticket, gateway::Gateway},
    error::Error,
    ledger::{Counts, Intent, Ledger, Seq},
    model::{Audit, ClockSkew, Code, How, LocalTime, State},
    pacer::breaker::Health,
    protocol::{Decision, marker, refusals::RequestClass},
    sync::lock,
};

/// Time at which requests are about to leave, by each clock.
#[derive(Clone, Copy)]
struct Left {
    at: LocalTime,
    skew: Option<ClockSkew>,
    instant: Instant,
}

/// Takes factors through their steps. Shared by all workers.
#[derive(Debug)]
pub struct CreateExecutor<A> {
    /// Gateway to the tenant.
    pub gateway: Gateway<A>,
    /// Records intents and outcomes.
    pub ledger: Ledger,
    /// `--name-marker`.
    pub name_marker: bool,
    /// Ids received recently.
    pub recent_ids: Mutex<RecentIds>,
    /// Number of names that keep their mark in this run.
    pub still_marked: AtomicU64,
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
        let left = Left {
            at: (self.gateway.now)(),
            skew: self.gateway.api.clock_skew(),
            instant: Instant::now(),
        };
        let jobs = tickets.iter_mut().map(|ticket| &mut *ticket.job);
        let posts = jobs.filter(|job| job.step == Step::Send);
        let intents: Vec<Intent> = posts.map(|job| self.intent(job, left)).collect();
        if intents.is_empty() { Ok(()) } else { self.ledger.record_intents(intents).await }
    }

    async fn withdraw(&self, job: &CreateJob) -> Result<(), Error> {
        match job.step {
            Step::Send => self.ledger.void(job.seq).await,
            Step::CheckExisting | Step::LookUp | Step::Audit | Step::Restore => Ok(()),
        }
    }

    async fn step(&self, job: &mut CreateJob, rng: &mut fastrand::Rng) -> StepResult {
        let taken = match job.step {
            Step::CheckExisting => self.with_list(job, rng, Self::after_existing).await,
            Step::Send => self.send(job, rng).await,
            Step::LookUp => self.with_list(job, rng, Self::after_lookup).await,
            Step::Audit => self.with_list(job, rng, Self::after_audit).await,
            Step::Restore => self.restore(job, rng).await,
        };
        taken.unwrap_or_else(|error| Next::Stop(Box::new(error)).with(Health::Unknown))
    }
}

impl<A: Api> CreateExecutor<A> {
    /// Returns the intent to send a POST, to be recorded before it leaves.
    fn intent(&self, job: &mut CreateJob, Left { at, skew, instant }: Left) -> Intent {
        let history = &mut job.history;
        let marked = self.name_marker;
        if history.doubts == 0 {
            (history.intent_at, history.skew, history.marked) = (at, skew, marked);
            history.left = Some(instant);
        }
        history.marked &= marked;
        Intent { seq: job.seq, at, skew, doubts: history.doubts, marked }
    }

    /// Sends the POST whose intent is recorded.
    async fn send(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<StepResult, Error> {
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
            // One request seems to have received two answers: it is unknown which row the id
            // belongs to.
            self.gateway.api.distrust();
            self.ledger.audit(other, Audit::Contested(created.id.clone())).await?;
            answer.verdict = Verdict::InDoubt(Code::IdGivenTwice.into());
        }
        let history = &mut job.history;
        let health = self.gateway.note(&answer);
        let asked = RequestClass::Create(job.factor.factor_type());
        let everybodys = self.gateway.judge(asked, &job.factor.user, &answer);
        let not_executed = matches!(answer.verdict, Verdict::NotExecuted(_) | Verdict::Stop(_));
        let decision =
            self.gateway.policy.after_create(answer.verdict, answer.status, history, rng);
        if not_executed {
            history.attempts -= 1;
            self.ledger.void(job.seq).await?;
        }
        let next = self.follow(job, decision).await?;
        Ok(everybodys.map_or(next, Next::Stop).with(health))
    }

    async fn restore(
        &self,
        job: &mut CreateJob,
        rng: &mut fastrand::Rng,
    ) -> Result<StepResult, Error> {
        let Some(id) = &job.own else {
            return Err(Error::Internal("a created factor has no id".into()));
        };
        // After a crash, the next run would look for the mark. So it must be certain that no run
        // will have to.
        self.ledger.flush().await?;
        let name = marker::wanted_name(&job.factor);
        let update = Update { name: Some(name), preferred: None };
        let correlation = self.ledger.correlation(job.seq);
        let answer = self.gateway.api.update(&job.factor.user, id, update, &correlation).await;
        let health = self.gateway.note(&answer);
        let decision = self.gateway.policy.after_restore(answer.verdict, &mut job.history, rng);
        Ok(self.follow(job, decision).await?.with(health))
    }

    /// Notes that a row received an id; returns another row that received it before.
    fn give(&self, id: &str, job: &CreateJob) -> Option<Seq> {
        self.recent_ids().record(id, job.seq, &job.factor.user)
    }

    /// Returns the ids received recently.
    fn recent_ids(&self) -> MutexGuard<'_, RecentIds> {
        lock(&self.recent_ids)
    }

    async fn follow(&self, job: &mut CreateJob, decision: Decision) -> Result<Next, Error> {
        Ok(match decision {
            Decision::Settle(settlement) => {
                job.own = settlement.method_id.as_deref().map(Into::into);
                // A method found in the user's own list is the user's, whichever row received the
                // id before. An id from the answer itself is noted already.
                if settlement.how != How::Response
                    && let Some(id) = &job.own
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
            Decision::Restored => {
                self.ledger.restored(job.seq).await?;
                Next::Finished
            }
            // The ledger still says so, so the next run tries again.
            Decision::StillMarked => {
                self.still_marked.fetch_add(1, Ordering::Relaxed);
                Next::Finished
            }
            Decision::Again(step, wait) => {
                job.step = step;
                Next::After(wait)
            }
            Decision::Stop(error) => Next::Stop(error),
        })
    }
}
