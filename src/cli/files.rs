//! Files that a command line names: what a command reads, and what it writes.

use std::path::{Path, PathBuf};

use super::{Cli, Command, FromSystem, Reading, Recording};
use crate::{model::Shard, text::path_of};

/// Files of a command line.
#[derive(Debug, Default)]
pub struct NamedFiles {
    /// Inputs.
    pub read: Vec<PathBuf>,
    /// Outputs, with the flags that name them.
    pub written: Vec<(&'static str, PathBuf)>,
    /// File next to which the default ledger is; `None` if the ledger must be named.
    pub beside: Option<PathBuf>,
    /// Shard of that ledger.
    pub shard: Option<Shard>,
}

impl Cli {
    /// Returns the files that the command line names. Defaults are not included: they are new names
    /// beside the named ones.
    pub fn files(&self) -> NamedFiles {
        let beside = self.command.recorded_beside();
        // The ledger of `resolve` belongs to its output alone.
        let is_of_map = matches!(self.command, Command::Resolve(_));
        let shard = self.command.shard().filter(|_| !is_of_map);
        let mut files = NamedFiles { beside, shard, ..Default::default() };
        files.read = [self.command.read(), self.command.facts_file()].concat();
        for (flag, path) in self.command.outputs() {
            files.write(flag, path);
        }
        let recording = self.command.recording();
        let ledger = recording.and_then(|recording| recording.ledger.as_ref());
        files.write("--ledger", ledger.map(|ledger| path_of(&ledger.value)).as_deref());
        let talking = self.command.talking();
        files.read.extend(talking.iter().flat_map(|talking| talking.tenant.paths()));
        let metrics = talking.and_then(|talking| talking.tenant.metrics_file);
        files.write("--metrics-file", metrics.map(|file| path_of(&file.value)).as_deref());
        files.write("--log-file", self.output.log_file.as_deref());
        files
    }
}

impl Command {
    /// Returns the files that it reads.
    fn read(&self) -> Vec<PathBuf> {
        match self {
            Self::Import(import) => with_map(&import.bulk.reading, &import.system),
            Self::Check(check) => with_map(&check.reading, &check.system),
            Self::Export(export) => export.bulk.reading.paths(),
            Self::Replace(replace) => replace.bulk.reading.paths(),
            Self::Update(update) => update.bulk.reading.paths(),
            Self::Delete(delete) => delete.bulk.reading.paths(),
            Self::Resolve(resolve) => resolve.paths(),
            Self::Preflight(preflight) => with_map(&preflight.reading, &preflight.system),
            Self::Verify(verify) => with_map(&verify.reading, &verify.system),
            Self::Report(report) => {
                let read = report.ledgers().chain(&report.page.verify);
                read.cloned().chain(report.rows.paths()).collect()
            }
            Self::Select(select) => {
                let mut read = with_map(&select.reading, &select.system);
                read.extend(select.ledger.clone());
                read
            }
            Self::Sandbox(sandbox) => sandbox.paths(),
            Self::Undo(_)
            | Self::Probe(_)
            | Self::Explain(_)
            | Self::Sources { .. }
            | Self::Completions { .. }
            | Self::Schema(_)
            | Self::Man(_) => Vec::new(),
        }
    }

    /// Returns the flags that name files to write, with their values.
    fn outputs(&self) -> Vec<(&'static str, Option<&Path>)> {
        match self {
            Self::Check(check) => vec![("--ledger", check.ledger.as_deref())],
            Self::Export(export) => vec![("--out", export.out.as_deref())],
            Self::Replace(replace) => vec![("--backup", replace.backup.as_deref())],
            Self::Delete(delete) => vec![("--backup", delete.deleting.backup.as_deref())],
            Self::Undo(undo) => vec![("--backup", undo.deleting.backup.as_deref())],
            Self::Resolve(resolve) => vec![("--out", Some(&resolve.out))],
            Self::Probe(probe) => vec![("--out", probe.out.as_deref())],
            Self::Report(report) => vec![("--out", report.page.out.as_deref())],
            Self::Select(select) => vec![("--out", select.out.as_deref())],
            _ => Vec::new(),
        }
    }

    /// Returns where it records what it does.
    fn recording(&self) -> Option<&Recording> {
        match self {
            Self::Import(import) => Some(&import.bulk.recording),
            Self::Export(export) => Some(&export.bulk.recording),
            Self::Replace(replace) => Some(&replace.bulk.recording),
            Self::Update(update) => Some(&update.bulk.recording),
            Self::Delete(delete) => Some(&delete.bulk.recording),
            Self::Undo(undo) => Some(&undo.recording),
            Self::Resolve(resolve) => Some(&resolve.recording),
            _ => None,
        }
    }

    /// Returns the file of facts about its tenant, if it names one.
    fn facts_file(&self) -> Vec<PathBuf> {
        let knowing = match self {
            Self::Import(it) => &it.knowing,
            Self::Preflight(it) => &it.knowing,
            Self::Verify(it) => &it.knowing,
            _ => return Vec::new(),
        };
        knowing.tenant_facts.iter().map(|facts| path_of(&facts.value)).collect()
    }

    /// Returns the file that its ledger lies beside by default.
    fn recorded_beside(&self) -> Option<PathBuf> {
        let reading = match self {
            Self::Import(it) => &it.bulk.reading,
            Self::Export(it) => &it.bulk.reading,
            Self::Replace(it) => &it.bulk.reading,
            Self::Update(it) => &it.bulk.reading,
            Self::Delete(it) => &it.bulk.reading,
            // The ledger is that of the import before or after them.
            Self::Preflight(it) => &it.reading,
            Self::Verify(it) => &it.reading,
            Self::Resolve(it) => return Some(it.out.clone()),
            _ => return None,
        };
        match &reading.inputs[..] {
            [input] if input != "-" => Some(path_of(input)),
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
        // Standard output is not a file.
        let path = path.filter(|path| *path != Path::new("-"));
        self.written.extend(path.map(|path| (flag, path.to_owned())));
    }
}
