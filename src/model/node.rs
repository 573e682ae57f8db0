//! Value of an export, whatever format it is written in: JSON, YAML, or a row of a table.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A value. `Debug` shows its shape, never its contents; texts are wiped on drop.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Node {
    /// Nothing: JSON's `null`, an empty cell, or a missing key.
    #[default]
    Null,
    /// A JSON boolean.
    Bool(bool),
    /// A number, as it is written.
    Number(Zeroizing<String>),
    /// Text.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Self>),
    /// Keys and values, in the order written. No key occurs twice.
    Object(Vec<(String, Self)>),
}

static NULL: Node = Node::Null;

impl Node {
    /// Makes a text.
    pub fn of(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    /// Returns the value of `key`; [`Node::Null`] if there is none, or if this is not an object.
    pub fn get(&self, key: &str) -> &Self {
        self.entries().iter().find(|(name, _)| name == key).map_or(&NULL, |(_, value)| value)
    }

    /// Returns whether this is an object that has `key`, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.entries().iter().any(|(name, _)| name == key)
    }

    /// Returns keys and values; none if this is not an object.
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Object(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a list; none if this is not a list.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Returns whether this is [`Node::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text, unless it is empty.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Returns the text, or a number as it is written.
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number.as_str()),
            _ => self.text(),
        }
    }

    /// Returns the truth value: JSON's own, or as databases write one (`t`, `True`, `1`, …).
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => match self.scalar()?.trim() {
                "t" | "true" | "True" | "TRUE" | "1" => Some(true),
                "f" | "false" | "False" | "FALSE" | "0" => Some(false),
                _ => None,
            },
        }
    }
}

/// Parses JSON text as one value. An error says what is wrong, without quoting any of it.
pub fn from_json(text: &str) -> Result<Node, Cow<'static, str>> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "repeats a key".into(),
        _ => "is not valid JSON".into(),
    })
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(_) => f.write_str("Bool(…)"),
            Self::Number(_) => f.write_str("Number(…)"),
            Self::Text(_) => f.write_str("Text(…)"),
            Self::List(items) => write!(f, "List({})", items.len()),
            Self::Object(entries) => write!(f, "Object({})", entries.len()),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

/// Returns whether a key occurs twice. Few keys are compared with each other, many are hashed.
fn repeats_a_key(entries: &[(String, Node)]) -> bool {
    const MIN_HASHED: usize = 24;
    if entries.len() <= MIN_HASHED {
        let is_before = |(index, (key, _)): (usize, &(String, Node))| {
            entries.iter().take(index).any(|(other, _)| other == key)
        };
        return entries.iter().enumerate().any(is_before);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    !entries.iter().all(|(key, _)| seen.insert(key))
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(Zeroizing::new(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(Zeroizing::new(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Number(Zeroizing::new(number.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::of(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some(entry) = map.next_entry::<String, Node>()? {
            entries.push(entry);
        }
        if repeats_a_key(&entries) {
            return Err(de::Error::custom("a key that is there twice"));
        }
        Ok(Node::Object(entries))
    }
}
