//! A ledger that an earlier version has written.

use std::{fs, os::unix::fs::FileExt, path::Path};

use rusqlite::{Connection, Row, types::Value};

use super::{file, reader::Reader, row, sqlite::Sqlite};
use crate::{
    ledger::{Seq, store::Store},
    model::{LocalTime, Operation, State},
};

const TENANT: &str = "http://127.0.0.1:18231";
const ROWS: u32 = 37;
/// Sum that its seal holds, and that of its rows: the run was killed before the last was sealed.
const SEALED: u64 = 111;
const WRITES: i64 = 117;
/// The two slots of its seal.
const SEAL: [[u8; 32]; 2] = [
    *b"mffrseal73d42732383co\0\0\0\0\0\0\0\x64\xba\x6d\x02",
    *b"mffrseal73d42732383cn\0\0\0\0\0\0\0\xfa\xba\xc7\xce",
];

/// Puts it at `path`, with its seal.
fn place(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(include_str!("format-2.sql")).unwrap();
    connection.close().unwrap();
    let seal = fs::File::create(file::seal(path)).unwrap();
    for (slot, at) in SEAL.iter().zip([0, 4096]) {
        seal.write_all_at(slot, at).unwrap();
    }
    seal.set_len(2 * 4096).unwrap();
}

/// Every row as it stands in the file, without the number of its writes.
fn rows(path: &Path) -> Vec<Vec<Value>> {
    let connection = Connection::open(path).unwrap();
    let mut all = connection.prepare("SELECT * FROM factors ORDER BY seq").unwrap();
    let rows = all.query_map([], |row| (0..21).map(|index| row.get(index)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_ledger_of_an_earlier_version_opens_and_is_written_as_that_version_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let before = rows(&path);
    let reader = Reader::open(&path).unwrap();
    assert!(reader.fault().unwrap().is_none());
    drop(reader);

    let lock = file::lock(&path, |_, _| unreachable!("it is there")).unwrap();
    let (mut store, _, resumed) =
        Sqlite::open(lock, TENANT, "import", "in.csv", LocalTime::default()).unwrap();
    assert!(resumed);
    let mut summaries = Vec::new();
    store.load(&mut |summary| summaries.push(summary)).unwrap();
    let entries = store.range(Seq(0), ROWS).unwrap();
    assert_eq!((summaries.len(), entries.len(), before.len()), (37, 37, 37));
    for (summary, (seq, entry)) in summaries.iter().zip(&entries) {
        assert_eq!((summary.seq, summary.fingerprint), (*seq, entry.fingerprint));
        assert_eq!(summary.status, entry.status());
        store.update(*seq, entry).unwrap();
    }
    let (seq, entry) = &entries[35];
    assert_eq!((entry.line, entry.attempts, entry.doubts), (5_000_000_000, 3, 2));
    assert_eq!((entry.operation, entry.state), (Operation::Import, State::Failed));
    assert_eq!((entry.skew, entry.method_id.as_deref()), (None, None));
    assert!(entry.marked && !entry.audited && entry.intent_at.is_some());
    // And once more, as a new row.
    store.insert(Seq(seq.0 + 2), entry).unwrap();
    store.end_run(true, LocalTime::default()).unwrap();
    store.commit().unwrap();
    drop(store);

    let mut after = rows(&path);
    let copy = after.pop().unwrap();
    assert!(before == after, "a row is written otherwise than it was");
    assert!(before[35][1..20] == copy[1..20] && before[35][20] != copy[20]);
}

#[test]
fn what_is_written_is_read_before_it_is_committed_and_a_row_that_is_not_there_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let lock = file::lock(&path, |_, _| unreachable!("it is there")).unwrap();
    let (mut store, ..) =
        Sqlite::open(lock, TENANT, "import", "in.csv", LocalTime::default()).unwrap();
    store.load(&mut |_| {}).unwrap();
    let (seq, mut entry) = store.range(Seq(35), 1).unwrap().remove(0);
    entry.doubts += 1;
    store.update(seq, &entry).unwrap();
    assert_eq!(store.range(seq, 1).unwrap(), [(seq, entry.clone())]);
    let new = Seq(seq.0 + 2);
    store.insert(new, &entry).unwrap();
    assert_eq!(store.fingerprints(new, 1).unwrap(), [(new, entry.fingerprint)]);
    store.commit().unwrap();
    store.update(Seq(new.0 + 1), &entry).unwrap();
    assert!(store.commit().is_err());
}

#[test]
fn a_ledger_of_an_earlier_version_is_held_against_its_seal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let connection = Connection::open(&path).unwrap();
    let lost = u64::try_from(WRITES).unwrap() - SEALED;
    for (less, is_whole) in [(lost, true), (1, false)] {
        let sql = "UPDATE factors SET writes = writes - ?1 WHERE seq = 15";
        connection.execute(sql, [less.cast_signed()]).unwrap();
        let fault = Reader::open(&path).unwrap().fault().unwrap();
        assert_eq!(fault.is_none(), is_whole);
    }
}

#[test]
fn a_change_of_any_cell_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let connection = Connection::open(&path).unwrap();
    let changed = |column: &str| match column {
        "fingerprint" => "zeroblob(16)".to_owned(),
        "user_id" | "method_id" | "error" => format!("coalesce({column}, '') || 'x'"),
        _ => format!("coalesce({column}, 7) + 1"),
    };
    let all = "SELECT name FROM pragma_table_info('factors') WHERE name <> 'writes'";
    let mut all = connection.prepare(all).unwrap();
    let columns = all.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for column in columns.map(Result::unwrap) {
        for row in [5, 34, 36] {
            connection.execute_batch("SAVEPOINT whole").unwrap();
            let row = if column == "seq" { 36 } else { row };
            let sql =
                format!("UPDATE factors SET {column} = {} WHERE seq = {row}", changed(&column));
            assert_eq!(connection.execute(&sql, []).unwrap(), 1);
            let one = format!("SELECT {} FROM factors WHERE seq >= {row}", row::COLUMNS);
            let look = |row: &Row<'_>| Ok((row::summary(row).is_err(), row::entry(row).is_err()));
            let found = connection.query_row(&one, [], look).unwrap();
            assert_eq!(found, (true, true), "{column} of {row}");
            connection.execute_batch("ROLLBACK TO whole").unwrap();
        }
    }
}
