//! Forecast of a run: the rate that the pacer would achieve against a tenant whose limit is known.
//!
//! No formula predicts `auto`: it begins slowly, uses up the bucket first, tests now and then, and
//! gets less out of a small bucket. So the pacer is simulated against a model of the tenant's
//! bucket for a while, without any time passing, and the rate at the end of that is extrapolated. A
//! given rate is computed by a formula.
//!
//! Pure; times are seconds.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    Learnt, Pacing, ROUNDING, Rate, SHORTEST_WAIT, Steps, auto::wanted_level, exact,
    state::PacerState,
};
use crate::{
    api::{LimitDecision, Meter},
    model::LocalTime,
};

/// Fewest windows that are simulated, or seconds where the bucket is not refilled in windows: the
/// tests of `auto` come every few seconds.
const WINDOWS: f64 = 60.0;
/// Fewest requests that are simulated: a slow bucket takes minutes to show its rate.
const MIN_REQUESTS: usize = 300;
/// Most requests that are simulated, with up to four waits for each: a bucket that gains nothing is
/// asked again and again.
const MOST: usize = 20_000;
/// Largest difference, as a share, between the observed and the simulated rate at which the
/// observed one is believed: it is lower where questions had to wait for something else.
const LARGEST_DEVIATION: f64 = 0.25;
/// Latency where none was observed.
const LATENCY: Duration = Duration::from_millis(150);

/// Number of requests that are answered by each moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Moments at which the first requests are answered.
    times: Vec<f64>,
    /// Requests a second after these.
    steady: f64,
}

impl Forecast {
    /// Simulates `pacing` at a rate against the tenant that was learnt, with at most that many
    /// requests in flight; `None` if the result depends on an unknown limit.
    pub fn play(pacing: &Pacing, rate: Rate, learnt: &Learnt, in_flight: usize) -> Option<Self> {
        let tenant = SimulatedTenant::new(learnt);
        let latency = learnt.latency.unwrap_or(LATENCY).as_secs_f64();
        let every = tenant.map_or(1.0, |tenant| tenant.every);
        let play = Play { latency, in_flight: in_flight.max(1), least: every * WINDOWS };
        let mut times = match rate {
            Rate::PerSecond(rate) => play.exact(rate, pacing, tenant),
            // A simulation causes no events in the log of this run.
            Rate::Auto => tracing::dispatcher::with_default(&tracing::Dispatch::none(), || {
                Some(play.auto(pacing, tenant?))
            })?,
        };
        let half = times.len() / 2;
        let (from, to) = (*times.get(half)?, *times.last()?);
        let mut steady = float(times.len() - 1 - half) / (to - from);
        if rate == Rate::Auto {
            let used = trusted(learnt, steady)?;
            for time in &mut times {
                *time *= steady / used;
            }
            steady = used;
            hold_back(&mut times, steady, learnt, pacing.reserve);
        }
        (steady.is_finite() && steady > 0.0).then_some(Self { times, steady })
    }

    /// Returns the requests a second in the long run.
    pub fn steady(&self) -> f64 {
        self.steady
    }

    /// Returns the number of requests answered by a moment.
    pub fn count_at(&self, at: f64) -> f64 {
        match self.times.last() {
            Some(last) if at > *last => (at - last).mul_add(self.steady, float(self.times.len())),
            _ => float(self.times.partition_point(|time| *time <= at)),
        }
    }

    /// Returns when that many requests are answered.
    pub fn time_of(&self, count: f64) -> f64 {
        let played = float(self.times.len());
        let last = self.times.last().copied().unwrap_or_default();
        if count > played {
            return last + (count - played) / self.steady;
        }
        self.times.iter().copied().nth(index(count)).unwrap_or(last)
    }
}

/// Delays requests that would come sooner than the questions were let through once the bucket was
/// used up. The level above the one that is kept is used up first.
fn hold_back(times: &mut [f64], steady: f64, learnt: &Learnt, reserve: f64) {
    let used =
        learnt.used.filter(|used| *used > 0.0 && *used >= steady * (1.0 - LARGEST_DEVIATION));
    let (Some(used), Some(limit)) = (used, learnt.limit) else {
        return;
    };
    let kept = wanted_level(limit, reserve, learnt.steps.is_none());
    let spare = (learnt.level.unwrap_or(limit) - kept).max(0.0);
    for (time, count) in times.iter_mut().zip(1_u32..) {
        *time = time.max((f64::from(count) - spare) / used);
    }
}

