//! Differences between a whole input and the ledger: factors that the input no longer has, and
//! factors that have another value in it now.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use super::Journal;
use crate::{
    ledger::{LedgerFault, entry::Entry, seq::Seq, store::Store, tally::Changes},
    model::Spread,
};

/// Factors that are held at once to be found by user, type and name, in 18 MB. If either side has
/// more, the rows are read again for each such portion.
const FACTORS_AT_ONCE: usize = (1 << 20) / 8 * 7;
/// Gap between two rows that is read through rather than skipped: finding a row takes as long as
/// reading a few.
const ROWS_READ_THROUGH: u32 = 4;
/// Most rows that are read at once.
const PAGE: u32 = 512;

impl<S: Store> Journal<S> {
    /// Counts the factors that this ledger says were created and that this run's input, which must
    /// have been read whole, does not have; and those of them whose user has since the last
    /// complete import got another of the same type and name.
    pub(in crate::ledger) fn changes(&mut self) -> Result<Changes, LedgerFault> {
        self.changes_by(FACTORS_AT_ONCE)
    }

    fn changes_by(&mut self, at_once: usize) -> Result<Changes, LedgerFault> {
        let Self { index, store, twins, .. } = self;
        let gone = || index.created_unmet().filter(|seq| !twins.contains(seq));
        let n_gone = gone().count();
        if n_gone == 0 {
            return Ok(Changes::default());
        }
        let first = store.first_new()?;
        let new = || index.newly_there(first);
        let n_new = new().count();
        let n_changed = if n_gone <= n_new {
            let parts = n_gone.div_ceil(at_once);
            pairs(store, gone, new, parts)
        } else {
            let parts = n_new.div_ceil(at_once);
            pairs(store, new, gone, parts)
        };
        Ok(Changes { no_longer_in_input: n_gone as u64, changed: n_changed? })
    }
}

/// Counts the pairs of a row of `held` and one of `others` with the same user, type and name; each
/// row is in one pair at most. Goes over them once for each part into which their keys are divided.
fn pairs<A: Iterator<Item = Seq>, B: Iterator<Item = Seq>>(
    store: &mut impl Store,
    held: impl Fn() -> A,
    others: impl Fn() -> B,
    parts: usize,
) -> Result<u64, LedgerFault> {
    let hasher = RandomState::new();
    let key = |entry: &Entry| {
        let name = entry.name.map(|name| name.0);
        hasher.hash_one((&entry.user, entry.factor_type.map(|of| of as u8), name))
    };
    let mut n_pairs = 0;
    for part in 0..parts as u64 {
        let is_in_part = |key: u64| key % parts as u64 == part;
        let mut left: HashMap<u64, u32, Spread> = HashMap::default();
        visit(store, held(), |entry| {
            let key = key(entry);
            if is_in_part(key) {
                *left.entry(key).or_default() += 1;
            }
        })?;
        visit(store, others(), |entry| {
            if let Some(left) = left.get_mut(&key(entry)).filter(|left| **left > 0) {
                *left -= 1;
                n_pairs += 1;
            }
        })?;
    }
    Ok(n_pairs)
}

