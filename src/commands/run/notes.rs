//! Notes that a run leaves in its ledger for reports: version, input, sums and pace. Nothing
//! depends on them, so a run goes on if one cannot be written.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::Run;
use crate::{
    error::Error,
    input::Digests,
    ledger::{Ledger, Note},
    model::{PaceSample, RunAbout, RunSums, Timeline},
    report::{Recorder, Snapshot},
    sync::lock,
};

/// Interval between two notes of the pace, and before the first: a killed run loses as much of it.
const NOTE_INTERVAL: Duration = Duration::from_secs(30);
const FIRST_NOTE: Duration = Duration::from_secs(5);

/// Notes of a run.
#[derive(Debug, Default)]
pub(in crate::commands) struct RunNotes {
    digests: Digests,
    pace: Arc<PaceRecorder>,
}

impl RunNotes {
    /// Notes which files the run reads; `digests` learns their contents as they are read.
    pub(in crate::commands) async fn begin(
        &mut self,
        ledger: &Ledger,
        digests: Digests,
    ) -> Result<(), Error> {
        self.digests = digests;
        ledger.note(Note::About, &RunAbout::new(self.digests.files(), None)).await
    }
}

impl Run {
    /// Notes the command line of the run.
    pub(super) async fn note_typed(&self, ledger: &Ledger) -> Result<(), Error> {
        let typed = &self.config.typed;
        if typed.is_notable() { ledger.note(Note::Typed, typed).await } else { Ok(()) }
    }

    /// Notes the pace of the run in `ledger` from now on.
    pub(super) fn begin_notes(&mut self, ledger: &Ledger) {
        self.notes.pace.lock().ledger = Some(ledger.clone());
        self.recorders.push(Arc::clone(&self.notes.pace) as Arc<dyn Recorder>);
    }

    /// Ends the display of progress, notes the result of the run, and releases the ledger.
    pub(super) async fn end_notes(&mut self, ledger: &Ledger) {
        // Progress and pace count what is durable.
        let flushed = ledger.flush().await;
        self.clear_progress().await;
        let counts = ledger.tally().get();
        let sums = RunSums {
            rows: counts.rows(),
            duplicates: counts.duplicates,
            skipped: counts.skipped,
            requests: self.stats.requests(),
            throttled: self.stats.throttled(),
            elapsed_ms: millis(self.began.elapsed()),
        };
        let line = self.notes.pace.end();
        let about = RunAbout::new(self.notes.digests.files(), Some(sums));
        let noted = async {
            flushed?;
            ledger.note(Note::About, &about).await?;
            ledger.note(Note::Pace, &line).await
        };
        if let Err(error) = noted.await {
            tracing::debug!("the ledger has no note of how this run ended: {error}");
        }
    }
}

/// Records the pace.
#[derive(Debug, Default)]
struct PaceRecorder(Mutex<RecordedPace>);

#[derive(Debug, Default)]
struct RecordedPace {
    /// `None` before it begins, and once the run has ended: the ledger is closed when its last
    /// handle is dropped.
    ledger: Option<Ledger>,
    line: Timeline,
    /// Time of the run at the last note.
    noted: Option<Duration>,
}

impl PaceRecorder {
    fn lock(&self) -> MutexGuard<'_, RecordedPace> {
        lock(&self.0)
    }

    fn end(&self) -> Timeline {
        let mut kept = self.lock();
        kept.ledger = None;
        kept.line.clone()
    }
}

impl Recorder for PaceRecorder {
    fn record(&self, snapshot: &Snapshot) {
        let kept = &mut *self.lock();
        kept.line.add(sample(snapshot));
        let due = kept.noted.map_or(FIRST_NOTE, |noted| noted + NOTE_INTERVAL);
        if snapshot.elapsed < due {
            return;
        }
        let noted = kept.ledger.as_ref().map(|ledger| ledger.try_note(Note::Pace, &kept.line));
        // Where there is no room, it is tried again in a second.
        if let Some(Ok(true)) = noted {
            kept.noted = Some(snapshot.elapsed);
        }
    }
}

fn sample(snapshot: &Snapshot) -> PaceSample {
    let waits = &snapshot.waits;
    PaceSample {
        at_ms: millis(snapshot.elapsed),
        requests: snapshot.requests_in_all(),
        throttled: snapshot.throttled,
        settled: snapshot.settled_by_requests,
        limit_ms: millis(waits.held_by_limit_seconds),
        reserve_ms: millis(waits.held_by_reserve_seconds),
        rate_ms: millis(waits.held_by_rate_seconds),
        plan_ms: millis(waits.held_by_plan_seconds),
        throttling_ms: millis(waits.held_by_throttling_seconds),
        concurrency_ms: millis(waits.held_by_concurrency_seconds),
        outage_ms: millis(waits.held_by_outage_seconds),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
