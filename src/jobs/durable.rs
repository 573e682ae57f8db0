//! Lines of an output whose rows are settled once the lines are durable.

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};

use super::output::Output;
use crate::{
    error::Error,
    ledger::{Ledger, Seq},
    model::Settlement,
};

/// Most rows that become durable together.
const MAX_ROWS_PER_SYNC: usize = 64;
/// Interval at which lines become durable while rows come.
const SYNC_INTERVAL: Duration = Duration::from_millis(50);

/// Writer of lines that records the rows of durable lines as settled.
#[derive(Debug)]
pub(super) struct DurableLines {
    ledger: Ledger,
    output: Output,
    /// Rows whose lines are not durable yet.
    unsettled: Vec<(Seq, Settlement)>,
    /// Time of the last sync.
    synced: Instant,
}

impl DurableLines {
    /// Makes a writer to `output` that records in `ledger`.
    pub(super) fn new(ledger: Ledger, output: Output) -> Self {
        Self { ledger, output, unsettled: Vec::new(), synced: Instant::now() }
    }

    /// Writes a line. It may be lost until its row is settled.
    pub(super) fn write(&mut self, line: &str) -> Result<(), Error> {
        self.output.write(line)
    }

    /// Settles a row as soon as everything written so far is durable.
    pub(super) async fn settle_later(
        &mut self,
        seq: Seq,
        settlement: Settlement,
    ) -> Result<(), Error> {
        self.unsettled.push((seq, settlement));
        if self.unsettled.len() >= MAX_ROWS_PER_SYNC || self.synced.elapsed() >= SYNC_INTERVAL {
            self.sync().await?;
        }
        Ok(())
    }

    /// Makes all lines durable, and settles their rows.
    pub(super) async fn sync(&mut self) -> Result<(), Error> {
        self.output.sync()?;
        self.synced = Instant::now();
        record(&self.ledger, &mut self.unsettled).await
    }

    /// Corrects lines by their numbers, all at once and durably, and settles their rows.
    pub(super) async fn mend(&mut self, mended: &mut MendedLines) -> Result<(), Error> {
        self.sync().await?;
        if mended.lines.is_empty() {
            return Ok(());
        }
        self.output.mend(&mended.lines)?;
        mended.lines.clear();
        record(&self.ledger, &mut mended.rows).await
    }

    /// Gives the output its final name. Called after [`DurableLines::sync`].
    pub(super) fn complete(&mut self) -> Result<(), Error> {
        self.output.complete()
    }
}

/// Lines that are to be corrected, by their numbers from 0, and their rows.
#[derive(Debug, Default)]
pub(super) struct MendedLines {
    pub(super) lines: BTreeMap<u64, String>,
    pub(super) rows: Vec<(Seq, Settlement)>,
}

async fn record(ledger: &Ledger, rows: &mut Vec<(Seq, Settlement)>) -> Result<(), Error> {
    for (seq, settlement) in rows.drain(..) {
        ledger.settle(seq, settlement, 0).await?;
    }
    Ok(())
}
