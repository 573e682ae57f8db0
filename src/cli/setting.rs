//! One setting: a value that comes from a flag, the environment, the settings file or a default.
//!
//! A setting is declared once, as a field of a struct that both clap and serde fill: the field is
//! the flag and the key of the file, `env` the variable, `default_value` the default, and its type
//! says what it may be. No message shows more of a value than [`invalid_value`] does.

use std::{ffi::OsStr, marker::PhantomData, time::Duration};

use clap::{
    Arg, Command, Error,
    builder::{OsStringValueParser, StringValueParser, TypedValueParser, ValueParserFactory},
    error::ErrorKind,
    parser::ValueSource,
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de};

use crate::{
    engine::{Concurrency, MaxErrors},
    pacer::{MAX_RESERVE, Rate},
    text::{file_name, invalid_value},
};

/// Places that give a value, nearest to the user first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The command line.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The table of the settings file that `--tenant` names.
    Profile,
    /// The settings file, above its tables.
    File,
    /// The default.
    Default,
}

/// A value, and where it was given.
#[derive(Debug, Clone)]
pub struct Given<T> {
    /// The value, checked as far as it can be on its own.
    pub value: T,
    /// The place that it comes from.
    pub origin: Origin,
    /// The flag or variable; empty for a file, which does not know its own name.
    pub from: String,
}

/// A type that a setting may have.
pub trait Value: Clone + Send + Sync + 'static {
    /// Description of a valid value, to follow the word "give".
    const EXPECTED: &'static str;

    /// Reads a text; `None` if it is not such a value.
    fn read(text: &str) -> Option<Self>;
}

impl<T: Value> ValueParserFactory for Given<T> {
    type Parser = ValueReader<T>;

    fn value_parser() -> Self::Parser {
        ValueReader { is_file: false, of: PhantomData }
    }
}

/// Reads flags and variables.
#[derive(Debug, Clone)]
pub struct ValueReader<T> {
    is_file: bool,
    of: PhantomData<T>,
}

impl ValueReader<String> {
    /// Reads the name of a file, as text that [`path_of`](crate::text::path_of) takes.
    pub(super) fn of_file() -> Self {
        Self { is_file: true, of: PhantomData }
    }
}

/// Reads the name of a file that is no setting, as the same text.
pub(super) fn named_file() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().map(file_name)
}

impl<T: Value> TypedValueParser for ValueReader<T> {
    type Value = Given<T>;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Given<T>, Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Given<T>, Error> {
        let text = if self.is_file {
            file_name(value)
        } else {
            StringValueParser::new().parse_ref(command, arg, value)?
        };
        let origin = match source {
            ValueSource::EnvVariable => Origin::Environment,
            ValueSource::DefaultValue => Origin::Default,
            _ => Origin::Flag,
        };
        let from = match (origin, arg) {
            (Origin::Environment, Some(arg)) => {
                arg.get_env().and_then(OsStr::to_str).map(Into::into)
            }
            (_, Some(arg)) => arg.get_long().map(|name| format!("--{name}")),
            (_, None) => None,
        };
        let from = from.unwrap_or_default();
        match T::read(&text) {
            Some(value) => Ok(Given { value, origin, from }),
            None => Err(Error::raw(
                ErrorKind::ValueValidation,
                format!("{}\n\nhint: give {}\n", invalid_value(&text, &from), T::EXPECTED),
            )),
        }
    }
}

/// Reads the texts of a file. An error says what is expected, and nothing of the value.
impl<'de, T: Value> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = T::read(&text).ok_or_else(|| de::Error::custom(T::EXPECTED))?;
        Ok(Self { value, origin: Origin::File, from: String::new() })
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Value for Rate {
    const EXPECTED: &'static str = "`auto`, or requests a second such as `10`";

    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "auto" => Some(Self::Auto),
            text => {
                let rate = text.parse().ok().filter(|rate| (0.01..=100_000.0).contains(rate));
                rate.map(Self::PerSecond)
            }
        }
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a time such as `30s`, `2m` or `1h 30m`";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return (seconds > 0).then(|| Self::from_secs(seconds.into()));
        }
        let duration: jiff::SignedDuration = text.parse().ok()?;
        let duration = Self::try_from(duration).ok()?;
        (Self::from_millis(1)..=Self::from_secs(7 * 24 * 3600))
            .contains(&duration)
            .then_some(duration)
    }
}

impl Value for TimeZone {
    const EXPECTED: &'static str = "an IANA name such as `Europe/Berlin`, or `UTC`";

    fn read(text: &str) -> Option<Self> {
        Self::get(text.trim()).ok()
    }
}

/// A share of the whole, 0 to [`MAX_RESERVE`]; written as a percentage.
#[derive(Debug, Clone, Copy)]
pub struct Share(pub f64);

impl Value for Share {
    const EXPECTED: &'static str = "a share from `0%` to `95%`";

    fn read(text: &str) -> Option<Self> {
        let percent: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
        let share = percent / 100.0;
        (0.0..=MAX_RESERVE).contains(&share).then_some(Self(share))
    }
}

/// Requests that may be sent back to back.
#[derive(Debug, Clone, Copy)]
pub struct Burst(pub u32);

impl Value for Burst {
    const EXPECTED: &'static str = "a number from 1 to 10000";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|number| (1..=10_000).contains(number)).map(Self)
    }
}

impl Value for Concurrency {
    const EXPECTED: &'static str = "`auto`, or a number from 1 to 4096";

    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "auto" => Some(Self::Auto(Self::MAX_REQUESTS)),
            text => {
                let number =
                    text.parse().ok().filter(|number| (1..=Self::MAX_REQUESTS).contains(number));
                number.map(Self::Fixed)
            }
        }
    }
}

/// Attempts that may have reached the server.
#[derive(Debug, Clone, Copy)]
pub struct Attempts(pub u32);

impl Value for Attempts {
    const EXPECTED: &'static str = "a number from 1 to 100";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|number| (1..=100).contains(number)).map(Self)
    }
}

/// A share of the factors, in percent.
#[derive(Debug, Clone, Copy)]
pub struct UsedShare(pub f64);

impl Value for UsedShare {
    const EXPECTED: &'static str = "a share of the factors from `0%` to `100%`, such as `80%`";

    fn read(text: &str) -> Option<Self> {
        // A bare 0.8 could be meant either way.
        let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }
}

/// Users that a run takes.
#[derive(Debug, Clone, Copy)]
pub struct UserLimit(pub usize);

impl Value for UserLimit {
    const EXPECTED: &'static str = "a number of users, 1 or more";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|users| *users > 0).map(Self)
    }
}

/// Bad rows that stop a run; `None` where none do.
#[derive(Debug, Clone, Copy)]
pub struct ErrorLimit(pub Option<MaxErrors>);

impl Value for ErrorLimit {
    const EXPECTED: &'static str = "a number of rows such as `100`, or a share such as `5%`";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "none" {
            return Some(Self(None));
        }
        let limit = match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse().ok();
                percent
                    .filter(|percent| *percent > 0.0 && *percent <= 100.0)
                    .map(MaxErrors::Percent)
            }
            None => text.parse().ok().filter(|rows| *rows > 0).map(MaxErrors::Rows),
        };
        limit.map(|limit| Self(Some(limit)))
    }
}
