//! Errors that stop a run before anything is sent, because the template or the map cannot be used.

use std::{io, path::PathBuf};

use super::TemplateFault;
use crate::{
    input::InputError,
    text::{escape, file_name},
};

/// A fault of the template or the map that assigns users to people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The template of `--user-id`.
    #[error(transparent)]
    Template(#[from] TemplateFault),
    /// The map of `--users` cannot be read to its end.
    #[error("the map of `--users`: {}", of_file(path, fault))]
    Map {
        /// Path as it was given.
        path: PathBuf,
        /// Reason why.
        fault: InputError,
    },
    /// The map lacks the columns that a map needs.
    #[error("the map of `--users`: {} has no column {what}", escape(&file_name(path)))]
    Column {
        /// Path as it was given.
        path: PathBuf,
        /// The columns, at least one of which is required.
        what: &'static str,
    },
    /// People share user ids as if all were one person.
    #[error("more than a million user ids are those of several people each")]
    Collisions,
    /// More people than memory is set aside for, where they have to be remembered.
    #[error(
        "more than a million people in an input that is read once: whether two of them have one \
         user id cannot be told any more"
    )]
    LongPipe,
    /// The machine fails.
    #[error("people cannot be looked up: {source}")]
    Disk {
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Describes a fault of a file, and names the file.
fn of_file(path: &std::path::Path, fault: &InputError) -> String {
    let path = escape(&file_name(path));
    match fault {
        // These faults name the file themselves.
        InputError::Open { .. } | InputError::Directory { .. } => fault.to_string(),
        InputError::UnknownFormat => format!("cannot tell the format of {path}"),
        InputError::Empty => format!("{path} is empty, or has no line below its header"),
        InputError::JsonAsCsv { line } => format!("{path} line {line}: this is JSON, not CSV"),
        _ if fault.line().is_some() => format!("{path} {fault}"),
        _ => format!("{path}: {fault}"),
    }
}

impl IdentityError {
    /// Returns the fault of an input whose people cannot be looked up.
    pub(super) fn of_people(self) -> InputError {
        InputError::People { why: self.to_string(), hint: self.hint() }
    }

    /// Returns true if what was given is not at fault.
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self, Self::Disk { .. })
    }

    /// Returns advice on what to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Template(fault) => fault.hint(),
            Self::Column { .. } | Self::Map { fault: InputError::Empty, .. } => {
                "a map is a CSV with the column `user_id` and one or more of `id`, `email` and \
                 `username`, or what Auth0's user export job writes"
                    .into()
            }
            Self::Map { fault: InputError::UnknownFormat | InputError::JsonAsCsv { .. }, .. } => {
                "let its name end in `.csv`, `.tsv`, `.jsonl`, `.ndjson` or `.json`, whichever it is, \
                 followed by `.gz` or `.zst` if it is compressed"
                    .into()
            }
            Self::Map { fault: InputError::MisplacedJson { .. }, .. } => {
                "a map in JSON is one object per user, one after another or in an array; if it is a \
                 CSV, let its name end in `.csv`"
                    .into()
            }
            Self::Map { fault: InputError::BadRow { .. }, .. } => {
                "correct the line, or remove it, and run the same command again".into()
            }
            Self::Map { fault, .. } => fault.hint(),
            Self::Collisions => {
                "`--user-id` or `--users` does not tell the people of the source apart: correct it".into()
            }
            Self::LongPipe => {
                "write it to a file and give that: a file is read twice, however long it is; the same \
                 command resumes"
                    .into()
            }
            Self::Disk { .. } => {
                "people are looked up in a temporary file: let $TMPDIR name a folder with room for \
                 twice the map, then run the same command again"
                    .into()
            }
        }
    }
}
