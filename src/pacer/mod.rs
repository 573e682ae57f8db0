//! When the next request may go: one queue for all, a pace, and a shared hold after a 429.
//!
//! Permits are handed out in order of asking, by whoever holds the queue's lock; nobody else
//! wakes (measured: 64 tasks asking governor by themselves get 64 % of 5,000/s, one waiter gets
//! 99.97 %; performance.md 5). Three things must allow a permit, in this order: no hold is on
//! (`hold`), the tenant's bucket has more than its reserve, as far as its answers tell
//! (`bucket`), and the pace: `exact` for a given rate, `auto` for one that is learnt, with
//! `limit_search` where the tenant says nothing. Which of them is in force may depend on the time
//! of day (`schedule`).

use std::{
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

mod auto;
mod bucket;
mod exact;
mod exact_window;
mod hold;
mod limit_search;
mod schedule;

pub use hold::LONGEST as LONGEST_HOLD;
pub use schedule::{Plan, PlanError};

use crate::api::{Meter, Millis};
use auto::Auto;
use bucket::{Bucket, Gate, Reading};
use exact::Exact;
use hold::{Hold, Refusal};

/// Whoever paces sleeps no shorter than this, and then lets several go: timers have a grain, and
/// each wake-up, and each commit of the ledger that follows from it, has its price.
const TICK: Duration = Duration::from_millis(4);
/// A wake-up that is this late is still made up for, and no later one: that would be a burst.
const LATE: Duration = Duration::from_millis(20);
/// Travel times differ by up to about this much from one request to the next, in seconds. So a
/// request that waits for what answers will say asks again after this long.
const JITTER: f64 = 0.1;
/// Nobody asks again sooner, whatever else wakes them: that would give permits one by one.
const GRAIN: Duration = Duration::from_millis(1);
/// Lost in floating-point sums: a permit that lacks no more than this is whole.
const ROUNDING: f64 = 0.01;
/// What is supplied is logged no more often than this.
const TELL: f64 = 30.0;

/// `--rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Learn it from the tenant's answers.
    Auto,
    /// So many requests a second.
    PerSecond(f64),
}

/// Everything that decides the pace.
#[derive(Debug, Clone)]
pub struct Pacing {
    /// `--rate`.
    pub rate: Rate,
    /// `--burst`: how many may go at once at a given rate.
    pub burst: u32,
    /// `--reserve`: the share of the tenant's limit left to others, 0 to 1.
    pub reserve: f64,
    /// `--rate-plan`.
    pub plan: Option<Plan>,
    /// Wall clock, for the plan.
    pub now: fn() -> Millis,
}

/// Why the next request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It does not.
    Nothing,
    /// For the given rate.
    Rate,
    /// For the rate that the plan has for this time of day.
    Plan,
    /// For the tenant's limit, as it was learnt.
    Limit,
    /// For others: the tenant's limit is down to the reserve.
    Reserve,
    /// For the end of a hold after a 429.
    Throttled,
}

/// How long requests waited, and for what. One waits at a time, all others behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// For the end of a hold after a 429.
    pub throttling: Duration,
    /// For the sake of others.
    pub reserve: Duration,
    /// For the tenant's limit.
    pub limit: Duration,
    /// For the given rate.
    pub rate: Duration,
    /// For the rate that the plan had.
    pub plan: Duration,
}

/// Hands out permits.
#[derive(Debug)]
pub struct Pacer {
    turn: tokio::sync::Mutex<()>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pacing: Pacing,
    hold: Hold,
    bucket: Bucket,
    auto: Auto,
    exact: Option<Exact>,
    /// The rate that is in force; whether it is the plan's; when to look again.
    rate: Option<Rate>,
    planned: bool,
    look_at: Option<Instant>,
    /// Whether there was any answer yet.
    answered: bool,
    /// What was last told of what is supplied, and when.
    told: Option<(f64, f64)>,
    waiting: Waiting,
    held: Held,
}

