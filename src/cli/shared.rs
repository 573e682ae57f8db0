//! Flags that several commands have.

use std::path::PathBuf;

use clap::Args;

use super::{InputFormat, Output, Retry};

/// Which tenant, and who asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenant")]
pub struct Tenant {
    /// The tenant's host name (`AUTH0_DOMAIN`)
    #[arg(long, value_name = "HOST")]
    pub domain: Option<String>,
    /// Overrides it; plain http is accepted for loopback only
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Of the token; needed with a custom domain (`AUTH0_AUDIENCE`) [default: <base>/api/v2/]
    #[arg(long, value_name = "URL")]
    pub audience: Option<String>,
    /// For the client credentials grant (`AUTH0_CLIENT_ID`)
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// File with the client secret (`AUTH0_CLIENT_SECRET` has the secret itself)
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<String>,
    /// File with a ready token instead (`AUTH0_API_TOKEN` has the token itself)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
    /// Run against the built-in simulated tenant; no account needed
    #[arg(long)]
    pub sandbox: bool,
    /// Read settings from FILE [default: mfaferry.toml, if it is there; that one may not name tenant
    /// or credentials]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How fast, how patient.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace and patience")]
pub struct Pace {
    /// Requests a second in all; auto learns the tenant's limit from its answers [default: auto]
    #[arg(long, value_name = "auto|N")]
    pub rate: Option<String>,
    /// Requests that may go at once at a given rate [default: 1]
    #[arg(long, value_name = "N")]
    pub burst: Option<String>,
    /// Rates by time of day, such as 08:00-20:00=5,20:00-08:00=auto; at times that are in none of
    /// the ranges --rate holds
    #[arg(long, value_name = "PLAN")]
    pub rate_plan: Option<String>,
    /// Whose times of day these are, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Stop in good order after so long, with exit code 5; the same command goes on [default: none]
    #[arg(long, value_name = "DURATION")]
    pub max_duration: Option<String>,
    /// The share of the tenant's limit left to everybody else [default: 20%]
    #[arg(long, value_name = "PERCENT")]
    pub reserve: Option<String>,
    /// Requests in flight at most [default: 32]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<String>,
    /// For one request [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// How long after giving up on a POST its outcome is looked up [default: 120s]
    #[arg(long, value_name = "DURATION")]
    pub settle: Option<String>,
    /// Attempts of one factor, or of any other request, that may have reached the server
    /// [default: 3]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<String>,
    /// Stop once so many rows are rejected or failed [default: none]
    #[arg(long, value_name = "N|P%")]
    pub max_errors: Option<String>,
    /// Stop when the tenant has not answered for so long [default: 30m]
    #[arg(long, value_name = "DURATION")]
    pub max_outage: Option<String>,
}

/// What all commands take that do something for each row of an input.
#[derive(Debug, Args)]
pub struct Bulk {
    /// A CSV or JSONL file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub input: String,
    /// What INPUT is [default: by its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Where results are recorded; the same file resumes [default: INPUT.ledger]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<String>,
    /// Try again what an earlier run has left in these states
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub retry: Vec<Retry>,
    #[command(flatten)]
    /// How it goes.
    pub run: Run,
}

/// What all commands take that change a tenant.
#[derive(Debug, Args)]
pub struct Run {
    /// How the result is printed on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(flatten)]
    /// Which tenant.
    pub tenant: Tenant,
    #[command(flatten)]
    /// How fast.
    pub pace: Pace,
}

/// How methods are taken away.
#[derive(Debug, Args)]
pub struct Deleting {
    /// Do not ask; needed where there is no terminal to ask at
    #[arg(long)]
    pub yes: bool,
    /// Stop before more than N methods are deleted in this run [default: none]
    #[arg(long, value_name = "N")]
    pub max_deletes: Option<u64>,
    /// Ask the tenant and say what would be deleted; change and record nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What is there is written to FILE first (0600, as `export` writes it)
    /// [default: LEDGER.backup.jsonl]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}
