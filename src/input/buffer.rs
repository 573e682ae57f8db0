//! Bytes of an input in a buffer of bounded size, with the line and offset reached.

use std::io::{ErrorKind, Read};

use super::{InputError, sniff};

/// Bytes requested from the reader at once; larger blocks measured no faster.
pub(super) const BLOCK: usize = 1 << 17;

/// Reader with a buffer whose unread bytes are one slice.
pub(super) struct Buffer<R> {
    reader: R,
    held: Vec<u8>,
    /// Start of the unread bytes, `held[start..end]`.
    start: usize,
    end: usize,
    /// Offset of the first unread byte in the input.
    pub(super) offset: u64,
    /// Physical line of the first unread byte; the consumer of line endings counts them.
    pub(super) line: u64,
    /// True once the reader has nothing more to give.
    pub(super) at_end: bool,
    sniffed: bool,
    /// True if a byte order mark came first, until [`Buffer::take_mark`] is called.
    is_marked: bool,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            held: vec![0; BLOCK],
            start: 0,
            end: 0,
            offset: 0,
            line: 1,
            at_end: false,
            sniffed: false,
            is_marked: false,
        }
    }

    /// Returns the bytes that have been read and not taken.
    pub(super) fn unread(&self) -> &[u8] {
        &self.held[self.start..self.end]
    }

    /// Takes bytes that have been looked at.
    pub(super) fn take(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }

    /// Returns the last `n` bytes that were taken, as long as nothing has been read since.
    pub(super) fn taken(&self, n: usize) -> &[u8] {
        &self.held[self.start - n..self.start]
    }

    /// Returns the size of the buffer.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.held.len()
    }

    /// Looks at the first bytes, once, and refuses anything but text.
    pub(super) fn sniff(&mut self) -> Result<(), InputError> {
        if self.sniffed {
            return Ok(());
        }
        while !self.at_end && sniff::wants_more(self.unread()) {
            self.fill()?;
        }
        self.sniffed = true;
        sniff::check(self.unread())
    }

    /// Skips byte order marks.
    pub(super) fn pass_mark(&mut self) -> Result<(), InputError> {
        loop {
            let seen = self.unread();
            if seen.starts_with(sniff::BOM) {
                self.is_marked |= self.offset == 0;
                self.take(sniff::BOM.len());
            } else if !self.at_end && sniff::BOM.starts_with(seen) {
                self.fill()?;
            } else {
                return Ok(());
            }
        }
    }

    /// Returns true once, if a byte order mark came before everything else.
    pub(super) fn take_mark(&mut self) -> bool {
        std::mem::take(&mut self.is_marked)
    }

    /// Reads once, making room first: unread bytes stay, and the caller bounds their number.
    pub(super) fn fill(&mut self) -> Result<(), InputError> {
        if self.end == self.held.len() {
            if self.start > 0 {
                self.held.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.held.resize(self.held.len() + BLOCK, 0);
            }
        }
        let n_read = loop {
            match self.reader.read(&mut self.held[self.end..]) {
                Ok(n_read) => break n_read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(InputError::of_reader(self.line, source)),
            }
        };
        self.end += n_read;
        self.at_end = n_read == 0;
        Ok(())
    }
}
