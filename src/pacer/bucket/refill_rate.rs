//! What the tenant's bucket supplies us with a second, learnt from the curve of what it supplied.
//!
//! Where the bucket is not full for a while, the slope of the curve is the rate. A full bucket shows
//! only that it gains at least what is taken from it, so now and then `auto` takes
//! more for a moment, to see.
//!
//! Pure; times are seconds.

use super::{
    history::{History, SPAN, Sample},
    refill_pattern::RefillPattern,
};

/// What a guess from before weighs against what is measured, in seconds.
const PRIOR: f64 = 0.3;
/// The same where it is a short test that measures.
const TESTS: f64 = 1.0;
/// What a full bucket shows at least is believed in so many seconds.
const BELIEF: f64 = 0.4;
/// A test that is shorter measures nothing,
const SHORTEST: f64 = 0.1;
/// and neither does any other stretch that is shorter, once there is a measure, or saw less rate.
const LONG: f64 = 1.0;
const LEAST: f64 = 3.0;
/// Less than this less is no less.
const FALL: f64 = 1.0;

/// See the module.
#[derive(Debug)]
pub(super) struct RefillRate {
    pub(super) pattern: RefillPattern,
    history: History,
    /// What is supplied a second.
    rate: f64,
    /// What it was before what the curve shows.
    prior: f64,
    /// When a full bucket was last seen.
    full_at: f64,
    /// The test that has counted last.
    tested: f64,
    /// Whether the rate was ever measured; else it is a least.
    measured: bool,
}

impl RefillRate {
    pub(super) fn new() -> Self {
        Self {
            pattern: RefillPattern::default(),
            history: History::default(),
            rate: 0.0,
            prior: 0.0,
            full_at: 0.0,
            tested: f64::NEG_INFINITY,
            measured: false,
        }
    }

    /// What is supplied a second, as far as is known; at least this unless it was measured.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether the rate is more than a least.
    pub(super) fn is_measured(&self) -> bool {
        self.measured
    }

    /// Whether the bucket was full when it was last seen.
    pub(super) fn is_full(&self) -> bool {
        self.history.last().is_some_and(|point| point.full)
    }

    /// The curve has jumped for reasons of its own: the limit is another one.
    pub(super) fn restart(&mut self) {
        self.history.clear();
    }

    /// What is counted on between two moments.
    pub(super) fn gain(&self, from: f64, to: f64) -> f64 {
        self.pattern.gain(self.rate, from, to)
    }

    /// When so much more can be counted on, if ever.
    pub(super) fn due(&self, from: f64, missing: f64) -> Option<f64> {
        self.pattern.due(self.rate, from, missing)
    }

    /// A point of the curve; `share` is how much of the bucket we may take.
    pub(super) fn push(&mut self, seen: Sample, share: f64) {
        self.history.push(seen);
        self.pattern.look(&self.history);
        if self.pattern.next_top(0.0).is_some() {
            self.measure_windows(share);
        } else {
            self.measure();
        }
    }

    /// The slope of the curve where the bucket was not full, for long enough or on purpose. A short
    /// while after others took much shows less than there is on average.
    fn measure(&mut self) {
        let points = self.history.points();
        let run = points.iter().rposition(|point| point.full).map_or(0, |full| full + 1);
        let run = self.history.stretch(run);
        let (long, weight) = if self.measured { (LONG, PRIOR) } else { (PRIOR, 0.0) };
        if run.time >= long && (run.supplied >= LEAST || run.time > SPAN * 0.75) {
            let all = self.prior.mul_add(weight, run.slope * run.time);
            self.learn((all / (weight + run.time)).max(0.0), run.fall);
        } else if self.measured {
            self.measure_test();
        }
        self.measure_least();
    }

    /// Where no less is left than before, what was supplied is what was taken; and of a bucket that
    /// is not refilled all the time, more may have been lost while nobody looked.
    fn learn(&mut self, rate: f64, fall: f64) {
        if fall >= FALL || self.pattern.is_even() {
            (self.rate, self.measured) = (rate, true);
        } else {
            self.rate = self.rate.max(rate);
        }
        self.prior = self.rate;
    }

    /// The same for what was sent to see it.
    fn measure_test(&mut self) {
        let points = self.history.points();
        let Some(end) = points.iter().rposition(|point| point.test) else {
            return;
        };
        let before = points.range(..end).rposition(|point| !point.test);
        let (from, to) = (points[before.map_or(0, |before| before + 1)].at, points[end].at);
        let over = end + 1 < points.len();
        let test = self.history.steps().filter(|step| step.from >= from && step.to <= to);
        let (supplied, time) = test
            .filter(|step| !step.full)
            .fold((0.0, 0.0), |all, step| (all.0 + step.gained, all.1 + step.to - step.from));
        if time < SHORTEST || from <= self.tested {
            return;
        }
        self.rate = (self.prior.mul_add(TESTS, supplied) / (TESTS + time)).max(0.0);
        if over {
            // It counts once.
            (self.prior, self.tested) = (self.rate, from);
        }
    }

