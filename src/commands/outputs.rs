//! An output must not be what is being read, by whatever name or link, nor another output.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{cli::NamedFiles, error::Error, files, text::escape};

/// Refuses a command line that would write to what it reads, or twice to one file. Called before
/// anything is opened.
pub(super) fn keep_apart(named: &NamedFiles) -> Result<(), Error> {
    let read: Vec<_> = named.read.iter().filter(|path| *path != Path::new("-")).collect();
    for (index, (flag, path)) in named.written.iter().enumerate() {
        let shown = escape(&path.display().to_string());
        if read.iter().any(|input| is_same(input, path)) {
            return Err(Error::usage(
                format!("{flag} `{shown}` is a file that this command reads"),
                format!("give {flag} another name"),
            ));
        }
        let others = &named.written[..index];
        if let Some((other, _)) = others.iter().find(|(_, other)| is_same(other, path)) {
            return Err(Error::usage(
                format!("{other} and {flag} are the same file, `{shown}`"),
                format!("give {flag} another name"),
            ));
        }
    }
    Ok(())
}

/// Returns whether two names stand for one file, or would once it is there. A pipe or a terminal may
/// well be both ends.
fn is_same(one: &Path, other: &Path) -> bool {
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        (Err(_), Err(_)) => one == other || place(one).is_some_and(|at| Some(at) == place(other)),
        _ => false,
    }
}

/// Folder and name of a file that is not there yet.
fn place(path: &Path) -> Option<PathBuf> {
    Some(files::folder(path).canonicalize().ok()?.join(path.file_name()?))
}
