//! Order and concurrency: which factor goes next, and to which worker.
//!
//! One dispatcher owns everything that changes: the lanes (one a user, in input order), what is
//! ready, what waits for a time, and the breaker. Workers take one step of one factor at a time
//! and hand it back, so a factor that has to wait holds up its own user and nobody else. All of
//! it is bounded: at most [`Limits::window`] factors are taken in and not settled.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
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
    deliver::{Delivery, Item, Next, Step},
    error::Error,
    ledger::Counts,
    model::UserId,
};

/// Factors that the end of a run asks about once more, at most.
const MOST_AUDITS: usize = 65_536;

/// Bounds of a run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests in flight.
    pub concurrency: usize,
    /// Factors taken in and not settled.
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
        let errors = counts.rejected + counts.failed;
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

/// What comes in: factors with something to do.
pub type Intake = mpsc::Receiver<Feed<Item>>;

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
}

/// Runs until everything that comes in is settled, or something stops it. Requests in flight are
/// always waited for.
pub async fn run<A: Api>(delivery: Arc<Delivery<A>>, limits: Limits, intake: Intake) -> End {
    let mut engine = Engine::new(delivery, limits);
    let end = engine.dispatch(intake).await;
    engine.drain().await;
    end
}

/// One thing for a worker to do.
enum Work {
    /// `alone`: it may go although the gate is closed.
    Step {
        item: Item,
        alone: bool,
    },
    Probe(UserId),
}

/// What a worker has to say.
struct Report {
    worker: usize,
    item: Option<Item>,
    kind: Kind,
    next: Next,
    health: Health,
}

/// An item that waits for a time. Ordered by that time, then by number.
struct Parked {
    due: Reverse<(Instant, u64)>,
    item: Item,
}

struct Engine<A> {
    delivery: Arc<Delivery<A>>,
    limits: Limits,
    workers: JoinSet<()>,
    posts: Vec<mpsc::Sender<Work>>,
    reports: mpsc::Receiver<Report>,
    idle: Vec<usize>,
    /// Whether requests may go; workers that wait for a permit give up when it is shut.
    gate: watch::Sender<bool>,
    /// Users with a factor under way, and what waits behind it.
    lanes: HashMap<UserId, VecDeque<Item>>,
    ready: VecDeque<Item>,
    parked: BinaryHeap<Parked>,
    number: u64,
    /// How many of the parked are in doubt.
    in_doubt: usize,
    /// Factors taken in and not settled.
    held: usize,
    /// Settled factors that were in doubt: the last step of the run asks about them once more.
    audits: Vec<Item>,
    breaker: Breaker,
    last_user: Option<UserId>,
    began: Instant,
}

impl<A: Api> Engine<A> {
    fn new(delivery: Arc<Delivery<A>>, limits: Limits) -> Self {
        let (report, reports) = mpsc::channel(limits.concurrency.max(1));
        let (gate, open) = watch::channel(true);
        let mut workers = JoinSet::new();
        let mut posts = Vec::new();
        for worker in 0..limits.concurrency.max(1) {
            let (post, work) = mpsc::channel(1);
            posts.push(post);
            let dice = fastrand::Rng::with_seed(limits.seed.wrapping_add(worker as u64));
            workers.spawn(labour(
                worker,
                Arc::clone(&delivery),
                open.clone(),
                dice,
                work,
                report.clone(),
            ));
        }
        Self {
            delivery,
            idle: (0..posts.len()).rev().collect(),
            limits,
            workers,
            posts,
            reports,
            gate,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            parked: BinaryHeap::new(),
            number: 0,
            in_doubt: 0,
            held: 0,
            audits: Vec::new(),
            breaker: Breaker::default(),
            last_user: None,
            began: Instant::now(),
        }
    }

