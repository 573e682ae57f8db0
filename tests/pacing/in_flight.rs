//! The number of requests in flight, with the engine that decides it, on a paused clock: what of a
//! hidden limit is used where answers take their time, and what is said where the number binds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use mfaferry::{
    api::{Answer, Api, CreatedMethod, Meter, NotExecuted, Page, SetMethod, Update, Verdict},
    engine::{
        self, Concurrency, Executor, IntakeEvent, Job, JobReceiver, Limits, Next, StepResult,
        gateway::Gateway,
    },
    model::{ClockSkew, Factor, LocalTime, Method, UserId},
    pacer::{Pacer, Rate, breaker::RequestKind},
    protocol::RetryPolicy,
    sandbox::{Admission, Limit, Limiter},
    stats::{Bottleneck, RunStats},
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

const AUTO: Concurrency = Concurrency::Auto(Concurrency::MAX_REQUESTS);
/// Length of a run.
const SECONDS: u32 = 60;

/// A tenant that is asked by [`Steps`] alone.
#[derive(Debug)]
struct Nobody;

impl Api for Nobody {
    async fn prepare(&self) -> Answer<()> {
        Answer::bare(Verdict::Done(()))
    }

    async fn create(&self, _: &Factor, _: &str) -> Answer<CreatedMethod> {
        unreachable!()
    }

    async fn page(&self, _: &UserId, _: u64) -> Answer<Page> {
        Answer::bare(Verdict::Done(Page::default()))
    }

    async fn get(&self, _: &UserId, _: &str) -> Answer<Method> {
        unreachable!()
    }

    async fn replace(&self, _: &UserId, _: &[Factor], _: &str) -> Answer<Vec<SetMethod>> {
        unreachable!()
    }

    async fn update(&self, _: &UserId, _: &str, _: Update<'_>, _: &str) -> Answer<()> {
        unreachable!()
    }

    async fn delete(&self, _: &UserId, _: Option<&str>, _: &str) -> Answer<()> {
        unreachable!()
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        None
    }
}

struct Row(UserId);

impl Job for Row {
    fn user(&self) -> &UserId {
        &self.0
    }

    fn kind(&self) -> RequestKind {
        RequestKind::Change
    }
}

/// Milliseconds that a request takes, by the second at which it is sent and a number from 0 to 1.
type Latency = fn(u64, f64) -> f64;

/// Takes steps that each send one request to a limited tenant.
struct Steps {
    gateway: Gateway<Nobody>,
    limiter: Limiter,
    latency: Latency,
    /// Time to commit what has to be durable before a batch.
    sync: Duration,
    /// Number of requests that the tenant works at, at the same time.
    servers: Semaphore,
    began: Instant,
    granted: AtomicUsize,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

impl Executor for Steps {
    type Api = Nobody;
    type Job = Row;

    fn gateway(&self) -> &Gateway<Nobody> {
        &self.gateway
    }

    async fn record_intents(
        &self,
        _: &mut [engine::Ticket<Row>],
    ) -> Result<(), mfaferry::error::Error> {
        sleep(self.sync).await;
        Ok(())
    }

    async fn step(&self, _: &mut Row, rng: &mut fastrand::Rng) -> StepResult {
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        let sent = Instant::now();
        let at = self.began.elapsed();
        let (reading, throttled) = match self.limiter.admit(at) {
            Admission::Free => (None, false),
            Admission::Granted(reading) => (Some(reading), false),
            Admission::Refused(reading) => (Some(reading), true),
        };
        self.granted.fetch_add(usize::from(!throttled), Relaxed);
        let server = self.servers.acquire().await.unwrap();
        let latency = (self.latency)(at.as_secs(), rng.f64());
        sleep(Duration::from_secs_f64(latency / 1000.0)).await;
        drop(server);
        self.in_flight.fetch_sub(1, Relaxed);
        let meter = Meter {
            limit: reading.map(|reading| reading.limit),
            remaining: reading.map(|reading| reading.remaining),
            full_in: reading.map(|reading| reading.full_in),
            sent: Some(sent),
            retry_after: None,
        };
        let verdict = if throttled {
            Verdict::NotExecuted(NotExecuted::Throttled)
        } else {
            Verdict::Done(())
        };
        let status = Some(if throttled { 429 } else { 201 });
        let answer = Answer { status, meter, requests: 1, ..Answer::bare(verdict) };
        let health = self.gateway.note(&answer);
        let next = if throttled { Next::After(Duration::ZERO) } else { Next::Settled };
        next.with(health)
    }
}

/// A run and its tenant.
#[derive(Clone, Copy)]
struct World {
    concurrency: Concurrency,
    rate: Rate,
    limit: Limit,
    latency: Latency,
    sync: Duration,
    servers: usize,
}

impl World {
    /// Answers take 200 ms, and nothing else takes any time.
    fn new(concurrency: Concurrency, rate: Rate, limit: Limit) -> Self {
        let latency: Latency = |_, _| 200.0;
        Self { concurrency, rate, limit, latency, sync: Duration::ZERO, servers: 1 << 20 }
    }

