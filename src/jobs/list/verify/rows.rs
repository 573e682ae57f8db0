//! `verify`: groups the rows of an input by user.
//!
//! A file is read twice: the first time to see whether it can be read at all, and whose rows are
//! scattered, so that nothing is kept about the other users. In an input that is read only
//! once (a pipe), any user's rows may be anywhere, so something is kept about every user.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use super::group::Grouper;
use crate::{
    engine::{
        intake::{PlannedRows, RowPlanner, plan_row},
        scan::scan_readable,
    },
    error::Error,
    input::{self, Ending, InputError, RowReader, Shape},
    jobs::list::verify::{Group, Sample},
    ledger::Seen,
    model::{Lines, SecretEncoding, UserId},
};

/// Groups the rows of an input.
#[derive(Debug)]
pub struct Groups {
    /// Rows of users who are asked about, and those that are no factor, where it was read once
    /// before.
    pub rows: Option<u64>,
    grouper: Grouper,
    scattered: Scattered,
    /// Factors of users whose rows are scattered, as hashes.
    seen: Seen,
    secrets: Option<SecretEncoding>,
}

/// Users whose rows are scattered.
#[derive(Debug)]
enum Scattered {
    /// The rows of any user may be scattered.
    Anybody,
    /// The rows of users with these hashes may be; another user with the same hash does no harm.
    Some(RandomState, HashSet<u64>),
}

impl Scattered {
    fn has(&self, user: &UserId) -> bool {
        match self {
            Self::Anybody => true,
            Self::Some(hasher, users) => users.contains(&hasher.hash_one(user.as_str())),
        }
    }
}

impl Groups {
    /// Opens the input, and reads it once where it can be opened again.
    pub fn open(
        open: impl Fn() -> Result<Box<dyn RowReader>, InputError>,
        sample: Option<Sample>,
        secrets: Option<SecretEncoding>,
    ) -> Result<(Box<dyn RowReader>, Self), Error> {
        let mut source = open()?;
        let (mut scattered, mut rows) = (Scattered::Anybody, None);
        if source.len().is_some() {
            let (found, counted) = group_all(source, sample, secrets)?;
            (scattered, rows) = (found, Some(counted));
            source = open()?;
        }
        let (grouper, seen) = (Grouper::new(sample), Seen::default());
        Ok((source, Self { rows, grouper, scattered, seen, secrets }))
    }

    /// Sets whether a group's user may come again, and counts repeated factors instead
    /// of keeping them.
    fn mark(&mut self, mut group: Group) -> Group {
        let Some(user) = &group.user else {
            return group;
        };
        group.scattered = self.scattered.has(user);
        let mut own = Seen::default();
        let seen = if group.scattered { &mut self.seen } else { &mut own };
        let before = group.factors.len();
        group.factors.retain(|factor| seen.insert_factor(factor));
        group.duplicates += (before - group.factors.len()) as u64;
        group
    }
}

impl RowPlanner for Groups {
    type Planned = Group;

    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<Group>) {
        let planned = plan_row(row, Shape::Factors, self.secrets).planned;
        if let Some(group) = self.grouper.push(planned) {
            out.rows.push(self.mark(group));
        }
    }

    fn end(&mut self, _: Ending, _: &Lines, out: &mut PlannedRows<Group>) {
        if let Some(group) = self.grouper.close() {
            out.rows.push(self.mark(group));
        }
    }
}

/// The first reading: grouped as in the second, so that what it says holds there. Also counts the
/// rows of users in the sample, and those that are no factor.
fn group_all(
    source: Box<dyn RowReader>,
    sample: Option<Sample>,
    secrets: Option<SecretEncoding>,
) -> Result<(Scattered, u64), Error> {
    let hasher = RandomState::new();
    let (mut met, mut again) = (HashSet::new(), HashSet::new());
    let mut rows = 0;
    let mut note = |group: Option<Group>| {
        let Some(group) = group else { return };
        rows += group.rows() - group.not_sampled;
        if let Some(user) = group.user {
            let hash = hasher.hash_one(user.as_str());
            if !met.insert(hash) {
                again.insert(hash);
            }
        }
    };
    let mut grouper = Grouper::new(sample);
    scan_readable(source, secrets, |planned| planned, |planned| note(grouper.push(planned)))?;
    note(grouper.close());
    Ok((Scattered::Some(hasher, again), rows))
}
