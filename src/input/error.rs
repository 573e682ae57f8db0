//! Faults that make an input unreadable as a whole, and what to do about them.
//!
//! No variant holds anything from the input: without a header the first row is data, and data may
//! be a secret. Messages consist of lines, positions, counts and names of known columns only.

use std::io;
use std::path::{Path, PathBuf};

use super::{frame::MAX_FRAME, shape::Shape, unpack::UnpackFault};
use crate::{
    model::Field,
    text::{escape, file_name},
};

/// A fault of the input as a whole: nothing after it can be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It cannot be opened.
    #[error("`{}` cannot be opened: {source}", escape(&file_name(path)))]
    Open {
        /// Path as it was given.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// It is a directory.
    #[error("`{}` is a directory", escape(&file_name(path)))]
    Directory {
        /// Path as it was given.
        path: PathBuf,
    },
    /// Standard input beside files.
    #[error("standard input (`-`) cannot be one of several inputs")]
    StandardInput,
    /// One of several files has a fault.
    #[error("{}{fault}", place(file, fault))]
    OfFile {
        /// The file as it was given.
        file: PathBuf,
        /// Its fault.
        fault: Box<Self>,
    },
    /// The people of an export cannot be looked up.
    #[error("{why}")]
    People {
        /// Reason for people, without a value.
        why: String,
        /// Advice, as a sentence.
        hint: String,
    },
    /// Reading failed half-way.
    #[error("line {line}: reading failed: {source}")]
    Read {
        /// The line that was being read.
        line: u64,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The compressed input cannot be decompressed to its end.
    #[error("line {line}: decompressing failed: {fault}")]
    Unpack {
        /// The line that was being read.
        line: u64,
        /// Fault of the compressed file, for people.
        fault: String,
    },
    /// A folder without a file of an export.
    #[error("`{}` has no file of such an export", escape(&file_name(path)))]
    EmptyFolder {
        /// Path as it was given.
        path: PathBuf,
    },
    /// A file in a form that the system does not write.
    #[error("this file is not an export of {system}")]
    OtherForm {
        /// Name of the system.
        system: &'static str,
        /// Extensions of its files, for people.
        forms: String,
    },
    /// A file of another system than `--from` says.
    #[error("line {line}: this is no export of {system}{}", looks_like(*other))]
    NotThisSystem {
        /// Line of the first element.
        line: u64,
        /// Name of the system.
        system: &'static str,
        /// Name of the system whose export it looks like, and its name for `--from`.
        other: Option<(&'static str, &'static str)>,
    },
    /// A note that comes after the people it is about, in an input that can be read only once.
    #[error("line {line}: `{place}` stands after people that it is about")]
    LateNote {
        /// Line reached by then.
        line: u64,
        /// Name of the note.
        place: &'static str,
    },
    /// An export without any factor.
    #[error("this export of {system} holds no factor at all (people read: {people})")]
    NoFactors {
        /// Name of the system.
        system: &'static str,
        /// Number of people read.
        people: u64,
        /// Advice, as a sentence.
        hint: &'static str,
    },
    /// Neither the name nor a flag shows the format.
    #[error("cannot tell the format of the input")]
    UnknownFormat,
    /// Input without a single byte, or with blank lines only.
    #[error("the input is empty")]
    Empty,
    /// A compressed file, an archive or a document, by its first bytes.
    #[error("the input is {kind}, not text")]
    Binary {
        /// Kind of file, for people.
        kind: &'static str,
        /// Advice on such a file, as a sentence.
        hint: &'static str,
    },
    /// UTF-16 or UTF-32.
    #[error("the input is {encoding}, not UTF-8")]
    Encoding {
        /// The one concerned.
        encoding: &'static str,
    },
    /// A byte that is not UTF-8.
    #[error("line {line}: invalid UTF-8 at byte {offset} of the input")]
    InvalidUtf8 {
        /// Physical line.
        line: u64,
        /// Offset from the start of the input, counted from 0.
        offset: u64,
    },
    /// Invalid YAML, or YAML with features that no export has.
    #[error("line {line}: {fault}")]
    Yaml {
        /// Physical line.
        line: u64,
        /// Fault, for people.
        fault: &'static str,
    },
    /// A NUL byte.
    #[error("line {line}: a NUL byte at byte {offset} of the input")]
    Nul {
        /// Physical line.
        line: u64,
        /// Offset from the start of the input, counted from 0.
        offset: u64,
    },
    /// A line that does not end within the limit.
    #[error("line {line}: longer than {MAX_FRAME} bytes")]
    TooLong {
        /// Line on which it begins.
        line: u64,
    },
    /// A quoted cell that does not end within the limit or before the end of the input.
    #[error("line {line}: a quote opened here is never closed")]
    UnclosedQuote {
        /// Line on which it is opened.
        line: u64,
    },
    /// A header with a misplaced quote or a bare carriage return.
    #[error("line {line}: the header {rule}")]
    BadHeader {
        /// Line of the header.
        line: u64,
        /// Rule that it breaks.
        rule: &'static str,
    },
    /// The first line contains no name of a column.
    #[error("line {line}: not a header: none of its cells is a known column name")]
    NoHeader {
        /// Line of the header.
        line: u64,
    },
    /// The header is separated by a character that is a delimiter only if that is declared.
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
    #[error("line {line}: unknown column {position}")]
    UnknownColumn {
        /// Line of the header.
        line: u64,
        /// Counted from 1.
        position: usize,
        /// Known column that may be meant.
        nearest: Option<Field>,
        /// Kind of row, which decides the known columns.
        shape: Shape,
    },
    /// The same column twice.
    #[error("line {line}: the column `{}` appears twice, as columns {first} and {second}", field.name())]
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
    /// The same name for two columns of another system's table.
    #[error("line {line}: column {position} has the name of one before it")]
    RepeatedName {
        /// Line of the header.
        line: u64,
        /// Counted from 1.
        position: usize,
    },
    /// A column that every input needs.
    #[error("line {line}: the column `{}` is missing", field.name())]
    MissingColumn {
        /// Line of the header.
        line: u64,
        /// The one concerned.
        field: Field,
        /// Kind of rows that need it.
        shape: Shape,
    },
    /// A faulty row of a list that must be complete to be of use.
    #[error("line {line}: {rule}")]
    BadRow {
        /// Its line.
        line: u64,
        /// Rule that it breaks.
        rule: String,
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
    #[error("line {line}: this is a JSON array, not one object per line")]
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
    #[error("line {line}: the JSON ends inside an array or an object: was the file cut off?")]
    UnfinishedJson {
        /// Line on which the last value begins.
        line: u64,
    },
    /// Something misplaced between the values of a JSON document.
    #[error("line {line}: invalid JSON between two objects")]
    MisplacedJson {
        /// Line of it.
        line: u64,
    },
    /// Invalid JSON.
    #[error("line {line}: invalid JSON")]
    InvalidJson {
        /// Line of it.
        line: u64,
    },
    /// JSON that is nested more deeply than any export.
    #[error("line {line}: the JSON is nested too deeply")]
    DeepJson {
        /// Line of it.
        line: u64,
    },
    /// Something other than an object at the start of a document.
    #[error("line {line}: this is no JSON object")]
    NoObject {
        /// Line of it.
        line: u64,
    },
    /// An object of a JSON document that is longer than any user's.
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
        /// Advice on such a file, as a sentence.
        hint: &'static str,
    },
    /// An object spread over lines.
    #[error("line {line}: the JSON object spans several lines")]
    PrettyJson {
        /// The first line.
        line: u64,
    },
}

impl InputError {
    /// Makes a fault from the error that stopped a reader.
    pub(super) fn of_reader(line: u64, source: io::Error) -> Self {
        match UnpackFault::of(&source) {
            Some(fault) => Self::Unpack { line, fault: fault.to_string() },
            None => Self::Read { line, source },
        }
    }

    /// Adds the name of the file, unless the fault already has it.
    #[must_use]
    pub fn of_file(self, file: &Path) -> Self {
        match self {
            Self::Open { .. } | Self::Directory { .. } | Self::StandardInput => self,
            fault => Self::OfFile { file: file.to_owned(), fault: Box::new(fault) },
        }
    }

    /// Returns the physical line where it was found, if there is one.
    pub fn line(&self) -> Option<u64> {
        match *self {
            Self::OfFile { ref fault, .. } => fault.line(),
            Self::Open { .. }
            | Self::StandardInput
            | Self::People { .. }
            | Self::Directory { .. }
            | Self::UnknownFormat
            | Self::EmptyFolder { .. }
            | Self::OtherForm { .. }
            | Self::NoFactors { .. }
            | Self::Empty
            | Self::Binary { .. }
            | Self::Encoding { .. } => None,
            Self::Read { line, .. }
            | Self::InvalidUtf8 { line, .. }
            | Self::Nul { line, .. }
            | Self::Yaml { line, .. }
            | Self::TooLong { line }
            | Self::UnclosedQuote { line }
            | Self::BadHeader { line, .. }
            | Self::NoHeader { line }
            | Self::Delimiter { line, .. }
            | Self::UnknownColumn { line, .. }
            | Self::RepeatedColumn { line, .. }
            | Self::RepeatedName { line, .. }
            | Self::MissingColumn { line, .. }
            | Self::BadRow { line, .. }
            | Self::JsonAsCsv { line }
            | Self::CsvAsJsonl { line }
            | Self::JsonArray { line }
            | Self::TrailingComma { line }
            | Self::Unpack { line, .. }
            | Self::UnfinishedJson { line }
            | Self::MisplacedJson { line }
            | Self::InvalidJson { line }
            | Self::DeepJson { line }
            | Self::NotThisSystem { line, .. }
            | Self::LateNote { line, .. }
            | Self::NoObject { line }
            | Self::LongObject { line }
            | Self::Foreign { line, .. }
            | Self::PrettyJson { line } => Some(line),
        }
    }
}

fn looks_like(other: Option<(&str, &str)>) -> String {
    other.map(|(title, _)| format!("; it looks like one of {title}")).unwrap_or_default()
}

/// Returns the prefix for a fault of one of several files: `b.csv line 7: …` or `b.csv: …`.
fn place(file: &Path, fault: &InputError) -> String {
    let colon = if fault.line().is_some() { "" } else { ":" };
    format!("{}{colon} ", escape(&file_name(file)))
}
