//! Characters of a stream of UTF-8, up to the first fault.

use std::io::{self, BufReader, Read};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::{MAX_ELEMENT, fault, line};
use crate::input::InputError;

/// What the characters tell the reader beside the parser, which passes nothing on but their end.
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
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, fault: InputError) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

/// Characters of UTF-8, as the parser takes them.
pub(super) struct Characters<R: Read> {
    reader: BufReader<R>,
    gauge: Arc<Gauge>,
    line: usize,
    /// The last character.
    last: char,
    is_done: bool,
}

impl<R: Read> Characters<R> {
    pub(super) fn new(reader: R, gauge: Arc<Gauge>) -> Self {
        let reader = BufReader::new(reader);
        Self { reader, gauge, line: 1, last: '\n', is_done: false }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        match self.reader.read_exact(&mut byte) {
            Ok(()) => Ok(Some(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one character. The outer `None` is the end, the inner one a byte that is not UTF-8.
    fn character(&mut self) -> io::Result<Option<Option<char>>> {
        let Some(first) = self.byte()? else { return Ok(None) };
        let mut bytes = [first, 0, 0, 0];
        let len = match first {
            0..0x80 => 1,
            0xc2..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf5 => 4,
            _ => return Ok(Some(None)),
        };
        for place in bytes.iter_mut().take(len).skip(1) {
            let Some(byte) = self.byte()? else { return Ok(Some(None)) };
            *place = byte;
        }
        let text = bytes.get(..len).and_then(|bytes| str::from_utf8(bytes).ok());
        Ok(Some(text.and_then(|text| text.chars().next())))
    }
}

impl<R: Read> Characters<R> {
    /// Returns the next character, `None` at the end, or what ends the reading.
    fn checked(&mut self) -> Result<Option<char>, InputError> {
        let here = line(self.line);
        if self.gauge.characters.fetch_add(1, Ordering::Relaxed) >= MAX_ELEMENT {
            return Err(fault(here, "an element longer than 1 MiB"));
        }
        match self.character() {
            // Only brackets prove that they are whole; a secret that is cut may look like one.
            Ok(None) if !matches!(self.last, '\n' | '}' | ']') => Err(fault(
                here,
                "cut off in the middle of a line (if it is whole, add a line break at its end)",
            )),
            Ok(None) => Ok(None),
            // The parser would take it for the end, and what follows would be lost without a word.
            Ok(Some(Some('\0'))) => Err(fault(here, "a NUL character")),
            Ok(Some(Some(character))) => Ok(Some(character)),
            Ok(Some(None)) => Err(fault(here, "invalid UTF-8")),
            Err(source) => Err(InputError::of_reader(here, source)),
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
                self.line += usize::from(character == '\n');
                self.last = character;
            }
            None => self.is_done = true,
        }
        character
    }
}
