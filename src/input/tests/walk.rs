//! Documents of other systems, against what `serde_json` makes of the whole of them.

use std::fmt::Write;

use serde_json::Value;

use super::*;
use crate::input::{Content, Elements, Form, Places};

const PLACES: Places =
    Places { elements: &["users[]", "orgs[].people[]", "user"], notes: &["realm", "policy"] };
/// The same, where a document may be a person itself.
const WHOLE: Places = Places { elements: &["", "users[]"], notes: &[] };

/// Reads `text` in pieces of `step` bytes: paths with values, then the fault.
fn walk(text: &[u8], places: Places, step: usize) -> (Vec<String>, Option<String>) {
    let reader = Chunks { bytes: text.to_vec(), at: 0, step };
    let mut elements = Elements::new(Box::new(reader), Form::Json(places));
    let mut told = Vec::new();
    loop {
        match elements.next_element() {
            Ok(None) => return (told, None),
            Err(error) => return (told, Some(error.to_string())),
            Ok(Some(element)) => told.push(match element.content {
                Content::Value(value) => {
                    format!("{} {} {}", element.line, element.at, json(&value))
                }
                Content::Note(place, value) => {
                    format!("{} {place}={}", element.document, json(&value))
                }
                Content::Unreadable(rule) => format!("{} {} {rule}", element.line, element.at),
            }),
        }
    }
}

