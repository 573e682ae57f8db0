//! A reader that transforms another reader's rows.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use super::{Ending, InputError, Row, RowReader};
use crate::model::Lines;

/// Reader whose rows are what `next` makes of another reader's, and which otherwise behaves like
/// that reader.
pub struct Through<F> {
    source: Box<dyn RowReader>,
    next: F,
}

impl<F> Through<F>
where
    F: FnMut(&mut dyn RowReader) -> Result<Option<Row>, InputError> + Send,
{
    /// Makes a reader of `source`; `next` reads its next row, or further ones.
    pub fn new(source: Box<dyn RowReader>, next: F) -> Self {
        Self { source, next }
    }
}

impl<F> RowReader for Through<F>
where
    F: FnMut(&mut dyn RowReader) -> Result<Option<Row>, InputError> + Send,
{
    fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        (self.next)(&mut *self.source)
    }

    fn bytes_read(&self) -> Arc<AtomicU64> {
        self.source.bytes_read()
    }

    fn len(&self) -> Option<u64> {
        self.source.len()
    }

    fn ending(&self) -> Ending {
        self.source.ending()
    }

    fn lines(&self) -> Lines {
        self.source.lines()
    }
}

impl<F> fmt::Debug for Through<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through").field("source", &self.source).finish_non_exhaustive()
    }
}
