//! Advice on the faults of an input.

use super::{InputError, Shape};
use crate::model::Field;

/// Advice on a folder.
const DIRECTORY: &str = "give the name of a file in it; with `--from NAME`, `check` and `import` read a folder as another \
     system has exported it (`mfaferry sources` lists the names)";
/// Advice on a file whose name does not show its format.
const UNKNOWN_FORMAT: &str = "give `--format csv`, `jsonl` or `json`, or let the file name end in `.csv`, `.tsv`, `.jsonl`, \
     `.ndjson` or `.json`, followed by `.gz` or `.zst` if it is compressed";

impl InputError {
    /// Returns advice on what to do.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Open { .. } => "check the path, and that you have permission to read the file",
            Self::Directory { .. } => DIRECTORY,
            Self::People { hint, .. } => hint,
            Self::StandardInput => "give either files or `-`, not both",
            Self::OfFile { fault, .. } => return fault.hint(),
            Self::Read { .. } => "check the disk or the pipe, then run the same command again",
            Self::UnknownFormat => UNKNOWN_FORMAT,
            Self::BadRow { .. } => "correct the row, or remove it; nothing was sent",
            Self::Empty => "a CSV file needs at least a header, a JSONL file at least one line",
            Self::Binary { hint, .. }
            | Self::Foreign { hint, .. }
            | Self::NoFactors { hint, .. } => hint,
            Self::EmptyFolder { .. }
            | Self::OtherForm { .. }
            | Self::NotThisSystem { .. }
            | Self::LateNote { .. } => {
                return self.hint_of_system();
            }
            Self::Encoding { .. }
            | Self::InvalidUtf8 { .. }
            | Self::Nul { .. }
            | Self::Yaml { .. } => self.hint_of_text(),
            Self::TooLong { .. } => "end lines with LF or CRLF; is this the right file?",
            Self::UnclosedQuote { .. } => {
                "close it; a quote that is part of the value must be doubled, inside a quoted cell"
            }
            Self::BadHeader { .. } => {
                "write plain column names on one line, separated by commas, semicolons or tabs"
            }
            Self::NoHeader { .. } => {
                "start with a header such as `user_id,type,phone_number,email,totp_secret`"
            }
            Self::Delimiter { character, .. } => {
                return format!("give `--delimiter '{character}'`");
            }
            Self::UnknownColumn { nearest: Some(field), .. } => return did_you_mean(*field),
            Self::UnknownColumn { nearest: None, shape, .. } => return known_columns(*shape),
            Self::RepeatedColumn { .. } | Self::RepeatedName { .. } => {
                "remove or rename one of them"
            }
            Self::MissingColumn { shape, .. } => return every_row_needs(*shape),
            Self::Unpack { .. } => {
                "download it again, or decompress it yourself and check the result"
            }
            Self::InvalidJson { .. }
            | Self::NoObject { .. }
            | Self::DeepJson { .. }
            | Self::UnfinishedJson { .. }
            | Self::MisplacedJson { .. }
            | Self::LongObject { .. }
            | Self::JsonAsCsv { .. }
            | Self::CsvAsJsonl { .. }
            | Self::JsonArray { .. }
            | Self::PrettyJson { .. }
            | Self::TrailingComma { .. } => self.hint_of_json(),
        };
        hint.to_owned()
    }

    /// Returns advice on bytes that are not UTF-8 text.
    fn hint_of_text(&self) -> &'static str {
        match self {
            Self::Yaml { .. } => "export it again, and give the file as the system has written it",
            Self::Encoding { .. } => {
                "convert it, for example `iconv -f UTF-16 -t UTF-8 INPUT > converted.csv`; from a \
                 spreadsheet, save it as `CSV UTF-8`"
            }
            Self::InvalidUtf8 { .. } => {
                "convert it, for example `iconv -f WINDOWS-1252 -t UTF-8 INPUT > converted.csv`"
            }
            _ => "text has no NUL bytes: is this the right file, and is it whole?",
        }
    }

    /// Returns advice on JSON with faults.
    fn hint_of_json(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } | Self::NoObject { .. } => {
                "export it again; nothing after this line was read. Is this the right file?"
            }
            Self::DeepJson { .. } => "no export is nested like that: is this the right file?",
            Self::UnfinishedJson { .. } => "download it again; nothing after this line was read",
            Self::MisplacedJson { .. } => "write an array of objects, or objects one after another",
            Self::LongObject { .. } => {
                "the file must be an array of factors or users, or such objects one after another; \
                 is this the right file?"
            }
            Self::BadRow { .. } => "correct the row, or remove it; nothing was sent",
            Self::JsonAsCsv { .. } => "give `--format jsonl`, or `--format json` for an array",
            Self::CsvAsJsonl { .. } => "give `--format csv`",
            Self::TrailingComma { .. } => {
                "give `--format json`, which accepts them, or remove the commas, for example `sed \
                 's/,[[:space:]]*$//' INPUT > converted.jsonl`"
            }
            _ => "give `--format json`",
        }
    }

    /// Returns advice on a file that is not what `--from` says.
    fn hint_of_system(&self) -> String {
        match self {
            Self::OtherForm { forms, .. } => {
                format!(
                    "its exports end in {forms}; leave --from out if this file has mfaferry's own \
                     columns"
                )
            }
            Self::NotThisSystem { other: Some((_, name)), .. } => format!("give `--from {name}`"),
            Self::NotThisSystem { other: None, .. } => {
                "check the file and `--from`; `mfaferry sources NAME` says how to make an export"
                    .into()
            }
            Self::LateNote { .. } => {
                "a pipe is read once: give the file itself, which is looked through first".into()
            }
            _ => "give the folder that the system has exported to".into(),
        }
    }
}

fn did_you_mean(field: Field) -> String {
    let name = field.name();
    format!(
        "did you mean `{name}`? `--map '{name}=NAME'` reads the column NAME as `{name}`, and \
         `--ignore-columns NAME` ignores it"
    )
}

fn known_columns(shape: Shape) -> String {
    let names: Vec<_> = shape.fields().iter().map(|field| field.name()).collect();
    format!(
        "columns may be named {}; `--map 'OURS=NAME'` reads the column NAME as OURS, and \
         `--ignore-columns NAME` ignores it",
        names.join(", ")
    )
}

fn every_row_needs(shape: Shape) -> String {
    let needed: Vec<_> =
        shape.required().iter().map(|field| format!("`{}`", field.name())).collect();
    format!("every row needs {}", needed.join(" and "))
}
