//! The ledger's files: created completely or not at all, private, used by one process at a time,
//! and examined before SQLite trusts any of them.
//!
//! SQLite takes every file beside a ledger for the ledger's own: a planted `-wal` is read as if the
//! last run had written it, and a `-journal` is copied over the ledger.

use std::{
    fs::{self, File},
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use super::{seal::Seal, watch::Side};
use crate::{
    files::{self, FileFault, Folder, Mode, beside},
    ledger::LedgerFault,
    text::{escape, file_name},
};

/// First bytes of every SQLite file.
pub(in crate::ledger) const MAGIC: &[u8] = b"SQLite format 3\0";
/// Suffix of the log that SQLite keeps beside a ledger in use.
const WAL: &str = "-wal";
const SHM: &str = "-shm";
/// Suffix of the journal that SQLite would keep if the ledger had no `-wal`: only a ledger that is
/// being created, under another name, has one.
const JOURNAL: &str = "-journal";
const SEAL: &str = "-seal";
/// Suffixes of a ledger's files.
pub const SIDES: [&str; 5] = ["", WAL, SHM, JOURNAL, SEAL];

/// A file that is locked for this process until dropped.
#[derive(Debug)]
pub(in crate::ledger) struct Locked {
    /// The real path of the file: its folder resolved, the file itself not a link.
    pub(in crate::ledger) path: PathBuf,
    pub(in crate::ledger) file: File,
}

/// Locks the ledger at `path`; `create` fills in a new file, if there is none yet, and receives its
/// id.
pub(in crate::ledger) fn lock(
    path: &Path,
    create: impl Fn(&Path, &str) -> Result<(), LedgerFault>,
) -> Result<Locked, LedgerFault> {
    let path = resolve(path)?;
    if examine(&path)? == Folder::Shared {
        tracing::warn!(
            "others may write to the folder of the ledger: they cannot change it, but a folder of \
             your own is safer (--ledger FILE)"
        );
    }
    let file = match files::open(&path, Mode::Existing) {
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => {
            let made = make(&path, create);
            // Another process may have been faster: then the lock decides.
            if !is_there(&path) {
                made?;
            }
            files::open(&path, Mode::Existing)
        }
        opened => opened,
    };
    let mut file = file.map_err(|fault| LedgerFault::of_file("", &fault))?;
    files::lock(&file).map_err(|fault| LedgerFault::of_file("", &fault))?;
    if !is_at(&file, &path).map_err(|error| LedgerFault::cannot("read it", &error))? {
        return Err(LedgerFault::in_use());
    }
    let mut start = [0; MAGIC.len()];
    if file.read_exact(&mut start).is_err() || start != MAGIC {
        return Err(LedgerFault::no_ledger());
    }
    Ok(Locked { path, file })
}

/// Resolves the folder of `path`, so that SQLite can be told to follow no links at all.
pub(in crate::ledger) fn resolve(path: &Path) -> Result<PathBuf, LedgerFault> {
    let name = path
        .file_name()
        .ok_or_else(|| LedgerFault::new("the path names no file", "give --ledger FILE"))?;
    let folder = fs::canonicalize(files::folder(path))
        .map_err(|error| LedgerFault::cannot("find its folder", &error))?;
    Ok(folder.join(name))
}

/// Checks, before SQLite opens anything, that nobody else can have written to the ledger at `path`
/// or to a file beside it. Opens nothing: closing a file would drop the locks that SQLite holds on
/// it in this process. Returns the kind of folder.
pub(in crate::ledger) fn examine(path: &Path) -> Result<Folder, LedgerFault> {
    let place = files::folder(path);
    let folder =
        Folder::of(place).map_err(|error| LedgerFault::cannot("read its folder", &error))?;
    let place = escape(&file_name(place));
    match folder {
        Folder::Ours | Folder::Shared => {}
        Folder::Open => {
            return Err(LedgerFault::new(
                format!("others may write to its folder `{place}`, and so replace it"),
                "take that from them (`chmod go-w` on the folder), or give a --ledger FILE in a \
                 folder of your own",
            ));
        }
        Folder::Foreign => {
            return Err(LedgerFault::new(
                format!("its folder `{place}` belongs to another user, who may replace it"),
                "run as that user, or give a --ledger FILE in a folder of your own",
            ));
        }
    }
    for side in SIDES {
        match fs::symlink_metadata(beside(path, side)) {
            Ok(meta) => {
                files::check(&meta).map_err(|fault| LedgerFault::of_file(side, &fault))?;
                if side == JOURNAL {
                    return Err(LedgerFault::planted(side));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(LedgerFault::of_file(side, &error.into())),
        }
    }
    Ok(folder)
}

/// Returns true if nobody can write beside the ledger at `path` and its `-wal` is empty: then it is
/// read as it is. Fails if there is something that cannot be read without writing.
pub(in crate::ledger) fn is_at_rest(path: &Path) -> Result<bool, LedgerFault> {
    if files::can_write_beside(path) {
        return Ok(false);
    }
    let is_empty =
        |side| fs::symlink_metadata(beside(path, side)).map_or(true, |meta| meta.len() == 0);
    match (is_empty(WAL), is_empty(SHM)) {
        (true, _) => Ok(true),
        (false, false) => Ok(false),
        (false, true) => Err(LedgerFault::new(
            "its last run did not come to its end, and what is left in its `-wal` cannot be read \
             in a folder that cannot be written",
            "copy the ledger and all files beside it to a folder of your own, and read it there",
        )),
    }
}

/// Copies a locked ledger and its `-wal` to `path`. The open file is used for the ledger: closing
/// another one would drop the locks that SQLite holds on it in this process. It holds none on a
/// `-wal`.
pub(in crate::ledger) fn copy(locked: &Locked, path: &Path) -> io::Result<()> {
    let mut from = &locked.file;
    from.rewind()?;
    io::copy(&mut from, &mut File::create_new(path)?)?;
    match fs::copy(beside(&locked.path, WAL), beside(path, WAL)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the number of bytes of the ledger at `path` and of its `-wal`.
pub(in crate::ledger) fn size(path: &Path) -> u64 {
    let size = |side| fs::symlink_metadata(beside(path, side)).map_or(0, |meta| meta.len());
    size("").saturating_add(size(WAL))
}

/// Returns the seal of the ledger at `path`.
pub(in crate::ledger) fn seal(path: &Path) -> PathBuf {
    beside(path, SEAL)
}

/// Returns a file of the ledger at `path`.
pub(in crate::ledger) fn side(path: &Path, side: Side) -> PathBuf {
    match side {
        Side::Ledger => path.into(),
        Side::Seal => seal(path),
        Side::Wal => beside(path, WAL),
        Side::Shm => beside(path, SHM),
    }
}

/// Returns true if `path` leads to exactly that file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let identity = |meta: &fs::Metadata| (meta.dev(), meta.ino());
    Ok(identity(&file.metadata()?) == identity(&fs::symlink_metadata(path)?))
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Creates the ledger, after its seal: a ledger without a seal is never a new one.
fn make(
    path: &Path,
    create: impl Fn(&Path, &str) -> Result<(), LedgerFault>,
) -> Result<(), LedgerFault> {
    if [WAL, SHM].iter().any(|side| is_there(&beside(path, side))) {
        return Err(LedgerFault::gone("-wal` or `-shm"));
    }
    let id = Seal::make(path)?;
    let failed = |error: &io::Error| LedgerFault::cannot("create it", error);
    files::place(
        path,
        |fresh| {
            let made = create(fresh.path(), &id);
            if made.is_err() {
                // On a full disk, SQLite cannot remove what it has begun.
                for side in [WAL, SHM, JOURNAL] {
                    drop(fs::remove_file(beside(fresh.path(), side)));
                }
            }
            made
        },
        failed,
    )
}

impl LedgerFault {
    /// The ledger, or the file beside it whose name is longer by `side`, is not acceptable.
    pub(in crate::ledger) fn of_file(side: &str, fault: &FileFault) -> Self {
        let it = if side.is_empty() { "it".into() } else { format!("the `{side}` file beside it") };
        let hint = match fault {
            FileFault::Io(error) if side.is_empty() => return Self::cannot("open it", error),
            FileFault::Io(error) => {
                return Self::cannot(&format!("read the `{side}` file beside it"), error);
            }
            FileFault::InUse => return Self::in_use(),
            FileFault::Foreign if side.is_empty() => "run as the user who made it",
            FileFault::Link | FileFault::NotRegular | FileFault::SeveralNames
                if side.is_empty() =>
            {
                "give the path of a regular file that has no other name"
            }
            FileFault::Writable | FileFault::Readable if side.is_empty() => {
                "anybody may have changed it: if nobody has, `chmod 600` it and run the same \
                 command again; otherwise restore it from a copy"
            }
            _ => return Self::planted_as(format!("{it} {fault}")),
        };
        Self::new(format!("{it} {fault}"), hint)
    }

    /// A file beside the ledger that no run has left there.
    fn planted(side: &str) -> Self {
        Self::planted_as(format!(
            "there is a `{side}` file beside it, and mfaferry never makes one"
        ))
    }

    fn planted_as(message: String) -> Self {
        Self::new(
            message,
            "SQLite would take it for a part of the ledger, so nothing was opened: find out who \
             put it there; if it is not of your last run, move it away and run the same command \
             again",
        )
    }
}
