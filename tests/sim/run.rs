//! One simulation: a file, a tenant, processes that come and go until the file is done.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use mfaferry::{
    engine::{
        self, Concurrency, End, IntakeEvent, JobReceiver, Limits, gateway::Gateway, intake::admit,
    },
    jobs::{
        change::{ChangeExecutor, Deletes, created},
        create::{CreateExecutor, CreateJob, CreateJobs, Factors, Step},
    },
    ledger::{Counts, Key, Ledger, RunReasons},
    model::{Contact, Credential, Factor, Millis, PublicKeyCredential, State, UserId},
    pacer::{Pacer, Rate},
    protocol::RetryPolicy,
    stats::RunStats,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    disk::{Disk, Platter},
    oracle,
    tenant::{Manners, Tenant},
    world::World,
};

/// All that decides a simulation.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) rows: usize,
    pub(crate) users: usize,
    pub(crate) manners: Manners,
    pub(crate) settle: Duration,
    pub(crate) rate: f64,
    pub(crate) concurrency: usize,
    /// Requests a second above which some are cleared ahead.
    pub(crate) ahead_above: f64,
    /// Processes that are killed, at most.
    pub(crate) crashes: u64,
    /// Steps a process lives, at most.
    pub(crate) fuse: u64,
    /// The mutant whose commits do not sync.
    pub(crate) forgetful: bool,
    /// `--name-marker`.
    pub(crate) name_marker: bool,
    /// The first step of each factor: a survey with `--skip-existing`.
    pub(crate) first: Step,
    /// True if the import is taken back, and made once more.
    pub(crate) undo: bool,
}

/// Results of simulations, added up.
#[derive(Debug, Default, Clone)]
pub(crate) struct Totals {
    pub(crate) seeds: u64,
    pub(crate) records: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
    pub(crate) doubts: u64,
    pub(crate) needs_review: u64,
    /// Records of whose users there was a look-alike before they were sent.
    pub(crate) alike: u64,
    /// Number of those that need review.
    pub(crate) alike_needs_review: u64,
    /// Reviews by their reason.
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) failed: u64,
    pub(crate) seconds: u64,
    pub(crate) violations: Vec<String>,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.records += other.records;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.doubts += other.doubts;
        self.needs_review += other.needs_review;
        self.alike += other.alike;
        self.alike_needs_review += other.alike_needs_review;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
        self.failed += other.failed;
        self.seconds += other.seconds;
        self.violations.extend(other.violations.iter().cloned());
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} simulations, {} records ({} with look-alikes), {} simulated hours, {} crashes, {} \
             faults, {} requests in doubt, {} need review ({} with look-alikes): {:?}, {} failed",
            self.seeds,
            self.records,
            self.alike,
            self.seconds / 3600,
            self.crashes,
            self.faults,
            self.doubts,
            self.needs_review,
            self.alike_needs_review,
            self.reasons,
            self.failed
        )
    }
}

