//! `--version`: one line, and with `--verbose` everything known about a build.

use std::{env::ArgsOs, ffi::OsString, sync::LazyLock};

use clap::{
    Arg, ArgAction, CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;
use crate::{auth0::API_DESCRIPTION, ledger};

/// Version, commit and its date, as `0.1.0 (abc1234 2026-11-29)`.
pub(super) const LINE: &str = env!("BUILT_LINE");

/// Day of the commit; empty if it is not known.
pub const DATE: &str = env!("BUILT_DATE");

/// The line, and the rest of what is known.
static IN_FULL: LazyLock<String> = LazyLock::new(|| {
    let lines = [
        ("commit", env!("BUILT_COMMIT").to_owned()),
        ("date", if DATE.is_empty() { "unknown" } else { DATE }.to_owned()),
        ("target", env!("BUILT_TARGET").to_owned()),
        ("compiler", env!("BUILT_COMPILER").to_owned()),
        ("ledger format", format!("{} (reads {}, too)", ledger::FORMAT, ledger::OLD_FORMAT)),
        ("Management API description", API_DESCRIPTION.to_owned()),
    ];
    lines.iter().fold(LINE.to_owned(), |text, (name, value)| format!("{text}\n{name}: {value}"))
});

/// Replaces the answer to `--version` by the full one if `--verbose` is there, too, in any order.
/// Behind a command, `--version` asks for the same.
pub(super) fn answer(answer: clap::Error, arguments: ArgsOs) -> clap::Error {
    let arguments: Vec<_> = arguments.collect();
    if answer.kind() != ErrorKind::DisplayVersion && !is_behind_command(&answer) {
        return answer;
    }
    let is_full = is_verbose(&arguments);
    let command = Cli::command();
    let command = if is_full { command.version(IN_FULL.as_str()) } else { command };
    command.try_get_matches_from(["mfaferry", "--version"]).err().unwrap_or(answer)
}

/// Returns whether the flag was refused for its position: commands have none of their own.
fn is_behind_command(answer: &clap::Error) -> bool {
    let refused = answer.get(ContextKind::InvalidArg);
    answer.kind() == ErrorKind::UnknownArgument
        && matches!(refused, Some(ContextValue::String(flag)) if flag == "--version" || flag == "-V")
}

/// Parses once more with a `--version` that is an ordinary flag.
fn is_verbose(arguments: &[OsString]) -> bool {
    let flag = |version: Arg| version.action(ArgAction::SetTrue).global(true);
    // Whatever else is wrong with the command line, there is an answer.
    let command = Cli::command().mut_arg("version", flag).ignore_errors(true);
    let found = command.try_get_matches_from(arguments);
    found.is_ok_and(|found| found.get_count("verbose") > 0)
}
