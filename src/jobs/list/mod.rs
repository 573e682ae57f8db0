//! Jobs that only ask: `verify` and `export`.

pub mod export;
mod output;
mod rows;
pub mod survey;
pub mod verify;

pub use output::Output;
pub use rows::{Ask, Asks, UserRows};
