//! Rules for POST where the API's description is silent.

use std::collections::BTreeSet;

use super::{
    check::{ValidationErrors, length_fault},
    method::{Kind, Method},
};
use crate::{
    model::{LongName, PasskeyField, SecretForm},
    sandbox::settings::Settings,
};

/// Most characters of a name that GET may show.
pub(super) const LONGEST_NAME: usize = 20;

/// Characters of 80 bits in Base32, the minimum of RFC 4226.
const MIN_SECRET: usize = 16;

/// Rules of POST beside its schema.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct PostRules {
    long_name: LongName,
    refused_secrets: BTreeSet<SecretForm>,
    passkey_required: BTreeSet<PasskeyField>,
    passkey_relying_party: bool,
}

impl PostRules {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        Self {
            long_name: settings.long_name,
            refused_secrets: settings.refused_secrets.clone(),
            passkey_required: settings.passkey_required.clone(),
            passkey_relying_party: settings.passkey_relying_party,
        }
    }

    /// Returns the required and the optional fields of a passkey.
    pub(super) fn passkey_fields(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let taken = PasskeyField::ALL.into_iter().filter(|field| {
            self.passkey_relying_party || *field != PasskeyField::RelyingPartyIdentifier
        });
        let (required, optional): (Vec<_>, Vec<_>) =
            taken.partition(|field| self.passkey_required.contains(field));
        let names =
            |fields: Vec<PasskeyField>| fields.into_iter().map(PasskeyField::name).collect();
        (names(required), names(optional))
    }

    /// Checks a method against the rules, and cuts its name if that is the rule.
    pub(super) fn apply(&self, method: &mut Method, errors: &mut ValidationErrors) {
        if let Some(name) = &mut method.name {
            match self.long_name {
                LongName::Refused => {
                    if let Some(fault) = length_fault(name.chars().count(), 0, LONGEST_NAME) {
                        errors.add(&fault, "name");
                    }
                }
                LongName::Cut => *name = name.chars().take(LONGEST_NAME).collect(),
                LongName::Kept => {}
            }
        }
        if method.kind == Kind::Totp
            && self.refused_secrets.iter().any(|form| has_form(&method.value, *form))
        {
            errors.add("Object didn't pass validation for format base32", "totp_secret");
        }
    }
}

fn has_form(secret: &str, form: SecretForm) -> bool {
    match form {
        SecretForm::LowerCase => secret.bytes().any(|byte| byte.is_ascii_lowercase()),
        SecretForm::Padded => secret.ends_with('='),
        SecretForm::Spaced => secret.contains(' '),
        SecretForm::Short => secret.bytes().filter(u8::is_ascii_alphanumeric).count() < MIN_SECRET,
    }
}