/// Returns the rate to use: the observed one in the long run, where it can be believed, and else
/// the simulated one.
fn trusted(learnt: &Learnt, steady: f64) -> Option<f64> {
    // The questions were let through more slowly than a run is later on, when it has learnt the
    // limit.
    if learnt.steps.is_some_and(|steps| steps.is_long()) {
        return Some(steady);
    }
    // The gain of a bucket that is refilled in steps is known too roughly before some whole windows
    // were used.
    let is_vague = learnt.steps.is_some() || learnt.refill.is_none();
    let used = learnt.used.filter(|used| *used > 0.0);
    if is_vague {
        // Until the steps are known, less is used than later, and rounding to whole requests loses
        // some of each step: both rates are too low.
        let is_played = learnt.steps.is_some();
        return used.map(|used| if is_played { used.max(steady) } else { used });
    }
    // If the two rates differ by more, the questions waited for something else, and a run will be
    // faster.
    let is_near = |used: &f64| (used / steady - 1.0).abs() <= LARGEST_DEVIATION;
    Some(used.filter(is_near).unwrap_or(steady))
}

/// Parameters of a simulation.
struct Play {
    latency: f64,
    in_flight: usize,
    /// Shortest simulated time.
    least: f64,
}

impl Play {
    /// Returns whether the simulation has run long enough.
    fn is_over(&self, times: &[f64]) -> bool {
        times.len() >= MOST
            || times.len() >= MIN_REQUESTS && times.last().is_some_and(|last| *last >= self.least)
    }

    fn auto(&self, pacing: &Pacing, mut tenant: SimulatedTenant) -> Vec<f64> {
        // Any moment will do: the simulation's clock is `at`.
        let began = Instant::now();
        let now = LocalTime::default;
        let pacing = Pacing { rate: Rate::Auto, burst: 1, plan: None, now, ..*pacing };
        let mut state = PacerState::new(pacing);
        let (mut at, mut times) = (0.0, Vec::new());
        let mut answers: VecDeque<(f64, Meter, LimitDecision)> = VecDeque::new();
        for _ in 0..5 * MOST {
            if self.is_over(&times) {
                break;
            }
            while let Some((due, meter, decision)) = answers.front().copied()
                && (due <= at || answers.len() >= self.in_flight)
            {
                answers.pop_front();
                at = at.max(due);
                state.observe(&meter, decision, began, moment(began, due));
                if decision == LimitDecision::Admitted {
                    times.push(due);
                }
            }
            let now = moment(began, at);
            if let Some(wait) = state.next(began, now) {
                let until = wait.until.max(now + SHORTEST_WAIT);
                at = until.duration_since(began).as_secs_f64();
                continue;
            }
            let decision =
                if tenant.take(at) { LimitDecision::Admitted } else { LimitDecision::Throttled };
            let meter = Meter { sent: Some(now), ..tenant.meter() };
            answers.push_back((at + self.latency, meter, decision));
        }
        times
    }

    /// Spaces requests evenly; where the tenant's bucket is down to the reserve, by its refill.
    fn exact(&self, rate: f64, pacing: &Pacing, mut tenant: Option<SimulatedTenant>) -> Vec<f64> {
        let every = 1.0 / exact::effective(rate).max(f64::MIN_POSITIVE);
        let (mut at, mut times) = (0.0_f64, Vec::new());
        while !self.is_over(&times) && at.is_finite() {
            let free = times.len().checked_sub(self.in_flight).map(|index| times[index]);
            at = at.max(free.unwrap_or_default());
            if let Some(tenant) = &mut tenant {
                at = tenant.due(at, tenant.limit.mul_add(pacing.reserve, 1.0));
                tenant.take(at);
            }
            times.push(at + self.latency);
            if times.len() >= usize::try_from(pacing.burst).unwrap_or(usize::MAX) {
                at += every;
            }
        }
        times
    }
}

/// Model of the tenant's bucket.
#[derive(Debug, Clone, Copy)]
struct SimulatedTenant {
    limit: f64,
    level: f64,
    /// Size of one refill, and seconds from one to the next.
    step: f64,
    every: f64,
    /// Time that had passed of the present window at the start.
    passed: f64,
    /// Gain a second in between, which is negative if others take more than is refilled.
    between: f64,
    at: f64,
}

