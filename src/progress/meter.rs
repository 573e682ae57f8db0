//! `--metrics-file`: the numbers of a run in a file, for a monitoring system.
//!
//! A thread of its own writes the file, one write at a time: a disk that is full, slow or gone
//! holds up nothing else.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    },
    thread,
    time::Duration,
};

use crate::{
    error::Exit,
    files::{self, FileFault},
    ledger::{ByState, Reader},
    model::{LocalTime, Shard},
    report::{Metrics, Recorder, Snapshot},
    sync::lock,
    text::{escape, file_name},
};

/// Interval between two writes during a run.
const WRITE_INTERVAL: Duration = Duration::from_secs(15);
/// Longest time that the end of a run waits for a write.
const LONGEST_LAST_WRITE: Duration = Duration::from_secs(5);
/// Largest file that is taken for one of ours, in bytes: ten times a usual one.
const LARGEST_OWN_FILE: u64 = 128 * 1024;

/// The metrics file of a command.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Shared>);

/// Command with a metrics file.
#[derive(Debug)]
pub struct Measured {
    /// The file.
    pub path: PathBuf,
    /// Name of the command.
    pub command: &'static str,
    /// Name of the tenant.
    pub tenant: String,
    /// True if nothing is really changed, which is not a success.
    pub is_dry_run: bool,
    /// Part of its input that it takes; `None` for all of it.
    pub shard: Option<Shard>,
}

#[derive(Debug)]
struct Shared {
    of: Measured,
    now: fn() -> LocalTime,
    started: LocalTime,
    numbers: Mutex<MeterState>,
    writing: Mutex<Writing>,
    /// True once a failure to write has been reported.
    is_told: AtomicBool,
}

/// Thread that writes the file.
#[derive(Debug, Default)]
enum Writing {
    #[default]
    None,
    /// The channel is closed when it has ended.
    GoingOn(Receiver<()>),
    /// It did not end while the command waited for it.
    GivenUp,
}

/// Numbers as far as they are known.
#[derive(Debug, Default)]
struct MeterState {
    snapshot: Option<Snapshot>,
    last_progress: Option<LocalTime>,
    last_success: Option<LocalTime>,
    ended: Option<(LocalTime, Exit)>,
    ledger: LedgerRows,
    /// Time of the run at the last write.
    written: Option<Duration>,
}

/// Source of the number of rows of all runs.
#[derive(Debug, Clone, Default)]
enum LedgerRows {
    #[default]
    Unknown,
    /// Rows refused while they were read are only in the ledger, which exists.
    In(PathBuf),
    Known(ByState),
}

impl Meter {
    /// Creates the file of a command that has just been started.
    pub fn start(of: Measured, now: fn() -> LocalTime) -> Self {
        let meter = Self(Arc::new(Shared {
            of,
            now,
            started: now(),
            numbers: Mutex::default(),
            writing: Mutex::default(),
            is_told: AtomicBool::new(false),
        }));
        meter.try_write();
        meter
    }

    /// Takes in the ledger, and the last success of this command that it records.
    pub fn has_ledger(&self, path: &Path, last_success: Option<LocalTime>) {
        let mut numbers = self.0.numbers();
        numbers.ledger = LedgerRows::In(path.to_owned());
        numbers.last_success = numbers.last_success.max(last_success);
    }

    /// Takes in what the ledger holds at the end, before it is closed: waits until nothing reads it
    /// any more.
    pub fn has_ledger_rows(&self, rows: Option<ByState>) {
        self.wait();
        let rows = rows.map_or(LedgerRows::Unknown, LedgerRows::Known);
        self.0.numbers().ledger = rows;
    }

    /// Writes the file for the last time.
    pub fn end(&self, exit: Exit) {
        self.wait();
        let now = (self.0.now)();
        let mut numbers = self.0.numbers();
        numbers.ended = Some((now, exit));
        if exit == Exit::Good && !self.0.of.is_dry_run {
            numbers.last_success = Some(now);
        }
        drop(numbers);
        self.try_write();
        self.wait();
    }

