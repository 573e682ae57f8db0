//! Survey of the first answers: the refill rate, and the rate of requests, over all of them.
//!
//! The pace follows the last two seconds; a forecast wants the long run. Measured (tests/pacing, 205
//! questions): by the rate that the pace follows, forecasts beside noisy neighbours are off by up to
//! 19 %, and by the survey by 10 at most.
//!
//! Pure; times are seconds.

use super::history::Sample;

/// Answers that are kept: those of a sample of users, and bounded.
const MOST: usize = 256;
/// Least gain that is worth a rate: the number of requests left is a whole one, so that a gain is known
/// to about one.
const LEAST: f64 = 12.0;
/// Shortest time over which the rate of requests is that of a long run, in seconds, and fewest answers
/// before: until then the bucket is being used up, and neighbours come at random.
const LONG: f64 = 10.0;
const MANY: usize = 40;
/// Fewest whole windows that show it, where the bucket is refilled in steps, and the time before the
/// first of them.
const WINDOWS: f64 = 2.0;
/// Fewest requests in these: a window that is cut through is a part of them.
const GRANTED: f64 = 20.0;
const FILLED: f64 = 1.2;

/// The first answers, by the time of their requests.
#[derive(Debug, Default)]
pub(super) struct Survey {
    samples: Vec<Sample>,
}

impl Survey {
    /// Enters an answer, if it is one of the first.
    pub(super) fn push(&mut self, sample: Sample) {
        if self.samples.len() < MOST {
            let at = self.samples.partition_point(|before| before.at <= sample.at);
            self.samples.insert(at, sample);
        }
    }

    /// Forgets all, after the limit has changed.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    /// Returns the refill rate over all stretches in which the bucket was never full.
    pub(super) fn refill(&self) -> Option<f64> {
        let (mut gained, mut products, mut squares) = (0.0, 0.0, 0.0);
        for stretch in self.samples.split(|sample| sample.full) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else {
                continue;
            };
            gained += last.supplied - first.supplied;
            let (at, supplied) = (mean(stretch, |one| one.at), mean(stretch, |one| one.supplied));
            for one in stretch {
                products += (one.at - at) * (one.supplied - supplied);
                squares += (one.at - at).powi(2);
            }
        }
        // The slope: travel times differ, so that single answers are early or late.
        (gained >= LEAST && squares > 0.0).then(|| products / squares)
    }

    /// Returns the requests a second that were granted over the second half, if that was long.
    pub(super) fn used(&self) -> Option<f64> {
        let (half, last) = (self.samples.get(self.samples.len() / 2)?, self.samples.last()?);
        let time = last.at - half.at;
        let is_long = time >= LONG && self.samples.len() >= MANY;
        is_long.then(|| (taken(last) - taken(half)) / time)
    }

    /// Returns the same over whole windows of a second: those of the second half, or as many as there
    /// are after the full bucket was used up.
    pub(super) fn used_by_window(&self) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let time = last.at - first.at;
        let windows = (time - (time / 2.0).max(FILLED)).floor().max(WINDOWS);
        // The newest request at the moment at which the windows begin.
        let since = self.samples.partition_point(|sample| sample.at <= last.at - windows);
        let since = self.samples.get(since.checked_sub(1)?)?;
        let granted = taken(last) - taken(since);
        (time >= windows + FILLED && granted >= GRANTED).then_some(granted / windows)
    }
}

fn mean(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    samples
        .iter()
        .map(value)
        .zip(1_u32..)
        .fold(0.0, |mean, (value, count)| mean + (value - mean) / f64::from(count))
}

/// Returns how many of our requests had been granted by then.
fn taken(sample: &Sample) -> f64 {
    sample.supplied - sample.left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what a bucket of `limit` shows that gains `rate` a second, asked `count` times so often.
    fn survey(limit: f64, rate: f64, every: f64, count: u32) -> Survey {
        let (mut survey, mut level) = (Survey::default(), limit);
        for number in 0..count {
            level = (level + if number > 0 { rate * every } else { 0.0 }).min(limit) - 1.0;
            let left = level.floor() + 0.5;
            let supplied = left + f64::from(number + 1);
            let full = limit - 1.0 - level <= (limit / 16.0).floor();
            let at = f64::from(number) * every;
            survey.push(Sample { at, supplied, left, full, test: false });
        }
        survey
    }

    #[test]
    fn the_refill_shows_where_the_bucket_is_not_full_and_nowhere_else() {
        for (limit, rate, every, count, expected) in [
            (50.0, 16.0, 0.02, 200, Some(16.0)),
            (20.0, 40.0, 0.02, 200, Some(40.0)),
            (250.0, 500.0, 0.001, 200, Some(500.0)),
            // A bucket that stays full, one that nobody could tell, and no answer.
            (50.0, 16.0, 0.1, 200, None),
            (50.0, 16.0, 0.02, 25, None),
            (50.0, 16.0, 0.02, 0, None),
        ] {
            let refill = survey(limit, rate, every, count).refill();
            let is_near =
                |rate: f64| expected.is_some_and(|by: f64| (rate / by - 1.0).abs() < 0.05);
            assert_eq!(refill.is_some(), expected.is_some(), "{limit}, {rate}/s: {refill:?}");
            assert!(refill.is_none_or(is_near), "{limit}, {rate}/s: {refill:?}");
        }
    }

    #[test]
    fn the_rate_of_requests_shows_after_a_while() {
        assert_eq!(survey(10.0, 2.0, 0.5, 30).used(), None);
        assert!(survey(10.0, 2.0, 0.5, 60).used().is_some_and(|used| (used - 2.0).abs() < 0.1));
        assert_eq!(survey(50.0, 50.0, 0.02, 150).used_by_window(), None);
        assert_eq!(survey(10.0, 2.0, 0.5, 30).used_by_window(), None);
        let by_window = survey(50.0, 50.0, 0.02, 170).used_by_window();
        assert!(by_window.is_some_and(|used| (used - 50.0).abs() < 2.0), "{by_window:?}");
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        assert_eq!(survey(10.0, 2.0, 0.5, 10_000).samples.len(), MOST);
    }
}
