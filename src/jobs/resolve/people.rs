//! People of another system on their way to be asked for: read on a thread of their own, and admitted by
//! the ledger.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use tokio::sync::mpsc;

use crate::{
    engine::{
        IntakeEvent, JobReceiver,
        intake::{JobBuilder, PlannedRow, Remarks, admit},
    },
    error::Error,
    input::InputError,
    ledger::{Admission, Asked, Key, Ledger, Row, Seq},
    model::{Fingerprint, Lines, Operation, Person, UserId},
};

/// People that go on together; of a pipe each goes alone, since nobody must wait for one who may never
/// come.
const BATCH: usize = 128;
/// Batches that may wait to be admitted.
const QUEUE: usize = 4;

/// Source of people: another system's export.
pub trait PeopleReader: Debug + Send {
    /// Returns the next person, in the order of the export; `None` at its end and after an error.
    fn next_person(&mut self) -> Result<Option<Met>, InputError>;

    /// Returns the length in bytes, where that is known (regular files).
    fn len(&self) -> Option<u64>;

    /// Returns what says which file a line is in.
    fn lines(&self) -> Lines;
}

/// A person, and where the export has them.
#[derive(Debug, Clone)]
pub struct Met {
    /// Physical line.
    pub line: u64,
    /// Path inside of a document, where that says more than a line.
    pub at: Option<Box<str>>,
    /// The person.
    pub person: Person,
}

/// An admitted person: who is to be asked for.
#[derive(Debug)]
pub struct Question {
    /// Row in the ledger.
    pub seq: Seq,
    /// Name that the ledger and the engine know the person by.
    pub name: UserId,
    /// The person.
    pub person: Person,
}

/// Makes a question of each admitted person.
#[derive(Debug)]
struct Questions;

impl JobBuilder for Questions {
    type Payload = (UserId, Person);
    type Job = Question;

    fn build(&mut self, admission: Admission, (name, person): Self::Payload) -> Option<Question> {
        match admission {
            Admission::Todo(seq, _) | Admission::InDoubt(seq, _) => {
                Some(Question { seq, name, person })
            }
            Admission::Unfinished(..) | Admission::Done => None,
        }
    }
}

/// Starts reading `people`; gives those whom the ledger has no answer for.
pub fn start(
    people: Box<dyn PeopleReader>,
    key: Key,
    ledger: Ledger,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<JobReceiver<Question>, Error> {
    let (sender, rows) = mpsc::channel(QUEUE);
    let told = Arc::clone(&remarks);
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || {
            let end = read_all(people, &key, &told, &sender);
            // If nobody listens any more, the run is stopping.
            drop(sender.blocking_send(end));
        })
        .map_err(|source| Error::Io { what: "starting the input's thread".into(), source })?;
    let (admitted, questions) = mpsc::channel(2);
    tokio::spawn(admit(rows, ledger, Questions, remarks, admitted));
    Ok(questions)
}

type Planned = PlannedRow<(UserId, Person)>;

fn read_all(
    mut people: Box<dyn PeopleReader>,
    key: &Key,
    remarks: &Mutex<Remarks>,
    rows: &mpsc::Sender<IntakeEvent<Planned>>,
) -> IntakeEvent<Planned> {
    let count = {
        let mut remarks = remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks.lines = people.lines();
        Arc::clone(&remarks.rows)
    };
    let most = if people.len().is_some() { BATCH } else { 1 };
    let mut batch = Vec::with_capacity(most);
    loop {
        let end = match people.next_person() {
            Ok(Some(met)) => {
                count.fetch_add(1, Ordering::Relaxed);
                batch.push(planned(met, key));
                None
            }
            Ok(None) => Some(IntakeEvent::End),
            Err(error) => Some(IntakeEvent::Broken(error.into())),
        };
        let is_due = end.is_some() || batch.len() >= most;
        // People before an unreadable place are good, and go first.
        if is_due && rows.blocking_send(IntakeEvent::More(std::mem::take(&mut batch))).is_err() {
            return IntakeEvent::End;
        }
        if let Some(end) = end {
            return end;
        }
    }
}

fn planned(met: Met, key: &Key) -> Planned {
    let fingerprint = key.of_person(&met.person);
    let name = name(fingerprint);
    let asked = Asked {
        operation: Operation::Resolve,
        fingerprint,
        as_written: None,
        line: met.line,
        at: met.at.map(Into::into),
        user: name.clone(),
        factor_type: None,
        name: None,
        method_id: None,
    };
    (Row::Asked(asked), Some((name, met.person)))
}

/// Returns a name for a person that says nothing of them: ids and user names are often addresses.
fn name(print: Fingerprint) -> UserId {
    let name = format!("person|{}", data_encoding::HEXLOWER.encode(&print.0));
    UserId::parse(&name).unwrap_or_else(UserId::nobody)
}
