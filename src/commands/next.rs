//! `next` of a summary: the commands that make sense now, with the flags that were typed.

use std::{iter, path::Path};

use crate::{
    cli::CommandLine,
    engine::{End, Stop},
    error::{Error, Exit},
    explain::Action,
    report::{Explained, NextStep, Purpose, actions, to_retry},
};

/// A run that has ended.
pub(super) struct Ended<'a> {
    /// Its command line.
    pub(super) typed: &'a CommandLine,
    /// Reason of the end.
    pub(super) end: &'a End,
    /// Reasons of its rows, and of those that it has skipped.
    pub(super) reasons: Vec<&'a Explained>,
    /// True if rows need attention.
    pub(super) is_bad: bool,
    /// Its ledger.
    pub(super) ledger: &'a Path,
    /// True if nothing was really done.
    pub(super) is_dry_run: bool,
    /// True if its tenant has ended with it.
    pub(super) is_in_sandbox: bool,
}

impl Ended<'_> {
    /// Returns the commands in the order in which to run them.
    pub(super) fn next(&self) -> Vec<NextStep> {
        let commands = match self.end {
            End::Complete if self.is_dry_run => vec![],
            End::Complete if self.is_bad => return self.help(),
            End::Complete if self.is_in_sandbox => vec![],
            End::Complete => vec![self.verify(&["max-users"])],
            End::Stopped(Stop::MaxUsers(_)) => vec![self.verify(&[]), self.same(&["max-users"])],
            End::Stopped(_) => vec![self.same(&[])],
            End::Failed(error) if error.exit() == Exit::Stopped => vec![self.same(&[])],
            End::Failed(Error::NotReady { accept, .. }) => {
                vec![self.preflight(), self.accepting(accept)]
            }
            End::Failed(_) => vec![],
        };
        go_on(commands)
    }

    /// Helps with the rows that have not ended well, by what is wrong with them.
    fn help(&self) -> Vec<NextStep> {
        let actions = actions(self.reasons.iter().copied());
        let needs = |action| actions.contains(&action);
        let [select, import] = needs(Action::MendSource)
            .then(|| self.mend())
            .flatten()
            .map_or([None, None], |steps| steps.map(Some));
        let prove = needs(Action::ProveEncoding).then(|| self.prove()).flatten();
        // In a sandbox that has ended there is nobody to be asked again.
        let (mut again, mut verify) = (None, None);
        if !self.is_in_sandbox {
            let map = needs(Action::MendMap).then(|| self.same(&["retry", "max-users"]));
            // What could not be taken back is taken up by the next one.
            let undo = needs(Action::Retry) && self.typed.command() == "undo";
            again = self.retry().or(map.flatten()).or(undo.then(|| self.same(&[])).flatten());
            verify = needs(Action::Verify).then(|| self.verify(&["max-users"])).flatten();
        }
        let explain = (!self.reasons.is_empty()).then(NextStep::explain);
        let whole = |purpose, words: Option<_>| words.map(|words| NextStep::whole(purpose, words));
        let steps = [
            select,
            import.filter(|_| !self.is_in_sandbox),
            prove.map(|words| NextStep::to_fill_in(Purpose::Prove, words)),
            whole(Purpose::Retry, again),
            whole(Purpose::Verify, verify),
            explain,
            whole(Purpose::Rows, self.report()),
        ];
        steps.into_iter().flatten().collect()
    }

    fn same(&self, without: &[&str]) -> Option<Vec<String>> {
        self.typed.with_command(self.typed.command(), without)
    }

    /// Asks whether the tenant holds what was imported.
    fn verify(&self, without: &[&str]) -> Option<Vec<String>> {
        let is_import = self.typed.command() == "import";
        self.typed.with_command("verify", without).filter(|_| is_import)
    }

    /// Judges the tenant again, once it is mended.
    fn preflight(&self) -> Option<Vec<String>> {
        self.typed.with_command("preflight", &[])
    }

    /// Goes on in spite of what was found.
    fn accepting(&self, codes: &str) -> Option<Vec<String>> {
        let mut line = self.same(&["accept"])?;
        append(&mut line, &["--accept", codes]);
        Some(line)
    }

    /// Lists the rows, the bad ones with their reasons.
    fn report(&self) -> Option<Vec<String>> {
        let ledger = self.ledger.to_str()?;
        let line = ["mfaferry", "report", "--ledger", ledger, "--format", "jsonl"];
        Some(line.map(String::from).into())
    }

    /// Tries again what may end otherwise now.
    fn retry(&self) -> Option<Vec<String>> {
        let states = to_retry(&self.reasons).filter(|_| self.typed.takes("retry"))?;
        let mut line = self.same(&["retry", "max-users"])?;
        append(&mut line, &["--retry", &states]);
        Some(line)
    }

    /// Writes the rows that are to be mended to a file of their own, and imports that once they are.
    fn mend(&self) -> Option<[NextStep; 2]> {
        let inputs: Vec<_> = self.typed.values().collect();
        let (ledger, is_export) = (self.ledger.to_str()?, self.typed.has("from"));
        let end = mended(inputs.first()?, is_export);
        let is_known = inputs.iter().all(|input| *input != "-" && mended(input, is_export) == end);
        if self.typed.command() != "import" || !is_known {
            return None;
        }
        let out = free_name(&end);
        let mut select = self.typed.with_command("select", &["ledger"])?;
        append(&mut select, &["--ledger", ledger, "--with-reason", "--out", &out]);
        let without = ["ledger", "new-ledger", "retry", "max-users", "format"];
        let mut import = self.typed.with_value(&out).with_command("import", &without)?;
        append(&mut import, &["--ledger", ledger]);
        if is_export && end == "jsonl" {
            append(&mut import, &["--format", "jsonl"]);
        }
        let select = NextStep::whole(Purpose::Mend, select);
        // Where nothing is mended yet there is nothing to be imported.
        Some([select, NextStep::to_fill_in(Purpose::Import, import)])
    }

    /// Proves how a user's secret is read, whoever that is.
    fn prove(&self) -> Option<Vec<String>> {
        let without = ["ledger", "output", "quiet", "verbose", "log-format", "log-file"];
        let is_import = self.typed.command() == "import";
        let mut line = self.typed.with_command("check", &without).filter(|_| is_import)?;
        append(&mut line, &["--prove", "USER_ID", "--ledger", self.ledger.to_str()?]);
        Some(line)
    }
}

