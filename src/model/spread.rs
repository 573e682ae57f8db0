//! A hasher for keys that nobody else can choose.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds hashers for keyed hashes and row numbers. Keying these once more, as the standard hasher
/// does, would cost more than everything else that a table does.
pub type Spread = BuildHasherDefault<Spreader>;

/// Spreads one number over all bits; tables use the lowest and the highest.
#[derive(Debug, Default)]
pub struct Spreader(u64);

impl Hasher for Spreader {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        hash::{BuildHasher, Hash},
    };

    use super::*;

    #[test]
    fn numbers_in_a_row_differ_in_the_lowest_and_in_the_highest_bits() {
        fn ends(numbers: impl Iterator<Item = impl Hash>) -> (usize, usize) {
            let hashes: Vec<u64> =
                numbers.map(|number| Spread::default().hash_one(number)).collect();
            let distinct = |part: fn(&u64) -> u64| hashes.iter().map(part).collect::<HashSet<_>>();
            (distinct(|hash| hash % 1024).len(), distinct(|hash| hash >> 57).len())
        }
        assert_eq!(ends(0_u32..1024), (1024, 128));
        assert_eq!(ends(7_000_000_u64..7_001_024), (1024, 128));
    }
}
