//! Turns the bytes of an input into jobs: one thread reads rows, another plans them, and where a
//! ledger is kept it admits them in batches. A [`RowPlanner`] knows the meaning of rows.

use std::{
    iter,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use super::ahead::{self, BATCHES_QUEUED, ROWS_PER_BATCH, ReadAhead};
use crate::{
    engine::{IntakeEvent, JobReceiver},
    error::Error,
    input::{self, Ending, RowReader, Shape},
    ledger::{Admission, Ledger, Row},
    model::{Lines, Planned, Rejection, SecretEncoding},
    plan::{self, Plan, Warning},
    sync::lock,
};

/// Most warnings that are kept to be shown; all are counted.
const WARNINGS_SHOWN: usize = 10;

/// Remarks on the rows read, bounded.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Rows read so far; shared with progress.
    pub rows: Arc<AtomicU64>,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// Number of all warnings.
    pub warned: u64,
    /// Names of the input files, by line.
    pub lines: Lines,
}

impl Remarks {
    fn warn(&mut self, row: &RowWarning) {
        self.warned += 1;
        if self.warnings.len() < WARNINGS_SHOWN {
            let place = self.lines.describe(row.line, row.at.as_deref());
            self.warnings.push(format!("{place}: {}", row.warning));
        }
    }
}

/// A planner of the rows of an input. Where a ledger is kept, a planned row is the question for the
/// ledger with its payload: what a job is built from ([`PlannedRow`]).
pub trait RowPlanner: Send + 'static {
    /// Result of planning one row or more.
    type Planned: Send + 'static;

    /// Plans a row, and earlier rows that had to wait for it.
    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<Self::Planned>);

    /// Plans the rows that still wait for a later one when the input ends; `_lines` maps lines to
    /// files.
    fn end(&mut self, _ending: Ending, _lines: &Lines, _out: &mut PlannedRows<Self::Planned>) {}
}

/// A builder of jobs: it makes a job from a row's payload once the ledger has answered for the row.
pub trait JobBuilder: Send + 'static {
    /// Part of a planned row from which its job is built.
    type Payload: Send + 'static;
    /// Job for the engine.
    type Job: Send + 'static;

    /// Builds the job of a row, or none if there is nothing to do. Called for each row in the order
    /// of the input.
    fn build(&mut self, admission: Admission, payload: Self::Payload) -> Option<Self::Job>;
}

/// Output of planning.
#[derive(Debug)]
pub struct PlannedRows<T> {
    /// Planned rows, in the order of the input.
    pub rows: Vec<T>,
    /// Warnings.
    pub warnings: Vec<RowWarning>,
}

/// Warning about a row.
#[derive(Debug)]
pub struct RowWarning {
    /// Line of the row.
    pub line: u64,
    /// Path of the row inside a document, where that says more than a line.
    pub at: Option<Box<str>>,
    /// The oddity.
    pub warning: Warning,
}

/// A row in the form that the ledger needs, with its payload if there is something to do.
pub type PlannedRow<T> = (Row, Option<T>);

/// Starts reading `source`, and returns the jobs of the rows that the ledger admits.
pub fn start<T: Send + 'static, E: Send + 'static>(
    source: Box<dyn RowReader>,
    planner: impl RowPlanner<Planned = PlannedRow<T>>,
    build: impl JobBuilder<Payload = T, Job = E>,
    ledger: Ledger,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<JobReceiver<E>, Error> {
    let rows = read(source, planner, Arc::clone(&remarks))?;
    let (admitted, intake) = mpsc::channel(2);
    tokio::spawn(admit(rows, ledger, build, remarks, admitted));
    Ok(intake)
}

/// Starts the threads that read `source` and plan its rows, and returns the planned rows.
pub fn read<P: RowPlanner>(
    source: Box<dyn RowReader>,
    mut planner: P,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<JobReceiver<P::Planned>, Error> {
    lock(&remarks).lines = source.lines();
    // Rows of a pipe go one by one, since a row must not wait for another that may never come.
    let most = if source.len().is_some() { ROWS_PER_BATCH } else { 1 };
    let (sender, rows) = mpsc::channel(BATCHES_QUEUED);
    ReadAhead::start(source, most)
        .and_then(|input| {
            ahead::spawn("plan", move || {
                let end = plan_all(input, &mut planner, &remarks, &sender);
                // If the receiver is gone, the run is stopping.
                drop(sender.blocking_send(end));
            })
        })
        .map_err(|source| Error::Io { what: "starting the input's threads".into(), source })?;
    Ok(rows)
}

fn plan_all<P: RowPlanner>(
    input: ReadAhead,
    planner: &mut P,
    remarks: &Mutex<Remarks>,
    events: &mpsc::Sender<IntakeEvent<P::Planned>>,
) -> IntakeEvent<P::Planned> {
    let (count, lines) = {
        let remarks = lock(remarks);
        (Arc::clone(&remarks.rows), remarks.lines.clone())
    };
    let mut out = PlannedRows::default();
    while let Ok(batch) = input.rows.recv() {
        // Takes everything available, so that the rows of a fast pipe are batched as well.
        for (rows, _) in iter::once(batch).chain(input.rows.try_iter()) {
            for row in rows {
                count.fetch_add(1, Ordering::Relaxed);
                planner.plan(row, &mut out);
            }
            if out.rows.len() >= ROWS_PER_BATCH {
                break;
            }
        }
        if out.send(remarks, events).is_err() {
            return IntakeEvent::End;
        }
    }
    let scanned = input.end();
    // Rows before an unreadable place are good, and go first.
    planner.end(scanned.ending, &lines, &mut out);
    if out.send(remarks, events).is_err() {
        return IntakeEvent::End;
    }
    scanned.unreadable.map_or(IntakeEvent::End, |error| IntakeEvent::Broken(error.into()))
}

impl<T> PlannedRows<PlannedRow<T>> {
    /// Adds a row that cannot be used.
    pub fn reject(&mut self, rejection: Box<Rejection>) {
        self.rows.push((Row::Rejected(rejection), None));
    }
}

impl<T> PlannedRows<T> {
    fn send(
        &mut self,
        remarks: &Mutex<Remarks>,
        rows: &mpsc::Sender<IntakeEvent<T>>,
    ) -> Result<(), ()> {
        for warning in self.warnings.drain(..) {
            lock(remarks).warn(&warning);
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(self.rows.len());
        let batch = std::mem::replace(&mut self.rows, next);
        rows.blocking_send(IntakeEvent::More(batch)).map_err(drop)
    }
}

impl<T> Default for PlannedRows<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), warnings: Vec::new() }
    }
}

