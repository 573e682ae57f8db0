//! Several files as one input: opened together, and read one after the other, each in its own
//! format.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Dialect, Format, InputError, Shape, Source,
    files::{CountingReader, open_noted},
    scan,
};
use crate::{model::Lines, text::file_name};

/// A file that has not been started, and the files after it.
pub(super) struct NextFile {
    pub(super) name: String,
    pub(super) source: Source,
}

impl Source {
    /// Opens all of `paths`, to be read in that order. Standard input is `-`, which must be the
    /// only one.
    pub fn open_all(
        paths: &[PathBuf],
        dialect: &Dialect,
        shape: Shape,
    ) -> Result<Self, InputError> {
        if let [path] = paths {
            return Self::open(path, dialect, shape);
        }
        let n_read = Arc::default();
        let mut files = Vec::new();
        for path in paths {
            refuse_stdin(path)?;
            let (file, len) = open_noted(path, dialect.digests.as_ref())?;
            let format = dialect
                .format
                .map_or_else(|| Format::of(path), Ok)
                .map_err(|error| error.of_file(path))?;
            let reader = CountingReader { reader: file, n_read: Arc::clone(&n_read) };
            let source = Self { len, ..Self::of(Box::new(reader), format, dialect, shape) };
            files.push(NextFile { name: file_name(path), source });
        }
        let len = files.iter().map(|file| file.source.len).sum();
        let mut files = files.into_iter();
        let Some(first) = files.next() else {
            return Err(InputError::Empty);
        };
        let lines = Lines::several();
        lines.begin(0, &first.name);
        Ok(Self { len, bytes_read: n_read, lines, rest: files.collect(), ..first.source })
    }

    /// Goes on with the next file; returns false if there is none.
    pub(super) fn begin_next(&mut self) -> bool {
        let Some(NextFile { name, source }) = self.rest.pop_front() else {
            return false;
        };
        self.before += self.framer.n_lines();
        self.lines.begin(self.before, &name);
        self.framer = source.framer;
        self.body = source.body;
        self.open_lines.extend(self.open_line.take());
        true
    }

    /// Adds which file an error is about, if there are several.
    pub(super) fn located(&self, error: InputError) -> InputError {
        match self.lines.place(self.before + 1).file {
            Some(file) => error.of_file(Path::new(&*file)),
            None => error,
        }
    }
}

/// Scans each file like [`scan`]; `None` if one of them can be read only once.
pub fn scan_all(
    paths: &[PathBuf],
    dialect: &Dialect,
    shape: Shape,
) -> Result<Option<u64>, InputError> {
    if let [path] = paths {
        return scan(path, dialect, shape);
    }
    let mut all = Some(0);
    for path in paths {
        refuse_stdin(path)?;
        let rows = scan(path, dialect, shape).map_err(|error| error.of_file(path))?;
        all = all.zip(rows).map(|(all, rows)| all + rows);
    }
    Ok(all)
}

fn refuse_stdin(path: &Path) -> Result<(), InputError> {
    if path.as_os_str() == "-" { Err(InputError::StandardInput) } else { Ok(()) }
}
