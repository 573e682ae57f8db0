//! The simulated world: the sandbox's own bucket, the ways there and back, others, and our runs.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    time::Duration,
};

use mfaferry::{
    api::{LimitDecision, Meter},
    pacer::{Learnt, Pacer},
    sandbox::{Admission, BucketState, Limit, Limiter},
};
use tokio::time::{Instant, sleep, sleep_until};

use crate::scenario::{Outcome, Reset, Scenario};

/// Wall time at the start: on no round minute, and some way into a second, which the seed decides.
const WALL: Duration = Duration::from_secs(1_700_000_021);

struct World {
    scenario: Scenario,
    limiter: Limiter,
    began: Instant,
    /// The tenant's wall time at the start.
    unix: Duration,
    rng: RefCell<fastrand::Rng>,
    seen: RefCell<Outcome>,
}

/// Plays a scenario to its end.
pub(crate) fn run(scenario: &Scenario, seed: u64) -> Outcome {
    simulate(play(scenario.clone(), seed))
}

/// Asks so many questions, and sends requests after a pause; returns what was learnt by the
/// questions, and how long the requests took.
pub(crate) fn rehearse(
    scenario: &Scenario,
    seed: u64,
    (questions, pause): (usize, Duration),
    requests: usize,
) -> (Learnt, Duration) {
    simulate(async {
        let world = World::new(scenario.clone(), seed);
        if scenario.noise_per_s > 0.0 {
            tokio::task::spawn_local(Rc::clone(&world).noise());
        }
        let asking = Rc::new(Run::survey(&world.scenario));
        world.take(questions, Rc::clone(&asking)).await;
        sleep(pause).await;
        let learnt = asking.pacer.learnt();
        let took = world.take(requests, Rc::new(Run::new(&world.scenario, 0))).await;
        (learnt, took)
    })
}

fn simulate<T>(world: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, world)
}

async fn play(scenario: Scenario, seed: u64) -> Outcome {
    let world = World::new(scenario.clone(), seed);
    for (number, at) in scenario.runs_begin_at.iter().enumerate() {
        let start = world.began + Duration::from_secs_f64(*at);
        let world = Rc::clone(&world);
        tokio::task::spawn_local(async move {
            sleep_until(start).await;
            let run = Rc::new(Run::new(&world.scenario, number));
            for _ in 0..world.scenario.concurrency {
                tokio::task::spawn_local(Rc::clone(&world).work(Rc::clone(&run)));
            }
        });
    }
    if scenario.noise_per_s > 0.0 {
        tokio::task::spawn_local(Rc::clone(&world).noise());
    }
    sleep_until(world.began + Duration::from_secs_f64(scenario.seconds)).await;
    let neighbours = world.limiter.neighbours(world.began.elapsed());
    let mut outcome = world.seen.take();
    outcome.others += float(neighbours.requests);
    outcome.refused += float(neighbours.throttled);
    outcome.offered = offered(&scenario) - (outcome.others - outcome.refused);
    outcome
}

