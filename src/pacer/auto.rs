//! `--rate auto`: the pace, derived from what is known of the bucket.
//!
//! Two numbers decide: the refill rate and the level. A level above the wanted one is used up, one
//! below it is allowed to rise. A fifth of the refill rate is given up and regained only through
//! the level, which all runs on one tenant see alike: that is how they come to share it evenly
//! without knowing of each other. Where the bucket is refilled at the top of a second, its level is
//! spread over that second.
//!
//! With a reserve, only the rest of the refill rate is used, once that is known. Then the bucket
//! stays full, and a full bucket does not show how fast it fills. So now and then requests go
//! faster for a moment (a test), until the level is a little lower, and the speed at which it rises
//! again shows the rate. They are paid back afterwards.
//!
//! Pure; times are seconds.

use super::{
    JITTER, LATENESS_MADE_UP, ROUNDING, SHORTEST_SLEEP, SLOWEST_PACE, bucket::Bucket,
    limit_search::LimitSearch,
};

/// Requests a second until the first answer; the smallest plan allows 2.
const FIRST_RATE: f64 = 2.0;
/// Share of the room above the floor that stays in the bucket without a reserve, because others may
/// take some at any moment.
const MARGIN: f64 = 0.125;
/// Share of the refill rate that is only obtained through the level. Without it, runs on one tenant
/// do not share it evenly, and beside other clients 5 more of 1,000 requests are refused, and 23 of
/// theirs.
const COMMON: f64 = 0.2;
/// Time between tests, and their length. Without tests, a limit that doubles is used a fifth less;
/// twice as often, or half as long, makes shares with a reserve wrong by up to 23 points.
const TEST_EVERY: f64 = 2.5;
const TEST: f64 = 0.4;

/// Factor by which a survey speeds up using a level above the wanted one: without it, 200 questions
/// never bring down a bucket that gains 250 a second, and show nothing.
const HASTE: f64 = 4.0;

/// End of a wait, and its reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RateWait {
    pub(super) until: f64,
    /// Share of the wait that leaves the reserve to others.
    pub(super) reserve: f64,
}

/// Paces requests at a rate that is learnt.
#[derive(Debug)]
pub(super) struct Auto {
    /// Share of the limit left to others.
    reserve: f64,
    /// Fraction of the next permit that has accrued, and when that was computed.
    credit: f64,
    at: f64,
    /// Earliest start of the next test; start and end of the present or last one.
    test_at: f64,
    test_from: f64,
    test_until: f64,
    /// Estimate of the requests sent in the last second, and the time at which it was computed.
    used: f64,
    used_at: f64,
    search: LimitSearch,
    /// Requests a second when a permit was last asked for.
    last_pace: f64,
    /// Share of a level above the wanted one that is used up in a second.
    haste: f64,
}

/// Returns the level that is to be kept in a bucket.
pub(super) fn wanted_level(limit: f64, reserve: f64, is_even: bool) -> f64 {
    let floor = limit * reserve;
    // With a continuous refill, the reserve is better kept above the floor than below it.
    let extra = if is_even { reserve * 2.0 } else { 0.0 };
    (limit - floor).mul_add((MARGIN + extra).min(0.5), floor)
}

