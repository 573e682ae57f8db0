//! Flags that several commands have.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{
    InputFormat, Output, Retry,
    setting::{Attempts, Burst, ErrorLimit, Given, Origin, Share, ValueReader, named_file},
};
use crate::{engine::Concurrency, pacer::Rate, text::path_of};

/// Heading of the flags that choose the tenant and the credentials. It is repeated at each flag,
/// since a heading for a whole group would also take in the flags that follow the group.
const TENANT: &str = "Tenant";
/// Heading of the flags about rate, retries and timeouts.
const PACE: &str = "Rate and timeouts";
/// Variable of `--tenant`.
const PROFILE: &str = "MFAFERRY_TENANT";
/// Variable of `--client-id`. Where the flag is given, the environment's credentials are still
/// read.
pub const CLIENT_ID: &str = "AUTH0_CLIENT_ID";
/// Variable of `--client-secret-file`.
pub const CLIENT_SECRET_FILE: &str = "MFAFERRY_CLIENT_SECRET_FILE";
/// Variable of `--client-key-file`.
pub const CLIENT_KEY_FILE: &str = "MFAFERRY_CLIENT_KEY_FILE";
/// Variable of `--token-file`.
pub const TOKEN_FILE: &str = "MFAFERRY_TOKEN_FILE";

/// Settings of every command that talks to a tenant: its name, the credentials, the metrics.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct TenantFlags {
    /// Use the table `[tenant.NAME]` of the settings file; it overrides the settings above the
    /// tables
    #[arg(long = "tenant", value_name = "NAME", env = PROFILE, help_heading = TENANT)]
    #[serde(skip)]
    pub profile: Option<Given<String>>,
    /// Host name of the tenant
    #[arg(long, value_name = "HOST", env = "AUTH0_DOMAIN", help_heading = TENANT)]
    pub domain: Option<Given<String>>,
    /// Base URL of the tenant; overrides --domain. Plain HTTP is allowed for loopback only
    #[arg(long, value_name = "URL", env = "MFAFERRY_BASE_URL", help_heading = TENANT)]
    pub base_url: Option<Given<String>>,
    /// API audience to request a token for; required with a custom domain
    /// [default: <base>/api/v2/]
    #[arg(long, value_name = "URL", env = "AUTH0_AUDIENCE", help_heading = TENANT)]
    pub audience: Option<Given<String>>,
    /// Client id of the machine-to-machine application
    #[arg(long, value_name = "ID", env = CLIENT_ID, help_heading = TENANT)]
    pub client_id: Option<Given<String>>,
    /// Read the client secret from FILE (or set `AUTH0_CLIENT_SECRET`)
    #[arg(long, value_name = "FILE", env = CLIENT_SECRET_FILE, value_parser = ValueReader::of_file(), help_heading = TENANT)]
    pub client_secret_file: Option<Given<String>>,
    /// Read the client's private RSA key (PEM) from FILE instead, for private key JWT (or set
    /// `AUTH0_CLIENT_ASSERTION_PRIVATE_KEY`)
    #[arg(long, value_name = "FILE", env = CLIENT_KEY_FILE, value_parser = ValueReader::of_file(), help_heading = TENANT)]
    pub client_key_file: Option<Given<String>>,
    /// Algorithm that the private key signs with: RS256, RS384 or PS256 [default: RS256]
    #[arg(long, value_name = "ALG", env = "AUTH0_CLIENT_ASSERTION_SIGNING_ALG", help_heading = TENANT)]
    pub client_signing_alg: Option<Given<String>>,
    /// Read a ready access token from FILE instead (or set `AUTH0_API_TOKEN`)
    #[arg(long, value_name = "FILE", env = TOKEN_FILE, value_parser = ValueReader::of_file(), help_heading = TENANT)]
    pub token_file: Option<Given<String>>,
    /// Run against the built-in simulated tenant; needs no account
    #[arg(long, env = "MFAFERRY_SANDBOX", action = ArgAction::SetTrue, help_heading = TENANT)]
    pub sandbox: Option<Given<bool>>,
    /// Read settings from FILE [default: mfaferry.toml, if it exists; that file may not choose
    /// tenant or credentials]
    #[arg(long, value_name = "FILE", help_heading = TENANT)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Write the run's metrics to FILE (0644) for the textfile collector of Prometheus' node
    /// exporter: at the start, every 15 seconds and at the end. Give each job its own FILE, named
    /// `*.prom`
    #[arg(long, value_name = "FILE", env = "MFAFERRY_METRICS_FILE", value_parser = ValueReader::of_file())]
    pub metrics_file: Option<Given<String>>,
}

