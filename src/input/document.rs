//! Cuts a JSON document, however it is formatted, into the objects that it lists: an array of them,
//! or one after another. One object is in memory at a time; its meaning does not matter here.

use memchr::memchr2;

/// State between and inside the values of a document.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// True inside the array.
    in_array: bool,
    /// True from a value to the comma after it.
    after_value: bool,
    depth: u32,
    in_string: bool,
}

/// Meaning of a byte between values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// It separates values.
    Passed,
    /// A value begins.
    Value,
    /// It must not be there.
    Misplaced,
}

impl Cutter {
    /// Returns whether an array has been opened and not closed.
    pub(super) fn is_in_array(&self) -> bool {
        self.in_array
    }

    /// Takes the next byte after a value, or before the first.
    pub(super) fn between(&mut self, byte: u8) -> Between {
        match byte {
            _ if byte.is_ascii_whitespace() => Between::Passed,
            b'[' if !self.in_array => {
                (self.in_array, self.after_value) = (true, false);
                Between::Passed
            }
            b']' if self.in_array => {
                (self.in_array, self.after_value) = (false, false);
                Between::Passed
            }
            // Allowed without an array, too: its brackets may have been cut off.
            b',' if self.after_value => {
                self.after_value = false;
                Between::Passed
            }
            b',' | b']' | b'}' | b':' => Between::Misplaced,
            _ if self.after_value && self.in_array => Between::Misplaced,
            _ => {
                (self.after_value, self.depth, self.in_string) = (true, 0, false);
                Between::Value
            }
        }
    }

    /// Scans more bytes of a value; returns where it ends, or `None` if it goes on.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.in_string {
                // An escaped byte may be in the next piece: the backslash is scanned again together
                // with it.
                let found = at + memchr2(b'"', b'\\', &bytes[at..])?;
                if bytes[found] == b'\\' {
                    at = found + 2;
                    continue;
                }
                self.in_string = false;
                at = found + 1;
                if self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ if self.depth == 0 && byte.is_ascii_whitespace() => return Some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Forgets the state within a value, which is scanned once more from its beginning.
    pub(super) fn restart(&mut self) {
        (self.depth, self.in_string) = (0, false);
    }
}
