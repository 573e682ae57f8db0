//! The object that a program gets in place of a result, or within it, when an error stops a command.

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
    /// Returns whether it stopped an import before its first request.
    pub(super) fn is_not_ready(&self) -> bool {
        self.code == NOT_READY
    }
}

impl Failure {
    /// Describes an error that stopped a command before it had a result.
    pub fn of(error: &Error) -> Self {
        Self::with(Cause::of(error))
    }

    /// Describes flags that were refused, in the words of their parser.
    pub fn usage(message: &str) -> Self {
        let message = message.trim().trim_start_matches("error: ");
        let (error, hint) = match message.split_once("\n\nhint: ") {
            Some((error, hint)) => (error, Some(hint.trim().to_owned())),
            None => (message, None),
        };
        let error = error.to_owned();
        Self::with(Cause { exit_code: Exit::Usage as u8, code: "usage", error, hint })
    }

    fn with(cause: Cause) -> Self {
        Self { schema: "mfaferry/error/1", status: "error", cause }
    }
}
