//! Cells of database tables, however their clients print them.

use super::Rows;
use crate::model::{Code, FactorType, Node, Person};

static NULL: Node = Node::Null;

/// Words that clients print for NULL: SQL Server's, `COPY`'s, `DBeaver`'s, SQL Developer's.
const NULL_WORDS: [&str; 4] = ["NULL", "\\N", "[NULL]", "(null)"];

/// Returns the cell of a column. Case and underscores of names are the database's own.
pub(super) fn cell<'a>(row: &'a Node, column: &str) -> &'a Node {
    let entry = row.entries().iter().find(|(name, _)| is_same(name, column));
    match entry.map(|(_, value)| value) {
        Some(Node::Text(text)) if NULL_WORDS.contains(&text.trim()) => &NULL,
        Some(value) => value,
        None => &NULL,
    }
}

/// Returns whether a row has that column, with whatever in it.
pub(super) fn has(row: &Node, column: &str) -> bool {
    row.entries().iter().any(|(name, _)| is_same(name, column))
}

/// Returns whose row it is: the user's columns that the documented queries join.
pub(super) fn person(row: &Node) -> Person {
    let text = |column| cell(row, column).scalar().map(str::to_owned);
    Person {
        id: text("user_id"),
        email: text("email"),
        username: text("username"),
        is_email_verified: None,
        is_disabled: cell(row, "is_active").flag() == Some(false),
    }
}

/// Returns whether a row's user is named by a UUID in its usual groups.
pub(super) fn is_of_uuid(row: &Node) -> bool {
    let hyphens = [8, 13, 18, 23];
    cell(row, "user_id").text().is_some_and(|id| {
        id.len() == 36
            && id.bytes().enumerate().all(|(at, byte)| match byte {
                b'-' => hyphens.contains(&at),
                _ => byte.is_ascii_hexdigit() && !hyphens.contains(&at),
            })
    })
}

/// Returns whether a device is confirmed; of any other, adds the row that says so.
pub(super) fn is_confirmed(device: &Node, factor_type: FactorType, rows: &mut Rows<'_>) -> bool {
    let confirmed = cell(device, "confirmed").flag();
    match confirmed {
        Some(true) => return true,
        Some(false) => {
            let rule = "was never confirmed: its user did not finish to enrol it";
            rows.not_carried("", Some(factor_type), Code::Unconfirmed, rule);
        }
        None => {
            let rule = "has no `confirmed` that is true or false: select that column as well";
            rows.reject("", Some(factor_type), "", Code::InvalidRow, rule);
        }
    }
    false
}

fn is_same(name: &str, column: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> + '_ {
        name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
    }
    letters(name).eq(letters(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::from_json;

    #[test]
    fn a_column_is_found_however_the_database_spells_it_and_its_word_for_nothing_is_nothing() {
        for name in ["LoginProvider", "loginprovider", "login_provider", "LOGIN_PROVIDER"] {
            let row = from_json(&format!(r#"{{"other":"a","{name}":"b"}}"#)).unwrap();
            assert_eq!(cell(&row, "LoginProvider").text(), Some("b"), "{name}");
            assert!(has(&row, "LoginProvider"));
        }
        for word in ["NULL", "\\\\N", "[NULL]", "(null)", ""] {
            let row = from_json(&format!(r#"{{"key":"{word}"}}"#)).unwrap();
            assert_eq!(cell(&row, "key").text(), None, "{word}");
            assert!(has(&row, "key"));
        }
        assert!(!has(&Node::of("key"), "key"));
    }

    #[test]
    fn a_uuid_has_its_hyphens() {
        for (id, expected) in [
            ("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21", true),
            ("5D0C9F0E-3B0A-4C7E-9A53-0F6C1F1A7D21", true),
            ("5d0c9f0e3b0a4c7e9a530f6c1f1a7d21", false),
            ("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7dzz", false),
            ("5d0c9f0e-3b0a-4c7e-9a530-f6c1f1a7d21", false),
            ("17", false),
        ] {
            let row = from_json(&format!(r#"{{"user_id":"{id}"}}"#)).unwrap();
            assert_eq!(is_of_uuid(&row), expected, "{id}");
        }
        assert!(!is_of_uuid(&from_json(r#"{"user_id":17}"#).unwrap()));
    }
}
