//! The rule for what counts as a conflict.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::FactorType;

/// Value that makes two methods of a type the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedValue {
    /// Value of a phone.
    PhoneNumber,
    /// Value of an email factor.
    Email,
    /// Value of an authenticator app.
    TotpSecret,
    /// Value of a security key or a passkey.
    KeyId,
}

impl ComparedValue {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::PhoneNumber, Self::Email, Self::TotpSecret, Self::KeyId];

    /// Returns the value that is compared for a type.
    pub const fn of(factor_type: FactorType) -> Self {
        match factor_type {
            FactorType::Phone => Self::PhoneNumber,
            FactorType::Email => Self::Email,
            FactorType::Totp => Self::TotpSecret,
            FactorType::WebauthnRoaming | FactorType::Passkey => Self::KeyId,
        }
    }
}

/// Rule for what a tenant calls a conflict (409) in POST. Auth0 documents the 409 and not when it
/// occurs (auth0-api.md 10.1).
///
/// It is written as `"off"`, `"same_value"`, or an object with both sets; equal rules have equal
/// forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Values that no second method of the same type and user may have.
    pub same: BTreeSet<ComparedValue>,
    /// Types of which a user may have only one method, whatever its value.
    pub second_of_type: BTreeSet<FactorType>,
}

impl Conflict {
    /// Nothing is a conflict: every POST creates another method.
    pub const OFF: Self = Self { same: BTreeSet::new(), second_of_type: BTreeSet::new() };

    /// Conflicts are methods of the same type with the same number, address, secret or key id.
    pub fn same_value() -> Self {
        Self { same: ComparedValue::ALL.into(), second_of_type: BTreeSet::new() }
    }

    /// Returns true if a second method of that type with the same value is a conflict.
    pub fn of_same(&self, factor_type: FactorType) -> bool {
        self.of_second(factor_type) || self.same.contains(&ComparedValue::of(factor_type))
    }

    /// Returns true if any second method of that type is a conflict.
    pub fn of_second(&self, factor_type: FactorType) -> bool {
        self.second_of_type.contains(&factor_type)
    }
}

impl Default for Conflict {
    fn default() -> Self {
        Self::same_value()
    }
}

/// The forms in which the rule is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ConflictForm {
    Word(String),
    Sets(Sets),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sets {
    #[serde(default)]
    same: BTreeSet<ComparedValue>,
    #[serde(default)]
    second_of_type: BTreeSet<FactorType>,
}

const OFF: &str = "off";
const SAME_VALUE: &str = "same_value";

impl Serialize for Conflict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = if *self == Self::OFF {
            ConflictForm::Word(OFF.to_owned())
        } else if *self == Self::same_value() {
            ConflictForm::Word(SAME_VALUE.to_owned())
        } else {
            let Self { same, second_of_type } = self.clone();
            ConflictForm::Sets(Sets { same, second_of_type })
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Conflict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ConflictForm::deserialize(deserializer)? {
            ConflictForm::Word(word) if word == OFF => Ok(Self::OFF),
            ConflictForm::Word(word) if word == SAME_VALUE => Ok(Self::same_value()),
            ConflictForm::Word(_) => Err(de::Error::custom("a rule for conflicts")),
            ConflictForm::Sets(Sets { same, second_of_type }) => Ok(Self { same, second_of_type }),
        }
    }
}
