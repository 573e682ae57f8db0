//! `--shard`: the rows of one part of an input's users, wherever in it they are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    input::{Row, RowReader, Through},
    model::Shard,
    plan::user_of,
};

/// Makes a reader that skips and counts the rows of everybody outside `shard`; for the whole input,
/// `source` itself. A row counts as that of the user that planning finds in it.
pub fn of_shard(
    source: Box<dyn RowReader>,
    shard: Shard,
    n_passed: Arc<AtomicU64>,
) -> Box<dyn RowReader> {
    if shard.is_whole() {
        return source;
    }
    Box::new(Through::new(source, move |source| {
        while let Some(row) = source.next_row()? {
            if has(shard, &row) {
                return Ok(Some(row));
            }
            n_passed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(None)
    }))
}

fn has(shard: Shard, row: &Row) -> bool {
    match row {
        Row::Record(record) => shard.has_user(user_of(record).as_ref()),
        Row::Rejected(rejection) => shard.has_user(rejection.user.as_ref()),
    }
}
