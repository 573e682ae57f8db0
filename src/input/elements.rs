//! Elements of another system's export, one at a time, whatever it is written in: objects of a JSON
//! document, lines of JSON, rows of a table, lines of text.

use std::{
    ffi::OsStr,
    fmt,
    io::Read,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use zeroize::Zeroizing;

use super::{
    Format, InputError, Places, Table,
    files::{open, open_counted},
    frame::Framer,
    unpack::Unpack,
    walk::{Met, Walker},
    yaml::{YamlElement, YamlReader},
};
use crate::model::{Node, from_json};

/// Form that an export is written in.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// JSON documents with elements in these places.
    Json(Places),
    /// One JSON object a line.
    JsonLines,
    /// A table with a header. Lines before it that begin with the character are passed over.
    Csv(Option<char>),
    /// A table without a header.
    BareCsv,
    /// Text, an element a line.
    Lines,
    /// YAML: the items of the list at its top; or of lists below these keys at its top, each as the one
    /// value of an object with that key.
    Yaml(&'static [&'static str]),
}

impl Form {
    /// Returns a form that the extension of `path` stands for; one of a compressed file is the extension
    /// before it.
    pub fn of(path: &Path) -> Option<Self> {
        let extension =
            |path: &Path| path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let found = match extension(path)?.as_str() {
            "gz" | "zst" | "zstd" => extension(Path::new(path.file_stem()?))?,
            _ => extension(path)?,
        };
        match found.as_str() {
            "csv" | "tsv" => Some(Self::Csv(None)),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "json" => Some(Self::Json(Places { elements: &[], notes: &[] })),
            "txt" => Some(Self::Lines),
            "yaml" | "yml" => Some(Self::Yaml(&[])),
            _ => None,
        }
    }

    /// Returns whether files of this form and of `other` have the same extension.
    pub fn is_like(&self, other: Self) -> bool {
        self.extension() == other.extension()
    }

    /// Returns the usual extension of files of this form.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Json(_) => ".json",
            Self::JsonLines => ".jsonl",
            Self::Csv(_) | Self::BareCsv => ".csv",
            Self::Lines => ".txt",
            Self::Yaml(_) => ".yaml",
        }
    }
}

/// An element, or a note about the elements of its document.
#[derive(Debug)]
pub struct Element {
    /// Physical line where it begins.
    pub line: u64,
    /// Path in the file, such as `[0].users[17]`; empty where the line says it all.
    pub at: String,
    /// Number of its document in the file.
    pub document: u64,
    /// Its value, or the rule that it breaks.
    pub content: Content,
}

/// Content of an element.
#[derive(Debug)]
pub enum Content {
    /// A value that a dialect may know.
    Value(Node),
    /// Nothing that can be read; the rule that it breaks.
    Unreadable(String),
    /// A short value that says something about all elements of its document, and its place.
    Note(&'static str, Node),
}

type Reader = Unpack<Box<dyn Read + Send>>;

enum Inner {
    Json(Box<Walker<Reader>>),
    Lines { framer: Framer<Reader>, is_json: bool, open: Option<u64> },
    Table(Box<Table<Reader>>),
    Yaml(Box<YamlReader<Reader>>),
}

/// Reader of an export's elements.
pub struct Elements {
    inner: Inner,
}

impl Elements {
    /// Opens a file, or standard input for `-`, whose bytes are counted as they are read.
    pub fn open(path: &Path, form: Form, n_read: Arc<AtomicU64>) -> Result<Self, InputError> {
        Ok(Self::new(open_counted(path, n_read)?, form, false))
    }

    /// Opens a file to read its notes only.
    pub fn open_notes(path: &Path, form: Form) -> Result<Self, InputError> {
        Ok(Self::new(Box::new(open(path)?.0), form, true))
    }

    /// Opens a file to read nothing but its first bytes.
    pub fn open_beginning(path: &Path, form: Form, n: u64) -> Result<Self, InputError> {
        Ok(Self::new(Box::new(open(path)?.0.take(n)), form, false))
    }

    /// Reads from anything in that form, compressed or not. With `only_notes`, elements are passed over.
    pub fn new(reader: Box<dyn Read + Send>, form: Form, only_notes: bool) -> Self {
        let reader = Unpack::new(reader);
        let lines = |reader, is_json| Inner::Lines {
            framer: Framer::new(reader, Format::Jsonl),
            is_json,
            open: None,
        };
        let inner = match form {
            Form::Json(places) => Inner::Json(Box::new(Walker::new(reader, places, only_notes))),
            Form::JsonLines => lines(reader, true),
            Form::Lines => lines(reader, false),
            Form::Csv(comment) => Inner::Table(Box::new(Table::new(reader, true, comment))),
            Form::BareCsv => Inner::Table(Box::new(Table::new(reader, false, None))),
            Form::Yaml(lists) => Inner::Yaml(Box::new(YamlReader::new(reader, lists))),
        };
        Self { inner }
    }

