//! Number of requests that may be in flight: a given one, or what the pace needs.
//!
//! By Little's law a pace needs pace times latency requests in flight. A quarter more than that is
//! allowed, so that the pacer alone decides the rate. No more than that is allowed, because each
//! request in flight when a process dies is in doubt, and because a tenant that stops answering is
//! sent no more than these. The latency is how long a slot is taken, from the clearing of its batch
//! to the end of the step: mean plus two deviations, so that jitter does not bind.
//!
//! Where the number binds all the same, it grows by at least a quarter each time. Growth that
//! brings no more answers is taken back: the tenant, or this machine, has reached its limit, and
//! more requests in flight would only be answered later.

use std::time::Duration;

use tokio::time::Instant;

use super::growth::{Binding, Growth};
use crate::{pacer::breaker::Health, stats::Bottleneck};

/// Requests allowed before the first answer, while the latency is unknown.
pub(super) const FIRST_REQUESTS: usize = 32;
/// Fewest requests allowed, however slow the pace.
const MIN_REQUESTS: usize = 4;
/// Time without a free slot after which [`FIRST_REQUESTS`] are allowed whatever the pace needs: the
/// few that hold the slots may be users whose requests hang, and these must not hold up all others.
const STUCK: Duration = Duration::from_secs(1);
/// Ratio of what is allowed to what is needed. A rise of the latency below this ratio goes
/// unnoticed.
const SPARE: f64 = 1.25;
/// Shortest interval between two looks at what is needed.
const ADJUST_INTERVAL: Duration = Duration::from_millis(20);
/// Shortest and longest time over which answers are measured.
const SHORTEST_WINDOW: Duration = Duration::from_millis(50);
const LONGEST_WINDOW: Duration = Duration::from_secs(2);
/// Fewest answers in a window, except the longest one: fewer say little about a rate.
const ENOUGH_ANSWERS: u32 = 8;
/// `--concurrency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// The number that the pace needs, and at most this one.
    Auto(usize),
    /// This number, whatever the pace needs.
    Fixed(usize),
}

impl Concurrency {
    /// Upper limit of `--concurrency`: each request has a connection of its own.
    pub const MAX_REQUESTS: usize = 4096;

    /// Returns the most requests that may ever be in flight.
    pub fn most(self) -> usize {
        match self {
            Self::Auto(most) | Self::Fixed(most) => most.max(1),
        }
    }

    /// Limits `auto` to `most`, what the machine allows; a given number is the user's own choice.
    #[must_use]
    pub fn within(self, most: usize) -> Self {
        match self {
            Self::Auto(before) => Self::Auto(before.min(most.max(MIN_REQUESTS))),
            Self::Fixed(_) => self,
        }
    }
}

/// Decides how many may be in flight, and measures what that costs.
#[derive(Debug)]
pub(super) struct InFlight {
    setting: Concurrency,
    allowed: usize,
    /// Requests allowed whatever the pace needs, until the next window.
    least: usize,
    /// Start of the time during which all slots were taken while a job was ready.
    full_since: Option<Instant>,
    /// Start of clearing the present batch.
    clearing_since: Option<Instant>,
    window: AnswerWindow,
    latency: Option<Latency>,
    /// Answers a second.
    rate: f64,
    looked_at: Instant,
    growth: Growth,
    bottleneck: Bottleneck,
}

/// Measurements since a moment.
#[derive(Debug)]
struct AnswerWindow {
    from: Instant,
    /// Total of `held` at the start of the window.
    held: Duration,
    answered: u32,
    sum: f64,
    deviations: f64,
    batches: u32,
    clearing: f64,
}

/// Time that a slot is taken, in seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Latency {
    mean: f64,
    deviation: f64,
    clearing: f64,
}

impl InFlight {
    pub(super) fn new(setting: Concurrency, now: Instant) -> Self {
        let allowed = match setting {
            Concurrency::Auto(most) => FIRST_REQUESTS.min(most.max(1)),
            Concurrency::Fixed(number) => number.max(1),
        };
        Self {
            setting,
            allowed,
            least: allowed,
            full_since: None,
            clearing_since: None,
            window: AnswerWindow::new(now, Duration::ZERO),
            latency: None,
            rate: 0.0,
            looked_at: now,
            growth: Growth::above(allowed),
            bottleneck: Bottleneck {
                is_fixed: matches!(setting, Concurrency::Fixed(_)),
                ..Bottleneck::default()
            },
        }
    }

    /// Returns how many may be in flight now.
    pub(super) fn allowed(&self) -> usize {
        self.allowed
    }

    /// Takes in the end of a step, and how long it took.
    pub(super) fn ended(&mut self, health: Health, took: Duration) {
        // A request that never arrived, or was refused at the door, says nothing about how long the
        // others take.
        if matches!(health, Health::Unreached | Health::Unknown) {
            return;
        }
        let took = took.as_secs_f64();
        let mean = self.latency.map_or(took, |latency| latency.mean);
        self.window.answered += 1;
        self.window.sum += took;
        self.window.deviations += (took - mean).abs();
    }

    /// Notes that clearing of a batch begins, or is still going on.
    pub(super) fn clearing(&mut self, now: Instant) {
        self.clearing_since = Some(now);
    }

    /// Notes that the batch is cleared.
    pub(super) fn cleared(&mut self, now: Instant) {
        if let Some(since) = self.clearing_since.take() {
            self.window.batches += 1;
            self.window.clearing += now.saturating_duration_since(since).as_secs_f64();
        }
    }

