//! The rules of a schema for the fields of an object, and the messages when they are broken.

use serde_json::{Map, Value};

use crate::text::is_host_name;

/// Check of a body's field.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum Check {
    /// Text with a minimum and a maximum length.
    Text(usize, usize),
    OneOf(&'static [&'static str]),
    Hostname,
    Uuid,
    Flag,
    Texts,
}

/// The fields an object may have.
pub(in crate::sandbox) type Rules = &'static [(&'static str, Check)];

/// Text of any length.
pub(in crate::sandbox) const ANY_TEXT: Check = Check::Text(0, usize::MAX);
/// All errors, in Auth0's words and order.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct ValidationErrors(Vec<String>);

impl ValidationErrors {
    pub(in crate::sandbox) fn add(&mut self, what: &str, property: &str) {
        self.0.push(format!("'{what}' on property {property}"));
    }

    pub(in crate::sandbox) fn or<T>(self, result: Option<T>) -> Result<T, String> {
        match result {
            Some(result) if self.0.is_empty() => Ok(result),
            Some(_) | None => Err(format!("Payload validation error: {}", self.0.join(" (also) "))),
        }
    }
}

/// Returns the object after checking each of its keys.
pub(in crate::sandbox) fn object(
    item: Value,
    rules: Rules,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Map<String, Value>> {
    let Value::Object(map) = item else {
        let place = at.trim_end_matches('.');
        errors.add("Expected type object", if place.is_empty() { "body" } else { place });
        return None;
    };
    for (key, value) in &map {
        let wrong = match rules.iter().find(|(known, _)| known == key) {
            None => Some("Additional properties not allowed".to_owned()),
            Some((_, check)) => fault(*check, value),
        };
        if let Some(wrong) = wrong {
            errors.add(&wrong, &format!("{at}{key}"));
        }
    }
    Some(map)
}

fn fault(check: Check, value: &Value) -> Option<String> {
    let expected = match check {
        Check::Text(..) | Check::OneOf(_) | Check::Hostname | Check::Uuid => "string",
        Check::Flag => "boolean",
        Check::Texts => "array",
    };
    let found = type_of(value);
    if found != expected {
        return Some(format!("Expected type {expected} but found type {found}"));
    }
    let text = value.as_str().unwrap_or_default();
    let wrong = match check {
        Check::Flag => return None,
        Check::Text(least, most) => return length_fault(text.chars().count(), least, most),
        Check::OneOf(words) => (!words.contains(&text)).then_some("No enum match"),
        Check::Hostname => {
            (!is_host_name(text)).then_some("Object didn't pass validation for format hostname")
        }
        Check::Uuid => (!is_uuid(text)).then_some("Object didn't pass validation for format uuid"),
        Check::Texts => {
            let sound = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (!sound).then_some("Expected items of type string")
        }
    };
    wrong.map(str::to_owned)
}

pub(super) fn length_fault(length: usize, least: usize, most: usize) -> Option<String> {
    if length < least {
        return Some(format!("String is too short ({length} chars), minimum {least}"));
    }
    (length > most).then(|| format!("String is too long ({length} chars), maximum {most}"))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
