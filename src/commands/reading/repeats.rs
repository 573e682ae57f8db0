//! Finds factors that an input has more than once, in bounded memory: the first ones at once, the
//! others at the end.

use std::io;

use crate::{files::Runs, ledger::Seen, model::FactorType};

/// Number of factors that are judged at once, at some 9 bytes each.
const FACTORS_AT_ONCE: usize = (1 << 18) / 8 * 7;

/// Factors seen so far.
#[derive(Debug)]
pub(in crate::commands) struct Repeats {
    seen: Seen,
    at_once: usize,
    /// Hash and type of each factor that is not among the first ones.
    rest: Runs,
}

/// Answer to whether a factor was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Met {
    /// It is new.
    New,
    /// It was seen before.
    Before,
    /// It is judged at the end.
    Later,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { seen: Seen::default(), at_once: FACTORS_AT_ONCE, rest: Runs::default() }
    }
}

impl Repeats {
    /// Remembers factors; their hashes are those of its hasher.
    pub(in crate::commands) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Remembers a factor, and returns whether it was seen before. With `must_tell` it says so
    /// at once, which is possible only until the first factor without it.
    pub(in crate::commands) fn add(
        &mut self,
        hash: u64,
        factor_type: FactorType,
        must_tell: bool,
    ) -> io::Result<Met> {
        if must_tell || self.seen.len() < self.at_once {
            return Ok(if self.seen.insert_hash(hash) { Met::New } else { Met::Before });
        }
        if self.seen.has_hash(hash) {
            return Ok(Met::Before);
        }
        self.rest.push([hash, factor_type as u64])?;
        Ok(Met::Later)
    }

    /// Decides about the factors left for the end: each is new or a duplicate.
    pub(in crate::commands) fn finish(
        self,
        mut tell: impl FnMut(FactorType, Met),
    ) -> io::Result<()> {
        let mut before = None;
        for pair in self.rest.sorted()? {
            let [hash, number] = pair?;
            let met = if before.replace(hash) == Some(hash) { Met::Before } else { Met::New };
            let factor_type = FactorType::ALL.iter().find(|of| **of as u64 == number);
            if let Some(of) = factor_type {
                tell(*of, met);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_factor_is_new_once_however_few_are_told_at_once() {
        for at_once in [0, 1, 7, 100] {
            let mut repeats = Repeats { at_once, ..Repeats::default() };
            let mut counts = [[0, 0]; 2];
            let mut count = |of: FactorType, met| match met {
                Met::New => counts[usize::from(of == FactorType::Totp)][0] += 1,
                Met::Before => counts[usize::from(of == FactorType::Totp)][1] += 1,
                Met::Later => {}
            };
            let mut all = HashSet::new();
            for row in 0_u64..200 {
                let hash = row * 7 % 50;
                let of = if hash < 10 { FactorType::Totp } else { FactorType::Email };
                let must_tell = row < 20;
                let met = repeats.add(hash, of, must_tell).unwrap();
                let told = if all.insert(hash) { Met::New } else { Met::Before };
                assert!(met == told || (met == Met::Later && !must_tell && at_once < 50));
                count(of, met);
            }
            repeats.finish(count).unwrap();
            assert_eq!(counts, [[40, 120], [10, 30]], "{at_once}");
        }
    }
}
