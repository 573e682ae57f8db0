//! Measurements, and the figures wanted of them (issue 6).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    Options, input,
    numbers::{Spread, at_least, at_most, micros, one},
    process::{Cost, Server, measure, this},
};

const IN_FLIGHT: usize = 64;
/// The highest that may be asked for: never reached here.
pub(crate) const UNPACED: u64 = 100_000;
/// The vendor's SDK is so slow that it gets a fraction of the rows, though enough for its start not
/// to count.
const SDK_SHARE: u64 = 25;
const SDK_LEAST: u64 = 5_000;

/// A folder with an input, and one of its own for the ledger and the files beside it.
pub(crate) struct Place {
    _temporary: Option<tempfile::TempDir>,
    pub(crate) input: PathBuf,
    pub(crate) ledger: PathBuf,
}

impl Place {
    pub(crate) fn new(options: &Options) -> Self {
        let temporary =
            options.folder.is_none().then(|| tempfile::tempdir().expect("a temporary folder"));
        let folder = match (&options.folder, &temporary) {
            (Some(folder), _) => folder.as_path(),
            (None, temporary) => temporary.as_ref().expect("just made").path(),
        };
        let place = Self {
            input: folder.join("factors.csv"),
            ledger: folder.join("line/factors.csv.ledger"),
            _temporary: temporary,
        };
        place.clear();
        place
    }

    /// An input of so many rows, and no ledger.
    pub(crate) fn fill(&self, rows: u64) {
        self.clear();
        input::write(&self.input, 0, rows);
    }

    fn clear(&self) {
        // It may not be there yet.
        drop(fs::remove_file(&self.input));
        self.forget();
    }

    pub(crate) fn forget(&self) {
        let folder = self.ledger.parent().expect("it is in a folder");
        // It may not be there.
        drop(fs::remove_dir_all(folder));
        fs::create_dir_all(folder).expect("the folder is ours");
    }

    /// Bytes of ledger a factor, beyond the user's id.
    fn ledger_bytes(&self, rows: u64) -> f64 {
        let size = fs::metadata(&self.ledger).expect("an import has left one").len();
        size as f64 / rows as f64 - input::USER_ID as f64
    }
}

pub(crate) fn import(program: &Path, place: &Place, url: &str, rate: u64) -> Command {
    let mut command = import_by_default(program, place, url);
    command.args(["--rate", &rate.to_string()]).args(["--concurrency", &IN_FLIGHT.to_string()]);
    command
}

/// An import with the flags as they are by default.
pub(crate) fn import_by_default(program: &Path, place: &Place, url: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("import")
        .arg(&place.input)
        .arg("--ledger")
        .arg(&place.ledger)
        .args(["--base-url", url, "--output", "json", "--quiet"])
        .env("AUTH0_CLIENT_ID", "bench")
        .env("AUTH0_CLIENT_SECRET", "bench");
    command
}

fn bare(url: &str, rows: u64, in_flight: usize, rate: u64) -> Command {
    this(&["bare", url, &rows.to_string(), &in_flight.to_string(), &rate.to_string()])
}

pub(crate) fn summary(cost: &Cost, name: &str) -> serde_json::Value {
    let summary: serde_json::Value = serde_json::from_str(&cost.stdout).expect("a summary");
    summary[name].clone()
}

pub(crate) fn expect(cost: &Cost, name: &str, rows: u64) {
    assert_eq!(summary(cost, name), rows, "{name}");
}

/// One of those that take turns.
struct Contender<'a> {
    name: &'static str,
    rows: u64,
    run: Box<dyn Fn() -> Cost + 'a>,
    costs: Vec<Cost>,
}

impl Contender<'_> {
    fn per_second(&self) -> impl Iterator<Item = f64> + '_ {
        self.costs.iter().map(|cost| self.rows as f64 / cost.wall.as_secs_f64())
    }

    fn cpu(&self) -> impl Iterator<Item = f64> + '_ {
        self.costs.iter().map(|cost| micros(cost.cpu) / self.rows as f64)
    }
}

