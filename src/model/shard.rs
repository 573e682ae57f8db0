//! A shard: one of several parts of an input's people.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::UserId;

/// A part of an input's people, `2/4` for the second of four. A person's shard depends on nothing
/// but who they are, so that each person is in exactly one, with all rows, wherever these are.
///
/// The rule is a contract, since ledgers depend on it: the first eight bytes of SHA-256 over the
/// UTF-8 of the person's key, most significant first, modulo the number of shards, plus one. Rows
/// without a key belong to the first shard, so that each row is in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    number: u16,
    count: u16,
}

impl Shard {
    /// The only shard of one: everybody.
    pub const WHOLE: Self = Self { number: 1, count: 1 };
    /// Largest number of shards.
    pub const LARGEST_COUNT: u16 = 1000;

    /// Parses `2/4`; `None` if the text is not a shard.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, count) = text.split_once('/')?;
        // A sign is not allowed.
        let read = |part: &str| {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        };
        let (number, count) = (read(number)?, read(count)?);
        ((1..=Self::LARGEST_COUNT).contains(&count) && (1..=count).contains(&number))
            .then_some(Self { number, count })
    }

    /// Returns its number, counted from 1.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// Returns the number of shards.
    pub const fn count(self) -> u16 {
        self.count
    }

    /// Returns whether everybody is in it.
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Returns whether nobody can be in both shards.
    pub const fn is_apart_from(self, other: Self) -> bool {
        self.count == other.count && self.number != other.number
    }

    /// Returns all shards of a split into `count`.
    pub fn all(count: u16) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count })
    }

    /// Returns the ending of its ledger's name, after the name of the input.
    pub fn ending_of_ledger(self) -> String {
        let Self { number, count } = self;
        if self.is_whole() { ".ledger".into() } else { format!(".{number}-of-{count}.ledger") }
    }

    /// Returns whether the person with that key is in it; people without a key are in the first.
    pub fn has(self, key: Option<&str>) -> bool {
        if self.is_whole() {
            return true;
        }
        let Some(key) = key else { return self.number == 1 };
        let digest = Sha256::digest(key);
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first) % u64::from(self.count) == u64::from(self.number) - 1
    }

    /// Returns whether the rows of a user of the tenant are in it. An id without a connection
    /// counts as none: in a bad row it may be anything.
    pub fn has_user(self, user: Option<&UserId>) -> bool {
        self.is_whole() || self.has(user.map(UserId::as_str).filter(|id| id.contains('|')))
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_of(key: Option<&str>, count: u16) -> u16 {
        let of: Vec<_> = Shard::all(count).filter(|shard| shard.has(key)).collect();
        assert_eq!(of.len(), 1, "each is in one shard of {count}");
        of[0].number()
    }

    /// Ledgers that are there were split by it. The numbers are those of `sha256sum`.
    #[test]
    fn the_shard_of_a_key_is_the_same_for_ever() {
        for (key, numbers) in [
            ("auth0|1", [1, 2, 3, 4, 7, 976]),
            ("auth0|507f1f77bcf86cd799439011", [1, 2, 3, 4, 6, 356]),
            ("google-oauth2|103547991597142817347", [1, 2, 1, 2, 4, 58]),
            ("ann@corp.test", [1, 1, 3, 1, 5, 981]),
            ("zoë|ü", [1, 2, 3, 2, 5, 298]),
            ("", [1, 1, 2, 1, 2, 653]),
        ] {
            assert_eq!([1, 2, 3, 4, 7, 1000].map(|count| number_of(Some(key), count)), numbers);
        }
        for count in [1, 2, 7, 1000] {
            assert_eq!(number_of(None, count), 1);
        }
    }

    #[test]
    fn an_id_without_a_connection_says_no_more_of_a_row_than_none() {
        let has = |id| Shard::all(7).position(|shard| shard.has_user(UserId::parse(id).as_ref()));
        assert_eq!((has("bob"), has("."), has("auth0|1")), (Some(0), Some(0), Some(6)));
    }

    #[test]
    fn people_are_spread_evenly() {
        let mut counts = [0_u32; 7];
        for number in 0..7_000 {
            counts[usize::from(number_of(Some(&format!("auth0|user{number}")), 7)) - 1] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_shard_is_a_number_of_so_many() {
        for (text, shard) in [
            ("1/1", Some((1, 1))),
            ("2/4", Some((2, 4))),
            ("1000/1000", Some((1000, 1000))),
            ("0/3", None),
            ("4/3", None),
            ("1/0", None),
            ("1/1001", None),
            ("1/65537", None),
            ("-1/3", None),
            ("+1/3", None),
            ("1/+3", None),
            (" 1/3", None),
            ("1 / 3", None),
            ("1/3/3", None),
            ("1/", None),
            ("/3", None),
            ("/", None),
            ("1", None),
            ("x", None),
            ("", None),
        ] {
            let read = Shard::parse(text);
            assert_eq!(read.map(|shard| (shard.number(), shard.count())), shard, "{text}");
            assert!(read.is_none_or(|shard| shard.to_string() == text));
        }
        assert!(Shard::WHOLE.is_whole() && Shard::parse("1/1") == Some(Shard::default()));
    }

    #[test]
    fn only_two_of_as_many_have_nobody_in_common() {
        let is_apart = |one, other| {
            let [one, other] = [one, other].map(|text| Shard::parse(text).unwrap());
            one.is_apart_from(other)
        };
        assert!(is_apart("1/4", "2/4"));
        for (one, other) in [("1/4", "1/4"), ("1/4", "2/5"), ("1/1", "2/4"), ("1/1", "1/1")] {
            assert!(!is_apart(one, other) && !is_apart(other, one), "{one} {other}");
        }
    }
}
