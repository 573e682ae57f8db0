//! Facts that an import tells at its end besides what became of its rows.

use std::path::Path;

use crate::{
    cli::CommandLine,
    input::SelectionCodes,
    jobs::create::SecretCount,
    ledger::Changes,
    model::Lines,
    report::{AfterImport, SecretsIn},
};

/// Input of an import, as far as its summary is about it.
#[derive(Debug)]
pub(super) struct ReadImport {
    names: Vec<String>,
    secrets: SecretCount,
    selection: Option<SelectionCodes>,
}

impl ReadImport {
    /// Takes the names of its files, what says which of them a line is in, and what takes the codes of a
    /// selection, where it may be one.
    pub(super) fn of(names: &[String], lines: Lines, selection: Option<SelectionCodes>) -> Self {
        Self { names: names.to_vec(), secrets: SecretCount::of(lines), selection }
    }

    /// Returns the codes for which the rows of another input were refused that those of this one stand for;
    /// known once it has been read.
    pub(super) fn selected_codes(&self) -> Vec<String> {
        self.selection.as_ref().map(SelectionCodes::seen).unwrap_or_default()
    }

    /// Returns what counts the secrets of its rows.
    pub(super) fn secret_count(&self) -> SecretCount {
        self.secrets.clone()
    }

    /// Returns what there is to say. Nothing is known of an input that was not read whole.
    pub(super) fn end(
        &self,
        changes: Option<Changes>,
        (typed, ledger): (&CommandLine, &Path),
        is_in_sandbox: bool,
    ) -> AfterImport {
        let Some(changes) = changes else { return AfterImport::default() };
        let list = list_gone(typed, ledger);
        AfterImport::whole(changes, self.secrets_in())
            .listed_by(list)
            .rehearsed(is_in_sandbox)
            .selected(!self.selected_codes().is_empty())
    }

    /// Returns the files that hold secrets and are still there. A pipe keeps nothing.
    fn secrets_in(&self) -> Vec<SecretsIn> {
        let mut files: Vec<SecretsIn> = Vec::new();
        for (file, totp_secrets) in self.secrets.by_file() {
            let name = file.as_deref().or(self.names.first().map(String::as_str));
            let Some(name) = name.filter(|name| is_kept(name)) else { continue };
            // A file that is given twice has its secrets once.
            if files.iter().all(|known| known.file != name) {
                files.push(SecretsIn { file: name.to_owned(), totp_secrets });
            }
        }
        files
    }
}

fn is_kept(name: &str) -> bool {
    let is_kept = |meta: std::fs::Metadata| meta.is_file() || meta.is_dir();
    name != "-" && std::fs::metadata(name).is_ok_and(is_kept)
}

/// Returns the command that lists the created factors that the input no longer has. For one whose format
/// a flag had to say there is none: in `report` that flag names the output.
fn list_gone(typed: &CommandLine, ledger: &Path) -> Option<Vec<String>> {
    let is_readable = !typed.has("format") && !typed.values().any(|value| value == "-");
    let typed = typed.with_values_behind("not-in");
    let without = ["ledger", "quiet", "verbose", "log-format", "log-file"];
    let mut line = typed.with_command("report", &without).filter(|_| is_readable)?;
    line.extend(["--ledger", ledger.to_str()?, "--state", "created"].map(String::from));
    Some(line)
}
