//! `mfaferry` carries users' MFA factors into an Auth0 tenant: nothing lost, nothing doubled,
//! nothing leaked, and the tenant left in peace.
//!
//! # A row's life
//!
//! ```text
//! bytes -> input -> Record -> plan -> Factor, order … -> intake [admitted by the ledger]
//!                          \-> Rejection ---------------^
//!   -> engine [lane per user, permit -> intent] -> deliver [POST -> verdict] -> ledger -> report
//!                             |  in doubt -> settle -> reconcile (GET list) -------^
//!                             \> apply [GET -> backup | intent -> PUT …] -----------^
//! ```
//!
//! A straight line: nothing flows back up. [`input`] turns bytes into [`model::Record`]s with
//! their lines; [`plan`] is pure and says of each what will be sent, or every fault; [`intake`]
//! asks the [`ledger`] whether there is anything to do; [`engine`] decides order and
//! concurrency of errands, whatever they are, and has permits and intents for many at a time. Two
//! carriers take an errand one step: [`deliver`] a
//! factor that is to be created, which must never simply be sent again, and [`apply`] an order
//! about methods that are there (replace, update, delete, undo), which may be repeated at will and
//! writes what it is about to destroy to the [`backup`] first. What both need around a request is
//! the [`line`](mod@line). [`auth0`] is the only room that speaks HTTP and knows the provider's
//! words; [`retry`] alone decides what follows from an answer, [`reconcile`] what a list says
//! about a factor in doubt, by whatever clock ([`sent`]), and [`pages`] whether it is one, all pure; [`pacer`] says when a request may go and [`breaker`] whether
//! any may; [`report`] and [`progress`] show what is durable.
//! Beside that line stands the [`survey`], which only asks, with the same pacer, breaker and token,
//! and tells in the order of the input: for `verify`, which compares ([`verify`], pure), and for
//! `export`, which writes out ([`export`]).
//! [`sandbox`] is the simulated tenant for demo, tests, benches and rehearsals. [`commands`] wires
//! it together for [`cli`] and [`config`]; [`files`] is the one way to open a private file.
//!
//! # What must always hold
//!
//! 1. **Intent before effect.** No POST leaves before its intent is durable; one intent a wire
//!    attempt ([`deliver`], [`apply`], [`ledger`]). Nothing is destroyed before its backup is.
//! 2. **Never re-send in doubt.** An answer counts only if it is the API's, by its shape for that
//!    operation ([`auth0`]); whatever else answers tells nothing. Only 429, 401 and failures before a byte was written are known
//!    not to have been executed; everything else that is not a clear answer is looked up after
//!    the settle time ([`retry`], [`reconcile`]).
//! 3. **One lane per user.** A user's requests never overlap and go in input order; whoever waits
//!    holds up nobody else ([`engine`]).
//! 4. **Bounded.** Lines, queues, bodies, waits, and what is taken in and not settled.
//! 5. **Resume is running it again.** The ledger knows factors by keyed fingerprint, wherever
//!    they stand in the input.
//! 6. **Secrets stay secret.** Contact values and secrets are types whose `Debug` shows nothing;
//!    messages carry rules, lines and fields, never values.
//! 7. **The tenant comes first.** One pacer for all requests ([`pacer`]).
//!
//! # Threads
//!
//! The input is read by a thread of its own, the ledger is written by another, which waits for the
//! disk, and all else are tasks on as many as there are cores. At a given rate of 500 requests a
//! second or less one thread does everything but the reading: there they would mostly wake each
//! other ([`commands`]).
//!
//! # Deliberately absent
//!
//! No retry in the HTTP stack, no redirects, no system proxies. Below [`commands`] nothing prints,
//! exits or reads the environment. Each third-party name lives in one room; a test reads the
//! source and holds that.

pub mod model;
pub mod order;

pub mod input;
pub mod plan;

pub mod intake;

pub mod engine;
pub mod line;

pub mod deliver;

pub mod apply;
pub mod backup;

pub mod api;
pub mod auth0;
mod bell;
pub mod breaker;
pub mod given;
pub mod marker;
mod nearest;
pub mod pacer;
pub mod pages;
pub mod reconcile;
pub mod retry;
pub mod sent;
pub mod vitals;

pub mod files;
pub mod ledger;

pub mod export;
pub mod survey;
pub mod verify;

pub mod progress;
pub mod report;

pub mod sandbox;

pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
