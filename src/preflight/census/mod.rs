//! Needs of an INPUT in numbers: what its rows require of a tenant, and for how many users.

mod gather;
mod kind;
mod parties;
mod sample;

pub use gather::{Gatherer, Mark, Marker};
pub use parties::Parties;
pub use sample::SampleSize;

use std::collections::BTreeSet;

use crate::model::{FactorType, PasskeyField};

/// Number of types.
const TYPES: usize = FactorType::ALL.len();

/// Rows of INPUT, and the users who have them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows, each factor once.
    pub rows: u64,
    /// Users; `None` where only rows were counted.
    pub users: Option<u64>,
}

/// Numbers of an INPUT that was read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Rows read.
    pub rows: u64,
    /// Rows that cannot be used.
    pub rejected: u64,
    /// Rows that no API can create.
    pub not_carried: u64,
    /// Rows whose factor occurs before; 0 if only rows were counted.
    pub duplicates: u64,
    /// Users with a factor to import; `None` where only rows were counted.
    pub users: Option<u64>,
    /// Phones that get text messages, including those without a preferred channel.
    pub sms: Tally,
    /// Phones that get calls.
    pub voice: Tally,
    /// Users whose only factors are email.
    pub email_only: Tally,
    /// Users with more factors than tenants are known to accept.
    pub too_many: Tally,
    /// Passkeys that lack fields the tenant is known to require.
    pub incomplete_passkeys: Tally,
    /// Fields that any of them lacks.
    pub lacking: BTreeSet<PasskeyField>,
    /// Recovery codes that stay behind.
    pub recovery_codes: Tally,
    /// Relying parties of security keys and passkeys.
    pub parties: Parties,
    /// Rows of each type.
    rows_of: [u64; TYPES],
    /// Users by the set of their types, a bit for each.
    users_with: [u64; 1 << TYPES],
}

/// Returns the bit of a type in a set of types.
const fn bit(of: FactorType) -> usize {
    1 << (of as usize - 1)
}

impl Census {
    /// Returns the number of factors to import.
    pub fn factors(&self) -> u64 {
        self.rows_of.iter().sum()
    }

    /// Returns the types of INPUT.
    pub fn types(&self) -> Vec<FactorType> {
        FactorType::ALL.into_iter().filter(|of| self.rows(*of) > 0).collect()
    }

    /// Returns the number of rows of a type.
    pub fn rows(&self, of: FactorType) -> u64 {
        self.rows_of.get(of as usize - 1).copied().unwrap_or_default()
    }

    /// Returns the rows of a type, and the users who have one.
    pub fn of(&self, of: FactorType) -> Tally {
        let users = self.users.map(|_| self.count_users(|types| types & bit(of) != 0));
        Tally { rows: self.rows(of), users }
    }

    /// Returns the number of users with a factor of a type, and none of any other but these.
    pub fn users_with_only(&self, of: FactorType, others: &[FactorType]) -> Option<u64> {
        let allowed = others.iter().fold(bit(of), |types, other| types | bit(*other));
        let has = |types: usize| types & bit(of) != 0 && types & !allowed == 0;
        self.users.map(|_| self.count_users(has))
    }

    fn count_users(&self, has: impl Fn(usize) -> bool) -> u64 {
        self.users_with.iter().enumerate().filter(|(types, _)| has(*types)).map(|(_, n)| n).sum()
    }
}

#[cfg(test)]
mod tests;
