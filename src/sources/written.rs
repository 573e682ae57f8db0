//! Elements as they are written, each by itself: one of a document as a document of its own on one
//! line.

use zeroize::Zeroizing;

use super::Export;
use crate::input::{Element, InputError, PieceKind, Written, compact};

impl Export {
    /// Begins to keep what elements are written as, before the first is read: their own lines, or
    /// else each as a line of JSON that is read as the same.
    pub fn keep_written(&mut self) {
        self.written = Some(Written::default());
        if let Some(elements) = &mut self.elements {
            elements.keep_written();
        }
    }

    /// Returns what has been kept and not been taken.
    pub fn written(&mut self) -> Option<&mut Written> {
        self.written.as_mut()
    }

    /// Takes an element, and keeps its text if the reader has kept that.
    pub(super) fn take(&mut self, mut element: Element) -> Result<(), InputError> {
        let pieces = std::mem::take(&mut element.written);
        if pieces.is_empty() {
            return self.take_content(element);
        }
        let (before, document) = (self.pending.len(), (self.file, element.document));
        let at = element.at.clone();
        self.take_content(element)?;
        let notes = self.notes.texts(document, self.system.realm);
        if let Some(written) = &mut self.written {
            keep(written, &pieces, self.pending.len() - before, &at, &notes);
        }
        Ok(())
    }
}

/// Keeps the pieces of an element with so many rows, which stands at the path `at` of a document
/// with those notes.
fn keep(
    written: &mut Written,
    pieces: &[(PieceKind, Zeroizing<Vec<u8>>)],
    n_rows: usize,
    at: &str,
    notes: &[(&'static str, &str)],
) {
    let Some(((kind, last), before)) = pieces.split_last() else { return };
    for (kind, bytes) in before {
        written.push(*kind, bytes, 0);
    }
    if *kind == (PieceKind::Json { is_line: false }) && !last.is_empty() {
        let mut line = Zeroizing::new(Vec::with_capacity(last.len()));
        write_document(last, at, notes, &mut line);
        written.push(PieceKind::Json { is_line: true }, &line, n_rows);
    } else {
        written.push(*kind, last, n_rows);
    }
}

/// Adds a document that holds the element at the same place, and its notes before it.
fn write_document(json: &[u8], at: &str, notes: &[(&'static str, &str)], out: &mut Vec<u8>) {
    let steps = steps(at);
    for (depth, (name, is_list)) in steps.iter().enumerate() {
        out.push(b'{');
        for (note, text) in notes.iter().filter(|_| depth == 0) {
            write_text(note, out);
            out.push(b':');
            write_text(text, out);
            out.push(b',');
        }
        write_text(name, out);
        out.extend_from_slice(if *is_list { b":[" } else { b":" });
    }
    compact(json, out);
    for (_, is_list) in steps.iter().rev() {
        out.extend_from_slice(if *is_list { b"]}" } else { b"}" });
    }
    out.push(b'\n');
}

/// Returns the keys on the way to `[0].orgs[1].users[2]` within its document, and which of them are
/// of lists.
fn steps(at: &str) -> Vec<(&str, bool)> {
    let names =
        at.split('.').map(|name| name.split_once('[').map_or((name, false), |it| (it.0, true)));
    // Where the file is a list of documents, its place in it comes first.
    names.filter(|(name, _)| !name.is_empty()).collect()
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    if serde_json::to_writer(out, text).is_err() {
        unreachable!("texts can be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_gets_a_document_of_its_own_at_the_same_place() {
        for (at, notes, expected) in [
            ("", &[][..], "{\"a\":1}\n"),
            ("[17]", &[], "{\"a\":1}\n"),
            ("users[3]", &[], "{\"users\":[{\"a\":1}]}\n"),
            ("user", &[], "{\"user\":{\"a\":1}}\n"),
            ("[2].orgs[0].humanUsers[5]", &[], "{\"orgs\":[{\"humanUsers\":[{\"a\":1}]}]}\n"),
            (
                "[0].users[1]",
                &[("realm", "a\"b"), ("id", "x")],
                "{\"realm\":\"a\\\"b\",\"id\":\"x\",\"users\":[{\"a\":1}]}\n",
            ),
        ] {
            let mut out = Vec::new();
            write_document(b"{ \"a\":\n1}", at, notes, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{at}");
        }
    }
}
