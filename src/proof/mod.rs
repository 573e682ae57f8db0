//! Proofs: do the codes of an authenticator app follow from a secret as an import reads it? Pure:
//! codes and the wall clock are passed in, and neither a code nor a key is shown.
//!
//! Every reading of the secret is tried with the codes that apps produce: SHA-1, SHA-256 and
//! SHA-512, 6 and 8 digits, 30 and 60 seconds, two steps either side. Some 150 of these codes have
//! the same number of digits, so a code matches one by chance once in 6,700 tries: any result but
//! the right one is only reported after a second code.

mod code;
mod trial;
mod words;

pub use code::{AppCode, Profile};
pub use trial::{AfterCode, CodeRequest, Proof, Trial, Why};

#[cfg(test)]
mod tests;
