//! The one loop that owns all mutable state: what comes in, what goes next, and what comes back.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    End, Executor, IntakeEvent, Job, JobReceiver, Limits, Next, Stop,
    concurrency::InFlight,
    gateway::Gateway,
    lanes::{Lanes, Ticket},
    permits::{Cleared, Permits, Refused, withdraw},
    workers::{WorkerReport, Workers},
};
use crate::{
    api::Api,
    error::Error,
    pacer::breaker::{Allowance, Breaker, RequestKind},
};

/// Longest time that the loop sleeps.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Number of ready jobs at which the loop stops taking in more: a job that waits for long has left
/// the processor's caches by the time it is sent.
const READY: usize = 512;

/// State of the loop.
pub(super) struct Engine<C: Executor> {
    executor: Arc<C>,
    limits: Limits,
    workers: Workers<C>,
    in_flight: InFlight,
    permits: Permits<C>,
    lanes: Lanes<C::Job>,
    /// Changes that have been cleared, are being cleared, or are being sent.
    changing: usize,
    /// True while a health check is under way.
    checking_health: bool,
    breaker: Breaker,
    /// True once all are settled, and only the steps kept for the end are still under way.
    ending: bool,
    /// Time to ask for a permit again.
    permit_at: Option<Instant>,
    /// Number of times in a row that there was no access token.
    refused: u32,
    rng: fastrand::Rng,
}

impl<C: Executor> Engine<C> {
    pub(super) fn new(executor: Arc<C>, limits: Limits) -> Self {
        let in_flight = InFlight::new(limits.concurrency, Instant::now());
        Self {
            workers: Workers::new(Arc::clone(&executor), in_flight.allowed(), &limits),
            in_flight,
            permits: Permits::new(Arc::clone(&executor), limits.ahead_above),
            lanes: Lanes::new(executor.gateway().policy.settle),
            executor,
            changing: 0,
            checking_health: false,
            breaker: Breaker::default(),
            ending: false,
            permit_at: None,
            refused: 0,
            rng: fastrand::Rng::with_seed(!limits.seed),
            limits,
        }
    }

    pub(super) async fn dispatch(&mut self, mut intake: JobReceiver<C::Job>) -> End {
        let stop = self.executor.gateway().stop.clone();
        let stopped = stop.cancelled();
        tokio::pin!(stopped);
        let mut reports = Vec::new();
        let mut reading = true;
        // Error of an input that broke off: what came before it is still delivered.
        let mut broken = None;
        loop {
            let now = Instant::now();
            self.lanes.wake(now);
            if !reading && self.lanes.held() == 0 {
                self.ending = self.lanes.end();
                if !self.ending {
                    return broken.map_or(End::Complete, End::Failed);
                }
            }
            if let Some(end) = self.limit() {
                return end;
            }
            if let Err(error) = self.hand_out(now).await {
                return End::Failed(error);
            }
            self.publish();
            let alarm = self.alarm(now);
            tokio::select! {
                biased;
                () = &mut stopped => return End::Stopped(Stop::Asked),
                told = self.workers.reports(&mut reports) => {
                    if let Err(error) = told {
                        return End::Failed(error);
                    }
                    if let Some(end) = reports.drain(..).find_map(|report| self.take_back(report)) {
                        return end;
                    }
                }
                cleared = self.permits.done() => if let Some(end) = self.take_cleared(cleared) {
                    return end;
                },
                more = intake.recv(), if reading && self.has_room() => {
                    match more {
                        Some(IntakeEvent::More(jobs)) => self.lanes.take_in(jobs),
                        Some(IntakeEvent::End) => reading = false,
                        Some(IntakeEvent::Broken(error)) => {
                            broken = Some(error);
                            reading = false;
                        }
                        None => {
                            let gone = "the input's thread has gone";
                            return End::Failed(Error::Internal(gone.into()));
                        }
                    }
                }
                () = sleep_until(alarm) => {}
            }
        }
    }

    /// Returns whether more jobs may be taken in.
    fn has_room(&self) -> bool {
        self.lanes.held() < self.limits.window && self.lanes.ready() < READY
    }

    /// Returns the end of the run if `--max-errors` or `--max-outage` has been reached.
    fn limit(&self) -> Option<End> {
        if self.limits.max_errors.is_some_and(|most| most.reached(&self.executor.counts())) {
            return Some(End::Stopped(Stop::MaxErrors));
        }
        let lasted = self.breaker.outage();
        (lasted > self.limits.max_outage)
            .then(|| End::Failed(self.executor.gateway().api.outage(lasted)))
    }

    /// Takes a job back from a worker; returns an end if the run has to end.
    fn take_back(&mut self, report: WorkerReport<C::Job>) -> Option<End> {
        let now = Instant::now();
        self.changing -= usize::from(report.kind == RequestKind::Change);
        self.checking_health &= report.kind != RequestKind::HealthCheck;
        let user = report.ticket.as_ref().map(|ticket| ticket.job.user());
        self.prove();
        self.breaker.observe(report.kind, report.health, user, now);
        self.in_flight.ended(report.health, report.took);
        let settled = matches!(report.next, Next::Settled);
        match (report.next, report.ticket) {
            (Next::Stop(error), _) => return Some(End::Failed(*error)),
            (Next::Halt(stop), _) => return Some(End::Stopped(stop)),
            (_, None) => {}
            (Next::Settled | Next::Finished, Some(ticket)) => {
                self.lanes.leave(&ticket.job);
                if settled && ticket.job.is_for_the_end() {
                    self.lanes.keep_for_the_end(ticket.job);
                }
            }
            (Next::After(wait), Some(ticket)) if !wait.is_zero() => {
                self.lanes.park(ticket, now + wait);
            }
            (Next::Held | Next::After(_), Some(ticket)) => self.lanes.make_ready(ticket),
        }
        None
    }