/// When to ask again, and for what that is.
#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Instant,
    why: Waiting,
    /// How much of it is for the sake of others.
    reserve: f64,
}

impl Pacer {
    /// A pacer that leaves `reserve` (0 to 1) of the tenant's limit to others.
    pub fn new(rate: Rate, reserve: f64) -> Self {
        Self::with(Pacing { rate, burst: 1, reserve, plan: None, now: || 0 })
    }

    /// A pacer with everything set.
    pub fn with(pacing: Pacing) -> Self {
        let reserve = pacing.reserve.clamp(0.0, 0.95);
        Self {
            turn: tokio::sync::Mutex::new(()),
            began: Instant::now(),
            state: Mutex::new(State {
                pacing: Pacing { reserve, ..pacing },
                hold: Hold::default(),
                bucket: Bucket::new(),
                auto: Auto::new(reserve, 0.0),
                exact: None,
                rate: None,
                planned: false,
                look_at: None,
                answered: false,
                told: None,
                waiting: Waiting::Nothing,
                held: Held::default(),
            }),
        }
    }

    /// Waits for a permit to send one request now. Dropping the future gives up the place.
    pub async fn permit(&self) {
        let _turn = self.turn.lock().await;
        let mut place = Place::new(self);
        while let Err(until) = place.ask(Instant::now()) {
            sleep_until(until).await;
        }
    }

    /// Whether all are held after a 429: what was permitted before had better not go.
    pub fn is_holding(&self, now: Instant) -> bool {
        self.state().hold.until(now).is_some()
    }

    /// What an answer said about the limit; every answer is shown to the pacer.
    pub fn observe(&self, meter: &Meter, throttled: bool) {
        self.state().observe(meter, throttled, self.began, Instant::now());
    }

    /// Why the next request waits, for the progress line.
    pub fn waiting(&self) -> Waiting {
        self.state().waiting
    }

