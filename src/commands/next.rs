//! `next` of a summary: the commands that make sense now, with the flags that were typed.

use std::{collections::BTreeSet, path::Path};

use crate::{
    cli::CommandLine,
    engine::{End, Stop},
    error::{Error, Exit},
    explain::Action,
    model::State,
    report::{Explained, NextStep, Purpose},
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
        let go_on = |command: Option<Vec<String>>| (Purpose::GoOn, command);
        let commands = match self.end {
            End::Complete if self.is_dry_run => vec![],
            End::Complete if self.is_bad => self.help(),
            End::Complete if self.is_in_sandbox => vec![],
            End::Complete => vec![go_on(self.verify(&["max-users"]))],
            End::Stopped(Stop::MaxUsers(_)) => {
                vec![go_on(self.verify(&[])), go_on(self.same(&["max-users"]))]
            }
            End::Stopped(_) => vec![go_on(self.same(&[]))],
            End::Failed(error) if error.exit() == Exit::Stopped => vec![go_on(self.same(&[]))],
            End::Failed(Error::NotReady { accept, .. }) => {
                vec![go_on(self.preflight()), go_on(self.accepting(accept))]
            }
            End::Failed(_) => vec![],
        };
        let step = |(purpose, words): (Purpose, Option<Vec<String>>)| {
            words.map(|words| NextStep { purpose, words })
        };
        commands.into_iter().filter_map(step).collect()
    }

    /// Helps with the rows that have not ended well, by what is wrong with them.
    fn help(&self) -> Vec<(Purpose, Option<Vec<String>>)> {
        let actions: BTreeSet<Action> = self.reasons.iter().map(|group| group.action()).collect();
        let needs = |action| actions.contains(&action);
        let is_import = self.typed.command() == "import";
        let mend = needs(Action::MendSource).then(|| self.mend()).flatten();
        let prove = (needs(Action::ProveEncoding) && is_import).then(|| self.prove()).flatten();
        let explain = !self.reasons.is_empty();
        // In a sandbox that has ended there is nobody to be asked again.
        let (mut again, mut verify) = (None, None);
        if !self.is_in_sandbox {
            let map = needs(Action::MendMap).then(|| self.same(&["retry", "max-users"]));
            again = self.retry().or(map.flatten());
            verify = needs(Action::Verify).then(|| self.verify(&["max-users"])).flatten();
        }
        vec![
            (Purpose::Mend, mend),
            (Purpose::Prove, prove),
            (Purpose::Retry, again),
            (Purpose::Verify, verify),
            (
                Purpose::Explain,
                explain.then(|| ["mfaferry", "explain", "CODE"].map(str::to_owned).into()),
            ),
            (Purpose::Rows, self.report()),
        ]
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

    /// Tries again what has failed, and what the tenant has refused for a reason that can be done away with
    /// there. What is wrong in the input would be refused again.
    fn retry(&self) -> Option<Vec<String>> {
        let has = |wanted: State, actions: &[Action]| {
            let mut groups = self.reasons.iter().filter(|group| group.state == wanted);
            groups.any(|group| actions.contains(&group.action()))
        };
        let of_tenant = [Action::CreateUsers, Action::MendTenant, Action::Retry, Action::Verify];
        let states = [
            has(State::Failed, &[Action::Retry]).then_some("failed"),
            has(State::Rejected, &of_tenant).then_some("rejected"),
        ];
        let states: Vec<_> = states.into_iter().flatten().collect();
        let can_retry = !states.is_empty() && self.typed.takes("retry");
        let mut line = self.same(&["retry", "max-users"]).filter(|_| can_retry)?;
        append(&mut line, &["--retry", &states.join(",")]);
        Some(line)
    }

    /// Writes the rows that are to be mended to a file of their own.
    fn mend(&self) -> Option<Vec<String>> {
        let input = self.typed.values().next()?;
        if self.typed.command() != "import" || input == "-" {
            return None;
        }
        let ledger = self.ledger.to_str()?;
        let mut line = self.typed.with_command("select", &["ledger"])?;
        let out = free_name(input, self.typed.has("from"));
        append(&mut line, &["--ledger", ledger, "--with-reason", "--out", &out]);
        Some(line)
    }

    /// Proves how a user's secret is read, whoever that is.
    fn prove(&self) -> Option<Vec<String>> {
        let without = ["ledger", "output", "quiet", "verbose", "log-format", "log-file"];
        let mut line = self.typed.with_command("check", &without)?;
        append(&mut line, &["--prove", "USER_ID", "--ledger", self.ledger.to_str()?]);
        Some(line)
    }
}

/// Adds flags to a command; behind a name that begins with a dash they would be names, too.
fn append(line: &mut Vec<String>, flags: &[&str]) {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, flags.iter().map(|flag| (*flag).to_owned()));
}

/// Returns the name of a file that is not there yet, for rows of `input`.
fn free_name(input: &str, is_export: bool) -> String {
    let input = Path::new(input);
    let packed = input.extension().is_some_and(|end| end == "gz" || end == "zst");
    let name = if packed { input.file_stem().map(Path::new) } else { Some(input) };
    let end = name.and_then(Path::extension).and_then(|end| end.to_str());
    let end = end.filter(|_| !is_export).map_or("jsonl".to_owned(), str::to_ascii_lowercase);
    let names = (2..).map(|number| format!("mend-{number}.{end}"));
    let mut names = std::iter::once(format!("mend.{end}")).chain(names);
    names.find(|name| Path::new(name).symlink_metadata().is_err()).unwrap_or_default()
}
