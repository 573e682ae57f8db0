//! The rate at which a run's requests settle rows, and the time left that follows from it.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Period over which the rate is measured: long enough to be steady, short enough to follow a
/// schedule.
const RATE_WINDOW: Duration = Duration::from_secs(180);
/// Smallest distance between two samples.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Fewest rows before a rate is given: the first answers come in a burst.
const MIN_ROWS: u64 = 3;

/// Samples of the number of rows that requests have settled.
///
/// Rows that needed no request (settled by an earlier run, duplicates, rejected before sending) say
/// nothing about how fast the rest will go, so callers leave them out.
#[derive(Debug)]
pub(super) struct Pace {
    samples: VecDeque<(Instant, u64)>,
    latest: (Instant, u64),
}

impl Pace {
    /// Starts without rows.
    pub(super) fn new(now: Instant) -> Self {
        Self { samples: VecDeque::from([(now, 0)]), latest: (now, 0) }
    }

    /// Takes in the number of rows that requests have settled so far.
    pub(super) fn observe(&mut self, now: Instant, settled: u64) {
        self.latest = (now, settled);
        if settled == 0 {
            // The time before the first row is not time that rows took.
            self.samples = VecDeque::from([self.latest]);
        } else if self.samples.back().is_none_or(|(at, _)| now - *at >= SAMPLE_INTERVAL) {
            self.samples.push_back(self.latest);
        }
        // The oldest sample stays at the far edge of the window or beyond it.
        while self.samples.get(1).is_some_and(|(at, _)| now - *at >= RATE_WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Returns the rows a second over the last minutes; `None` while there are too few.
    pub(super) fn rate(&self) -> Option<f64> {
        let (since, before) = *self.samples.front()?;
        let (now, settled) = self.latest;
        let (time, rows) = (now - since, settled - before);
        let is_known =
            time >= SAMPLE_INTERVAL && (rows >= MIN_ROWS || time >= RATE_WINDOW && rows > 0);
        #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
        is_known.then(|| rows as f64 / time.as_secs_f64())
    }

    /// Returns the time that `rows` more rows will take at that rate.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn left(&self, rows: u64) -> Option<Duration> {
        Duration::try_from_secs_f64(rows as f64 / self.rate()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observes `per_second` for `seconds`, five times a second, from `settled` rows on.
    fn run(pace: &mut Pace, now: &mut Instant, settled: &mut f64, per_second: f64, seconds: u32) {
        for _ in 0..seconds * 5 {
            *now += Duration::from_millis(200);
            *settled += per_second / 5.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            pace.observe(*now, *settled as u64);
        }
    }

    #[test]
    fn the_rate_is_known_after_seconds_and_follows_within_minutes() {
        let (mut now, mut settled) = (Instant::now(), 0.0);
        let mut pace = Pace::new(now);
        run(&mut pace, &mut now, &mut settled, 0.0, 20);
        assert_eq!(pace.rate(), None, "nothing was settled");
        run(&mut pace, &mut now, &mut settled, 2.0, 4);
        let first = pace.rate().unwrap();
        assert!((1.5..=2.5).contains(&first), "{first}");
        run(&mut pace, &mut now, &mut settled, 2.0, 600);
        assert!((pace.rate().unwrap() - 2.0).abs() < 0.05);
        let left = pace.left(400).unwrap().as_secs();
        assert!((190..=210).contains(&left), "{left}");
        run(&mut pace, &mut now, &mut settled, 10.0, 200);
        assert!((pace.rate().unwrap() - 10.0).abs() < 0.1, "the last minutes count, no others");
    }

    #[test]
    fn a_standstill_lengthens_the_time_left_until_nothing_is_known() {
        let (mut now, mut settled) = (Instant::now(), 0.0);
        let mut pace = Pace::new(now);
        run(&mut pace, &mut now, &mut settled, 10.0, 100);
        let before = pace.left(1000).unwrap();
        run(&mut pace, &mut now, &mut settled, 0.0, 60);
        assert!(pace.left(1000).unwrap() > before);
        run(&mut pace, &mut now, &mut settled, 0.0, 300);
        assert_eq!(pace.left(1000), None);
    }
}
