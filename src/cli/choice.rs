//! Values that flags choose from.

use clap::{ValueEnum, builder::PossibleValue};

use super::select::choose;
pub use crate::model::SecretEncoding;
use crate::{model::State, preflight::FindingCode, text::nearest};

/// Reads the code of a finding.
pub(super) fn finding_code(text: &str) -> Result<FindingCode, String> {
    let names = || FindingCode::ALL.iter().map(|code| code.name());
    FindingCode::from_name(text.trim()).ok_or_else(|| {
        if let Some(near) = nearest(text.trim(), names()) {
            return format!("no finding has this code; did you mean `{near}`?");
        }
        let names: Vec<_> = names().collect();
        format!("no finding has this code; give one of {}", names.join(", "))
    })
}

/// Reads the name of a state of rows.
pub(super) fn state(text: &str) -> Result<State, String> {
    // The first is never shown, and the second by the name of another.
    let shown = |state: &State| !matches!(state, State::Pending | State::Undoing);
    let states: Vec<_> =
        State::ALL.into_iter().filter(shown).map(|state| (state.name(), state)).collect();
    choose(text.trim(), &states, "no row has this state")
}

/// Format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// An array of JSON objects, or one after another.
    Json,
}

impl ValueEnum for SecretEncoding {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Base32 => "Base32 of the key, even if it looks like another encoding",
            Self::Text => "The key is the text itself",
            Self::Hex => "Hexadecimal digits of the key",
            Self::Base64 => "Base64 of the key",
            Self::Base64OfBase32 => "Base64 of the Base32 text of the key",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// Format of a result on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Text,
    /// One JSON object.
    Json,
}

/// Format of the result of `verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// Text for people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One JSON object per factor.
    Jsonl,
}

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A summary for people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One line per factor, safe to open in a spreadsheet.
    Csv,
    /// One JSON object per factor.
    Jsonl,
    /// One page for people, to keep, to print and to sign.
    Html,
}

/// States of rows that can be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Retry {
    /// Rows that failed after the allowed attempts.
    Failed,
    /// Rows that the tenant refused.
    Rejected,
}
