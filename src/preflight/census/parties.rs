//! Relying parties of an INPUT, with the rows of each and the users who have them.

use std::collections::BTreeMap;

use super::{Tally, kind::MAX_PARTIES};

/// Different sets of relying parties that users have. Nearly everybody has one.
const MAX_SETS: usize = 4096;

/// Relying party ids, in order of first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    ids: Vec<Box<str>>,
    /// Rows of each; at the end of a full list, of all that are not told apart.
    rows: Vec<u64>,
    /// Users by the set of parties they have, a bit for each; `None` where only rows were counted.
    sets: Option<BTreeMap<u128, u64>>,
}

impl Parties {
    pub(super) fn counting_users() -> Self {
        Self { sets: Some(BTreeMap::new()), ..Self::default() }
    }

    /// Takes in a party that was not met before.
    pub(super) fn name(&mut self, id: Box<str>) {
        self.ids.push(id);
    }

    /// Counts a row.
    pub(super) fn add_row(&mut self, party: u8) {
        let at = usize::from(party);
        if self.rows.len() <= at {
            self.rows.resize(at + 1, 0);
        }
        if let Some(rows) = self.rows.get_mut(at) {
            *rows += 1;
        }
    }

    /// Counts a user who has these, a bit for each.
    pub(super) fn add_user(&mut self, set: u128) {
        let Some(sets) = self.sets.as_mut().filter(|_| set != 0) else {
            return;
        };
        // Beyond that number of sets, a user counts for one of their parties only.
        let is_full = sets.len() >= MAX_SETS && !sets.contains_key(&set);
        let set = if is_full { set & set.wrapping_neg() } else { set };
        *sets.entry(set).or_default() += 1;
    }

    /// Returns true if no row names one.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns those for which `is_meant`, each with its rows and users, the most rows first, and
    /// the sum of all of them, in which a user counts once. `None` as an id stands for all that are
    /// not told apart.
    pub fn select(
        &self,
        is_meant: impl Fn(Option<&str>) -> bool,
    ) -> (Vec<(Option<&str>, Tally)>, Tally) {
        let ids = self.ids.iter().map(|id| Some(&**id)).chain([None]);
        let mut meant = 0;
        let mut found = Vec::new();
        for ((id, rows), party) in ids.zip(&self.rows).zip(0_u32..) {
            if *rows > 0 && is_meant(id) {
                let of = 1_u128 << party;
                meant |= of;
                found.push((id, Tally { rows: *rows, users: self.users(of) }));
            }
        }
        found.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.rows));
        let rows = found.iter().map(|(_, tally)| tally.rows).sum();
        (found, Tally { rows, users: self.users(meant) })
    }

    fn users(&self, meant: u128) -> Option<u64> {
        let sets = self.sets.as_ref()?;
        Some(sets.iter().filter(|(set, _)| *set & meant != 0).map(|(_, users)| users).sum())
    }
}

/// Numbers of parties by their ids, on the thread that plans.
#[derive(Debug, Default)]
pub(super) struct PartyNumbers(std::collections::HashMap<Box<str>, u8>);

impl PartyNumbers {
    /// Returns the number of a party, and true if it is new.
    pub(super) fn of(&mut self, id: &str) -> (u8, bool) {
        if let Some(number) = self.0.get(id) {
            return (*number, false);
        }
        let next = u8::try_from(self.0.len()).unwrap_or(MAX_PARTIES);
        if next >= MAX_PARTIES {
            return (MAX_PARTIES, false);
        }
        self.0.insert(id.into(), next);
        (next, true)
    }
}