#[expect(clippy::too_many_lines, reason = "one measurement, told as it goes")]
pub(crate) fn throughput(options: &Options) {
    let rows = options.rows.unwrap_or(50_000);
    let place = Place::new(options);
    place.fill(rows);
    let server = Server::start();
    let url = server.url.as_str();
    let place = &place;
    let ours = |program| {
        Box::new(move || {
            // Before and not after, so that the last one can be looked at.
            place.forget();
            let cost = measure(&mut import(program, place, url, UNPACED));
            expect(&cost, "created", rows);
            cost
        })
    };
    let contender = |name, rows, run| Contender { name, rows, run, costs: Vec::new() };
    let mut contenders = vec![
        contender("mfaferry", rows, ours(&options.program)),
        contender("bare reqwest", rows, Box::new(|| measure(&mut bare(url, rows, IN_FLIGHT, 0)))),
    ];
    if let Some(before) = &options.before {
        contenders.push(contender("the build before", rows, ours(before)));
    }
    if let Some(oha) = &options.oha {
        let run = Box::new(move || measure(&mut oha_command(oha, url, rows)));
        contenders.push(contender("oha", rows, run));
    }
    if let Some(sdk) = &options.sdk {
        let rows = rows.div_ceil(SDK_SHARE).max(SDK_LEAST);
        let run = Box::new(move || measure(Command::new(sdk).args([url, &rows.to_string()])));
        contenders.push(contender("vendor's SDK", rows, run));
    }
    for round in 0..options.rounds {
        // Every other round backwards: none always goes first.
        let mut order: Vec<&mut Contender<'_>> = contenders.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for contender in order {
            // Nobody waits for the disk to write what another has left.
            sync();
            let cost = (contender.run)();
            contender.costs.push(cost);
        }
    }
    println!("throughput: {rows} factors, {IN_FLIGHT} in flight, {} rounds", options.rounds);
    for contender in &contenders {
        let (per_second, cpu): (Spread, Spread) =
            (contender.per_second().collect(), contender.cpu().collect());
        let peak: Spread = contender.costs.iter().map(|cost| cost.peak).collect();
        println!("  {}: {per_second} a second, {cpu} µs of CPU each, {peak} MiB", contender.name);
    }
    let [ours, others @ ..] = contenders.as_slice() else { unreachable!("there are two") };
    for other in others {
        let name = other.name;
        let speed = ours.per_second().zip(other.per_second()).map(|(ours, other)| ours / other);
        let (speed, cpu): (Spread, Spread) = (
            speed.collect(),
            ours.cpu().zip(other.cpu()).map(|(ours, other)| ours / other).collect(),
        );
        let wanted = match name {
            "oha" => 0.5,
            "bare reqwest" => {
                at_most("CPU against bare reqwest", 2.0, &cpu);
                0.75
            }
            "vendor's SDK" => 20.0,
            _ => {
                println!("  against {name}: speed {speed}, CPU {cpu}");
                continue;
            }
        };
        at_least(&format!("speed against {name}"), wanted, &speed);
    }
    println!("  ledger beyond user ids: {:.1} bytes a factor", place.ledger_bytes(rows));
}

/// Has the system write all files out.
fn sync() {
    let synced = Command::new("sync").status().expect("it starts");
    assert!(synced.success(), "sync: {synced}");
}

