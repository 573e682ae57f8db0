//! State shared by all tasks that wait for a permit, and the decision on the next one.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    JITTER, LONGEST_HOLD, Learnt, MAX_RESERVE, Pacing, Rate, SHORTEST_WAIT, WaitTotals, Waiting,
    auto::Auto,
    bucket::{Bucket, BucketReading, Gate},
    exact::Exact,
    hold::{Hold, Throttling},
};
use crate::api::{LimitDecision, Meter};

/// Shortest time between two lines in the log about the refill rate, in seconds.
const LOG_EVERY: f64 = 30.0;

/// The shared state.
#[derive(Debug)]
pub(super) struct PacerState {
    pacing: Pacing,
    pub(super) hold: Hold,
    bucket: Bucket,
    auto: Auto,
    exact: Option<Exact>,
    /// The rate in force, whether it is the plan's, and when to consult the plan again.
    rate: Option<Rate>,
    planned: bool,
    look_at: Option<Instant>,
    answers: Answers,
    /// The refill rate that was logged last, and when.
    logged: Option<(f64, f64)>,
    pub(super) waiting: Waiting,
    pub(super) held: WaitTotals,
}

/// Counts of answers.
#[derive(Debug, Default)]
struct Answers {
    all: u64,
    /// Answers that stated the limit.
    metered: u64,
    /// Total time that they took, in seconds.
    time: f64,
}

/// Time at which to ask again, and the reason.
#[derive(Debug, Clone, Copy)]
pub(super) struct PermitWait {
    pub(super) until: Instant,
    pub(super) why: Waiting,
    /// Share of the wait that leaves the reserve to others.
    pub(super) reserve: f64,
}

impl PacerState {
    pub(super) fn new(pacing: Pacing) -> Self {
        let reserve = pacing.reserve.clamp(0.0, MAX_RESERVE);
        Self {
            pacing: Pacing { reserve, ..pacing },
            hold: Hold::default(),
            bucket: Bucket::new(),
            auto: Auto::new(reserve, 0.0),
            exact: None,
            rate: None,
            planned: false,
            look_at: None,
            answers: Answers::default(),
            logged: None,
            waiting: Waiting::Nothing,
            held: WaitTotals::default(),
        }
    }

    /// Returns the modelled level and limit of the tenant's bucket, for `fuzzing`.
    pub(super) fn fullness(&self, began: Instant, now: Instant) -> (f64, f64) {
        (self.bucket.level(seconds(began, now)), self.bucket.limit())
    }

    /// Returns what the answers so far have shown of the tenant's limit.
    pub(super) fn learnt(&self, began: Instant, now: Instant) -> Learnt {
        let Answers { all, metered, time } = self.answers;
        let mean = time / f64::from(u32::try_from(all).unwrap_or(u32::MAX)).max(1.0);
        let latency = (all > 0).then(|| Duration::try_from_secs_f64(mean).unwrap_or_default());
        Learnt { answers: all, metered, latency, ..self.bucket.learnt(seconds(began, now)) }
    }

    /// Returns the refill rate as the latest answers show it.
    pub(super) fn tenant_rate(&self) -> Option<f64> {
        self.bucket.measured_rate()
    }

    /// Uses up the tenant's bucket sooner.
    pub(super) fn hasten(&mut self) {
        self.auto.hasten();
    }

    /// Returns the requests a second that are let through.
    pub(super) fn pace(&self) -> f64 {
        match self.rate {
            Some(Rate::PerSecond(rate)) => rate,
            Some(Rate::Auto) | None => self.auto.last_pace(),
        }
    }

    /// Grants a permit by returning `None`; else returns when to ask again.
    pub(super) fn next(&mut self, began: Instant, now: Instant) -> Option<PermitWait> {
        self.follow_plan(now);
        let wait = self.obstacle(began, now);
        self.waiting = wait.map_or(Waiting::Nothing, |wait| wait.why);
        if wait.is_none() {
            let at = seconds(began, now);
            self.bucket.record_sent(at);
            self.auto.record_sent(at);
        }
        // The plan may have another rate before that.
        let look_at = self.look_at;
        wait.map(|wait| PermitWait {
            until: look_at.map_or(wait.until, |at| at.min(wait.until)),
            ..wait
        })
    }

    /// Returns what stands in the way of a permit, if anything does.
    fn obstacle(&mut self, began: Instant, now: Instant) -> Option<PermitWait> {
        if let Some(until) = self.hold.until(now) {
            return Some(PermitWait { until, why: Waiting::Throttled, reserve: 0.0 });
        }
        let at = seconds(began, now);
        let reserve = self.pacing.reserve;
        let floor = self.bucket.limit() * reserve;
        let level = self.bucket.level(at);
        let gate = self.bucket.ask(floor, at);
        if let Gate::Shut(due) = gate {
            let until = began
                + Duration::from_secs_f64(due.clamp(at + SHORTEST_WAIT.as_secs_f64(), at + JITTER));
            let for_others = level >= 1.0;
            let why = if for_others { Waiting::Reserve } else { Waiting::Limit };
            return Some(PermitWait { until, why, reserve: f64::from(u8::from(for_others)) });
        }
        if let Some(exact) = &mut self.exact {
            let until = exact.take(now).err()?;
            let why = if self.planned { Waiting::Plan } else { Waiting::Rate };
            return Some(PermitWait { until, why, reserve: 0.0 });
        }
        if gate == Gate::Look {
            return None;
        }
        let bucket = (self.answers.all > 0).then_some(&self.bucket);
        let wait = self.auto.take(bucket, at).err()?;
        let until = began + Duration::from_secs_f64(wait.until.min(at + JITTER));
        Some(PermitWait { until, why: Waiting::Limit, reserve: wait.reserve })
    }

