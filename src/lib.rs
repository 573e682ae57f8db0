//! `mfaferry` moves users' MFA factors into an Auth0 tenant: nothing lost, nothing doubled, nothing
//! leaked, and the tenant's other traffic left in peace.
//!
//! # The way of a row
//!
//! ```text
//! bytes -> input ----------------------> Record -> plan -> Factor -> engine::intake [admitted by the ledger]
//!               \-> sources -> identity -^  \-> Rejection ----------^
//!   -> engine [lane per user: permit -> durable intent] -> jobs [request -> verdict] -> ledger -> report
//!                                                 in doubt -> settle -> reconcile (GET list) -^
//! ```
//!
//! Data flows down this line, and imports point downwards only. The rooms of `src/`, from the
//! ground up (`tests/it/tidy.rs` holds the order):
//!
//! | room | holds |
//! | --- | --- |
//! | [`text`] | text that is safe to print, durations in words |
//! | [`schema`] | JSON Schemas of what other programs read |
//! | `sync` | the one way to lock a mutex |
//! | [`model`] | plain types that every other room may use: factors, records, states, histories |
//! | [`files`] | the one way to open a private file, and storage for what does not fit into memory |
//! | [`input`] | from bytes to [`model::Record`]s with their lines, or to the elements of other systems' exports |
//! | [`sources`] | from those elements to rows, with a dialect for each system; pure |
//! | [`identity`] | which user of the tenant a person of the source is |
//! | [`plan`] | from records to [`model::Factor`]s, or all faults of a row; pure |
//! | [`proof`] | what the codes of an authenticator app prove about the encoding of a secret; pure |
//! | [`error`] | errors that stop a run, with hints and exit codes |
//! | [`api`] | the interface to a provider, and the verdicts it returns |
//! | [`protocol`] | what follows from an answer or a list: retry, reconcile, marker, pages; pure |
//! | [`pacer`] | when a request may be sent: token bucket, schedule, circuit breaker |
//! | [`stats`] | counters of a run in progress |
//! | [`ledger`] | every intent and outcome, durable: decisions in `journal`, SQLite and seal in `disk` |
//! | [`assertion`] | private key JWT: how a client signs, and how a tenant verifies; pure |
//! | [`auth0`] | the Management API over HTTP; besides [`sandbox`] and [`probe`] the only room that writes and reads its bodies |
//! | [`engine`] | jobs of any kind: order per user, concurrency, permits, intents, retries in time |
//! | [`jobs`] | what one step of a job does: [`jobs::create`], [`jobs::change`], [`jobs::list`], [`jobs::resolve`], [`jobs::setup`] |
//! | [`preflight`] | what INPUT needs, what the tenant answers, and the findings that follow |
//! | [`probe`] | asks a test tenant what the API's documentation leaves open |
//! | [`explain`] | every code with its meaning, likely cause and remedy |
//! | [`select`] | writes rows of an input that have a given state in a ledger, unchanged |
//! | [`report`], [`progress`] | what people and programs get to see |
//! | [`sandbox`] | the simulated tenant for demo, tests, benches and rehearsals |
//! | [`cli`], [`config`] | flags and help; settings from flags, environment and file |
//! | [`commands`] | each command, wired together |
//!
//! # What must always hold
//!
//! 1. **Intent before effect.** No factor is sent before its intent is durable; one intent per
//!    wire attempt ([`jobs::create`], [`ledger`]). No method that the tenant held is deleted or
//!    replaced before its backup is durable. Only [`probe`] keeps no ledger: it creates methods of
//!    one user of a test tenant, and deletes what it finds by id or name.
//! 2. **Never re-send in doubt.** Only 429, an expired token (401) and failures before a byte was
//!    written are known not to have been executed. Everything else that is not a clear answer of
//!    the API's own is looked up after the settle time ([`protocol`]).
//! 3. **One lane per user.** Requests for one user never overlap and keep input order; a user who
//!    has to wait holds up nobody else ([`engine`]).
//! 4. **Bounded.** Lines, queues, bodies, waits, and rows admitted but not settled have limits.
//! 5. **Resuming is running it again.** The ledger recognises factors by keyed fingerprint,
//!    wherever they are in the input.
//! 6. **Secrets stay secret.** Contact values and secrets are types whose `Debug` shows nothing;
//!    messages carry rules, lines and fields, never values.
//! 7. **The tenant comes first.** One pacer for all requests ([`pacer`]).
//!
//! # Where to look
//!
//! | question | answer |
//! | --- | --- |
//! | Where are duplicates in the input recognised? | `ledger/journal` (`Index` and the fingerprint cursor) |
//! | Where does an intent become durable? | requested in `engine/permits.rs`, written in `ledger/owner.rs` |
//! | What does a status or an error body mean? | `auth0/verdict.rs` and `auth0/shape.rs` |
//! | What follows from an answer? | `protocol/retry.rs` for a POST and for a factor in doubt, `protocol/repeat.rs` for other requests |
//! | What does a list prove about a factor in doubt? | `protocol/reconcile.rs` |
//! | How many requests may be in flight? | decided in `engine/concurrency.rs`, kept by `engine/workers.rs` |
//! | Who decides exit code 4? | `exit` in `commands/run/mod.rs` for runs; `check.rs`, `preflight.rs`, `probe.rs`, `verify.rs` and `prove` in `commands` for themselves. The codes of errors: `error.rs` |
//! | Where does a flag get its variable and its default? | `cli/shared.rs` and `cli/flags.rs`; the rest of a setting: `config` |
//! | Which columns may a CSV have? | `input/header.rs` and `input/shape.rs` |
//! | Who obeys `Retry-After`? | read in `auth0/transport.rs`, obeyed in `pacer/hold.rs` |
//! | When is a tenant that never answered given up? | `auth0/contact.rs` |
//! | What refuses a second ledger for the same people? | `commands/run/second_ledger.rs` |
//! | Where does the time left come from? | `progress/pace.rs` |
//! | Is the tenant ready for INPUT? | `preflight/judge`, asked before an import by `commands/run/readiness.rs` |
//! | What plans an input without sending anything? | `engine/scan.rs` |
//! | What does another system's export carry, and in which encoding? | `sources/NAME.rs` |
//! | Whose factor is it? | `identity/template.rs`, `identity/map`, `identity/collisions.rs` |
//! | Which user of the tenant has an address? | `jobs/resolve/judge.rs` |
//! | Which factors has tonight's input lost? | `ledger/journal/changes.rs` |
//! | Which reasons add up to a count? | `model/reasons.rs`, kept by `ledger/journal/book.rs`; what helps: `explain/advice.rs` |
//! | Where do the suggested commands come from? | `commands/advice` |
//! | What is on the page to sign? | `report/ledger` (the facts), `report/html` (the page) |
//! | What does a probe ask, and what does it delete? | `probe/questions`, `probe/asker.rs` |
//! | Where is the rate limit learnt? | `pacer/auto.rs` and `pacer/bucket` |
//!
//! # Glossary
//!
//! *Source*: another system whose export is read. *Dialect*: rules for reading its elements.
//! *Factor*: what a row of the input describes. *Method*: what the tenant holds. *Job*: work for
//! one user, done in steps of at most one request. *Executor*: takes the next step of a job.
//! *Gateway*: the way to the tenant that all executors share. *Lane*: a user's jobs in order.
//! *Ticket*: a job with its place in the queue. *Worker*: task that takes tickets from the queue.
//! *Permit*: the pacer's permission to send one request. *Intent*: durable note that a request is
//! about to be sent. *In doubt*: sent, outcome unknown. *Settle time*: how long to wait before a
//! list is evidence. *Reconcile*: judge by a list what became of a factor in doubt. *Health check*:
//! GET that asks whether the tenant is back. *Probe*: the command that studies a test tenant.
//! *Verdict*: meaning of an answer. *Seal*: file beside the ledger that says how much it must hold.
//! *Reserve*: share of the rate limit left to others. *Settled*: having an outcome that this run
//! does not try to change. *Not carried*: of a kind that Auth0 has no method for. *Foreign answer*:
//! one that something other than the tenant gave. *Hold*: pause of all requests that the tenant
//! asked for. *Shard*: a fixed part of the users, with a ledger of its own. *Census*: what the rows
//! of an input need. *Finding*: what is odd about an input, or stands in the way of its import.
//! *Mark*: characters in a method's name by which its row is recognised (`--name-marker`).
//!
//! # Threads
//!
//! Before a run, a thread looks at the whole input. Then one reads it (`engine/ahead.rs`; people:
//! `jobs/resolve/people.rs`), one plans its rows, and one writes the ledger and waits for the disk.
//! Everything else is tasks: on one thread, or, at a given rate of more than 10,000 requests a
//! second, on one for each 10,000, at most one for each processor. Each has a runtime, a share of
//! the workers, and connections of its own (`commands/run/runtime.rs`). At a given rate of 500 or
//! less, that one thread also writes the ledger: two would mostly wake each other. A backup
//! (`jobs/change/backup.rs`) and the metrics file (`progress/meter.rs`) are written by a thread
//! each, and a large ledger is read by several (`ledger/disk/scan.rs`).
//!
//! # Deliberately absent
//!
//! No retry in the HTTP stack, no redirects, and no proxy but the one in `https_proxy`. Below
//! [`commands`] only [`progress`] prints, nothing exits, and only [`cli`] reads settings from the
//! environment; libraries also heed `TMPDIR`, `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//!
//! Comments that cite `auth0-api.md`, `reliability.md` or `performance.md` mean the project's notes
//! on the API, the protocol and the costs, which are kept beside this repository. "The contract" is
//! what the README and `mfaferry schema NAME` promise.

pub mod model;
pub mod schema;
mod sync;
pub mod text;

pub mod files;
pub mod input;
pub mod sources;

pub mod identity;
pub mod plan;
pub mod proof;

pub mod error;

pub mod api;
pub mod assertion;
pub mod auth0;
pub mod protocol;

pub mod pacer;
pub mod stats;

pub mod ledger;

pub mod engine;
pub mod jobs;

pub mod explain;
pub mod preflight;
pub mod probe;
pub mod select;

pub mod progress;
pub mod report;

pub mod sandbox;

pub mod cli;
pub mod commands;
pub mod config;

#[doc(hidden)]
pub mod fuzzing;
