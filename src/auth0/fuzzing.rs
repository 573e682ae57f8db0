//! Fuzz targets for answers in a tenant's place: bodies, and headers that the pacer sees.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::SecretString;
use serde_json::value::RawValue;

use super::{
    clock::ServerClock,
    grant::{ClientProof, Granted, refusal},
    scopes::{CREATE, READ, TokenClaims, check_scopes},
    setup, shape,
    transport::{LIMIT, LONGEST_PAUSE, REMAINING, RESET, SLOWEST_FILL, read_meter},
    verdict::{Class, classify},
    wire,
};
use crate::{
    model::{Contact, Credential, Factor, FactorType, LocalTime, Method, Raw, UserId, export_line},
    pacer,
    text::{
        MAX_HOST,
        canary::{assert_discreet, assert_presentable, choose, with_canaries},
        escape,
    },
};

/// Longest reason that this program writes.
const LONGEST_REASON: usize = 80;
/// Most consecutive answers.
const MAX_ANSWERS: usize = 12;
/// Shortest and longest time that a token may be used for.
const LIVES: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(2_592_000);
/// Time that the tenant's clock shows, in seconds since 1970.
const DATE: u64 = 1_700_000_000;

/// The body that creates a factor.
pub(crate) fn sent(factor: &Factor) -> Bytes {
    wire::create_body(factor, true)
}

/// The first byte chooses what the rest answers: a page of a list, a PUT, a POST, a request for a
/// token, any with the status of the next three bytes, or a question about the tenant.
///
/// # Panics
/// When something does not hold.
pub fn wire(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let body = with_canaries(rest);
    match kind {
        b'0' => page(&body),
        b'1' => put(&body),
        b'2' => post(&body),
        b'3' => {
            for message in reported(&body) {
                assert_presentable(&message);
            }
            let life = Granted::read(&body).map(|granted| granted.life());
            assert!(life.is_none_or(|life| LIVES.contains(&life)), "it lives {life:?}");
        }
        b'5' => {
            for name in setup::names_of(rest) {
                assert!((1..=MAX_HOST).contains(&name.len()), "it is {} bytes long", name.len());
                assert_eq!(name, escape(&name), "a terminal would heed it");
            }
        }
        _ => answer(rest),
    }
}

/// An object, each value as it is written, however deep.
fn object(json: &str) -> Option<HashMap<String, &RawValue>> {
    serde_json::from_str(json).ok()
}

/// Returns the value of a key, if it is text.
fn text(object: &HashMap<String, &RawValue>, key: &str) -> Option<String> {
    object.get(key).and_then(|value| serde_json::from_str(value.get()).ok())
}

