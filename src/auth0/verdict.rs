//! The one table that says what a status and an error body mean (auth0-api.md 1.6,
//! reliability.md 1.4).
//!
//! `errorCode` is often absent, so no row hangs on it alone; messages are only searched for
//! fixed words, never passed on, since they may quote what was sent.

use bytes::Bytes;

use super::wire::ErrorBody;
use crate::{api::Reason, error::Error, model::Field};

/// What an answer means, whatever was asked.
#[derive(Debug)]
pub(super) enum Class {
    /// 2xx: the body decides.
    Success,
    /// It is there already.
    Present,
    /// Refused for good, for this row.
    Refused(Reason),
    /// 429.
    Throttled,
    /// 401.
    Unauthorized,
    /// Refused by the edge before it reached the application.
    NotSent,
    /// May or may not have been executed.
    InDoubt(Reason),
    /// Refused for every row, by the tenant itself: not executed.
    Stop(Error),
    /// Something else answers in the tenant's place: what has become of the request is not known.
    Foreign(Error),
}

/// The table. `body` is `None` when it broke off.
pub(super) fn classify(status: u16, body: Option<&Bytes>, scope: &'static str) -> Class {
    // Read where it says something only: not of the many that went well.
    let error = || body.and_then(|body| serde_json::from_slice::<ErrorBody>(body).ok());
    match status {
        200..=299 => Class::Success,
        300..=399 => Class::Foreign(Error::config(
            format!("the tenant answered with a redirect ({status}), which is never followed"),
            "check --domain or --base-url: this is not the Management API itself",
        )),
        400 => Class::Refused(bad_request(&error().unwrap_or_default())),
        401 => Class::Unauthorized,
        // What these mean hangs on the body.
        403 | 404 if body.is_none() => Class::InDoubt(format!("http_{status}").into()),
        403 => error().map_or_else(|| foreign(status), |error| forbidden(&error, scope)),
        404 => error().map_or_else(|| foreign(status), |error| Class::Refused(not_found(&error))),
        407 => Class::Stop(Error::config(
            "the proxy asks for credentials (407)",
            "put them into `https_proxy`, or unset it",
        )),
        408 => Class::InDoubt("http_408".into()),
        409 => Class::Present,
        // Misdirected, and too early: refused by the edge, by definition not acted on.
        421 | 425 => Class::NotSent,
        429 => Class::Throttled,
        402 | 405..=499 => Class::Refused(format!("http_{status}").into()),
        _ => Class::InDoubt(format!("http_{status}").into()),
    }
}

/// Who or what is not there.
fn not_found(error: &ErrorBody) -> Reason {
    let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    if message.contains("authentication method") {
        "method_not_found".into()
    } else {
        "user_not_found".into()
    }
}

/// The API's own errors are JSON objects.
fn foreign(status: u16) -> Class {
    Class::Foreign(Error::config(
        format!("the answer ({status}) is not the Management API's"),
        "a firewall, a proxy or another server answers in its place: check --domain and --base-url",
    ))
}

/// 403 is four different things; only some of them belong to one user.
fn forbidden(error: &ErrorBody, scope: &'static str) -> Class {
    let code = error.code.as_deref().unwrap_or_default();
    let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says = |words: &str| message.contains(words);
    if code == "insufficient_scope" || says("insufficient scope") {
        return Class::Stop(Error::MissingScope { scope: scope.into() });
    }
    if says("does not match subject") {
        return Class::Stop(Error::config(
            "the tenant refuses this token: it belongs to a user, and may act on that user only",
            "use a token of a machine-to-machine application",
        ));
    }
    if code == "insufficient_entitlement" || says("upgrade your subscription") {
        return Class::Stop(Error::config(
            "the tenant's subscription does not include this",
            "ask Auth0 about the plan; what was imported so far stays",
        ));
    }
    let reason = [
        ("reached the limit of entities", "entity_limit"),
        ("registered at least 1 passkey", "user_has_passkey"),
        ("user identifiers", "too_many_user_identifiers"),
    ];
    let known = reason.into_iter().find(|(words, _)| says(words));
    Class::Refused(known.map_or("forbidden", |(_, reason)| reason).into())
}