impl TenantFlags {
    /// Returns the files that it names for reading: settings and credentials.
    pub fn paths(&self) -> Vec<PathBuf> {
        let Self { client_secret_file, client_key_file, token_file, config, .. } = self;
        let files = [client_secret_file, client_key_file, token_file].into_iter().flatten();
        files.map(|file| path_of(&file.value)).chain(config.clone()).collect()
    }

    /// Marks it as the table of one tenant, which takes precedence over the rest of the file.
    #[must_use]
    pub fn of_profile(mut self) -> Self {
        let Self { domain, base_url, audience, client_id, client_secret_file, .. } = &mut self;
        let texts = [domain, base_url, audience, client_id, client_secret_file];
        let near = |given: &mut Given<String>| given.origin = Origin::Profile;
        texts.into_iter().flatten().for_each(near);
        let Self { client_key_file, client_signing_alg, token_file, metrics_file, .. } = &mut self;
        let texts = [client_key_file, client_signing_alg, token_file, metrics_file];
        texts.into_iter().flatten().for_each(near);
        if let Some(sandbox) = &mut self.sandbox {
            sandbox.origin = Origin::Profile;
        }
        self
    }
}

/// Settings for rate, retries and timeouts.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct PaceFlags {
    /// Requests per second; `auto` learns the tenant's limit from its answers
    #[arg(long, value_name = "auto|N", env = "MFAFERRY_RATE", default_value = "auto", help_heading = PACE)]
    pub rate: Option<Given<Rate>>,
    /// Number of requests that may be sent back to back with --rate N
    #[arg(long, value_name = "N", env = "MFAFERRY_BURST", default_value = "1", help_heading = PACE)]
    pub burst: Option<Given<Burst>>,
    /// Rates by time of day, such as 08:00-20:00=5,20:00-08:00=auto. Outside these ranges --rate
    /// applies
    #[arg(long, value_name = "PLAN", env = "MFAFERRY_RATE_PLAN", help_heading = PACE)]
    pub rate_plan: Option<Given<String>>,
    /// Time zone of --rate-plan, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE", env = "MFAFERRY_TIMEZONE", help_heading = PACE)]
    pub timezone: Option<Given<TimeZone>>,
    /// Stop cleanly after this long, with exit code 5; the same command resumes [default: none]
    #[arg(long, value_name = "DURATION", env = "MFAFERRY_MAX_DURATION", help_heading = PACE)]
    pub max_duration: Option<Given<Duration>>,
    /// Share of the tenant's rate limit to leave to other clients
    #[arg(long, value_name = "PERCENT", env = "MFAFERRY_RESERVE", default_value = "20%", help_heading = PACE)]
    pub reserve: Option<Given<Share>>,
    /// Maximum number of requests in flight; `auto` allows what the pace and the latency need
    #[arg(long, value_name = "auto|N", env = "MFAFERRY_CONCURRENCY", default_value = "auto", help_heading = PACE)]
    pub concurrency: Option<Given<Concurrency>>,
    /// Timeout for a single request
    #[arg(long, value_name = "DURATION", env = "MFAFERRY_TIMEOUT", default_value = "30s", help_heading = PACE)]
    pub timeout: Option<Given<Duration>>,
    /// Time to wait after an unanswered POST before looking up its outcome
    #[arg(long, value_name = "DURATION", env = "MFAFERRY_SETTLE", default_value = "120s", help_heading = PACE)]
    pub settle: Option<Given<Duration>>,
    /// Maximum number of attempts per factor, or per other request, that may have reached the
    /// server
    #[arg(long, value_name = "N", env = "MFAFERRY_MAX_ATTEMPTS", default_value = "3", help_heading = PACE)]
    pub max_attempts: Option<Given<Attempts>>,
    /// Stop once N rows, or P% of them, were rejected or failed
    #[arg(long, value_name = "N|P%", env = "MFAFERRY_MAX_ERRORS", default_value = "none", help_heading = PACE)]
    pub max_errors: Option<Given<ErrorLimit>>,
    /// Stop when the tenant has not answered for this long
    #[arg(long, value_name = "DURATION", env = "MFAFERRY_MAX_OUTAGE", default_value = "30m", help_heading = PACE)]
    pub max_outage: Option<Given<Duration>>,
}

