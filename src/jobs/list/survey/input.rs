//! An input as groups of a user's rows, read on a thread of its own.
//!
//! A file is read twice: the first time to see whether it can be read at all, and whose rows are
//! scattered, so that nothing has to be kept of everybody else. What can be read only once (a
//! pipe) may have anybody's rows anywhere: of each user something is kept then.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::{
    engine::{Feed, intake::plan_row},
    error::Error,
    input::{Dialect, InputError, Shape, Source},
    jobs::list::verify::{Group, Grouper, Sample},
    ledger::{Key, Seen},
    model::UserId,
    plan::SecretEncoding,
};

/// Groups that may wait.
const QUEUE: usize = 256;

/// An input, opened.
#[derive(Debug)]
pub struct Input {
    source: Source,
    sample: Option<Sample>,
    scattered: Scattered,
    key: Key,
    secrets: Option<SecretEncoding>,
    rows: Arc<AtomicU64>,
}

/// Users whose rows are scattered.
#[derive(Debug)]
enum Scattered {
    /// Anybody's may.
    Anybody,
    /// Those of users of these hashes; another user of the same hash does no harm.
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

impl Input {
    /// Opens `path`, or standard input for `-`, and reads it once where it can be read again.
    pub fn open(
        path: &Path,
        dialect: &Dialect,
        sample: Option<Sample>,
        secrets: Option<SecretEncoding>,
    ) -> Result<Self, Error> {
        let mut source = Source::open(path, dialect, Shape::Factors)?;
        let mut scattered = Scattered::Anybody;
        if source.len().is_some() {
            scattered = scan(&mut source, sample, secrets)?;
            source = Source::open(path, dialect, Shape::Factors)?;
        }
        let key =
            Key::random().map_err(|source| Error::Io { what: "making a key".into(), source })?;
        Ok(Self { source, sample, scattered, key, secrets, rows: Arc::default() })
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        self.source.bytes_read()
    }

    /// Bytes in all, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.source.len()
    }

    /// Rows read so far.
    pub fn rows(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.rows)
    }

    /// Starts reading.
    pub fn start(self) -> Result<mpsc::Receiver<Feed<Group>>, Error> {
        let (groups, receiver) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || self.read(&groups))
            .map_err(|source| Error::Io { what: "starting the input's thread".into(), source })?;
        Ok(receiver)
    }

    fn read(mut self, groups: &mpsc::Sender<Feed<Group>>) {
        let mut grouper = Grouper::new(self.sample);
        let mut seen = Seen::default();
        // Nobody listens any more when the run is stopping.
        let mut send = |group: Option<Group>, scattered: &Scattered, key: &Key| {
            group.is_none_or(|mut group| {
                mark(&mut group, scattered, key, &mut seen);
                groups.blocking_send(Feed::More(vec![group])).is_ok()
            })
        };
        let end = loop {
            match self.source.next_row() {
                Ok(Some(row)) => {
                    self.rows.fetch_add(1, Ordering::Relaxed);
                    let plan = plan_row(row, Shape::Factors, self.secrets);
                    let group = grouper.push(plan.planned);
                    if !send(group, &self.scattered, &self.key) {
                        return;
                    }
                }
                Ok(None) => break Feed::End,
                Err(error) => break Feed::Broken(error.into()),
            }
        };
        // Rows before an unreadable place are good, and go first.
        if send(grouper.close(), &self.scattered, &self.key) {
            drop(groups.blocking_send(end));
        }
    }
}

/// Says whether a group's user may come again, and counts what the input has had before instead
/// of keeping it.
fn mark(group: &mut Group, scattered: &Scattered, key: &Key, seen: &mut Seen) {
    let Some(user) = &group.user else {
        return;
    };
    group.scattered = scattered.has(user);
    let mut own = Seen::default();
    let seen = if group.scattered { seen } else { &mut own };
    let before = group.factors.len();
    group.factors.retain(|factor| seen.insert(key.fingerprint(factor)));
    group.duplicates += (before - group.factors.len()) as u64;
}

/// The first reading: grouped as in the second, so that what it says holds there.
fn scan(
    source: &mut Source,
    sample: Option<Sample>,
    secrets: Option<SecretEncoding>,
) -> Result<Scattered, InputError> {
    let hasher = RandomState::new();
    let (mut met, mut again) = (HashSet::new(), HashSet::new());
    let mut note = |group: Option<Group>| {
        if let Some(user) = group.and_then(|group| group.user) {
            let hash = hasher.hash_one(user.as_str());
            if !met.insert(hash) {
                again.insert(hash);
            }
        }
    };
    let mut grouper = Grouper::new(sample);
    while let Some(row) = source.next_row()? {
        note(grouper.push(plan_row(row, Shape::Factors, secrets).planned));
    }
    note(grouper.close());
    Ok(Scattered::Some(hasher, again))
}
