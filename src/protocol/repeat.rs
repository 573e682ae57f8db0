//! What follows from the answer to a request that may be repeated: any but a POST. Pure.

use std::time::Duration;

use super::{Decision, Repeatable, RetryPolicy, Step, no_list, retry::MAX_LOOKUPS};
use crate::{
    api::{NotExecuted, Verdict},
    model::{Audit, Code, History, How, Settlement, State},
};

/// Consecutive failed attempts at the same question.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    /// Number of times that nothing was executed.
    pub(super) bounced: u32,
    /// Number of unusable answers.
    pub(super) lookups: u32,
}

impl RetryPolicy {
    /// Decides what follows from a list that is read before the first POST of a factor.
    pub fn after_existing(
        &self,
        verdict: Verdict<Option<(String, How)>>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        match verdict {
            // Where the list is refused, the POST will be refused, too, with the right words.
            Verdict::Done(None) | Verdict::Refused(_) => {
                Decision::Again(Step::Send, Duration::ZERO)
            }
            Verdict::Done(Some((id, how))) => Decision::Settle(Settlement {
                state: State::AlreadyPresent,
                how,
                method_id: Some(id),
                status: None,
                error: None,
            }),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
            other @ (Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_)) => {
                match self.again(&other, history, rng) {
                    Some(wait) => Decision::Again(Step::CheckExisting, wait),
                    None => Decision::Settle(Settlement {
                        state: State::Failed,
                        how: How::Response,
                        method_id: None,
                        status: None,
                        error: Some(no_list(&other).into()),
                    }),
                }
            }
        }
    }

    /// Decides what follows from a user's list at the end of a run with a factor in doubt.
    pub fn after_audit(
        &self,
        verdict: Verdict<Audit>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        match verdict {
            Verdict::Done(audit) => Decision::Audited(audit),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
            // A user who no longer exists has no methods.
            Verdict::Refused(reason) if reason.is_not_found() => Decision::Audited(Audit::Sound),
            Verdict::Refused(_) => Decision::Audited(Audit::NotDone),
            other @ (Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_)) => {
                match self.again_below(MAX_LOOKUPS, &other, history, rng) {
                    Some(wait) => Decision::Again(Step::Audit, wait),
                    None => Decision::Audited(Audit::NotDone),
                }
            }
        }
    }

    /// Decides what follows from restoring a name, which may be repeated at will.
    pub fn after_restore(
        &self,
        verdict: Verdict<()>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        match verdict {
            Verdict::Done(()) => Decision::Restored(true),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
            // The user has removed it meanwhile; there is nothing left to rename.
            Verdict::Refused(reason) if reason.is_not_found() => Decision::Restored(true),
            Verdict::Refused(_) => Decision::Restored(false),
            other @ (Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_)) => {
                match self.again(&other, history, rng) {
                    Some(wait) => Decision::Again(Step::Restore, wait),
                    None => Decision::Restored(false),
                }
            }
        }
    }

    /// Decides what follows from the answer to a request that may be repeated: any but POST.
    pub fn after_repeatable<T>(
        &self,
        verdict: Verdict<T>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Repeatable<T> {
        let reason = match verdict {
            Verdict::Done(result) => {
                (history.lookups, history.bounced) = (0, 0);
                return Repeatable::Done(result);
            }
            Verdict::Refused(reason) => return Repeatable::Refused(reason),
            Verdict::Present => return Repeatable::Refused(Code::Conflict.into()),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => return Repeatable::Stop(error),
            Verdict::InDoubt(ref reason) => reason.clone(),
            Verdict::NotExecuted(_) => Code::NoAnswer.into(),
        };
        match self.again(&verdict, history, rng) {
            Some(wait) => Repeatable::Again(wait),
            None => Repeatable::Failed(reason),
        }
    }

    /// Returns when to repeat a request that may be repeated at will; `None` if it is done or given up.
    fn again<T>(
        &self,
        verdict: &Verdict<T>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Option<Duration> {
        self.again_below(self.max_attempts, verdict, history, rng)
    }

    /// Does the same for a question that is asked at most `most` times without a usable answer.
    pub(super) fn again_below<T>(
        &self,
        most: u32,
        verdict: &Verdict<T>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Option<Duration> {
        let mut tries = Tries { bounced: history.bounced, lookups: history.lookups };
        let wait = self.wait(most, verdict, &mut tries, rng);
        (history.bounced, history.lookups) = (tries.bounced, tries.lookups);
        wait
    }

    /// Does the same with nothing but the counters that it needs.
    pub(super) fn wait<T>(
        &self,
        most: u32,
        verdict: &Verdict<T>,
        tries: &mut Tries,
        rng: &mut fastrand::Rng,
    ) -> Option<Duration> {
        match verdict {
            Verdict::NotExecuted(NotExecuted::Throttled | NotExecuted::Unauthorized) => {
                Some(Duration::ZERO)
            }
            Verdict::NotExecuted(NotExecuted::NotSent) => {
                tries.bounced += 1;
                Some(self.delay(tries.bounced, rng))
            }
            Verdict::InDoubt(_) => {
                tries.lookups += 1;
                (tries.lookups < most).then(|| self.delay(tries.lookups, rng))
            }
            Verdict::Done(_)
            | Verdict::Present
            | Verdict::Refused(_)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_) => None,
        }
    }
}
