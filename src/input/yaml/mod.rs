//! YAML as a stream of elements: the items of the list at its top, or of lists below keys at its
//! top.
//!
//! Scalars are texts, as they are written. Versions of YAML disagree about what a plain `007`,
//! `1e5` or `yes` is, and secrets may look like that; only `null`, `~` and the empty scalar are
//! null. Anchors, aliases and tags are refused: no export has them, and with them a few lines
//! become gigabytes. One element is held at a time, and never more than [`MAX_ELEMENT`] characters
//! of it are read.

mod characters;

use std::io::Read;
use std::sync::Arc;

use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle, Span};
use zeroize::Zeroizing;

use characters::{Characters, Gauge};

use super::InputError;
use crate::model::Node;

/// The longest element, in characters: far above a person with every factor there is.
const MAX_ELEMENT: usize = 1024 * 1024;

/// The deepest nesting of an element; exports have three levels.
const MAX_DEPTH: usize = 32;

/// An element of a document.
#[derive(Debug)]
pub(super) struct YamlElement {
    /// Line on which it begins.
    pub(super) line: u64,
    /// Key of its list; `None` if the list is the top of the document.
    pub(super) list: Option<&'static str>,
    /// Number of the element in its list, from 0.
    pub(super) index: u64,
    /// The element.
    pub(super) node: Node,
}

/// Reader of the elements of YAML.
pub(super) struct YamlReader<R: Read> {
    parser: Parser<'static, BufferedInput<Characters<R>>>,
    gauge: Arc<Gauge>,
    /// Keys at the top whose values are lists of elements.
    lists: &'static [&'static str],
    /// Keys that were found.
    seen: Vec<&'static str>,
    place: Section,
    index: u64,
    has_lists: bool,
    line: u64,
}

impl<R: Read> std::fmt::Debug for YamlReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YamlReader").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Section of the document that the reader is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Outside any document.
    Outside,
    /// The mapping at the top.
    Mapping,
    /// A list of elements: below this key, or at the top.
    List(Option<&'static str>),
    /// The end, or a fault.
    Done,
}

