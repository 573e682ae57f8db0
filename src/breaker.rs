//! When the tenant does not answer: who may still send what. Pure; time is passed in.
//!
//! Every POST into a sick tenant leaves a factor in doubt, so a few failures in a row stop all of
//! them. Recovery is probed with GET; then one request goes alone, and only when that is answered
//! do the others go on (reliability.md 5). GETs have a circuit of their own: while POSTs fail, what
//! is in doubt can still be looked up; while GETs fail, nothing can be, and nothing goes.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{NotExecuted, Verdict};

/// Failures in a row that open a circuit.
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

/// What may be sent of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Everything.
    All,
    /// One request at a time.
    One,
    /// Nothing, but for one probe from then on.
    ProbeAt(Instant),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Breaker {
    changes: Circuit,
    gets: Circuit,
}

/// How requests of one kind have gone of late.
#[derive(Debug, Default)]
struct Circuit {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// When the present trouble began, and when it was last met.
    trouble: Option<(Instant, Instant)>,
    /// How often it has opened in this trouble.
    opened: u32,
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
        match (kind, health) {
            (_, Health::Unknown) => {}
            (Kind::Change, Health::Good) => self.changes.good(),
            // What was still in flight when it opened says nothing new.
            (Kind::Change, Health::Bad) => {
                if !self.changes.is_open() {
                    self.changes.bad(now);
                }
            }
            (Kind::LookUp, Health::Bad) if self.gets.is_open() => {}
            (Kind::LookUp | Kind::Probe, Health::Bad) => {
                self.gets.bad(now);
                if kind == Kind::Probe {
                    self.changes.put_off(now);
                }
            }
            (Kind::LookUp, Health::Good) => {
                self.gets.good();
                // As good as a probe, once that is due.
                if self.probe_at().is_some_and(|at| at <= now) {
                    self.changes.try_one();
                }
            }
            (Kind::Probe, Health::Good) => {
                // A probe is a GET: there it is proof, for others it is leave to try.
                self.gets.good();
                self.changes.try_one();
            }
        }
    }

    /// What may be sent of that kind now.
    pub fn allowance(&self, kind: Kind) -> Allowance {
        match (kind, self.gets.allowance()) {
            (Kind::Change, Allowance::All) => self.changes.allowance(),
            (_, allowance) => allowance,
        }
    }

    /// When to probe, where that is needed.
    pub fn probe_at(&self) -> Option<Instant> {
        match self.allowance(Kind::Change) {
            Allowance::ProbeAt(at) => Some(at),
            Allowance::All | Allowance::One => None,
        }
    }

    /// How long the present trouble has been met; zero while all may go.
    pub fn outage(&self) -> Duration {
        self.changes.outage().max(self.gets.outage())
    }
}

impl Circuit {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    fn allowance(&self) -> Allowance {
        match self.state {
            State::Closed => Allowance::All,
            State::HalfOpen => Allowance::One,
            State::Open { probe_at } => Allowance::ProbeAt(probe_at),
        }
    }

    fn outage(&self) -> Duration {
        match (self.state, self.trouble) {
            (State::Open { .. } | State::HalfOpen, Some((since, last))) => last - since,
            _ => Duration::ZERO,
        }
    }

    fn good(&mut self) {
        *self = Self::default();
    }

    fn bad(&mut self, now: Instant) {
        let since = self.trouble.map_or(now, |(since, _)| since);
        self.trouble = Some((since, now));
        self.failures += 1;
        if self.state != State::Closed || self.failures >= THRESHOLD {
            self.open(now);
        }
    }

    /// A probe has found that it is too early.
    fn put_off(&mut self, now: Instant) {
        if self.is_open() {
            self.trouble = self.trouble.map(|(since, _)| (since, now));
            self.open(now);
        }
    }

    fn try_one(&mut self) {
        if self.is_open() {
            self.state = State::HalfOpen;
        }
    }

