//! The command line as its user sees it: flags and help, no decisions.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod choice;
mod flags;
mod shared;

pub use choice::{InputFormat, Output, ReportFormat, Retry, VerifyOutput};
pub use flags::{
    Check, Delete, Export, Import, Replace, Report, SandboxArgs, Undo, UpdateArgs, Verify,
};
pub use shared::{Bulk, Deleting, Pace, Run, Tenant};

/// Carries users' MFA factors into an Auth0 tenant: nothing lost, nothing doubled, nothing leaked.
#[derive(Debug, Parser)]
#[command(
    name = "mfaferry",
    version,
    arg_required_else_help = true,
    args_override_self = true,
    disable_help_subcommand = true,
    after_help = "\
Exit codes: 0 all settled well · 1 unexpected · 2 usage, or unreadable input · 3 configuration,
credentials or permission · 4 finished, some rows are rejected, failed or need review · 5 stopped,
run it again to resume · 6 ledger unusable, in use, or of another tenant

Try it without an account:  mfaferry import samples/factors.csv --sandbox"
)]
pub struct Cli {
    #[command(subcommand)]
    /// What to do.
    pub command: Command,
    #[command(flatten)]
    /// How to talk about it.
    pub talk: Talk,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create every factor of INPUT that is not settled yet
    #[command(after_help = "\
Examples:
  mfaferry import factors.csv --sandbox              try it, no account needed
  mfaferry import factors.csv --domain tenant.eu.auth0.com
  mfaferry import users.jsonl --rate 10 --reserve 50%
  gunzip -c big.csv.gz | mfaferry import - --format csv --ledger big.ledger

Credentials: AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET (or --client-secret-file), or a ready token
in AUTH0_API_TOKEN (or --token-file). Needed scopes: create:authentication_methods and
read:authentication_methods. No secret is ever given as a flag.

Every flag may stand in the environment (MFAFERRY_RATE=10) or in the file that --config names
(rate = \"10\"). Without --config, mfaferry.toml in the working directory is read if it is yours and
nobody else can write to it; it may not say which credentials are sent, or where.
Interrupted? Run the same command again: what is settled is skipped, what is in doubt is looked
up, the rest goes on. Keep the ledger and the files beside it together.")]
    Import(Box<Import>),
    /// Validate INPUT without sending anything
    #[command(after_help = "\
Examples:
  mfaferry check factors.csv                 every fault, by line and field
  mfaferry check users.jsonl --show 5        and how the first five factors would be sent")]
    Check(Check),
    /// Compare INPUT with what the tenant holds; only asks
    #[command(after_help = "\
Examples:
  mfaferry verify factors.csv                        after an import, or of any other tool's work
  mfaferry verify factors.csv --sample 5%            a twentieth of the users, and what it proves
  mfaferry verify factors.csv --extras --output jsonl | jq -c 'select(.state == \"extra\")'
  mfaferry verify users.jsonl --output jsonl > found.jsonl

Each factor is
  present        there, as far as the tenant's list shows: key ids exactly, phone numbers and
                 addresses exactly or as far as their mask lets see
  missing        not there, or the user is not
  differs        there, with another name or preferred channel than INPUT gives
  unverifiable   a TOTP of that name is there; its secret cannot be seen, by nobody
  unanswered     the tenant gave no usable list of the user, however often it was asked
  rejected       a bad row: `mfaferry check` says what of

Exit code 0: all present or unverifiable. 4: anything else, extras aside. 5: stopped by a signal
or an outage; nothing is written, so the next run starts over.

Credentials as for import; the one scope needed is read:authentication_methods. Rows of a user
that stand together cost one request; a user whose rows are scattered costs one for each place.

--sample picks users by a hash of --seed and the user id: the same seed picks the same users, and
a greater share those of a smaller one and more. It states which share of all users has a missing
factor at most, with 95 % confidence: by the rule of three (3/n of n users picked) when none of
them has, else by Clopper and Pearson's one-sided bound. `unanswered` counts as missing there.

--output json: `extras` is null without --extras, `sample` null without --sample. jsonl: one object
a factor (line, user_id, type, state, method_id; `differs` names the fields), in input order;
extras of a user whose rows are scattered, or of any from standard input, come at the end.")]
    Verify(Box<Verify>),
    /// Write the tenant's methods of the listed users, as the API gives them
    #[command(after_help = "\
Examples:
  mfaferry export users.csv --out methods.jsonl        a column user_id is enough
  mfaferry export factors.csv --format csv | jq .      any input will do; other columns are ignored
  mfaferry import methods.jsonl --from-export --domain other.eu.auth0.com

A row with an authentication_method_id gives that method only. One line a row of USERS, in its
order: {\"user_id\": …, \"authentication_methods\": […]}. A user who is not there is rejected and has
no line. TOTP secrets are never given out by the API, and phones and addresses may come masked: what
has come masked is counted, and cannot be imported again.

Interrupted? Run the same command again: users that are written are not asked about again. The ledger
belongs to one output; to export anew, give another --ledger. Needed scope:
read:authentication_methods.")]
    Export(Box<Export>),
    /// Make INPUT each user's whole set of methods
    #[command(after_help = "\
Examples:
  mfaferry replace factors.csv --backup before.jsonl
  mfaferry import before.jsonl --from-export     puts back what that can (never TOTP secrets)

INPUT has factors as for import, of the types phone, email and totp. A user's rows must stand
together; a user who comes back later in the file is rejected, and so is one of whom any row is bad,
since a set that is not whole would take away what is missing in it. A user who holds what such a set
cannot hold (a security key, a passkey, push, recovery codes …) is rejected too, unless --allow-loss;
with a passkey the tenant itself refuses.

Before each PUT the present set is read and appended to the backup, durable. A factor that a user
enrols in between is lost. Needed scopes: read: and update:authentication_methods.")]
    Replace(Box<Replace>),
    /// Rename methods, change the preferred channel of phones
    #[command(after_help = "\
Examples:
  mfaferry update names.csv

INPUT has user_id, authentication_method_id, and name or preferred_authentication_method or both; what
is empty stays as it is. A method that is not there is rejected. Needed scope:
update:authentication_methods.")]
    Update(Box<UpdateArgs>),
    /// Delete methods by id, or all of a user's
    #[command(after_help = "\
Examples:
  mfaferry delete methods.csv --dry-run
  mfaferry delete methods.csv --yes --max-deletes 500
  mfaferry delete users.csv --all-methods

INPUT has user_id and authentication_method_id; with --all-methods it has users. What is there is
read and appended to the backup, durable, before it is deleted. A method that is not there is
`already_gone`. With a passkey the tenant refuses --all-methods for that user: name the methods.
At a terminal it asks before it begins; elsewhere --yes is needed. Needed scopes: read: and
delete:authentication_methods.")]
    Delete(Box<Delete>),
    /// Take an import back: delete exactly what a ledger says this tool created
    #[command(after_help = "\
Examples:
  mfaferry undo --ledger factors.csv.ledger --dry-run
  mfaferry undo --ledger factors.csv.ledger

The newest goes first. Each method is read before it is deleted, and appended to the backup; one that
has been used since, was created at another time than the ledger says, or no longer has the type or
name that was given to it, is `kept` unless --force.
Interrupted? Run it again. Afterwards `import` with that ledger creates them anew.
Needed scopes: read: and delete:authentication_methods.")]
    Undo(Box<Undo>),
    /// Show a ledger: what was created, what was not, and why
    #[command(after_help = "\
Examples:
  mfaferry report --ledger factors.csv.ledger
  mfaferry report --ledger factors.csv.ledger --format csv > results.csv
  mfaferry report --ledger factors.csv.ledger --format jsonl | jq 'select(.state != \"created\")'")]
    Report(Report),
    /// Serve the simulated tenant on loopback, to rehearse a migration
    #[command(after_help = "\
Rehearse a migration: in one terminal

  mfaferry sandbox --port 8080 --limit 16/50 --faults '503-after=2%,close-after=1%,429=3%'

and in another

  AUTH0_CLIENT_ID=any AUTH0_CLIENT_SECRET=any \\
    mfaferry import factors.csv --base-url http://127.0.0.1:8080 --settle 5s --timeout 5s

Interrupt the import, kill it, start it again; then compare: GET /_sandbox/state shows what the
tenant holds (values as keyed digests only), GET /_sandbox/stats what happened. The sandbox keeps
everything in memory, secrets included, until it ends; nothing is written.

--settings FILE takes a JSON object with everything that can be set (limits that change, outages,
neighbours, scopes, clock skew …); see the documentation of `mfaferry::sandbox::Settings`.")]
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How to talk.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Talk {
    /// Errors only: no progress, no notes
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More detail; twice for all of it (never a secret)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Log to FILE (0600) instead of standard error
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
