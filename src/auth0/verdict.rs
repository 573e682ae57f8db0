//! The one table that says what a status and an error body mean (auth0-api.md 1.6, reliability.md
//! 1.4), and whether they are the API's at all.
//!
//! `errorCode` is often absent, so no verdict depends on it alone; messages are only searched for
//! fixed words, never passed on, since they may quote what was sent.

use bytes::Bytes;

use super::shape::ErrorBody;
use crate::{
    error::Error,
    model::{CapRefusal, Code, Field, Reason},
};

/// Code of the error when the tenant's plan does not include what was asked for.
pub const NOT_ENABLED: &str = "feature_not_enabled";

/// `errorCode` of a 429 for the limit of requests.
const LIMIT_REACHED: &str = "too_many_requests";

/// Meaning of an answer to any request.
#[derive(Debug)]
pub(super) enum Class {
    /// 2xx: the body decides the result, and also whose answer it is.
    Success,
    /// The factor, or something like it, exists already.
    Present,
    /// Refused for good, for this row.
    Refused(Reason),
    /// 429.
    Throttled,
    /// 401.
    Unauthorized,
    /// May or may not have been executed.
    InDoubt(Reason),
    /// Refused for every row, by the tenant itself: not executed.
    Stop(Error),
    /// Something else answers in the tenant's place: it is not known what became of the request.
    Foreign,
}

/// Looks an answer up in the table. `body` is `None` when it broke off. An error counts only in the
/// API's own shape: anything else with that status, a gateway above all, may have passed the
/// request on first.
pub(super) fn classify(status: u16, body: Option<&Bytes>, scope: &'static str) -> Class {
    match status {
        200..=299 => return Class::Success,
        // Whatever its body says, a 429 of the limiter or the edge means that nothing was executed.
        429 => return Class::Throttled,
        // Misdirected (421) and too early (425) are refused by whatever stands before the API, by
        // definition before acting on them; but what it did earlier is unknown.
        300..=399 | 407 | 421 | 425 => return Class::Foreign,
        400..=499 if status != 408 => {}
        _ => return Class::InDoubt(Reason::http(status)),
    }
    let Some(body) = body else {
        return Class::InDoubt(Reason::http(status));
    };
    // Read only now: the many successful answers never get here.
    let Some(error) = ErrorBody::read(body, status) else {
        return Class::Foreign;
    };
    match status {
        400 => Class::Refused(bad_request(&error)),
        401 => Class::Unauthorized,
        403 => forbidden(&error, scope),
        404 => Class::Refused(not_found(&error).into()),
        409 => Class::Present,
        _ => Class::Refused(Reason::http(status)),
    }
}

/// Returns the class of an answer where the tenant's refusal of one method too many is known. A
/// refusal in those words is about one user, whatever else it might have meant.
pub(super) fn known_as_cap(
    class: Class,
    cap: &CapRefusal,
    status: u16,
    body: Option<&Bytes>,
) -> Class {
    let is_cap = || {
        let error = body.and_then(|body| ErrorBody::read(body, status));
        status == cap.status
            && error.is_some_and(|error| {
                error.code.as_deref() == cap.error_code.as_deref()
                    && error.message.as_deref() == Some(&*cap.message)
            })
    };
    // The words of the rate limit prove nothing about a cap.
    let is_own = || {
        let message = cap.message.to_ascii_lowercase();
        cap.error_code.as_deref() != Some(LIMIT_REACHED)
            && !message.is_empty()
            && !message.contains("global limit")
    };
    match class {
        Class::Refused(_) if is_cap() => Class::Refused(Code::EntityLimit.into()),
        Class::Throttled if is_cap() && is_own() => Class::Refused(Code::EntityLimit.into()),
        class => class,
    }
}

/// Returns the code for a missing user or method. An error that names neither in known words is
/// taken for neither.
fn not_found(error: &ErrorBody) -> Code {
    let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    if error.code.as_deref() == Some("inexistent_user") || message.contains("user does not exist") {
        Code::UserNotFound
    } else if message.contains("authentication method could not be found") {
        Code::MethodNotFound
    } else {
        Code::NotFound
    }
}

/// A 403 can mean four different things; only some of them are about one user.
fn forbidden(error: &ErrorBody, scope: &'static str) -> Class {
    let code = error.code.as_deref().unwrap_or_default();
    let message = error.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let says = |words: &str| message.contains(words);
    if code == "insufficient_scope" || says("insufficient scope") {
        return Class::Stop(Error::MissingScope { scope: scope.into() });
    }
    if says("does not match subject") {
        return Class::Stop(Error::refused(
            "token_refused",
            "the tenant refuses this token: it belongs to a user, and may act on that user only",
            "use a token of a machine-to-machine application",
        ));
    }
    if code == "insufficient_entitlement" || says("upgrade your subscription") {
        return Class::Stop(Error::refused(
            NOT_ENABLED,
            "the tenant's subscription does not include this",
            "ask Auth0 about the plan; what was done so far stays",
        ));
    }
    let codes = [
        ("reached the limit of entities", Code::EntityLimit),
        ("registered at least 1 passkey", Code::UserHasPasskey),
        ("user identifiers", Code::TooManyUserIdentifiers),
    ];
    let known = codes.into_iter().find(|(words, _)| says(words));
    Class::Refused(known.map_or(Code::Forbidden, |(_, code)| code).into())
}

