//! The line of JSON that exports and backups hold for a user.

use super::{Method, UserId};
use crate::text::escape_json;

/// Formats a user and some of their methods, as the tenant listed them, as one line of JSON: the
/// format of exports and backups.
pub fn export_line(user: &UserId, methods: &[Method]) -> String {
    // A string always serialises.
    let id = serde_json::to_string(user.as_str()).unwrap_or_default();
    let methods: Vec<&str> = methods.iter().map(|method| method.raw.expose()).collect();
    let json = format!("{{\"user_id\":{id},\"authentication_methods\":[{}]}}", methods.join(","));
    // The tenant's JSON may be formatted with line breaks and tabs, which strings in it cannot
    // contain.
    let mut line = escape_json(&json.replace(['\n', '\r', '\t'], " "));
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::escape;

    #[test]
    fn a_line_is_json_however_the_tenant_lays_its_own_out() {
        let raw = "{\n\t\"id\":\t\"phone|dev_1\",\r\n\t\"other\" :\r[ 1 ]\n}";
        let method = Method { raw: crate::model::Raw::new(raw), ..Method::default() };
        let line = export_line(&UserId::parse("auth0|1").unwrap(), &[method]);
        let json = line.strip_suffix('\n').unwrap();
        assert_eq!(json, escape(json));
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        let expected: serde_json::Value = serde_json::from_str(raw).unwrap();
        assert_eq!(read["authentication_methods"], serde_json::json!([expected]));
    }
}