impl World {
    fn new(scenario: Scenario, seed: u64) -> Rc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let skew = Duration::from_secs(scenario.clock_skew_s.unsigned_abs());
        let wall = WALL + Duration::from_secs_f64(rng.f64());
        let unix = if scenario.clock_skew_s < 0 { wall.saturating_sub(skew) } else { wall + skew };
        let (changes, neighbours) = (&scenario.change_limit_at, scenario.neighbours_per_s);
        Rc::new(Self {
            limiter: Limiter::new(scenario.limit, changes, neighbours, unix),
            began: Instant::now(),
            unix,
            rng: RefCell::new(rng),
            seen: RefCell::new(Outcome {
                parts: vec![0.0; scenario.runs_begin_at.len()],
                ..Outcome::default()
            }),
            scenario,
        })
    }

    /// One request after the other.
    async fn work(self: Rc<Self>, run: Rc<Run>) {
        loop {
            self.send(&run).await;
        }
    }

    /// One request; returns whether it was granted.
    async fn send(&self, run: &Run) -> bool {
        run.pacer.permit().await;
        let sent = Instant::now();
        self.travel(self.scenario.way_there_ms).await;
        let at = self.began.elapsed();
        let (reading, throttled) = match self.limiter.admit(at) {
            Admission::Free => (None, false),
            Admission::Granted(reading) => (Some(reading), false),
            Admission::Refused(reading) => (Some(reading), true),
        };
        // What has no limit has no share of it either.
        if reading.is_some() {
            self.count(run.number, throttled, at);
        }
        self.travel(self.scenario.way_back_ms).await;
        let meter = self.meter(reading, at, throttled, &run.skew);
        let decision = if throttled { LimitDecision::Throttled } else { LimitDecision::Admitted };
        run.pacer.observe(&Meter { sent: Some(sent), ..meter }, decision);
        !throttled
    }

    /// Sends that many requests by as many workers as there are, as one run; returns how long it
    /// took.
    async fn take(self: &Rc<Self>, count: usize, run: Rc<Run>) -> Duration {
        let (began, left) = (Instant::now(), Rc::new(Cell::new(count)));
        let workers: Vec<_> = (0..self.scenario.concurrency)
            .map(|_| {
                let (world, run, left) = (Rc::clone(self), Rc::clone(&run), Rc::clone(&left));
                tokio::task::spawn_local(async move {
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let granted = world.send(&run).await;
                        left.set(left.get() + usize::from(!granted));
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        began.elapsed()
    }

    fn count(&self, number: usize, throttled: bool, at: Duration) {
        let mut seen = self.seen.borrow_mut();
        if throttled {
            seen.throttled += 1.0;
            return;
        }
        seen.granted += 1.0;
        if at.as_secs_f64() * 2.0 >= self.scenario.seconds {
            seen.parts[number] += 1.0;
        }
    }

    /// Other traffic, at random.
    async fn noise(self: Rc<Self>) {
        let every = f64::from(self.scenario.noise_at_once) / self.scenario.noise_per_s;
        loop {
            let wait = -self.rng.borrow_mut().f64().max(1e-9).ln() * every;
            sleep(Duration::from_secs_f64(wait)).await;
            for _ in 0..self.scenario.noise_at_once {
                let admission = self.limiter.admit(self.began.elapsed());
                let mut seen = self.seen.borrow_mut();
                seen.others += 1.0;
                seen.refused += f64::from(u8::from(matches!(admission, Admission::Refused(_))));
            }
        }
    }

    async fn travel(&self, (least, most): (f64, f64)) {
        let time = self.rng.borrow_mut().f64().mul_add(most - least, least);
        if time > 0.0 {
            sleep(Duration::from_secs_f64(time / 1000.0)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }

    /// Returns what a client reads: `Date` and the reset in whole seconds of the tenant's clock,
    /// and, as the transport does, how far on that clock is by all that earlier answers said.
    fn meter(
        &self,
        reading: Option<BucketState>,
        at: Duration,
        throttled: bool,
        skew: &Cell<f64>,
    ) -> Meter {
        let Some(reading) = reading else {
            return Meter::default();
        };
        let answered = (self.unix + at).as_secs_f64();
        let full = answered + reading.full_in.as_secs_f64();
        let (date, reset) = match self.scenario.reset {
            Reset::RoundedUp => (answered.floor(), Some(full.ceil())),
            Reset::RoundedDown => (answered.floor(), Some(full.floor())),
            Reset::Absent => (answered.floor(), None),
        };
        let local = self.began.elapsed().as_secs_f64();
        skew.set(skew.get().max(date - local));
        let now = (local + skew.get()).clamp(date, date + 1.0);
        let shown = self.scenario.headers.then_some(reading);
        let one = Duration::from_secs_f64(reading.next_in.as_secs_f64().ceil().max(1.0));
        Meter {
            limit: shown.map(|reading| reading.limit),
            remaining: shown.map(|reading| reading.remaining),
            full_in: shown.and(reset).map(|reset| Duration::from_secs_f64((reset - now).max(0.0))),
            retry_after: (self.scenario.retry_after && throttled).then_some(one),
            sent: None,
        }
    }
}

/// One of our runs.
struct Run {
    number: usize,
    pacer: Pacer,
    /// Lead of the tenant's clock, as far as its answers told.
    skew: Cell<f64>,
}

impl Run {
    fn new(scenario: &Scenario, number: usize) -> Self {
        let pacer = Pacer::with(scenario.pacing());
        Self { number, pacer, skew: Cell::new(f64::NEG_INFINITY) }
    }

    fn survey(scenario: &Scenario) -> Self {
        let run = Self::new(scenario, 0);
        run.pacer.survey();
        run
    }
}

/// All that the tenant could have granted: the bucket, and what filled it.
pub(crate) fn offered(scenario: &Scenario) -> f64 {
    let mut all = f64::from(burst(scenario.limit));
    let (mut from, mut limit) = (0.0, scenario.limit);
    let end = (scenario.seconds, scenario.limit);
    for (to, next) in scenario.change_limit_at.iter().copied().chain([end]) {
        let rate = match limit {
            Limit::None => 0.0,
            Limit::TokenBucket { rate, .. } => rate,
            Limit::FixedWindow { rate, window_s, burst } => {
                f64::from(rate.min(burst)) / f64::from(window_s)
            }
        };
        all += rate * (to - from);
        (from, limit) = (to, next);
    }
    all
}

fn burst(limit: Limit) -> u32 {
    match limit {
        Limit::None => 0,
        Limit::TokenBucket { burst, .. } | Limit::FixedWindow { burst, .. } => burst,
    }
}

#[expect(clippy::cast_precision_loss, reason = "requests of a minute")]
fn float(count: u64) -> f64 {
    count as f64
}
