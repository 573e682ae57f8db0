//! Number of requests that may be in flight: one that was given, or what the pace needs.
//!
//! By Little's law a pace needs pace times latency in flight. So many and a quarter more are allowed,
//! which leaves the pacer as the only one that decides the rate; and no more than that, because each
//! that is in flight when a process dies is in doubt, and a tenant that stops answering is sent no
//! more than these. The latency is how long a slot is taken: from the clearing of its batch to the
//! end of the step, mean and two deviations, so that jitter does not bind.
//!
//! Where the number binds all the same, it grows by a quarter at least each time. Growth that does
//! not bring more answers is taken back: the tenant, or this machine, does not manage more, and more
//! in flight would only be answered later.

use std::time::Duration;

use tokio::time::Instant;

use super::growth::Growth;
use crate::{pacer::breaker::Health, stats::Bottleneck};

/// Allowed before the first answer: nothing is known of the latency yet.
pub(super) const FIRST: usize = 32;
/// Allowed at least, however slow the pace.
const FEWEST: usize = 4;
/// After so long without a place, [`FIRST`] are allowed whatever is needed: the few that there are may
/// be users whose requests hang, and these must not hold up all others.
const STUCK: Duration = Duration::from_secs(1);
/// Ratio of what is allowed to what is needed. A latency that rises by less is not noticed.
const SPARE: f64 = 1.25;
/// Shortest interval between two looks at what is needed.
const TICK: Duration = Duration::from_millis(20);
/// Shortest and longest time over which answers are measured.
const SHORTEST_WINDOW: Duration = Duration::from_millis(50);
const LONGEST_WINDOW: Duration = Duration::from_secs(2);
/// Answers that a window needs unless it is the longest: fewer say little of a rate.
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
    /// The most that can be asked for: each has a connection of its own.
    pub const MOST: usize = 4096;

    /// Returns how many there may ever be.
    pub fn most(self) -> usize {
        match self {
            Self::Auto(most) | Self::Fixed(most) => most.max(1),
        }
    }

    /// Returns the same within what the machine gives; a number that was given is the user's own.
    #[must_use]
    pub fn within(self, most: usize) -> Self {
        match self {
            Self::Auto(before) => Self::Auto(before.min(most.max(FEWEST))),
            Self::Fixed(_) => self,
        }
    }
}

/// Decides how many may be in flight, and measures what that costs.
#[derive(Debug)]
pub(super) struct InFlight {
    setting: Concurrency,
    allowed: usize,
    /// Allowed whatever is needed, until the next window.
    least: usize,
    /// Since when all slots have been taken while a job was ready.
    full_since: Option<Instant>,
    /// Since when a batch is being cleared.
    clearing_since: Option<Instant>,
    window: Window,
    latency: Option<Latency>,
    /// Answers a second.
    rate: f64,
    looked_at: Instant,
    growth: Growth,
    bottleneck: Bottleneck,
}

/// Measurements since a moment.
#[derive(Debug)]
struct Window {
    from: Instant,
    /// Total of `held` at that moment.
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
            Concurrency::Auto(most) => FIRST.min(most.max(1)),
            Concurrency::Fixed(number) => number.max(1),
        };
        Self {
            setting,
            allowed,
            least: allowed,
            full_since: None,
            clearing_since: None,
            window: Window::new(now, Duration::ZERO),
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
        // What never came, or was refused at the door, says nothing of how long the others take.
        if matches!(health, Health::Unreached | Health::Unknown) {
            return;
        }
        let took = took.as_secs_f64();
        let mean = self.latency.map_or(took, |latency| latency.mean);
        self.window.answered += 1;
        self.window.sum += took;
        self.window.deviations += (took - mean).abs();
    }

    /// Notes that a batch begins to be cleared, or is.
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

    /// Notes that all slots are taken while a job is ready; returns when to look again if none gets
    /// free before.
    pub(super) fn full(&mut self, now: Instant) -> Option<Instant> {
        let stuck = *self.full_since.get_or_insert(now) + STUCK;
        (stuck > now).then_some(stuck)
    }

    /// Notes that a permit was given at once: if there was no slot before, that was all that lacked.
    pub(super) fn permitted(&mut self, now: Instant) {
        if let Some(since) = self.full_since.take() {
            self.bottleneck.held += now.saturating_duration_since(since);
            self.bottleneck.is_binding = true;
        }
    }

    /// Notes that there is something else to wait for than a slot.
    pub(super) fn waits_for_other(&mut self) {
        self.full_since = None;
        self.bottleneck.is_binding = false;
    }

    /// Looks at what is needed at this pace, if it is time; returns what the number holds back.
    pub(super) fn look(&mut self, now: Instant, pace: impl FnOnce() -> f64) -> Option<Bottleneck> {
        if now.saturating_duration_since(self.looked_at) < TICK {
            return None;
        }
        self.looked_at = now;
        let pace = pace();
        if self.window.is_over(now, self.latency) {
            self.measure(pace, now);
        }
        if self.full_since.is_some_and(|since| now.saturating_duration_since(since) >= STUCK) {
            self.least = self.least.max(FIRST);
        }
        if let Concurrency::Auto(most) = self.setting
            && self.latency.is_some()
        {
            let needed = self.needed(pace).max(self.least);
            let most = most.min(self.growth.ceiling()).max(1);
            self.allowed = needed.clamp(FEWEST.min(most), most);
        }
        Some(self.bottleneck)
    }

    /// Returns how many the pace needs, or the rate where that is higher.
    fn needed(&self, pace: f64) -> usize {
        let latency = self.latency.unwrap_or_default();
        let taken = latency.deviation.mul_add(2.0, latency.mean) + latency.clearing;
        whole(SPARE * pace.max(self.rate) * taken)
    }

    /// Closes the window.
    fn measure(&mut self, pace: f64, now: Instant) {
        let held = self.bottleneck.held;
        let window = std::mem::replace(&mut self.window, Window::new(now, held));
        let passed = now.saturating_duration_since(window.from);
        // Less is jitter.
        let is_bound = held.saturating_sub(window.held) > passed / 8;
        // After a fall, more may still be in flight than are allowed.
        let is_free = !is_bound && self.full_since.is_none_or(|since| since > window.from);
        self.rate = f64::from(window.answered) / passed.as_secs_f64();
        if let Some(new) = window.latency() {
            // Where the number binds there is no time to be sure.
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
        // The first window may be of a single answer, which says nothing of the rate.
        if window.answered >= ENOUGH_ANSWERS || is_free {
            self.growth.judge((is_bound, is_free), self.allowed, self.rate, now);
        }
    }
}

impl Window {
    fn new(from: Instant, held: Duration) -> Self {
        let (answered, sum, deviations, batches, clearing) = (0, 0.0, 0.0, 0, 0.0);
        Self { from, held, answered, sum, deviations, batches, clearing }
    }

    fn is_over(&self, now: Instant, latency: Option<Latency>) -> bool {
        let passed = now.saturating_duration_since(self.from);
        let latency = latency.map_or(Duration::ZERO, |latency| {
            Duration::try_from_secs_f64(latency.mean).unwrap_or(LONGEST_WINDOW)
        });
        // A first one has no length: one answer tells more than none.
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

/// The whole number above, up to the most that there can be.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within the range of any integer"
)]
fn whole(number: f64) -> usize {
    // What the sum of floating-point numbers adds is no request.
    (number - 1e-6).ceil().clamp(0.0, float(Concurrency::MOST)) as usize
}
