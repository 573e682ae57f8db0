//! An authentication method as a tenant describes it.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Channel, FactorType, TenantTime};

/// A method in the tenant's own JSON, which may hold anything that a tenant answers: wiped on drop,
/// and not shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Raw(String);

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw(…)")
    }
}

impl Raw {
    /// Wraps it.
    pub fn new(json: &str) -> Self {
        Self(json.into())
    }

    /// Returns the JSON, for a file or an output that the user asked for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A method as the tenant lists it. Contact values may be masked; a TOTP secret is never included.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Method {
    /// The tenant's id of the method.
    pub id: String,
    /// Its type; `None` for types that cannot be created.
    pub factor_type: Option<FactorType>,
    /// The name given to it.
    pub name: Option<String>,
    /// Phone number or e-mail address, plain or masked.
    pub contact: Option<String>,
    /// Credential id of a key or passkey.
    pub key_id: Option<String>,
    /// Creation time, by the tenant's clock.
    pub created_at: TenantTime,
    /// Channel of a phone, where the list shows it.
    pub preferred: Option<Channel>,
    /// Its type in the tenant's own word, also for types that cannot be created.
    pub type_name: String,
    /// True if it was ever used to log in.
    pub used: bool,
    /// Time of the last login with it, by the tenant's clock; `None` if there was none, or if the
    /// list does not show it readably.
    pub last_auth_at: Option<TenantTime>,
    /// The whole method.
    pub raw: Raw,
}

impl Method {
    /// Returns whether somebody has logged in with it since it was created. A login at the very
    /// moment of creation proves nothing.
    pub fn is_used_since_created(&self) -> bool {
        self.last_auth_at.is_some_and(|last| last > self.created_at)
    }
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method")
            .field("id", &self.id)
            .field("factor_type", &self.factor_type)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}
