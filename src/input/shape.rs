//! Kinds of rows that an input may consist of, with their allowed and required columns and keys.

use super::pairs::METHODS;
use crate::{model::Field, text::nearest};

/// Purpose of an input, which decides what its rows may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Factors to be created (the contract's section 3).
    #[default]
    Factors,
    /// Factors as `export` writes them: fields that the API adds are ignored.
    Exported,
    /// Users, or single methods of theirs, with any other columns.
    Users,
    /// New names and channels of methods.
    Changes,
    /// Methods to delete, or users whose methods are to be deleted.
    Targets,
}

/// Keys that only the API writes, besides a method's parts (`UserAuthenticationMethod` in its
/// description); read-only.
const READ_ONLY: [&str; 6] =
    ["id", "confirmed", "link_id", "created_at", "enrolled_at", "last_auth_at"];

/// A column or key, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Field(Field),
    /// A user's list of factors.
    Methods,
    /// An allowed name that has no meaning.
    Ignored,
    /// The key with the codes of another input's row; ignored, too.
    Codes,
    /// An unknown name, and the known one that is nearest to it.
    Unknown(Option<Field>),
}

impl Shape {
    /// Every field that a row may have.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::Factors | Self::Exported => &Field::FACTOR,
            Self::Users | Self::Targets => &[Field::UserId, Field::AuthenticationMethodId],
            Self::Changes => &[
                Field::UserId,
                Field::AuthenticationMethodId,
                Field::Name,
                Field::PreferredAuthenticationMethod,
            ],
        }
    }

    /// The columns that a CSV cannot do without.
    pub(super) fn required(self) -> &'static [Field] {
        match self {
            Self::Factors | Self::Exported => &[Field::UserId, Field::Type],
            Self::Users | Self::Targets => &[Field::UserId],
            Self::Changes => &[Field::UserId, Field::AuthenticationMethodId],
        }
    }

    /// Returns the meaning of a name, which is given as written, except for case and white space in
    /// a CSV.
    pub(super) fn name(self, name: &str) -> Name {
        match Field::from_name(name).filter(|field| self.fields().contains(field)) {
            Some(field) => Name::Field(field),
            None if self == Self::Users => Name::Ignored,
            None if name == METHODS && self.has_factors() => Name::Methods,
            None if self == Self::Exported && READ_ONLY.contains(&name) => Name::Ignored,
            None => Name::Unknown(self.nearest(name)),
        }
    }

    /// Returns the meaning of a field that has another name in this input.
    pub(super) fn field(self, field: Field) -> Name {
        if self.fields().contains(&field) {
            Name::Field(field)
        } else if self == Self::Users {
            Name::Ignored
        } else {
            Name::Unknown(None)
        }
    }

    /// The field whose name is nearest to an unknown one.
    fn nearest(self, name: &str) -> Option<Field> {
        let name = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        nearest(&name, self.fields().iter().map(|field| field.name())).and_then(Field::from_name)
    }

    /// Returns whether rows are factors, and a line may hold a user with several.
    fn has_factors(self) -> bool {
        matches!(self, Self::Factors | Self::Exported)
    }
}

/// The field of any input whose name is nearest to an unknown one.
pub(super) fn nearest_field(name: &str) -> Option<Field> {
    nearest(&name.to_ascii_lowercase(), Field::ALL.iter().map(|field| field.name()))
        .and_then(Field::from_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised() {
        for (name, expected) in [
            ("userid", Some(Field::UserId)),
            ("user id", Some(Field::UserId)),
            ("phone", Some(Field::PhoneNumber)),
            ("Phone-Number", Some(Field::PhoneNumber)),
            ("phonenumber", Some(Field::PhoneNumber)),
            ("e-mail", Some(Field::Email)),
            ("secret", Some(Field::TotpSecret)),
            ("relying_party_id", Some(Field::RelyingPartyIdentifier)),
            ("credential", None),
            ("comment", None),
            ("", None),
        ] {
            assert_eq!(Shape::Factors.nearest(name), expected, "{name}");
        }
    }
}
