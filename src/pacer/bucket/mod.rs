//! The tenant's bucket, mirrored from `limit`, `remaining` and `reset`.
//!
//! Sample from where requests are sent: [`Bucket::level`] is what a request that is sent now will
//! find. An answer says what was left when its own request had been let through; what was sent
//! since then will have been taken too, and what is refilled since then will have come. So it does
//! not matter how long the way is, nor in which order answers come, only that each says when its
//! request was sent.
//!
//! Pure; times are seconds.

use std::collections::VecDeque;

mod history;
mod refill_pattern;
mod refill_rate;

use history::Sample;
pub(in crate::pacer) use refill_pattern::Top;
use refill_rate::RefillRate;

/// What is sent is remembered for so long; answers that took longer say nothing of the level.
const MEMORY: f64 = 10.0;
/// Answers to older requests than the newest one answered, by this much, change nothing.
const STALE: f64 = 0.25;
/// How much of a surprise is believed at once, and after how long all of it.
const BELIEF: f64 = 0.4;
const SETTLED: f64 = 0.1;
/// Without reading of the limit for so long, nothing is known of it.
const FORGOTTEN: f64 = 60.0;
/// After so many good answers in a row that do not say it, neither: a stray one must not be
/// believed while all others are silent.
const SILENCES: u32 = 5;
/// Times that one token takes, until it is tried whether there is one: of a tiny bucket, until the
/// first 429; and else.
const EAGER: f64 = 0.7;
/// A bucket of so few shows too little to learn from.
const TINY: f64 = 5.0;
const WARIER: f64 = 1.3;
/// Not tried before the bucket could be full so often after a 429, twice as often after each, nor
/// sooner than this after anything.
const WARY: f64 = 2.0;
const WARIEST: f64 = 200.0;
const SOON: f64 = 0.2;
/// Where others take all that is refilled, one request goes after this long.
const STARVED: f64 = 2.0;
/// Time in which what 429s have taught wears off.
const SHY: f64 = 30.0;
/// What is lost in reckoning.
const HAIR: f64 = 0.01;
/// `remaining` is cut down to a whole number.
const HALF: f64 = 0.5;
/// A bucket that misses no more than one in so many is nearly full.
const NEARLY: f64 = 16.0;

