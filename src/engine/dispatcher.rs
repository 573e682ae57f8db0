//! The one loop that owns all that changes: what comes in, what goes next, what comes back.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    Carrier, End, Errand, Feed, Intake, Limits, Next, Stop,
    lanes::{Lanes, Turn},
    permits::{Clearance, Denied},
    workers::{Crew, Report},
};
use crate::{
    api::Api,
    error::Error,
    pacer::breaker::{Allowance, Breaker, Kind},
};

/// Somebody looks around at least so often.
const FAR: Duration = Duration::from_secs(60);

/// While so many are ready no more are taken in: what lies about for long has left the processor's
/// caches when it goes.
const READY: usize = 512;

/// See the module.
pub(super) struct Engine<C: Carrier> {
    carrier: Arc<C>,
    limits: Limits,
    crew: Crew<C>,
    clearance: Clearance<C>,
    lanes: Lanes<C::Errand>,
    /// Changes that are cleared, or on their way to be, or under way.
    changing: usize,
    /// True while a health check is under way.
    probing: bool,
    breaker: Breaker,
    /// Whether all are settled, and only what was kept for the end is still under way.
    ending: bool,
    /// Time to ask for a permit again.
    permit_at: Option<Instant>,
    /// Consecutive times that there was no token.
    denied: u32,
    dice: fastrand::Rng,
}

impl<C: Carrier> Engine<C> {
    pub(super) fn new(carrier: Arc<C>, limits: Limits) -> Self {
        let workers = limits.concurrency.max(1);
        Self {
            crew: Crew::new(&carrier, workers, limits.seed),
            clearance: Clearance::new(Arc::clone(&carrier), limits.ahead_above),
            lanes: Lanes::new(carrier.line().policy.settle),
            carrier,
            changing: 0,
            probing: false,
            breaker: Breaker::default(),
            ending: false,
            permit_at: None,
            denied: 0,
            dice: fastrand::Rng::with_seed(!limits.seed),
            limits,
        }
    }