    /// Hands cleared jobs to the workers; returns an end if the run has to end.
    fn take_cleared(&mut self, cleared: Result<Cleared<C::Job>, Error>) -> Option<End> {
        self.in_flight.cleared(Instant::now());
        match cleared {
            Ok(Ok(tickets)) => {
                self.refused = 0;
                self.workers.add(tickets);
                None
            }
            Ok(Err(refused)) => self.take_refusal(refused),
            Err(error) => Some(End::Failed(error)),
        }
    }

    /// Takes back jobs for which there was no access token; returns an end if the run has to end.
    fn take_refusal(&mut self, refused: Refused<C::Job>) -> Option<End> {
        let Refused { tickets, next, health } = refused;
        let wait = match next {
            Next::Stop(error) => return Some(End::Failed(*error)),
            Next::Held => Duration::ZERO,
            Next::Halt(stop) => return Some(End::Stopped(stop)),
            Next::Settled | Next::Finished | Next::After(_) => {
                self.refused += 1;
                self.executor.gateway().policy.delay(self.refused, &mut self.rng)
            }
        };
        let now = Instant::now();
        self.prove();
        for ticket in tickets {
            let kind = ticket.job.kind();
            self.changing -= usize::from(kind == RequestKind::Change);
            self.breaker.observe(kind, health, Some(ticket.job.user()), now);
            self.lanes.park(ticket, now + wait);
        }
        None
    }

    /// Reports to the breaker that the tenant has answered, if it has.
    fn prove(&mut self) {
        if self.executor.gateway().api.has_answered() {
            self.breaker.prove();
        }
    }

    /// Takes back jobs that may no longer be sent, and starts clearing as many as the breaker
    /// allows.
    async fn hand_out(&mut self, now: Instant) -> Result<(), Error> {
        let holding = self.executor.gateway().pacer.is_holding(now);
        let breaker = &self.breaker;
        let stays =
            |kind| !holding && !matches!(breaker.allowance(kind), Allowance::HealthCheckAt(_));
        for ticket in withdraw(&self.executor, self.workers.withdraw(stays)).await? {
            self.changing -= usize::from(ticket.job.kind() == RequestKind::Change);
            self.lanes.make_ready(ticket);
        }
        if self.breaker.health_check_at().is_some_and(|at| at <= now) && !self.checking_health {
            self.checking_health = true;
            self.workers.health_check(self.breaker.health_check_user());
        }
        let tickets = self.choose(now);
        if !tickets.is_empty() {
            self.in_flight.clearing(now);
            self.permits.begin(tickets);
        }
        let gateway = self.executor.gateway();
        if let Some(bottleneck) = self.in_flight.look(now, || gateway.pacer.pace()) {
            if self.workers.allow(self.in_flight.allowed()) {
                self.permit_at.get_or_insert(now);
            }
            gateway.stats.set_bottleneck(bottleneck);
        }
        Ok(())
    }

    /// Chooses the jobs to send next, each with a permit: the oldest of those that may be sent.
    fn choose(&mut self, now: Instant) -> Vec<Ticket<C::Job>> {
        self.permit_at = None;
        let (mut tickets, room) = (Vec::new(), self.workers.room());
        for _ in 0..self.permits.wanted(room, now) {
            let Some(kind) = self.next_kind() else {
                self.permits.leave(now);
                self.in_flight.waits_for_other();
                return tickets;
            };
            if let Err(at) = self.permits.permit(now) {
                self.permit_at = Some(at);
                self.in_flight.waits_for_other();
                return tickets;
            }
            self.in_flight.permitted(now);
            if let Some(ticket) = self.lanes.pop(kind) {
                self.changing += usize::from(kind == RequestKind::Change);
                tickets.push(ticket);
            }
        }
        let room = room - (tickets.len() + self.permits.clearing()).cast_signed();
        if room <= 0 && self.next_kind().is_some() {
            self.permit_at = self.in_flight.full(now);
        }
        tickets
    }

    /// Returns the kind of the oldest job that is ready and may be sent.
    fn next_kind(&self) -> Option<RequestKind> {
        self.lanes.first_of(|kind| match (self.breaker.allowance(kind), kind) {
            (Allowance::All, _) => true,
            (Allowance::One, RequestKind::Change) => self.changing == 0,
            (Allowance::One | Allowance::HealthCheckAt(_), _) => false,
        })
    }

    /// Returns when to look again if nothing happens before then.
    fn alarm(&self, now: Instant) -> Instant {
        let health_check = self.breaker.health_check_at().filter(|_| !self.checking_health);
        let alarms = [self.lanes.wakes_at(), health_check, self.permit_at];
        let first = alarms.into_iter().flatten().min().unwrap_or(now + LONGEST_SLEEP);
        first.clamp(now + Duration::from_millis(1), now + LONGEST_SLEEP)
    }

    fn publish(&self) {
        let Gateway { stats, api, .. } = self.executor.gateway();
        let outage = self.breaker.is_outage();
        stats.set_outage(outage.then(|| api.last_fault().unwrap_or_default()));
        stats.set_in_doubt(self.lanes.in_doubt());
        stats.set_checking(if self.ending { self.lanes.held() } else { 0 });
    }

    /// Lets requests in flight finish and records their results; nothing new is sent.
    pub(super) async fn drain(&mut self) {
        self.executor.gateway().stop.cancel();
        if self.permits.is_under_way()
            && let Ok(Ok(tickets)) = self.permits.done().await
        {
            self.workers.add(tickets);
        }
        // If the ledger has failed, the end says so already.
        drop(withdraw(&self.executor, self.workers.withdraw(|_| false)).await);
        self.workers.dismiss().await;
    }
}
