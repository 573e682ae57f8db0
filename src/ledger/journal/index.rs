//! "Seen before?" in memory, in about 18 bytes a factor: a tag of 32 bits and the row's number, a
//! short hash of its user, and its state. A tag is only a hint; the journal confirms a hit by the
//! whole fingerprint.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use hashbrown::HashTable;

use crate::{
    ledger::{journal::book::SettledBy, seq::Seq, tally::ByState},
    model::{Fingerprint, State},
};

/// Tables grow by doubling; with shards only a part of the memory is needed twice at any time.
const SHARDS: usize = 16;
/// Hashes of users that are compared at a time.
const USERS: usize = 256;
/// Set in a state byte if this run's input contains the factor.
const SEEN: u8 = 0x80;
/// Set if the row is settled and something is left to do: a list to confirm it, or a name to
/// restore.
const UNFINISHED: u8 = 0x40;
/// Set if this run has settled it.
const SETTLED_NOW: u8 = 0x20;
/// Bits left for the state.
const STATE: u8 = 0x1F;

/// Finds rows by fingerprint and by user, and knows their states.
#[derive(Debug)]
pub(in crate::ledger) struct Index {
    shards: Vec<HashTable<(u32, u32)>>,
    states: Vec<u8>,
    users: Vec<u16>,
    /// Number of rows in each state, except pending ones.
    counts: ByState,
}

impl Index {
    pub(in crate::ledger) fn new() -> Self {
        Self {
            shards: vec![HashTable::new(); SHARDS],
            states: Vec::new(),
            users: Vec::new(),
            counts: ByState::default(),
        }
    }

    /// Returns the number that the next new row gets.
    pub(in crate::ledger) fn next(&self) -> Seq {
        Seq(u32::try_from(self.states.len()).unwrap_or(u32::MAX))
    }

    /// Adds a row, of a user with that [`user_hash`]. Rows below it that do not exist, or not yet,
    /// are pending.
    pub(in crate::ledger) fn insert(
        &mut self,
        seq: Seq,
        print: Fingerprint,
        user: u16,
        state: State,
    ) {
        let at = seq.0 as usize;
        if at >= self.states.len() {
            self.states.resize(at + 1, State::Pending as u8);
            self.users.resize(at + 1, 0);
        }
        self.count(seq, state);
        self.states[at] = state as u8;
        self.users[at] = user;
        let tag = print.tag();
        self.shards[shard(tag)].insert_unique(spread(tag), (tag, seq.0), |(tag, _)| spread(*tag));
    }

    /// Returns the rows whose fingerprint may be `print`.
    pub(in crate::ledger) fn candidates(
        &self,
        print: Fingerprint,
    ) -> impl Iterator<Item = Seq> + '_ {
        let tag = print.tag();
        self.shards[shard(tag)]
            .iter_hash(spread(tag))
            .filter(move |(other, _)| *other == tag)
            .map(|(_, seq)| Seq(*seq))
    }

    /// Returns the rows whose user may be `user`, including one in 65,536 of other users' rows.
    /// Reads two bytes of every row: for factors in doubt, and those that the tenant already has.
    pub(in crate::ledger) fn rows_of(&self, user: &str) -> Vec<Seq> {
        let hash = user_hash(user);
        let mut rows = Vec::new();
        for (users, first) in self.users.chunks(USERS).zip((0_u32..).step_by(USERS)) {
            // Without a branch for each user, the compiler compares many at once.
            if users.iter().fold(0, |hits, other| hits | u16::from(*other == hash)) != 0 {
                let hits = users.iter().zip(first..).filter(|(other, _)| **other == hash);
                rows.extend(hits.map(|(_, seq)| Seq(seq)));
            }
        }
        rows
    }

    /// Returns the number of rows in each state. Rows that were never written are pending.
    pub(in crate::ledger) fn states(&self) -> ByState {
        let mut states = self.counts;
        states[State::Pending] = self.states.len() as u64 - states.sum();
        states
    }

    /// Counts a row that is about to change its state.
    fn count(&mut self, seq: Seq, after: State) {
        let before = self.state(seq);
        if before != State::Pending {
            self.counts[before] -= 1;
        }
        if after != State::Pending {
            self.counts[after] += 1;
        }
    }

    pub(in crate::ledger) fn state(&self, seq: Seq) -> State {
        State::from_code(self.states[seq.0 as usize] & STATE).unwrap_or(State::NeedsReview)
    }

    pub(in crate::ledger) fn set_state(&mut self, seq: Seq, state: State) {
        self.count(seq, state);
        let byte = &mut self.states[seq.0 as usize];
        *byte = *byte & !STATE | state as u8;
    }

    /// Returns the run that has settled the row.
    pub(super) fn settled_by(&self, seq: Seq) -> SettledBy {
        let is_now = self.states[seq.0 as usize] & SETTLED_NOW != 0;
        if is_now { SettledBy::ThisRun } else { SettledBy::EarlierRun }
    }

    pub(in crate::ledger) fn settle_now(&mut self, seq: Seq) {
        self.states[seq.0 as usize] |= SETTLED_NOW;
    }

    /// Returns whether something is left to do for the settled row.
    pub(in crate::ledger) fn is_unfinished(&self, seq: Seq) -> bool {
        self.states[seq.0 as usize] & UNFINISHED != 0
    }

    pub(in crate::ledger) fn set_unfinished(&mut self, seq: Seq, unfinished: bool) {
        let byte = &mut self.states[seq.0 as usize];
        *byte = if unfinished { *byte | UNFINISHED } else { *byte & !UNFINISHED };
    }

    /// Returns the rows of created factors that this run's input does not have, in ascending order.
    pub(in crate::ledger) fn created_unmet(&self) -> impl Iterator<Item = Seq> + '_ {
        let is_one = |byte: u8| byte & (STATE | SEEN) == State::Created as u8;
        self.states.iter().zip(0..).filter(move |(byte, _)| is_one(**byte)).map(|(_, seq)| Seq(seq))
    }

    /// Returns the rows of factors that this run's input has, that exist in the tenant, and that
    /// were recorded from `first` on or settled by this run, in ascending order.
    pub(in crate::ledger) fn newly_there(&self, first: Seq) -> impl Iterator<Item = Seq> + '_ {
        let is_one = move |byte: u8, seq: u32| {
            let is_there =
                [State::Created as u8, State::AlreadyPresent as u8].contains(&(byte & STATE));
            is_there && byte & SEEN != 0 && (seq >= first.0 || byte & SETTLED_NOW != 0)
        };
        let rows = self.states.iter().zip(0..);
        rows.filter(move |(byte, seq)| is_one(**byte, *seq)).map(|(_, seq)| Seq(seq))
    }

    /// Marks the row as seen in this run's input; returns whether it was before.
    pub(in crate::ledger) fn see(&mut self, seq: Seq) -> bool {
        let byte = &mut self.states[seq.0 as usize];
        let before = *byte & SEEN != 0;
        *byte |= SEEN;
        before
    }
}

