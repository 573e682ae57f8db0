//! Damaged, lost and mixed-up ledger files, all against one truth: what a killed run knew. A
//! ledger opens only if it still says exactly that, whatever was done to its files.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Mutex,
};

use mfaferry::{
    error::{Error, Exit},
    ledger::{
        Admission, Asked, Entry, Intent, Ledger, LedgerKind, Opened, Opening, Reader, ReportRow,
        Row,
    },
    model::{
        ClockSkew, FactorType, Fingerprint, How, LocalTime, Operation, Reason, Settlement, State,
        UserId,
    },
};

use crate::support::{binary, open_ledger, run};

/// Side by side: most of a case is waiting for the disk.
const LANES: usize = 4;
const NAME: &str = "x.ledger";
const FILES: [&str; 3] = ["x.ledger", "x.ledger-wal", "x.ledger-seal"];

/// The three files as they are; one that is not there is `None`.
type Files = BTreeMap<&'static str, Option<Vec<u8>>>;

fn opening() -> Opening<'static> {
    Opening {
        tenant: "https://tenant.example/",
        command: "import",
        kind: LedgerKind::Factors,
        input: "in.csv",
        retry: Vec::new(),
        shard: None,
        now: || LocalTime::from_millis(1_700_000_000_000),
    }
}

fn files(folder: &Path) -> Files {
    FILES.into_iter().map(|name| (name, fs::read(folder.join(name)).ok())).collect()
}

fn entries(ledger: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    Reader::open(ledger)?.visit(|item| {
        if let ReportRow::Row { entry, .. } = item {
            entries.push(entry);
        }
        Ok(())
    })?;
    Ok(entries)
}

fn asked(number: u8) -> Row {
    Row::Asked(Asked {
        operation: Operation::Import,
        fingerprint: Fingerprint([number; 16]),
        as_written: None,
        line: u64::from(number) + 2,
        at: None,
        user: UserId::parse(&format!("auth0|{number}")).unwrap(),
        factor_type: Some(FactorType::Phone),
        name: None,
        method_id: None,
    })
}

/// Some commits of a run: `rows` more factors from `first` on, half of them settled.
async fn some(ledger: &Ledger, first: u8, rows: u8) {
    for number in first..first + rows {
        let row = asked(number);
        let admission = ledger.admit(vec![row]).await.unwrap().remove(0);
        let Admission::Todo(seq, _) = admission else { panic!("{admission:?}") };
        let intent = Intent {
            seq,
            at: LocalTime::from_millis(1_700_000_000_000),
            skew: Some(ClockSkew::default()),
            doubts: 0,
            marked: false,
        };
        ledger.record_intents(vec![intent]).await.unwrap();
        if number % 2 == 0 {
            let settlement = Settlement {
                state: State::Created,
                how: How::Response,
                method_id: Some(format!("phone|dev_{number}")),
                status: Some(201),
                error: None,
            };
            ledger.settle(seq, settlement, 0).await.unwrap();
        }
    }
}

#[test]
fn a_reason_of_another_version_is_kept_and_shown_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let texts = ["http_0500", "user_not_found:x", "of_another_version:a b", "unknown"];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let Opened { ledger, owner, .. } = open_ledger(&path, opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    runtime.block_on(async {
        for (number, text) in (0..).zip(texts) {
            let row = asked(number);
            let admission = ledger.admit(vec![row]).await.unwrap().remove(0);
            let Admission::Todo(seq, _) = admission else { panic!("{admission:?}") };
            let settlement = Settlement {
                state: State::Rejected,
                how: How::Response,
                method_id: None,
                status: None,
                error: Some(Reason::parse(text)),
            };
            ledger.settle(seq, settlement, 0).await.unwrap();
        }
    });
    drop(ledger);
    owner.join().unwrap();
    let told = entries(&path).unwrap();
    let told: Vec<_> = told.iter().map(|entry| entry.error.as_ref().unwrap().text()).collect();
    assert_eq!(told, texts);
    drop(open_ledger(&path, opening).unwrap());
    let path = path.to_str().unwrap();
    let report = run(binary().args(["report", "--format", "jsonl", "--ledger", path])).stdout;
    for text in texts {
        assert!(report.contains(&format!("\"error\":\"{text}\"")), "{report}");
    }
}

