//! A person as another system knows them.

use std::fmt;

/// A person in another system's export, with whatever is known of them. `Debug` shows which
/// attributes are present, never their values: an address is a contact value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Id in that system.
    pub id: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Login name.
    pub username: Option<String>,
    /// True if the system has verified that the address is theirs; `None` if it does not say.
    pub is_email_verified: Option<bool>,
    /// True if the account is disabled there.
    pub is_disabled: bool,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("id", &self.id.is_some())
            .field("email", &self.email.is_some())
            .field("username", &self.username.is_some())
            .field("is_email_verified", &self.is_email_verified)
            .field("is_disabled", &self.is_disabled)
            .finish()
    }
}
