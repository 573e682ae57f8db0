//! The progress line at a terminal, or a log line now and then elsewhere. Shows what is durable,
//! and what holds the run back.

use std::{
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, interval};

mod meter;
mod pace;
mod sampler;

use crate::{
    ledger::{ByState, Tally},
    model::State,
    pacer::{Pacer, Waiting},
    stats::{Bottleneck, RunStats},
    text::human,
};
use pace::Pace;

pub use meter::{Measured, Meter};
pub use sampler::Sampler;

/// Interval at which the line is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);
/// Interval between log lines where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(30);
/// Interval between checks if such a line is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The bar that log lines have to make room for.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Counts to be shown.
pub trait ProgressCounts: Send + Sync + 'static {
    /// Returns the number of rows that have a state.
    fn settled(&self) -> u64;
    /// Returns the number of those that needed a request of this run.
    fn settled_by_requests(&self) -> u64 {
        self.settled()
    }
    /// Returns the number of rows that need attention.
    fn bad(&self) -> u64 {
        0
    }
    /// Returns the number of rows in each state, by its name; empty if rows have none.
    fn by_state(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
    /// Returns the rows that a ledger has admitted in all of its runs, by state; `None` without
    /// one.
    fn taken_up(&self) -> Option<ByState> {
        None
    }
    /// Returns the singular name of what is counted, which takes an `s` in the plural.
    fn unit(&self) -> &'static str {
        "row"
    }
}

/// Counts of a run that records in a ledger.
#[derive(Debug)]
pub struct Recorded {
    /// The counts, as far as they are durable.
    pub tally: Arc<Tally>,
    /// States that the command can bring rows to, besides the contract's.
    pub own: &'static [State],
}

impl ProgressCounts for Recorded {
    fn settled(&self) -> u64 {
        self.tally.get().settled()
    }

    fn settled_by_requests(&self) -> u64 {
        self.tally.get().settled_by_requests()
    }

    fn bad(&self) -> u64 {
        self.tally.get().states.bad()
    }

    fn by_state(&self) -> Vec<(&'static str, u64)> {
        let counts = self.tally.get();
        let states = counts.states.shown(self.own).into_iter();
        let states = states.map(|(state, rows)| (state.name(), rows));
        states.chain([("duplicates", counts.duplicates), ("skipped", counts.skipped)]).collect()
    }

    fn taken_up(&self) -> Option<ByState> {
        Some(self.tally.taken_up())
    }
}

/// Sources of the numbers that progress shows.
#[derive(Debug)]
pub struct Watch<T> {
    /// Durable counts.
    pub tally: Arc<T>,
    /// Requests, doubts, outages.
    pub stats: Arc<RunStats>,
    /// Pacer, for what the next request waits for.
    pub pacer: Arc<Pacer>,
    /// The input's length.
    pub extent: Extent,
    /// Rows of the input that have been read.
    pub rows: Arc<AtomicU64>,
}

/// Length of an input, as far as it is known.
#[derive(Debug, Default)]
pub struct Extent {
    /// Bytes that have been read.
    pub read: Arc<AtomicU64>,
    /// All bytes, if it is a file.
    pub length: Option<u64>,
    /// All rows, if it was read to its end before.
    pub rows: Option<u64>,
}

/// Destination of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A line that is redrawn.
    Line,
    /// A log line now and then.
    Log,
    /// A log line now and then, with its figures as fields of their own.
    LogFields,
    /// Nowhere.
    Nothing,
}

/// Shows progress until it is dropped or aborted.
pub async fn watch<T: ProgressCounts>(watch: Arc<Watch<T>>, show: Show) {
    match show {
        Show::Nothing => {}
        Show::Log => watch.log(|_, line| tracing::info!("{line}")).await,
        Show::LogFields => watch.log(ProgressNumbers::log).await,
        Show::Line => watch.draw().await,
    }
}

/// Removes the line.
pub fn clear() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}

/// The numbers of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ProgressNumbers {
    settled: u64,
    /// Rows a second that this run's requests settle.
    rate: Option<f64>,
    /// Share of the rows that are settled, 0 to 1; `None` for an input of unknown length.
    share: Option<f64>,
    left: Option<Duration>,
}

