//! Characters of a stream of UTF-8, up to the first fault.

use std::io::{self, BufReader, Read};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{MAX_ELEMENT, fault};
use crate::{input::InputError, sync::lock};

/// Channel from the characters to the reader, past the parser, which passes on nothing but their
/// end.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Characters read since the element began.
    characters: AtomicUsize,
    fault: Mutex<Option<InputError>>,
}

impl Gauge {
    /// Begins an element.
    pub(super) fn reset(&self) {
        self.characters.store(0, Ordering::Relaxed);
    }

    /// Returns the fault that ended the characters.
    pub(super) fn take(&self) -> Option<InputError> {
        lock(&self.fault).take()
    }

    fn put(&self, fault: InputError) {
        *lock(&self.fault) = Some(fault);
    }
}

/// Characters of UTF-8, as the parser takes them.
pub(super) struct Characters<R: Read> {
    reader: BufReader<R>,
    gauge: Arc<Gauge>,
    line: u64,
    /// The last character.
    last: char,
    is_done: bool,
}

impl<R: Read> Characters<R> {
    pub(super) fn new(reader: R, gauge: Arc<Gauge>) -> Self {
        let reader = BufReader::new(reader);
        Self { reader, gauge, line: 1, last: '\n', is_done: false }
    }

    fn byte(&mut self) -> Result<Option<u8>, InputError> {
        let mut byte = [0];
        loop {
            match self.reader.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(InputError::of_reader(self.line, error)),
            }
        }
    }

    /// Reads one character of UTF-8; none at the end.
    fn character(&mut self) -> Result<Option<char>, InputError> {
        let Some(first) = self.byte()? else { return Ok(None) };
        let mut bytes = [first, 0, 0, 0];
        let len = match first {
            0..0x80 => 1,
            0xc2..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf5 => 4,
            _ => 0,
        };
        for place in bytes.iter_mut().take(len).skip(1) {
            // No character goes on with it.
            *place = self.byte()?.unwrap_or(0xff);
        }
        let text = bytes.get(..len).and_then(|bytes| str::from_utf8(bytes).ok());
        let character = text.and_then(|text| text.chars().next());
        character.map(Some).ok_or_else(|| fault(self.line, "invalid UTF-8"))
    }

    /// Returns the next character, `None` at the end, or what ends the reading.
    fn checked(&mut self) -> Result<Option<char>, InputError> {
        if self.gauge.characters.fetch_add(1, Ordering::Relaxed) >= MAX_ELEMENT {
            return Err(fault(self.line, "an element longer than 1 MiB"));
        }
        let character = self.character()?;
        match character {
            // Only brackets prove that they are whole; a secret that is cut may look like one.
            None if !matches!(self.last, '\n' | '}' | ']') => Err(fault(
                self.line,
                "cut off in the middle of a line (if it is whole, add a line break at its end)",
            )),
            // The parser would take it for the end, and what follows would be lost without a word.
            Some('\0') => Err(fault(self.line, "a NUL character")),
            _ => Ok(character),
        }
    }
}

impl<R: Read> Iterator for Characters<R> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if self.is_done {
            return None;
        }
        let character = self.checked().unwrap_or_else(|fault| {
            self.gauge.put(fault);
            None
        });
        match character {
            Some(character) => {
                self.line += u64::from(character == '\n');
                self.last = character;
            }
            None => self.is_done = true,
        }
        character
    }
}
