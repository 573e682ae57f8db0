//! Reads all rows of a ledger that is about to be used, and checks that it is consistent.
//!
//! A resumed run can send nothing until every row has been examined, so a long ledger is read in
//! parts, each by a thread with its own connection, while another thread checks its structure.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, ScopedJoinHandle},
};

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    params,
};

use super::{open, row};
use crate::{
    ledger::{LedgerFault, entry::RowSummary},
    sync::lock,
};

/// A ledger with fewer rows is read by one thread: more would cost more than they save.
const MIN_ROWS_FOR_THREADS: u32 = 20_000;
/// Most threads that read.
const MAX_READERS: usize = 4;
/// Rows that are handed over together.
const CHUNK: usize = 1024;
/// Name of the function that examines a row.
const LOOK_FUNCTION: &str = "look";
/// Fewest bytes of a row: its fingerprint alone has sixteen, and each column one in the record's
/// header.
const MIN_ROW_BYTES: u64 = 32;
/// Most rows of one run that got a number and were never written: eight times as many as a run
/// admits before it has settled any.
const MAX_UNWRITTEN: u64 = 65_536;

/// Visits every row, in any order, and returns the sum of their writes. Fails if the ledger is not
/// consistent; rows may have been visited all the same. `connection` is to the ledger at `path`.
pub(in crate::ledger) fn scan(
    connection: &Connection,
    path: &Path,
    visit: &mut dyn FnMut(RowSummary),
) -> Result<u64, LedgerFault> {
    let last: Option<u32> =
        connection.query_row("SELECT max(seq) FROM factors", [], |row| row.get(0))?;
    let end = last.map_or(0, |last| last.saturating_add(1));
    if end < MIN_ROWS_FOR_THREADS {
        check_structure(connection)?;
        let (chunks, come) = sync_channel(MIN_ROWS_FOR_THREADS as usize / CHUNK + 1);
        let writes = read(connection, 0..end, chunks)?;
        come.into_iter().flatten().for_each(visit);
        return Ok(writes);
    }
    let readers = thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS);
    let (chunks, come) = sync_channel(2 * readers);
    thread::scope(|scope| {
        let structure = scope.spawn(|| check_structure(&open::open_to_read(path)?));
        let read_part = |part| {
            let chunks = chunks.clone();
            scope.spawn(move || read(&open::open_to_read(path)?, part, chunks))
        };
        let parts: Vec<_> = parts(end, readers).map(read_part).collect();
        drop(chunks);
        // Checked while the threads read: memory is reserved by the number of the last row, not by
        // how many there are.
        if u64::from(end) > highest(connection)? {
            return Err(LedgerFault::damaged("its rows have numbers far above their count"));
        }
        for chunk in come {
            for summary in chunk {
                visit(summary);
            }
        }
        joined(structure)?;
        parts.into_iter().map(joined).sum()
    })
}

/// Returns the highest possible row number: there are no more rows than fit into the pages, and
/// rows that a run admitted and had not settled when it ended were never written.
fn highest(connection: &Connection) -> Result<u64, LedgerFault> {
    let number = |sql| connection.query_row(sql, [], |row| row.get(0)).map(i64::cast_unsigned);
    let bytes = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let written = number(bytes)? / MIN_ROW_BYTES;
    let runs = number("SELECT count(*) FROM runs")?;
    Ok(written.saturating_add((runs + 1).saturating_mul(MAX_UNWRITTEN)))
}

/// Returns the sum of the writes of all rows.
pub(in crate::ledger) fn sum_of_writes(connection: &Connection) -> Result<u64, LedgerFault> {
    let sql = "SELECT coalesce(sum(writes), 0) FROM factors";
    Ok(connection.query_row(sql, [], |row| row.get(0)).map(i64::cast_unsigned)?)
}

/// Divides the rows below `end` into `count` parts.
fn parts(end: u32, count: usize) -> impl Iterator<Item = Range<u32>> {
    let length = end.div_ceil(u32::try_from(count).unwrap_or(1).max(1));
    (0..end).step_by(length as usize).map(move |start| start..end.min(start.saturating_add(length)))
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, LedgerFault>>) -> Result<T, LedgerFault> {
    thread.join().unwrap_or_else(|_| Err(LedgerFault::bug("a thread that reads it panicked")))
}

/// The rows of a part, and the result of examining them.
#[derive(Debug)]
struct Look {
    chunk: Vec<RowSummary>,
    chunks: SyncSender<Vec<RowSummary>>,
    writes: u64,
}

impl Look {
    fn at(&mut self, row: &Context<'_>) -> Result<(), LedgerFault> {
        self.chunk.push(row::summary(|at| Ok(row.get_raw(at)))?);
        self.writes = self.writes.saturating_add(writes_of(row)?);
        if self.chunk.len() == CHUNK {
            self.send();
        }
        Ok(())
    }

