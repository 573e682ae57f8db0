//! Question: is a name of 21 characters refused, cut or kept? The list is the evidence, not the
//! answer to the POST.

use super::super::{
    asker::{Asker, Unanswered},
    samples::MARKER,
};
use super::is_invalid;
use crate::{
    api::RawApi,
    model::{LongName, TenantFacts},
};

/// Most characters of a name that lists show, according to the docs (auth0-api.md 1.3).
const CHARACTERS_LISTED: usize = 20;

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    // Creating an ordinary method shows which type can be created.
    let (factor_type, _) = asker.create_any(" (name of 20)").await?;
    asker.clear().await?;
    let name = format!("{}x", asker.samples.name());
    let mut body = asker.body(factor_type)?;
    body["name"] = name.clone().into();
    let told = asker.create_as(" (name of 21)", body).await?;
    let Some(id) = told.created().map(str::to_owned) else {
        if !is_invalid(&told) {
            return Err(Unanswered::Unclear(format!("the POST got {}", told.short())));
        }
        facts.long_name = Some(LongName::Refused);
        return Ok("it is refused".into());
    };
    let shown = asker.shown(&id).await?.name.unwrap_or_default();
    let (fact, said) = read(&name, &shown);
    facts.long_name = fact;
    Ok(said)
}

fn read(name: &str, shown: &str) -> (Option<LongName>, String) {
    let length = shown.chars().count();
    if shown == name {
        (Some(LongName::Kept), "it is kept".into())
    } else if length == CHARACTERS_LISTED && name.starts_with(shown) {
        (Some(LongName::Cut), "it is cut to 20 characters".into())
    } else if shown.starts_with(MARKER) && name.starts_with(shown) {
        (Some(LongName::Cut), format!("it is cut, and to {length} characters"))
    } else {
        (None, "another name is shown".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_cut_or_something_else() {
        let name = "mfaferry-probe-abcdex";
        for (shown, fact) in [
            (name, Some(LongName::Kept)),
            ("mfaferry-probe-abcde", Some(LongName::Cut)),
            ("mfaferry-probe-ab", Some(LongName::Cut)),
            ("", None),
            ("Authenticator", None),
        ] {
            assert_eq!(read(name, shown).0, fact, "{shown}");
        }
    }
}