/// Returns the files that kills leave at three moments: in the first run, later in it, and in a
/// second run.
fn crashed() -> [Files; 3] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let Opened { ledger, owner, .. } = open_ledger(&path, opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    runtime.block_on(some(&ledger, 0, 8));
    let first = files(folder.path());
    runtime.block_on(some(&ledger, 8, 8));
    let later = files(folder.path());
    drop(ledger);
    owner.join().unwrap();
    let Opened { ledger, owner, .. } = open_ledger(&path, opening).unwrap();
    let owner = std::thread::spawn(|| owner.block().unwrap());
    runtime.block_on(some(&ledger, 16, 16));
    let second = files(folder.path());
    drop(ledger);
    owner.join().unwrap();
    for files in [&first, &later, &second] {
        assert!(FILES.iter().all(|name| files[name].as_ref().unwrap().len() > 8000));
    }
    [first, later, second]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Exit 6 with a hint, and the files are as they were.
    Refused,
    /// Open, and it says what is true.
    Sound,
    /// Open, and it says something else.
    Broken,
}

/// Opens these files, as a run would.
fn judge(files: &Files, truth: &[Entry]) -> Verdict {
    let folder = lay_out(files);
    let path = folder.path().join(NAME);
    match open_ledger(&path, opening) {
        Ok(opened) => {
            drop(opened.ledger);
            opened.owner.block().unwrap();
            if entries(&path).unwrap() == truth { Verdict::Sound } else { Verdict::Broken }
        }
        Err(error) => {
            assert_eq!(error.exit(), Exit::Ledger, "{error}");
            assert!(error.hint().is_some(), "{error}");
            let mut after = self::files(folder.path());
            if files["x.ledger-wal"].is_none() {
                // SQLite makes one when it looks.
                assert_eq!(after.insert("x.ledger-wal", None), Some(Some(Vec::new())));
            }
            assert!(*files == after, "nothing is made worse: {error}");
            Verdict::Refused
        }
    }
}

/// Puts the files into a folder of their own.
fn lay_out(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        if let Some(bytes) = bytes {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
    }
    folder
}

fn truth(files: &Files) -> Vec<Entry> {
    entries(&lay_out(files).path().join(NAME)).unwrap()
}

/// Damage to one of the files.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Gone,
    Cut(usize),
    Flip(usize, u8),
    /// A disk block of nothing.
    Blank(usize),
}

impl Damage {
    fn done_to(self, file: &'static str, files: &Files) -> Files {
        let mut files = files.clone();
        let bytes = files.get_mut(file).unwrap();
        match (self, bytes.as_mut()) {
            (Self::Gone, _) => *bytes = None,
            (Self::Cut(at), Some(bytes)) => bytes.truncate(at),
            (Self::Flip(at, bit), Some(bytes)) => bytes[at] ^= 1 << bit,
            (Self::Blank(at), Some(bytes)) => {
                let end = bytes.len().min(at + 512);
                bytes[at..end].fill(0);
            }
            (_, None) => panic!("{file} is not there"),
        }
        files
    }
}

