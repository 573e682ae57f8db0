//! Sorts numbers too many for memory: sorted runs in an unnamed file, merged as they are read.

use std::{cmp::Reverse, collections::BinaryHeap, io};

use super::Scratch;

/// Pair of numbers, ordered by the first, then the second.
pub(super) type Pair = [u64; 2];

/// Bytes of a pair in the file.
pub(super) const SIZE: usize = 16;
/// Pairs in memory: 4 MiB.
const PAIRS_IN_MEMORY: usize = 1 << 18;
/// Pairs in the buffers of all merged runs; each buffer has at least a page.
const PAIRS_BUFFERED: usize = 1 << 16;
const PAIRS_PER_PAGE: usize = 4096 / SIZE;

/// Collects pairs in any order. Nothing is written while all fit into memory.
#[derive(Debug)]
pub struct Runs {
    held: Vec<Pair>,
    most: usize,
    spilled: Scratch,
    /// End of each run, in bytes.
    ends: Vec<u64>,
}

impl Default for Runs {
    fn default() -> Self {
        Self::holding(PAIRS_IN_MEMORY)
    }
}

impl Runs {
    fn holding(most: usize) -> Self {
        Self { held: Vec::new(), most, spilled: Scratch::default(), ends: Vec::new() }
    }

    /// Adds a pair.
    pub fn push(&mut self, pair: Pair) -> io::Result<()> {
        if self.held.len() == self.most {
            self.spill()?;
        }
        if self.held.capacity() < self.most && self.held.len() >= self.most / 16 {
            // Doubling would leave as much unused.
            self.held.reserve_exact(self.most - self.held.len());
        }
        self.held.push(pair);
        Ok(())
    }

    /// Writes what is in memory as a run.
    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_unstable();
        let mut block = Vec::with_capacity(PAIRS_PER_PAGE * SIZE);
        for pairs in self.held.chunks(PAIRS_PER_PAGE) {
            block.clear();
            for pair in pairs {
                block.extend_from_slice(&to_bytes(*pair));
            }
            self.spilled.append(&block)?;
        }
        self.ends.push(self.spilled.len());
        self.held.clear();
        Ok(())
    }

    /// Returns all pairs in order, repeated ones as often as they came.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        if self.ends.is_empty() {
            self.held.sort_unstable();
            return Ok(Sorted(Source::Held(self.held.into_iter())));
        }
        self.spill()?;
        self.held = Vec::new();
        let capacity = (PAIRS_BUFFERED / self.ends.len()).max(PAIRS_PER_PAGE);
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let runs = starts.zip(&self.ends);
        let mut runs: Vec<SortedRun> =
            runs.map(|(at, end)| SortedRun { at, end: *end, ready: Vec::new() }).collect();
        let mut next = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            next.extend(run.next(&self.spilled, capacity)?.map(|pair| Reverse((pair, index))));
        }
        let merge = Merge { spilled: self.spilled, runs, capacity, next };
        Ok(Sorted(Source::Merged(Box::new(merge))))
    }
}

/// Encodes a pair for a file.
pub(super) fn to_bytes([first, second]: Pair) -> [u8; SIZE] {
    (u128::from(second) << 64 | u128::from(first)).to_le_bytes()
}

/// Decodes the pairs that [`to_bytes`] wrote; an incomplete one at the end is dropped.
pub(super) fn from_bytes(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Pair> {
    bytes.as_chunks::<SIZE>().0.iter().map(|pair| {
        let both = u128::from_le_bytes(*pair);
        let [first, second] = [both, both >> 64].map(|half| half & u128::from(u64::MAX));
        [first, second].map(|half| u64::try_from(half).unwrap_or(u64::MAX))
    })
}

/// Pairs in order.
#[derive(Debug)]
pub struct Sorted(Source);

#[derive(Debug)]
enum Source {
    /// All of them fit into memory.
    Held(std::vec::IntoIter<Pair>),
    /// Runs that are merged.
    Merged(Box<Merge>),
}

/// Runs that are read side by side.
#[derive(Debug)]
struct Merge {
    spilled: Scratch,
    runs: Vec<SortedRun>,
    /// Pairs that are read at once from a run.
    capacity: usize,
    /// The first pair of each run that has one.
    next: BinaryHeap<Reverse<(Pair, usize)>>,
}

/// The rest of a run.
#[derive(Debug)]
struct SortedRun {
    at: u64,
    end: u64,
    /// Pairs that were read, the next one last.
    ready: Vec<Pair>,
}

impl SortedRun {
    fn next(&mut self, spilled: &Scratch, capacity: usize) -> io::Result<Option<Pair>> {
        if self.ready.is_empty() && self.at < self.end {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let mut bytes = vec![0; left.min(capacity * SIZE)];
            if spilled.read_at(&mut bytes, self.at)? < bytes.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.at += bytes.len() as u64;
            self.ready.extend(from_bytes(&bytes).rev());
        }
        Ok(self.ready.pop())
    }
}

impl Merge {
    fn take(&mut self) -> io::Result<Option<Pair>> {
        let Some(mut first) = self.next.peek_mut() else {
            return Ok(None);
        };
        let Reverse((pair, index)) = *first;
        let run = self.runs.get_mut(index);
        match run.map(|run| run.next(&self.spilled, self.capacity)).transpose()?.flatten() {
            Some(next) => *first = Reverse((next, index)),
            None => drop(std::collections::binary_heap::PeekMut::pop(first)),
        }
        Ok(Some(pair))
    }
}

impl Iterator for Sorted {
    type Item = io::Result<[u64; 2]>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Held(pairs) => pairs.next().map(Ok),
            Source::Merged(merge) => merge.take().transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(pairs: &[Pair], most: usize) -> Vec<Pair> {
        let mut runs = Runs::holding(most);
        for pair in pairs {
            runs.push(*pair).unwrap();
        }
        runs.sorted().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn nothing_is_written_while_all_fit_into_memory() {
        let mut runs = Runs::holding(3);
        for number in 0..3 {
            runs.push([number, 0]).unwrap();
        }
        assert!(runs.spilled.is_empty());
        runs.push([3, 0]).unwrap();
        assert!(!runs.spilled.is_empty());
    }

    #[test]
    fn runs_longer_than_their_buffers_are_read_to_their_ends() {
        let pairs: Vec<Pair> =
            (0..400_000_u64).map(|n| [n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40, n]).collect();
        let mut expected = pairs.clone();
        expected.sort_unstable();
        assert!(sorted(&pairs, 130_000) == expected);
    }

    proptest! {
        #[test]
        fn pairs_come_in_order_and_as_often_as_they_went_in(
            pairs in prop::collection::vec(prop_oneof![
                any::<Pair>(),
                [0_u64..4, 0_u64..3],
            ], 0..300),
            most in 1_usize..50,
        ) {
            let mut expected = pairs.clone();
            expected.sort_unstable();
            prop_assert_eq!(sorted(&pairs, most), expected);
        }
    }
}
