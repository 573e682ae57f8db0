//! The Management API's bodies: what is sent, and methods as they are read (auth0-api.md 1.3 to
//! 1.5). Unknown keys are passed over.

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::shape::{is_id, object};
use crate::{
    api::{Page, Update},
    model::{Channel, Credential, Factor, FactorType, Method, Raw, TenantTime},
};

/// Body of POST `…/authentication-methods`. Absent fields are not sent: unknown and null keys
/// are refused.
#[derive(Serialize, Default)]
struct Create<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_authentication_method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relying_party_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aaguid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_device_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_backed_up: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    transports: &'a [String],
}

/// Initial size of a body; a longer one holds keys, which are public.
const USUAL_BODY: usize = 512;

/// Builds the body that creates `factor`; that of a passkey names the relying party only if it is
/// to be sent. The body is wiped when its last clone is dropped; the copy written to the connection
/// is out of reach.
pub(super) fn create_body(factor: &Factor, tells_passkey_party: bool) -> Bytes {
    let mut body = create(factor);
    if !tells_passkey_party && factor.factor_type() == FactorType::Passkey {
        body.relying_party_identifier = None;
    }
    secret_json(&body, USUAL_BODY)
}

/// Builds the body that makes `factors` a user's whole set, wiped likewise. PUT takes the same keys
/// as POST.
pub(super) fn replace_body(factors: &[Factor]) -> Bytes {
    let methods: Vec<Create<'_>> = factors.iter().map(create).collect();
    secret_json(&methods, USUAL_BODY * factors.len())
}

fn secret_json(body: &impl Serialize, size: usize) -> Bytes {
    // A buffer that grows would leave its old contents in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    // Strings, booleans and lists of strings always serialise, and a buffer accepts any number of
    // bytes.
    drop(serde_json::to_writer(&mut *bytes, body));
    Bytes::from_owner(bytes)
}

fn create(factor: &Factor) -> Create<'_> {
    let mut body = Create {
        r#type: factor.factor_type().name(),
        name: factor.name.as_deref(),
        ..Create::default()
    };
    match &factor.credential {
        Credential::Phone { number, preferred } => {
            body.phone_number = Some(number.expose());
            body.preferred_authentication_method = preferred.map(Channel::name);
        }
        Credential::Email { address } => body.email = Some(address.expose()),
        Credential::Totp { secret } => body.totp_secret = Some(secret.expose_secret()),
        Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => {
            body.key_id = Some(&key.key_id);
            body.public_key = Some(&key.public_key);
            body.relying_party_identifier = key.relying_party_identifier.as_deref();
        }
    }
    if let Credential::Passkey(_, details) = &factor.credential {
        body.aaguid = details.aaguid.as_deref();
        body.credential_device_type = details.credential_device_type;
        body.credential_backed_up = details.credential_backed_up;
        body.identity_user_id = details.identity_user_id.as_deref();
        body.user_agent = details.user_agent.as_deref();
        body.user_handle = details.user_handle.as_deref();
        body.transports = &details.transports;
    }
    body
}

/// Builds the body that changes a method.
pub(super) fn update_body(update: Update<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        preferred_authentication_method: Option<&'static str>,
    }
    let preferred_authentication_method = update.preferred.map(Channel::name);
    // Strings always serialise.
    let body = Body { name: update.name, preferred_authentication_method };
    serde_json::to_vec(&body).unwrap_or_default().into()
}

pub(super) fn factor_type(name: &str) -> Option<FactorType> {
    FactorType::ALL.into_iter().find(|known| known.name() == name)
}

/// A method in a list.
#[derive(Deserialize)]
pub(super) struct Listed {
    id: String,
    r#type: String,
    created_at: jiff::Timestamp,
    name: Option<String>,
    phone_number: Option<String>,
    email: Option<String>,
    key_id: Option<String>,
    preferred_authentication_method: Option<String>,
    authentication_methods: Option<Vec<Nested>>,
    /// Any JSON at all: a value that cannot be read must not cost the list.
    last_auth_at: Option<Box<RawValue>>,
}

/// Part of a method; for a phone, its channel.
#[derive(Deserialize)]
struct Nested {
    r#type: Option<String>,
}