    fn hidden(limit: u32) -> Self {
        Self::new(AUTO, Rate::Auto, bucket(limit))
    }
}

/// Outcome of a run.
#[derive(Debug)]
struct Outcome {
    /// Requests that the tenant let through.
    granted: f64,
    /// The most that were in flight at the same time.
    most: usize,
    bottleneck: Bottleneck,
}

fn bucket(limit: u32) -> Limit {
    Limit::TokenBucket { rate: f64::from(limit), burst: limit }
}

fn rows() -> JobReceiver<Row> {
    let (send, rows) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut numbers = 0_u64..;
        loop {
            let users = numbers.by_ref().take(64);
            let more = users.map(|n| Row(UserId::parse(&format!("auth0|{n}")).unwrap())).collect();
            if send.send(IntakeEvent::More(more)).await.is_err() {
                return;
            }
        }
    });
    rows
}

/// Plays a run for [`SECONDS`].
fn play(world: World) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let pacer = Arc::new(Pacer::new(world.rate, 0.0));
        let gateway = Gateway {
            api: Arc::new(Nobody),
            pacer: Arc::clone(&pacer),
            policy: RetryPolicy::new(3, Duration::from_secs(120)),
            stop: CancellationToken::new(),
            stats: Arc::new(RunStats::default()),
            refusals: Arc::default(),
            now: LocalTime::default,
        };
        let (stop, stats) = (gateway.stop.clone(), Arc::clone(&gateway.stats));
        let steps = Arc::new(Steps {
            gateway,
            limiter: Limiter::new(world.limit, &[], 0.0, Duration::from_secs(1_700_000_021)),
            latency: world.latency,
            sync: world.sync,
            servers: Semaphore::new(world.servers),
            began: Instant::now(),
            granted: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let limits = Limits {
            concurrency: world.concurrency,
            window: 8192,
            ahead_above: 6000.0,
            max_outage: Duration::from_secs(1800),
            max_errors: None,
            seed: 7,
            runtimes: Vec::new(),
        };
        let run = tokio::spawn(engine::run(Arc::clone(&steps), limits, rows()));
        sleep_until(steps.began + Duration::from_secs(SECONDS.into())).await;
        let granted = float(steps.granted.load(Relaxed));
        let bottleneck = stats.bottleneck();
        stop.cancel();
        run.await.unwrap();
        Outcome { granted, most: steps.most.load(Relaxed), bottleneck }
    })
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Returns the granted part of all that a bucket could grant in that time.
fn share(outcome: &Outcome, limit: u32) -> f64 {
    outcome.granted / f64::from(limit * (SECONDS + 1))
}

/// Plays all at the same time.
fn play_each<T: Copy + Send>(
    cases: &[T],
    world: impl Fn(T) -> World + Sync,
) -> impl Iterator<Item = (T, Outcome)> {
    let outcomes: Vec<_> = thread::scope(|scope| {
        let play = |case: &T| {
            let world = world(*case);
            scope.spawn(move || play(world))
        };
        let plays: Vec<_> = cases.iter().map(play).collect();
        plays.into_iter().map(|play| play.join().unwrap()).collect()
    });
    cases.iter().copied().zip(outcomes)
}

#[test]
fn by_default_a_hidden_limit_is_used_whatever_the_latency() {
    let steady: Latency = |_, _| 200.0;
    let spread: Latency = |_, random| 200.0f64.mul_add(random, 100.0);
    let stray: Latency = |_, random| if random < 0.05 { 2000.0 } else { 100.0 };
    let doubled: Latency = |second, _| if second < 30 { 200.0 } else { 400.0 };
    let cases = [
        (40, steady, "200 ms"),
        (40, spread, "100 to 300 ms"),
        (40, stray, "one in twenty 2 s"),
        (40, doubled, "200 ms, then 400 ms"),
        (250, steady, "200 ms"),
        (500, steady, "200 ms"),
        (500, spread, "100 to 300 ms"),
        (500, stray, "one in twenty 2 s"),
        (500, doubled, "200 ms, then 400 ms"),
        (1500, steady, "200 ms"),
        (1500, doubled, "200 ms, then 400 ms"),
    ];
    let world = |(limit, latency, _)| World { latency, ..World::hidden(limit) };
    for ((limit, _, latency), outcome) in play_each(&cases, world) {
        let share = share(&outcome, limit);
        println!("{limit}/s, {latency}: {:.1} %, {} in flight", share * 100.0, outcome.most);
        assert!(share >= 0.97, "{limit}/s, {latency}: {share:.3} {outcome:?}");
        // No more than is needed for the burst at the start, and for the latency at the end.
        assert!(outcome.most < to_usize(limit) / 2 + 8, "{limit}/s, {latency}: {outcome:?}");
        assert!(outcome.bottleneck.held < Duration::from_secs(3), "{outcome:?}");
    }
}

