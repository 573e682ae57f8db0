//! Layers of settings. The only room that reads the environment.

use std::{collections::HashMap, env};

use super::{SETTINGS, file::SettingsFile};
use crate::{
    error::Error,
    text::{escape, invalid_value, nearest},
};

/// What the names of our own variables begin with.
const PREFIX: &str = "MFAFERRY_";

/// Layers of settings; the first one that has a value wins.
#[derive(Debug)]
pub(super) struct Layers {
    flags: HashMap<&'static str, String>,
    file: SettingsFile,
}

/// The layers, nearest to the user first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Flag,
    Environment,
    File,
    Nowhere,
}

impl Origin {
    /// The layers that can have a setting, nearest to the user first.
    pub(super) const ALL: [Self; 3] = [Self::Flag, Self::Environment, Self::File];
}

/// A setting, and the layer that it comes from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) origin: Origin,
    pub(super) text: String,
    /// Names the flag, the variable, or the file.
    pub(super) from: String,
}

impl Layers {
    /// Flags as they were given, over the environment, over a file. An error if the environment
    /// cannot be read.
    pub(super) fn new(
        flags: HashMap<&'static str, String>,
        file: Option<SettingsFile>,
    ) -> Result<Self, Error> {
        SETTINGS.iter().try_for_each(|(_, name)| variable(name).map(drop))?;
        Ok(Self { flags, file: file.unwrap_or_default() })
    }

    /// The settings file that was read, if one was.
    pub(super) fn file(&self) -> Option<&str> {
        Some(self.file.name.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns the layer that has a setting.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.find(name).map_or(Origin::Nowhere, |given| given.origin)
    }

    /// The setting of the nearest layer that has it.
    pub(super) fn find(&self, name: &str) -> Option<Given> {
        Origin::ALL.into_iter().find_map(|origin| self.at(origin, name))
    }

    /// The text of a setting, and what to call where it comes from.
    pub(super) fn text(&self, name: &str) -> Option<(String, String)> {
        let Given { origin, text, from } = self.find(name)?;
        let called = match origin {
            Origin::File => format!("`{name}` in `{from}`"),
            _ => from,
        };
        Some((text, called))
    }

    /// The setting as one layer has it.
    pub(super) fn at(&self, origin: Origin, name: &str) -> Option<Given> {
        let (text, from) = match origin {
            Origin::Flag => (self.flags.get(name)?.clone(), format!("--{name}")),
            Origin::Environment => {
                let (_, from) = SETTINGS.iter().find(|(known, _)| *known == name)?;
                (variable(from).ok()??, (*from).to_owned())
            }
            Origin::File => (self.file.settings.get(name)?.clone(), self.file.name.clone()),
            Origin::Nowhere => return None,
        };
        Some(Given { origin, text, from })
    }

    /// A setting, or its default; `expected` says what can be given.
    pub(super) fn parse<T>(
        &self,
        name: &str,
        default: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let (text, origin) = self.text(name).unwrap_or((default.into(), format!("--{name}")));
        parse(text.trim())
            .ok_or_else(|| Error::usage(invalid_value(&text, &origin), format!("give {expected}")))
    }
}

/// A variable of the environment; empty counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
pub(super) fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::config(format!("{name} is not valid UTF-8"), "set it again, or unset it"))
        }
    }
}

/// Warns of variables that look like ours and are not: a setting that is misspelt would else be
/// its default, silently.
pub(super) fn warn_of_unknown_variables() {
    let known = || SETTINGS.iter().filter_map(|(_, name)| name.strip_prefix(PREFIX));
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
