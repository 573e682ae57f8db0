//! The refill rate: requests a second that the bucket gains beyond what others take.
//!
//! Where the bucket is not full for a while, the slope of its history is the rate. A full bucket
//! shows only a lower bound, the requests taken from it; so now and then `auto` sends faster for a
//! moment, a test, to see how fast it fills up again.
//!
//! Measured (tests/pacing): without this file, taking the rate from the headers as (limit -
//! remaining) / (reset - Date), a run uses 31 points less of the limit (63 less of a bucket that is
//! full in half a second: the reset is in whole seconds); without tests, shares with a reserve are
//! wrong by up to 25 points, and without the lower bound by up to 40.
//!
//! Pure; times are seconds.

use super::{
    super::JITTER,
    history::{BucketSample, History},
    refill_pattern::RefillPattern,
};

/// Shortest stretch of history to measure the rate by, and weight of the previous rate against the
/// stretch seen in a test, both in seconds. Half the length costs 8 points of share beside clients
/// that send in bursts of 5, half the weight 24.
const SHORTEST_STRETCH: f64 = 1.0;

/// Measures the refill rate.
#[derive(Debug)]
pub(super) struct RefillRate {
    pub(super) pattern: RefillPattern,
    history: History,
    /// Requests a second.
    rate: f64,
    /// The rate before the test in the history.
    prior: f64,
    /// Start of the last test that was counted.
    tested: f64,
    /// True if the rate was ever measured; otherwise it is a lower bound.
    measured: bool,
}

impl RefillRate {
    pub(super) fn new() -> Self {
        Self {
            pattern: RefillPattern::default(),
            history: History::default(),
            rate: 0.0,
            prior: 0.0,
            tested: f64::NEG_INFINITY,
            measured: false,
        }
    }

    /// Returns the rate; a lower bound unless it was measured.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Returns whether the rate was measured.
    pub(super) fn is_measured(&self) -> bool {
        self.measured
    }

    /// Returns whether the bucket was full at the latest sample.
    pub(super) fn is_full(&self) -> bool {
        self.history.last().is_some_and(|sample| sample.full)
    }

    /// Drops the history, which jumps when the limit changes.
    pub(super) fn restart(&mut self) {
        self.history.clear();
    }

    /// Predicts the gain between two moments.
    pub(super) fn gain(&self, from: f64, to: f64) -> f64 {
        self.pattern.gain(self.rate, from, to)
    }

    /// Predicts when the bucket will have gained what is missing, if ever.
    pub(super) fn due(&self, from: f64, missing: f64) -> Option<f64> {
        self.pattern.due(self.rate, from, missing)
    }

    /// Takes in a sample; `share` is how much of the bucket we may use.
    pub(super) fn push(&mut self, sample: BucketSample, share: f64) {
        self.history.push(sample);
        self.pattern.look(&self.history);
        if self.pattern.next_top(0.0).is_some() {
            self.measure_windows(share);
        } else {
            self.measure();
        }
    }

    /// Measures by the stretch since the bucket was last full, if that is long enough, or by a
    /// test.
    fn measure(&mut self) {
        let samples = self.history.samples();
        let run = samples.iter().rposition(|sample| sample.full).map_or(0, |full| full + 1);
        let run = self.history.stretch(run);
        if run.time >= SHORTEST_STRETCH {
            self.learn((run.gained / run.time).max(0.0), run.fall);
        } else if self.measured {
            self.measure_test();
        }
        self.measure_least();
    }

    /// Adopts a rate. Where no fewer requests are left than before, the gain is only what was
    /// taken: a bucket that is refilled in steps may have lost more unseen.
    fn learn(&mut self, rate: f64, fall: f64) {
        if fall >= 1.0 || self.pattern.is_even() {
            (self.rate, self.measured) = (rate, true);
        } else {
            self.rate = self.rate.max(rate);
        }
        self.prior = self.rate;
    }

    /// Measures by the newest test.
    fn measure_test(&mut self) {
        let samples = self.history.samples();
        let Some(end) = samples.iter().rposition(|sample| sample.test) else {
            return;
        };
        let before = samples.range(..end).rposition(|sample| !sample.test);
        let (from, to) = (samples[before.map_or(0, |before| before + 1)].at, samples[end].at);
        let over = end + 1 < samples.len();
        let test = self.history.steps().filter(|step| step.from >= from && step.to <= to);
        let (gained, time) = test
            .filter(|step| !step.full)
            .fold((0.0, 0.0), |all, step| (all.0 + step.gained, all.1 + step.to - step.from));
        if time < JITTER || from <= self.tested {
            return;
        }
        self.rate =
            (self.prior.mul_add(SHORTEST_STRETCH, gained) / (SHORTEST_STRETCH + time)).max(0.0);
        if over {
            // A test counts once.
            (self.prior, self.tested) = (self.rate, from);
        }
    }

    /// Raises the rate to what was taken from a full bucket over the last half second.
    fn measure_least(&mut self) {
        let Some(last) = self.history.last().filter(|last| last.full) else {
            return;
        };
        let samples = self.history.samples();
        let since =
            samples.iter().rev().find(|sample| last.at - sample.at >= SHORTEST_STRETCH / 2.0);
        let Some(since) = since.copied().or(self.history.first()) else {
            return;
        };
        let time = (last.at - since.at).max(JITTER);
        // `remaining` was rounded down then, unless the bucket was full.
        let unseen = if since.full { 0.0 } else { 0.5 };
        self.rate = self.rate.max((last.supplied - since.supplied - unseen) / time);
        self.prior = self.prior.max(self.rate);
    }

    /// Measures by whole windows of a second.
    fn measure_windows(&mut self, share: f64) {
        let Some(last) = self.history.last() else {
            return;
        };
        let whole = self.history.stretch(0);
        let windows = whole.time.floor().max(1.0);
        let since = last.at - windows;
        let Some(before) = self.history.at(since) else {
            return;
        };
        let gained = ((last.supplied - before) / windows).max(0.0);
        let filled = |sample: &BucketSample| sample.full && sample.at >= since;
        if self.history.samples().iter().any(filled) {
            // The bucket filled up although we had used our share only: it gains the rest as well.
            self.learn(gained / share, 0.0);
        } else {
            self.learn(gained, whole.fall);
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

        /// Observes `seconds` of requests. `pace` returns the rate at a time, and whether that is a
        /// test.
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
                self.rate.push(BucketSample { at: self.at, supplied, left, full, test }, 1.0);
            }
        }

        fn rate(&self) -> f64 {
            self.rate.rate()
        }
    }

    fn near(rate: f64, expected: f64) -> bool {
        (rate / expected - 1.0).abs() < 0.07
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
