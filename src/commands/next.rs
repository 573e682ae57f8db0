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

    /// Goes on, and helps with the rows that have not ended well so far: before that, if they are why it
    /// was stopped.
    fn stopped(&self, stop: Stop) -> Vec<NextStep> {
        let go_on = go_on(match stop {
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

    /// Helps with the rows that have not ended well, by what is wrong with them.
    fn help(&self) -> Vec<NextStep> {
        let actions = actions(self.reasons.iter().copied());
        let needs = |action| actions.contains(&action);
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
        let others = [
            prove.map(|words| NextStep::to_fill_in(Purpose::Prove, words)),
            whole(Purpose::Retry, again),
            whole(Purpose::Verify, verify),
            explain,
            whole(Purpose::Rows, Some(self.report())),
        ];
        self.mend().into_iter().chain(others.into_iter().flatten()).collect()
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
    fn report(&self) -> Vec<String> {
        let ledger = file_argument(self.ledger);
        let line = ["mfaferry", "report", "--ledger", &ledger, "--format", "jsonl"];
        line.map(String::from).into()
    }

    /// Tries again what may end otherwise now.
    fn retry(&self) -> Option<Vec<String>> {
        let states = to_retry(&self.reasons).filter(|_| self.typed.takes("retry"))?;
        let mut line = self.same(&["retry", "max-users"])?;
        append(&mut line, &["--retry", &states]);
        Some(line)
    }

    /// Writes the rows that are to be mended to files of their own, and imports those once they are.
    fn mend(&self) -> Vec<NextStep> {
        let mending = Mending {
            typed: self.typed,
            reasons: &self.reasons,
            ledger: self.ledger,
            imports: !self.is_in_sandbox,
        };
        mending.steps()
    }

    /// Proves how a user's secret is read, whoever that is.
    fn prove(&self) -> Option<Vec<String>> {
        let without = ["ledger", "output"];
        let is_import = self.typed.command() == "import";
        let mut line = self.typed.with_command("check", &without).filter(|_| is_import)?;
        append(&mut line, &["--prove", "USER_ID", "--ledger", &file_argument(self.ledger)]);
        Some(line)
    }
}

/// Adds flags to a command; behind a name that begins with a dash they would be names, too.
pub(super) fn append(line: &mut Vec<String>, flags: &[&str]) {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, flags.iter().map(|flag| (*flag).to_owned()));
}

/// Returns the commands that make sense after `check`: the tenant is judged next where all is well.
pub(super) fn after_check(typed: &CommandLine, found: &CheckSummary) -> Vec<NextStep> {
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
