//! From bytes to factors that the ledger has admitted: read, plan, fingerprint on a thread of
//! their own; admission in batches.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::{
    deliver::{Item, Step},
    engine::Intake,
    error::Error,
    input::{self, Source},
    ledger::{Admission, Key, Ledger, Row},
    model::{Factor, Planned, Rejection},
    plan,
    retry::History,
};

/// Rows that are admitted together at most.
const BATCH: usize = 256;
/// Batches that may wait.
const QUEUE: usize = 4;
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

/// A row as the ledger needs to know it, with the factor itself where there is one.
pub type Prepared = (Row, Option<Box<Factor>>);

/// Starts reading `source`; what the engine gets is admitted.
pub fn start(
    mut source: Source,
    key: Key,
    ledger: Ledger,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<Intake, Error> {
    let (read, batches) = mpsc::channel(QUEUE);
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || {
            if let Err(error) = read_all(&mut source, &key, &remarks, &read) {
                // Nobody listens any more: the run is stopping.
                drop(read.blocking_send(Err(error)));
            }
        })
        .map_err(|source| Error::Io { what: "starting the input's thread".into(), source })?;
    let (admitted, intake) = mpsc::channel(2);
    tokio::spawn(admit(batches, ledger, admitted));
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
    batches: &mpsc::Sender<Result<Vec<Prepared>, Error>>,
) -> Result<(), Error> {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        // Rows before an unreadable place are good, and go first.
        let row = source.next_row();
        // A slow pipe's rows do not wait for a batch to fill while nobody is busy.
        let starved = batches.capacity() == QUEUE;
        if let Ok(Some(row)) = row {
            let plan = plan_row(row);
            remarks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(&plan.planned, &plan.warnings);
            batch.push(prepare(plan.planned, key));
            if batch.len() >= BATCH || starved {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                if batches.blocking_send(Ok(full)).is_err() {
                    return Ok(());
                }
            }
            continue;
        }
        if !batch.is_empty() && batches.blocking_send(Ok(batch)).is_err() {
            return Ok(());
        }
        return row.map(drop).map_err(Error::from);
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

/// Asks the ledger about each batch and passes on what there is to do, until either end is gone.
pub async fn admit(
    mut batches: mpsc::Receiver<Result<Vec<Prepared>, Error>>,
    ledger: Ledger,
    admitted: mpsc::Sender<Result<Vec<Item>, Error>>,
) {
    while let Some(batch) = batches.recv().await {
        let items = match batch {
            Ok(batch) => admit_batch(batch, &ledger).await,
            Err(error) => Err(error),
        };
        let broken = items.is_err();
        // A batch without anything to do is not sent: the engine has no use for it.
        if matches!(&items, Ok(items) if items.is_empty()) {
            continue;
        }
        if admitted.send(items).await.is_err() || broken {
            return;
        }
    }
}

async fn admit_batch(batch: Vec<Prepared>, ledger: &Ledger) -> Result<Vec<Item>, Error> {
    let (rows, factors): (Vec<Row>, Vec<Option<Box<Factor>>>) = batch.into_iter().unzip();
    let admissions = ledger.admit(rows).await?;
    let item = |(admission, factor): (Admission, Option<Box<Factor>>)| {
        let item =
            |seq, history: History, step| factor.map(|factor| Item { seq, factor, history, step });
        match admission {
            Admission::Todo(seq, history) => item(seq, history, Step::Send),
            Admission::InDoubt(seq, history) => item(seq, history, Step::LookUp),
            Admission::Done => None,
        }
    };
    Ok(admissions.into_iter().zip(factors).filter_map(item).collect())
}