    /// How long requests waited, and for what.
    pub fn held(&self) -> Held {
        self.state().held
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while holding it leaves plain numbers: still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one who asks, and need not stand still while waiting.
#[derive(Debug)]
pub struct Place<P: Deref<Target = Pacer>> {
    pacer: P,
    /// The wait that is going on, and since when.
    wait: Option<(Wait, Instant)>,
}

impl<P: Deref<Target = Pacer>> Place<P> {
    /// A place at `pacer`.
    pub fn new(pacer: P) -> Self {
        Self { pacer, wait: None }
    }

    /// A permit to send one request now; else when to ask again. Asking earlier says the same.
    pub fn ask(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some((wait, _)) = self.wait.filter(|(wait, _)| wait.until > now) {
            return Err(wait.until);
        }
        self.leave(now);
        let Some(wait) = self.pacer.state().next(self.pacer.began, now) else {
            return Ok(());
        };
        let wait = Wait { until: wait.until.max(now + GRAIN), ..wait };
        self.wait = Some((wait, now));
        Err(wait.until)
    }

    /// Waits no longer: what was waited so far counts all the same.
    pub fn leave(&mut self, now: Instant) {
        if let Some((wait, since)) = self.wait.take() {
            self.pacer.state().waited(&wait, now.saturating_duration_since(since));
        }
    }
}

impl<P: Deref<Target = Pacer>> Drop for Place<P> {
    fn drop(&mut self) {
        self.leave(Instant::now());
    }
}

impl State {
    /// `None`: go. Otherwise: when to ask again.
    fn next(&mut self, began: Instant, now: Instant) -> Option<Wait> {
        self.turn_page(now);
        let wait = self.obstacle(began, now);
        self.waiting = wait.map_or(Waiting::Nothing, |wait| wait.why);
        if wait.is_none() {
            let at = seconds(began, now);
            self.bucket.record_sent(at);
            self.auto.record_sent(at);
        }
        // The plan may have another rate before that.
        let look_at = self.look_at;
        wait.map(|wait| Wait { until: look_at.map_or(wait.until, |at| at.min(wait.until)), ..wait })
    }

    fn obstacle(&mut self, began: Instant, now: Instant) -> Option<Wait> {
        if let Some(until) = self.hold.until(now) {
            return Some(Wait { until, why: Waiting::Throttled, reserve: 0.0 });
        }
        let at = seconds(began, now);
        let reserve = self.pacing.reserve;
        let floor = self.bucket.limit() * reserve;
        let level = self.bucket.level(at);
        let gate = self.bucket.ask(floor, at);
        if let Gate::Shut(due) = gate {
            let until = began + Duration::from_secs_f64(due.clamp(at + 0.0005, at + JITTER));
            let for_others = level >= 1.0;
            let why = if for_others { Waiting::Reserve } else { Waiting::Limit };
            return Some(Wait { until, why, reserve: f64::from(u8::from(for_others)) });
        }
        if let Some(exact) = &mut self.exact {
            let until = exact.take(now).err()?;
            let why = if self.planned { Waiting::Plan } else { Waiting::Rate };
            return Some(Wait { until, why, reserve: 0.0 });
        }
        if gate == Gate::Look {
            return None;
        }
        let wait = self.auto.take(&self.bucket, self.answered, at).err()?;
        let until = began + Duration::from_secs_f64(wait.until.min(at + JITTER));
        Some(Wait { until, why: Waiting::Limit, reserve: wait.reserve })
    }

    /// Puts the rate in force that the plan has for now.
    fn turn_page(&mut self, now: Instant) {
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

    fn observe(&mut self, meter: &Meter, throttled: bool, began: Instant, now: Instant) {
        let at = seconds(began, now);
        self.answered = true;
        let news = meter.limit.zip(meter.remaining).filter(|(limit, _)| *limit > 0);
        let sent = meter.sent.map_or(at, |sent| seconds(began, sent));
        let news = news.map(|(limit, remaining)| Reading {
            sent,
            limit: f64::from(limit),
            remaining: f64::from(remaining.min(limit)),
            full_in: meter.full_in.map(|full_in| full_in.as_secs_f64()),
            throttled,
            test: self.auto.is_test(sent),
        });
        match &news {
            Some(news) => {
                self.bucket.observe(news, 1.0 - self.pacing.reserve, at);
                self.tell(at);
            }
            None if !throttled => self.bucket.silence(),
            None => {}
        }
        if !throttled {
            self.hold.answered(meter.sent);
            return;
        }
        let foretold = self.bucket.is_known() && news.is_some_and(|news| news.remaining < 1.0);
        self.auto.throttled(foretold, sent, at);
        let one_token = match news {
            Some(news) => self.bucket.one_token(&news, at),
            None => self.exact.is_none().then(|| self.auto.one_token()),
        };
        let refusal = Refusal {
            sent: meter.sent,
            retry_after: meter.retry_after,
            one_token: one_token
                .map(|wait| Duration::try_from_secs_f64(wait).unwrap_or(LONGEST_HOLD)),
            full_in: meter.full_in,
        };
        self.hold.throttled(&refusal, now);
    }

    /// Logs what is supplied, when it is known or has become much more or less.
    fn tell(&mut self, at: f64) {
        let rate = self.bucket.refill_rate();
        let (told, told_at) = self.told.unwrap_or((0.0, f64::NEG_INFINITY));
        let news = rate > told * 1.5 || rate < told / 1.5;
        if news && self.bucket.is_measured() && at - told_at >= TELL {
            self.told = Some((rate, at));
            tracing::info!(
                "the tenant lets through about {rate:.1} requests a second more than others take, \
                 and up to {} at once",
                self.bucket.limit()
            );
        }
    }

    fn waited(&mut self, wait: &Wait, time: Duration) {
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

#[cfg(test)]
mod tests;
