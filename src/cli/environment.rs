//! The only place that reads the environment, apart from clap's settings with `env`.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{
    Arg, Command, CommandFactory, FromArgMatches,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Cli, CommandLine, command_line::DECLARED, flowing, version};
use crate::{
    error::Error,
    text::{escape, file_name, nearest},
};

/// Prefix of the names of our own variables.
const PREFIX: &str = "MFAFERRY_";

/// Parses the command line and the environment. `--help` and `--version` are errors of clap's, too.
pub fn parse() -> Result<Cli, clap::Error> {
    let guarded = |command: Command| command.mut_subcommands(|sub| sub.mut_args(guarded));
    let mut command = guarded(Cli::command());
    let matches = command.try_get_matches_from_mut(env::args_os());
    let matches = matches.map_err(|answer| match answer.kind() {
        // Joining the lines of all help texts would double the start-up time, so only help pays for
        // it.
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let program = guarded(flowing(Cli::command()));
            program.try_get_matches_from(env::args_os()).err().unwrap_or(answer)
        }
        _ => with_better_tip(version::answer(answer, env::args_os())),
    });
    let mut matches = matches?;
    let typed = CommandLine::of(&command, &matches);
    let mut cli = Cli::from_arg_matches_mut(&mut matches)?;
    cli.output.typed = typed;
    Ok(cli)
}

/// Takes back clap's advice to give an unknown flag as the name of an input.
fn with_better_tip(mut answer: clap::Error) -> clap::Error {
    let is_given = answer.get(ContextKind::Suggested).is_some();
    if answer.kind() == ErrorKind::UnknownArgument && is_given {
        let flag = answer.get(ContextKind::InvalidArg).map(ToString::to_string);
        let is_dry_run = flag.is_some_and(|flag| flag == "--dry-run");
        let tip = "`mfaferry check INPUT` sends nothing, and `--sandbox` rehearses a run";
        let tips = is_dry_run.then(|| ContextValue::StyledStrs(vec![tip.to_owned().into()]));
        answer.insert(ContextKind::Suggested, tips.unwrap_or(ContextValue::None));
    }
    answer
}

/// Returns whether a command line that the parser refused asks for its result as one JSON object.
pub fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<_> = arguments.skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let command = words.iter().find(|word| DECLARED.find_subcommand(word).is_some());
    // Only in `report` is `--format` the form of the result; elsewhere it is that of INPUT.
    let is_report = command.is_some_and(|command| command == "report");
    let flag = if is_report { "--format" } else { "--output" };
    let value = |(at, word): (usize, &String)| match word.strip_prefix(flag)? {
        "" => words.get(at + 1).cloned(),
        joined => joined.strip_prefix('=').map(str::to_owned),
    };
    // The last one counts.
    words.iter().enumerate().filter_map(value).next_back().is_some_and(|value| value == "json")
}

/// Keeps clap from two kinds of variables: an empty one counts as unset, and one that is not text
/// stops only the commands that need it. Help never shows the value of any.
fn guarded(arg: Arg) -> Arg {
    let Some(name) = arg.get_env() else { return arg };
    let text = env::var_os(name).map(OsString::into_string);
    let is_unset = text.is_some_and(|text| {
        text.map_or_else(|_| !names_a_file(&arg), |text| text.trim().is_empty())
    });
    let arg = arg.hide_env_values(true);
    if is_unset { arg.env(Resettable::Reset) } else { arg }
}

/// Returns true if the value names a file: names are bytes and need not be text.
fn names_a_file(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "FILE"))
}

/// Returns true if the variable is a setting that names a file.
fn is_of_a_file(variable: &str) -> bool {
    let mut args = DECLARED.get_subcommands().flat_map(Command::get_arguments);
    args.any(|arg| arg.get_env().is_some_and(|name| name == variable) && names_a_file(arg))
}

/// Every setting: the name of its flag, which is its key in the settings file, and its variable.
pub fn settings() -> Vec<(String, String)> {
    let args = DECLARED.get_subcommands().flat_map(Command::get_arguments);
    let mut settings: Vec<_> = args
        .filter_map(|arg| {
            let variable = arg.get_env().and_then(OsStr::to_str)?;
            Some((arg.get_long()?.to_owned(), variable.to_owned()))
        })
        .collect();
    settings.sort();
    settings.dedup();
    settings
}

/// Returns a variable of the environment; an empty one counts as unset. The name of a file is text
/// that [`path_of`](crate::text::path_of) takes.
#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
pub fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(file)) if is_of_a_file(name) => Ok(Some(file_name(file))),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::config(format!("{name} is not valid UTF-8"), "set it again, or unset it"))
        }
    }
}

/// Warns of variables that look like ours but are not: a misspelt setting would silently be its
/// default.
pub fn warn_of_unknown_variables() {
    let settings = settings();
    let known = || settings.iter().filter_map(|(_, name)| name.strip_prefix(PREFIX));
    let mut unknown: Vec<_> = env::vars_os()
        .filter_map(|(name, _)| Some(name.to_str()?.strip_prefix(PREFIX)?.to_owned()))
        .filter(|name| known().all(|known| known != name))
        .collect();
    unknown.sort();
    for name in unknown {
        let near = nearest(&name, known()).map(|near| format!(": did you mean {PREFIX}{near}?"));
        let (name, near) = (escape(&name), near.unwrap_or_default());
        tracing::warn!("the environment variable {PREFIX}{name} is not a setting{near}");
    }
}
