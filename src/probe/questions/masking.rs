//! Question: are phone numbers and addresses masked in lists, and in the GET of one method?

use super::{
    super::asker::{Asker, Unanswered},
    listed,
};
use crate::{
    api::RawApi,
    model::{FactorType, TenantFacts},
};

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let mut seen = Vec::new();
    for (factor_type, field) in [(FactorType::Phone, "phone_number"), (FactorType::Email, "email")]
    {
        if !asker.can_create(factor_type) {
            continue;
        }
        let body = asker.body(factor_type)?;
        let sent = body[field].as_str().unwrap_or_default().to_owned();
        let told = asker.create_as("", body).await?;
        let Some(id) = told.created().map(str::to_owned) else { continue };
        let in_list = asker.shown(&id).await?.contact;
        let one = asker.got(&id).await?;
        let in_one = one.body[field].as_str().map(str::to_owned);
        seen.push((factor_type.name(), is_masked(&sent, in_list), is_masked(&sent, in_one)));
        asker.clear().await?;
    }
    if seen.is_empty() {
        return Err(Unanswered::NotAsked("neither a phone nor an email can be created".into()));
    }
    let lists: Vec<_> = seen.iter().map(|(name, list, _)| (*name, *list)).collect();
    let ones: Vec<_> = seen.iter().map(|(name, _, one)| (*name, *one)).collect();
    facts.masking = any(&lists);
    facts.masking_of_one = any(&ones);
    Ok(format!("lists: {}; GET of one: {}", told(&lists), told(&ones)))
}

/// Returns true if the value shown is not the one that was sent; `None` if no value is shown.
fn is_masked(sent: &str, shown: Option<String>) -> Option<bool> {
    shown.map(|shown| shown != sent)
}

/// Returns true if one of the values shown is masked; `None` if no value is shown.
fn any(seen: &[(&str, Option<bool>)]) -> Option<bool> {
    seen.iter().filter_map(|(_, masked)| *masked).reduce(|one, other| one || other)
}

fn told(seen: &[(&str, Option<bool>)]) -> String {
    let of =
        |wanted| seen.iter().filter(move |(_, masked)| *masked == wanted).map(|(name, _)| *name);
    let parts = [("masked", Some(true)), ("plain", Some(false)), ("not shown", None)];
    let parts = parts.into_iter().filter(|(_, wanted)| of(*wanted).next().is_some());
    let parts: Vec<_> =
        parts.map(|(word, wanted)| format!("{} {word}", listed(of(wanted)))).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_masked_value_makes_lists_masked_and_a_hidden_one_is_not_known() {
        let seen = [("phone", Some(true)), ("email", Some(false))];
        assert_eq!((any(&seen), told(&seen).as_str()), (Some(true), "phone masked, email plain"));
        let hidden = [("phone", None)];
        assert_eq!((any(&hidden), told(&hidden).as_str()), (None, "phone not shown"));
        assert_eq!(is_masked("+12025550100", Some("XXXXXXXX0100".into())), Some(true));
        assert_eq!(is_masked("+12025550100", Some("+12025550100".into())), Some(false));
    }
}
