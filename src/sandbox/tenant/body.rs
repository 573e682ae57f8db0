//! Request bodies in the two media types that the API declares for POST, PUT and PATCH: JSON, and
//! forms.

use serde_json::{Map, Value};

use super::check::{Check, Rules};
use crate::sandbox::call::Call;

/// A body in its format.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum RequestBody<'a> {
    Json(&'a [u8]),
    Form(&'a [u8]),
}

impl<'a> RequestBody<'a> {
    /// Returns the body of `call`, or `None` if its media type is not one of the two declared. A
    /// missing body has no type and needs none: the API requires a body nowhere.
    pub(in crate::sandbox) fn of(call: &'a Call) -> Option<Self> {
        let is = |media: &str| call.media_type().eq_ignore_ascii_case(media);
        if is("application/json") || (call.media_type().is_empty() && call.body.is_empty()) {
            return Some(Self::Json(&call.body));
        }
        is("application/x-www-form-urlencoded").then_some(Self::Form(&call.body))
    }

    /// Reads the body. `rules` tell which fields of a form are not text.
    pub(in crate::sandbox) fn value(self, rules: Rules) -> Result<Value, String> {
        match self {
            Self::Json(bytes) => serde_json::from_slice(bytes)
                .map_err(|_| "Invalid request payload JSON format".to_owned()),
            Self::Form(bytes) => Ok(form(bytes, rules)),
        }
    }
}

/// The object that a form stands for: a list is its key repeated, and a key repeated is a list.
fn form(bytes: &[u8], rules: Rules) -> Value {
    let mut map = Map::new();
    for (key, text) in url::form_urlencoded::parse(bytes) {
        let check = rules.iter().find(|(known, _)| *known == key).map(|(_, check)| check);
        let value = match (check, text.as_ref()) {
            (Some(Check::Flag), "true") => Value::Bool(true),
            (Some(Check::Flag), "false") => Value::Bool(false),
            (_, text) => Value::from(text),
        };
        let is_list = matches!(check, Some(Check::Texts));
        match map.get_mut(key.as_ref()) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None if is_list => drop(map.insert(key.into_owned(), Value::Array(vec![value]))),
            None => drop(map.insert(key.into_owned(), value)),
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: Rules = &[
        ("name", Check::Text(0, usize::MAX)),
        ("credential_backed_up", Check::Flag),
        ("transports", Check::Texts),
    ];

    #[test]
    fn a_form_has_the_types_of_its_fields() {
        for (text, expect) in [
            ("", json!({})),
            ("name=a+b%26%C3%A4", json!({"name": "a b&ä"})),
            ("name=true", json!({"name": "true"})),
            ("credential_backed_up=true", json!({"credential_backed_up": true})),
            ("credential_backed_up=1", json!({"credential_backed_up": "1"})),
            ("transports=usb", json!({"transports": ["usb"]})),
            (
                "transports=usb&name=n&transports=nfc",
                json!({"transports": ["usb", "nfc"], "name": "n"}),
            ),
            ("name=a&name=b&name=c", json!({"name": ["a", "b", "c"]})),
            ("unknown=1", json!({"unknown": "1"})),
        ] {
            assert_eq!(RequestBody::Form(text.as_bytes()).value(RULES).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn the_declared_media_types_are_taken_and_no_others() {
        for (media, body, expect) in [
            (Some("application/json"), "{}", Some(json!({}))),
            (Some("Application/JSON; charset=utf-8"), "{}", Some(json!({}))),
            (Some("application/x-www-form-urlencoded"), "name=n", Some(json!({"name": "n"}))),
            (Some("text/plain"), "{}", None),
            (Some("multipart/form-data; boundary=x"), "--x--", None),
            (Some("application/x-ndjson"), "{}", None),
            (None, "{}", None),
        ] {
            let mut request = hyper::Request::post("/");
            if let Some(media) = media {
                request = request.header("content-type", media);
            }
            let call = Call::new(request.body(()).unwrap().into_parts().0, body.to_owned().into());
            let value = RequestBody::of(&call).map(|body| body.value(RULES).unwrap());
            assert_eq!(value, expect, "{media:?} {body}");
        }
        let none = Call::new(hyper::Request::new(()).into_parts().0, "".into());
        assert!(RequestBody::of(&none).unwrap().value(RULES).is_err(), "an absent body is no JSON");
    }
}
