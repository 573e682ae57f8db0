//! `next` of a summary: the commands that make sense now, with the flags that were typed.

use std::path::Path;

use crate::{
    cli::CommandLine,
    engine::{End, Stop},
    error::{Error, Exit},
    ledger::Counts,
    model::State,
};

/// A run that has ended.
pub(super) struct Ended<'a> {
    /// Its command line.
    pub(super) typed: &'a CommandLine,
    /// Reason of the end.
    pub(super) end: &'a End,
    /// Its rows.
    pub(super) counts: &'a Counts,
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
    /// Returns the arguments of each command, the program first, in the order in which to run them.
    pub(super) fn next(&self) -> Vec<Vec<String>> {
        let commands = match self.end {
            End::Complete if self.is_dry_run => vec![],
            End::Complete if self.is_bad => vec![self.report(), self.retry()],
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
        commands.into_iter().flatten().collect()
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
        // Behind a name that begins with a dash, a flag would be one, too.
        let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
        line.splice(end..end, ["--accept", codes].map(String::from));
        Some(line)
    }

    /// Lists the rows, the bad ones with their reasons.
    fn report(&self) -> Option<Vec<String>> {
        let ledger = self.ledger.to_str()?;
        let line = ["mfaferry", "report", "--ledger", ledger, "--format", "jsonl"];
        Some(line.map(String::from).into())
    }

    /// Tries again what has failed. What was refused would be refused again.
    fn retry(&self) -> Option<Vec<String>> {
        let has_failed = self.counts.states[State::Failed] > 0;
        let mut line = self.same(&["retry", "max-users"]).filter(|_| has_failed)?;
        line.extend(["--retry", "failed"].map(String::from));
        Some(line)
    }
}