/// Judges what is made of each case, several side by side; returns how many were refused and how
/// many sound.
fn judge_all<C: Debug + Sync>(
    cases: &[C],
    truth: &[Entry],
    make: impl Fn(&C) -> Files + Sync,
) -> (usize, usize) {
    let verdicts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (verdicts, make) = (&verdicts, &make);
            scope.spawn(move || {
                for case in cases.iter().skip(lane).step_by(LANES) {
                    let verdict = catch_unwind(AssertUnwindSafe(|| judge(&make(case), truth)));
                    verdicts.lock().unwrap().push((case, verdict.unwrap_or(Verdict::Broken)));
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap();
    let broken: Vec<_> = verdicts.iter().filter(|(_, one)| *one == Verdict::Broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let refused = verdicts.iter().filter(|(_, one)| *one == Verdict::Refused).count();
    println!("{} cases: {refused} refused, {} sound", cases.len(), cases.len() - refused);
    (refused, cases.len() - refused)
}

/// Every file gone, and cut, flipped and blanked at every `step`th place.
fn damages(files: &Files, step: usize) -> Vec<(&'static str, Damage)> {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut all = Vec::new();
    for file in FILES {
        all.push((file, Damage::Gone));
        let length = files[file].as_ref().unwrap().len();
        for at in (0..length).step_by(step) {
            let within = step.min(length - at);
            all.push((file, Damage::Cut(at + rng.usize(0..within))));
            all.push((file, Damage::Flip(at + rng.usize(0..within), rng.u8(0..8))));
        }
        all.extend((0..length).step_by(512).map(|at| (file, Damage::Blank(at))));
    }
    // What a seal says stands in two places.
    for at in (0..32).chain(4096..4096 + 32) {
        all.push(("x.ledger-seal", Damage::Cut(at)));
        let bits = (0..8_u8).filter(|bit| step == 1 || at % 8 == usize::from(*bit));
        all.extend(bits.map(|bit| ("x.ledger-seal", Damage::Flip(at, bit))));
    }
    all
}

fn damage_every(step: usize) -> usize {
    let mut all = 0;
    for files in crashed() {
        let cases = damages(&files, step);
        let (refused, sound) =
            judge_all(&cases, &truth(&files), |(file, damage)| damage.done_to(file, &files));
        assert!(refused > 80 && sound > 80, "{refused} refused, {sound} sound");
        all += cases.len();
    }
    all
}

#[test]
fn a_damaged_ledger_wal_or_seal_is_refused_or_says_what_is_true() {
    assert!(damage_every(2039) > 1000);
}

#[test]
#[ignore = "long: every byte of every file"]
fn a_ledger_wal_or_seal_that_is_damaged_at_any_byte_is_refused_or_says_what_is_true() {
    println!("{} damages in all", damage_every(1));
}

/// Killed while SQLite copies the `-wal` into the ledger, page by page: the `-wal` mends that, if
/// it is still whole.
#[test]
fn a_wal_that_is_damaged_after_a_kill_in_a_checkpoint_is_found_out() {
    let [_, _, before] = crashed();
    let folder = lay_out(&before);
    let connection = rusqlite::Connection::open(folder.path().join(NAME)).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    let after = files(folder.path());
    drop(connection);
    let [old, new] = [&before, &after].map(|files| files[NAME].clone().unwrap());
    let pages = new.len() / 4096;
    assert!(pages > 4 && old != new, "{pages} pages");
    let length = before["x.ledger-wal"].as_ref().unwrap().len();
    let frames = || std::iter::once(0).chain((32..length).step_by(24 + 4096));
    let cases: Vec<_> = (0..=pages)
        .flat_map(|copied| {
            let damages = frames().flat_map(|at| [Damage::Cut(at), Damage::Flip(at + 8, 0)]);
            std::iter::once((copied, None)).chain(damages.map(move |one| (copied, Some(one))))
        })
        .collect();
    let (refused, sound) = judge_all(&cases, &truth(&before), |(copied, damage)| {
        let at = copied * 4096;
        let torn = [&new[..at], old.get(at..).unwrap_or_default()].concat();
        let mut files = before.clone();
        files.insert(NAME, Some(torn));
        damage.map_or(files.clone(), |damage| damage.done_to("x.ledger-wal", &files))
    });
    assert!(refused > 100 && sound > pages, "{refused} refused, {sound} sound");
}

/// Some files restored from a copy, some not.
#[test]
fn ledger_wal_and_seal_of_different_times_are_refused_or_say_what_is_true() {
    let [first, later, second] = crashed();
    // All three of one old time are a sound ledger, and nobody can know of a later one; so are the
    // `-wal` and the seal, for a `-wal` outweighs the ledger it is put beside.
    let cases: Vec<_> = [&first, &later]
        .into_iter()
        .flat_map(|old| (1..6_u8).map(move |bits| (bits, old)))
        .collect();
    let numbers: Vec<_> = (0..cases.len()).collect();
    let (refused, _) = judge_all(&numbers, &truth(&second), |number| {
        let (bits, old) = cases[*number];
        let restored = FILES.into_iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
        let mut files = second.clone();
        files.extend(restored.map(|(_, name)| (name, old[name].clone())));
        files
    });
    assert!(refused >= 4, "{refused} of {} were refused", cases.len());
}

/// A kill at any point of the making of a ledger leaves such files, and so does somebody who
/// deletes.
#[test]
fn a_seal_without_a_ledger_is_taken_by_a_new_one_only_if_it_was_never_used() {
    let [first, ..] = crashed();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let open = || {
        open_ledger(&path, opening).map(|opened| {
            drop(opened.ledger);
            opened.owner.block().unwrap();
        })
    };
    open().unwrap();
    let unused = fs::read(folder.path().join("x.ledger-seal")).unwrap();
    fs::remove_file(&path).unwrap();
    open().unwrap();
    assert_eq!(fs::read(folder.path().join("x.ledger-seal")).unwrap(), unused, "the same id");
    fs::remove_file(&path).unwrap();
    for used in [
        first["x.ledger-seal"].clone().unwrap(),
        Damage::Flip(20, 0).done_to("x.ledger-seal", &first)["x.ledger-seal"].clone().unwrap(),
        unused[..5000].iter().copied().chain([1]).collect(),
        unused[..4000].to_vec(),
        Vec::new(),
    ] {
        fs::write(folder.path().join("x.ledger-seal"), &used).unwrap();
        if used.len() == 5001 {
            // Nothing that means anything is missing.
            open().unwrap();
            fs::remove_file(&path).unwrap();
            continue;
        }
        let error = open().unwrap_err();
        assert!(error.to_string().contains("it is missing, but"), "{error}");
        assert!(!path.exists());
    }
}
