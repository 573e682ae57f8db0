//! The two kinds of ledgers, which know nothing of each other.

/// Kind of the rows in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// Factors, or changes to methods.
    Factors,
    /// People who are looked up, by `resolve`.
    People,
}
