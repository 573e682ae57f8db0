//! The commands, with the help that each prints below its flags.

use clap::Subcommand;

use super::{
    Check, Delete, Explain, Export, Import, ManArgs, Output, Preflight, Probe, Replace, Report,
    ReportFormat, Resolve, SandboxArgs, SchemaArgs, Select, Undo, UpdateArgs, Verify, VerifyOutput,
    system,
};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create every factor of INPUT that has no outcome yet
    #[command(after_help = "\
Examples:
  mfaferry import factors.csv --sandbox              try it, needs no account
  mfaferry import factors.csv --domain tenant.eu.auth0.com
  mfaferry import users.jsonl --rate 10 --reserve 50%
  mfaferry import factors.csv --max-users 10         the first ten people
  gpg -d big.csv.gpg | mfaferry import - --format csv --ledger big.ledger

Credentials: AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET (or --client-secret-file) or, for private key
JWT, with AUTH0_CLIENT_ASSERTION_PRIVATE_KEY (or --client-key-file); else a ready token in
AUTH0_API_TOKEN (or --token-file). Required scopes: create:authentication_methods and
read:authentication_methods. Secrets are never passed as flags.

Settings that name a variable can be set in the environment (MFAFERRY_RATE=10) and, except for
MFAFERRY_TENANT, in the file that --config names (rate = \"10\"). Without --config, mfaferry.toml in
the working directory is read if you own it and nobody else can write to it; it cannot choose the
credentials or where they are sent. A table [tenant.NAME] of the named file holds the settings of
one tenant, and --tenant NAME selects it. Secrets stay in files that the table names, such as
client_secret_file; such names are relative to the working directory.

Interrupted? Run the same command again: settled rows are skipped, those in doubt are looked up, and
the rest is sent. Keep the ledger and the files beside it together.

--max-users tries a few people first, of INPUT or of the shard. Users count in the order in which
they first appear in INPUT, even if all their rows are rejected: the same INPUT always yields the
same users, so the same command again sends nothing. All other rows are skipped, and so are rows
without a user once the first other user has appeared. An INPUT with at most N users is imported to
its end.

--shard 2/4 imports the second of four parts of the users, with a ledger INPUT.2-of-4.ledger;
`report` adds up the ledgers of all shards. The part of a user is the first eight bytes of the
SHA-256 of the id, as a number, modulo 4, plus 1. Rows without a user belong to 1/4, and so do those
whose id is invalid or has no `|`. Each shard has its own --rate. One process can keep up with any
tenant: shards are for several operators or hosts.

The summary suggests the next commands. In JSON, `next` holds each as a list of arguments.")]
    Import(Box<Import>),
    /// Validate INPUT without sending anything
    #[command(after_help = "\
Examples:
  mfaferry check factors.csv              list every fault by line and field
  mfaferry check users.jsonl --show 5     also show five factors as sent
  mfaferry check factors.csv --prove 'auth0|123'

--prove asks which code the app shows now, for each TOTP of that user, even if its secret is
rejected: at the terminal, without showing what is typed, or one line each on standard input.
Nothing is sent, and no code is kept. The result is one of
  right            import reads the secret as the app does
  right_but_clock  it does, but the app's clock or this machine's is wrong
  other_encoding   the secret is in another encoding; names the flag
  other_profile    the tenant cannot check such codes: the user must enrol anew
  no_match         no reading of the secret yields the codes
All but the first need a second code. With --prove the exit code is about the proofs: 0 for the
first two results, 4 for the others, and 2 if the user has no TOTP or there are no more codes.")]
    Check(Check),
    /// Show what other systems' exports carry, and how to make them
    #[command(after_help = "\
Examples:
  mfaferry sources                    the systems that --from reads
  mfaferry sources keycloak           how to make the export, and its traps
  mfaferry check out --from keycloak  see what an export holds")]
    Sources {
        /// System to show.
        #[arg(value_name = "NAME", hide_possible_values = true, value_parser = system::names())]
        name: Option<String>,
    },
    /// Find the tenant's user ids by email address, for `import --users`
    #[command(after_help = "\
Examples:
  mfaferry resolve realm.json --from keycloak --out map.csv
  mfaferry resolve realm.json --from keycloak --out map.csv --connection staff
  mfaferry import realm.json --from keycloak --users map.csv

Each person of INPUT who has factors is looked up once by their address: as it is written, and in
lower case if that differs and no user has it exactly. MAP has one line per person, in input order:
user_id, id, email, username, mf_code. People who were not found have an empty user_id and a reason
in mf_code, for which `import --users` rejects them:
  user_not_found      no user (of --connection) has the address
  user_ambiguous      several users have it; --connection may leave one
  email_not_verified  INPUT says that the address is not verified:
                      somebody else may have signed up with it
  user_not_mapped     INPUT has no address for the person

--shard 2/4 looks up a quarter of the people, chosen by a hash of the address in lower case; those
without an address are in 1/4. Give each shard its own --out; to import, join them under one header:
  (head -n 1 map-1.csv; tail -q -n +2 map-?.csv) > map.csv

Interrupted? Run the same command again: people in the map are not looked up again, except those who
got no answer and, with `--retry rejected`, those who were not found; their lines are corrected in
place. No other file is ever overwritten. MAP holds addresses and ids (0600). Credentials as for
import; required scope: read:users. In the sandbox, every lower-case address at example.com,
example.net or example.org has a user.")]
    Resolve(Box<Resolve>),
    /// Find out whether the tenant is ready for INPUT, and how long an import will take (read-only)
    #[command(after_help = "\
Examples:
  mfaferry preflight factors.csv
  mfaferry preflight factors.csv --sample 0          ask for no user
  mfaferry preflight factors.csv --accept factor_off --output json | jq .plan

INPUT is read to its end, as by check. Then the tenant is asked, once for each question that matters
for INPUT: which factors are on and how codes reach phones (scope read:guardian_factors), which
policies ask for a factor (read:mfa_policies), which custom domains exist (read:custom_domains),
whether lists are masked (read:tenant_settings), and which methods the users of the sample have
(read:authentication_methods). Questions that the token does not allow are reported as unknown, with
the missing scope.

Findings that stop the import (exit code 4; --accept takes their codes)
  scope_missing      the token lacks a scope that import needs
  factor_off         a factor type of INPUT is switched off
  rp_id_unservable   security keys or passkeys are bound to a domain that the
                     tenant cannot serve
  users_missing      5 % of the sample or more do not exist (fewer: a warning)
  clock_off          this clock is off by a minute or more (less: a warning)
  token_short        a ready token ends before the import would
Warnings and notes: no_policy, users_have_methods, sms_off, voice_off, email_only, many_per_user,
passkey_fields, lists_masked, no_recovery_codes, many_hours.

Exit code 0: nothing stops the import, and every row can be used. 4: something stops it, or a row is
rejected. Nothing is changed or stored. Pass the same --rate, --reserve, --rate-plan,
--skip-existing and --name-marker as for the import: the plan depends on them.")]
    Preflight(Box<Preflight>),
    /// Compare INPUT with the tenant (read-only)
    #[command(after_help = "\
Examples:
  mfaferry verify factors.csv                        after an import by any tool
  mfaferry verify factors.csv --sample 5%            check a part of the users
  mfaferry verify factors.csv --max-users 5 --usage  did the first five get in?
  mfaferry verify factors.csv --extras --output jsonl | grep '\"extra\"'
  mfaferry verify users.jsonl --output jsonl > found.jsonl

Each factor is one of
  present        the tenant's list shows it: key ids exactly, phone numbers and
                 addresses exactly or as far as they are unmasked
  missing        the list does not show it, or the user does not exist
  differs        the list shows it with another name or preferred channel
  unverifiable   a TOTP with that name exists; its secret is never readable
  unanswered     the tenant returned no usable list of this user
  rejected       the row is invalid; run `mfaferry check` for the reason

Exit code 0: every factor is present or unverifiable. 4: some are not (extras do not count), or
fewer are used than --fail-if-unused asks for (without any factor, none is used).
5: stopped by a signal or an outage; nothing is stored, so the next run starts over.

Credentials as for import; the only required scope is read:authentication_methods. Consecutive rows
of a user cost one request; a user with scattered rows costs one request per group of rows.

--sample picks users by a hash of --seed and the user id: the same seed picks the same users, and a
larger share includes the users of a smaller one. The result states the largest share of all users
that can have a missing factor, with 95 % confidence: the rule of three (3/n for n users checked) if
none of 30 or more is missing, else Clopper and Pearson's one-sided bound. `unanswered` counts as
missing here.

--usage counts the factors that exist and that somebody has logged in with: their last login
(last_auth_at in the tenant's list) is later than their creation. A missing or unreadable time does
not count.

--output json: `extras`, `sample` and `usage` are null without their flags. jsonl: one object per
factor (line, user_id, type, state, method_id; `differs` names the fields; with --usage also
last_auth_at and used, for factors that exist) in input order; extras come at the end for users with
scattered rows and for input from a pipe.")]
    Verify(Box<Verify>),
    /// Write the methods of the listed users as the API returns them
    #[command(after_help = "\
Examples:
  mfaferry export users.csv --out methods.jsonl    a column user_id is enough
  mfaferry export factors.csv | jq .               other columns are ignored
  mfaferry import methods.jsonl --from auth0-export --domain b.eu.auth0.com

Each row of USERS yields one line, in input order:
{\"user_id\": …, \"authentication_methods\": […]}. A row with an authentication_method_id yields that
method only. A user who does not exist is rejected and has no line. The API never returns TOTP
secrets, and may mask phone numbers and addresses: masked values are counted, and cannot be imported
again. Without --out the lines go to standard output, and the summary to the log, whatever --output
says.

Interrupted? Run the same command again: users already written are skipped. A ledger belongs to one
output; to export again, name another --ledger. Required scope: read:authentication_methods.")]
    Export(Box<Export>),
    /// Make INPUT each user's whole set of methods
    #[command(after_help = "\
Examples:
  mfaferry replace factors.csv --backup before.jsonl
  mfaferry import before.jsonl --from auth0-export    all but TOTP secrets

INPUT has factors as for import, of the types phone, email and totp. A user's rows must be
consecutive. A user whose rows are scattered, or who has an invalid row, is rejected, because an
incomplete set would delete what is missing from it. A user who has methods that PUT cannot carry
(security key, passkey, push, recovery codes …) is rejected too, unless --allow-loss; for users with a
passkey the tenant itself refuses.

Before each PUT, the present set is read and appended to the backup, synced to disk. A factor that
the user enrols in between is lost. Required scopes: read: and update:authentication_methods.")]
    Replace(Box<Replace>),
    /// Rename methods or change the preferred channel of phones
    #[command(after_help = "\
Examples:
  mfaferry update names.csv

INPUT has user_id, authentication_method_id, and name or preferred_authentication_method or both;
empty cells change nothing. A method that does not exist is rejected. Required scope:
update:authentication_methods.")]
    Update(Box<UpdateArgs>),
    /// Delete methods by id, or all methods of a user
    #[command(after_help = "\
Examples:
  mfaferry delete methods.csv --dry-run
  mfaferry delete methods.csv --yes --max-deletes 500
  mfaferry delete users.csv --all-methods

INPUT has user_id and authentication_method_id; with --all-methods it lists users. Each method is
read and appended to the backup, synced to disk, before it is deleted. A method that does not exist
is `already_gone`. The tenant refuses --all-methods for a user with a passkey: list that user's
methods by id. In a terminal the command asks for confirmation; elsewhere it needs --yes. Required
scopes: read: and delete:authentication_methods.")]
    Delete(Box<Delete>),
    /// Delete exactly what a ledger says this tool created
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
    /// Learn on a test tenant what the API's documentation leaves open
    Probe(Box<Probe>),
    /// Show what a ledger holds: what was created, what was not, and why
    #[command(after_help = "\
Examples:
  mfaferry report --ledger factors.csv.ledger
  mfaferry report factors.csv.*-of-4.ledger     add up four shards' ledgers
  mfaferry report factors.csv.ledger --format csv > results.csv
  mfaferry report factors.csv.ledger --format jsonl --state failed | jq .
  mfaferry report factors.csv.ledger --state created --not-in factors.csv
  mfaferry report factors.csv.ledger --format html --out report.html

The page loads nothing and runs no script. Show what the tenant holds in it, too:
  mfaferry verify factors.csv --output jsonl > verified.jsonl
  mfaferry report factors.csv.ledger --format html \\
    --verify verified.jsonl --out report.html")]
    Report(Report),
    /// Explain a code of a report, a check or an error, and what to do about it
    #[command(after_help = "\
Examples:
  mfaferry explain                   list all codes
  mfaferry explain looks_like_hex    its meaning, its cause, and what to do")]
    Explain(Explain),
    /// Write the rows of INPUT that are in given states, exactly as they are
    Select(Box<Select>),
    /// Serve a simulated tenant on loopback, to rehearse a migration
    #[command(after_help = "\
Rehearse a migration. In one terminal:

  mfaferry sandbox --port 8080 --limit 16/50 \\
    --faults '503-after=2%,close-after=1%,429=3%'

In another:

  AUTH0_CLIENT_ID=any AUTH0_CLIENT_SECRET=any \\
    mfaferry import factors.csv --base-url http://127.0.0.1:8080 \\
      --settle 5s --timeout 5s

Interrupt the import, kill it, start it again; then compare: GET /_sandbox/state shows what the
tenant holds (values as keyed digests only), GET /_sandbox/stats what happened. The sandbox keeps
everything in memory, secrets included, until it ends; nothing is written.

--settings FILE is a JSON object that can set everything (changing limits, outages, neighbours,
scopes, clock skew, users with their addresses …); see the documentation of
`mfaferry::sandbox::Settings`. Tokens have the scopes of an import; for `preflight`, list in \"scopes\"
also read:guardian_factors, read:mfa_policies, read:custom_domains and read:tenant_settings.")]
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    Completions {
        /// Shell to print the script for.
        shell: clap_complete::Shell,
    },
    /// Write man pages, one for each command
    Man(ManArgs),
    /// Print the JSON Schema of a result, or of the settings file
    Schema(SchemaArgs),
}

impl Command {
    /// Returns whether a program reads the result: then it reads errors, too.
    pub fn has_json_result(&self) -> bool {
        match self {
            Self::Import(import) => import.bulk.run.output == Output::Json,
            Self::Check(check) => check.output == Output::Json,
            Self::Explain(explain) => explain.output == Output::Json,
            Self::Resolve(resolve) => resolve.run.output == Output::Json,
            // Without a file of their own the methods are the result.
            Self::Export(export) => export.out.is_some() && export.bulk.run.output == Output::Json,
            Self::Replace(replace) => replace.bulk.run.output == Output::Json,
            Self::Update(update) => update.bulk.run.output == Output::Json,
            Self::Delete(delete) => delete.bulk.run.output == Output::Json,
            Self::Undo(undo) => undo.run.output == Output::Json,
            Self::Preflight(preflight) => preflight.output == Output::Json,
            Self::Verify(verify) => verify.output == VerifyOutput::Json,
            Self::Probe(probe) => probe.run.output == Output::Json,
            Self::Report(report) => report.format == ReportFormat::Json,
            Self::Select(_)
            | Self::Sandbox(_)
            | Self::Sources { .. }
            | Self::Completions { .. }
            | Self::Man(_)
            | Self::Schema(_) => false,
        }
    }
}
