//! Inputs whose names carry a date: each night another file, and one ledger for all of them.

use mfaferry::sandbox::Settings;

use crate::support::{Bench, binary, factors, run};

/// The nights of one bench: an import of `name`, and its exit code and standard error.
fn import(bench: &Bench, name: &str, flags: &[&str]) -> (Option<i32>, String) {
    let done = run(bench.import(name).current_dir(bench.folder.path()).args(flags));
    (done.code, done.stderr)
}

#[test]
fn a_new_name_does_not_begin_a_second_ledger_beside_the_first() {
    let bench = Bench::new(Settings::default());
    let (csv, wanted, users) = factors(20);
    for night in ["f-1.csv", "f 2.csv", "f-3.csv"] {
        bench.write(night, &csv);
    }
    let (code, stderr) = import(&bench, "f-1.csv", &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("ledger f-1.csv.ledger (new)"), "{stderr}");
    let before = bench.tenant().stats().requests;

    let (code, stderr) = import(&bench, "f 2.csv", &[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("`--ledger f-1.csv.ledger`"), "{stderr}");
    assert!(stderr.contains("--new-ledger"), "{stderr}");
    assert_eq!(bench.tenant().stats().requests, before, "nothing is sent");
    assert!(!bench.path("f 2.csv.ledger").exists());

    // Standard input has no name to begin a ledger under, whatever lies beside.
    let (code, stderr) = import(&bench, "-", &["--format", "csv"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("the input comes from standard input"), "{stderr}");

    for (night, flags) in [
        ("f 2.csv", &["--ledger", "f-1.csv.ledger"][..]),
        // Its own is there: nobody has to choose.
        ("f-1.csv", &[]),
    ] {
        let (code, stderr) = import(&bench, night, flags);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!stderr.contains("(new)"), "{stderr}");
    }
    bench.audit("f-1.csv.ledger", &wanted, &users);

    // A ledger that is named is never refused, and a new one may be asked for.
    bench.write("others.csv", "user_id,type,name,phone_number\nauth0|o,phone,P,+14155550123\n");
    for flags in [&["--ledger", "named.ledger"][..], &["--new-ledger"]] {
        let (code, stderr) = import(&bench, "others.csv", flags);
        assert!(matches!(code, Some(0 | 4)) && stderr.contains("(new)"), "{code:?} {stderr}");
    }
    // What a hint prints can be pasted into a shell, and the latest import is the one it names.
    let (code, _) = import(&bench, "f 2.csv", &["--new-ledger"]);
    assert_eq!(code, Some(0));
    let (code, stderr) = import(&bench, "f-3.csv", &[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("`--ledger 'f 2.csv.ledger'`"), "{stderr}");
}

#[test]
fn ledgers_of_other_tenants_and_other_commands_stand_in_nobodys_way() {
    let (one, other) = (Bench::new(Settings::default()), Bench::new(Settings::default()));
    one.write("a.csv", factors(3).0);
    assert_eq!(import(&one, "a.csv", &[]).0, Some(0));
    let ledger = one.path("a.csv.ledger");
    for suffix in ["", "-seal"] {
        let name = format!("a.csv.ledger{suffix}");
        std::fs::copy(one.path(&name), other.path(&name)).unwrap();
    }
    assert!(ledger.exists());
    other.write("b.csv", factors(3).0);
    other.write("broken.ledger", "no ledger");
    other.write("users.csv", "user_id\nauth0|u1\n");
    let export = run(other
        .command("export")
        .args(["users.csv", "--out", "out.jsonl"])
        .current_dir(other.folder.path()));
    assert!(matches!(export.code, Some(0 | 4)), "{export:?}");
    let (code, stderr) = import(&other, "b.csv", &[]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn an_input_that_cannot_be_read_to_its_end_sends_nothing_on_a_later_night_either() {
    let bench = Bench::new(Settings::default());
    let header = "user_id,type,name,phone_number\n";
    let rows = |from: u32, count: u32| {
        let row = |n| format!("auth0|{n},phone,P,+1415555{n:04}\n");
        (from..from + count).map(row).collect::<String>()
    };
    bench.write("f.csv", format!("{header}{}", rows(100, 20)));
    assert_eq!(import(&bench, "f.csv", &[]).0, Some(0));
    let before = bench.tenant().stats().requests;
    // The new rows come first, and there are many behind them that are settled.
    let rest = rows(100, 20).repeat(500);
    let torn = [header, &rows(200, 3), &rest].concat().into_bytes();
    bench.write("f.csv", [torn, b"auth0|9,phone,P,\xff\n".to_vec()].concat());
    let (code, stderr) = import(&bench, "f.csv", &[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("line 10005"), "{stderr}");
    assert_eq!(bench.tenant().stats().requests, before, "nothing is sent");
    // Mended, it goes on.
    bench.write("f.csv", [header, &rows(200, 3), &rows(100, 20)].concat());
    let (code, stderr) = import(&bench, "f.csv", &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(bench.tenant().stats().requests > before);
}

#[test]
fn an_input_that_a_later_night_only_looked_at_to_its_end_has_no_digest() {
    let bench = Bench::new(Settings { latency_ms: (20, 20), ..Settings::default() });
    let rows = |from: u32, count: u32| {
        // Long enough that a reader does not have all of it at once.
        let pad = "x".repeat(200);
        let row = |n| format!("auth0|{n},phone,P,+1415{n:07},{pad}\n");
        (from..from + count).map(row).collect::<String>()
    };
    let header = "user_id,type,name,phone_number,mf_pad\n";
    let page = |number: u32| {
        let out = format!("{number}.html");
        let ledger = ["--ledger", "f.csv.ledger", "--format", "html", "--out", &out];
        let done = run(binary().arg("report").args(ledger).current_dir(bench.folder.path()));
        assert_eq!(done.code, Some(0), "{done:?}");
        std::fs::read_to_string(bench.path(&out)).unwrap()
    };
    bench.write("f.csv", [header, &rows(2_000_000, 2)].concat());
    assert_eq!(import(&bench, "f.csv", &[]).0, Some(0));
    assert!(page(1).contains("SHA-256"));
    // More than a run takes in ahead of what it sends.
    bench.write("f.csv", [header, &rows(3_000_000, 12_000)].concat());
    let (code, stderr) = import(&bench, "f.csv", &["--max-duration", "3s", "--rate", "5"]);
    assert_eq!(code, Some(5), "{stderr}");
    let page = page(2);
    assert!(page.contains("not read to its end, so its digest is not known"), "{page}");
}
