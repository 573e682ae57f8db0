//! The command line as it was typed, from which the commands that make sense next are built with
//! the same flags.

use std::sync::LazyLock;

use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, parser::ValueSource};
use serde::{Deserialize, Serialize};

use super::{Cli, setting::Value};
use crate::{model::Shard, text::file_name};

/// The declared command line, built once: declaring some 300 flags takes a while.
pub(super) static DECLARED: LazyLock<Command> = LazyLock::new(Cli::command);
/// Name of the program, the first of the arguments of a command.
const PROGRAM: &str = "mfaferry";
/// Longest command line that is recorded, in bytes.
const LONGEST_RECORDED: usize = 16 << 10;

/// A command and its arguments as they were typed. Values from the environment, a settings file or
/// a default are not included: another command finds them there, too.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CommandLine {
    /// Empty for none.
    command: String,
    given: Vec<Argument>,
}

/// A flag with its value, if it takes one, or a positional value.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Argument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Argument {
    /// Writes a shard as summaries show it, however it was typed.
    fn with_plain_shard(self) -> Self {
        let shard = self.value.as_deref().filter(|_| self.flag.as_deref() == Some("shard"));
        match shard.and_then(Shard::read) {
            Some(shard) => Self { value: Some(shard.to_string()), ..self },
            None => self,
        }
    }
}

impl CommandLine {
    /// Builds it from what the parser has found.
    pub(super) fn of(program: &Command, found: &ArgMatches) -> Self {
        let typed = || {
            let (name, found) = found.subcommand()?;
            let arguments = program.find_subcommand(name)?.get_arguments();
            let is_typed = |arg: &&Arg| {
                let id = arg.get_id();
                found.ids().any(|other| other == id)
                    && found.value_source(id.as_str()) == Some(ValueSource::CommandLine)
            };
            let given = arguments.filter(is_typed).flat_map(|arg| occurrences(arg, found));
            Some(Self {
                command: name.to_owned(),
                given: given.map(Argument::with_plain_shard).collect(),
            })
        };
        typed().unwrap_or_default()
    }

    /// Returns the command that was typed.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns true if it can be recorded: there is one, and it is not too long.
    pub fn is_notable(&self) -> bool {
        let texts = |argument: &Argument| {
            let lengths =
                [&argument.flag, &argument.value].map(|it| it.as_ref().map_or(0, String::len));
            lengths.iter().sum::<usize>() + 1
        };
        !self.command.is_empty() && self.given.iter().map(texts).sum::<usize>() <= LONGEST_RECORDED
    }

    /// Returns the positional values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let values = self.given.iter().filter(|argument| argument.flag.is_none());
        values.filter_map(|argument| argument.value.as_deref())
    }

    /// Returns true if the command has that flag.
    pub fn takes(&self, flag: &str) -> bool {
        let command = DECLARED.find_subcommand(&self.command);
        command.is_some_and(|it| it.get_arguments().any(|arg| arg.get_long() == Some(flag)))
    }

    /// Returns true if that flag was typed.
    pub fn has(&self, flag: &str) -> bool {
        self.given.iter().any(|argument| argument.flag.as_deref() == Some(flag))
    }

    /// Returns the value of a flag; the last one if it was typed several times.
    pub fn value_of(&self, flag: &str) -> Option<&str> {
        let mut given = self.given.iter().rev();
        given.find(|argument| argument.flag.as_deref() == Some(flag))?.value.as_deref()
    }

    /// Returns the command line with that value of a flag in place of the typed ones.
    #[must_use]
    pub fn with_flag(&self, flag: &str, value: &str) -> Self {
        let others = self.given.iter().filter(|argument| argument.flag.as_deref() != Some(flag));
        let set = Argument { flag: Some(flag.to_owned()), value: Some(value.to_owned()) };
        Self { command: self.command.clone(), given: others.cloned().chain([set]).collect() }
    }

    /// Returns the command line with these positional values in place of the typed ones.
    #[must_use]
    pub fn with_values(&self, values: &[&str]) -> Self {
        let flags = self.given.iter().filter(|argument| argument.flag.is_some()).cloned();
        let value = |value: &&str| Argument { flag: None, value: Some((*value).to_owned()) };
        let given = flags.chain(values.iter().map(value)).collect();
        Self { command: self.command.clone(), given }
    }

    /// Returns the command line with each positional value behind a flag.
    #[must_use]
    pub fn with_values_behind(&self, flag: &str) -> Self {
        let behind = |argument: &Argument| {
            let flag = argument.flag.clone().or_else(|| Some(flag.to_owned()));
            Argument { flag, value: argument.value.clone() }
        };
        Self { command: self.command.clone(), given: self.given.iter().map(behind).collect() }
    }

    /// Returns the arguments, the program first, of `command` with everything typed that it takes,
    /// except the flags in `without`; `None` if there is no such command.
    pub fn with_command(&self, command: &str, without: &[&str]) -> Option<Vec<String>> {
        let of_all = DECLARED.get_arguments().filter(|arg| arg.is_global_set());
        let known: Vec<_> = DECLARED
            .find_subcommand(command)?
            .get_arguments()
            .chain(of_all)
            .filter(|arg| !arg.is_hide_set())
            .filter_map(Arg::get_long)
            .filter(|long| !without.contains(long))
            .collect();
        let mut line = vec![PROGRAM.to_owned(), command.to_owned()];
        let mut values = Vec::new();
        for Argument { flag, value } in self.given.iter().filter(|_| !self.command.is_empty()) {
            match (flag.as_deref(), value) {
                (None, value) => values.extend(value.clone()),
                // The old name of a flag, which only some commands have.
                (Some("from-export"), _) if known.contains(&"from") => {
                    line.extend(["--from", "auth0-export"].map(String::from));
                }
                (Some(flag), _) if !known.contains(&flag) => {}
                // How much is logged, and where, is a choice for one run.
                (Some("quiet" | "verbose" | "log-file" | "log-format"), _) => {}
                // Another command's numbers would replace this one's.
                (Some("metrics-file"), _) if command != self.command => {}
                (Some(flag), None) => line.push(format!("--{flag}")),
                (Some(flag), Some(value)) if value.starts_with('-') => {
                    line.push(format!("--{flag}={value}"));
                }
                (Some(flag), Some(value)) => line.extend([format!("--{flag}"), value.clone()]),
            }
        }
        let is_flag = |value: &String| value.starts_with('-') && value != "-";
        if values.iter().any(is_flag) {
            line.push("--".into());
            line.extend(values);
        } else {
            line.splice(2..2, values);
        }
        (!self.command.is_empty()).then_some(line)
    }
}

