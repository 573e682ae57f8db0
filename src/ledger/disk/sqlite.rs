//! The store of a run: SQLite in WAL mode, every commit synced. SQL is used in this folder only.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use rusqlite::{Connection, OptionalExtension, hooks::Wal, params};

use super::{
    file::{self, Locked},
    notes::{self, Note},
    open::{self, Meta, distrust, recognise},
    row::{self, COLUMNS},
    scan,
    seal::Seal,
    selection,
    waiting::{Waiting, Write},
    watch::{Guard, Side},
};
use crate::{
    ledger::{
        LedgerFault,
        entry::{Entry, RowSummary},
        owner,
        seq::Seq,
        store::Store,
    },
    model::{Completion, Fingerprint, LocalTime, Rejection, UserId},
};

/// Pages in the `-wal` at which they are copied into the ledger: SQLite's own measure.
const CHECKPOINT_AT: i32 = 1000;

/// Start of the key in `meta` of a run that came to its end with rows that need attention; its
/// number follows.
pub(super) const BAD: &str = "bad:";

/// A ledger that is open for one run.
#[derive(Debug)]
pub(in crate::ledger) struct Sqlite {
    connection: Connection,
    run: i64,
    input: String,
    in_transaction: bool,
    /// Rows that have not been passed to SQLite yet.
    waiting: Waiting,
    /// Header of this run, which is recorded once the ledger is known to be whole.
    beginning: RunHeader,
    /// Guard of the files; `None` until the ledger is known to be whole.
    guard: Option<Guard>,
    /// Number of all row writes.
    writes: u64,
    /// Number of all row writes before this run.
    loaded: u64,
    /// Pages in the `-wal` after the last commit.
    in_wal: Arc<AtomicI32>,
    /// True once the run has ended.
    ended: bool,
    /// Codes for which rows of other inputs, replaced by rows of this one, were refused.
    selected: Vec<String>,
    /// Released after the connection is closed: fields drop in this order.
    lock: Locked,
}

/// Record of a run that begins.
#[derive(Debug)]
struct RunHeader {
    ledger: String,
    command: String,
    at: LocalTime,
}

impl Sqlite {
    /// Opens a locked ledger for a run over `input`. The run starts when its rows are loaded.
    pub(in crate::ledger) fn open(
        lock: Locked,
        tenant: &str,
        command: &str,
        input: &str,
        at: LocalTime,
    ) -> Result<(Self, Meta, bool), LedgerFault> {
        let mut connection = open::open_to_write(&lock.path)?;
        // Replaces SQLite's own hook: only a checkpoint writes to the ledger itself, and we have to
        // know when.
        let in_wal = Arc::new(AtomicI32::new(0));
        let pages = Arc::clone(&in_wal);
        connection.wal_hook(Some(move |_: &mut Wal, count| {
            pages.store(count, Ordering::Relaxed);
            Ok(())
        }))?;
        distrust(&mut connection, &lock.path)?;
        let meta = recognise(&connection)?;
        // In a shared folder, somebody may have been faster than SQLite.
        file::examine(&lock.path)?;
        if meta.tenant != tenant {
            let row = "SELECT 1 FROM factors LIMIT 1";
            let has_row = connection.query_row(row, [], |_| Ok(())).optional()?.is_some();
            // Rows that are lost are still in the seal's sum.
            let is_unused = !has_row && Seal::peek(&lock.path, &meta.id).is_ok_and(|sum| sum == 0);
            return Err(LedgerFault::of_other_tenant(&meta.tenant, is_unused));
        }
        let resumed = connection
            .query_row("SELECT 1 FROM runs LIMIT 1", [], |_| Ok(()))
            .optional()?
            .is_some();
        let run = connection
            .query_row("SELECT coalesce(max(id), 0) + 1 FROM runs", [], |row| row.get(0))?;
        let store = Self {
            connection,
            run,
            input: input.into(),
            in_transaction: false,
            waiting: Waiting::default(),
            beginning: RunHeader { ledger: meta.id.clone(), command: command.into(), at },
            guard: None,
            writes: 0,
            loaded: 0,
            in_wal,
            ended: false,
            selected: Vec::new(),
            lock,
        };
        Ok((store, meta, resumed))
    }

    /// Returns the number of this run.
    pub(in crate::ledger) fn run(&self) -> i64 {
        self.run
    }

    /// Compares the rows with the seal, and records that the run has started.
    fn begin_run(&mut self) -> Result<(), LedgerFault> {
        let mut seal = Seal::open(&self.lock.path, &self.beginning.ledger, self.writes)?;
        open::use_wal(&self.connection)?;
        open::upgrade(&self.connection)?;
        self.connection.execute(
            "INSERT INTO runs (id, command, input, started_at) VALUES (?1, ?2, ?3, ?4)",
            params![self.run, self.beginning.command, self.input, self.beginning.at.as_millis()],
        )?;
        // That commit has also synced whatever a killed process had not: now it can be sealed.
        seal.set(self.writes)?;
        seal.sync()?;
        open::give_up_wal(&self.connection)?;
        // All of it has been read.
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        self.guard = Some(Guard::new(&self.lock, seal)?);
        self.loaded = self.writes;
        Ok(())
    }

    fn guard(&mut self) -> Result<&mut Guard, LedgerFault> {
        self.guard.as_mut().ok_or_else(not_loaded)
    }

