//! Circuit breaker: decides what may still be sent while the tenant does not answer. Pure.
//!
//! An outage means that several different users fail in a row, with nothing answered in between:
//! every POST into a sick tenant leaves a factor in doubt, so a few failures stop all of them. One
//! person's broken record, however often it is asked for, is that person's own trouble: if a user
//! fails again, with nothing answered in between, one health check asks about somebody else, and
//! only if that fails, too, is it an outage.
//!
//! Health checks with GET find out when the tenant is back; then one request goes alone, and only
//! when that is answered do the others follow (reliability.md 5). GETs have a circuit of their own:
//! while POSTs fail, factors in doubt can still be looked up; while GETs fail, nothing can be
//! looked up, and nothing is sent.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::{
    api::{NotExecuted, Verdict},
    model::UserId,
};

/// Number of different users failing in a row that opens a circuit. Also the number of answered
/// users kept for health checks: more than one, as theirs may break, too.
const THRESHOLD: usize = 5;
/// Time to the first health check; doubles with each that fails.
const FIRST_HEALTH_CHECK: Duration = Duration::from_millis(500);
/// Longest time between two health checks.
const LONGEST_HEALTH_CHECK_WAIT: Duration = Duration::from_secs(30);

/// Purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A request that changes something: a POST, above all.
    Change,
    /// A GET: a list, a look-up of a factor in doubt, or a question of any job.
    Read,
    /// A GET that only asks whether the tenant is back.
    HealthCheck,
}

/// Health of the tenant, as an answer shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered.
    Good,
    /// It did not answer, or answered with a 5xx: the user who was asked about may be the reason.
    Bad,
    /// It was not reached, or grants no token: no user can be the reason.
    Unreached,
    /// The answer says nothing about the tenant.
    Unknown,
}

impl Health {
    /// Returns the health that a verdict shows.
    pub fn of<T>(verdict: &Verdict<T>) -> Self {
        match verdict {
            Verdict::Done(_) | Verdict::Present | Verdict::Refused(_) => Self::Good,
            Verdict::InDoubt(_) => Self::Bad,
            Verdict::NotExecuted(NotExecuted::NotSent) => Self::Unreached,
            // The limiter and the token check answer without involving what lies behind them.
            Verdict::NotExecuted(NotExecuted::Throttled | NotExecuted::Unauthorized)
            | Verdict::Stop(_)
            | Verdict::StopInDoubt(_) => Self::Unknown,
        }
    }
}

/// Requests of one kind that may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Everything.
    All,
    /// One request at a time.
    One,
    /// Nothing, except one health check from then on.
    HealthCheckAt(Instant),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Breaker {
    changes: Circuit,
    gets: Circuit,
    /// Users that were answered, for health checks.
    answered: VecDeque<UserId>,
    /// True once the tenant has answered. Until then one failure is enough for a health check:
    /// there may be no tenant at all.
    proven: bool,
}

/// Recent fate of the requests of one kind.
#[derive(Debug, Default)]
struct Circuit {
    state: CircuitState,
    /// Different users who failed in a row; no more than are needed to open the circuit.
    failing: VecDeque<UserId>,
    /// Failures among them that no user can be the reason for.
    unreached: usize,
    /// True if a health check was answered while these failed, which proves nothing about this
    /// kind.
    cleared: bool,
    /// True if requests of the other kind are answered meanwhile.
    others_answered: bool,
    /// Start of the present trouble, and its latest failure.
    trouble: Option<(Instant, Instant)>,
    /// Number of times that the circuit opened in this trouble.
    opened: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum CircuitState {
    #[default]
    Closed,
    /// It may be an outage, or one user's own trouble: a health check decides, and until then
    /// nothing is sent.
    Suspect {
        since: Instant,
    },
    Open {
        health_check_at: Instant,
    },
    HalfOpen,
}

impl Breaker {
    /// Takes in how a request about `user` ended; a health check is about nobody.
    pub fn observe(
        &mut self,
        kind: RequestKind,
        health: Health,
        user: Option<&UserId>,
        now: Instant,
    ) {
        match health {
            Health::Unknown => {}
            Health::Good => {
                self.prove();
                self.remember(user);
                self.good(kind, now);
            }
            Health::Bad | Health::Unreached => {
                let whose = user.filter(|_| health == Health::Bad);
                if let Some(user) = whose {
                    self.answered.retain(|answered| answered != user);
                }
                self.bad(kind, whose, now);
            }
        }
    }

