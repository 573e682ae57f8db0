//! Hostile ledgers, folders, and files that others have put beside one of ours: nothing is
//! believed, nothing is sent, nothing hangs.

use std::{
    fs::{self, File, FileTimes, Permissions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use mfaferry::sandbox::{Conflict, Settings, Verb};
use rusqlite::Connection;

use crate::{
    disk::in_namespace,
    strace::{Scene, Start},
    support::{Bench, Done, binary, factors, read, run_bounded, side_by_side, spawn, until},
};

const LEDGER: &str = "in.csv.ledger";

/// A bench whose import has come to its end.
fn finished(rows: usize) -> Bench {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(rows).0);
    let done = run_bounded(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(0), "{done:?}");
    bench
}

fn report(bench: &Bench, format: &str) -> Command {
    let mut command = binary();
    command.current_dir(bench.folder.path());
    command.args(["report", "--ledger", LEDGER, "--format", format]);
    command
}

fn undo(bench: &Bench) -> Command {
    let mut command = bench.command("undo");
    command.args(["--ledger", LEDGER, "--yes"]);
    command
}

fn prove(bench: &Bench) -> Command {
    let mut command = binary();
    command.current_dir(bench.folder.path());
    command.args(["check", "in.csv", "--prove", "auth0|user2", "--ledger", LEDGER]);
    command
}

/// Every command that opens a ledger refuses this one, says what is wrong, and sends nothing.
fn all_refuse(bench: &Bench, what: &str, said: &str) {
    refuse(bench, what, said, &["text", "json", "jsonl", "csv"]);
}

/// The same for reports of these formats only.
fn refuse(bench: &Bench, what: &str, said: &str, formats: &[&str]) {
    let requests = || {
        let stats = bench.tenant().stats();
        [Verb::Post, Verb::Get, Verb::Delete].map(|verb| stats.requests(verb))
    };
    let before = requests();
    let formats = formats.iter().map(|format| report(bench, format));
    let commands = [bench.import("in.csv"), undo(bench), prove(bench)];
    for mut command in commands.into_iter().chain(formats) {
        let done = run_bounded(&mut command);
        assert_eq!(done.code, Some(6), "{what}: {command:?}: {done:?}");
        assert!(text(&done).contains(said), "{what}: {command:?}: {done:?}");
        assert!(text(&done).contains("hint"), "{what}: {done:?}");
    }
    assert_eq!(requests(), before, "{what}");
}

fn text(done: &Done) -> String {
    format!("{}{}", done.stdout, done.stderr)
}

fn untested(what: &str) {
    let message = format!("\nNOT TESTED: {what}: needs root\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes of a file what no run leaves; false where that needs root.
fn plant(kind: &str, path: &Path, bytes: &[u8]) -> bool {
    let aside = path.with_file_name("aside");
    drop(fs::remove_file(path));
    drop(fs::remove_file(&aside));
    match kind {
        "folder" => fs::create_dir(path).unwrap(),
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "link" => {
            fs::write(&aside, bytes).unwrap();
            symlink(&aside, path).unwrap();
        }
        "hard link" => {
            fs::write(&aside, bytes).unwrap();
            fs::hard_link(&aside, path).unwrap();
        }
        "another user's" => {
            fs::write(path, bytes).unwrap();
            return chown(path, Some(12_345), Some(12_345)).is_ok();
        }
        "for all to write" => {
            fs::write(path, bytes).unwrap();
            mode(path, 0o666);
        }
        "ours" => {
            fs::write(path, bytes).unwrap();
            mode(path, 0o600);
        }
        _ => panic!("{kind}"),
    }
    true
}

fn clear(path: &Path) {
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    } else {
        drop(fs::remove_file(path));
    }
}

#[test]
fn a_file_beside_a_ledger_that_is_not_the_runs_own_is_refused_by_every_command() {
    let bench = finished(3);
    for side in ["", "-wal", "-shm", "-journal", "-seal"] {
        let path = bench.path(&format!("{LEDGER}{side}"));
        let before = fs::read(&path).unwrap_or_default();
        for (kind, said) in [
            ("another user's", "belongs to another user"),
            ("link", "is a symbolic link"),
            ("hard link", "has more than one name"),
            ("pipe", "is not a regular file"),
            ("folder", "is not a regular file"),
            ("for all to write", "can be written by other users"),
        ] {
            if plant(kind, &path, &before) {
                all_refuse(&bench, &format!("{side} {kind}"), said);
                assert!(side.is_empty() || before.is_empty() || path.exists());
            } else {
                untested(kind);
            }
            clear(&path);
        }
        if side == "-journal" {
            for bytes in [&b""[..], b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"] {
                assert!(plant("ours", &path, bytes));
                all_refuse(&bench, "a journal", "`-journal` file");
                assert_eq!(fs::read(&path).unwrap(), bytes, "left as it was");
            }
            clear(&path);
        } else if !before.is_empty() {
            assert!(plant("ours", &path, &before));
        }
    }
    let done = run_bounded(&mut bench.import("in.csv"));
    assert_eq!((done.code, &done.summary()["skipped"]), (Some(0), &3.into()), "{done:?}");
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_unless_it_is_sticky_and_then_warned_about() {
    let bench = finished(3);
    let folder = bench.folder.path();
    for (bits, owner, group, said) in [
        (0o777, None, None, "others may write to its folder"),
        (0o757, None, None, "others may write to its folder"),
        (0o775, None, Some(12_345), "others may write to its folder"),
        (0o755, Some(12_345), None, "belongs to another user"),
        (0o1777, Some(12_345), None, "belongs to another user"),
    ] {
        mode(folder, bits);
        if (owner.is_some() || group.is_some()) && chown(folder, owner, group).is_err() {
            untested("a folder of another user or group");
            continue;
        }
        all_refuse(&bench, &format!("{bits:o}"), said);
        if owner.is_some() || group.is_some() {
            chown(folder, Some(0), Some(0)).unwrap();
        }
    }
    mode(folder, 0o1777);
    for mut command in [bench.import("in.csv"), report(&bench, "json")] {
        let done = run_bounded(&mut command);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stderr.contains("others may write to the folder"), "{done:?}");
    }
    for side in ["-wal", "-shm", "-journal"] {
        let path = bench.path(&format!("{LEDGER}{side}"));
        if plant("another user's", &path, b"") {
            all_refuse(&bench, side, "belongs to another user");
        } else {
            untested("another user's file in a sticky folder");
        }
        clear(&path);
    }
    // A new ledger there is as good.
    fs::write(bench.path("new.csv"), factors(3).0).unwrap();
    let done = run_bounded(bench.import("new.csv").arg("--new-ledger"));
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
}

/// Has SQLite change a finished ledger, whatever its schema says.
fn change(bench: &Bench, sql: &str) {
    let connection = Connection::open(bench.path(LEDGER)).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    connection.close().unwrap();
    for side in ["-wal", "-shm"] {
        drop(fs::remove_file(bench.path(&format!("{LEDGER}{side}"))));
    }
}

#[test]
fn a_ledger_with_tables_views_or_triggers_of_somebody_elses_is_refused_and_none_of_them_runs() {
    let endless = "WITH RECURSIVE x(key, value) AS (SELECT 'key', x'00' UNION ALL SELECT key, value \
                   FROM x) SELECT key, value FROM x";
    let instead = |table: &str, columns: &str| {
        format!(
            "ALTER TABLE {table} RENAME TO aside; CREATE VIEW {table} AS WITH RECURSIVE x(n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT {columns} FROM x WHERE n < 0"
        )
    };
    for (what, sql) in [
        ("an endless view for `meta`", instead("meta", "'key' AS key, x'00' AS value")),
        ("an endless view for `factors`", instead("factors", "n AS seq, n AS state, n AS writes")),
        ("an endless view for `runs`", instead("runs", "n AS id")),
        ("an endless view for `refusals`", instead("refusals", "n AS line")),
        ("a view besides", format!("CREATE VIEW more AS {endless}")),
        ("a table besides", "CREATE TABLE more (x)".into()),
        ("an index besides", "CREATE INDEX more ON factors (state)".into()),
        (
            "a trigger",
            "CREATE TRIGGER more AFTER INSERT ON runs BEGIN DELETE FROM factors; END".into(),
        ),
        ("a table less", "DROP TABLE refusals".into()),
        ("a column more", "ALTER TABLE factors ADD COLUMN more INTEGER".into()),
        (
            "a table under another's name",
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = 'refusal' WHERE name = \
             'refusals'"
                .into(),
        ),
    ] {
        let bench = finished(3);
        change(&bench, &sql);
        // Of some SQLite itself says that they cannot be.
        let said =
            if what.ends_with("name") { "it is damaged" } else { "its tables are not those" };
        all_refuse(&bench, what, said);
    }
}

/// A tree of eight levels in which every page leads 300 times to the same one below.
fn grow_a_maze(path: &Path) {
    const PAGE: usize = 4096;
    const WAYS: u16 = 300;
    let root: u32 = Connection::open(path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'factors'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = (root as usize - 1) * PAGE;
    let leaf = bytes[at..at + PAGE].to_vec();
    let crossing = |below: u32| {
        let mut page = vec![0; PAGE];
        let start = PAGE - usize::from(WAYS) * 5;
        page[0] = 5;
        page[3..5].copy_from_slice(&WAYS.to_be_bytes());
        page[5..7].copy_from_slice(&u16::try_from(start).unwrap().to_be_bytes());
        page[8..12].copy_from_slice(&below.to_be_bytes());
        for way in 0..usize::from(WAYS) {
            let cell = start + way * 5;
            page[12 + way * 2..][..2].copy_from_slice(&u16::try_from(cell).unwrap().to_be_bytes());
            page[cell..cell + 4].copy_from_slice(&below.to_be_bytes());
            page[cell + 4] = 1;
        }
        page
    };
    let mut below = u32::try_from(bytes.len() / PAGE).unwrap() + 1;
    bytes.extend(leaf);
    for _ in 0..6 {
        bytes.extend(crossing(below));
        below += 1;
    }
    bytes[at..at + PAGE].copy_from_slice(&crossing(below));
    bytes[28..32].copy_from_slice(&below.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn reading_a_ledger_whose_pages_are_a_maze_comes_to_an_end() {
    let bench = finished(9);
    grow_a_maze(&bench.path(LEDGER));
    // Every format is made by the same reader, which takes its time here.
    refuse(&bench, "a maze", "damaged", &[]);
    let done = run_bounded(&mut report(&bench, "json"));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains("far longer than its size explains"), "{done:?}");
}

#[test]
fn a_report_reads_a_ledger_in_a_read_only_folder() {
    let script = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\" || exit 99
        exec \"$0\" \"$@\"";
    for start in [Start::Empty, Start::Crashed] {
        let scene = Scene::set(start);
        if start == Start::Empty {
            scene.finish();
        }
        let there = run_bounded(&mut report(&scene.bench, "jsonl"));
        if start == Start::Empty {
            // Who only reads leaves them behind.
            for side in ["-wal", "-shm"] {
                drop(fs::remove_file(scene.bench.path(&format!("{LEDGER}{side}"))));
            }
        }
        let what = "a report in a read-only folder";
        let Some(done) = in_namespace(what, script, &report(&scene.bench, "jsonl")) else {
            return;
        };
        assert_eq!((done.code, &done.stdout), (Some(0), &there.stdout), "{start:?}: {done:?}");
        assert!(done.stdout.lines().count() > 3, "{start:?}: {done:?}");
        if start == Start::Crashed {
            fs::remove_file(scene.bench.path(&format!("{LEDGER}-shm"))).unwrap();
            let done = in_namespace(what, script, &report(&scene.bench, "jsonl")).unwrap();
            assert_eq!(done.code, Some(6), "{done:?}");
            assert!(done.stderr.contains("copy the ledger and all files beside it"), "{done:?}");
        }
    }
}

/// Deed of another program to a file in the middle of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Empty,
    Halve,
    /// Zeros over its first bytes.
    Blank(usize),
    /// Another file's bytes, as `cp` leaves them.
    Copy,
    /// Nothing is changed, only said to be.
    Touch,
}

impl Deed {
    fn done_to(self, path: &Path) {
        let mut file = File::options().read(true).write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        match self {
            Self::Empty => file.set_len(0).unwrap(),
            Self::Halve => file.set_len(length / 2).unwrap(),
            Self::Blank(size) => {
                file.write_all(&vec![0; size.min(usize::try_from(length).unwrap())]).unwrap();
            }
            Self::Copy => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                bytes.rotate_left(4096);
                file.set_len(0).unwrap();
                file.seek(SeekFrom::Start(0)).unwrap();
                file.write_all(&bytes).unwrap();
            }
            Self::Touch => {
                #[expect(clippy::disallowed_methods, reason = "a time that is not the file's")]
                let later = SystemTime::now() + Duration::from_secs(60);
                file.set_times(FileTimes::new().set_modified(later)).unwrap();
            }
        }
    }
}

#[test]
fn a_ledger_that_is_cut_or_overwritten_in_place_during_a_run_stops_it_with_6() {
    let mut cases = vec![("", Deed::Touch), ("-wal", Deed::Touch), ("-seal", Deed::Touch)];
    for side in ["", "-wal", "-seal"] {
        let deeds = [Deed::Empty, Deed::Halve, Deed::Blank(16), Deed::Blank(1 << 20), Deed::Copy];
        // Of the seal's two slots the one that is written next may be blank.
        let harmless = |deed: &Deed| side == "-seal" && *deed == Deed::Blank(16);
        cases.extend(deeds.into_iter().filter(|deed| !harmless(deed)).map(|deed| (side, deed)));
    }
    side_by_side(&cases, |(side, deed)| {
        let bench = Bench::new(Settings {
            conflict: Conflict::OFF,
            latency_ms: (20, 30),
            ..Settings::default()
        });
        let (csv, wanted, users) = factors(240);
        bench.write("in.csv", csv);
        let child = spawn(bench.import("in.csv").args(["--concurrency", "4"]));
        until("some are there", || bench.tenant().stats().created > 20);
        deed.done_to(&bench.path(&format!("{LEDGER}{side}")));
        let there = bench.tenant().stats().created;
        let done = read(&child.wait_with_output().unwrap());
        if deed == Deed::Touch {
            assert_eq!(done.code, Some(0), "{side} {deed:?}: {done:?}");
            // At the moment of a commit nobody can tell who wrote to the `-wal` or to the seal, and
            // after the last one nobody looks any more.
            let said = done.stderr.contains("has touched the ledger's files");
            assert!(said || !side.is_empty() || there > 200, "{side}: {done:?}");
            bench.audit(LEDGER, &wanted, &users);
        } else {
            assert_eq!(done.code, Some(6), "{side} {deed:?}: {done:?}");
            assert!(bench.tenant().stats().created < 240, "{side} {deed:?}: it stopped");
            assert!(text(&done).contains("hint"), "{side} {deed:?}: {done:?}");
        }
    });
}

#[test]
fn a_log_backup_or_export_is_only_written_to_a_private_file_of_the_users_own() {
    let bench = finished(3);
    bench.write("users.csv", "user_id\nauth0|user0\n");
    bench.write("set.csv", "user_id,type,phone_number\nauth0|user0,phone,+14155550100\n");
    let command = |name: &str, arguments: &[&str]| {
        let mut command = bench.command(name);
        command.args(arguments).args(["--ledger", "other.ledger"]);
        command
    };
    for (file, what) in [("log", "log"), ("out.partial", "out"), ("back", "backup")] {
        let path = bench.path(file);
        let all = ["another user's", "link", "hard link", "pipe", "folder", "for all to write"];
        for kind in all {
            if !plant(kind, &path, b"") {
                untested(kind);
                clear(&path);
                continue;
            }
            let mut command = match what {
                "log" => command("import", &["in.csv", "--log-file", "log"]),
                "out" => command("export", &["users.csv", "--out", "out"]),
                _ => command("replace", &["set.csv", "--backup", "back"]),
            };
            let gets = bench.tenant().stats().requests(Verb::Get);
            let done = run_bounded(&mut command);
            assert_eq!(done.code, Some(2), "{what} {kind}: {done:?}");
            assert!(done.stderr.contains("hint"), "{what} {kind}: {done:?}");
            assert_eq!(bench.tenant().stats().requests(Verb::Get), gets, "{what} {kind}");
            clear(&path);
        }
    }
    let log = bench.write("log", "");
    mode(&log, 0o644);
    let done = run_bounded(&mut command("import", &["in.csv", "--log-file", "log"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("can be read by other users"), "{done:?}");
    mode(&log, 0o600);
    let done = run_bounded(&mut command("import", &["in.csv", "--log-file", "log"]));
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
}

#[test]
fn the_folder_of_a_sandbox_ledger_is_private_and_named_as_removable() {
    let bench = finished(3);
    for output in ["json", "text"] {
        let mut command = binary();
        command.current_dir(bench.folder.path()).env("TMPDIR", bench.folder.path());
        let done = run_bounded(command.args(["import", "in.csv", "--sandbox", "--output", output]));
        assert_eq!(done.code, Some(0), "{done:?}");
        let folder = if output == "json" {
            done.summary()["removable_folder"].as_str().unwrap().to_owned()
        } else {
            let line = done.stdout.lines().find_map(|line| line.strip_prefix("removable folder: "));
            line.unwrap().to_owned()
        };
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(Path::new(&folder).join("sandbox.ledger").exists());
    }
}
