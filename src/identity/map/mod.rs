//! `--users MAP`: user ids that a list assigns to people.
//!
//! Every attribute of a person for which the map has a column is looked up. If all matches agree on
//! one user id, it is the person's; if they do not, it is unknown whose factor it would be. Ids and
//! usernames are compared exactly. Addresses are compared without regard to ASCII case, since Auth0
//! keeps those of its databases in lower case; among lines that differ in case alone, the one spelt
//! like the person's counts.
//!
//! The list is on disk, with a byte in memory for some tens of its lines: ten million people fit.

mod entry;
mod matches;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    io,
    path::Path,
};

use entry::{Entry, Owner};
use matches::{Matches, Owners};

use super::{IdentityError, PersonKey};
use crate::{
    files::{Lookup, Runs, Scratch},
    input::{Columns, InputError},
    model::{Fault, Person},
};

/// Columns and keys that are read: the user id, the reason why there is none, and those of
/// [`PersonKey::ALL`].
const COLUMNS: &[&str] = &["user_id", "mf_code", "id", "email", "username"];
/// Columns before those of keys.
const BEFORE_KEYS: usize = 2;

/// Most lines with the same value in a column that are examined. Placeholders occur in more, and
/// identify nobody.
const MAX_LINES_EXAMINED: usize = 100;

/// User ids of people.
pub struct Map {
    /// Keyed anew in each process.
    hasher: RandomState,
    entries: Scratch,
    /// Hashes of keys, with the places of their entries.
    index: Lookup,
    /// True for each of [`PersonKey::ALL`] that some line has.
    has: [bool; PersonKey::ALL.len()],
}

impl Map {
    /// Reads the map at `path` to its end.
    pub fn open(path: &Path) -> Result<Self, IdentityError> {
        let failed = |fault| IdentityError::Map { path: path.to_owned(), fault };
        Columns::open(path, COLUMNS).map_err(failed).and_then(|table| Self::read(table, path))
    }

    fn read(mut table: Columns, path: &Path) -> Result<Self, IdentityError> {
        let failed = |fault| IdentityError::Map { path: path.to_owned(), fault };
        let without = |what| IdentityError::Column { path: path.to_owned(), what };
        let disk = |source| IdentityError::Disk { source };
        let hasher = RandomState::new();
        let (mut entries, mut runs) = (Scratch::default(), Runs::default());
        let mut shortest = [usize::MAX; COLUMNS.len()];
        let (mut n_rows, mut bytes) = (0_u64, Vec::new());
        while let Some(row) = table.next_row().map_err(failed)? {
            let entry = Entry::of(&row, &mut shortest).map_err(failed)?;
            bytes.clear();
            entry.write(&mut bytes);
            let at = entries.append(&bytes).map_err(disk)?;
            for key in PersonKey::ALL {
                if let Some(value) = entry.keys[key as usize] {
                    runs.push([hash(&hasher, key, value), at]).map_err(disk)?;
                }
            }
            if n_rows == 0 {
                check_columns(&table).map_err(without)?;
            }
            n_rows += 1;
        }
        check_columns(&table).map_err(without)?;
        let has = PersonKey::ALL.map(|key| table.has_met(BEFORE_KEYS + key as usize));
        if n_rows == 0 {
            return Err(failed(InputError::Empty));
        }
        if has == [false; PersonKey::ALL.len()] {
            return Err(without(KEYS));
        }
        let index = Lookup::new(runs).map_err(disk)?;
        Ok(Self { hasher, entries, index, has })
    }

    /// Returns the user id of a person, or the reason why they have none.
    pub fn user_id(&self, person: &Person) -> Result<Result<String, Fault>, IdentityError> {
        let mut found = Matches::default();
        for key in PersonKey::ALL.into_iter().filter(|key| self.has[*key as usize]) {
            let owners = key.of(person).map(|value| self.owners(key, value)).transpose();
            found.add(key, owners.map_err(|source| IdentityError::Disk { source })?);
        }
        Ok(found.judge())
    }

    /// Returns the owners of the lines with this value; if some of them spell it in exactly this
    /// way, only theirs.
    fn owners(&self, key: PersonKey, value: &str) -> io::Result<Owners> {
        let places = self.index.find(hash(&self.hasher, key, value), MAX_LINES_EXAMINED + 1)?;
        if places.len() > MAX_LINES_EXAMINED {
            return Ok(Owners::TooMany);
        }
        let (mut exact, mut alike) = (Vec::new(), Vec::new());
        for at in places {
            let bytes = entry::bytes(&self.entries, at)?;
            let entry = Entry::read(&bytes).ok_or(io::ErrorKind::InvalidData)?;
            let owner = || entry.owner.map(str::to_owned);
            // Two values may have the same hash.
            match entry.keys[key as usize] {
                Some(other) if other == value => exact.push(owner()),
                Some(other) if key == PersonKey::Email && other.eq_ignore_ascii_case(value) => {
                    alike.push(owner());
                }
                _ => {}
            }
        }
        Ok(Owners::Of(if exact.is_empty() { alike } else { exact }))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("has", &self.has).finish_non_exhaustive()
    }
}

fn hash(hasher: &RandomState, key: PersonKey, value: &str) -> u64 {
    if key == PersonKey::Email {
        hasher.hash_one((key as u8, value.to_ascii_lowercase()))
    } else {
        hasher.hash_one((key as u8, value))
    }
}

/// Columns of keys, at least one of which a map needs.
const KEYS: &str = "`id`, `email` or `username`";

/// Checks for the columns that every map needs. JSON has `user_id` in each object, and keys in any.
fn check_columns(table: &Columns) -> Result<(), &'static str> {
    let has_key = PersonKey::ALL.into_iter().any(|key| table.has_met(BEFORE_KEYS + key as usize));
    if !table.has_met(0) {
        Err("`user_id`")
    } else if !has_key && table.is_csv() {
        Err(KEYS)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