/// Returns `invalid_body:phone_number` where the message names a known property.
fn bad_request(error: &ErrorBody) -> Reason {
    let message = error.message.as_deref().unwrap_or_default();
    let code = match error.code.as_deref() {
        Some("invalid_uri") => Code::InvalidUri,
        Some("invalid_query_string") => Code::InvalidQueryString,
        Some("invalid_body") => Code::InvalidBody,
        _ if message.contains("Payload validation") => Code::InvalidBody,
        _ if message.contains("Path validation") => Code::InvalidUri,
        _ => Code::BadRequest,
    };
    let property = message.rsplit_once("on property ").map(|(_, rest)| rest);
    let property = property.and_then(|rest| rest.split([' ', '(', ',', '.']).next());
    Reason::of_field(code, property.and_then(Field::from_name))
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
            Class::InDoubt(reason) => format!("in doubt {reason}"),
            Class::Stop(Error::MissingScope { scope }) => format!("stop: scope {scope}"),
            Class::Stop(_) => "stop".into(),
            Class::Foreign => "foreign".into(),
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        for status in 100..=999 {
            let (foreign, ours) = match status {
                200..=299 => ("success".into(), "success".into()),
                300..=399 | 407 | 421 | 425 => ("foreign".into(), "foreign".into()),
                429 => ("throttled".into(), "throttled".into()),
                400 => ("foreign".into(), "refused bad_request".into()),
                401 => ("foreign".into(), "unauthorized".into()),
                403 => ("foreign".into(), "refused forbidden".into()),
                404 => ("foreign".into(), "refused not_found".into()),
                409 => ("foreign".into(), "present".into()),
                402..=499 if status != 408 => ("foreign".into(), format!("refused http_{status}")),
                _ => (format!("in doubt http_{status}"), format!("in doubt http_{status}")),
            };
            assert_eq!(name(status, "<html>whatever</html>"), foreign, "{status}");
            let shaped = format!(r#"{{"statusCode":{status},"error":"whatever"}}"#);
            assert_eq!(name(status, &shaped), ours, "{status}");
        }
    }

    #[test]
    fn an_error_is_the_apis_only_in_the_apis_shape() {
        for status in [400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499] {
            for body in [
                String::new(),
                "[]".into(),
                "{}".into(),
                "null".into(),
                "\"Conflict\"".into(),
                "error code: 1001".into(),
                "<html><head><title>409 Conflict</title></head></html>".into(),
                r#"{"message":"no Route matched with those values"}"#.into(),
                r#"{"message":"Authentication method already exists."}"#.into(),
                r#"{"message":"The user does not exist.","errorCode":"inexistent_user"}"#.into(),
                format!(r#"{{"statusCode":{status}}}"#),
                format!(r#"{{"statusCode":"{status}","message":"text"}}"#),
                format!(r#"{{"statusCode":{status},"message":{{"is":"no text"}}}}"#),
                format!(r#"{{"statusCode":{},"message":"another status"}}"#, status + 1),
                format!(r#"{{"status":{status},"error":"Not Found","path":"/api/v2"}}"#),
                format!(r#"[{{"statusCode":{status},"message":"in a list"}}]"#),
                format!(r#"{{"statusCode":{status},"message":"cut off"#),
            ] {
                assert_eq!(name(status, &body), "foreign", "{status} {body}");
            }
            let broken = classify(status, None, SCOPE);
            assert!(matches!(broken, Class::InDoubt(_)), "{status}: {broken:?}");
        }
    }

    /// Statuses and bodies with their verdicts.
    const KNOWN: &[(u16, &str, &str)] = &[
        (
            400,
            r#"{"statusCode":400,"error":"Bad Request","message":"Path validation error: 'Object didn't pass validation for format user-id' on property id.","errorCode":"invalid_uri"}"#,
            "refused invalid_uri",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"Payload validation error: 'String does not match +15550100' on property phone_number (x).","errorCode":"invalid_body"}"#,
            "refused invalid_body:phone_number",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"Payload validation error: 'x' on property email (also) 'y' on property name"}"#,
            "refused invalid_body:name",
        ),
        (
            400,
            r#"{"statusCode":400,"message":"Payload validation error: 'JBSWY3DPEHPK3PXP' on property JBSWY3DPEHPK3PXP"}"#,
            "refused invalid_body",
        ),
        (
            400,
            r#"{"statusCode":400,"error":"Bad Request","errorCode":"invalid_query_string"}"#,
            "refused invalid_query_string",
        ),
        (400, "{}", "foreign"),
        (400, r#"{"statusCode":400,"error":"Bad Request"}"#, "refused bad_request"),
        (
            403,
            r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: create:authentication_methods","errorCode":"insufficient_scope"}"#,
            "stop: scope create:authentication_methods",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"Insufficient scope, expected: create:authentication_methods"}"#,
            "stop: scope create:authentication_methods",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"You reached the limit of entities of this type for this user."}"#,
            "refused entity_limit",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"Operation not permitted when the user has registered at least 1 passkey"}"#,
            "refused user_has_passkey",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"The number of user identifiers associated with a user exceeds the maximum allowed"}"#,
            "refused too_many_user_identifiers",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"User to be acted on does not match subject in bearer token."}"#,
            "stop",
        ),
        (
            403,
            r#"{"statusCode":403,"message":"Please upgrade your subscription","errorCode":"insufficient_entitlement"}"#,
            "stop",
        ),
        (403, r#"{"statusCode":403,"message":"something new"}"#, "refused forbidden"),
        (403, "<html>blocked</html>", "foreign"),
        (
            403,
            r#"{"statusCode":403,"message":"You reached the limit of entities of this type for this user.","errorCode":null}"#,
            "refused entity_limit",
        ),
        (409, r#"{"statusCode":409,"message":"Authentication method already exists."}"#, "present"),
        (429, r#"{"statusCode":429,"error":"Too Many Requests"}"#, "throttled"),
        (
            401,
            r#"{"statusCode":401,"message":"Expired token received for JSON Web Token validation","attributes":{"error":"x"}}"#,
            "unauthorized",
        ),
        (503, r#"{"statusCode":503}"#, "in doubt http_503"),
    ];

    #[test]
    fn every_known_error_body_has_its_verdict() {
        for &(status, body, expected) in KNOWN {
            assert_eq!(name(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn who_is_not_there_is_told_by_known_words_only() {
        for (body, expected) in [
            (
                r#""message":"The user does not exist.","errorCode":"inexistent_user""#,
                "user_not_found",
            ),
            (r#""message":"The user does not exist.""#, "user_not_found"),
            (r#""error":"Not Found","errorCode":"inexistent_user""#, "user_not_found"),
            (r#""message":"The authentication method could not be found.""#, "method_not_found"),
            (r#""error":"Not Found","message":"Not Found""#, "not_found"),
            (r#""message":"No such page""#, "not_found"),
            (r#""message":"No authentication method here""#, "not_found"),
            (r#""message":"x","errorCode":"inexistent_route""#, "not_found"),
        ] {
            let body = format!(r#"{{"statusCode":404,{body}}}"#);
            assert_eq!(name(404, &body), format!("refused {expected}"), "{body}");
        }
    }

    #[test]
    fn a_reason_never_quotes_the_answer() {
        for status in 100..=599 {
            let body = format!(
                r#"{{"statusCode":{status},"message":"CANARY on property CANARY","errorCode":"CANARY","error":"CANARY"}}"#
            );
            let verdict = format!("{:?}", classify(status, Some(&Bytes::from(body)), SCOPE));
            assert!(!verdict.contains("CANARY"), "{verdict}");
        }
    }

    #[test]
    fn a_429_in_the_known_words_of_a_cap_is_the_cap_and_the_limits_own_words_never_are() {
        let limit = r#"{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}"#;
        let bare = r#"{"statusCode":429,"error":"Too Many Requests"}"#;
        let own = r#"{"statusCode":429,"error":"E","message":"Enough.","errorCode":"too_many"}"#;
        for (code, message, body, is_cap) in [
            (Some("too_many"), "Enough.", own, true),
            (None, "Enough.", own, false),
            (Some("too_many"), "Enough", own, false),
            (Some("too_many"), "Enough.", limit, false),
            (Some("too_many_requests"), "Global limit has been reached", limit, false),
            (None, "", bare, false),
        ] {
            let refusal = CapRefusal {
                status: 429,
                error_code: code.map(Into::into),
                message: message.into(),
            };
            let body = Bytes::copy_from_slice(body.as_bytes());
            let class = classify(429, Some(&body), SCOPE);
            let class = known_as_cap(class, &refusal, 429, Some(&body));
            let found =
                matches!(class, Class::Refused(reason) if reason.code() == Code::EntityLimit);
            assert_eq!(found, is_cap, "{message} {body:?}");
        }
    }
}
