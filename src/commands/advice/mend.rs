//! Commands for rows that have to be mended: one that writes those of each input to a file, and one
//! that imports these files.

use std::{
    collections::BTreeSet,
    iter,
    path::{Path, PathBuf},
};

use super::next::append;
use crate::{
    cli::CommandLine,
    explain::Action,
    report::{Explained, LedgerReport, NextStep, Purpose, refused_in_tenant},
    text::{counted, file_argument, path_of},
};

/// Most inputs for which a command each is shown; more are described in words.
const MAX_COMMANDS: usize = 5;

/// Rows of an import that have to be mended.
pub(super) struct Mending<'a> {
    /// Its command line.
    pub(in crate::commands) typed: &'a CommandLine,
    /// Reasons of all its bad rows.
    pub(in crate::commands) reasons: &'a [&'a Explained],
    /// Its ledger.
    pub(in crate::commands) ledger: &'a Path,
    /// False if nothing can be imported any more.
    pub(in crate::commands) imports: bool,
}

impl Mending<'_> {
    /// Returns the commands; none where the input cannot be read again.
    pub(super) fn steps(&self) -> Vec<NextStep> {
        let is_to_mend = |group: &&Explained| group.action() == Action::MendSource;
        let is_any = self.reasons.iter().copied().any(|group| is_to_mend(&group));
        let ledger = &*file_argument(self.ledger);
        if self.typed.command() != "import" || !is_any {
            return Vec::new();
        }
        let inputs = self.inputs();
        let mut files: Vec<(String, PathBuf)> = Vec::new();
        let mut steps = Vec::new();
        for input in inputs.iter().take(MAX_COMMANDS) {
            let end = self.ending(input);
            let out = free_name(&end, &files);
            let Some(mut line) =
                self.typed.with_values(&[input]).with_command("select", &["ledger"])
            else {
                return Vec::new();
            };
            append(&mut line, &["--ledger", ledger, "--with-reason", "--out", &out]);
            steps.push(NextStep::whole(Purpose::Mend, line));
            files.push((end, out.into()));
        }
        let more = inputs.len().saturating_sub(MAX_COMMANDS);
        if let Some(last) = steps.last_mut().filter(|_| more > 0) {
            let files = counted(more as u64, "more file");
            last.remark =
                Some(format!("{files} to mend: select from each of them in the same way"));
        }
        if self.imports {
            steps.extend(self.import(ledger, &files));
        }
        steps
    }

    /// Returns the commands that import these files once they are mended, one for each format. They
    /// are for people alone, since until then there is nothing to import.
    fn import(&self, ledger: &str, files: &[(String, PathBuf)]) -> Vec<NextStep> {
        let mut ends: Vec<&str> = Vec::new();
        for (end, _) in files {
            if !ends.contains(&&**end) {
                ends.push(end);
            }
        }
        let import = |end: &str| {
            let names = files.iter().filter(|(other, _)| other == end);
            let names: Vec<_> = names.filter_map(|(_, name)| name.to_str()).collect();
            let without = ["ledger", "new-ledger", "retry", "max-users", "format"];
            let mut line = self.typed.with_values(&names).with_command("import", &without)?;
            append(&mut line, &["--ledger", ledger]);
            if self.is_export() && end == "jsonl" {
                append(&mut line, &["--format", "jsonl"]);
            }
            // A row that was mended in the tenant is the same row as before, and would be skipped.
            if let Some(states) = refused_in_tenant(self.reasons) {
                append(&mut line, &["--retry", &states]);
            }
            Some(NextStep::to_fill_in(Purpose::Import, line))
        };
        ends.into_iter().filter_map(import).collect()
    }

    /// Returns the inputs that have rows to mend; all of them, where that is not known. An input
    /// that came from a pipe cannot be read again.
    fn inputs(&self) -> Vec<&str> {
        let all = || self.typed.values().filter(|input| *input != "-");
        let groups = self.reasons.iter().filter(|group| group.action() == Action::MendSource);
        let mut files = BTreeSet::new();
        for group in groups {
            if group.has_more || group.places.iter().any(|place| place.file.is_none()) {
                return all().collect();
            }
            files.extend(group.places.iter().filter_map(|place| place.file.as_deref()));
        }
        // A place names a file; the input may be the folder that it is in.
        let has_some = |input: &&str| files.iter().any(|file| Path::new(file).starts_with(input));
        let known: Vec<_> = all().filter(has_some).collect();
        if known.is_empty() { all().collect() } else { known }
    }

    fn is_export(&self) -> bool {
        self.typed.has("from") || self.typed.has("from-export")
    }

    /// Returns the extension of the file for the rows of `input` that are to be mended.
    fn ending(&self, input: &str) -> String {
        let is_export = self.is_export();
        match self.typed.value_of("format").filter(|_| !is_export) {
            Some("csv") => "csv".into(),
            Some(_) => "jsonl".into(),
            None => mended(input, is_export),
        }
    }
}

