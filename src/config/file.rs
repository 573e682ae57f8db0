//! Files that settings and secrets come from. No message shows what stands in them.
//!
//! Nobody asked for the settings file of the working directory, and the folder may be somebody
//! else's. So it is read only if nobody but the user or root can have written it, and it may not say
//! where credentials are sent, nor which files hold them. A file that `--config` names may.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use secrecy::{SecretString, zeroize::Zeroizing};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use super::secret::clean;
use crate::{
    cli::{Creating, Given, Origin, Pace, Recording, Tenant, settings},
    error::Error,
    text::{escape, invalid_value, nearest},
};

/// Read when it is there.
const FILE: &str = "mfaferry.toml";
/// No secret is longer than this.
const LONGEST_SECRET: u64 = 64 * 1024;
/// No settings file is longer than this.
const LONGEST_FILE: u64 = 64 * 1024;
/// Largest number of links that lead to the settings file, one after another.
const MOST_LINKS: usize = 8;
/// Mode bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// Keys that no file of the working directory may have: they decide where credentials are sent, or
/// which files are sent as credentials. Some are no settings at all, and are here so that the message
/// is about trust rather than spelling.
const NEEDS_TRUST: [&str; 11] = [
    "domain",
    "base-url",
    "audience",
    "client-secret-file",
    "client-key-file",
    "client-key-file",
    "token-file",
    "client-secret",
    "api-token",
    "token",
    "tenant",
];

/// A settings file that was read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    /// Its path as it was given, safe to print.
    pub(super) name: String,
    pub(super) tenant: Tenant,
    pub(super) pace: Pace,
    pub(super) recording: Recording,
    pub(super) creating: Creating,
}

impl SettingsFile {
    /// Returns the name of the place that a setting comes from, for people.
    pub(super) fn place<T>(&self, given: &Given<T>) -> String {
        if given.origin == Origin::File { self.name.clone() } else { given.from.clone() }
    }
}

/// The secret in the file that `origin` names.
pub(super) fn read_secret(path: &Path, origin: &str) -> Result<SecretString, Error> {
    clean(&read_private(path, origin)?, &format!("the file of {origin}"))
}

/// The text of the file that `origin` names, which nobody else should be able to read.
pub(super) fn read_private(path: &Path, origin: &str) -> Result<Zeroizing<String>, Error> {
    let failed = |error: io::Error| {
        let hint = if error.kind() == io::ErrorKind::InvalidData {
            "write it as UTF-8; Windows' shells and editors may have written UTF-16"
        } else {
            "check its path and permissions"
        };
        Error::config(format!("the file of {origin} cannot be read: {error}"), hint)
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        tracing::warn!("the file of {origin} can be read by others: `chmod 600` it");
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_SECRET).read_to_string(&mut text).map_err(failed)?;
    if text.trim().is_empty() {
        return Err(Error::config(
            format!("the file of {origin} is empty"),
            "write the secret to it",
        ));
    }
    Ok(text)
}

/// The file that `--config` names, or the one of the working directory if there is one.
pub(super) fn read_file(path: Option<&Path>) -> Result<Option<SettingsFile>, Error> {
    let name = escape(&path.unwrap_or(Path::new(FILE)).display().to_string());
    let text = match path {
        Some(path) => Some(read_named(path, &name)?),
        None => read_found(Path::new(FILE))?,
    };
    let Some(text) = text else { return Ok(None) };
    parse(&text, name, path.is_some()).map(Some)
}

/// The text of a file that the user names: anything that ends and can be read at once. That includes
/// a pipe (`--config <(…)`), but not one that nobody writes to.
fn read_named(path: &Path, name: &str) -> Result<String, Error> {
    let failed = |error: io::Error| {
        Error::config(format!("`{name}` cannot be read: {error}"), "check --config")
    };
    let refuse = |why: &str| Err(Error::config(format!("`{name}` {why}"), "check --config"));
    let file = open(path, OFlags::empty()).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let is_pipe = metadata.file_type().is_fifo();
    if is_pipe {
        // Whoever writes to it may take their time.
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| failed(errno.into()))?;
    } else if !metadata.is_file() {
        return refuse("is not a file");
    }
    let is_open = metadata.mode() & OTHERS_WRITE != 0 || !is_trusted(metadata.uid());
    if is_open && !is_pipe {
        tracing::warn!(
            "other users can change the settings file `{name}`, which may say where credentials are \
             sent: it should be yours, and `chmod go-w`"
        );
    }
    let text = read_text(file, name)?;
    if is_pipe && text.is_empty() {
        return refuse("is a pipe that nobody has written to");
    }
    Ok(text)
}

/// The text of a file that happened to be there, if nobody but the user or root can have written it.
fn read_found(path: &Path) -> Result<Option<String>, Error> {
    let name = path.display();
    let failed = |error: io::Error| {
        Error::config(
            format!("`{name}` in the working directory cannot be read: {error}"),
            "make it readable, remove it, or give --config with another file",
        )
    };
    let refuse = |why: &str| {
        Err(Error::config(
            format!("`{name}` in the working directory {why}, and is not read"),
            format!(
                "look into it; then `--config ./{name}` if you trust it, or --config with another \
                 file"
            ),
        ))
    };
    let end = match end_of_links(path) {
        Ok(Ok(end)) => end,
        Ok(Err(why)) => return refuse(why),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let file = open(&end, OFlags::NOFOLLOW).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return refuse("is not a regular file");
    }
    if !is_trusted(metadata.uid()) {
        return refuse("belongs to another user");
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return refuse("can be written by others than its owner (`chmod go-w` it)");
    }
    if metadata.nlink() > 1 {
        return refuse("is also known by another name (hard link)");
    }
    read_text(file, FILE).map(Some)
}

