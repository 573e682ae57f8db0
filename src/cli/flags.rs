//! The flags of each command.

use std::path::PathBuf;

use clap::Args;

use super::{
    Bulk, Creating, Deleting, FromSystem, Given, InputFormat, Knowing, Output, PaceFlags,
    PageFlags, Reading, Recording, ReportFormat, Retry, RowFilter, RunFlags, SecretEncoding,
    Sharding, TenantFlags, VerifyOutput,
    choice::finding_code,
    setting::{UsedShare, UserLimit, named_file},
    system::names,
};
use crate::{preflight::FindingCode, text::path_of};

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    /// Input and flags shared with other commands.
    pub bulk: Bulk,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
    /// Same as `--from auth0-export`.
    #[arg(long, hide = true, conflicts_with = "from")]
    pub from_export: bool,
    /// Start a new ledger even if another import ledger of the same tenant is in the same folder
    #[arg(long, conflicts_with = "ledger")]
    pub new_ledger: bool,
    /// Stop (exit code 5) once all rows of the first N users of INPUT, or of the shard, are done;
    /// the same command without this flag goes on
    #[arg(long, value_name = "N")]
    pub max_users: Option<Given<UserLimit>>,
    #[command(flatten)]
    /// Part of its users.
    pub sharding: Sharding,
    /// Import in spite of these findings, at which `preflight` would stop
    #[arg(long, value_name = "CODE,…", value_delimiter = ',', value_parser = finding_code)]
    pub accept: Vec<FindingCode>,
    #[command(flatten)]
    /// Settings of creation.
    pub creating: Creating,
    #[command(flatten)]
    /// Facts about the tenant.
    pub knowing: Knowing,
}

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    /// Input and flags shared with other commands.
    pub bulk: Bulk,
    /// Write to FILE (0600), which appears once it is complete [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `replace`.
#[derive(Debug, Args)]
pub struct Replace {
    #[command(flatten)]
    /// Input and flags shared with other commands.
    pub bulk: Bulk,
    /// Replace a set even if that deletes methods PUT cannot carry (security keys, push, …)
    #[arg(long)]
    pub allow_loss: bool,
    /// Back up the present sets to FILE first (0600, in the format of `export`)
    /// [default: LEDGER.backup.jsonl]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    /// Read INPUT as written by `export`, ignoring the fields that the API adds to each method
    #[arg(long)]
    pub from_export: bool,
}

/// `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    /// Input and flags shared with other commands.
    pub bulk: Bulk,
}

/// `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    /// Input and flags shared with other commands.
    pub bulk: Bulk,
    /// Treat rows as users, and delete all methods of each
    #[arg(long)]
    pub all_methods: bool,
    #[command(flatten)]
    /// Flags shared with `delete` and `undo`.
    pub deleting: Deleting,
}

/// `undo`.
#[derive(Debug, Args)]
#[command(mut_arg("ledger", |arg| arg.help("Ledger of the import to undo")))]
pub struct Undo {
    #[command(flatten)]
    /// Ledger to undo.
    pub recording: Recording,
    /// Also delete methods that were used, renamed or changed since
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    /// Flags shared with `delete` and `undo`.
    pub deleting: Deleting,
    #[command(flatten)]
    /// Output, tenant and rate.
    pub run: RunFlags,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    /// Also show the first N factors as they would be sent, with contacts masked
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub show: u64,
    /// Ask for the codes that this user's authenticator apps show, and check that INPUT's secrets
    /// are read as the apps read them; repeatable
    #[arg(long, value_name = "USER_ID")]
    pub prove: Vec<String>,
    /// Also record the proofs in FILE, the ledger of an import
    #[arg(long, value_name = "FILE", requires = "prove")]
    pub ledger: Option<PathBuf>,
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Code to explain, as a report shows it [default: list all]
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// `resolve`.
#[derive(Debug, Args)]
#[command(
    // This concerns creation; a configuration file may still set it for `import`.
    mut_arg("settle", |arg| arg.hide(true)),
    mut_arg("ledger", |arg| arg.help(
        "Record every outcome in FILE; the same file resumes a run [default: MAP.ledger]"
    )),
    mut_arg("shard", |arg| arg.help(
        "Ask only for the people of shard I of N, from 1/N to N/N: each is in one, by a hash of the address \
         in lower case. Give each shard a MAP of its own"
    )),
)]
pub struct Resolve {
    /// Files of another system's export, or a folder where that system writes one, or - alone for
    /// standard input
    #[arg(value_name = "INPUT", required = true, value_parser = named_file())]
    pub inputs: Vec<String>,
    /// Read INPUT as an export of the system NAME; `mfaferry sources` lists them
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = names())]
    pub from: String,
    /// Format of INPUT, where the system has several [default: from its extension]
    #[arg(long, value_enum)]
    pub format: Option<InputFormat>,
    /// Also look up people who have nothing but a verified phone number in their profile
    #[arg(long)]
    pub include_profile_phone: bool,
    /// Write to MAP (0600), which appears once it is complete
    #[arg(long, value_name = "MAP")]
    pub out: PathBuf,
    /// Take only users who have an account, linked ones included, of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Also trust addresses that INPUT calls unverified
    #[arg(long)]
    pub trust_unverified_email: bool,
    /// With `rejected`, also look up people again who were not found, and correct their lines in
    /// MAP. Those who got no answer are always looked up again
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub retry: Vec<Retry>,
    #[command(flatten)]
    /// Part of its people.
    pub sharding: Sharding,
    #[command(flatten)]
    /// Ledger to record in.
    pub recording: Recording,
    #[command(flatten)]
    /// Output, tenant and rate.
    pub run: RunFlags,
}