impl<T: ProgressCounts> Watch<T> {
    async fn draw(&self) {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let bar = BAR.get_or_init(|| bar);
        let mut pace = Pace::new(Instant::now());
        let mut ticks = interval(REDRAW_INTERVAL);
        loop {
            let look = self.look(&mut pace, ticks.tick().await);
            bar.set_message(self.line(&look));
            bar.tick();
        }
    }

    async fn log(&self, log: impl Fn(&ProgressNumbers, &str)) {
        let mut ticks = interval(LOOK_EVERY);
        let (mut told, mut checking) = (Instant::now(), false);
        let mut pace = Pace::new(told);
        loop {
            let now = ticks.tick().await;
            let look = self.look(&mut pace, now);
            // The start of the last part is worth a line.
            let begins = !checking && self.stats.checking() > 0;
            if begins || now - told >= LOG_EVERY {
                (told, checking) = (now, checking || begins);
                log(&look, &self.line(&look));
            }
        }
    }

    fn look(&self, pace: &mut Pace, now: Instant) -> ProgressNumbers {
        pace.observe(now, self.tally.settled_by_requests());
        let settled = self.tally.settled();
        let rows = self.rows_in_all();
        #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
        let share = rows.map(|rows| (settled as f64 / rows.max(1) as f64).min(1.0));
        let left = rows.and_then(|rows| pace.left(rows.saturating_sub(settled)));
        ProgressNumbers { settled, rate: pace.rate(), share, left }
    }

    /// Returns the number of rows in the input. If nobody has counted them, it is estimated from
    /// the bytes read so far.
    fn rows_in_all(&self) -> Option<u64> {
        let rows = self.rows.load(Ordering::Relaxed);
        self.extent.rows.or_else(|| {
            let length = self.extent.length.filter(|length| *length > 0)?;
            let read = self.extent.read.load(Ordering::Relaxed).clamp(1, length);
            let all = u128::from(rows) * u128::from(length) / u128::from(read);
            u64::try_from(all).ok()
        })
    }

