//! Changes to existing methods, which may be repeated at will: replace a user's set, change a
//! method, delete, or undo an import. One [`ChangeJob`] has two stages, each of one request.
//!
//! The first asks what exists, decides, and writes it to the backup, durably, before anything is
//! deleted; the second makes the change. PUT, PATCH and DELETE are idempotent, so that a request
//! whose answer was lost is simply repeated and nothing has to settle. An intent is recorded all
//! the same: it tells a method that we have deleted from one that was gone before.

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
pub use rows::{ChangeJobs, ChangeRows};
pub use sets::{SetJobs, Sets};

use crate::{
    api::Api,
    engine::{Executor, Job, Next, StepResult, gateway::Gateway},
    error::Error,
    jobs::change::backup::Backup,
    ledger::{Counts, Key, Ledger, Seq, Undoable},
    model::{Change, History, How, Reason, Set, Settlement, State, Target, UserId},
    pacer::breaker::{Health, RequestKind},
    protocol::{Repeatable, pages::Pages},
};

/// Change to make.
#[derive(Debug)]
pub enum ChangeRequest {
    /// Make it the user's whole set.
    Replace(Set),
    /// Change a method.
    Update(Change),
    /// Delete a method, or all of a user's.
    Delete(Target),
    /// Delete a method that an import has created.
    Undo(Box<Undoable>),
}

/// A change on its way.
#[derive(Debug)]
pub struct ChangeJob {
    /// Its rows in the ledger: for a set, one for each factor.
    rows: Vec<Seq>,
    request: ChangeRequest,
    stage: Stage,
    history: History,
    /// Number of methods that its request will delete, until that has been allowed.
    deletes: u64,
    /// Pages of the list that it has received so far.
    pages: Pages,
    /// Time at which the first page of the list was requested: what it shows may be that old.
    began_to_look: Instant,
    /// Time of the last look, and the number of consecutive looks that became too old.
    looked: Option<(Instant, u32)>,
}

/// Age above which a look is repeated before anything is deleted: the user may have enrolled
/// something during an outage or a long hold.
const STALE: Duration = Duration::from_secs(60);
/// Number of looks after which a job gives up: where permits are so rare that every look is too old
/// by the time it could be used, it would never end.
const MAX_LOOKS: u32 = 3;

/// Next stage of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// See what exists.
    Look,
    /// Make the change.
    Act,
}

impl ChangeJob {
    /// Makes a job for rows that the ledger has admitted.
    pub fn new(rows: Vec<Seq>, request: ChangeRequest, history: History) -> Self {
        let stage =
            if matches!(request, ChangeRequest::Update(_)) { Stage::Act } else { Stage::Look };
        let (pages, began_to_look) = (Pages::default(), Instant::now());
        Self { rows, request, stage, history, deletes: 0, pages, began_to_look, looked: None }
    }

    /// Returns whether the last look is too old to act on.
    fn is_stale(&self) -> bool {
        let stale = |(at, looks): (Instant, u32)| at.elapsed() > STALE && looks < MAX_LOOKS;
        self.stage == Stage::Act && self.looked.is_some_and(stale)
    }

    /// Notes that the job has seen what exists.
    fn saw(&mut self) {
        let began = self.began_to_look;
        let looks = match self.looked {
            Some((at, looks)) if began - at > STALE => looks + 1,
            _ => 0,
        };
        self.looked = Some((began, looks));
    }

    /// Returns the tenant's id of the method, where the job is about one.
    fn method(&self) -> Option<&str> {
        match &self.request {
            ChangeRequest::Replace(_) => None,
            ChangeRequest::Update(change) => Some(&change.method),
            ChangeRequest::Delete(target) => target.method.as_deref(),
            ChangeRequest::Undo(undoable) => undoable.entry.method_id.as_deref(),
        }
    }
}

impl Job for ChangeJob {
    fn user(&self) -> &UserId {
        match &self.request {
            ChangeRequest::Replace(set) => &set.user,
            ChangeRequest::Update(change) => &change.user,
            ChangeRequest::Delete(target) => &target.user,
            ChangeRequest::Undo(undoable) => &undoable.entry.user,
        }
    }

    fn kind(&self) -> RequestKind {
        match self.stage {
            Stage::Look => RequestKind::Read,
            Stage::Act => RequestKind::Change,
        }
    }
}

/// Takes jobs through their stages. Shared by all workers.
#[derive(Debug)]
pub struct ChangeExecutor<A> {
    /// Gateway to the tenant.
    pub gateway: Gateway<A>,
    /// Records intents and outcomes.
    pub ledger: Ledger,
    /// Backup for methods that are about to be deleted.
    pub backup: Option<Backup>,
    /// The ledger's key, for names.
    pub key: Key,
    /// `--allow-loss`: sets are replaced even where that deletes methods that PUT cannot set.
    pub allow_loss: bool,
    /// `--force`: methods that were used or changed since are deleted, too.
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

    /// Takes `count` from what is left, if that is enough.
    fn take(&self, count: u64) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(count)).is_ok()
    }
}

