//! From bytes to factors that the ledger has admitted: read, plan, fingerprint on a thread of
//! their own; admission in batches.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::{
    deliver::{Item, Step},
    engine::{Feed, Intake},
    error::Error,
    input::{self, Source},
    ledger::{Admission, Key, Ledger, Rest, Row},
    marker::Mark,
    model::{Factor, Planned, Rejection},
    plan,
    retry::History,
};

/// Rows that are admitted together at most.
const BATCH: usize = 256;
/// Rows that may wait to be admitted. They go one by one, and are gathered at the other end: a
/// row of a slow pipe never waits for the next one to come.
const QUEUE: usize = 1024;
/// Rejections and warnings that are kept to be shown; all are counted, and the ledger has all.
const SHOWN: usize = 10;

/// What is worth telling about the rows read, bounded.
#[derive(Debug, Default)]
pub struct Remarks {
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// How many there were.
    pub rejected: u64,
    /// Rows read so far; shared with progress.
    pub rows: Arc<AtomicU64>,
    /// The first warnings.
    pub warnings: Vec<String>,
    /// How many there were.
    pub warned: u64,
}

impl Remarks {
    /// Takes in what planning a row has said.
    pub fn note(&mut self, planned: &Planned, warnings: &[plan::Warning]) {
        let line = planned.line();
        self.rows.fetch_add(1, Ordering::Relaxed);
        if let Planned::Rejected(rejection) = planned {
            self.rejected += 1;
            if self.rejections.len() < SHOWN {
                self.rejections.push((**rejection).clone());
            }
        }
        for warning in warnings {
            self.warned += 1;
            if self.warnings.len() < SHOWN {
                self.warnings.push(format!("line {line}: {warning}"));
            }
        }
    }
}

/// What the reader says: a row, or why there are no more.
#[derive(Debug)]
pub enum Read {
    /// A planned row.
    Row(Prepared),
    /// That was all.
    End,
    /// The input cannot be read any further.
    Broken(Error),
}

/// A row as the ledger needs to know it, with the factor itself where there is one.
pub type Prepared = (Row, Option<Box<Factor>>);

/// Starts reading `source`; what the engine gets is admitted. `first` is the first step of a
/// factor.
pub fn start(
    mut source: Source,
    key: Key,
    ledger: Ledger,
    first: Step,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<Intake, Error> {
    let (read, rows) = mpsc::channel(QUEUE);
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || {
            let end = read_all(&mut source, &key, &remarks, &read);
            // If nobody listens any more, the run is stopping.
            drop(read.blocking_send(end));
        })
        .map_err(|source| Error::Io { what: "starting the input's thread".into(), source })?;
    let (admitted, intake) = mpsc::channel(2);
    tokio::spawn(admit(rows, ledger, first, admitted));
    Ok(intake)
}

/// Plans one row, whatever the parser made of it.
pub fn plan_row(row: input::Row) -> plan::Plan {
    match row {
        input::Row::Record(record) => plan::plan(*record),
        input::Row::Rejected(rejection) => {
            plan::Plan { planned: Planned::Rejected(Box::new(rejection)), warnings: Vec::new() }
        }
    }
}

fn read_all(
    source: &mut Source,
    key: &Key,
    remarks: &Mutex<Remarks>,
    rows: &mpsc::Sender<Read>,
) -> Read {
    loop {
        let row = match source.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => return Read::End,
            Err(error) => return Read::Broken(error.into()),
        };
        let plan = plan_row(row);
        let mut remarks = remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks.note(&plan.planned, &plan.warnings);
        drop(remarks);
        if rows.blocking_send(Read::Row(prepare(plan.planned, key))).is_err() {
            return Read::End;
        }
    }
}

/// Fingerprints a planned row.
pub fn prepare(planned: Planned, key: &Key) -> Prepared {
    match planned {
        Planned::Factor(factor) => {
            let row = Row::Factor {
                fingerprint: key.fingerprint(&factor),
                line: factor.line,
                user: factor.user.clone(),
                factor_type: factor.factor_type(),
            };
            (row, Some(factor))
        }
        Planned::Rejected(rejection) => (Row::Rejected(rejection), None),
    }
}

/// Asks the ledger about the rows, as many at a time as are there, and passes on what there is to
/// do, until either end is gone. `first` is the first step of a factor.
pub async fn admit(
    mut rows: mpsc::Receiver<Read>,
    ledger: Ledger,
    first: Step,
    admitted: mpsc::Sender<Feed<Item>>,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    loop {
        let count = tokio::select! {
            // A pipe may be silent for long: that must not keep a run that is stopping.
            () = admitted.closed() => return,
            count = rows.recv_many(&mut waiting, BATCH) => count,
        };
        // The reader has gone without a word; the engine is told the same way.
        if count == 0 {
            return;
        }
        let mut batch = Vec::with_capacity(count);
        let mut end = None;
        for read in waiting.drain(..) {
            match read {
                Read::Row(prepared) => batch.push(prepared),
                Read::End => end = Some(Feed::End),
                Read::Broken(error) => end = Some(Feed::Broken(error)),
            }
        }
        // Rows before an unreadable place are good, and go first.
        let (items, end) = match admit_batch(batch, &ledger, first).await {
            Ok(items) => (Feed::More(items), end),
            Err(error) => (Feed::Broken(error), None),
        };
        if admitted.send(items).await.is_err() {
            return;
        }
        if let Some(end) = end {
            // If nobody listens any more, the run is stopping.
            drop(admitted.send(end).await);
            return;
        }
    }
}

async fn admit_batch(
    batch: Vec<Prepared>,
    ledger: &Ledger,
    first: Step,
) -> Result<Vec<Item>, Error> {
    let (rows, factors): (Vec<Row>, Vec<Option<Box<Factor>>>) = batch.into_iter().unzip();
    let mark = |row: &Row| match row {
        Row::Factor { fingerprint, .. } => Some(Mark::of(*fingerprint)),
        Row::Rejected(_) => None,
    };
    let marks: Vec<Option<Mark>> = rows.iter().map(mark).collect();
    let admissions = ledger.admit(rows).await?;
    let item = |(admission, (factor, mark)): (Admission, (Option<Box<Factor>>, Option<Mark>))| {
        let item =
            |seq, history: History, step| Some(Item::new(seq, factor?, history, step, mark?));
        match admission {
            Admission::Todo(seq, history) => item(seq, history, first),
            Admission::InDoubt(seq, history) => item(seq, history, Step::LookUp),
            Admission::Unfinished(seq, history, own, rest) => {
                let step = match rest {
                    Rest::Audit => Step::Audit,
                    Rest::Restore => Step::Restore,
                };
                item(seq, history, step).map(|item| Item { own, ..item })
            }
            Admission::Done => None,
        }
    };
    let factors = factors.into_iter().zip(marks);
    Ok(admissions.into_iter().zip(factors).filter_map(item).collect())
}