    fn good(&mut self, kind: RequestKind, now: Instant) {
        match kind {
            RequestKind::Change => {
                self.changes.good();
                self.gets.others_answered = true;
            }
            RequestKind::Read => {
                self.gets.good();
                // This is as good as a health check, once that is due.
                if self.health_check_at().is_some_and(|at| at <= now) {
                    self.changes.health_checked();
                }
            }
            RequestKind::HealthCheck => {
                // A health check is a GET: for GETs it is proof, for other requests it is leave to
                // try.
                self.gets.good();
                self.changes.health_checked();
            }
        }
    }

    fn bad(&mut self, kind: RequestKind, user: Option<&UserId>, now: Instant) {
        match kind {
            // Requests that were in flight when the circuit opened say nothing new.
            RequestKind::Change if self.changes.is_open() => {}
            RequestKind::Read if self.gets.is_open() => {}
            RequestKind::Change => self.changes.bad(user, self.proven, now),
            RequestKind::Read => self.gets.bad(user, self.proven, now),
            RequestKind::HealthCheck => {
                if self.gets.is_closed() {
                    // This was the health check: it needs no other.
                    self.gets.bad(user, true, now);
                } else {
                    self.gets.open(now);
                }
                self.changes.put_off(now);
            }
        }
    }

    /// Takes in that the tenant has answered in some way.
    pub fn prove(&mut self) {
        self.proven = true;
    }

    /// Returns what may be sent of that kind now.
    pub fn allowance(&self, kind: RequestKind) -> Allowance {
        match (kind, self.gets.allowance()) {
            (RequestKind::Change, Allowance::All) => self.changes.allowance(),
            (_, allowance) => allowance,
        }
    }

    /// Returns the time of the next health check, where one is needed.
    pub fn health_check_at(&self) -> Option<Instant> {
        match self.allowance(RequestKind::Change) {
            Allowance::HealthCheckAt(at) => Some(at),
            Allowance::All | Allowance::One => None,
        }
    }

    /// Returns the user that a health check asks about: one who was answered before; else one of
    /// those who fail, if they are too many to fail for reasons of their own; else one who does not
    /// exist.
    pub fn health_check_user(&mut self) -> UserId {
        let circuit = if self.gets.is_closed() { &mut self.changes } else { &mut self.gets };
        let users = if self.answered.is_empty() && circuit.is_many() {
            &mut circuit.failing
        } else {
            &mut self.answered
        };
        let Some(user) = users.pop_front() else {
            return UserId::nobody();
        };
        // The next health check asks about another user.
        users.push_back(user.clone());
        user
    }

    /// Returns whether the tenant is not answering at present.
    pub fn is_outage(&self) -> bool {
        self.changes.is_tripped() || self.gets.is_tripped()
    }

    /// Returns how long the present trouble has lasted; zero while everything may be sent.
    pub fn outage(&self) -> Duration {
        self.changes.outage().max(self.gets.outage())
    }

    fn remember(&mut self, user: Option<&UserId>) {
        if self.answered.len() < THRESHOLD
            && let Some(user) = user.filter(|user| !self.answered.contains(user))
        {
            self.answered.push_back(user.clone());
        }
    }
}

impl Circuit {
    fn is_closed(&self) -> bool {
        self.state == CircuitState::Closed
    }

    fn is_suspect(&self) -> bool {
        matches!(self.state, CircuitState::Suspect { .. })
    }

    fn is_open(&self) -> bool {
        matches!(self.state, CircuitState::Open { .. })
    }

    fn is_tripped(&self) -> bool {
        self.is_open() || self.state == CircuitState::HalfOpen
    }

    /// Returns true if too many users fail for it to be their own trouble.
    fn is_many(&self) -> bool {
        self.failing.len() + self.unreached >= THRESHOLD
    }

