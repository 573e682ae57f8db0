//! `--rate auto`: how fast to go, by what is known of the bucket.
//!
//! Two numbers decide. What is supplied for us a second, and the level: a level above what we want
//! to leave is taken up, one below it is let rise. Of the supply itself a fifth is given back, and
//! had again through the level only, which all runs on one tenant see alike: so they come to share
//! it evenly, without knowing of each other. What is refilled at the top of a second is spread over
//! that second.
//!
//! With a reserve no more than its complement of the supply is used. Then the bucket is full, and a
//! full bucket does not show what it gains; so now and then requests go faster for a moment, until
//! it is down a little, and how fast it fills up again tells. They are paid back.
//!
//! Pure; times are seconds.

use super::{TICK, bucket::Bucket, limit_search::LimitSearch};

/// Requests a second until there is an answer; the smallest plan allows 2.
const UNKNOWN: f64 = 2.0;
/// Then it may double each tenth of a second, from here or an eighth of a large bucket.
const FIRST: f64 = 10.0;
const DOUBLING: f64 = 0.1;
/// Never less, or more; the largest plan allows 10,000.
const LOWEST: f64 = 0.2;
const HIGHEST: f64 = 20_000.0;
/// Never less where it is not known when the bucket is refilled, and no full second either: another
/// moment may show another level.
const LOOKING: f64 = 0.8;
/// Time to take up what is above the level we want.
const LEVELLING: f64 = 1.0;
/// The share of the supply that is had through the level only.
const COMMON: f64 = 0.2;
/// Time between looks at how fast a full bucket gains, and how long one takes.
const EVERY: f64 = 2.5;
const TEST: f64 = 0.4;
/// What is refilled once a second is used up so long before.
const LAST: f64 = 0.1;
const HURRY: f64 = 0.02;
/// A timer wakes up late: what is owed from that is made good, no more; ticks later than others.
const LATE: f64 = 0.004;
const LATE_TICK: f64 = 0.02;
/// A permit, but for what is lost in reckoning.
const ENOUGH: f64 = 0.9999;

/// Why the next request has to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wait {
    pub(super) until: f64,
    /// How much of the wait is for the sake of others.
    pub(super) reserve: f64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Auto {
    /// The share of the limit left to others.
    reserve: f64,
    /// What has come together for the next permit, and when that was reckoned.
    credit: f64,
    at: f64,
    /// When to bring a full bucket down a little, to see how fast it fills up again; until when
    /// that goes on.
    test_at: f64,
    test_from: f64,
    test_until: f64,
    /// What was supplied a second when that was last done.
    tested: f64,
    /// When the tenant first said its limit.
    known_since: Option<f64>,
    /// About how many were sent in the last second, and when that was reckoned.
    used: f64,
    used_at: f64,
    search: LimitSearch,
}

/// How fast, and why not faster.
#[derive(Default)]
struct Pace {
    rate: f64,
    reserve: f64,
}

impl Auto {
    pub(super) fn new(reserve: f64, now: f64) -> Self {
        Self {
            reserve,
            credit: 1.0,
            at: now,
            test_at: now,
            test_from: now,
            test_until: now,
            tested: 0.0,
            known_since: None,
            used: 0.0,
            used_at: now,
            search: LimitSearch::new(),
        }
    }

    /// Takes a permit, or says why not and when there will be one.
    pub(super) fn take(&mut self, bucket: &Bucket, answered: bool, now: f64) -> Result<(), Wait> {
        let pace = self.pace(bucket, answered, now);
        let tick = TICK.as_secs_f64();
        let many = self.used(now) * tick > 1.0;
        let (late, least) = if many { (LATE_TICK, tick) } else { (LATE, 1e-6) };
        let most = pace.rate.mul_add(late, 1.0);
        self.credit = pace.rate.mul_add((now - self.at).max(0.0), self.credit).min(most);
        self.at = now;
        if self.credit >= ENOUGH {
            self.credit -= 1.0;
            return Ok(());
        }
        // Not so soon that it is now, or nearly.
        let until = now + ((1.0 - self.credit) / pace.rate).max(least);
        Err(Wait { until, reserve: pace.reserve })
    }

    /// A permit was given.
    pub(super) fn gave(&mut self, now: f64) {
        self.used = self.used(now) + 1.0;
        self.used_at = now;
    }

