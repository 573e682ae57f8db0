//! Fingerprints of stored rows, read some at a time.
//!
//! A resumed input mostly asks for its rows in their order. So the row after the one found last is
//! looked at first, and the index, which lies all over the memory, is only asked where that fails.

use crate::{
    ledger::{LedgerFault, seq::Seq, store::Store},
    model::Fingerprint,
};

/// Rows that are read at once.
const PAGE: u32 = 512;

/// A page of them, and a place in it.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Prints {
    page: Vec<(Seq, Fingerprint)>,
    /// Number of the row after the one found last.
    next: usize,
    /// True if that one was found by following.
    follows: bool,
}

impl Prints {
    /// The row after the one found last, if its fingerprint is this.
    pub(in crate::ledger) fn follow(
        &mut self,
        store: &mut impl Store,
        print: Fingerprint,
    ) -> Result<Option<Seq>, LedgerFault> {
        if self.follows
            && self.next == self.page.len()
            && let Some((last, _)) = self.page.last()
        {
            self.page = store.fingerprints(Seq(last.0.saturating_add(1)), PAGE)?;
            self.next = 0;
        }
        let found = self.page.get(self.next).filter(|(_, other)| *other == print);
        self.follows = found.is_some();
        self.next += usize::from(self.follows);
        Ok(found.map(|(seq, _)| *seq))
    }

    /// The fingerprint of a stored row, which never changes.
    pub(in crate::ledger) fn of(
        &mut self,
        store: &mut impl Store,
        seq: Seq,
    ) -> Result<Fingerprint, LedgerFault> {
        let at = |page: &[(Seq, _)]| page.binary_search_by_key(&seq, |(seq, _)| *seq).ok();
        if at(&self.page).is_none() {
            self.page = store.fingerprints(seq, PAGE)?;
        }
        let place = at(&self.page).ok_or_else(|| LedgerFault::gone_row(seq))?;
        (self.next, self.follows) = (place + 1, true);
        Ok(self.page[place].1)
    }
}
