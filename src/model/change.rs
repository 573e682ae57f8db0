//! Requested changes to existing methods, or to a user's whole set. Plain types, no I/O.

use std::sync::Arc;

use crate::model::{Channel, Factor, UserId};

/// A method of a user, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Physical line of its row.
    pub line: u64,
    /// User it belongs to.
    pub user: UserId,
    /// The tenant's id of the method; `None` for all of the user's.
    pub method: Option<Arc<str>>,
}

/// New name or preferred channel of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Physical line of its row.
    pub line: u64,
    /// User it belongs to.
    pub user: UserId,
    /// The tenant's id of the method.
    pub method: Arc<str>,
    /// The new name; 1 to 20 characters.
    pub name: Option<String>,
    /// The new preferred channel.
    pub preferred: Option<Channel>,
}

/// A user's new whole set: phones, addresses and authenticator apps only, since PUT takes nothing
/// else (auth0-api.md 1.2).
#[derive(Debug)]
pub struct Set {
    /// User it belongs to.
    pub user: UserId,
    /// Wanted factors: at least one, no two the same.
    pub factors: Vec<Factor>,
}
