//! Questions about the tenant as a whole (auth0-api.md 1.5 and 5). An import needs none of them: an
//! answer that is missing or has an unexpected shape counts as unknown.

use bytes::Bytes;
use reqwest::Method as Verb;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    Client, READ_DOMAINS, READ_FACTORS, READ_POLICIES, READ_SETTINGS, shape::object,
    verdict::NOT_ENABLED,
};
use crate::{
    api::{Answer, Setup, Verdict},
    error::Error,
    model::{Code, CustomDomain, FactorSwitches, FactorType, Grant, MessageTypes},
};

/// Most items of a list: Auth0 has eight factors, two policies, and twenty custom domains.
const MAX_ITEMS: usize = 500;
/// Longest name of a host (RFC 1035), and more than any policy's.
const LONGEST_NAME: usize = 253;

impl Setup for Client {
    async fn grant(&self) -> Answer<Grant> {
        match self.tokens.get().await {
            Ok((_, requests)) => {
                Answer { requests, ..Answer::bare(Verdict::Done(self.tokens.grant())) }
            }
            Err(answer) => answer.map(Verdict::without_result),
        }
    }

    async fn factor_switches(&self) -> Answer<FactorSwitches> {
        self.question("guardian/factors", READ_FACTORS, factor_switches).await
    }

    async fn message_types(&self) -> Answer<MessageTypes> {
        self.question("guardian/factors/phone/message-types", READ_FACTORS, message_types).await
    }

    async fn policies(&self) -> Answer<Vec<String>> {
        self.question("guardian/policies", READ_POLICIES, policies).await
    }

    async fn custom_domains(&self) -> Answer<Vec<CustomDomain>> {
        self.question("custom-domains", READ_DOMAINS, custom_domains).await
    }

    async fn masks_lists(&self) -> Answer<bool> {
        let asked = "tenants/settings?fields=flags&include_fields=true";
        self.question(asked, READ_SETTINGS, masks_lists).await
    }
}

impl Client {
    async fn question<T>(
        &self,
        asked: &'static str,
        scope: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Answer<T> {
        // JSON of an unknown shape is still the tenant's answer: asking again would bring the same.
        let read = |status, body: &Bytes| {
            let is_json = || serde_json::from_slice::<IgnoredAny>(body).is_ok();
            if status == 200 {
                read(body).map(Some).or_else(|| is_json().then_some(None))
            } else {
                None
            }
        };
        let answer = self.call(Verb::GET, self.base.question(asked), scope, |_| {}, read).await;
        answer.map(|verdict| match verdict {
            // A feature that the tenant does not have is no reason to stop asking.
            Verdict::Stop(error) if is_not_enabled(&error) => {
                Verdict::Refused(Code::Forbidden.into())
            }
            Verdict::Done(Some(known)) => Verdict::Done(known),
            Verdict::Done(None) => Verdict::Refused(Code::UnexpectedAnswer.into()),
            other => other.without_result(),
        })
    }
}

fn is_not_enabled(error: &Error) -> bool {
    matches!(error, Error::Config { code: NOT_ENABLED, .. })
}

/// Reads a list of at most [`MAX_ITEMS`] items, each by `item`; `None` if one cannot be read.
fn list<T>(body: &[u8], item: impl Fn(&RawValue) -> Option<T>) -> Option<Vec<T>> {
    let items: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let some = items.len() <= MAX_ITEMS;
    some.then(|| items.into_iter().map(item).collect())?
}

/// Reads the factors. Those that no row can hold are passed over; a list with no other factors is
/// unusable.
fn factor_switches(body: &[u8]) -> Option<FactorSwitches> {
    #[derive(Deserialize)]
    struct Item {
        name: Option<String>,
        enabled: bool,
    }
    let items: Vec<Item> = list(body, |item| object(item.get().as_bytes()))?;
    let mut switches: Vec<(FactorType, bool)> = Vec::new();
    for Item { name, enabled } in items {
        let Some(factor) = name.as_deref().and_then(guardian_factor) else { continue };
        // A list that has a factor as both on and off cannot be trusted.
        if switches.iter().any(|(known, _)| *known == factor) {
            return None;
        }
        switches.push((factor, enabled));
    }
    (!switches.is_empty()).then_some(FactorSwitches { switches })
}

/// Returns the type that Guardian calls by that name: `sms` stands for phones, calls included.
fn guardian_factor(name: &str) -> Option<FactorType> {
    match name {
        "sms" => Some(FactorType::Phone),
        "email" => Some(FactorType::Email),
        "otp" => Some(FactorType::Totp),
        "webauthn-roaming" => Some(FactorType::WebauthnRoaming),
        _ => None,
    }
}

fn message_types(body: &[u8]) -> Option<MessageTypes> {
    #[derive(Deserialize)]
    struct Types {
        message_types: Vec<String>,
    }
    let Types { message_types } = object(body)?;
    let has = |word: &str| message_types.iter().any(|known| known == word);
    (message_types.len() <= MAX_ITEMS)
        .then(|| MessageTypes { sms: has("sms"), voice: has("voice") })
}

fn policies(body: &[u8]) -> Option<Vec<String>> {
    list(body, |item| serde_json::from_str(item.get()).ok().filter(|name: &String| is_name(name)))
}

/// Reads the domains: a list, or a page that must be the only one.
fn custom_domains(body: &[u8]) -> Option<Vec<CustomDomain>> {
    #[derive(Deserialize)]
    struct Paged<'a> {
        #[serde(borrow)]
        custom_domains: &'a RawValue,
        next: Option<String>,
    }
    match object::<Paged<'_>>(body) {
        Some(page) if page.next.as_deref().unwrap_or_default().is_empty() => {
            list(page.custom_domains.get().as_bytes(), custom_domain)
        }
        Some(_) => None,
        None => list(body, custom_domain),
    }
}