impl Scenario {
    /// Each seed has faults of its own choice, at shares of its own.
    pub(crate) fn swarm(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x5EED);
        let mut share = |most: f64| if rng.bool() { rng.f64() * most } else { 0.0 };
        let manners = Manners {
            throttled: share(0.1),
            not_sent: share(0.1),
            lost_before: share(0.1),
            lost_after: share(0.1),
            late_write: share(0.1),
            list_fails: share(0.2),
            list_stale: share(0.5),
            enrols: share(0.02),
            refused_users: share(0.1),
            our_error: 600_000,
            ..Manners::default()
        };
        let from = rng.i64(0..60_000);
        let outage = rng.u8(..4) == 0;
        Self {
            seed,
            rows: rng.usize(10..60),
            users: rng.usize(3..15),
            settle: Duration::from_secs(120),
            rate: rng.choice([0.5, 2.0, 16.0, 200.0]).unwrap(),
            concurrency: rng.usize(1..16),
            ahead_above: rng.choice([0.0, 6_000.0]).unwrap(),
            crashes: rng.u64(0..8),
            fuse: rng.u64(2..80),
            forgetful: false,
            name_marker: rng.u8(..4) == 0,
            first: if rng.u8(..4) == 0 { Step::CheckExisting } else { Step::Send },
            undo: false,
            manners: Manners {
                masks: rng.bool(),
                conflicts: rng.u8(..4) == 0,
                token_life: if rng.bool() { rng.u64(5..50) } else { 0 },
                outages: outage
                    .then(|| (from, from + rng.i64(1_000..600_000)))
                    .into_iter()
                    .collect(),
                ..manners
            },
        }
    }

    /// Like [`Scenario::swarm`], but users had enrolled before what looks like their rows, and no
    /// clock is right: the tenant's and ours are minutes or hours off, ours is set now and then.
    pub(crate) fn look_alikes(seed: u64) -> Self {
        let mut scenario = Self::swarm(seed);
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xC10C);
        let mut off = |most: &[Millis]| {
            let most = rng.choice(most).copied().unwrap();
            rng.i64(-most..=most)
        };
        let (minutes, hours) = (600_000, 5 * 3_600_000);
        let server = off(&[0, 2_000, minutes, hours]);
        let store = server + off(&[0, 0, 0, 1_000, minutes / 2]);
        let odd_front_end = off(&[0, 0, 0, 0, 0, 0, minutes, hours / 5]);
        let our_error = off(&[1_000, minutes, minutes, hours]).abs();
        let manners = &mut scenario.manners;
        manners.alikes = 0.3;
        manners.alikes_meanwhile = if rng.bool() { rng.f64() * 0.02 } else { 0.0 };
        (manners.clocks, manners.odd_front_end) = ((server, store), odd_front_end);
        manners.our_error = our_error;
        manners.our_clock_is_set = if rng.u8(..4) == 0 { rng.f64() * 0.02 } else { 0.0 };
        manners.ready_token = rng.u8(..4) == 0;
        scenario
    }

    /// A slow import of so many rows over two days, as on a small plan.
    pub(crate) fn two_days(seed: u64, rows: usize) -> Self {
        let hour = 3_600_000;
        let rows_a_second = u32::try_from(rows).map(f64::from).unwrap() / (50.0 * 3_600.0);
        Self {
            rows,
            users: rows * 5 / 18,
            rate: rows_a_second,
            concurrency: 8,
            crashes: 40,
            // Steps to live, and requests a token lives: as many a day, however many rows.
            fuse: rows as u64 / 15,
            manners: Manners {
                throttled: 0.02,
                not_sent: 0.01,
                lost_before: 0.01,
                lost_after: 0.01,
                late_write: 0.01,
                list_fails: 0.05,
                list_stale: 0.2,
                masks: true,
                alikes: 0.3,
                alikes_meanwhile: 0.005,
                clocks: (3_000_000, 3_000_500),
                our_error: 600_000,
                our_clock_is_set: 0.0005,
                token_life: rows as u64 / 13,
                outages: vec![
                    (3 * hour, 5 * hour),
                    (20 * hour, 20 * hour + 600_000),
                    (30 * hour, 33 * hour),
                ],
                ..Manners::default()
            },
            ..Self::swarm(seed)
        }
    }

    /// The file: factors of every type, several a user, scattered, some of them twice.
    pub(crate) fn factors(&self) -> Vec<Factor> {
        let mut rng = fastrand::Rng::with_seed(self.seed ^ 0xF11E);
        let mut factors: Vec<Factor> = Vec::new();
        for row in 0..self.rows {
            let line = row as u64 + 2;
            if row > 0 && rng.u8(..20) == 0 {
                let again = factors[rng.usize(..factors.len())].clone();
                factors.push(Factor { line, ..again });
                continue;
            }
            let user = rng.usize(..self.users);
            let user = if self.manners.split_users {
                format!("auth0|{user}#{row}")
            } else {
                format!("auth0|{user}")
            };
            let credential = match rng.u8(..4) {
                0 => Credential::Phone {
                    number: Contact::new(format!("+1415555{row:04}")),
                    preferred: None,
                },
                1 => Credential::Email { address: Contact::new(format!("r{row:05}@example.com")) },
                2 => Credential::Totp { secret: format!("SECRET{row:05}").into() },
                _ => Credential::WebauthnRoaming(PublicKeyCredential {
                    key_id: format!("key{row}"),
                    public_key: "AA==".into(),
                    relying_party_identifier: Some("example.com".into()),
                }),
            };
            // Names mostly differ within a user; sometimes they do not, or there is none.
            let name = match rng.u8(..10) {
                0 => None,
                1 => Some("Same".into()),
                _ => Some(format!("n{row}")),
            };
            factors.push(Factor {
                line,
                at: None,
                user: UserId::parse(&user).unwrap(),
                name,
                credential,
            });
        }
        factors
    }
}

