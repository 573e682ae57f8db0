//! Watches the ledger's files, in case somebody else writes to them or deletes them during a run.
//!
//! Anything written into a file that has lost its name is gone, and the next run would begin a new
//! ledger; and SQLite, which believes that it is alone, goes on writing into a file that was
//! truncated or overwritten. So the files are examined before and after each write, by a few calls
//! that read no disk. A file that seems to have been touched is then read as a next run would read
//! it.

use std::{
    fs::{self, File, Metadata, Permissions},
    io,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    file::{self, Locked, MAGIC},
    open::open_to_read,
    scan,
    seal::Seal,
};
use crate::{files, ledger::LedgerFault};

/// First bytes of a `-wal`; the last bit says in which order bytes are summed.
const WAL_MAGIC: [u8; 4] = [0x37, 0x7F, 0x06, 0x82];

/// Shortest interval between two readings of files that somebody else touches.
const JUDGED_EVERY: Duration = Duration::from_secs(10);

/// A file of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Side {
    /// The ledger itself, which only a checkpoint writes to.
    Ledger,
    /// Written after each commit.
    Seal,
    /// Written by each commit.
    Wal,
    /// Used as memory: its length and times mean nothing.
    Shm,
}

impl Side {
    const ALL: [Self; 4] = [Self::Ledger, Self::Seal, Self::Wal, Self::Shm];
}

/// Memory of a file: its place, its identity, and its state after our last write.
#[derive(Debug)]
struct Watched {
    side: Side,
    path: PathBuf,
    identity: (u64, u64),
    left: Stamp,
}

/// Length and time of the last change.
type Stamp = (u64, i64, i64);

/// Files that are watched while a run writes to a ledger.
#[derive(Debug)]
pub(in crate::ledger) struct Guard {
    files: Vec<Watched>,
    pub(in crate::ledger) seal: Seal,
    /// Number of committed row writes.
    committed: u64,
    /// Time at which files touched by somebody else were last read.
    judged: Option<Instant>,
}

impl Guard {
    /// Makes the guard of a locked ledger and the files beside it, in their present state, which
    /// has just been sealed.
    pub(in crate::ledger) fn new(lock: &Locked, seal: Seal) -> Result<Self, LedgerFault> {
        let mut files = Vec::new();
        for side in Side::ALL {
            let path = file::side(&lock.path, side);
            match fs::symlink_metadata(&path) {
                Ok(meta) => {
                    let (identity, left) = (identity(&meta), stamp(side, &meta));
                    files.push(Watched { side, path, identity, left });
                }
                // On systems that cannot have this file, SQLite does without.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        && matches!(side, Side::Wal | Side::Shm) => {}
                Err(error) => return Err(LedgerFault::cannot("find its files", &error)),
            }
        }
        Ok(Self { files, committed: seal.sum(), seal, judged: None })
    }

    /// Examines the files before something is written. Fails if one no longer exists, or is shorter
    /// than before. A file that somebody else has touched is read as the next run would read it if
    /// this one were killed now, but not more often than every ten seconds: some systems may report
    /// late that a file was changed, and none reports by whom.
    pub(in crate::ledger) fn look(&mut self, lock: &Locked) -> Result<(), LedgerFault> {
        if self.is_untouched()? || self.judged.is_some_and(|at| at.elapsed() < JUDGED_EVERY) {
            return Ok(());
        }
        let cannot = |error: io::Error| LedgerFault::cannot("make a copy to look at", &error);
        let folder = tempfile::Builder::new()
            .prefix(".mfaferry-copy-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(files::folder(&lock.path))
            .map_err(cannot)?;
        let copy = folder.path().join("ledger");
        file::copy(lock, &copy).map_err(cannot)?;
        self.examine(&copy)?;
        tracing::warn!("another program has touched the ledger's files; it has done no harm yet");
        self.judged = Some(Instant::now());
        Side::ALL.into_iter().try_for_each(|side| self.note(side, lock))
    }

    /// Examines every row of a copy of the ledger, and compares it with the last commit.
    fn examine(&self, copy: &Path) -> Result<(), LedgerFault> {
        self.compare(scan::scan(&open_to_read(copy)?, copy, &mut |_| {})?)
    }

    /// Reads the ledger back from the disk, and compares it with the last commit. Only the sum of
    /// its writes is read, which takes a tenth of the time: older contents in any place have a
    /// smaller sum, and the next command that opens the ledger examines every row.
    pub(in crate::ledger) fn read_back(&self, path: &Path) -> Result<(), LedgerFault> {
        self.compare(scan::sum_of_writes(&open_to_read(path)?)?)
    }

    fn compare(&self, found: u64) -> Result<(), LedgerFault> {
        self.seal.check()?;
        if found == self.committed { Ok(()) } else { Err(LedgerFault::overwritten()) }
    }

    /// Remembers the number of committed writes.
    pub(in crate::ledger) fn committed(
        &mut self,
        writes: u64,
        lock: &Locked,
    ) -> Result<(), LedgerFault> {
        self.committed = writes;
        self.note(Side::Wal, lock)
    }

    fn is_untouched(&self) -> Result<bool, LedgerFault> {
        let mut untouched = true;
        for file in &self.files {
            untouched &= file.look()? == file.left;
        }
        Ok(untouched)
    }

    /// Records the state of a file after it was written. Our writes leave its first bytes as they
    /// are.
    pub(in crate::ledger) fn note(&mut self, side: Side, lock: &Locked) -> Result<(), LedgerFault> {
        let Some(file) = self.files.iter_mut().find(|file| file.side == side) else {
            return Ok(());
        };
        file.left = file.look()?;
        let mut start = [0; MAGIC.len()];
        let is_whole = match side {
            // From the open file: see [`file::copy`].
            Side::Ledger => lock.file.read_exact_at(&mut start, 0).is_ok() && start == MAGIC,
            Side::Wal => {
                let read = File::open(&file.path).and_then(|wal| wal.read_exact_at(&mut start, 0));
                let magic = [start[0], start[1], start[2], start[3] & !1];
                // Not written yet.
                file.left.0 == 0 || read.is_ok() && magic == WAL_MAGIC
            }
            Side::Seal | Side::Shm => true,
        };
        if is_whole { Ok(()) } else { Err(LedgerFault::overwritten()) }
    }
}

impl Watched {
    fn look(&self) -> Result<Stamp, LedgerFault> {
        let meta = fs::symlink_metadata(&self.path).ok();
        let meta = meta.filter(|meta| identity(meta) == self.identity).ok_or_else(|| {
            LedgerFault::new(
                "it, or the `-wal`, `-shm` or `-seal` file beside it, was moved, replaced or \
                 deleted during the run",
                "put it back as it was, then run the same command again; without it factors would \
                 be doubled",
            )
        })?;
        let now = stamp(self.side, &meta);
        if now.0 < self.left.0 { Err(LedgerFault::overwritten()) } else { Ok(now) }
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn stamp(side: Side, meta: &Metadata) -> Stamp {
    match side {
        Side::Shm => (0, 0, 0),
        _ => (meta.len(), meta.mtime(), meta.mtime_nsec()),
    }
}
