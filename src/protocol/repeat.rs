//! Next steps after the answer to a request that may be repeated, which is any but a POST. Pure.

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
            Verdict::Done(()) => Decision::Restored,
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
            // The user has removed it meanwhile; there is nothing left to rename.
            Verdict::Refused(reason) if reason.is_not_found() => Decision::Restored,
            Verdict::Refused(_) => Decision::StillMarked,
            other @ (Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_)) => {
                match self.again(&other, history, rng) {
                    Some(wait) => Decision::Again(Step::Restore, wait),
                    None => Decision::StillMarked,
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

    /// Returns when to repeat a request that may be repeated at will; `None` if it is done or given
    /// up.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// Most attempts at a request that is not a look-up.
    const MAX_ATTEMPTS: u32 = 3;
    /// Times that nothing was executed: far more than the attempts that are allowed.
    const BOUNCED: u32 = 99;

    fn policy() -> RetryPolicy {
        RetryPolicy::new(MAX_ATTEMPTS, Duration::from_secs(120))
    }

    fn rng() -> fastrand::Rng {
        fastrand::Rng::with_seed(7)
    }

    /// An answer, and what follows from it at the last attempt but one and at the last one.
    type Case<T> = (Verdict<T>, [Decision; 2]);

    fn case<T>(verdict: Verdict<T>, follows: fn() -> Decision) -> Case<T> {
        (verdict, [follows(), follows()])
    }

    /// Returns every answer without a result, to a request of which `most` attempts are allowed:
    /// `gone` follows if there is no such user or method, `given_up` if no answer can be had.
    fn answers<T>(
        step: Step,
        most: u32,
        gone: fn() -> Decision,
        given_up: fn() -> Decision,
    ) -> Vec<Case<T>> {
        let error = || Error::Internal("x".into()).into();
        let stops = || Decision::Stop(Error::Internal("x".into()).into());
        let again = |failures| Decision::Again(step, policy().delay(failures, &mut rng()));
        let at_once = || [(); 2].map(|()| Decision::Again(step, Duration::ZERO));
        vec![
            case(Verdict::Present, given_up),
            case(Verdict::Refused(Code::UserNotFound.into()), gone),
            case(Verdict::Refused(Code::MethodNotFound.into()), gone),
            // A 404 in other words than the tenant's proves nothing.
            case(Verdict::Refused(Code::NotFound.into()), given_up),
            case(Verdict::Refused(Code::EntityLimit.into()), given_up),
            (Verdict::NotExecuted(NotExecuted::Throttled), at_once()),
            (Verdict::NotExecuted(NotExecuted::Unauthorized), at_once()),
            (Verdict::NotExecuted(NotExecuted::NotSent), [again(1), again(BOUNCED + 1)]),
            (Verdict::InDoubt(Code::Timeout.into()), [again(most - 1), given_up()]),
            (Verdict::InDoubt(Code::TooManyMethods.into()), [again(most - 1), given_up()]),
            case(Verdict::Stop(error()), stops),
            case(Verdict::StopInDoubt(error()), stops),
        ]
    }

    /// Returns histories that agree in what has failed so far, and in nothing else.
    fn histories(bounced: u32, lookups: u32) -> [History; 3] {
        let plain = History { bounced, lookups, ..History::default() };
        let in_doubt = History {
            attempts: MAX_ATTEMPTS,
            doubts: MAX_ATTEMPTS,
            status: Some(500),
            ..plain.clone()
        };
        let refusal = Some((Code::Conflict.into(), Some(409)));
        let marked = History { marked: true, conflict: true, refusal, ..plain.clone() };
        [plain, in_doubt, marked]
    }

    /// Returns the cases in which something else follows, or something else is counted.
    fn mistakes<T: std::fmt::Debug>(
        most: u32,
        cases: impl Fn() -> Vec<Case<T>>,
        decide: impl Fn(Verdict<T>, &mut History) -> Decision,
    ) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (attempt, (bounced, lookups)) in
            [(0, most - 2), (BOUNCED, most - 1)].into_iter().enumerate()
        {
            for mut history in histories(bounced, lookups) {
                for (verdict, expected) in cases() {
                    let (bounces, doubts) = match verdict {
                        Verdict::NotExecuted(NotExecuted::NotSent) => (1, 0),
                        Verdict::InDoubt(_) => (0, 1),
                        _ => (0, 0),
                    };
                    let expected = (&expected[attempt], bounced + bounces, lookups + doubts);
                    let asked = format!("{verdict:?} after {history:?}");
                    let decision = decide(verdict, &mut history);
                    let found = (&decision, history.bounced, history.lookups);
                    if format!("{found:?}") != format!("{expected:?}") {
                        mistakes.push(format!("{asked}:\n  {found:?}, not {expected:?}"));
                    }
                    (history.bounced, history.lookups) = (bounced, lookups);
                }
            }
        }
        mistakes
    }

    #[test]
    fn an_audit_ends_with_a_list_a_missing_user_or_eight_unusable_answers() {
        let cases = || {
            let gone = || Decision::Audited(Audit::Sound);
            let mut cases =
                answers(Step::Audit, MAX_LOOKUPS, gone, || Decision::Audited(Audit::NotDone));
            let listed: [fn() -> Audit; 5] = [
                || Audit::Sound,
                || Audit::Appeared("m".into()),
                || Audit::Doubled(vec!["m".into(), "n".into()]),
                || Audit::Contested("m".into()),
                || Audit::NotDone,
            ];
            cases.extend(listed.map(|audit| {
                (Verdict::Done(audit()), [(); 2].map(|()| Decision::Audited(audit())))
            }));
            cases
        };
        let decide =
            |verdict, history: &mut History| policy().after_audit(verdict, history, &mut rng());
        let mistakes = mistakes(MAX_LOOKUPS, cases, decide);
        assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    }

    #[test]
    fn a_name_is_restored_unless_the_tenant_refuses_or_attempts_run_out() {
        let restored = || Decision::Restored;
        let cases = || {
            let mut cases =
                answers(Step::Restore, MAX_ATTEMPTS, restored, || Decision::StillMarked);
            cases.push(case(Verdict::Done(()), restored));
            cases
        };
        let decide =
            |verdict, history: &mut History| policy().after_restore(verdict, history, &mut rng());
        let mistakes = mistakes(MAX_ATTEMPTS, cases, decide);
        assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    }
}
