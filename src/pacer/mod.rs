//! Decides when the next request may go: one queue, a pace, and a hold for all after a 429.
//!
//! Permits are given in the order of asking, by the task that holds the queue's lock; no other task
//! wakes up (measured: 64 tasks that ask governor by themselves get 64 % of 5,000/s, one waiter
//! gets 99.97 %; performance.md 5). A permit has to pass three checks, in this order: there is no
//! hold (`hold`); the tenant's bucket has more than the reserve, as far as answers show (`bucket`);
//! and the pace allows it, which is `exact` for a given rate and `auto` for a learnt one, with
//! `limit_search` where the tenant does not state its limit. Which of the two is in force may
//! depend on the time of day (`schedule`). `state` puts them together.
//!
//! Each file says what its part gains in the scenarios of tests/pacing, and each constant why it
//! has its value.

use std::{
    ops::Deref,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

mod auto;
pub mod breaker;
mod bucket;
mod exact;
mod exact_window;
mod forecast;
pub(crate) mod fuzzing;
mod hold;
mod learnt;
mod limit_search;
mod schedule;
mod state;

pub use forecast::Forecast;
pub use hold::LONGEST_HOLD;
pub use learnt::{Learnt, Steps};
pub use schedule::{Phase, Plan, PlanError};

use crate::{
    api::{LimitDecision, Meter},
    model::LocalTime,
    sync::lock,
};
use state::{PacerState, PermitWait};

/// Shortest sleep at a high rate; several permits are granted after it. Each wake-up costs CPU, and
/// so does each commit of the ledger that follows from it.
const SHORTEST_SLEEP: Duration = Duration::from_millis(4);
/// Greatest lateness of a wake-up that is made up for: more would be a burst.
const LATENESS_MADE_UP: Duration = Duration::from_millis(20);
/// Largest usual difference between the travel times of two requests, in seconds. A request that
/// waits for what answers will say asks again after this long.
const JITTER: f64 = 0.1;
/// Shortest time until a request asks again, whatever else wakes it: otherwise permits would be
/// granted one by one. Moments closer together than this count as the same.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// Fraction of a permit that floating-point sums may lose: a permit that lacks no more than this is
/// whole.
const ROUNDING: f64 = 0.01;

/// Slowest pace at a learnt rate once there is an answer, in requests a second: the bucket may be
/// different a moment later, and only asking shows it. The bucket's model, or the hold after a 429,
/// keeps back requests that must not go.
const SLOWEST_PACE: f64 = 0.8;

/// Largest share of the limit that `--reserve` can leave to others.
pub const MAX_RESERVE: f64 = 0.95;

/// `--rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Learn it from the tenant's answers.
    Auto,
    /// Send at exactly this many requests a second.
    PerSecond(f64),
}

/// Everything that decides the pace.
#[derive(Debug, Clone)]
pub struct Pacing {
    /// `--rate`.
    pub rate: Rate,
    /// `--burst`: how many requests may go back to back at a given rate.
    pub burst: u32,
    /// `--reserve`: the share of the tenant's limit left to others, 0 to 1.
    pub reserve: f64,
    /// `--rate-plan`.
    pub plan: Option<Plan>,
    /// The wall clock, for the plan.
    pub now: fn() -> LocalTime,
}

/// Reason why the next request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It does not have to wait.
    Nothing,
    /// The given rate.
    Rate,
    /// The rate that the plan has for this time of day.
    Plan,
    /// The tenant's limit, as learnt.
    Limit,
    /// The reserve: the rest of the tenant's limit is left to others.
    Reserve,
    /// The hold after a 429.
    Throttled,
}

/// Total times that requests waited, by reason. One request waits at a time, and all others behind
/// it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitTotals {
    /// Time spent on holds after a 429.
    pub throttling: Duration,
    /// Time spent to leave the reserve to others.
    pub reserve: Duration,
    /// Time spent on the tenant's limit.
    pub limit: Duration,
    /// Time spent on the given rate.
    pub rate: Duration,
    /// Time spent on the rate of the plan.
    pub plan: Duration,
}

