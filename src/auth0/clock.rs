//! The tenant's clocks, estimated from its answers.
//!
//! A tenant has more than one: `Date` is written by whichever front end answers, `created_at` by
//! the store behind. Both are measured against ours. Ours may be wrong, but it must not be set
//! between a measurement and its use: when it no longer agrees with the monotonic clock, everything
//! measured is forgotten until the next answer.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use tokio::time::Instant;

use crate::{
    model::{ClockSkew, LocalTime, Millis, TenantTime},
    sync::lock,
};

/// A sample this far behind the estimate means that a clock was set; the estimate starts afresh.
const SET: Millis = 3_000;
/// Largest difference between a method's `created_at` and the `Date` of its answer. Beyond it the
/// method may not have been created by that request at all, so no clock is read off it.
const LARGEST_DIFFERENCE: Millis = 600_000;

/// Lead of the tenant's clocks over ours, estimated from its answers.
#[derive(Debug, Clone)]
pub struct ServerClock {
    seen: Arc<Mutex<Estimates>>,
    wall: fn() -> LocalTime,
}

/// Observations since our clock was last set.
#[derive(Debug)]
struct Estimates {
    /// Estimate from `Date`.
    dates: Estimate,
    /// Estimate from the `created_at` of methods that had just been created.
    creations: Estimate,
    /// Our two clocks when they were last compared.
    compared: (LocalTime, Instant),
}

/// An estimate of how far a clock is ahead. A sample is the difference between its reading and ours
/// when the answer arrived: too low by the time the answer travelled (and a `Date` is cut down to
/// whole seconds), so the highest sample is the best, and never too high.
#[derive(Debug, Default)]
struct Estimate {
    /// Highest of the recent samples: it follows a clock that is set.
    best: Option<ClockSkew>,
    /// Highest of all samples.
    most: Option<ClockSkew>,
    /// Lowest of all samples.
    least: Option<ClockSkew>,
}

impl Estimate {
    fn add(&mut self, sample: ClockSkew) {
        self.best = Some(match self.best {
            Some(known) if sample > known - SET => known.max(sample),
            _ => sample,
        });
        self.most = self.most.max(Some(sample));
        self.bound(sample);
    }

    /// Remembers a sample as a lower bound, without using it as an estimate.
    fn bound(&mut self, sample: ClockSkew) {
        self.least = Some(self.least.map_or(sample, |least| least.min(sample)));
    }
}

impl ServerClock {
    /// Makes a clock that knows nothing yet; `wall` is our wall clock.
    pub fn new(wall: fn() -> LocalTime) -> Self {
        let compared = (wall(), Instant::now());
        let (dates, creations) = Default::default();
        Self { seen: Arc::new(Mutex::new(Estimates { dates, creations, compared })), wall }
    }

    /// Takes in the `Date` of an answer that has just come.
    pub fn observe(&self, date: SystemTime) {
        let since = date.duration_since(SystemTime::UNIX_EPOCH);
        if let Some(date) = since.ok().and_then(|since| Millis::try_from(since.as_millis()).ok()) {
            let (mut seen, wall) = self.look();
            seen.dates.add(TenantTime::from_millis(date).ahead_of(wall));
        }
    }

    /// Takes in the creation time of a method whose creation has just been answered.
    pub fn observe_creation(&self, created_at: TenantTime) {
        let (mut seen, wall) = self.look();
        let sample = created_at.ahead_of(wall);
        match seen.dates.best {
            Some(date) if (date - sample).unsigned_abs() > LARGEST_DIFFERENCE.unsigned_abs() => {
                seen.creations.bound(sample);
            }
            _ => seen.creations.add(sample),
        }
    }

    /// Returns how far the clock of `created_at` is ahead; as long as nothing was created, how far
    /// the foremost clock that writes `Date` is ahead. No answer makes it higher than it is.
    pub fn skew(&self) -> Option<ClockSkew> {
        let (seen, _) = self.look();
        seen.creations.best.or(seen.dates.most)
    }

    /// Returns the lowest lead over our clock that any answer has shown of any of the tenant's
    /// clocks.
    pub fn least_skew(&self) -> Option<ClockSkew> {
        let (seen, _) = self.look();
        [seen.dates.least, seen.creations.least].into_iter().flatten().min()
    }

