//! Survey of the first answers: the refill rate, and the rate of requests, over all of them.
//!
//! The pace follows the last two seconds; a forecast needs the long run. What the answers do not
//! show well enough is left out, or said to be rough.
//!
//! Pure; times are seconds.

use super::{
    super::learnt::{Steps, USUAL_FILL_TIME},
    NEARLY_FULL,
    history::BucketSample,
    refill_pattern::SHARE_IN_STEPS,
};

/// Most answers that are kept.
const MAX_SAMPLES: usize = 4_096;
/// Share of its gain by which a bucket may be off a straight line, as a root mean square: others
/// who take much at random push it further off, and so does a refill in steps. At twice this value,
/// twice as many estimates are wrong by over a quarter without being called rough.
const UNEVEN: f64 = 0.015;
/// Shortest time over which the rate of requests is that of a long run, in seconds: until then the
/// bucket is being used up, and neighbours come at random.
const LONG_RUN: f64 = 10.0;
/// Fewest whole windows from which a rate is computed, where the bucket is refilled in steps. One
/// window beside others who come at random makes an estimate wrong by up to 29 %, and one that was
/// not used up by a factor of 30.
pub(super) const WINDOWS: f64 = 2.0;
/// Smallest gain between two requests that counts as a refill step, and shortest time between two
/// steps of a bucket that is refilled in windows longer than a second. Without the latter, windows
/// of a second are taken for longer ones, and estimates are wrong by a factor of up to 30.
const JUMP: f64 = 3.0;
const LONG_WINDOW: f64 = 1.5;

/// The first answers, by the time of their requests.
#[derive(Debug, Default)]
pub(super) struct FirstAnswers {
    samples: Vec<BucketSample>,
    promises: Promises,
}

/// Sums of what the answers said about when the bucket is full again.
#[derive(Debug, Default)]
struct Promises {
    count: f64,
    missing: f64,
    full_in: f64,
}

/// Gain of a bucket over the time in which it was never full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    /// Requests a second.
    pub(super) rate: f64,
    /// True if it gained about as much at any time.
    pub(super) is_straight: bool,
}

/// Refill in windows longer than a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Windows {
    pub(super) steps: Steps,
    /// Requests a second that were granted over whole windows.
    pub(super) used: f64,
    /// Requests in the bucket now.
    pub(super) level: f64,
}

impl FirstAnswers {
    /// Enters an answer, if it is one of the first.
    pub(super) fn push(&mut self, sample: BucketSample) {
        if self.samples.len() < MAX_SAMPLES {
            let at = self.samples.partition_point(|before| before.at <= sample.at);
            self.samples.insert(at, sample);
        }
    }

