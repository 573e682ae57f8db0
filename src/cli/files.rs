//! Files that a command line names: what a command reads, and what it writes.

use std::path::{Path, PathBuf};

use super::{Cli, Command, FromSystem, Reading};
use crate::model::Shard;

/// Files of a command line.
#[derive(Debug, Default)]
pub struct NamedFiles {
    /// Inputs.
    pub read: Vec<PathBuf>,
    /// Outputs, with the flags that name them.
    pub written: Vec<(&'static str, PathBuf)>,
    /// File beside which the ledger is where nothing names one; `None` where it has to be named.
    pub beside: Option<PathBuf>,
    /// Shard of that ledger.
    pub shard: Option<Shard>,
}

impl Cli {
    /// Returns the files that it names. Defaults are not among them: they are new names beside what is
    /// named.
    pub fn files(&self) -> NamedFiles {
        let beside = self.command.recorded_beside();
        // The ledger of `resolve` is named by its output alone.
        let is_of_map = matches!(self.command, Command::Resolve(_));
        let shard = self.command.shard().filter(|_| !is_of_map);
        let mut files = NamedFiles { beside, shard, ..Default::default() };
        let (read, recording) = match &self.command {
            Command::Import(import) => {
                (with_map(&import.bulk.reading, &import.system), Some(&import.bulk.recording))
            }
            Command::Check(check) => {
                files.write("--ledger", check.ledger.as_deref());
                (with_map(&check.reading, &check.system), None)
            }
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
            Command::Resolve(resolve) => {
                files.write("--out", Some(&resolve.out));
                (resolve.paths(), Some(&resolve.recording))
            }
            Command::Preflight(preflight) => {
                (with_map(&preflight.reading, &preflight.system), None)
            }
            Command::Verify(verify) => (with_map(&verify.reading, &verify.system), None),
            Command::Report(report) => {
                files.write("--out", report.page.out.as_deref());
                let read = report.ledgers().chain(&report.page.verify);
                (read.cloned().chain(report.rows.paths()).collect(), None)
            }
            Command::Select(select) => {
                files.write("--out", select.out.as_deref());
                let mut read = with_map(&select.reading, &select.system);
                read.extend(select.ledger.clone());
                (read, None)
            }
            Command::Sandbox(sandbox) => {
                (sandbox.settings.iter().chain(&sandbox.users).cloned().collect(), None)
            }
            Command::Explain(_)
            | Command::Sources { .. }
            | Command::Completions { .. }
            | Command::Schema(_) => (Vec::new(), None),
        };
        files.read = read;
        let ledger = recording.and_then(|recording| recording.ledger.as_ref());
        files.write("--ledger", ledger.map(|ledger| Path::new(&ledger.value)));
        let talking = self.command.talking();
        let metrics = talking.and_then(|talking| talking.tenant.metrics_file);
        files.write("--metrics-file", metrics.as_ref().map(|file| Path::new(&file.value)));
        files.write("--log-file", self.output.log_file.as_deref());
        files
    }
}

impl Command {
    /// Returns the file that its ledger is beside by default.
    fn recorded_beside(&self) -> Option<PathBuf> {
        let reading = match self {
            Self::Import(it) => &it.bulk.reading,
            Self::Export(it) => &it.bulk.reading,
            Self::Replace(it) => &it.bulk.reading,
            Self::Update(it) => &it.bulk.reading,
            Self::Delete(it) => &it.bulk.reading,
            // Of the import before or after them.
            Self::Preflight(it) => &it.reading,
            Self::Verify(it) => &it.reading,
            Self::Resolve(it) => return Some(it.out.clone()),
            _ => return None,
        };
        match &reading.inputs[..] {
            [input] if input != "-" => Some(input.into()),
            _ => None,
        }
    }
}

/// Returns the inputs, and the map of their users.
fn with_map(reading: &Reading, system: &FromSystem) -> Vec<PathBuf> {
    reading.paths().into_iter().chain(system.users.clone()).collect()
}

impl NamedFiles {
    fn write(&mut self, flag: &'static str, path: Option<&Path>) {
        // Standard output is no file.
        let path = path.filter(|path| *path != Path::new("-"));
        self.written.extend(path.map(|path| (flag, path.to_owned())));
    }
}
