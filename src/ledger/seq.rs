//! Numbers of the ledger's rows.

/// Number of a factor's row, in order of admission: the ledger's only key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq(pub u32);
