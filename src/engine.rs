//! Order and concurrency: what goes next, and to which worker.
//!
//! One dispatcher owns everything that changes: the lanes (one a user, in input order), what is
//! ready, what waits for a time, and the breaker. Workers take one step of one [`Errand`] at a
//! time and hand it back, so one that has to wait holds up its own user and nobody else. All of
//! it is bounded: at most [`Limits::window`] are taken in and not settled. What a step is, the
//! [`Carrier`] knows.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    api::Api,
    breaker::{Allowance, Breaker, Health, Kind},
    error::Error,
    ledger::Counts,
    line::Line,
    model::{State, UserId},
};

/// Errands that are kept for the end of a run, at most.
const MOST_FOR_THE_END: usize = 65_536;

/// Bounds of a run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests in flight.
    pub concurrency: usize,
    /// Errands taken in and not settled.
    pub window: usize,
    /// An outage longer than this stops the run.
    pub max_outage: Duration,
    /// So many bad rows stop the run.
    pub max_errors: Option<MaxErrors>,
    /// For jitter.
    pub seed: u64,
}

/// `--max-errors`: rejected and failed rows that stop a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// So many rows.
    Rows(u64),
    /// This share of the rows, in percent, once there are a hundred of them.
    Percent(f64),
}

impl MaxErrors {
    /// Rows that a share is not judged below.
    const ENOUGH: u64 = 100;

    fn reached(self, counts: &Counts) -> bool {
        let errors = counts.states[State::Rejected] + counts.states[State::Failed];
        match self {
            Self::Rows(most) => errors >= most.max(1),
            #[expect(clippy::cast_precision_loss, reason = "a share of rows, not a count")]
            Self::Percent(most) => {
                counts.rows() >= Self::ENOUGH
                    && errors as f64 * 100.0 >= most * counts.rows() as f64
            }
        }
    }
}

/// What comes down the line from the input, batch by batch. Its end is said and not only met: a
/// sender that has gone without a word has failed.
#[derive(Debug)]
pub enum Feed<T> {
    /// More rows.
    More(Vec<T>),
    /// That was all.
    End,
    /// No more of it can be read.
    Broken(Error),
}

/// What comes in: errands with something to do.
pub type Intake<E> = mpsc::Receiver<Feed<E>>;

/// One thing to be done for one user, step by step.
pub trait Errand: Send + 'static {
    /// For whom: errands of one user go one after the other, in input order.
    fn user(&self) -> &UserId;
    /// Which kind of request its next step is.
    fn kind(&self) -> Kind;
    /// Whether a request of it may still be under way, so that its next step has to wait for the
    /// settle time.
    fn is_in_doubt(&self) -> bool {
        false
    }
    /// Whether its next step is for the end of the run, when all others are settled.
    fn is_for_the_end(&self) -> bool {
        false
    }
    /// Takes over what is known of the user from the errand before it.
    fn follow(&mut self, _before: &Self)
    where
        Self: Sized,
    {
    }
}

/// Takes errands through their steps. Shared by all workers.
pub trait Carrier: Send + Sync + 'static {
    /// The tenant.
    type Api: Api;
    /// What it carries.
    type Errand: Errand;

    /// To the tenant.
    fn line(&self) -> &Line<Self::Api>;

    /// Takes the step that `errand` is at: one request at most. Nothing is sent once `gate`, where
    /// there is one, is shut.
    fn step(
        &self,
        errand: &mut Self::Errand,
        gate: Option<&mut watch::Receiver<bool>>,
        dice: &mut fastrand::Rng,
    ) -> impl Future<Output = (Next, Health)> + Send;
}

/// What came of a step.
#[derive(Debug)]
pub enum Next {
    /// It has come to its end; if a step is left for the end of the run, that is still to come.
    Settled,
    /// What was left to do for it after its end is done, or cannot be done in this run.
    Finished,
    /// Its next step is due after this long.
    After(Duration),
    /// Nothing was sent: the gate is closed, or the run is stopping.
    Held,
    /// The run stops in good order: so much may be done and no more.
    Halt(Stop),
    /// The run stops.
    Stop(Box<Error>),
}

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// Everything that came in is settled.
    Complete,
    /// It was asked to stop, or has met `--max-errors`.
    Stopped(Stop),
    /// It cannot go on.
    Failed(Error),
}