/// What an answer said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) sent: f64,
    pub(super) limit: f64,
    pub(super) remaining: f64,
    /// Time until the bucket is full.
    pub(super) full_in: Option<f64>,
    pub(super) throttled: bool,
    /// Whether its request was sent to see how fast the bucket fills up.
    pub(super) test: bool,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gate {
    /// There is enough.
    Open,
    /// Nothing has come for so long that there should be enough. One request tells.
    Look,
    /// There is not; when there may be.
    Shut(f64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Bucket {
    refill: RefillRate,
    limit: f64,
    sent: Sent,
    /// The curve of what was supplied, as it is taken to go on; and when.
    supplied: f64,
    at: f64,
    /// When that was last set right.
    surprised: f64,
    /// When the newest of the requests that were answered had been sent.
    newest: f64,
    /// When the last reading came.
    heard: Option<f64>,
    /// Good answers in a row since then that did not say it.
    silences: u32,
    /// Whatever is believed, one request may go then to see: the bucket should be full.
    full_at: f64,
    /// The same: there should be a token.
    token_at: f64,
    /// Times that one token takes, until it is tried whether there is one.
    eager: f64,
    /// What is left beside the reserve after 429s, which wears off; and when the last one came.
    guard: f64,
    refused: f64,
    /// Until when a 429 is remembered: times that the bucket takes to be full, more each time.
    wary_until: f64,
    wary: f64,
    /// How long the bucket takes to be full, as was last said.
    full_in: Option<f64>,
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            refill: RefillRate::new(),
            limit: 0.0,
            sent: Sent::default(),
            supplied: 0.0,
            at: 0.0,
            surprised: 0.0,
            newest: f64::NEG_INFINITY,
            heard: None,
            silences: 0,
            full_at: 0.0,
            token_at: f64::INFINITY,
            eager: EAGER,
            guard: 0.0,
            refused: f64::NEG_INFINITY,
            wary_until: 0.0,
            wary: WARY,
            full_in: None,
        }
    }

    /// Whether the tenant says what its limit is.
    pub(super) fn is_known(&self, now: f64) -> bool {
        self.heard.is_some_and(|heard| now - heard < FORGOTTEN)
    }

    /// A good answer said nothing of the limit; not all of them do.
    pub(super) fn silence(&mut self) {
        self.silences += 1;
        if self.silences >= SILENCES {
            self.heard = None;
        }
    }

    /// Requests a second that the bucket is refilled with, beyond what others take.
    pub(super) fn refill_rate(&self) -> f64 {
        self.refill.rate()
    }

    /// Whether the refill rate was measured; else it is a lower bound.
    pub(super) fn is_measured(&self) -> bool {
        self.refill.is_measured()
    }

    /// Whether the bucket was full at the latest reading.
    pub(super) fn is_full(&self) -> bool {
        self.refill.is_full()
    }

    /// Whether the bucket is known to be refilled continuously.
    pub(super) fn is_even(&self) -> bool {
        self.refill.pattern.is_even()
    }

    /// Whether it is known how the bucket is refilled.
    pub(super) fn is_pattern_known(&self) -> bool {
        self.refill.pattern.is_known()
    }

    /// The next refill, where the bucket is refilled once a second.
    pub(super) fn next_top(&self, now: f64) -> Option<Top> {
        self.refill.pattern.next_top(now)
    }

    /// Size of the bucket.
    pub(super) fn limit(&self) -> f64 {
        self.limit
    }

    /// What a request that is sent now will find.
    pub(super) fn level(&self, now: f64) -> f64 {
        let supplied = self.supplied + self.refill.gain(self.at, now);
        (supplied - self.sent.taken()).min(self.limit)
    }

    /// A request is about to be sent.
    pub(super) fn gave(&mut self, now: f64) {
        // A full bucket gains nothing.
        self.supplied = self.level(now) + self.sent.taken();
        self.at = now;
        self.sent.gave(now);
        // One looks or tries, and its answer tells.
        self.full_at = self.full_at.max(now + self.patience());
        self.token_at = f64::INFINITY;
    }

    /// Whether a request may go that is to leave as much as `floor`.
    pub(super) fn ask(&self, floor: f64, now: f64) -> Gate {
        let level = self.level(now);
        let need = 1.0 + floor + self.guard(now);
        if !self.is_known(now) || level >= need - HAIR {
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

    /// What else is left, since others were quicker before.
    fn guard(&self, now: f64) -> f64 {
        // One 429 is no reason to leave anything.
        self.wariness(now).floor()
    }

    fn wariness(&self, now: f64) -> f64 {
        self.guard * ((self.refused.max(0.0) - now) / SHY).exp()
    }

    /// How long to wait for what the bucket gains, whatever is believed: until it is full.
    fn patience(&self) -> f64 {
        let least = if self.refill.pattern.is_even() { STARVED } else { SOON };
        self.full_in.unwrap_or(1.0).max(least)
    }

    /// When to try whether there is a token where that cannot be reckoned: it may be refilled all
    /// the time, unless that was found to be wrong just now.
    fn try_at(&self, now: f64) -> f64 {
        if now < self.wary_until || self.refill.pattern.is_known() {
            return f64::INFINITY;
        }
        now + (self.eager / self.refill.rate().max(0.01)).max(SOON)
    }

    /// When one token is due after a refusal, as far as is known.
    pub(super) fn one_token(&self, reading: &Reading, now: f64) -> Option<f64> {
        let spread =
            reading.full_in.map(|full_in| full_in / (reading.limit - reading.remaining).max(1.0));
        // It was sent some time ago: what was due then may have come.
        let due = self.refill.due(reading.sent, 1.0).map(|due| (due - now).max(0.0));
        due.or(spread)
    }

    /// Takes in what an answer said; `share` is how much of the bucket we may take.
    pub(super) fn observe(&mut self, reading: &Reading, share: f64, now: f64) {
        // What a 429 says is only believed where those who are let through are told as much: a
        // limiter in front of the tenant may name a limit of its own to those whom it refuses.
        if reading.throttled && !self.is_known(now) {
            return;
        }
        if reading.throttled {
            self.sent.refused += 1.0;
            self.eager = WARIER;
            // A volley is one.
            if reading.sent > self.refused {
                self.guard = (self.wariness(now) + 0.5).min(self.limit / 6.0);
                self.refused = now;
            }
            if now >= self.wary_until {
                self.wary = (self.wary * 2.0).min(WARIEST);
            }
            self.wary_until = now + self.wary * reading.full_in.unwrap_or(1.0).max(1.0);
        }
        let known = self.is_known(now);
        self.heard = Some(now);
        self.silences = 0;
        self.full_in = reading.full_in;
        self.full_at = now + self.patience();
        self.token_at = self.try_at(now);
        let Some((least, most)) = self.sent.until(reading.sent) else {
            return;
        };
        let missing = reading.limit - 1.0 - reading.remaining;
        // Others, who came just before, must not hide that it was full.
        let full = !reading.throttled && missing <= (reading.limit / NEARLY).floor();
        // Exactly one is missing from a bucket that was full.
        let part = if missing > 0.0 { HALF } else { 0.0 };
        let left = reading.remaining + part;
        let supplied = left + least.midpoint(most);
        let limit_changed = (self.limit - reading.limit).abs() > 0.5;
        if limit_changed || !known {
            self.refill.restart();
            self.newest = f64::NEG_INFINITY;
            self.limit = reading.limit;
            self.eager = if reading.limit < TINY { EAGER } else { WARIER };
        }
        self.refill
            .push(Sample { at: reading.sent, supplied, left, full, test: reading.test }, share);
        if reading.sent < self.newest - STALE {
            return;
        }
        // What is there for certain.
        let sure = reading.remaining + least;
        let now_supplied = sure + self.refill.gain(reading.sent, now);
        let believed = self.supplied + self.refill.gain(self.at, now);
        let surprise = now_supplied - believed;
        let first = self.newest == f64::NEG_INFINITY;
        self.supplied = if first || surprise.abs() > (self.limit / 4.0).max(4.0) {
            now_supplied
        } else {
            let belief = BELIEF.max(1.0 - (-(now - self.surprised) / SETTLED).exp());
            surprise.mul_add(belief, believed)
        };
        self.at = now;
        self.surprised = now;
        self.newest = self.newest.max(reading.sent);
    }
}

/// What was sent, and when.
#[derive(Debug, Default)]
struct Sent {
    /// Moments, and all that was sent until then; those within a millisecond are one.
    times: VecDeque<(f64, f64)>,
    given: f64,
    /// What was sent and not let through has taken nothing.
    refused: f64,
}

impl Sent {
    fn taken(&self) -> f64 {
        self.given - self.refused
    }

    fn gave(&mut self, now: f64) {
        self.given += 1.0;
        match self.times.back_mut() {
            Some((at, count)) if now - *at < 0.001 => *count = self.given,
            _ => self.times.push_back((now, self.given)),
        }
        while self.times.get(1).is_some_and(|(at, _)| *at < now - MEMORY) {
            self.times.pop_front();
        }
    }

    /// All that was taken by requests up to one that was sent at a moment, at least and at most:
    /// which came first of what was sent at once is not known. `None` if that is too long ago.
    fn until(&self, at: f64) -> Option<(f64, f64)> {
        let index = self.times.partition_point(|(time, _)| *time <= at).checked_sub(1)?;
        let (_, most) = self.times.get(index)?;
        let before = index.checked_sub(1).and_then(|index| self.times.get(index));
        let least = before.map_or(*most, |(_, count)| count + 1.0);
        Some((least - self.refused, most - self.refused))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers")]

    use super::*;

    /// An answer to a request that was sent at a moment.
    fn reading(sent: f64, remaining: f64) -> Reading {
        Reading { sent, limit: 20.0, remaining, full_in: Some(1.0), throttled: false, test: false }
    }

    fn give(bucket: &mut Bucket, at: f64, count: u32) {
        (0..count).for_each(|_| bucket.gave(at));
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
        assert_eq!(bucket.level(0.6), 10.0);
        bucket.observe(&reading(0.3, 12.0), 1.0, 0.61);
        assert!((bucket.level(0.61) - 10.0).abs() < 1e-9);
        bucket.observe(&reading(0.0, 19.0), 1.0, 0.62);
        assert!((bucket.level(0.62) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_refused_request_has_taken_nothing() {
        let mut bucket = Bucket::new();
        give(&mut bucket, 0.0, 1);
        bucket.observe(&reading(0.0, 1.0), 1.0, 0.1);
        give(&mut bucket, 0.2, 3);
        let refused = Reading { throttled: true, ..reading(0.2, 0.0) };
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
        bucket.observe(&Reading { throttled: true, ..reading(0.0, 0.0) }, 1.0, 0.0);
        assert_eq!(bucket.ask(4.0, 0.0), Gate::Open, "a 429 alone is no bucket");
        bucket.observe(&reading(0.0, 0.0), 1.0, 0.0);
        assert!(matches!(bucket.ask(4.0, 0.0), Gate::Shut(_)));
        assert_eq!(bucket.ask(4.0, FORGOTTEN + 1.0), Gate::Open);
    }

    #[test]
    fn another_limit_starts_the_mirror_anew() {
        let mut bucket = Bucket::new();
        give(&mut bucket, 0.0, 1);
        bucket.observe(&reading(0.0, 19.0), 1.0, 0.1);
        give(&mut bucket, 0.2, 1);
        bucket.observe(&Reading { limit: 100.0, ..reading(0.2, 90.0) }, 1.0, 0.3);
        assert_eq!((bucket.limit(), bucket.level(0.3)), (100.0, 90.0));
    }

    #[test]
    fn refusals_again_and_again_leave_something_and_that_wears_off() {
        let mut bucket = Bucket::new();
        for second in 0..12 {
            let at = f64::from(second);
            give(&mut bucket, at, 1);
            bucket.observe(&reading(at, 0.0), 1.0, at);
            bucket.observe(&Reading { throttled: true, ..reading(at, 0.0) }, 1.0, at + 0.1);
        }
        assert!(bucket.guard(12.0) >= 2.0, "{}", bucket.guard(12.0));
        assert_eq!(bucket.guard(112.0), 0.0);
    }

    #[test]
    fn what_is_remembered_of_what_was_sent_is_bounded() {
        let mut sent = Sent::default();
        for number in 0..500_000 {
            sent.gave(f64::from(number) * 0.000_2);
        }
        assert!(sent.times.len() <= 10_100, "{}", sent.times.len());
        assert_eq!(sent.until(50.0), None);
        assert!(sent.until(99.0).is_some_and(|(least, most)| most - least <= 6.0));
    }
}
