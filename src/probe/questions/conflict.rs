//! Question: what is a conflict: the same value, or any second method of a type? For each type that
//! can be created, the probe creates a method, the same value under another name, and one with
//! another value; never more than two at a time.

use std::collections::BTreeSet;

use super::{
    super::asker::{Asker, TenantAnswer, Unanswered, Usable, none_created},
    listed,
};
use crate::{
    api::RawApi,
    model::{ComparedValue, Conflict, FactorType, TenantFacts},
};

/// Findings about a type; `None` stands for unknown.
#[derive(Debug, Default)]
struct TypeFindings {
    /// The refusal, if the type cannot be created at all.
    refused: Option<String>,
    same: Option<bool>,
    second: Option<bool>,
}

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let mut all = Vec::new();
    let mut usable = Vec::new();
    for factor_type in FactorType::ALL {
        let known = again_if_lost(asker, factor_type).await?;
        asker.clear().await?;
        if known.refused.is_none() {
            // If the second is refused for another reason than a conflict, that may be the cap.
            let takes_two = known.second != Some(true);
            usable.push(Usable { factor_type, takes_two });
        }
        all.push((factor_type, known));
    }
    if usable.is_empty() {
        let refused = all.iter().filter_map(|(of, known)| Some((*of, known.refused.clone()?)));
        return Err(none_created(refused.collect()));
    }
    asker.usable = usable;
    let (rule, sentence) = read(&all);
    facts.conflict = rule;
    Ok(sentence)
}

/// Asks about a type. Starts again if the answer to a POST is lost.
async fn again_if_lost<A: RawApi>(
    asker: &mut Asker<A>,
    factor_type: FactorType,
) -> Result<TypeFindings, Unanswered> {
    let mut anew = asker.anew();
    loop {
        match of_type(asker, factor_type).await {
            Err(why) => asker.recover(why, &mut anew).await?,
            known => return known,
        }
    }
}

async fn of_type<A: RawApi>(
    asker: &mut Asker<A>,
    factor_type: FactorType,
) -> Result<TypeFindings, Unanswered> {
    let body = asker.body(factor_type)?;
    let first = asker.create_as("", body.clone()).await?;
    let has_one = || asker.before.iter().any(|method| method.factor_type == Some(factor_type));
    if first.created().is_none() {
        let is_second = first.status == 409 && has_one();
        let refused = Some(first.short());
        return Ok(TypeFindings { refused, second: is_second.then_some(true), same: None });
    }
    let again = asker.create_as(", same value", body).await?;
    if let Some(id) = again.created().map(str::to_owned) {
        asker.delete(&id).await?;
    }
    let other = asker.create(", another value", factor_type).await?;
    Ok(TypeFindings { refused: None, same: is_conflict(&again), second: is_conflict(&other) })
}

/// Returns true for a conflict and false for a created method; `None` for any other refusal.
fn is_conflict(told: &TenantAnswer) -> Option<bool> {
    match told.status {
        409 => Some(true),
        201 => Some(false),
        _ => None,
    }
}

/// Returns the rule, if all types fit one, and the answer in words.
fn read(all: &[(FactorType, TypeFindings)]) -> (Option<Conflict>, String) {
    let seconds: BTreeSet<FactorType> =
        all.iter().filter(|(_, known)| known.second == Some(true)).map(|(of, _)| *of).collect();
    // For types that allow no second method, the same value is a conflict anyway.
    let others = || all.iter().filter(|(of, _)| !seconds.contains(of));
    let same: BTreeSet<ComparedValue> = others()
        .filter(|(_, known)| known.same == Some(true))
        .map(|(of, _)| ComparedValue::of(*of))
        .collect();
    // A rule is about every type, so there is none while a type is unknown.
    let is_known = all.iter().all(|(of, known)| {
        let is_told = known.same.is_some_and(|one| one == same.contains(&ComparedValue::of(*of)));
        known.second == Some(true) || is_told && known.second.is_some()
    });
    let names = |wanted: fn(&TypeFindings) -> bool| -> Vec<&'static str> {
        others().filter(|(_, known)| wanted(known)).map(|(of, _)| of.name()).collect()
    };
    let sames = names(|known| known.same == Some(true));
    let frees = names(|known| known.same == Some(false));
    let unknown = names(|known| known.same.is_none() && known.refused.is_none());
    let refused = names(|known| known.refused.is_some());
    let mut parts = Vec::new();
    if !seconds.is_empty() {
        parts.push(format!("any second {}", listed(seconds.iter().map(|one| one.name()))));
    }
    if !sames.is_empty() {
        parts.push(format!("the same value of {}", listed(sames)));
    }
    if !frees.is_empty() {
        parts.push(format!("nothing of {}", listed(frees)));
    }
    if !unknown.is_empty() {
        parts.push(format!("not known of {} (refused for something else)", listed(unknown)));
    }
    if !refused.is_empty() {
        parts.push(format!("cannot be created: {}", listed(refused)));
    }
    if !is_known {
        parts.push("so the rule is not known as a whole, and is no fact".to_owned());
    }
    (is_known.then_some(Conflict { same, second_of_type: seconds }), parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(same: Option<bool>, second: Option<bool>) -> TypeFindings {
        TypeFindings { refused: None, same, second }
    }

    #[test]
    fn a_rule_is_read_from_what_was_refused() {
        use FactorType::{Email, Passkey, Phone, Totp, WebauthnRoaming};
        let no = || known(Some(false), Some(false));
        let same = || known(Some(true), Some(false));
        let refused = || TypeFindings { refused: Some("400".into()), ..TypeFindings::default() };
        let everything = |one: fn() -> TypeFindings| -> Vec<_> {
            FactorType::ALL.into_iter().map(|of| (of, one())).collect()
        };
        assert_eq!(read(&everything(|| known(Some(false), Some(false)))).0, Some(Conflict::OFF));
        let (rule, said) = read(&everything(|| known(Some(true), Some(false))));
        assert_eq!(rule, Some(Conflict::same_value()));
        assert_eq!(said, "the same value of phone, email, totp, webauthn-roaming, passkey");
        let all_known = [
            (Phone, same()),
            (Email, no()),
            (Totp, known(Some(true), Some(true))),
            (WebauthnRoaming, no()),
            (Passkey, known(None, Some(true))),
        ];
        let expected = Conflict {
            same: [ComparedValue::PhoneNumber].into(),
            second_of_type: [Totp, Passkey].into(),
        };
        assert_eq!(read(&all_known).0, Some(expected));
        let mixed = [
            (Phone, same()),
            (Email, no()),
            (Totp, known(Some(true), Some(true))),
            (WebauthnRoaming, refused()),
            (Passkey, known(None, None)),
        ];
        let (rule, said) = read(&mixed);
        assert_eq!(rule, None);
        assert_eq!(
            said,
            "any second totp; the same value of phone; nothing of email; not known of passkey \
             (refused for something else); cannot be created: webauthn-roaming; \
             so the rule is not known as a whole, and is no fact"
        );
        for of in FactorType::ALL {
            let but = |one: TypeFindings| -> Vec<_> {
                let rest = FactorType::ALL.into_iter().filter(|other| *other != of);
                rest.map(|other| (other, same())).chain([(of, one)]).collect()
            };
            for unknown in
                [known(None, None), known(None, Some(false)), known(Some(true), None), refused()]
            {
                assert_eq!(read(&but(unknown)).0, None, "{of:?}");
            }
            // One word stands for both types with a key id.
            let is_shared = ComparedValue::of(of) == ComparedValue::KeyId;
            assert_eq!(read(&but(no())).0.is_none(), is_shared, "{of:?}");
        }
    }
}
