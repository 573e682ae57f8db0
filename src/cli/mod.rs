//! Command line and environment: settings, flags and help texts. Makes no decisions.

use clap::Parser;

mod choice;
mod command;
mod command_line;
mod environment;
mod files;
mod flags;
mod output;
mod page;
mod probe;
mod prose;
mod reference;
mod row_filter;
mod sandbox;
mod select;
mod setting;
mod shard;
mod shared;
mod system;
mod talking;
mod version;

pub use choice::{InputFormat, Output, ReportFormat, Retry, SecretEncoding, VerifyOutput};
pub use command::Command;
pub use command_line::CommandLine;
pub use environment::{asks_for_json, parse, settings, variable, warn_of_unknown_variables};
pub use files::NamedFiles;
pub use flags::{
    Check, Delete, Explain, Export, Import, Preflight, Replace, Report, Resolve, Undo, UpdateArgs,
    Verify,
};
pub use output::{LogFormat, OutputArgs};
pub use page::PageFlags;
pub use probe::Probe;
pub use prose::{INDENT, flowing};
pub use reference::{ManArgs, SchemaArgs};
pub use row_filter::RowFilter;
pub use sandbox::SandboxArgs;
pub use select::Select;
pub use setting::{Given, Origin, UserLimit, Value};
pub use shard::Sharding;
pub use shared::{
    Bulk, CLIENT_ID, CLIENT_KEY_FILE, CLIENT_SECRET_FILE, Creating, Deleting, Knowing, PaceFlags,
    Reading, Recording, RunFlags, TOKEN_FILE, TenantFlags,
};
pub use system::FromSystem;
pub use talking::Talking;
pub use version::DATE as VERSION_DATE;

/// Moves users' MFA factors into an Auth0 tenant: nothing lost, nothing doubled, nothing leaked.
#[derive(Debug, Parser)]
#[command(
    name = "mfaferry",
    version = version::LINE,
    disable_version_flag = true,
    arg_required_else_help = true,
    args_override_self = true,
    disable_help_subcommand = true,
    after_help = "\
Exit codes:
  0  everything settled well
  1  unexpected error
  2  usage, or unreadable input
  3  configuration, credentials or permission
  4  finished, but some rows need attention, or a check found something
  5  stopped early, run it again to resume
  6  ledger unusable, in use, or of another tenant

Try it without an account:  mfaferry import samples/factors.csv --sandbox"
)]
pub struct Cli {
    #[command(subcommand)]
    /// Command to run.
    pub command: Command,
    #[command(flatten)]
    /// Output and logging.
    pub output: OutputArgs,
    /// Print version; with --verbose, everything known about the build
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    pub version: Option<bool>,
}
