//! `report`, in its formats.

use mfaferry::{
    ledger::{Admission, Asked, Counts, Intent, Ledger, LedgerKind, Opened, Opening, Row},
    model::{
        Code, Completion, FactorType, Fault, Fingerprint, LocalTime, Operation, Refusal, Rejection,
        State, UserId,
    },
    sandbox::{Settings, Users},
};
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
    assert!(text.contains("\n3 rejected\n"), "{text}");
    assert!(text.contains("  1  user_not_found "), "{text}");
    assert!(text.contains(" --retry rejected\n") && text.contains("\nexplain: "), "{text}");
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

fn refused(index: u32, refusal: Refusal, code: Code) -> Row {
    Row::Rejected(Box::new(Rejection {
        line: 7,
        index: Some(index),
        at: Some(format!("users[3].credentials[{index}]").into()),
        user: None,
        factor_type: Some(FactorType::Totp),
        refusal,
        faults: vec![Fault::new("", code, "is what it is")],
    }))
}

/// A ledger of a run over a document: two rows that are not carried, one that is rejected, and one
/// whose request is under way.
fn ledger_of_a_document(bench: &Bench) -> Counts {
    let opening = Opening {
        tenant: "https://tenant.example/",
        command: "import",
        kind: LedgerKind::Factors,
        input: "realm.json",
        retry: Vec::new(),
        shard: None,
        now: || LocalTime::from_millis(1_700_000_000_000),
    };
    let Opened { ledger, owner, .. } = Ledger::open(&bench.path("in.csv.ledger"), opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    let asked = Asked {
        operation: Operation::Import,
        fingerprint: Fingerprint([7; 16]),
        as_written: None,
        line: 9,
        at: Some("users[4].credentials[0]".into()),
        user: UserId::parse("auth0|4").unwrap(),
        factor_type: Some(FactorType::Totp),
        name: None,
        method_id: None,
    };
    let rows = vec![
        refused(0, Refusal::NotCarried, Code::RecoveryCodesNotImportable),
        refused(1, Refusal::Rejected, Code::TotpDigitsUnsupported),
        refused(2, Refusal::NotCarried, Code::Unconfirmed),
        Row::Asked(asked),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let admissions = ledger.admit(rows).await.unwrap();
        assert_eq!(admissions[..3], [Admission::Done, Admission::Done, Admission::Done]);
        let Admission::Todo(seq, _) = admissions[3] else { panic!("{admissions:?}") };
        let intent = Intent {
            seq,
            at: LocalTime::from_millis(1_700_000_000_000),
            skew: None,
            doubts: 0,
            marked: false,
        };
        ledger.record_intents(vec![intent]).await.unwrap();
        ledger.end_run(Completion::Interrupted).await.unwrap();
    });
    let counts = ledger.tally().get();
    drop(ledger);
    owner.join().unwrap();
    counts
}

#[test]
fn rows_of_a_document_are_reported_with_their_paths_and_what_is_not_carried_is_no_error() {
    let bench = Bench::new(Settings::default());
    let counts = ledger_of_a_document(&bench);
    assert_eq!((counts.states[State::NotCarried], counts.states[State::Rejected]), (2, 1));
    assert_eq!((counts.rows(), counts.settled(), counts.settled_by_requests()), (4, 3, 0));
    assert_eq!(counts.bad(), 1, "the one that is rejected");
    let found: Vec<_> = bench
        .rows("in.csv.ledger")
        .into_iter()
        .map(|row| ["at", "state", "code", "error"].map(|key| row[key].as_str().map(str::to_owned)))
        .map(|row| row.map(Option::unwrap_or_default).join(" "))
        .collect();
    assert_eq!(
        found,
        [
            "users[3].credentials[0] not_carried recovery_codes_not_importable \
             recovery_codes_not_importable",
            "users[3].credentials[1] rejected totp_digits_unsupported invalid_row",
            "users[3].credentials[2] not_carried unconfirmed unconfirmed",
            "users[4].credentials[0] in_flight  ",
        ]
    );
    let csv = report(&bench, "csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().next_back(), Some("at"));
    let paths: Vec<_> = reader.records().map(|record| record.unwrap()[16].to_owned()).collect();
    for (path, row) in paths.iter().zip(&found) {
        assert!(row.starts_with(path) && !path.is_empty(), "{path}");
    }
    let json: Value = serde_json::from_str(&report(&bench, "json")).unwrap();
    assert_eq!((&json["rows"], &json["not_carried"]), (&4.into(), &2.into()));
    let text = report(&bench, "text");
    assert!(text.contains("4 rows: 1 rejected, 2 not carried, 1 in flight"), "{text}");
}