/// Adds flags to a command; behind a name that begins with a dash they would be names, too.
fn append(line: &mut Vec<String>, flags: &[&str]) {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, flags.iter().map(|flag| (*flag).to_owned()));
}

/// Returns the ending of the name that rows of `input` get in a file of their own: elements of documents
/// stand there a line each.
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

/// Returns a name with that ending that no file has yet.
fn free_name(end: &str) -> String {
    let names = (2..).map(|number| format!("mend-{number}.{end}"));
    let mut names = iter::once(format!("mend.{end}")).chain(names);
    names.find(|name| Path::new(name).symlink_metadata().is_err()).unwrap_or_default()
}

/// Returns the commands that make sense after `verify`: what it has found is listed, and one that did not
/// come to its end begins again.
pub(super) fn after_verify(typed: &CommandLine, is_complete: bool, is_bad: bool) -> Vec<NextStep> {
    let list = || {
        let mut line = typed.with_command("verify", &["output"])?;
        append(&mut line, &["--output", "jsonl"]);
        Some(NextStep::whole(Purpose::Rows, line))
    };
    match (is_complete, is_bad) {
        (true, true) => list().into_iter().collect(),
        (true, false) => Vec::new(),
        (false, _) => go_on(vec![typed.with_command("verify", &[])]),
    }
}

fn go_on(commands: Vec<Option<Vec<String>>>) -> Vec<NextStep> {
    let step = |words| NextStep::whole(Purpose::GoOn, words);
    commands.into_iter().flatten().map(step).collect()
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