    fn open(&mut self, now: Instant) {
        let wait = FIRST_PROBE.saturating_mul(1 << self.opened.min(10)).min(LONGEST_PROBE);
        self.opened += 1;
        self.state = State::Open { probe_at: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(breaker: &mut Breaker, kind: Kind, now: Instant, times: u32) {
        for _ in 0..times {
            breaker.observe(kind, Health::Bad, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_failures_in_a_row_stop_every_post_and_a_get_probes() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, Kind::Change, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::All);
        breaker.observe(Kind::Change, Health::Good, now);
        failing(&mut breaker, Kind::Change, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::All);
        failing(&mut breaker, Kind::Change, now, 1);
        assert_eq!(breaker.probe_at(), Some(now + FIRST_PROBE));
    }

    #[tokio::test(start_paused = true)]
    async fn while_posts_fail_look_ups_go_on_and_prove_nothing_for_them() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            breaker.observe(Kind::Change, Health::Bad, now);
            breaker.observe(Kind::LookUp, Health::Good, now);
        }
        for _ in 0..20 {
            breaker.observe(Kind::LookUp, Health::Good, now);
            assert_eq!(breaker.allowance(Kind::LookUp), Allowance::All);
            assert_ne!(breaker.allowance(Kind::Change), Allowance::All);
        }
        // One that fails among them neither.
        breaker.observe(Kind::LookUp, Health::Bad, now);
        assert_eq!(breaker.allowance(Kind::LookUp), Allowance::All);
        // Once a probe is due they are as good as one.
        breaker.observe(Kind::LookUp, Health::Good, now + FIRST_PROBE);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::One);
    }

    #[tokio::test(start_paused = true)]
    async fn while_lists_fail_nothing_goes_and_a_good_probe_opens_the_way() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, Kind::LookUp, now, THRESHOLD);
        for kind in [Kind::Change, Kind::LookUp] {
            assert_eq!(breaker.allowance(kind), Allowance::ProbeAt(now + FIRST_PROBE));
        }
        breaker.observe(Kind::Probe, Health::Good, now);
        for kind in [Kind::Change, Kind::LookUp] {
            assert_eq!(breaker.allowance(kind), Allowance::All);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_good_probe_one_post_goes_alone_and_decides() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, Kind::Change, now, THRESHOLD);
        // Late failures of what was in flight neither probe nor push the probe away.
        failing(&mut breaker, Kind::Change, now, 30);
        assert_eq!(breaker.probe_at(), Some(now + FIRST_PROBE));
        breaker.observe(Kind::Probe, Health::Good, now);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::One);
        failing(&mut breaker, Kind::Change, now, 1);
        assert_eq!(breaker.probe_at(), Some(now + FIRST_PROBE * 2));
        breaker.observe(Kind::Probe, Health::Good, now);
        breaker.observe(Kind::Change, Health::Good, now);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_posts_alone_is_counted_as_long_as_they_fail() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, Kind::Change, now, THRESHOLD);
        for _ in 0..20 {
            breaker.observe(Kind::Probe, Health::Good, now);
            breaker.observe(Kind::LookUp, Health::Good, now);
            assert_eq!(breaker.allowance(Kind::Change), Allowance::One);
            now += Duration::from_secs(60);
            failing(&mut breaker, Kind::Change, now, 1);
            assert!(breaker.probe_at().is_some());
        }
        assert_eq!(breaker.outage(), Duration::from_secs(1200));
        breaker.observe(Kind::Probe, Health::Good, now);
        breaker.observe(Kind::Change, Health::Good, now);
        assert_eq!(breaker.allowance(Kind::Change), Allowance::All);
        assert_eq!(breaker.outage(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_counted_from_its_first_failure_and_probes_grow_rare() {
        let began = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, Kind::Change, began, THRESHOLD);
        let mut now = began;
        for _ in 0..20 {
            let at = breaker.probe_at().unwrap();
            assert!(at - now <= LONGEST_PROBE);
            now = at;
            breaker.observe(Kind::Probe, Health::Bad, now);
        }
        assert_eq!(breaker.outage(), now - began);
        assert!(now - began > Duration::from_secs(300));
    }
}
