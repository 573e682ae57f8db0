//! Faults that make an input unreadable as a whole, and what its reader can do about them.
//!
//! No variant holds anything out of the input: without a header the first row is data, and data may
//! be a secret. Lines, positions, counts and names of known columns are all there is.

use std::io;
use std::path::PathBuf;

use super::{frame::MAX_FRAME, shape::Shape, unpack::UnpackFault};
use crate::model::Field;

/// A fault of the input as a whole: nothing after it can be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It cannot be opened.
    #[error("`{}` cannot be opened: {source}", path.display())]
    Open {
        /// Path as it was given.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// It is a directory.
    #[error("`{}` is a directory", path.display())]
    Directory {
        /// Path as it was given.
        path: PathBuf,
    },
    /// Reading failed half-way.
    #[error("line {line}: reading failed: {source}")]
    Read {
        /// The line that was being read.
        line: u64,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Compressed, and it cannot be decompressed to its end.
    #[error("line {line}: decompressing failed: {fault}")]
    Unpack {
        /// The line that was being read.
        line: u64,
        /// Fault of the compressed file, for people.
        fault: String,
    },
    /// Neither the name nor a flag says what it is.
    #[error("the format of the input is not known")]
    UnknownFormat,
    /// Not a byte, or only blank lines.
    #[error("the input is empty")]
    Empty,
    /// A compressed file, an archive or a document, by its first bytes.
    #[error("the input is {kind}, not text")]
    Binary {
        /// Kind of file, for people.
        kind: &'static str,
        /// What to do with such a file, as a sentence.
        hint: &'static str,
    },
    /// UTF-16 or UTF-32.
    #[error("the input is {encoding}, not UTF-8")]
    Encoding {
        /// The one concerned.
        encoding: &'static str,
    },
    /// A byte that is not UTF-8.
    #[error("line {line}: not UTF-8 at byte {offset} of the input")]
    InvalidUtf8 {
        /// Physical line.
        line: u64,
        /// From the start of the input, counted from 0.
        offset: u64,
    },
    /// A NUL byte.
    #[error("line {line}: a NUL byte at byte {offset} of the input")]
    Nul {
        /// Physical line.
        line: u64,
        /// From the start of the input, counted from 0.
        offset: u64,
    },
    /// A line that does not end within the limit.
    #[error("line {line}: longer than {MAX_FRAME} bytes")]
    TooLong {
        /// Line on which it begins.
        line: u64,
    },
    /// A quoted cell that does not end within the limit or before the end of the input.
    #[error("line {line}: a quote is opened here and never closed")]
    UnclosedQuote {
        /// Line on which it is opened.
        line: u64,
    },
    /// A header with a quote in the wrong place or a bare carriage return.
    #[error("line {line}: the header {rule}")]
    BadHeader {
        /// Line of the header.
        line: u64,
        /// Rule that it breaks.
        rule: &'static str,
    },
    /// The first line holds no name of any column.
    #[error("line {line}: not a header: none of its cells is the name of a column")]
    NoHeader {
        /// Line of the header.
        line: u64,
    },
    /// The header is separated by something that is a delimiter only if somebody says so.
    #[error("line {line}: the cells of the header are separated by {name}")]
    Delimiter {
        /// Line of the header.
        line: u64,
        /// The separator.
        character: char,
        /// Its name, in the plural.
        name: &'static str,
    },
    /// A column that this tool does not know.
    #[error("line {line}: the name of column {position} is not known")]
    UnknownColumn {
        /// Line of the header.
        line: u64,
        /// Counted from 1.
        position: usize,
        /// Known column that may be meant.
        nearest: Option<Field>,
    },
    /// The same column twice.
    #[error("line {line}: the column `{}` is there twice, as columns {first} and {second}", field.name())]
    RepeatedColumn {
        /// Line of the header.
        line: u64,
        /// The one concerned.
        field: Field,
        /// Counted from 1.
        first: usize,
        /// Counted from 1.
        second: usize,
    },
    /// A column that every input needs.
    #[error("line {line}: the column `{}` is missing", field.name())]
    MissingColumn {
        /// Line of the header.
        line: u64,
        /// The one concerned.
        field: Field,
        /// Of what kind of rows.
        shape: Shape,
    },
    /// JSON in what should be CSV.
    #[error("line {line}: this is JSON, not CSV")]
    JsonAsCsv {
        /// The first line.
        line: u64,
    },
    /// A CSV header in what should be JSONL.
    #[error("line {line}: this is a CSV header, not JSON")]
    CsvAsJsonl {
        /// The first line.
        line: u64,
    },
    /// One JSON array instead of one object a line.
    #[error("line {line}: this is one JSON array, not one object a line")]
    JsonArray {
        /// The first line.
        line: u64,
    },
    /// Objects separated by commas.
    #[error("line {line}: a comma follows the JSON object")]
    TrailingComma {
        /// The first line.
        line: u64,
    },
    /// A JSON document that ends inside an object or an array.
    #[error("line {line}: the JSON ends before its array or object does: was the file cut off?")]
    UnfinishedJson {
        /// Where the last value begins.
        line: u64,
    },
    /// Something between the values of a JSON document that has no place there.
    #[error("line {line}: not valid JSON between two objects")]
    MisplacedJson {
        /// Line of it.
        line: u64,
    },
    /// One object of a JSON document that is longer than any user's.
    #[error("line {line}: the JSON object that begins here is longer than {MAX_FRAME} bytes")]
    LongObject {
        /// Line on which it begins.
        line: u64,
    },
    /// Another known format.
    #[error("line {line}: this is {kind}")]
    Foreign {
        /// Line that shows it.
        line: u64,
        /// Kind of file, for people.
        kind: &'static str,
        /// What to do with such a file, as a sentence.
        hint: &'static str,
    },
    /// An object spread over lines.
    #[error("line {line}: the JSON object goes on over several lines")]
    PrettyJson {
        /// The first line.
        line: u64,
    },
}

impl InputError {
    /// Makes one of what stopped a reader.
    pub(super) fn of_reader(line: u64, source: io::Error) -> Self {
        match UnpackFault::of(&source) {
            Some(fault) => Self::Unpack { line, fault: fault.to_string() },
            None => Self::Read { line, source },
        }
    }

    /// The physical line it was found on, where there is one.
    pub fn line(&self) -> Option<u64> {
        match *self {
            Self::Open { .. }
            | Self::Directory { .. }
            | Self::UnknownFormat
            | Self::Empty
            | Self::Binary { .. }
            | Self::Encoding { .. } => None,
            Self::Read { line, .. }
            | Self::InvalidUtf8 { line, .. }
            | Self::Nul { line, .. }
            | Self::TooLong { line }
            | Self::UnclosedQuote { line }
            | Self::BadHeader { line, .. }
            | Self::NoHeader { line }
            | Self::Delimiter { line, .. }
            | Self::UnknownColumn { line, .. }
            | Self::RepeatedColumn { line, .. }
            | Self::MissingColumn { line, .. }
            | Self::JsonAsCsv { line }
            | Self::CsvAsJsonl { line }
            | Self::JsonArray { line }
            | Self::TrailingComma { line }
            | Self::Unpack { line, .. }
            | Self::UnfinishedJson { line }
            | Self::MisplacedJson { line }
            | Self::LongObject { line }
            | Self::Foreign { line, .. }
            | Self::PrettyJson { line } => Some(line),
        }
    }

    /// Returns what its reader can do about it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Open { .. } => "check the path and that you may read the file",
            Self::Directory { .. } => "name a file in it",
            Self::Read { .. } => "check the disk or the pipe, then run the same command again",
            Self::UnknownFormat => {
                "give `--format csv`, `jsonl` or `json`, or name the file `.csv`, `.tsv`, `.jsonl`, \
                 `.ndjson` or `.json`, with `.gz` or `.zst` behind it if it is compressed"
            }
            Self::Empty => "a CSV needs at least its header, a JSONL at least one line",
            Self::Binary { hint, .. } | Self::Foreign { hint, .. } => hint,
            Self::Encoding { .. } => {
                "convert it, for example `iconv -f UTF-16 -t UTF-8 INPUT > converted.csv`; \
                 spreadsheets call the right format `CSV UTF-8`"
            }
            Self::InvalidUtf8 { .. } => {
                "convert it, for example `iconv -f WINDOWS-1252 -t UTF-8 INPUT > converted.csv`"
            }
            Self::Nul { .. } => "no text holds NUL bytes: is this the right file, and is it whole?",
            Self::TooLong { .. } => "end lines with LF or CRLF; is this the right file?",
            Self::UnclosedQuote { .. } => {
                "close it; a quote that belongs to the value is written twice, inside a quoted cell"
            }
            Self::BadHeader { .. } => {
                "write the names as they are, on one line, with a comma, a semicolon or a tab between them"
            }
            Self::NoHeader { .. } => {
                "begin with a header such as `user_id,type,phone_number,email,totp_secret`"
            }
            Self::Delimiter { character, .. } => {
                return format!("give `--delimiter '{character}'`");
            }
            Self::UnknownColumn { nearest: Some(field), .. } => {
                let name = field.name();
                return format!(
                    "did you mean `{name}`? `--map '{name}=NAME'` reads the column NAME as that, \
                     `--ignore-columns NAME` passes over it"
                );
            }
            Self::UnknownColumn { nearest: None, .. } => {
                "the columns are the API's own names, see the README; `--map 'OURS=NAME'` reads the \
                 column NAME as OURS, `--ignore-columns NAME` passes over it"
            }
            Self::RepeatedColumn { .. } => "remove or rename one of them",
            Self::MissingColumn { shape, .. } => {
                let needed: Vec<_> =
                    shape.required().iter().map(|field| format!("`{}`", field.name())).collect();
                return format!("every row needs {}", needed.join(" and "));
            }
            Self::Unpack { .. } => {
                "fetch it again, or decompress it yourself and look at what comes out"
            }
            Self::UnfinishedJson { .. } => "fetch it again; nothing after this place was read",
            Self::MisplacedJson { .. } => "write an array of objects, or objects one after another",
            Self::LongObject { .. } => {
                "the file must be an array of factors or users, or such objects one after another; \
                 is this the right file?"
            }
            Self::JsonAsCsv { .. } => "give `--format jsonl`, or `--format json` for an array",
            Self::CsvAsJsonl { .. } => "give `--format csv`",
            Self::JsonArray { .. } | Self::PrettyJson { .. } => "give `--format json`",
            Self::TrailingComma { .. } => {
                "give `--format json`, which reads on, or take the commas off, for example \
                 `sed 's/,[[:space:]]*$//' INPUT > converted.jsonl`"
            }
        };
        hint.to_owned()
    }
}
