//! The TOTP rows of a few users, kept with their secrets while an input is read. They are wiped on
//! drop.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
};

use crate::{
    commands::advice::suggest,
    input::{Row, RowReader, Through},
    model::{
        Cell, Code, FactorType, Fault, Field, Planned, Record, Refusal, Rejection, SecretEncoding,
    },
    plan,
    sync::lock,
};

/// Most rows that are kept, which bounds memory: nobody answers more questions.
const MAX_ROWS: usize = 100;

/// A TOTP row.
#[derive(Debug)]
pub(super) struct Kept {
    /// The row as the input wrote it.
    pub(super) record: Box<Record>,
    /// True if its reader refused it.
    pub(super) is_refused: bool,
    /// True if its secret is encrypted, so that no code can follow from it.
    pub(super) is_encrypted: bool,
}

impl Kept {
    /// Returns the text of a cell, where there is one.
    pub(super) fn text(&self, field: Field) -> Option<&str> {
        text(&self.record, field)
    }

    /// Returns the path of the row inside its document or line, where that says more than the line.
    pub(super) fn path(&self) -> Option<Cow<'_, str>> {
        let Record { at, index, is_of_system, .. } = &*self.record;
        match (at, index) {
            (Some(at), _) => Some((&**at).into()),
            (None, Some(index)) if !is_of_system => {
                Some(format!("authentication_methods[{index}]").into())
            }
            _ => None,
        }
    }

    /// Returns true if the other row would prove nothing new: it is the same user's same secret.
    fn is_same(&self, other: &Self) -> bool {
        let secret = |kept: &Self| kept.record.get(Field::TotpSecret).clone();
        self.text(Field::UserId) == other.text(Field::UserId)
            && self.record.encoding == other.record.encoding
            && secret(self) == secret(other)
    }
}

fn text(record: &Record, field: Field) -> Option<&str> {
    match record.get(field) {
        Cell::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

fn has_any(faults: &[Fault], codes: &[Code]) -> bool {
    faults.iter().any(|fault| codes.iter().any(|code| fault.code == code.name()))
}

/// Kept rows, in the order of the input.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Kept>>>);

impl Shelf {
    /// Takes all kept rows.
    pub(super) fn take(&self) -> Vec<Kept> {
        std::mem::take(&mut *lock(&self.0))
    }

    /// Keeps a row, if it is a TOTP that is not kept yet. Its reader may have refused it.
    fn keep(
        &self,
        record: Box<Record>,
        refused: Option<&Rejection>,
        secrets: Option<SecretEncoding>,
    ) {
        let planned = plan::plan(record.clone(), secrets).planned;
        let rejected = match &planned {
            Planned::Rejected(rejection) => Some(&**rejection),
            Planned::Factor(_) => None,
        };
        let is_totp = match &planned {
            Planned::Factor(factor) => factor.factor_type() == FactorType::Totp,
            Planned::Rejected(rejection) => suggest::is_totp(rejection),
        };
        let encrypted = [Code::LooksEncrypted, Code::SecretEncrypted];
        let is_encrypted = refused
            .into_iter()
            .chain(rejected)
            .any(|rejection| has_any(&rejection.faults, &encrypted));
        let kept = Kept { record, is_refused: refused.is_some(), is_encrypted };
        let mut all = lock(&self.0);
        let is_new = !all.iter().any(|other| other.is_same(&kept));
        if is_totp && refused.is_none_or(suggest::is_totp) && is_new && all.len() < MAX_ROWS {
            all.push(kept);
        }
    }
}

/// Makes a reader that keeps the TOTP rows of some users, whose secrets are encoded as declared.
pub(super) fn keeping(
    source: Box<dyn RowReader>,
    users: Vec<String>,
    secrets: Option<SecretEncoding>,
    shelf: Shelf,
) -> Box<dyn RowReader> {
    let is_asked_for = move |record: &Record| {
        let user = text(record, Field::UserId);
        user.is_some_and(|user| users.iter().any(|asked| asked == user))
    };
    Box::new(Through::new(source, move |source| {
        let row = source.next_row()?;
        match &row {
            Some(Row::Record(record)) if is_asked_for(record) => {
                shelf.keep(record.clone(), None, secrets);
            }
            Some(Row::Rejected(rejection)) if rejection.refusal == Refusal::Rejected => {
                let refused = source.take_refused();
                if let Some(record) = refused.filter(|record| is_asked_for(record)) {
                    shelf.keep(record, Some(rejection), secrets);
                }
            }
            _ => {}
        }
        Ok(row)
    }))
}
