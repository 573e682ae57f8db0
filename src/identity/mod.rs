//! Assigns people of another system to users of the tenant, by a template, by a map, or by the ids
//! that they have already. The right factor has to go to the right person: in any doubt, the person
//! is refused.

mod collisions;
mod error;
mod map;
mod people;
mod template;

pub use collisions::{CollisionSurvey, Collisions};
pub use error::IdentityError;
pub use map::Map;
pub use people::{People, survey};
pub use template::{Template, TemplateFault};

use crate::model::{Code, Fault, Person};

/// The way from a person of the source to a user of the tenant.
#[derive(Debug)]
pub enum Identity {
    /// The source's ids are the tenant's.
    Known,
    /// No mapping was given and nothing will be sent: people keep the ids of the source, whose name
    /// this is.
    Unsaid(&'static str),
    /// Users follow from a template.
    Template(Template),
    /// Users are listed in a map.
    Map(Map),
}

impl Identity {
    /// Returns the user id of a person, or the reason why they have none.
    pub fn user_id(&mut self, person: &Person) -> Result<Result<String, Fault>, IdentityError> {
        match self {
            Self::Known => Ok(person.id.clone().ok_or_else(|| {
                let rule = "is missing: the source names no user here";
                Fault::new("user_id", Code::UserNotMapped, rule)
            })),
            Self::Unsaid(system) => {
                let name = PersonKey::ALL.into_iter().find_map(|key| key.of(person));
                Ok(name.map(|name| format!("{system}|{name}")).ok_or_else(|| {
                    let rule = "is missing: the source names nobody here";
                    Fault::new("user_id", Code::UserNotMapped, rule)
                }))
            }
            Self::Template(template) => Ok(template.user_id(person)),
            Self::Map(map) => map.user_id(person),
        }
    }

    /// Returns whether two people of the source may get the same user id.
    pub fn may_collide(&self) -> bool {
        match self {
            Self::Known | Self::Unsaid(_) => false,
            Self::Template(template) => !template.is_by_id(),
            Self::Map(_) => true,
        }
    }
}

/// Attributes by which a person is identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonKey {
    /// Id in the other system.
    Id,
    /// E-mail address.
    Email,
    /// Name to log in with.
    Username,
}

impl PersonKey {
    /// Every key, the most reliable first.
    pub const ALL: [Self; 3] = [Self::Id, Self::Email, Self::Username];

    /// Returns the name in templates and maps.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::Username => "username",
        }
    }

    /// Returns a person's value for this key; a blank one counts as none.
    fn of(self, person: &Person) -> Option<&str> {
        let value = match self {
            Self::Id => &person.id,
            Self::Email => &person.email,
            Self::Username => &person.username,
        };
        value.as_deref().filter(|value| !value.trim().is_empty())
    }
}
