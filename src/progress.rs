//! The progress line at a terminal, or a log line now and then without one. Shows what is
//! durable, and what holds the run back.

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

use crate::{
    ledger::Tally,
    pacer::{Pacer, Waiting},
    stats::RunStats,
};

/// Interval at which the line is drawn.
const TICK: Duration = Duration::from_millis(200);
/// How often a line is logged where there is no terminal, and whether one is due looked at.
const LOG_EVERY: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The bar that log lines must not run into.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Counts to be shown.
pub trait Counted: Send + Sync + 'static {
    /// Rows that have come to a state.
    fn settled(&self) -> u64;
    /// Rows that somebody has to look at.
    fn bad(&self) -> u64;
}

impl Counted for Tally {
    fn settled(&self) -> u64 {
        self.get().settled()
    }

    fn bad(&self) -> u64 {
        self.get().states.bad()
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
    /// Bytes of the input that have been read.
    pub read: Arc<AtomicU64>,
    /// Rows of the input that have been read.
    pub rows: Arc<AtomicU64>,
    /// The input's length, where it is a file.
    pub length: Option<u64>,
}

/// Destination of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A line that is drawn again and again.
    Line,
    /// A log line now and then.
    Log,
    /// Nowhere.
    Nothing,
}

/// Shows progress until it is dropped or aborted.
pub async fn watch<T: Counted>(watch: Watch<T>, show: Show) {
    match show {
        Show::Nothing => {}
        Show::Log => {
            let began = Instant::now();
            let mut ticks = interval(LOOK_EVERY);
            let (mut told, mut checking) = (began, false);
            loop {
                ticks.tick().await;
                // That the last part has begun is news.
                let begins = !checking && watch.stats.checking() > 0;
                if begins || told.elapsed() >= LOG_EVERY {
                    (told, checking) = (Instant::now(), checking || begins);
                    tracing::info!("{}", watch.line(began.elapsed(), 0.0));
                }
            }
        }
        Show::Line => watch.draw().await,
    }
}

/// Takes the line away.
pub fn clear() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}

impl<T: Counted> Watch<T> {
    async fn draw(self) {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let bar = BAR.get_or_init(|| bar);
        let began = Instant::now();
        let mut ticks = interval(TICK);
        let (mut rate, mut before) = (0.0, 0);
        loop {
            ticks.tick().await;
            // A rate that is calm enough to read: about the last three seconds.
            let settled = self.tally.settled();
            #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
            let now = (settled - before) as f64 / TICK.as_secs_f64();
            before = settled;
            rate += (now - rate) / 15.0;
            bar.set_message(self.line(began.elapsed(), rate));
            bar.tick();
        }
    }

    /// `1,234 rows · 15.9/s · waiting after a 429 · 2 in doubt · 3 bad · 41 % · 12 min left`.
    fn line(&self, elapsed: Duration, rate: f64) -> String {
        let settled = self.tally.settled();
        #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
        let mean = settled as f64 / elapsed.as_secs_f64().max(0.001);
        let shown = if rate > 0.0 { rate } else { mean };
        let mut line = format!("{settled} rows · {shown:.1}/s");
        let waiting = if self.stats.outage() {
            Some("the tenant does not answer, waiting")
        } else {
            match self.pacer.waiting() {
                Waiting::Throttled => Some("waiting after a 429"),
                Waiting::Reserve => Some("limited by the reserve"),
                Waiting::Limit => Some("limited by the tenant"),
                Waiting::Rate => Some("limited by --rate"),
                Waiting::Plan => Some("limited by the rate plan"),
                Waiting::Nothing => None,
            }
        };
        let doubt = self.stats.in_doubt();
        let checking = self.stats.checking();
        let factors = if checking == 1 { "factor" } else { "factors" };
        let bad = self.tally.bad();
        let parts = [
            waiting.map(str::to_owned),
            (doubt > 0).then(|| format!("{doubt} in doubt")),
            (bad > 0).then(|| format!("{bad} bad")),
            // Every row is settled then, and what is left is none of their time.
            match checking {
                0 => self.left(settled, elapsed),
                _ => Some(format!("checking {checking} {factors} once more")),
            },
        ];
        for part in parts.into_iter().flatten() {
            line += " · ";
            line += &part;
        }
        line
    }

    /// Estimates the rest. The number of rows is unknown and extrapolated from the bytes read so
    /// far.
    #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
    fn left(&self, settled: u64, elapsed: Duration) -> Option<String> {
        let length = self.length.filter(|length| *length > 0)? as f64;
        let read = (self.read.load(Ordering::Relaxed) as f64).min(length);
        let rows = self.rows.load(Ordering::Relaxed) as f64 * length / read.max(1.0);
        let share = settled as f64 / rows.max(1.0);
        if !(0.001..=1.0).contains(&share) || elapsed < Duration::from_secs(2) {
            return None;
        }
        let left = elapsed.mul_f64(1.0 / share - 1.0);
        Some(format!("{:.0} % · {} left", share * 100.0, crate::text::human(left)))
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

    #[derive(Debug)]
    struct Rows(u64);

    impl Counted for Rows {
        fn settled(&self) -> u64 {
            self.0
        }

        fn bad(&self) -> u64 {
            0
        }
    }

    #[test]
    fn the_check_at_the_end_names_itself_instead_of_saying_that_nothing_is_left() {
        let watch = Watch {
            tally: Arc::new(Rows(128)),
            stats: Arc::new(RunStats::default()),
            pacer: Arc::new(Pacer::new(Rate::Auto, 0.2)),
            read: Arc::new(AtomicU64::new(100)),
            rows: Arc::new(AtomicU64::new(128)),
            length: Some(100),
        };
        for (checking, expected) in [
            (0, "128 rows · 12.8/s · 100 % · 0.0 s left"),
            (36, "128 rows · 12.8/s · checking 36 factors once more"),
            (1, "128 rows · 12.8/s · checking 1 factor once more"),
        ] {
            watch.stats.set_checking(checking);
            assert_eq!(watch.line(Duration::from_secs(10), 0.0), expected);
        }
    }
}