fn custom_domain(item: &RawValue) -> Option<CustomDomain> {
    #[derive(Deserialize)]
    struct Item {
        domain: String,
        status: String,
        relying_party_identifier: Option<String>,
    }
    let host = |name: String| Some(name.to_ascii_lowercase()).filter(|name: &String| is_name(name));
    let item: Item = object(item.get().as_bytes())?;
    Some(CustomDomain {
        domain: host(item.domain)?,
        relying_party: match item.relying_party_identifier.filter(|name| !name.is_empty()) {
            Some(name) => Some(host(name)?),
            None => None,
        },
        is_ready: item.status == "ready",
    })
}

/// Reads the flag that shows numbers in full. Tenants were seen to mask without it.
fn masks_lists(body: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    struct Settings<'a> {
        #[serde(borrow)]
        flags: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Flags {
        #[serde(rename = "disable_management_api_sms_obfuscation")]
        shows_all: Option<bool>,
    }
    let settings: Settings<'_> = object(body)?;
    let flags: Flags = object(settings.flags.get().as_bytes())?;
    Some(!flags.shows_all.unwrap_or(false))
}

/// Returns all names that are read from an answer to any question, for `fuzzing`.
pub(super) fn names_of(body: &[u8]) -> Vec<String> {
    drop((factor_switches(body), message_types(body), masks_lists(body)));
    let domains = custom_domains(body).unwrap_or_default().into_iter();
    let hosts = domains.flat_map(|domain| [Some(domain.domain), domain.relying_party]);
    policies(body).unwrap_or_default().into_iter().chain(hosts.flatten()).collect()
}

