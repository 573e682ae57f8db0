//! A ledger that the version before has left.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use mfaferry::sandbox::Settings;
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    disk::in_namespace,
    support::{Bench, binary, factors, run},
};

const LEDGER: &str = "in.csv.ledger";

/// Makes a ledger of format 2 of one that is at rest, as the version before would have written it.
fn make_older(bench: &Bench) {
    let (path, older) = (bench.path(LEDGER), bench.path("older"));
    let connection = Connection::open(&older).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(include_str!("../../src/ledger/disk/schema-2.sql")).unwrap();
    connection.execute("ATTACH ?1 AS now", [path.to_str().unwrap()]).unwrap();
    let columns = "SELECT group_concat(name) FROM pragma_table_info('factors')";
    let columns: String = connection.query_row(columns, [], |row| row.get(0)).unwrap();
    let copy = format!(
        "INSERT INTO meta SELECT * FROM now.meta;
         INSERT INTO runs SELECT * FROM now.runs;
         INSERT INTO factors SELECT {columns} FROM now.factors;
         INSERT INTO rejections SELECT input, line, item, run, user_id, type, faults, refused_at
             FROM now.refusals;
         DETACH now"
    );
    connection.execute_batch(&copy).unwrap();
    connection.close().unwrap();
    for side in ["", "-wal", "-shm"] {
        drop(fs::remove_file(bench.path(&format!("{LEDGER}{side}"))));
    }
    fs::set_permissions(&older, Permissions::from_mode(0o600)).unwrap();
    fs::rename(older, path).unwrap();
}

fn format(bench: &Bench) -> i64 {
    let connection = Connection::open(bench.path(LEDGER)).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn bench() -> Bench {
    let bench = Bench::new(Settings::default());
    let text = String::from_utf8(factors(20).0.into()).unwrap();
    let header = text.lines().next().unwrap().split(',').count();
    let bad = |user: &str| format!("{user},phone{}\n", ",".repeat(header - 2));
    bench.write("in.csv", text + &bad("auth0|bad1") + &bad("auth0|bad2"));
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    let summary = done.summary();
    assert_eq!((&summary["created"], &summary["rejected"]), (&20.into(), &2.into()));
    bench
}

#[test]
fn a_ledger_of_the_version_before_is_resumed_and_nothing_is_sent_again() {
    let bench = bench();
    let created = |bench: &Bench| -> Vec<Value> {
        bench.rows(LEDGER).into_iter().filter(|row| row["state"] == "created").collect()
    };
    let before = created(&bench);
    make_older(&bench);
    assert_eq!(format(&bench), 2);
    for _ in 0..2 {
        let done = run(&mut bench.import("in.csv"));
        assert_eq!(done.code, Some(4), "{done:?}");
        let summary = done.summary();
        assert_eq!((&summary["requests"], &summary["skipped"]), (&0.into(), &20.into()));
        let totals = &summary["ledger_totals"];
        assert_eq!((&totals["created"], &totals["rejected"]), (&20.into(), &2.into()));
        assert_eq!(format(&bench), 3);
        assert_eq!(created(&bench), before);
    }
}

#[test]
fn a_report_needs_no_leave_to_write_to_a_ledger_of_the_version_before() {
    let bench = bench();
    let mut report = binary();
    report.current_dir(bench.folder.path());
    report.args(["report", "--ledger", LEDGER, "--format", "jsonl"]);
    let said = run(&mut report);
    make_older(&bench);
    let bytes = fs::read(bench.path(LEDGER)).unwrap();
    let script = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\" || exit 99
        exec \"$0\" \"$@\"";
    let Some(done) = in_namespace("a report in a read-only folder", script, &report) else {
        return;
    };
    assert_eq!((done.code, &done.stdout), (said.code, &said.stdout), "{done:?}");
    let done = run(&mut report);
    assert_eq!((done.code, &done.stdout), (said.code, &said.stdout), "{done:?}");
    assert!(fs::read(bench.path(LEDGER)).unwrap() == bytes, "a report wrote to it");
}
