//! When the next request may go: one queue for all, a rate, and a shared hold after a 429.
//!
//! Permits are handed out in order of asking, by whoever holds the queue's lock; nobody else
//! wakes (measured: 64 tasks asking governor by themselves get 64 % of 5,000/s, one waiter gets
//! 99.97 %; performance.md 5). A hold is a point in time, not a duration, and those who waited
//! for its end leave it one by one through the rate.

use std::{num::NonZeroU32, sync::Mutex, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::{Instant, sleep_until};

use crate::api::Meter;

/// A hold is never longer than this; a longer hint from the tenant is cut down, with a warning.
pub const LONGEST_HOLD: Duration = Duration::from_secs(15 * 60);
/// A hold is never shorter than this.
const SHORTEST_HOLD: Duration = Duration::from_millis(100);
/// `--rate auto` begins here, requests a second; the smallest plan allows 2.
const FIRST_RATE: f64 = 5.0;
/// `--rate auto` never goes lower.
const LOWEST_RATE: f64 = 0.2;
/// `--rate auto` never goes higher; the largest plan allows 10,000.
const HIGHEST_RATE: f64 = 20_000.0;
/// How often `--rate auto` may change its mind.
const STEP: Duration = Duration::from_millis(100);
/// How long `--rate auto` watches the bucket before it concludes what it gains a second.
const STRETCH: Duration = Duration::from_millis(500);
/// How long `--rate auto` takes to bring the bucket to the level it wants.
const LEVELLING: Duration = Duration::from_secs(2);

/// `--rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Learn it from the tenant's answers.
    Auto,
    /// So many requests a second.
    PerSecond(f64),
}

/// Why the next request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It does not.
    Nothing,
    /// For the rate.
    Rate,
    /// For the end of a hold after a 429.
    Throttled,
    /// For others: the tenant's limit is down to the reserve.
    Reserve,
}

/// Hands out permits.
#[derive(Debug)]
pub struct Pacer {
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    exact: Option<Exact>,
}

/// governor on tokio's clock, so that a paused clock paces too.
type Exact = RateLimiter<
    NotKeyed,
    InMemoryState,
    TokioClock,
    governor::middleware::NoOpMiddleware<Nanoseconds>,
>;

#[derive(Debug)]
struct State {
    reserve: f64,
    hold_until: Option<Instant>,
    /// 429s in a row, for a tenant that gives no hint how long to wait.
    throttled_in_a_row: u32,
    waiting: Waiting,
    held: [Duration; 2],
    auto: Auto,
}

/// What `--rate auto` believes. Two numbers are enough: what may be had a second, learnt from how
/// the tenant's `remaining` moves against what was sent, and the rate that steers `remaining`
/// towards the reserve.
#[derive(Debug)]
struct Auto {
    rate: f64,
    /// What the tenant's bucket gains a second, less what others take from it.
    available: f64,
    next: Instant,
    stepped: Instant,
    /// Whether the limit was met once: no more doubling.
    met: bool,
    /// What `remaining` was, and when, as the present stretch of answers began; how many came.
    stretch: Option<(Instant, f64)>,
    answers: f64,
    /// Whether the tenant's answers say its limit.
    metered: bool,
}