    /// Writes the file, unless a write is going on; returns false if one is.
    fn try_write(&self) -> bool {
        let mut writing = self.0.writing();
        match &*writing {
            Writing::GivenUp => return false,
            Writing::GoingOn(told) if told.try_recv() == Err(TryRecvError::Empty) => return false,
            Writing::GoingOn(_) | Writing::None => {}
        }
        // Nothing is sent through it: it closes when the write ends.
        let (going_on, told) = mpsc::sync_channel(1);
        let shared = Arc::clone(&self.0);
        let write = move || {
            shared.write();
            drop(going_on);
        };
        match thread::Builder::new().name("metrics".into()).spawn(write) {
            Ok(_) => *writing = Writing::GoingOn(told),
            Err(error) => self.0.warn(&FileFault::Io(error)),
        }
        true
    }

    /// Waits for the current write, but not for long, and only once for one that does not end.
    fn wait(&self) {
        self.wait_for(LONGEST_LAST_WRITE);
    }

    fn wait_for(&self, patience: Duration) {
        let mut writing = self.0.writing();
        let Writing::GoingOn(told) = &*writing else { return };
        let is_over = told.recv_timeout(patience) != Err(RecvTimeoutError::Timeout);
        *writing = if is_over { Writing::None } else { Writing::GivenUp };
        drop(writing);
        if !is_over {
            self.0.warn(&FileFault::Io(io::ErrorKind::TimedOut.into()));
        }
    }
}

impl Recorder for Meter {
    fn record(&self, snapshot: &Snapshot) {
        let mut numbers = self.0.numbers();
        let has_progressed = match &numbers.snapshot {
            None => snapshot.settled > 0,
            Some(before) => snapshot.has_progressed_since(before),
        };
        if has_progressed {
            numbers.last_progress = Some(snapshot.at);
        }
        numbers.snapshot = Some(snapshot.clone());
        let is_due =
            numbers.written.is_none_or(|at| snapshot.elapsed.saturating_sub(at) >= WRITE_INTERVAL);
        drop(numbers);
        if is_due && self.try_write() {
            self.0.numbers().written = Some(snapshot.elapsed);
        }
    }
}

