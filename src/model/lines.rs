//! Lines of an input that consists of several files. Lines are numbered through all files, so that
//! each has its own number; people see the file and the line in it.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use crate::{sync::lock, text::escape};

/// Maps a line to its file, for the files read so far; does nothing for a single file.
#[derive(Debug, Clone, Default)]
pub struct Lines(Option<Arc<Mutex<Vec<Begin>>>>);

/// A file, and the number of lines before it.
#[derive(Debug)]
struct Begin {
    before: u64,
    file: Arc<str>,
}

/// Position of a line, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, where there are several.
    pub file: Option<Arc<str>>,
    /// Physical line in it.
    pub line: u64,
}

impl Lines {
    /// Makes a map for several files.
    pub fn several() -> Self {
        Self(Some(Arc::default()))
    }

    /// Notes that the lines after the first `before` are in `file`; files come one after another.
    pub fn begin(&self, before: u64, file: &str) {
        if let Some(begins) = &self.0 {
            let mut begins = lock(begins);
            begins.push(Begin { before, file: file.into() });
        }
    }

    /// Returns the files read so far, each with the number of lines before it; none where there is
    /// one file.
    pub fn files(&self) -> Vec<(u64, String)> {
        let begins = self.0.as_ref().map(|begins| lock(begins));
        let file = |begin: &Begin| (begin.before, begin.file.to_string());
        begins.map(|begins| begins.iter().map(file).collect()).unwrap_or_default()
    }

    /// Restores the map that [`Lines::files`] has returned.
    pub fn of(files: &[(u64, String)]) -> Self {
        let lines = Self::several();
        for (before, file) in files {
            lines.begin(*before, file);
        }
        lines
    }

    /// Returns the position of a line.
    pub fn place(&self, line: u64) -> Place {
        let found = self.0.as_ref().and_then(|begins| {
            let begins = lock(begins);
            let count = begins.partition_point(|begin| begin.before < line);
            let begin = begins.get(count.checked_sub(1)?)?;
            Some((Arc::clone(&begin.file), begin.before))
        });
        match found {
            Some((file, before)) => Place { file: Some(file), line: line - before },
            None => Place { file: None, line },
        }
    }

    /// Describes the position of a row for people: its line, and its path inside a document.
    pub fn describe(&self, line: u64, at: Option<&str>) -> String {
        let place = self.place(line);
        at.map_or_else(|| place.to_string(), |at| format!("{place} ({})", escape(at)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} line {}", escape(file), self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_document_is_told_by_its_line_and_its_path() {
        let lines = Lines::default();
        assert_eq!(lines.describe(17, None), "line 17");
        assert_eq!(lines.describe(17, Some("users[4].totp")), "line 17 (users[4].totp)");
        let lines = Lines::of(&[(0, "a.json".into()), (9, "b.json".into())]);
        let shown = lines.describe(10, Some("users[4]\u{1b}[1m"));
        assert!(
            shown.starts_with("b.json line 1 (users[4]") && !shown.contains('\u{1b}'),
            "{shown}"
        );
    }

    #[test]
    fn a_line_is_found_in_its_file_and_by_its_number_alone_where_there_is_one() {
        assert_eq!(Lines::default().place(7).to_string(), "line 7");
        let lines = Lines::several();
        for (before, file) in [(0, "a.csv"), (3, "empty\u{1b}.csv"), (3, "b.csv"), (5, "c.csv")] {
            lines.begin(before, file);
        }
        for (line, place) in [
            (1, "a.csv line 1"),
            (3, "a.csv line 3"),
            (4, "b.csv line 1"),
            (5, "b.csv line 2"),
            (6, "c.csv line 1"),
            (1000, "c.csv line 995"),
        ] {
            assert_eq!(lines.place(line).to_string(), place);
            assert_eq!(Lines::of(&lines.files()).place(line).to_string(), place);
        }
    }
}