/// Returns an argument as often as it was typed.
fn occurrences(arg: &Arg, found: &ArgMatches) -> Vec<Argument> {
    let flag = arg.get_long().map(str::to_owned);
    let id = arg.get_id().as_str();
    if !arg.get_action().takes_values() {
        let times = match arg.get_action() {
            ArgAction::Count => usize::from(found.get_count(id)),
            _ => 1,
        };
        return vec![Argument { flag, value: None }; times];
    }
    let delimiter = arg.get_value_delimiter();
    let mut given = Vec::new();
    for occurrence in found.get_raw_occurrences(id).into_iter().flatten() {
        let values: Vec<_> = occurrence.map(file_name).collect();
        let values = match delimiter {
            // The parser has split them.
            Some(delimiter) => vec![values.join(&delimiter.to_string())],
            None => values,
        };
        given.extend(
            values.into_iter().map(|value| Argument { flag: flag.clone(), value: Some(value) }),
        );
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> CommandLine {
        let mut program = Cli::command();
        let found = program.try_get_matches_from_mut(line.split(' ')).unwrap();
        CommandLine::of(&program, &found)
    }

    /// Each is parsed again: it works as it stands.
    fn with(line: &str, command: &str, without: &[&str]) -> String {
        let next = typed(line).with_command(command, without).unwrap();
        Cli::command().try_get_matches_from(&next).unwrap();
        next.join(" ")
    }

    #[test]
    fn another_command_gets_the_flags_that_it_takes() {
        let line = "mfaferry -vv import a.csv --map name=label,email=mail --ledger=l --rate 5 \
                    --retry failed,rejected --format csv --max-users 3 --skip-existing --settle 1s b.csv \
                    --metrics-file m.prom --log-file l.log --log-format json";
        assert_eq!(
            with(line, "verify", &[]),
            "mfaferry verify a.csv b.csv --format csv --map name=label,email=mail --rate 5 \
             --max-users 3"
        );
        assert_eq!(
            with(line, "import", &["max-users", "retry"]),
            "mfaferry import a.csv b.csv --format csv --map name=label,email=mail --ledger l \
             --metrics-file m.prom --rate 5 --settle 1s --skip-existing"
        );
    }

    #[test]
    fn what_looks_like_a_flag_and_is_none_stays_what_it_is() {
        assert_eq!(
            with("mfaferry import --delimiter=-- - --ledger=-l", "import", &[]),
            "mfaferry import - --delimiter=-- --ledger=-l"
        );
        assert_eq!(
            with("mfaferry import --rate 5 -- -a.csv", "verify", &[]),
            "mfaferry verify --rate 5 -- -a.csv"
        );
    }

    #[test]
    fn the_old_flag_of_an_export_gets_its_new_name() {
        for command in ["verify", "import"] {
            let line = format!("mfaferry {command} a.jsonl --from auth0-export");
            assert_eq!(with("mfaferry import a.jsonl --from-export", command, &[]), line);
        }
    }

    #[test]
    fn a_name_that_is_no_text_stays_the_same_name() {
        use std::{ffi::OsString, os::unix::ffi::OsStringExt};
        let name = || OsString::from_vec(vec![b'a', 0xff]);
        let line = ["mfaferry", "import", "--config"].map(OsString::from);
        let mut program = Cli::command();
        let line = line.into_iter().chain([name(), name()]);
        let found = program.try_get_matches_from_mut(line).unwrap();
        let next = CommandLine::of(&program, &found).with_command("verify", &[]).unwrap();
        let next: Vec<_> =
            next.iter().map(|word| crate::text::path_of(word).into_os_string()).collect();
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let expected =
            [words(&["mfaferry", "verify"]), vec![name()], words(&["--config"]), vec![name()]];
        assert_eq!(next, expected.concat());
    }
}
