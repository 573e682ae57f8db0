//! Rows of another system's export with the user ids of their people.

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use super::{CollisionSurvey, Collisions, Identity, IdentityError};
use crate::{
    input::{Ending, InputError, Remark, Row, RowReader, Written},
    model::{Cell, FactorType, Fault, Field, Lines, Person, Record, Refusal, Rejection, UserId},
    sources::{Export, ExportedRow},
    sync::lock,
    text::grouped,
};

/// Reader of an export whose rows have user ids of the tenant.
pub struct People {
    export: Export,
    identity: Arc<Mutex<Identity>>,
    collisions: Arc<Mutex<Collisions>>,
    /// The person of the last row, and their user in the tenant.
    last: Option<(Arc<Person>, RowOwner)>,
    /// Number of people who are disabled in the source.
    n_disabled: u64,
    /// Record of the last row, if that is a TOTP which is refused.
    refused: Option<Box<Record>>,
}

impl People {
    /// Reads `export`, whose people get their user ids from `identity`, unless they share one.
    pub fn new(
        export: Export,
        identity: Arc<Mutex<Identity>>,
        collisions: Arc<Mutex<Collisions>>,
    ) -> Self {
        Self { export, identity, collisions, last: None, n_disabled: 0, refused: None }
    }

    /// Returns the user id of a person, or the reason why there is none.
    fn owner(&mut self, person: &Arc<Person>) -> Result<RowOwner, IdentityError> {
        if let Some((last, owner)) = &self.last
            && Arc::ptr_eq(last, person)
        {
            return Ok(owner.clone());
        }
        let found = lock(&self.identity).user_id(person)?;
        let owner = match found {
            Err(fault) => RowOwner { id: None, fault: Some(fault) },
            Ok(id) => {
                let fault = lock(&self.collisions).check(&id, person)?.err();
                RowOwner { id: Some(id), fault }
            }
        };
        self.n_disabled += u64::from(person.is_disabled);
        self.last = Some((Arc::clone(person), owner.clone()));
        Ok(owner)
    }
}

/// User of the tenant that a person is.
#[derive(Clone)]
struct RowOwner {
    /// Their id, where one is known.
    id: Option<String>,
    /// Reason why nothing can be sent for them.
    fault: Option<Fault>,
}

/// Returns an export together with the check for shared user ids. If ids may be shared, and the
/// export can be read again, it is read to its end first.
pub fn survey(
    mut export: Export,
    identity: &Mutex<Identity>,
) -> Result<(Export, Collisions), InputError> {
    if !lock(identity).may_collide() {
        return Ok((export, Collisions::never()));
    }
    if export.len().is_none() {
        return Ok((export, Collisions::so_far()));
    }
    let mut survey = CollisionSurvey::default();
    let failed = |error: IdentityError| error.of_people();
    let mut last: Option<Arc<Person>> = None;
    // What cannot be read is reported in its turn, with the rows before it.
    while let Ok(Some(ExportedRow { person, .. })) = export.next_found() {
        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &person)) {
            continue;
        }
        if let Ok(id) = lock(identity).user_id(&person).map_err(failed)? {
            survey.note(&id, &person).map_err(failed)?;
        }
        last = Some(person);
    }
    Ok((export.again()?, survey.finish().map_err(failed)?))
}

