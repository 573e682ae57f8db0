//! Advice for the reader of an input's fault.

use super::{InputError, Shape};
use crate::model::Field;

impl InputError {
    /// Returns what its reader can do about it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Open { .. } => "check the path and that you may read the file",
            Self::Directory { .. } => "name a file in it",
            Self::StandardInput => "name files only, or give standard input alone",
            Self::OfFile { fault, .. } => return fault.hint(),
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
            Self::UnknownColumn { nearest: Some(field), .. } => return did_you_mean(*field),
            Self::UnknownColumn { nearest: None, .. } => {
                "the columns are the API's own names, see the README; `--map 'OURS=NAME'` reads the \
                 column NAME as OURS, `--ignore-columns NAME` passes over it"
            }
            Self::RepeatedColumn { .. } => "remove or rename one of them",
            Self::MissingColumn { shape, .. } => return every_row_needs(*shape),
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

fn did_you_mean(field: Field) -> String {
    let name = field.name();
    format!(
        "did you mean `{name}`? `--map '{name}=NAME'` reads the column NAME as that, \
         `--ignore-columns NAME` passes over it"
    )
}

fn every_row_needs(shape: Shape) -> String {
    let needed: Vec<_> =
        shape.required().iter().map(|field| format!("`{}`", field.name())).collect();
    format!("every row needs {}", needed.join(" and "))
}
