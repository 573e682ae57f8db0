//! Question: which fields does a passkey need, and may it have a `relying_party_identifier`? The
//! tenant must accept a complete one; then one field after another is left out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::asker::{Asker, Unanswered},
    is_invalid, listed,
};
use crate::{
    api::RawApi,
    model::{FactorType, PasskeyField, TenantFacts},
};

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    asker.samples.binds_passkeys = true;
    let bound = create(asker, " with relying party", None).await?;
    asker.samples.binds_passkeys = false;
    let unbound = create(asker, " without relying party", None).await?;
    if let (Some(bound), Some(unbound)) = (&bound, &unbound) {
        return Ok(format!("none is taken ({bound}; without a relying party: {unbound})"));
    }
    let mut required = BTreeSet::new();
    if unbound.is_some() {
        // All other passkeys must have a relying party as well.
        asker.samples.binds_passkeys = true;
        required.insert(PasskeyField::RelyingPartyIdentifier);
    }
    let others = PasskeyField::ALL.into_iter();
    for field in others.filter(|field| *field != PasskeyField::RelyingPartyIdentifier) {
        let what = format!(" without {}", field.name());
        if create(asker, &what, Some(field)).await?.is_some() {
            required.insert(field);
        }
    }
    let takes = if bound.is_none() { "takes" } else { "refuses" };
    let said = listed(required.iter().map(|field| field.name()));
    facts.passkey_required = Some(required);
    facts.passkey_relying_party = Some(bound.is_none());
    let relying_party = PasskeyField::RelyingPartyIdentifier.name();
    Ok(format!("{said}; {takes} a {relying_party}"))
}

/// Creates a passkey without a field, and deletes it. Starts again if the answer to the POST is
/// lost.
async fn create<A: RawApi>(
    asker: &mut Asker<A>,
    what: &str,
    left_out: Option<PasskeyField>,
) -> Result<Option<String>, Unanswered> {
    let mut anew = asker.anew();
    loop {
        match create_once(asker, what, left_out).await {
            Err(why) => asker.recover(why, &mut anew).await?,
            known => return known,
        }
    }
}

/// Creates a passkey without a field, and deletes it. Returns the refusal, if there was one.
async fn create_once<A: RawApi>(
    asker: &mut Asker<A>,
    what: &str,
    left_out: Option<PasskeyField>,
) -> Result<Option<String>, Unanswered> {
    let mut body = asker.body(FactorType::Passkey)?;
    if let (Some(field), Value::Object(map)) = (left_out, &mut body) {
        map.remove(field.name());
    }
    let told = asker.create_as(what, body).await?;
    asker.clear().await?;
    if told.created().is_some() {
        Ok(None)
    } else if is_invalid(&told) {
        Ok(Some(told.short()))
    } else {
        Err(Unanswered::Unclear(format!("a passkey got {}", told.short())))
    }
}
