//! A settings file as TOML: settings named like the flags, and a table of them for each tenant. No
//! message shows a value.

use std::mem;

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue, Deserializer},
};

use super::profile::{Choice, Profile};
use crate::{
    assertion::Algorithm,
    cli::{Creating, Given, Knowing, Origin, PaceFlags, Recording, TenantFlags, settings},
    error::Error,
    text::{escape, file_name, invalid_value, nearest},
};

/// Key of the tables of tenants.
pub(super) const TENANT: &str = "tenant";

/// Key of the algorithm that a client's key signs with.
const ALGORITHM: &str = "client-signing-alg";

/// Keys that a file of the working directory must not have: they decide where credentials are sent,
/// or which files are sent as credentials. Some are not settings at all; they are listed so that
/// the message is about trust rather than spelling.
const NEEDS_TRUST: [&str; 10] = [
    "domain",
    "base-url",
    "audience",
    "client-secret-file",
    "client-key-file",
    "token-file",
    "client-secret",
    "api-token",
    "token",
    TENANT,
];

/// A settings file that was read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    /// Its path as it was given, safe to print.
    pub(super) name: String,
    /// Settings above its tables.
    pub(super) tenant: TenantFlags,
    /// The chosen table.
    pub(super) profile: Option<Profile>,
    /// Names of all its tables.
    pub(super) profiles: Vec<String>,
    /// Settings above the tables, overridden by the chosen table.
    pub(super) pace: PaceFlags,
    pub(super) recording: Recording,
    pub(super) creating: Creating,
    pub(super) knowing: Knowing,
}

impl SettingsFile {
    /// Returns the name of the place that a setting comes from, for people.
    pub(super) fn place<T>(&self, given: &Given<T>) -> String {
        match given.origin {
            Origin::Profile => self.profile.as_ref().map(Profile::place).unwrap_or_default(),
            Origin::File => self.name.clone(),
            _ => given.from.clone(),
        }
    }

    /// Returns the value of a tenant setting that is nearest to the user: from flags and
    /// environment, the table, or the file.
    pub(super) fn nearest<'a, T>(
        &'a self,
        given: &'a TenantFlags,
        setting: impl Fn(&'a TenantFlags) -> &'a Option<Given<T>>,
    ) -> Option<&'a Given<T>> {
        let profile = self.profile.as_ref().map(|profile| &profile.tenant);
        let layers = [Some(given), profile, Some(&self.tenant)].into_iter().flatten();
        layers.filter_map(|tenant| setting(tenant).as_ref()).min_by_key(|given| given.origin)
    }
}

/// A table whose keys are settings and whose values are text.
type Table<'a> = Spanned<DeTable<'a>>;

/// A settings file while it is read, for finding the line of a key.
struct Document<'a> {
    text: &'a str,
    name: &'a str,
    is_named: bool,
    settings: Vec<(String, String)>,
}

/// Reads the settings and the tables of tenants.
pub(super) fn parse(
    text: &str,
    name: String,
    is_named: bool,
    choice: Option<Choice<'_>>,
) -> Result<SettingsFile, Error> {
    let mut settings = settings();
    // A table has no tables of its own.
    settings.retain(|(key, _)| key != TENANT);
    let source = Document { text, name: &name, is_named, settings };
    // The parser's own message shows the line, and so any value in it.
    let mut top = DeTable::parse(text).map_err(|error| {
        let line = source.line(error.span().map_or(0, |span| span.start));
        // The words of `toml`; a test holds them.
        if error.message().starts_with("duplicate key") {
            return Error::config(
                format!("`{name}` line {line} repeats a table or a key"),
                "keep one of them, or merge the settings of both tables",
            );
        }
        Error::config(
            format!("`{name}` line {line} is not TOML"),
            "write settings as `rate = \"10\"`",
        )
    })?;
    let tables = match top.get_mut().remove_entry(TENANT) {
        Some((key, value)) => source.tables(&key, value)?,
        None => Vec::new(),
    };
    let mut merged = source.table(top)?;
    let (tenant, ..) = source.read(&merged)?;
    let mut chosen = None;
    for (profile, table) in &tables {
        // Every table is read, even if it is not chosen: its faults show before it is needed.
        let (tenant, ..) = source.read(table)?;
        if choice.is_some_and(|choice| choice.value == *profile) {
            merged.get_mut().extend(table.get_ref().clone());
            chosen = Some((tenant.of_profile(), texts(table)));
        }
    }
    let (_, pace, recording, creating, knowing) = source.read(&merged)?;
    let profiles: Vec<_> = tables.into_iter().map(|(profile, _)| profile).collect();
    let profile = choice.map(|choice| Profile::of(choice, chosen, &profiles, &name)).transpose()?;
    Ok(SettingsFile { name, tenant, profile, profiles, pace, recording, creating, knowing })
}

