//! A user of the tenant, as a look-up by address shows them.

use std::fmt;

use super::UserId;

/// A user of the tenant, with the attributes that tell whether they are the person looked for.
/// `Debug` does not show the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The tenant's id of the user.
    pub user: UserId,
    /// E-mail address, where the user has one.
    pub email: Option<String>,
    /// Connections of the accounts that are linked to the user.
    pub connections: Vec<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("email", &self.email.is_some())
            .field("connections", &self.connections)
            .finish()
    }
}
