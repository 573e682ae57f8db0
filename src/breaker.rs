//! When the tenant does not answer: who may still send what. Pure; time is passed in.
//!
//! Every POST into a sick tenant leaves a factor in doubt, so a few failures in a row stop all of
//! them. Recovery is probed with GET; then one request goes alone, and only when that is answered
//! does the run go on (reliability.md 5).

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{NotExecuted, Verdict};

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// Time to the first probe; doubles with each that fails.
const FIRST_PROBE: Duration = Duration::from_millis(500);
/// Probes are never further apart.
const LONGEST_PROBE: Duration = Duration::from_secs(30);

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request that changes something: a POST, above all.
    Change,
    /// A GET that looks up a factor in doubt.
    LookUp,
    /// A GET that only asks whether the tenant is back.
    Probe,
}

/// What a request's answer says about the tenant's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered.
    Good,
    /// It did not, or with a 5xx.
    Bad,
    /// The request did not leave.
    Unknown,
}

impl Health {
    /// What an answer tells.
    pub fn of<T>(verdict: &Verdict<T>) -> Self {
        match verdict {
            Verdict::Done(_) | Verdict::Present | Verdict::Refused(_) => Self::Good,
            Verdict::NotExecuted(NotExecuted::NotSent) | Verdict::InDoubt(_) => Self::Bad,
            // The limiter and the token check answer without what lies behind them.
            Verdict::NotExecuted(NotExecuted::Throttled | NotExecuted::Unauthorized)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_) => Self::Unknown,
        }
    }
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Everything.
    All,
    /// One request at a time.
    One,
    /// One probe, from then on.
    ProbeAt(Instant),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    /// Failures in a row, of POSTs and of GETs: good look-ups must not hide that every POST fails.
    changes: u32,
    gets: u32,
    /// When the present trouble began, and when it was last met.
    trouble: Option<(Instant, Instant)>,
    probes: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        probe_at: Instant,
    },
    HalfOpen,
}

impl Breaker {
    /// Takes in how a request went.
    pub fn observe(&mut self, kind: Kind, health: Health, now: Instant) {
        match health {
            Health::Unknown => {}
            Health::Good => self.good(kind),
            Health::Bad => self.bad(kind, now),
        }
    }

    /// What may be sent now.
    pub fn allowance(&self) -> Allowance {
        match self.state {
            State::Closed => Allowance::All,
            State::HalfOpen => Allowance::One,
            State::Open { probe_at } => Allowance::ProbeAt(probe_at),
        }
    }

    /// How long the present trouble has been met; zero while the breaker is closed.
    pub fn outage(&self) -> Duration {
        match (self.state, self.trouble) {
            (State::Open { .. } | State::HalfOpen, Some((since, last))) => last - since,
            _ => Duration::ZERO,
        }
    }

    fn good(&mut self, kind: Kind) {
        match self.state {
            State::Open { .. } => {
                *self.failures(kind) = 0;
                self.state = State::HalfOpen;
            }
            State::Closed | State::HalfOpen => {
                *self.failures(kind) = 0;
                // Only what had failed can show that the trouble is over: while POSTs fail, lists
                // may well be served. A failure or two of the other kind are no trouble.
                if self.changes < THRESHOLD && self.gets < THRESHOLD {
                    *self = Self { changes: self.changes, gets: self.gets, ..Self::default() };
                }
            }
        }
    }

    fn bad(&mut self, kind: Kind, now: Instant) {
        let since = self.trouble.map_or(now, |(since, _)| since);
        self.trouble = Some((since, now));
        match self.state {
            State::Closed => {
                *self.failures(kind) += 1;
                if self.changes >= THRESHOLD || self.gets >= THRESHOLD {
                    self.open(now);
                }
            }
            // What was still in flight when it opened says nothing new.
            State::Open { .. } if kind != Kind::Probe => {}
            State::Open { .. } | State::HalfOpen => {
                *self.failures(kind) += 1;
                self.open(now);
            }
        }
    }