impl Pacer {
    /// A pacer that leaves `reserve` (0 to 1) of the tenant's limit to others.
    pub fn new(rate: Rate, reserve: f64) -> Self {
        let now = Instant::now();
        let exact = match rate {
            Rate::Auto => None,
            Rate::PerSecond(rate) => Some(exact(rate)),
        };
        Self {
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                reserve: reserve.clamp(0.0, 0.95),
                hold_until: None,
                throttled_in_a_row: 0,
                waiting: Waiting::Nothing,
                held: [Duration::ZERO; 2],
                auto: Auto {
                    rate: FIRST_RATE,
                    available: FIRST_RATE,
                    next: now,
                    stepped: now,
                    met: false,
                    stretch: None,
                    answers: 0.0,
                    metered: false,
                },
            }),
            exact,
        }
    }

    /// Waits for a permit to send one request now. Dropping the future gives up the place.
    pub async fn permit(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let now = Instant::now();
            match self.next(now) {
                None => return,
                Some(until) => {
                    sleep_until(until).await;
                    self.state().waited(now);
                }
            }
        }
    }

    /// What an answer said about the limit; every answer is shown to the pacer.
    pub fn observe(&self, meter: &Meter, throttled: bool) {
        let now = Instant::now();
        let mut state = self.state();
        if throttled {
            state.hold(meter, now);
        } else {
            state.throttled_in_a_row = 0;
        }
        if self.exact.is_none() {
            let reserve = state.reserve;
            state.auto.learn(meter, throttled, reserve, now);
        }
    }

    /// Why the next request waits, for the progress line.
    pub fn waiting(&self) -> Waiting {
        self.state().waiting
    }

    /// How long requests waited for a hold, and for the reserve.
    pub fn held(&self) -> (Duration, Duration) {
        let state = self.state();
        (state.held[0], state.held[1])
    }

    /// `None`: go. Otherwise: when to ask again.
    fn next(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        if let Some(until) = state.hold_until.filter(|until| *until > now) {
            state.waiting = Waiting::Throttled;
            return Some(until);
        }
        state.hold_until = None;
        let (until, waiting) = match &self.exact {
            Some(limiter) => (
                limiter
                    .check()
                    .err()
                    .map(|not_until| now + not_until.wait_time_from(limiter.clock().now())),
                Waiting::Rate,
            ),
            None => state.auto.next(now),
        };
        state.waiting = if until.is_some() { waiting } else { Waiting::Nothing };
        until
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while holding it leaves plain numbers: still usable.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn hold(&mut self, meter: &Meter, now: Instant) {
        // What comes back while a hold is on was sent before it: one volley is one refusal.
        if self.hold_until.is_none_or(|until| until <= now) {
            self.throttled_in_a_row += 1;
        }
        // Without any hint: 1 s, 2 s, 4 s … 32 s.
        let unhinted = Duration::from_secs(1 << self.throttled_in_a_row.saturating_sub(1).min(5));
        let hint = meter.retry_after.or(meter.full_in).unwrap_or(unhinted);
        if hint > LONGEST_HOLD {
            tracing::warn!(
                asked_s = hint.as_secs(),
                held_s = LONGEST_HOLD.as_secs(),
                "the tenant asks for a very long pause; holding shorter, then asking again"
            );
        }
        let until = now + hint.clamp(SHORTEST_HOLD, LONGEST_HOLD);
        self.hold_until = Some(self.hold_until.map_or(until, |held| held.max(until)));
    }

    fn waited(&mut self, since: Instant) {
        let waited = since.elapsed();
        match self.waiting {
            Waiting::Throttled => self.held[0] += waited,
            Waiting::Reserve => self.held[1] += waited,
            Waiting::Nothing | Waiting::Rate => {}
        }
    }
}

impl Auto {
    fn next(&mut self, now: Instant) -> (Option<Instant>, Waiting) {
        if self.next > now {
            let scarce = self.met && self.rate < self.available * 0.8;
            return (Some(self.next), if scarce { Waiting::Reserve } else { Waiting::Rate });
        }
        // A timer wakes up to a millisecond late: what is owed from that is made good, no more.
        let owed = now.duration_since(self.next).min(Duration::from_millis(2));
        self.next = now.checked_sub(owed).unwrap_or(now) + Duration::from_secs_f64(1.0 / self.rate);
        (None, Waiting::Nothing)
    }