    /// Formats `1234 rows · 15.9/s · waiting after a 429 · 2 in doubt · 3 bad · 41 % · 12 min
    /// left`.
    fn line(&self, look: &ProgressNumbers) -> String {
        let waiting = if self.stats.outage() {
            Some(match self.stats.outage_cause() {
                cause if cause.is_empty() => "the tenant does not answer, waiting".to_owned(),
                cause => format!("the tenant does not answer ({cause}), waiting"),
            })
        } else {
            let told = match self.pacer.waiting() {
                Waiting::Throttled => Some("waiting after a 429"),
                Waiting::Reserve => Some("limited by the reserve"),
                Waiting::Limit => Some("limited by the tenant"),
                Waiting::Rate => Some("limited by --rate"),
                Waiting::Plan => Some("limited by the rate plan"),
                Waiting::Nothing => match self.stats.bottleneck() {
                    Bottleneck { is_binding: true, is_fixed: true, .. } => {
                        Some("limited by --concurrency")
                    }
                    Bottleneck { is_binding: true, .. } => Some("limited by the tenant's latency"),
                    Bottleneck { .. } => None,
                },
            };
            told.map(str::to_owned)
        };
        let doubt = self.stats.in_doubt();
        let checking = self.stats.checking();
        let bad = self.tally.bad();
        let is_done = look.share.is_some_and(|share| share >= 1.0);
        let parts = [
            Some(format!("{} {}{}", look.settled, self.tally.unit(), plural(look.settled))),
            look.rate.map(|rate| format!("{rate:.1}/s")),
            waiting,
            (doubt > 0).then(|| format!("{doubt} in doubt")),
            (bad > 0).then(|| format!("{bad} bad")),
            // Rounded down: a run that is not done must not look done.
            look.share.map(|share| format!("{:.0} %", (share * 100.0).floor())),
            match (checking, look.left) {
                // Every row is settled by then, and the time left for rows does not apply.
                (1.., _) => {
                    Some(format!("checking {checking} factor{} once more", plural(checking)))
                }
                (0, _) if is_done || look.share.is_none() => None,
                (0, None) => Some("estimating…".to_owned()),
                (0, Some(left)) => Some(format!("{} left", human(left))),
            },
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

/// Returns the plural ending of a word for a count.
const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl ProgressNumbers {
    /// Logs `line`, with the figures beside it for programs.
    fn log(&self, line: &str) {
        // The JSON format writes NaN as null, which stands for unknown there.
        let unknown = f64::NAN;
        let thousandths = |value: f64| (value * 1000.0).round() / 1000.0;
        let left = self.left.map_or(unknown, |left| left.as_secs_f64().round());
        tracing::info!(
            rows = self.settled,
            rate = self.rate.map_or(unknown, thousandths),
            seconds_left = left,
            share = self.share.map_or(unknown, thousandths),
            "{line}"
        );
    }
}

/// Standard error for log lines: the progress line makes room for each.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes).map(|()| bytes.len());
        match BAR.get() {
            Some(bar) if !bar.is_finished() => bar.suspend(write),
            _ => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacer::Rate;

    #[derive(Debug, Default)]
    struct Rows {
        settled: AtomicU64,
        skipped: u64,
    }

    impl ProgressCounts for Rows {
        fn settled(&self) -> u64 {
            self.settled.load(Ordering::Relaxed)
        }

        fn settled_by_requests(&self) -> u64 {
            self.settled() - self.skipped
        }
    }

    fn watch(settled: u64, skipped: u64, total: Option<u64>) -> Watch<Rows> {
        Watch {
            tally: Arc::new(Rows { settled: settled.into(), skipped }),
            stats: Arc::new(RunStats::default()),
            pacer: Arc::new(Pacer::new(Rate::Auto, 0.2)),
            extent: Extent { read: Arc::new(AtomicU64::new(50)), length: Some(100), rows: total },
            rows: Arc::new(AtomicU64::new(500)),
        }
    }

    #[test]
    fn the_check_at_the_end_names_itself_instead_of_saying_that_nothing_is_left() {
        let watch = watch(1000, 0, None);
        let look = watch.look(&mut Pace::new(Instant::now()), Instant::now());
        for (checking, expected) in [
            (0, "1000 rows · 100 %"),
            (36, "1000 rows · 100 % · checking 36 factors once more"),
            (1, "1000 rows · 100 % · checking 1 factor once more"),
        ] {
            watch.stats.set_checking(checking);
            assert_eq!(watch.line(&look), expected);
        }
    }

    #[test]
    fn one_of_what_is_counted_is_one() {
        let watch = watch(1, 0, Some(2));
        let look = watch.look(&mut Pace::new(Instant::now()), Instant::now());
        assert_eq!(watch.line(&look), "1 row · 50 % · estimating…");
    }

    #[test]
    fn a_number_of_requests_in_flight_that_binds_is_named() {
        let watch = watch(500, 0, Some(1000));
        let look = watch.look(&mut Pace::new(Instant::now()), Instant::now());
        for (is_binding, is_fixed, expected) in [
            (true, true, "limited by --concurrency · "),
            (true, false, "limited by the tenant's latency · "),
            (false, true, ""),
        ] {
            let bottleneck = Bottleneck { is_fixed, is_binding, ..Bottleneck::default() };
            watch.stats.set_bottleneck(bottleneck);
            let line = watch.line(&look);
            assert_eq!(line, format!("500 rows · {expected}50 % · estimating…"));
        }
    }

    /// A resumed run skips 600 rows in no time; the other 400 take what they take.
    #[test]
    fn skipped_rows_are_no_speed() {
        for total in [Some(1000), None] {
            let watch = watch(600, 600, total);
            let mut now = Instant::now();
            let mut pace = Pace::new(now);
            let first = watch.look(&mut pace, now);
            assert_eq!(watch.line(&first), "600 rows · 60 % · estimating…");
            let mut last = first;
            for _ in 0..10 {
                now += Duration::from_millis(500);
                watch.tally.settled.fetch_add(1, Ordering::Relaxed);
                last = watch.look(&mut pace, now);
            }
            assert_eq!(watch.line(&last), "610 rows · 2.0/s · 61 % · 3 min 15 s left");
        }
    }
}