/// `invalid_body:phone_number` where the message names a property that we know.
fn bad_request(error: &ErrorBody) -> Reason {
    let message = error.message.as_deref().unwrap_or_default();
    let kind = match error.code.as_deref() {
        Some("invalid_uri") => "invalid_uri",
        Some("invalid_query_string") => "invalid_query_string",
        Some("invalid_body") => "invalid_body",
        _ if message.contains("Payload validation") => "invalid_body",
        _ if message.contains("Path validation") => "invalid_uri",
        _ => "bad_request",
    };
    let property = message.rsplit_once("on property ").map(|(_, rest)| rest);
    let property = property.and_then(|rest| rest.split([' ', '(', ',', '.']).next());
    match property.and_then(Field::from_name) {
        Some(field) => format!("{kind}:{}", field.name()).into(),
        None => kind.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "create:authentication_methods";

    fn name(status: u16, body: &str) -> String {
        match classify(status, Some(&Bytes::copy_from_slice(body.as_bytes())), SCOPE) {
            Class::Success => "success".into(),
            Class::Present => "present".into(),
            Class::Refused(reason) => format!("refused {reason}"),
            Class::Throttled => "throttled".into(),
            Class::Unauthorized => "unauthorized".into(),
            Class::NotSent => "not sent".into(),
            Class::InDoubt(reason) => format!("in doubt {reason}"),
            Class::Stop(Error::MissingScope { scope }) => format!("stop: scope {scope}"),
            Class::Stop(_) => "stop".into(),
            Class::Foreign(_) => "foreign".into(),
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        for status in 100..=999 {
            let expected = match status {
                200..=299 => "success".into(),
                300..=399 | 403 | 404 => "foreign".into(),
                407 => "stop".into(),
                400 => "refused bad_request".into(),
                401 => "unauthorized".into(),
                409 => "present".into(),
                421 | 425 => "not sent".into(),
                429 => "throttled".into(),
                402 | 405..=406 | 410..=499 => format!("refused http_{status}"),
                _ => format!("in doubt http_{status}"),
            };
            assert_eq!(name(status, "<html>whatever</html>"), expected, "{status}");
        }
    }

    #[test]
    fn every_known_error_body_has_its_verdict() {
        for (status, body, expected) in [
            (
                400,
                r#"{"statusCode":400,"error":"Bad Request","message":"Path validation error: 'Object didn't pass validation for format user-id' on property id.","errorCode":"invalid_uri"}"#,
                "refused invalid_uri",
            ),
            (
                400,
                r#"{"message":"Payload validation error: 'String does not match +15550100' on property phone_number (x).","errorCode":"invalid_body"}"#,
                "refused invalid_body:phone_number",
            ),
            (
                400,
                r#"{"message":"Payload validation error: 'x' on property email (also) 'y' on property name"}"#,
                "refused invalid_body:name",
            ),
            (
                400,
                r#"{"message":"Payload validation error: 'JBSWY3DPEHPK3PXP' on property JBSWY3DPEHPK3PXP"}"#,
                "refused invalid_body",
            ),
            (400, r#"{"errorCode":"invalid_query_string"}"#, "refused invalid_query_string"),
            (400, "{}", "refused bad_request"),
            (
                403,
                r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: create:authentication_methods","errorCode":"insufficient_scope"}"#,
                "stop: scope create:authentication_methods",
            ),
            (
                403,
                r#"{"message":"Insufficient scope, expected: create:authentication_methods"}"#,
                "stop: scope create:authentication_methods",
            ),
            (
                403,
                r#"{"message":"You reached the limit of entities of this type for this user."}"#,
                "refused entity_limit",
            ),
            (
                403,
                r#"{"message":"Operation not permitted when the user has registered at least 1 passkey"}"#,
                "refused user_has_passkey",
            ),
            (
                403,
                r#"{"message":"The number of user identifiers associated with a user exceeds the maximum allowed"}"#,
                "refused too_many_user_identifiers",
            ),
            (
                403,
                r#"{"message":"User to be acted on does not match subject in bearer token."}"#,
                "stop",
            ),
            (
                403,
                r#"{"message":"Please upgrade your subscription","errorCode":"insufficient_entitlement"}"#,
                "stop",
            ),
            (403, r#"{"statusCode":403,"message":"something new"}"#, "refused forbidden"),
            (403, "<html>blocked</html>", "foreign"),
            (
                403,
                r#"{"message":"You reached the limit of entities of this type for this user.","errorCode":null}"#,
                "refused entity_limit",
            ),
            (404, "<html>no such page</html>", "foreign"),
            (
                404,
                r#"{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}"#,
                "refused user_not_found",
            ),
            (
                404,
                r#"{"statusCode":404,"error":"Not Found","message":"The authentication method could not be found."}"#,
                "refused method_not_found",
            ),
            (409, r#"{"message":"Authentication method already exists."}"#, "present"),
            (429, r#"{"statusCode":429,"error":"Too Many Requests"}"#, "throttled"),
            (
                401,
                r#"{"message":"Expired token received for JSON Web Token validation","attributes":{"error":"x"}}"#,
                "unauthorized",
            ),
            (503, r#"{"statusCode":503}"#, "in doubt http_503"),
        ] {
            assert_eq!(name(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_reason_never_quotes_the_answer() {
        for status in 100..=599 {
            let body =
                r#"{"message":"CANARY on property CANARY","errorCode":"CANARY","error":"CANARY"}"#;
            let verdict = format!("{:?}", classify(status, Some(&Bytes::from(body)), SCOPE));
            assert!(!verdict.contains("CANARY"), "{verdict}");
        }
    }
}