impl<A: Api> Executor for ChangeExecutor<A> {
    type Api = A;
    type Job = ChangeJob;

    fn gateway(&self) -> &Gateway<A> {
        &self.gateway
    }

    fn counts(&self) -> Counts {
        self.ledger.tally().get()
    }

    async fn step(&self, job: &mut ChangeJob, rng: &mut fastrand::Rng) -> StepResult {
        if job.is_stale() {
            job.stage = Stage::Look;
        }
        let taken = match job.stage {
            Stage::Look => self.look(job, rng).await,
            Stage::Act => self.act(job, rng).await,
        };
        taken.unwrap_or_else(|error| Next::Stop(Box::new(error)).with(Health::Unknown))
    }
}

impl<A: Api> ChangeExecutor<A> {
    /// Follows up an answer that carries no result.
    async fn without_result(
        &self,
        job: &ChangeJob,
        outcome: Repeatable<()>,
        status: Option<u16>,
    ) -> Result<Next, Error> {
        match outcome {
            Repeatable::Again(wait) => Ok(Next::After(wait)),
            Repeatable::Stop(error) => Ok(Next::Stop(error)),
            Repeatable::Failed(reason) => {
                self.settle(job, State::Failed, status, Some(reason)).await
            }
            Repeatable::Refused(reason) if reason.is_not_found() => {
                self.not_there(job, status, reason).await
            }
            Repeatable::Refused(reason) => {
                self.settle(job, State::Rejected, status, Some(reason)).await
            }
            Repeatable::Done(()) => {
                let state = match &job.request {
                    ChangeRequest::Replace(_) => State::Replaced,
                    ChangeRequest::Update(_) => State::Updated,
                    ChangeRequest::Delete(_) => State::Deleted,
                    ChangeRequest::Undo(_) => State::Undone,
                };
                self.settle(job, state, status, None).await
            }
        }
    }

    /// The method, or the user, does not exist.
    async fn not_there(
        &self,
        job: &ChangeJob,
        status: Option<u16>,
        reason: Reason,
    ) -> Result<Next, Error> {
        // A missing user is more likely a mistake in the input.
        let settled = match &job.request {
            ChangeRequest::Delete(Target { method: Some(_), .. }) => State::Deleted,
            ChangeRequest::Undo(_) => State::Undone,
            ChangeRequest::Replace(_) | ChangeRequest::Update(_) | ChangeRequest::Delete(_) => {
                return self.settle(job, State::Rejected, status, Some(reason)).await;
            }
        };
        // Only an attempt of ours, whose answer was lost, tells deleted from already gone.
        let state = if job.history.attempts > 0 { settled } else { State::AlreadyGone };
        self.settle(job, state, status, None).await
    }

    /// Records how a job ended.
    async fn settle(
        &self,
        job: &ChangeJob,
        state: State,
        status: Option<u16>,
        error: Option<Reason>,
    ) -> Result<Next, Error> {
        let looked = job.stage == Stage::Look && job.history.attempts > 0;
        let settlement = Settlement {
            state,
            how: if looked { How::Reconciled } else { How::Response },
            method_id: job.method().map(Into::into),
            status,
            error,
        };
        for row in &job.rows {
            // A method that could not be deleted stays `created`, as far as is known.
            let untouched =
                matches!(job.request, ChangeRequest::Undo(_)) && state.needs_attention();
            if self.dry_run || untouched {
                self.ledger.leave(*row, state, settlement.error.as_ref()).await?;
            } else {
                let doubts = job.history.doubts;
                self.ledger.settle(*row, settlement.clone(), doubts).await?;
            }
        }
        Ok(Next::Settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(job: &mut ChangeJob) {
        job.began_to_look = Instant::now();
        job.saw();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_too_long_ago_is_looked_at_again_but_not_for_ever() {
        let target = Target { line: 2, user: UserId::parse("auth0|1").unwrap(), method: None };
        let mut job =
            ChangeJob::new(vec![Seq(0)], ChangeRequest::Delete(target), History::default());
        saw(&mut job);
        job.stage = Stage::Act;
        tokio::time::sleep(STALE / 2).await;
        assert!(!job.is_stale());
        tokio::time::sleep(STALE).await;
        let mut looks = 0;
        while job.is_stale() {
            looks += 1;
            saw(&mut job);
            assert!(!job.is_stale());
            tokio::time::sleep(STALE * 2).await;
        }
        assert_eq!(looks, MAX_LOOKS);
        // Seen again in time, it counts anew.
        saw(&mut job);
        tokio::time::sleep(STALE / 2).await;
        saw(&mut job);
        tokio::time::sleep(STALE * 2).await;
        assert!(job.is_stale());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_as_old_as_its_first_page() {
        let target = Target { line: 2, user: UserId::parse("auth0|1").unwrap(), method: None };
        let mut job =
            ChangeJob::new(vec![Seq(0)], ChangeRequest::Delete(target), History::default());
        // An outage between the first page and the last.
        tokio::time::sleep(STALE * 2).await;
        job.saw();
        job.stage = Stage::Act;
        assert!(job.is_stale());
    }
}