    /// Returns the next element or note; `None` at the end.
    pub fn next_element(&mut self) -> Result<Option<Element>, InputError> {
        match &mut self.inner {
            Inner::Json(walker) => Ok(walker.next_met()?.map(of_document)),
            Inner::Lines { framer, is_json, open } => {
                let Some(frame) = framer.next_frame()? else {
                    return Ok(None);
                };
                *open = (!frame.ended).then_some(frame.line);
                let content = if *is_json { of_json(frame.text) } else { of_text(frame.text) };
                Ok(Some(of_line(frame.line, content)))
            }
            Inner::Table(table) => of_table(table),
            Inner::Yaml(reader) => Ok(reader.next_element()?.map(of_yaml)),
        }
    }

    /// Returns the number of lines read so far.
    pub fn n_lines(&self) -> u64 {
        match &self.inner {
            Inner::Json(walker) => walker.n_lines(),
            Inner::Lines { framer, .. } => framer.n_lines(),
            Inner::Table(table) => table.n_lines(),
            Inner::Yaml(reader) => reader.n_lines(),
        }
    }

    /// Returns the last line read, if it has no line ending and may not be whole.
    pub fn open_line(&self) -> Option<u64> {
        match &self.inner {
            // A document that can be read is whole, and so is a line of JSON.
            Inner::Json(_) | Inner::Lines { is_json: true, .. } | Inner::Yaml(_) => None,
            Inner::Lines { open, .. } => *open,
            Inner::Table(table) => table.open_line(),
        }
    }

    /// Returns whether anything was there that elements could have been in.
    pub fn has_places(&self) -> bool {
        match &self.inner {
            Inner::Json(walker) => walker.n_places() > 0 || walker.n_documents() == 0,
            Inner::Lines { .. } | Inner::Table(_) => true,
            Inner::Yaml(reader) => reader.has_lists(),
        }
    }
}

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elements").finish_non_exhaustive()
    }
}

fn of_line(line: u64, content: Content) -> Element {
    Element { line, at: String::new(), document: 0, content }
}

fn of_json(json: &str) -> Content {
    match from_json(json) {
        Ok(value) => Content::Value(value),
        Err(rule) => Content::Unreadable(rule.into_owned()),
    }
}

fn of_text(text: &str) -> Content {
    Content::Value(Node::of(text))
}

fn of_document(met: Met) -> Element {
    match met {
        Met::Note { line, document, place, json } => {
            let note = from_json(&json).unwrap_or_default();
            let content = Content::Note(place, note);
            Element { line, at: String::new(), document, content }
        }
        Met::Element(super::walk::Element { line, at, document, json }) => {
            let content = match json.as_ref().map(|json| str::from_utf8(json)) {
                None => Content::Unreadable("is longer than 1 MiB: is this one person?".into()),
                Some(Err(_)) => Content::Unreadable("is not valid UTF-8".into()),
                Some(Ok(json)) => of_json(json),
            };
            Element { line, at, document, content }
        }
    }
}

fn of_yaml(YamlElement { line, list, index, node }: YamlElement) -> Element {
    let (at, value) = match list {
        None => (format!("[{index}]"), node),
        Some(list) => (format!("{list}[{index}]"), Node::Object(vec![(list.to_owned(), node)])),
    };
    Element { line, at, document: 0, content: Content::Value(value) }
}

fn of_table(table: &mut Table<Reader>) -> Result<Option<Element>, InputError> {
    let Some(row) = table.next_row()? else {
        return Ok(None);
    };
    let cell = |cell: &str| match cell {
        "" => Node::Null,
        cell => Node::Text(Zeroizing::new(cell.to_owned())),
    };
    let content = match row.cells {
        Err(rule) => Content::Unreadable(rule),
        Ok(cells) if row.names.is_empty() => {
            Content::Value(Node::List(cells.iter().map(cell).collect()))
        }
        Ok(cells) => {
            let named = row.names.iter().zip(cells).filter(|(name, _)| !name.is_empty());
            let entries = named.map(|(name, text)| (name.clone(), cell(text)));
            Content::Value(Node::Object(entries.collect()))
        }
    };
    Ok(Some(of_line(row.line, content)))
}
