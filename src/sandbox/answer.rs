//! Answers, and the error bodies of auth0-api.md 1.6.

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::CapRefusal;

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) media: Media,
    pub(super) bucket: BucketHeaders,
    pub(super) location: Option<&'static str>,
}

/// Declared type of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    JsonLines,
    Html,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::JsonLines => "application/jsonl",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// Contents of the rate-limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketHeaders {
    /// The bucket as it is.
    True,
    /// An empty bucket, whatever is in it.
    Empty,
    /// Omitted.
    Omitted,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // The shapes served here are structs and maps with text keys; they cannot fail to
        // serialize.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self {
            status,
            body: body.into(),
            media: Media::Json,
            bucket: BucketHeaders::True,
            location: None,
        }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: Bytes::new(),
            media: Media::Json,
            bucket: BucketHeaders::True,
            location: None,
        }
    }

    /// Text from something other than the API: without rate-limit headers.
    pub(super) fn text(status: StatusCode, media: Media, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), media, bucket: BucketHeaders::Omitted, location: None }
    }
}

/// The usual error body; `code` is often absent.
fn error(status: StatusCode, message: &str, code: Option<&str>) -> Answer {
    Answer::json(status, &error_body(status, message, code))
}

fn error_body(status: StatusCode, message: &str, code: Option<&str>) -> Value {
    let error = status.canonical_reason().unwrap_or_default();
    let mut body = json!({"statusCode": status.as_u16(), "error": error, "message": message});
    if let Some(code) = code {
        body["errorCode"] = code.into();
    }
    body
}

pub(super) fn invalid_uri(property: &str) -> Answer {
    let message = format!(
        "Path validation error: 'Object didn't pass validation for format' on property {property}"
    );
    error(StatusCode::BAD_REQUEST, &message, Some("invalid_uri"))
}

pub(super) fn invalid_query(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, message, Some("invalid_query_string"))
}

pub(super) fn invalid_body(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, message, Some("invalid_body"))
}

pub(super) fn not_updatable(kind: &str) -> Answer {
    let message = format!("Authentication methods of type {kind} cannot be updated");
    error(StatusCode::BAD_REQUEST, &message, None)
}

pub(super) fn unsupported_media_type() -> Answer {
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type", None)
}

pub(super) fn too_large(limit: usize) -> Answer {
    let message = format!("Payload content length greater than maximum allowed: {limit}");
    error(StatusCode::PAYLOAD_TOO_LARGE, &message, None)
}

pub(super) fn unauthorized(message: &str) -> Answer {
    let mut body = error_body(StatusCode::UNAUTHORIZED, message, None);
    body["attributes"] = json!({"error": message});
    Answer::json(StatusCode::UNAUTHORIZED, &body)
}

pub(super) fn expired_token() -> Answer {
    unauthorized("Expired token received for JSON Web Token validation")
}

pub(super) fn insufficient_scope(scope: &str) -> Answer {
    let message = format!("Insufficient scope, expected any of: {scope}");
    error(StatusCode::FORBIDDEN, &message, Some("insufficient_scope"))
}

pub(super) fn entitlement() -> Answer {
    let message = "Please upgrade your subscription to use this feature";
    error(StatusCode::FORBIDDEN, message, Some("insufficient_entitlement"))
}

pub(super) fn cap_reached(refusal: &CapRefusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    error(status, &refusal.message, refusal.error_code.as_deref())
}

/// The configured status for a user who does not exist; without a body if that is not an error.
pub(super) fn unknown_user(status: u16) -> Answer {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::NOT_FOUND) | Err(_) => no_user(),
        Ok(StatusCode::OK) => Answer::json(StatusCode::OK, &json!([])),
        Ok(status) if status.is_success() => Answer::empty(status),
        Ok(status) => error(status, "The user does not exist.", None),
    }
}

pub(super) fn factor_off() -> Answer {
    error(StatusCode::FORBIDDEN, "This factor is not enabled on the tenant.", None)
}

pub(super) fn passkey_user() -> Answer {
    error(
        StatusCode::FORBIDDEN,
        "Operation not permitted when the user has registered at least 1 passkey",
        None,
    )
}

pub(super) fn no_user() -> Answer {
    error(StatusCode::NOT_FOUND, "The user does not exist.", Some("inexistent_user"))
}

pub(super) fn no_method() -> Answer {
    error(StatusCode::NOT_FOUND, "The authentication method could not be found.", None)
}

pub(super) fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "Not Found", None)
}

/// A request with a host name that is not this machine's.
pub(super) fn misdirected() -> Answer {
    error(StatusCode::MISDIRECTED_REQUEST, "This host name is not served here.", None)
}

pub(super) fn exists_already() -> Answer {
    error(StatusCode::CONFLICT, "Authentication method already exists.", None)
}

pub(super) fn limit_reached() -> Answer {
    error(StatusCode::TOO_MANY_REQUESTS, "Global limit has been reached", Some("too_many_requests"))
}

pub(super) fn too_many() -> Answer {
    Answer { bucket: BucketHeaders::Empty, ..limit_reached() }
}

pub(super) fn too_many_bare() -> Answer {
    Answer { bucket: BucketHeaders::Omitted, ..limit_reached() }
}

pub(super) fn internal_error() -> Answer {
    error(StatusCode::INTERNAL_SERVER_ERROR, "An internal server error occurred", None)
}

pub(super) fn request_timeout() -> Answer {
    Answer {
        bucket: BucketHeaders::Omitted,
        ..error(StatusCode::REQUEST_TIMEOUT, "Request Timeout", None)
    }
}

pub(super) fn unavailable() -> Answer {
    Answer {
        bucket: BucketHeaders::Omitted,
        ..error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", None)
    }
}

/// An edge's page, as long as such pages are.
pub(super) const HTML: &str = "<!DOCTYPE html>\n<html>\n<head><title>Bad Gateway</title></head>\n\
    <body><h1>Bad Gateway</h1><p>The server could not be reached. Please try again in 30 seconds.</p></body>\n</html>\n";

pub(super) fn bad_gateway_html() -> Answer {
    Answer::text(StatusCode::BAD_GATEWAY, Media::Html, HTML)
}

pub(super) fn redirect() -> Answer {
    let answer = Answer::text(StatusCode::TEMPORARY_REDIRECT, Media::Html, "");
    Answer { location: Some("https://elsewhere.invalid/api/v2/"), ..answer }
}

/// The token endpoint's own shape (auth0-api.md 4).
pub(super) fn oauth_error(status: StatusCode, error: &str, description: &str) -> Answer {
    let answer = Answer::json(status, &json!({"error": error, "error_description": description}));
    Answer { bucket: BucketHeaders::Omitted, ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_recorded() {
        let check = |answer: Answer, expect: Value| {
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), expect);
        };
        check(
            no_user(),
            json!({"statusCode": 404, "error": "Not Found", "message": "The user does not exist.", "errorCode": "inexistent_user"}),
        );
        check(
            too_many(),
            json!({"statusCode": 429, "error": "Too Many Requests", "message": "Global limit has been reached", "errorCode": "too_many_requests"}),
        );
        let expired = "Expired token received for JSON Web Token validation";
        check(
            expired_token(),
            json!({"statusCode": 401, "error": "Unauthorized", "message": expired, "attributes": {"error": expired}}),
        );
        check(
            exists_already(),
            json!({"statusCode": 409, "error": "Conflict", "message": "Authentication method already exists."}),
        );
    }
}
