//! Searches for the rate where the tenant does not state its limit: it sends a little more until
//! there is a 429, then less.
//!
//! The rate doubles each second until the first 429; the limit is about what was sent then. From
//! then on it comes back to the limit from a tenth below, stays there, and rises above it ever
//! faster, as TCP does under CUBIC (RFC 9438): a limit that was doubled is found in some tens of
//! seconds, and one that was not costs a refusal or two each time.
//!
//! Measured (tests/pacing, answers without headers): at its first rate for good, a run uses 69 to
//! 94 points less of the limit; rising in a straight line, 10 points less once it has doubled.
//!
//! Pure; times are seconds.

use super::SLOWEST_PACE;

/// First rate, in requests a second; with 2, two runs do not find their shares within the scenario.
const FIRST_RATE: f64 = 5.0;
/// Share of the limit that is kept after a 429. With 0.75, a run uses 7 points less of a limit that
/// has doubled.
const LESS: f64 = 0.9;
/// Time until the limit is reached again, in seconds. Half as long costs 2 more refusals in 1,000.
const TIME_TO_LIMIT: f64 = 8.0;

/// The search.
#[derive(Debug)]
pub(super) struct LimitSearch {
    /// The limit, as far as it was found.
    limit: f64,
    /// Time at which the limit was found; before the first 429, the start of the search.
    since: Option<f64>,
    met: bool,
}

impl LimitSearch {
    pub(super) fn new() -> Self {
        Self { limit: FIRST_RATE, since: None, met: false }
    }

    /// Returns whether there has been a 429.
    pub(super) fn met(&self) -> bool {
        self.met
    }

    /// Returns the tenant's limit, as far as it was found.
    pub(super) fn limit(&self) -> f64 {
        self.limit
    }

    /// Returns the rate that may be used now if `share` of the limit is ours. `used` is how many
    /// requests were sent in the last second: a rate that is not used proves nothing.
    pub(super) fn rate(&mut self, share: f64, used: f64, now: f64) -> f64 {
        let since = *self.since.get_or_insert(now);
        if !self.met {
            let most = (used * 2.0).max(FIRST_RATE);
            self.limit = FIRST_RATE * (now - since).exp2();
            if self.limit > most {
                // The rate grows from what is used.
                self.limit = most;
                self.since = Some(now - (most / FIRST_RATE).log2());
            }
            return self.limit;
        }
        let back = ((now - since) / TIME_TO_LIMIT - 1.0).powi(3);
        let rate = self.limit * share * (1.0 - LESS).mul_add(back, 1.0);
        if back > 0.0 && rate > used * 2.0 {
            self.since = Some(since.max(now - TIME_TO_LIMIT));
        }
        rate.max(SLOWEST_PACE)
    }

    /// Takes in a 429 for a request sent at a moment, with `used` requests sent in the last second.
    pub(super) fn throttled(&mut self, share: f64, used: f64, sent: f64, now: f64) {
        // Requests sent together are refused together, and count once.
        if self.met && self.since.is_some_and(|since| sent < since) {
            return;
        }
        let soon = self.since.is_some_and(|since| now - since < TIME_TO_LIMIT / 4.0);
        // Where only a share is used, the rate had to go well above the limit to be refused; and a
        // full bucket lasts for a while above it.
        let limit = used * share.midpoint(1.0);
        let limit = limit.min(self.limit.max(limit * LESS));
        let limit = match (self.met, soon) {
            // A rate that doubles each second goes far beyond the limit before it is refused.
            (false, _) => used * LESS.powi(3),
            // A second refusal so soon means that the limit is lower than it was found to be.
            (true, true) => self.limit.min(limit) * LESS.powi(2),
            (true, false) => limit,
        };
        self.limit = limit.max(SLOWEST_PACE);
        self.since = Some(now);
        self.met = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends for some seconds to a tenant that allows `limit` a second out of a bucket of 20 and
    /// answers at once; returns how many requests were let through, and how many refused.
    fn send(
        search: &mut LimitSearch,
        share: f64,
        (from, to): (f64, f64),
        limit: f64,
    ) -> (f64, f64) {
        let (mut level, mut at, mut used) = (20.0, from, 0.0);
        let (mut granted, mut refused) = (0.0, 0.0);
        while at < to {
            let gap = 1.0 / search.rate(share, used, at);
            at += gap;
            used = used * (-gap).exp() + 1.0;
            level = gap.mul_add(limit, level).min(20.0);
            if level < 1.0 {
                search.throttled(share, used, at, at);
                refused += 1.0;
            } else {
                level -= 1.0;
                granted += 1.0;
            }
        }
        (granted, refused)
    }

    #[test]
    fn it_finds_the_limit_and_keeps_near_it() {
        for limit in [10.0, 40.0, 500.0] {
            let mut search = LimitSearch::new();
            send(&mut search, 1.0, (0.0, 30.0), limit);
            let (granted, refused) = send(&mut search, 1.0, (30.0, 330.0), limit);
            assert!(granted > limit * 300.0 * 0.9, "{limit}/s: {granted}");
            assert!(refused < granted * 0.02, "{limit}/s: {refused} of {granted}");
        }
    }

    #[test]
    fn it_leaves_most_of_the_reserve_between_looks() {
        let mut search = LimitSearch::new();
        send(&mut search, 0.8, (0.0, 30.0), 40.0);
        let (granted, _) = send(&mut search, 0.8, (30.0, 330.0), 40.0);
        assert!((0.7..0.9).contains(&(granted / 12_000.0)), "{granted}");
    }

    #[test]
    fn it_follows_a_limit_down_at_once_and_up_in_half_a_minute() {
        let mut search = LimitSearch::new();
        send(&mut search, 1.0, (0.0, 30.0), 40.0);
        let (_, refused) = send(&mut search, 1.0, (30.0, 40.0), 10.0);
        assert!(refused <= 8.0 && search.rate(1.0, 10.0, 40.0) < 12.0, "{refused}: {search:?}");
        send(&mut search, 1.0, (40.0, 75.0), 20.0);
        assert!(search.rate(1.0, 20.0, 75.0) > 16.0, "{search:?}");
    }

    #[test]
    fn a_rate_that_is_not_used_does_not_grow() {
        let mut search = LimitSearch::new();
        for second in 0..600 {
            assert!(search.rate(1.0, 6.0, f64::from(second)) <= 12.0);
        }
        search.throttled(1.0, 6.0, 600.0, 600.0);
        for second in 600..1200 {
            assert!(search.rate(1.0, 6.0, f64::from(second)) <= 13.0, "{search:?}");
        }
    }

    #[test]
    fn a_volley_counts_once() {
        let mut search = LimitSearch::new();
        search.throttled(1.0, 40.0, 9.9, 10.0);
        let rate = search.rate(1.0, 40.0, 10.0);
        for _ in 0..50 {
            search.throttled(1.0, 40.0, 9.95, 10.1);
        }
        assert!((search.rate(1.0, 40.0, 10.1) - rate).abs() < rate * 0.05);
    }
}
