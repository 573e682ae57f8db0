//! Walks through a JSON document of any size and hands out the objects in given places, one at a
//! time. Everything else is skipped, and only the path to the current place is kept in memory.

mod tokens;

use std::io::Read;

use tokens::{MAX_SCALAR, Tokens};
use zeroize::Zeroizing;

use super::{CODE_NAME, InputError, frame::MAX_FRAME};

/// Places in a document. A document is a value of the file, or an item of an array that is one; so
/// a file may hold one document, an array of them, or one after another. A place is a path such as
/// `users[]`, `orgs[].humanUsers[]` or `user`; the empty path is the document itself.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Objects to hand out.
    pub elements: &'static [&'static str],
    /// Short values about all of a document's elements.
    pub notes: &'static [&'static str],
}

/// A value that was found.
#[derive(Debug)]
pub(super) enum Met {
    /// An object to hand out.
    Element(Element),
    /// A note.
    Note {
        /// Physical line where it ends.
        line: u64,
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

/// Meaning of the current place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Element,
    Note(&'static str),
    Inside,
    Other,
}

/// Reader of a document's elements.
pub(super) struct Walker<R> {
    tokens: Tokens<R>,
    elements: Vec<Vec<Step>>,
    notes: Vec<(&'static str, Vec<Step>)>,
    /// Containers on the way to the current place, including the array of documents.
    frames: Vec<Frame>,
    expect: Expect,
    document: u64,
    /// Number of lists of elements found, whether or not they hold any.
    n_places: u64,
    /// True if elements are skipped, too.
    skips_elements: bool,
    /// JSON of the codes that the last document states after its elements.
    codes: Option<Zeroizing<Vec<u8>>>,
}

impl<R: Read> Walker<R> {
    pub(super) fn new(reader: R, places: Places) -> Self {
        Self {
            tokens: Tokens::new(reader),
            elements: places.elements.iter().map(|place| steps(place)).collect(),
            notes: places.notes.iter().map(|place| (*place, steps(place))).collect(),
            frames: Vec::new(),
            expect: Expect::FirstOrEnd,
            document: 0,
            n_places: 0,
            skips_elements: false,
            codes: None,
        }
    }

    /// Skips elements, too, so that only notes are met.
    pub(super) fn skip_elements(&mut self) {
        self.skips_elements = true;
    }

    /// Returns true once, if a byte order mark came before everything else.
    pub(super) fn take_mark(&mut self) -> bool {
        self.tokens.buffer.take_mark()
    }

    /// Takes the JSON of the codes that a document has stated since then.
    pub(super) fn take_codes(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.codes.take()
    }

    /// Returns the number of lines read so far.
    pub(super) fn n_lines(&self) -> u64 {
        self.tokens.buffer.line
    }

    /// Returns the number of lists of elements that were found so far, whether or not they hold
    /// any.
    pub(super) fn n_places(&self) -> u64 {
        self.n_places
    }

    /// Returns the number of documents that were begun so far.
    pub(super) fn n_documents(&self) -> u64 {
        self.document
    }

    /// Returns the next element or note; `None` at the end.
    pub(super) fn next_met(&mut self) -> Result<Option<Met>, InputError> {
        self.tokens.buffer.sniff()?;
        loop {
            if self.frames.is_empty() {
                self.tokens.buffer.pass_mark()?;
            }
            let Some(byte) = self.tokens.peek()? else {
                return if self.frames.is_empty() {
                    Ok(None)
                } else {
                    Err(self.tokens.unfinished())
                };
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
            (b',' | b']' | b'}' | b':', _) | (_, Expect::CommaOrEnd) => Err(self.tokens.invalid()),
            (_, Expect::FirstOrEnd | Expect::Next) => self.value(byte),
        }
    }

    fn in_object(&mut self, byte: u8) -> Result<Option<Met>, InputError> {
        match (byte, self.expect) {
            (b'}', Expect::FirstOrEnd | Expect::CommaOrEnd) => Ok(self.leave()),
            (b',', Expect::CommaOrEnd) => Ok(self.step(Expect::Next)),
            (b'"', Expect::FirstOrEnd | Expect::Next) => {
                let key = self.tokens.key()?;
                let is_codes = key == CODE_NAME;
                if let Some(Frame::Object(last)) = self.frames.last_mut() {
                    *last = key;
                }
                let byte = self.tokens.colon()?;
                if is_codes { self.take_in_codes() } else { self.value(byte) }
            }
            _ => Err(self.tokens.invalid()),
        }
    }

    /// Takes a comma or a bracket.
    fn step(&mut self, expect: Expect) -> Option<Met> {
        self.tokens.take(1);
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

    /// Counts an item of an array, once it is complete.
    fn count(&mut self) {
        if let Some(Frame::Array(n)) = self.frames.last_mut() {
            *n += 1;
        }
    }

    /// Takes the value that begins with `byte`: enters it, hands it out, or skips it.
    fn value(&mut self, byte: u8) -> Result<Option<Met>, InputError> {
        if self.frames.is_empty() && byte == b'[' {
            return Ok(self.enter(Frame::Array(0)));
        }
        if self.frames_are_documents() {
            if byte != b'{' {
                return Err(InputError::NoObject { line: self.tokens.buffer.line });
            }
            self.document += 1;
        }
        let met = match (self.place(), byte) {
            (Role::Element, _) => return self.element(),
            (Role::Inside, b'{') => return Ok(self.enter(Frame::Object(String::new()))),
            (Role::Inside, b'[') => {
                self.n_places += 1;
                return Ok(self.enter(Frame::Array(0)));
            }
            (Role::Note(place), _) => self.note(place)?,
            (Role::Inside | Role::Other, _) => {
                self.tokens.pass_value()?;
                None
            }
        };
        self.expect = Expect::CommaOrEnd;
        self.count();
        Ok(met)
    }

    fn take_in_codes(&mut self) -> Result<Option<Met>, InputError> {
        self.tokens.begin_copy();
        self.tokens.pass_value()?;
        self.codes = self.tokens.end_copy().filter(|json| json.len() <= MAX_SCALAR);
        self.expect = Expect::CommaOrEnd;
        Ok(None)
    }

    fn note(&mut self, place: &'static str) -> Result<Option<Met>, InputError> {
        self.tokens.begin_copy();
        self.tokens.pass_value()?;
        let json = self.tokens.end_copy().filter(|json| json.len() <= MAX_SCALAR);
        let json = json.and_then(|json| String::from_utf8(json.to_vec()).ok());
        Ok(json.map(|json| Met::Note {
            line: self.tokens.buffer.line,
            document: self.document,
            place,
            json,
        }))
    }

    /// Takes an element. A document that contains lists of elements is not an element itself: it is
    /// entered.
    fn element(&mut self) -> Result<Option<Met>, InputError> {
        let (line, at, document) = (self.tokens.buffer.line, self.path(), self.document);
        if !self.skips_elements {
            self.tokens.begin_copy();
        }
        if self.frames_are_documents() {
            if let Some(byte) = self.pass_document()? {
                self.tokens.end_copy();
                return self.value(byte);
            }
        } else {
            self.tokens.pass_value()?;
        }
        self.n_places += 1;
        self.expect = Expect::CommaOrEnd;
        self.count();
        let json = self.tokens.end_copy().filter(|json| json.len() <= MAX_FRAME);
        let element = Element { line, at, document, json };
        Ok((!self.skips_elements).then_some(Met::Element(element)))
    }

    /// Skips to a value of the document that contains elements: enters the document, and returns
    /// the first byte of that value. `None` if there is no such value.
    fn pass_document(&mut self) -> Result<Option<u8>, InputError> {
        self.tokens.take(1);
        let mut expect = Expect::FirstOrEnd;
        loop {
            match (self.tokens.peek_value()?, expect) {
                (b'}', Expect::FirstOrEnd | Expect::CommaOrEnd) => {
                    self.tokens.take(1);
                    return Ok(None);
                }
                (b',', Expect::CommaOrEnd) => {
                    self.tokens.take(1);
                    expect = Expect::Next;
                }
                (b'"', Expect::FirstOrEnd | Expect::Next) => {
                    let key = self.tokens.key()?;
                    let byte = self.tokens.colon()?;
                    self.frames.push(Frame::Object(key));
                    if matches!(byte, b'[' | b'{') && self.place() != Role::Other {
                        return Ok(Some(byte));
                    }
                    self.frames.pop();
                    self.tokens.pass_value()?;
                    expect = Expect::CommaOrEnd;
                }
                _ => return Err(self.tokens.invalid()),
            }
        }
    }

    /// Returns the meaning of the present place.
    fn place(&self) -> Role {
        let frames = match self.frames.split_first() {
            Some((Frame::Array(_), rest)) => rest,
            _ => &self.frames,
        };
        if let Some((place, _)) = self.notes.iter().find(|(_, steps)| leads_to(frames, steps)) {
            return Role::Note(place);
        }
        let is_at = |steps: &Vec<Step>| leads_to(frames, steps);
        let is_on_the_way = |steps: &Vec<Step>| {
            steps.get(..frames.len()).is_some_and(|steps| leads_to(frames, steps))
        };
        if self.elements.iter().any(is_at) {
            Role::Element
        } else if self.elements.iter().any(is_on_the_way) {
            Role::Inside
        } else {
            Role::Other
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