/// Reads the rows with those numbers, which ascend.
fn visit(
    store: &mut impl Store,
    seqs: impl Iterator<Item = Seq>,
    mut see: impl FnMut(&Entry),
) -> Result<(), LedgerFault> {
    let mut seqs = seqs.peekable();
    let mut wanted = Vec::new();
    while let Some(first) = seqs.next() {
        wanted.clear();
        wanted.push(first);
        let mut last = first;
        let end = first.0.saturating_add(PAGE);
        while let Some(next) =
            seqs.next_if(|next| next.0 < end && next.0 - last.0 <= ROWS_READ_THROUGH)
        {
            wanted.push(next);
            last = next;
        }
        for (seq, entry) in store.range(first, last.0 - first.0 + 1)? {
            if wanted.binary_search(&seq).is_ok() {
                see(&entry);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
        sync::Arc,
    };

    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    use crate::{
        ledger::{
            disk::{file, open, sqlite::Sqlite},
            messages::{Admission, Asked, Intent, Row},
        },
        model::{
            Completion, FactorType, Fingerprint, How, LocalTime, NameTag, Operation, Settlement,
            Shard, State, UserId,
        },
    };

    const TENANT: &str = "https://t.example";

    /// Spelling of a row's address.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Spelling {
        Folded,
        /// With capitals in the domain.
        Capital,
        /// The same, in a run of a version that took them for a difference.
        CapitalOfBefore,
    }

    #[derive(Debug, Clone, Copy)]
    struct Given {
        user: u8,
        is_totp: bool,
        name: Option<u8>,
        value: u8,
        spelling: Spelling,
        fate: State,
    }

    #[derive(Debug, Clone)]
    struct Night {
        rows: Vec<Given>,
        /// Number of rows after which it is interrupted, the last with an intent and no outcome.
        ends_after: Option<usize>,
        retries: bool,
        /// Bits of the created rows that are undone afterwards.
        undone: u8,
        at_once: usize,
    }

    fn given() -> impl Strategy<Value = Given> {
        let spelling = prop_oneof![6 => Just(Spelling::Folded), 3 => Just(Spelling::Capital)];
        let fate = prop_oneof![
            6 => Just(State::Created), 1 => Just(State::AlreadyPresent), 1 => Just(State::Rejected),
            1 => Just(State::Failed), 1 => Just(State::NeedsReview)
        ];
        let row = (0..2_u8, any::<bool>(), option::of(0..2_u8), 0..3_u8, spelling, fate);
        row.prop_map(|(user, is_totp, name, value, spelling, fate)| Given {
            user,
            is_totp,
            name,
            value,
            spelling,
            fate,
        })
    }

    fn night() -> impl Strategy<Value = Night> {
        let undone = prop_oneof![3 => Just(0), 1 => any::<u8>()];
        let ends_after = prop_oneof![3 => Just(None), 1 => (1..6_usize).prop_map(Some)];
        // A night is of one version.
        let is_of_before = prop_oneof![3 => Just(false), 1 => Just(true)];
        let rows = (vec(given(), 0..14), is_of_before).prop_map(|(mut rows, is_of_before)| {
            let capital = rows.iter_mut().filter(|row| row.spelling == Spelling::Capital);
            capital
                .filter(|_| is_of_before)
                .for_each(|row| row.spelling = Spelling::CapitalOfBefore);
            rows
        });
        let night = (rows, ends_after, any::<bool>(), undone, 1..5_usize);
        night.prop_map(|(rows, ends_after, retries, undone, at_once)| Night {
            rows,
            ends_after,
            retries,
            undone,
            at_once,
        })
    }

    impl Given {
        fn print(self, is_capital: bool) -> Fingerprint {
            let mut print = [0; 16];
            let parts = [self.user, u8::from(self.is_totp), self.value, u8::from(is_capital)];
            print[12..].copy_from_slice(&parts);
            Fingerprint(print)
        }

        fn asked(self) -> Asked {
            let is_of_before = self.spelling == Spelling::CapitalOfBefore;
            let is_capital = self.spelling == Spelling::Capital;
            Asked {
                operation: Operation::Import,
                fingerprint: self.print(is_of_before),
                as_written: is_capital.then(|| self.print(true)),
                line: 2,
                at: None,
                user: UserId::parse(&format!("auth0|{}", self.user)).unwrap(),
                factor_type: Some(if self.is_totp { FactorType::Totp } else { FactorType::Email }),
                name: self.name.map(|name| NameTag(name.into())),
                method_id: None,
            }
        }
    }

    /// Contents that a ledger has to have.
    #[derive(Debug, Default)]
    struct Model {
        rows: BTreeMap<[u8; 16], Held>,
        runs: i64,
        last_complete: i64,
        /// Changes of each complete night.
        told: Vec<(u64, u64)>,
    }

    #[derive(Debug)]
    struct Held {
        key: (u8, bool, Option<u8>),
        state: State,
        since: i64,
        settled_in: i64,
    }

    impl Model {
        /// Takes a row in; returns its own row.
        fn meet(&mut self, row: Given, met: &mut BTreeSet<[u8; 16]>) -> [u8; 16] {
            let asked = row.asked();
            let written = asked.as_written.map(|print| print.0);
            let written = written.filter(|print| self.rows.contains_key(print));
            let own = written.unwrap_or(asked.fingerprint.0);
            met.insert(own);
            if self.rows.contains_key(&asked.fingerprint.0) {
                met.insert(asked.fingerprint.0);
            }
            let (key, since) = ((row.user, row.is_totp, row.name), self.runs);
            self.rows.entry(own).or_insert(Held {
                key,
                state: State::Pending,
                since,
                settled_in: 0,
            });
            own
        }

        fn changes(&self, met: &BTreeSet<[u8; 16]>) -> Changes {
            let mut gone = BTreeMap::<_, u64>::new();
            let mut new = BTreeMap::<_, u64>::new();
            for (print, held) in &self.rows {
                let is_new = held.since > self.last_complete || held.settled_in == self.runs;
                let is_there = matches!(held.state, State::Created | State::AlreadyPresent);
                match (met.contains(print), held.state) {
                    (false, State::Created) => *gone.entry(held.key).or_default() += 1,
                    (true, _) if is_new && is_there => *new.entry(held.key).or_default() += 1,
                    _ => {}
                }
            }
            let pairs = gone.iter().map(|(key, count)| *count.min(new.get(key).unwrap_or(&0)));
            Changes { no_longer_in_input: gone.values().sum(), changed: pairs.sum() }
        }
    }

    fn open(path: &Path, command: &str, retry: &[State]) -> Journal<Sqlite> {
        let now = LocalTime::default();
        let lock =
            file::lock(path, |path, id| open::create(path, id, TENANT, Shard::WHOLE, now)).unwrap();
        let (store, ..) = Sqlite::open(lock, TENANT, command, "in.csv", now).unwrap();
        let run = store.run();
        Journal::open(store, run, retry.to_vec(), Arc::default()).unwrap()
    }

    fn settle(journal: &mut Journal<Sqlite>, seq: Seq, state: State) {
        let (how, method_id, status, error) = (How::Response, None, None, None);
        let settlement = Settlement { state, how, method_id, status, error };
        journal.settle(seq, settlement, 0, LocalTime::default()).unwrap();
    }

    fn import(path: &Path, model: &mut Model, night: &Night) {
        let retry = if night.retries { &[State::Failed, State::Rejected][..] } else { &[] };
        let mut journal = open(path, "import", retry);
        model.runs += 1;
        let mut met = BTreeSet::new();
        let end = night.ends_after.unwrap_or(night.rows.len());
        for (index, row) in night.rows.iter().take(end).enumerate() {
            let own = model.meet(*row, &mut met);
            let admission = journal.admit(vec![Row::Asked(row.asked())]).unwrap().pop().unwrap();
            let (Admission::Todo(seq, _) | Admission::InDoubt(seq, _)) = admission else {
                continue;
            };
            let (at, skew) = (LocalTime::default(), None);
            journal.record_intent(Intent { seq, at, skew, doubts: 0, marked: false }).unwrap();
            let held = model.rows.get_mut(&own).unwrap();
            if held.state.is_settled() {
                // Done again, under the name of now.
                held.key.2 = row.name;
            }
            if night.ends_after == Some(index + 1) {
                held.state = State::InFlight;
                break;
            }
            settle(&mut journal, seq, row.fate);
            (held.state, held.settled_in) = (row.fate, model.runs);
        }
        let is_complete = night.ends_after.is_none();
        if is_complete {
            let changes = journal.changes_by(night.at_once).unwrap();
            assert_eq!(changes, model.changes(&met));
            model.told.push((changes.no_longer_in_input, changes.changed));
            model.last_complete = model.runs;
        }
        let completion = if is_complete { Completion::Complete } else { Completion::Interrupted };
        journal.end_run(completion, LocalTime::default()).unwrap();
        journal.commit().unwrap();
    }

    fn undo(path: &Path, model: &mut Model, which: u8) {
        let mut journal = open(path, "undo", &[]);
        model.runs += 1;
        for (index, row) in journal.undoable(None).unwrap().into_iter().enumerate() {
            if which >> (index % 8) & 1 == 0 {
                journal.leave(row.seq, (State::Kept, None));
                continue;
            }
            journal.undo(row.seq).unwrap();
            settle(&mut journal, row.seq, State::Undone);
            model.rows.get_mut(&row.entry.fingerprint.0).unwrap().state = State::Undone;
        }
        journal.end_run(Completion::Complete, LocalTime::default()).unwrap();
        journal.commit().unwrap();
    }

    #[test]
    fn a_run_of_another_command_in_between_ends_no_night() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ledger");
        let row = |user, value| {
            let (is_totp, name) = (true, None);
            let (spelling, fate) = (Spelling::Folded, State::Created);
            Given { user, is_totp, name, value, spelling, fate }
        };
        let night = |rows, ends_after| {
            let (retries, undone) = (false, 0);
            Night { rows, ends_after, retries, undone, at_once: 1 }
        };
        let mut model = Model::default();
        import(&path, &mut model, &night(vec![row(0, 0)], None));
        import(&path, &mut model, &night(vec![row(0, 1), row(1, 0)], Some(2)));
        undo(&path, &mut model, 0);
        import(&path, &mut model, &night(vec![row(0, 1), row(1, 0)], None));
        assert_eq!(model.told, [(0, 0), (1, 1)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_nights_bring_the_counts_are_those_of_a_model(nights in vec(night(), 2..6)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.ledger");
            let mut model = Model::default();
            for night in &nights {
                import(&path, &mut model, night);
                if night.undone != 0 {
                    undo(&path, &mut model, night.undone);
                }
            }
        }
    }
}