    pub(super) async fn dispatch(&mut self, mut intake: Intake<C::Errand>) -> End {
        let stop = self.carrier.line().stop.clone();
        let stopped = stop.cancelled();
        tokio::pin!(stopped);
        let mut reports = Vec::new();
        let mut reading = true;
        // An input that breaks off: what came before it is still delivered.
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
                told = self.crew.reports(&mut reports) => {
                    if let Err(error) = told {
                        return End::Failed(error);
                    }
                    for report in reports.drain(..) {
                        if let Some(end) = self.take_back(report) {
                            return end;
                        }
                    }
                }
                cleared = self.clearance.done() => match cleared {
                    Ok(Ok(turns)) => {
                        self.denied = 0;
                        self.crew.add(turns);
                    }
                    Ok(Err(denied)) => if let Some(end) = self.deny(denied) {
                        return end;
                    },
                    Err(error) => return End::Failed(error),
                },
                more = intake.recv(), if reading && self.has_room() => {
                    match more {
                        Some(Feed::More(errands)) => {
                            self.lanes.take_in(errands);
                        }
                        Some(Feed::End) => reading = false,
                        Some(Feed::Broken(error)) => {
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

    /// Returns whether to take in more.
    fn has_room(&self) -> bool {
        self.lanes.held() < self.limits.window && self.lanes.ready() < READY
    }

    /// Returns the end of a run that met too much trouble.
    fn limit(&self) -> Option<End> {
        if self.limits.max_errors.is_some_and(|most| most.reached(&self.carrier.counts())) {
            return Some(End::Stopped(Stop::MaxErrors));
        }
        let lasted = self.breaker.outage();
        let cause = || self.carrier.line().api.stranger();
        (lasted > self.limits.max_outage)
            .then(|| End::Failed(Error::Outage { lasted, cause: cause() }))
    }

    /// Takes an errand back from a worker. An end ends the run.
    fn take_back(&mut self, report: Report<C::Errand>) -> Option<End> {
        let now = Instant::now();
        self.changing -= usize::from(report.kind == Kind::Change);
        self.probing &= report.kind != Kind::Probe;
        let user = report.turn.as_ref().map(|turn| turn.errand.user());
        self.breaker.observe(report.kind, report.health, user, now);
        let settled = matches!(report.next, Next::Settled);
        match (report.next, report.turn) {
            (Next::Stop(error), _) => return Some(End::Failed(*error)),
            (Next::Halt(stop), _) => return Some(End::Stopped(stop)),
            (_, None) => {}
            (Next::Settled | Next::Finished, Some(turn)) => {
                self.lanes.leave(&turn.errand);
                if settled && turn.errand.is_for_the_end() {
                    self.lanes.keep_for_the_end(turn.errand);
                }
            }
            (Next::After(wait), Some(turn)) if !wait.is_zero() => self.lanes.park(turn, now + wait),
            (Next::Held | Next::After(_), Some(turn)) => self.lanes.make_ready(turn),
        }
        None
    }

    /// Takes back what there is no token for. An end ends the run.
    fn deny(&mut self, denied: Denied<C::Errand>) -> Option<End> {
        let Denied { turns, next, health } = denied;
        let wait = match next {
            Next::Stop(error) => return Some(End::Failed(*error)),
            Next::Held => Duration::ZERO,
            Next::Halt(stop) => return Some(End::Stopped(stop)),
            Next::Settled | Next::Finished | Next::After(_) => {
                self.denied += 1;
                self.carrier.line().policy.delay(self.denied, &mut self.dice)
            }
        };
        let now = Instant::now();
        for turn in turns {
            let kind = turn.errand.kind();
            self.changing -= usize::from(kind == Kind::Change);
            self.breaker.observe(kind, health, Some(turn.errand.user()), now);
            self.lanes.park(turn, now + wait);
        }
        None
    }

    /// Takes back what may not go any more, and has more cleared, as much as the breaker allows.
    async fn hand_out(&mut self, now: Instant) -> Result<(), Error> {
        let holding = self.carrier.line().pacer.is_holding(now);
        let breaker = &self.breaker;
        let stays = |kind| !holding && !matches!(breaker.allowance(kind), Allowance::ProbeAt(_));
        for turn in withdraw(&self.carrier, self.crew.withdraw(stays)).await? {
            self.changing -= usize::from(turn.errand.kind() == Kind::Change);
            self.lanes.make_ready(turn);
        }
        if self.breaker.probe_at().is_some_and(|at| at <= now) && !self.probing {
            self.probing = true;
            self.crew.probe(self.breaker.probed_user());
        }
        let turns = self.choose(now);
        if !turns.is_empty() {
            self.clearance.begin(turns);
        }
        Ok(())
    }

    /// Chooses what goes next, with a permit each: of all that may go, what entered first.
    fn choose(&mut self, now: Instant) -> Vec<Turn<C::Errand>> {
        self.permit_at = None;
        let mut turns = Vec::new();
        for _ in 0..self.clearance.wanted(self.crew.room(), now) {
            let (breaker, changing) = (&self.breaker, self.changing);
            let allowed = |kind| match (breaker.allowance(kind), kind) {
                (Allowance::All, _) => true,
                (Allowance::One, Kind::Change) => changing == 0,
                (Allowance::One | Allowance::ProbeAt(_), _) => false,
            };
            let Some(kind) = self.lanes.first_of(allowed) else {
                self.clearance.leave(now);
                break;
            };
            if let Err(at) = self.clearance.permit(now) {
                self.permit_at = Some(at);
                break;
            }
            if let Some(turn) = self.lanes.pop(kind) {
                self.changing += usize::from(kind == Kind::Change);
                turns.push(turn);
            }
        }
        turns
    }

    /// Returns when to look again if nothing happens before.
    fn alarm(&self, now: Instant) -> Instant {
        let probe = self.breaker.probe_at().filter(|_| !self.probing);
        let alarms = [self.lanes.wakes_at(), probe, self.permit_at];
        let first = alarms.into_iter().flatten().min().unwrap_or(now + FAR);
        first.clamp(now + Duration::from_millis(1), now + FAR)
    }

    fn publish(&self) {
        let vitals = &self.carrier.line().vitals;
        vitals.set_outage(self.breaker.is_outage());
        vitals.set_in_doubt(self.lanes.in_doubt());
        vitals.set_checking(if self.ending { self.lanes.held() } else { 0 });
    }

    /// Lets requests in flight finish, and what they bring be recorded; nothing new is sent.
    pub(super) async fn drain(&mut self) {
        self.carrier.line().stop.cancel();
        if self.clearance.is_under_way()
            && let Ok(Ok(turns)) = self.clearance.done().await
        {
            self.crew.add(turns);
        }
        // If the ledger has failed, the end says so already.
        drop(withdraw(&self.carrier, self.crew.withdraw(|_| false)).await);
        self.crew.dismiss().await;
    }
}

/// Records of steps that they were not taken after all.
async fn withdraw<C: Carrier>(
    carrier: &Arc<C>,
    turns: Vec<Turn<C::Errand>>,
) -> Result<Vec<Turn<C::Errand>>, Error> {
    for turn in &turns {
        carrier.withdraw(&turn.errand).await?;
    }
    Ok(turns)
}
