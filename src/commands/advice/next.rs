//! `next` of a summary: the commands that make sense now, with the flags that were typed.

use std::path::Path;

use super::mend::Mending;
use crate::{
    cli::CommandLine,
    engine::{End, Stop},
    error::{Error, Exit},
    explain::Action,
    report::{CheckSummary, Explained, NextStep, Purpose, actions, to_retry},
    text::file_argument,
};

/// A run that has ended.
pub(in crate::commands) struct Ended<'a> {
    /// Its command line.
    pub(in crate::commands) typed: &'a CommandLine,
    /// Reason why it ended.
    pub(in crate::commands) end: &'a End,
    /// Reasons of its rows, including those that it skipped.
    pub(in crate::commands) reasons: Vec<&'a Explained>,
    /// True if rows need attention.
    pub(in crate::commands) is_bad: bool,
    /// Its ledger.
    pub(in crate::commands) ledger: &'a Path,
    /// True if nothing was really changed.
    pub(in crate::commands) is_dry_run: bool,
    /// True if its tenant was a sandbox that ended with it.
    pub(in crate::commands) is_in_sandbox: bool,
}

impl Ended<'_> {
    /// Returns the commands in the order in which to run them.
    pub(in crate::commands) fn next(&self) -> Vec<NextStep> {
        let commands = match self.end {
            End::Complete if self.is_dry_run => vec![],
            End::Complete if self.is_bad => return self.help(),
            End::Complete if self.is_in_sandbox => vec![],
            End::Complete => vec![self.verify(&["max-users"])],
            End::Stopped(stop) => return self.stopped(*stop),
            End::Failed(error) if error.exit() == Exit::Stopped => {
                return self.stopped(Stop::Asked);
            }
            End::Failed(Error::NotReady { accept, .. }) => {
                vec![self.preflight(), self.accepting(accept)]
            }
            End::Failed(_) => vec![],
        };
        go_on(commands)
    }

    /// Returns the commands that go on, and that help with the rows that have not ended well so
    /// far: the latter first if these rows stopped the run.
    fn stopped(&self, stop: Stop) -> Vec<NextStep> {
        let go_on = go_on(match stop {
            // A new sandbox holds nothing that could be verified.
            Stop::MaxUsers(_) if self.is_in_sandbox => vec![self.same(&["max-users"])],
            Stop::MaxUsers(_) => vec![self.verify(&[]), self.same(&["max-users"])],
            _ => vec![self.same(&[])],
        });
        let is_of_use = self.is_bad && !self.is_dry_run;
        let mend = if is_of_use { self.mend() } else { Vec::new() };
        let rows = (is_of_use && !self.reasons.is_empty()).then(|| self.report());
        let (first, then) =
            if matches!(stop, Stop::MaxErrors) { (mend, go_on) } else { (go_on, mend) };
        let rows = rows.map(|words| NextStep::whole(Purpose::Rows, words));
        first.into_iter().chain(then).chain(rows).collect()
    }

    /// Returns the commands that help with the rows that have not ended well.
    fn help(&self) -> Vec<NextStep> {
        let actions = actions(self.reasons.iter().copied());
        let needs = |action| actions.contains(&action);
        let prove = needs(Action::ProveEncoding).then(|| self.prove()).flatten();
        // A sandbox that has ended cannot be asked again.
        let (mut again, mut verify) = (None, None);
        if !self.is_in_sandbox {
            let map = needs(Action::MendMap).then(|| self.same(&["retry", "max-users"]));
            // What could not be undone is retried by the next `undo`.
            let undo = needs(Action::Retry) && self.typed.command() == "undo";
            again = self.retry().or(map.flatten()).or(undo.then(|| self.same(&[])).flatten());
            verify = needs(Action::Verify).then(|| self.verify(&["max-users"])).flatten();
        }
        let explain = (!self.reasons.is_empty()).then(NextStep::explain);
        let whole = |purpose, words: Option<_>| words.map(|words| NextStep::whole(purpose, words));
        let others = [
            prove.map(|words| NextStep::to_fill_in(Purpose::Prove, words)),
            whole(Purpose::Retry, again),
            whole(Purpose::Verify, verify),
            explain,
            whole(Purpose::Rows, Some(self.report())),
        ];
        self.mend().into_iter().chain(others.into_iter().flatten()).collect()
    }

    /// Returns the command line again. Once there is a ledger, `--new-ledger` has done its work:
    /// the next run must be refused if the ledger is lost.
    fn same(&self, without: &[&str]) -> Option<Vec<String>> {
        let done: &[_] = if self.ledger.exists() { &["new-ledger"] } else { &[] };
        self.typed.with_command(self.typed.command(), &[without, done].concat())
    }

    /// Returns the command that checks whether the tenant holds what was imported.
    fn verify(&self, without: &[&str]) -> Option<Vec<String>> {
        let is_import = self.typed.command() == "import";
        self.typed.with_command("verify", without).filter(|_| is_import)
    }

    /// Returns the command that judges the tenant again, once it is set up rightly.
    fn preflight(&self) -> Option<Vec<String>> {
        self.typed.with_command("preflight", &[])
    }

    /// Returns the command that goes on in spite of the findings.
    fn accepting(&self, codes: &str) -> Option<Vec<String>> {
        let mut line = self.same(&["accept"])?;
        append(&mut line, &["--accept", codes]);
        Some(line)
    }

    /// Returns the command that lists the rows, the bad ones with their reasons.
    fn report(&self) -> Vec<String> {
        let ledger = file_argument(self.ledger);
        let line = ["mfaferry", "report", "--ledger", &ledger, "--format", "jsonl"];
        line.map(String::from).into()
    }

    /// Returns the command that retries rows that may end differently now.
    fn retry(&self) -> Option<Vec<String>> {
        let states = to_retry(&self.reasons).filter(|_| self.typed.takes("retry"))?;
        let mut line = self.same(&["retry", "max-users"])?;
        append(&mut line, &["--retry", &states]);
        Some(line)
    }

    /// Returns the commands that write the rows to mend to files of their own, and import these
    /// once they are mended.
    fn mend(&self) -> Vec<NextStep> {
        let mending = Mending {
            typed: self.typed,
            reasons: &self.reasons,
            ledger: self.ledger,
            imports: !self.is_in_sandbox,
        };
        mending.steps()
    }

    /// Returns the command that proves how a user's secret is read, with the user left open.
    fn prove(&self) -> Option<Vec<String>> {
        let without = ["ledger", "output"];
        let is_import = self.typed.command() == "import";
        let mut line = self.typed.with_command("check", &without).filter(|_| is_import)?;
        append(&mut line, &["--prove", "USER_ID", "--ledger", &file_argument(self.ledger)]);
        Some(line)
    }
}

