//! Destination of an export or a map: a stream, or a file that appears under its name only once it
//! is complete.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    files::{self, FileFault, Mode},
    text::{escape, file_name},
};

/// See the module.
#[derive(Debug)]
pub enum Output {
    /// A stream: what is written there cannot be taken back.
    Stream(Stream),
    /// A file.
    File(Box<Whole>),
}

/// A stream. `Debug` does not show it.
pub struct Stream(Box<dyn Write + Send>);

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(…)")
    }
}

/// A file that grows beside its final place, as `FILE.partial`.
#[derive(Debug)]
pub struct Whole {
    path: PathBuf,
    partial: PathBuf,
    /// Opened for the first line.
    file: Option<BufWriter<File>>,
    /// Lines that earlier runs have written, according to the ledger.
    lines: u64,
}

impl Output {
    /// Makes an output to a stream.
    pub fn stream(stream: Box<dyn Write + Send>) -> Self {
        Self::Stream(Stream(stream))
    }

    /// Makes an output to the file at `path`, of which earlier runs have written `lines` lines.
    pub fn file(path: &Path, lines: u64) -> Result<Self, Error> {
        let partial = files::beside(path, ".partial");
        let whole = Whole { path: path.into(), partial, file: None, lines };
        if path.is_dir() {
            return Err(Error::usage(
                format!("`{}` is a directory", whole.name()),
                "give --out the name of a file",
            ));
        }
        // Checked before the tenant is asked for anything.
        if let Ok(meta) = whole.partial.symlink_metadata() {
            files::check(&meta).map_err(|fault| whole.refused(&whole.partial, fault))?;
        }
        if lines > 0 && !whole.partial.exists() && !path.exists() {
            return Err(whole.missing());
        }
        Ok(Self::File(Box::new(whole)))
    }

    /// Adds a line.
    pub(super) fn write(&mut self, line: &str) -> Result<(), Error> {
        match self {
            Self::Stream(stream) => stream
                .0
                .write_all(line.as_bytes())
                .map_err(|source| Error::Io { what: "writing to standard output".into(), source }),
            Self::File(whole) => whole.write(line),
        }
    }

    /// Makes everything written so far durable, as far as possible.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        match self {
            Self::Stream(stream) => stream
                .0
                .flush()
                .map_err(|source| Error::Io { what: "writing to standard output".into(), source }),
            Self::File(whole) => {
                let Some(file) = &mut whole.file else {
                    return Ok(());
                };
                let synced = file.flush().and_then(|()| file.get_ref().sync_data());
                synced.map_err(|source| whole.failed(source))
            }
        }
    }

    /// Replaces some lines, by their numbers from 0, all at once and durably.
    pub(super) fn mend(&mut self, lines: &BTreeMap<u64, String>) -> Result<(), Error> {
        match self {
            Self::Stream(_) => Err(Error::Internal("a stream cannot be mended".into())),
            Self::File(whole) => whole.mend(lines),
        }
    }

    /// Gives the file its final name.
    pub(super) fn complete(&mut self) -> Result<(), Error> {
        match self {
            Self::Stream(_) => self.sync(),
            Self::File(whole) => whole.complete(),
        }
    }
}

impl Whole {
    fn write(&mut self, line: &str) -> Result<(), Error> {
        if self.file.is_none() {
            self.file = Some(self.open()?);
        }
        let Some(file) = &mut self.file else {
            return Err(Error::Internal("no file to export to".into()));
        };
        file.write_all(line.as_bytes()).map_err(|source| self.failed(source))
    }

    /// Opens the partial file, cut to as many lines as the ledger knows of.
    fn open(&self) -> Result<BufWriter<File>, Error> {
        let failed = |source| self.failed(source);
        if self.lines > 0 && !self.partial.exists() {
            // The file was complete once, and now there is more to be added.
            let from = files::open(&self.path, Mode::Existing);
            let mut from = from.map_err(|fault| self.refused(&self.path, fault))?;
            let mut to = self.create()?;
            io::copy(&mut from, &mut to).map_err(failed)?;
        }
        let file = self.create()?;
        let mut reader = BufReader::new(&file);
        let (mut end, mut lines) = (0, 0);
        while lines < self.lines {
            let (size, whole) = pass_line(&mut reader).map_err(failed)?;
            if !whole {
                return Err(self.missing());
            }
            (end, lines) = (end + size, lines + 1);
        }
        file.set_len(end).map_err(failed)?;
        let mut file = file;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(BufWriter::new(file))
    }

    fn create(&self) -> Result<File, Error> {
        let made = files::open(&self.partial, Mode::Create).and_then(|file| {
            files::lock(&file)?;
            Ok(file)
        });
        made.map_err(|fault| self.refused(&self.partial, fault))
    }

