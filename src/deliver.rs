//! One factor, one step towards its end: permit → intent → POST → verdict, or, for one in doubt,
//! permit → GET list → judgement.
//!
//! The order is the protocol (reliability.md 1.3, R1): the permit first, so that an intent is as
//! old as its request; then a fresh token; then the intent, durable; then the request, at once.
//! Nothing here waits between steps: how long until the next one is part of the result, and the
//! engine waits, so that a factor in doubt takes nobody's place.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Answer, Api, Method, Millis, NotExecuted, Verdict},
    breaker::{Health, Kind},
    error::Error,
    ledger::{Intent, Ledger, Seq},
    marker::{self, Mark},
    model::{Factor, State, UserId},
    pacer::Pacer,
    reconcile,
    retry::{Audit, Decision, History, RetryPolicy},
    vitals::Vitals,
};

/// A factor on its way.
#[derive(Debug)]
pub struct Item {
    /// Its row in the ledger.
    pub seq: Seq,
    /// What is to be created.
    pub factor: Box<Factor>,
    /// What happened so far.
    pub history: History,
    /// What is to be done next.
    pub step: Step,
    /// The user's methods before the first POST of this import, where they were asked for.
    pub listed: Option<Arc<Vec<Method>>>,
    /// The method id that the ledger has, once it is settled.
    pub own: Option<Arc<str>>,
    /// The mark that its name bears while it is in doubt, if names are marked.
    pub mark: Mark,
}

/// What is to be done next for a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `--skip-existing`: see whether the user has it already.
    Survey,
    /// POST it.
    Send,
    /// It is in doubt: look it up.
    LookUp,
    /// It is settled, but was once in doubt: the last step of a run asks again.
    Audit,
    /// It is created under a marked name: put the wanted one back.
    Restore,
}

/// What came of a step.
#[derive(Debug)]
pub enum Next {
    /// The factor has come to its end; if it is at [`Step::Audit`], the end of the run is to ask
    /// about it once more.
    Settled,
    /// What was left to do for a settled factor is done, or cannot be done in this run.
    Finished,
    /// Its next step is due after this long.
    After(Duration),
    /// Nothing was sent: the gate is closed, or the run is stopping.
    Held,
    /// The run stops.
    Stop(Box<Error>),
}

/// Takes factors through their steps. Shared by all workers.
#[derive(Debug)]
pub struct Delivery<A> {
    /// The tenant.
    pub api: Arc<A>,
    /// Where intents and outcomes go.
    pub ledger: Ledger,
    /// When requests may go.
    pub pacer: Arc<Pacer>,
    /// What follows from an answer.
    pub policy: RetryPolicy,
    /// `--name-marker`.
    pub name_marker: bool,
    /// Cancelled when nothing new may be sent.
    pub stop: CancellationToken,
    /// Numbers for progress and summary.
    pub vitals: Arc<Vitals>,
    /// Wall clock.
    pub now: fn() -> Millis,
}

impl<A: Api> Delivery<A> {
    /// Takes the step that `item` is at. Nothing is sent once `gate`, where there is one, is shut.
    pub async fn step(
        &self,
        item: &mut Item,
        gate: Option<&mut watch::Receiver<bool>>,
        dice: &mut fastrand::Rng,
    ) -> (Next, Health) {
        match self.ready(gate).await {
            Ok(()) => {}
            Err((Next::After(_), health)) => {
                item.history.bounced += 1;
                return (Next::After(self.policy.delay(item.history.bounced, dice)), health);
            }
            Err(other) => return other,
        }
        let taken = match item.step {
            Step::Survey => self.survey(item, dice).await,
            Step::Send => self.send(item, dice).await,
            Step::LookUp => self.look_up(item, dice).await,
            Step::Audit => self.audit(item, dice).await,
            Step::Restore => self.restore(item, dice).await,
        };
        taken.unwrap_or_else(|error| (Next::Stop(Box::new(error)), Health::Unknown))
    }