/// Returns the extension of the file for rows of `input`: elements of documents are written one a
/// line.
fn mended(input: &str, is_export: bool) -> String {
    let input = Path::new(input);
    let is_packed = input.extension().is_some_and(|end| end == "gz" || end == "zst");
    let name = if is_packed { input.file_stem().map_or(input, Path::new) } else { input };
    match name.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase) {
        Some(end) if !["json", "yaml", "yml"].contains(&&*end) => end,
        None if !is_export => "csv".into(),
        _ => "jsonl".into(),
    }
}

/// Gives the files for mending in several reports different names: each report avoids the names of
/// files in the folder, but does not know the files that the other reports suggest.
pub(in crate::commands) fn name_apart(reports: &mut [LedgerReport]) {
    let mut taken: Vec<(String, PathBuf)> = Vec::new();
    for report in reports {
        let mut renamed = Vec::new();
        for step in report.next.iter_mut().filter(|step| step.purpose == Purpose::Mend) {
            let place = step.words.iter().rposition(|word| word == "--out");
            let Some(out) = place.and_then(|place| step.words.get_mut(place + 1)) else { continue };
            let end = Path::new(&*out).extension().and_then(|end| end.to_str()).unwrap_or_default();
            let (end, was) = (end.to_owned(), out.clone());
            if taken.iter().any(|(_, other)| *other == path_of(out)) {
                *out = free_name(&end, &taken);
            }
            taken.push((end, path_of(out)));
            renamed.push((was, out.clone()));
        }
        // The import of what has been mended.
        for step in report.next.iter_mut().filter(|step| step.purpose == Purpose::Import) {
            for word in &mut step.words {
                if let Some((_, name)) = renamed.iter().find(|(was, _)| was == word) {
                    word.clone_from(name);
                }
            }
        }
    }
}

/// Returns a name with that ending that neither a file nor one of `others` has yet.
fn free_name(end: &str, others: &[(String, PathBuf)]) -> String {
    let names = (2..).map(|number| format!("mend-{number}.{end}"));
    let mut names = iter::once(format!("mend.{end}")).chain(names);
    let is_free = |name: &String| {
        let path = Path::new(name);
        path.symlink_metadata().is_err() && others.iter().all(|(_, other)| other != path)
    };
    names.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_mending_is_named_by_the_form_that_rows_have_in_it() {
        for (input, is_export, end) in [
            ("factors.csv", false, "csv"),
            ("a/b.c/factors.CSV.gz", false, "csv"),
            ("factors.jsonl.zst", false, "jsonl"),
            ("factors.json", false, "jsonl"),
            ("realm.json", true, "jsonl"),
            ("users.csv", true, "csv"),
            ("uris.txt", true, "txt"),
            ("folder", true, "jsonl"),
            ("factors", false, "csv"),
        ] {
            assert_eq!(mended(input, is_export), end, "{input}");
        }
    }
}
