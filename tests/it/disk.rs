//! Disks that are full, read-only, taken away, or that lie.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use mfaferry::sandbox::{Conflict, Settings, Verb};

use crate::{
    strace::{Scene, Start},
    support::{
        Bench, Done, around, binary, factors, read, run_bounded, side_by_side, spawn, until,
    },
};

#[test]
fn a_file_that_may_not_grow_is_an_error_and_no_death_and_the_next_run_finishes() {
    let stopped = AtomicUsize::new(0);
    side_by_side(&[0, 2, 16, 64, 100, 120, 160, 240], |blocks| {
        for start in [Start::Nothing, Start::Crashed] {
            let scene = Scene::set(start);
            let limit = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
            let done = run_bounded(&mut around("sh", &["-c", &limit], &scene.import()));
            // Not by SIGXFSZ: that says nothing and looks like a crash.
            assert!(matches!(done.code, Some(0 | 1 | 6)), "{blocks} {start:?}: {done:?}");
            assert!(!done.stderr.contains("internal error"), "{blocks} {start:?}: {done:?}");
            stopped.fetch_add(usize::from(done.code != Some(0)), Ordering::Relaxed);
            scene.finish();
        }
    });
    let stopped = stopped.into_inner();
    assert!(stopped >= 8, "{stopped} of 16 were stopped by the limit");
}

/// Runs an import in a mount namespace of its own; `None` where there are none to be had, which
/// is said on standard error past the test's capture.
pub(crate) fn in_namespace(what: &str, script: &str, inner: &Command) -> Option<Done> {
    let able = Command::new("unshare").args(["-rm", "true"]).output();
    if !able.is_ok_and(|able| able.status.success()) {
        let message = format!("\nNOT TESTED: {what}: `unshare -rm` is not allowed here\n");
        std::io::stderr().write_all(message.as_bytes()).unwrap();
        return None;
    }
    Some(run_bounded(&mut around("unshare", &["-rm", "sh", "-c", script], inner)))
}

#[test]
fn on_a_full_disk_it_stops_with_6_and_the_next_run_finishes() {
    if in_namespace("a full disk", "exec \"$0\"", &Command::new("true")).is_none() {
        return;
    }
    let stopped = AtomicUsize::new(0);
    side_by_side(&[4, 48, 64, 96, 128, 192, 320, 4096], |kib| {
        for start in [Start::Nothing, Start::Crashed] {
            let scene = Scene::set(start);
            // The small disk ends with its namespace: what is on it is carried out.
            let script = format!(
                "mkdir disk && mount -t tmpfs -o size={kib}k none disk || exit 99
                 for file in in.csv.ledger*; do
                     [ ! -e $file ] || cp -p $file disk/ 2>/dev/null || exit 98
                 done
                 \"$0\" \"$@\" --ledger disk/in.csv.ledger; code=$?
                 ls -A disk | grep mfaferry-new && exit 97
                 rm -f in.csv.ledger*; cp -p disk/in.csv.ledger* .; exit $code"
            );
            let done = in_namespace("a full disk", &script, &scene.import()).unwrap();
            if done.code == Some(98) {
                continue; // It would not fit to begin with.
            }
            assert!(matches!(done.code, Some(0 | 6)), "{kib} KiB {start:?}: {done:?}");
            // In between it depends on how many rows happen to share a commit.
            assert!(kib < 4096 || done.code == Some(0), "{kib} KiB: {done:?}");
            assert!(kib > 64 || done.code == Some(6), "{kib} KiB: {done:?}");
            stopped.fetch_add(usize::from(done.code == Some(6)), Ordering::Relaxed);
            scene.finish();
        }
    });
    let stopped = stopped.into_inner();
    assert!(stopped >= 3, "{stopped}");
}

#[test]
fn a_read_only_ledger_or_folder_exits_6_and_nothing_is_sent() {
    let all = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\" || exit 99";
    let one = "mount --bind in.csv.ledger in.csv.ledger || exit 99
        mount -o remount,ro,bind in.csv.ledger || exit 99";
    for (start, ledger, mounts) in [
        (Start::Nothing, "a new ledger in a read-only folder", all),
        (Start::Empty, "an old ledger in a read-only folder", all),
        (Start::Crashed, "a crashed ledger in a read-only folder", all),
        (Start::Empty, "a read-only ledger", one),
        (Start::Crashed, "a read-only crashed ledger", one),
    ] {
        let scene = Scene::set(start);
        let posts = scene.bench.tenant().stats().requests(Verb::Post);
        let script = format!("{mounts}\nexec \"$0\" \"$@\"");
        let Some(done) = in_namespace(ledger, &script, &scene.import()) else {
            return;
        };
        assert_eq!(done.code, Some(6), "{ledger}: {done:?}");
        assert!(done.stderr.contains("hint: "), "{ledger}: {done:?}");
        assert_eq!(scene.bench.tenant().stats().requests(Verb::Post), posts, "{ledger}");
        scene.finish();
    }
}

/// Damage to a file of so many bytes.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut(usize),
    Flip(usize, u8),
}

impl Damage {
    fn do_to(self, path: &std::path::Path) {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Self::Cut(at) => bytes.truncate(at),
            Self::Flip(at, bit) => bytes[at] ^= 1 << bit,
        }
        fs::write(path, bytes).unwrap();
    }

    fn any(number: usize, length: usize, rng: &mut fastrand::Rng) -> Self {
        let at = rng.usize(0..length);
        if number.is_multiple_of(2) { Self::Cut(at) } else { Self::Flip(at, rng.u8(0..8)) }
    }
}

