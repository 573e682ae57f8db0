//! How the tenant's bucket is refilled: all the time, or at the top of each second. Auth0 describes
//! both (auth0-api.md 3.4).
//!
//! Of a bucket that is refilled in steps, all that the history gains it gains at one moment of each
//! second; of any other, most of it elsewhere. Until that is told apart, only what has been seen
//! is counted on. That moment is known as well as we asked around it: it lies between the last
//! request that did not find the bucket refilled and the first one that did.
//!
//! Pure; times are seconds.

use super::history::{History, Step};

/// A refill at the top of a second is counted on so much later.
const LATE: f64 = 0.005;
/// How often the pattern is looked at, and over how much of the history.
const LOOK: f64 = 0.25;
const LOOK_SPAN: f64 = 1.2;
/// What is gained within this counts as at one moment: ways are not always the same.
const AT_ONCE: f64 = 0.1;
/// A step that is less shows nothing.
const LEAST: f64 = 3.0;
/// What is less than this share of all that is gained is no part of a step.
const PART: f64 = 0.25;
/// More than this of what others should have is gained at one moment: steps; less than that: none.
const ALL: f64 = 0.7;
const SOME: f64 = 0.45;
/// A moment that is silent for a greater share of the time tells nothing.
const SILENT: f64 = 0.7;
/// So many looks must agree that it is refilled all the time, or that it is not.
const EVEN: i8 = 4;
const TOPS: i8 = -2;
/// So many must speak against it before another pattern is believed.
const SURE: i8 = 6;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Pattern {
    #[default]
    Unknown,
    Even,
    /// At the top of each second on the tenant's clock; such a moment on ours.
    Tops(f64),
}

/// A moment at which the bucket is refilled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::pacer) struct Top {
    /// Time until then.
    pub(in crate::pacer) until: f64,
    /// How much comes.
    pub(in crate::pacer) step: f64,
    /// What others take a second from one to the next.
    pub(in crate::pacer) others: f64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RefillPattern {
    pattern: Pattern,
    /// What comes at the top of a second; others have their part of it.
    step: f64,
    /// What others take a second in between.
    others: f64,
    /// A full second of the tenant's clock, as far as it is known; not too early.
    second: Option<f64>,
    looked: f64,
    votes: i8,
}

impl RefillPattern {
    /// Whether the bucket is known to be refilled all the time.
    pub(super) fn is_even(&self) -> bool {
        self.pattern == Pattern::Even
    }

    /// Whether it is known how the bucket is refilled.
    pub(super) fn is_known(&self) -> bool {
        self.pattern != Pattern::Unknown
    }

    /// What is counted on between two moments, at a rate that is supplied a second.
    pub(super) fn gain(&self, rate: f64, from: f64, to: f64) -> f64 {
        match self.pattern {
            Pattern::Unknown => 0.0,
            Pattern::Even => rate * (to - from).max(0.0),
            Pattern::Tops(top) => {
                let top = top + LATE;
                self.step * ((to - top).floor() - (from - top).floor()).max(0.0)
            }
        }
    }

    /// When so much more can be counted on, if ever.
    pub(super) fn due(&self, rate: f64, from: f64, missing: f64) -> Option<f64> {
        match self.pattern {
            Pattern::Even if rate > 0.0 => Some(from + missing / rate),
            Pattern::Unknown | Pattern::Even => None,
            Pattern::Tops(top) => {
                let top = top + LATE;
                let tops = (missing / self.step.max(0.01)).ceil().max(1.0);
                Some(top + (from - top).floor() + tops)
            }
        }
    }

    /// The next refill, where there are moments of it.
    pub(super) fn next_top(&self, now: f64) -> Option<Top> {
        let Pattern::Tops(top) = self.pattern else {
            return None;
        };
        let until = 1.0 - (now - top - LATE).rem_euclid(1.0);
        Some(Top { until, step: self.step, others: self.others })
    }

    /// When the tenant's clock shows a full second, by its own word.
    pub(super) fn told(&mut self, second: Option<f64>) {
        self.second = second;
    }

    /// Looks at the history, now and then.
    pub(super) fn look(&mut self, history: &History) {
        let (Some(first), Some(last)) = (history.first(), history.last()) else {
            return;
        };
        let (span, total) = (last.at - first.at, last.supplied - first.supplied);
        if (last.at - self.looked).abs() < LOOK || span < LOOK_SPAN {
            return;
        }
        self.looked = last.at;
        let before = match self.pattern {
            Pattern::Tops(top) => Some((top, gained_at(history, top))),
            Pattern::Unknown | Pattern::Even => None,
        };
        let parts = history.steps().filter(|step| step.gained * span >= total * PART);
        let moments = parts.map(|step| (step.to, gained_at(history, step.to)));
        let best = moments.fold(None, |best: Option<(f64, Gained)>, one| match best {
            Some(best) if best.1.gained >= one.1.gained => Some(best),
            _ => Some(one),
        });
        self.votes = (self.votes + vote(best, span, total)).clamp(-SURE, SURE);
        let (even, tops) = if self.is_known() { (SURE, -SURE) } else { (EVEN, TOPS) };
        if self.votes >= even {
            (self.pattern, self.votes) = (Pattern::Even, SURE);
        } else if self.votes <= tops || before.is_some() {
            let Some(top) = self.top(history, before, best) else {
                return;
            };
            self.votes = if before.is_some() { self.votes } else { -SURE };
            self.pattern = Pattern::Tops(top);
            let tops = (last.at - top).floor() - (first.at - top).floor();
            if tops > 0.0 {
                let gained = gained_at(history, top).gained;
                self.step = gained / tops;
                self.others = ((gained - total) / span).max(0.0);
            }
        }
    }