/// Runs one simulation to its end and judges it.
pub(crate) fn simulate(scenario: &Scenario) -> Totals {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (server, store) = scenario.manners.clocks;
        clock::begin(server, store);
        let world = Arc::new(World::new(scenario.seed));
        let tenant = Arc::new(Tenant::new(scenario.manners.clone(), Arc::clone(&world)));
        let platter = Arc::new(Mutex::new(Platter::default()));
        let factors = scenario.factors();
        tenant.settle_in(&factors);
        let mut life = Life {
            scenario,
            world: Arc::clone(&world),
            tenant: Arc::clone(&tenant),
            platter: Arc::clone(&platter),
            factors: &factors,
            processes: 0,
            crashes: 0,
            violations: Vec::new(),
        };
        life.carry_through(Command::Import).await;
        if scenario.undo {
            let before = tenant.foreign();
            life.carry_through(Command::Undo).await;
            let undone = |violations: &mut Vec<String>| {
                oracle::judge_undone(&platter.lock().unwrap(), &tenant, &before, violations);
            };
            undone(&mut life.violations);
            life.carry_through(Command::Import).await;
        }
        let Life { crashes, mut violations, .. } = life;
        let seconds = u64::try_from(clock::elapsed() / 1000).unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        tenant.catch_up();
        let judged = oracle::judge(&factors, &platter.lock().unwrap(), &tenant, &mut violations);
        Totals {
            seeds: 1,
            records: factors.len() as u64,
            crashes,
            faults: world.faults.load(Relaxed),
            doubts: world.doubts.load(Relaxed),
            seconds,
            violations,
            ..judged
        }
    })
}

/// Task of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Import,
    Undo,
}

/// One process after another over the same file, tenant and disk.
struct Life<'a> {
    scenario: &'a Scenario,
    world: Arc<World>,
    tenant: Arc<Tenant>,
    platter: Arc<Mutex<Platter>>,
    factors: &'a [Factor],
    processes: i64,
    crashes: u64,
    violations: Vec<String>,
}

impl Life<'_> {
    /// Starts the command again and again until it comes to its end; so many crashes in all.
    async fn carry_through(&mut self, command: Command) {
        let (scenario, world) = (self.scenario, Arc::clone(&self.world));
        let most = self.crashes + scenario.crashes;
        for tries in 1.. {
            if tries > 400 {
                self.violations.push(format!("no end: 400 processes of {command:?}"));
                return;
            }
            self.processes += 1;
            let calm = self.crashes >= most;
            let fuse = if calm { 0 } else { 1 + world.roll(|rng| rng.u64(..scenario.fuse)) };
            let full =
                if !calm && world.chance(0.1) { 1 + world.roll(|rng| rng.u64(..20)) } else { 0 };
            world.begin(fuse, full);
            self.tenant.begin();
            let platter = Arc::clone(&self.platter);
            let disk = Disk::new(platter, Arc::clone(&world), scenario.forgetful);
            let end =
                process(scenario, command, self.processes, disk, &self.tenant, self.factors).await;
            self.crashes += u64::from(world.crashed());
            if let Some((_, (counts, reasons))) = &end {
                oracle::reasons_add_up(counts, reasons, &mut self.violations);
            }
            if let Some((End::Complete, (counts, reasons))) = end {
                // What could not be taken back in so many attempts is left to the next undo.
                if command == Command::Undo && counts.states[State::Failed] > 0 {
                    continue;
                }
                if command == Command::Import {
                    oracle::adds_up(&counts, self.factors.len(), &mut self.violations);
                    oracle::reasons_are_the_ledgers(
                        &reasons,
                        &self.platter.lock().unwrap(),
                        &mut self.violations,
                    );
                }
                return;
            }
            // Some time until somebody starts it again; sometimes none.
            let wait = world.roll(|rng| rng.u64(..3) * rng.u64(..120));
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
    }
}