/// Follows links to their end. Each must belong to the user or to root; if one does not, returns
/// the reason why it is not followed.
fn end_of_links(path: &Path) -> io::Result<Result<PathBuf, &'static str>> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let metadata = fs::symlink_metadata(&path)?;
        if !metadata.is_symlink() {
            return Ok(Ok(path));
        }
        if !is_trusted(metadata.uid()) {
            return Ok(Err("is a link of another user's"));
        }
        let target = fs::read_link(&path)?;
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(Err("is a link to a link to a link, and so on"))
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// Opens without waiting for whoever is to write to a pipe.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | flags).bits();
    fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

fn read_text(file: File, name: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| {
        Error::config(format!("`{name}` cannot be read: {error}"), "check --config")
    })?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(Error::config(
            format!("`{name}` has more than {LONGEST_FILE} bytes"),
            "settings are a few lines: is it another file?",
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        Error::config(format!("`{name}` is not UTF-8 text"), "write settings as `rate = \"10\"`")
    })
}

/// One flat table, values as in flags.
fn parse(text: &str, name: String, is_named: bool) -> Result<SettingsFile, Error> {
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    // The parser's own message shows the line, and so whatever stands in it.
    let mut table = DeTable::parse(text).map_err(|error| {
        let line = line(error.span().map_or(0, |span| span.start));
        Error::config(
            format!("`{name}` line {line} is not TOML"),
            "write settings as `rate = \"10\"`",
        )
    })?;
    let settings = settings();
    let mut known = DeTable::new();
    for (spelt, mut value) in std::mem::take(table.get_mut()) {
        let line = line(spelt.span().start);
        let key = spelt.get_ref().replace('_', "-");
        if !is_named && (NEEDS_TRUST.contains(&key.as_str()) || key.contains("proxy")) {
            return Err(untrusted(spelt.get_ref(), &name, line));
        }
        if !settings.iter().any(|(known, _)| *known == key) {
            return Err(unknown(spelt.get_ref(), &name, line));
        }
        let Some(text) = written(value.get_ref()) else {
            return Err(Error::config(
                format!("`{name}` line {line}: `{}` is neither text nor a number", spelt.get_ref()),
                "write it as on the command line",
            ));
        };
        *value.get_mut() = DeValue::String(text.into());
        if known.insert(Spanned::new(spelt.span(), key.into()), value).is_some() {
            return Err(Error::usage(
                format!("`{name}` line {line}: `{}` is set twice", spelt.get_ref()),
                "keep one of them",
            ));
        }
    }
    let table = Spanned::new(table.span(), known);
    let invalid = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let entry = table.get_ref().iter().find(|(_, value)| value.span().start == at);
        let value = entry.and_then(|(_, value)| value.get_ref().as_str()).unwrap_or_default();
        let key = entry.map_or("", |(key, _)| text.get(key.span()).unwrap_or_default());
        let place = format!("`{}` in `{name}` line {}", key.trim_matches(['"', '\'']), line(at));
        Error::usage(invalid_value(value, &place), format!("give {}", error.message()))
    };
    // Each takes its own keys.
    let file = || Deserializer::from(table.clone());
    Ok(SettingsFile {
        tenant: Tenant::deserialize(file()).map_err(invalid)?,
        pace: Pace::deserialize(file()).map_err(invalid)?,
        recording: Recording::deserialize(file()).map_err(invalid)?,
        creating: Creating::deserialize(file()).map_err(invalid)?,
        name,
    })
}

/// A value as in flags; `None` for what is neither text nor a number.
fn written(value: &DeValue<'_>) -> Option<String> {
    Some(match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.to_string(), |number| number.to_string()),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        _ => return None,
    })
}

fn untrusted(key: &str, name: &str, line: usize) -> Error {
    Error::config(
        format!(
            "`{name}` line {line} sets `{}`: a file that is only found in the working directory may \
             not say which credentials are sent, or where",
            escape(key)
        ),
        format!(
            "if you trust the file, say so with `--config ./{name}`; else give a flag or set the \
             environment"
        ),
    )
}

/// The key is shown if it looks like one: what stands in the wrong place may be a secret.
fn unknown(key: &str, name: &str, line: usize) -> Error {
    let settings = settings();
    let known = settings.iter().map(|(known, _)| known.as_str());
    let near = nearest(&key.to_ascii_lowercase().replace('_', "-"), known.clone());
    let hint = match near {
        Some(near) => format!("did you mean `{}`?", near.replace('-', "_")),
        None => format!(
            "known are: {}; secrets come from files or the environment",
            known.collect::<Vec<_>>().join(", ")
        ),
    };
    let is_word =
        key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b));
    let shown = if is_word { format!(" `{key}`") } else { String::new() };
    Error::usage(format!("`{name}` line {line} has the unknown key{shown}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_has_a_variable_is_a_key_of_the_file() {
        let settings = settings();
        assert_eq!(settings.len(), 23, "{settings:?}");
        for (key, _) in settings {
            // Texts only: whoever knows the key complains.
            let text = format!("{key} = 1");
            let file = || Deserializer::parse(&text).unwrap();
            let known = [
                Tenant::deserialize(file()).is_err(),
                Pace::deserialize(file()).is_err(),
                Recording::deserialize(file()).is_err(),
                Creating::deserialize(file()).is_err(),
            ];
            assert_eq!(known.iter().filter(|known| **known).count(), 1, "{key}");
        }
    }
}