    fn send(&mut self) {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        // The receiver outlives all senders, so this cannot fail.
        drop(self.chunks.send(chunk));
    }

    fn end(mut self) {
        self.send();
    }
}

fn read(
    connection: &Connection,
    part: Range<u32>,
    chunks: SyncSender<Vec<RowSummary>>,
) -> Result<u64, LedgerFault> {
    let chunk = Vec::with_capacity(CHUNK);
    let look = each_row(connection, part, Look { chunk, chunks, writes: 0 }, Look::at)?;
    let writes = look.writes;
    look.end();
    Ok(writes)
}

/// Passes rows to `look` from within SQLite, as arguments of a function, in the order of their
/// numbers: [`row::COLUMNS`], then the number of writes. Fetching each cell as a result would take
/// twice as long. Returns `it` after `look` has seen all rows.
pub(super) fn each_row<T: Send + 'static>(
    connection: &Connection,
    part: Range<u32>,
    it: T,
    look: fn(&mut T, &Context<'_>) -> Result<(), LedgerFault>,
) -> Result<T, LedgerFault> {
    let looking = Arc::new(Mutex::new((it, None)));
    let shared = Arc::clone(&looking);
    let each = move |row: &mut Context<'_>| {
        let (it, fault) = &mut *lock(&shared);
        look(it, row).map(|()| true).map_err(|error| {
            *fault = Some(error);
            rusqlite::Error::InvalidQuery
        })
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(LOOK_FUNCTION, -1, flags, each)?;
    let columns = row::columns_of(open::format(connection)?);
    let sql = format!(
        "SELECT count({LOOK_FUNCTION}({columns}, writes)) FROM factors WHERE seq >= ?1 AND seq < ?2"
    );
    let read = connection.query_row(&sql, params![part.start, part.end], |_| Ok(()));
    // Dropped with the function.
    connection.remove_function(LOOK_FUNCTION, -1)?;
    let (it, fault) = Arc::into_inner(looking)
        .ok_or_else(|| LedgerFault::bug("a function that was not removed"))?
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match fault {
        Some(fault) => Err(fault),
        None => Ok(read.map(|()| it)?),
    }
}

/// Returns the number of writes of a row that [`each_row`] shows.
pub(super) fn writes_of(row: &Context<'_>) -> Result<u64, LedgerFault> {
    row::read::<i64>(row.get_raw(row::COLUMN_COUNT)).map(i64::cast_unsigned)
}

/// Checks that pages, tables and cells are consistent.
fn check_structure(connection: &Connection) -> Result<(), LedgerFault> {
    let found: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(unsound()) }
}

fn unsound() -> LedgerFault {
    LedgerFault::damaged("its structure does not hold together")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Asked, Seq},
        model::{Fingerprint, LocalTime, Operation, Shard, UserId},
    };

    #[test]
    fn parts_have_every_row_once() {
        for end in [1, 2, 3, 7, 20_000, 20_001, u32::MAX] {
            for count in 1..=MAX_READERS {
                let parts: Vec<_> = parts(end, count).collect();
                assert!(parts.len() <= count, "{end} {count}");
                assert_eq!(parts[0].start, 0);
                assert_eq!(parts.last().unwrap().end, end);
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{parts:?}");
            }
        }
    }
    #[test]
    fn a_row_number_far_above_the_number_of_rows_is_refused() {
        for (last, is_refused) in [
            (0, false),
            (19_999, false),
            (65_000, false),
            (70_000, true),
            (4_000_000_000, true),
            (u32::MAX - 1, true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x");
            open::create(&path, "0123456789ab", "t", Shard::WHOLE, LocalTime::default()).unwrap();
            let connection = Connection::open(&path).unwrap();
            let asked = Asked {
                operation: Operation::Import,
                fingerprint: Fingerprint([7; 16]),
                as_written: None,
                line: 2,
                at: None,
                user: UserId::parse("auth0|1").unwrap(),
                factor_type: None,
                name: None,
                method_id: None,
            };
            let mut insert = connection.prepare(row::INSERT).unwrap();
            row::insert(Seq(last), &asked.into_entry(1), &mut insert).unwrap();
            let mut met = 0;
            let read = scan(&connection, &path, &mut |_| met += 1);
            match read {
                Ok(_) => assert!(!is_refused && met == 1, "{last}"),
                Err(fault) => {
                    let text = fault.at(&path).to_string();
                    assert!(is_refused && met == 0 && text.contains("far above"), "{last}: {text}");
                }
            }
        }
    }
}
