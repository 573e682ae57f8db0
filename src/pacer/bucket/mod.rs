//! A model of the tenant's bucket, kept from `limit`, `remaining` and `reset` of its answers.
//!
//! The model takes the sender's point of view: [`Bucket::level`] is what a request sent now will
//! find. An answer says what was left when its own request had been let through; what was sent
//! since then is subtracted, and what is refilled since then is added. So neither the latency
//! matters nor the order in which answers come, only that each says when its request was sent.
//!
//! Pure; times are seconds.

mod history;
mod refill_pattern;
mod refill_rate;
mod sent;
mod survey;

use history::BucketSample;
pub(in crate::pacer) use refill_pattern::Top;
use refill_rate::RefillRate;
use sent::SentRequests;
use survey::{FirstAnswers, WINDOWS, Windows};

use super::{JITTER, Learnt, ROUNDING};

/// Consecutive successful answers without the limit after which it is unknown: a stray answer that
/// names one must not be believed while all others are silent.
const SILENCES: u32 = 5;
/// Token intervals to wait before trying whether there is a token, while the refill cannot be
/// predicted yet and until the first 429. Trying early shows a rate that waiting for whole
/// intervals never would: a bucket of one or two gets 8 to 61 points more of its limit.
const EAGER: f64 = 0.7;
/// Time in which the caution after 429s wears off, in seconds. Caution saves two runs on a tenant
/// that refills once a second 60 refusals in 1,000 requests; a third of this time costs 19 of them,
/// and with twice as much, more estimates are off by over a tenth.
const CAUTION: f64 = 30.0;
/// A bucket counts as full if it lacks no more than a sixteenth: other clients that came just
/// before must not hide that it was. Without it, shares with a reserve fall by up to 12 points.
const NEARLY_FULL: f64 = 16.0;

/// Longest time without an answer after which one request may try, in seconds: a header that names
/// a reset tomorrow must not stop a run until then, and trying costs one refusal at most.
const LONGEST_PATIENCE: f64 = 60.0;

/// State of the bucket, according to an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketReading {
    pub(super) sent: f64,
    pub(super) limit: f64,
    pub(super) remaining: f64,
    /// Time until the bucket is full.
    pub(super) full_in: Option<f64>,
    pub(super) throttled: bool,
    /// True if its request was part of a test of how fast the bucket fills up.
    pub(super) test: bool,
}

/// Permission to send a request now, or the lack of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gate {
    /// The level is high enough.
    Open,
    /// There has been no answer for so long that the bucket should be full. One request may try.
    Look,
    /// The level is too low; when to ask again.
    Shut(f64),
}

