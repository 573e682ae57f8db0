//! The line that says, before anything is sent, which tenant a command talks to, as whom, and where
//! that was set. It reveals an unexpected folder or environment.

use std::{
    io::{self, Write},
    path::Path,
};

use serde::Serialize;

use super::logging::Logged;
use crate::{
    auth0,
    cli::LogFormat,
    config::Config,
    model::Shard,
    report::write_json,
    text::{escape, file_name},
};

/// Number of characters shown of a client id: enough to recognise one's own.
const CHARACTERS_SHOWN: usize = 4;

/// The facts of the line.
#[derive(Debug, Serialize)]
struct Announcement<'a> {
    message: String,
    tenant: &'a str,
    tenant_from: &'a str,
    /// Shortened; absent where a ready-made token is used, and in the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials_from: Option<&'a str>,
    scopes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger_is_new: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a str>,
    /// Table of the settings file that is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_from: Option<&'a str>,
}

/// Writes the line to standard error, unless `-q` is given.
pub(super) fn announce(config: &Config, scopes: &[&'static str], ledger: Option<&Path>) {
    let Some(how) = config.announce else { return };
    let facts = facts(config, scopes, ledger);
    if how.is_logged_elsewhere {
        tracing::info!("{}", facts.message);
    }
    let mut line = Vec::new();
    let written = match how.format {
        LogFormat::Text => writeln!(line, "{}", facts.message),
        LogFormat::Json => write_json(&Logged::of("INFO", facts, module_path!()), &mut line),
    };
    // Written in one piece. Nobody is left to tell if standard error is gone.
    drop(written.and_then(|()| io::stderr().write_all(&line)));
}

fn facts<'a>(
    config: &'a Config,
    scopes: &[&'static str],
    ledger: Option<&Path>,
) -> Announcement<'a> {
    let tenant = config.target.label();
    let source = &config.source;
    let client = source.client.as_ref();
    let mut scopes: Vec<_> = scopes.iter().map(|scope| auth0::short_scope(scope)).collect();
    // This scope is not required at the start, but it is used for factors in doubt.
    if scopes.contains(&auth0::short_scope(auth0::CREATE))
        && !scopes.contains(&auth0::short_scope(auth0::READ))
    {
        scopes.push(auth0::short_scope(auth0::READ));
    }
    let client_id = client.and_then(|client| client.value.as_deref()).map(shortened);
    let ledger = ledger.map(|path| (file_name(path), is_new(path)));
    let mut parts = vec![format!("tenant {tenant} ({})", source.tenant)];
    if let Some(client) = client {
        parts.push(match &client_id {
            Some(id) => format!("client {id} ({})", client.from),
            None => format!("token ({})", client.from),
        });
    }
    parts.push(format!("scopes {}", scopes.join(", ")));
    let shard = config.part();
    parts.extend(shard.map(|shard| format!("shard {shard}")));
    if let Some((path, is_new)) = &ledger {
        parts.push(format!("ledger {path}{}", if *is_new { " (new)" } else { "" }));
    }
    if let Some(file) = &source.file {
        parts.push(format!("settings {file}"));
    }
    let profile = source.profile.as_ref().and_then(|it| Some((it.value.as_deref()?, &*it.from)));
    if let Some((name, from)) = profile {
        parts.push(format!("profile {name} ({from})"));
    }
    let (ledger, ledger_is_new) = ledger.unzip();
    let (profile, profile_from) = profile.unzip();
    Announcement {
        message: escape(&parts.join(" · ")),
        tenant,
        tenant_from: &source.tenant,
        client_id,
        credentials_from: client.map(|client| client.from.as_str()),
        scopes,
        shard,
        ledger,
        ledger_is_new,
        config: source.file.as_deref(),
        profile,
        profile_from,
    }
}

fn shortened(id: &str) -> String {
    let mut shown: String = id.chars().take(CHARACTERS_SHOWN).collect();
    if shown.len() < id.len() {
        shown.push('…');
    }
    shown
}

fn is_new(ledger: &Path) -> bool {
    std::fs::symlink_metadata(ledger).is_err()
}
