//! Watches that no two requests for one user are in flight at the same moment (design.md 1.3).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// Locks to spread the users over; a few per core are enough.
const SHARDS: usize = 64;

/// Users with a request in flight.
#[derive(Debug)]
pub(in crate::sandbox) struct Lanes {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<String, u32>>>,
    overlaps: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

/// One request in flight, until it is dropped.
#[derive(Debug)]
pub(in crate::sandbox) struct InFlight {
    lanes: Arc<Lanes>,
    user_id: String,
}

impl Lanes {
    pub(in crate::sandbox) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            overlaps: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            most_in_flight: AtomicU64::new(0),
        }
    }

    /// Notes a request for a user until the guard is dropped.
    pub(in crate::sandbox) fn enter(self: &Arc<Self>, user_id: &str) -> InFlight {
        let many = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(many, Ordering::Relaxed);
        let mut shard = lock(self.shard(user_id));
        match shard.get_mut(user_id) {
            Some(count) => {
                *count += 1;
                self.overlaps.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                shard.insert(user_id.to_owned(), 1);
            }
        }
        InFlight { lanes: Arc::clone(self), user_id: user_id.to_owned() }
    }

    pub(in crate::sandbox) fn overlaps(&self) -> u64 {
        self.overlaps.load(Ordering::Relaxed)
    }

    pub(in crate::sandbox) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(in crate::sandbox) fn most_in_flight(&self) -> u64 {
        self.most_in_flight.load(Ordering::Relaxed)
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
    fn shard(&self, user_id: &str) -> &Mutex<HashMap<String, u32>> {
        &self.shards[self.hasher.hash_one(user_id) as usize % SHARDS]
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.lanes.in_flight.fetch_sub(1, Ordering::Relaxed);
        let mut shard = lock(self.lanes.shard(&self.user_id));
        match shard.get_mut(&self.user_id) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                shard.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_of_one_user_overlap() {
        let lanes = Arc::new(Lanes::new());
        let first = lanes.enter("auth0|a");
        let other = lanes.enter("auth0|b");
        assert_eq!(lanes.overlaps(), 0);
        let second = lanes.enter("auth0|a");
        assert_eq!((lanes.overlaps(), lanes.most_in_flight()), (1, 3));
        drop((first, second, other));
        drop(lanes.enter("auth0|a"));
        assert_eq!(lanes.overlaps(), 1);
        assert!(lanes.shards.iter().all(|shard| lock(shard).is_empty()), "nobody is remembered");
    }
}