/// Adds flags to a command; after a name that begins with a dash they would be taken for names,
/// too.
pub(super) fn append(line: &mut Vec<String>, flags: &[&str]) {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, flags.iter().map(|flag| (*flag).to_owned()));
}

/// Returns the commands that make sense after `check`: `preflight` where all is well.
pub(in crate::commands) fn after_check(typed: &CommandLine, found: &CheckSummary) -> Vec<NextStep> {
    if found.rejected == 0 {
        let is_readable = found.rows > 0 && !typed.values().any(|input| input == "-");
        let preflight = typed.with_command("preflight", &["output"]).filter(|_| is_readable);
        return go_on(vec![preflight]);
    }
    let prove = typed.with_command("check", &["output", "show"]);
    let prove = prove.filter(|_| found.is_of_encoding()).map(|mut words| {
        append(&mut words, &["--prove", "USER_ID"]);
        NextStep::to_fill_in(Purpose::Prove, words)
    });
    prove.into_iter().chain([NextStep::explain()]).collect()
}

/// Returns the command that lists the findings of a `verify` that has some.
pub(in crate::commands) fn after_bad_verify(typed: &CommandLine) -> Vec<NextStep> {
    let list = typed.with_command("verify", &["output"]).map(|mut line| {
        append(&mut line, &["--output", "jsonl"]);
        NextStep::whole(Purpose::Rows, line)
    });
    list.into_iter().collect()
}

/// Returns the command that begins anew a `verify` that did not come to its end.
pub(in crate::commands) fn after_stopped_verify(typed: &CommandLine) -> Vec<NextStep> {
    go_on(vec![typed.with_command("verify", &[])])
}

fn go_on(commands: Vec<Option<Vec<String>>>) -> Vec<NextStep> {
    let step = |words| NextStep::whole(Purpose::GoOn, words);
    commands.into_iter().flatten().map(step).collect()
}
