//! The token endpoint, and the validity of tokens (auth0-api.md 4).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use crate::assertion::{ASSERTION_TYPE, AssertionFault, PublicKey, Verifier};
use crate::sandbox::{
    answer::{Answer, BucketHeaders, expired_token, oauth_error, unauthorized},
    call::Call,
    rng::{RngPurpose, letters, rng},
    settings::{Secret, Settings},
};

/// Number of tokens from which expired ones are forgotten.
const TOKENS_REMEMBERED: usize = 10_000;

/// Issues tokens and recognises them.
#[derive(Debug)]
pub(in crate::sandbox) struct Tokens {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    /// Verifies private key JWTs, where the client has registered a key.
    verifier: Option<Verifier>,
    scope: String,
    lifetime: Duration,
    requests: Option<u32>,
    seed: u64,
    issued: AtomicU64,
    grants: RwLock<HashMap<Secret, Grant>>,
}

#[derive(Debug)]
struct Grant {
    /// Expiry, counted from the start.
    dies: Option<Duration>,
    used: AtomicU32,
}

impl Tokens {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        let ready = settings.static_tokens.iter().cloned();
        let grants =
            ready.map(|token| (token, Grant { dies: None, used: AtomicU32::new(0) })).collect();
        Self {
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            verifier: settings.client_public_key.as_deref().map(|pem| {
                // No signature matches an empty key: an unreadable key lets nobody in.
                let key = PublicKey::read(pem);
                Verifier::new(key.unwrap_or_else(|| PublicKey::of_pkcs1(Vec::new())))
            }),
            scope: settings.scopes.join(" "),
            lifetime: Duration::from_secs(settings.token_lifetime_s),
            requests: settings.token_requests,
            seed: settings.seed,
            issued: AtomicU64::new(0),
            grants: RwLock::new(grants),
        }
    }

    /// `POST /oauth/token`; `now` counts from the start, `unix` from 1970.
    pub(in crate::sandbox) fn issue(&self, call: &Call, now: Duration, unix: Duration) -> Answer {
        let Some(asked) = parameters(call) else {
            return oauth_error(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The body could not be read",
            );
        };
        let given = |key: &str| asked.get(key).map_or("", String::as_str);
        match given("grant_type") {
            "client_credentials" => {}
            "" => {
                let description = "Missing required parameter: grant_type";
                return oauth_error(StatusCode::BAD_REQUEST, "invalid_request", description);
            }
            _ => {
                return oauth_error(
                    StatusCode::FORBIDDEN,
                    "unsupported_grant_type",
                    "Unsupported grant type",
                );
            }
        }
        if let Some(assertion) = asked.get("client_assertion") {
            let typed = given("client_assertion_type") == ASSERTION_TYPE;
            let id = given("client_id");
            if let Err(refusal) = self.verify(assertion, typed, id, call.host(), unix) {
                let (status, text) = (StatusCode::UNAUTHORIZED, refusal.description());
                return oauth_error(status, "invalid_client", text);
            }
        } else if !self.knows(given("client_id"), given("client_secret")) {
            return oauth_error(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized");
        }
        let audience = given("audience");
        if !audience.ends_with("/api/v2/") {
            let description = format!("Service not found: {audience}");
            return oauth_error(StatusCode::FORBIDDEN, "access_denied", &description);
        }
        let body = json!({
            "access_token": self.grant(now),
            "scope": self.scope,
            "expires_in": self.lifetime.as_secs(),
            "token_type": "Bearer",
        });
        Answer { bucket: BucketHeaders::Omitted, ..Answer::json(StatusCode::OK, &body) }
    }

    /// Returns why a request is refused, if it is, and counts it against its token.
    pub(in crate::sandbox) fn refuse(
        &self,
        authorization: Option<&str>,
        now: Duration,
    ) -> Option<Answer> {
        let Some((scheme, token)) = authorization.and_then(|header| header.split_once(' ')) else {
            return Some(unauthorized("Missing authentication"));
        };
        let grants = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let Some(grant) =
            grants.get(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
        else {
            return Some(unauthorized("Invalid token"));
        };
        let aged = grant.dies.is_some_and(|dies| now >= dies);
        let worn = self
            .requests
            .is_some_and(|requests| grant.used.fetch_add(1, Ordering::Relaxed) >= requests);
        (aged || worn).then(expired_token)
    }

    fn verify(
        &self,
        assertion: &str,
        is_typed: bool,
        client_id: &str,
        host: &str,
        unix: Duration,
    ) -> Result<(), AssertionFault> {
        let verifier = self.verifier.as_ref().ok_or(AssertionFault::Signature)?;
        let is_client = self.client_id.as_ref().is_none_or(|id| id == client_id);
        if !(is_typed && is_client) {
            return Err(AssertionFault::Claims);
        }
        // With a TLS proxy in front of it, the tenant is an https one.
        let audiences = ["http", "https"].map(|scheme| format!("{scheme}://{host}/"));
        let audiences = audiences.each_ref().map(String::as_str);
        let now = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
        verifier.verify(assertion, client_id, &audiences, now)
    }

    fn knows(&self, client_id: &str, client_secret: &str) -> bool {
        let id_fits = self.client_id.as_ref().map_or(!client_id.is_empty(), |id| id == client_id);
        let secret_fits = match &self.client_secret {
            Some(secret) => secret.is(client_secret),
            None => self.verifier.is_none() && !client_secret.is_empty(),
        };
        id_fits && secret_fits
    }

    fn grant(&self, now: Duration) -> String {
        let ordinal = self.issued.fetch_add(1, Ordering::Relaxed);
        let token = letters(rng(self.seed, RngPurpose::Token, ordinal), 64);
        let grant =
            Grant { dies: Some(now.saturating_add(self.lifetime)), used: AtomicU32::new(0) };
        let mut grants = self.grants.write().unwrap_or_else(PoisonError::into_inner);
        if grants.len() > TOKENS_REMEMBERED {
            grants.retain(|_, grant| grant.dies.is_none_or(|dies| now < dies));
        }
        grants.insert(token.clone().into(), grant);
        token
    }
}

/// The fields of the body, from JSON or a form.
fn parameters(call: &Call) -> Option<HashMap<String, String>> {
    match call.media_type() {
        "application/json" => serde_json::from_slice(&call.body).ok(),
        "application/x-www-form-urlencoded" => {
            Some(url::form_urlencoded::parse(&call.body).into_owned().collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const FORM: &str = "application/x-www-form-urlencoded";
    const GOOD: &str = r#"{"grant_type":"client_credentials","client_id":"c","client_secret":"s","audience":"http://t/api/v2/"}"#;

    fn call(media: &str, body: &str) -> Call {
        let request =
            hyper::Request::post("/oauth/token").header("content-type", media).body(()).unwrap();
        Call::new(request.into_parts().0, body.to_owned().into())
    }

    fn ask(tokens: &Tokens, media: &str, body: &str) -> (u16, Value) {
        let answer = tokens.issue(&call(media, body), Duration::ZERO, Duration::ZERO);
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
    }

    fn bearer(body: &Value) -> String {
        format!("Bearer {}", body["access_token"].as_str().unwrap())
    }

    #[test]
    fn token_is_given_for_json_and_for_a_form() {
        let tokens = Tokens::new(&Settings::default());
        let (status, body) = ask(&tokens, "application/json; charset=utf-8", GOOD);
        assert_eq!(
            (status, &body["expires_in"], &body["token_type"]),
            (200, &json!(86_400), &json!("Bearer"))
        );
        assert!(tokens.refuse(Some(&bearer(&body)), Duration::ZERO).is_none());
        let form = "grant_type=client_credentials&client_id=c&client_secret=s&audience=http%3A%2F%2Ft%2Fapi%2Fv2%2F";
        let (status, again) = ask(&tokens, FORM, form);
        assert_eq!(status, 200);
        assert_ne!(body["access_token"], again["access_token"]);
    }

    #[test]
    fn refusals_have_the_other_shape() {
        let settings = Settings { client_secret: Some("s".into()), ..Settings::default() };
        let tokens = Tokens::new(&settings);
        let check = |body: String, status: u16, error: &str| {
            let answer = ask(&tokens, "application/json", &body);
            assert_eq!((answer.0, answer.1["error"].as_str()), (status, Some(error)), "{body}");
            assert!(answer.1["error_description"].is_string());
        };
        check(GOOD.replace(r#":"s""#, r#":"wrong""#), 401, "access_denied");
        check(GOOD.replace(r#":"c""#, r#":"""#), 401, "access_denied");
        check(GOOD.replace("/api/v2/", "/api/v2"), 403, "access_denied");
        check(GOOD.replace("client_credentials", "password"), 403, "unsupported_grant_type");
        check("{}".into(), 400, "invalid_request");
        check("[".into(), 400, "invalid_request");
    }

    #[test]
    fn token_dies_of_age_and_of_use() {
        let settings =
            Settings { token_lifetime_s: 10, token_requests: Some(2), ..Settings::default() };
        let tokens = Tokens::new(&settings);
        let token = bearer(&ask(&tokens, "application/json", GOOD).1);
        let refused = |seconds| tokens.refuse(Some(&token), Duration::from_secs(seconds)).is_some();
        assert_eq!([refused(9), refused(10), refused(9)], [false, true, true]);
    }

    #[test]
    fn only_known_bearer_tokens_pass() {
        let settings = Settings { static_tokens: vec!["ready".into()], ..Settings::default() };
        let tokens = Tokens::new(&settings);
        let refused = |header: Option<&str>| {
            tokens.refuse(header, Duration::MAX).map(|answer| answer.status.as_u16())
        };
        assert_eq!(refused(Some("Bearer ready")), None);
        for header in [None, Some("ready"), Some("Basic ready"), Some("Bearer other")] {
            assert_eq!(refused(header), Some(401), "{header:?}");
        }
    }
}
