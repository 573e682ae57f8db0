//! Flags of `probe`.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::RunFlags;

/// `probe`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mfaferry probe --user-id 'auth0|6651…' --yes --out facts.json
  mfaferry probe --user-id 'auth0|6651…' --yes --sandbox
  mfaferry probe --user-id 'auth0|6651…' --yes --clean  after a killed one

For a TEST tenant, and one user that no one logs in as. About sixty methods are created there one
after another, most of them refused or deleted at once: never more than --max-methods at a time,
named mfaferry-probe-…, with phone numbers that are reserved for fiction, addresses at
example.com, and secrets and keys drawn for this alone. No setting of the tenant is changed. PUT
and DELETE of a whole list are asked about a user who does not exist.

It answers: what a 409 is about (same value, or any second method of a type) · the cap of methods
per user, and its refusal · whether a factor that is switched off is refused · names of 21
characters · TOTP secrets in lower case, padded, short, with spaces · masking, in lists and of one
method · which fields a passkey needs · which types can be renamed (PATCH) · PUT and DELETE for an
unknown user · how soon a new method is shown · the headers of the limit, and their rounding · the
size of pages, as far as --max-methods fill them · with --provoke-limit, Retry-After.

FILE holds the facts, and neither the user nor any value: `sandbox --settings FILE` behaves like
this tenant. A fact that is not known is absent.

Whatever happens, what was created is deleted: by its id, or, where an answer was lost, by its
name, if it was not there before. Ctrl-C once stops asking and cleans up; twice stops at once, and
says what may be there. What could not be deleted is listed with its id and the command that tries
again. Existing methods are never touched.

Scopes: create:, read: and delete:authentication_methods. With update:authentication_methods and
read:guardian_factors more questions are asked; what the token may not ask is told with its
scope. Exit code 0: every question that could be asked is answered, and nothing is left. 2:
without --yes. 3: the user does not exist, or has methods (--allow-existing); nothing was created.
4: a question has no answer, or a method is left behind. 5: stopped.")]
pub struct Probe {
    #[command(flatten)]
    /// User to probe with.
    pub user: ProbeUser,
    /// Write the facts to FILE as well, which must be new; only if every question was asked
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Create at most N methods of one type to find the cap, 2 to 200
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = value_parser!(u32).range(2..=200))]
    pub max_methods: u32,
    /// Also exceed the tenant's rate limit for a moment, at the cost of everything that calls its
    /// Management API, logins included
    #[arg(long)]
    pub provoke_limit: bool,
    /// Only delete what an earlier probe of this user has left behind: ask nothing, and write no
    /// FILE
    #[arg(long)]
    pub clean: bool,
    #[command(flatten)]
    /// Flags of every command that changes a tenant.
    pub run: RunFlags,
}

/// Flags about the user of a probe.
#[derive(Debug, Args)]
pub struct ProbeUser {
    /// Throw-away user whose methods are created and deleted
    #[arg(long, value_name = "ID")]
    pub user_id: String,
    /// Confirm that this is a test tenant and a user that no one logs in as
    #[arg(long)]
    pub yes: bool,
    /// Probe although the user has methods; these are not touched
    #[arg(long)]
    pub allow_existing: bool,
}
