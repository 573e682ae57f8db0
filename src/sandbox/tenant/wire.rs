//! Request bodies and queries, checked against the schema (auth0-api.md 1.3 and 1.4).
//!
//! Errors name properties, never values: a value may be a secret. Fields that a type requires, or
//! that belong to another type, are not in Auth0's schema; see the table in [`Fields`].

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    body::RequestBody,
    check::{ANY_TEXT, Check, Rules, ValidationErrors, object},
    method::{Channel, Credential, Kind, Method},
    post_rules::{LONGEST_NAME, PostRules},
};
use crate::model::PageSizeAbove;

const CHANNELS: Check = Check::OneOf(&["voice", "sms"]);

/// Characters of a new name. PATCH declares no length, but what GET may show has at most 20.
const NAME: Check = Check::Text(0, LONGEST_NAME);

const CREATE: Rules = &[
    ("type", Check::OneOf(&["phone", "email", "totp", "webauthn-roaming", "passkey"])),
    ("name", ANY_TEXT),
    ("totp_secret", ANY_TEXT),
    ("phone_number", Check::Text(2, 30)),
    ("email", ANY_TEXT),
    ("preferred_authentication_method", CHANNELS),
    ("key_id", ANY_TEXT),
    ("public_key", ANY_TEXT),
    ("aaguid", Check::Uuid),
    ("relying_party_identifier", Check::Hostname),
    ("credential_device_type", Check::OneOf(&["single_device", "multi_device"])),
    ("credential_backed_up", Check::Flag),
    ("identity_user_id", ANY_TEXT),
    ("user_agent", ANY_TEXT),
    ("user_handle", ANY_TEXT),
    ("transports", Check::Texts),
];

const REPLACE: Rules = &[
    ("type", Check::OneOf(&["phone", "email", "totp"])),
    ("preferred_authentication_method", CHANNELS),
    ("name", Check::Text(1, LONGEST_NAME)),
    ("phone_number", Check::Text(2, 30)),
    ("email", Check::Text(1, usize::MAX)),
    ("totp_secret", Check::Text(1, usize::MAX)),
];

const UPDATE: Rules = &[("name", NAME), ("preferred_authentication_method", CHANNELS)];

/// The fields of a type beside `type` and `name`.
struct Fields {
    /// The field that makes it this factor and no other.
    value: &'static str,
    required: Vec<&'static str>,
    optional: Vec<&'static str>,
}

/// Returns the fields of a type. PUT, which has no rules of its own, accepts no passkey.
fn fields(kind: Kind, post: Option<&PostRules>) -> Fields {
    let (value, (required, optional)) = match kind {
        Kind::Phone => {
            ("phone_number", (vec!["phone_number"], vec!["preferred_authentication_method"]))
        }
        Kind::Email => ("email", (vec!["email"], vec![])),
        Kind::Totp => ("totp_secret", (vec!["totp_secret"], vec![])),
        Kind::WebauthnRoaming => {
            ("key_id", (vec!["key_id", "public_key", "relying_party_identifier"], vec![]))
        }
        Kind::Passkey => ("key_id", post.map(PostRules::passkey_fields).unwrap_or_default()),
        Kind::WebauthnPlatform
        | Kind::Push
        | Kind::Guardian
        | Kind::RecoveryCode
        | Kind::EmailVerification
        | Kind::Password => unreachable!("no schema takes it"),
    };
    Fields { value, required, optional }
}

/// Changes of a PATCH.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Update {
    pub(in crate::sandbox) name: Option<String>,
    pub(in crate::sandbox) preferred: Option<Channel>,
}

/// Reads the body of POST. An error is the message to be sent.
pub(in crate::sandbox) fn create(
    body: RequestBody<'_>,
    rules: &PostRules,
) -> Result<Method, String> {
    let mut errors = ValidationErrors::default();
    let mut method = draft(body.value(CREATE)?, CREATE, Some(rules), "", &mut errors);
    if let Some(method) = &mut method {
        rules.apply(method, &mut errors);
    }
    errors.or(method)
}

/// Reads the body of PUT.
pub(in crate::sandbox) fn replace(body: RequestBody<'_>) -> Result<Vec<Method>, String> {
    let mut errors = ValidationErrors::default();
    let Value::Array(items) = body.value(REPLACE)? else {
        errors.add("Expected type array", "body");
        return errors.or(None);
    };
    let methods = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| draft(item, REPLACE, None, &format!("[{at}]."), &mut errors))
        .collect();
    errors.or(methods)
}

