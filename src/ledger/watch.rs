//! Whether somebody else writes to the ledger's files, or takes them away, while a run does.
//!
//! What is written into a file that has no name any more is lost, and the next run would begin a
//! new ledger; and SQLite, which believes that it is alone, goes on writing into a file that was
//! cut short or copied over. So before each commit the files are looked at: a few calls that read
//! no disk. What looks touched is then read as a next run would read it.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{
    LedgerFault,
    file::{self, MAGIC},
};

/// What is remembered of a file: where it is, which it is, and how our last write left it.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: (u64, u64),
    left: Stamp,
}

/// Length and time of the last change. Of the `-shm`, which is written as memory, neither counts.
type Stamp = Option<(u64, i64, i64)>;

/// The files of a ledger that is open for a run.
#[derive(Debug)]
pub(super) struct Watch(Vec<Watched>);

/// What has been seen of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// They are as our last write left them.
    Untouched,
    /// Somebody else has written to one of them, or has said so to the system.
    Touched,
}

impl Watch {
    /// The ledger at `path` and what stands beside it, as they are now.
    pub(super) fn of(path: &Path) -> Result<Self, LedgerFault> {
        let mut files = Vec::new();
        for (path, spare) in file::watched(path) {
            match fs::symlink_metadata(&path) {
                Ok(meta) => {
                    let left = stamp(&path, &meta);
                    files.push(Watched { path, identity: identity(&meta), left });
                }
                // Where there can be none, SQLite does without.
                Err(error) if error.kind() == io::ErrorKind::NotFound && spare => {}
                Err(error) => return Err(LedgerFault::cannot("find its files", &error)),
            }
        }
        Ok(Self(files))
    }

    /// Looks at them before something is written. An error if one is not there any more, or is
    /// shorter than it was.
    pub(super) fn look(&self) -> Result<Sight, LedgerFault> {
        let mut sight = Sight::Untouched;
        for file in &self.0 {
            let now = file.look()?;
            if now != file.left {
                sight = Sight::Touched;
            }
        }
        Ok(sight)
    }

    /// Takes them as they are after something was written. `ledger` is the ledger itself: what we
    /// write leaves its beginning as it is.
    pub(super) fn note(&mut self, ledger: &File) -> Result<(), LedgerFault> {
        let mut is_rewritten = false;
        for (number, file) in self.0.iter_mut().enumerate() {
            let now = file.look()?;
            is_rewritten |= number == 0 && now != file.left;
            file.left = now;
        }
        let mut start = [0; MAGIC.len()];
        if is_rewritten && (ledger.read_exact_at(&mut start, 0).is_err() || start != MAGIC) {
            return Err(LedgerFault::overwritten());
        }
        Ok(())
    }
}

impl Watched {
    fn look(&self) -> Result<Stamp, LedgerFault> {
        let meta = fs::symlink_metadata(&self.path).ok();
        let meta = meta.filter(|meta| identity(meta) == self.identity);
        let meta = meta.ok_or_else(|| {
            LedgerFault::new(
                "it, or the `-wal`, `-shm` or `-seal` file beside it, was moved, replaced or \
                 deleted during the run",
                "put it back as it was, then run the same command again; without it factors would \
                 be doubled",
            )
        })?;
        let now = stamp(&self.path, &meta);
        let length = |stamp: Stamp| stamp.map_or(0, |(length, ..)| length);
        if length(now) < length(self.left) {
            return Err(LedgerFault::overwritten());
        }
        Ok(now)
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn stamp(path: &Path, meta: &Metadata) -> Stamp {
    let is_memory = path.as_os_str().as_encoded_bytes().ends_with(b"-shm");
    (!is_memory).then(|| (meta.len(), meta.mtime(), meta.mtime_nsec()))
}
