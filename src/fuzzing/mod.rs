//! Entry points for fuzzers: they take any bytes and assert what must hold of the result.
//! `tests/fuzz` feeds them with libFuzzer, and `cargo test` with the corpus there. The program does
//! not use them.

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