impl Shared {
    fn numbers(&self) -> MutexGuard<'_, MeterState> {
        lock(&self.numbers)
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        lock(&self.writing)
    }

    fn write(&self) {
        let Measured { path, command, tenant, shard, .. } = &self.of;
        let replaced = files::peek(path, LARGEST_OWN_FILE).and_then(|before| {
            if !Metrics::is_in(&before) {
                let what = "it is there, and is no metrics file of mfaferry's";
                return Err(FileFault::Io(io::Error::other(what)));
            }
            let before = String::from_utf8_lossy(&before);
            let before = Metrics::last_success_in(&before, command, tenant, *shard);
            Ok(files::replace(path, self.text(before).as_bytes())?)
        });
        if let Err(fault) = replaced {
            self.warn(&fault);
        }
    }

    /// Returns the text, given the last success that the file named `before`.
    fn text(&self, before: Option<LocalTime>) -> String {
        let mut numbers = self.numbers();
        // A clock that was once wrong must not promise successes for ever.
        let before = before.filter(|before| *before <= (self.now)());
        numbers.last_success = numbers.last_success.max(before);
        let MeterState { last_progress, last_success, ended, .. } = *numbers;
        let (snapshot, ledger) = (numbers.snapshot.clone(), numbers.ledger.clone());
        drop(numbers);
        let taken_up = snapshot.as_ref().and_then(|snapshot| snapshot.taken_up);
        let ledger = match ledger {
            LedgerRows::Unknown => None,
            LedgerRows::Known(rows) => Some(rows),
            LedgerRows::In(path) => taken_up
                .and_then(|rows| Reader::open(&path).and_then(|it| it.with_refusals(rows)).ok()),
        };
        Metrics {
            command: self.of.command,
            tenant: &self.of.tenant,
            shard: self.of.shard,
            started: self.started,
            ended,
            last_success,
            last_progress: last_progress.unwrap_or(self.started),
            snapshot: snapshot.as_ref(),
            ledger,
        }
        .text()
    }

    /// Warns once: a file that cannot be written now may be writable later.
    fn warn(&self, fault: &FileFault) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let path = escape(&file_name(&self.of.path));
            let fault = match fault {
                FileFault::Io(error) => error.to_string(),
                fault => format!("it {fault}"),
            };
            tracing::warn!(
                "--metrics-file `{path}` cannot be written, and the run goes on without it: {fault}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pacer::Waiting, report::Waits, stats::StatusClass};

    fn snapshot(seconds: u64, settled: u64) -> Snapshot {
        Snapshot {
            at: LocalTime::from_millis(1_000_000 + i64::try_from(seconds).unwrap() * 1000),
            elapsed: Duration::from_secs(seconds),
            rows: vec![("created", settled)],
            settled,
            settled_by_requests: settled,
            rows_left: Some(7),
            in_doubt: 0,
            checking: 0,
            requests: StatusClass::ALL.map(|class| (class, 0)),
            throttled: 0,
            rate: None,
            tenant_limit: None,
            waits: Waits::default(),
            waiting: Waiting::Nothing,
            is_outage: false,
            taken_up: None,
        }
    }

    fn meter(path: &Path, is_dry_run: bool) -> Meter {
        let (command, tenant) = ("import", "t".into());
        let of = Measured { path: path.to_owned(), command, tenant, is_dry_run, shard: None };
        let meter = Meter::start(of, || LocalTime::from_millis(1_000_000));
        meter.wait();
        meter
    }

    #[test]
    fn a_writing_that_does_not_end_is_waited_for_once_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        let meter = meter(&path, false);
        // As if the disk had gone.
        let (_never, told) = mpsc::sync_channel(1);
        *meter.0.writing() = Writing::GoingOn(told);
        meter.record(&snapshot(1, 1));
        meter.wait_for(Duration::from_millis(1));
        assert!(matches!(*meter.0.writing(), Writing::GivenUp));
        meter.has_ledger_rows(None);
        meter.end(Exit::Good);
        assert!(meter.0.is_told.load(Ordering::Relaxed));
        assert_eq!(value(&path, "run_exit_code"), None, "nobody else writes");
    }

    /// The value of a metric in the file, if it is there.
    fn value(path: &Path, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let before = format!("mfaferry_{name}{{command=\"import\",tenant=\"t\"");
        let line = text.lines().find(|line| line.starts_with(&before))?;
        line.rsplit(' ').next().map(str::to_owned)
    }

    #[test]
    fn the_file_is_written_at_the_start_every_15_seconds_and_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        let meter = meter(&path, false);
        assert_eq!(value(&path, "run_start_timestamp_seconds").as_deref(), Some("1000.000"));
        let mut written = Vec::new();
        for seconds in 0..40 {
            meter.record(&snapshot(seconds, seconds));
            meter.wait();
            let rows = value(&path, "rows").unwrap();
            if written.last() != Some(&rows) {
                written.push(rows);
            }
        }
        assert_eq!(written, ["0", "15", "30"]);
        assert_eq!(value(&path, "run_end_timestamp_seconds"), None);
        meter.end(Exit::Good);
        assert_eq!(value(&path, "rows").as_deref(), Some("39"), "the last one that it saw");
        for name in ["run_end_timestamp_seconds", "last_success_timestamp_seconds"] {
            assert_eq!(value(&path, name).as_deref(), Some("1000.000"), "{name}");
        }
    }

    #[test]
    fn progress_is_when_a_row_last_came_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        let meter = meter(&path, false);
        for (seconds, settled, expected) in
            [(0, 0, "1000.000"), (15, 5, "1015.000"), (30, 5, "1015.000"), (45, 6, "1045.000")]
        {
            meter.record(&snapshot(seconds, settled));
            meter.wait();
            let progress = value(&path, "progress_timestamp_seconds");
            assert_eq!(progress.as_deref(), Some(expected), "{seconds} s");
        }
    }

    #[test]
    fn a_last_success_lasts_until_there_is_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        let last = || value(&path, "last_success_timestamp_seconds");
        let line = "# HELP mfaferry_info x\nmfaferry_last_success_timestamp_seconds{\
                    command=\"import\",tenant=\"t\"} ";
        for (before, ledger, is_dry_run, exit, expected) in [
            ("900.000", None, false, Exit::NeedsAttention, Some("900.000")),
            ("900.000", Some(950), false, Exit::Stopped, Some("950.000")),
            ("970.000", Some(950), false, Exit::Config, Some("970.000")),
            ("900.000", None, false, Exit::Good, Some("1000.000")),
            ("900.000", None, true, Exit::Good, Some("900.000")),
            // No clock is so far ahead: it was wrong.
            ("1000.001", None, false, Exit::Usage, None),
        ] {
            std::fs::write(&path, format!("{line}{before}\n")).unwrap();
            let meter = meter(&path, is_dry_run);
            meter.has_ledger(&path, ledger.map(|at| LocalTime::from_millis(at * 1000)));
            meter.end(exit);
            assert_eq!(last().as_deref(), expected, "{before} {ledger:?} {exit:?}");
        }
    }
}
