//! A ledger that an earlier version has written.

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{Connection, Row, types::Value};
use tempfile::TempDir;

use super::{file, open, reader::Reader, row, sqlite::Sqlite};
use crate::{
    files::beside,
    ledger::{ReportRow, Seq, record_proofs, store::Store},
    model::{
        Code, Completion, Credential, Factor, Fault, LocalTime, Operation, ProofVerdict, Refusal,
        Rejection, State, UserId,
    },
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
    open::use_wal(&connection).unwrap();
    connection.execute_batch(include_str!("format-2.sql")).unwrap();
    connection.close().unwrap();
    let seal = fs::File::create(file::seal(path)).unwrap();
    for (slot, at) in SEAL.iter().zip([0, 4096]) {
        seal.write_all_at(slot, at).unwrap();
    }
    seal.set_len(2 * 4096).unwrap();
}

/// Opens it for a run, as far as its rows.
fn open_to_write(path: &Path) -> Sqlite {
    let lock = file::lock(path, |_, _| unreachable!("it is there")).unwrap();
    let (mut store, ..) =
        Sqlite::open(lock, TENANT, "import", "in.csv", LocalTime::default()).unwrap();
    store.load(&mut |_| {}).unwrap();
    store
}

#[test]
fn a_ledger_without_a_wal_gets_one_when_a_run_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    place(&path);
    let mode = |change: Option<&str>| {
        let connection = Connection::open(&path).unwrap();
        let read = |row: &Row<'_>| row.get::<_, String>(0);
        match change {
            Some(to) => connection.pragma_update_and_check(None, "journal_mode", to, read),
            None => connection.pragma_query_value(None, "journal_mode", read),
        }
        .unwrap()
    };
    assert_eq!(mode(Some("DELETE")), "delete");
    drop(open_to_write(&path));
    assert_eq!(mode(None), "wal");
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
    store.end_run(Completion::Complete, LocalTime::default()).unwrap();
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
    let mut store = open_to_write(&path);
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
fn a_ledger_of_an_earlier_version_takes_proofs_and_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let before = rows(&path);
    let factor = Factor {
        line: 2,
        at: None,
        user: UserId::parse("auth0|1").unwrap(),
        name: None,
        credential: Credential::Totp { secret: "JBSWY3DPEHPK3PXP".into() },
    };
    record_proofs(&path, &[(factor, ProofVerdict::Right)], LocalTime::default()).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.proofs().unwrap().len(), 1);
    drop(reader);
    assert_eq!(open::format(&Connection::open(&path).unwrap()).unwrap(), open::OLD_FORMAT);
    assert!(rows(&path) == before);
    drop(open_to_write(&path));
    assert_eq!(Reader::open(&path).unwrap().proofs().unwrap().len(), 1, "the upgrade loses it");
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
    drop(open_to_write(&path));
    let connection = Connection::open(&path).unwrap();
    let changed = |column: &str| match column {
        "fingerprint" => "zeroblob(16)".to_owned(),
        "user_id" | "method_id" | "error" | "at" => format!("coalesce({column}, '') || 'x'"),
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
            let look = |row: &Row<'_>| {
                Ok((row::summary(|at| row.get_ref(at)).is_err(), row::entry(row).is_err()))
            };
            let found = connection.query_row(&one, [], look).unwrap();
            assert_eq!(found, (true, true), "{column} of {row}");
            connection.execute_batch("ROLLBACK TO whole").unwrap();
        }
    }
}

#[test]
fn a_path_is_written_once_and_one_that_is_changed_added_or_taken_away_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let mut store = open_to_write(&path);
    let (_, mut entry) = store.range(Seq(35), 1).unwrap().remove(0);
    let paths = [None, Some("users[17].credentials[2]"), Some("x")];
    for (seq, at) in (40..).zip(paths) {
        entry.at = at.map(Into::into);
        store.insert(Seq(seq), &entry).unwrap();
        // What is fixed stays as it was.
        let again = crate::ledger::Entry { at: None, doubts: 7, ..entry.clone() };
        if at.is_none() {
            store.update(Seq(seq), &again).unwrap();
        }
    }
    store.commit().unwrap();
    let read = store.range(Seq(40), 3).unwrap();
    assert_eq!(read.iter().map(|(_, entry)| entry.at.as_deref()).collect::<Vec<_>>(), paths);
    drop(store);

    let connection = Connection::open(&path).unwrap();
    let other = [Some("users[17].credentials[3]"), Some("X"), Some("xx"), Some(""), None];
    for (seq, at) in (40..).zip(paths) {
        for other in other.into_iter().chain(paths).filter(|other| *other != at) {
            connection.execute_batch("SAVEPOINT whole").unwrap();
            connection.execute("UPDATE factors SET at = ?1 WHERE seq = ?2", (other, seq)).unwrap();
            let one = format!("SELECT {} FROM factors WHERE seq = {seq}", row::COLUMNS);
            let look = |row: &Row<'_>| {
                Ok((row::summary(|at| row.get_ref(at)).is_err(), row::entry(row).is_err()))
            };
            let found = connection.query_row(&one, [], look).unwrap();
            assert_eq!(found, (true, true), "{at:?} to {other:?}");
            connection.execute_batch("ROLLBACK TO whole").unwrap();
        }
    }
}

