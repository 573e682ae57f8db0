//! A parsed request: its operation, its user, and its contents.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use hyper::Method as HttpMethod;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName};
use hyper::http::{request::Parts, uri::Authority};
use percent_encoding::percent_decode_str;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Operation of a request: requests are counted by it, and faults and limits are configured for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "verbs of HTTP, and the token endpoint")]
pub enum Verb {
    Post,
    Get,
    Put,
    Patch,
    Delete,
    Token,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Post, Self::Get, Self::Put, Self::Patch, Self::Delete, Self::Token];

    /// Its name in statistics and faults.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Token => "TOKEN",
        }
    }

    fn of(method: &HttpMethod) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == method.as_str() && *verb != Self::Token)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// One of the seven operations.
    Operation(Verb, CallTarget),
    /// One of the seven with an id that cannot be one: a 400 on the named property.
    BadId(Verb, &'static str),
    /// `GET /api/v2/users-by-email`.
    UsersByEmail,
    /// A question about the tenant as a whole.
    Question(TenantResource),
    /// Another path under `/api/v2`, which counts against the limit all the same.
    UnknownApi,
    /// `POST /oauth/token`.
    Token,
    /// `GET /_sandbox/stats`.
    Stats,
    /// `GET /_sandbox/state`.
    State,
    /// None of these.
    Unknown,
}

/// Resource that says something about the tenant as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TenantResource {
    /// `GET /api/v2/guardian/factors`.
    Factors,
    /// `GET /api/v2/guardian/factors/phone/message-types`.
    MessageTypes,
    /// `GET /api/v2/guardian/policies`.
    Policies,
    /// `GET /api/v2/custom-domains`.
    Domains,
    /// `GET /api/v2/tenants/settings`.
    Settings,
}

impl TenantResource {
    /// Returns the scope that it requires.
    pub(super) fn scope(self) -> &'static str {
        match self {
            Self::Factors | Self::MessageTypes => "read:guardian_factors",
            Self::Policies => "read:mfa_policies",
            Self::Domains => "read:custom_domains",
            Self::Settings => "read:tenant_settings",
        }
    }

    fn of(segments: &[&str]) -> Option<Self> {
        match segments {
            ["guardian", "factors"] => Some(Self::Factors),
            ["guardian", "factors", "phone", "message-types"] => Some(Self::MessageTypes),
            ["guardian", "policies"] => Some(Self::Policies),
            ["custom-domains"] => Some(Self::Domains),
            ["tenants", "settings"] => Some(Self::Settings),
            _ => None,
        }
    }
}

/// User and method that an operation is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallTarget {
    pub(super) user_id: String,
    pub(super) method_id: Option<String>,
}

/// A request with its body.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Route {
    /// Returns the verb that the request counts as, if it is one of the API's own.
    pub(super) fn verb(&self) -> Option<Verb> {
        match self {
            Self::Operation(verb, _) | Self::BadId(verb, _) => Some(*verb),
            Self::UsersByEmail | Self::Question(_) => Some(Verb::Get),
            Self::UnknownApi | Self::Unknown | Self::Token | Self::Stats | Self::State => None,
        }
    }
}

impl Call {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        Self {
            route: route(&head.method, head.uri.path()),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
        }
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()
    }

    /// Host that the request was sent to.
    pub(super) fn host(&self) -> &str {
        self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn correlation_id(&self) -> Option<&str> {
        self.headers.get(CORRELATION_ID)?.to_str().ok()
    }

    /// Value of a parameter of the query.
    pub(super) fn query_value(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The media type of the body, without parameters.
    pub(super) fn media_type(&self) -> &str {
        let value = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }
}

/// Returns true if a request names this machine as its host. A web page whose own name resolves to
/// 127.0.0.1 sends that name, and must learn nothing here.
pub(super) fn is_for_us<B>(request: &Request<B>) -> bool {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let uri = request.uri().authority();
    header.is_some_and(is_loopback) && uri.is_none_or(|uri| is_loopback(uri.as_str()))
}

/// `localhost`, 127.0.0.0/8 or `[::1]`, with any port or none.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let plain = !host.contains('@');
    plain && (name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback()))
}

fn route(method: &HttpMethod, path: &str) -> Route {
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next()) {
        (Some("api"), Some("v2")) => api_route(method, &segments.collect::<Vec<_>>()),
        (Some("oauth"), Some("token"))
            if segments.next().is_none() && method == HttpMethod::POST =>
        {
            Route::Token
        }
        (Some("_sandbox"), Some("stats"))
            if segments.next().is_none() && method == HttpMethod::GET =>
        {
            Route::Stats
        }
        (Some("_sandbox"), Some("state"))
            if segments.next().is_none() && method == HttpMethod::GET =>
        {
            Route::State
        }
        _ => Route::Unknown,
    }
}

fn api_route(method: &HttpMethod, segments: &[&str]) -> Route {
    if let Some(question) = TenantResource::of(segments).filter(|_| method == HttpMethod::GET) {
        return Route::Question(question);
    }
    let (user, one) = match segments {
        ["users-by-email"] if method == HttpMethod::GET => return Route::UsersByEmail,
        ["users", user, "authentication-methods"] => (*user, None),
        ["users", user, "authentication-methods", one] => (*user, Some(*one)),
        _ => return Route::UnknownApi,
    };
    let Some(verb) = Verb::of(method) else {
        return Route::UnknownApi;
    };
    let served = match verb {
        Verb::Get | Verb::Delete => true,
        Verb::Post | Verb::Put => one.is_none(),
        Verb::Patch => one.is_some(),
        Verb::Token => false,
    };
    if !served || user.is_empty() || one == Some("") {
        return Route::UnknownApi;
    }
    let Some(user_id) = decoded(user).filter(|id| is_user_id(id)) else {
        return Route::BadId(verb, "id");
    };
    let method_id = match one.map(decoded) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return Route::BadId(verb, "authentication_method_id"),
    };
    Route::Operation(verb, CallTarget { user_id, method_id })
}