fn shard(tag: u32) -> usize {
    (tag >> 28) as usize % SHARDS
}

/// Spreads the 28 bits that a shard does not use over the 64 that the table needs.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Returns a short hash of a user, for this process only. Hits are confirmed by the user id, but
/// each one costs a read: the key is new in each process, so that nobody can choose ids that all
/// hit.
pub(in crate::ledger) fn user_hash(user: &str) -> u16 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let [a, b, ..] = KEY.hash_one(user).to_le_bytes();
    u16::from_le_bytes([a, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a, folded: a hash without a key.
    fn known_hash(user: &str) -> u32 {
        let step = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = user.bytes().fold(0x811C_9DC5_u32, step);
        (hash ^ hash >> 16) & 0xFFFF
    }

    #[test]
    fn the_numbers_of_states_are_those_of_the_rows_whichever_way_they_came_to_them() {
        let mut index = Index::new();
        // Read in any order, the last of them never written.
        for (seq, state) in [(4, State::Created), (1, State::InFlight), (2, State::Pending)] {
            index.insert(Seq(seq), Fingerprint([0; 16]), 0, state);
        }
        for (seq, state) in [
            (1, State::Undoing),
            (2, State::InFlight),
            (4, State::NeedsReview),
            (2, State::Pending),
            (0, State::Created),
            (4, State::NeedsReview),
        ] {
            index.set_unfinished(Seq(seq), true);
            index.set_state(Seq(seq), state);
            let mut counted = ByState::default();
            for seq in 0..5 {
                counted[index.state(Seq(seq))] += 1;
            }
            assert_eq!(index.states(), counted, "row {seq} has become {state:?}");
        }
    }

    #[test]
    fn the_rows_of_a_user_are_found_wherever_they_stand() {
        let mine = [0, 1, 255, 256, 511, 513, 1_000].map(Seq);
        let hash = user_hash("auth0|1");
        for rows in [mine.len(), 2, 0] {
            let (mut index, mine) = (Index::new(), &mine[..rows]);
            for seq in (0..1_001).map(Seq) {
                let user = if mine.contains(&seq) { hash } else { hash.wrapping_add(1) };
                index.insert(seq, Fingerprint([0; 16]), user, State::Created);
            }
            assert_eq!(index.rows_of("auth0|1"), mine);
        }
    }

    #[test]
    fn users_whose_ids_were_chosen_to_collide_do_not() {
        let chosen = (0_u32..).map(|number| format!("auth0|{number}"));
        let chosen: Vec<_> = chosen.filter(|user| known_hash(user) == 7).take(12).collect();
        let hashes = chosen.iter().map(|user| user_hash(user));
        assert!(hashes.collect::<std::collections::HashSet<_>>().len() > 6);
        assert_eq!(user_hash(&chosen[0]), user_hash(&chosen[0].clone()), "but each has one");
    }
}
