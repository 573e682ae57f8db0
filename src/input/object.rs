//! Reads the texts of a few keys of a JSON object; other keys may hold anything.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::{InputError, frame::Frame};

/// A key's value: `None` if there is no such key, and `Some(None)` if it is `null`.
pub(super) type Cell = Option<Option<String>>;

/// Reads the wanted keys of an object.
pub(super) fn read(
    frame: &Frame<'_>,
    wanted: &'static [&'static str],
) -> Result<Vec<Cell>, InputError> {
    let mut fault = None;
    let mut json = serde_json::Deserializer::from_str(frame.text);
    let cells = Object { wanted, fault: &mut fault }.deserialize(&mut json);
    let cells = cells.and_then(|cells| json.end().map(|()| cells));
    // The message of `serde_json` may quote values.
    cells.map_err(|error| {
        let line = frame.line + (error.line() as u64).saturating_sub(1);
        let column = error.column();
        let rule = match (fault, error.classify()) {
            (Some(rule), _) => rule,
            (None, Category::Data) => "must be a JSON object".to_owned(),
            (None, _) => format!("the object is not valid JSON (column {column})"),
        };
        InputError::BadRow { line, rule }
    })
}

struct Object<'f> {
    wanted: &'static [&'static str],
    /// The rule that it breaks.
    fault: &'f mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Vec<Cell>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.wanted.len()];
        while let Some(place) = map.next_key_seed(KeySeed(self.wanted))? {
            let Some((name, cell)) =
                place.and_then(|place| self.wanted.get(place).zip(found.get_mut(place)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if cell.is_some() {
                *self.fault = Some(format!("has the key `{name}` twice"));
                return Err(A::Error::custom("twice"));
            }
            *cell = Some(match map.next_value_seed(Text)? {
                Ok(text) => text,
                Err(kind) => {
                    *self.fault = Some(format!("`{name}` must be a string, not {kind}"));
                    return Err(A::Error::custom("no string"));
                }
            });
        }
        Ok(found)
    }
}

/// Reads the place of a key among those that are wanted.
struct KeySeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

/// Text of a value, or its kind if it has none. A whole number has one: databases identify people
/// by numbers.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Result<Option<String>, &'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Result<Option<String>, &'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Ok(Some(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Ok(None))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Ok(Some(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Ok(Some(number.to_string())))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Err("such a number"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Err("true or false"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err("an object"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err("a list"))
    }
}