/// Reads the body of PATCH.
pub(in crate::sandbox) fn update(body: RequestBody<'_>) -> Result<Update, String> {
    let mut errors = ValidationErrors::default();
    let map = object(body.value(UPDATE)?, UPDATE, "", &mut errors);
    let update =
        map.map(|mut map| Update { name: text(&mut map, "name"), preferred: channel(&map) });
    errors.or(update)
}

/// Returns the message for a phone's setting on another type.
pub(in crate::sandbox) fn not_a_phone() -> String {
    "Payload validation error: 'Not allowed for this type' on property preferred_authentication_method".to_owned()
}

/// Requested page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Page {
    /// `page`, from 0.
    pub(in crate::sandbox) index: usize,
    /// Methods on it at most.
    pub(in crate::sandbox) size: usize,
    /// `limit`: what it says of that.
    pub(in crate::sandbox) limit: usize,
    /// `include_totals`.
    pub(in crate::sandbox) totals: bool,
}

/// Bounds of a page's size.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct PageRules {
    pub(in crate::sandbox) cap: usize,
    pub(in crate::sandbox) above: PageSizeAbove,
}

/// Reads the query of the list.
pub(in crate::sandbox) fn page(query: &str, rules: PageRules) -> Result<Page, String> {
    let PageRules { cap, above } = rules;
    let mut page = Page { index: 0, size: cap.min(50), limit: cap.min(50), totals: false };
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let number = whole_number(&value);
        match (key.as_ref(), value.as_ref(), number) {
            ("page", _, Some(number)) => page.index = number,
            ("per_page", _, Some(number)) if number <= cap || above != PageSizeAbove::Refused => {
                page.size = number.min(cap);
                let is_told = above != PageSizeAbove::CutSilently;
                page.limit = if is_told { page.size } else { number };
            }
            ("include_totals", "true", _) => page.totals = true,
            ("include_totals", "false", _) => page.totals = false,
            ("page", ..) => return Err(query_error("Expected a whole number from 0", "page")),
            ("per_page", ..) => {
                let what = format!("Expected a whole number from 0 to {cap}");
                return Err(query_error(&what, "per_page"));
            }
            ("include_totals", ..) => {
                return Err(query_error("Expected type boolean", "include_totals"));
            }
            (other, ..) => return Err(query_error("Additional properties not allowed", other)),
        }
    }
    Ok(page)
}

/// Reads a number of any length: the description sets no upper bound.
fn whole_number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(usize::MAX))
}

pub(super) fn query_error(what: &str, property: &str) -> String {
    format!("Query validation error: '{what}' on property {property}")
}

/// Makes one method from one object; `None` if its type is missing or wrong.
fn draft(
    item: Value,
    rules: Rules,
    post: Option<&PostRules>,
    at: &str,
    errors: &mut ValidationErrors,
) -> Option<Method> {
    let mut map = object(item, rules, at, errors)?;
    let Some(word) = map.get("type") else {
        errors.add("Missing required property: type", &format!("{at}type"));
        return None;
    };
    let kinds = if post.is_some() { &Kind::CREATABLE[..] } else { &Kind::SETTABLE };
    let kind = kinds.iter().copied().find(|kind| word.as_str() == Some(kind.as_str()))?;
    let Fields { value, required, optional } = fields(kind, post);
    for key in required.iter().filter(|key| !map.contains_key(**key)) {
        errors.add(&format!("Missing required property: {key}"), &format!("{at}{key}"));
    }
    for (key, _) in rules.iter().filter(|(key, _)| map.contains_key(*key)) {
        if !["type", "name"].contains(key) && !required.contains(key) && !optional.contains(key) {
            errors.add(&format!("Not allowed for type {}", kind.as_str()), &format!("{at}{key}"));
        }
    }
    Some(Method {
        id: String::new(),
        kind,
        name: text(&mut map, "name"),
        value: text(&mut map, value).unwrap_or_default(),
        preferred: channel(&map),
        credential: credential(kind, &mut map),
        confirmed: true,
        created_at: Timestamp::UNIX_EPOCH,
        last_auth_at: None,
    })
}

