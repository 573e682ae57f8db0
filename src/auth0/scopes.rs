//! The scopes that commands need, and those that a token says it has.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::Error;

/// Without it nothing can be imported.
pub const CREATE: &str = "create:authentication_methods";
/// Without it a lost answer cannot be looked up, and nothing verified.
pub const READ: &str = "read:authentication_methods";
/// Scope for PATCH and PUT; without it a marked name cannot be put back.
pub const UPDATE: &str = "update:authentication_methods";
/// Without it nothing can be deleted or taken back.
pub const DELETE: &str = "delete:authentication_methods";
/// Scope to look users up by their address.
pub const READ_USERS: &str = "read:users";
/// Reads the scopes of a token, where it is a JWT. Does not verify it: it is our own.
pub(super) fn scopes_of(token: &SecretString) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        scope: Option<String>,
    }
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok()?.scope
}

/// Refuses a token that says it lacks a scope that is needed.
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
