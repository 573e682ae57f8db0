//! The lines of a map that match a person, and what follows from all of them.

use super::{MAX_LINES_EXAMINED, Owner, PersonKey};
use crate::model::{Code, Fault};

/// Owners of the lines that have a given value.
#[derive(Debug)]
pub(super) enum Owners {
    /// The owners of all such lines.
    Of(Vec<Owner<String>>),
    /// There are more than [`MAX_LINES_EXAMINED`] such lines.
    TooMany,
}

/// Matches of all keys.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// Keys that the map has.
    keys: Vec<PersonKey>,
    /// Keys that the person has, too.
    asked: Vec<PersonKey>,
    /// Owners by each key that matched any line, in the order of [`PersonKey::ALL`].
    owners: Vec<Vec<Owner<String>>>,
    /// The first key whose value is in too many lines.
    too_many: Option<PersonKey>,
}

impl Matches {
    /// Takes in the matches of one of the map's keys, if the person has it. Keys come in the order
    /// of [`PersonKey::ALL`].
    pub(super) fn add(&mut self, key: PersonKey, owners: Option<Owners>) {
        self.keys.push(key);
        let Some(owners) = owners else { return };
        self.asked.push(key);
        match owners {
            Owners::TooMany => self.too_many = self.too_many.or(Some(key)),
            Owners::Of(owners) if owners.is_empty() => {}
            Owners::Of(owners) => self.owners.push(owners),
        }
    }

    /// Returns the only user id, or the reason why there is none.
    ///
    /// Different user ids are never chosen between. A line without a user id is a decision not to
    /// assign one to the person; it overrides the matches of less reliable keys, but not of more
    /// reliable ones: of two people with one address, somebody may have looked one up by hand.
    pub(super) fn judge(self) -> Result<String, Fault> {
        let fault = |code, rule: String| Err(Fault::new("user_id", code, rule));
        let Self { keys, asked, owners, too_many } = self;
        if let Some(key) = too_many {
            let rule = format!(
                "cannot be told: more than {MAX_LINES_EXAMINED} lines of the map have this person's `{}`: is it a \
                 placeholder? Remove it from them",
                key.name()
            );
            return fault(Code::UserAmbiguous, rule);
        }
        let mut user_ids: Vec<&String> = owners.iter().flatten().flatten().collect();
        user_ids.sort_unstable();
        user_ids.dedup();
        let surest = owners.first().map(Vec::as_slice).unwrap_or_default();
        let code = surest.iter().find_map(|owner| owner.as_ref().err());
        let has_user_id = surest.iter().any(Result::is_ok);
        match (&*user_ids, code) {
            ([_, _, ..], _) => fault(
                Code::UserAmbiguous,
                format!(
                    "cannot be told: the lines of the map that have this person's {} give different \
                     user ids: leave the right one only",
                    names(&asked)
                ),
            ),
            (_, Some(_)) if has_user_id => fault(
                Code::UserAmbiguous,
                format!(
                    "cannot be told: of the lines of the map that have this person's {}, one gives a \
                     user id and another gives none: leave the right one only",
                    names(&asked)
                ),
            ),
            (_, Some(code)) => fault(
                *code,
                "is empty in the person's line of the map, whose `mf_code` is this one or empty: find \
                 the user, and fill it in"
                    .into(),
            ),
            ([user_id], None) => Ok((*user_id).clone()),
            ([], None) if asked.is_empty() => fault(
                Code::UserNotMapped,
                format!(
                    "cannot be told: the source knows no {} of this person, which the map goes by: add \
                     a column to the map that it knows",
                    names(&keys)
                ),
            ),
            ([], None) => fault(
                Code::UserNotMapped,
                format!(
                    "cannot be told: no line of the map has this person's {}: add one, unless the \
                     person is not to be moved",
                    names(&asked)
                ),
            ),
        }
    }
}

/// Lists names of keys.
fn names(keys: &[PersonKey]) -> String {
    let names: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name())).collect();
    names.join(" or ")
}
