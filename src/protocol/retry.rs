//! The one authority on "again, or not, and when": pure, and seeded.
//!
//! What an answer means is decided elsewhere ([`Verdict`]); this room decides what follows from
//! it for one factor: here after a POST and after the look-up of a factor in doubt, in `repeat.rs`
//! after any other request. Only what may have reached the server counts as an attempt: 429, 401
//! and failures before a byte was written do not.
//!
//! `backoff` (asked for by the user, unmaintained: RUSTSEC-2025-0012) is used as the table of
//! delays and for nothing else; caps, jitter and limits are ours.

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff};

use crate::{
    api::{CreatedMethod, NotExecuted, Verdict},
    model::{Code, Conflict, Finding, History, How, Reason, Settlement, State},
    protocol::{Decision, Step},
};

/// First delay of the schedule; it doubles from here.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay of the schedule.
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Look-ups without a verdict after which a factor needs review instead of being looked up again:
/// more than other requests get, since only a person can make up for them.
pub(super) const MAX_LOOKUPS: u32 = 8;

/// Limits and delays of retries.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Attempts of one factor that may have reached the server.
    pub max_attempts: u32,
    /// Time between giving up on a POST and looking up its outcome.
    pub settle: Duration,
    /// Time until a list shows a new method, where it is known.
    pub(super) list_delay: Duration,
    /// Rule for what the tenant calls a conflict, where it is known.
    pub(super) conflict: Option<Conflict>,
    delays: Vec<Duration>,
}

impl RetryPolicy {
    /// Makes a policy; `max_attempts` is at least 1.
    pub fn new(max_attempts: u32, settle: Duration) -> Self {
        let mut schedule = ExponentialBackoff {
            current_interval: FIRST_DELAY,
            initial_interval: FIRST_DELAY,
            multiplier: 2.0,
            max_interval: LONGEST_DELAY,
            max_elapsed_time: None,
            randomization_factor: 0.0,
            ..ExponentialBackoff::default()
        };
        let delays = (0..8).filter_map(|_| schedule.next_backoff()).collect();
        let max_attempts = max_attempts.max(1);
        Self { max_attempts, settle, list_delay: Duration::ZERO, conflict: None, delays }
    }

    /// Returns the time between two complete lists before "not there" is believed: an eighth of the
    /// settle time (15 s of 120 s; reliability.md 1.3, R7).
    fn second_look(&self) -> Duration {
        self.settle / 8
    }

    /// Returns the delay before try number `failures` + 1: full jitter under the schedule, drawn
    /// from `rng`.
    pub fn delay(&self, failures: u32, rng: &mut fastrand::Rng) -> Duration {
        let step = (failures.max(1) as usize - 1).min(self.delays.len() - 1);
        let longest = self.delays.get(step).copied().unwrap_or(LONGEST_DELAY);
        longest.mul_f64(rng.f64())
    }

    /// Decides what follows from the answer to a POST. The attempt is already counted in `history`.
    pub fn after_create(
        &self,
        verdict: Verdict<CreatedMethod>,
        status: Option<u16>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        if !matches!(verdict, Verdict::NotExecuted(_)) {
            history.bounced = 0;
            history.status = status;
            history.conflict = false;
        }
        match verdict {
            Verdict::Done(CreatedMethod { id }) => Decision::Settle(Settlement {
                state: State::Created,
                how: How::Response,
                method_id: Some(id),
                status,
                error: None,
            }),
            Verdict::Present => self.conflicting(status, history),
            Verdict::Refused(reason) => self.refused(reason, status, history),
            Verdict::NotExecuted(why) => {
                history.bounced += 1;
                Decision::Again(
                    Step::Send,
                    match why {
                        // The pacer holds back all requests; the token is renewed before the next
                        // intent.
                        NotExecuted::Throttled | NotExecuted::Unauthorized => Duration::ZERO,
                        NotExecuted::NotSent => self.delay(history.bounced, rng),
                    },
                )
            }
            Verdict::InDoubt(_) => {
                history.doubts += 1;
                history.lookups = 0;
                history.absences = 0;
                Decision::Again(Step::LookUp, self.settle)
            }
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
        }
    }

    /// Decides on a refusal. The first attempt's is final. After an attempt in doubt it may be the
    /// echo of that one, landed late: one more settled list decides (reliability.md 1.7, rule a).
    fn refused(&self, reason: Reason, status: Option<u16>, history: &mut History) -> Decision {
        if history.doubts == 0 {
            return Decision::Settle(rejected(reason, status));
        }
        history.refusal = Some((reason, status));
        history.lookups = 0;
        // Nothing new is in flight: one list is enough.
        history.absences = 1;
        Decision::Again(Step::LookUp, self.second_look())
    }

