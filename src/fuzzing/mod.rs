//! Entry points for fuzzers: any bytes in, and what must hold of whatever comes out is asserted.
//!
//! `tests/fuzz` feeds them with libFuzzer, and `cargo test` with the corpus that lies there, so
//! that both hold the same. In the program they are not used.

mod fields;
mod ledgers;
mod rows;
mod sources;

pub use crate::auth0::fuzzing::{headers, wire};
pub use fields::{field, keys};
pub use ledgers::ledger;
pub use rows::{csv, jsonl};
pub use sources::source;

/// An entry point.
pub type Target = fn(&[u8]);

/// All entry points, by the names of their folders in the corpus.
pub const TARGETS: [(&str, Target); 8] = [
    ("csv", csv),
    ("field", field),
    ("headers", headers),
    ("jsonl", jsonl),
    ("keys", keys),
    ("ledger", ledger),
    ("source", source),
    ("wire", wire),
];