    /// Forgets all, after the limit has changed.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.promises = Promises::default();
    }

    /// Notes that the bucket, which lacks that many requests, is said to be full in that many
    /// seconds.
    pub(super) fn promise(&mut self, missing: f64, full_in: f64) {
        self.promises.count += 1.0;
        self.promises.missing += missing;
        self.promises.full_in += full_in;
    }

    /// Returns the refill rate according to all these promises: the usual rate for such a limit,
    /// unless the times say otherwise.
    pub(super) fn promised(&self, limit: f64) -> Option<f64> {
        let Promises { count, missing, full_in } = self.promises;
        // It is rounded up to whole seconds, by half a second on average; at first by up to two, as
        // it is unknown then how far the tenant's clock is into a second.
        let time = count.mul_add(-0.5, full_in).max(full_in / 4.0);
        let shortest = count.mul_add(-2.0, full_in).max(0.0);
        let usual = (limit / USUAL_FILL_TIME).min(missing / shortest);
        (missing > 0.0 && time > 0.0).then(|| usual.max(missing / time))
    }

    /// Returns the refill in windows longer than a second, if the bucket is refilled like that.
    pub(super) fn windows(&self, limit: f64, now: f64) -> Option<Windows> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let jumps: Vec<(&BucketSample, f64)> = pairs
            .map(|(before, after)| (after, after.supplied - before.supplied))
            .filter(|(_, gain)| *gain >= JUMP)
            .collect();
        let gained: f64 = jumps.iter().map(|(_, gain)| gain).sum();
        let (oldest, newest) = (jumps.first()?.0, jumps.last()?.0);
        let gaps =
            jumps.iter().zip(jumps.iter().skip(1)).map(|((from, _), (to, _))| to.at - from.at);
        // The first window may have begun before the first request, so its length is a lower bound.
        let since = if jumps.len() > 1 { oldest } else { first };
        let time = newest.at - since.at;
        let shortest = gaps.clone().fold(time, f64::min);
        if gained < (last.supplied - first.supplied) * SHARE_IN_STEPS || shortest < LONG_WINDOW {
            return None;
        }
        // A window without a request looks like two.
        let count: f64 = gaps.clone().map(|gap| (gap / shortest).round()).sum::<f64>().max(1.0);
        let every = (time / count).round().max(2.0);
        // A single one of two seconds may be two of a second, one of them without a request.
        if every < 3.0 && count < WINDOWS {
            return None;
        }
        // Each window begins no later than the request that finds it.
        let (_, late) = gaps.fold((0.0_f64, 0.0_f64), |(late, least), gap| {
            let late = late + gap - (gap / every).round() * every;
            (late, least.min(late))
        });
        let began = oldest.at + late;
        let next_in = every - (now - began).rem_euclid(every);
        let most = jumps.iter().map(|(_, gain)| *gain).fold(0.0, f64::max);
        let is_filled = limit - 1.0 - newest.left <= limit / NEARLY_FULL;
        let gain = if is_filled { limit } else { most };
        let is_refilled = now + next_in - every > last.at;
        let level = if is_refilled { (last.left + gain).min(limit) } else { last.left };
        let steps = Steps { gain, others: 0.0, every, next_in };
        Some(Windows { steps, used: (taken(newest) - taken(since)) / time, level })
    }

    /// Returns the gain over all stretches in which the bucket was never full, by least squares:
    /// travel times differ, so single answers are early or late.
    pub(super) fn slope(&self) -> Option<Slope> {
        // Degrees of freedom: the slope takes one, and so does the mean of each stretch.
        let (mut time, mut freedom) = (0.0, -1.0);
        let (mut products, mut times, mut gains) = (0.0, 0.0, 0.0);
        for stretch in self.samples.split(|sample| sample.full) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else {
                continue;
            };
            time += last.at - first.at;
            freedom -= 1.0;
            let (at, supplied) = (mean(stretch, |one| one.at), mean(stretch, |one| one.supplied));
            for one in stretch {
                products += (one.at - at) * (one.supplied - supplied);
                times += (one.at - at).powi(2);
                gains += (one.supplied - supplied).powi(2);
                freedom += 1.0;
            }
        }
        let rate = products / times;
        let off = ((gains - rate * products).max(0.0) / freedom).sqrt();
        let is_straight = freedom > 0.0 && off <= rate * time * UNEVEN;
        (rate > 0.0).then_some(Slope { rate, is_straight })
    }

    /// Returns how many of our requests were granted.
    pub(super) fn granted(&self) -> f64 {
        let ends = self.samples.first().zip(self.samples.last());
        ends.map_or(0.0, |(first, last)| taken(last) - taken(first) + 1.0)
    }

    /// Returns the requests a second granted over the second half, if that was long enough.
    pub(super) fn used(&self) -> Option<f64> {
        let (half, last) = (self.samples.get(self.samples.len() / 2)?, self.samples.last()?);
        let time = last.at - half.at;
        (time >= LONG_RUN).then(|| (taken(last) - taken(half)) / time)
    }

    /// Returns the requests a second granted over whole windows of a second: those of the second
    /// half, and two at least.
    pub(super) fn used_by_window(&self) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let time = last.at - first.at;
        let windows = (time / 2.0).floor().max(WINDOWS);
        // The newest request at the moment at which the windows begin.
        let since = self.samples.partition_point(|sample| sample.at <= last.at - windows);
        let since = self.samples.get(since.checked_sub(1)?)?;
        (time > windows).then(|| (taken(last) - taken(since)) / windows)
    }
}

