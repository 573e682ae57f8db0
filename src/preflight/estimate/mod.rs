//! Estimate of how long the import will take: its requests, and the pace that the settings and the
//! known limit of the tenant allow. It states what it is based on.

mod text;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    engine::Concurrency,
    model::LocalTime,
    pacer::{Forecast, Learnt, Pacing, Plan, Rate},
};

/// One in this many factors is assumed to be in doubt and looked up.
const ONE_IN_DOUBT_OF: u64 = 100;
/// Days of a rate plan that are simulated minute by minute; beyond them, each week is like the
/// last.
const WALKED: u32 = 60;
const DAY: f64 = 86_400.0;
const WEEK: u32 = 7;

/// Work of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workload {
    /// Factors to create.
    pub factors: u64,
    /// Users who have them.
    pub users: u64,
    /// `--skip-existing`: each user's methods are listed first.
    pub skip_existing: bool,
    /// `--name-marker`: each factor is renamed after it was created.
    pub name_marker: bool,
    /// Questions about the tenant that the import asks first. They take time, but are not counted
    /// among the requests: those are what the factors need.
    pub questions: u64,
}

/// Everything that decides the rate of requests.
#[derive(Debug, Clone)]
pub struct RateConditions {
    /// Settings of the run.
    pub pacing: Pacing,
    /// `--concurrency`.
    pub concurrency: Concurrency,
    /// Limit of the tenant, as its answers have shown it.
    pub learnt: Learnt,
}

/// Estimate of an import. What is unknown is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Requests to send.
    pub requests: u64,
    /// Requests a second on average.
    pub rate_per_second: Option<f64>,
    /// Start, in RFC 3339.
    pub start: Option<String>,
    /// End, in RFC 3339.
    pub end: Option<String>,
    /// Time in between, in seconds.
    pub duration_seconds: Option<f64>,
    #[serde(skip)]
    began: LocalTime,
    #[serde(skip)]
    is_rough: bool,
    #[serde(skip)]
    basis: Basis,
}

/// Grounds of an estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Basis {
    rate: Rate,
    is_planned: bool,
    reserve: f64,
    in_flight: Option<usize>,
    name_marker: bool,
    skip_existing: bool,
    learnt: Learnt,
}

impl Workload {
    /// Returns the number of requests. Those for tokens do not count: another limit holds for them.
    pub fn requests(&self) -> u64 {
        let Self { factors, users, skip_existing, name_marker, .. } = *self;
        let in_doubt = factors.div_ceil(ONE_IN_DOUBT_OF);
        let lists = if skip_existing { users } else { 0 };
        let renames = if name_marker { factors } else { 0 };
        factors.saturating_add(in_doubt).saturating_add(lists).saturating_add(renames)
    }
}

impl RateConditions {
    fn in_flight(&self) -> usize {
        self.concurrency.most()
    }

    fn forecast(&self, rate: Rate) -> Option<Forecast> {
        Forecast::play(&self.pacing, rate, &self.learnt, self.in_flight())
    }

    /// Returns how many seconds a work takes, and whether that is rough because the answers do not
    /// show well enough what the tenant lets through.
    fn best(&self, work: &Workload, now: LocalTime) -> (Option<f64>, bool) {
        let requests = work.requests();
        if requests == 0 {
            return (Some(0.0), false);
        }
        let all = float(requests.saturating_add(work.questions));
        // The token and the answers to the questions come before the first factor.
        let latency = self.learnt.latency.unwrap_or_default().as_secs_f64();
        let first = if work.questions > 0 { 2.0 * latency } else { 0.0 };
        let by =
            |learnt| Self { learnt, ..self.clone() }.seconds(all, now).map(|took| took + first);
        let Learnt { limit, refill, used, is_rough, latency, .. } = self.learnt;
        let is_shown = limit.is_none() || (refill.or(used).is_some() && !is_rough);
        let shown = by(self.learnt);
        if is_shown && shown.is_some() {
            return (shown, false);
        }
        let rough = shown.filter(|_| is_rough).or_else(|| self.learnt.roughly().and_then(by));
        // A given rate may be slower than all that the tenant could allow. A bucket that stays full
        // shows no more than about the rate of the questions.
        let given = by(Learnt { latency, ..Learnt::default() });
        match (rough, given) {
            (Some(rough), Some(given)) if rough <= given * 1.1 => (Some(given), false),
            _ => (rough, rough.is_some()),
        }
    }

