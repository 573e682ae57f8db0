//! Walks through a JSON document of any size and hands out the objects that stand in given places, one
//! at a time. Everything else is passed over, and only the place in the document is kept in memory.

use std::io::Read;

use memchr::memchr2;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::{InputError, bytes::Bytes, frame::MAX_FRAME};

/// Containers inside of each other at most, as in `serde_json`.
const MAX_DEPTH: usize = 127;
/// The longest key, number or note, in bytes.
const MAX_SCALAR: usize = 4096;

/// Places of a document. A document is a value of the file, or an item of an array that is one; so
/// a file may hold one document, an array of them, or one after another. A place is a path such as `users[]`,
/// `orgs[].humanUsers[]` or `user`; the empty one is the document itself.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Objects to hand out.
    pub elements: &'static [&'static str],
    /// Short values that say something about all of a document's elements.
    pub notes: &'static [&'static str],
}

/// A value that was met.
#[derive(Debug)]
pub(super) enum Met {
    /// An object to hand out.
    Element(Element),
    /// A note.
    Note {
        /// Number of the document in its file.
        document: u64,
        /// Its place.
        place: &'static str,
        /// Its JSON.
        json: String,
    },
}

/// An element as it is written.
#[derive(Debug)]
pub(super) struct Element {
    /// Physical line where it begins.
    pub(super) line: u64,
    /// Path in the file, such as `[0].users[17]`; empty for a file's one value.
    pub(super) at: String,
    /// Number of the document in its file.
    pub(super) document: u64,
    /// Its JSON; `None` for an element that is too long.
    pub(super) json: Option<Zeroizing<Vec<u8>>>,
}

/// A container that has been entered.
#[derive(Debug)]
enum Frame {
    /// An array, and the number of its items so far.
    Array(u64),
    /// An object, and the key whose value comes next.
    Object(String),
}

/// Token that may come next in the container that was entered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The first item or key, or the end.
    FirstOrEnd,
    /// An item or key, after a comma.
    Next,
    /// A comma or the end, after a value.
    CommaOrEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Key(&'static str),
    Item,
}

/// Meaning of the place that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Element,
    Note(&'static str),
    Inside,
    Other,
}

/// Reader of a document's elements.
pub(super) struct Walker<R> {
    bytes: Bytes<R>,
    elements: Vec<Vec<Step>>,
    notes: Vec<(&'static str, Vec<Step>)>,
    /// Containers on the way to the present place; the array of documents is among them.
    frames: Vec<Frame>,
    expect: Expect,
    document: u64,
    /// Lists of elements that were found, whether or not they hold any.
    n_places: u64,
    /// Copy of what is taken.
    copy: Option<Zeroizing<Vec<u8>>>,
    /// True if elements are passed over, too.
    only_notes: bool,
}

impl<R: Read> Walker<R> {
    pub(super) fn new(reader: R, places: Places, only_notes: bool) -> Self {
        Self {
            bytes: Bytes::new(reader),
            elements: places.elements.iter().map(|place| steps(place)).collect(),
            notes: places.notes.iter().map(|place| (*place, steps(place))).collect(),
            frames: Vec::new(),
            expect: Expect::FirstOrEnd,
            document: 0,
            n_places: 0,
            copy: None,
            only_notes,
        }
    }

    /// Returns the number of lines read so far.
    pub(super) fn n_lines(&self) -> u64 {
        self.bytes.line
    }

    /// Returns the number of lists of elements that were found so far, whether or not they hold any.
    pub(super) fn n_places(&self) -> u64 {
        self.n_places
    }

    /// Returns the number of documents that were begun so far.
    pub(super) fn n_documents(&self) -> u64 {
        self.document
    }

    /// Returns what comes next; `None` at the end.
    pub(super) fn next_met(&mut self) -> Result<Option<Met>, InputError> {
        self.bytes.sniff()?;
        loop {
            if self.frames.is_empty() {
                self.bytes.pass_mark()?;
            }
            let Some(byte) = self.peek()? else {
                return if self.frames.is_empty() { Ok(None) } else { Err(self.unfinished()) };
            };
            let met = match self.frames.last_mut() {
                None => self.value(byte)?,
                Some(Frame::Array(_)) => self.in_array(byte)?,
                Some(Frame::Object(_)) => self.in_object(byte)?,
            };
            if met.is_some() {
                return Ok(met);
            }
        }
    }

