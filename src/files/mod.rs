//! The one way to open a private file: no link is followed, nothing blocks, and the opened file is
//! a regular one of the user's own, with one name, that nobody else may write to. And storage for
//! data that does not fit into memory: unnamed files.

mod locked;
mod lookup;
mod new;
mod runs;
mod scratch;

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, OFlags, access},
    io::Errno,
};
use tempfile::NamedTempFile;

pub use locked::is_locked;
pub use lookup::Lookup;
pub use new::NewFile;
pub use runs::{Runs, Sorted};
pub use scratch::Scratch;

/// Mode bits of everybody but the owner.
const MODE_OF_OTHERS: u32 = 0o077;
/// Mode bit that lets the group write.
const GROUP_WRITE: u32 = 0o020;
/// Mode bit that lets anybody write.
const ANYBODY_WRITE: u32 = 0o002;
/// Sticky bit: in a folder that has it, only a file's owner can remove or rename the file.
const STICKY: u32 = 0o1000;

/// Reason why a file is not accepted as a private one.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A link could lead anywhere.
    #[error("is a symbolic link")]
    Link,
    /// A folder, a pipe, a socket or a device.
    #[error("is not a regular file")]
    NotRegular,
    /// Its owner can read and change it at any time.
    #[error("belongs to another user")]
    Foreign,
    /// Anything written to it also appears under another name.
    #[error("has more than one name (a hard link)")]
    SeveralNames,
    /// Its contents may come from anybody.
    #[error("can be written by other users")]
    Writable,
    /// Anything written to it can be read by others.
    #[error("can be read by other users")]
    Readable,
    /// Another process holds its lock.
    #[error("is in use by another process")]
    InUse,
}

impl FileFault {
    /// Returns the kind of the operating system's error, where it is one.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io(error) => Some(error.kind()),
            _ => None,
        }
    }
}

/// Way of opening a private file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An existing file, to be read and written.
    Existing,
    /// A file that is created if there is none, to be read and written.
    Create,
    /// The same, but everything is written to its end.
    Append,
}

/// Opens a private file. If others could read it, its mode is set to 0600.
pub fn open(path: &Path, mode: Mode) -> Result<File, FileFault> {
    let file = open_any(path, mode)?;
    let meta = file.metadata()?;
    check(&meta)?;
    if meta.mode() & MODE_OF_OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Opens a log for appending. A log that others can read is refused, since they may have it open
/// already; a device keeps nothing and is accepted.
pub fn open_log(path: &Path) -> Result<File, FileFault> {
    let file = open_any(path, Mode::Append)?;
    let meta = file.metadata()?;
    if meta.file_type().is_char_device() {
        return Ok(file);
    }
    check(&meta)?;
    if meta.mode() & MODE_OF_OTHERS == 0 { Ok(file) } else { Err(FileFault::Readable) }
}

fn open_any(path: &Path, mode: Mode) -> Result<File, FileFault> {
    // Without NONBLOCK a pipe would wait for its other end, and without NOCTTY a terminal would
    // become the controlling one.
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .write(mode != Mode::Append)
        .append(mode == Mode::Append)
        .create(mode != Mode::Existing)
        .truncate(false)
        .mode(0o600)
        .custom_flags(raw(flags))
        .open(path)
        .map_err(fault)
}

fn raw(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn fault(error: io::Error) -> FileFault {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP | Errno::MLINK) => FileFault::Link,
        // A folder or a socket.
        Some(Errno::ISDIR | Errno::NXIO) => FileFault::NotRegular,
        _ => FileFault::Io(error),
    }
}

/// Checks that a file is regular, the user's own, with one name, and that nobody else may write to
/// it. `meta` must be of the file itself, not of what a link leads to.
pub fn check(meta: &Metadata) -> Result<(), FileFault> {
    if meta.is_symlink() {
        Err(FileFault::Link)
    } else if !meta.is_file() {
        Err(FileFault::NotRegular)
    } else if meta.uid() != user() {
        Err(FileFault::Foreign)
    } else if meta.nlink() != 1 {
        Err(FileFault::SeveralNames)
    } else if can_others_write(meta) {
        Err(FileFault::Writable)
    } else {
        Ok(())
    }
}