    /// Whether what was sent at a moment was sent to see how fast the bucket fills up.
    pub(super) fn was_test(&self, sent: f64) -> bool {
        sent >= self.test_from && sent <= self.test_until
    }

    /// A 429; `foretold` if the bucket said that there was nothing left.
    pub(super) fn throttled(&mut self, foretold: bool, sent: f64, now: f64) {
        self.test_until = now;
        self.credit = self.credit.min(0.0);
        if !foretold {
            let used = self.used(now);
            self.search.throttled(1.0 - self.reserve, used, sent, now);
        }
    }

    /// When one token is due where the tenant says nothing.
    pub(super) fn one_token(&self) -> f64 {
        1.0 / self.search.limit()
    }

    fn used(&self, now: f64) -> f64 {
        self.used * (self.used_at - now).exp()
    }

    fn pace(&mut self, bucket: &Bucket, answered: bool, now: f64) -> Pace {
        let share = 1.0 - self.reserve;
        if !answered {
            return Pace { rate: UNKNOWN, ..Pace::default() };
        }
        if !bucket.is_known() {
            self.known_since = None;
            let used = self.used(now);
            let met = self.search.met();
            let rate = self.search.rate(share, used, now);
            return Pace { rate, reserve: if met { self.reserve } else { 0.0 } };
        }
        let since = *self.known_since.get_or_insert(now);
        let (limit, supply) = (bucket.limit(), bucket.refill_rate());
        let floor = limit * self.reserve;
        let even = bucket.is_even();
        // Others come in bursts: what is left to them is better had above the floor than below.
        let above = if even { self.reserve.mul_add(2.0, 0.125).min(0.5) } else { 0.125 };
        let wanted = floor + (limit - floor) * above;
        // As much as the bucket can show.
        let room = (limit - wanted).max(0.0) / LEVELLING / 2.0;
        let common = if even { (supply * COMMON).min(room) } else { 0.0 };
        let level = bucket.level(now);
        let next = bucket.next_top(now);
        let mut rate = match next {
            // What is there is for this second, others included, and the next one brings as much.
            Some(top) => (level - floor) / (top.until - LAST).max(HURRY) - top.others,
            None => supply - common + (level - wanted) / LEVELLING,
        };
        let mut reserve = 0.0;
        if bucket.is_full() && !bucket.is_pattern_known() {
            // The rate is a lower bound. Without this, a bucket of one gets 9 points less.
            rate = rate.max(supply * 1.5);
        }
        if self.reserve > 0.0 && next.is_none() && bucket.is_measured() {
            let (depth, back) = self.test(bucket, now);
            if now < self.test_until && level > limit - depth {
                let rate = (supply * 2.0).max(limit / 4.0);
                return Pace { rate, reserve: 0.0 };
            }
            let most = supply * share - back;
            // The nearer to what is left to others, the less.
            let ease = ((level - floor) / (limit / 2.0)).clamp(0.0, 1.0);
            if rate > most {
                (rate, reserve) = (most, self.reserve);
            }
            rate = rate.min(supply * ease);
        }
        let doubled = FIRST.max(limit / 8.0) * ((now - since) / DOUBLING).min(60.0).exp2();
        rate = rate.min(doubled);
        if self.search.met() {
            let used = self.used(now);
            rate = rate.min(self.search.rate(1.0, used, now));
        }
        let lowest = if even { LOWEST } else { LOOKING };
        Pace { rate: rate.clamp(lowest, HIGHEST), reserve }
    }

    /// Begins to go faster if it is time; says how far down the bucket may be brought by that, and
    /// what it costs a second.
    fn test(&mut self, bucket: &Bucket, now: f64) -> (f64, f64) {
        let rate = bucket.refill_rate();
        let limit = bucket.limit();
        let depth =
            (rate * EVERY / 8.0).max(limit / 16.0 + 2.0).min(limit * (1.0 - self.reserve) / 4.0);
        if now >= self.test_at && bucket.is_full() {
            // It is found to gain more and more: sooner again.
            let rising = rate > self.tested * 1.1;
            self.test_at = now + if rising { EVERY / 2.0 } else { EVERY };
            (self.test_from, self.test_until) = (now, now + TEST);
            self.tested = rate;
        }
        (depth, (rate * self.reserve).mul_add(TEST, depth).min(rate * EVERY / 4.0) / EVERY)
    }
}
