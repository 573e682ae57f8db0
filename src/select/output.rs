//! Writes pieces of an input out again.

use std::io::{self, Write};

use crate::input::{CODE_NAME, CodeColumn, PieceKind, add_code, add_key, compact};

/// State of the output.
#[derive(Debug)]
pub(super) struct Output {
    with_reason: bool,
    /// A byte order mark, and a line that declares the delimiter, until they are written.
    before: Vec<u8>,
    /// The last header.
    header: Option<Header>,
    /// The last line ending that was written.
    ending: &'static [u8],
    /// True if the last line has no line ending.
    is_open: bool,
    is_json: bool,
    /// The piece that is being built.
    line: Vec<u8>,
}

/// A header.
#[derive(Debug)]
struct Header {
    /// Bytes of it in the input.
    raw: Vec<u8>,
    /// Place of the code below it.
    column: CodeColumn,
    /// True if it is still to be written.
    is_due: bool,
}

impl Output {
    pub(super) fn new(with_reason: bool) -> Self {
        Self {
            with_reason,
            before: Vec::new(),
            header: None,
            ending: b"\n",
            is_open: false,
            is_json: false,
            line: Vec::new(),
        }
    }

    /// Returns whether it is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Takes a piece without rows. The first header is written together with what precedes it; a
    /// later one when a row needs it.
    pub(super) fn head(
        &mut self,
        kind: PieceKind,
        piece: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match kind {
            PieceKind::Header { delimiter, is_strict } => {
                let is_first = self.header.is_none();
                if self.header.as_ref().is_some_and(|last| text(&last.raw) == text(piece)) {
                    return Ok(());
                }
                let column = CodeColumn::of(piece, delimiter, is_strict);
                self.header = Some(Header { raw: piece.to_vec(), column, is_due: true });
                if is_first { self.write_head(out) } else { Ok(()) }
            }
            // Marks and declarations of further or joined files are dropped.
            _ if self.header.is_some() || self.is_json || self.is_open => Ok(()),
            _ => {
                self.before.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    fn write_head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&std::mem::take(&mut self.before))?;
        if let Some(header) = self.header.as_mut().filter(|header| header.is_due) {
            header.is_due = false;
            if self.with_reason {
                header.column.write_header(&header.raw, &mut self.line);
            } else {
                self.line.extend_from_slice(&header.raw);
            }
            self.write_line(out)?;
        }
        Ok(())
    }

    /// Writes a piece that holds rows with those codes. Returns false if it cannot take a code.
    pub(super) fn write(
        &mut self,
        kind: PieceKind,
        piece: &[u8],
        codes: &str,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        self.write_head(out)?;
        let mut line = std::mem::take(&mut self.line);
        let is_noted = match kind {
            PieceKind::Json { is_line } => {
                self.is_json = true;
                self.json(piece, is_line, codes, &mut line)
            }
            _ if !self.with_reason => {
                line.extend_from_slice(piece);
                true
            }
            PieceKind::Record { delimiter } => {
                match &self.header {
                    Some(header) => header.column.write_row(piece, codes, &mut line),
                    None => add_code(piece, delimiter, codes, &mut line),
                }
                true
            }
            _ => {
                if !codes.is_empty() {
                    line.extend_from_slice(format!("# {CODE_NAME}: {codes}").as_bytes());
                    line.extend_from_slice(ending_of(piece).unwrap_or(self.ending));
                }
                line.extend_from_slice(piece);
                true
            }
        };
        self.line = line;
        self.write_line(out)?;
        Ok(is_noted)
    }

    fn json(&self, piece: &[u8], is_line: bool, codes: &str, line: &mut Vec<u8>) -> bool {
        let mut compacted = Vec::new();
        let piece = if is_line {
            piece
        } else {
            compact(piece, &mut compacted);
            compacted.push(b'\n');
            compacted.as_slice()
        };
        if self.with_reason {
            return add_key(piece, codes, line);
        }
        line.extend_from_slice(piece);
        true
    }

    /// Writes the line that was built, on a line of its own.
    fn write_line(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_open {
            out.write_all(self.ending)?;
        }
        out.write_all(&self.line)?;
        let ending = ending_of(&self.line);
        (self.is_open, self.ending) = (ending.is_none(), ending.unwrap_or(self.ending));
        self.line.clear();
        Ok(())
    }
}

/// Returns the line ending of a piece that has one.
fn ending_of(piece: &[u8]) -> Option<&'static [u8]> {
    if piece.ends_with(b"\r\n") { Some(b"\r\n") } else { piece.ends_with(b"\n").then_some(b"\n") }
}

/// Returns a header without its line ending.
fn text(header: &[u8]) -> &[u8] {
    let text = header.strip_suffix(b"\n").unwrap_or(header);
    text.strip_suffix(b"\r").unwrap_or(text)
}