#[test]
fn a_refused_row_is_reported_with_its_state_and_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let mut store = open_to_write(&path);
    for (index, refusal) in (0..).zip([Refusal::NotCarried, Refusal::Rejected, Refusal::NotCarried])
    {
        let faults = vec![Fault::new("", Code::Unconfirmed, "was never confirmed")];
        let at = Some(format!("users[0].credentials[{index}]").into());
        let (line, index, user, factor_type) = (50, Some(index), None, None);
        let row = Rejection { line, index, at, user, factor_type, refusal, faults };
        store.refuse(&row).unwrap();
        // The same row once more, as after a run that was killed.
        store.refuse(&row).unwrap();
    }
    store.end_run(Completion::Interrupted, LocalTime::default()).unwrap();
    store.commit().unwrap();
    drop(store);
    let reader = Reader::open(&path).unwrap();
    let totals = reader.totals().unwrap();
    assert_eq!((totals[State::NotCarried], totals[State::Rejected]), (2, 4 + 1));
    let mut found = Vec::new();
    let visit = |item| {
        if let ReportRow::Refused { state, at: Some(at), .. } = item {
            found.push((state, at));
        }
        Ok(())
    };
    reader.visit(visit).unwrap();
    let row = |state, index| (state, format!("users[0].credentials[{index}]"));
    let all = [(State::NotCarried, 0), (State::Rejected, 1), (State::NotCarried, 2)];
    assert_eq!(found, all.map(|(state, index)| row(state, index)));
}

/// Numbers of what a report says of the old ledger: its rows, those that were refused, and its
/// totals.
fn reported(path: &Path) -> (u64, u64, String) {
    let reader = Reader::open(path).unwrap();
    assert!(reader.fault().unwrap().is_none());
    let (mut rows, mut refused) = (0, 0);
    let visit = |item| {
        match item {
            ReportRow::Row { .. } => rows += 1,
            ReportRow::Refused { state, at, faults, .. } => {
                assert_eq!((state, at), (State::Rejected, None));
                assert!(serde_json::from_str::<Vec<Fault>>(&faults).unwrap().len() == 1);
                refused += 1;
            }
        }
        Ok(())
    };
    reader.visit(visit).unwrap();
    (rows, refused, serde_json::to_string(&reader.totals().unwrap()).unwrap())
}

#[test]
fn a_report_on_an_old_ledger_changes_nothing_and_says_what_it_says_after_an_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let before = fs::read(&path).unwrap();
    let said = reported(&path);
    assert_eq!((said.0, said.1), (36, 4), "one is pending");
    assert!(fs::read(&path).unwrap() == before);
    drop(open_to_write(&path));
    assert_eq!(reported(&path), said);
    assert_eq!(open::format(&Connection::open(&path).unwrap()).unwrap(), 3);
}

/// Copies a ledger and what stands beside it, as a kill at this moment would leave it.
fn copy(path: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("old.ledger");
    for side in ["", "-wal", "-seal"] {
        // There is no `-wal` yet.
        drop(fs::copy(beside(path, side), beside(&to, side)));
    }
    (folder, to)
}

/// Upgrades the ledger at `path` as far as so many steps of SQLite. Returns the steps that it took,
/// and a copy made at the last one if it did not come to its end.
fn upgrade_until(path: &Path, step: usize) -> (usize, Option<(TempDir, PathBuf)>) {
    let mut connection = Connection::open(path).unwrap();
    // With so little memory that what is not committed reaches the disk, too.
    connection.pragma_update(None, "cache_size", 1).unwrap();
    let (from, taken, killed) =
        (path.to_owned(), Arc::<AtomicUsize>::default(), Arc::<Mutex<_>>::default());
    let (steps, copied) = (Arc::clone(&taken), Arc::clone(&killed));
    let at_step = move || {
        let now = steps.fetch_add(1, Ordering::Relaxed) + 1;
        if now == step {
            *copied.lock().unwrap() = Some(copy(&from));
        }
        // Every statement fails from here on.
        now >= step
    };
    connection.progress_handler(1, Some(at_step)).unwrap();
    let upgraded = open::upgrade(&connection);
    let killed = killed.lock().unwrap().take();
    assert_eq!(upgraded.is_ok(), killed.is_none());
    (taken.load(Ordering::Relaxed), killed)
}

#[test]
fn a_kill_in_the_middle_of_an_upgrade_leaves_a_sound_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.ledger");
    place(&path);
    let said = reported(&path);
    let (_folder, whole) = copy(&path);
    let (all, killed) = upgrade_until(&whole, usize::MAX);
    assert!(all > 100 && killed.is_none(), "{all}");
    for step in (1..all).step_by(all / 20) {
        let (_folder, path) = copy(&path);
        let (_, killed) = upgrade_until(&path, step);
        let (_copied, copied) = killed.unwrap();
        for path in [path, copied] {
            assert_eq!(reported(&path), said, "{step} of {all}");
            assert_eq!(open::format(&Connection::open(&path).unwrap()).unwrap(), 2);
            drop(open_to_write(&path));
            assert_eq!(reported(&path), said);
            assert_eq!(open::format(&Connection::open(&path).unwrap()).unwrap(), 3);
        }
    }
}