#[test]
fn by_default_a_given_rate_is_reached_whatever_takes_the_time() {
    // The rate, the latency in ms, and the time that a batch takes to be durable.
    let cases: [(u32, Latency, u64); 4] = [
        (500, |_, _| 200.0, 0),
        (500, |_, _| 200.0, 10),
        (1000, |_, _| 1.0, 10),
        (100, |_, _| 3000.0, 0),
    ];
    let world = |(rate, latency, sync)| World {
        latency,
        sync: Duration::from_millis(sync),
        ..World::new(AUTO, Rate::PerSecond(f64::from(rate)), Limit::None)
    };
    for ((rate, latency, sync), outcome) in play_each(&cases, world) {
        // Nothing is known of the latency before the first answer.
        let known = f64::from(SECONDS) - latency(0, 0.0) / 1000.0;
        let share = outcome.granted / (f64::from(rate) * known);
        assert!(share >= 0.97, "{rate}/s, {sync} ms: {share:.3} {outcome:?}");
    }
}

#[test]
fn a_number_that_binds_is_named_with_one_that_would_do() {
    let rate = Rate::PerSecond(500.0);
    for (in_flight, sync, binds) in [(1, 0, true), (32, 0, true), (32, 10, true), (125, 0, false)] {
        let fixed = Concurrency::Fixed(in_flight);
        let sync = Duration::from_millis(sync);
        let outcome = play(World { sync, ..World::new(fixed, rate, Limit::None) });
        let Bottleneck { held, is_binding, enough, latency, pace, is_fixed, .. } =
            outcome.bottleneck;
        assert!(outcome.most <= in_flight && is_fixed, "{outcome:?}");
        assert_eq!(is_binding, binds, "{in_flight}: {outcome:?}");
        if binds {
            assert!(held > Duration::from_secs(54), "{outcome:?}");
            assert_eq!(outcome.bottleneck.in_flight, in_flight);
            assert!((125..=140).contains(&enough), "{outcome:?}");
            assert!((0.199..0.22).contains(&latency) && (pace - 500.0).abs() < 1.0, "{outcome:?}");
        } else {
            assert!(held < Duration::from_secs(1), "{outcome:?}");
        }
    }
    // And what is said to do, does.
    assert!(play(World::new(Concurrency::Fixed(125), rate, Limit::None)).granted > 29_100.0);
}

#[test]
fn a_number_that_does_not_bind_is_not_named() {
    let cases = [(1, 2.0, 100.0), (1, 4.0, 200.0), (32, 100.0, 200.0), (4, 10.0, 200.0)];
    for (in_flight, rate, ms) in cases {
        let latency: Latency = if ms < 150.0 { |_, _| 100.0 } else { |_, _| 200.0 };
        let fixed = Concurrency::Fixed(in_flight);
        let world = World::new(fixed, Rate::PerSecond(rate), Limit::None);
        let outcome = play(World { latency, ..world });
        assert!(!outcome.bottleneck.is_binding, "{in_flight} at {rate}/s: {outcome:?}");
        assert!(outcome.bottleneck.held < Duration::from_secs(1), "{outcome:?}");
    }
}

#[test]
fn where_more_in_flight_brings_no_more_answers_there_is_no_more_in_flight() {
    // It works at 32 requests at the same time, which makes 160 a second.
    let world = World::new(AUTO, Rate::PerSecond(5000.0), Limit::None);
    let outcome = play(World { servers: 32, ..world });
    assert!(outcome.most <= 512, "{outcome:?}");
}

#[test]
fn a_few_requests_that_hang_hold_up_nobody_else() {
    let hanging: Latency = |_, random| if random < 0.1 { 30_000.0 } else { 100.0 };
    for rate in [2.0, 5.0] {
        let world = World::new(AUTO, Rate::PerSecond(rate), Limit::None);
        let outcome = play(World { latency: hanging, ..world });
        let share = outcome.granted / (rate * f64::from(SECONDS));
        assert!(share >= 0.95, "{rate}/s: {share:.3} {outcome:?}");
    }
}

#[test]
fn a_tenant_that_falls_silent_is_sent_no_more_than_was_needed_before() {
    let silent: Latency = |second, _| if second < 30 { 200.0 } else { 1e6 };
    let outcome = play(World { latency: silent, ..World::hidden(500) });
    assert!(outcome.most < 200, "{outcome:?}");
}
