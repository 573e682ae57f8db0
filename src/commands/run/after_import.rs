//! Results of `import` and `replace` besides the state of their rows.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    cli::CommandLine,
    commands::advice::next::Ended,
    input::SelectionCodes,
    jobs::SecretCount,
    ledger::Changes,
    model::{Lines, Shard},
    report::{AfterImport, SecretsIn},
    text::{file_argument, path_of},
};

/// Input of such a command, as far as its summary mentions it.
#[derive(Debug)]
pub(in crate::commands) struct ReadInput {
    /// True for `import`, which also reports what the input no longer has.
    pub(in crate::commands) is_import: bool,
    names: Vec<String>,
    secrets: SecretCount,
    selection: Option<SelectionCodes>,
    /// Number of its rows that belong to other shards; known once it has been read.
    pub(in crate::commands) n_passed: Arc<AtomicU64>,
    is_shard: bool,
}

impl ReadInput {
    /// Takes the names of its files, and the object that knows which file a line is in.
    pub(in crate::commands) fn of(names: &[String], lines: Lines) -> Self {
        let secrets = SecretCount::of(lines);
        let (selection, n_passed) = (None, Arc::default());
        Self {
            is_import: false,
            names: names.to_vec(),
            secrets,
            selection,
            n_passed,
            is_shard: false,
        }
    }

    /// Makes it the input of an import, with the codes of a selection, if it may be one.
    pub(in crate::commands) fn importing(self, selection: Option<SelectionCodes>) -> Self {
        Self { is_import: true, selection, ..self }
    }

    /// Makes it the input of a shard; `n_passed` counts the rows of others.
    pub(in crate::commands) fn of_shard(self, shard: Shard, n_passed: Arc<AtomicU64>) -> Self {
        Self { n_passed, is_shard: !shard.is_whole(), ..self }
    }

    /// Returns the codes for which another input's rows, now replaced by this one's, were refused;
    /// known once the input has been read.
    pub(super) fn selected_codes(&self) -> Vec<String> {
        self.selection.as_ref().map(SelectionCodes::seen).unwrap_or_default()
    }

    /// Returns the counter of its secrets.
    pub(in crate::commands) fn secret_count(&self) -> SecretCount {
        self.secrets.clone()
    }

    /// Returns what there is to report of a run that has ended, with the changes since earlier
    /// imports. Nothing is known of an input that was not read whole.
    pub(in crate::commands) fn end(
        &self,
        ended: &Ended<'_>,
        changes: Option<Changes>,
    ) -> AfterImport {
        let is_whole = ended.end.is_complete();
        let secrets_in = is_whole.then(|| self.secrets_in());
        let n_passed = self.is_shard.then(|| self.n_passed.load(Ordering::Relaxed));
        let after = AfterImport::of(secrets_in).rehearsed(ended.is_in_sandbox).of_shard(n_passed);
        if !self.is_import {
            return after;
        }
        let is_selection = is_whole && !self.selected_codes().is_empty();
        after.changing(changes, list_gone(ended.typed, ended.ledger)).selected(is_selection)
    }

    /// Returns the files that hold secrets and still exist. A pipe keeps nothing.
    fn secrets_in(&self) -> Vec<SecretsIn> {
        let (mut files, mut places) = (Vec::new(), HashSet::new());
        for (file, totp_secrets) in self.secrets.by_file() {
            let name = file.as_deref().or(self.names.first().map(String::as_str));
            let Some(name) = name.filter(|name| is_kept(name)) else { continue };
            // A file given twice, under whatever names, counts once.
            let path = path_of(name);
            let place = std::fs::canonicalize(&path).unwrap_or(path);
            if places.insert(place) {
                files.push(SecretsIn { file: name.to_owned(), totp_secrets });
            }
        }
        files
    }
}

fn is_kept(name: &str) -> bool {
    let is_kept = |meta: std::fs::Metadata| meta.is_file() || meta.is_dir();
    name != "-" && std::fs::metadata(path_of(name)).is_ok_and(is_kept)
}

/// Returns the command that lists created factors that the input no longer has. There is none for
/// an input whose format was given by a flag: in `report`, that flag means the format of the
/// output.
fn list_gone(typed: &CommandLine, ledger: &Path) -> Option<Vec<String>> {
    let is_readable = !typed.has("format") && !typed.values().any(|value| value == "-");
    let typed = typed.with_values_behind("not-in");
    let mut line = typed.with_command("report", &["ledger"]).filter(|_| is_readable)?;
    line.extend(["--ledger", &file_argument(ledger), "--state", "created"].map(String::from));
    Some(line)
}
