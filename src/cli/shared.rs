//! Flags that several commands have.

use std::path::PathBuf;

use clap::Args;

use super::{InputFormat, Output, Retry};

/// Flags that name the tenant and the credentials.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenant")]
pub struct Tenant {
    /// Host name of the tenant (`AUTH0_DOMAIN`)
    #[arg(long, value_name = "HOST")]
    pub domain: Option<String>,
    /// Base URL of the tenant; overrides --domain. Plain HTTP is allowed for loopback only
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// API audience to request a token for; required with a custom domain (`AUTH0_AUDIENCE`)
    /// [default: <base>/api/v2/]
    #[arg(long, value_name = "URL")]
    pub audience: Option<String>,
    /// Client id of the machine-to-machine application (`AUTH0_CLIENT_ID`)
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Read the client secret from FILE (or set `AUTH0_CLIENT_SECRET`)
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<String>,
    /// Read a ready access token from FILE instead (or set `AUTH0_API_TOKEN`)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
    /// Run against the built-in simulated tenant; needs no account
    #[arg(long)]
    pub sandbox: bool,
    /// Read settings from FILE [default: mfaferry.toml, if it is there; that one may not name tenant
    /// or credentials]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Flags for rate, retries and timeouts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rate and timeouts")]
pub struct Pace {
    /// Requests per second; `auto` learns the tenant's limit from its answers [default: auto]
    #[arg(long, value_name = "auto|N")]
    pub rate: Option<String>,
    /// How many requests may be sent back to back with --rate N [default: 1]
    #[arg(long, value_name = "N")]
    pub burst: Option<String>,
    /// Rates by time of day, such as 08:00-20:00=5,20:00-08:00=auto. Outside these ranges --rate
    /// applies
    #[arg(long, value_name = "PLAN")]
    pub rate_plan: Option<String>,
    /// Time zone of --rate-plan, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Stop cleanly after this long, with exit code 5; the same command resumes [default: none]
    #[arg(long, value_name = "DURATION")]
    pub max_duration: Option<String>,
    /// Share of the tenant's rate limit to leave to everybody else [default: 20%]
    #[arg(long, value_name = "PERCENT")]
    pub reserve: Option<String>,
    /// Maximum number of requests in flight [default: 32]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<String>,
    /// Timeout for a single request [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// How long to wait after an unanswered POST before looking up its outcome [default: 120s]
    #[arg(long, value_name = "DURATION")]
    pub settle: Option<String>,
    /// Attempts of one factor, or of any other request, that may have reached the server
    /// [default: 3]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<String>,
    /// Stop after N (or P% of) rows were rejected or failed [default: none]
    #[arg(long, value_name = "N|P%")]
    pub max_errors: Option<String>,
    /// Stop when the tenant has not answered for this long [default: 30m]
    #[arg(long, value_name = "DURATION")]
    pub max_outage: Option<String>,
}

/// Flags that say how an input is written.
#[derive(Debug, Args)]
pub struct Reading {
    /// CSV, JSONL or JSON file to read, also compressed (.gz, .zst), or - for standard input
    #[arg(value_name = "INPUT")]
    pub input: String,
    /// Format of INPUT [default: from its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Character between the cells of a CSV; `tab` for that one [default: `,` or `;` or a tab, by the
    /// header]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Columns or keys to pass over
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub ignore_columns: Vec<String>,
    /// Read the columns or keys THEIRS as OURS, as in 'name=label,email=mail'
    #[arg(long, value_name = "OURS=THEIRS,…", value_delimiter = ',')]
    pub map: Vec<String>,
}

/// Flags of every command that handles an input row by row.
#[derive(Debug, Args)]
pub struct Bulk {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    /// Record every outcome in FILE; the same file resumes a run [default: INPUT.ledger]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<String>,
    /// Also try rows again that an earlier run left in these states
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub retry: Vec<Retry>,
    #[command(flatten)]
    /// Output, tenant and rate.
    pub run: Run,
}

/// Flags of every command that changes a tenant.
#[derive(Debug, Args)]
pub struct Run {
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(flatten)]
    /// Tenant to talk to.
    pub tenant: Tenant,
    #[command(flatten)]
    /// Rate and timeouts.
    pub pace: Pace,
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