/// Returns whether a text is a host or policy name that is safe to show.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies that are no answer to any of the questions.
    const NONE: &[&str] = &[
        "",
        " ",
        "null",
        "true",
        "1",
        "\"ready\"",
        "[",
        "{",
        "[]]",
        "{}{}",
        "<html></html>",
        "[null]",
        "[1]",
        "[[]]",
        r#"{"statusCode":200,"error":"x","message":"y"}"#,
    ];

    /// Asserts that these are read as such, and that the bodies of [`NONE`] and `others` are none.
    fn check<T: std::fmt::Debug + PartialEq>(
        read: fn(&[u8]) -> Option<T>,
        good: Vec<(&str, T)>,
        others: &[&str],
    ) {
        for (body, expected) in good {
            assert_eq!(read(body.as_bytes()), Some(expected), "{body}");
        }
        for body in NONE.iter().chain(others) {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    fn many(item: &str) -> String {
        format!("[{}]", vec![item; MAX_ITEMS + 1].join(","))
    }

    #[test]
    fn switches_are_those_of_types_that_can_be_imported() {
        use FactorType::{Email, Phone, Totp, WebauthnRoaming};
        let switches = |list: &[(FactorType, bool)]| FactorSwitches { switches: list.to_vec() };
        check(
            factor_switches,
            vec![
                (r#"[{"name":"sms","enabled":true}]"#, switches(&[(Phone, true)])),
                (
                    r#" [{"name":"otp","enabled":false,"trial_expired":true,"new":{}},
                    {"name":"webauthn-roaming","enabled":true},{"name":"email","enabled":false},
                    {"name":"webauthn-platform","enabled":true},{"enabled":true},
                    {"name":"carrier-pigeon","enabled":true}]"#,
                    switches(&[(Totp, false), (WebauthnRoaming, true), (Email, false)]),
                ),
            ],
            &[
                "{}",
                "[]",
                "[{}]",
                r#"[{"name":"push-notification","enabled":true}]"#,
                r#"[{"name":"sms"}]"#,
                r#"[{"name":"sms","enabled":null}]"#,
                r#"[{"name":"sms","enabled":"true"}]"#,
                r#"[{"name":"sms","enabled":1}]"#,
                r#"[{"name":["sms"],"enabled":true}]"#,
                r#"[["sms",true]]"#,
                r#"[{"name":"sms","enabled":true},{"name":"sms","enabled":false}]"#,
                r#"{"factors":[{"name":"sms","enabled":true}]}"#,
                &many(r#"{"name":"duo","enabled":true}"#),
            ],
        );
    }

    #[test]
    fn phones_are_reached_by_what_is_listed() {
        let types = |sms, voice| MessageTypes { sms, voice };
        check(
            message_types,
            vec![
                (r#"{"message_types":["sms","voice"]}"#, types(true, true)),
                (r#"{"message_types":["voice"],"new":1}"#, types(false, true)),
                (r#"{"message_types":["telepathy"]}"#, types(false, false)),
                (r#"{"message_types":[]}"#, types(false, false)),
            ],
            &[
                "{}",
                "[]",
                r#"["sms"]"#,
                r#"{"message_types":null}"#,
                r#"{"message_types":"sms"}"#,
                r#"{"message_types":{"sms":true}}"#,
                r#"{"message_types":[1]}"#,
                r#"{"message_types":["sms"],"message_types":[]}"#,
                &format!("{{\"message_types\":{}}}", many("\"sms\"")),
            ],
        );
    }

    #[test]
    fn policies_are_names() {
        check(
            policies,
            vec![
                ("[]", vec![]),
                (r#"["all-applications"]"#, vec!["all-applications".to_owned()]),
                (r#"["new_one","b"]"#, vec!["new_one".to_owned(), "b".to_owned()]),
            ],
            &[
                "{}",
                r#"{"policies":[]}"#,
                r#"[{"name":"all-applications"}]"#,
                r#"[""]"#,
                r#"["all applications"]"#,
                r#"["\u001b[31m"]"#,
                &format!("[\"{}\"]", "a".repeat(LONGEST_NAME + 1)),
                &many("\"a\""),
            ],
        );
    }

    #[test]
    fn domains_come_as_a_list_or_as_its_only_page() {
        let domain = |name: &str, relying_party: Option<&str>, is_ready| CustomDomain {
            domain: name.to_owned(),
            relying_party: relying_party.map(str::to_owned),
            is_ready,
        };
        let one = r#"{"domain":"a.test","status":"ready"}"#;
        let long =
            format!("[{{\"domain\":\"{}\",\"status\":\"ready\"}}]", "a".repeat(LONGEST_NAME + 1));
        check(
            custom_domains,
            vec![
                ("[]", vec![]),
                (
                    r#"[{"domain":"Login.Corp.Test","status":"ready","primary":true,"relying_party_identifier":"Corp.Test"},
                    {"domain":"b.test","status":"pending_verification","relying_party_identifier":null},
                    {"domain":"c.test","status":"brand_new","relying_party_identifier":""}]"#,
                    vec![
                        domain("login.corp.test", Some("corp.test"), true),
                        domain("b.test", None, false),
                        domain("c.test", None, false),
                    ],
                ),
                (r#"{"custom_domains":[]}"#, vec![]),
                (
                    &format!("{{\"custom_domains\":[{one}],\"next\":null}}"),
                    vec![domain("a.test", None, true)],
                ),
                (
                    &format!("{{\"custom_domains\":[{one}],\"next\":\"\"}}"),
                    vec![domain("a.test", None, true)],
                ),
            ],
            &[
                "{}",
                "[{}]",
                one,
                r#"[{"domain":"a.test"}]"#,
                r#"[{"status":"ready"}]"#,
                r#"[{"domain":"","status":"ready"}]"#,
                r#"[{"domain":"a test","status":"ready"}]"#,
                r#"[{"domain":"https://a.test","status":"ready"}]"#,
                r#"[{"domain":"a.test","status":true}]"#,
                r#"[{"domain":"a.test","status":"ready","relying_party_identifier":"a\n"}]"#,
                r#"[{"domain":"a.test","status":"ready","relying_party_identifier":{}}]"#,
                r#"[["a.test","ready"]]"#,
                &format!("{{\"custom_domains\":[{one}],\"next\":\"more\"}}"),
                &format!("{{\"custom_domains\":[{one}],\"next\":1}}"),
                r#"{"custom_domains":{}}"#,
                &long,
                &many(one),
            ],
        );
    }

    #[test]
    fn lists_are_masked_unless_the_flag_says_otherwise() {
        let flag = "disable_management_api_sms_obfuscation";
        check(
            masks_lists,
            vec![
                (r#"{"flags":{}}"#, true),
                (&format!("{{\"flags\":{{\"{flag}\":null}}}}"), true),
                (&format!("{{\"flags\":{{\"{flag}\":false,\"other\":[]}}}}"), true),
                (&format!("{{\"new\":1,\"flags\":{{\"{flag}\":true}}}}"), false),
            ],
            &[
                "{}",
                "[]",
                r#"{"flags":null}"#,
                r#"{"flags":[]}"#,
                r#"{"flags":[true]}"#,
                &format!("{{\"{flag}\":true}}"),
                &format!("{{\"flags\":{{\"{flag}\":\"true\"}}}}"),
                &format!("{{\"flags\":{{\"{flag}\":1}}}}"),
            ],
        );
    }
}