#[derive(Debug, Default)]
struct Verdicts {
    /// Exit 6, and nothing sent.
    refused: usize,
    /// Went on, and every factor is there once.
    sound: usize,
    /// Went on, and a factor is there twice or missing.
    broken: Vec<String>,
}

/// Damages `file` of a crashed ledger in `count` ways, and runs again after each. A sample:
/// `seal.rs` opens a thousand damaged ledgers without the program.
fn damaged(file: &str, count: usize, seed: u64) -> Verdicts {
    let verdicts = std::sync::Mutex::new(Verdicts::default());
    side_by_side(&(0..count).collect::<Vec<_>>(), |number| {
        let mut rng = fastrand::Rng::with_seed(seed + number as u64);
        let scene = Scene::set(Start::Crashed);
        let path = scene.bench.path(file);
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        let damage = Damage::any(number, length, &mut rng);
        damage.do_to(&path);
        let posts = scene.bench.tenant().stats().requests(Verb::Post);
        let done = run_bounded(&mut scene.import());
        let is_refused = done.code == Some(6);
        if is_refused {
            assert_eq!(scene.bench.tenant().stats().requests(Verb::Post), posts);
            assert!(done.stderr.contains("hint: "), "{done:?}");
        }
        let is_sound = !is_refused && catch_unwind(AssertUnwindSafe(|| scene.judge())).is_ok();
        assert!(!is_sound || done.code == Some(0), "{done:?}");
        let mut verdicts = verdicts.lock().unwrap();
        match (is_refused, is_sound) {
            (true, _) => verdicts.refused += 1,
            (false, true) => verdicts.sound += 1,
            (false, false) => verdicts.broken.push(format!("{damage:?} of {length}")),
        }
    });
    verdicts.into_inner().unwrap()
}

#[test]
fn a_crashed_ledger_whose_file_is_damaged_is_refused_or_harmless() {
    let verdicts = damaged("in.csv.ledger", 12, 7);
    println!("{verdicts:?}");
    assert!(verdicts.broken.is_empty(), "{verdicts:?}");
    assert!(verdicts.refused > 1, "{verdicts:?}");
}

#[test]
fn a_crashed_ledger_whose_wal_is_damaged_never_doubles_a_factor() {
    let verdicts = damaged("in.csv.ledger-wal", 12, 11);
    println!("{verdicts:?}");
    assert!(verdicts.broken.is_empty(), "{verdicts:?}");
    assert!(verdicts.refused > 6, "{verdicts:?}");
}

#[test]
fn a_crashed_ledger_without_a_file_that_stood_beside_it_exits_6_and_report_says_so() {
    let other = Scene::set(Start::Crashed);
    let others = fs::read(other.bench.path("in.csv.ledger-seal")).unwrap();
    let blank = vec![0; others.len()];
    let all = [("-wal", None), ("-seal", None), ("-seal", Some(&others)), ("-seal", Some(&blank))];
    side_by_side(&all, |(file, put)| {
        let scene = Scene::set(Start::Crashed);
        let path = scene.bench.path(&format!("in.csv.ledger{file}"));
        let kept = fs::read(&path).unwrap();
        match put {
            None => fs::remove_file(&path).unwrap(),
            Some(bytes) => fs::write(&path, bytes).unwrap(),
        }
        let posts = scene.bench.tenant().stats().requests(Verb::Post);
        let done = run_bounded(&mut scene.import());
        assert_eq!(done.code, Some(6), "{file}: {done:?}");
        assert!(done.stderr.contains("hint: ") && done.stderr.contains(file), "{done:?}");
        assert_eq!(scene.bench.tenant().stats().requests(Verb::Post), posts);
        let mut report = binary();
        report.current_dir(scene.bench.folder.path()).args(["report", "in.csv.ledger"]);
        let said = run_bounded(&mut report);
        assert!(
            said.code == Some(0) && said.stderr.contains("an import will refuse it"),
            "{said:?}"
        );
        // Put back, it goes on.
        fs::write(&path, kept).unwrap();
        scene.finish();
    });
}

#[test]
fn a_ledger_that_is_taken_away_during_a_run_stops_it_with_6() {
    side_by_side(&["", "-wal", "-shm", "-seal"], |side| {
        let bench = Bench::new(Settings {
            conflict: Conflict::OFF,
            latency_ms: (20, 30),
            ..Settings::default()
        });
        let (csv, wanted, users) = factors(300);
        bench.write("in.csv", csv);
        let child = spawn(bench.import("in.csv").args(["--concurrency", "4"]));
        until("some are there", || bench.tenant().stats().created > 20);
        let (file, aside) = (bench.path(&format!("in.csv.ledger{side}")), bench.path("aside"));
        fs::rename(&file, &aside).unwrap();
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(6), "{side}: {done:?}");
        assert!(bench.tenant().stats().created < 300, "{side}: it stopped");
        // Put back, it goes on.
        drop(fs::remove_file(&file));
        fs::rename(&aside, &file).unwrap();
        let done = run_bounded(&mut bench.import("in.csv"));
        assert_eq!(done.code, Some(0), "{side}: {done:?}");
        let states = bench.audit("in.csv.ledger", &wanted, &users);
        assert_eq!(states, BTreeMap::from([("created".to_owned(), 300)]), "{side}");
    });
}
