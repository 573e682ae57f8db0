//! The line of JSON that exports and backups hold for a user.

use super::{Method, UserId};
use crate::text::escape_json;

/// A user and methods of theirs as the tenant gave them, as one line of JSON: the form of exports
/// and backups.
pub fn export_line(user: &UserId, methods: &[Method]) -> String {
    // A string always serialises.
    let id = serde_json::to_string(user.as_str()).unwrap_or_default();
    let methods: Vec<&str> = methods.iter().map(|method| method.raw.expose()).collect();
    let json = format!("{{\"user_id\":{id},\"authentication_methods\":[{}]}}", methods.join(","));
    // The tenant's JSON may go over several lines, which inside of strings it cannot.
    let mut line = escape_json(&json.replace(['\n', '\r'], " "));
    line.push('\n');
    line
}
