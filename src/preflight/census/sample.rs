//! Users whose lists are requested: the first in an order by a hash of the seed and their id, as in
//! `verify`, each once wherever their rows are.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    jobs::list::verify::{Cohort, Sample},
    model::UserId,
};

/// Most users of a sample, some 10 MB. If none of so many is missing, at most three in 100,000 of
/// all users are.
const MAX_USERS: usize = 100_000;

/// Size of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleSize {
    /// This many users.
    Users(usize),
    /// This share of the users, from 0 to 1, and no more than [`SampleSize::MAX_USERS`].
    Share(f64),
}

impl SampleSize {
    /// Users at most.
    pub const MAX_USERS: usize = MAX_USERS;

    /// Reads a number of users such as `200`, or a share such as `5%`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.ends_with('%') {
            return Sample::parse(text, 0).map(|sample| Self::Share(sample.share()));
        }
        text.parse().ok().filter(|users| *users <= MAX_USERS).map(Self::Users)
    }
}

/// Examines users on the thread that plans, and skips those who cannot be picked.
#[derive(Debug)]
pub(super) struct Scout {
    cohort: Cohort,
    share: f64,
    /// Place of the last that is picked so far, once there are enough.
    last_place: Arc<AtomicU64>,
    /// User of the row before.
    before: Option<UserId>,
}

impl Scout {
    /// Returns a user with their place, if they may be picked.
    pub(super) fn look(&mut self, user: &UserId) -> Option<(u64, UserId)> {
        if self.before.as_ref() == Some(user) {
            return None;
        }
        self.before = Some(user.clone());
        let rank = self.cohort.rank(user);
        // An outdated last place lets some more users through, which does no harm.
        let may = rank <= self.last_place.load(Relaxed) && Cohort::is_within(rank, self.share);
        may.then(|| (rank, user.clone()))
    }
}

/// Users picked so far, by place.
#[derive(Debug)]
pub(super) struct Picked {
    most: usize,
    users: BTreeMap<u64, UserId>,
    last_place: Arc<AtomicU64>,
}

impl Picked {
    /// Picks `size` of all users; returns the scout as well.
    pub(super) fn new(size: SampleSize, seed: u64) -> (Self, Option<Scout>) {
        let (most, share) = match size {
            SampleSize::Users(users) => (users.min(MAX_USERS), 1.0),
            SampleSize::Share(share) => (MAX_USERS, share),
        };
        let last_place = Arc::new(AtomicU64::new(u64::MAX));
        let picked = Self { most, users: BTreeMap::new(), last_place: Arc::clone(&last_place) };
        let scout = Scout { cohort: Cohort::new(seed), share, last_place, before: None };
        (picked, (most > 0).then_some(scout))
    }

    /// Takes in a user.
    pub(super) fn add(&mut self, (rank, user): (u64, UserId)) {
        self.users.insert(rank, user);
        if self.users.len() > self.most {
            self.users.pop_last();
        }
        if let Some((last, _)) =
            self.users.last_key_value().filter(|_| self.users.len() == self.most)
        {
            self.last_place.store(*last, Relaxed);
        }
    }

    /// Returns the users.
    pub(super) fn into_users(self) -> Vec<UserId> {
        self.users.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(numbers: impl Iterator<Item = u32>) -> Vec<UserId> {
        numbers.map(|number| UserId::parse(&format!("auth0|{number}")).unwrap()).collect()
    }

    fn pick(size: &str, seed: u64, all: &[UserId]) -> Vec<UserId> {
        let (mut picked, scout) = Picked::new(SampleSize::parse(size).unwrap(), seed);
        for found in scout.into_iter().flat_map(|mut scout| {
            all.iter().filter_map(|user| scout.look(user)).collect::<Vec<_>>()
        }) {
            picked.add(found);
        }
        picked.into_users()
    }

    #[test]
    fn the_same_users_are_picked_in_any_order_however_often_they_come() {
        let once = users(0..1000);
        let mut often = users((0..1000).rev());
        often.extend(users((0..1000).step_by(3)));
        for size in ["1", "50", "5%", "999", "1000", "5000"] {
            assert_eq!(pick(size, 7, &once), pick(size, 7, &often), "{size}");
        }
        assert_eq!(pick("50", 7, &once).len(), 50);
        assert_eq!(pick("5000", 7, &once).len(), 1000);
        assert_ne!(pick("50", 7, &once), pick("50", 8, &once));
        assert!(pick("0", 7, &once).is_empty());
    }

    #[test]
    fn a_share_picks_whom_verify_picks_and_the_first_of_them_are_a_smaller_sample() {
        let all = users(0..3000);
        let sample = Sample::parse("5%", 9).unwrap();
        let mut expected: Vec<_> = all.iter().filter(|user| sample.picks(user)).cloned().collect();
        let mut share = pick("5%", 9, &all);
        assert_eq!(share[..20], pick("20", 9, &all));
        expected.sort();
        share.sort();
        assert_eq!(share, expected);
    }

    #[test]
    fn a_size_is_a_number_of_users_or_a_share() {
        for (text, size) in [
            ("0", Some(SampleSize::Users(0))),
            ("200", Some(SampleSize::Users(200))),
            (" 5% ", Some(SampleSize::Share(0.05))),
            ("100001", None),
            ("-1", None),
            ("5%5", None),
            ("0%", None),
            ("101%", None),
            ("all", None),
            ("", None),
        ] {
            assert_eq!(SampleSize::parse(text), size, "{text}");
        }
    }
}