impl Resolve {
    /// Returns the paths of the inputs.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.inputs.iter().map(|input| path_of(input)).collect()
    }
}

/// `preflight`.
#[derive(Debug, Args)]
#[command(
    // These concern creation; a configuration file may still set them for `import`.
    mut_arg("settle", |arg| arg.hide(true)),
    mut_arg("max_errors", |arg| arg.hide(true)),
    mut_arg("max_duration", |arg| arg.help(
        "Say whether the import would take longer than this; preflight itself is not stopped by it"
    )),
)]
pub struct Preflight {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    /// Also ask whether this many users of INPUT, or this share such as 5%, exist and which methods
    /// they have: one request each, at most 100,000; 0 asks for none
    #[arg(long, value_name = "N|P%", default_value = "200")]
    pub sample: String,
    /// Seed that picks the users of the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Do not count these findings as stops
    #[arg(long, value_name = "CODE,…", value_delimiter = ',', value_parser = finding_code)]
    pub accept: Vec<FindingCode>,
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    #[command(flatten)]
    /// Settings of creation.
    pub creating: Creating,
    #[command(flatten)]
    /// Tenant to talk to.
    pub tenant: TenantFlags,
    #[command(flatten)]
    /// Rate and timeouts.
    pub pace: PaceFlags,
    #[command(flatten)]
    /// Facts about the tenant.
    pub knowing: Knowing,
}

/// `verify`.
#[derive(Debug, Args)]
#[command(
    // These concern creation; a configuration file may still set them for `import`.
    mut_arg("settle", |arg| arg.hide(true)),
    mut_arg("max_errors", |arg| arg.hide(true)),
)]
pub struct Verify {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    /// Also list methods of these users that INPUT does not have
    #[arg(long)]
    pub extras: bool,
    /// Also say which factors people have logged in with since they were created
    #[arg(long)]
    pub usage: bool,
    /// Same as --usage, and exit with code 4 if people have logged in with less than P of the
    /// existing factors
    #[arg(long, value_name = "P%")]
    pub fail_if_unused: Option<Given<UsedShare>>,
    /// Check only this share of the users, such as 5%, and state what that proves
    #[arg(long, value_name = "PERCENT")]
    pub sample: Option<String>,
    /// Seed that picks the users of the sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Check only the first N users of INPUT, or of the shard: those of `import --max-users N`
    #[arg(long, value_name = "N", conflicts_with = "sample")]
    pub max_users: Option<Given<UserLimit>>,
    #[command(flatten)]
    /// Part of its users.
    pub sharding: Sharding,
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t = VerifyOutput::Text)]
    pub output: VerifyOutput,
    #[command(flatten)]
    /// Tenant to talk to.
    pub tenant: TenantFlags,
    #[command(flatten)]
    /// Rate and timeouts.
    pub pace: PaceFlags,
    #[command(flatten)]
    /// Facts about the tenant.
    pub knowing: Knowing,
}

impl Verify {
    /// Returns whether logins are of interest.
    pub fn wants_usage(&self) -> bool {
        self.usage || self.fail_if_unused.is_some()
    }
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Ledgers to show; several of one tenant, such as those of all shards, are added up
    #[arg(value_name = "LEDGER", required_unless_present = "ledger")]
    pub file: Vec<PathBuf>,
    /// Ledger to show, as a flag; repeatable
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub ledger: Vec<PathBuf>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    #[command(flatten)]
    /// Choice of its rows.
    pub rows: RowFilter,
    #[command(flatten)]
    /// The page.
    pub page: PageFlags,
}

impl Report {
    /// Returns the ledgers to show.
    pub fn ledgers(&self) -> impl Iterator<Item = &PathBuf> {
        self.ledger.iter().chain(&self.file)
    }
}