/// A list, likewise.
fn items(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Returns true if `json` is a list of objects each of which has text for all these keys.
fn is_list_of(json: &str, keys: &[&str]) -> bool {
    let has_all = |item: &&RawValue| {
        object(item.get()).is_some_and(|item| keys.iter().all(|key| text(&item, key).is_some()))
    };
    items(json).is_some_and(|items| items.iter().all(has_all))
}

/// Returns the methods of a list that holds nothing else, as a list or in place of one.
fn list_of(body: &str) -> Option<String> {
    let list = object(body).and_then(|page| page.get("authenticators").map(|list| list.get()));
    list.or(body.trim_start().starts_with('[').then_some(body)).map(str::to_owned)
}

fn put(body: &[u8]) {
    let Some(set) = shape::set(body, &[phone()]) else {
        return;
    };
    assert!(is_list_of(&String::from_utf8_lossy(body), &["id", "type"]), "no list of methods");
    assert!(set.iter().all(|method| shape::is_id(&method.id)), "an id that cannot be one");
    let phones = set.iter().filter(|method| method.factor_type == Some(FactorType::Phone));
    assert_eq!(phones.count(), 1, "not what was sent");
}

fn post(body: &[u8]) {
    let Some((id, _)) = shape::created(body, &phone()) else {
        return;
    };
    let body = String::from_utf8_lossy(body);
    let Some(body) = object(&body) else {
        panic!("no object creates a factor");
    };
    assert_eq!(text(&body, "type").as_deref(), Some("phone"), "of another type");
    assert_eq!(text(&body, "id").as_ref(), Some(&id), "another id");
    let own = id.strip_prefix("phone|");
    assert!(shape::is_id(&id) && own.is_some_and(shape::is_id), "an id that cannot be one");
}

/// A factor whose creation is answered.
fn phone() -> Factor {
    let number = Contact::new("+14155550100".into());
    let credential = Credential::Phone { number, preferred: None };
    Factor { line: 2, at: None, user: UserId::nobody(), name: None, credential }
}

/// Methods asked for on a page.
const PAGE: u64 = 50;

fn page(body: &[u8]) {
    let Some(page) = wire::page(body, PAGE) else {
        return;
    };
    let list = list_of(&String::from_utf8_lossy(body));
    let keys = ["id", "type", "created_at"];
    assert!(list.is_some_and(|list| is_list_of(&list, &keys)), "no list of methods");
    assert!(page.methods.iter().all(|method| shape::is_id(&method.id)), "an id that cannot be one");
    // The exported line is one line, and says the same.
    let line = export_line(&UserId::nobody(), &page.methods);
    let json = line.strip_suffix('\n').unwrap_or_default();
    assert_eq!(json, escape(json), "a terminal would heed it");
    let Some(whole) = object(json) else {
        panic!("what is written is no JSON");
    };
    let written = whole.get("authentication_methods").and_then(|list| items(list.get()));
    assert_eq!(written.map_or(0, |written| written.len()), page.methods.len());
    let from = json.find('[').unwrap_or_default();
    let again = wire::page(&json.as_bytes()[from..json.len() - 1], PAGE);
    let facts = |methods: Vec<Method>| -> Vec<Method> {
        methods.into_iter().map(|method| Method { raw: Raw::default(), ..method }).collect()
    };
    assert_eq!(again.map(|again| facts(again.methods)), Some(facts(page.methods)));
}

fn answer(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk::<3>() else {
        return;
    };
    let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
    let Some(status @ 100..=999) = status else {
        return;
    };
    let body = with_canaries(body);
    let ours = is_error(&String::from_utf8_lossy(&body), status);
    let class = classify(status, Some(&body.into()), CREATE);
    assert_discreet(&format!("{class:?}"));
    match &class {
        Class::Refused(reason) | Class::InDoubt(reason) => {
            let reason = reason.text();
            let of_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
            assert!(reason.len() <= LONGEST_REASON && reason.bytes().all(of_ours), "{reason}");
        }
        Class::Stop(error) => {
            assert_presentable(&error.to_string());
            error.hint().iter().for_each(|hint| assert_presentable(hint));
        }
        _ => {}
    }
    // No body turns a failure into a success, or a doubt into certainty.
    assert_eq!(matches!(class, Class::Success), (200..300).contains(&status), "{status}");
    let certain = matches!(class, Class::Refused(_) | Class::Present);
    assert!(!certain || (400..500).contains(&status), "{status} is certain");
    // Only the API itself may set a code.
    let of_a_body = (400..500).contains(&status) && !matches!(status, 408 | 429);
    assert!(!of_a_body || ours || matches!(class, Class::Foreign), "{status} is believed");
}

/// Returns true if a body is an error of the API's with that status.
fn is_error(body: &str, status: u16) -> bool {
    object(body).is_some_and(|error| {
        let said = error.get("statusCode").and_then(|said| said.get().parse().ok());
        let says = |key| text(&error, key).is_some();
        said == Some(status) && (says("error") || says("message"))
    })
}

/// The first byte chooses the reserve; then lines of `status;limit;remaining;reset;retry-after;ms`,
/// each what an answer says and how long it took. A status that begins with `x` comes without a
/// `Date`.
///
/// # Panics
/// When something does not hold.
pub fn headers(bytes: &[u8]) {
    let Some((reserve, lines)) = bytes.split_first() else {
        return;
    };
    let reserve = choose(&[0.2, 0.0, 0.95], *reserve);
    let lines = lines.split(|byte| *byte == b'\n').take(MAX_ANSWERS);
    pacer::fuzzing::endure(
        reserve,
        lines.map(|line| {
            let mut parts = line.split(|byte| *byte == b';');
            let mut next = || parts.next().unwrap_or_default();
            let status = next();
            let mut headers = HeaderMap::new();
            for name in [LIMIT, REMAINING, RESET, RETRY_AFTER] {
                insert(&mut headers, name, next());
            }
            let took = std::str::from_utf8(next()).ok().and_then(|took| took.parse::<u16>().ok());
            let shown = (!status.starts_with(b"x")).then_some(DATE);
            let meter = read_meter(
                &headers,
                shown,
                &ServerClock::new(|| LocalTime::from_millis(1_699_999_999_250)),
            );
            assert!(meter.retry_after.is_none_or(|pause| pause <= LONGEST_PAUSE), "{meter:?}");
            assert!(meter.full_in.is_none_or(|wait| wait.as_millis() <= SLOWEST_FILL.into()));
            (meter, status.ends_with(b"429"), Duration::from_millis(took.unwrap_or(50).into()))
        }),
    );
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}

/// Returns everything that is reported of an answer, whether it grants a token or refuses one.
fn reported(body: &[u8]) -> Vec<String> {
    let granted = Granted::read(body);
    let scopes = granted.as_ref().map(|granted| {
        let named = check_scopes(granted.scope.as_deref(), &[CREATE, READ]);
        let claims = TokenClaims::of(&granted.access_token);
        named.and(check_scopes(claims.scope.as_deref(), &[CREATE, READ]))
    });
    let refused = refusal(403, body, &ClientProof::Secret(SecretString::default()));
    let errors = scopes.and_then(Result::err).into_iter().chain([refused]);
    errors.flat_map(|error| [error.to_string(), error.hint().unwrap_or_default()]).collect()
}