    fn in_array(&mut self, byte: u8) -> Result<Option<Met>, InputError> {
        match (byte, self.expect) {
            (b']', Expect::FirstOrEnd | Expect::CommaOrEnd) => Ok(self.leave()),
            (b',', Expect::CommaOrEnd) => Ok(self.step(Expect::Next)),
            (b',' | b']' | b'}' | b':', _) | (_, Expect::CommaOrEnd) => Err(self.invalid()),
            (_, Expect::FirstOrEnd | Expect::Next) => self.value(byte),
        }
    }

    fn in_object(&mut self, byte: u8) -> Result<Option<Met>, InputError> {
        match (byte, self.expect) {
            (b'}', Expect::FirstOrEnd | Expect::CommaOrEnd) => Ok(self.leave()),
            (b',', Expect::CommaOrEnd) => Ok(self.step(Expect::Next)),
            (b'"', Expect::FirstOrEnd | Expect::Next) => {
                let key = self.key()?;
                if let Some(Frame::Object(last)) = self.frames.last_mut() {
                    *last = key;
                }
                let byte = self.colon()?;
                self.value(byte)
            }
            _ => Err(self.invalid()),
        }
    }

    /// Takes a comma or a bracket, at which nothing is met.
    fn step(&mut self, expect: Expect) -> Option<Met> {
        self.take(1);
        self.expect = expect;
        None
    }

    fn leave(&mut self) -> Option<Met> {
        self.frames.pop();
        self.count();
        self.step(Expect::CommaOrEnd)
    }

    fn enter(&mut self, frame: Frame) -> Option<Met> {
        self.frames.push(frame);
        self.step(Expect::FirstOrEnd)
    }

    /// Counts an item of an array, once it is behind.
    fn count(&mut self) {
        if let Some(Frame::Array(n)) = self.frames.last_mut() {
            *n += 1;
        }
    }

    /// Takes the value that begins with `byte`: enters it, hands it out, or passes over it.
    fn value(&mut self, byte: u8) -> Result<Option<Met>, InputError> {
        if self.frames.is_empty() && byte == b'[' {
            return Ok(self.enter(Frame::Array(0)));
        }
        if self.frames_are_documents() {
            if byte != b'{' {
                return Err(InputError::NoObject { line: self.bytes.line });
            }
            self.document += 1;
        }
        let met = match (self.place(), byte) {
            (Place::Element, _) => return self.element(),
            (Place::Inside, b'{') => return Ok(self.enter(Frame::Object(String::new()))),
            (Place::Inside, b'[') => {
                self.n_places += 1;
                return Ok(self.enter(Frame::Array(0)));
            }
            (Place::Note(place), _) => self.note(place)?,
            (Place::Inside | Place::Other, _) => {
                self.pass_value()?;
                None
            }
        };
        self.expect = Expect::CommaOrEnd;
        self.count();
        Ok(met)
    }

    fn note(&mut self, place: &'static str) -> Result<Option<Met>, InputError> {
        self.copy = Some(Zeroizing::default());
        self.pass_value()?;
        let json = self.copy.take().filter(|json| json.len() <= MAX_SCALAR);
        let json = json.and_then(|json| String::from_utf8(json.to_vec()).ok());
        Ok(json.map(|json| Met::Note { document: self.document, place, json }))
    }

    /// Takes an element. A document that holds lists of elements is no element itself: it is entered.
    fn element(&mut self) -> Result<Option<Met>, InputError> {
        let (line, at, document) = (self.bytes.line, self.path(), self.document);
        self.copy = Some(Zeroizing::default());
        if self.frames_are_documents() {
            if let Some(byte) = self.pass_document()? {
                self.copy = None;
                return self.value(byte);
            }
        } else {
            self.pass_value()?;
        }
        self.n_places += 1;
        self.expect = Expect::CommaOrEnd;
        self.count();
        let json = self.copy.take().filter(|json| json.len() <= MAX_FRAME);
        let element = Element { line, at, document, json };
        Ok((!self.only_notes).then_some(Met::Element(element)))
    }

