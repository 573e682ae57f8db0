//! Account of a whole ledger, apart from how it is shown: sums by state and by type, reasons with the first
//! rows of each, and what was once in doubt. Read in one pass; memory does not grow with the ledger.

mod account;
mod digest;
mod names;

pub use account::LedgerAccount;
pub use digest::{Digest, Doubts, ReasonGroup, TypeTotals};
pub use names::FileNames;
