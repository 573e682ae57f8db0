//! Compares the heads of several files, of which `select` makes one.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::{InputKind, Opener};
use crate::{
    error::Error,
    identity::{Collisions, People},
    input::{InputError, PieceKind, RowReader, Shape, Source, Written},
    sources::Export,
    text::{escape, file_name},
};

impl Opener {
    /// Refuses several files that cannot be written into one: tables with different columns, or
    /// tables together with other formats.
    pub(in crate::commands) fn check_same_heads(&self) -> Result<(), Error> {
        let mut first: Option<(&Path, Head)> = None;
        for path in self.paths.iter().filter(|_| self.paths.len() > 1) {
            // A pipe can be read only once, and exports that are folders hold JSON.
            if !path.is_file() {
                continue;
            }
            let Some(head) = self.head(path)? else { continue };
            match &first {
                None => first = Some((path, head)),
                Some((other, known)) if *known != head => {
                    let [one, two] = [*other, path].map(|path| escape(&file_name(path)));
                    return Err(Error::usage(
                        format!(
                            "`{one}` and `{two}` have different columns, and cannot become one file"
                        ),
                        "select one at a time",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Returns the head of a file; `None` for an empty one.
    fn head(&self, path: &Path) -> Result<Option<Head>, InputError> {
        let paths = [path.to_owned()];
        let mut source: Box<dyn RowReader> = match &self.kind {
            InputKind::Own(dialect) => Box::new(Source::open_all(&paths, dialect, Shape::Factors)?),
            InputKind::Export { system, form, options, people, .. } => {
                let export = Export::open(&paths, system, *form, options.clone())?;
                let known = Arc::new(Mutex::new(Collisions::never()));
                Box::new(People::new(export, Arc::clone(people), known))
            }
        };
        source.keep_written();
        // A fault in the first row is reported when the file is read for good.
        drop(source.next_row());
        let head = source.written().and_then(|written| Head::of(written));
        Ok(head)
    }
}

/// Head of a file whose rows are written out again; files with equal heads can be joined.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    /// A table with that header and that delimiter.
    Table(Vec<u8>, u8),
    /// A table without a header, with that delimiter.
    Bare(u8),
    Json,
    Text,
}

impl Head {
    fn of(written: &Written) -> Option<Self> {
        let heads = written.pieces().filter_map(|(kind, piece, _)| match kind {
            PieceKind::Mark | PieceKind::Declaration => None,
            PieceKind::Header { delimiter, .. } => {
                Some(Self::Table(piece.trim_ascii_end().to_owned(), delimiter))
            }
            PieceKind::Record { delimiter } => Some(Self::Bare(delimiter)),
            PieceKind::Json { .. } => Some(Self::Json),
            PieceKind::Text => Some(Self::Text),
        });
        heads.into_iter().next()
    }
}