    fn allowance(&self) -> Allowance {
        match self.state {
            CircuitState::Closed => Allowance::All,
            CircuitState::HalfOpen => Allowance::One,
            CircuitState::Suspect { since: at } | CircuitState::Open { health_check_at: at } => {
                Allowance::HealthCheckAt(at)
            }
        }
    }

    fn outage(&self) -> Duration {
        match self.trouble {
            Some((since, last)) if self.is_tripped() => last - since,
            _ => Duration::ZERO,
        }
    }

    fn good(&mut self) {
        *self = Self::default();
    }

    fn bad(&mut self, user: Option<&UserId>, proven: bool, now: Instant) {
        let since = self.trouble.map_or(now, |(since, _)| since);
        self.trouble = Some((since, now));
        if self.failing.is_empty() && self.unreached == 0 {
            self.others_answered = false;
        }
        let again = user.is_some_and(|user| self.failing.contains(user));
        match user {
            None => self.unreached += 1,
            Some(user) if !again && self.failing.len() < THRESHOLD => {
                self.failing.push_back(user.clone());
            }
            Some(_) => {}
        }
        if self.state == CircuitState::HalfOpen || (self.is_many() && !self.others_answered) {
            self.open(now);
        } else if self.is_closed() && (self.is_many() || (again && !self.cleared) || !proven) {
            self.state = CircuitState::Suspect { since: now };
        }
    }

    /// Notes that a health check was answered.
    fn health_checked(&mut self) {
        if self.is_open() {
            self.state = CircuitState::HalfOpen;
        } else if self.is_suspect() {
            self.state = CircuitState::Closed;
            self.cleared = true;
        }
    }

