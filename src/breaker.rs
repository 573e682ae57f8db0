//! When the tenant does not answer: who may still send what. Pure; time is passed in.
//!
//! Every POST into a sick tenant leaves a factor in doubt, so a few failures in a row stop all of
//! them. Recovery is probed with GET; then one request goes alone, and only when that is answered
//! does the run go on (reliability.md 5).

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
/// Time to the first probe; doubles with each that fails.
const FIRST_PROBE: Duration = Duration::from_millis(500);
/// Probes are never further apart.
const LONGEST_PROBE: Duration = Duration::from_secs(30);

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A POST.
    Create,
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
#[derive(Debug)]
pub struct Breaker {
    state: State,
    creates: u32,
    lookups: u32,
    /// When the present trouble began.
    since: Option<Instant>,
    probes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { probe_at: Instant },
    HalfOpen,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, creates: 0, lookups: 0, since: None, probes: 0 }
    }
}

impl Breaker {
    /// Takes in how a request went.
    pub fn observe(&mut self, kind: Kind, health: Health, now: Instant) {
        match (self.state, health) {
            (_, Health::Unknown) => {}
            (State::Closed, Health::Good) => {
                *self.failures(kind) = 0;
                if self.creates == 0 && self.lookups == 0 {
                    self.since = None;
                }
            }
            (State::Closed, Health::Bad) => {
                self.since.get_or_insert(now);
                *self.failures(kind) += 1;
                if self.creates >= THRESHOLD || self.lookups >= THRESHOLD {
                    self.open(now);
                }
            }
            (State::Open { .. }, Health::Good) => self.state = State::HalfOpen,
            // What was still in flight when it opened says nothing new.
            (State::Open { .. }, Health::Bad) if kind != Kind::Probe => {}
            (State::Open { .. } | State::HalfOpen, Health::Bad) => self.open(now),
            (State::HalfOpen, Health::Good) => *self = Self::default(),
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

    /// For how long the tenant has been in trouble; zero unless the breaker is open.
    pub fn outage(&self, now: Instant) -> Duration {
        match (self.state, self.since) {
            (State::Open { .. }, Some(since)) => now.duration_since(since),
            _ => Duration::ZERO,
        }
    }

    fn open(&mut self, now: Instant) {
        let wait = FIRST_PROBE.saturating_mul(1 << self.probes.min(10)).min(LONGEST_PROBE);
        self.probes += 1;
        self.state = State::Open { probe_at: now + wait };
    }

    fn failures(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Create => &mut self.creates,
            Kind::LookUp | Kind::Probe => &mut self.lookups,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(breaker: &mut Breaker, now: Instant, times: u32) {
        for _ in 0..times {
            breaker.observe(Kind::Create, Health::Bad, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_in_a_row_stop_every_post_and_a_get_probes() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(), Allowance::All);
        breaker.observe(Kind::Create, Health::Good, now);
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
            breaker.observe(Kind::Create, Health::Bad, now);
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
        breaker.observe(Kind::Create, Health::Good, now);
        assert_eq!(breaker.allowance(), Allowance::All);
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
        assert_eq!(breaker.outage(now), now - began);
        assert!(now - began > Duration::from_secs(300));
    }
}