fn mean(samples: &[BucketSample], value: impl Fn(&BucketSample) -> f64) -> f64 {
    samples
        .iter()
        .map(value)
        .zip(1_u32..)
        .fold(0.0, |mean, (value, count)| mean + (value - mean) / f64::from(count))
}

/// Returns how many of our requests had been granted by then.
fn taken(sample: &BucketSample) -> f64 {
    sample.supplied - sample.left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what a bucket of `limit` shows that gains `rate` a second, asked `count` times so
    /// often.
    fn survey(limit: f64, rate: f64, every: f64, count: u32) -> FirstAnswers {
        let (mut survey, mut level) = (FirstAnswers::default(), limit);
        for number in 0..count {
            level = (level + if number > 0 { rate * every } else { 0.0 }).min(limit) - 1.0;
            let left = level.floor() + 0.5;
            let supplied = left + f64::from(number + 1);
            let full = limit - 1.0 - level <= (limit / 16.0).floor();
            let at = f64::from(number) * every;
            survey.push(BucketSample { at, supplied, left, full, test: false });
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
            let slope = survey(limit, rate, every, count).slope();
            let refill = slope.filter(|slope| slope.is_straight).map(|slope| slope.rate);
            let is_near =
                |rate: f64| expected.is_some_and(|by: f64| (rate / by - 1.0).abs() < 0.05);
            assert_eq!(refill.is_some(), expected.is_some(), "{limit}, {rate}/s: {slope:?}");
            assert!(refill.is_none_or(is_near), "{limit}, {rate}/s: {slope:?}");
        }
    }

    #[test]
    fn a_slope_is_straight_only_where_others_take_little_at_a_time() {
        // The bucket gains 16 a second, in so long steps; others take so many at once, twice in the
        // time of 200 answers.
        for (step, at_once, count, expected) in [
            (0.02, 0.0, 200, true),
            (0.02, 1.0, 200, true),
            (0.02, 8.0, 200, false),
            (0.02, 30.0, 200, false),
            (1.0, 0.0, 200, false),
            // Two answers are always on a line.
            (0.02, 0.0, 2, false),
        ] {
            let mut survey = FirstAnswers::default();
            for number in 0..count {
                let at = f64::from(number) * 0.02;
                let taken = at_once * f64::from(u8::from(number > 40) + u8::from(number > 90));
                let gained = (at / step).floor() * step * 16.0;
                let supplied = (1_000.0 + gained - taken).floor() + 0.5;
                let left = supplied - f64::from(number);
                survey.push(BucketSample { at, supplied, left, full: false, test: false });
            }
            let slope = survey.slope();
            let is_straight = slope.is_some_and(|slope| slope.is_straight);
            assert_eq!(is_straight, expected, "{step} s, {at_once} at once: {slope:?}");
        }
    }

    #[test]
    fn the_rate_of_requests_shows_after_a_while() {
        assert_eq!(survey(10.0, 2.0, 0.5, 30).used(), None);
        assert!(survey(10.0, 2.0, 0.5, 60).used().is_some_and(|used| (used - 2.0).abs() < 0.1));
        assert_eq!(survey(50.0, 50.0, 0.02, 100).used_by_window(), None);
        let slow = survey(10.0, 2.0, 0.5, 30).used_by_window();
        assert!(slow.is_some_and(|used| (used - 2.0).abs() < 0.1), "{slow:?}");
        let by_window = survey(50.0, 50.0, 0.02, 170).used_by_window();
        assert!(by_window.is_some_and(|used| (used - 50.0).abs() < 2.0), "{by_window:?}");
    }

    /// Returns what a bucket shows that is filled every so many seconds, first after `first`.
    fn windows(limit: f64, (first, every): (f64, f64), count: u32) -> FirstAnswers {
        let (mut survey, mut level, mut at) = (FirstAnswers::default(), limit, 0.0);
        let mut next = first;
        for number in 0..count {
            // What is used up waits, and looks a little late.
            if level < 1.0 {
                at = f64::max(at, next + 0.1);
            }
            while at >= next {
                (level, next) = (limit, next + every);
            }
            level -= 1.0;
            let supplied = level + f64::from(number + 1);
            survey.push(BucketSample {
                at,
                supplied,
                left: level,
                full: level > limit - 2.0,
                test: false,
            });
            at += 0.02;
        }
        survey
    }

    #[test]
    fn windows_longer_than_a_second_show_their_length_and_the_next() {
        for (limit, first, every, count) in [
            (30.0, 4.0, 10.0, 124),
            (50.0, 9.9, 10.0, 205),
            (100.0, 2.0, 20.0, 256),
            (10.0, 3.0, 2.0, 99),
        ] {
            let survey = windows(limit, (first, every), count);
            let now = survey.samples.last().unwrap().at;
            let found = survey.windows(limit, now).unwrap();
            let next = first + ((now - first) / every).ceil() * every;
            assert!((found.steps.every - every).abs() < 1e-9, "{limit}: {found:?}");
            assert!((found.steps.next_in - (next - now)).abs() < 0.2, "{limit}: {found:?}");
            assert!((found.used - limit / every).abs() < 0.5, "{limit}: {found:?}");
            assert!((found.steps.gain - limit).abs() < 1e-9, "{limit}: {found:?}");
            // Later, the bucket is full again.
            let later = survey.windows(limit, now + 2.0 * every).unwrap();
            assert!((later.level - limit).abs() < 1e-9, "{limit}: {later:?}");
        }
        for (limit, rate, every) in [(50.0, 16.0, 0.02), (10.0, 2.0, 0.5), (250.0, 500.0, 0.001)] {
            assert_eq!(survey(limit, rate, every, 200).windows(limit, 100.0), None, "{limit}");
        }
        assert_eq!(windows(50.0, (0.5, 1.0), 250).windows(50.0, 10.0), None);
        assert_eq!(FirstAnswers::default().windows(50.0, 10.0), None);
    }

    #[test]
    fn the_time_until_the_bucket_is_full_tells_the_refill_roughly() {
        for (limit, rate, ahead) in [(50.0, 16.0, 0.4), (10.0, 2.0, 0.1), (100.0, 100.0, 0.9)] {
            for count in [1, 5, 12, 40] {
                let mut survey = FirstAnswers::default();
                for number in 1..=count {
                    let missing = f64::from(number).min(limit);
                    survey.promise(missing, (missing / rate + ahead).ceil());
                }
                let promised = survey.promised(limit).unwrap();
                assert!(
                    promised > rate / 6.0 && promised < rate * 3.0,
                    "{rate}, {count}: {promised}"
                );
            }
        }
        // A tenant of 100 a day is not taken for a usual one.
        let mut survey = FirstAnswers::default();
        survey.promise(3.0, 2_593.0);
        assert!(survey.promised(100.0).is_some_and(|rate| rate < 0.002));
        for (missing, full_in) in [(0.0, 0.0), (0.0, 5.0), (3.0, 0.0)] {
            let mut survey = FirstAnswers::default();
            survey.promise(missing, full_in);
            assert_eq!(survey.promised(100.0), None);
        }
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        assert_eq!(survey(10.0, 2.0, 0.5, 10_000).samples.len(), MAX_SAMPLES);
    }
}