/// The model.
#[derive(Debug)]
pub(super) struct Bucket {
    refill: RefillRate,
    survey: FirstAnswers,
    /// True if the tenant's answers state the limit.
    known: bool,
    limit: f64,
    sent: SentRequests,
    /// Requests supplied by the time of the newest answer, and that time.
    supplied: f64,
    at: f64,
    /// Time at which the newest answered request was sent.
    newest: f64,
    /// Consecutive successful answers that did not state the limit.
    silences: u32,
    /// Time from which one request may try whatever the model says, since the bucket should be
    /// full.
    full_at: f64,
    /// Time from which one request may try whether there is a token.
    token_at: f64,
    /// Token intervals to wait before that.
    eager: f64,
    /// Requests left beside the reserve after 429s, a number that wears off; and the time of the
    /// last 429.
    caution: f64,
    refused: f64,
    /// Time until the bucket is full, according to the newest answer.
    full_in: Option<f64>,
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            refill: RefillRate::new(),
            survey: FirstAnswers::default(),
            known: false,
            limit: 0.0,
            sent: SentRequests::default(),
            supplied: 0.0,
            at: 0.0,
            newest: f64::NEG_INFINITY,
            silences: 0,
            full_at: 0.0,
            token_at: f64::INFINITY,
            eager: EAGER,
            caution: 0.0,
            refused: 0.0,
            full_in: None,
        }
    }

    /// Returns whether the tenant says its limit.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Notes a successful answer that did not state the limit; a few of these are tolerated.
    pub(super) fn silence(&mut self) {
        self.silences += 1;
        self.known &= self.silences < SILENCES;
    }

    /// Returns the refill rate, in requests a second beyond what others take.
    pub(super) fn refill_rate(&self) -> f64 {
        self.refill.rate()
    }

    /// Returns whether the refill rate was measured; otherwise it is a lower bound.
    pub(super) fn is_measured(&self) -> bool {
        self.refill.is_measured()
    }

    /// Returns whether the bucket was full at the latest reading.
    pub(super) fn is_full(&self) -> bool {
        self.refill.is_full()
    }

    /// Returns whether the bucket is known to be refilled continuously.
    pub(super) fn is_even(&self) -> bool {
        self.refill.pattern.is_even()
    }

    /// Returns whether it is known how the bucket is refilled.
    pub(super) fn is_pattern_known(&self) -> bool {
        self.refill.pattern.is_known()
    }

    /// Returns the next refill, where the bucket is refilled once a second.
    pub(super) fn next_top(&self, now: f64) -> Option<Top> {
        self.refill.pattern.next_top(now)
    }

    /// Returns the refill rate in requests a second beyond what others take, as the latest answers
    /// show it; `None` before it was measured.
    pub(super) fn measured_rate(&self) -> Option<f64> {
        let measured = self.refill.is_measured().then(|| self.refill.rate());
        self.refill.pattern.steps().map(|steps| steps.rate()).or(measured)
    }

    /// Returns what the first answers show about the bucket in the long run, and its level now.
    pub(super) fn learnt(&self, now: f64) -> Learnt {
        if !self.known {
            return Learnt::default();
        }
        // A full bucket shows that it gains no less than what was taken.
        let least = Some(self.refill.rate()).filter(|_| self.is_full());
        let promised = self.survey.promised(self.limit).into_iter().chain(least).reduce(f64::max);
        let limit = Some(self.limit);
        let base = Learnt { limit, promised, ..Learnt::default() };
        let windows = self.survey.windows(self.limit, now).filter(|_| !self.is_even());
        if let Some(Windows { steps, used, level }) = windows {
            let (refill, steps) = (Some(steps.rate()), Some(steps));
            return Learnt { refill, steps, level: Some(level), used: Some(used), ..base };
        }
        let (steps, used) = match self.refill.pattern.steps() {
            // Fewer requests have not used up the bucket, and these windows after it.
            Some(_) if self.survey.granted() < self.limit * (1.0 + WINDOWS) => (None, None),
            Some(steps) => {
                let used = self.survey.used_by_window();
                (used.map(|_| steps), used)
            }
            None => (None, self.survey.used()),
        };
        let slope = self.survey.slope().filter(|slope| slope.is_straight || self.is_even());
        let is_rough = steps.is_none() && slope.is_some_and(|slope| !slope.is_straight);
        let refill = steps.map(|steps| steps.rate()).or(slope.map(|slope| slope.rate));
        // As long as the pattern is unknown, the model predicts no gain.
        let unseen = if self.is_pattern_known() { None } else { refill.or(promised) };
        let gained = unseen.unwrap_or_default() * (now - self.at).max(0.0);
        let level = Some((self.level(now) + gained).clamp(0.0, self.limit));
        Learnt { refill, is_rough, steps, level, used, ..base }
    }

    /// Returns the size of the bucket.
    pub(super) fn limit(&self) -> f64 {
        self.limit
    }

    /// Returns what a request sent now will find.
    pub(super) fn level(&self, now: f64) -> f64 {
        let supplied = self.supplied + self.refill.gain(self.at, now);
        (supplied - self.sent.taken()).min(self.limit)
    }

    /// Notes that a request is about to be sent.
    pub(super) fn record_sent(&mut self, now: f64) {
        // A full bucket gains nothing.
        self.supplied = self.level(now) + self.sent.taken();
        self.at = now;
        self.sent.record(now);
        // One request tries, and the others wait for its answer.
        self.full_at = self.full_at.max(now + self.patience());
        self.token_at = f64::INFINITY;
    }

    /// Returns whether a request may go that must leave `floor` in the bucket.
    pub(super) fn ask(&self, floor: f64, now: f64) -> Gate {
        let level = self.level(now);
        // A single 429 is no reason to leave more: its caution falls below one at once.
        let need = 1.0 + floor + self.caution(now).floor();
        if !self.known || level >= need - ROUNDING {
            return Gate::Open;
        }
        if now >= self.full_at {
            return Gate::Look;
        }
        if now >= self.token_at {
            return Gate::Open;
        }
        let due = self.refill.due(now, need - level).unwrap_or(f64::INFINITY);
        Gate::Shut(due.min(self.full_at).min(self.token_at))
    }

    fn caution(&self, now: f64) -> f64 {
        self.caution * ((self.refused - now) / CAUTION).exp()
    }

    /// Returns the time without an answer after which one request may try: as long as the tenant
    /// says that the bucket takes to fill, and no longer than [`LONGEST_PATIENCE`]. Where the
    /// refill is predicted, others must have taken all of it, and one try a second is enough.
    fn patience(&self) -> f64 {
        let least = if self.is_even() { 1.0 } else { 2.0 * JITTER };
        self.full_in.unwrap_or(1.0).min(LONGEST_PATIENCE).max(least)
    }

    /// Returns when to try whether there is a token, where the refill cannot be predicted.
    fn try_at(&self, now: f64) -> f64 {
        if self.refill.pattern.is_known() {
            return f64::INFINITY;
        }
        now + (self.eager / self.refill.rate().max(0.01)).max(JITTER)
    }

    /// Returns the time until one token is due after a refusal, as far as it can be predicted.
    pub(super) fn one_token(&self, reading: &BucketReading, now: f64) -> Option<f64> {
        // The request was sent some time ago: the token may have come.
        let due = self.refill.due(reading.sent, 1.0).map(|due| (due - now).max(0.0));
        let missing = (reading.limit - reading.remaining).max(1.0);
        due.or(reading.full_in.map(|full_in| full_in / missing))
    }

    /// Takes in what an answer said; `share` is how much of the bucket we may use.
    pub(super) fn observe(&mut self, reading: &BucketReading, share: f64, now: f64) {
        // A 429 is believed only where successful answers name a limit too: a limiter in front of
        // the tenant may report a limit of its own with its refusals.
        if reading.throttled && !self.known {
            return;
        }
        if reading.throttled {
            self.sent.record_refused();
            self.eager = 1.0;
            // Requests sent together are refused together, and count once.
            if reading.sent > self.refused {
                self.caution = (self.caution(now) + 1.0).min(self.limit / 6.0);
                self.refused = now;
            }
        }
        if !self.known || (self.limit - reading.limit).abs() > 0.5 {
            self.refill.restart();
            self.survey.clear();
            self.newest = f64::NEG_INFINITY;
            self.limit = reading.limit;
        }
        self.known = true;
        self.silences = 0;
        self.full_in = reading.full_in;
        self.full_at = now + self.patience();
        self.token_at = self.try_at(now);
        let Some((least, most)) = self.sent.until(reading.sent) else {
            return;
        };
        let missing = reading.limit - 1.0 - reading.remaining;
        let full = !reading.throttled && missing <= (reading.limit / NEARLY_FULL).floor();
        // `remaining` is rounded down, unless only this request is missing from a full bucket.
        let left = reading.remaining + if missing > 0.0 { 0.5 } else { 0.0 };
        let supplied = left + least.midpoint(most);
        let sample = BucketSample { at: reading.sent, supplied, left, full, test: reading.test };
        self.refill.push(sample, share);
        self.survey.push(sample);
        if let Some(full_in) = reading.full_in.filter(|_| !reading.throttled) {
            self.survey.promise(reading.limit - reading.remaining, full_in);
        }
        // An answer to an older request than the newest answered one says nothing new about the
        // level.
        if reading.sent < self.newest {
            return;
        }
        // A tiny bucket gets no benefit of the doubt: half a request is a large part of it.
        let sure = left.min(reading.remaining + reading.limit / NEARLY_FULL);
        self.supplied = sure + least + self.refill.gain(reading.sent, now);
        self.at = now;
        self.newest = reading.sent;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers")]

    use super::*;

    /// An answer to a request that was sent at a moment.
    fn reading(sent: f64, remaining: f64) -> BucketReading {
        BucketReading {
            sent,
            limit: 20.0,
            remaining,
            full_in: Some(1.0),
            throttled: false,
            test: false,
        }
    }

    fn give(bucket: &mut Bucket, at: f64, count: u32) {
        (0..count).for_each(|_| bucket.record_sent(at));
    }

    #[test]
    fn what_was_sent_since_is_taken_off_however_long_answers_take() {
        for way in [0.0_f64, 0.2, 3.0] {
            let mut bucket = Bucket::new();
            give(&mut bucket, 0.0, 1);
            give(&mut bucket, 0.01, 5);
            bucket.observe(&reading(0.0, 19.0), 1.0, way.max(0.02));
            assert_eq!(bucket.level(way.max(0.02)), 14.0, "{way}");
        }
    }

    #[test]
    fn answers_may_overtake_each_other_and_stale_ones_change_nothing() {
        let mut bucket = Bucket::new();
        for number in 0..6 {
            give(&mut bucket, f64::from(number) / 10.0, 1);
        }
        bucket.observe(&reading(0.5, 10.0), 1.0, 0.6);
        assert_eq!(bucket.level(0.6), 10.5);
        bucket.observe(&reading(0.3, 12.0), 1.0, 0.61);
        assert!((bucket.level(0.61) - 10.5).abs() < 1e-9);
        bucket.observe(&reading(0.0, 19.0), 1.0, 0.62);
        assert!((bucket.level(0.62) - 10.5).abs() < 1e-9);
    }

    #[test]
    fn a_refused_request_has_taken_nothing() {
        let mut bucket = Bucket::new();
        give(&mut bucket, 0.0, 1);
        bucket.observe(&reading(0.0, 1.0), 1.0, 0.1);
        give(&mut bucket, 0.2, 3);
        let refused = BucketReading { throttled: true, ..reading(0.2, 0.0) };
        bucket.observe(&refused, 1.0, 0.3);
        bucket.observe(&refused, 1.0, 0.3);
        assert_eq!(bucket.sent.taken(), 2.0);
    }

    #[test]
    fn nothing_may_go_into_the_reserve_until_the_bucket_should_be_full() {
        let mut bucket = Bucket::new();
        give(&mut bucket, 0.0, 1);
        bucket.observe(&reading(0.0, 6.0), 0.8, 0.0);
        assert_eq!(bucket.ask(4.0, 0.1), Gate::Open);
        give(&mut bucket, 0.1, 2);
        assert!(matches!(bucket.ask(4.0, 0.1), Gate::Shut(at) if at <= 1.11));
        assert_eq!(bucket.ask(0.0, 0.1), Gate::Open);
        assert_eq!(bucket.ask(4.0, 1.2), Gate::Look);
        // One request looks, not every one.
        give(&mut bucket, 1.2, 1);
        assert!(matches!(bucket.ask(4.0, 1.2), Gate::Shut(_)));
    }

    #[test]
    fn where_nothing_is_said_of_the_limit_nothing_is_held_back() {
        let mut bucket = Bucket::new();
        assert_eq!(bucket.ask(4.0, 0.0), Gate::Open);
        bucket.observe(&BucketReading { throttled: true, ..reading(0.0, 0.0) }, 1.0, 0.0);
        assert_eq!(bucket.ask(4.0, 0.0), Gate::Open, "a 429 alone is no bucket");
        bucket.observe(&reading(0.0, 0.0), 1.0, 0.0);
        assert!(matches!(bucket.ask(4.0, 0.0), Gate::Shut(_)));
        (0..SILENCES).for_each(|_| bucket.silence());
        assert_eq!(bucket.ask(4.0, 0.0), Gate::Open);
    }

    #[test]
    fn another_limit_starts_the_mirror_anew() {
        let mut bucket = Bucket::new();
        give(&mut bucket, 0.0, 1);
        bucket.observe(&reading(0.0, 19.0), 1.0, 0.1);
        give(&mut bucket, 0.2, 1);
        bucket.observe(&BucketReading { limit: 100.0, ..reading(0.2, 90.0) }, 1.0, 0.3);
        assert_eq!((bucket.limit(), bucket.level(0.3)), (100.0, 90.5));
    }

    #[test]
    fn refusals_again_and_again_leave_something_and_that_wears_off() {
        let mut bucket = Bucket::new();
        for second in 0..12 {
            let at = f64::from(second);
            give(&mut bucket, at, 1);
            bucket.observe(&reading(at, 0.0), 1.0, at);
            bucket.observe(&BucketReading { throttled: true, ..reading(at, 0.0) }, 1.0, at + 0.1);
        }
        assert!(bucket.caution(12.0) >= 2.0, "{}", bucket.caution(12.0));
        assert!(bucket.caution(112.0) < 1.0);
    }
}