fn text(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    match map.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn channel(map: &Map<String, Value>) -> Option<Channel> {
    match map.get("preferred_authentication_method")?.as_str()? {
        "sms" => Some(Channel::Sms),
        "voice" => Some(Channel::Voice),
        _ => None,
    }
}

fn credential(kind: Kind, map: &mut Map<String, Value>) -> Option<Box<Credential>> {
    if !matches!(kind, Kind::WebauthnRoaming | Kind::Passkey) {
        return None;
    }
    let transports = map.get("transports").and_then(Value::as_array);
    Some(Box::new(Credential {
        transports: transports
            .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        credential_backed_up: map.get("credential_backed_up").and_then(Value::as_bool),
        public_key: text(map, "public_key"),
        relying_party_identifier: text(map, "relying_party_identifier"),
        aaguid: text(map, "aaguid"),
        credential_device_type: text(map, "credential_device_type"),
        identity_user_id: text(map, "identity_user_id"),
        user_agent: text(map, "user_agent"),
        user_handle: text(map, "user_handle"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::settings::Settings;

    fn create(body: &[u8]) -> Result<Method, String> {
        super::create(RequestBody::Json(body), &PostRules::new(&Settings::default()))
    }

    fn page(query: &str) -> Result<Page, String> {
        super::page(query, PageRules { cap: 100, above: PageSizeAbove::Refused })
    }

    fn replace(body: &[u8]) -> Result<Vec<Method>, String> {
        super::replace(RequestBody::Json(body))
    }

    fn update(body: &[u8]) -> Result<Update, String> {
        super::update(RequestBody::Json(body))
    }

    fn refused(body: &str, expect: &str) {
        let message = create(body.as_bytes()).unwrap_err();
        assert_eq!(message, format!("Payload validation error: {expect}"), "{body}");
    }

    #[test]
    fn every_type_is_read() {
        let check = |body: &str, kind, value: &str| {
            let method = create(body.as_bytes()).unwrap();
            assert_eq!((method.kind, method.value.as_str()), (kind, value), "{body}");
        };
        check(
            r#"{"type":"phone","phone_number":"+123","preferred_authentication_method":"voice"}"#,
            Kind::Phone,
            "+123",
        );
        check(r#"{"type":"email","name":"n","email":"a@b.c"}"#, Kind::Email, "a@b.c");
        check(r#"{"type":"totp","totp_secret":"JBSW"}"#, Kind::Totp, "JBSW");
        let webauthn = r#"{"type":"webauthn-roaming","key_id":"k","public_key":"p","relying_party_identifier":"a.example.com"}"#;
        check(webauthn, Kind::WebauthnRoaming, "k");
        let passkey = r#"{"type":"passkey","key_id":"k","public_key":"p","aaguid":"00000000-0000-0000-0000-00000000000a",
            "credential_device_type":"multi_device","credential_backed_up":true,"identity_user_id":"i",
            "user_agent":"u","user_handle":"h","transports":["usb","nfc"]}"#;
        check(passkey, Kind::Passkey, "k");
        let credential = create(passkey.as_bytes()).unwrap().credential.unwrap();
        assert_eq!(
            (credential.credential_backed_up, credential.transports.unwrap().len()),
            (Some(true), 2)
        );
    }

    #[test]
    fn what_the_schema_forbids_is_refused() {
        refused(
            r#"{"type":"phone","phone_number":"+"}"#,
            "'String is too short (1 chars), minimum 2' on property phone_number",
        );
        refused(
            r#"{"type":"phone","phone_number":5}"#,
            "'Expected type string but found type number' on property phone_number",
        );
        refused(r#"{"type":"webauthn_roaming"}"#, "'No enum match' on property type");
        refused(r#"{"name":"n"}"#, "'Missing required property: type' on property type");
        refused(
            r#"{"type":"totp","name":null,"totp_secret":"A"}"#,
            "'Expected type string but found type null' on property name",
        );
        refused(
            r#"{"type":"totp","totp_secret":"A","digits":6}"#,
            "'Additional properties not allowed' on property digits",
        );
        refused(r#"["type"]"#, "'Expected type object' on property body");
        refused(
            r#"{"type":"passkey","key_id":"k","public_key":"p","aaguid":"x","transports":[1]}"#,
            "'Object didn't pass validation for format uuid' on property aaguid (also) 'Expected items of type string' on property transports",
        );
        assert_eq!(create(b"{").unwrap_err(), "Invalid request payload JSON format");
    }

    #[test]
    fn fields_of_another_type_and_missing_ones_are_refused() {
        refused(r#"{"type":"email"}"#, "'Missing required property: email' on property email");
        refused(
            r#"{"type":"email","email":"a@b.c","totp_secret":"JBSW"}"#,
            "'Not allowed for type email' on property totp_secret",
        );
        let hosts = [
            ("example.com", true),
            ("localhost", true),
            ("https://a.b", false),
            ("a..b", false),
            ("-a.b", false),
        ];
        for (host, sound) in hosts {
            let body = format!(
                r#"{{"type":"webauthn-roaming","key_id":"k","public_key":"p","relying_party_identifier":"{host}"}}"#
            );
            assert_eq!(create(body.as_bytes()).is_ok(), sound, "{host}");
        }
    }

    #[test]
    fn values_are_never_said() {
        let bodies = [
            r#"{"type":"hush"}"#,
            r#"{"type":"phone","phone_number":"hush hush hush hush hush hush hush hush"}"#,
            r#"{"type":"email","email":{"hush":1}}"#,
            r#"{"type":"email","email":"hush"#,
        ];
        for body in bodies {
            assert!(!create(body.as_bytes()).unwrap_err().contains("hush"), "{body}");
        }
    }

    #[test]
    fn replace_takes_three_types_and_short_names() {
        assert_eq!(replace(b"[]").unwrap(), vec![]);
        let good = br#"[{"type":"phone","phone_number":"+123"},{"type":"totp","totp_secret":"A","name":"n"}]"#;
        assert_eq!(replace(good).unwrap().len(), 2);
        let check = |body: &str, expect: &str| {
            assert_eq!(
                replace(body.as_bytes()).unwrap_err(),
                format!("Payload validation error: {expect}")
            );
        };
        check(r#"[{"type":"passkey"}]"#, "'No enum match' on property [0].type");
        check(r#"[{"type":"email","email":"a@b.c"},1]"#, "'Expected type object' on property [1]");
        let long = r#"[{"type":"email","email":"a@b.c","name":"123456789012345678901"}]"#;
        check(long, "'String is too long (21 chars), maximum 20' on property [0].name");
        check("{}", "'Expected type array' on property body");
    }

    #[test]
    fn update_takes_name_and_channel_only() {
        assert_eq!(update(b"{}"), Ok(Update { name: None, preferred: None }));
        let both = update(br#"{"name":"n","preferred_authentication_method":"sms"}"#);
        assert_eq!(both, Ok(Update { name: Some("n".into()), preferred: Some(Channel::Sms) }));
        assert!(update(br#"{"phone_number":"+123"}"#).is_err());
        assert!(update(br#"{"preferred_authentication_method":"pigeon"}"#).is_err());
    }

    #[test]
    fn no_name_is_longer_than_a_list_may_show() {
        let name = |length: usize| "ä".repeat(length);
        let bodies = |name: String| {
            (
                create(format!(r#"{{"type":"email","email":"a@b.c","name":"{name}"}}"#).as_bytes()),
                update(format!(r#"{{"name":"{name}"}}"#).as_bytes()),
            )
        };
        let (created, updated) = bodies(name(20));
        assert!(created.is_ok() && updated.is_ok());
        let (created, updated) = bodies(name(21));
        let expect = "Payload validation error: 'String is too long (21 chars), maximum 20' on property name";
        assert_eq!((created.unwrap_err(), updated.unwrap_err()), (expect.into(), expect.into()));
    }

    #[test]
    fn pages_are_read_within_their_bounds() {
        assert_eq!(page(""), Ok(Page { index: 0, size: 50, limit: 50, totals: false }));
        assert_eq!(
            page("page=2&per_page=100&include_totals=true"),
            Ok(Page { index: 2, size: 100, limit: 100, totals: true })
        );
        let beyond = page("page=13382909836667431887764200008468922368").unwrap();
        assert_eq!(beyond.index, usize::MAX, "a page that no list reaches is empty, not wrong");
        for query in [
            "per_page=101",
            "page=-1",
            "page=+1",
            "page=x",
            "page=",
            "include_totals=yes",
            "sort=name",
        ] {
            assert!(page(query).unwrap_err().starts_with("Query validation error: '"), "{query}");
        }
    }
}
