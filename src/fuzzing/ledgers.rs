//! A ledger whose files were damaged.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{
    error::Error,
    ledger::{
        Admission, Asked, Entry, Intent, Ledger, LedgerKind, Opened, Opening, Reader, ReportRow,
        Row,
    },
    model::{
        ClockSkew, FactorType, Fingerprint, How, LocalTime, Operation, Settlement, State, UserId,
    },
    report,
    text::canary::assert_presentable,
};

const NAME: &str = "x.ledger";
/// Suffixes of the ledger's files: of the ledger itself, and of those beside it.
const SUFFIXES: [&str; 3] = ["", "-wal", "-seal"];
const NOW: LocalTime = LocalTime::from_millis(1_700_000_000_000);
/// Bytes of a slot of the seal; what follows is empty.
const SLOT: usize = 32;
/// Rows of the ledger that is damaged.
const ROWS: u8 = 4;

/// The files of a killed run, and what they say.
struct Truth {
    files: [Vec<u8>; SUFFIXES.len()],
    entries: Vec<Entry>,
}

/// Each five bytes choose a file, what is done to it, where, and to how many bytes; what is written
/// there follows. A ledger so damaged is reported and opened.
///
/// # Panics
/// When something does not hold.
pub fn ledger(data: &[u8]) {
    static TRUTH: OnceLock<Option<Truth>> = OnceLock::new();
    let Some(truth) = TRUTH.get_or_init(|| truth().ok()) else {
        panic!("no ledger can be made here");
    };
    let mut files = truth.files.clone().map(Some);
    damage(&mut files, data);
    if files.iter().flatten().all(Vec::is_empty) {
        // Nothing tells this from a ledger that never was.
        return;
    }
    let Ok(folder) = written(&files) else {
        panic!("no file can be written here");
    };
    let path = folder.path().join(NAME);
    report(&path);
    match Ledger::open(&path, opening()) {
        Err(error) => tell(&error, folder.path()),
        Ok(opened) => {
            // It is used: then nothing of it may be lost.
            drop(opened);
            let entries = entries(&path);
            let whole = entries.is_ok_and(|entries| entries == truth.entries);
            assert!(whole || truth.is_half_sealed(&files), "another truth");
        }
    }
}

impl Truth {
    /// Returns true if one slot of the seal is damaged, and something else besides. The other slot
    /// may be the older one, and then it does not show that the last commit is lost.
    fn is_half_sealed(&self, files: &[Option<Vec<u8>>; SUFFIXES.len()]) -> bool {
        let same = |number: usize| files[number].as_ref() == Some(&self.files[number]);
        let seal = files[2].as_deref().unwrap_or_default();
        let slots = self.files[2].chunks(self.files[2].len() / 2);
        let found = seal.chunks(self.files[2].len() / 2);
        let intact = slots.zip(found).filter(|(slot, found)| found.starts_with(&slot[..SLOT]));
        intact.count() == 1 && !(same(0) && same(1))
    }
}

fn damage(files: &mut [Option<Vec<u8>>; SUFFIXES.len()], mut data: &[u8]) {
    while let [file, action, high, low, length, rest @ ..] = data {
        let file = &mut files[usize::from(*file) % SUFFIXES.len()];
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        let (bytes, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        data = rest;
        let whole = file.get_or_insert_default();
        match action {
            b'x' => *file = None,
            b'c' => whole.truncate(at),
            _ => {
                whole.resize(whole.len().max(at + bytes.len()), 0);
                whole[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

fn written(files: &[Option<Vec<u8>>]) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for (suffix, file) in SUFFIXES.iter().zip(files) {
        if let Some(bytes) = file {
            fs::write(beside(folder.path(), suffix), bytes)?;
        }
    }
    Ok(folder)
}

fn beside(folder: &Path, suffix: &str) -> PathBuf {
    folder.join(format!("{NAME}{suffix}"))
}

/// Checks that whatever a report says is fit to be shown.
fn report(path: &Path) {
    let reader = match Reader::open(path) {
        Ok(reader) => reader,
        Err(error) => return tell(&error, path),
    };
    let (mut csv, mut jsonl, all) = (Vec::new(), Vec::new(), report::Filter::default());
    let listed = report::Listed { name: None, ledger: &reader, filter: &all };
    let errors = [
        reader.fault().unwrap_or_else(Some),
        reader.totals().err(),
        reader.proofs().err(),
        report::csv(&[listed], &mut csv).err(),
        report::jsonl(&[listed], &mut jsonl).err(),
    ];
    errors.iter().flatten().for_each(|error| tell(error, path));
    for output in [csv, jsonl] {
        let text = String::from_utf8_lossy(&output);
        assert!(
            text.lines().all(|line| crate::text::escape(line) == line),
            "a terminal would heed it"
        );
    }
}

fn tell(error: &Error, folder: &Path) {
    // The path is of this machine.
    let message = error.to_string().replace(&*folder.to_string_lossy(), "");
    assert_presentable(&message);
    error.hint().iter().for_each(|hint| assert_presentable(hint));
}

fn opening() -> Opening<'static> {
    Opening {
        tenant: "https://tenant.example/",
        command: "import",
        kind: LedgerKind::Factors,
        input: "in.csv",
        retry: Vec::new(),
        shard: None,
        now: || NOW,
    }
}

fn entries(path: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    Reader::open(path)?.visit(|item| {
        if let ReportRow::Row { entry, .. } = item {
            entries.push(entry);
        }
        Ok(())
    })?;
    Ok(entries)
}

fn truth() -> Result<Truth, Error> {
    let failed = |source| Error::Io { what: "making a ledger".into(), source };
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().join(NAME);
    let Opened { ledger, owner, .. } = Ledger::open(&path, opening())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let work = async {
        let rows = some_rows(ledger.clone());
        tokio::pin!(rows);
        let owner = owner.share();
        tokio::pin!(owner);
        tokio::select! {
            done = rows => done,
            _ = owner => Err(Error::Internal("the ledger has gone".into())),
        }?;
        // As a kill leaves them.
        let files = SUFFIXES.map(|suffix| fs::read(beside(folder.path(), suffix)));
        let [ledger, wal, seal] = files;
        Ok::<_, Error>([ledger.map_err(failed)?, wal.map_err(failed)?, seal.map_err(failed)?])
    };
    let files = runtime.map_err(failed)?.block_on(work)?;
    Ok(Truth { files, entries: entries(&path)? })
}

/// Some of them settled, one of them refused.
async fn some_rows(ledger: Ledger) -> Result<(), Error> {
    for number in 0..ROWS {
        let row = Row::Asked(Asked {
            operation: Operation::Import,
            fingerprint: Fingerprint([number; 16]),
            as_written: None,
            line: u64::from(number) + 2,
            at: None,
            user: UserId::parse(&format!("auth0|{number}")).unwrap_or_else(UserId::nobody),
            factor_type: Some(FactorType::Phone),
            name: None,
            method_id: None,
        });
        for admission in ledger.admit(vec![row]).await? {
            let Admission::Todo(seq, _) = admission else { continue };
            let intent =
                Intent { seq, at: NOW, skew: Some(ClockSkew::default()), doubts: 0, marked: false };
            ledger.record_intents(vec![intent]).await?;
            if number % 2 == 0 {
                let settlement = Settlement {
                    state: State::Created,
                    how: How::Response,
                    method_id: Some(format!("phone|dev_{number}")),
                    status: Some(201),
                    error: None,
                };
                ledger.settle(seq, settlement, 0).await?;
            }
        }
    }
    ledger.flush().await
}
