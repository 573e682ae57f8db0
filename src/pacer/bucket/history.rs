//! What the tenant's bucket has supplied so far, as a history over time.
//!
//! Each answer is a point of it: what was left when its request had been let through, plus what we
//! had sent until then. What others took is out of it already. A full bucket gains nothing, so
//! between two points of a full one the history shows what was supplied at least.
//!
//! Pure; times are seconds.

use std::collections::VecDeque;

/// Points nearer to each other are one.
const SLOT: f64 = 0.02;
/// How far back the history goes: two windows of a second.
pub(super) const SPAN: f64 = 2.0;
/// At a low rate it goes as far back as so many points do,
const ENOUGH: usize = 10;
/// but not further than this.
const LONGEST: f64 = 30.0;

/// What one answer shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    /// When its request was sent.
    pub(super) at: f64,
    /// What the bucket had supplied until then.
    pub(super) supplied: f64,
    /// What was left in it.
    pub(super) left: f64,
    /// Whether the bucket was full.
    pub(super) full: bool,
    /// Whether it was sent to see how fast the bucket fills up.
    pub(super) test: bool,
}

/// One point, or the mean of some that are near to each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Start of its slot.
    slot: f64,
    pub(super) at: f64,
    pub(super) supplied: f64,
    pub(super) left: f64,
    count: f64,
    pub(super) full: bool,
    pub(super) test: bool,
}

/// From one point to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) gained: f64,
    /// Whether the bucket was full before and after.
    pub(super) full: bool,
}

/// What part of the history shows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Stretch {
    pub(super) time: f64,
    pub(super) supplied: f64,
    /// Least squares.
    pub(super) slope: f64,
    /// How much less was left at its end, by least squares too.
    pub(super) fall: f64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
}

impl History {
    pub(super) fn clear(&mut self) {
        self.points.clear();
    }

    /// Enters a point; answers come in any order.
    pub(super) fn push(&mut self, seen: Sample) {
        let Sample { at, supplied, left, full, test } = seen;
        let before = self.points.iter().rposition(|point| point.slot <= at);
        match before.map(|index| &mut self.points[index]) {
            Some(point) if at < point.slot + SLOT => {
                point.count += 1.0;
                point.at += (at - point.at) / point.count;
                point.supplied += (supplied - point.supplied) / point.count;
                point.left += (left - point.left) / point.count;
                point.full |= full;
                point.test |= test;
            }
            _ => {
                let point = Point { slot: at, at, supplied, left, count: 1.0, full, test };
                self.points.insert(before.map_or(0, |before| before + 1), point);
            }
        }
        let newest = self.points.back().map_or(at, |point| point.at);
        while let Some(oldest) = self.points.front() {
            let (age, few) = (newest - oldest.at, self.points.len() <= ENOUGH);
            if age <= SPAN + 0.2 || (few && age <= LONGEST) {
                break;
            }
            self.points.pop_front();
        }
    }

    pub(super) fn points(&self) -> &VecDeque<Point> {
        &self.points
    }

    pub(super) fn first(&self) -> Option<Point> {
        self.points.front().copied()
    }

    pub(super) fn last(&self) -> Option<Point> {
        self.points.back().copied()
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        pairs.map(|(one, next)| Step {
            from: one.at,
            to: next.at,
            gained: next.supplied - one.supplied,
            full: one.full && next.full,
        })
    }

    /// All of it.
    pub(super) fn whole(&self) -> Stretch {
        self.stretch(0)
    }

    /// From a point on.
    #[expect(clippy::cast_precision_loss, reason = "about a hundred points")]
    pub(super) fn stretch(&self, from: usize) -> Stretch {
        let (Some(first), Some(last)) = (self.points.get(from), self.points.back()) else {
            return Stretch::default();
        };
        let part = self.points.range(from..);
        let count = part.len() as f64;
        let mean = |of: fn(&Point) -> f64| part.clone().map(of).sum::<f64>() / count;
        let at = mean(|point| point.at);
        let square: f64 = part.clone().map(|point| (point.at - at).powi(2)).sum();
        let slope = |of: fn(&Point) -> f64| {
            let middle = mean(of);
            let both: f64 = part.clone().map(|point| (point.at - at) * (of(point) - middle)).sum();
            if square > 0.0 { both / square } else { 0.0 }
        };
        let time = last.at - first.at;
        Stretch {
            time,
            supplied: last.supplied - first.supplied,
            slope: slope(|point| point.supplied),
            fall: -slope(|point| point.left) * time,
        }
    }

    /// What had been supplied at a moment.
    pub(super) fn at(&self, at: f64) -> Option<f64> {
        let after = self.points.iter().position(|point| point.at >= at)?;
        let (before, after) = (self.points.get(after.checked_sub(1)?)?, self.points.get(after)?);
        let share = (at - before.at) / (after.at - before.at).max(1e-9);
        Some(share.mul_add(after.supplied - before.supplied, before.supplied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(points: &[(f64, f64)]) -> History {
        let mut history = History::default();
        for (at, supplied) in points {
            history.push(Sample { at: *at, supplied: *supplied, ..Sample::default() });
        }
        history
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let history = history(&[(0.3, 3.0), (0.1, 1.0), (0.2, 2.0), (0.0, 0.0)]);
        let steps: Vec<_> = history.steps().map(|step| step.gained).collect();
        assert_eq!(steps, [1.0, 1.0, 1.0]);
        assert!((history.whole().slope - 10.0).abs() < 1e-9);
        assert_eq!(history.at(0.25), Some(2.5));
        assert_eq!((history.at(-0.1), history.at(0.4)), (None, None));
    }

    #[test]
    fn near_points_are_one_and_full_if_one_of_them_is() {
        let mut history = history(&[(1.0, 4.0), (1.01, 6.0), (1.05, 9.0)]);
        assert_eq!(history.points().len(), 2);
        assert_eq!(history.first().map(|point| point.supplied), Some(5.0));
        history.push(Sample { at: 1.015, supplied: 5.0, full: true, ..Sample::default() });
        assert_eq!(
            history.first().map(|point| (point.full, history.points().len())),
            Some((true, 2))
        );
    }

    #[test]
    fn it_is_as_long_as_two_windows_or_ten_points_and_never_grows() {
        let many: Vec<_> = (0..20_000).map(|n| (f64::from(n) * 0.001, f64::from(n))).collect();
        assert!((90..=120).contains(&history(&many).points().len()));
        let few: Vec<_> = (0..100).map(|n| (f64::from(n) * 2.5, f64::from(n))).collect();
        assert_eq!(history(&few).points().len(), ENOUGH);
        let rare: Vec<_> = (0..100).map(|n| (f64::from(n) * 20.0, f64::from(n))).collect();
        assert_eq!(history(&rare).points().len(), 2);
    }
}