/// Decodes once. Neither text that is not UTF-8 nor control characters can be in an id.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.chars().any(char::is_control)).then(|| text.into_owned())
}

/// `provider|id`: an id that was encoded twice has no bar after decoding once (auth0-api.md 5).
fn is_user_id(id: &str) -> bool {
    id.split_once('|').is_some_and(|(provider, rest)| !provider.is_empty() && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &HttpMethod, path: &str, expect: &Route) {
        assert_eq!(route(method, path), *expect, "{method} {path}");
    }

    fn operation(verb: Verb, user_id: &str, method_id: Option<&str>) -> Route {
        let method_id = method_id.map(str::to_owned);
        Route::Operation(verb, CallTarget { user_id: user_id.to_owned(), method_id })
    }

    #[test]
    fn ids_are_one_segment_decoded_once() {
        let path = |id: &str| format!("/api/v2/users/{id}/authentication-methods");
        let post = HttpMethod::POST;
        for (id, expect) in [
            ("auth0%7C1", "auth0|1"),
            ("auth0|1", "auth0|1"),
            ("waad%7Ca%2Fb%20c%7Cd%2B", "waad|a/b c|d+"),
            ("auth0%7C%257C", "auth0|%7C"),
            ("auth0%7C%C3%A5", "auth0|å"),
        ] {
            check(&post, &path(id), &operation(Verb::Post, expect, None));
        }
        for id in [
            "auth0%257C1",
            "auth0",
            "%7C1",
            "auth0%7C",
            "auth0%7C%00",
            "auth0%7C%0A",
            "auth0%7C%FF",
        ] {
            check(&post, &path(id), &Route::BadId(Verb::Post, "id"));
        }
        check(&post, &path("auth0%7Ca/b"), &Route::UnknownApi);
        check(&post, &path(""), &Route::UnknownApi);
    }

    #[test]
    fn only_loopback_names_are_ours() {
        for (host, ours) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:1", true),
            ("127.9.8.7", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("evil.example@localhost", false),
            ("localhost@evil.example", false),
            ("10.0.0.1", false),
            ("0.0.0.0:80", false),
            ("[::ffff:10.0.0.1]", false),
            ("2130706433", false),
            ("localhost, evil.example", false),
        ] {
            assert_eq!(is_loopback(host), ours, "{host}");
            let request = |uri: &str| Request::get(uri).header(HOST, host).body(()).unwrap();
            assert_eq!(is_for_us(&request("/")), ours, "{host}");
            assert!(!is_for_us(&request("http://evil.example/")), "{host}");
        }
        assert!(!is_for_us(&Request::get("/").body(()).unwrap()));
    }

    #[test]
    fn seven_operations_one_look_up_and_five_questions_and_nothing_else() {
        let all = "/api/v2/users/a%7C1/authentication-methods";
        let one = "/api/v2/users/a%7C1/authentication-methods/phone%7Cdev_1";
        check(&HttpMethod::GET, one, &operation(Verb::Get, "a|1", Some("phone|dev_1")));
        check(&HttpMethod::PATCH, one, &operation(Verb::Patch, "a|1", Some("phone|dev_1")));
        check(&HttpMethod::DELETE, all, &operation(Verb::Delete, "a|1", None));
        for (method, path) in [
            (HttpMethod::POST, one),
            (HttpMethod::PUT, one),
            (HttpMethod::PATCH, all),
            (HttpMethod::HEAD, all),
        ] {
            check(&method, path, &Route::UnknownApi);
        }
        check(
            &HttpMethod::GET,
            &format!("{all}/%0A"),
            &Route::BadId(Verb::Get, "authentication_method_id"),
        );
        check(&HttpMethod::GET, &format!("{all}/"), &Route::UnknownApi);
        check(&HttpMethod::GET, "/api/v2/users/a%7C1", &Route::UnknownApi);
        check(&HttpMethod::GET, "/api/v2/users-by-email", &Route::UsersByEmail);
        check(&HttpMethod::POST, "/api/v2/users-by-email", &Route::UnknownApi);
        check(&HttpMethod::GET, "/api/v2/users-by-email/", &Route::UnknownApi);
        for (path, question) in [
            ("guardian/factors", TenantResource::Factors),
            ("guardian/factors/phone/message-types", TenantResource::MessageTypes),
            ("guardian/policies", TenantResource::Policies),
            ("custom-domains", TenantResource::Domains),
            ("tenants/settings", TenantResource::Settings),
        ] {
            let path = format!("/api/v2/{path}");
            check(&HttpMethod::GET, &path, &Route::Question(question));
            check(&HttpMethod::PUT, &path, &Route::UnknownApi);
            check(&HttpMethod::GET, &format!("{path}/"), &Route::UnknownApi);
        }
        check(&HttpMethod::GET, "/oauth/token", &Route::Unknown);
        check(&HttpMethod::POST, "/oauth/token", &Route::Token);
        check(&HttpMethod::GET, "/_sandbox/state", &Route::State);
        check(&HttpMethod::GET, "/", &Route::Unknown);
    }
}