/// Why a run stopped in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A signal.
    Asked,
    /// `--max-errors`.
    MaxErrors,
    /// `--max-deletes`.
    MaxDeletes,
}

/// Runs until everything that comes in is settled, or something stops it. Requests in flight are
/// always waited for.
pub async fn run<C: Carrier>(carrier: Arc<C>, limits: Limits, intake: Intake<C::Errand>) -> End {
    let mut engine = Engine::new(carrier, limits);
    let end = engine.dispatch(intake).await;
    engine.drain().await;
    end
}

/// One thing for a worker to do.
enum Work<E> {
    /// `alone`: it may go although the gate is closed.
    Step {
        turn: Turn<E>,
        alone: bool,
    },
    Probe(UserId),
}

/// What a worker has to say.
struct Report<E> {
    worker: usize,
    turn: Option<Turn<E>>,
    kind: Kind,
    next: Next,
    health: Health,
}

/// An errand with its place in the order of entry.
struct Turn<E> {
    number: u64,
    errand: E,
}

struct Engine<C: Carrier> {
    carrier: Arc<C>,
    limits: Limits,
    workers: JoinSet<()>,
    posts: Vec<mpsc::Sender<Work<C::Errand>>>,
    reports: mpsc::Receiver<Report<C::Errand>>,
    idle: Vec<usize>,
    /// Whether changes, and look-ups, may go; workers that wait for a permit give up when theirs is
    /// shut.
    gates: [watch::Sender<bool>; 2],
    /// Users with an errand under way, and what waits behind it.
    lanes: HashMap<UserId, VecDeque<Turn<C::Errand>>>,
    /// What can go, in order of entry, however often one has come back: changes, and look-ups.
    ready: [BTreeMap<u64, C::Errand>; 2],
    /// Changes under way.
    changing: usize,
    /// Whether a probe is.
    probing: bool,
    /// By when they are due.
    parked: BTreeMap<(Instant, u64), C::Errand>,
    /// How many have entered.
    entered: u64,
    /// How many of the parked are in doubt.
    in_doubt: usize,
    /// Taken in and not settled.
    held: usize,
    /// Settled, with a step left for the end of the run.
    for_the_end: Vec<C::Errand>,
    breaker: Breaker,
    last_user: Option<UserId>,
    began: Instant,
}

impl<C: Carrier> Engine<C> {
    fn new(carrier: Arc<C>, limits: Limits) -> Self {
        let (report, reports) = mpsc::channel(limits.concurrency.max(1));
        let gates = [watch::channel(true).0, watch::channel(true).0];
        let mut workers = JoinSet::new();
        let mut posts = Vec::new();
        for worker in 0..limits.concurrency.max(1) {
            let (post, work) = mpsc::channel(1);
            posts.push(post);
            let dice = fastrand::Rng::with_seed(limits.seed.wrapping_add(worker as u64));
            workers.spawn(labour(
                worker,
                Arc::clone(&carrier),
                gates.each_ref().map(watch::Sender::subscribe),
                dice,
                work,
                report.clone(),
            ));
        }
        Self {
            carrier,
            idle: (0..posts.len()).rev().collect(),
            limits,
            workers,
            posts,
            reports,
            gates,
            lanes: HashMap::new(),
            ready: [BTreeMap::new(), BTreeMap::new()],
            changing: 0,
            probing: false,
            parked: BTreeMap::new(),
            entered: 0,
            in_doubt: 0,
            held: 0,
            for_the_end: Vec::new(),
            breaker: Breaker::default(),
            last_user: None,
            began: Instant::now(),
        }
    }