    /// A full bucket gains at least what is taken from it.
    fn measure_least(&mut self) {
        let Some(last) = self.history.last().filter(|last| last.full) else {
            return;
        };
        let long = if self.measured { 0.5 } else { 0.25 };
        let since = self.history.points().iter().rev().find(|point| last.at - point.at >= long);
        let Some(since) = since.copied().or(self.history.first()) else {
            return;
        };
        let time = (last.at - since.at).max(SHORTEST);
        // What was left was cut down to a whole number then, unless the bucket was full.
        let unseen = if since.full { 0.0 } else { 0.5 };
        let more = ((last.supplied - since.supplied - unseen) / time - self.rate).max(0.0);
        // Others may have taken less for a moment: what was measured is not given up at once.
        let new = ((last.at - self.full_at) / BELIEF).clamp(0.0, 1.0);
        self.full_at = last.at;
        self.rate += if self.measured { new } else { 1.0 } * more;
        self.prior = self.prior.max(self.rate);
    }

    /// What whole windows supplied.
    fn measure_windows(&mut self, share: f64) {
        let Some(last) = self.history.last() else {
            return;
        };
        let windows = if self.history.whole().time >= SPAN { 2.0 } else { 1.0 };
        let since = last.at - windows;
        let Some(before) = self.history.at(since) else {
            return;
        };
        let supplied = ((last.supplied - before) / windows).max(0.0);
        if self.history.points().iter().any(|point| point.full && point.at >= since) {
            // Filled up whatever we may take of it: it would have filled up all of it.
            self.learn(supplied / share, 0.0);
        } else {
            self.learn(supplied, self.history.whole().fall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket, asked at a pace and seen without delay.
    struct World {
        rate: RefillRate,
        gains: f64,
        size: f64,
        level: f64,
        taken: f64,
        at: f64,
    }

    impl World {
        fn new(gains: f64, size: f64) -> Self {
            Self { rate: RefillRate::new(), gains, size, level: size, taken: 0.0, at: 0.0 }
        }

        /// So many seconds at a pace, which also says whether it is a test.
        fn seen(&mut self, seconds: f64, pace: impl Fn(f64) -> (f64, bool)) {
            let end = self.at + seconds;
            while self.at < end {
                let (rate, test) = pace(self.at);
                self.level = (self.level + self.gains / rate).min(self.size);
                self.at += 1.0 / rate;
                let full = self.level >= self.size - 1e-9;
                (self.level, self.taken) = (self.level - 1.0, self.taken + 1.0);
                let left = self.level.floor() + if full { 0.0 } else { 0.5 };
                let supplied = left + self.taken;
                self.rate.push(Sample { at: self.at, supplied, left, full, test }, 1.0);
            }
        }

        fn rate(&self) -> f64 {
            self.rate.rate()
        }
    }

    fn near(rate: f64, expected: f64) -> bool {
        (rate / expected - 1.0).abs() < 0.05
    }

    #[test]
    fn the_rate_is_learnt_where_the_bucket_is_not_full() {
        for (gains, size) in [(2.0, 10.0), (16.0, 50.0), (40.0, 20.0), (5000.0, 2500.0)] {
            let mut world = World::new(gains, size);
            world.seen(if gains < 10.0 { 8.0 } else { 2.0 }, |_| (gains * 1.2, false));
            assert!(world.rate.is_measured() && near(world.rate(), gains), "{:?}", world.rate);
        }
    }

    #[test]
    fn a_full_bucket_shows_a_least_and_what_was_measured_before_is_kept() {
        let mut world = World::new(40.0, 20.0);
        world.seen(3.0, |_| (30.0, false));
        assert!(!world.rate.is_measured() && near(world.rate(), 30.0), "{:?}", world.rate);
        world.seen(2.0, |_| (46.0, false));
        assert!(near(world.rate(), 40.0), "{:?}", world.rate);
        world.seen(25.0, |_| (30.0, false));
        assert!(world.rate.is_measured() && near(world.rate(), 40.0), "{:?}", world.rate);
    }

    #[test]
    fn a_limit_that_falls_is_seen_in_seconds_and_one_that_rises_by_tests() {
        let mut world = World::new(40.0, 20.0);
        world.seen(3.0, |_| (44.0, false));
        world.gains = 20.0;
        world.seen(3.0, |_| (22.0, false));
        assert!(near(world.rate(), 20.0), "{:?}", world.rate);
        world.gains = 40.0;
        let tests = |at: f64| if at.rem_euclid(2.0) < 0.4 { (80.0, true) } else { (16.0, false) };
        world.seen(10.0, tests);
        assert!((36.0..44.0).contains(&world.rate()), "{:?}", world.rate);
    }

    #[test]
    fn another_limit_keeps_the_rate_until_it_is_measured_anew() {
        let mut world = World::new(40.0, 20.0);
        world.seen(3.0, |_| (44.0, false));
        world.rate.restart();
        assert!(near(world.rate(), 40.0));
    }
}