    /// Decides on a conflict, which may be another factor of that user: one list shows it. Unless
    /// an attempt is in doubt, it only has to wait for a list that lags behind.
    fn conflicting(&self, status: Option<u16>, history: &mut History) -> Decision {
        history.conflict = true;
        history.refusal = Some((Code::Conflict.into(), status));
        history.lookups = 0;
        history.absences = 1;
        let wait = if history.doubts == 0 { Duration::ZERO } else { self.second_look() };
        Decision::Again(Step::LookUp, wait.max(self.list_delay))
    }

    /// Decides what follows from the look-up of a factor in doubt.
    pub fn after_lookup(
        &self,
        verdict: Verdict<Finding>,
        history: &mut History,
        rng: &mut fastrand::Rng,
    ) -> Decision {
        let status = history.status;
        let settle = |state, method_id, error| {
            Decision::Settle(Settlement { state, how: How::Reconciled, method_id, status, error })
        };
        match verdict {
            Verdict::Done(Finding::Ours(id)) => settle(State::Created, Some(id), None),
            Verdict::Done(Finding::Older(id)) => settle(State::AlreadyPresent, Some(id), None),
            Verdict::Done(Finding::Unclear(why)) => {
                settle(State::NeedsReview, None, Some(why.into()))
            }
            Verdict::Done(Finding::There(id, how)) => Decision::Settle(Settlement {
                state: State::AlreadyPresent,
                how,
                method_id: id,
                status,
                error: None,
            }),
            Verdict::Done(Finding::Absent) => self.absent(history),
            // "No such user" is no list of methods: with a POST in doubt it does not prove that
            // nothing came of that.
            Verdict::Refused(reason)
                if reason.is_not_found() || reason.code() == Code::NotFound =>
            {
                let no_list = Verdict::<()>::InDoubt(reason.clone());
                match self.again_below(MAX_LOOKUPS, &no_list, history, rng) {
                    Some(wait) => Decision::Again(Step::LookUp, wait),
                    None => settle(State::NeedsReview, None, Some(reason)),
                }
            }
            // The list itself is refused for good; asking again would not help.
            Verdict::Refused(_) => settle(State::NeedsReview, None, Some(Code::ListRefused.into())),
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => Decision::Stop(error),
            other @ (Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_)) => {
                match self.again_below(MAX_LOOKUPS, &other, history, rng) {
                    Some(wait) => Decision::Again(Step::LookUp, wait),
                    None => settle(State::NeedsReview, None, Some(no_list(&other).into())),
                }
            }
        }
    }

    fn absent(&self, history: &mut History) -> Decision {
        history.absences += 1;
        history.lookups = 0;
        if history.absences < 2 {
            return Decision::Again(Step::LookUp, self.second_look());
        }
        if let Some((reason, status)) = history.refusal.take() {
            return Decision::Settle(rejected(reason, status));
        }
        if history.attempts >= self.max_attempts {
            return Decision::Settle(Settlement {
                state: State::Failed,
                how: How::Reconciled,
                method_id: None,
                status: history.status,
                error: Some(Code::NotCreated.into()),
            });
        }
        history.absences = 0;
        Decision::Again(Step::Send, Duration::ZERO)
    }
}

/// Returns the reason why there is no list, where asking for it again does not help.
pub fn no_list<T>(verdict: &Verdict<T>) -> Code {
    match verdict {
        Verdict::InDoubt(reason) if reason.code() == Code::TooManyMethods => Code::TooManyMethods,
        Verdict::Done(_)
        | Verdict::Present
        | Verdict::Refused(_)
        | Verdict::NotExecuted(_)
        | Verdict::InDoubt(_)
        | Verdict::Stop(_)
        | Verdict::StopInDoubt(_) => Code::NoUsableList,
    }
}