/// One process, from its start to its end or its death (`None`).
#[expect(clippy::too_many_lines, reason = "one process from its start to its end")]
async fn process(
    scenario: &Scenario,
    command: Command,
    number: i64,
    disk: Disk,
    tenant: &Arc<Tenant>,
    factors: &[Factor],
) -> Option<(End, (Counts, RunReasons))> {
    let (ledger, owner) = Ledger::over(disk, number, clock::wall).ok()?;
    let owner = tokio::spawn(owner);
    let tally = ledger.tally();
    let gateway = Gateway {
        api: Arc::clone(tenant),
        pacer: Arc::new(Pacer::new(Rate::PerSecond(scenario.rate), 0.2)),
        policy: RetryPolicy::new(3, scenario.settle),
        stop: CancellationToken::new(),
        stats: Arc::new(RunStats::default()),
        refusals: Arc::default(),
        now: clock::wall,
    };
    let limits = Limits {
        concurrency: Concurrency::Fixed(scenario.concurrency),
        window: 25,
        ahead_above: scenario.ahead_above,
        max_outage: Duration::from_secs(1800),
        max_errors: None,
        seed: scenario.seed,
        runtimes: Vec::new(),
    };
    let engine = match command {
        Command::Import => {
            let first = scenario.first;
            let intake = read(factors.to_vec(), ledger.clone(), first);
            let delivery = Arc::new(CreateExecutor {
                gateway,
                ledger: ledger.clone(),
                name_marker: scenario.name_marker,
                still_marked: AtomicU64::default(),
                recent_ids: Mutex::default(),
            });
            tokio::spawn(engine::run(delivery, limits, intake))
        }
        Command::Undo => {
            let intake = created(ledger.clone());
            let applier = Arc::new(ChangeExecutor {
                gateway,
                ledger: ledger.clone(),
                backup: None,
                key: Key::new(&[7; 32]),
                allow_loss: false,
                force: false,
                dry_run: false,
                deletes: Deletes::at_most(None),
            });
            tokio::spawn(engine::run(applier, limits, intake))
        }
    };
    let abort = engine.abort_handle();
    let end = tokio::select! {
        biased;
        () = tenant.world.killed.notified() => None,
        end = engine => end.ok(),
    };
    if let Some(end) = end.filter(|_| !tenant.world.crashed()) {
        let ended = ledger.end_run(end.completion()).await;
        let told = tally.all();
        drop(ledger);
        drop(owner.await);
        return (ended.is_ok() && !tenant.world.crashed()).then_some((end, told));
    }
    // SIGKILL: everything stops where it is. (Workers go with the engine that owns them.)
    abort.abort();
    owner.abort();
    drop(ledger);
    tokio::task::yield_now().await;
    None
}

/// The file, read and admitted; both end when nobody listens any more.
fn read(rows: Vec<Factor>, ledger: Ledger, first: Step) -> JobReceiver<CreateJob> {
    let mut planner = Factors::new(Key::new(&[7; 32]), None);
    let (read, reading) = mpsc::channel(7);
    let (admitted, intake) = mpsc::channel(2);
    tokio::spawn(async move {
        for row in rows {
            let prepared = planner.prepare(Box::new(row));
            if read.send(IntakeEvent::More(vec![prepared])).await.is_err() {
                return;
            }
        }
        drop(read.send(IntakeEvent::End).await);
    });
    tokio::spawn(admit(reading, ledger, CreateJobs { first }, Arc::default(), admitted));
    intake
}
