//! Refill pattern of the tenant's bucket: continuous, or at the top of each second. Auth0's
//! documentation describes both (auth0-api.md 3.4).
//!
//! A bucket that is refilled in steps gains everything at one moment of each second; any other
//! gains most of it at other moments. Until the pattern is recognised, no gain is predicted. The
//! moment is known as precisely as requests were sent around it: it lies between the last request
//! that found the bucket not yet refilled and the first that found it refilled.
//!
//! Measured (tests/pacing): taking every bucket for a continuous one costs 230 to 420 refusals in
//! 1,000 requests where it is refilled each second; predicting no gain at all costs 50 points of
//! the limit on a bucket of 10 and 5 to 29 points with a reserve, and 30 to 160 refusals in 1,000.
//!
//! Pure; times are seconds.

use super::{
    super::{JITTER, SHORTEST_SLEEP, learnt::Steps},
    history::{History, LevelChange},
};

/// Time between two looks at the history, in seconds. Looks in quick succession see the same
/// samples and must not count as agreeing: without this, four runs that begin together are refused
/// up to 2 of 1,000 requests.
const LOOK_EVERY: f64 = 0.25;
/// Share of the gain at one moment above which the refill is in steps, and below which it is
/// continuous.
pub(super) const SHARE_IN_STEPS: f64 = 0.6;
/// Share of the time without requests above which a moment shows neither. Without this, 400 of
/// 1,000 requests are refused where 2 a second are refilled at its top.
const SILENT: f64 = 0.7;
/// Looks that must agree before the first pattern is believed; twice as many change it later. With
/// two, four runs that begin together are refused up to 4 of 1,000 requests, with three none.
const LOOKS_TO_AGREE: i8 = 3;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Pattern {
    #[default]
    Unknown,
    Even,
    /// Refill at the top of each second of the tenant's clock; holds one such moment on ours.
    Tops(f64),
}

/// A moment at which the bucket is refilled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::pacer) struct Top {
    /// Time until then.
    pub(in crate::pacer) until: f64,
    /// Requests that others take a second between two refills.
    pub(in crate::pacer) others: f64,
}

/// Recognises the pattern and predicts gains by it.
#[derive(Debug, Default)]
pub(super) struct RefillPattern {
    pattern: Pattern,
    /// Gain at the top of a second, before others take their part.
    step: f64,
    /// Requests that others take a second in between.
    others: f64,
    looked: f64,
    /// Looks in favour of a continuous refill, less those in favour of steps.
    votes: i8,
}

impl RefillPattern {
    /// Returns whether the bucket is known to be refilled continuously.
    pub(super) fn is_even(&self) -> bool {
        self.pattern == Pattern::Even
    }

    /// Returns whether the pattern was recognised.
    pub(super) fn is_known(&self) -> bool {
        self.pattern != Pattern::Unknown
    }

    /// Returns the refill at the top of each second, where the bucket is refilled in such steps.
    pub(super) fn steps(&self) -> Option<Steps> {
        let steps = Steps { gain: self.step, others: self.others, every: 1.0, next_in: 1.0 };
        matches!(self.pattern, Pattern::Tops(_)).then_some(steps)
    }

    /// Predicts the gain between two moments, at a refill rate.
    pub(super) fn gain(&self, rate: f64, from: f64, to: f64) -> f64 {
        match self.pattern {
            Pattern::Unknown => 0.0,
            Pattern::Even => rate * (to - from).max(0.0),
            Pattern::Tops(top) => {
                let top = safely_after(top);
                self.step * ((to - top).floor() - (from - top).floor()).max(0.0)
            }
        }
    }

    /// Predicts when the bucket will have gained what is missing, if ever.
    pub(super) fn due(&self, rate: f64, from: f64, missing: f64) -> Option<f64> {
        match self.pattern {
            Pattern::Even if rate > 0.0 => Some(from + missing / rate),
            Pattern::Unknown | Pattern::Even => None,
            Pattern::Tops(top) => {
                let top = safely_after(top);
                let tops = (missing / self.step.max(0.01)).ceil().max(1.0);
                Some(top + (from - top).floor() + tops)
            }
        }
    }

    /// Returns the next refill, where the bucket is refilled in steps.
    pub(super) fn next_top(&self, now: f64) -> Option<Top> {
        let Pattern::Tops(top) = self.pattern else {
            return None;
        };
        let until = 1.0 - (now - safely_after(top)).rem_euclid(1.0);
        Some(Top { until, others: self.others })
    }

    /// Looks at the history, at most every [`LOOK_EVERY`].
    pub(super) fn look(&mut self, history: &History) {
        let (Some(first), Some(last)) = (history.first(), history.last()) else {
            return;
        };
        let (span, total) = (last.at - first.at, last.supplied - first.supplied);
        if (last.at - self.looked).abs() < LOOK_EVERY || span < 1.0 {
            return;
        }
        self.looked = last.at;
        let before = match self.pattern {
            Pattern::Tops(top) => Some((top, gained_at(history, top))),
            Pattern::Unknown | Pattern::Even => None,
        };
        // A smaller step cannot contain the refill of a bucket that is refilled in steps.
        let smallest = total * (1.0 - SHARE_IN_STEPS);
        let large = history.steps().filter(|step| step.gained * span >= smallest);
        let moments = large.map(|step| (step.to, gained_at(history, step.to)));
        let best = moments.fold(None, |best: Option<(f64, Gained)>, one| match best {
            Some(best) if best.1.gained >= one.1.gained => Some(best),
            _ => Some(one),
        });
        let sure = 2 * LOOKS_TO_AGREE;
        self.votes = (self.votes + vote(best, span, total)).clamp(-sure, sure);
        let needed = if self.is_known() { sure } else { LOOKS_TO_AGREE };
        if self.votes >= needed {
            (self.pattern, self.votes) = (Pattern::Even, sure);
        } else if self.votes <= -needed || before.is_some() {
            let Some(top) = better(before, best) else {
                return;
            };
            self.votes = if before.is_some() { self.votes } else { -sure };
            self.pattern = Pattern::Tops(top);
            let tops = (last.at - top).floor() - (first.at - top).floor();
            if tops > 0.0 {
                let gained = gained_at(history, top).gained;
                self.step = gained / tops;
                self.others = ((gained - total) / span).max(0.0);
            }
        }
    }
}

