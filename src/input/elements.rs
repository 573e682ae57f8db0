//! Elements of another system's export, one at a time, in any format: objects of a JSON document,
//! lines of JSON, rows of a table, lines of text.

use std::{
    ffi::OsStr,
    fmt,
    io::Read,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use zeroize::Zeroizing;

use super::{
    Digests, Format, InputError, PieceKind, Places, Table,
    files::{open, open_counted},
    frame::Framer,
    sniff::BOM,
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
    /// A table with a header. Lines before it that begin with the character are ignored.
    Csv(Option<char>),
    /// A table without a header.
    BareCsv,
    /// Text, one element a line.
    Lines,
    /// YAML: the items of the list at its top; or of the lists below these keys at its top, each as
    /// the only value of an object with that key.
    Yaml(&'static [&'static str]),
}

impl Form {
    /// Returns a form that the extension of `path` stands for; one of a compressed file is the
    /// extension before it.
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
    /// Path in the file, such as `[0].users[17]`; empty where the line is enough.
    pub at: String,
    /// Number of its document in the file.
    pub document: u64,
    /// Its value, or the rule that it breaks.
    pub content: Content,
    /// The pieces that it is written as, and those before the first element; none unless they were
    /// asked for.
    pub written: Vec<(PieceKind, Zeroizing<Vec<u8>>)>,
}

/// Content of an element.
#[derive(Debug)]
pub enum Content {
    /// A value that a dialect may understand.
    Value(Node),
    /// Something unreadable; the rule that it breaks.
    Unreadable(String),
    /// A short value about all elements of its document, and its place.
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
    /// True if elements include the text that they are written as.
    keeps: bool,
}

impl Elements {
    /// Opens a file, or standard input for `-`; its bytes are counted as they are read, and
    /// digested if anybody wants that.
    pub fn open(
        path: &Path,
        form: Form,
        (n_read, digests): (Arc<AtomicU64>, Option<&Digests>),
    ) -> Result<Self, InputError> {
        Ok(Self::new(open_counted(path, n_read, digests)?, form))
    }

    /// Opens a file to read only its notes.
    pub fn open_notes(path: &Path, form: Form) -> Result<Self, InputError> {
        let mut elements = Self::new(Box::new(open(path)?.0), form);
        if let Inner::Json(walker) = &mut elements.inner {
            walker.skip_elements();
        }
        Ok(elements)
    }

    /// Opens a file to read only its first bytes.
    pub fn open_beginning(path: &Path, form: Form, n: u64) -> Result<Self, InputError> {
        Ok(Self::new(Box::new(open(path)?.0.take(n)), form))
    }

    /// Reads that form from any reader, compressed or not.
    pub fn new(reader: Box<dyn Read + Send>, form: Form) -> Self {
        let reader = Unpack::new(reader);
        let lines = |reader, is_json| Inner::Lines {
            framer: Framer::new(reader, Format::Jsonl),
            is_json,
            open: None,
        };
        let inner = match form {
            Form::Json(places) => Inner::Json(Box::new(Walker::new(reader, places))),
            Form::JsonLines => lines(reader, true),
            Form::Lines => lines(reader, false),
            Form::Csv(comment) => Inner::Table(Box::new(Table::new(reader, comment))),
            Form::BareCsv => Inner::Table(Box::new(Table::without_header(reader))),
            Form::Yaml(lists) => Inner::Yaml(Box::new(YamlReader::new(reader, lists))),
        };
        Self { inner, keeps: false }
    }

    /// Makes elements include the text that they are written as.
    pub fn keep_written(&mut self) {
        self.keeps = true;
    }

