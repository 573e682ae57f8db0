//! Question: how many methods may a user have? Methods of one type are created until one is refused.

use super::super::{
    Terms,
    asker::{Asker, Told, Unanswered},
};
use crate::{
    api::RawApi,
    model::{CapRefusal, FactorType, TenantFacts},
};

/// Types in the order in which they are used: those that nobody is told of first.
const ORDER: [FactorType; 5] = [
    FactorType::Email,
    FactorType::Phone,
    FactorType::Totp,
    FactorType::WebauthnRoaming,
    FactorType::Passkey,
];
/// Longest message that is kept.
const LONGEST: usize = 200;

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    terms: &Terms,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let is_usable = |factor_type: &FactorType| {
        // Where nothing is known of any, each is worth a try.
        asker.usable.is_empty()
            || asker
                .usable
                .iter()
                .any(|usable| usable.factor_type == *factor_type && usable.takes_two)
    };
    let Some(factor_type) = ORDER.into_iter().find(is_usable) else {
        let why = "of no type a second method can be created";
        return Err(Unanswered::NotAsked(why.into()));
    };
    let name = factor_type.name();
    let is_of_type = |method: &&crate::model::Method| method.factor_type == Some(factor_type);
    let mut held =
        u32::try_from(asker.before.iter().filter(is_of_type).count()).unwrap_or(u32::MAX);
    let mut created = 0;
    for _ in 0..terms.max_methods {
        let told = asker.create("", factor_type).await?;
        if told.created().is_some() {
            (held, created) = (held + 1, created + 1);
            continue;
        }
        // Of those that were there before, the cap may long be passed.
        if !told.is_refusal() || created == 0 {
            return Err(Unanswered::Unclear(format!(
                "{name} number {} got {}",
                held + 1,
                told.short()
            )));
        }
        facts.cap_per_user = Some(held);
        facts.cap_refusal = Some(refusal(&told));
        let message = told.message.as_deref().map(cut).unwrap_or_default();
        return Ok(format!("{held} of a type ({name}); then {}: {message}", told.short()));
    }
    Ok(format!("{held} of a type ({name}) at least; --max-methods would try more"))
}

fn refusal(told: &Told) -> CapRefusal {
    CapRefusal {
        status: told.status,
        error_code: told.code.clone(),
        message: told.message.as_deref().map(cut).unwrap_or_default(),
    }
}

fn cut(message: &str) -> String {
    message.chars().take(LONGEST).collect()
}
