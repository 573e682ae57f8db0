//! Notes of documents: short values, such as a realm's relying party id, that apply to all people
//! of a document, or of every document of its realm.

use std::collections::HashMap;

use crate::model::Node;

/// Most documents whose notes are kept; bounds memory.
const MAX_DOCUMENTS: usize = 100_000;

/// A document, by the number of its file and its number in the file.
pub(super) type DocumentKey = (usize, u64);

/// Notes of all documents of an input.
#[derive(Debug, Default)]
pub struct Notes {
    documents: HashMap<DocumentKey, Vec<(&'static str, Node)>>,
    /// Notes of every document that names its realm, by that name.
    realms: HashMap<String, Vec<(&'static str, Node)>>,
    /// The last document that came when there was no room, as for JSON lines that are a document
    /// each: their notes come before their people.
    last: Option<(DocumentKey, Vec<(&'static str, Node)>)>,
}

impl Notes {
    /// Keeps a note of a document.
    pub(super) fn add(&mut self, document: DocumentKey, place: &'static str, note: Node) {
        let has_room =
            self.documents.len() < MAX_DOCUMENTS || self.documents.contains_key(&document);
        let notes = if has_room {
            self.documents.entry(document).or_default()
        } else {
            if self.last.as_ref().is_none_or(|(other, _)| *other != document) {
                self.last = None;
            }
            &mut self.last.get_or_insert_with(|| (document, Vec::new())).1
        };
        notes.retain(|(other, _)| *other != place);
        notes.push((place, note));
    }

    /// Returns whether the notes of a document are kept for good.
    pub(super) fn has(&self, document: DocumentKey) -> bool {
        self.documents.contains_key(&document)
    }

    fn of(&self, document: DocumentKey) -> Option<&Vec<(&'static str, Node)>> {
        let last = self.last.as_ref().filter(|(other, _)| *other == document);
        self.documents.get(&document).or_else(|| last.map(|(_, notes)| notes))
    }

    /// Returns every note of a document that has a text, as [`Notes::text`] gives them.
    pub(super) fn texts(
        &self,
        document: DocumentKey,
        realm: Option<&'static str>,
    ) -> Vec<(&'static str, &str)> {
        let Some(own) = self.of(document) else { return Vec::new() };
        let name = realm.and_then(|realm| find(own, realm)).and_then(Node::text);
        let shared = name.and_then(|name| self.realms.get(name)).map_or(&[][..], Vec::as_slice);
        let mut texts: Vec<(&'static str, &str)> = Vec::new();
        for (place, _) in own.iter().chain(shared) {
            if texts.iter().all(|(other, _)| other != place)
                && let Some(text) = self.text(document, realm, place)
            {
                texts.push((place, text));
            }
        }
        texts
    }

    /// Shares the notes of documents among those of the same realm, which is named by the note
    /// `realm`.
    pub(super) fn share(&mut self, realm: &'static str) {
        for notes in self.documents.values() {
            if let Some(name) = find(notes, realm).and_then(Node::text) {
                let shared = self.realms.entry(name.to_owned()).or_default();
                for (place, note) in notes.iter().filter(|(_, note)| note.text().is_some()) {
                    if find(shared, place).is_none() {
                        shared.push((place, note.clone()));
                    }
                }
            }
        }
    }

    /// Returns the text of a note: the document's own, or that of its realm.
    pub(super) fn text(
        &self,
        document: DocumentKey,
        realm: Option<&'static str>,
        place: &'static str,
    ) -> Option<&str> {
        let notes = self.of(document)?;
        let own = find(notes, place).and_then(Node::text);
        own.or_else(|| {
            let name = find(notes, realm?)?.text()?;
            find(self.realms.get(name)?, place)?.text()
        })
    }

    /// Returns whether a file has any.
    pub(super) fn has_file(&self, file: usize) -> bool {
        self.documents.keys().any(|(other, _)| *other == file)
    }

    /// Returns whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}

fn find<'a>(notes: &'a [(&'static str, Node)], place: &str) -> Option<&'a Node> {
    notes.iter().find(|(other, _)| *other == place).map(|(_, note)| note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_more_documents_than_are_kept_are_known_while_their_people_come() {
        let mut notes = Notes::default();
        for document in 0..MAX_DOCUMENTS as u64 + 2 {
            let key = (0, document);
            notes.add(key, "realm", Node::of("acme"));
            notes.add(key, "id", Node::of(&document.to_string()));
            assert_eq!(notes.text(key, None, "id"), Some(document.to_string().as_str()));
        }
        let last = (0, MAX_DOCUMENTS as u64 + 1);
        assert!(notes.has((0, 0)) && !notes.has(last));
        assert_eq!(notes.text((0, 0), None, "id"), Some("0"));
        assert_eq!(notes.text((0, MAX_DOCUMENTS as u64), None, "id"), None);
        notes.share("realm");
        assert_eq!(notes.texts(last, Some("realm")), [("realm", "acme"), ("id", "100001")]);
        // A note that a document lacks is that of its realm.
        let mut notes = Notes::default();
        notes.add((0, 1), "realm", Node::of("acme"));
        notes.add((0, 1), "id", Node::of("x"));
        notes.add((1, 1), "realm", Node::of("acme"));
        notes.share("realm");
        assert_eq!(notes.texts((1, 1), Some("realm")), [("realm", "acme"), ("id", "x")]);
        assert_eq!(notes.texts((2, 1), Some("realm")), []);
    }
}
