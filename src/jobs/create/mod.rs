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
pub use job::{Item, Step};
pub use rows::{Factors, Items, tell};

use tokio::time::Instant;

use crate::{
    api::{Api, Update, Verdict},
    engine::{Carrier, Next, Turn, gateway::Line},
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
pub struct Delivery<A> {
    /// To the tenant.
    pub line: Line<A>,
    /// Records intents and outcomes.
    pub ledger: Ledger,
    /// `--name-marker`.
    pub name_marker: bool,
    /// The ids that were given of late.
    pub given: Mutex<Given>,
}

impl<A: Api> Carrier for Delivery<A> {
    type Api = A;
    type Errand = Item;

    fn line(&self) -> &Line<A> {
        &self.line
    }

    fn counts(&self) -> Counts {
        self.ledger.tally().get()
    }

    async fn intend(&self, turns: &mut [Turn<Item>]) -> Result<(), Error> {
        let items = turns.iter_mut().map(|turn| &mut *turn.errand);
        let posts = items.filter(|item| item.step == Step::Send);
        let intents: Vec<Intent> = posts.map(|item| self.intent(item)).collect();
        if intents.is_empty() { Ok(()) } else { self.ledger.intend(intents).await }
    }

    async fn withdraw(&self, item: &Item) -> Result<(), Error> {
        match item.step {
            Step::Send => self.ledger.void(item.seq).await,
            Step::Survey | Step::LookUp | Step::Audit | Step::Restore => Ok(()),
        }
    }

    async fn step(&self, item: &mut Item, dice: &mut fastrand::Rng) -> (Next, Health) {
        let taken = match item.step {
            Step::Survey => self.survey(item, dice).await,
            Step::Send => self.send(item, dice).await,
            Step::LookUp => self.look_up(item, dice).await,
            Step::Audit => self.audit(item, dice).await,
            Step::Restore => self.restore(item, dice).await,
        };
        taken.unwrap_or_else(|error| (Next::Stop(Box::new(error)), Health::Unknown))
    }
}

impl<A: Api> Delivery<A> {
    /// That a POST is about to leave.
    fn intent(&self, item: &mut Item) -> Intent {
        let (at, skew) = ((self.line.now)(), self.line.api.clock_skew());
        let history = &mut item.history;
        let marked = self.name_marker;
        if history.doubts == 0 {
            (history.intent_at, history.skew, history.marked) = (at, skew, marked);
            history.left = Some(Instant::now());
        }
        history.marked &= marked;
        Intent { seq: item.seq, at, skew, doubts: history.doubts, marked }
    }

    /// POSTs what is intended.
    async fn send(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let history = &mut item.history;
        history.attempts += 1;
        let correlation = self.ledger.correlation(item.seq);
        let mut answer = if self.name_marker {
            let mut factor = item.factor.clone();
            factor.name = Some(item.mark.dress(&item.factor, dice));
            self.line.api.create(&factor, &correlation).await
        } else {
            self.line.api.create(&item.factor, &correlation).await
        };
        if let Verdict::Done(created) = &answer.verdict
            && let Some(other) = self.give(&created.id, item)
        {
            // Two answers have come for one request, it seems: neither tells whose the id is.
            self.line.api.distrust();
            self.ledger.audit(other, Audit::Contested(created.id.clone())).await?;
            answer.verdict = Verdict::InDoubt(Code::IdGivenTwice.into());
        }
        let history = &mut item.history;
        let health = self.line.note(&answer);
        let not_executed = matches!(answer.verdict, Verdict::NotExecuted(_) | Verdict::Stop(_));
        let decision = self.line.policy.after_create(answer.verdict, answer.status, history, dice);
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
        let listed = if let Some(list) = &item.listed {
            let known = self.ledger.known(&item.factor.user, item.seq).await?;
            Some((Verdict::Done((Arc::clone(list), known)), Health::Unknown))
        } else {
            self.list(item, dice).await?
        };
        let Some((verdict, health)) = listed else { return HELD };
        // A user who is not there has none, as the POST will say.
        let verdict = match verdict {
            Verdict::Refused(reason) if reason.is_not_found() => Verdict::Done(Evidence::default()),
            verdict => verdict,
        };
        let verdict = verdict.map(|(list, known)| {
            let found = reconcile::present(&item.factor, &list, |id| holds(&known, id));
            item.listed = Some(list);
            found
        });
        let decision = self.line.policy.after_survey(verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    async fn look_up(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some((verdict, health)) = self.list(item, dice).await? else { return HELD };
        let verdict = verdict.map(|(list, known)| {
            // What was there before the first POST is not ours either.
            let before = item.listed.as_deref();
            let is_known = |id: &str| {
                holds(&known, id) || before.is_some_and(|list| list.iter().any(|m| m.id == id))
            };
            let finding = if item.history.doubts == 0 {
                Finding::Absent
            } else {
                reconcile::judge(&item.factor, &list, self.sent(item), is_known, item.marked())
            };
            let there = (finding == Finding::Absent && item.history.conflict)
                .then(|| reconcile::present(&item.factor, &list, |id| holds(&known, id)));
            match there.flatten() {
                Some((id, how)) => Finding::There(id, how),
                None => finding,
            }
        });
        let decision = self.line.policy.after_lookup(verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    async fn audit(
        &self,
        item: &mut Item,
        dice: &mut fastrand::Rng,
    ) -> Result<(Next, Health), Error> {
        let Some((verdict, health)) = self.list(item, dice).await? else { return HELD };
        let verdict = verdict.map(|(list, known)| {
            let (own, is_known) = (item.own.as_deref(), |id: &str| holds(&known, id));
            reconcile::audit(&item.factor, &list, self.sent(item), own, is_known, item.marked())
        });
        let decision = self.line.policy.after_audit(verdict, &mut item.history, dice);
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
        // Who has to look it up after a crash looks for the mark: it must be known for certain that
        // nobody has to.
        self.ledger.flush().await?;
        let name = marker::wanted_name(&item.factor);
        let update = Update { name: Some(name), preferred: None };
        let correlation = self.ledger.correlation(item.seq);
        let answer = self.line.api.update(&item.factor.user, id, update, &correlation).await;
        let health = self.line.note(&answer);
        let decision = self.line.policy.after_restore(answer.verdict, &mut item.history, dice);
        Ok((self.follow(item, decision).await?, health))
    }

    /// The methods of a factor's user, and the ids that the ledger holds for the user's other
    /// factors; nothing when the run is stopping.
    async fn list(
        &self,
        item: &Item,
        dice: &mut fastrand::Rng,
    ) -> Result<Option<(Verdict<Evidence>, Health)>, Error> {
        let Some(listing) = self.line.list(&item.factor.user, None, dice).await else {
            return Ok(None);
        };
        let verdict = match listing.verdict {
            Verdict::Done(list) if self.is_of_another(&list, &item.factor.user) => {
                self.line.api.distrust();
                Verdict::InDoubt(Code::ListOfAnotherUser.into())
            }
            verdict => verdict,
        };
        let known = match verdict {
            Verdict::Done(_) => self.ledger.known(&item.factor.user, item.seq).await?,
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
    fn give(&self, id: &str, item: &Item) -> Option<Seq> {
        self.given().give(id, item.seq, &item.factor.user)
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        // Whatever it holds is sound: nothing panics half way.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the first attempt in doubt was sent, by the tenant's clock.
    fn sent(&self, item: &Item) -> Sent {
        let (now, api) = ((self.line.now)(), &self.line.api);
        Sent::of(&item.history, now, api.clock_skew(), api.least_skew())
    }

    async fn follow(&self, item: &mut Item, decision: Decision) -> Result<Next, Error> {
        Ok(match decision {
            Decision::Settle(settlement) => {
                item.own = settlement.method_id.as_deref().map(Into::into);
                // What was found in the user's own list is theirs, whoever else was told so.
                if let Some(id) = &item.own
                    && let Some(other) = self.give(id, item)
                {
                    self.ledger.audit(other, Audit::Contested(id.as_ref().into())).await?;
                }
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
}

/// What comes of a step that the end of the run has cut short.
const HELD: Result<(Next, Health), Error> = Ok((Next::Held, Health::Unknown));

/// A user's methods, and those ids among them that the ledger holds for other factors.
type Evidence = (Arc<Vec<Method>>, Vec<Arc<str>>);

fn holds(known: &[Arc<str>], id: &str) -> bool {
    known.iter().any(|known| **known == *id)
}
