//! The tenant's rate limit: one bucket for everything under `/api/v2`.
//!
//! Auth0 describes its algorithm in two ways (auth0-api.md 3.4), so both are implemented. Nothing
//! runs in the background: each caller passes the time, and everything since the last call
//! (refills, other applications' requests, changes of the limit) is simulated in order first.

pub(in crate::sandbox) mod bucket;

use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;

use super::limit::bucket::{Bucket, BucketState, Neighbours};
use crate::sync::lock;

/// Rate limit of the tenant.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No limit.
    #[default]
    None,
    /// A bucket of `burst`, refilled continuously.
    TokenBucket {
        /// Requests a second.
        rate: f64,
        /// Size of the bucket.
        burst: u32,
    },
    /// A bucket of `burst`, refilled at the top of each window on the tenant's clock.
    FixedWindow {
        /// Requests a window.
        rate: u32,
        /// Length of the window in seconds.
        window_s: u32,
        /// Size of the bucket.
        burst: u32,
    },
}

impl Limit {
    /// Returns the limit of a private cloud tenant on the smallest plan (auth0-api.md 3.1).
    pub const fn smallest_plan() -> Self {
        Self::TokenBucket { rate: 100.0, burst: 50 }
    }

    pub(in crate::sandbox) fn burst(self) -> u32 {
        match self {
            Self::None => 0,
            Self::TokenBucket { burst, .. } | Self::FixedWindow { burst, .. } => burst,
        }
    }
}

/// Answer of the bucket to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admission {
    /// There is no limit.
    Free,
    /// The request is let through.
    Granted(BucketState),
    /// The request is refused with a 429.
    Refused(BucketState),
}

/// The bucket, for callers that pass the time: the sandbox, and simulations of pacing.
#[derive(Debug)]
pub struct Limiter {
    /// `None` if there is never anything to limit or count, which saves the lock.
    bucket: Option<Mutex<Bucket>>,
}

impl Limiter {
    /// Makes a full bucket that changes at times counted from the start, and from which others take
    /// that many requests a second. `phase` is the wall time at the start, since windows begin at
    /// the top of a second or minute.
    pub fn new(
        limit: Limit,
        changes: &[(f64, Limit)],
        neighbours_per_s: f64,
        phase: Duration,
    ) -> Self {
        let idle = limit == Limit::None && changes.is_empty() && neighbours_per_s <= 0.0;
        let bucket = Bucket::new(limit, changes, neighbours_per_s, phase);
        Self { bucket: (!idle).then(|| Mutex::new(bucket)) }
    }

    /// Takes one request from the bucket, if there is one. `now` counts from the start.
    pub fn admit(&self, now: Duration) -> Admission {
        let Some(bucket) = &self.bucket else {
            return Admission::Free;
        };
        let mut bucket = lock(bucket);
        bucket.advance(now);
        if bucket.is_boundless() {
            return Admission::Free;
        }
        if bucket.take() {
            Admission::Granted(bucket.reading())
        } else {
            Admission::Refused(bucket.reading())
        }
    }

    /// Returns what has happened to the other applications until now.
    pub fn neighbours(&self, now: Duration) -> Neighbours {
        self.bucket.as_ref().map_or_else(Neighbours::default, |bucket| {
            let mut bucket = lock(bucket);
            bucket.advance(now);
            bucket.neighbours()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: Limit) -> Limiter {
        Limiter::new(limit, &[], 0.0, Duration::ZERO)
    }

    fn granted(limiter: &Limiter, now_ms: u64, asked: usize) -> usize {
        let now = Duration::from_millis(now_ms);
        (0..asked).filter(|_| !matches!(limiter.admit(now), Admission::Refused(_))).count()
    }

    #[test]
    fn token_bucket_gives_its_burst_and_then_its_rate() {
        let limiter = limiter(Limit::TokenBucket { rate: 16.0, burst: 50 });
        assert_eq!(granted(&limiter, 0, 60), 50);
        assert_eq!(granted(&limiter, 62, 1), 0);
        assert_eq!(granted(&limiter, 63, 2), 1);
        assert_eq!(granted(&limiter, 10_000, 60), 50);
    }

    #[test]
    fn reset_is_when_the_bucket_is_full_again() {
        // Recorded (auth0-api.md 3.3): 100 a day, 864 s for each request that is missing.
        let limiter = limiter(Limit::TokenBucket { rate: 100.0 / 86_400.0, burst: 100 });
        for missing in 1..4 {
            let Admission::Granted(reading) = limiter.admit(Duration::ZERO) else {
                panic!("refused")
            };
            assert_eq!(reading.remaining, 100 - missing);
            assert!(
                reading.full_in.abs_diff(Duration::from_secs(864 * u64::from(missing)))
                    < Duration::from_millis(1)
            );
        }
    }

    #[test]
    fn fixed_window_refills_at_the_top_and_never_above_its_burst() {
        // Auth0's own example: burst 5, sustained 10 a second, yields 5 a second.
        let limit = Limit::FixedWindow { rate: 10, window_s: 1, burst: 5 };
        let limiter = Limiter::new(limit, &[], 0.0, Duration::from_millis(700));
        assert_eq!(granted(&limiter, 0, 9), 5);
        assert_eq!(granted(&limiter, 299, 9), 0);
        assert_eq!(granted(&limiter, 300, 9), 5);
        let Admission::Refused(reading) = limiter.admit(Duration::from_millis(500)) else {
            panic!("granted")
        };
        assert_eq!((reading.remaining, reading.full_in), (0, Duration::from_millis(800)));
    }

    #[test]
    fn limit_changes_while_it_runs() {
        let slow = Limit::TokenBucket { rate: 1.0, burst: 2 };
        let limiter =
            Limiter::new(Limit::None, &[(2.0, Limit::None), (1.0, slow)], 0.0, Duration::ZERO);
        assert_eq!(granted(&limiter, 999, 100), 100);
        assert_eq!(granted(&limiter, 1000, 100), 2);
        assert_eq!(granted(&limiter, 2000, 100), 100);
    }

    #[test]
    fn neighbours_take_from_the_same_bucket_and_are_refused_too() {
        let limiter =
            Limiter::new(Limit::TokenBucket { rate: 10.0, burst: 10 }, &[], 5.0, Duration::ZERO);
        assert_eq!(granted(&limiter, 0, 10), 10);
        // In each second ten are added and the neighbours take five.
        assert_eq!(granted(&limiter, 1000, 10), 5);
        assert_eq!(
            limiter.neighbours(Duration::from_secs(1)),
            Neighbours { requests: 5, throttled: 0 }
        );
        let starved =
            Limiter::new(Limit::TokenBucket { rate: 1.0, burst: 1 }, &[], 10.0, Duration::ZERO);
        assert_eq!(
            starved.neighbours(Duration::from_secs(10)),
            Neighbours { requests: 100, throttled: 90 }
        );
    }

    #[test]
    fn clocks_that_go_backwards_take_nothing_away() {
        let limiter = limiter(Limit::TokenBucket { rate: 1.0, burst: 2 });
        assert_eq!(granted(&limiter, 5000, 1), 1);
        assert_eq!(granted(&limiter, 4000, 2), 1);
    }
}
