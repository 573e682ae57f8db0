//! Proofs: do the codes that an authenticator app shows follow from a secret as an import reads it?
//! Pure: codes and the wall clock are passed in, and neither a code nor a key is shown.
//!
//! Every reading of the secret is tried with the codes that apps make: SHA-1, SHA-256 and SHA-512, 6 and 8
//! digits, 30 and 60 seconds, two steps either side. Some 150 of them share a number of digits, so that a
//! code fits one by chance once in 6,700 tries: whatever is not as it should be is asked for again before
//! it is said.

mod code;
mod trial;
mod words;

pub use code::{AppCode, Profile};
pub use trial::{Answer, Proof, Trial, Wanted, Why};

#[cfg(test)]
mod tests;
