//! Files that settings and secrets come from. No message shows what stands in them.

use std::{collections::HashMap, fs, io::Read, path::Path};

use secrecy::{SecretString, zeroize::Zeroizing};

use super::SETTINGS;
use crate::error::Error;

/// Read when it is there.
const FILE: &str = "mfaferry.toml";
/// No secret is longer than this.
const LONGEST_SECRET: u64 = 64 * 1024;

/// The secret in the file that `origin` names.
pub(super) fn read_secret(path: &Path, origin: &str) -> Result<SecretString, Error> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: std::io::Error| {
        Error::config(
            format!("the file of {origin} cannot be read: {error}"),
            "check its path and permissions",
        )
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
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
    Ok(SecretString::from(text.trim().to_owned()))
}

/// The settings file: one flat table, values as in flags.
pub(super) fn read_file(path: Option<&Path>) -> Result<HashMap<String, String>, Error> {
    let (path, required) = path.map_or((Path::new(FILE), false), |path| (path, true));
    let name = crate::report::escape(&path.display().to_string());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            return Ok(HashMap::new());
        }
        Err(error) => {
            return Err(Error::config(
                format!("`{name}` cannot be read: {error}"),
                "check --config",
            ));
        }
    };
    // The parser's own message shows the line, and so whatever stands in it.
    let table: toml::Table = toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::config(
            format!("`{name}` line {line} is not TOML"),
            "write settings as `rate = \"10\"`",
        )
    })?;
    let mut settings = HashMap::new();
    for (number, (key, value)) in (1..).zip(table) {
        let key = key.replace('_', "-");
        if !SETTINGS.iter().any(|(known, _)| *known == key) {
            let known: Vec<_> = SETTINGS.iter().map(|(known, _)| *known).collect();
            return Err(Error::config(
                format!(
                    "`{name}` has a key that is not a setting (key {number} in order of names)"
                ),
                format!(
                    "known are: {}; secrets come from files or the environment",
                    known.join(", ")
                ),
            ));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            _ => {
                return Err(Error::config(
                    format!("`{key}` in `{name}` is neither text nor a number"),
                    "write it as on the command line",
                ));
            }
        };
        settings.insert(key, text);
    }
    Ok(settings)
}