    /// Notes that all slots are taken while a job is ready; returns when to look again if none
    /// becomes free before.
    pub(super) fn full(&mut self, now: Instant) -> Option<Instant> {
        let stuck = *self.full_since.get_or_insert(now) + STUCK;
        (stuck > now).then_some(stuck)
    }

    /// Notes that a permit was granted at once: if there was no slot before, only the slot was
    /// missing.
    pub(super) fn permitted(&mut self, now: Instant) {
        if let Some(since) = self.full_since.take() {
            self.bottleneck.held += now.saturating_duration_since(since);
            self.bottleneck.is_binding = true;
        }
    }

    /// Notes that jobs are waiting for something other than a slot.
    pub(super) fn waits_for_other(&mut self) {
        self.full_since = None;
        self.bottleneck.is_binding = false;
    }

    /// Works out what this pace needs, if it is time; returns how the limit holds requests back.
    pub(super) fn look(&mut self, now: Instant, pace: impl FnOnce() -> f64) -> Option<Bottleneck> {
        if now.saturating_duration_since(self.looked_at) < ADJUST_INTERVAL {
            return None;
        }
        self.looked_at = now;
        let pace = pace();
        if self.window.is_over(now, self.latency) {
            self.measure(pace, now);
        }
        if self.full_since.is_some_and(|since| now.saturating_duration_since(since) >= STUCK) {
            self.least = self.least.max(FIRST_REQUESTS);
        }
        if let Concurrency::Auto(most) = self.setting
            && self.latency.is_some()
        {
            let needed = self.needed(pace).max(self.least);
            let most = most.min(self.growth.ceiling()).max(1);
            self.allowed = needed.clamp(MIN_REQUESTS.min(most), most);
        }
        Some(self.bottleneck)
    }

    /// Returns the number of requests that the pace needs, or the measured rate where that is
    /// higher.
    fn needed(&self, pace: f64) -> usize {
        let latency = self.latency.unwrap_or_default();
        let taken = latency.deviation.mul_add(2.0, latency.mean) + latency.clearing;
        whole(SPARE * pace.max(self.rate) * taken)
    }

    /// Closes the window.
    fn measure(&mut self, pace: f64, now: Instant) {
        let held = self.bottleneck.held;
        let window = std::mem::replace(&mut self.window, AnswerWindow::new(now, held));
        let passed = now.saturating_duration_since(window.from);
        // Waits shorter than this are jitter.
        let is_bound = held.saturating_sub(window.held) > passed / 8;
        // After the limit has fallen, more may still be in flight than are allowed.
        let binding = match self.full_since {
            _ if is_bound => Binding::Bound,
            Some(since) if since <= window.from => Binding::Unclear,
            _ => Binding::Free,
        };
        self.rate = f64::from(window.answered) / passed.as_secs_f64();
        if let Some(new) = window.latency() {
            // If the limit holds requests back, it must grow without waiting for better figures.
            let gain = if is_bound { 1.0 } else { 0.25 };
            self.latency = Some(self.latency.map_or(new, |before| before.towards(new, gain)));
        }
        if is_bound {
            let latency = self.latency.unwrap_or_default();
            self.bottleneck.in_flight = self.allowed;
            self.bottleneck.latency = latency.mean + latency.clearing;
            self.bottleneck.pace = pace;
            self.bottleneck.enough = self.needed(pace);
            self.least = self.allowed + self.allowed.div_ceil(4);
        } else {
            self.least = self.allowed - self.allowed.div_ceil(8);
        }
        // The first window may hold a single answer, which says nothing about the rate.
        if window.answered >= ENOUGH_ANSWERS || binding == Binding::Free {
            self.growth.judge(binding, self.allowed, self.rate, now);
        }
    }
}

impl AnswerWindow {
    fn new(from: Instant, held: Duration) -> Self {
        let (answered, sum, deviations, batches, clearing) = (0, 0.0, 0.0, 0, 0.0);
        Self { from, held, answered, sum, deviations, batches, clearing }
    }

    fn is_over(&self, now: Instant, latency: Option<Latency>) -> bool {
        let passed = now.saturating_duration_since(self.from);
        let latency = latency.map_or(Duration::ZERO, |latency| {
            Duration::try_from_secs_f64(latency.mean).unwrap_or(LONGEST_WINDOW)
        });
        // The first window may be of any length: one answer says more than none.
        let is_enough = self.answered >= ENOUGH_ANSWERS || latency.is_zero();
        let length = latency.clamp(SHORTEST_WINDOW, LONGEST_WINDOW);
        self.answered > 0 && passed >= length && (is_enough || passed >= LONGEST_WINDOW)
    }

    fn latency(&self) -> Option<Latency> {
        let answered = (self.answered > 0).then(|| f64::from(self.answered))?;
        Some(Latency {
            mean: self.sum / answered,
            deviation: self.deviations / answered,
            clearing: self.clearing / f64::from(self.batches.max(1)),
        })
    }
}

impl Latency {
    fn towards(self, new: Self, gain: f64) -> Self {
        let towards = |before: f64, new: f64| gain.mul_add(new - before, before);
        Self {
            mean: towards(self.mean, new.mean),
            deviation: towards(self.deviation, new.deviation),
            clearing: towards(self.clearing, new.clearing),
        }
    }
}

pub(super) fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Rounds up to a whole number, at most [`Concurrency::MAX_REQUESTS`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within the range of any integer"
)]
fn whole(number: f64) -> usize {
    // A rounding error of floating-point sums is not a request.
    (number - 1e-6).ceil().clamp(0.0, float(Concurrency::MAX_REQUESTS)) as usize
}
