//! Notes of documents: short values, such as a realm's relying party id, that hold for all people of a
//! document, or of every document of its realm.

use std::collections::HashMap;

use crate::model::Node;

/// Documents at most of which notes are kept; bounds memory.
const MAX_DOCUMENTS: usize = 100_000;

/// A document, by the number of its file and its number in the file.
pub(super) type DocumentKey = (usize, u64);

/// Notes of all documents of an input.
#[derive(Debug, Default)]
pub struct Notes {
    documents: HashMap<DocumentKey, Vec<(&'static str, Node)>>,
    /// Notes of every document that names its realm, by that name.
    realms: HashMap<String, Vec<(&'static str, Node)>>,
}

impl Notes {
    /// Keeps a note of a document.
    pub(super) fn add(&mut self, document: DocumentKey, place: &'static str, note: Node) {
        if self.documents.len() < MAX_DOCUMENTS || self.documents.contains_key(&document) {
            let notes = self.documents.entry(document).or_default();
            notes.retain(|(other, _)| *other != place);
            notes.push((place, note));
        }
    }

    /// Shares the notes of documents among those of the same realm, whose name is the note `realm`.
    pub(super) fn share(&mut self, realm: &'static str) {
        for notes in self.documents.values() {
            if let Some(name) = find(notes, realm).and_then(Node::text) {
                let shared = self.realms.entry(name.to_owned()).or_default();
                shared.extend(notes.iter().filter(|(_, note)| note.text().is_some()).cloned());
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
        let notes = self.documents.get(&document)?;
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
