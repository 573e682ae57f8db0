//! Codes in an input that `select --with-reason` has written: its rows replace rows of another
//! input that were refused for these codes.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use super::CODE_NAME;
use crate::{model::Node, sync::lock};

/// Most distinct codes that are kept, and the longest code: far more than exist.
const MAX_CODES: usize = 1000;
const LONGEST_CODE: usize = 64;

/// Codes stated by the rows of an input; shared with the readers that see them. None in an input
/// that is not a selection.
#[derive(Debug, Clone, Default)]
pub struct SelectionCodes(Arc<Mutex<BTreeSet<String>>>);

impl SelectionCodes {
    /// Returns the codes seen so far, in order.
    pub fn seen(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Takes the codes of a row.
    pub fn note(&self, codes: &str) {
        let is_code = |word: &&str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            word.len() <= LONGEST_CODE && word.bytes().all(is_letter)
        };
        let mut seen = self.lock();
        for code in codes.split_ascii_whitespace().filter(is_code) {
            if !seen.contains(code) && seen.len() < MAX_CODES {
                seen.insert(code.to_owned());
            }
        }
    }

    /// Takes the codes of an element of another system's export.
    pub fn note_element(&self, element: &Node) {
        let behind = |cell: &Node, before: &str, after: char| {
            let rest = cell.text()?.strip_prefix(before)?.strip_prefix(CODE_NAME)?;
            rest.strip_prefix(after).map(|codes| self.note(codes))
        };
        match element {
            Node::Object(entries) => {
                let code = entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(CODE_NAME));
                code.and_then(|(_, value)| value.text()).map(|codes| self.note(codes))
            }
            Node::List(cells) => cells.last().and_then(|cell| behind(cell, "", '=')),
            line => behind(line, "# ", ':'),
        };
    }

    /// Forgets all codes, because the input also has rows of other files.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        lock(&self.0)
    }
}
