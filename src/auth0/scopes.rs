//! The scopes that commands need, and those that a token says it has.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{grant::Granted, shape::object};
use crate::{
    error::Error,
    model::{ClockSkew, Grant, LocalTime, Millis, TenantTime},
};

/// Scope without which nothing can be imported.
pub const CREATE: &str = "create:authentication_methods";
/// Scope without which a lost answer cannot be looked up and nothing can be verified.
pub const READ: &str = "read:authentication_methods";
/// Scope for PATCH and PUT, without which a marked name cannot be restored.
pub const UPDATE: &str = "update:authentication_methods";
/// Scope without which nothing can be deleted or undone.
pub const DELETE: &str = "delete:authentication_methods";
/// Scope to look users up by their address.
pub const READ_USERS: &str = "read:users";
/// Scope to ask which factors are switched on, and how codes reach phones.
pub const READ_FACTORS: &str = "read:guardian_factors";
/// Scope to ask which policies ask for a factor at login.
pub const READ_POLICIES: &str = "read:mfa_policies";
/// Scope to ask for the custom domains.
pub const READ_DOMAINS: &str = "read:custom_domains";
/// Scope to ask whether lists come masked.
pub const READ_SETTINGS: &str = "read:tenant_settings";

/// Shortens `create:authentication_methods` to `create`; other scopes stay as they are.
pub fn short_scope(scope: &str) -> &str {
    scope.strip_suffix(":authentication_methods").unwrap_or(scope)
}

/// Latest credible end of a token, in seconds since 1970.
const LATEST_EXPIRY: f64 = 1e11;

/// Claims of a token that is a JWT; an opaque token has none.
#[derive(Default, Deserialize)]
pub(super) struct TokenClaims {
    pub(super) scope: Option<String>,
    /// Seconds since 1970; an absurd number must not make the rest unusable.
    exp: Option<Box<RawValue>>,
}

impl TokenClaims {
    /// Reads the claims of a token. They are not verified: the token is our own.
    pub(super) fn of(token: &SecretString) -> Self {
        let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
        let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes());
        payload.ok().and_then(|payload| object(&payload)).unwrap_or_default()
    }

    /// Returns when the token ends, by the tenant's clock.
    pub(super) fn ends(&self) -> Option<TenantTime> {
        let seconds: f64 = self.exp.as_deref()?.get().parse().ok()?;
        let since = Duration::try_from_secs_f64(seconds.clamp(0.0, LATEST_EXPIRY)).ok()?;
        Millis::try_from(since.as_millis()).ok().map(TenantTime::from_millis)
    }
}

/// Scopes and end of a token, as far as the token or the answer that brought it states them.
#[derive(Debug)]
pub(super) struct Stated {
    pub(super) scopes: Option<String>,
    ends: Option<Ends>,
}

/// End of a token.
#[derive(Debug, Clone, Copy)]
enum Ends {
    /// Counted from when the token came.
    Ours(LocalTime),
    /// Its own claim.
    Theirs(TenantTime),
}

impl Stated {
    /// Reads the scopes and the end of a token that came at `now`; the answer that brought it takes
    /// precedence.
    pub(super) fn of(token: &SecretString, granted: Option<&Granted>, now: LocalTime) -> Self {
        let claims = TokenClaims::of(token);
        let ours = granted.and_then(Granted::said_life).map(|life| {
            Ends::Ours(now + Millis::try_from(life.as_millis()).unwrap_or(Millis::MAX))
        });
        Self {
            ends: ours.or_else(|| claims.ends().map(Ends::Theirs)),
            scopes: granted.and_then(|granted| granted.scope.clone()).or(claims.scope),
        }
    }

    /// Returns the grant by our clock, given the lead of the tenant's.
    pub(super) fn grant(&self, skew: ClockSkew) -> Grant {
        let words = |scopes: &String| scopes.split_whitespace().map(str::to_owned).collect();
        Grant {
            scopes: self.scopes.as_ref().map(words),
            ends: self.ends.map(|ends| match ends {
                Ends::Ours(at) => at,
                Ends::Theirs(at) => LocalTime::from_millis(at.as_millis()) - skew.as_millis(),
            }),
            is_renewable: false,
        }
    }
}

/// Refuses a token that states that it lacks a required scope.
pub(super) fn check_scopes(granted: Option<&str>, needed: &[&str]) -> Result<(), Error> {
    let Some(granted) = granted else {
        return Ok(());
    };
    let has = |scope: &str| granted.split_whitespace().any(|one| one == scope);
    if let Some(scope) = needed.iter().find(|scope| !has(scope)) {
        return Err(Error::MissingScope { scope: (*scope).into() });
    }
    if needed.contains(&CREATE) && !has(READ) {
        tracing::warn!(
            "the token lacks the scope `{READ}`: a request whose answer is lost cannot be looked \
             up, and the run would stop there"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the claims of a token with this payload.
    fn claims(payload: &str) -> (Option<String>, Option<Millis>) {
        let payload = data_encoding::BASE64URL_NOPAD.encode(payload.as_bytes());
        let claims = TokenClaims::of(&format!("e30.{payload}.x").into());
        let ends = claims.ends().map(TenantTime::as_millis);
        (claims.scope, ends)
    }

    #[test]
    fn claims_are_read_as_far_as_they_can_be_used() {
        let scope = || Some("a b".to_owned());
        for (payload, expected) in [
            (r#"{"scope":"a b","exp":1700000000}"#, (scope(), Some(1_700_000_000_000))),
            (r#"{"scope":"a b","exp":1700000000.5}"#, (scope(), Some(1_700_000_000_500))),
            (r#"{"scope":"a b","exp":-5}"#, (scope(), Some(0))),
            (r#"{"scope":"a b","exp":1e999}"#, (scope(), Some(100_000_000_000_000))),
            (r#"{"scope":"a b","exp":"soon"}"#, (scope(), None)),
            (r#"{"scope":"a b","exp":{}}"#, (scope(), None)),
            (r#"{"scope":"a b","exp":null}"#, (scope(), None)),
            (r#"{"exp":1,"new":[]}"#, (None, Some(1_000))),
            (r#"{"scope":["a"],"exp":1}"#, (None, None)),
            (r#"["a b",1]"#, (None, None)),
            ("nonsense", (None, None)),
        ] {
            assert_eq!(claims(payload), expected, "{payload}");
        }
        for opaque in ["", "opaque", "a.b", "a.b.c.d.e", "..", "e30.%.x"] {
            let claims = TokenClaims::of(&opaque.to_owned().into());
            assert_eq!((claims.scope.clone(), claims.ends()), (None, None), "{opaque}");
        }
    }
}