/// Locks a file for this process until it is closed.
pub fn lock(file: &File) -> Result<(), FileFault> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(FileFault::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Folders, by who may put files into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// The user alone, and root.
    Ours,
    /// Anybody, but the user's files stay as they are: the folder is sticky, as `/tmp` is.
    Shared,
    /// Its owner is another user, who may replace anything in it.
    Foreign,
    /// Others may replace anything in it.
    Open,
}

impl Folder {
    /// Examines the folder at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        let others = meta.mode() & ANYBODY_WRITE != 0
            || meta.mode() & GROUP_WRITE != 0 && !is_ours_alone(&meta);
        Ok(match others {
            _ if meta.uid() != user() && meta.uid() != 0 => Self::Foreign,
            false => Self::Ours,
            true if meta.mode() & STICKY != 0 => Self::Shared,
            true => Self::Open,
        })
    }
}

/// Returns true if others may write to a file. Kubernetes gives each file of a volume to the group
/// `fsGroup`, with write permission, whenever a pod starts: if that group is the user's alone, the
/// files are still the user's own. Root's group often has members.
fn can_others_write(file: &Metadata) -> bool {
    let is_safe_group = is_ours_alone(file) && file.gid() != 0;
    file.mode() & ANYBODY_WRITE != 0 || file.mode() & GROUP_WRITE != 0 && !is_safe_group
}

