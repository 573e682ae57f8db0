//! The flags of each command.

use std::path::PathBuf;

use clap::Args;

use super::{Bulk, Deleting, InputFormat, Output, Pace, ReportFormat, Run, Tenant, VerifyOutput};

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    /// Of what.
    pub bulk: Bulk,
    /// INPUT was written by `export`: pass over what the API adds to each method
    #[arg(long)]
    pub from_export: bool,
    /// List each user first and skip what is already there; for a run without its old ledger
    #[arg(long)]
    pub skip_existing: bool,
    /// Mark names while factors are in doubt, so that even a TOTP is known for certain, and put the
    /// wanted names back; needs `update:authentication_methods`, and one more request a factor
    #[arg(long)]
    pub name_marker: bool,
}

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    /// Of whom.
    pub bulk: Bulk,
    /// Write to FILE (0600, in its place only once it is whole) [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `replace`.
#[derive(Debug, Args)]
pub struct Replace {
    #[command(flatten)]
    /// With what.
    pub bulk: Bulk,
    /// Replace sets even where that destroys what they cannot hold (security keys, push, …)
    #[arg(long)]
    pub allow_loss: bool,
    /// The present sets are written to FILE first (0600, as `export` writes them)
    /// [default: LEDGER.backup.jsonl]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// INPUT was written by `export`: pass over what the API adds to each method
    #[arg(long)]
    pub from_export: bool,
}

/// `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    /// Of what.
    pub bulk: Bulk,
}

/// `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    /// Of what.
    pub bulk: Bulk,
    /// Rows are users: delete all that each of them has
    #[arg(long)]
    pub all_methods: bool,
    #[command(flatten)]
    /// How.
    pub deleting: Deleting,
}

/// `undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The ledger whose import is taken back
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<String>,
    /// Also take back what was used since, or has another name or type now
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    /// How.
    pub deleting: Deleting,
    #[command(flatten)]
    /// How it goes.
    pub run: Run,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A CSV or JSONL file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub input: String,
    /// What INPUT is [default: by its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Also show the first N factors as they would be sent, contacts masked
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub show: u64,
    /// How the result is printed on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// `verify`.
#[derive(Debug, Args)]
#[command(
    // They are about what is created; in a settings file they may stand for import's sake.
    mut_arg("settle", |arg| arg.hide(true)),
    mut_arg("max_errors", |arg| arg.hide(true)),
)]
pub struct Verify {
    /// A CSV or JSONL file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub input: String,
    /// What INPUT is [default: by its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Also tell what else the users have
    #[arg(long)]
    pub extras: bool,
    /// Ask about this share of the users only, such as 5%, and state what that proves
    #[arg(long, value_name = "PERCENT")]
    pub sample: Option<String>,
    /// Picks the users of the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How the result is printed on standard output
    #[arg(long, value_enum, default_value_t = VerifyOutput::Text)]
    pub output: VerifyOutput,
    #[command(flatten)]
    /// Which tenant.
    pub tenant: Tenant,
    #[command(flatten)]
    /// How fast.
    pub pace: Pace,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The ledger to show
    #[arg(value_name = "LEDGER", required_unless_present = "ledger")]
    pub file: Option<PathBuf>,
    /// The same, by its name as in `import`
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub ledger: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Rate limit: RATE/BURST a second, or RATE/BURST@SECONDS for fixed windows
    #[arg(long, value_name = "RATE/BURST[@S]")]
    pub limit: Option<String>,
    /// What goes wrong: KIND=SHARE,… (`--list-faults` names the kinds)
    #[arg(long, value_name = "LIST")]
    pub faults: Option<String>,
    /// Name every kind of fault and leave
    #[arg(long)]
    pub list_faults: bool,
    /// Decides faults, delays and ids
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How long an answer takes, in milliseconds: MIN or MIN-MAX
    #[arg(long, value_name = "MS")]
    pub latency: Option<String>,
    /// Show phones and addresses plainly in lists
    #[arg(long)]
    pub no_masking: bool,
    /// The same factor twice is created twice instead of refused with 409
    #[arg(long)]
    pub no_conflict: bool,
    /// Users whose id has TEXT in it do not exist
    #[arg(long, value_name = "TEXT")]
    pub missing_users: Vec<String>,
    /// Methods of a type that a user may have
    #[arg(long, value_name = "N")]
    pub cap: Option<u32>,
    /// A token dies after so many requests
    #[arg(long, value_name = "N")]
    pub token_requests: Option<u32>,
    /// Everything that can be set, as JSON; flags come on top
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}