/// A rate, and the share of the waiting for it that leaves the reserve to others.
#[derive(Default)]
struct AutoRate {
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
            used: 0.0,
            used_at: now,
            search: LimitSearch::new(),
            last_pace: FIRST_RATE,
            haste: 1.0,
        }
    }

    /// Uses up the bucket sooner.
    pub(super) fn hasten(&mut self) {
        self.haste = HASTE;
    }

    /// Takes a permit, or returns why there is none and when there will be one. There is no
    /// `bucket` before the first answer.
    pub(super) fn take(&mut self, bucket: Option<&Bucket>, now: f64) -> Result<(), RateWait> {
        let pace = self.pace(bucket, now);
        self.last_pace = pace.rate;
        // At a high rate, several permits are waited for at once, and a late wake-up is made up
        // for.
        let tick = SHORTEST_SLEEP.as_secs_f64();
        let many = self.used(now) * tick > 1.0;
        let (late, least) =
            if many { (LATENESS_MADE_UP.as_secs_f64(), tick) } else { (tick, 1e-6) };
        let most = pace.rate.mul_add(late, 1.0);
        self.credit = pace.rate.mul_add((now - self.at).max(0.0), self.credit).min(most);
        self.at = now;
        if self.credit >= 1.0 - ROUNDING {
            self.credit -= 1.0;
            return Ok(());
        }
        // At least a moment ahead, so that the wait is not zero.
        let until = now + ((1.0 - self.credit) / pace.rate).max(least);
        Err(RateWait { until, reserve: pace.reserve })
    }

    /// Returns the requests a second when a permit was last asked for.
    pub(super) fn last_pace(&self) -> f64 {
        self.last_pace
    }

    /// Notes that a permit was granted.
    pub(super) fn record_sent(&mut self, now: f64) {
        self.used = self.used(now) + 1.0;
        self.used_at = now;
    }

    /// Returns whether a request sent at a moment was part of a test.
    pub(super) fn is_test(&self, sent: f64) -> bool {
        sent >= self.test_from && sent <= self.test_until
    }

    /// Takes in a 429; `foretold` if the bucket predicted that nothing was left.
    pub(super) fn throttled(&mut self, foretold: bool, sent: f64, now: f64) {
        self.test_until = now;
        self.credit = self.credit.min(0.0);
        if !foretold {
            let used = self.used(now);
            self.search.throttled(1.0 - self.reserve, used, sent, now);
        }
    }

    /// Returns the time that one token takes where the tenant does not say its limit.
    pub(super) fn one_token(&self) -> f64 {
        1.0 / self.search.limit()
    }

    fn used(&self, now: f64) -> f64 {
        self.used * (self.used_at - now).exp()
    }

    fn pace(&mut self, bucket: Option<&Bucket>, now: f64) -> AutoRate {
        let share = 1.0 - self.reserve;
        let Some(bucket) = bucket else {
            return AutoRate { rate: FIRST_RATE, ..AutoRate::default() };
        };
        if !bucket.is_known() {
            let used = self.used(now);
            let met = self.search.met();
            let rate = self.search.rate(share, used, now);
            return AutoRate { rate, reserve: if met { self.reserve } else { 0.0 } };
        }
        let (limit, refill) = (bucket.limit(), bucket.refill_rate());
        let floor = limit * self.reserve;
        let even = bucket.is_even();
        let wanted = wanted_level(limit, self.reserve, even);
        // The level can give back no more than the room it has to rise.
        let room = (limit - wanted).max(0.0) / 2.0;
        let common = if even { (refill * COMMON).min(room) } else { 0.0 };
        let level = bucket.level(now);
        let next = bucket.next_top(now);
        let mut rate = match next {
            // The level is for this second, other clients included, and the next one brings as
            // much. It is used up a little early, so that no request arrives in the next second
            // instead.
            Some(top) => {
                (level - floor) / (top.until - JITTER).max(LATENESS_MADE_UP.as_secs_f64())
                    - top.others
            }
            // A level above the wanted one is used up within a second. Half a second costs a bucket
            // of two 10 points of its limit; with two seconds, more of the other clients' requests
            // are refused. In a bucket whose margin is less than a request, that would only get the
            // sooner ones refused.
            None if level > wanted && limit * MARGIN >= 1.0 => {
                (level - wanted).mul_add(self.haste, refill - common)
            }
            None => refill - common + (level - wanted),
        };
        let mut reserve = 0.0;
        if bucket.is_full() && !bucket.is_pattern_known() {
            // The refill rate is a lower bound. Without this, a bucket of one gets 9 points less.
            rate = rate.max(refill * 1.5);
        }
        if self.reserve > 0.0 && next.is_none() && bucket.is_measured() {
            let (depth, cost) = self.test(bucket, now);
            if now < self.test_until && level > limit - depth {
                return AutoRate { rate: (refill * 2.0).max(limit / 4.0), reserve: 0.0 };
            }
            let most = refill * share - cost;
            // The nearer the level is to the reserve, the slower the pace.
            let ease = ((level - floor) / (limit / 2.0)).clamp(0.0, 1.0);
            // So low a refill may be no more than what was asked of a bucket that is refilled in
            // steps; at the slowest pace these would never show, and the run would stay there.
            if bucket.is_pattern_known() || refill * share > SLOWEST_PACE {
                if rate > most {
                    (rate, reserve) = (most, self.reserve);
                }
                rate = rate.min(refill * ease);
            }
        }
        AutoRate { rate: rate.max(SLOWEST_PACE), reserve }
    }

    /// Begins a test if it is time; returns how far down it may bring the bucket, and its cost in
    /// requests a second.
    fn test(&mut self, bucket: &Bucket, now: f64) -> (f64, f64) {
        let (rate, limit) = (bucket.refill_rate(), bucket.limit());
        let depth = (rate * TEST_EVERY / 8.0)
            .max(limit / 16.0 + 2.0)
            .min(limit * (1.0 - self.reserve) / 4.0);
        if now >= self.test_at && bucket.is_full() {
            self.test_at = now + TEST_EVERY;
            (self.test_from, self.test_until) = (now, now + TEST);
        }
        let cost = (rate * self.reserve).mul_add(TEST, depth).min(rate * TEST_EVERY / 4.0);
        (depth, cost / TEST_EVERY)
    }
}