    /// Notes that a health check has failed: it was too early.
    fn put_off(&mut self, now: Instant) {
        if self.is_open() || self.is_suspect() {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        let since = self.trouble.map_or(now, |(since, _)| since);
        self.trouble = Some((since, now));
        let wait = FIRST_HEALTH_CHECK
            .saturating_mul(1 << self.opened.min(10))
            .min(LONGEST_HEALTH_CHECK_WAIT);
        self.opened += 1;
        self.state = CircuitState::Open { health_check_at: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> UserId {
        UserId::parse(&format!("auth0|{number}")).unwrap()
    }

    /// Lets that many different users fail, one after the other.
    fn failing(breaker: &mut Breaker, kind: RequestKind, now: Instant, users: usize) {
        for number in 0..users {
            breaker.observe(kind, Health::Bad, Some(&user(number)), now);
        }
    }

    /// One of a tenant that has answered.
    fn proven() -> Breaker {
        Breaker { proven: true, ..Breaker::default() }
    }

    fn health_check(breaker: &mut Breaker, health: Health, now: Instant) {
        breaker.observe(RequestKind::HealthCheck, health, None, now);
    }

    fn answered(breaker: &mut Breaker, kind: RequestKind, number: usize, now: Instant) {
        breaker.observe(kind, Health::Good, Some(&user(number)), now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_users_failing_in_a_row_stop_every_post_until_a_health_check() {
        let now = Instant::now();
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Change, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::All);
        answered(&mut breaker, RequestKind::Change, 99, now);
        failing(&mut breaker, RequestKind::Change, now, THRESHOLD - 1);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::All);
        breaker.observe(RequestKind::Change, Health::Bad, Some(&user(THRESHOLD)), now);
        assert_eq!(breaker.health_check_at(), Some(now + FIRST_HEALTH_CHECK));
    }

    #[tokio::test(start_paused = true)]
    async fn before_the_first_answer_one_failure_is_enough_for_a_health_check() {
        let now = Instant::now();
        for health in [Health::Bad, Health::Unreached] {
            for kind in [RequestKind::Change, RequestKind::Read] {
                let mut breaker = Breaker::default();
                breaker.observe(kind, health, Some(&user(1)), now);
                assert_eq!(breaker.health_check_at(), Some(now), "{kind:?}: {health:?}");
                health_check(&mut breaker, Health::Unreached, now);
                assert_eq!(breaker.health_check_at(), Some(now + FIRST_HEALTH_CHECK));
                assert!(breaker.is_outage());
                // And one that answers is as good as any other from then on.
                let mut breaker = Breaker::default();
                breaker.observe(kind, health, Some(&user(1)), now);
                health_check(&mut breaker, Health::Good, now);
                assert_eq!(breaker.allowance(kind), Allowance::All);
                breaker.observe(kind, health, Some(&user(2)), now);
                assert_eq!(breaker.allowance(kind), Allowance::All);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_posts_fail_look_ups_go_on_and_prove_nothing_for_them() {
        let now = Instant::now();
        let mut breaker = proven();
        for number in 0..THRESHOLD {
            breaker.observe(RequestKind::Change, Health::Bad, Some(&user(number)), now);
            answered(&mut breaker, RequestKind::Read, 99, now);
        }
        for _ in 0..20 {
            answered(&mut breaker, RequestKind::Read, 99, now);
            assert_eq!(breaker.allowance(RequestKind::Read), Allowance::All);
            assert_ne!(breaker.allowance(RequestKind::Change), Allowance::All);
        }
        // One that fails among them neither.
        breaker.observe(RequestKind::Read, Health::Bad, Some(&user(0)), now);
        assert_eq!(breaker.allowance(RequestKind::Read), Allowance::All);
        // Once a health check is due they are as good as one.
        answered(&mut breaker, RequestKind::Read, 99, now + FIRST_HEALTH_CHECK);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::One);
    }

    #[tokio::test(start_paused = true)]
    async fn while_lists_fail_nothing_goes_and_a_good_health_check_opens_the_way() {
        let now = Instant::now();
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Read, now, THRESHOLD);
        for kind in [RequestKind::Change, RequestKind::Read] {
            assert_eq!(breaker.allowance(kind), Allowance::HealthCheckAt(now + FIRST_HEALTH_CHECK));
        }
        health_check(&mut breaker, Health::Good, now);
        for kind in [RequestKind::Change, RequestKind::Read] {
            assert_eq!(breaker.allowance(kind), Allowance::All);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_good_health_check_one_post_goes_alone_and_decides() {
        let now = Instant::now();
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Change, now, THRESHOLD);
        // Late failures of what was in flight neither start a health check nor put it off.
        failing(&mut breaker, RequestKind::Change, now, 30);
        assert_eq!(breaker.health_check_at(), Some(now + FIRST_HEALTH_CHECK));
        health_check(&mut breaker, Health::Good, now);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::One);
        failing(&mut breaker, RequestKind::Change, now, 1);
        assert_eq!(breaker.health_check_at(), Some(now + FIRST_HEALTH_CHECK * 2));
        health_check(&mut breaker, Health::Good, now);
        answered(&mut breaker, RequestKind::Change, 99, now);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_posts_alone_is_counted_as_long_as_they_fail() {
        let mut now = Instant::now();
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Change, now, THRESHOLD);
        for _ in 0..20 {
            health_check(&mut breaker, Health::Good, now);
            answered(&mut breaker, RequestKind::Read, 99, now);
            assert_eq!(breaker.allowance(RequestKind::Change), Allowance::One);
            now += Duration::from_secs(60);
            failing(&mut breaker, RequestKind::Change, now, 1);
            assert!(breaker.health_check_at().is_some());
        }
        assert_eq!(breaker.outage(), Duration::from_secs(1200));
        health_check(&mut breaker, Health::Good, now);
        answered(&mut breaker, RequestKind::Change, 99, now);
        assert_eq!(breaker.allowance(RequestKind::Change), Allowance::All);
        assert_eq!(breaker.outage(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_counted_from_its_first_failure_and_health_checks_grow_rare() {
        let began = Instant::now();
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Change, began, THRESHOLD);
        let mut now = began;
        for _ in 0..20 {
            let at = breaker.health_check_at().unwrap();
            assert!(at - now <= LONGEST_HEALTH_CHECK_WAIT);
            now = at;
            health_check(&mut breaker, Health::Bad, now);
        }
        assert_eq!(breaker.outage(), now - began);
        assert!(now - began > Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_who_always_fails_opens_no_circuit_on_a_healthy_tenant() {
        let now = Instant::now();
        for kind in [RequestKind::Change, RequestKind::Read] {
            // Whether or not anybody else is known.
            for others in [0, 1, 9] {
                let mut breaker = proven();
                (1..=others).for_each(|other| answered(&mut breaker, kind, other, now));
                let mut health_checks = 0;
                for _ in 0..50 {
                    breaker.observe(kind, Health::Bad, Some(&user(0)), now);
                    assert!(!breaker.is_outage(), "{kind:?}, {others}");
                    if breaker.allowance(kind) != Allowance::All {
                        assert_eq!(breaker.health_check_at(), Some(now));
                        assert_ne!(breaker.health_check_user(), user(0));
                        health_check(&mut breaker, Health::Good, now);
                        health_checks += 1;
                    }
                    assert_eq!(breaker.allowance(kind), Allowance::All, "{kind:?}, {others}");
                }
                assert!((1..=25).contains(&health_checks), "{kind:?}, {others}: {health_checks}");
                assert_eq!(breaker.outage(), Duration::ZERO);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_recognised_by_the_last_few_users_too() {
        let began = Instant::now();
        for kind in [RequestKind::Change, RequestKind::Read] {
            for users in 1..THRESHOLD {
                let mut breaker = proven();
                failing(&mut breaker, kind, began, users);
                assert_eq!(breaker.allowance(kind), Allowance::All);
                failing(&mut breaker, kind, began, 1);
                assert_eq!(breaker.allowance(kind), Allowance::HealthCheckAt(began), "{users}");
                assert!(!breaker.is_outage());
                let mut now = began;
                for _ in 0..20 {
                    health_check(&mut breaker, Health::Bad, now);
                    assert!(breaker.is_outage());
                    now = breaker.health_check_at().unwrap();
                }
                assert!(breaker.outage() > Duration::from_secs(60), "{kind:?}, {users}");
                health_check(&mut breaker, Health::Good, now);
                assert_ne!(breaker.allowance(kind), Allowance::HealthCheckAt(now));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_user_can_be_blamed_for_counts_whoever_it_was() {
        let now = Instant::now();
        for kind in [RequestKind::Change, RequestKind::Read] {
            let mut breaker = proven();
            for _ in 0..THRESHOLD {
                assert_eq!(breaker.allowance(kind), Allowance::All);
                breaker.observe(kind, Health::Unreached, Some(&user(0)), now);
            }
            assert!(breaker.is_outage());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn several_broken_lists_among_answered_posts_are_checked_and_are_no_outage() {
        let now = Instant::now();
        let mut breaker = proven();
        for number in 0..THRESHOLD {
            breaker.observe(RequestKind::Read, Health::Bad, Some(&user(number)), now);
            answered(&mut breaker, RequestKind::Change, 100 + number, now);
        }
        assert!(!breaker.is_outage() && breaker.health_check_at() == Some(now));
        assert_eq!(breaker.health_check_user(), user(100));
        health_check(&mut breaker, Health::Good, now);
        assert_eq!(breaker.allowance(RequestKind::Read), Allowance::All);
    }

    #[tokio::test(start_paused = true)]
    async fn health_checks_ask_about_users_who_were_answered_each_in_turn() {
        let now = Instant::now();
        let mut breaker = proven();
        (10..20).for_each(|number| answered(&mut breaker, RequestKind::Read, number, now));
        // One of them fails now: not asked about any more.
        breaker.observe(RequestKind::Read, Health::Bad, Some(&user(11)), now);
        failing(&mut breaker, RequestKind::Read, now, THRESHOLD);
        let asked: Vec<_> = (0..5).map(|_| breaker.health_check_user()).collect();
        assert_eq!(asked, [10, 12, 13, 14, 10].map(user));
        // Where nobody ever was, those who fail, each in turn.
        let mut breaker = proven();
        failing(&mut breaker, RequestKind::Read, now, THRESHOLD);
        assert_eq!([breaker.health_check_user(), breaker.health_check_user()], [0, 1].map(user));
    }
}