type EventAtLine = (Event<'static>, u64);

impl<R: Read + 'static> YamlReader<R> {
    /// Reads the items of a list at the top, or of those below the keys `lists` of a mapping.
    pub(super) fn new(reader: R, lists: &'static [&'static str]) -> Self {
        let gauge = Arc::<Gauge>::default();
        let characters = Characters::new(reader, Arc::clone(&gauge));
        Self {
            parser: Parser::new_from_iter(characters),
            gauge,
            lists,
            seen: Vec::new(),
            place: Section::Outside,
            index: 0,
            has_lists: false,
            line: 0,
        }
    }

    /// Returns the next element; none at the end.
    pub(super) fn next_element(&mut self) -> Result<Option<YamlElement>, InputError> {
        let found = self.find();
        if !matches!(found, Ok(Some(_))) {
            self.place = Section::Done;
        }
        found
    }

    /// Returns the number of lines read so far.
    pub(super) fn n_lines(&self) -> u64 {
        self.line
    }

    /// Returns whether any list was there that elements could have been in.
    pub(super) fn has_lists(&self) -> bool {
        self.has_lists
    }

    fn find(&mut self) -> Result<Option<YamlElement>, InputError> {
        while self.place != Section::Done {
            self.gauge.reset();
            let (event, line) = self.event()?;
            match (self.place, event) {
                (_, Event::StreamEnd) => return Ok(None),
                (Section::Outside, Event::SequenceStart(..)) => self.enter(None),
                (Section::Outside, Event::MappingStart(..)) => self.place = Section::Mapping,
                // An empty document, comments alone.
                (Section::Outside, Event::Scalar(text, style, ..)) if is_null(&text, style) => {}
                (Section::Outside, Event::Scalar(..)) => {
                    return Err(fault(
                        line,
                        "neither a list nor keys and values: is this the right export?",
                    ));
                }
                (Section::Mapping, Event::MappingEnd) => self.place = Section::Outside,
                (Section::Mapping, Event::Scalar(key, ..)) => self.value(&key, line)?,
                (Section::Mapping, Event::SequenceStart(..) | Event::MappingStart(..)) => {
                    return Err(key_fault(line));
                }
                (Section::List(list), Event::SequenceEnd) => {
                    self.place = if list.is_some() { Section::Mapping } else { Section::Outside };
                }
                (
                    Section::List(list),
                    event
                    @ (Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..)),
                ) => {
                    let node = self.node(event, 0)?;
                    self.index += 1;
                    return Ok(Some(YamlElement { line, list, index: self.index - 1, node }));
                }
                // Starts and ends of stream and documents.
                _ => {}
            }
        }
        Ok(None)
    }

    fn enter(&mut self, list: Option<&'static str>) {
        self.place = Section::List(list);
        self.index = 0;
        self.has_lists = true;
    }

    /// Enters the value of a key at the top if it is a list of elements, and skips it otherwise.
    fn value(&mut self, key: &str, line: u64) -> Result<(), InputError> {
        let list = self.lists.iter().copied().find(|list| *list == key);
        if let Some(list) = list {
            if self.seen.contains(&list) {
                return Err(fault(line, "a repeated key"));
            }
            self.seen.push(list);
        }
        let (event, line) = self.event()?;
        match (list, event) {
            (Some(list), Event::SequenceStart(..)) => self.enter(Some(list)),
            (None, Event::Scalar(..)) => {}
            (Some(_), Event::Scalar(text, style, ..)) if is_null(&text, style) => {
                self.has_lists = true;
            }
            (None, Event::SequenceStart(..) | Event::MappingStart(..)) => self.pass_over()?,
            _ => return Err(fault(line, "not a list: is this the right export?")),
        }
        Ok(())
    }

    /// Skips the rest of a list or a mapping.
    fn pass_over(&mut self) -> Result<(), InputError> {
        let mut depth = 1_usize;
        while depth > 0 {
            self.gauge.reset();
            let (event, line) = self.event()?;
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) if depth >= MAX_DEPTH => {
                    return Err(fault(line, DEPTH));
                }
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the value that begins with `event`. It calls itself at most [`MAX_DEPTH`] times.
    fn node(&mut self, event: Event<'static>, depth: usize) -> Result<Node, InputError> {
        match event {
            Event::Scalar(text, style, ..) if is_null(&text, style) => Ok(Node::Null),
            Event::Scalar(text, ..) => Ok(Node::Text(Zeroizing::new(text.into_owned()))),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.inner(depth)? {
                        (Event::SequenceEnd, _) => return Ok(Node::List(items)),
                        (event, _) => items.push(self.node(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries: Vec<(String, Node)> = Vec::new();
                let mut keys = std::collections::HashSet::new();
                loop {
                    match self.inner(depth)? {
                        (Event::MappingEnd, _) => return Ok(Node::Object(entries)),
                        (Event::Scalar(key, ..), line) => {
                            if !keys.insert(key.to_string()) {
                                return Err(fault(line, "a repeated key"));
                            }
                            let (event, _) = self.inner(depth)?;
                            entries.push((key.into_owned(), self.node(event, depth + 1)?));
                        }
                        (_, line) => return Err(key_fault(line)),
                    }
                }
            }
            // `event` gives no others inside of a document.
            _ => Ok(Node::Null),
        }
    }

    /// Returns the next event inside of a collection at `depth`.
    fn inner(&mut self, depth: usize) -> Result<EventAtLine, InputError> {
        let (event, line) = self.event()?;
        let is_deeper = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        if is_deeper && depth + 1 >= MAX_DEPTH {
            Err(fault(line, DEPTH))
        } else {
            Ok((event, line))
        }
    }

    /// Returns the next event and its line. No event has an anchor or a tag.
    fn event(&mut self) -> Result<EventAtLine, InputError> {
        let found = self.parser.next_event();
        // A fault that ended the characters takes precedence over what the parser makes of their
        // end.
        if let Some(fault) = self.gauge.take() {
            return Err(fault);
        }
        let Some(found) = found else { return Ok((Event::StreamEnd, 0)) };
        let (event, span): (Event<'static>, Span) =
            found.map_err(|error| fault(line(error.marker().line()), "not valid YAML"))?;
        let line = line(span.start.line());
        self.line = self.line.max(line);
        match &event {
            Event::Alias(_) => Err(fault(line, "an alias (`*`), which no export has")),
            Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(1.., _)
            | Event::MappingStart(1.., _) => {
                Err(fault(line, "an anchor (`&`), which no export has"))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                Err(fault(line, "a tag (`!`), which no export has"))
            }
            _ => Ok((event, line)),
        }
    }
}

const DEPTH: &str = "nesting of more than 32 levels";

fn key_fault(line: u64) -> InputError {
    fault(line, "a key that is no text")
}

fn fault(line: u64, fault: &'static str) -> InputError {
    InputError::Yaml { line, fault }
}

fn line(line: usize) -> u64 {
    u64::try_from(line).unwrap_or(u64::MAX)
}

/// Returns true if a scalar is null: plain, and one of YAML's words for it.
fn is_null(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
mod tests;