    /// Limits a rate to the given one: the first request of a run does not wait.
    fn within(&self, rate: f64) -> f64 {
        match self.pacing.rate {
            Rate::PerSecond(most) if self.pacing.plan.is_none() => rate.min(most),
            Rate::PerSecond(_) | Rate::Auto => rate,
        }
    }

    /// Returns how many seconds that many requests take.
    fn seconds(&self, requests: f64, now: LocalTime) -> Option<f64> {
        match &self.pacing.plan {
            None => Some(self.forecast(self.pacing.rate)?.time_of(requests)),
            Some(plan) => self.seconds_by_plan(plan, requests, now),
        }
    }

    /// Simulates the minutes of a rate plan, as the pacer does.
    fn seconds_by_plan(&self, plan: &Plan, requests: f64, now: LocalTime) -> Option<f64> {
        let mut forecasts: Vec<(Rate, Forecast)> = Vec::new();
        let (mut done, mut at, mut is_first) = (0.0, 0.0, true);
        let mut week_ago = 0.0;
        let mut last_rate = None;
        while at < f64::from(WALKED) * DAY {
            let phase = plan.at(now + millis(at));
            let rate = phase.rate.unwrap_or(self.pacing.rate);
            is_first &= last_rate.is_none_or(|last| last == rate);
            last_rate = Some(rate);
            if !forecasts.iter().any(|(of, _)| *of == rate) {
                forecasts.push((rate, self.forecast(rate)?));
            }
            let (_, forecast) = forecasts.iter().find(|(of, _)| *of == rate)?;
            let end = at + phase.look_in.as_secs_f64();
            // A run finds the bucket full only at its start.
            let by_end = if is_first {
                forecast.count_at(end)
            } else {
                (end - at).mul_add(forecast.steady(), done)
            };
            if by_end >= requests {
                let took = (requests - done).max(0.0) / forecast.steady();
                return Some(if is_first { forecast.time_of(requests) } else { at + took });
            }
            (done, at) = (by_end, end);
            if at < f64::from(WALKED - WEEK) * DAY {
                week_ago = done;
            }
        }
        let weekly = done - week_ago;
        (weekly > 0.0).then(|| (requests - done) / weekly * f64::from(WEEK) * DAY + at)
    }
}

impl Estimate {
    /// Estimates an import that begins `now`.
    pub fn of(work: &Workload, pace: &RateConditions, now: LocalTime) -> Self {
        let requests = work.requests();
        let (forecast, is_rough) = pace.best(work, now);
        let seconds = forecast.map(tenths);
        let end = seconds.and_then(|seconds| rfc3339(now + millis(seconds)));
        let in_flight = match pace.concurrency {
            Concurrency::Fixed(number) => Some(number),
            Concurrency::Auto(_) => None,
        };
        Self {
            requests,
            rate_per_second: seconds
                .filter(|seconds| *seconds > 0.0)
                .map(|seconds| pace.within(three_digits(float(requests) / seconds))),
            start: seconds.and_then(|_| rfc3339(now)),
            end,
            duration_seconds: seconds,
            began: now,
            is_rough,
            basis: Basis {
                rate: pace.pacing.rate,
                is_planned: pace.pacing.plan.is_some(),
                reserve: pace.pacing.reserve,
                in_flight,
                name_marker: work.name_marker,
                skip_existing: work.skip_existing,
                learnt: pace.learnt,
            },
        }
    }

    /// Returns how long the run takes, if that is known; the longest representable time, if it is
    /// longer.
    pub fn duration(&self) -> Option<Duration> {
        let seconds = self.duration_seconds?;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Returns whether the answers did not show enough for more than a rough estimate.
    pub fn is_rough(&self) -> bool {
        self.is_rough
    }

    /// Returns when the run ends, if that is known.
    pub fn ends(&self) -> Option<LocalTime> {
        self.duration_seconds.map(|seconds| self.began + millis(seconds))
    }
}

/// Rounds down to a tenth of a second.
fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

/// Rounds to three digits, or to whole numbers.
fn three_digits(rate: f64) -> f64 {
    let place = 10.0_f64.powf((2.0 - rate.max(1e-9).log10().floor()).clamp(0.0, 6.0));
    (rate * place).round() / place
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Writes a moment to the second; `None` beyond the calendar.
fn rfc3339(at: LocalTime) -> Option<String> {
    Timestamp::from_second(at.as_millis().div_euclid(1000)).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests;
