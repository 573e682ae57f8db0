//! Files that a command line names: what a command reads, and what it writes.

use std::path::{Path, PathBuf};

use super::{Cli, Command};

/// Files of a command line.
#[derive(Debug, Default)]
pub struct NamedFiles {
    /// Inputs.
    pub read: Vec<PathBuf>,
    /// Outputs, with the flags that name them.
    pub written: Vec<(&'static str, PathBuf)>,
}

impl Cli {
    /// Returns the files that it names. Defaults are not among them: they are new names beside what is
    /// named.
    pub fn files(&self) -> NamedFiles {
        let mut files = NamedFiles::default();
        let (read, recording) = match &self.command {
            Command::Import(import) => (import.bulk.reading.paths(), Some(&import.bulk.recording)),
            Command::Check(check) => (check.reading.paths(), None),
            Command::Export(export) => {
                files.write("--out", export.out.as_deref());
                (export.bulk.reading.paths(), Some(&export.bulk.recording))
            }
            Command::Replace(replace) => {
                files.write("--backup", replace.backup.as_deref());
                (replace.bulk.reading.paths(), Some(&replace.bulk.recording))
            }
            Command::Update(update) => (update.bulk.reading.paths(), Some(&update.bulk.recording)),
            Command::Delete(delete) => {
                files.write("--backup", delete.deleting.backup.as_deref());
                (delete.bulk.reading.paths(), Some(&delete.bulk.recording))
            }
            Command::Undo(undo) => {
                files.write("--backup", undo.deleting.backup.as_deref());
                (Vec::new(), Some(&undo.recording))
            }
            Command::Verify(verify) => (verify.reading.paths(), None),
            Command::Report(report) => {
                (report.ledger.iter().chain(&report.file).cloned().collect(), None)
            }
            Command::Sandbox(sandbox) => (sandbox.settings.iter().cloned().collect(), None),
            Command::Completions { .. } => (Vec::new(), None),
        };
        files.read = read;
        let ledger = recording.and_then(|recording| recording.ledger.as_ref());
        files.write("--ledger", ledger.map(|ledger| Path::new(&ledger.value)));
        files.write("--log-file", self.output.log_file.as_deref());
        files
    }
}

impl NamedFiles {
    fn write(&mut self, flag: &'static str, path: Option<&Path>) {
        self.written.extend(path.map(|path| (flag, path.to_owned())));
    }
}
