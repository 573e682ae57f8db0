//! The bucket behind the limit, simulated in order of time.

use std::collections::VecDeque;
use std::time::Duration;

use super::Limit;

/// The bucket as the headers show it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketState {
    /// Its size.
    pub limit: u32,
    /// Tokens left in it.
    pub remaining: u32,
    /// Time until the bucket is full, if nobody takes anything (auth0-api.md 3.3).
    pub full_in: Duration,
    /// Time until one more request is let through.
    pub next_in: Duration,
}

/// The other applications on the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Requests they sent.
    pub requests: u64,
    /// Number of these that were refused.
    pub throttled: u64,
}

/// Token bucket: its requests, its refill, and the other applications that use it.
#[derive(Debug)]
pub(in crate::sandbox) struct Bucket {
    limit: Limit,
    level: f64,
    at: Duration,
    phase: Duration,
    changes: VecDeque<(Duration, Limit)>,
    neighbour_every: Option<Duration>,
    next_neighbour: Option<Duration>,
    neighbours: Neighbours,
}

impl Bucket {
    /// Makes a full bucket. `phase` is the wall time at the start.
    pub(in crate::sandbox) fn new(
        limit: Limit,
        changes: &[(f64, Limit)],
        neighbours_per_s: f64,
        phase: Duration,
    ) -> Self {
        let mut changes: Vec<_> =
            changes.iter().map(|(at, limit)| (seconds(*at), *limit)).collect();
        changes.sort_by_key(|(at, _)| *at);
        // At most a million a second, so that simulating them ends.
        let neighbour_every = (neighbours_per_s > 0.0)
            .then(|| seconds(1.0 / neighbours_per_s).max(Duration::from_micros(1)));
        Self {
            limit,
            level: f64::from(limit.burst()),
            at: Duration::ZERO,
            phase,
            changes: changes.into(),
            neighbour_every,
            next_neighbour: neighbour_every,
            neighbours: Neighbours::default(),
        }
    }

    /// Returns whether there is no limit at present.
    pub(in crate::sandbox) fn is_boundless(&self) -> bool {
        self.limit == Limit::None
    }

    /// Returns what happened to the other applications.
    pub(in crate::sandbox) fn neighbours(&self) -> Neighbours {
        self.neighbours
    }

    /// Simulates everything up to `now`, in order.
    pub(in crate::sandbox) fn advance(&mut self, now: Duration) {
        loop {
            let change = self.changes.front().map(|(at, _)| *at).filter(|at| *at <= now);
            let neighbour = self.next_neighbour.filter(|at| *at <= now);
            match (change, neighbour) {
                (Some(at), neighbour) if neighbour.is_none_or(|other| at <= other) => {
                    self.change(at);
                }
                (_, Some(at)) => self.neighbour(at),
                (_, None) => break,
            }
        }
        self.refill(now);
    }

    fn change(&mut self, at: Duration) {
        self.refill(at);
        if let Some((_, limit)) = self.changes.pop_front() {
            let burst = f64::from(limit.burst());
            self.level = if self.limit == Limit::None { burst } else { self.level.min(burst) };
            self.limit = limit;
        }
    }

    fn neighbour(&mut self, at: Duration) {
        self.refill(at);
        self.next_neighbour = self.neighbour_every.map(|every| at + every);
        self.neighbours.requests += 1;
        if self.limit != Limit::None && !self.take() {
            self.neighbours.throttled += 1;
        }
    }

    /// Takes one request, if there is one.
    pub(in crate::sandbox) fn take(&mut self) -> bool {
        // A bucket filled in fractions may be slightly short of a whole request.
        let enough = self.level >= 1.0 - 1e-9;
        if enough {
            self.level = (self.level - 1.0).max(0.0);
        }
        enough
    }

    fn refill(&mut self, now: Duration) {
        // Requests are admitted in the order of the lock, which may not be that of their clocks.
        let now = now.max(self.at);
        let gain = match self.limit {
            Limit::None => 0.0,
            Limit::TokenBucket { rate, .. } => rate * now.saturating_sub(self.at).as_secs_f64(),
            Limit::FixedWindow { rate, window_s, .. } => {
                let windows = self.window(now, window_s) - self.window(self.at, window_s);
                f64::from(rate) * f64::from(u32::try_from(windows).unwrap_or(u32::MAX))
            }
        };
        self.level = (self.level + gain).min(f64::from(self.limit.burst()));
        self.at = now;
    }

    fn window(&self, at: Duration, window_s: u32) -> u64 {
        (self.phase + at).as_secs() / u64::from(window_s.max(1))
    }

    /// Returns what the headers show.
    pub(in crate::sandbox) fn reading(&self) -> BucketState {
        let limit = self.limit.burst();
        BucketState {
            limit,
            remaining: whole(self.level),
            full_in: self.time_for(f64::from(limit) - self.level),
            next_in: self.time_for(1.0 - self.level),
        }
    }

    /// Returns the time it takes to add `missing` tokens.
    fn time_for(&self, missing: f64) -> Duration {
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        match self.limit {
            Limit::None => Duration::ZERO,
            Limit::TokenBucket { rate, .. } => seconds(missing / rate),
            Limit::FixedWindow { rate, window_s, .. } => {
                let windows = u64::from(whole((missing / f64::from(rate.max(1))).ceil()));
                let top = (self.window(self.at, window_s) + windows) * u64::from(window_s.max(1));
                Duration::from_secs(top).saturating_sub(self.phase + self.at)
            }
        }
    }
}

/// Longest time, a year: no header needs more, and dates stay within bounds.
const LONGEST_TIME: Duration = Duration::from_secs(365 * 86_400);

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number.max(0.0)).unwrap_or(LONGEST_TIME).min(LONGEST_TIME)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to the burst, which is a u32"
)]
fn whole(level: f64) -> u32 {
    (level + 1e-9).floor().max(0.0) as u32
}
