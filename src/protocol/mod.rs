//! The protocol for a POST without an idempotency key: what follows from an answer, what a list
//! proves about a factor in doubt, and the mark by which a factor can be recognised. Pure: no I/O,
//! no clock.

pub mod conflict;
mod decision;
pub mod marker;
pub mod pages;
pub mod reconcile;
pub mod refusals;
mod repeat;
mod retry;
pub mod sent;

pub use decision::{Decision, Repeatable, Step};
pub use retry::{RetryPolicy, no_list};