impl Listed {
    /// Returns the preferred channel, or else the only one there is.
    fn channel(&self) -> Option<Channel> {
        let known = |name: &str| {
            [Channel::Sms, Channel::Voice].into_iter().find(|channel| channel.name() == name)
        };
        if let Some(name) = &self.preferred_authentication_method {
            return known(name);
        }
        match self.authentication_methods.as_deref() {
            Some([only]) => only.r#type.as_deref().and_then(known),
            _ => None,
        }
    }
}

/// Reads a method; `None` if it is not one.
pub(super) fn method(raw: &str) -> Option<Method> {
    let listed: Listed = object(raw.as_bytes())?;
    is_id(&listed.id).then(|| listed.into_method(raw))
}

impl Listed {
    fn into_method(self, raw: &str) -> Method {
        let listed = self;
        let created_at = TenantTime::from_millis(listed.created_at.as_millisecond());
        let preferred = listed.channel();
        Method {
            id: listed.id,
            factor_type: factor_type(&listed.r#type),
            name: listed.name.filter(|name| !name.is_empty()),
            contact: listed.phone_number.or(listed.email),
            key_id: listed.key_id,
            created_at,
            preferred,
            type_name: listed.r#type,
            used: listed.last_auth_at.is_some(),
            last_auth_at: listed.last_auth_at.as_deref().and_then(moment),
            raw: Raw::new(raw),
        }
    }
}

/// Reads a moment from any JSON.
fn moment(raw: &RawValue) -> Option<TenantTime> {
    let at: jiff::Timestamp = serde_json::from_str(raw.get()).ok()?;
    Some(TenantTime::from_millis(at.as_millisecond()))
}

/// A page of a list, as an object (`include_totals=true`).
#[derive(Deserialize)]
struct Totalled<'a> {
    #[serde(borrow)]
    authenticators: Vec<&'a RawValue>,
    start: Option<u64>,
    limit: Option<u64>,
    /// Absent when it is zero, as recorded.
    total: Option<u64>,
}

/// Reads a page of up to `asked` methods; `None` if it is not one.
pub(super) fn page(body: &[u8], asked: u64) -> Option<Page> {
    let into = |listed: Vec<&RawValue>| -> Option<Vec<Method>> {
        listed.into_iter().map(|listed| method(listed.get())).collect()
    };
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        let methods = into(serde_json::from_slice(body).ok()?)?;
        return Some(Page { methods, start: None, size: asked, total: None });
    }
    let page: Totalled<'_> = object(body)?;
    let methods = into(page.authenticators)?;
    let total = match page.total {
        None if methods.is_empty() => Some(0),
        // A total that is absent beside methods says nothing; pages are read until one is short.
        total => total,
    };
    let size = page.limit.filter(|limit| *limit > 0).unwrap_or(asked);
    Some(Page { methods, start: page.start, size, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_login_may_be_anything_and_costs_no_list() {
        let created = "2026-01-02T03:04:05.678Z";
        let (used, unused) = ((true, true), (false, false));
        for (last, (is_used, is_since_created)) in [
            ("", unused),
            (r#","last_auth_at":null"#, unused),
            (r#","last_auth_at":"2026-01-02T03:04:05.679Z""#, used),
            (r#","last_auth_at":"2026-01-02T04:04:05.679+01:00""#, used),
            // Nobody logs in with what is not there yet.
            (r#","last_auth_at":"2026-01-02T03:04:05.678Z""#, (true, false)),
            (r#","last_auth_at":"1970-01-01T00:00:00.000Z""#, (true, false)),
            (r#","last_auth_at":"""#, (true, false)),
            (r#","last_auth_at":"yesterday""#, (true, false)),
            (r#","last_auth_at":"2026-13-45T03:04:05Z""#, (true, false)),
            (r#","last_auth_at":"99999-01-01T00:00:00Z""#, (true, false)),
            (r#","last_auth_at":1767323045679"#, (true, false)),
            (r#","last_auth_at":1e999"#, (true, false)),
            (r#","last_auth_at":true"#, (true, false)),
            (r#","last_auth_at":["2027-01-01T00:00:00Z"]"#, (true, false)),
            (r#","last_auth_at":{"$date":"2027-01-01T00:00:00Z"}"#, (true, false)),
        ] {
            let raw = format!(r#"{{"id":"m","type":"totp","created_at":"{created}"{last}}}"#);
            let found = page(format!("[{raw}]").as_bytes(), 50).unwrap().methods.remove(0);
            let seen = (found.used, found.is_used_since_created());
            assert_eq!(seen, (is_used, is_since_created), "{last}");
        }
    }
}
