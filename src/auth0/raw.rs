//! Arbitrary requests about a user's methods, and their answers as they came.

use bytes::Bytes;
use reqwest::{
    Method as Verb,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;
use url::Url;

use super::{
    CREATE, Client, DELETE, READ, UPDATE,
    exchange::Contents,
    no_path,
    shape::{ErrorBody, is_id},
    transport::{LIMIT, REMAINING, RESET, unix_seconds},
};
use crate::api::{RawAnswer, RawApi, RawLimit, RawRequest, RawVerb};

impl RawApi for Client {
    async fn ask(&self, request: RawRequest<'_>) -> RawAnswer {
        let (verb, scope) = match request.verb {
            RawVerb::Get => (Verb::GET, READ),
            RawVerb::Post => (Verb::POST, CREATE),
            RawVerb::Put => (Verb::PUT, UPDATE),
            RawVerb::Patch => (Verb::PATCH, UPDATE),
            RawVerb::Delete => (Verb::DELETE, DELETE),
        };
        let Some(url) = self.url(&request) else {
            return RawAnswer::bare(no_path());
        };
        let fill = |sent: &mut reqwest::Request| {
            if let Some(body) = request.body {
                let json = HeaderValue::from_static("application/json");
                sent.headers_mut().insert(CONTENT_TYPE, json);
                *sent.body_mut() = Some(body.to_string().into());
            }
        };
        let mut body = Value::Null;
        let read = |status, read: &Bytes| {
            body = success(&request, status, read)?;
            Some(())
        };
        let (answer, contents) = self.exchange(verb, url, scope, fill, read).await;
        let Some(Contents { body: bytes, head }) = contents else {
            return RawAnswer::bare(answer);
        };
        let status = answer.status.unwrap_or_default();
        let error = bytes.and_then(|bytes| ErrorBody::read(&bytes, status));
        let (code, message) = error.map_or((None, None), |error| (error.code, error.message));
        let number = |name| head.text(name).and_then(|value| value.parse().ok());
        let limit = RawLimit {
            limit: number(&LIMIT),
            remaining: number(&REMAINING),
            reset: number(&RESET),
            retry_after: head.text(&RETRY_AFTER).map(str::to_owned),
            date: head.date.map(unix_seconds),
        };
        RawAnswer { answer, body, code, message, limit }
    }
}

impl Client {
    fn url(&self, request: &RawRequest<'_>) -> Option<Url> {
        let mut url = match request.method {
            Some(method) => self.base.method(request.user, method)?,
            None => self.base.methods(request.user),
        };
        url.set_query(request.query);
        Some(url)
    }
}

/// Reads the body of a success; `None` unless it can be the API's answer to that request.
fn success(request: &RawRequest<'_>, status: u16, body: &Bytes) -> Option<Value> {
    if body.is_empty() {
        let is_sound = match (request.verb, request.method) {
            (RawVerb::Delete, Some(_)) => matches!(status, 200 | 204),
            // Any success may be the answer about a user who does not exist.
            (RawVerb::Delete | RawVerb::Put, None) => true,
            _ => false,
        };
        return is_sound.then_some(Value::Null);
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let has_id = || value["id"].as_str().is_some_and(is_id);
    let is_sound = match (request.verb, request.method) {
        (RawVerb::Post, _) => {
            status == 201 && has_id() && value["type"] == *request.body?.get("type")?
        }
        (RawVerb::Get | RawVerb::Patch, Some(method)) => status == 200 && value["id"] == method,
        (RawVerb::Get, None) => status == 200 && (value.is_array() || value.is_object()),
        (RawVerb::Put, _) => status == 200 && value.is_array(),
        (RawVerb::Delete, _) => status == 200,
        (RawVerb::Patch, None) => false,
    };
    is_sound.then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::UserId;

    #[test]
    fn a_success_counts_only_if_it_answers_to_the_request() {
        use RawVerb::{Delete, Get, Patch, Post, Put};
        let user = UserId::nobody();
        let sent = json!({"type": "totp", "totp_secret": "x"});
        for (verb, method, status, body, is_sound) in [
            (Post, None, 201, r#"{"id":"totp|dev_1","type":"totp"}"#, true),
            (Post, None, 200, r#"{"id":"totp|dev_1","type":"totp"}"#, false),
            (Post, None, 201, r#"{"id":"email|dev_1","type":"email"}"#, false),
            (Post, None, 201, r#"{"type":"totp"}"#, false),
            (Post, None, 201, r#"{"id":"a/b","type":"totp"}"#, false),
            (Post, None, 201, "", false),
            (Post, None, 201, "<html>", false),
            (Get, Some("totp|dev_1"), 200, r#"{"id":"totp|dev_1"}"#, true),
            (Get, Some("totp|dev_1"), 200, r#"{"id":"totp|dev_2"}"#, false),
            (Patch, Some("totp|dev_1"), 200, r#"{"id":"totp|dev_1"}"#, true),
            (Patch, Some("totp|dev_1"), 200, r#"{"id":"totp|dev_2"}"#, false),
            (Patch, Some("totp|dev_1"), 204, "", false),
            (Get, None, 200, "[]", true),
            (Get, None, 200, "5", false),
            (Put, None, 200, "[]", true),
            (Put, None, 200, "{}", false),
            (Delete, Some("totp|dev_1"), 204, "", true),
            (Delete, Some("totp|dev_1"), 202, "", false),
            (Delete, None, 202, "", true),
            (Put, None, 204, "", true),
        ] {
            let request =
                RawRequest { verb, method, body: Some(&sent), ..RawRequest::all(verb, &user) };
            let read = success(&request, status, &Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!(read.is_some(), is_sound, "{verb:?} {status} {body}");
        }
    }
}
