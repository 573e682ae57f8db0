//! `--user-id TEMPLATE`: user ids built from a person's attributes in the source.

use super::PersonKey;
use crate::{
    model::{Code, Fault, Person},
    text::nearest,
};

/// Pattern of user ids, such as `auth0|{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(PersonKey),
}

/// Reason why a template cannot be used. Positions of characters are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// The template is empty.
    #[error("the template of `--user-id` is empty")]
    Empty,
    /// The template has no field.
    #[error("the template of `--user-id` has no field: everybody would have the same user id")]
    Constant,
    /// An unknown field.
    #[error("the template of `--user-id` has an unknown field at character {at}")]
    UnknownField {
        /// Position of its brace.
        at: usize,
        /// The field that may be meant.
        nearest: Option<PersonKey>,
    },
    /// A brace that is never closed.
    #[error("the template of `--user-id` has a `{{` at character {at} that is never closed")]
    Unclosed {
        /// Its place.
        at: usize,
    },
    /// A closing brace alone.
    #[error("the template of `--user-id` has a `}}` at character {at} that closes nothing")]
    Unopened {
        /// Its place.
        at: usize,
    },
    /// A character that no user id has in this position.
    #[error(
        "the template of `--user-id` has white space at its ends, or a control character, at \
         character {at}"
    )]
    Space {
        /// Its place.
        at: usize,
    },
}

impl TemplateFault {
    /// Returns advice on what to do.
    pub fn hint(self) -> String {
        match self {
            Self::Empty | Self::Constant => {
                "write what differs as a field: `{id}`, `{email}` or `{username}`, for example \
                 `--user-id 'auth0|{id}'` (in single quotes, so that the shell leaves it alone)"
                    .into()
            }
            Self::UnknownField { nearest: Some(key), .. } => {
                format!(
                    "did you mean `{{{}}}`? Fields are `{{id}}`, `{{email}}` and `{{username}}`",
                    key.name()
                )
            }
            Self::UnknownField { nearest: None, .. } => {
                "fields are `{id}`, `{email}` and `{username}`; write a brace that is part of the \
                 user id twice"
                    .into()
            }
            Self::Unclosed { .. } => {
                "close the field with `}`, or write a brace that is part of the user id twice"
                    .into()
            }
            Self::Unopened { .. } => {
                "open the field with `{`, or write a brace that is part of the user id twice".into()
            }
            Self::Space { .. } => "remove it: no user id has that".into(),
        }
    }
}

impl Template {
    /// Parses a template. Braces that are part of the user id are doubled.
    pub fn parse(template: &str) -> Result<Self, TemplateFault> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let n_chars = template.chars().count();
        let mut rest = (1..).zip(template.chars()).peekable();
        while let Some((at, character)) = rest.next() {
            let is_twice = rest.next_if(|(_, next)| *next == character && "{}".contains(*next));
            match character {
                '{' | '}' if is_twice.is_some() => text.push(character),
                '}' => return Err(TemplateFault::Unopened { at }),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some((_, '}')) => break,
                            None | Some((_, '{')) => return Err(TemplateFault::Unclosed { at }),
                            Some((_, character)) => name.push(character),
                        }
                    }
                    let Some(key) = PersonKey::ALL.into_iter().find(|key| key.name() == name)
                    else {
                        return Err(TemplateFault::UnknownField { at, nearest: near(&name) });
                    };
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(Piece::Field(key));
                }
                _ => {
                    let is_end = at == 1 || at == n_chars;
                    if character.is_control() || is_end && character.is_whitespace() {
                        return Err(TemplateFault::Space { at });
                    }
                    text.push(character);
                }
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if pieces.is_empty() {
            return Err(TemplateFault::Empty);
        }
        let template = Self(pieces);
        if template.fields().next().is_none() { Err(TemplateFault::Constant) } else { Ok(template) }
    }

    fn fields(&self) -> impl Iterator<Item = PersonKey> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Field(key) => Some(*key),
            Piece::Text(_) => None,
        })
    }

    /// Returns whether different ids always yield different user ids: only if `{id}` is the only
    /// field. With another field beside it they may not: with `{id}{email}`, the ids `1` and `12`
    /// can collide.
    pub fn is_by_id(&self) -> bool {
        self.fields().all(|key| key == PersonKey::Id)
    }

    /// Returns the user id of a person, or which attribute is missing.
    pub fn user_id(&self, person: &Person) -> Result<String, Fault> {
        let mut user_id = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => user_id.push_str(text),
                Piece::Field(key) => match key.of(person) {
                    None => return Err(missing(*key, person)),
                    Some(value) if value.trim() != value || value.contains(char::is_control) => {
                        let rule = format!(
                            "cannot be made: the source's `{}` of this person has white space at its \
                             ends, or a control character: correct it at the source, or use `--users`",
                            key.name()
                        );
                        return Err(Fault::new("user_id", Code::UserNotMapped, rule));
                    }
                    Some(value) => user_id.push_str(value),
                },
            }
        }
        Ok(user_id)
    }
}

fn near(name: &str) -> Option<PersonKey> {
    let name = name.trim().to_ascii_lowercase();
    // Synonyms and `user_id` are too far from any name by edit distance.
    let known = nearest(&name, PersonKey::ALL.into_iter().map(PersonKey::name));
    PersonKey::ALL.into_iter().find(|key| Some(key.name()) == known).or_else(|| {
        let ends_with = |key: &PersonKey| name.ends_with(&format!("_{}", key.name()));
        PersonKey::ALL.into_iter().find(|key| name == key.name() || ends_with(key))
    })
}