    /// Asks for any answer at all, with a request that changes nothing.
    pub async fn probe(&self, user: &UserId) -> (Next, Health) {
        if let Err(held) = self.ready(None).await {
            return held;
        }
        let answer = self.api.list(user).await;
        let health = self.note(&answer);
        match answer.verdict {
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => (Next::Stop(error), health),
            _ => (Next::Settled, health),
        }
    }

    /// A permit and a fresh token. Nothing is intended yet, so waiting for them ends at once when
    /// the run stops or the gate is shut.
    async fn ready(&self, gate: Option<&mut watch::Receiver<bool>>) -> Result<(), (Next, Health)> {
        let shut = async {
            match gate {
                // The engine has gone: nobody will open it again.
                Some(gate) => drop(gate.wait_for(|open| !open).await),
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err((Next::Held, Health::Unknown)),
            () = shut => return Err((Next::Held, Health::Unknown)),
            answer = async {
                self.pacer.permit().await;
                self.api.prepare().await
            } => answer,
        };
        match answer.verdict {
            Verdict::Done(()) => Ok(()),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => {
                Err((Next::Stop(error), Health::Unknown))
            }
            Verdict::NotExecuted(NotExecuted::Throttled) => {
                self.pacer.observe(&answer.meter, true);
                Err((Next::After(Duration::ZERO), Health::Unknown))
            }
            _ => Err((Next::After(Duration::ZERO), Health::Bad)),
        }
    }

    async fn send(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let (at, skew) = ((self.now)(), self.api.clock_skew());
        let history = &mut item.history;
        let marked = self.name_marker;
        if history.doubts == 0 {
            (history.intent_at, history.skew, history.marked) = (at, skew, marked);
        }
        history.marked &= marked;
        let doubts = history.doubts;
        self.ledger.intend(Intent { seq: item.seq, at, skew, doubts, marked }).await?;
        history.attempts += 1;
        let correlation = self.ledger.correlation(item.seq);
        let answer = if marked {
            let mut factor = item.factor.clone();
            factor.name = Some(item.mark.dress(&item.factor, dice));
            self.api.create(&factor, &correlation).await
        } else {
            self.api.create(&item.factor, &correlation).await
        };
        let health = self.note(&answer);
        let not_executed = matches!(answer.verdict, Verdict::NotExecuted(_) | Verdict::Stop(_));
        let decision = self.policy.after_create(answer.verdict, answer.status, history, dice);
        if not_executed {
            history.attempts -= 1;
            self.ledger.void(item.seq).await?;
        }
        Ok((self.follow(item, decision).await?, health))
    }

    async fn survey(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let (verdict, health) = if let Some(list) = &item.listed {
            let known = self.ledger.known(&item.factor.user, item.seq).await?;
            (Verdict::Done((Arc::clone(list), known)), Health::Unknown)
        } else {
            self.list(item).await?
        };
        let verdict = verdict.map(|(list, known)| {
            let found = reconcile::present(&item.factor, &list, |id| holds(&known, id));
            item.listed = Some(list);
            found
        });
        let decision = self.policy.after_survey(verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    async fn look_up(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let (verdict, health) = self.list(item).await?;
        let verdict = verdict.map(|(list, known)| {
            // What was there before the first POST is not ours either.
            let before = item.listed.as_deref();
            let is_known = |id: &str| {
                holds(&known, id) || before.is_some_and(|list| list.iter().any(|m| m.id == id))
            };
            reconcile::judge(&item.factor, &list, self.sent_at(item), is_known, item.marked())
        });
        let decision = self.policy.after_lookup(verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    async fn audit(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let (verdict, health) = self.list(item).await?;
        let verdict = verdict.map(|(list, known)| {
            let (own, is_known) = (item.own.as_deref(), |id: &str| holds(&known, id));
            reconcile::audit(&item.factor, &list, self.sent_at(item), own, is_known, item.marked())
        });
        let decision = self.policy.after_audit(verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    async fn restore(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some(id) = &item.own else {
            return Err(Error::Internal("a created factor has no id".into()));
        };
        let name = marker::wanted_name(&item.factor);
        let answer = self.api.rename(&item.factor.user, id, name).await;
        let health = self.note(&answer);
        let decision = self.policy.after_restore(answer.verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    /// The methods of a factor's user, and the ids that the ledger holds for the user's other
    /// factors. A user who is not there has none; the next POST will say the same.
    async fn list(&self, item: &Item) -> Result<(Verdict<Evidence>, Health), Error> {
        let answer = self.api.list(&item.factor.user).await;
        let health = self.note(&answer);
        let verdict = match answer.verdict {
            Verdict::Refused(_) if answer.status == Some(404) => Verdict::Done(Vec::new()),
            verdict => verdict,
        };
        let known = match verdict {
            Verdict::Done(_) => self.ledger.known(&item.factor.user, item.seq).await?,
            _ => Vec::new(),
        };
        Ok((verdict.map(|list| (Arc::new(list), known)), health))
    }

    /// When the first attempt in doubt left, by the tenant's clock.
    fn sent_at(&self, item: &Item) -> Millis {
        let history = &item.history;
        history.intent_at + history.skew.or(self.api.clock_skew()).unwrap_or_default()
    }

    async fn follow(&self, item: &mut Item, decision: Decision) -> Result<Next, Error> {
        Ok(match decision {
            Decision::Settle(settlement) => {
                item.own = settlement.method_id.as_deref().map(Into::into);
                let doubts = item.history.doubts;
                let state = settlement.state;
                item.history.lookups = 0;
                self.ledger.settle(item.seq, settlement, doubts).await?;
                if doubts > 0 {
                    item.step = Step::Audit;
                } else if state == State::Created && item.history.marked {
                    item.step = Step::Restore;
                    return Ok(Next::After(Duration::ZERO));
                }
                Next::Settled
            }
            Decision::Audited(audit) => {
                if let Audit::Appeared(id) = &audit {
                    item.own = Some(id.as_str().into());
                }
                let there = matches!(audit, Audit::Appeared(_))
                    || (audit == Audit::Sound && item.own.is_some());
                self.ledger.audit(item.seq, audit).await?;
                item.history.lookups = 0;
                if there && item.history.marked {
                    item.step = Step::Restore;
                    return Ok(Next::After(Duration::ZERO));
                }
                Next::Finished
            }
            Decision::Restored(done) => {
                if done {
                    self.ledger.restored(item.seq).await?;
                }
                Next::Finished
            }
            Decision::SurveyAfter(wait)
            | Decision::AuditAfter(wait)
            | Decision::RestoreAfter(wait) => Next::After(wait),
            Decision::SendAfter(wait) => {
                item.step = Step::Send;
                Next::After(wait)
            }
            Decision::LookUpAfter(wait) => {
                item.step = Step::LookUp;
                Next::After(wait)
            }
            Decision::Stop(error) => Next::Stop(error),
        })
    }

    /// Shows an answer to the pacer and the counters, and says what it tells of the tenant.
    fn note<T>(&self, answer: &Answer<T>) -> Health {
        let throttled = matches!(answer.verdict, Verdict::NotExecuted(NotExecuted::Throttled));
        // What never came says nothing about the limit.
        if answer.status.is_some() {
            self.pacer.observe(&answer.meter, throttled);
        }
        self.vitals.sent(answer.requests, throttled);
        Health::of(&answer.verdict)
    }
}

/// A user's methods, and those ids among them that the ledger holds for other factors.
type Evidence = (Arc<Vec<Method>>, Vec<Arc<str>>);

fn holds(known: &[Arc<str>], id: &str) -> bool {
    known.iter().any(|known| **known == *id)
}

impl Item {
    /// A factor that `step` is to be done for.
    pub fn new(seq: Seq, factor: Box<Factor>, history: History, step: Step, mark: Mark) -> Self {
        Self { seq, factor, history, step, listed: None, own: None, mark }
    }

    fn marked(&self) -> reconcile::Marked<'_> {
        reconcile::Marked { mark: &self.mark, always: self.history.marked }
    }

    /// Which kind of request its next step is.
    pub fn kind(&self) -> Kind {
        match self.step {
            Step::Send | Step::Restore => Kind::Create,
            Step::Survey | Step::LookUp | Step::Audit => Kind::LookUp,
        }
    }
}
