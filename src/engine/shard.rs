//! `--shard`: the rows of one part of an input's users, wherever in it they are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::some_users::rows_of_users;
use crate::{input::RowReader, model::Shard};

/// Makes a reader that skips and counts the rows of everybody outside `shard`; for the whole input,
/// `source` itself.
pub fn of_shard(
    source: Box<dyn RowReader>,
    shard: Shard,
    n_passed: Arc<AtomicU64>,
) -> Box<dyn RowReader> {
    if shard.is_whole() {
        return source;
    }
    let skipped = move || {
        n_passed.fetch_add(1, Ordering::Relaxed);
    };
    rows_of_users(source, move |user| shard.has_user(user), skipped)
}