    /// Returns how far the clock of `Date` is ahead, according to the latest answers.
    pub(super) fn date_skew(&self) -> Option<ClockSkew> {
        let (seen, _) = self.look();
        seen.dates.best
    }

    /// Returns our own time.
    pub(super) fn wall(&self) -> LocalTime {
        (self.wall)()
    }

    /// The tenant's time now by the clock of `Date`, as well as it is known.
    pub(super) fn now(&self) -> TenantTime {
        let (seen, wall) = self.look();
        wall.at_tenant(seen.dates.best.unwrap_or_default())
    }

    /// Returns the observations and our own time. Forgets them first if our clock was set since the
    /// last call.
    fn look(&self) -> (MutexGuard<'_, Estimates>, LocalTime) {
        let mut seen = lock(&self.seen);
        let (wall, at) = ((self.wall)(), Instant::now());
        let (last_wall, last_at) = seen.compared;
        let passed = Millis::try_from((at - last_at).as_millis()).unwrap_or(Millis::MAX);
        if (wall - last_wall).abs_diff(passed) > SET.unsigned_abs() {
            (seen.dates, seen.creations) = Default::default();
        }
        seen.compared = (wall, at);
        (seen, wall)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use super::*;

    thread_local! {
        static WALL: Cell<LocalTime> = const { Cell::new(LocalTime::from_millis(1_000_000)) };
    }

    fn date(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn skews(clock: &ServerClock) -> [Option<Millis>; 2] {
        [clock.skew(), clock.least_skew()].map(|skew| skew.map(ClockSkew::as_millis))
    }

    #[test]
    fn the_foremost_and_the_hindmost_of_all_front_ends_are_remembered() {
        let clock = ServerClock::new(|| LocalTime::from_millis(1_000_000));
        assert_eq!(skews(&clock), [None, None]);
        for (shown, now, skew, least) in [
            (1_000_000, 0, 0, 0),
            (1_002_000, 2_000, 2_000, 0),
            (1_001_000, 2_000, 2_000, 0),
            // A front end an hour ahead, and one that is not.
            (4_600_000, 3_600_000, 3_600_000, 0),
            (1_000_000, 0, 3_600_000, 0),
            (400_000, -600_000, 3_600_000, -600_000),
            (1_000_000, 0, 3_600_000, -600_000),
        ] {
            clock.observe(date(shown));
            assert_eq!(clock.now().as_millis(), 1_000_000 + now, "{shown}");
            assert_eq!(skews(&clock), [Some(skew), Some(least)], "{shown}");
        }
    }

    #[test]
    fn what_was_just_created_tells_its_own_clock_and_the_meter_keeps_to_dates() {
        let clock = ServerClock::new(|| LocalTime::from_millis(1_000_000));
        clock.observe(date(1_060_000));
        clock.observe_creation(TenantTime::from_millis(800_000));
        clock.observe(date(1_060_000));
        assert_eq!(skews(&clock), [Some(-200_000), Some(-200_000)]);
        assert_eq!(clock.now().as_millis(), 1_060_000);
        // What was there for months is no clock, but a warning.
        clock.observe_creation(TenantTime::from_millis(-9_000_000));
        assert_eq!(skews(&clock), [Some(-200_000), Some(-10_000_000)]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_known_after_our_clock_was_set_until_the_next_answer() {
        let clock = ServerClock::new(|| WALL.get());
        let pass = |millis| {
            WALL.set(WALL.get() + Millis::try_from(millis).unwrap());
            tokio::time::advance(Duration::from_millis(millis))
        };
        clock.observe(date(1_000_000));
        pass(600_000).await;
        assert_eq!(skews(&clock)[0], Some(0));
        for step in [3_600_000, -3_600_000, 10_000] {
            WALL.set(WALL.get() + step);
            assert_eq!(skews(&clock), [None, None], "{step}");
            clock.observe(date(u64::try_from(WALL.get().as_millis()).unwrap() + 1_000));
            assert_eq!(skews(&clock), [Some(1_000), Some(1_000)], "{step}");
        }
        // A laptop that slept: only the wall clock went on.
        WALL.set(WALL.get() + 3_600_000);
        assert_eq!(clock.skew(), None);
    }
}