/// Moves a refill a little later, so that no request arrives just before it.
fn safely_after(top: f64) -> f64 {
    top + SHORTEST_SLEEP.as_secs_f64()
}

/// Keeps the moment found before for as long as about as much is gained at it as at the best one.
fn better(before: Option<(f64, Gained)>, best: Option<(f64, Gained)>) -> Option<f64> {
    let enough = best.map_or(0.0, |(_, best)| best.gained) * 0.9;
    let before = before.filter(|(_, said)| said.gained >= enough);
    Some(before.or(best)?.0)
}

/// Gain at one moment of each second, and the length of the steps in which it was seen.
#[derive(Debug, Clone, Copy)]
struct Gained {
    gained: f64,
    time: f64,
}

fn gained_at(history: &History, top: f64) -> Gained {
    let at = history.steps().filter(|step: &LevelChange| {
        let since = (step.to - top + JITTER).rem_euclid(1.0);
        since <= step.to - step.from + JITTER
    });
    at.fold(Gained { gained: 0.0, time: 0.0 }, |all, step| Gained {
        gained: all.gained + step.gained,
        time: all.time + step.to - step.from,
    })
}

/// Returns -1 if the best moment speaks for steps, 1 if it speaks against them, and 0 if it shows
/// neither: under a continuous refill, each moment has the same share of the gain as of the time.
fn vote(best: Option<(f64, Gained)>, span: f64, total: f64) -> i8 {
    let Some((_, Gained { gained, time })) = best else {
        return 1;
    };
    let own = time / span;
    if own > SILENT || gained < 1.0 {
        return 0;
    }
    let beyond = (gained / total.max(1.0) - own) / (1.0 - own);
    if beyond > SHARE_IN_STEPS { -1 } else { 1 }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers")]

    use super::super::history::BucketSample;
    use super::*;

    /// Looks at a bucket by what it had supplied at each moment, asked every so often for some
    /// seconds, with jitter in the travel times.
    fn looked(
        supplied: impl Fn(f64) -> f64,
        every: f64,
        seconds: f64,
        jitter: f64,
    ) -> RefillPattern {
        let (mut history, mut refill) = (History::default(), RefillPattern::default());
        let mut rng = fastrand::Rng::with_seed(3);
        let mut at = 0.0;
        while at < seconds {
            let arrived = jitter.mul_add(rng.f64(), at);
            history.push(BucketSample {
                at,
                supplied: supplied(arrived).floor(),
                ..BucketSample::default()
            });
            refill.look(&history);
            at += every;
        }
        refill
    }

    #[test]
    fn what_is_refilled_all_the_time_is_never_taken_for_steps() {
        for rate in [2.0, 10.0, 40.0, 500.0] {
            for jitter in [0.0, 0.05] {
                let refill = looked(|at| at * rate, 0.9 / rate, 12.0, jitter);
                assert!(refill.is_even(), "{rate}/s, {jitter} s: {refill:?}");
            }
        }
    }

    #[test]
    fn steps_are_found_and_so_is_their_moment() {
        for (rate, every) in [(5.0, 0.2), (50.0, 0.02), (5000.0, 0.002)] {
            for jitter in [0.0, 0.05] {
                let supplied = |at: f64| rate * (at - 0.37).floor();
                let refill = looked(supplied, every, 6.0, jitter);
                let next = refill.next_top(10.0).expect("steps");
                let late = (10.0 + next.until - 0.37).rem_euclid(1.0);
                assert!((0.9..1.1).contains(&(refill.step / rate)), "{rate}: {refill:?}");
                assert!(next.others < rate * 0.02 + 1.0, "{rate}: {next:?}");
                assert!(
                    late < every.max(0.02) + 0.01 || late > 0.99 - jitter,
                    "{rate}: {late} s late"
                );
            }
        }
    }

    #[test]
    fn steps_are_counted_on_whole_and_at_their_moment() {
        let refill =
            RefillPattern { pattern: Pattern::Tops(0.37), step: 50.0, ..RefillPattern::default() };
        assert_eq!(refill.gain(1.0, 3.0, 3.37), 0.0);
        assert_eq!(refill.gain(1.0, 3.0, 3.38), 50.0);
        assert_eq!(refill.gain(1.0, 3.0, 5.5), 150.0);
        let due = |missing| refill.due(1.0, 3.0, missing).unwrap_or_default();
        assert!((due(1.0) - 3.374).abs() < 1e-9 && (due(51.0) - 4.374).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_counted_on_until_it_is_known() {
        let refill = RefillPattern::default();
        assert_eq!(refill.gain(40.0, 0.0, 9.0), 0.0);
        assert_eq!(refill.due(40.0, 0.0, 1.0), None);
    }
}