    async fn dispatch(&mut self, mut intake: Intake<C::Errand>) -> End {
        let stop = self.carrier.line().stop.clone();
        let tally = self.carrier.line().ledger.tally();
        let mut reading = true;
        // An input that breaks off: what came before it is still delivered.
        let mut broken = None;
        loop {
            let now = Instant::now();
            self.wake(now);
            if !reading && self.held == 0 {
                if self.for_the_end.is_empty() {
                    return broken.map_or(End::Complete, End::Failed);
                }
                for errand in std::mem::take(&mut self.for_the_end) {
                    self.enter(errand);
                }
            }
            if self.limits.max_errors.is_some_and(|most| most.reached(&tally.get())) {
                return End::Stopped(Stop::MaxErrors);
            }
            if self.breaker.outage() > self.limits.max_outage {
                return End::Failed(Error::Outage { lasted: self.breaker.outage() });
            }
            self.hand_out(now).await;
            self.publish();
            let alarm = self.alarm(now);
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped(Stop::Asked),
                Some(report) = self.reports.recv() => {
                    if let Some(end) = self.take_back(report) {
                        return end;
                    }
                }
                Some(ended) = self.workers.join_next() => {
                    return End::Failed(Error::Internal(match ended {
                        Err(error) if error.is_panic() => "a worker panicked".into(),
                        _ => "a worker ended early".into(),
                    }));
                }
                more = intake.recv(), if reading && self.held < self.limits.window => match more {
                    Some(Feed::More(errands)) => {
                        for errand in errands {
                            if errand.is_for_the_end() {
                                self.keep_for_the_end(errand);
                            } else {
                                self.enter(errand);
                            }
                        }
                    }
                    Some(Feed::End) => reading = false,
                    Some(Feed::Broken(error)) => {
                        broken = Some(error);
                        reading = false;
                    }
                    None => return End::Failed(Error::Internal("the input's thread has gone".into())),
                },
                () = sleep_until(alarm) => {}
            }
        }
    }

    /// Puts an errand into its user's lane.
    fn enter(&mut self, errand: C::Errand) {
        self.held += 1;
        self.entered += 1;
        let turn = Turn { number: self.entered, errand };
        if let Some(lane) = self.lanes.get_mut(turn.errand.user()) {
            lane.push_back(turn);
            return;
        }
        self.lanes.insert(turn.errand.user().clone(), VecDeque::new());
        self.begin(turn);
    }

    /// Makes ready what has come to the head of its lane.
    fn begin(&mut self, turn: Turn<C::Errand>) {
        if turn.errand.is_in_doubt() {
            // Left in doubt by an earlier process, whose request may still be under way: a whole
            // settle time counts from our own start (reliability.md 1.3, R8).
            self.park(turn, self.began + self.carrier.line().policy.settle);
        } else {
            self.make_ready(turn.number, turn.errand);
        }
    }

    fn make_ready(&mut self, number: u64, errand: C::Errand) {
        self.ready[place(errand.kind())].insert(number, errand);
    }

    /// Takes an errand back from a worker. An end ends the run.
    fn take_back(&mut self, report: Report<C::Errand>) -> Option<End> {
        let now = Instant::now();
        self.idle.push(report.worker);
        self.changing -= usize::from(report.kind == Kind::Change);
        self.probing &= report.kind != Kind::Probe;
        self.breaker.observe(report.kind, report.health, now);
        for kind in KINDS {
            let open = self.breaker.allowance(kind) == Allowance::All;
            let gate = &self.gates[place(kind)];
            gate.send_if_modified(|gate| std::mem::replace(gate, open) != open);
        }
        if let (Health::Bad, Some(turn)) = (report.health, &report.turn) {
            self.last_user = Some(turn.errand.user().clone());
        }
        let settled = matches!(report.next, Next::Settled);
        match (report.next, report.turn) {
            (Next::Stop(error), _) => return Some(End::Failed(*error)),
            (Next::Halt(stop), _) => return Some(End::Stopped(stop)),
            (_, None) => {}
            (Next::Settled | Next::Finished, Some(Turn { errand, .. })) => {
                self.held -= 1;
                self.leave(&errand);
                if settled && errand.is_for_the_end() {
                    self.keep_for_the_end(errand);
                }
            }
            (Next::After(wait), Some(turn)) if !wait.is_zero() => self.park(turn, now + wait),
            (Next::Held | Next::After(_), Some(turn)) => self.make_ready(turn.number, turn.errand),
        }
        None
    }

    /// Lets the next errand of the same user go.
    fn leave(&mut self, errand: &C::Errand) {
        let next = self.lanes.get_mut(errand.user()).and_then(VecDeque::pop_front);
        let Some(mut next) = next else {
            self.lanes.remove(errand.user());
            return;
        };
        next.errand.follow(errand);
        self.begin(next);
    }

    /// What does not find room is left to the next run: the ledger knows.
    fn keep_for_the_end(&mut self, errand: C::Errand) {
        if self.for_the_end.len() < MOST_FOR_THE_END {
            self.for_the_end.push(errand);
        }
    }

    fn park(&mut self, turn: Turn<C::Errand>, due: Instant) {
        self.in_doubt += usize::from(turn.errand.is_in_doubt());
        self.parked.insert((due, turn.number), turn.errand);
    }

    /// Makes ready what has waited long enough.
    fn wake(&mut self, now: Instant) {
        while let Some(parked) = self.parked.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), errand) = parked.remove_entry();
            self.in_doubt -= usize::from(errand.is_in_doubt());
            self.make_ready(number, errand);
        }
    }

    /// Gives work to idle workers, as much as the breaker allows.
    async fn hand_out(&mut self, now: Instant) {
        if self.breaker.probe_at().is_some_and(|at| at <= now)
            && !self.probing
            && !self.idle.is_empty()
            && let Some(user) = self.last_user.clone()
        {
            self.probing = true;
            self.give(Work::Probe(user)).await;
        }
        while !self.idle.is_empty() {
            let Some((turn, alone)) = self.next() else {
                return;
            };
            self.changing += usize::from(turn.errand.kind() == Kind::Change);
            self.give(Work::Step { turn, alone }).await;
        }
    }

    /// What goes next, and whether it goes alone of its kind: of all that may go what has entered
    /// first.
    fn next(&mut self) -> Option<(Turn<C::Errand>, bool)> {
        let allowed = |kind: &Kind| match (self.breaker.allowance(*kind), kind) {
            (Allowance::All, _) => true,
            (Allowance::One, Kind::Change) => self.changing == 0,
            (Allowance::One | Allowance::ProbeAt(_), _) => false,
        };
        let first = |kind: &Kind| self.ready[place(*kind)].first_key_value().map(|(at, _)| *at);
        let kind = KINDS
            .into_iter()
            .filter(allowed)
            .filter(|kind| first(kind).is_some())
            .min_by_key(first)?;
        let (number, errand) = self.ready[place(kind)].pop_first()?;
        let alone = self.breaker.allowance(kind) != Allowance::All;
        Some((Turn { number, errand }, alone))
    }

    async fn give(&mut self, work: Work<C::Errand>) {
        let Some(worker) = self.idle.pop() else {
            return;
        };
        // An idle worker's mailbox is empty. If the worker has died, `join_next` tells.
        drop(self.posts[worker].send(work).await);
    }

    /// When to look again if nothing happens before.
    fn alarm(&self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(60);
        let parked = self.parked.first_key_value().map_or(far, |((due, _), _)| *due);
        let probe = self.breaker.probe_at().filter(|_| !self.probing);
        parked.min(probe.unwrap_or(far)).min(far).max(now + Duration::from_millis(1))
    }

    fn publish(&self) {
        let vitals = &self.carrier.line().vitals;
        vitals.set_outage(self.breaker.allowance(Kind::Change) != Allowance::All);
        vitals.set_in_doubt(self.in_doubt);
    }

    /// Lets requests in flight finish, and what they bring be recorded; nothing new is sent.
    async fn drain(&mut self) {
        self.carrier.line().stop.cancel();
        self.posts.clear();
        // A worker has one report to give at most, and there is room for one of each.
        while self.workers.join_next().await.is_some() {}
    }
}

/// The kinds that errands are of.
const KINDS: [Kind; 2] = [Kind::Change, Kind::LookUp];

/// Where a kind has its place.
fn place(kind: Kind) -> usize {
    usize::from(kind != Kind::Change)
}

/// What a worker does until its mailbox is closed.
async fn labour<C: Carrier>(
    worker: usize,
    carrier: Arc<C>,
    mut gates: [watch::Receiver<bool>; 2],
    mut dice: fastrand::Rng,
    mut work: mpsc::Receiver<Work<C::Errand>>,
    report: mpsc::Sender<Report<C::Errand>>,
) {
    while let Some(work) = work.recv().await {
        let done = match work {
            Work::Probe(user) => {
                let (next, health) = carrier.line().probe(&user).await;
                Report { worker, turn: None, kind: Kind::Probe, next, health }
            }
            Work::Step { mut turn, alone } => {
                let kind = turn.errand.kind();
                let gate = (!alone).then_some(&mut gates[place(kind)]);
                let (next, health) = carrier.step(&mut turn.errand, gate, &mut dice).await;
                Report { worker, turn: Some(turn), kind, next, health }
            }
        };
        if report.send(done).await.is_err() {
            return;
        }
    }
}