impl RowReader for People {
    fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        self.refused = None;
        let Some(ExportedRow { person, row, refused }) = self.export.next_found()? else {
            return Ok(None);
        };
        let owner = self.owner(&person).map_err(IdentityError::of_people)?;
        Ok(Some(match row {
            Row::Record(record) => owner.give(record, &person),
            Row::Rejected(mut rejection) => {
                rejection.user = owner.id.as_deref().and_then(UserId::parse);
                // It is unknown who an unreadable row belongs to, and that is not a fault of its
                // own.
                let is_somebody = *person != Person::default();
                if rejection.refusal == Refusal::Rejected && is_somebody {
                    rejection.faults.extend(owner.fault);
                }
                self.refused = refused.zip(owner.id).map(|(mut record, id)| {
                    record.set(Field::UserId, Cell::Text(id));
                    record
                });
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

    fn ending(&self) -> Ending {
        let mut ending = self.export.ending();
        if self.n_disabled > 0 {
            ending.remarks.push(Remark {
                code: "disabled_people",
                is_note: true,
                count: self.n_disabled,
                message: format!(
                    "{} disabled at the source: their factors are imported, and whether they may log in is \
                     for the tenant to say",
                    if self.n_disabled == 1 {
                        "1 person is".to_owned()
                    } else {
                        format!("{} people are", grouped(self.n_disabled))
                    }
                ),
            });
        }
        ending
    }

    fn lines(&self) -> Lines {
        self.export.lines()
    }

    fn take_refused(&mut self) -> Option<Box<Record>> {
        self.refused.take()
    }

    fn keep_written(&mut self) {
        self.export.keep_written();
    }

    fn written(&mut self) -> Option<&mut Written> {
        self.export.written()
    }
}

impl RowOwner {
    /// Gives a factor to its user, or refuses it if the user is unknown.
    fn give(self, mut record: Box<Record>, person: &Person) -> Row {
        let (id, fault) = match self {
            Self { id: Some(id), fault: None } => {
                move_identity(&mut record, person.id.as_deref(), &id);
                record.set(Field::UserId, Cell::Text(id));
                return Row::Record(record);
            }
            Self { id, fault } => (id, fault),
        };
        let factor_type = match record.get(Field::Type) {
            Cell::Text(name) => FactorType::ALL.into_iter().find(|known| known.name() == name),
            _ => None,
        };
        Row::Rejected(Rejection {
            line: record.line,
            index: record.index,
            at: record.at.take(),
            user: id.as_deref().and_then(UserId::parse),
            factor_type,
            refusal: Refusal::Rejected,
            faults: fault.into_iter().collect(),
        })
    }
}

/// Replaces the identity that a passkey belongs to by the user's new id, if that differs from the
/// old one. The name of another, linked identity in the tenant is unknown.
fn move_identity(record: &mut Record, old: Option<&str>, new: &str) {
    let Cell::Text(identity) = record.get(Field::IdentityUserId) else {
        return;
    };
    let part = |id: &str| id.split_once('|').map(|(_, part)| part.to_owned());
    if old == Some(new) {
        return;
    }
    let is_own = old.and_then(part).is_some_and(|own| own == *identity);
    let moved = part(new).filter(|_| is_own).map_or(Cell::Absent, Cell::Text);
    record.set(Field::IdentityUserId, moved);
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("export", &self.export).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Template,
        sources::{Options, System},
    };

    #[test]
    fn the_identity_of_a_passkey_moves_with_its_user() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (old, identity, new, expected) in [
            ("auth0|1", "1", "auth0|1", text("1")),
            ("auth0|1", "linked", "auth0|1", text("linked")),
            ("auth0|1", "1", "auth0|2", text("2")),
            ("auth0|1", "1", "samlp|acme|2", text("acme|2")),
            ("auth0|1", "linked", "auth0|2", Cell::Absent),
            ("auth0|1", "1", "2", Cell::Absent),
        ] {
            let mut record = Record::new(1);
            record.set(Field::IdentityUserId, text(identity));
            move_identity(&mut record, Some(old), new);
            assert!(record.get(Field::IdentityUserId) == &expected, "{old} {identity} {new}");
        }
        let mut record = Record::new(1);
        move_identity(&mut record, Some("auth0|1"), "auth0|2");
        assert!(record.get(Field::IdentityUserId) == &Cell::Absent);
    }

    #[test]
    fn a_passkey_of_an_export_names_the_identity_that_its_user_has_now() {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/sources/auth0-export.jsonl");
        let system = System::of_name("auth0-export").unwrap();
        let export = Export::open(&[sample.into()], system, None, Options::default()).unwrap();
        let template = Template::parse("acme|{id}").unwrap();
        let identity = Arc::new(Mutex::new(Identity::Template(template)));
        let known = Arc::new(Mutex::new(Collisions::never()));
        let mut people = People::new(export, identity, known);
        let mut found = Vec::new();
        while let Some(row) = people.next_row().unwrap() {
            if let Row::Record(record) = row
                && let Cell::Text(identity) = record.get(Field::IdentityUserId)
            {
                found.push(identity.clone());
            }
        }
        assert_eq!(found, ["auth0|66f0c1d2a3b4c5d6e7f80901"]);
    }
}
