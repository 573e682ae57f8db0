//! `--rate N`: exactly that many requests a second, whatever the tenant would allow.
//!
//! The promise is that any window of a second or more holds at most N·window + burst permits; the
//! aim is to give nearly all of them. Timers wake up to a millisecond late, and later on busy
//! machines, so a strict spacing of 1/N would lose the lateness of each wake-up. Therefore
//! governor, which spaces the permits, makes up for a late wake-up by up to [`LATENESS_MADE_UP`],
//! and [`Window`] makes sure that this never breaks the promise. That costs the lateness of the
//! latest wake-up of a second.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

use super::{LATENESS_MADE_UP, SHORTEST_SLEEP, exact_window::Window};

/// Share of the rate given up because the time from a permit to the wire varies.
const SLOWER: f64 = 0.004;

/// governor on tokio's clock, so that a paused clock paces too.
type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanoseconds>>;

/// Paces at an exact rate.
#[derive(Debug)]
pub(super) struct Exact {
    limiter: Limiter,
    /// Governor's cells that make up one permit: a burst of whole permits could not express a
    /// lateness of less than one.
    cells: NonZeroU32,
    window: Window,
    /// True if the limiter has given the cells of a permit that the window does not allow yet.
    spaced: bool,
    began: Instant,
    /// Shortest sleep: many short ones cost more than they gain.
    least: Duration,
}

impl Exact {
    pub(super) fn new(rate: f64, burst: u32) -> Self {
        let permit = Duration::from_secs_f64((1.0 / effective(rate)).clamp(1e-6, 86_400.0));
        let cells = u32::try_from(permit.as_nanos().div_ceil(LATENESS_MADE_UP.as_nanos()));
        let cells = NonZeroU32::new(cells.unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        // Rounds up by a nanosecond, not down.
        let cell = permit / cells.get() + Duration::from_nanos(1);
        let late = u32::try_from(LATENESS_MADE_UP.as_nanos() / cell.as_nanos()).unwrap_or(u32::MAX);
        let room = burst.max(1).saturating_mul(cells.get()).saturating_add(late);
        let quota = Quota::with_period(cell).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
        let quota = quota.allow_burst(NonZeroU32::new(room).unwrap_or(NonZeroU32::MIN));
        let began = Instant::now();
        let limiter = RateLimiter::direct_with_clock(quota, TokioClock { start: began });
        if let Some(late) = NonZeroU32::new(late) {
            // Nothing is late yet.
            drop(limiter.check_n(late));
        }
        let least = if permit < SHORTEST_SLEEP { SHORTEST_SLEEP } else { Duration::ZERO };
        let window = Window::new(rate, f64::from(burst.max(1)));
        Self { limiter, cells, window, spaced: false, began, least }
    }

    /// Takes a permit, or returns when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let at = now.duration_since(self.began).as_secs_f64();
        // Both are asked at once, so that a request that waits for one also knows about the other
        // when it wakes up.
        let due = self.spaced(now);
        let due = due.max(
            self.window.may(at).err().map(|until| self.began + Duration::from_secs_f64(until)),
        );
        if let Some(until) = due {
            return Err(until.max(now + self.least.max(Duration::from_micros(1))));
        }
        self.spaced = false;
        self.window.record(at);
        Ok(())
    }

    /// Returns when the spacing allows the next permit; `None` if it allows one now.
    fn spaced(&mut self, now: Instant) -> Option<Instant> {
        if self.spaced {
            return None;
        }
        match self.limiter.check_n(self.cells) {
            Ok(Ok(())) => {
                self.spaced = true;
                None
            }
            Ok(Err(not_until)) => Some(now + not_until.wait_time_from(self.limiter.clock().now())),
            // There is always room for one permit.
            Err(_) => Some(now + LATENESS_MADE_UP),
        }
    }
}

/// Returns the real number of requests a second for a given rate.
pub(super) fn effective(rate: f64) -> f64 {
    rate * (1.0 - SLOWER)
}

/// Gives governor tokio's clock.
#[derive(Debug, Clone)]
struct TokioClock {
    start: Instant,
}

/// Nanoseconds since the limiter was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Nanoseconds(u64);

impl std::ops::Add<Nanos> for Nanoseconds {
    type Output = Self;
    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for Nanoseconds {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::from(self.0.saturating_sub(earlier.0))
    }
    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl Clock for TokioClock {
    type Instant = Nanoseconds;
    fn now(&self) -> Nanoseconds {
        Nanoseconds(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;

    /// Returns when permits were given over some seconds, to a task that always wants one and whose
    /// sleeps are up to `late` too long.
    async fn given(rate: f64, burst: u32, seconds: f64, late: Duration) -> Vec<f64> {
        let (mut exact, began) = (Exact::new(rate, burst), Instant::now());
        let mut rng = fastrand::Rng::with_seed(7);
        let mut times = Vec::new();
        while began.elapsed().as_secs_f64() < seconds {
            match exact.take(Instant::now()) {
                Ok(()) => times.push(began.elapsed().as_secs_f64()),
                Err(until) => sleep_until(until + late.mul_f64(rng.f64())).await,
            }
        }
        times
    }

    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    fn float(count: usize) -> f64 {
        count as f64
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_of_a_second_or_more_holds_more_than_promised() {
        for (rate, burst) in
            [(0.5, 1), (2.0, 1), (16.0, 1), (16.0, 10), (100.0, 1), (500.0, 50), (5000.0, 1)]
        {
            for late in [0, 3, 40, 900] {
                let times = given(rate, burst, 20.0, Duration::from_millis(late)).await;
                let (mut behind, mut least) = (0, f64::INFINITY);
                for (index, last) in times.iter().enumerate() {
                    // Windows from those that are a second back: least of what each has too much.
                    while last - times[behind] >= 1.0 {
                        least = least.min(rate.mul_add(-times[behind], float(behind)));
                        behind += 1;
                    }
                    let longer = rate.mul_add(-last, float(index)) - least + 1.0;
                    let second = float(index + 1 - behind) - rate;
                    let most = f64::from(burst) + 1e-6;
                    assert!(longer <= most && second <= most, "{rate}/s, {burst}: at {last} s");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_used_nearly_whole_however_late_timers_are() {
        for rate in [2.0, 16.0, 50.0, 1000.0, 5000.0, 50_000.0] {
            for late in [0, 2, 5] {
                let times = given(rate, 1, 10.0, Duration::from_millis(late)).await;
                let share = float(times.len()) / (rate * 10.0);
                assert!((0.99..=1.05).contains(&share), "{rate}/s, {late} ms late: {share}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_may_go_at_once_and_comes_back_with_time() {
        let mut exact = Exact::new(10.0, 5);
        let mut at_once = || std::iter::from_fn(|| exact.take(Instant::now()).ok()).count();
        assert_eq!(at_once(), 5);
        tokio::time::sleep(Duration::from_millis(320)).await;
        assert_eq!(at_once(), 3);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(at_once(), 5);
    }
}
