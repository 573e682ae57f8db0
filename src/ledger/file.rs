//! The ledger's files: made whole or not at all, 0600, no links followed, one process at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use super::{LedgerFault, seal::Seal};

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A file that is locked for this process until dropped.
#[derive(Debug)]
pub(super) struct Locked {
    /// The real place of the file: its folder resolved, the file itself not a link.
    pub(super) path: PathBuf,
    _file: File,
}

/// Where files are, and which they are: none may be taken away while it is written.
#[derive(Debug)]
pub(super) struct Places(Vec<(PathBuf, (u64, u64))>);

impl Places {
    /// The ledger at `path` and what stands beside it, as they are now.
    pub(super) fn of(path: &Path) -> Result<Self, LedgerFault> {
        let mut files = Vec::new();
        let [wal, _] = sqlites(path);
        for file in [path.into(), seal(path), wal.clone()] {
            match identity(&file) {
                Ok(identity) => files.push((file, identity)),
                // Where there can be no `-wal`, SQLite does without.
                Err(error) if error.kind() == io::ErrorKind::NotFound && file == wal => {}
                Err(error) => return Err(LedgerFault::cannot("find its files", &error)),
            }
        }
        Ok(Self(files))
    }

    /// Whether they are still there. What is written into a file that has no name any more is
    /// lost, and the next run would begin a new ledger.
    pub(super) fn check(&self) -> Result<(), LedgerFault> {
        let same = |(path, known): &(PathBuf, (u64, u64))| {
            identity(path).is_ok_and(|found| found == *known)
        };
        if self.0.iter().all(same) {
            return Ok(());
        }
        Err(LedgerFault::new(
            "it, or the `-wal` or `-seal` file beside it, was moved, replaced or deleted during \
             the run",
            "put it back as it was, then run the same command again; without it factors would be \
             doubled",
        ))
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// Locks the ledger at `path`; `create` fills a new file in, where there is none yet, and is told
/// its id.
pub(super) fn lock(
    path: &Path,
    create: impl Fn(&Path, &str) -> Result<(), LedgerFault>,
) -> Result<Locked, LedgerFault> {
    let path = resolve(path)?;
    refuse_links(&path)?;
    let file = match open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = make(&path, create);
            // Another process may have been quicker: then the lock decides.
            if !path.exists() {
                made?;
            }
            open(&path)
        }
        opened => opened,
    };
    let mut file = file.map_err(|error| LedgerFault::cannot("open it", &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LedgerFault::in_use()),
        Err(TryLockError::Error(error)) => return Err(LedgerFault::cannot("lock it", &error)),
    }
    inspect(&path, &file)?;
    let mut start = [0; MAGIC.len()];
    if file.read_exact(&mut start).is_err() || start != MAGIC {
        return Err(LedgerFault::new(
            "it is not a ledger, or its beginning is lost",
            "restore it from a copy, or give another --ledger; a lost ledger cannot protect \
             against doubled factors, so it is never simply replaced",
        ));
    }
    Ok(Locked { path, _file: file })
}

/// `path` with its folder resolved, so that SQLite can be told to follow no links at all.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, LedgerFault> {
    let name = path
        .file_name()
        .ok_or_else(|| LedgerFault::new("the path names no file", "give --ledger FILE"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))
        .map_err(|error| LedgerFault::cannot("find its folder", &error))?;
    Ok(folder.join(name))
}

/// The seal of the ledger at `path`.
pub(super) fn seal(path: &Path) -> PathBuf {
    beside(path, "-seal")
}

/// The files that SQLite keeps beside a ledger in use.
fn sqlites(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|suffix| beside(path, suffix))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file that is there, and no link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
}

fn refuse_links(path: &Path) -> Result<(), LedgerFault> {
    let [wal, shm] = sqlites(path);
    for file in [path, &seal(path), &wal, &shm] {
        if fs::symlink_metadata(file).is_ok_and(|meta| meta.file_type().is_symlink()) {
            return Err(LedgerFault::new(
                "it, or a file beside it, is a symbolic link",
                "give the path of the file itself",
            ));
        }
    }
    Ok(())
}

/// Makes the ledger, its seal first: a ledger without one is never a new one.
fn make(
    path: &Path,
    create: impl Fn(&Path, &str) -> Result<(), LedgerFault>,
) -> Result<(), LedgerFault> {
    if sqlites(path).iter().any(|file| file.exists()) {
        return Err(LedgerFault::gone("-wal` or `-shm"));
    }
    let id = Seal::make(path)?;
    place(path, |fresh| create(fresh.path(), &id))
}

/// Makes a file under another name and gives it its own once it is whole: a kill in between
/// leaves no half file that a later run would have to guess about. One that is there stays.
pub(super) fn place(
    path: &Path,
    fill: impl FnOnce(&mut NamedTempFile) -> Result<(), LedgerFault>,
) -> Result<(), LedgerFault> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut fresh = tempfile::Builder::new()
        .prefix(".mfaferry-new-")
        .tempfile_in(folder)
        .map_err(|error| LedgerFault::cannot("create it", &error))?;
    fill(&mut fresh)?;
    fresh.as_file().sync_all().map_err(|error| LedgerFault::cannot("write it", &error))?;
    match fresh.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LedgerFault::cannot("create it", &error.error)),
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| LedgerFault::cannot("make it durable", &error))
}

/// Refuses what is no file of its own, or somebody else's, and makes it private.
pub(super) fn inspect(path: &Path, file: &File) -> Result<(), LedgerFault> {
    let meta = file.metadata().map_err(|error| LedgerFault::cannot("read it", &error))?;
    if !meta.is_file() || meta.nlink() != 1 {
        return Err(LedgerFault::new(
            "it is not a plain file of its own (a hard link, a device or a pipe)",
            "give the path of a plain file",
        ));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(LedgerFault::new("it belongs to another user", "run as the user who made it"));
    }
    let here = identity(path).map_err(|error| LedgerFault::cannot("read it", &error))?;
    if here != (meta.dev(), meta.ino()) {
        return Err(LedgerFault::in_use());
    }
    if meta.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))
            .map_err(|error| LedgerFault::cannot("make it private (0600)", &error))?;
    }
    Ok(())
}
