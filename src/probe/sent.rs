//! Keeps the values that were sent, to hide them where a tenant quotes them in a refusal, so that
//! they do not get into the result.

use serde_json::Value;

use crate::model::UserId;

/// Text in place of a value.
const HIDDEN: &str = "[hidden]";
/// Fields of a body that hold values; the others hold words of the API.
const FIELDS: [&str; 9] = [
    "name",
    "phone_number",
    "email",
    "totp_secret",
    "key_id",
    "public_key",
    "identity_user_id",
    "user_handle",
    "relying_party_identifier",
];
/// Shortest value that is hidden: shorter ones would be found in any text.
const SHORTEST_HIDDEN: usize = 3;
/// Longest text that is taken for a code.
const LONGEST_CODE: usize = 64;

/// Values that were sent.
#[derive(Debug, Default)]
pub(super) struct SentValues {
    /// Values in lower case.
    values: Vec<String>,
}

impl SentValues {
    /// Adds the values of a request.
    pub(super) fn add(&mut self, user: &UserId, body: Option<&Value>) {
        let user = user.as_str();
        self.take(user);
        self.take(user.split_once('|').map_or(user, |(_, own)| own));
        let bodies = match body {
            Some(Value::Array(bodies)) => bodies.as_slice(),
            Some(body) => std::slice::from_ref(body),
            None => &[],
        };
        for value in bodies.iter().flat_map(|body| FIELDS.map(|field| body[field].as_str())) {
            let Some(value) = value else { continue };
            self.take(value);
            // Other systems write a number or a secret in these forms.
            self.take(value.trim_start_matches('+'));
            self.take(value.trim_end_matches('='));
            self.take(&value.replace(' ', ""));
        }
    }

    fn take(&mut self, value: &str) {
        let value = value.to_ascii_lowercase();
        if value.len() >= SHORTEST_HIDDEN && !self.values.contains(&value) {
            // The longest value comes first, since one may be part of another.
            let at = self.values.partition_point(|known| known.len() >= value.len());
            self.values.insert(at, value);
        }
    }

    /// Returns a text of the tenant with the values hidden.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            // ASCII lower case keeps every length, so places are the same in both texts.
            let lower = text.to_ascii_lowercase();
            let mut hidden = String::with_capacity(text.len());
            let mut from = 0;
            for (at, _) in lower.match_indices(value.as_str()) {
                hidden.push_str(text.get(from..at).unwrap_or_default());
                hidden.push_str(HIDDEN);
                from = at + value.len();
            }
            hidden.push_str(text.get(from..).unwrap_or_default());
            text = hidden;
        }
        text
    }

    /// Returns a code of the tenant if it looks like one and holds none of the values.
    pub(super) fn code(&self, code: String) -> Option<String> {
        let is_code = (1..=LONGEST_CODE).contains(&code.len())
            && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let is_free = !self.values.iter().any(|value| code.contains(value.as_str()));
        (is_code && is_free).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_is_not_in_what_a_tenant_says() {
        let mut sent = SentValues::default();
        let user = UserId::parse("auth0|throwaway").unwrap();
        let body = json!({
            "type": "phone", "phone_number": "+12025550100", "email": "some@example.com",
            "totp_secret": "GEZDGNBV gezd", "key_id": "aGVsbG8", "name": "mfaferry-probe-abcde",
        });
        sent.add(&user, Some(&body));
        for (said, shown) in [
            ("auth0|throwaway has enough", "[hidden] has enough"),
            ("user ThrowAway: phone", "user [hidden]: phone"),
            ("12025550100, +12025550100é", "[hidden], [hidden]é"),
            ("of gezdgnbvgezd and 'GEZDGNBV gezd'", "of [hidden] and '[hidden]'"),
            ("ägVsbG8 aGVsbG8", "ägVsbG8 [hidden]"),
            ("No more than 4 phone methods.", "No more than 4 phone methods."),
        ] {
            assert_eq!(sent.hide(said), shown);
        }
        for code in ["too_many_throwaway", "Too many", "", "agvsbg8", &"a".repeat(65)] {
            assert_eq!(sent.code(code.to_owned()), None, "{code}");
        }
        assert_eq!(sent.code("max_methods".into()).as_deref(), Some("max_methods"));
        sent.add(&user, Some(&json!([{ "name": "listed-one" }])));
        assert_eq!(sent.hide("listed-one"), "[hidden]");
    }
}
