//! The object that a program gets in place of a result, or within it, when an error stops a
//! command.

use serde::Serialize;

use crate::error::{Error, Exit, NOT_READY};

/// Error of a command; the contract's error object (section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    schema: &'static str,
    status: &'static str,
    #[serde(flatten)]
    cause: Cause,
}

/// Error and advice, as fields of a result or of an error object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    exit_code: u8,
    code: &'static str,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Cause {
    /// Describes an error.
    pub fn of(error: &Error) -> Self {
        Self {
            exit_code: error.exit() as u8,
            code: error.code(),
            error: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Cause {
    /// Returns whether the error stopped an import before its first request.
    pub(super) fn is_not_ready(&self) -> bool {
        self.code == NOT_READY
    }
}

impl Failure {
    /// Describes an error that stopped a command before it had a result.
    pub fn of(error: &Error) -> Self {
        Self::with(Cause::of(error))
    }

    /// Describes a command line that the parser refused, in the parser's words: what is wrong comes
    /// first, then its advice, if any, and much that only people need.
    pub fn usage(message: &str) -> Self {
        let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut paragraphs = message.trim().split("\n\n").map(in_one_line);
        let error = paragraphs.next().unwrap_or_default();
        let error = error.strip_prefix("error: ").unwrap_or(&error).to_owned();
        let hint = paragraphs.find_map(|told| {
            let advice = told.strip_prefix("hint: ").or_else(|| told.strip_prefix("tip: "))?;
            Some(advice.to_owned())
        });
        let hint = Some(hint.unwrap_or_else(|| "`--help` lists what there is".to_owned()));
        Self::with(Cause { exit_code: Exit::Usage as u8, code: "usage", error, hint })
    }

    fn with(cause: Cause) -> Self {
        Self { schema: "mfaferry/error/1", status: "error", cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_says_is_taken_apart_into_a_sentence_and_advice() {
        let help = "`--help` lists what there is";
        let end = "Usage: mfaferry report <LEDGER>...\n\nFor more information, try '--help'.\n";
        for (said, error, hint) in [
            (
                "unexpected argument '--bad' found\n\n  tip: to pass '--bad', use '-- --bad'",
                "unexpected argument '--bad' found",
                "to pass '--bad', use '-- --bad'",
            ),
            (
                "the following required arguments were not provided:\n  <LEDGER>...",
                "the following required arguments were not provided: <LEDGER>...",
                help,
            ),
            (
                "invalid value 'x' for '--state <STATE>'\n  [possible values: created, failed]",
                "invalid value 'x' for '--state <STATE>' [possible values: created, failed]",
                help,
            ),
            (
                "invalid value for '--rate'\n\nhint: give a number",
                "invalid value for '--rate'",
                "give a number",
            ),
        ] {
            let Cause { error: told, hint: advice, .. } =
                Failure::usage(&format!("error: {said}\n\n{end}")).cause;
            assert_eq!((&*told, advice.as_deref()), (error, Some(hint)));
        }
    }
}
