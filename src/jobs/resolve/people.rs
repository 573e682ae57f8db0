//! People of another system who are to be looked up: read on a thread of their own, and admitted by
//! the ledger.

use std::{
    fmt::Debug,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::{
    engine::{
        IntakeEvent, JobReceiver,
        intake::{JobBuilder, PlannedRow, Remarks, admit},
    },
    error::Error,
    input::{self, InputError},
    ledger::{Admission, Asked, Key, Ledger, Row, Seq},
    model::{Fingerprint, Lines, Operation, Person, Rejection, Shard, UserId},
    sources::{Export, ExportedRow},
    sync::lock,
};

/// People handed on together; those of a pipe are handed on one by one, since none must wait for
/// the next, who may never come.
const PEOPLE_PER_BATCH: usize = 128;
/// Batches that may wait to be admitted.
const BATCHES_QUEUED: usize = 4;

/// Source of people: another system's export.
pub trait PeopleReader: Debug + Send {
    /// Returns the next person, in the order of the export; `None` at its end and after an error. A
    /// person may come several times.
    fn next_person(&mut self) -> Result<Option<Met>, InputError>;

    /// Returns the length in bytes, where it is known (regular files).
    fn length(&self) -> Option<u64>;

    /// Returns the object that knows which file a line is in.
    fn lines(&self) -> Lines;
}

/// Position of a person's first row.
#[derive(Debug)]
pub struct FirstRow {
    /// Physical line where it begins.
    pub line: u64,
    /// Its path inside a document.
    pub at: Option<Box<str>>,
}

/// Part of an export.
#[derive(Debug)]
pub enum Met {
    /// A person, and where they first appear.
    Person(FirstRow, Arc<Person>),
    /// Something that cannot be read as a person.
    Unreadable(Box<Rejection>),
}

/// The people of an export, each once for all of their consecutive rows.
#[derive(Debug)]
pub struct ExportPeople {
    export: Export,
    shard: Shard,
    last: Option<Arc<Person>>,
}

impl ExportPeople {
    /// Reads the people of `export` who are in `shard`, which is decided by the address in lower
    /// case: nobody outside it is looked up by that address.
    pub fn of(export: Export, shard: Shard) -> Self {
        Self { export, shard, last: None }
    }

    /// Begins the same people again; their export must be readable again.
    pub fn again(self) -> Result<Self, InputError> {
        Ok(Self::of(self.export.again()?, self.shard))
    }

    /// Returns the counter of the bytes read so far.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        self.export.bytes_read()
    }
}

impl PeopleReader for ExportPeople {
    fn next_person(&mut self) -> Result<Option<Met>, InputError> {
        while let Some(ExportedRow { person, row, .. }) = self.export.next_found()? {
            if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &person)) {
                continue;
            }
            self.last = Some(Arc::clone(&person));
            if !self.shard.is_whole() && !self.shard.has(lower(&person).as_deref()) {
                continue;
            }
            let (line, at) = row.place();
            let first = FirstRow { line, at };
            return Ok(Some(match row {
                // A person without any attribute: the whole element could not be read.
                input::Row::Rejected(rejection) if *person == Person::default() => {
                    Met::Unreadable(Box::new(rejection))
                }
                input::Row::Rejected(_) | input::Row::Record(_) => Met::Person(first, person),
            }));
        }
        Ok(None)
    }

    fn length(&self) -> Option<u64> {
        self.export.len()
    }

    fn lines(&self) -> Lines {
        self.export.lines()
    }
}

/// An admitted person, who is to be looked up.
#[derive(Debug)]
pub struct PersonQuestion {
    /// Row in the ledger.
    pub seq: Seq,
    /// Name by which the engine knows the person's address, in any spelling: questions about one
    /// address are asked one after the other.
    pub address: UserId,
    /// The person.
    pub person: Arc<Person>,
}

/// Makes a question of each admitted person.
#[derive(Debug)]
struct Questions;

impl JobBuilder for Questions {
    type Payload = (UserId, Arc<Person>);
    type Job = PersonQuestion;

    fn build(
        &mut self,
        admission: Admission,
        (address, person): Self::Payload,
    ) -> Option<PersonQuestion> {
        match admission {
            Admission::Todo(seq, _) | Admission::InDoubt(seq, _) => {
                Some(PersonQuestion { seq, address, person })
            }
            Admission::Unfinished(..) | Admission::Done => None,
        }
    }
}

/// Starts reading `people`; returns those for whom the ledger has no answer.
pub fn start(
    people: Box<dyn PeopleReader>,
    key: Key,
    ledger: Ledger,
    remarks: Arc<Mutex<Remarks>>,
) -> Result<JobReceiver<PersonQuestion>, Error> {
    let (sender, rows) = mpsc::channel(BATCHES_QUEUED);
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

type Planned = PlannedRow<(UserId, Arc<Person>)>;

fn read_all(
    mut people: Box<dyn PeopleReader>,
    key: &Key,
    remarks: &Mutex<Remarks>,
    rows: &mpsc::Sender<IntakeEvent<Planned>>,
) -> IntakeEvent<Planned> {
    let count = {
        let mut remarks = lock(remarks);
        remarks.lines = people.lines();
        Arc::clone(&remarks.rows)
    };
    let most = if people.length().is_some() { PEOPLE_PER_BATCH } else { 1 };
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
    let (FirstRow { line, at }, person) = match met {
        Met::Person(first, person) => (first, person),
        Met::Unreadable(rejection) => return (Row::Rejected(rejection), None),
    };
    let fingerprint = key.of_person(&person);
    let address = name(key.of_person(&Person { email: lower(&person), ..Person::default() }));
    let asked = Asked {
        operation: Operation::Resolve,
        fingerprint,
        as_written: None,
        line,
        at: at.map(Into::into),
        user: name(fingerprint),
        factor_type: None,
        name: None,
        method_id: None,
    };
    (Row::Asked(asked), Some((address, person)))
}

/// Returns a person's address in lower case.
fn lower(person: &Person) -> Option<String> {
    person.email.as_deref().map(str::to_lowercase)
}

/// Returns a name for a person that reveals nothing about them: ids and user names are often
/// addresses.
fn name(print: Fingerprint) -> UserId {
    let name = format!("person|{}", data_encoding::HEXLOWER.encode(&print.0));
    UserId::parse(&name).unwrap_or_else(UserId::nobody)
}