/// Settings of a table, by kind.
type Kinds = (TenantFlags, PaceFlags, Recording, Creating, Knowing);

/// Returns the settings of a table as they are written.
fn texts(table: &Table<'_>) -> Vec<(String, String)> {
    let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned()))
    };
    table.get_ref().iter().filter_map(entry).collect()
}

impl Document<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }

    /// Returns the tables of tenants, each with its name.
    fn tables<'a>(
        &self,
        key: &Spanned<DeString<'a>>,
        value: Spanned<DeValue<'a>>,
    ) -> Result<Vec<(String, Table<'a>)>, Error> {
        let at = key.span().start;
        if !self.is_named {
            return Err(self.untrusted(TENANT, at));
        }
        let no_table = |at| {
            Error::usage(
                format!("`{}` line {}: `{TENANT}` is not a table", self.name, self.line(at)),
                "write the settings of a tenant below `[tenant.NAME]`, and choose it with `--tenant NAME` \
                 or MFAFERRY_TENANT",
            )
        };
        let DeValue::Table(tables) = value.into_inner() else { return Err(no_table(at)) };
        let named = |(name, value): (Spanned<DeString<'a>>, Spanned<DeValue<'a>>)| {
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(table) => {
                    Ok((name.get_ref().to_string(), self.table(Spanned::new(span, table))?))
                }
                _ => Err(no_table(name.span().start)),
            }
        };
        tables.into_iter().map(named).collect()
    }

    /// Returns a table with its keys spelt like the flags and its values as text.
    fn table<'a>(&self, mut table: Table<'a>) -> Result<Table<'a>, Error> {
        let mut known = DeTable::new();
        for (spelt, mut value) in mem::take(table.get_mut()) {
            let (at, name) = (spelt.span().start, self.name);
            let key = spelt.get_ref().replace('_', "-");
            if !self.is_named && (NEEDS_TRUST.contains(&&*key) || key.contains("proxy")) {
                return Err(self.untrusted(spelt.get_ref(), at));
            }
            if !self.settings.iter().any(|(known, _)| *known == key) {
                return Err(self.unknown(spelt.get_ref(), at, value.get_ref().is_table()));
            }
            let fault = |what: &str| {
                format!("`{name}` line {}: `{}` {what}", self.line(at), spelt.get_ref())
            };
            let Some(text) = written(value.get_ref()) else {
                return Err(Error::config(
                    fault("is neither text nor a number"),
                    "write it as on the command line",
                ));
            };
            *value.get_mut() = DeValue::String(text.into());
            if known.insert(Spanned::new(spelt.span(), key.into()), value).is_some() {
                return Err(Error::usage(fault("is set twice"), "keep one of them"));
            }
        }
        Ok(Spanned::new(table.span(), known))
    }

    /// Reads the settings of a table. Each kind takes its own keys.
    fn read(&self, table: &Table<'_>) -> Result<Kinds, Error> {
        let file = || Deserializer::from(table.clone());
        let read = || {
            Ok((
                TenantFlags::deserialize(file())?,
                PaceFlags::deserialize(file())?,
                Recording::deserialize(file())?,
                Creating::deserialize(file())?,
                Knowing::deserialize(file())?,
            ))
        };
        let kinds = read().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            self.invalid(table, at, error.message())
        })?;
        let algorithm = table.get_ref().iter().find(|(key, _)| key.get_ref() == ALGORITHM);
        match algorithm.and_then(|(_, value)| Some((value.get_ref().as_str()?, value.span()))) {
            Some((name, span)) if Algorithm::from_name(name.trim()).is_none() => {
                Err(self.invalid(table, span.start, &Algorithm::expected()))
            }
            _ => Ok(kinds),
        }
    }

    /// Returns the error for the value at a position of a table.
    fn invalid(&self, table: &Table<'_>, at: usize, expected: &str) -> Error {
        let entry = table.get_ref().iter().find(|(_, value)| value.span().start == at);
        let value = entry.and_then(|(_, value)| value.get_ref().as_str()).unwrap_or_default();
        let key = entry.map_or("", |(key, _)| self.text.get(key.span()).unwrap_or_default());
        let key = key.trim_matches(['"', '\'']);
        let place = format!("`{key}` in `{}` line {}", self.name, self.line(at));
        Error::usage(invalid_value(value, &place), format!("give {expected}"))
    }

    fn untrusted(&self, key: &str, at: usize) -> Error {
        let name = self.name;
        Error::config(
            format!(
                "`{name}` line {} sets `{}`: a file found in the working directory may not \
                 choose the credentials or where they are sent",
                self.line(at),
                escape(key)
            ),
            format!(
                "if you trust the file, say so with `--config ./{name}`; else give a flag or set the \
                 environment"
            ),
        )
    }

    /// The key is shown if it looks like one: something in the wrong place may be a secret.
    fn unknown(&self, key: &str, at: usize, is_table: bool) -> Error {
        let known = self.settings.iter().map(|(known, _)| known.as_str());
        let spelt = key.to_ascii_lowercase().replace('_', "-");
        let near = elsewhere(&spelt).or_else(|| nearest(&spelt, known.clone()));
        let hint = match near {
            _ if is_table => "the only tables are those of tenants, such as `[tenant.acme]`".into(),
            Some(near) => format!("did you mean `{}`?", near.replace('-', "_")),
            None => format!(
                "known are: {}; secrets come from files or the environment",
                known.collect::<Vec<_>>().join(", ")
            ),
        };
        let is_word =
            key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b));
        let shown = if is_word { format!(" `{key}`") } else { String::new() };
        let place = format!("`{}` line {}", self.name, self.line(at));
        Error::usage(format!("{place} has the unknown key{shown}"), hint)
    }
}

