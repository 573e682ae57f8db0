//! `report`, in its formats.

use mfaferry::sandbox::{Settings, Users};
use serde_json::Value;

use crate::support::{Bench, binary, run};

fn bench() -> Bench {
    let bench =
        Bench::new(Settings { users: Users::AnyBut(vec!["gone".into()]), ..Settings::default() });
    bench.write(
        "in.csv",
        "user_id,type,phone_number\n=HYPERLINK|1,phone,+14155550100\n\
         auth0|gone,phone,+14155550101\nauth0|3,phone,12\n\
         auth0|\u{1b}]0;owned\u{7}\u{202e},phone,+14155550103\n\
         auth0|; ＋1,phone,+14155550104\n",
    );
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(4), "{done:?}");
    bench
}

fn report(bench: &Bench, format: &str) -> String {
    let mut command = binary();
    command.current_dir(bench.folder.path());
    let done = run(command.args(["report", "--ledger", "in.csv.ledger", "--format", format]));
    assert_eq!(done.code, Some(0), "{done:?}");
    done.stdout
}

#[test]
fn every_format_tells_the_same() {
    let bench = bench();
    let rows = bench.rows("in.csv.ledger");
    let lines: Vec<_> = rows.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6]);
    let json: Value = serde_json::from_str(&report(&bench, "json")).unwrap();
    assert_eq!(
        (&json["rows"], &json["created"], &json["rejected"]),
        (&5.into(), &2.into(), &3.into())
    );
    let csv = report(&bench, "csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        names[..10],
        [
            "line",
            "user_id",
            "type",
            "state",
            "how",
            "method_id",
            "attempts",
            "status",
            "error",
            "settled_at"
        ]
    );
    for (record, row) in reader.records().zip(&rows) {
        let record = record.unwrap();
        assert_eq!(record[0], row["line"].to_string());
        assert_eq!(&record[3], row["state"].as_str().unwrap());
        assert_eq!(&record[5], row["method_id"].as_str().unwrap_or_default());
    }
    let text = report(&bench, "text");
    assert!(text.contains("5 rows: 2 created, 3 rejected"), "{text}");
    assert!(text.contains("hint: 1 factor's user does not exist in this tenant"), "{text}");
}

#[test]
fn what_a_hostile_id_holds_reaches_neither_terminal_nor_spreadsheet() {
    let bench = bench();
    for format in ["text", "json", "csv", "jsonl"] {
        let text = report(&bench, format);
        let hostile = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(hostile), "{format}: {text:?}");
    }
    let csv = report(&bench, "csv");
    assert!(csv.contains("\"'=HYPERLINK|1\""), "{csv}");
    assert!(csv.contains("\"auth0|; '＋1\""), "{csv}");
    // Every cell is quoted, so that none is split at what it holds.
    for line in csv.lines() {
        let cells = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        let cells: Vec<_> = cells.unwrap().split("\",\"").collect();
        assert!(cells.len() == 17 && !cells.concat().contains('"'), "{line}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_fault() {
    let bench = bench();
    let mut command = std::process::Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_mfaferry");
    let script = format!("{binary} report --ledger in.csv.ledger --format jsonl | true; exit 0");
    let done = run(command.current_dir(bench.folder.path()).args(["-c", &script]));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_ledger_that_is_not_there_is_not_made() {
    let bench = Bench::new(Settings::default());
    let mut command = binary();
    let done = run(command.current_dir(bench.folder.path()).args(["report", "--ledger", "none"]));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(!bench.path("none").exists());
}
