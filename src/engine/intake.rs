//! From bytes to errands that the ledger has admitted: read and plan on a thread of their own;
//! admission in batches. What rows mean, a [`Planner`] knows.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::{
    engine::{Feed, Intake},
    error::Error,
    input::{self, Shape, Source},
    ledger::{Admission, Ledger, Row},
    model::{Planned, Rejection},
    plan::{self, Plan, SecretEncoding, Warning},
};

/// Rows of a file that go on together: to hand over each by itself would wake somebody for each.
/// A row of a pipe goes alone, since it must not wait for one that may never come.
const BATCH: usize = 128;
/// Batches that may wait to be admitted, and that are admitted together at most.
const QUEUE: usize = 4;
/// Rejections and warnings that are kept to be shown; all are counted, and the ledger has all.
const SHOWN: usize = 10;

/// Rejections and warnings of the rows read, bounded.
#[derive(Debug, Default)]
pub struct Remarks {
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// Number of all of them.
    pub rejected: u64,
    /// Rows read so far; shared with progress.
    pub rows: Arc<AtomicU64>,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// Number of all of them.
    pub warned: u64,
}

impl Remarks {
    fn reject(&mut self, rejection: &Rejection) {
        self.rejected += 1;
        if self.rejections.len() < SHOWN {
            self.rejections.push(rejection.clone());
        }
    }

    fn warn(&mut self, line: u64, warning: Warning) {
        self.warned += 1;
        if self.warnings.len() < SHOWN {
            self.warnings.push(format!("line {line}: {warning}"));
        }
    }
}

/// Turns rows of an input into what the ledger is asked, with what is to be done for each.
pub trait Planner: Send + 'static {
    /// Task of a row.
    type Task: Send + 'static;

    /// Plans one row, and any before it that had to wait for it.
    fn plan(&mut self, row: input::Row, out: &mut Outbox<Self::Task>);

    /// Plans what has waited for a row that does not come. `open_line` is the last line, if it has
    /// no line ending and may not be whole.
    fn end(&mut self, _open_line: Option<u64>, _out: &mut Outbox<Self::Task>) {}
}

/// Makes an errand of a row's task once the ledger has said whether there is anything to do.
pub trait Gather: Send + 'static {
    /// Task of a row.
    type Task: Send + 'static;
    /// Job for the engine.
    type Errand: Send + 'static;

    /// One row after the other, in the order of the input.
    fn gather(&mut self, admission: Admission, task: Self::Task) -> Option<Self::Errand>;
}

/// Output of planning.
#[derive(Debug)]
pub struct Outbox<T> {
    /// Rows, in the order of the input.
    pub rows: Vec<Prepared<T>>,
    /// Warnings, by line.
    pub warnings: Vec<(u64, Warning)>,
}

/// A row as the ledger needs to know it, with the task where there is one.
pub type Prepared<T> = (Row, Option<T>);

/// Message of the reader: rows, or why there are no more.
#[derive(Debug)]
pub enum Read<T> {
    /// Planned rows.
    Rows(Vec<Prepared<T>>),
    /// That was all.
    End,
    /// The input cannot be read any further.
    Broken(Error),
}

/// Starts reading `source`; what the engine gets is admitted.
pub fn start<T: Send + 'static, E: Send + 'static>(
    mut source: Source,
    mut planner: impl Planner<Task = T>,
    gather: impl Gather<Task = T, Errand = E>,
    ledger: Ledger,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<Intake<E>, Error> {
    let (read, rows) = mpsc::channel(QUEUE);
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || {
            let end = read_all(&mut source, &mut planner, &remarks, &read);
            // If nobody listens any more, the run is stopping.
            drop(read.blocking_send(end));
        })
        .map_err(|source| Error::Io { what: "starting the input's thread".into(), source })?;
    let (admitted, intake) = mpsc::channel(2);
    tokio::spawn(admit(rows, ledger, gather, admitted));
    Ok(intake)
}