fn oha_command(oha: &Path, url: &str, rows: u64) -> Command {
    let mut command = Command::new(oha);
    command
        .args(["-n", &rows.to_string(), "-c", &IN_FLIGHT.to_string(), "--no-tui", "-m", "POST"])
        .args(["-H", "authorization: Bearer bench", "-T", "application/json", "-d"])
        .arg(r#"{"type":"phone","name":"Work phone","phone_number":"+14155550100","preferred_authentication_method":"sms"}"#)
        .arg(format!("{url}/api/v2/users/auth0%7C000000000000000000000001/authentication-methods"));
    command
}

pub(crate) fn scale(options: &Options) {
    let rows = options.rows.unwrap_or(1_000_000);
    let few = rows.div_ceil(100);
    let place = Place::new(options);
    let server = Server::start();
    let run = |rows: u64, server: &Server| {
        let cost = measure(&mut import(&options.program, &place, &server.url, UNPACED));
        expect(&cost, "rows", rows);
        cost
    };
    place.fill(few);
    let small: Vec<Cost> = (0..options.rounds)
        .map(|_| {
            let cost = run(few, &server);
            place.forget();
            cost
        })
        .collect();
    place.fill(rows);
    let large = run(rows, &server);
    println!("scale: {few} factors ({} rounds), and {rows} (once)", options.rounds);
    at_most("memory for the few, MiB", 48.0, &small.iter().map(|cost| cost.peak).collect());
    at_most("memory for the many, MiB", 256.0, &one(large.peak));
    at_most("ledger beyond user ids, bytes a factor", 130.0, &one(place.ledger_bytes(rows)));
    let ratio = |of: fn(&Cost) -> Duration| -> Spread {
        let large = micros(of(&large)) / rows as f64;
        small.iter().map(|cost| large / (micros(of(cost)) / few as f64)).collect()
    };
    at_most("time a factor, many against few", 1.25, &ratio(|cost| cost.wall));
    at_most("CPU a factor, many against few", 1.25, &ratio(|cost| cost.cpu));

    let again = run(rows, &server);
    expect(&again, "skipped", rows);
    println!("  nothing to do: {:.2} s, {:.0} MiB", again.wall.as_secs_f64(), again.peak);
    at_least("skipped a second", 500_000.0, &one(rows as f64 / again.wall.as_secs_f64()));
    input::write(&place.input, rows, rows + 1);
    let server = server.anew();
    let last = run(rows + 1, &server);
    let first = server.first().expect("one factor was left to do");
    let waited = first.duration_since(last.began).as_secs_f64();
    println!("  one to do: {:.2} s in all", last.wall.as_secs_f64());
    at_most("first request after, s", 15.0, &one(waited));
}

pub(crate) fn check(options: &Options) {
    let rows = options.rows.unwrap_or(2_000_000);
    let place = Place::new(options);
    place.fill(rows);
    let run = || {
        let mut command = Command::new(&options.program);
        let cost = measure(command.arg("check").arg(&place.input).args(["--output", "json"]));
        expect(&cost, "factors", rows);
        cost
    };
    let costs: Vec<Cost> = (0..options.rounds).map(|_| run()).collect();
    println!("check: {rows} factors, {} rounds", options.rounds);
    let peak: Spread = costs.iter().map(|cost| cost.peak).collect();
    let cpu: Spread = costs.iter().map(|cost| micros(cost.cpu) / rows as f64).collect();
    println!("  {cpu} µs of CPU each, {peak} MiB");
    let speed = costs.iter().map(|cost| rows as f64 / cost.wall.as_secs_f64());
    at_least("rows a second", 1_000_000.0, &speed.collect());
}

pub(crate) fn select(options: &Options) {
    let rows = options.rows.unwrap_or(500_000);
    let place = Place::new(options);
    place.fill(rows);
    let server = Server::start();
    measure(&mut import(&options.program, &place, &server.url, UNPACED));
    println!("select: {rows} factors, all in the ledger, {} rounds", options.rounds);
    for (what, state) in [("nothing", "failed"), ("everything", "created")] {
        let run = || {
            let out = place.input.with_extension("out");
            let mut command = Command::new(&options.program);
            command.arg("select").arg(&place.input).arg("--ledger").arg(&place.ledger);
            let cost = measure(command.args(["-q", "--state", state, "--out"]).arg(&out));
            fs::remove_file(out).expect("it was written");
            cost
        };
        let costs: Vec<Cost> = (0..options.rounds).map(|_| run()).collect();
        let peak: Spread = costs.iter().map(|cost| cost.peak).collect();
        let cpu: Spread = costs.iter().map(|cost| micros(cost.cpu) / rows as f64).collect();
        println!("  {what} of it: {cpu} µs of CPU each, {peak} MiB");
        let speed = costs.iter().map(|cost| rows as f64 / cost.wall.as_secs_f64());
        at_least("rows a second", 700_000.0, &speed.collect());
    }
}

pub(crate) fn start(options: &Options) {
    let place = Place::new(options);
    place.fill(1);
    let server = Server::start();
    // Waiting for it directly: `measure` looks every 2 ms only.
    let time = |command: &mut Command| {
        #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
        let began = std::time::Instant::now();
        let status = command.stdout(Stdio::null()).status().expect("it starts");
        assert!(status.success(), "{command:?}: {status}");
        began.elapsed().as_secs_f64() * 1e3
    };
    let help: Spread =
        (0..30).map(|_| time(Command::new(&options.program).arg("--help"))).collect();
    let row: Spread = (0..15)
        .map(|_| {
            let took = time(&mut import(&options.program, &place, &server.url, UNPACED));
            place.forget();
            took
        })
        .collect();
    println!("start");
    at_most("--help, ms", 10.0, &help);
    at_most("an import of one row, ms", 60.0, &row);
}

pub(crate) fn pacing(options: &Options) {
    let place = Place::new(options);
    let server = Server::start();
    println!("pacing, {} rounds", options.rounds);
    for (rate, seconds) in [(5_000, 10), (16, 20)] {
        let rows = rate * seconds;
        place.fill(rows);
        let (mut kept, mut whole, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let ours = measure(&mut import(&options.program, &place, &server.url, rate));
            place.forget();
            let http = measure(&mut bare(&server.url, rows, IN_FLIGHT, rate));
            let seconds = summary(&ours, "elapsed_seconds").as_f64().expect("a number");
            kept.push(rows as f64 / seconds / rate as f64);
            let share = |cost: &Cost| cost.cpu.as_secs_f64() / cost.wall.as_secs_f64();
            whole.push(share(&ours));
            apart.push(share(&ours) - share(&http));
        }
        let spread = |values: Vec<f64>| values.into_iter().collect::<Spread>();
        let (kept, whole, apart) = (spread(kept), spread(whole), spread(apart));
        if rate == 16 {
            println!("  16/s: share of it reached: {kept}");
            at_most("16/s: cores, HTTP included", 0.01, &whole);
            println!("  16/s: cores beyond bare reqwest's: {apart}");
        } else {
            at_least(&format!("{rate}/s: share of it reached"), 0.99, &kept);
            println!("  {rate}/s: cores, HTTP included: {whole}");
            at_most(&format!("{rate}/s: cores beyond bare reqwest's"), 0.25, &apart);
        }
    }
}
