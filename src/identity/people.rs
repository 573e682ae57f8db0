//! Rows of another system's export with the user ids of their people.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use super::Identity;
use crate::{
    input::{InputError, Row, RowReader},
    model::{Cell, FactorType, Fault, Field, Lines, Person, Record, Refusal, Rejection, UserId},
    sources::{Export, Found},
};

/// Reader of an export whose rows have the user ids of the tenant.
pub struct People {
    export: Export,
    identity: Arc<Mutex<Identity>>,
    /// The person whose row came last, with their user id or the reason why there is none.
    last: Option<(Arc<Person>, Result<String, Fault>)>,
    /// Number of people who are disabled at the source.
    n_disabled: u64,
}

impl People {
    /// Reads `export`, whose people get their user ids from `identity`.
    pub fn new(export: Export, identity: Arc<Mutex<Identity>>) -> Self {
        Self { export, identity, last: None, n_disabled: 0 }
    }

    /// Returns the user id of a person, or the reason why there is none.
    fn user_id(&mut self, person: &Arc<Person>) -> Result<Result<String, Fault>, InputError> {
        if let Some((last, known)) = &self.last
            && Arc::ptr_eq(last, person)
        {
            return Ok(known.clone());
        }
        let found = {
            let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
            identity
                .user_id(person)
                .map_err(|error| InputError::People { why: error.to_string() })?
        };
        self.n_disabled += u64::from(person.is_disabled);
        self.last = Some((Arc::clone(person), found.clone()));
        Ok(found)
    }
}

impl RowReader for People {
    fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        let Some(Found { person, row }) = self.export.next_found()? else {
            return Ok(None);
        };
        let found = self.user_id(&person)?;
        Ok(Some(match (row, found) {
            (Row::Record(mut record), Ok(id)) => {
                record.set(Field::UserId, Cell::Text(id));
                Row::Record(record)
            }
            (Row::Record(record), Err(fault)) => Row::Rejected(refuse(*record, fault)),
            (Row::Rejected(mut rejection), Ok(id)) => {
                rejection.user = UserId::parse(&id);
                Row::Rejected(rejection)
            }
            (Row::Rejected(mut rejection), Err(fault)) => {
                if rejection.refusal == Refusal::Rejected {
                    rejection.faults.push(fault);
                }
                Row::Rejected(rejection)
            }
        }))
    }

    fn bytes_read(&self) -> Arc<AtomicU64> {
        self.export.bytes_read()
    }

    fn len(&self) -> Option<u64> {
        self.export.len()
    }

    fn open_lines(&self) -> Vec<u64> {
        self.export.open_lines()
    }

    fn lines(&self) -> Lines {
        self.export.lines()
    }

    fn n_disabled(&self) -> u64 {
        self.n_disabled
    }
}

/// Refuses a factor of somebody whom nobody knows in the tenant.
fn refuse(mut record: Record, fault: Fault) -> Rejection {
    let factor_type = match record.get(Field::Type) {
        Cell::Text(name) => FactorType::ALL.into_iter().find(|known| known.name() == name),
        _ => None,
    };
    Rejection {
        line: record.line,
        index: record.index,
        at: record.at.take(),
        user: None,
        factor_type,
        refusal: Refusal::Rejected,
        faults: vec![fault],
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("export", &self.export).finish_non_exhaustive()
    }
}
