//! Question: methods of which types can be renamed (PATCH)? The list is the evidence, not the
//! answer to the PATCH.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    super::asker::{Asker, TenantAnswer, Unanswered},
    is_invalid, listed,
};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    auth0::UPDATE,
    model::{FactorType, TenantFacts},
};

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    asker.needs(UPDATE)?;
    let (mut renamed, mut refused, mut unknown) = (Vec::new(), BTreeSet::new(), Vec::new());
    for factor_type in FactorType::ALL {
        let told = if asker.can_create(factor_type) {
            again_if_lost(asker, factor_type).await?
        } else {
            None
        };
        match told {
            Some(told) if told.status == 200 => renamed.push(factor_type.name()),
            Some(told) if is_invalid(&told) => {
                refused.insert(factor_type);
            }
            Some(told) => unknown.push(format!("{factor_type} ({})", told.short())),
            None => unknown.push(factor_type.name().to_owned()),
        }
        asker.clear().await?;
    }
    if renamed.is_empty() && refused.is_empty() {
        return Err(Unanswered::Unclear("of no type that is known".into()));
    }
    let mut parts = vec![listed(renamed)];
    if !refused.is_empty() {
        parts.push(format!("refused: {}", listed(refused.iter().map(|one| one.name()))));
    }
    if unknown.is_empty() {
        facts.patch_refused = Some(refused);
    } else {
        let unknown = listed(unknown.iter().map(String::as_str));
        parts.push(format!("not known: {unknown}, so this is no fact"));
    }
    Ok(parts.join("; "))
}

/// Renames a method of that type. Starts again if the answer to a POST is lost.
async fn again_if_lost<A: RawApi>(
    asker: &mut Asker<A>,
    factor_type: FactorType,
) -> Result<Option<TenantAnswer>, Unanswered> {
    let mut anew = asker.anew();
    loop {
        match rename(asker, factor_type).await {
            Err(why) => asker.recover(why, &mut anew).await?,
            known => return known,
        }
    }
}

/// Creates a method of that type and renames it. Returns the answer to the PATCH, or `None` if no
/// method was created.
async fn rename<A: RawApi>(
    asker: &mut Asker<A>,
    factor_type: FactorType,
) -> Result<Option<TenantAnswer>, Unanswered> {
    let created = asker.create("", factor_type).await?;
    let Some(id) = created.created().map(str::to_owned) else { return Ok(None) };
    let (user, name) = (asker.user.clone(), asker.new_name());
    let body = json!({ "name": name });
    let patch = RawRequest { body: Some(&body), ..RawRequest::one(RawVerb::Patch, &user, &id) };
    let told = asker.send(&format!("PATCH {factor_type}"), patch).await?;
    if told.status == 200 {
        asker.shown_as(&id, |method| method.name.as_deref() == Some(&name)).await?;
    }
    Ok(Some(told))
}
