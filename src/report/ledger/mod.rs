//! Account of a whole ledger, independent of its presentation: sums by state and by type, reasons
//! with their first rows, and rows once in doubt. Read in one pass; memory does not grow with the
//! ledger.

mod account;
mod digest;
mod names;

pub use account::LedgerAccount;
pub use digest::{Digest, Doubts, LedgerGroup, TypeTotals};
pub use names::FileNames;
