//! Two people of the source on one user of the tenant: the template or the map does not tell them
//! apart, and one of them could log in with the other's factor.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    io,
};

use super::{IdentityError, PersonKey};
use crate::{
    files::Runs,
    model::{Code, Fault, Person, Spread},
};

/// Most users that are remembered: those of a pipe, and those that collide.
const MAX_USERS: usize = 1_000_000;

/// Records which person has which user id, in the first reading of an input that is read twice.
#[derive(Debug, Default)]
pub struct CollisionSurvey {
    /// Keyed anew in each process.
    hasher: RandomState,
    /// Hash of a user id, and of a person who has it.
    owners: Runs,
    /// The last pair: a person's rows follow one another.
    last: Option<[u64; 2]>,
}

impl CollisionSurvey {
    /// Records that a person has a user id.
    pub fn note(&mut self, user_id: &str, person: &Person) -> Result<(), IdentityError> {
        let pair = [self.hasher.hash_one(user_id), hash(&self.hasher, person)];
        if self.last.replace(pair) == Some(pair) {
            return Ok(());
        }
        self.owners.push(pair).map_err(disk)
    }

    /// Ends the reading, and returns the check that refuses colliding people in the next one.
    pub fn finish(self) -> Result<Collisions, IdentityError> {
        self.finish_with(MAX_USERS)
    }

    fn finish_with(self, most: usize) -> Result<Collisions, IdentityError> {
        let mut users: Vec<u64> = Vec::new();
        let mut before: Option<[u64; 2]> = None;
        for pair in self.owners.sorted().map_err(disk)? {
            let pair = pair.map_err(disk)?;
            let is_shared = before.is_some_and(|[user, owner]| user == pair[0] && owner != pair[1]);
            if is_shared && users.last() != Some(&pair[0]) {
                if users.len() == most {
                    return Err(IdentityError::Collisions);
                }
                users.push(pair[0]);
            }
            before = Some(pair);
        }
        Ok(Collisions(Detection::Shared { hasher: self.hasher, users }))
    }
}

/// Refuses people who share a user id with somebody else.
#[derive(Debug)]
pub struct Collisions(Detection);

#[derive(Debug)]
enum Detection {
    /// Collisions are impossible.
    Never,
    /// Hashes of the shared user ids, sorted.
    Shared { hasher: RandomState, users: Vec<u64> },
    /// Hashes of the user ids so far, each with that of its first person.
    SoFar { hasher: RandomState, owners: HashMap<u64, u64, Spread>, most: usize },
}

impl Collisions {
    /// Accepts everyone: different people of the source have different user ids.
    pub fn never() -> Self {
        Self(Detection::Never)
    }

    /// Refuses the second person, for an input that is read once: the first was sent already.
    pub fn so_far() -> Self {
        Self::so_far_of(MAX_USERS)
    }

    fn so_far_of(most: usize) -> Self {
        Self(Detection::SoFar { hasher: RandomState::new(), owners: HashMap::default(), most })
    }

    /// Returns why a person cannot have a user id, if so.
    pub fn check(
        &mut self,
        user_id: &str,
        person: &Person,
    ) -> Result<Result<(), Fault>, IdentityError> {
        let rule = match &mut self.0 {
            Detection::Never => return Ok(Ok(())),
            Detection::Shared { hasher, users } => {
                if users.binary_search(&hasher.hash_one(user_id)).is_err() {
                    return Ok(Ok(()));
                }
                "is also that of another person of the source: correct `--users` or `--user-id`, so that \
                 each has their own; neither was sent"
            }
            Detection::SoFar { hasher, owners, most } => {
                let owner = hash(hasher, person);
                let has_room = owners.len() < *most;
                match owners.entry(hasher.hash_one(user_id)) {
                    Entry::Occupied(first) if *first.get() == owner => return Ok(Ok(())),
                    Entry::Occupied(_) => {
                        "is also that of a person before this one in the input, whose factors may have \
                         been sent already, since a pipe is read once: find out whose user it is"
                    }
                    Entry::Vacant(place) if has_room => {
                        place.insert(owner);
                        return Ok(Ok(()));
                    }
                    Entry::Vacant(_) => return Err(IdentityError::LongPipe),
                }
            }
        };
        Ok(Err(Fault::new("user_id", Code::UserCollision, rule)))
    }
}

