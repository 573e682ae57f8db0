//! The bucket's recent history: how many requests it had supplied by each moment.
//!
//! Each answer is a sample: the requests left when its own had been let through, plus those that we
//! had sent until then. What others took is already subtracted. A full bucket gains nothing, so
//! between two samples of a full one the history shows a lower bound.
//!
//! Holds the samples that `refill_rate` and `refill_pattern` measure by, and is of no use without
//! them. Pure; times are seconds.

use std::collections::VecDeque;

/// Length of the history: two windows of a second, plus a little so that both are whole. One window
/// costs 61 points of the limit on a bucket of 10.
const SPAN: f64 = 2.2;
/// Samples kept at a low rate, however old.
const MIN_SAMPLES: usize = 10;

/// One answer, or the mean of several that came close together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BucketSample {
    /// Time at which its request was sent.
    pub(super) at: f64,
    /// Requests that the bucket had supplied until then.
    pub(super) supplied: f64,
    /// Requests left in it.
    pub(super) left: f64,
    /// True if the bucket was full.
    pub(super) full: bool,
    /// True if the request was part of a test of how fast the bucket fills up.
    pub(super) test: bool,
}

/// A slot of time and the mean of its samples.
#[derive(Debug, Clone, Copy)]
struct MeanSlot {
    from: f64,
    count: f64,
}

/// The change from one sample to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelChange {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) gained: f64,
    /// True if the bucket was full before and after.
    pub(super) full: bool,
}

/// The change over a part of the history.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Stretch {
    pub(super) time: f64,
    pub(super) gained: f64,
    /// Decrease of the requests left, from its start to its end.
    pub(super) fall: f64,
}

/// The samples, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    samples: VecDeque<BucketSample>,
    slots: VecDeque<MeanSlot>,
}

impl History {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.slots.clear();
    }

    /// Enters a sample; answers come in any order.
    pub(super) fn push(&mut self, sample: BucketSample) {
        let at = sample.at;
        let before = self.slots.iter().rposition(|slot| slot.from <= at);
        match before.map(|index| (&mut self.slots[index], &mut self.samples[index])) {
            // Samples closer together than this are merged, so that at most 110 are kept.
            Some((slot, mean)) if at < slot.from + SPAN / 110.0 => {
                slot.count += 1.0;
                mean.at += (at - mean.at) / slot.count;
                mean.supplied += (sample.supplied - mean.supplied) / slot.count;
                mean.left += (sample.left - mean.left) / slot.count;
                mean.full |= sample.full;
                mean.test |= sample.test;
            }
            _ => {
                let index = before.map_or(0, |before| before + 1);
                self.slots.insert(index, MeanSlot { from: at, count: 1.0 });
                self.samples.insert(index, sample);
            }
        }
        let newest = self.samples.back().map_or(at, |sample| sample.at);
        while self.samples.len() > MIN_SAMPLES && newest - self.samples[0].at > SPAN {
            self.samples.pop_front();
            self.slots.pop_front();
        }
    }

    /// Returns all samples.
    pub(super) fn samples(&self) -> &VecDeque<BucketSample> {
        &self.samples
    }

    /// Returns the oldest sample.
    pub(super) fn first(&self) -> Option<BucketSample> {
        self.samples.front().copied()
    }

    /// Returns the newest sample.
    pub(super) fn last(&self) -> Option<BucketSample> {
        self.samples.back().copied()
    }

    /// Returns the changes from each sample to the next.
    pub(super) fn steps(&self) -> impl Iterator<Item = LevelChange> {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        pairs.map(|(one, next)| LevelChange {
            from: one.at,
            to: next.at,
            gained: next.supplied - one.supplied,
            full: one.full && next.full,
        })
    }

    /// Returns the change from a sample, by its index, to the newest.
    pub(super) fn stretch(&self, from: usize) -> Stretch {
        let (Some(first), Some(last)) = (self.samples.get(from), self.samples.back()) else {
            return Stretch::default();
        };
        Stretch {
            time: last.at - first.at,
            gained: last.supplied - first.supplied,
            fall: first.left - last.left,
        }
    }

    /// Returns what had been supplied at a moment, between two samples.
    pub(super) fn at(&self, at: f64) -> Option<f64> {
        let after = self.samples.iter().position(|sample| sample.at >= at)?;
        let (before, after) = (self.samples.get(after.checked_sub(1)?)?, self.samples.get(after)?);
        let share = (at - before.at) / (after.at - before.at).max(1e-9);
        Some(share.mul_add(after.supplied - before.supplied, before.supplied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(samples: &[(f64, f64)]) -> History {
        let mut history = History::default();
        for (at, supplied) in samples {
            history.push(BucketSample { at: *at, supplied: *supplied, ..BucketSample::default() });
        }
        history
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let history = history(&[(0.3, 3.0), (0.1, 1.0), (0.2, 2.0), (0.0, 0.0)]);
        let steps: Vec<_> = history.steps().map(|step| step.gained).collect();
        assert_eq!(steps, [1.0, 1.0, 1.0]);
        assert!((history.stretch(0).gained - 3.0).abs() < 1e-9);
        assert_eq!(history.at(0.25), Some(2.5));
        assert_eq!((history.at(-0.1), history.at(0.4)), (None, None));
    }

    #[test]
    fn near_samples_are_one_and_full_if_one_of_them_is() {
        let mut history = history(&[(1.0, 4.0), (1.01, 6.0), (1.05, 9.0)]);
        assert_eq!(history.samples().len(), 2);
        assert_eq!(history.first().map(|sample| sample.supplied), Some(5.0));
        history.push(BucketSample {
            at: 1.015,
            supplied: 5.0,
            full: true,
            ..BucketSample::default()
        });
        assert_eq!(
            history.first().map(|sample| (sample.full, history.samples().len())),
            Some((true, 2))
        );
    }

    #[test]
    fn it_is_as_long_as_two_windows_or_ten_samples_and_never_grows() {
        let many: Vec<_> = (0..20_000).map(|n| (f64::from(n) * 0.001, f64::from(n))).collect();
        assert!((90..=120).contains(&history(&many).samples().len()));
        let few: Vec<_> = (0..100).map(|n| (f64::from(n) * 2.5, f64::from(n))).collect();
        assert_eq!(history(&few).samples().len(), MIN_SAMPLES);
    }
}
