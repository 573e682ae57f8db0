//! Rows about existing methods: which method or user, and what is to change.

use std::sync::Arc;

use super::{
    Warning, common,
    draft::{Draft, Rule},
    phone,
};
use crate::model::{Change, Code, Field, Record, Rejection, Target};

/// Ids have some 30 characters; ids longer than this would make paths that servers refuse.
const MAX_METHOD_ID: usize = 256;

/// Rule on the rows that name a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// A row may name a method: `export`.
    Some,
    /// Every row must: `delete`.
    All,
    /// No row may: `delete --all-methods`.
    None,
}

/// Checks a row that names a method, or a user.
pub fn target(record: Record, naming: Naming) -> Result<Target, Box<Rejection>> {
    let line = record.line;
    let mut draft = Draft::new(record.into(), None);
    let user = common::user(&mut draft);
    let method = match naming {
        Naming::Some => draft.optional(Field::AuthenticationMethodId, method_id),
        Naming::All => draft.required(Field::AuthenticationMethodId, method_id),
        Naming::None => draft.optional(Field::AuthenticationMethodId, |_| {
            let rule = "must be empty with `--all-methods`, which means all of a user's methods";
            Err(Rule::new(Code::MustBeEmpty, rule))
        }),
    };
    match user {
        Some(user) if draft.is_sound() => Ok(Target { line, user, method }),
        user => Err(Box::new(draft.reject(user, None))),
    }
}

/// A requested change, or the reason why there is none, with its warnings.
#[derive(Debug)]
pub struct PlannedChange {
    /// The change, or every fault.
    pub change: Result<Change, Box<Rejection>>,
    /// Warnings, which do not prevent the change.
    pub warnings: Vec<Warning>,
}

/// Checks a row that changes a method.
pub fn change(record: Record) -> PlannedChange {
    let line = record.line;
    let mut draft = Draft::new(record.into(), None);
    let user = common::user(&mut draft);
    let method = draft.required(Field::AuthenticationMethodId, method_id);
    let name = common::name(&mut draft);
    let preferred = draft.optional(Field::PreferredAuthenticationMethod, phone::channel);
    if draft.is_sound() && name.is_none() && preferred.is_none() {
        let rule =
            "is empty, and so is `preferred_authentication_method`: give at least one of them";
        draft.fault(Field::Name, Rule::new(Code::EmptyChange, rule));
    }
    let warnings = draft.take_warnings();
    let change = match (user, method) {
        (Some(user), Some(method)) if draft.is_sound() => {
            Ok(Change { line, user, method, name, preferred })
        }
        (user, _) => Err(Box::new(draft.reject(user, None))),
    };
    PlannedChange { change, warnings }
}

fn method_id(id: String) -> Result<Arc<str>, Rule> {
    let (code, rule) = if id.len() > MAX_METHOD_ID {
        let rule = format!("has {} bytes; at most {MAX_METHOD_ID} are allowed", id.len());
        return Err(Rule::new(Code::TooLong, rule));
    } else if id.contains(|c: char| c.is_whitespace() || c.is_control()) {
        (Code::OuterWhiteSpace, "must not contain white space or control characters")
    } else if id == "." || id == ".." {
        (Code::DotsAlone, "must be an id such as `phone|dev_…`; dots alone cannot be used in a URL")
    } else if !id.contains('|') && (id.contains("%7C") || id.contains("%7c")) {
        (Code::PercentEncoded, "is already percent-encoded: write `|` instead of `%7C`")
    } else {
        return Ok(id.into());
    };
    Err(Rule::new(code, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Channel};

    fn record(cells: &[(Field, &str)]) -> Record {
        let mut record = Record::new(7);
        for (field, text) in cells {
            record.set(*field, Cell::Text((*text).into()));
        }
        record
    }

    fn rules(rejection: &Rejection) -> Vec<String> {
        assert_eq!(rejection.line, 7);
        rejection.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.rule)).collect()
    }

    const USER: (Field, &str) = (Field::UserId, "auth0|1");
    const METHOD: (Field, &str) = (Field::AuthenticationMethodId, "phone|dev_1");

    #[test]
    fn a_target_names_a_method_where_it_has_to_and_only_there() {
        for (naming, cells, sound) in [
            (Naming::Some, &[USER][..], true),
            (Naming::Some, &[USER, METHOD], true),
            (Naming::All, &[USER], false),
            (Naming::All, &[USER, METHOD], true),
            (Naming::None, &[USER], true),
            (Naming::None, &[USER, METHOD], false),
            (Naming::Some, &[METHOD], false),
        ] {
            let planned = target(record(cells), naming);
            assert_eq!(planned.is_ok(), sound, "{naming:?} {planned:?}");
        }
    }

    #[test]
    fn a_method_id_is_one_that_can_be_addressed() {
        for id in ["a b", "a\tb", "phone%7Cdev_1", "..", "a\u{a0}b", &"x".repeat(257)] {
            let cells = [USER, (Field::AuthenticationMethodId, id)];
            let rejection = target(record(&cells), Naming::All).unwrap_err();
            assert!(rules(&rejection)[0].starts_with("authentication_method_id: "), "{id}");
        }
    }

    #[test]
    fn a_change_changes_something_and_every_fault_is_told() {
        let name = (Field::Name, "Work");
        let voice = (Field::PreferredAuthenticationMethod, "VOICE");
        let planned = change(record(&[USER, METHOD, name, voice])).change.unwrap();
        assert_eq!(planned.name.as_deref(), Some("Work"));
        assert_eq!(planned.preferred, Some(Channel::Voice));
        assert!(change(record(&[USER, METHOD, voice])).change.is_ok());
        let nothing = change(record(&[USER, METHOD])).change.unwrap_err();
        assert!(rules(&nothing)[0].starts_with("name: is empty"));
        let long = (Field::Name, "a name of more than twenty");
        let pigeon = (Field::PreferredAuthenticationMethod, "pigeon");
        // A name is cut, everything else is a fault.
        let planned = change(record(&[long, pigeon]));
        assert_eq!(rules(&planned.change.unwrap_err()).len(), 3);
        assert_eq!(planned.warnings, [Warning::NameCut]);
    }
}