/// Returns a hash of what identifies a person, whose rows may be far apart.
fn hash(hasher: &RandomState, person: &Person) -> u64 {
    let keys = [PersonKey::Id, PersonKey::Username, PersonKey::Email];
    let known = keys.into_iter().find_map(|key| key.of(person).map(|value| (key as u8, value)));
    hasher.hash_one(known)
}

fn disk(source: io::Error) -> IdentityError {
    IdentityError::Disk { source }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn person(id: &str, username: &str, email: &str) -> Person {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Person { id: some(id), email: some(email), username: some(username), ..Person::default() }
    }

    fn is_refused(collisions: &mut Collisions, user_id: &str, person: &Person) -> bool {
        let refused = collisions.check(user_id, person).unwrap().err();
        refused.is_some_and(|fault| {
            assert_eq!((&*fault.code, &*fault.field), ("user_collision", "user_id"));
            assert!(!fault.rule.contains(user_id));
            true
        })
    }

    #[test]
    fn people_are_told_apart_by_id_else_username_else_address() {
        for (one, other, are_two) in [
            (person("1", "a", "a@x"), person("1", "b", "b@x"), false),
            (person("1", "a", "a@x"), person("2", "a", "a@x"), true),
            (person("", "a", "a@x"), person("", "a", "b@x"), false),
            (person("", "a", "a@x"), person("", "b", "a@x"), true),
            (person("", "", "a@x"), person("", "", "a@x"), false),
            (person("a", "", ""), person("", "a", ""), true),
        ] {
            let mut survey = CollisionSurvey::default();
            survey.note("auth0|user", &one).unwrap();
            survey.note("auth0|user", &other).unwrap();
            let mut collisions = survey.finish().unwrap();
            assert_eq!(is_refused(&mut collisions, "auth0|user", &one), are_two);
            assert_eq!(is_refused(&mut collisions, "auth0|user", &other), are_two);
            let mut pipe = Collisions::so_far();
            assert!(!is_refused(&mut pipe, "auth0|user", &one));
            assert_eq!(is_refused(&mut pipe, "auth0|user", &other), are_two);
            assert!(!is_refused(&mut pipe, "auth0|user", &one));
        }
    }

    #[test]
    fn more_than_can_be_remembered_stops_the_run() {
        let mut survey = CollisionSurvey::default();
        for number in 0..6 {
            let user_id = (number % 3).to_string();
            survey.note(&user_id, &person(&number.to_string(), "", "")).unwrap();
        }
        let error = survey.finish_with(2).unwrap_err();
        assert!(matches!(error, IdentityError::Collisions) && error.hint().len() > 20);
        let mut pipe = Collisions::so_far_of(2);
        let check = |pipe: &mut Collisions, id: &str| pipe.check(id, &person(id, "", ""));
        assert!(check(&mut pipe, "1").is_ok() && check(&mut pipe, "2").is_ok());
        assert!(check(&mut pipe, "1").is_ok());
        let error = check(&mut pipe, "3").unwrap_err();
        assert!(matches!(error, IdentityError::LongPipe) && error.hint().contains("file"));
    }

    proptest! {
        #[test]
        fn all_who_share_a_user_id_are_refused_and_nobody_else(
            rows in prop::collection::vec((0_u8..6, 0_u8..8), 0..40),
        ) {
            let of = |person_id: u8| person(&person_id.to_string(), "x", "");
            let mut owners: HashMap<u8, HashSet<u8>> = HashMap::new();
            let mut survey = CollisionSurvey::default();
            for (user, owner) in &rows {
                owners.entry(*user).or_default().insert(*owner);
                survey.note(&user.to_string(), &of(*owner)).unwrap();
            }
            let mut collisions = survey.finish().unwrap();
            let (mut pipe, mut firsts) = (Collisions::so_far(), HashMap::new());
            for (user, owner) in &rows {
                let user_id = user.to_string();
                let is_shared = owners[user].len() > 1;
                prop_assert_eq!(is_refused(&mut collisions, &user_id, &of(*owner)), is_shared);
                let first = *firsts.entry(*user).or_insert(*owner);
                prop_assert_eq!(is_refused(&mut pipe, &user_id, &of(*owner)), first != *owner);
                prop_assert!(!is_refused(&mut Collisions::never(), &user_id, &of(*owner)));
            }
        }
    }
}