    async fn dispatch(&mut self, mut intake: Intake) -> End {
        let stop = self.delivery.stop.clone();
        let tally = self.delivery.ledger.tally();
        let mut reading = true;
        // An input that breaks off: what came before it is still delivered.
        let mut broken = None;
        loop {
            let now = Instant::now();
            self.wake(now);
            if !reading && self.held == 0 {
                if self.audits.is_empty() {
                    return broken.map_or(End::Complete, End::Failed);
                }
                for item in std::mem::take(&mut self.audits) {
                    self.enter(item);
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
                    if let Some(error) = self.take_back(report) {
                        return End::Failed(error);
                    }
                }
                Some(ended) = self.workers.join_next() => {
                    return End::Failed(Error::Internal(match ended {
                        Err(error) if error.is_panic() => "a worker panicked".into(),
                        _ => "a worker ended early".into(),
                    }));
                }
                more = intake.recv(), if reading && self.held < self.limits.window => match more {
                    Some(Feed::More(items)) => {
                        for item in items {
                            if item.step == Step::Audit {
                                self.audit_later(item);
                            } else {
                                self.enter(item);
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

    /// Puts a factor into its user's lane.
    fn enter(&mut self, item: Item) {
        self.held += 1;
        if let Some(lane) = self.lanes.get_mut(&item.factor.user) {
            lane.push_back(item);
            return;
        }
        self.lanes.insert(item.factor.user.clone(), VecDeque::new());
        match item.step {
            Step::Survey | Step::Send | Step::Audit | Step::Restore => self.ready.push_back(item),
            // Left in doubt by an earlier process, whose request may still be under way: a whole
            // settle time counts from our own start (reliability.md 1.3, R8).
            Step::LookUp => self.park(item, self.began + self.delivery.policy.settle),
        }
    }

    /// Takes a factor back from a worker. An error ends the run.
    fn take_back(&mut self, report: Report) -> Option<Error> {
        let now = Instant::now();
        self.idle.push(report.worker);
        self.breaker.observe(report.kind, report.health, now);
        let open = self.breaker.allowance() == Allowance::All;
        self.gate.send_if_modified(|gate| std::mem::replace(gate, open) != open);
        if let (Health::Bad, Some(item)) = (report.health, &report.item) {
            self.last_user = Some(item.factor.user.clone());
        }
        let settled = matches!(report.next, Next::Settled);
        match (report.next, report.item) {
            (Next::Stop(error), _) => return Some(*error),
            (_, None) => {}
            (Next::Settled | Next::Finished, Some(item)) => {
                self.held -= 1;
                self.leave(&item);
                if settled && item.step == Step::Audit {
                    self.audit_later(item);
                }
            }
            (Next::Held, Some(item)) => self.ready.push_front(item),
            (Next::After(wait), Some(item)) if wait.is_zero() => self.ready.push_front(item),
            (Next::After(wait), Some(item)) => self.park(item, now + wait),
        }
        None
    }

    /// Lets the next factor of the same user go.
    fn leave(&mut self, item: &Item) {
        let next = self.lanes.get_mut(&item.factor.user).and_then(VecDeque::pop_front);
        let Some(mut next) = next else {
            self.lanes.remove(&item.factor.user);
            return;
        };
        // One list before a user's first POST serves all that follow.
        next.listed.clone_from(&item.listed);
        match next.step {
            Step::Survey | Step::Send | Step::Audit | Step::Restore => self.ready.push_front(next),
            Step::LookUp => self.park(next, self.began + self.delivery.policy.settle),
        }
    }

    /// What does not find room is left to the next run: the ledger knows.
    fn audit_later(&mut self, item: Item) {
        if self.audits.len() < MOST_AUDITS {
            self.audits.push(item);
        }
    }

    fn park(&mut self, item: Item, due: Instant) {
        self.number += 1;
        self.in_doubt += usize::from(item.step == Step::LookUp);
        self.parked.push(Parked { due: Reverse((due, self.number)), item });
    }

    /// Makes ready what has waited long enough.
    fn wake(&mut self, now: Instant) {
        while self.parked.peek().is_some_and(|parked| parked.due.0.0 <= now) {
            if let Some(parked) = self.parked.pop() {
                self.in_doubt -= usize::from(parked.item.step == Step::LookUp);
                self.ready.push_front(parked.item);
            }
        }
    }

    /// Gives work to idle workers, as much as the breaker allows.
    async fn hand_out(&mut self, now: Instant) {
        let busy = self.posts.len() - self.idle.len();
        let allowed = match self.breaker.allowance() {
            Allowance::All => usize::MAX,
            Allowance::One => usize::from(busy == 0),
            Allowance::ProbeAt(at) => {
                if at <= now
                    && busy == 0
                    && let Some(user) = self.last_user.clone()
                {
                    self.give(Work::Probe(user)).await;
                }
                0
            }
        };
        for _ in 0..allowed.min(self.idle.len()) {
            let Some(item) = self.ready.pop_front() else {
                return;
            };
            self.give(Work::Step { item, alone: allowed == 1 }).await;
        }
    }

    async fn give(&mut self, work: Work) {
        let Some(worker) = self.idle.pop() else {
            return;
        };
        // An idle worker's mailbox is empty. If the worker has died, `join_next` tells.
        drop(self.posts[worker].send(work).await);
    }

    /// When to look again if nothing happens before.
    fn alarm(&self, now: Instant) -> Instant {
        let far = now + Duration::from_secs(60);
        let parked = self.parked.peek().map_or(far, |parked| parked.due.0.0);
        match self.breaker.allowance() {
            Allowance::ProbeAt(at) if self.idle.len() == self.posts.len() => parked.min(at),
            Allowance::ProbeAt(_) => far,
            _ => parked,
        }
        .min(far)
        .max(now + Duration::from_millis(1))
    }

    fn publish(&self) {
        let vitals = &self.delivery.vitals;
        vitals.set_outage(self.breaker.allowance() != Allowance::All);
        vitals.set_in_doubt(self.in_doubt);
    }

    /// Lets requests in flight finish, and what they bring be recorded; nothing new is sent.
    async fn drain(&mut self) {
        self.delivery.stop.cancel();
        self.posts.clear();
        // A worker has one report to give at most, and there is room for one of each.
        while self.workers.join_next().await.is_some() {}
    }
}

/// What a worker does until its mailbox is closed.
async fn labour<A: Api>(
    worker: usize,
    delivery: Arc<Delivery<A>>,
    mut gate: watch::Receiver<bool>,
    mut dice: fastrand::Rng,
    mut work: mpsc::Receiver<Work>,
    report: mpsc::Sender<Report>,
) {
    while let Some(work) = work.recv().await {
        let done = match work {
            Work::Probe(user) => {
                let (next, health) = delivery.probe(&user).await;
                Report { worker, item: None, kind: Kind::Probe, next, health }
            }
            Work::Step { mut item, alone } => {
                let kind = item.kind();
                let gate = (!alone).then_some(&mut gate);
                let (next, health) = delivery.step(&mut item, gate, &mut dice).await;
                Report { worker, item: Some(item), kind, next, health }
            }
        };
        if report.send(done).await.is_err() {
            return;
        }
    }
}

impl PartialEq for Parked {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Parked {}

impl PartialOrd for Parked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}
