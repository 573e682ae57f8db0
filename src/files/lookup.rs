//! Finds numbers too many for memory: sorted pairs in an unnamed file, with the first pair of each
//! block in memory (one byte for 32 of the file's).

use std::io;

use super::{
    Runs, Scratch,
    runs::{Pair, SIZE, from_bytes, to_bytes},
};

/// Pairs of a block: a page.
const PAIRS_PER_BLOCK: usize = 4096 / SIZE;

/// Pairs, found by their first number.
#[derive(Debug, Default)]
pub struct Lookup {
    pairs: Scratch,
    /// First number of each block.
    firsts: Vec<u64>,
}

impl Lookup {
    /// Sorts the collected pairs.
    pub fn new(runs: Runs) -> io::Result<Self> {
        let mut lookup = Self::default();
        for (index, pair) in runs.sorted()?.enumerate() {
            let pair = pair?;
            if index % PAIRS_PER_BLOCK == 0 {
                lookup.firsts.push(pair[0]);
            }
            lookup.pairs.append(&to_bytes(pair))?;
        }
        Ok(lookup)
    }

    /// Returns the second numbers of all pairs with that first one, in order, but at most `most` of
    /// them.
    pub fn find(&self, first: u64, most: usize) -> io::Result<Vec<u64>> {
        // Pairs with equal numbers may begin in the block before the one that begins with it.
        let mut block = self.firsts.partition_point(|begin| *begin < first).saturating_sub(1);
        let mut found = Vec::new();
        while self.firsts.get(block).is_some_and(|begin| *begin <= first) {
            for pair in self.block(block)? {
                if pair[0] == first {
                    found.push(pair[1]);
                    if found.len() == most {
                        return Ok(found);
                    }
                }
            }
            block += 1;
        }
        Ok(found)
    }

    fn block(&self, index: usize) -> io::Result<Vec<Pair>> {
        let mut bytes = [0; PAIRS_PER_BLOCK * SIZE];
        let at = (index * PAIRS_PER_BLOCK * SIZE) as u64;
        let n = self.pairs.read_at(&mut bytes, at)?;
        Ok(from_bytes(bytes.get(..n).unwrap_or_default()).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_pairs_of_a_number_are_found_and_no_others(
            pairs in prop::collection::vec([0_u64..9, 0..u64::MAX], 0..2_000),
            most in 1_usize..600,
        ) {
            let mut runs = Runs::default();
            for pair in &pairs {
                runs.push(*pair).unwrap();
            }
            let lookup = Lookup::new(runs).unwrap();
            for first in 0..10 {
                let of = pairs.iter().filter(|pair| pair[0] == first);
                let mut expected: Vec<_> = of.map(|pair| pair[1]).collect();
                expected.sort_unstable();
                expected.truncate(most);
                prop_assert_eq!(lookup.find(first, most).unwrap(), expected, "{}", first);
            }
        }
    }
}