    /// Returns the next element or note; `None` at the end.
    pub fn next_element(&mut self) -> Result<Option<Element>, InputError> {
        let keeps = self.keeps;
        match &mut self.inner {
            Inner::Json(walker) => {
                let Some(met) = walker.next_met()? else { return Ok(None) };
                let is_marked = keeps && walker.take_mark();
                Ok(Some(of_document(met, keeps).after_mark(is_marked)))
            }
            Inner::Lines { framer, is_json, open } => {
                let Some(frame) = framer.next_frame()? else {
                    return Ok(None);
                };
                *open = (!frame.ended).then_some(frame.line);
                let content = if *is_json { of_json(frame.text) } else { of_text(frame.text) };
                let kind =
                    if *is_json { PieceKind::Json { is_line: true } } else { PieceKind::Text };
                let element = of_line(frame.line, content);
                Ok(Some(if keeps {
                    element.written_as(kind, frame.raw.to_vec()).after_mark(frame.is_marked)
                } else {
                    element
                }))
            }
            Inner::Table(table) => of_table(table, keeps),
            Inner::Yaml(reader) => {
                Ok(reader.next_element()?.map(|element| of_yaml(element, keeps)))
            }
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

    /// Returns the last line read, if it has no line ending and may be incomplete.
    pub fn open_line(&self) -> Option<u64> {
        match &self.inner {
            // A document that can be read is complete, and so is a line of JSON.
            Inner::Json(_) | Inner::Lines { is_json: true, .. } | Inner::Yaml(_) => None,
            Inner::Lines { open, .. } => *open,
            Inner::Table(table) => table.open_line(),
        }
    }

    /// Takes the codes that the document stated after the elements so far.
    pub fn take_codes(&mut self) -> Option<Node> {
        let Inner::Json(walker) = &mut self.inner else { return None };
        from_json(str::from_utf8(&walker.take_codes()?).ok()?).ok()
    }

    /// Returns whether there was anything that elements could have been in.
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

impl Element {
    /// Adds a piece of the text that it is written as.
    fn written_as(mut self, kind: PieceKind, bytes: Vec<u8>) -> Self {
        self.written.push((kind, Zeroizing::new(bytes)));
        self
    }

    /// Adds the byte order mark before it.
    fn after_mark(mut self, is_marked: bool) -> Self {
        if is_marked {
            self.written.insert(0, (PieceKind::Mark, Zeroizing::new(BOM.to_vec())));
        }
        self
    }
}

fn of_line(line: u64, content: Content) -> Element {
    Element { line, at: String::new(), document: 0, content, written: Vec::new() }
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

fn of_document(met: Met, keeps: bool) -> Element {
    match met {
        Met::Note { line, document, place, json } => {
            let note = from_json(&json).unwrap_or_default();
            let content = Content::Note(place, note);
            Element { document, ..of_line(line, content) }
        }
        Met::Element(super::walk::Element { line, at, document, json }) => {
            let content = match json.as_ref().map(|json| str::from_utf8(json)) {
                None => Content::Unreadable("is longer than 1 MiB: is this one person?".into()),
                Some(Err(_)) => Content::Unreadable("is not valid UTF-8".into()),
                Some(Ok(json)) => of_json(json),
            };
            let kind = PieceKind::Json { is_line: false };
            // Of an element that is too long, only its existence is known.
            let written = keeps.then(|| (kind, json.unwrap_or_default()));
            let written = written.into_iter().collect();
            Element { line, at, document, content, written }
        }
    }
}

fn of_yaml(YamlElement { line, list, index, node }: YamlElement, keeps: bool) -> Element {
    let (at, value) = match list {
        None => (format!("[{index}]"), node),
        Some(list) => (format!("{list}[{index}]"), Node::Object(vec![(list.to_owned(), node)])),
    };
    let mut json = Vec::new();
    if keeps {
        write_json(&value, &mut json);
    }
    let element = Element { at, ..of_line(line, Content::Value(value)) };
    if keeps { element.written_as(PieceKind::Json { is_line: true }, json) } else { element }
}

fn of_table(table: &mut Table<Reader>, keeps: bool) -> Result<Option<Element>, InputError> {
    let Some(row) = table.next_row()? else {
        return Ok(None);
    };
    let (line, raw) = (row.line, if keeps { row.raw.to_vec() } else { Vec::new() });
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
    let mut element = of_line(line, content);
    if keeps {
        let delimiter = table.delimiter();
        let header = table.take_header();
        if !header.is_empty() {
            element = element.written_as(PieceKind::Header { delimiter, is_strict: true }, header);
        }
        element = element.written_as(PieceKind::Record { delimiter }, raw);
        element = element.after_mark(table.take_mark());
    }
    Ok(Some(element))
}

/// Adds a value as one line of JSON, with its line ending at the top.
fn write_json(node: &Node, out: &mut Vec<u8>) {
    write_value(node, out);
    out.push(b'\n');
}

/// Adds a value. Recursion is as deep as readers allow values to be.
fn write_value(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Null => out.extend_from_slice(b"null"),
        Node::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Node::Number(number) => out.extend_from_slice(number.as_bytes()),
        Node::Text(text) => write_text(text, out),
        Node::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write_value(item, out);
            }
            out.push(b']');
        }
        Node::Object(entries) => {
            out.push(b'{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                write_text(key, out);
                out.push(b':');
                write_value(value, out);
            }
            out.push(b'}');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A text is always JSON, and a vector takes it.
    if serde_json::to_writer(out, text).is_err() {
        unreachable!("texts can be written");
    }
}
