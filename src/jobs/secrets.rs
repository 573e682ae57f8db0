//! TOTP secrets of an input, counted by the file that holds them.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::{
    model::{Lines, Planned},
    sync::lock,
};

/// A file (`None` if it is the only one), and a number.
type InFile = (Option<Arc<str>>, u64);

/// Number of secrets by file. Cheap to clone: all clones share one count.
#[derive(Debug, Clone, Default)]
pub struct SecretCount {
    lines: Lines,
    /// Files in the order of the input.
    files: Arc<Mutex<Vec<InFile>>>,
}

impl SecretCount {
    /// Makes a count for an input whose files `lines` names.
    pub fn of(lines: Lines) -> Self {
        Self { lines, files: Arc::default() }
    }

    /// Counts a row that has a secret, duplicates and unusable rows included.
    pub fn see(&self, planned: &Planned) {
        if !planned.has_totp_secret() {
            return;
        }
        let file = self.lines.place(planned.line()).file;
        let mut files = self.lock();
        match files.last_mut() {
            Some((last, count)) if is_same(last.as_ref(), file.as_ref()) => *count += 1,
            _ => files.push((file, 1)),
        }
    }

    /// Returns the numbers by file; the only file of an input has no name here, and a file given
    /// twice appears twice.
    pub fn by_file(&self) -> Vec<InFile> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InFile>> {
        lock(&self.files)
    }
}

/// Returns whether two lines are in the same file of one reading, which has the same name each
/// time.
fn is_same(one: Option<&Arc<str>>, other: Option<&Arc<str>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one == other,
    }
}