/// Asks the ledger about each batch of rows, and passes on the jobs, until the sender or the
/// receiver is gone.
pub async fn admit<G: JobBuilder>(
    mut planned: JobReceiver<PlannedRow<G::Payload>>,
    ledger: Ledger,
    mut build: G,
    remarks: Arc<Mutex<Remarks>>,
    admitted: mpsc::Sender<IntakeEvent<G::Job>>,
) {
    loop {
        let read = tokio::select! {
            // A pipe may be silent for long; a run that is stopping must not wait for it.
            () = admitted.closed() => return,
            read = planned.recv() => read,
        };
        let jobs = match read {
            Some(IntakeEvent::More(rows)) => {
                for (row, _) in &rows {
                    log_rejection(row, &remarks);
                }
                match jobs_of(rows, &ledger, &mut build).await {
                    Ok(jobs) => IntakeEvent::More(jobs),
                    Err(error) => IntakeEvent::Broken(error),
                }
            }
            Some(IntakeEvent::End) => IntakeEvent::End,
            Some(IntakeEvent::Broken(error)) => IntakeEvent::Broken(error),
            // The planning thread ended without an `End`; dropping the sender passes that on to the
            // engine.
            None => return,
        };
        let is_last = !matches!(jobs, IntakeEvent::More(_));
        if admitted.send(jobs).await.is_err() || is_last {
            return;
        }
    }
}

/// Asks the ledger about planned rows, and returns the jobs of those with something to do.
async fn jobs_of<G: JobBuilder>(
    planned: Vec<PlannedRow<G::Payload>>,
    ledger: &Ledger,
    build: &mut G,
) -> Result<Vec<G::Job>, Error> {
    let (rows, payloads): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
    let answers = ledger.admit(rows).await?.into_iter().zip(payloads);
    Ok(answers.filter_map(|(admission, payload)| build.build(admission, payload?)).collect())
}

/// Logs a row that is refused before anything is sent, for users who want to see each (`-v`).
fn log_rejection(row: &Row, remarks: &Mutex<Remarks>) {
    if let Row::Rejected(rejection) = row
        && tracing::enabled!(tracing::Level::DEBUG)
    {
        let lines = lock(remarks).lines.clone();
        rejection.told(&lines).for_each(|fault| tracing::debug!("{fault}"));
    }
}

/// Plans one row of factors, whether or not the parser has rejected it; its secret is encoded as
/// declared in `secrets`.
pub fn plan_row(row: input::Row, shape: Shape, secrets: Option<SecretEncoding>) -> Plan {
    match row {
        input::Row::Record(record) if shape == Shape::Exported => {
            plan::plan_exported(record, secrets)
        }
        input::Row::Record(record) => plan::plan(record, secrets),
        input::Row::Rejected(rejection) => {
            Plan { planned: Planned::Rejected(Box::new(rejection)), warnings: Vec::new() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_about_a_row_of_a_document_names_its_path() {
        let mut remarks = Remarks::default();
        for (at, place) in [(None, "line 17: "), (Some("a[2]".into()), "line 17 (a[2]): ")] {
            remarks.warn(&RowWarning { line: 17, at, warning: Warning::NameCut });
            let told = remarks.warnings.pop().unwrap();
            assert!(told.starts_with(place), "{told}");
        }
    }
}
