//! Private key JWT: a client proves its identity by a signature instead of a secret (RFC 7523;
//! auth0-api.md 4). Both sides are here: the client's, which signs, and the simulated tenant's,
//! which verifies.

mod der;
mod fresh;
mod pem;
mod sign;
mod verify;

pub use der::is_der;
pub use fresh::fresh_public_key;
pub use sign::{KeyFault, SigningKey};
pub use verify::{AssertionFault, PublicKey, Verifier};

/// `client_assertion_type` of the token request.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Signing algorithm, by the names that Auth0 uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 1.5 with SHA-256.
    #[default]
    Rs256,
    /// RSA PKCS#1 1.5 with SHA-384.
    Rs384,
    /// RSA-PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Rs384, Self::Ps256];

    /// Returns its name in the header of a JWT.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
        }
    }

    /// Describes what to give.
    pub fn expected() -> String {
        let known = Self::ALL.map(Self::name).join(", ");
        format!("one of {known}: the one that the application's key is registered for")
    }

    /// Finds the algorithm with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

#[cfg(test)]
mod tests;