impl SimulatedTenant {
    fn new(learnt: &Learnt) -> Option<Self> {
        let limit = learnt.limit?;
        let one = Steps { gain: 0.0, others: 0.0, every: 1.0, next_in: 1.0 };
        let (steps, between) = match (learnt.steps, learnt.refill, learnt.used) {
            (Some(steps), ..) => (steps, -steps.others),
            (None, Some(rate), _) | (None, None, Some(rate)) => (one, rate),
            (None, None, None) => return None,
        };
        let Steps { gain: step, every, next_in, .. } = steps;
        let level = learnt.level.unwrap_or(limit);
        let tenant = Self { limit, level, step, every, passed: every - next_in, between, at: 0.0 };
        (tenant.rate() > 0.0).then_some(tenant)
    }

    /// Returns the gain a second in the long run.
    fn rate(&self) -> f64 {
        self.step / self.every + self.between
    }

    /// Returns the number of whole windows that are over.
    fn windows(&self, at: f64) -> f64 {
        ((at + self.passed) / self.every).floor()
    }

    fn advance(&mut self, at: f64) {
        let tops = self.windows(at) - self.windows(self.at);
        let gained = self.between * (at - self.at).max(0.0);
        let level = tops.max(0.0).mul_add(self.step, self.level + gained);
        self.level = level.clamp(0.0, self.limit);
        self.at = self.at.max(at);
    }

    /// Takes a request, if there is one.
    fn take(&mut self, at: f64) -> bool {
        self.advance(at);
        let granted = self.level >= 1.0 - ROUNDING;
        self.level = (self.level - f64::from(u8::from(granted))).max(0.0);
        granted
    }

    /// Returns when the bucket will hold that many requests.
    fn due(&mut self, at: f64, need: f64) -> f64 {
        self.advance(at);
        let missing = need.min(self.limit) - self.level;
        if missing <= 0.0 { at } else { at + missing / self.rate() }
    }

    /// Returns the rate-limit headers of an answer.
    fn meter(&self) -> Meter {
        let missing = self.limit - self.level;
        let full_in = if self.every > 1.0 && missing > 0.0 {
            let windows = self.windows(self.at) + (missing / self.step).ceil();
            windows.mul_add(self.every, -self.passed) - self.at
        } else {
            missing / self.rate()
        };
        Meter {
            limit: Some(whole(self.limit)),
            remaining: Some(whole(self.level)),
            full_in: Duration::try_from_secs_f64(full_in.ceil()).ok(),
            ..Meter::default()
        }
    }
}

fn moment(began: Instant, at: f64) -> Instant {
    began + Duration::from_secs_f64(at)
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn index(count: f64) -> usize {
    (count.ceil() as usize).saturating_sub(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn whole(level: f64) -> u32 {
    level as u32
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    #[test]
    fn what_is_played_is_no_line_in_the_log() {
        let mut log = tempfile::tempfile().unwrap();
        let writer = std::sync::Mutex::new(log.try_clone().unwrap());
        let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, || {
            let pacing = Pacing {
                rate: Rate::Auto,
                burst: 1,
                reserve: 0.2,
                plan: None,
                now: LocalTime::default,
            };
            let learnt = Learnt { limit: Some(50.0), refill: Some(16.0), ..Learnt::default() };
            assert!(Forecast::play(&pacing, Rate::Auto, &learnt, 64).is_some());
        });
        let mut text = String::new();
        log.rewind().unwrap();
        log.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
    }

    #[test]
    fn what_is_answered_by_a_moment_and_when_so_much_is_answered_agree() {
        let forecast = Forecast { times: vec![0.5, 1.0, 2.0], steady: 2.0 };
        for (count, at) in [(1.0, 0.5), (2.0, 1.0), (3.0, 2.0), (4.0, 2.5), (103.0, 52.0)] {
            assert!((forecast.time_of(count) - at).abs() < 1e-9, "{count}");
            assert!((forecast.count_at(at) - count).abs() < 1e-9, "{at}");
        }
        assert!(forecast.count_at(0.4) < 0.5 && forecast.count_at(1.9) < 2.5);
    }

    #[test]
    fn absurd_limits_are_played_in_bounded_time() {
        let pacing = Pacing {
            rate: Rate::Auto,
            burst: 1,
            reserve: 0.95,
            plan: None,
            now: LocalTime::default,
        };
        for limit in [1.0, 4e9] {
            for rate in [1e-9, 1e12, f64::NAN, f64::INFINITY] {
                let learnt = Learnt { limit: Some(limit), refill: Some(rate), ..Learnt::default() };
                for rate in [Rate::Auto, Rate::PerSecond(1e-300), Rate::PerSecond(1e300)] {
                    if let Some(forecast) = Forecast::play(&pacing, rate, &learnt, 4) {
                        assert!(forecast.steady() > 0.0, "{limit}, {rate:?}");
                    }
                }
            }
        }
    }
}