    /// Passes over a document up to a value that holds elements: enters the document, and returns the
    /// first byte of that value. `None` if there is no such value.
    fn pass_document(&mut self) -> Result<Option<u8>, InputError> {
        self.take(1);
        let mut expect = Expect::FirstOrEnd;
        loop {
            match (self.peek_value()?, expect) {
                (b'}', Expect::FirstOrEnd | Expect::CommaOrEnd) => {
                    self.take(1);
                    return Ok(None);
                }
                (b',', Expect::CommaOrEnd) => {
                    self.take(1);
                    expect = Expect::Next;
                }
                (b'"', Expect::FirstOrEnd | Expect::Next) => {
                    let key = self.key()?;
                    let byte = self.colon()?;
                    self.frames.push(Frame::Object(key));
                    if matches!(byte, b'[' | b'{') && self.place() != Place::Other {
                        return Ok(Some(byte));
                    }
                    self.frames.pop();
                    self.pass_value()?;
                    expect = Expect::CommaOrEnd;
                }
                _ => return Err(self.invalid()),
            }
        }
    }

    /// Passes over a value of any kind.
    fn pass_value(&mut self) -> Result<(), InputError> {
        let mut open: Vec<u8> = Vec::new();
        let mut expect = Expect::Next;
        loop {
            let byte = self.peek_value()?;
            let in_object = open.last() == Some(&b'{');
            match (byte, expect) {
                (b'}' | b']', Expect::FirstOrEnd | Expect::CommaOrEnd) => {
                    if open.pop() != Some(if byte == b'}' { b'{' } else { b'[' }) {
                        return Err(self.invalid());
                    }
                    self.take(1);
                    expect = Expect::CommaOrEnd;
                }
                (b',', Expect::CommaOrEnd) => {
                    self.take(1);
                    expect = Expect::Next;
                }
                (_, Expect::CommaOrEnd) | (b'}' | b']' | b',' | b':', _) => {
                    return Err(self.invalid());
                }
                (b'"', _) if in_object => {
                    self.pass_string()?;
                    let byte = self.colon()?;
                    expect = self.begin(byte, &mut open)?;
                }
                _ if in_object => return Err(self.invalid()),
                _ => expect = self.begin(byte, &mut open)?,
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Begins a value: opens a container, or passes over anything else.
    fn begin(&mut self, byte: u8, open: &mut Vec<u8>) -> Result<Expect, InputError> {
        match byte {
            b'{' | b'[' if open.len() == MAX_DEPTH => {
                Err(InputError::DeepJson { line: self.bytes.line })
            }
            b'{' | b'[' => {
                open.push(byte);
                self.take(1);
                Ok(Expect::FirstOrEnd)
            }
            b'"' => self.pass_string().map(|()| Expect::CommaOrEnd),
            _ => self.pass_scalar().map(|()| Expect::CommaOrEnd),
        }
    }

    fn pass_string(&mut self) -> Result<(), InputError> {
        self.take(1);
        loop {
            let seen = self.bytes.unread();
            match memchr2(b'"', b'\\', seen) {
                Some(at) if seen[at] == b'"' => {
                    self.take(at + 1);
                    return Ok(());
                }
                Some(at) => {
                    self.take(at + 1);
                    self.next_byte()?;
                    self.take(1);
                }
                None => {
                    self.take(seen.len());
                    self.next_byte()?;
                }
            }
        }
    }

    /// Passes over a number, `true`, `false` or `null`.
    fn pass_scalar(&mut self) -> Result<(), InputError> {
        let mut scalar = Vec::new();
        while let Some(byte) = self.next_byte_or_end()? {
            let is_part = byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            if !is_part || scalar.len() == MAX_SCALAR {
                break;
            }
            scalar.push(byte);
            self.take(1);
        }
        let is_scalar = serde_json::from_slice::<IgnoredAny>(&scalar).is_ok();
        is_scalar.then_some(()).ok_or_else(|| self.invalid())
    }

    /// Takes a key, whose first byte was seen.
    fn key(&mut self) -> Result<String, InputError> {
        let before = self.copy.take();
        self.copy = Some(Zeroizing::default());
        let passed = self.pass_string();
        let json = std::mem::replace(&mut self.copy, before).unwrap_or_default();
        passed?;
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(&json);
        }
        let key = Some(&json).filter(|json| json.len() <= MAX_SCALAR);
        key.and_then(|json| serde_json::from_slice(json).ok()).ok_or_else(|| self.invalid())
    }

    /// Takes the colon after a key; returns the first byte of the value.
    fn colon(&mut self) -> Result<u8, InputError> {
        if self.peek_value()? != b':' {
            return Err(self.invalid());
        }
        self.take(1);
        self.peek_value()
    }

    /// Returns the meaning of the present place.
    fn place(&self) -> Place {
        let frames = match self.frames.split_first() {
            Some((Frame::Array(_), rest)) => rest,
            _ => &self.frames,
        };
        if let Some((place, _)) = self.notes.iter().find(|(_, steps)| leads_to(frames, steps)) {
            return Place::Note(place);
        }
        let is_at = |steps: &Vec<Step>| leads_to(frames, steps);
        let is_on_the_way = |steps: &Vec<Step>| {
            steps.get(..frames.len()).is_some_and(|steps| leads_to(frames, steps))
        };
        if self.elements.iter().any(is_at) {
            Place::Element
        } else if self.elements.iter().any(is_on_the_way) {
            Place::Inside
        } else {
            Place::Other
        }
    }

    fn frames_are_documents(&self) -> bool {
        matches!(self.frames[..], [] | [Frame::Array(_)])
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match frame {
                Frame::Array(index) => {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                }
                Frame::Object(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
            }
        }
        path
    }

    /// Returns the next byte that is not white space; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            let Some(byte) = self.next_byte_or_end()? else {
                return Ok(None);
            };
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(Some(byte));
            }
            self.bytes.line += u64::from(byte == b'\n');
            self.take(1);
        }
    }

    /// Returns the same inside of a value, which cannot end there.
    fn peek_value(&mut self) -> Result<u8, InputError> {
        self.peek()?.ok_or_else(|| self.unfinished())
    }

    fn next_byte(&mut self) -> Result<u8, InputError> {
        self.next_byte_or_end()?.ok_or_else(|| self.unfinished())
    }

    fn next_byte_or_end(&mut self) -> Result<Option<u8>, InputError> {
        while self.bytes.unread().is_empty() && !self.bytes.at_end {
            self.bytes.fill()?;
        }
        Ok(self.bytes.unread().first().copied())
    }

    fn take(&mut self, n: usize) {
        self.bytes.take(n);
        if let Some(copy) = &mut self.copy
            && copy.len() <= MAX_FRAME
        {
            copy.extend_from_slice(self.bytes.taken(n));
        }
    }

    fn invalid(&self) -> InputError {
        InputError::InvalidJson { line: self.bytes.line }
    }

    fn unfinished(&self) -> InputError {
        InputError::UnfinishedJson { line: self.bytes.line }
    }
}

/// Returns whether the containers that were entered are exactly those steps.
fn leads_to(frames: &[Frame], steps: &[Step]) -> bool {
    frames.len() == steps.len()
        && frames.iter().zip(steps).all(|(frame, step)| match (frame, step) {
            (Frame::Array(_), Step::Item) => true,
            (Frame::Object(key), Step::Key(name)) => key == name,
            _ => false,
        })
}

/// Reads a place such as `orgs[].humanUsers[]`.
fn steps(place: &'static str) -> Vec<Step> {
    let names = place.split('.').filter(|name| !name.is_empty());
    names
        .flat_map(|name| match name.strip_suffix("[]") {
            Some(name) => vec![Step::Key(name), Step::Item],
            None => vec![Step::Key(name)],
        })
        .collect()
}
