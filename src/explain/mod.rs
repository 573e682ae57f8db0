//! Explanations of every code that reports, summaries, checks and errors can show: its meaning, its
//! likely cause, and its remedy. The tables are the one place for these texts.

use crate::text::nearest;

mod advice;
mod checks;
mod errors;
mod keys;
mod outcomes;
mod people;
mod preflight;
mod requests;
mod rows;
mod secrets;
mod sources;

pub use advice::{Action, Advice, advice};

/// A code and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// Stable name.
    pub code: &'static str,
    /// Meaning, in a sentence.
    pub meaning: &'static str,
    /// Likely cause, in a sentence or two.
    pub cause: &'static str,
    /// Remedy, in a sentence or two.
    pub remedy: &'static str,
}

impl Explanation {
    const fn of(
        code: &'static str,
        meaning: &'static str,
        cause: &'static str,
        remedy: &'static str,
    ) -> Self {
        Self { code, meaning, cause, remedy }
    }
}

/// Codes that belong together.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct CodeGroup {
    /// Heading.
    pub title: &'static str,
    /// Its codes.
    pub codes: &'static [Explanation],
}

/// Every group, in the order of a migration.
pub const GROUPS: &[CodeGroup] = &[
    CodeGroup { title: "Rows and values", codes: rows::TABLE },
    CodeGroup { title: "TOTP secrets", codes: secrets::TABLE },
    CodeGroup { title: "Security keys and passkeys", codes: keys::TABLE },
    CodeGroup { title: "Other systems' exports", codes: sources::TABLE },
    CodeGroup { title: "Whose factor it is", codes: people::TABLE },
    CodeGroup { title: "Warnings of `check`", codes: checks::TABLE },
    CodeGroup { title: "Findings of `preflight`", codes: preflight::TABLE },
    CodeGroup { title: "Refusals of the tenant", codes: requests::TABLE },
    CodeGroup { title: "Outcomes in doubt", codes: outcomes::TABLE },
    CodeGroup { title: "Errors that stop a command", codes: errors::TABLE },
];

/// Finds a code with its group. A code with a detail behind a colon, as reports show it, is found,
/// too.
pub fn find(text: &str) -> Option<(&'static CodeGroup, &'static Explanation)> {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    let is_status = name.strip_prefix("http_").is_some_and(|status| status.parse::<u16>().is_ok());
    let name = if is_status { "http" } else { name };
    GROUPS.iter().find_map(|group| {
        let found = group.codes.iter().find(|explanation| explanation.code == name)?;
        Some((group, found))
    })
}

/// Returns the code whose name is nearest to `text`, if any is near.
pub fn nearest_code(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let exact = find(&text).map(|(_, explanation)| explanation.code);
    exact.or_else(|| nearest(&text, all().map(|explanation| explanation.code)))
}

fn all() -> impl Iterator<Item = &'static Explanation> {
    GROUPS.iter().flat_map(|group| group.codes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{model::Code, preflight::FindingCode};

    #[test]
    fn every_code_is_explained_once_in_whole_sentences() {
        let mut names: Vec<_> = all().map(|explanation| explanation.code).collect();
        let codes = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), codes, "a code is explained twice");
        for explanation in all() {
            let Explanation { code, meaning, cause, remedy } = explanation;
            for text in [meaning, cause, remedy] {
                assert!(text.ends_with('.') && text.len() < 200, "{code}: {text}");
            }
        }
    }

    #[test]
    fn every_code_that_can_be_written_is_explained() {
        let explained: BTreeSet<_> = all().map(|explanation| explanation.code).collect();
        let reasons = Code::ALL.iter().map(|code| code.name());
        let findings = FindingCode::ALL.iter().map(|code| code.name());
        let missing: Vec<_> =
            reasons.chain(findings).filter(|name| !explained.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_code_is_found_as_reports_show_it() {
        for (text, code) in [
            ("user_not_found", "user_not_found"),
            ("invalid_body:phone_number", "invalid_body"),
            ("http_502", "http"),
            ("id_given_twice:phone|dev_x", "id_given_twice"),
        ] {
            assert_eq!(find(text).map(|(_, explanation)| explanation.code), Some(code));
        }
        assert!(find("http_x").is_none());
        for text in ["user_not_fond", "USER_NOT_FOUND", "User_Not_Fond", "USER_NOT_FOUND:x"] {
            assert_eq!(nearest_code(text), Some("user_not_found"), "{text}");
        }
    }
}