/// Describes which attribute is missing, and which ones this person has.
fn missing(key: PersonKey, person: &Person) -> Fault {
    let others = PersonKey::ALL.into_iter().filter(|other| other.of(person).is_some());
    let others: Vec<_> = others.map(|key| format!("`{{{}}}`", key.name())).collect();
    let instead = if others.is_empty() {
        "it knows nothing that a user id could be made of: find the user by hand".to_owned()
    } else {
        format!("it knows {} of them; or use `--users`", others.join(" and "))
    };
    let rule = format!(
        "cannot be made: the source knows no `{}` of this person, which `--user-id` needs; {instead}",
        key.name()
    );
    Fault::new("user_id", Code::UserNotMapped, rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(id: &str, email: &str, username: &str) -> Person {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Person { id: some(id), email: some(email), username: some(username), ..Person::default() }
    }

    #[test]
    fn fields_are_filled_in_and_double_braces_are_single_ones() {
        let person = person("42", "a@b.example", "zoë");
        for (template, expected) in [
            ("auth0|{id}", "auth0|42"),
            ("{id}", "42"),
            ("waad|{username}", "waad|zoë"),
            ("con|{email}|{id}", "con|a@b.example|42"),
            ("{{x}}|{id}", "{x}|42"),
            ("{{{id}}}", "{42}"),
            ("ë|{id}", "ë|42"),
            ("a b|{id}", "a b|42"),
        ] {
            let template = Template::parse(template).unwrap();
            assert_eq!(template.user_id(&person).unwrap(), expected, "{template:?}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_with_its_place() {
        use TemplateFault::{Constant, Empty, Space, Unclosed, UnknownField, Unopened};
        for (template, expected) in [
            ("", Empty),
            ("auth0|", Constant),
            ("{{id}}", Constant),
            ("auth0|{ID}", UnknownField { at: 7, nearest: Some(PersonKey::Id) }),
            ("auth0|{user_id}", UnknownField { at: 7, nearest: Some(PersonKey::Id) }),
            ("auth0|{ id }", UnknownField { at: 7, nearest: Some(PersonKey::Id) }),
            ("{user_name}", UnknownField { at: 1, nearest: Some(PersonKey::Username) }),
            ("ëë{mail}", UnknownField { at: 3, nearest: Some(PersonKey::Email) }),
            ("{phone}", UnknownField { at: 1, nearest: None }),
            ("{}", UnknownField { at: 1, nearest: None }),
            ("auth0|{id", Unclosed { at: 7 }),
            ("{id}{", Unclosed { at: 5 }),
            ("{a{id}", Unclosed { at: 1 }),
            ("auth0|id}", Unopened { at: 9 }),
            ("{id}}", Unopened { at: 5 }),
            (" {id}", Space { at: 1 }),
            ("{id}\n", Space { at: 5 }),
            ("a\u{7}{id}", Space { at: 2 }),
        ] {
            let fault = Template::parse(template).unwrap_err();
            assert_eq!(fault, expected, "{template}");
            assert!(fault.to_string().starts_with("the template of `--user-id` "), "{fault}");
            assert!(!fault.to_string().contains("{{") && fault.hint().len() > 20, "{fault}");
        }
    }

    #[test]
    fn a_person_without_the_field_is_not_mapped_and_told_what_there_is() {
        for (template, person, words) in [
            ("auth0|{id}", person("", "a@b.example", "z"), "no `id` of this person, which"),
            ("auth0|{id}", person("", "a@b.example", "z"), "it knows `{email}` and `{username}`"),
            ("auth0|{id}{email}", person("1", "", ""), "no `email`"),
            ("auth0|{id}", person("", "", ""), "find the user by hand"),
            ("auth0|{id}", person(" 1", "", ""), "white space"),
            ("auth0|{id}", person("1\n2", "", ""), "control character"),
            ("auth0|{id}", person(" ", "", ""), "no `id`"),
        ] {
            let fault = Template::parse(template).unwrap().user_id(&person).unwrap_err();
            assert_eq!((&*fault.code, &*fault.field), ("user_not_mapped", "user_id"));
            assert!(fault.rule.contains(words), "{}", fault.rule);
            assert!(!fault.rule.contains("a@b"), "a value is told: {}", fault.rule);
        }
    }

    #[test]
    fn only_ids_alone_cannot_collide() {
        for (template, expected) in [
            ("auth0|{id}", true),
            ("{id}", true),
            ("x{id}y{id}", true),
            ("{id}{email}", false),
            ("{email}", false),
            ("a|{username}", false),
        ] {
            assert_eq!(Template::parse(template).unwrap().is_by_id(), expected, "{template}");
        }
        let both = Template::parse("{id}{username}").unwrap();
        assert_eq!(both.user_id(&person("1", "", "2a")), both.user_id(&person("12", "", "a")));
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_a_fault_and_the_first_never_collides_by_id(
            template in r"(\{id\}|\{email\}|\{\{|\}\}|[{}a|ë ]|\PC){0,6}",
            ids in prop::array::uniform2(r"[1{}a|]{1,5}"),
        ) {
            if let Ok(template) = Template::parse(&template) {
                let of = |id: &str| template.user_id(&person(id, "b", ""));
                if template.is_by_id() && ids[0] != ids[1] {
                    prop_assert_ne!(of(&ids[0]), of(&ids[1]));
                }
                prop_assert_eq!(of(&ids[0]), of(&ids[0]));
            }
        }
    }
}
