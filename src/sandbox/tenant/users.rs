//! `GET /api/v2/users-by-email`: its query, and the users as it shows them.

use serde_json::{Map, Value};

use super::{fields::Fields, wire::query_error};
use crate::sandbox::directory::User;

/// A look-up by a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LookUp {
    pub(super) email: String,
    fields: Fields,
}

/// Reads the query.
pub(super) fn look_up(query: &str) -> Result<LookUp, String> {
    let mut email = None;
    let mut fields = Fields::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if fields.take(&key, &value)? {
            continue;
        }
        match (key.as_ref(), value.as_ref()) {
            ("email", address) if is_address(address) => email = Some(address.to_owned()),
            ("email", _) => {
                return Err(query_error("Object didn't pass validation for format email", "email"));
            }
            (other, _) => return Err(query_error("Additional properties not allowed", other)),
        }
    }
    let email = email.ok_or_else(|| query_error("Missing required property", "email"))?;
    Ok(LookUp { email, fields })
}

/// Something at something, without white space: enough to recognise an address.
fn is_address(text: &str) -> bool {
    let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace());
    text.rsplit_once('@').is_some_and(|(local, domain)| sound(local) && sound(domain))
}

impl LookUp {
    /// Returns the users in the form of the API.
    pub(super) fn view(&self, users: Vec<User>) -> Vec<Map<String, Value>> {
        let mut shown = Vec::with_capacity(users.len());
        for user in users {
            if let Ok(Value::Object(mut map)) = serde_json::to_value(user) {
                map.retain(|key, _| self.fields.show(key));
                shown.push(map);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_read_as_the_description_has_it() {
        let asked =
            look_up("email=ann%2B1%40corp.test&fields=user_id,%20email&include_fields=false");
        let names = vec!["user_id".to_owned(), "email".to_owned()];
        let fields = Fields { names, leave_out: true };
        let email = "ann+1@corp.test".to_owned();
        assert_eq!(asked, Ok(LookUp { email, fields }));
        // A bare `+` is a space, which no address has.
        for query in [
            "",
            "fields=email",
            "email=",
            "email=ann",
            "email=@corp.test",
            "email=ann@",
            "email=ann+1@corp.test",
            "email=a@b.c&include_fields=yes",
            "email=a@b.c&page=1",
        ] {
            assert!(
                look_up(query).unwrap_err().starts_with("Query validation error: '"),
                "{query}"
            );
        }
    }

    #[test]
    fn fields_are_shown_or_left_out_as_asked() {
        let keys = |query: &str| -> Vec<String> {
            let users = vec![User::new("auth0|1", "a@b.c")];
            look_up(query).unwrap().view(users)[0].keys().cloned().collect()
        };
        let all = ["email", "email_verified", "identities", "user_id"];
        assert_eq!(keys("email=a@b.c"), all);
        assert_eq!(keys("email=a@b.c&fields="), all);
        assert_eq!(keys("email=a@b.c&fields=user_id,nothing"), ["user_id"]);
        let others = keys("email=a@b.c&fields=email,identities&include_fields=false");
        assert_eq!(others, ["email_verified", "user_id"]);
    }
}
