//! Files of an input: opened, measured, counted, and found in a folder.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Digests, Form, InputError};

/// Files of another system's export.
#[derive(Debug)]
pub struct Files {
    /// Their paths; `-`, alone, is standard input.
    pub paths: Vec<PathBuf>,
    /// Length of all of them, if all are regular files: such an input can be read again.
    pub len: Option<u64>,
}

impl Files {
    /// Finds the files that `paths` stand for. A folder stands for the files in it whose names end
    /// as those forms do, in the order of their names.
    pub fn of(paths: &[PathBuf], forms: &[Form], takes_folders: bool) -> Result<Self, InputError> {
        let mut files = Vec::new();
        for path in paths {
            if is_stdin(path) && paths.len() > 1 {
                return Err(InputError::StandardInput);
            }
            if takes_folders && path.is_dir() {
                files.append(&mut in_folder(path, forms)?);
            } else {
                files.push(path.clone());
            }
        }
        let mut len = Some(0);
        for file in &files {
            let length = if is_stdin(file) { None } else { open(file)?.1 };
            len = len.zip(length).map(|(all, length)| all + length);
        }
        Ok(Self { paths: files, len })
    }
}

fn in_folder(folder: &Path, forms: &[Form]) -> Result<Vec<PathBuf>, InputError> {
    let failed = |source| InputError::Open { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        // Archives from some systems include a shadow of each file.
        let is_hidden =
            file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let form = Form::of(&file).filter(|_| !is_hidden);
        if form.is_some_and(|form| forms.iter().any(|own| own.is_like(form))) && file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(InputError::EmptyFolder { path: folder.to_owned() });
    }
    Ok(found)
}

/// Opens a file, or standard input for `-`, and counts its bytes.
pub(super) fn open_counted(
    path: &Path,
    n_read: Arc<AtomicU64>,
    digests: Option<&Digests>,
) -> Result<Box<dyn Read + Send>, InputError> {
    if is_stdin(path) {
        return Ok(Box::new(CountingReader { reader: io::stdin(), n_read }));
    }
    Ok(Box::new(CountingReader { reader: open_noted(path, digests)?.0, n_read }))
}

/// Opens a file, with its length if it is a regular one, which `digests` then records.
pub(super) fn open_noted(
    path: &Path,
    digests: Option<&Digests>,
) -> Result<(Box<dyn Read + Send>, Option<u64>), InputError> {
    let (file, len) = open(path)?;
    Ok(match digests.filter(|_| len.is_some()) {
        Some(digests) => (Box::new(digests.reader(path, file)), len),
        None => (Box::new(file), len),
    })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file, with its length if it is a regular one.
pub(super) fn open(path: &Path) -> Result<(File, Option<u64>), InputError> {
    let failed = |source| InputError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(InputError::Directory { path: path.to_owned() });
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// Reader that counts the bytes read through it.
pub(super) struct CountingReader<R> {
    pub(super) reader: R,
    pub(super) n_read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(into)?;
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