    fn open(&mut self, now: Instant) {
        let wait = FIRST_PROBE.saturating_mul(1 << self.probes.min(10)).min(LONGEST_PROBE);
        self.probes += 1;
        self.state = State::Open { probe_at: now + wait };
    }

    fn failures(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Change => &mut self.changes,
            Kind::LookUp | Kind::Probe => &mut self.gets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(breaker: &mut Breaker, now: Instant, times: u32) {
        for _ in 0..times {
            breaker.observe(Kind::Change, Health::Bad, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_in_a_row_stop_every_post_and_a_get_probes() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(), Allowance::All);
        breaker.observe(Kind::Change, Health::Good, now);
        failing(&mut breaker, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(), Allowance::All);
        failing(&mut breaker, now, 1);
        assert_eq!(breaker.allowance(), Allowance::ProbeAt(now + FIRST_PROBE));
    }

    #[tokio::test(start_paused = true)]
    async fn good_lookups_do_not_hide_that_every_post_fails() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            breaker.observe(Kind::Change, Health::Bad, now);
            breaker.observe(Kind::LookUp, Health::Good, now);
        }
        assert_ne!(breaker.allowance(), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_good_probe_one_request_goes_alone_and_decides() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, now, THRESHOLD);
        // Late failures of what was in flight neither probe nor push the probe away.
        failing(&mut breaker, now, 30);
        assert_eq!(breaker.allowance(), Allowance::ProbeAt(now + FIRST_PROBE));
        breaker.observe(Kind::Probe, Health::Good, now);
        assert_eq!(breaker.allowance(), Allowance::One);
        failing(&mut breaker, now, 1);
        assert_eq!(breaker.allowance(), Allowance::ProbeAt(now + FIRST_PROBE * 2));
        breaker.observe(Kind::Probe, Health::Good, now);
        breaker.observe(Kind::Change, Health::Good, now);
        assert_eq!(breaker.allowance(), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn while_posts_fail_good_lists_neither_close_it_nor_end_the_outage() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, now, THRESHOLD);
        for _ in 0..20 {
            breaker.observe(Kind::Probe, Health::Good, now);
            breaker.observe(Kind::LookUp, Health::Good, now);
            assert_eq!(breaker.allowance(), Allowance::One);
            now += Duration::from_secs(60);
            failing(&mut breaker, now, 1);
            assert!(matches!(breaker.allowance(), Allowance::ProbeAt(_)));
        }
        assert_eq!(breaker.outage(), Duration::from_secs(1200));
        breaker.observe(Kind::Probe, Health::Good, now);
        breaker.observe(Kind::Change, Health::Good, now);
        assert_eq!((breaker.allowance(), breaker.outage()), (Allowance::All, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_of_the_other_kind_do_not_keep_it_open() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, now, THRESHOLD - 1);
        for _ in 0..THRESHOLD {
            breaker.observe(Kind::LookUp, Health::Bad, now);
        }
        assert_ne!(breaker.allowance(), Allowance::All);
        breaker.observe(Kind::Probe, Health::Good, now);
        breaker.observe(Kind::LookUp, Health::Good, now);
        assert_eq!(breaker.allowance(), Allowance::All);
        // They still count: one more in a row is one too many.
        failing(&mut breaker, now, 1);
        assert_ne!(breaker.allowance(), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_counted_from_its_first_failure_and_probes_grow_rare() {
        let began = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, began, THRESHOLD);
        let mut now = began;
        for _ in 0..20 {
            let Allowance::ProbeAt(at) = breaker.allowance() else { panic!("open") };
            assert!(at - now <= LONGEST_PROBE);
            now = at;
            breaker.observe(Kind::Probe, Health::Bad, now);
        }
        assert_eq!(breaker.outage(), now - began);
        assert!(now - began > Duration::from_secs(300));
    }
}
