//! A tenant, a folder, and the binary between them.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mfaferry::{
    error::Error,
    ledger::{Ledger, Opened, Opening},
    sandbox::{ALL_SCOPES, Kind, Method, OutageKind, Sandbox, Settings, USUAL_SCOPES},
};
use serde_json::Value;

use crate::schemas;

/// Every command of the program.
pub(crate) const COMMANDS: [&str; 19] = [
    "import",
    "check",
    "resolve",
    "preflight",
    "sources",
    "verify",
    "export",
    "replace",
    "update",
    "delete",
    "undo",
    "probe",
    "report",
    "explain",
    "select",
    "sandbox",
    "completions",
    "man",
    "schema",
];

/// A simulated tenant and a folder for one test.
pub(crate) struct Bench {
    /// Always there, but for the moment in which it is replaced.
    sandbox: Option<Sandbox>,
    /// Serves the sandbox for as long as the test lasts.
    runtime: tokio::runtime::Runtime,
    pub(crate) folder: tempfile::TempDir,
}

/// Result of a run of the binary.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    /// A tenant whose tokens allow all that can be asked of it.
    pub(crate) fn of(settings: Settings) -> Self {
        let scopes = match &*settings.scopes {
            usual if usual == USUAL_SCOPES => ALL_SCOPES.map(str::to_owned).to_vec(),
            chosen => chosen.to_vec(),
        };
        Self::new(Settings { scopes, ..settings })
    }

    /// A tenant with these settings.
    pub(crate) fn new(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let settings = Settings { journal: true, ..settings };
        let sandbox = runtime.block_on(Sandbox::start(settings, 0)).unwrap();
        Self { sandbox: Some(sandbox), runtime, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn tenant(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// Another tenant, which knows nothing of the first.
    pub(crate) fn replace_tenant(&mut self, settings: Settings) {
        let tenant = self.sandbox.take().unwrap();
        self.runtime.block_on(tenant.stop());
        let settings = Settings { journal: true, ..settings };
        self.sandbox = Some(self.runtime.block_on(Sandbox::start(settings, 0)).unwrap());
    }

    /// Returns once the tenant has taken in whatever a killed process had already sent: it
    /// answers connections in their order, and this one comes after.
    pub(crate) fn quiet(&self) {
        let mut stream = TcpStream::connect(self.tenant().addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"GET /_sandbox/stats HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        // Unlike a plain read, goes on when a signal interrupts it.
        stream.read_exact(&mut [0]).unwrap();
        until("the tenant is quiet", || self.tenant().stats().in_flight == 0);
    }

    /// Lets the tenant be out of order once it was asked `requests` times, until `end` returns: by
    /// a clock of the tenant's own, the outage could be over before a busy machine has started the
    /// run.
    pub(crate) fn out_of_order(&self, requests: u64, kind: OutageKind, end: impl FnOnce()) {
        let asked = || self.tenant().stats().requests.values().sum::<u64>();
        until("the run is in the middle", || asked() >= requests);
        self.tenant().switch_outage(Some(kind));
        end();
        self.tenant().switch_outage(None);
    }

    /// No request came before its time at this rate; returns how many there were. Counted from when
    /// the tenant was there and not in windows (`pacer::exact` is held to those, on a paused clock
    /// of its own): who has to wait for the CPU comes late and with others, but never early.
    pub(crate) fn paced(&self, rate: f64, burst: f64) -> usize {
        let arrivals = self.tenant().arrivals();
        let mut most = 0.0;
        for arrival in &arrivals {
            most += 1.0;
            let seconds = arrival.at.as_secs_f64();
            // The promise is one for a second or more.
            assert!(most <= rate * seconds.max(1.0) + burst, "{most} after {seconds} s");
        }
        arrivals.len()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An import of `input` into this tenant.
    pub(crate) fn import(&self, input: &str) -> Command {
        let mut command = self.command("import");
        command.arg(input).args(["--settle", "200ms"]);
        command
    }

    /// Any command that talks to this tenant, patient for milliseconds only.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = binary();
        command
            .current_dir(self.folder.path())
            .args([name, "--base-url", &self.tenant().base_url()])
            .args(["--timeout", "2s", "--rate", "2000", "--output", "json"])
            // Not every command has the flag.
            .env("MFAFERRY_SETTLE", "200ms")
            .env("AUTH0_CLIENT_ID", "tester")
            .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
        command
    }

    /// The objects of `report --format jsonl`.
    pub(crate) fn rows(&self, ledger: &str) -> Vec<Value> {
        let mut command = binary();
        command.current_dir(self.folder.path());
        let done = run(command.args(["report", "--ledger", ledger, "--format", "jsonl"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Counts the rows of a ledger in each state.
    pub(crate) fn states(&self, ledger: &str) -> BTreeMap<String, usize> {
        states_of(&self.rows(ledger))
    }

    /// Nothing lost, nothing doubled, and the ledger tells the truth: each of `wanted` is in the
    /// tenant once if the ledger says so, with that very id, and nothing else is there. Returns how
    /// many rows of the ledger stand where.
    pub(crate) fn audit(
        &self,
        ledger: &str,
        wanted: &[Method],
        users: &[String],
    ) -> BTreeMap<String, usize> {
        let mut held: BTreeMap<String, (String, String)> = BTreeMap::new();
        for (user, methods) in self.tenant().state() {
            for method in methods {
                let doubled = held.insert(method.id.clone(), (user.clone(), method.digest()));
                assert!(doubled.is_none());
            }
        }
        let mut asked: Vec<_> = wanted
            .iter()
            .zip(users)
            .map(|(method, user)| (user.clone(), method.digest()))
            .collect();
        asked.sort();
        asked.dedup();
        let mut there: Vec<_> = held.values().cloned().collect();
        there.sort();
        for pair in there.windows(2) {
            assert_ne!(pair[0], pair[1], "doubled");
        }
        for one in &there {
            assert!(asked.binary_search(one).is_ok(), "nobody asked for {one:?}");
        }
        let rows = self.rows(ledger);
        assert_eq!(rows.len(), asked.len(), "every factor has one row");
        let created = rows.iter().filter(|row| row["state"] == "created");
        for row in created.clone() {
            let id = row["method_id"].as_str().unwrap();
            let (user, _) = &held[id];
            assert_eq!(row["user_id"].as_str().unwrap(), user, "{id}");
        }
        let unsure = rows.iter().filter(|row| row["state"] == "needs_review").count();
        let missing = asked.len() - there.len();
        let said_missing = rows
            .iter()
            .filter(|row| row["state"] == "failed" || row["state"] == "rejected")
            .count();
        assert!(missing <= said_missing + unsure, "{missing} are missing, {said_missing} said so");
        let found = rows.iter().filter(|row| row["state"] == "already_present").count();
        let said = created.count() + found + unsure;
        assert!(said >= there.len(), "something is there that nobody says");
        states_of(&rows)
    }
}

fn states_of(rows: &[Value]) -> BTreeMap<String, usize> {
    let mut states = BTreeMap::new();
    for row in rows {
        *states.entry(row["state"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    states
}

impl Done {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The summary adds up to the rows, as the contract says, and the reasons of each state to its
    /// number.
    pub(crate) fn summary(&self) -> Value {
        let summary = self.json();
        let count = |name: &str| summary[name].as_u64().unwrap_or_else(|| panic!("{name}"));
        let parts = [
            "duplicates",
            "created",
            "already_present",
            "rejected",
            "not_carried",
            "failed",
            "needs_review",
            "in_flight",
            "skipped",
        ];
        let own = [
            "exported",
            "replaced",
            "updated",
            "deleted",
            "already_gone",
            "undone",
            "kept",
            "resolved",
        ];
        let more: u64 = own.into_iter().filter_map(|name| summary[name].as_u64()).sum();
        assert_eq!(count("rows"), parts.into_iter().map(count).sum::<u64>() + more, "{summary}");
        for state in ["rejected", "not_carried", "failed", "needs_review", "kept"] {
            let groups = summary["reasons"].as_array().unwrap().iter();
            let of_state = groups.filter(|group| group["state"] == state);
            let sum: u64 = of_state.map(|group| group["count"].as_u64().unwrap()).sum();
            assert_eq!(sum, summary[state].as_u64().unwrap_or(0), "{state}: {summary}");
        }
        summary
    }
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfaferry"));
    command.env_clear().stdin(Stdio::null());
    // One certificate instead of all the system's: to read those takes a third of a short run.
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authority.pem");
    command.env("SSL_CERT_FILE", authority).env("SSL_CERT_DIR", "/nonexistent");
    command
}

pub(crate) fn run(command: &mut Command) -> Done {
    let done = read(&command.output().unwrap());
    schemas::hold(command, &done);
    done
}

pub(crate) fn read(output: &Output) -> Done {
    Done {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The same command with another program around it: `sh -c`, `strace`, `unshare`.
pub(crate) fn around(program: &str, arguments: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().stdin(Stdio::null());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = inner.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

/// Like [`run`], but a process that is not done after two minutes is a failure and no hanging test.
pub(crate) fn run_bounded(command: &mut Command) -> Done {
    let mut child = spawn(command);
    let pid = child.id();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until_done(&mut child);
    }));
    if done.is_err() {
        drop(child.kill());
        panic!(
            "process {pid} does not come to an end: {:?}",
            read(&child.wait_with_output().unwrap())
        );
    }
    let done = read(&child.wait_with_output().unwrap());
    schemas::hold(command, &done);
    done
}

fn until_done(child: &mut Child) {
    until("a process ends", || child.try_wait().unwrap().is_some());
}

pub(crate) fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// Waits until something is so; polls, bounded.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "another process is being waited for")]
    let began = Instant::now();
    while !so() {
        // For what hangs. What is busy comes to its end in a share of the CPU, too.
        assert!(began.elapsed() < Duration::from_secs(120), "waited too long: {what}");
        #[expect(clippy::disallowed_methods, reason = "another process is being waited for")]
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens a ledger that no other run has: a program that another test is about to start holds this
/// one's locks for a moment.
pub(crate) fn open_ledger<'a>(
    path: &Path,
    opening: impl Fn() -> Opening<'a>,
) -> Result<Opened, Error> {
    let mut opened = Ledger::open(path, opening());
    until("the ledger is free", || {
        let is_held = opened.as_ref().is_err_and(|error| error.to_string().contains("in use"));
        if is_held {
            opened = Ledger::open(path, opening());
        }
        !is_held
    });
    opened
}

/// Does it with each, several side by side: most of it is waiting.
pub(crate) fn side_by_side<T: Copy + Sync>(all: &[T], what: impl Fn(T) + Sync) {
    let (lanes, what) = (4, &what);
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            scope.spawn(move || all.iter().skip(lane).step_by(lanes).for_each(|one| what(*one)));
        }
    });
}

/// `count` phones and TOTPs, two to four a user and scattered, as CSV; and what the tenant should
/// hold of it, with its users.
pub(crate) fn factors(count: usize) -> (String, Vec<Method>, Vec<String>) {
    let mut csv = String::from("user_id,type,name,phone_number,totp_secret\n");
    let (mut methods, mut users) = (Vec::new(), Vec::new());
    for number in 0..count {
        let user = format!("auth0|user{}", number % (count / 3).max(1));
        if number % 3 == 2 {
            let secret = data_encoding::BASE32_NOPAD.encode(format!("{number:020}").as_bytes());
            csv += &format!("{user},totp,App {number},,{secret}\n");
            methods.push(Method::new(Kind::Totp, secret));
        } else {
            let phone = format!("+1415{:07}", 5_000_000 + number);
            csv += &format!("{user},phone,,{phone},\n");
            methods.push(Method::new(Kind::Phone, phone));
        }
        users.push(user);
    }
    (csv, methods, users)
}

pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}