    fn learn(&mut self, meter: &Meter, throttled: bool, reserve: f64, now: Instant) {
        if throttled {
            self.met = true;
            self.stretch = None;
            if now.duration_since(self.stepped) >= STEP {
                self.stepped = now;
                self.available = (self.available * 0.8).max(LOWEST_RATE);
                self.rate = self.rate.min(self.available);
            }
            return;
        }
        self.answers += 1.0;
        let step = now.duration_since(self.stepped).as_secs_f64();
        if step < STEP.as_secs_f64() {
            return;
        }
        self.stepped = now;
        // Fourfold in a second until the limit is met, then a tenth.
        let step = step.min(1.0);
        let most = self.rate * (if self.met { 1.1_f64 } else { 4.0 }).powf(step);
        let (Some(limit), Some(remaining)) = (meter.limit, meter.remaining) else {
            // Some answers of a tenant that says its limit do not: nothing is learnt from those.
            if !self.metered {
                // A rate that is not used proves nothing.
                let used = self.answers / step.max(STEP.as_secs_f64());
                self.answers = 0.0;
                self.rate = most.min(self.rate.max(used * 2.0)).min(HIGHEST_RATE);
                self.available = self.rate;
            }
            return;
        };
        self.metered = true;
        let (limit, remaining) = (f64::from(limit), f64::from(remaining));
        self.measure(limit, remaining, now);
        // Of a bucket of two there is nothing to leave but the second one.
        let target = (limit * reserve).max((limit * 0.05).clamp(1.0, 10.0));
        self.met |= remaining < target * 1.5;
        let wanted = self.available + (remaining - target) / LEVELLING.as_secs_f64();
        let most = if remaining > target { most.max(self.available) } else { most };
        self.rate = wanted.clamp(LOWEST_RATE, most.clamp(LOWEST_RATE, HIGHEST_RATE));
    }

    /// Between two answers the bucket gained what `remaining` rose by, and what was taken.
    fn measure(&mut self, limit: f64, remaining: f64, now: Instant) {
        let Some((since, before)) = self.stretch else {
            (self.stretch, self.answers) = (Some((now, remaining)), 0.0);
            return;
        };
        let time = now.duration_since(since).as_secs_f64();
        if time < STRETCH.as_secs_f64() {
            return;
        }
        let gained = ((remaining - before + self.answers) / time).max(LOWEST_RATE);
        // A full bucket gains nothing: it only shows that there is more than was taken.
        let full =
            remaining.max(before) >= limit - 1.0 - (self.answers / time / 10.0).min(limit / 4.0);
        self.available = if full {
            self.available.max(self.answers / time)
        } else {
            0.5_f64.mul_add(gained - self.available, self.available)
        };
        (self.stretch, self.answers) = (Some((now, remaining)), 0.0);
    }
}

fn exact(rate: f64) -> Exact {
    // Timers wake to the millisecond: above 500/s a burst of 2 ms worth keeps the rate whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let burst = (rate / 500.0).ceil().clamp(1.0, 1e6) as u32;
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_secs_f64((1.0 / rate).clamp(1e-9, 86_400.0));
    let quota = Quota::with_period(period).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
    RateLimiter::direct_with_clock(quota.allow_burst(burst), TokioClock { start: Instant::now() })
}

/// tokio's clock, as governor wants it.
#[derive(Debug, Clone)]
struct TokioClock {
    start: Instant,
}

