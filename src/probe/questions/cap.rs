//! Question: how many methods may a user have? Methods of one type are created until one is
//! refused.

use super::super::{
    ProbeTerms,
    asker::{Asker, TenantAnswer, Unanswered},
};
use crate::{
    api::RawApi,
    model::{CapRefusal, FactorType, TenantFacts},
};

/// Types in the order of use: first those about which users get no message.
const ORDER: [FactorType; 5] = [
    FactorType::Email,
    FactorType::Phone,
    FactorType::Totp,
    FactorType::WebauthnRoaming,
    FactorType::Passkey,
];
/// Number of times that a deleted method must leave room for exactly one before a 429 counts as the
/// cap.
const REFILLS: u32 = 2;
/// Longest message that is kept.
const LONGEST_MESSAGE: usize = 200;

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    terms: &ProbeTerms,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let Some(factor_type) = ORDER.into_iter().find(|one| takes_two(asker, *one)) else {
        let why = "of no type a second method can be created";
        return Err(Unanswered::NotAsked(why.into()));
    };
    let name = factor_type.name();
    let of_type = asker.before.iter().filter(|method| method.factor_type == Some(factor_type));
    let before = number(of_type.count());
    for created in 0..terms.max_methods {
        let told = asker.create("", factor_type).await?;
        if told.created().is_some() {
            continue;
        }
        let held = before.saturating_add(created);
        // If another value is refused in the same way, the reason is the number, not the value.
        let again = match told.status {
            429 => refilled(asker, factor_type).await?,
            _ if may_be_cap(&told, created) => {
                Some(asker.create(", another value", factor_type).await?)
            }
            _ => None,
        };
        if !again.is_some_and(|again| is_alike(&told, &again)) {
            let number = held.saturating_add(1);
            let limit = if told.status == 429 {
                ", and nothing tells the cap from the limit of requests"
            } else {
                ""
            };
            return Err(Unanswered::Unclear(format!(
                "{name} number {number} got {}{limit}",
                told.short()
            )));
        }
        let message = told.message.as_deref().map(cut).unwrap_or_default();
        let said = format!("{}: {message}", told.short());
        if is_of_all(asker, &told, factor_type).await? {
            let all = number(asker.before.len()).saturating_add(created);
            return Ok(format!(
                "{all} of all types together, which is not held as a fact; then {said}"
            ));
        }
        facts.cap_per_user = Some(held);
        facts.cap_refusal = Some(refusal(&told));
        return Ok(format!("{held} of a type ({name}); then {said}"));
    }
    let held = before.saturating_add(terms.max_methods);
    Ok(format!("{held} of a type ({name}) at least; --max-methods would try more"))
}

/// Returns true if a method may have been refused because of the number of methods, of which
/// `created` are this question's.
fn may_be_cap(told: &TenantAnswer, created: u32) -> bool {
    match told.status {
        401 | 404 => false,
        // The second method of a type may be a conflict in any case.
        409 => created > 1,
        // If the first one is refused, earlier methods may have passed the cap long ago.
        400..500 => created > 0,
        _ => false,
    }
}

/// Deletes a method and creates another in its place, several times. Returns the 429 for one more
/// if each time there was room for exactly one: a rate limit would not be that exact.
async fn refilled<A: RawApi>(
    asker: &mut Asker<A>,
    factor_type: FactorType,
) -> Result<Option<TenantAnswer>, Unanswered> {
    let mut refused = None;
    for _ in 0..REFILLS {
        let last = asker.made.iter().rev().find_map(|made| made.id.clone());
        let Some(last) = last else { return Ok(None) };
        asker.delete(&last).await?;
        let again = asker.create(" in the room of another", factor_type).await?;
        if again.created().is_none() || again.bounces > 0 {
            return Ok(None);
        }
        let told = asker.create(", another value", factor_type).await?;
        if told.status != 429 {
            return Ok(None);
        }
        refused = Some(told);
    }
    Ok(refused)
}

fn is_alike(one: &TenantAnswer, other: &TenantAnswer) -> bool {
    (one.status, &one.code) == (other.status, &other.code)
}

/// Returns true if a user can have several methods of a type, or if nothing is known of any type.
fn takes_two<A>(asker: &Asker<A>, factor_type: FactorType) -> bool {
    let mut usable = asker.usable.iter();
    asker.usable.is_empty()
        || usable.any(|usable| usable.factor_type == factor_type && usable.takes_two)
}

/// Returns true if a method of each type other than `full` is refused in the same way, so that the
/// cap is on all types together. One method of each is enough, so types of which a user can have
/// only one count, too.
async fn is_of_all<A: RawApi>(
    asker: &mut Asker<A>,
    refused: &TenantAnswer,
    full: FactorType,
) -> Result<bool, Unanswered> {
    let mut is_refused = false;
    for factor_type in ORDER.into_iter().filter(|one| *one != full) {
        let has_one = asker.before.iter().any(|one| one.factor_type == Some(factor_type));
        if !asker.can_create(factor_type) || has_one && !takes_two(asker, factor_type) {
            continue;
        }
        let told = asker.create(" at the cap", factor_type).await?;
        if told.created().is_some() {
            return Ok(false);
        }
        is_refused |= is_alike(refused, &told);
    }
    if is_refused {
        return Ok(true);
    }
    let why = "whether it is of one type or of all is not known: no method of another one is taken";
    Err(Unanswered::Unclear(format!("{} at the cap, and {why}", refused.short())))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn refusal(told: &TenantAnswer) -> CapRefusal {
    CapRefusal {
        status: told.status,
        error_code: told.code.clone(),
        message: told.message.as_deref().map(cut).unwrap_or_default(),
    }
}

fn cut(message: &str) -> String {
    message.chars().take(LONGEST_MESSAGE).collect()
}
