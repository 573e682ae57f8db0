//! The kinds of job that the engine runs: create factors, change existing methods, list them, find
//! people among the tenant's users, and ask how the tenant is set up.

pub mod change;
pub mod create;
pub mod list;
pub mod output;
pub mod resolve;
mod secrets;
pub mod setup;

pub use secrets::SecretCount;