/// Returns the key of the setting that the environment or Terraform's provider calls `name`.
fn elsewhere(name: &str) -> Option<&'static str> {
    let bare = ["auth0-", "mfaferry-"].into_iter().find_map(|prefix| name.strip_prefix(prefix));
    Some(match bare.unwrap_or(name) {
        "client-assertion-private-key" => "client-key-file",
        "client-assertion-signing-alg" => ALGORITHM,
        "client-secret" => "client-secret-file",
        "api-token" | "token" => "token-file",
        "domain" => "domain",
        "audience" => "audience",
        "client-id" => "client-id",
        _ => return None,
    })
}

/// Returns a value as a flag would have it; `None` unless it is text or a number.
fn written(value: &DeValue<'_>) -> Option<String> {
    Some(match value {
        // A file is named as on the command line.
        DeValue::String(text) => file_name(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.to_string(), |number| number.to_string()),
        // JSON Schema takes `5.0` for a whole number, and so do editors that go by the schema.
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(whole) if whole.fract() == 0.0 => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        DeValue::Boolean(truth) => truth.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_has_a_variable_is_a_key_of_the_file() {
        let settings: Vec<_> = settings().into_iter().filter(|(key, _)| key != TENANT).collect();
        assert_eq!(settings.len(), 26, "{settings:?}");
        for (key, _) in settings {
            // Texts only: whoever knows the key complains.
            let text = format!("{key} = 1");
            let file = || Deserializer::parse(&text).unwrap();
            let known = [
                TenantFlags::deserialize(file()).is_err(),
                PaceFlags::deserialize(file()).is_err(),
                Recording::deserialize(file()).is_err(),
                Creating::deserialize(file()).is_err(),
                Knowing::deserialize(file()).is_err(),
            ];
            assert_eq!(known.iter().filter(|known| **known).count(), 1, "{key}");
        }
    }

    #[test]
    fn every_setting_of_a_tenant_s_table_stands_nearer_than_the_rest_of_the_file() {
        for (key, _) in settings().into_iter().filter(|(key, _)| key != TENANT) {
            let text = format!("{key} = \"true\"");
            let file = Deserializer::parse(&text).unwrap();
            let Ok(tenant) = TenantFlags::deserialize(file) else { continue };
            let shown = format!("{:?}", tenant.of_profile());
            assert!(!shown.contains("origin: File"), "{key}: {shown}");
        }
    }
}
