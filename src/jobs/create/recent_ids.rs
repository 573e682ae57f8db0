//! Memory of the method ids that rows received recently. The same id for two rows, or one in
//! another user's list, is an answer that went astray.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
};

use crate::{
    ledger::Seq,
    model::{Spread, UserId},
};

/// Number of ids remembered: half a table of 2^14 places, which one more would double. A larger one
/// would not stay in a core's cache. Older ids are told apart by their creation time.
const IDS_REMEMBERED: usize = (1 << 14) / 16 * 7;

/// See the module. Holds hashes, keyed anew in each run.
#[derive(Debug, Default)]
pub struct RecentIds {
    key: RandomState,
    rows: HashMap<u64, To, Spread>,
    order: VecDeque<u64>,
}

/// Row and user that received an id. Kept small: each answer looks at two entries, in random places
/// of the table.
#[derive(Debug, Clone, Copy)]
struct To {
    row: Seq,
    /// `None` where two users received the same id.
    user: Option<NonZeroU32>,
}

impl RecentIds {
    /// Notes that a row received an id; returns another row that received it before.
    pub(crate) fn record(&mut self, id: &str, row: Seq, user: &UserId) -> Option<Seq> {
        let (hash, user) = (self.key.hash_one(id), self.hash_of(user));
        if let Some(to) = self.rows.get_mut(&hash) {
            let other = (to.row != row).then_some(to.row);
            *to = To { row, user: other.is_none().then_some(user) };
            return other;
        }
        if self.order.len() == IDS_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
        }
        self.order.push_back(hash);
        self.rows.insert(hash, To { row, user: Some(user) });
        None
    }

    /// Returns true if a row of another user received the id.
    pub(crate) fn is_of_another(&self, id: &str, user: &UserId) -> bool {
        let to = self.rows.get(&self.key.hash_one(id)).and_then(|to| to.user);
        to.is_some_and(|to| to != self.hash_of(user))
    }

    fn hash_of(&self, user: &UserId) -> NonZeroU32 {
        let [a, b, c, d, ..] = self.key.hash_one(user).to_le_bytes();
        NonZeroU32::new(u32::from_le_bytes([a, b, c, d])).unwrap_or(NonZeroU32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_given_to_a_second_row_names_the_first_and_little_is_remembered() {
        let mut ids = RecentIds::default();
        let user = UserId::parse("auth0|1").unwrap();
        let mut record = |id: &str, row| ids.record(id, Seq(row), &user);
        assert_eq!(record("a", 1), None);
        assert_eq!(record("a", 1), None);
        assert_eq!(record("a", 2), Some(Seq(1)));
        assert_eq!(record("a", 3), Some(Seq(2)));
        for number in 0..2 * IDS_REMEMBERED {
            record(&number.to_string(), 9);
        }
        assert_eq!(record("a", 4), None);
        assert_eq!((ids.rows.len(), ids.order.len()), (IDS_REMEMBERED, IDS_REMEMBERED));
    }

    #[test]
    fn an_id_is_another_users_unless_two_were_told_the_same() {
        let mut ids = RecentIds::default();
        let [one, two] = ["auth0|1", "auth0|2"].map(|id| UserId::parse(id).unwrap());
        ids.record("a", Seq(1), &one);
        assert_eq!((ids.is_of_another("a", &one), ids.is_of_another("a", &two)), (false, true));
        assert!(!ids.is_of_another("b", &one));
        ids.record("a", Seq(2), &two);
        assert_eq!((ids.is_of_another("a", &one), ids.is_of_another("a", &two)), (false, false));
    }
}
