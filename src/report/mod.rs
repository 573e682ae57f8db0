//! What came of it, for people and for programs: summaries, and one object a factor.

use std::io::{self, Write};

use crate::{api::Method, model::UserId};

mod rows;
mod summary;
mod verify;
mod waits;

pub use rows::{csv, jsonl};
pub use summary::{Figures, LedgerReport, Status, Summary};
pub(crate) use summary::{human, write_rejection};
pub use verify::{SampleSummary, VerifyRemarks, VerifySummary, write_extras, write_judged};
pub use waits::Waits;

/// Text that is safe on a terminal: control characters, and those that turn or hide what stands
/// around them, are shown as `\u{…}`.
pub fn escape(text: &str) -> String {
    if !text.chars().any(is_hazard) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hazard(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// JSON that is safe on a terminal: the same characters as JSON's own escapes. Outside of strings
/// JSON has none of them.
fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hazard(character) {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            safe.extend(units.into_iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_hazard(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Writes one JSON object and a line end.
pub fn write_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(out, "{}", escape_json(&json))
}

/// A user and methods of theirs as the tenant gave them, as one line of JSON: the form of exports
/// and backups.
pub(crate) fn user_line(user: &UserId, methods: &[Method]) -> String {
    // A string always serialises.
    let id = serde_json::to_string(user.as_str()).unwrap_or_default();
    let methods: Vec<&str> = methods.iter().map(|method| method.raw.expose()).collect();
    let json = format!("{{\"user_id\":{id},\"authentication_methods\":[{}]}}", methods.join(","));
    // The tenant's JSON may go over several lines, which inside of strings it cannot.
    let mut line = escape_json(&json.replace(['\n', '\r'], " "));
    line.push('\n');
    line
}

/// Milliseconds since 1970, as RFC 3339 in UTC.
fn rfc3339(at: crate::api::Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_take_over_a_terminal_is_shown_not_sent() {
        assert_eq!(escape("auth0|zoë"), "auth0|zoë");
        assert_eq!(escape("a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}"), r"a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}");
        let json = serde_json::to_string("a\u{1b}\u{202e}\u{9b}é").unwrap();
        assert_eq!(escape_json(&json), "\"a\\u001b\\u202e\\u009bé\"");
    }
}
