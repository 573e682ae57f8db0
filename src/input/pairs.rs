//! Keys and values of a JSON object, whatever they are: unknown keys and values that fit no field
//! are results here, not errors.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{MAX_CELL, dialect::Names, shape::Name};
use crate::model::Cell;

/// The key whose value is a user's list of factors.
pub(super) const METHODS: &str = "authentication_methods";

/// Entries of a list inside a factor. Bounds memory.
const MAX_ENTRIES: usize = 64;

/// Reads a key as its meaning in an input of those names.
pub(super) struct KeySeed<'a>(pub(super) &'a Names);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(self.0.key(name))
    }
}

/// The value of one field; `None` when it is too long.
pub(super) struct CellSeed;

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Option<Cell>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Cell>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Option<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if text.len() > MAX_CELL {
            None
        } else if text.chars().all(char::is_whitespace) {
            Some(Cell::Absent)
        } else {
            Some(Cell::Text(text.to_owned()))
        })
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Cell::Absent))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Cell::Bool(value)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Some(Cell::Unusable("a number")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(match number {
            0 | 1 => Cell::Bit(number == 1),
            _ => Cell::Unusable("a number"),
        }))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Some(Cell::Unusable("a number")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Cell::Unusable("an object")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        let (mut n_entries, mut is_mixed, mut is_long) = (0, false, false);
        while let Some(entry) = list.next_element_seed(Self)? {
            n_entries += 1;
            match entry {
                Some(Cell::Text(text)) if n_entries <= MAX_ENTRIES => entries.push(text),
                Some(Cell::Text(_)) => {}
                Some(
                    Cell::Absent | Cell::Bool(_) | Cell::Bit(_) | Cell::List(_) | Cell::Unusable(_),
                ) => {
                    is_mixed = true;
                }
                None => is_long = true,
            }
        }
        Ok(if is_long {
            None
        } else if is_mixed {
            Some(Cell::Unusable("a list of something other than strings"))
        } else if n_entries > MAX_ENTRIES {
            Some(Cell::Unusable("a list of more than 64 entries"))
        } else {
            Some(Cell::List(entries))
        })
    }
}
