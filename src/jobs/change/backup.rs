//! Backup of methods that are about to be deleted: one user a line, in the format of `export`.
//!
//! One thread owns the file. It takes whatever waits, writes it, syncs once, and only then answers:
//! what was appended is durable when [`Backup::append`] returns. Lines are only ever added, so a
//! user's first line in a run is the oldest. The file is 0600: it may hold whole numbers.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::{
    error::Error,
    files::{self, FileFault, Mode},
    model::{Method, UserId, export_line},
    text::{escape, file_name},
};

/// Lines that may wait.
const LINES_QUEUED: usize = 1024;

type BackupLine = (Zeroizing<String>, oneshot::Sender<()>);

/// A handle to the backup of this run.
#[derive(Debug)]
pub struct Backup {
    lines: mpsc::Sender<BackupLine>,
    path: PathBuf,
}

impl Backup {
    /// Opens the backup at `path`, or creates it, and starts its thread. A line that a crash left
    /// unfinished is removed: nothing was deleted on the strength of it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| broken(path, source);
        let file = open(path)?;
        mend(&file).map_err(failed)?;
        let (lines, queue) = mpsc::channel(LINES_QUEUED);
        std::thread::Builder::new()
            .name("backup".into())
            .spawn(move || write_all(file, queue))
            .map_err(failed)?;
        Ok(Self { lines, path: path.into() })
    }

    /// Writes a user's methods; durable on return.
    pub async fn append(&self, user: &UserId, methods: &[Method]) -> Result<(), Error> {
        let lost = || {
            let source = io::Error::other("it failed before; nothing more is destroyed");
            broken(&self.path, source)
        };
        let (done, durable) = oneshot::channel();
        let line = Zeroizing::new(export_line(user, methods));
        self.lines.send((line, done)).await.map_err(|_| lost())?;
        durable.await.map_err(|_| lost())
    }
}

fn broken(path: &Path, source: io::Error) -> Error {
    let name = escape(&file_name(path));
    Error::Io { what: format!("writing the backup `{name}`"), source }
}

fn open(path: &Path) -> Result<File, Error> {
    let opened = files::open(path, Mode::Append).and_then(|file| {
        files::lock(&file)?;
        // The name of a new file becomes durable with its folder.
        files::sync_folder(path)?;
        Ok(file)
    });
    opened.map_err(|fault| match fault {
        FileFault::Io(source) => broken(path, source),
        fault => Error::usage(
            format!("the backup `{}` {fault}", escape(&file_name(path))),
            "give another --backup FILE",
        ),
    })
}

/// Truncates the file to its last whole line.
fn mend(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut block = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let size = usize::try_from(end - start).unwrap_or(block.len());
        let block = &mut block[..size];
        file.read_exact_at(block, start)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Runs until the last handle is dropped or something fails; callers that wait then learn it from
/// the closed channel.
fn write_all(mut file: File, mut queue: mpsc::Receiver<BackupLine>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(more) = queue.try_recv() {
            batch.push(more);
        }
        let written = batch
            .iter()
            .try_for_each(|(line, _)| file.write_all(line.as_bytes()))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            tracing::error!("the backup cannot be written: {}", error.kind());
            return;
        }
        for (_, done) in batch {
            // The caller that waited may have gone; that is no fault.
            if done.send(()).is_err() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::model::Raw;

    fn method(json: &str) -> Method {
        Method { raw: Raw::new(json), ..Method::default() }
    }

    #[tokio::test]
    async fn lines_are_added_whole_and_an_unfinished_one_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.jsonl");
        let user = UserId::parse("auth0|\"1").unwrap();
        let backup = Backup::open(&path).unwrap();
        backup.append(&user, &[method("{\"id\":1}"), method("{ \"id\": 2 }")]).await.unwrap();
        assert!(matches!(Backup::open(&path), Err(Error::Usage { .. })), "one at a time");
        drop(backup);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            whole,
            "{\"user_id\":\"auth0|\\\"1\",\"authentication_methods\":[{\"id\":1},{ \"id\": 2 }]}\n"
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for torn in ["{", &"x".repeat(9000)] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(torn.as_bytes()).unwrap();
            // The thread of the one before may still hold the lock.
            let backup = loop {
                match Backup::open(&path) {
                    Ok(backup) => break backup,
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            drop(backup);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        }
    }
}