/// Grants permits.
#[derive(Debug)]
pub struct Pacer {
    turn: tokio::sync::Mutex<()>,
    began: Instant,
    state: Mutex<PacerState>,
}

impl Pacer {
    /// Creates a pacer that leaves `reserve` (0 to 1) of the tenant's limit to others.
    pub fn new(rate: Rate, reserve: f64) -> Self {
        Self::with(Pacing { rate, burst: 1, reserve, plan: None, now: LocalTime::default })
    }

    /// Creates a pacer with everything set.
    pub fn with(pacing: Pacing) -> Self {
        let state = Mutex::new(PacerState::new(pacing));
        Self { turn: tokio::sync::Mutex::new(()), began: Instant::now(), state }
    }

    /// Learns the tenant's limit from a few questions: brings its bucket down to the usual level in
    /// a quarter of the usual time, since a full bucket shows little.
    pub fn survey(&self) {
        self.state().hasten();
    }

    /// Waits for a permit to send one request now. Dropping the future gives up the place in the
    /// queue.
    pub async fn permit(&self) {
        let _turn = self.turn.lock().await;
        let mut waiter = Waiter::new(self);
        while let Err(until) = waiter.ask(Instant::now()) {
            sleep_until(until).await;
        }
    }

    /// Returns whether there is a hold after a 429: requests permitted before must not be sent.
    pub fn is_holding(&self, now: Instant) -> bool {
        self.state().hold.until(now).is_some()
    }

    /// Takes in what an answer said about the limit; every answer must be shown to the pacer.
    pub fn observe(&self, meter: &Meter, decision: LimitDecision) {
        self.state().observe(meter, decision, self.began, Instant::now());
    }

    /// Returns why the next request waits, for the progress line.
    pub fn waiting(&self) -> Waiting {
        self.state().waiting
    }

    /// Returns how many requests a second it would let through now, as of the last request for a
    /// permit.
    pub fn pace(&self) -> f64 {
        self.state().pace()
    }

    /// Returns how many requests a second the tenant lets through beyond what others take, as the
    /// latest answers show it; `None` before it was measured.
    pub fn tenant_rate(&self) -> Option<f64> {
        self.state().tenant_rate()
    }

    /// Returns what the first answers have shown of the tenant's limit.
    pub fn learnt(&self) -> Learnt {
        self.state().learnt(self.began, Instant::now())
    }

    /// Returns how long requests waited, by reason.
    pub fn held(&self) -> WaitTotals {
        self.state().held
    }

    fn state(&self) -> MutexGuard<'_, PacerState> {
        lock(&self.state)
    }
}

/// A place at the head of the queue, for a caller that does other things while it waits.
#[derive(Debug)]
pub struct Waiter<P: Deref<Target = Pacer>> {
    pacer: P,
    /// The present wait, and since when.
    wait: Option<(PermitWait, Instant)>,
}

impl<P: Deref<Target = Pacer>> Waiter<P> {
    /// Takes a place at `pacer`.
    pub fn new(pacer: P) -> Self {
        Self { pacer, wait: None }
    }

    /// Returns a permit to send one request now, or else when to ask again. Asking earlier gives
    /// the same answer.
    pub fn ask(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some((wait, _)) = self.wait.filter(|(wait, _)| wait.until > now) {
            return Err(wait.until);
        }
        self.leave(now);
        let Some(wait) = self.pacer.state().next(self.pacer.began, now) else {
            return Ok(());
        };
        let wait = PermitWait { until: wait.until.max(now + SHORTEST_WAIT), ..wait };
        self.wait = Some((wait, now));
        Err(wait.until)
    }

    /// Gives up the wait; the time spent on it still counts.
    pub fn leave(&mut self, now: Instant) {
        if let Some((wait, since)) = self.wait.take() {
            self.pacer.state().waited(&wait, now.saturating_duration_since(since));
        }
    }
}

impl<P: Deref<Target = Pacer>> Drop for Waiter<P> {
    fn drop(&mut self) {
        self.leave(Instant::now());
    }
}

#[cfg(test)]
mod tests;
