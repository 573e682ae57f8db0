//! Tokens of a JSON document: strings, scalars and whole values, taken or skipped, with a copy of
//! those that are wanted.

use std::io::Read;

use memchr::{memchr_iter, memchr2};
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::Expect;
use crate::input::{InputError, buffer::Buffer, frame::MAX_FRAME};

/// Deepest nesting of containers, as in `serde_json`.
const MAX_DEPTH: usize = 127;
/// The longest key, number or note, in bytes.
pub(super) const MAX_SCALAR: usize = 4096;

/// Reader of tokens.
pub(super) struct Tokens<R> {
    pub(super) buffer: Buffer<R>,
    /// Copy of the taken bytes.
    copy: Option<Zeroizing<Vec<u8>>>,
}

impl<R: Read> Tokens<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { buffer: Buffer::new(reader), copy: None }
    }

    /// Starts to copy the bytes that are taken.
    pub(super) fn begin_copy(&mut self) {
        self.copy = Some(Zeroizing::default());
    }

    /// Returns the copy, and ends it.
    pub(super) fn end_copy(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.copy.take()
    }

    /// Skips a value of any kind.
    pub(super) fn pass_value(&mut self) -> Result<(), InputError> {
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

    /// Starts a value: opens a container, or skips anything else.
    fn begin(&mut self, byte: u8, open: &mut Vec<u8>) -> Result<Expect, InputError> {
        match byte {
            b'{' | b'[' if open.len() == MAX_DEPTH => {
                Err(InputError::DeepJson { line: self.buffer.line })
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
            let seen = self.buffer.unread();
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

    /// Skips a number, `true`, `false` or `null`.
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
    pub(super) fn key(&mut self) -> Result<String, InputError> {
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
    pub(super) fn colon(&mut self) -> Result<u8, InputError> {
        if self.peek_value()? != b':' {
            return Err(self.invalid());
        }
        self.take(1);
        self.peek_value()
    }

    /// Returns the next byte that is not white space; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            let seen = self.buffer.unread();
            let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
            let blank = seen.iter().take_while(|byte| is_space(byte)).count();
            let next = seen.get(blank).copied();
            if blank > 0 {
                self.buffer.line += memchr_iter(b'\n', &seen[..blank]).count() as u64;
                self.take(blank);
            }
            if next.is_some() || self.buffer.at_end {
                return Ok(next);
            }
            self.buffer.fill()?;
        }
    }

    /// Returns the next byte inside a value, which cannot end there.
    pub(super) fn peek_value(&mut self) -> Result<u8, InputError> {
        self.peek()?.ok_or_else(|| self.unfinished())
    }

    fn next_byte(&mut self) -> Result<u8, InputError> {
        self.next_byte_or_end()?.ok_or_else(|| self.unfinished())
    }

    fn next_byte_or_end(&mut self) -> Result<Option<u8>, InputError> {
        while self.buffer.unread().is_empty() && !self.buffer.at_end {
            self.buffer.fill()?;
        }
        Ok(self.buffer.unread().first().copied())
    }

    pub(super) fn take(&mut self, n: usize) {
        self.buffer.take(n);
        if let Some(copy) = &mut self.copy
            && copy.len() <= MAX_FRAME
        {
            copy.extend_from_slice(self.buffer.taken(n));
        }
    }

    pub(super) fn invalid(&self) -> InputError {
        InputError::InvalidJson { line: self.buffer.line }
    }

    pub(super) fn unfinished(&self) -> InputError {
        InputError::UnfinishedJson { line: self.buffer.line }
    }
}