/// Nanoseconds since the pacer was made.
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
    use super::*;

    async fn take(pacer: &Pacer, count: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..count {
            pacer.permit().await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_given_rate_is_never_exceeded_in_any_window() {
        for rate in [0.5, 2.0, 16.0, 100.0, 500.0] {
            let pacer = Pacer::new(Rate::PerSecond(rate), 0.2);
            let mut times = Vec::new();
            for _ in 0..200 {
                pacer.permit().await;
                times.push(Instant::now());
            }
            for (index, first) in times.iter().enumerate() {
                for (count, last) in times[index..].iter().enumerate() {
                    let window = last.duration_since(*first).as_secs_f64();
                    // A timer has a millisecond's grain.
                    let allowed = rate.mul_add(window + 0.002, 1.0);
                    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
                    let had = count as f64;
                    assert!(had <= allowed, "{rate}/s: {had} in {window} s");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_given_rate_is_used_whole() {
        for rate in [2.0, 50.0, 1000.0, 5000.0] {
            let pacer = Pacer::new(Rate::PerSecond(rate), 0.2);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let took = take(&pacer, (rate * 10.0) as u32).await.as_secs_f64();
            assert!((9.0..10.3).contains(&took), "{rate}/s: {took} s for 10 s worth");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_429_holds_everybody_until_its_hint_and_they_leave_one_by_one() {
        let pacer = std::sync::Arc::new(Pacer::new(Rate::PerSecond(10.0), 0.2));
        pacer.permit().await;
        let hint = Meter { retry_after: Some(Duration::from_secs(7)), ..Meter::default() };
        pacer.observe(&hint, true);
        let began = Instant::now();
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let pacer = std::sync::Arc::clone(&pacer);
                tokio::spawn(async move {
                    pacer.permit().await;
                    began.elapsed()
                })
            })
            .collect();
        let mut left = Vec::new();
        for task in waiting {
            left.push(task.await.unwrap());
        }
        assert!(left[0] >= Duration::from_secs(7));
        assert!(left[19] >= left[0] + Duration::from_millis(1890), "no stampede");
        assert!(pacer.held().0 >= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_has_a_longest_and_grows_without_a_hint() {
        let pacer = Pacer::new(Rate::PerSecond(1000.0), 0.2);
        let endless = Meter { retry_after: Some(Duration::from_secs(1 << 40)), ..Meter::default() };
        pacer.observe(&endless, true);
        assert!(take(&pacer, 1).await <= LONGEST_HOLD + Duration::from_millis(5));
        pacer.observe(&Meter::default(), false);
        for expected in [1, 2, 4, 8, 16, 32, 32] {
            pacer.observe(&Meter::default(), true);
            assert_eq!(take(&pacer, 1).await.as_secs(), expected);
        }
    }

    /// A bucket of the tenant's, refilled continuously, on tokio's clock.
    struct Bucket {
        rate: f64,
        burst: f64,
        level: f64,
        at: Instant,
    }

    impl Bucket {
        fn take(&mut self) -> (Meter, bool) {
            let now = Instant::now();
            let gained = now.duration_since(self.at).as_secs_f64() * self.rate;
            self.level = (self.level + gained).min(self.burst);
            self.at = now;
            let refused = self.level < 1.0;
            if !refused {
                self.level -= 1.0;
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let meter = Meter {
                limit: Some(self.burst as u32),
                remaining: Some(self.level as u32),
                full_in: Some(Duration::from_secs(
                    ((self.burst - self.level) / self.rate).ceil() as u64
                )),
                retry_after: None,
            };
            (meter, refused)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn auto_finds_the_limit_by_itself_and_leaves_the_reserve() {
        for (rate, burst) in [(2.0, 10.0), (16.0, 50.0), (50.0, 100.0), (500.0, 250.0)] {
            let pacer = Pacer::new(Rate::Auto, 0.2);
            let mut bucket = Bucket { rate, burst, level: burst, at: Instant::now() };
            let (mut refusals, mut done, mut lowest) = (0, 0, burst);
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(300) {
                pacer.permit().await;
                let (meter, refused) = bucket.take();
                pacer.observe(&meter, refused);
                done += u32::from(!refused);
                refusals += u32::from(refused);
                lowest =
                    lowest.min(if began.elapsed().as_secs() < 10 { burst } else { bucket.level });
            }
            let share = f64::from(done) / (rate * 300.0 + burst);
            assert!((0.9..=1.0).contains(&share), "{rate}/s: used {share:.2}");
            assert!(refusals * 100 <= done, "{rate}/s: {refusals} of {done} refused");
            assert!(lowest >= burst * 0.1, "{rate}/s: down to {lowest} of {burst}");
        }
    }
}
