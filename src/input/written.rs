//! The text that rows are written as, kept beside them if anybody asks for it.

use std::fmt;

use super::{Body, Part, frame::Frame, header::declared, sniff::BOM};

/// Kind of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A byte order mark with which an input begins.
    Mark,
    /// A line `sep=;`.
    Declaration,
    /// Names of the columns of the rows to come.
    Header {
        /// Character between cells.
        delimiter: u8,
        /// True if a row must have exactly as many cells as the header.
        is_strict: bool,
    },
    /// A row of a table.
    Record {
        /// Character between cells.
        delimiter: u8,
    },
    /// JSON: a line of it, or a value of a document on any number of lines.
    Json {
        /// True for a line.
        is_line: bool,
    },
    /// A line of text.
    Text,
}

impl PieceKind {
    fn holds_rows(self) -> bool {
        !matches!(self, Self::Mark | Self::Declaration | Self::Header { .. })
    }
}

/// Pieces of an input, in order, with the number of rows in each. `Debug` shows none of their text.
#[derive(Default)]
pub struct Written {
    bytes: Vec<u8>,
    /// Kind, length and number of rows of each.
    pieces: Vec<(PieceKind, usize, usize)>,
    n_rows: usize,
}

impl Written {
    /// Adds a piece, byte for byte, with its line ending if it has one. Pieces without rows are
    /// left out, and of headers without rows between them only the last one is kept: so there are
    /// no more pieces than rows.
    pub fn push(&mut self, kind: PieceKind, bytes: &[u8], n_rows: usize) {
        if n_rows == 0 && kind.holds_rows() {
            return;
        }
        let same = |(last, ..): &(PieceKind, usize, usize)| {
            !kind.holds_rows() && std::mem::discriminant(last) == std::mem::discriminant(&kind)
        };
        if let Some((_, len, _)) = self.pieces.pop_if(|last| same(last)) {
            self.bytes.truncate(self.bytes.len() - len);
        }
        self.bytes.extend_from_slice(bytes);
        self.pieces.push((kind, bytes.len(), n_rows));
        self.n_rows += n_rows;
    }

    /// Returns the pieces with the number of rows in each.
    pub fn pieces(&self) -> impl Iterator<Item = (PieceKind, &[u8], usize)> {
        let mut rest = self.bytes.as_slice();
        self.pieces.iter().map(move |(kind, len, n_rows)| {
            let (piece, after) = rest.split_at(*len);
            rest = after;
            (*kind, piece, *n_rows)
        })
    }

    /// Returns the number of rows in them.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the number of bytes.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("pieces", &self.pieces).finish_non_exhaustive()
    }
}

impl Body {
    /// Keeps a frame without rows that declares how they are written, and the mark before any
    /// frame.
    pub(super) fn keep_head(&self, part: Part, frame: &Frame<'_>, written: &mut Written) {
        if frame.is_marked {
            written.push(PieceKind::Mark, BOM, 0);
        }
        if !matches!(part, Part::Header | Part::Repeated) {
            return;
        }
        let kind = match (declared(frame.text), self) {
            (None, _) => PieceKind::Header { delimiter: self.delimiter(), is_strict: false },
            // Below a header it has no meaning.
            (Some(_), Self::Csv(rows)) if rows.is_open() => return,
            (Some(_), _) => PieceKind::Declaration,
        };
        written.push(kind, frame.raw, 0);
    }

    /// Returns the kind of a frame of rows.
    pub(super) fn row_kind(&self) -> PieceKind {
        match self {
            Self::Csv(_) => PieceKind::Record { delimiter: self.delimiter() },
            Self::Jsonl(rows) => PieceKind::Json { is_line: !rows.is_document() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_rows_takes_no_room_however_much_of_it_there_is() {
        let mut written = Written::default();
        let header = PieceKind::Header { delimiter: b',', is_strict: false };
        for number in 0..1000 {
            written.push(PieceKind::Text, b"a sentence\n", 0);
            written.push(header, format!("a,{number}\n").as_bytes(), 0);
        }
        assert_eq!(written.n_bytes(), "a,999\n".len());
        written.push(PieceKind::Record { delimiter: b',' }, b"1,2\n", 1);
        written.push(header, b"b,c\n", 0);
        let pieces: Vec<_> = written.pieces().map(|(_, piece, n_rows)| (piece, n_rows)).collect();
        assert_eq!(pieces, [(&b"a,999\n"[..], 0), (b"1,2\n", 1), (b"b,c\n", 0)]);
        assert_eq!(written.n_rows(), 1);
    }
}