/// Returns true if the group of a file or a folder is the private one that many systems give each
/// user: it has the user's number and no other members.
fn is_ours_alone(meta: &Metadata) -> bool {
    meta.gid() == user() && meta.gid() == rustix::process::getegid().as_raw()
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns true if files can be made beside `path`.
pub fn can_write_beside(path: &Path) -> bool {
    access(folder(path), Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Returns the folder that contains `path`.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the file beside `path` whose name is longer by `suffix`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Writes a file under a temporary name and renames it once it is durable: a kill in between leaves
/// no half-written file for a later run to guess about. An existing file stays.
pub fn place<E>(
    path: &Path,
    fill: impl FnOnce(&mut NamedTempFile) -> Result<(), E>,
    failed: impl Fn(&io::Error) -> E,
) -> Result<(), E> {
    let fresh = tempfile::Builder::new().prefix(".mfaferry-new-").tempfile_in(folder(path));
    let mut fresh = fresh.map_err(|error| failed(&error))?;
    fill(&mut fresh)?;
    fresh.as_file().sync_all().map_err(|error| failed(&error))?;
    match fresh.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(&error.error)),
    }
    sync_folder(path).map_err(|error| failed(&error))
}

/// Reads up to `most` bytes of a regular file, whoever owns it; none if there is no file.
pub fn peek(path: &Path, most: u64) -> Result<Vec<u8>, FileFault> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(raw(flags)).open(path);
    let file = match opened.map_err(fault) {
        Err(FileFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(FileFault::NotRegular);
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Atomically replaces a file that everybody may read: a reader finds the old one or the new one,
/// whole. It need not survive a crash, so nothing waits for the disk.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // Errors must not name the temporary file, which the user does not know.
    let fresh = tempfile::Builder::new().prefix(".mfaferry-new-").tempfile_in(folder(path));
    let mut fresh = fresh.map_err(unnamed)?;
    fresh.write_all(content).map_err(unnamed)?;
    fresh.as_file().set_permissions(Permissions::from_mode(0o644))?;
    fresh.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes the name of the temporary file that `tempfile` adds to the system's error.
fn unnamed(error: io::Error) -> io::Error {
    let told = error.to_string();
    match told.split_once(" at path ") {
        Some((told, _)) => io::Error::new(error.kind(), told),
        None => error,
    }
}

/// Renames a durable file, durably; an existing file of that name is replaced.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(to)
}

/// Makes the name of a new file durable by syncing its folder.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// Says so past the test's capture.
    fn untested(what: &str) {
        let message = format!("\nNOT TESTED: {what}: needs root\n");
        io::stderr().write_all(message.as_bytes()).unwrap();
    }

    /// Puts something hostile where a file is to be opened. Returns false if this machine cannot.
    fn hostile(name: &str, path: &Path) -> bool {
        let aside = path.with_extension("aside");
        match name {
            "folder" => fs::create_dir(path).unwrap(),
            "pipe" => {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
            }
            "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
            "link" => {
                fs::write(&aside, "").unwrap();
                symlink(&aside, path).unwrap();
            }
            "link to nothing" => symlink(&aside, path).unwrap(),
            "hard link" => {
                fs::write(&aside, "").unwrap();
                fs::hard_link(&aside, path).unwrap();
            }
            "another user's" => {
                fs::write(path, "").unwrap();
                return chown(path, Some(12_345), None).is_ok();
            }
            "for all to write" | "for the group to write" => {
                fs::write(path, "").unwrap();
                let mode = if name == "for all to write" { 0o602 } else { 0o620 };
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
            _ => unreachable!("{name}"),
        }
        true
    }

    #[test]
    fn what_is_no_private_file_is_refused_whichever_way_it_is_opened_and_nothing_blocks() {
        for (name, fault) in [
            ("folder", "is not a regular file"),
            ("pipe", "is not a regular file"),
            ("socket", "is not a regular file"),
            ("link", "is a symbolic link"),
            ("link to nothing", "is a symbolic link"),
            ("hard link", "has more than one name (a hard link)"),
            ("another user's", "belongs to another user"),
            ("for all to write", "can be written by other users"),
            ("for the group to write", "can be written by other users"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x");
            if !hostile(name, &path) {
                untested(name);
                continue;
            }
            if fault == "is not a regular file" || fault == "is a symbolic link" {
                assert_eq!(peek(&path, 10).unwrap_err().to_string(), fault, "{name}");
            }
            for mode in [Mode::Existing, Mode::Create, Mode::Append] {
                assert_eq!(open(&path, mode).unwrap_err().to_string(), fault, "{name} {mode:?}");
            }
            assert_eq!(open_log(&path).unwrap_err().to_string(), fault, "{name}");
            let meta = fs::symlink_metadata(&path).unwrap();
            assert_eq!(check(&meta).unwrap_err().to_string(), fault, "{name}");
        }
    }

    #[test]
    fn a_file_is_made_0600_and_made_so_but_a_log_that_others_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert_eq!(open(&path, Mode::Existing).unwrap_err().kind(), Some(io::ErrorKind::NotFound));
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        drop(open_log(&path).unwrap());
        assert_eq!(mode(), 0o600);
        for others in [0o604, 0o640, 0o644, 0o700 | 0o055] {
            fs::set_permissions(&path, Permissions::from_mode(others)).unwrap();
            assert!(matches!(open_log(&path), Err(FileFault::Readable)), "{others:o}");
            drop(open(&path, Mode::Create).unwrap());
            assert_eq!(mode(), 0o600);
        }
        let first = open(&path, Mode::Create).unwrap();
        lock(&first).unwrap();
        assert!(matches!(lock(&open(&path, Mode::Append).unwrap()), Err(FileFault::InUse)));
    }

    #[test]
    fn a_folder_is_as_safe_as_those_who_may_write_to_it() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, owner, expected) in [
            (0o700, None, Folder::Ours),
            (0o755, None, Folder::Ours),
            (0o757, None, Folder::Open),
            (0o777, None, Folder::Open),
            (0o1777, None, Folder::Shared),
            (0o775, Some(54_321), Folder::Open),
            (0o1775, Some(54_321), Folder::Shared),
            (0o755, Some(54_321), Folder::Ours),
        ] {
            if owner.is_some() && chown(folder.path(), None, owner).is_err() {
                untested("a folder of another group");
                continue;
            }
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(Folder::of(folder.path()).unwrap(), expected, "{mode:o} {owner:?}");
        }
        for mode in [0o700, 0o1777] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            if chown(folder.path(), Some(12_345), None).is_err() {
                untested("a folder of another user");
                continue;
            }
            assert_eq!(Folder::of(folder.path()).unwrap(), Folder::Foreign, "{mode:o}");
        }
    }
}
