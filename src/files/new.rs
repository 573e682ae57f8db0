//! A new file that appears under its name completely or not at all, and never replaces another.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{folder, sync_folder};

/// File of mode 0600 that is being written. Until it is placed, nothing is left of it however the
/// process ends: it has no name, where the file system supports that.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    made: Made,
}

#[derive(Debug)]
enum Made {
    #[cfg(target_os = "linux")]
    Nameless(BufWriter<File>),
    Named(BufWriter<NamedTempFile>),
}

impl NewFile {
    /// Creates a file for `path`, which must not exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Errors must not name the temporary file, which the user does not know.
        let meta = std::fs::metadata(folder(path)).map_err(|error| error.kind())?;
        if !meta.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        #[cfg(target_os = "linux")]
        if let Ok(file) = nameless(folder(path)) {
            return Ok(Self { path: path.into(), made: Made::Nameless(BufWriter::new(file)) });
        }
        let named = tempfile::Builder::new().prefix(".mfaferry-new-").tempfile_in(folder(path))?;
        Ok(Self { path: path.into(), made: Made::Named(BufWriter::new(named)) })
    }

    /// Gives the file its name, durably. Fails if there is a file of that name by now.
    pub fn place(self) -> io::Result<()> {
        match self.made {
            #[cfg(target_os = "linux")]
            Made::Nameless(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                give_name(&file, &self.path)?;
            }
            Made::Named(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist_noclobber(&self.path).map_err(|error| error.error)?;
            }
        }
        sync_folder(&self.path)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.made {
            #[cfg(target_os = "linux")]
            Made::Nameless(file) => file.write(bytes),
            Made::Named(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.made {
            #[cfg(target_os = "linux")]
            Made::Nameless(file) => file.flush(),
            Made::Named(file) => file.flush(),
        }
    }
}

/// Open files of this process, through which an unnamed one can be linked.
#[cfg(target_os = "linux")]
const OWN_FILES: &str = "/proc/self/fd";

#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    std::fs::metadata(OWN_FILES)?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(open(folder, flags, Mode::RUSR | Mode::WUSR)?.into())
}

#[cfg(target_os = "linux")]
fn give_name(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let own = format!("{OWN_FILES}/{}", file.as_raw_fd());
    Ok(linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
    };

    use super::*;

    fn named(path: &Path) -> NewFile {
        let named = tempfile::Builder::new().tempfile_in(folder(path)).unwrap();
        NewFile { path: path.into(), made: Made::Named(BufWriter::new(named)) }
    }

    #[test]
    fn a_new_file_is_there_whole_with_mode_0600_or_not_at_all() {
        for make in [|path: &Path| NewFile::create(path).unwrap(), named] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x");
            let mut file = make(&path);
            file.write_all(&vec![b'a'; 100_000]).unwrap();
            assert!(!path.exists());
            drop(file);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

            let mut file = make(&path);
            file.write_all(b"abc").unwrap();
            file.place().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"abc");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_there_stays_whenever_it_came() {
        for make in [|path: &Path| NewFile::create(path).unwrap(), named] {
            for (name, is_link) in [("file", false), ("link", true)] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                let mut file = make(&path);
                file.write_all(b"new").unwrap();
                if is_link {
                    symlink("nowhere", &path).unwrap();
                } else {
                    fs::write(&path, "old").unwrap();
                }
                let place = file.place().unwrap_err();
                assert_eq!(place.kind(), io::ErrorKind::AlreadyExists, "{name}");
                let create = NewFile::create(&path).unwrap_err();
                assert_eq!(create.kind(), io::ErrorKind::AlreadyExists, "{name}");
                assert!(is_link || fs::read(&path).unwrap() == b"old");
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{name}");
            }
        }
    }
}