fn read_all<P: Planner>(
    source: &mut Source,
    planner: &mut P,
    remarks: &Mutex<Remarks>,
    rows: &mpsc::Sender<Read<P::Task>>,
) -> Read<P::Task> {
    let count = Arc::clone(&remarks.lock().unwrap_or_else(PoisonError::into_inner).rows);
    let batch = if source.len().is_some() { BATCH } else { 1 };
    let mut out = Outbox::default();
    loop {
        let end = match source.next_row() {
            Ok(Some(row)) => {
                count.fetch_add(1, Ordering::Relaxed);
                planner.plan(row, &mut out);
                None
            }
            Ok(None) => Some(Read::End),
            Err(error) => Some(Read::Broken(error.into())),
        };
        if end.is_some() {
            // Rows before an unreadable place are good, and go first.
            planner.end(source.open_line(), &mut out);
        }
        if (end.is_some() || out.rows.len() >= batch) && out.send(remarks, rows).is_err() {
            return Read::End;
        }
        if let Some(end) = end {
            return end;
        }
    }
}

impl<T> Outbox<T> {
    /// Adds a row that cannot be used.
    pub fn reject(&mut self, rejection: Box<Rejection>) {
        self.rows.push((Row::Rejected(rejection), None));
    }

    fn send(&mut self, remarks: &Mutex<Remarks>, rows: &mpsc::Sender<Read<T>>) -> Result<(), ()> {
        for (line, warning) in self.warnings.drain(..) {
            remarks.lock().unwrap_or_else(PoisonError::into_inner).warn(line, warning);
        }
        for (row, _) in &self.rows {
            if let Row::Rejected(rejection) = row {
                remarks.lock().unwrap_or_else(PoisonError::into_inner).reject(rejection);
            }
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(self.rows.len());
        let batch = std::mem::replace(&mut self.rows, next);
        rows.blocking_send(Read::Rows(batch)).map_err(drop)
    }
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), warnings: Vec::new() }
    }
}

/// Asks the ledger about the rows, as many at a time as are there, and passes on what there is to
/// do, until either end is gone.
pub async fn admit<G: Gather>(
    mut rows: mpsc::Receiver<Read<G::Task>>,
    ledger: Ledger,
    mut gather: G,
    admitted: mpsc::Sender<Feed<G::Errand>>,
) {
    let mut waiting = Vec::with_capacity(QUEUE);
    loop {
        let count = tokio::select! {
            // A pipe may be silent for long: that must not keep a run that is stopping.
            () = admitted.closed() => return,
            count = rows.recv_many(&mut waiting, QUEUE) => count,
        };
        // The reader has gone without a word; the engine is told the same way.
        if count == 0 {
            return;
        }
        let (mut batch, mut tasks) = (Vec::new(), Vec::new());
        let mut end = None;
        for read in waiting.drain(..) {
            match read {
                Read::Rows(rows) => {
                    for (row, task) in rows {
                        batch.push(row);
                        tasks.push(task);
                    }
                }
                Read::End => end = Some(Feed::End),
                Read::Broken(error) => end = Some(Feed::Broken(error)),
            }
        }
        // Rows before an unreadable place are good, and go first.
        let (errands, end) = match ledger.admit(batch).await {
            Ok(admissions) => {
                let asked = admissions.into_iter().zip(tasks);
                let errand = |(admission, task): (Admission, Option<G::Task>)| {
                    gather.gather(admission, task?)
                };
                (Feed::More(asked.filter_map(errand).collect()), end)
            }
            Err(error) => (Feed::Broken(error), None),
        };
        if admitted.send(errands).await.is_err() {
            return;
        }
        if let Some(end) = end {
            // If nobody listens any more, the run is stopping.
            drop(admitted.send(end).await);
            return;
        }
    }
}

/// Plans one row of factors, whatever the parser made of it; its secret is written as declared.
pub fn plan_row(row: input::Row, shape: Shape, secrets: Option<SecretEncoding>) -> Plan {
    match row {
        input::Row::Record(record) if shape == Shape::Exported => {
            plan::plan_exported(*record, secrets)
        }
        input::Row::Record(record) => plan::plan(*record, secrets),
        input::Row::Rejected(rejection) => {
            Plan { planned: Planned::Rejected(Box::new(rejection)), warnings: Vec::new() }
        }
    }
}
