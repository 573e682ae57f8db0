//! `--shard`: the rows of a part of an input's users, wherever in it they are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    input::{Row, RowReader, Through},
    model::Shard,
    plan::user_of,
};

/// Makes a reader that passes over the rows of everybody who is not in `shard`, and counts them; of the whole,
/// `source` itself. Rows count as those of the user that planning says they are of.
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
