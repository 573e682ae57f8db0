//! Fingerprints of stored rows, read a page at a time.
//!
//! A resumed input mostly asks for its rows in order. So the row after the last one found is tried
//! first, and the index, whose entries are all over the memory, is asked only if that fails.

use crate::{
    ledger::{LedgerFault, seq::Seq, store::Store},
    model::Fingerprint,
};

/// Most rows that are read at once.
const PAGE: u32 = 512;
/// Rows that are read around one that was not found by following. Rows that later nights have added
/// stand at the end of the ledger but all over the input: of each page around one of them only a
/// row or two are needed.
const ROWS_AROUND: u32 = 8;

/// A page of fingerprints, and a position in it.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Prints {
    page: Vec<(Seq, Fingerprint)>,
    /// Number of the row after the last one found.
    next: usize,
    /// Number of rows requested last.
    size: u32,
    /// True if the last row was found by following.
    follows: bool,
}

impl Prints {
    /// Returns the row after the last one found, if this is its fingerprint.
    pub(in crate::ledger) fn follow(
        &mut self,
        store: &mut impl Store,
        print: Fingerprint,
    ) -> Result<Option<Seq>, LedgerFault> {
        if self.follows
            && self.next == self.page.len()
            && let Some((last, _)) = self.page.last()
        {
            self.size = self.size.saturating_mul(2).min(PAGE);
            self.page = store.fingerprints(Seq(last.0.saturating_add(1)), self.size)?;
            self.next = 0;
        }
        let found = self.page.get(self.next).filter(|(_, other)| *other == print);
        self.follows = found.is_some();
        self.next += usize::from(self.follows);
        Ok(found.map(|(seq, _)| *seq))
    }

    /// Returns the fingerprint of a stored row, which never changes.
    pub(in crate::ledger) fn of(
        &mut self,
        store: &mut impl Store,
        seq: Seq,
    ) -> Result<Fingerprint, LedgerFault> {
        let at = |page: &[(Seq, _)]| page.binary_search_by_key(&seq, |(seq, _)| *seq).ok();
        if at(&self.page).is_none() {
            self.size = ROWS_AROUND;
            self.page = store.fingerprints(seq, self.size)?;
        }
        let place = at(&self.page).ok_or_else(|| LedgerFault::gone_row(seq))?;
        (self.next, self.follows) = (place + 1, true);
        Ok(self.page[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Entry, RowSummary},
        model::{Completion, LocalTime, Rejection},
    };

    /// A ledger of that many rows that counts those which it hands out.
    #[derive(Debug)]
    struct Counting {
        rows: u32,
        n_read: u32,
    }

    fn print(seq: u32) -> Fingerprint {
        let mut print = [0; 16];
        print[..4].copy_from_slice(&seq.to_le_bytes());
        Fingerprint(print)
    }

    impl Store for Counting {
        fn fingerprints(
            &mut self,
            first: Seq,
            count: u32,
        ) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault> {
            let rows = first.0..self.rows.min(first.0 + count);
            self.n_read += u32::try_from(rows.len()).unwrap();
            Ok(rows.map(|seq| (Seq(seq), print(seq))).collect())
        }

        fn load(&mut self, _: &mut dyn FnMut(RowSummary)) -> Result<(), LedgerFault> {
            unreachable!()
        }
        fn range(&mut self, _: Seq, _: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault> {
            unreachable!()
        }
        fn first_new(&mut self) -> Result<Seq, LedgerFault> {
            unreachable!()
        }
        fn insert(&mut self, _: Seq, _: &Entry) -> Result<(), LedgerFault> {
            unreachable!()
        }
        fn update(&mut self, _: Seq, _: &Entry) -> Result<(), LedgerFault> {
            unreachable!()
        }
        fn refuse(&mut self, _: &Rejection) -> Result<(), LedgerFault> {
            unreachable!()
        }
        fn end_run(&mut self, _: Completion, _: LocalTime) -> Result<(), LedgerFault> {
            unreachable!()
        }
        fn commit(&mut self) -> Result<(), LedgerFault> {
            unreachable!()
        }
    }

    /// Reads rows in that order as the journal does; returns how often the index was asked and how
    /// many rows were read.
    fn read(rows: u32, order: impl Iterator<Item = u32>) -> (u32, u32) {
        let (mut store, mut prints) = (Counting { rows, n_read: 0 }, Prints::default());
        let mut n_jumps = 0;
        for seq in order {
            let found = prints.follow(&mut store, print(seq)).unwrap();
            if found.is_none() {
                n_jumps += 1;
                assert_eq!(prints.of(&mut store, Seq(seq)).unwrap(), print(seq));
            }
            assert!(found.is_none_or(|found| found == Seq(seq)));
        }
        (n_jumps, store.n_read)
    }

    #[test]
    fn a_whole_input_is_read_once_and_rows_of_later_nights_cost_a_few_each() {
        assert_eq!(read(10_000, 0..10_000), (1, 10_000));
        // Every tenth row stands at the end of the ledger.
        let order =
            |row: u32| if row % 10 == 9 { 9_000 + row / 10 } else { row / 10 * 9 + row % 10 };
        let (n_jumps, n_read) = read(10_000, (0..10_000).map(order));
        assert_eq!(n_jumps, 2_000);
        assert!(n_read < 60_000, "{n_read}");
        // The other way round, none follows another.
        let (n_jumps, n_read) = read(10_000, (0..10_000).rev());
        assert!(n_jumps == 10_000 && n_read < 100_000, "{n_read}");
    }
}