/// Returns the settlement of a factor that the tenant refuses.
fn rejected(reason: Reason, status: Option<u16>) -> Settlement {
    Settlement {
        state: State::Rejected,
        how: How::Response,
        method_id: None,
        status,
        error: Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(120);

    fn policy() -> RetryPolicy {
        RetryPolicy::new(3, SETTLE)
    }

    fn rng() -> fastrand::Rng {
        fastrand::Rng::with_seed(7)
    }

    fn create(verdict: Verdict<CreatedMethod>, history: &mut History) -> Decision {
        policy().after_create(verdict, Some(0), history, &mut rng())
    }

    fn look(verdict: Verdict<Finding>, history: &mut History) -> Decision {
        policy().after_lookup(verdict, history, &mut rng())
    }

    fn settled(decision: Decision) -> (State, How) {
        match decision {
            Decision::Settle(settlement) => (settlement.state, settlement.how),
            other => panic!("{other:?}"),
        }
    }

    fn looked_up_after(decision: &Decision) -> Duration {
        match decision {
            Decision::Again(Step::LookUp, wait) => *wait,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_schedule_doubles_up_to_half_a_minute_and_is_fully_jittered() {
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0];
        let mut rng = rng();
        for (failures, longest) in (1..).zip(expected) {
            let drawn: Vec<f64> = (0..2000)
                .map(|_| policy().delay(failures, &mut rng).as_secs_f64() / longest)
                .collect();
            assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)), "{failures}");
            let mean = drawn.iter().sum::<f64>() / 2000.0;
            assert!((0.45..0.55).contains(&mean), "{failures}: {mean}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let draw = || {
            let mut rng = rng();
            (1..20).map(|n| policy().delay(n, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn what_is_in_doubt_is_looked_up_after_the_settle_time_and_never_sent_at_once() {
        let mut history = History { attempts: 1, ..History::default() };
        let decision = create(Verdict::InDoubt(Code::Timeout.into()), &mut history);
        assert_eq!(looked_up_after(&decision), SETTLE);
        assert_eq!(history.doubts, 1);
    }

    #[test]
    fn absence_is_believed_the_second_time_and_then_sent_again_until_attempts_run_out() {
        let mut history = History::default();
        for attempt in 1..=3 {
            history.attempts = attempt;
            create(Verdict::InDoubt(Code::Timeout.into()), &mut history);
            let first = look(Verdict::Done(Finding::Absent), &mut history);
            assert_eq!(looked_up_after(&first), SETTLE / 8);
            let second = look(Verdict::Done(Finding::Absent), &mut history);
            if attempt < 3 {
                assert!(matches!(second, Decision::Again(Step::Send, wait) if wait.is_zero()));
            } else {
                assert_eq!(settled(second), (State::Failed, How::Reconciled));
            }
        }
    }

    #[test]
    fn a_conflict_is_looked_up_at_once_and_settled_by_what_is_there() {
        let conflict = || {
            let mut history = History { attempts: 1, ..History::default() };
            assert_eq!(looked_up_after(&create(Verdict::Present, &mut history)), Duration::ZERO);
            assert!(history.conflict);
            history
        };
        for how in [How::Listed, How::Consistent] {
            let there = Finding::There(Some("m".into()), how);
            let decision = look(Verdict::Done(there), &mut conflict());
            assert_eq!(settled(decision), (State::AlreadyPresent, how));
        }
        let Decision::Settle(absent) = look(Verdict::Done(Finding::Absent), &mut conflict()) else {
            panic!("it is not there");
        };
        assert_eq!((absent.state, absent.error), (State::Rejected, Some(Code::Conflict.into())));
        let mut history = conflict();
        for _ in 1..MAX_LOOKUPS {
            looked_up_after(&look(Verdict::InDoubt(Code::ForeignAnswer.into()), &mut history));
        }
        let last = look(Verdict::InDoubt(Code::ForeignAnswer.into()), &mut history);
        assert_eq!(settled(last).0, State::NeedsReview);
    }

    #[test]
    fn that_a_user_is_not_there_proves_nothing_about_what_is_in_doubt() {
        for code in [Code::UserNotFound, Code::MethodNotFound, Code::NotFound] {
            let mut history = History { attempts: 1, doubts: 1, ..History::default() };
            for _ in 1..MAX_LOOKUPS {
                looked_up_after(&look(Verdict::Refused(code.into()), &mut history));
            }
            let last = look(Verdict::Refused(code.into()), &mut history);
            assert_eq!(settled(last).0, State::NeedsReview, "{code:?}");
        }
    }

    #[test]
    fn a_refusal_after_a_doubt_is_final_only_once_a_list_shows_nothing() {
        for (verdict, state) in [
            (Verdict::Refused(Code::EntityLimit.into()), State::Rejected),
            (Verdict::Present, State::Rejected),
        ] {
            let mut history = History { attempts: 2, doubts: 1, ..History::default() };
            looked_up_after(&create(verdict, &mut history));
            let mut found = history.clone();
            let decision = look(Verdict::Done(Finding::Ours("m".into())), &mut found);
            assert_eq!(settled(decision), (State::Created, How::Reconciled));
            let decision = look(Verdict::Done(Finding::Absent), &mut history);
            assert_eq!(settled(decision), (state, How::Response));
        }
    }

    #[test]
    fn a_first_refusal_is_final() {
        let mut history = History { attempts: 1, ..History::default() };
        let decision = create(Verdict::Refused(Code::UserNotFound.into()), &mut history);
        assert_eq!(settled(decision), (State::Rejected, How::Response));
    }

    #[test]
    fn lists_that_say_nothing_end_in_review_and_failures_to_reach_do_not_count() {
        let mut history = History { attempts: 1, doubts: 1, ..History::default() };
        for _ in 0..100 {
            looked_up_after(&look(Verdict::NotExecuted(NotExecuted::NotSent), &mut history));
            looked_up_after(&look(Verdict::NotExecuted(NotExecuted::Throttled), &mut history));
        }
        for _ in 1..MAX_LOOKUPS {
            looked_up_after(&look(Verdict::InDoubt(Code::UnreadableList.into()), &mut history));
        }
        let last = look(Verdict::InDoubt(Code::UnreadableList.into()), &mut history);
        assert_eq!(settled(last).0, State::NeedsReview);
    }
}
