//! Question: which TOTP secrets are refused? Each differs in one way from an ordinary one, which
//! the tenant must accept.

use std::collections::BTreeSet;

use super::{
    super::{
        asker::{Asker, Unanswered},
        samples::{SECRET_BYTES, Samples},
    },
    is_invalid, listed,
};
use crate::{
    api::RawApi,
    model::{FactorType, SecretForm, TenantFacts},
};

/// All forms, with their names for people.
const FORMS: [(SecretForm, &str); 4] = [
    (SecretForm::LowerCase, "lower case"),
    (SecretForm::Padded, "padded"),
    (SecretForm::Short, "short (40 bits)"),
    (SecretForm::Spaced, "with spaces"),
];

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    if !asker.can_create(FactorType::Totp) {
        return Err(Unanswered::NotAsked("no totp can be created".into()));
    }
    let ordinary = asker.create(", ordinary secret", FactorType::Totp).await?;
    if ordinary.created().is_none() {
        let why = format!("an ordinary secret is not taken, either ({})", ordinary.short());
        return Err(Unanswered::Unclear(why));
    }
    asker.clear().await?;
    let (mut refused, mut unknown, mut words) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (form, word) in FORMS {
        let mut body = asker.body(FactorType::Totp)?;
        body["totp_secret"] = secret(form, &mut asker.samples).into();
        let told = asker.create_as(&format!(", {word}"), body).await?;
        if is_invalid(&told) {
            refused.insert(form);
            words.push(word);
        } else if told.created().is_none() {
            unknown.push(word);
        }
        asker.clear().await?;
    }
    if !unknown.is_empty() {
        return Err(Unanswered::Unclear(format!("neither taken nor refused: {}", listed(unknown))));
    }
    facts.refused_secrets = Some(refused);
    Ok(listed(words))
}

/// Returns a secret of that form.
fn secret(form: SecretForm, samples: &mut Samples) -> String {
    match form {
        SecretForm::LowerCase => samples.secret(SECRET_BYTES).to_ascii_lowercase(),
        SecretForm::Padded => format!("{}======", samples.secret(16)),
        SecretForm::Short => samples.secret(5),
        SecretForm::Spaced => {
            let plain = samples.secret(SECRET_BYTES);
            let groups: Vec<_> =
                plain.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect();
            groups.join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    #[test]
    fn each_secret_deviates_in_one_way() {
        let mut samples = Samples::new(&UserId::nobody(), String::new());
        for (form, _) in FORMS {
            let secret = secret(form, &mut samples);
            let has = |wanted: fn(char) -> bool| secret.chars().any(wanted);
            // A secret of 32 characters without a letter is too unlikely to come up.
            let found = [
                (SecretForm::LowerCase, has(|c| c.is_ascii_lowercase())),
                (SecretForm::Padded, has(|c| c == '=')),
                (SecretForm::Short, secret.len() < 16),
                (SecretForm::Spaced, has(|c| c == ' ')),
            ];
            for (other, is_so) in found {
                assert_eq!(is_so, other == form, "{form:?} {other:?}");
            }
            let bare: String = secret.chars().filter(|c| *c != ' ').collect();
            let bare = bare.to_ascii_uppercase();
            let bare = bare.trim_end_matches('=');
            assert!(data_encoding::BASE32_NOPAD.decode(bare.as_bytes()).is_ok(), "{form:?}");
        }
    }
}
