//! Tells the API's answers from others: what each operation answers with, and the API's errors
//! (auth0-api.md 1.3 to 1.6). An answer that has another shape, or does not match what was sent,
//! comes from somebody else or was meant for another request.

use std::{borrow::Cow, collections::HashSet};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::factor_type;
use crate::{
    api::{SetMethod, Update},
    model::{Factor, FactorType, Method, TenantTime},
    protocol::reconcile::{self, Likeness},
};

/// Fields of a 201 that are read.
#[derive(Deserialize)]
struct Created<'a> {
    id: String,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(rename = "created_at")]
    at: Option<jiff::Timestamp>,
    name: Option<String>,
    phone_number: Option<String>,
    email: Option<String>,
    key_id: Option<String>,
}

/// Reads a 201: the id and, where it is stated, the creation time; `None` unless it matches `sent`,
/// as far as it shows.
pub(super) fn created(body: &[u8], sent: &Factor) -> Option<(String, Option<TenantTime>)> {
    let created: Created<'_> = object(body)?;
    let name = created.name.filter(|name| !name.is_empty());
    // Where no name was sent, the tenant may have chosen one.
    let other_name = name.is_some() && sent.name.is_some() && name != sent.name;
    let shown = Method {
        contact: created.phone_number.or(created.email),
        key_id: created.key_id,
        name,
        ..Method::default()
    };
    let wanted = sent.factor_type();
    let sound = created.r#type == wanted.name()
        && is_id_of(&created.id, wanted)
        && !other_name
        && reconcile::compare(sent, &shown) != Likeness::Other;
    let at = created.at.map(|at| TenantTime::from_millis(at.as_millisecond()));
    sound.then_some((created.id, at))
}

/// Reads the answer to PATCH: whether it is that method with these values.
pub(super) fn is_updated(body: &[u8], method: &str, update: Update<'_>) -> bool {
    #[derive(Deserialize)]
    struct Updated {
        id: String,
        name: Option<String>,
        preferred_authentication_method: Option<String>,
    }
    let Some(updated) = object::<Updated>(body) else {
        return false;
    };
    let channel = updated.preferred_authentication_method;
    updated.id == method
        && update.name.is_none_or(|name| updated.name.as_deref().unwrap_or_default() == name)
        && update
            .preferred
            .is_none_or(|wanted| channel.is_none_or(|channel| channel == wanted.name()))
}

/// Longest id of a method (recorded: some thirty characters).
const LONGEST_ID: usize = 256;

/// Returns true if `id` can be a method's id: a word that can be part of a path and shown.
pub(super) fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
        && !id.bytes().all(|byte| byte == b'.')
}

/// Returns true if `id` can be the id of a method of that type. It has the form `phone|dev_…`, and
/// likewise for every type that can be created, as recorded and in Auth0's SDKs.
fn is_id_of(id: &str, factor_type: FactorType) -> bool {
    let own = id.split_once('|').filter(|(kind, _)| *kind == factor_type.name());
    is_id(id) && own.is_some_and(|(_, own)| is_id(own))
}

/// Reads an object. A struct could be read from an array, too, but no answer of the API is an array
/// of fields.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    serde_json::from_slice(body).ok().filter(|_| first == Some(&b'{'))
}

/// Fields of an error body that are read.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    #[serde(rename = "statusCode")]
    status: u16,
    error: Option<String>,
    pub(super) message: Option<String>,
    #[serde(rename = "errorCode")]
    pub(super) code: Option<String>,
}

impl ErrorBody {
    /// Reads an error with that status; `None` if it is not the API's.
    pub(super) fn read(body: &[u8], status: u16) -> Option<Self> {
        let error: Self = object(body)?;
        let says = error.error.is_some() || error.message.is_some();
        (error.status == status && says).then_some(error)
    }
}

/// Returns whether a body is one of the API's own errors, with that status.
pub(super) fn is_error(status: u16, body: Option<&Bytes>) -> bool {
    body.is_some_and(|body| ErrorBody::read(body, status).is_some())
}

/// Reads the answer to PUT; `None` unless it is a list with as many methods of each type as
/// `factors`. Types that PUT leaves alone, or creates by itself, may occur any number of times.
pub(super) fn set(body: &[u8], factors: &[Factor]) -> Option<Vec<SetMethod>> {
    #[derive(Deserialize)]
    struct Item {
        id: String,
        r#type: String,
    }
    let items: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let method = |item: Item| SetMethod { id: item.id, factor_type: factor_type(&item.r#type) };
    let items = items.into_iter().map(|item| object(item.get().as_bytes()).map(method));
    let set: Vec<SetMethod> = items.collect::<Option<_>>()?;
    let mut ids = HashSet::new();
    let sound = set.iter().all(|method| is_id(&method.id) && ids.insert(method.id.as_str()));
    let complete =
        FactorType::ALL.into_iter().filter(|wanted| wanted.is_settable()).all(|wanted| {
            let asked = factors.iter().filter(|factor| factor.factor_type() == wanted).count();
            set.iter().filter(|method| method.factor_type == Some(wanted)).count() == asked
        });
    (sound && complete).then_some(set)
}
