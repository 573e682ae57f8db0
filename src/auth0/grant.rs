//! The words of the token endpoint.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::shape::object;
use crate::{assertion::SigningKey, error::Error};

/// Lifetime of a token whose answer does not say how long it lives.
const USUAL_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Shortest time that a token is used for, even if it is said to live for less: a 401 renews it.
const SHORTEST_LIFE: f64 = 10.0;
/// Auth0's longest lifetime of a token for an API (30 days); one that is said to live longer is
/// renewed then.
const LONGEST_LIFE: f64 = 30.0 * 24.0 * 60.0 * 60.0;

/// Proof of who a client is.
#[derive(Debug, Clone)]
pub enum ClientProof {
    /// Its secret.
    Secret(SecretString),
    /// Its private key, which signs an assertion for each request.
    Key(Arc<SigningKey>),
}

/// The client credentials grant.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) grant_type: &'static str,
    pub(super) client_id: &'a str,
    #[serde(flatten)]
    pub(super) own: Own,
    pub(super) audience: &'a str,
}

/// Parameters that prove who asks.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Own {
    Secret {
        #[serde(serialize_with = "exposed")]
        client_secret: SecretString,
    },
    /// RFC 7523, 2.2.
    Assertion {
        client_assertion_type: &'static str,
        #[serde(serialize_with = "exposed")]
        client_assertion: SecretString,
    },
}

/// Serialises a secret into the body of a request.
fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// A token.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    /// Seconds; an absurd number must not make the token unusable.
    expires_in: Option<Box<RawValue>>,
    pub(super) scope: Option<String>,
}

/// Error object of an endpoint that grants no token.
#[derive(Deserialize)]
struct RefusedGrant {
    error: String,
}

impl Granted {
    /// Reads a body that grants a token; `None` if it is anything else.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        object(body)
    }

    /// Returns the time that a token is used for.
    pub(super) fn life(&self) -> Duration {
        self.said_life().unwrap_or(USUAL_LIFE)
    }

    /// Returns the lifetime that the answer states, in any spelling.
    pub(super) fn said_life(&self) -> Option<Duration> {
        let said = self.expires_in.as_deref()?.get().trim_matches('"').trim();
        let seconds = said.parse().ok().filter(|seconds: &f64| !seconds.is_nan())?;
        Some(Duration::from_secs_f64(seconds.clamp(SHORTEST_LIFE, LONGEST_LIFE)))
    }
}

/// Error codes of the endpoint: OAuth 2.0's and Auth0's own.
const ERRORS: [&str; 13] = [
    "access_denied",
    "forbidden",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "too_many_attempts",
    "too_many_requests",
    "unauthorized",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Returns whether an answer says, in the endpoint's own words, why there is no token.
pub(super) fn is_refusal(body: &[u8]) -> bool {
    object(body).is_some_and(|refused: RefusedGrant| ERRORS.contains(&refused.error.as_str()))
}

/// Returns the error for a token that is not granted for `proof`. It quotes nothing of the answer
/// but a known code: everything else may repeat what was sent, and so may the `error` of a foreign
/// answer in the endpoint's place.
pub(super) fn refusal(status: u16, body: &[u8], proof: &ClientProof) -> Error {
    let code = object(body).map(|refused: RefusedGrant| refused.error).unwrap_or_default();
    let hint = match code.as_str() {
        "access_denied" | "invalid_client" | "unauthorized" => match proof {
            ClientProof::Key(_) => {
                "check AUTH0_CLIENT_ID and --audience, that the public half of the key is registered \
                 with the application for this signing algorithm, and that the application is \
                 authorised for the Auth0 Management API"
            }
            ClientProof::Secret(_) => {
                "check AUTH0_CLIENT_ID, the client secret and --audience, and that the application \
                 is authorised for the Auth0 Management API"
            }
        },
        "unauthorized_client" => "allow the application the grant `client_credentials`",
        "invalid_request" => "check --audience: it is `https://TENANT/api/v2/`, slash included",
        _ => "check --domain, --audience and the client credentials",
    };
    let code = ERRORS.into_iter().find(|known| *known == code);
    let code = code.map(|code| format!(", {code}")).unwrap_or_default();
    Error::refused(
        "credentials_refused",
        format!("the tenant grants no token (HTTP {status}{code})"),
        hint,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> ClientProof {
        ClientProof::Secret(SecretString::default())
    }

    #[test]
    fn a_token_lives_between_ten_seconds_and_thirty_days_whatever_is_said() {
        let (day, month) = (86_400.0, 30.0 * 86_400.0);
        for (said, seconds) in [
            ("", day),
            ("null", day),
            ("86400", day),
            ("3600.5", 3600.5),
            ("\"3600\"", 3600.0),
            ("0", 10.0),
            ("-1", 10.0),
            ("1", 10.0),
            ("18446744073709551615", month),
            ("99999999999999999999999999", month),
            ("1e999", month),
            ("\"inf\"", month),
            ("\"nan\"", day),
            ("\"soon\"", day),
            ("[1]", day),
            ("{}", day),
            ("true", day),
        ] {
            let said =
                if said.is_empty() { String::new() } else { format!(",\"expires_in\":{said}") };
            let granted = format!("{{\"access_token\":\"x\"{said}}}");
            let life = Granted::read(granted.as_bytes()).unwrap().life();
            assert!((life.as_secs_f64() - seconds).abs() < 1e-6, "{said}: {life:?}");
        }
    }

    #[test]
    fn only_an_object_grants_or_refuses() {
        assert!(Granted::read(br#"{"access_token":"x"}"#).is_some());
        for body in ["", "null", "{}", "[]", r#"["x",1,"create:x"]"#, r#""x""#, "<html>"] {
            assert!(Granted::read(body.as_bytes()).is_none(), "{body}");
        }
        let words = |body: &str| refusal(401, body.as_bytes(), &secret()).to_string();
        assert!(words(r#"{"error":"access_denied"}"#).ends_with("(HTTP 401, access_denied)"));
        assert!(words(r#"["access_denied"]"#).ends_with("(HTTP 401)"));
    }

    #[test]
    fn a_refusal_tells_no_word_that_is_not_known() {
        for error in ["", "hunter", "a_secret_of_letters", "access_denied ", "Access_denied"] {
            let body = format!(r#"{{"error":"{error}","error_description":"hunter"}}"#);
            let told = refusal(403, body.as_bytes(), &secret());
            assert!(told.to_string().ends_with("(HTTP 403)"), "{told}");
        }
    }
}
