//! All rows of a ledger that is about to be used, and whether it holds together.
//!
//! A resumed run can send nothing until every row has been looked at, so a long ledger is read in
//! parts, each by a thread and a connection of its own, while another thread checks its structure.

use std::{
    ops::Range,
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, ScopedJoinHandle},
};

use rusqlite::{Connection, params};

use super::{open, row};
use crate::ledger::{LedgerFault, entry::RowSummary};

/// A ledger with fewer rows is read at once: threads would cost more.
const FEW: u32 = 20_000;
/// Threads that read, at most.
const MOST_READERS: usize = 4;
/// Rows that are handed over together.
const CHUNK: usize = 1024;
/// Rows of one run that got a number and were not written, at most: eight times what a run takes in
/// before it has settled any.
const MOST_UNWRITTEN: u64 = 65_536;

/// Visits every row, in any order, and gives the sum of their writes. An error if the ledger does
/// not hold together; rows may have been visited all the same. `connection` is to the ledger at `path`.
pub(in crate::ledger) fn scan(
    connection: &Connection,
    path: &Path,
    visit: &mut dyn FnMut(RowSummary),
) -> Result<u64, LedgerFault> {
    let last: Option<u32> =
        connection.query_row("SELECT max(seq) FROM factors", [], |row| row.get(0))?;
    let end = last.map_or(0, |last| last.saturating_add(1));
    if end < FEW {
        check_structure(connection)?;
        return read(connection, 0..end, &mut |chunk| chunk.into_iter().for_each(&mut *visit));
    }
    let readers = thread::available_parallelism().map_or(1, usize::from).min(MOST_READERS);
    let (chunks, come) = sync_channel(2 * readers);
    thread::scope(|scope| {
        let structure = scope.spawn(|| check_structure(&open::open_to_read(path)?));
        let read_part = |part| {
            let chunks = chunks.clone();
            scope.spawn(move || read_to(path, part, &chunks))
        };
        let parts: Vec<_> = parts(end, readers).map(read_part).collect();
        drop(chunks);
        // While they read: memory is taken by the number of the last row, not by how many there are.
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

/// The highest number that rows can have got to: those that a run took in and had not settled when it
/// ended were never written.
fn highest(connection: &Connection) -> Result<u64, LedgerFault> {
    let count = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    };
    Ok(count("factors")?.saturating_add((count("runs")? + 1).saturating_mul(MOST_UNWRITTEN)))
}

/// The rows below `end` in so many parts.
fn parts(end: u32, count: usize) -> impl Iterator<Item = Range<u32>> {
    let length = end.div_ceil(u32::try_from(count).unwrap_or(1).max(1));
    (0..end).step_by(length as usize).map(move |start| start..end.min(start.saturating_add(length)))
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, LedgerFault>>) -> Result<T, LedgerFault> {
    thread.join().unwrap_or_else(|_| Err(LedgerFault::bug("a thread that reads it panicked")))
}

fn read_to(
    path: &Path,
    part: Range<u32>,
    chunks: &SyncSender<Vec<RowSummary>>,
) -> Result<u64, LedgerFault> {
    // They are taken as long as anybody sends.
    read(&open::open_to_read(path)?, part, &mut |chunk| drop(chunks.send(chunk)))
}

fn read(
    connection: &Connection,
    part: Range<u32>,
    take: &mut dyn FnMut(Vec<RowSummary>),
) -> Result<u64, LedgerFault> {
    let columns = row::columns_of(open::format(connection)?);
    let sql =
        format!("SELECT {columns}, writes FROM factors WHERE seq >= ?1 AND seq < ?2 ORDER BY seq");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![part.start, part.end])?;
    let (mut writes, mut chunk) = (0, Vec::with_capacity(CHUNK));
    while let Some(row) = rows.next()? {
        chunk.push(row::summary(row)?);
        writes += row.get::<_, i64>(row::WIDTH)?.cast_unsigned();
        if chunk.len() == CHUNK {
            take(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)));
        }
    }
    take(chunk);
    Ok(writes)
}

/// Checks that pages, tables and cells fit together.
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
        model::{Fingerprint, LocalTime, Operation, UserId},
    };

    #[test]
    fn parts_have_every_row_once() {
        for end in [1, 2, 3, 7, 20_000, 20_001, u32::MAX] {
            for count in 1..=MOST_READERS {
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
            open::create(&path, "0123456789ab", "t", LocalTime::default()).unwrap();
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