struct Chunks {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.step.min(into.len()).min(self.bytes.len() - self.at);
        into[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn json(value: &crate::model::Node) -> Value {
    use crate::model::Node;
    match value {
        Node::Null => Value::Null,
        Node::Bool(flag) => Value::Bool(*flag),
        Node::Number(number) => serde_json::from_str(number).unwrap(),
        Node::Text(text) => Value::String(text.to_string()),
        Node::List(items) => Value::Array(items.iter().map(json).collect()),
        Node::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
    }
}

#[test]
fn elements_are_found_wherever_their_document_stands() {
    for (text, expected) in [
        (
            r#"{"users":[{"a":1},{"b":[{}]}]}"#,
            &["1 users[0] {\"a\":1}", "1 users[1] {\"b\":[{}]}"][..],
        ),
        (
            "[\n{\"users\" : [ {\n\"a\":1} ]},\n{\"realm\":\"x\"}]",
            &["2 [0].users[0] {\"a\":1}", "2 realm=\"x\""],
        ),
        (
            r#"{"orgs":[{"people":[{"a":1}]},{"people":[]},{"x":[{}],"people":[{"b":2}]}]}"#,
            &["1 orgs[0].people[0] {\"a\":1}", "1 orgs[2].people[0] {\"b\":2}"],
        ),
        (r#"{"user":{"users":[1]}} {"user":{}}"#, &["1 user {\"users\":[1]}", "1 user {}"]),
        (
            "\u{feff}{\"users\":null,\"realm\":\"r\",\"other\":{\"users\":[{\"no\":1}]}}",
            &["1 realm=\"r\""],
        ),
        (r#"{"users":[1,"x",{}]}"#, &["1 users[0] 1", "1 users[1] \"x\"", "1 users[2] {}"]),
        ("", &[]),
        (r#"{"\u0075sers":[{"a":"}]\\\""}]}"#, &["1 users[0] {\"a\":\"}]\\\\\\\"\"}"]),
    ] {
        for step in [1, 2, 3, 7, 1 << 20] {
            assert_eq!(
                walk(text.as_bytes(), PLACES, step),
                (expected.iter().map(|told| (*told).to_owned()).collect(), None),
                "{text}"
            );
        }
    }
}

#[test]
fn a_document_is_a_person_unless_it_holds_lists_of_them() {
    for (text, expected) in [
        (r#"{"id":1} {"id":2}"#, &["1  {\"id\":1}", "1  {\"id\":2}"][..]),
        (
            "[{\"id\":1},\n{\"id\":2}][{\"id\":3}]",
            &["1 [0] {\"id\":1}", "2 [1] {\"id\":2}", "2 [0] {\"id\":3}"],
        ),
        (r#"{"next":"x","users":[{"id":1}],"total":1}"#, &["1 users[0] {\"id\":1}"]),
        (r#"{"users":7}"#, &["1  {\"users\":7}"]),
    ] {
        for step in [1, 5, 1 << 20] {
            assert_eq!(
                walk(text.as_bytes(), WHOLE, step),
                (expected.iter().map(|told| (*told).to_owned()).collect(), None),
                "{text}"
            );
        }
    }
}

#[test]
fn what_is_no_whole_json_stops_with_its_line_and_loses_nothing_before_it() {
    let deep = format!("{{\"x\":{}", "[".repeat(200));
    for (text, fault) in [
        (
            "{\"users\":[{\"a\":1},\n{\"b\":",
            "line 2: the JSON ends inside an array or an object: was the file cut off?",
        ),
        ("{\"users\":[{\"a\":1}\n", "line 2: the JSON ends inside"),
        ("{\"users\":[{\"a\":1} {}]}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1},]}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1},{\"b\":tru}]}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1}}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1},{\"b\":[}]}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1}],\"x\":[1 2]}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1}],x:1}", "line 1: invalid JSON"),
        ("{\"users\":[{\"a\":1}]}\n\n7", "line 3: this is no JSON object"),
    ] {
        for step in [1, 1 << 20] {
            let (told, found) = walk(text.as_bytes(), PLACES, step);
            assert_eq!(told, ["1 users[0] {\"a\":1}"], "{text}");
            assert!(
                found.as_ref().is_some_and(|found| found.starts_with(fault)),
                "{text}: {found:?}"
            );
        }
    }
    assert_eq!(
        walk(deep.as_bytes(), PLACES, 9).1.unwrap(),
        "line 1: the JSON is nested too deeply"
    );
}

#[test]
fn a_person_over_a_mebibyte_or_with_a_key_twice_is_refused_and_the_next_one_read() {
    let long =
        format!(r#"{{"users":[{{"a":"{}"}},{{"b":1,"b":2}},{{"c":3}}]}}"#, "x".repeat(1 << 20));
    let (told, fault) = walk(long.as_bytes(), PLACES, 1 << 16);
    assert_eq!(fault, None);
    assert_eq!(
        told,
        [
            "1 users[0] is longer than 1 MiB: is this one person?",
            "1 users[1] repeats a key",
            "1 users[2] {\"c\":3}"
        ]
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        "[ -~\u{e9}\n]{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("users|user|orgs|people|realm|x", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Finds the elements of a document as the places say, the slow way.
fn expected(document: &Value, prefix: &str, found: &mut Vec<String>) {
    let Value::Object(document) = document else { return };
    let at =
        |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    // In the order of the keys, which serde_json sorts here.
    for (key, value) in document {
        match (key.as_str(), value) {
            ("users", Value::Array(users)) => {
                found.extend(
                    users
                        .iter()
                        .enumerate()
                        .map(|(n, user)| format!("{}[{n}] {user}", at("users"))),
                );
            }
            ("user", user) => found.push(format!("{} {user}", at("user"))),
            ("orgs", Value::Array(orgs)) => {
                for (n, org) in orgs.iter().enumerate() {
                    if let Some(Value::Array(people)) = org.get("people") {
                        let at = at(&format!("orgs[{n}].people"));
                        found.extend(
                            people
                                .iter()
                                .enumerate()
                                .map(|(n, person)| format!("{at}[{n}] {person}")),
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn elements_are_those_that_a_whole_parse_finds(
        documents in prop::collection::vec(value(), 0..4), pretty: bool, in_array: bool, step in 1..40_usize,
    ) {
        let documents: Vec<Value> = documents.into_iter().filter(Value::is_object).collect();
        let write = |value: &Value| if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() };
        let text = if in_array {
            write(&Value::Array(documents.clone()))
        } else {
            documents.iter().fold(String::new(), |mut text, document| {
                write!(text, "{} ", write(document)).unwrap();
                text
            })
        };
        let mut wanted = Vec::new();
        for (n, document) in documents.iter().enumerate() {
            expected(document, &if in_array { format!("[{n}]") } else { String::new() }, &mut wanted);
        }
        let (told, fault) = walk(text.as_bytes(), PLACES, step);
        prop_assert_eq!(fault, None);
        let told: Vec<String> = told.iter()
            .filter_map(|told| told.split_once(' ').map(|(_, rest)| rest.to_owned()))
            .filter(|told| !told.starts_with("realm=")).collect();
        prop_assert_eq!(told, wanted);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop::sample::select(b"{}[],:\"\\ \nusertalx1-.e\xc3".to_vec()), 0..60)) {
        let (told, fault) = walk(&bytes, PLACES, 3);
        prop_assert_eq!((told, fault), walk(&bytes, PLACES, 1 << 10));
        // Whatever is no JSON as a whole is no JSON here either.
        if serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>().all(|value| value.is_ok_and(|value| value.is_object())) {
            prop_assert_eq!(walk(&bytes, PLACES, 3).1, None);
        }
    }
}