    /// What was believed of the moment stays for as long as it says as much; what the tenant's clock
    /// says of it is better where nobody asked for a while before.
    fn top(
        &self,
        history: &History,
        before: Option<(f64, Gained)>,
        best: Option<(f64, Gained)>,
    ) -> Option<f64> {
        let enough = best.map_or(0.0, |(_, best)| best.gained) * 0.9;
        let before = before.filter(|(_, said)| said.gained >= enough);
        let top = before.or(best)?.0;
        let told = self.second.filter(|second| gained_at(history, *second).gained >= enough);
        told.filter(|told| phase(top - told) > 0.0).or(Some(top))
    }
}

/// What was gained at a moment of each second, and how long the steps were in which it was.
#[derive(Debug, Clone, Copy)]
struct Gained {
    gained: f64,
    time: f64,
}

fn gained_at(history: &History, top: f64) -> Gained {
    let at = history.steps().filter(|step: &Step| {
        let since = (step.to - top + AT_ONCE).rem_euclid(1.0);
        since <= step.to - step.from + AT_ONCE
    });
    at.fold(Gained { gained: 0.0, time: 0.0 }, |all, step| Gained {
        gained: all.gained + step.gained,
        time: all.time + step.to - step.from,
    })
}

/// Whether the best moment speaks for steps (-1), against them (1), or not at all: of what is
/// refilled all the time, any moment has its own share only.
fn vote(best: Option<(f64, Gained)>, span: f64, total: f64) -> i8 {
    let Some((_, Gained { gained, time })) = best else {
        return 1;
    };
    let own = time / span;
    if own > SILENT || gained < LEAST {
        return 0;
    }
    let beyond = (gained / total.max(LEAST) - own) / (1.0 - own);
    if beyond > ALL && gained / span > 2.5 { -1 } else { i8::from(beyond <= SOME) }
}

/// How far a moment is from the nearest full second, in either direction.
fn phase(at: f64) -> f64 {
    at - at.round()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers")]

    use super::super::history::Sample;
    use super::*;

    /// A bucket that has supplied so much at a moment, asked so often a second for some seconds,
    /// with so much jitter on the way.
    fn looked(
        supplied: impl Fn(f64) -> f64,
        every: f64,
        seconds: f64,
        jitter: f64,
    ) -> RefillPattern {
        let (mut history, mut refill) = (History::default(), RefillPattern::default());
        let mut dice = fastrand::Rng::with_seed(3);
        let mut at = 0.0;
        while at < seconds {
            let arrived = jitter.mul_add(dice.f64(), at);
            history.push(Sample { at, supplied: supplied(arrived).floor(), ..Sample::default() });
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
                assert!((0.9..1.1).contains(&(next.step / rate)), "{rate}: {next:?}");
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
        assert!((due(1.0) - 3.375).abs() < 1e-9 && (due(51.0) - 4.375).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_counted_on_until_it_is_known() {
        let refill = RefillPattern::default();
        assert_eq!(refill.gain(40.0, 0.0, 9.0), 0.0);
        assert_eq!(refill.due(40.0, 0.0, 1.0), None);
    }

    #[test]
    fn what_the_tenants_clock_says_is_believed_within_what_was_seen_only() {
        let history = |silent: f64| {
            let mut history = History::default();
            for window in 0..3 {
                for part in 0..10 {
                    let at = f64::from(window) + f64::from(part) * 0.04 + silent;
                    history.push(Sample {
                        at,
                        supplied: f64::from(window) * 9.0,
                        ..Sample::default()
                    });
                }
            }
            history
        };
        for (second, expected) in [(0.2, 0.2), (-0.4, 0.45), (0.46, 0.45)] {
            let mut refill =
                RefillPattern { pattern: Pattern::Tops(2.45), ..RefillPattern::default() };
            refill.told(Some(9.0 + second));
            refill.look(&history(0.45));
            let Pattern::Tops(top) = refill.pattern else { panic!("{refill:?}") };
            assert!(phase(top - expected).abs() < 1e-9, "{second}: {top}");
        }
    }
}
