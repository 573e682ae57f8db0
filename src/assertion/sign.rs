//! The client's side: a key, and the assertions that it signs.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::{
    rand::{SecureRandom, SystemRandom},
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding},
};
use secrecy::SecretString;
use serde::Serialize;
use thiserror::Error;

use super::{
    Algorithm, der,
    pem::{PrivateKey, private_key},
};

/// Reason why a text is not a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// It has no PEM block.
    #[error("is no private key in PEM (a text with `-----BEGIN PRIVATE KEY-----`)")]
    NotPem,
    /// It is encrypted with a pass phrase.
    #[error("is encrypted with a pass phrase")]
    Encrypted,
    /// It is a key, but not for RSA signatures.
    #[error("holds {0}, and not a private RSA key")]
    OtherKind(&'static str),
    /// It is a key in binary form.
    #[error("is a key or certificate in DER, and not in PEM")]
    Der,
    /// It has fewer bits than are safe, or more than are usual.
    #[error("holds an RSA key of {0} bits: 2,048 to 4,096 bits are needed, in steps of 512")]
    Size(u32),
    /// Its public exponent is too small.
    #[error("holds an RSA key with the public exponent {0}: 65537 or more is needed")]
    Exponent(usize),
    /// It is truncated or altered.
    #[error("is damaged: between its first line and its last there is no whole key")]
    Damaged,
}

impl KeyFault {
    /// Returns advice.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Encrypted => {
                "decrypt it into a file that only you can read: `openssl pkey -in KEY -out PLAIN`"
            }
            Self::Damaged | Self::NotPem => {
                "copy the key's file whole, first and last line included"
            }
            Self::Der => {
                "write it as PEM: `openssl pkey -inform DER -in KEY -out PEM`, or `openssl pkcs12 -nocerts \
                 -nodes -in KEY -out PEM` if it is PKCS#12 (.p12, .pfx)"
            }
            Self::OtherKind(_) | Self::Size(_) | Self::Exponent(_) => {
                "make a key with `openssl genrsa -out KEY 2048`, and register its public half (`openssl \
                 rsa -in KEY -pubout`) with the application in Auth0"
            }
        }
    }
}

/// Private key of a client. `Debug` does not show it.
pub struct SigningKey {
    pair: KeyPair,
    algorithm: Algorithm,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Lifetime of an assertion, in seconds: a minute is advised (auth0-api.md 4).
const LIFE: i64 = 60;
/// Seconds by which an assertion is dated back: a tenant whose clock is that much behind, and that
/// has no tolerance, still accepts it.
const DATED_BACK: i64 = 5;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

impl SigningKey {
    /// Reads a key from PEM, PKCS#1 or PKCS#8.
    pub fn read(pem: &str, algorithm: Algorithm) -> Result<Self, KeyFault> {
        let key = private_key(pem)?;
        let pair = match &key {
            PrivateKey::Pkcs1(der) => KeyPair::from_der(der),
            PrivateKey::Pkcs8(der) => KeyPair::from_pkcs8(der),
        };
        let pair =
            pair.map_err(|rejected| match (der::fault(&key), rejected.to_string().as_str()) {
                (Some(fault), _) => fault,
                // The word that ring 0.17 uses; a test checks it.
                (None, "WrongAlgorithm") => KeyFault::OtherKind("a key of another kind"),
                (None, _) => KeyFault::Damaged,
            })?;
        Ok(Self { pair, algorithm })
    }

    /// Returns a JWT that asserts to the tenant `audience` (its base URL with a slash at the end)
    /// that its sender is `client`, from `now` on, in seconds since 1970 by the tenant's clock. It
    /// can be used once. `None` if the system provides no random numbers.
    pub fn sign(&self, client: &str, audience: &str, now: i64) -> Option<SecretString> {
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).ok()?;
        let id = BASE64URL_NOPAD.encode(&id);
        let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, self.algorithm.name());
        let iat = now - DATED_BACK;
        let claims =
            Claims { iss: client, sub: client, aud: audience, iat, exp: iat + LIFE, jti: &id };
        let claims = serde_json::to_vec(&claims).ok()?;
        let [header, claims] =
            [header.as_bytes(), &claims].map(|part| BASE64URL_NOPAD.encode(part));
        let message = format!("{header}.{claims}");
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(self.scheme(), &random, message.as_bytes(), &mut signature).ok()?;
        Some(format!("{message}.{}", BASE64URL_NOPAD.encode(&signature)).into())
    }

    /// Returns its public half, as PKCS#1.
    pub fn public(&self) -> Vec<u8> {
        self.pair.public().as_ref().to_vec()
    }

    fn scheme(&self) -> &'static dyn RsaEncoding {
        match self.algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_SHA384,
            Algorithm::Ps256 => &RSA_PSS_SHA256,
        }
    }
}