/// The setting that names the ledger.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Recording {
    /// Record every outcome in FILE; the same file resumes a run [default: INPUT.ledger; required
    /// with several inputs]
    #[arg(long, value_name = "FILE", env = "MFAFERRY_LEDGER", value_parser = ValueReader::of_file())]
    pub ledger: Option<Given<String>>,
}

/// Settings of creation.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Creating {
    /// Have the import list each user's methods first and skip factors that exist; for importing
    /// again without the old ledger
    #[arg(long, env = "MFAFERRY_SKIP_EXISTING", action = ArgAction::SetTrue)]
    pub skip_existing: Option<Given<bool>>,
    /// Have the import create factors under a marked name, so that a factor in doubt can always be
    /// recognised, and rename them afterwards; needs `update:authentication_methods` and one more
    /// request per factor
    #[arg(long, env = "MFAFERRY_NAME_MARKER", action = ArgAction::SetTrue)]
    pub name_marker: Option<Given<bool>>,
}

/// The setting that names a file of facts about the tenant.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Knowing {
    /// Use the facts in FILE about the tenant's behaviour, as written by `probe --out` for it or
    /// for a test tenant like it
    #[arg(long, value_name = "FILE", env = "MFAFERRY_TENANT_FACTS", value_parser = ValueReader::of_file(), help_heading = TENANT)]
    pub tenant_facts: Option<Given<String>>,
}

/// Flags that say how an input is written.
#[derive(Debug, Args)]
pub struct Reading {
    /// CSV, JSONL or JSON files to read one after the other, also compressed (.gz, .zst), or -
    /// alone for standard input
    #[arg(value_name = "INPUT", required = true, value_parser = named_file())]
    pub inputs: Vec<String>,
    /// Format of INPUT [default: from its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Character between the cells of a CSV, or `tab` [default: `,` or `;` or a tab, by the header]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Columns or keys to ignore
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub ignore_columns: Vec<String>,
    /// Read the columns or keys THEIRS as OURS, as in 'name=label,email=mail'
    #[arg(long, value_name = "OURS=THEIRS,…", value_delimiter = ',')]
    pub map: Vec<String>,
}

impl Reading {
    /// Returns the paths of the inputs.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.inputs.iter().map(|input| path_of(input)).collect()
    }
}

/// Flags of every command that handles an input row by row.
#[derive(Debug, Args)]
pub struct Bulk {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    #[command(flatten)]
    /// Ledger to record in.
    pub recording: Recording,
    /// Also retry rows that an earlier run left in these states
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub retry: Vec<Retry>,
    #[command(flatten)]
    /// Output, tenant and rate.
    pub run: RunFlags,
}

/// Flags of every command that changes a tenant.
#[derive(Debug, Args)]
pub struct RunFlags {
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(flatten)]
    /// Tenant to talk to.
    pub tenant: TenantFlags,
    #[command(flatten)]
    /// Rate and timeouts.
    pub pace: PaceFlags,
}

/// Flags of the commands that delete methods.
#[derive(Debug, Args)]
pub struct Deleting {
    /// Do not ask for confirmation; required when not running in a terminal
    #[arg(long)]
    pub yes: bool,
    /// Stop before this run deletes more than N methods [default: none]
    #[arg(long, value_name = "N")]
    pub max_deletes: Option<u64>,
    /// Show what would be deleted, without changing or recording anything
    #[arg(long)]
    pub dry_run: bool,
    /// Back up methods to FILE before deleting them (0600, in the format of `export`)
    /// [default: LEDGER.backup.jsonl]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}