    /// Puts the plan's rate for this time of day in force.
    fn follow_plan(&mut self, now: Instant) {
        if self.rate.is_some() && self.look_at.is_none_or(|at| at > now) {
            return;
        }
        let planned = self.pacing.plan.as_ref().map(|plan| plan.at((self.pacing.now)()));
        self.look_at = planned.as_ref().map(|page| now + page.look_in);
        let by_plan = planned.and_then(|page| page.rate);
        let rate = by_plan.unwrap_or(self.pacing.rate);
        self.planned = by_plan.is_some();
        if self.rate == Some(rate) {
            return;
        }
        if self.rate.is_some() {
            match rate {
                Rate::Auto => tracing::info!("the rate plan has `auto` from now on"),
                Rate::PerSecond(rate) => {
                    tracing::info!("the rate plan has {rate} requests a second from now on");
                }
            }
        }
        self.rate = Some(rate);
        self.exact = match rate {
            Rate::Auto => None,
            Rate::PerSecond(rate) => Some(Exact::new(rate, self.pacing.burst)),
        };
    }

    /// Takes in what an answer said about the limit.
    pub(super) fn observe(
        &mut self,
        meter: &Meter,
        decision: LimitDecision,
        began: Instant,
        now: Instant,
    ) {
        let throttled = decision == LimitDecision::Throttled;
        let at = seconds(began, now);
        let reading = meter.limit.zip(meter.remaining).filter(|(limit, _)| *limit > 0);
        let sent = meter.sent.map_or(at, |sent| seconds(began, sent));
        self.answers.all += 1;
        self.answers.metered += u64::from(reading.is_some());
        self.answers.time += at - sent;
        let reading = reading.map(|(limit, remaining)| BucketReading {
            sent,
            limit: f64::from(limit),
            remaining: f64::from(remaining.min(limit)),
            full_in: meter.full_in.map(|full_in| full_in.as_secs_f64()),
            throttled,
            test: self.auto.is_test(sent),
        });
        match &reading {
            Some(reading) => {
                self.bucket.observe(reading, 1.0 - self.pacing.reserve, at);
                self.log_rate(at);
            }
            None if !throttled => self.bucket.silence(),
            None => {}
        }
        if !throttled {
            self.hold.answered(meter.sent);
            return;
        }
        let foretold =
            self.bucket.is_known() && reading.is_some_and(|reading| reading.remaining < 1.0);
        self.auto.throttled(foretold, sent, at);
        let one_token = match reading {
            Some(reading) => self.bucket.one_token(&reading, at),
            None => self.exact.is_none().then(|| self.auto.one_token()),
        };
        let refusal = Throttling {
            sent: meter.sent,
            retry_after: meter.retry_after,
            one_token: one_token
                .map(|wait| Duration::try_from_secs_f64(wait).unwrap_or(LONGEST_HOLD)),
            full_in: meter.full_in,
        };
        self.hold.throttled(&refusal, now);
    }

    /// Logs the refill rate when it is first measured, and when it has changed by half.
    fn log_rate(&mut self, at: f64) {
        let rate = self.bucket.refill_rate();
        let (logged, logged_at) = self.logged.unwrap_or((0.0, f64::NEG_INFINITY));
        let changed = rate > logged * 1.5 || rate < logged / 1.5;
        if changed && self.bucket.is_measured() && at - logged_at >= LOG_EVERY {
            self.logged = Some((rate, at));
            tracing::info!(
                "the tenant lets through about {rate:.1} requests a second more than others take, \
                 and up to {} at once",
                self.bucket.limit()
            );
        }
    }

    /// Adds to the totals the time that was spent on a wait.
    pub(super) fn waited(&mut self, wait: &PermitWait, time: Duration) {
        let for_others = time.mul_f64(wait.reserve);
        self.held.reserve += for_others;
        let rest = time.saturating_sub(for_others);
        match wait.why {
            Waiting::Throttled => self.held.throttling += rest,
            Waiting::Reserve | Waiting::Nothing => self.held.reserve += rest,
            Waiting::Limit => self.held.limit += rest,
            Waiting::Rate => self.held.rate += rest,
            Waiting::Plan => self.held.plan += rest,
        }
    }
}

fn seconds(began: Instant, at: Instant) -> f64 {
    at.duration_since(began).as_secs_f64()
}
