//! The kinds of job that the engine runs: create factors, change methods that are there, list them.

pub mod change;
pub mod create;
pub mod list;