    fn complete(&mut self) -> Result<(), Error> {
        if self.file.is_none() {
            // Nothing was added: it may be complete already.
            if !self.partial.exists() && self.path.exists() && self.lines > 0 {
                return Ok(());
            }
            self.file = Some(self.open()?);
        }
        if let Some(file) = &mut self.file {
            let synced = file.flush().and_then(|()| file.get_ref().sync_all());
            synced.map_err(|source| self.failed(source))?;
        }
        files::rename(&self.partial, &self.path).map_err(|source| self.failed(source))
    }

    /// Writes the file anew beside itself, so that there is a complete one at any time.
    fn mend(&mut self, lines: &BTreeMap<u64, String>) -> Result<(), Error> {
        let before = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let before = before.into_inner().map_err(|error| self.failed(error.into_error()))?;
        let place = files::beside(&self.path, ".mended");
        let made =
            files::open(&place, Mode::Create).map_err(|fault| self.refused(&place, fault))?;
        let mended = rewrite(before, made, lines).and_then(|mended| {
            files::rename(&place, &self.partial)?;
            files::lock(&mended).map_err(|_| io::ErrorKind::ResourceBusy)?;
            Ok(mended)
        });
        self.file = Some(BufWriter::new(mended.map_err(|source| self.failed(source))?));
        Ok(())
    }

    fn name(&self) -> String {
        escape(&file_name(&self.path))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { what: format!("writing `{}`", self.name()), source }
    }

    fn refused(&self, path: &Path, fault: FileFault) -> Error {
        match fault {
            FileFault::Io(source) => self.failed(source),
            fault => Error::usage(
                format!("`{}` {fault}", escape(&file_name(path))),
                "move it away, or give --out another name",
            ),
        }
    }

    fn missing(&self) -> Error {
        Error::usage(
            format!(
                "the ledger says that {} lines have been written, but `{}` does not have them",
                self.lines,
                self.name()
            ),
            "put the file (or its `.partial`) back, or give another --ledger to begin anew",
        )
    }
}

/// Copies a file with some of its lines replaced; durable on return.
fn rewrite(mut from: File, to: File, lines: &BTreeMap<u64, String>) -> io::Result<File> {
    from.seek(SeekFrom::Start(0))?;
    to.set_len(0)?;
    let (mut reader, mut writer) = (BufReader::new(from), BufWriter::new(to));
    let (mut line, mut number) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        match lines.get(&number) {
            Some(other) => writer.write_all(other.as_bytes())?,
            None => writer.write_all(&line)?,
        }
        line.clear();
        number += 1;
    }
    let to = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    to.sync_all()?;
    Ok(to)
}

/// Skips one line; returns its length, and whether it had an end.
fn pass_line(reader: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let mut size = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok((size, false));
        }
        let end = memchr::memchr(b'\n', buffer);
        let taken = end.map_or(buffer.len(), |at| at + 1);
        size += taken as u64;
        reader.consume(taken);
        if end.is_some() {
            return Ok((size, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn write(path: &Path, known: u64, lines: &[&str], complete: bool) -> Result<(), Error> {
        let mut output = Output::file(path, known)?;
        lines.iter().try_for_each(|line| output.write(line))?;
        output.sync()?;
        if complete { output.complete() } else { Ok(()) }
    }

    #[test]
    fn lines_are_mended_in_their_places_whether_the_file_was_whole_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.csv");
        write(&path, 0, &["0\n", "1\n", "2\n"], true).unwrap();
        let mut output = Output::file(&path, 3).unwrap();
        let mended = |number: u64, text: &str| BTreeMap::from([(number, text.to_owned())]);
        output.mend(&mended(1, "one is longer\n")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "0\n1\n2\n", "until it is complete");
        output.write("3\n").unwrap();
        output.mend(&mended(3, "three\n")).unwrap();
        output.write("4\n").unwrap();
        output.complete().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "0\none is longer\n2\nthree\n4\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_file_is_in_its_place_only_once_it_is_whole_and_goes_on_where_the_ledger_knows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let partial = folder.path().join("out.jsonl.partial");
        write(&path, 0, &["1\n", "2\n", "3"], false).unwrap();
        assert!(!path.exists());
        // The ledger only knows of one line: the rest is written anew.
        write(&path, 1, &["2\n", "3\n"], true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
        assert!(!partial.exists());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Nothing to add: it stays as it is. More to add: it is added.
        write(&path, 3, &[], true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
        write(&path, 3, &["4\n"], true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n3\n4\n");
        // Another export begins anew, whatever was there.
        write(&path, 0, &["x\n"], true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
        assert!(matches!(write(&path, 2, &["y\n"], true), Err(Error::Usage { .. })));
        fs::remove_file(&path).unwrap();
        fs::remove_file(&partial).unwrap();
        assert!(matches!(write(&path, 1, &[], true), Err(Error::Usage { .. })));
        write(&path, 0, &[], true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
