//! What a whole ledger comes to, apart from how it is shown: sums by state and by type, reasons with the
//! first rows of each, and what was once in doubt. Read in one pass; memory does not grow with the ledger.

mod digest;

pub use digest::{Digest, Doubts, ReasonGroup, TypeTotals};
