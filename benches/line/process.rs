//! Processes, and what they cost. Linux only: it reads `/proc`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// `/proc` counts processor time in ticks of 10 ms.
const TICK: Duration = Duration::from_millis(10);
/// Shortest interval between two looks at a process.
const SHORTEST_LOOK: Duration = Duration::from_millis(2);

use super::blocking::Manner;

/// Cost of a process.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) began: Instant,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// The most memory it had, in MiB.
    pub(crate) peak: f64,
    pub(crate) stdout: String,
}

/// Runs `command` to its end, which must be a good one.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let (mut cpu, mut peak) = (Duration::ZERO, 0.0_f64);
    // A process that has ended and was not waited for still tells its time.
    let wall = loop {
        let ended = read_stat(child.id(), &mut cpu);
        peak = peak.max(read_peak(child.id()));
        if ended {
            break began.elapsed();
        }
        // A look takes time from the process, so one that takes long is looked at less often.
        std::thread::sleep(SHORTEST_LOOK.max(began.elapsed() / 500));
    };
    let status = child.wait().expect("it is ours");
    let mut stdout = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut stdout).expect("text");
    }
    assert!(status.success(), "{command:?}: {status} {stdout}");
    Cost { began, wall, cpu, peak, stdout }
}

/// Says whether the process has ended.
fn read_stat(id: u32, cpu: &mut Duration) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("Linux");
    // The name, in brackets, may hold spaces; after it come the state, and time as 12th and 13th.
    let (_, rest) = stat.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().expect("ticks")).sum();
    *cpu = TICK * ticks;
    fields[0] == "Z"
}

fn read_peak(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Our server, as a process of its own; killed on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: String,
    pub(crate) url: String,
    first: mpsc::Receiver<Instant>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::at("0")
    }

    /// Another at the same place: a ledger is bound to it.
    pub(crate) fn anew(self) -> Self {
        let port = self.port.clone();
        drop(self);
        Self::at(&port)
    }

    /// One with a thread a connection.
    pub(crate) fn blocking(manner: Manner) -> Self {
        let (limit, latency) = (manner.limit.to_string(), manner.latency.to_string());
        let mut args = vec!["blocking", "--limit", &limit, "--latency", &latency];
        args.extend(manner.tls.then_some("--tls"));
        let mut server = Self::started(&args);
        if manner.tls {
            server.url = server.url.replace("http://", "https://");
        }
        server
    }

    fn at(port: &str) -> Self {
        Self::started(&["serve", port])
    }

    fn started(args: &[&str]) -> Self {
        let mut child = this(args).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let port = lines.next().expect("a port").expect("text");
        let (met, first) = mpsc::channel();
        std::thread::spawn(move || {
            if lines.next().is_some() {
                // Nobody may be interested.
                met.send(Instant::now()).ok();
            }
        });
        Self { child, url: format!("http://127.0.0.1:{port}"), port, first }
    }

    /// Returns the moment at which the first factor came, if any has.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.first.recv_timeout(Duration::from_millis(100)).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is ours");
    }
}

/// This program, in another role.
pub(crate) fn this(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(args);
    command
}