    fn begin(&mut self) -> Result<(), LedgerFault> {
        // The seal may not lag behind further than the next run accepts.
        if self.in_transaction
            && self.writes - self.guard()?.seal.sum() >= owner::MAX_ROWS_PER_COMMIT as u64
        {
            self.commit()?;
        }
        if !self.in_transaction {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn write(&mut self, seq: Seq, entry: &Entry, is_new: bool) -> Result<(), LedgerFault> {
        self.begin()?;
        self.writes += 1;
        self.waiting.push(&self.connection, Write { seq, entry: entry.clone(), is_new })
    }
}

impl Store for Sqlite {
    fn load(&mut self, visit: &mut dyn FnMut(RowSummary)) -> Result<(), LedgerFault> {
        self.writes = scan::scan(&self.connection, &self.lock.path, visit)?;
        self.begin_run()
    }

    fn fingerprints(
        &mut self,
        first: Seq,
        count: u32,
    ) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault> {
        self.waiting.write(&self.connection)?;
        let sql = "SELECT seq, fingerprint FROM factors WHERE seq >= ?1 AND seq < ?2 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![first.0, i64::from(first.0) + i64::from(count)])?;
        let mut fingerprints = Vec::with_capacity(count as usize);
        while let Some(row) = rows.next()? {
            fingerprints.push((Seq(row.get(0)?), Fingerprint(row.get(1)?)));
        }
        Ok(fingerprints)
    }

    fn range(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault> {
        self.waiting.write(&self.connection)?;
        let sql =
            format!("SELECT {COLUMNS} FROM factors WHERE seq >= ?1 AND seq < ?2 ORDER BY seq");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![first.0, i64::from(first.0) + i64::from(count)])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(row::entry(row)?);
        }
        Ok(entries)
    }

    fn first_new(&mut self) -> Result<Seq, LedgerFault> {
        self.waiting.write(&self.connection)?;
        // From the last row backwards: the rows since then are mostly those of this run.
        let last = "SELECT seq FROM factors WHERE run <= (SELECT max(id) FROM runs WHERE id < ?1 AND \
                    command = 'import' AND complete = 1) ORDER BY seq DESC LIMIT 1";
        let last: Option<u32> =
            self.connection.query_row(last, [self.run], |row| row.get(0)).optional()?;
        Ok(Seq(last.map_or(0, |last| last.saturating_add(1))))
    }

    fn insert(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        self.write(seq, entry, true)
    }

    fn update(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        self.write(seq, entry, false)
    }

    fn refuse(&mut self, rejection: &Rejection) -> Result<(), LedgerFault> {
        self.begin()?;
        let faults = serde_json::to_string(&rejection.faults)
            .map_err(|error| LedgerFault::new(format!("cannot write a fault: {error}"), ""))?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO refusals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
                 (SELECT started_at FROM runs WHERE id = ?4))",
            )?
            .execute(params![
                self.input,
                rejection.line.cast_signed(),
                rejection.index.map_or(-1, i64::from),
                self.run,
                rejection.user.as_ref().map(UserId::as_str),
                rejection.factor_type.map(|factor_type| factor_type as u8),
                rejection.refusal.state() as u8,
                rejection.at,
                faults,
            ])?;
        Ok(())
    }

    fn note(&mut self, note: Note, json: &str) -> Result<(), LedgerFault> {
        self.begin()?;
        notes::write(&self.connection, self.run, note, json)
    }

    fn note_bad(&mut self) -> Result<(), LedgerFault> {
        self.begin()?;
        self.connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
            params![format!("{BAD}{}", self.run), b"true"],
        )?;
        Ok(())
    }

    fn note_selection(&mut self, codes: Vec<String>) {
        self.selected = codes;
    }

    fn end_run(&mut self, completion: Completion, at: LocalTime) -> Result<(), LedgerFault> {
        let complete = completion == Completion::Complete;
        self.ended = true;
        self.begin()?;
        if complete && !self.selected.is_empty() {
            self.waiting.write(&self.connection)?;
            selection::replace_refusals(&self.connection, self.run, &self.input, &self.selected)?;
        }
        self.connection.execute(
            "UPDATE runs SET ended_at = ?2, complete = ?3 WHERE id = ?1",
            params![self.run, at.as_millis(), complete],
        )?;
        if complete {
            // Rows that this run has not seen again have been mended, or have left the file.
            self.connection.execute(
                "DELETE FROM refusals WHERE input = ?1 AND run <> ?2",
                params![self.input, self.run],
            )?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LedgerFault> {
        self.waiting.write(&self.connection)?;
        let Some(guard) = &mut self.guard else { return Err(not_loaded()) };
        if self.in_transaction {
            guard.look(&self.lock)?;
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.in_transaction = false;
            guard.committed(self.writes, &self.lock)?;
        }
        if self.writes != guard.seal.sum() {
            guard.look(&self.lock)?;
            guard.seal.set(self.writes)?;
            guard.note(Side::Seal, &self.lock)?;
        }
        if self.in_wal.load(Ordering::Relaxed) >= CHECKPOINT_AT {
            guard.look(&self.lock)?;
            let run = "PRAGMA wal_checkpoint(PASSIVE)";
            self.connection.query_row(run, [], |_| Ok(()))?;
            self.in_wal.store(0, Ordering::Relaxed);
            guard.note(Side::Ledger, &self.lock)?;
        }
        // A file overwritten at the very moment of a write is detected at the end of the run.
        if self.ended && self.loaded != self.writes {
            guard.read_back(&self.lock.path)?;
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<(), LedgerFault> {
        if self.ended { self.guard()?.seal.sync() } else { self.guard()?.seal.sync_some() }
    }
}

fn not_loaded() -> LedgerFault {
    LedgerFault::bug("a ledger that was not loaded")
}
