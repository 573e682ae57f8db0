//! Where settings come from. The only room that reads the environment.

use std::{collections::HashMap, env, path::Path};

use secrecy::SecretString;

use super::{SETTINGS, file::read_secret};
use crate::error::Error;

/// Where settings come from, the first one that has one winning.
#[derive(Debug)]
pub(super) struct Layers {
    flags: HashMap<&'static str, String>,
    file: HashMap<String, String>,
}

/// The layers, nearest to the user first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Flag,
    Environment,
    File,
    Nowhere,
}

impl Layers {
    /// Flags as they were given, over the environment, over a file. An error if the environment
    /// cannot be read.
    pub(super) fn new(
        flags: HashMap<&'static str, String>,
        file: HashMap<String, String>,
    ) -> Result<Self, Error> {
        SETTINGS.iter().try_for_each(|(_, name)| variable(name).map(drop))?;
        Ok(Self { flags, file })
    }

    /// Which layer has a setting.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.find(name).map_or(Origin::Nowhere, |(origin, ..)| origin)
    }

    /// The text of a setting, and what to call where it comes from.
    pub(super) fn text(&self, name: &str) -> Option<(String, String)> {
        self.find(name).map(|(_, text, called)| (text, called))
    }

    fn find(&self, name: &str) -> Option<(Origin, String, String)> {
        if let Some(text) = self.flags.get(name) {
            return Some((Origin::Flag, text.clone(), format!("--{name}")));
        }
        let variable_name = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, var)| *var);
        if let Some(name) = variable_name
            && let Ok(Some(text)) = variable(name)
        {
            return Some((Origin::Environment, text, name.to_owned()));
        }
        let text = self.file.get(name)?.clone();
        Some((Origin::File, text, format!("`{name}` in the settings file")))
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
        parse(text.trim()).ok_or_else(|| {
            Error::usage(
                format!("{origin} has a value that cannot be used"),
                format!("give {expected}"),
            )
        })
    }

    /// A secret: the file that a flag names, or else the variable that holds it.
    pub(super) fn secret(&self, file: &str, name: &str) -> Result<Option<SecretString>, Error> {
        if let Some((path, origin)) = self.text(file) {
            return read_secret(Path::new(&path), &origin).map(Some);
        }
        Ok(variable(name)?.map(|text| SecretString::from(text.trim().to_owned())))
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
