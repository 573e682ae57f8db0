//! The tenant's side: checks that an assertion comes from a registered client, is meant for this
//! tenant, is valid now, and has not been used before.

use std::{collections::HashMap, sync::Mutex};

use crate::sync::lock;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256,
    RsaParameters, UnparsedPublicKey,
};
use serde::Deserialize;

use super::{
    Algorithm,
    der::{SEQUENCE, element},
};

/// Seconds by which the clocks of client and tenant may differ (auth0-api.md 4).
const CLOCK_LEEWAY: i64 = 10;
/// Longest life of an assertion, in seconds.
const LONGEST_LIFE: i64 = 300;
/// Longest `jti` that is remembered.
const LONGEST_ID: usize = 64;

/// Reason why an assertion proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionFault {
    /// No JWT of three parts with the required claims.
    Malformed,
    /// Signed with an algorithm that is not accepted, or with another key.
    Signature,
    /// Claims of another client, or for another tenant.
    Claims,
    /// Expired, not valid yet, or valid for too long.
    Time,
    /// Used before.
    Replayed,
}

impl AssertionFault {
    /// Returns `error_description`, as Auth0 words such refusals.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Malformed => "Invalid client assertion: malformed",
            Self::Signature => "Invalid client assertion: signature verification failed",
            Self::Claims => "Invalid client assertion: unexpected iss, sub or aud",
            Self::Time => "Invalid client assertion: expired, not yet valid, or valid for too long",
            Self::Replayed => "Invalid client assertion: jti was used before",
        }
    }
}

/// Public RSA key of a client, as PKCS#1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Takes the key as PKCS#1.
    pub fn of_pkcs1(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Reads PEM: `PUBLIC KEY` or `RSA PUBLIC KEY`.
    pub fn read(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let body: String = body.split_whitespace().collect();
        let der = BASE64.decode(body.as_bytes()).ok()?;
        match label {
            "RSA PUBLIC KEY" => Some(Self(der)),
            "PUBLIC KEY" => of_spki(&der).map(|key| Self(key.to_vec())),
            _ => None,
        }
    }
}

/// Returns the key inside a `SubjectPublicKeyInfo` (RFC 5280, 4.1): the content of its bit string.
fn of_spki(der: &[u8]) -> Option<&[u8]> {
    const BIT_STRING: u8 = 0x03;
    let (info, _) = element(der, SEQUENCE)?;
    let (_algorithm, rest) = element(info, SEQUENCE)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    // The first byte counts the unused bits of the last.
    bits.strip_prefix(&[0])
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Verifies the assertions of one client.
#[derive(Debug)]
pub struct Verifier {
    key: PublicKey,
    /// Expiry of each `jti` that was used and has not expired.
    seen: Mutex<HashMap<String, i64>>,
}

impl Verifier {
    /// Makes a verifier for the client that has registered this key.
    pub fn new(key: PublicKey) -> Self {
        Self { key, seen: Mutex::default() }
    }

    /// Verifies an assertion by `client` for one of the `audiences`; `now` is the tenant's time in
    /// seconds since 1970.
    pub fn verify(
        &self,
        assertion: &str,
        client: &str,
        audiences: &[&str],
        now: i64,
    ) -> Result<(), AssertionFault> {
        let (message, signature) = assertion.rsplit_once('.').ok_or(AssertionFault::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(AssertionFault::Malformed)?;
        let header: Header = part(header)?;
        let signature =
            BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| AssertionFault::Malformed)?;
        let scheme: &RsaParameters = match Algorithm::from_name(&header.alg) {
            Some(Algorithm::Rs256) => &RSA_PKCS1_2048_8192_SHA256,
            Some(Algorithm::Rs384) => &RSA_PKCS1_2048_8192_SHA384,
            Some(Algorithm::Ps256) => &RSA_PSS_2048_8192_SHA256,
            None => return Err(AssertionFault::Signature),
        };
        UnparsedPublicKey::new(scheme, &self.key.0)
            .verify(message.as_bytes(), &signature)
            .map_err(|_| AssertionFault::Signature)?;
        let Claims { iss, sub, aud, iat, exp, jti } = part(claims)?;
        if iss != client || sub != client || !audiences.contains(&aud.as_str()) {
            return Err(AssertionFault::Claims);
        }
        let is_timely =
            exp > now - CLOCK_LEEWAY && iat < now + CLOCK_LEEWAY && exp - iat <= LONGEST_LIFE;
        if !is_timely {
            return Err(AssertionFault::Time);
        }
        if jti.is_empty() || jti.len() > LONGEST_ID {
            return Err(AssertionFault::Malformed);
        }
        let mut seen = lock(&self.seen);
        seen.retain(|_, exp| *exp > now - CLOCK_LEEWAY);
        if seen.insert(jti, exp).is_some() { Err(AssertionFault::Replayed) } else { Ok(()) }
    }
}

fn part<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, AssertionFault> {
    let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| AssertionFault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| AssertionFault::Malformed)
}
