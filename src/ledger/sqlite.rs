//! The ledger on disk: SQLite in WAL mode, every commit synced. The only SQL besides `read`.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags, OptionalExtension, ToSql, config::DbConfig, params};

use super::{
    LedgerFault,
    entry::{Entry, Glance},
    file::{self, Locked},
    fingerprint::Fingerprint,
    owner,
    row::{self, COLUMNS},
    scan,
    seal::Seal,
    seq::Seq,
    store::Store,
    watch::{Sight, Watch},
};
use crate::{
    api::Millis,
    model::{Rejection, UserId},
};

/// "mffr", in the file's header: this is a ledger of ours.
const APPLICATION_ID: i64 = 0x6d66_6672;
/// The format this program writes.
const FORMAT: i64 = 2;

/// Bytes of a page, about.
const PAGE: u64 = 4096;
/// Steps of SQLite's machine that one connection may take to read a ledger: all that is ever asked of
/// it takes about 3,000 for a page full of the shortest rows.
const STEPS_PER_PAGE: u64 = 30_000;
/// The same, for the smallest ledger.
const STEPS: u64 = 10_000_000;
/// How often they are counted.
const STEPS_AT_A_TIME: u16 = 10_000;

/// Set while a ledger is not known to be whole.
const KEEP_WAL: DbConfig = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;

/// Who this ledger is for, and its own key.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) id: String,
    pub(super) tenant: String,
    pub(super) key: [u8; 32],
}

/// A ledger that is open for one run.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    run: i64,
    input: String,
    in_transaction: bool,
    /// Of this run, to be recorded once the ledger is known to be whole.
    beginning: Beginning,
    /// There once it is.
    guard: Option<Guard>,
    /// How often rows were written, in all.
    writes: u64,
    /// The same before this run.
    loaded: u64,
    /// Whether the run has come to its end.
    ended: bool,
    /// Released after the connection is closed: fields drop in this order.
    lock: Locked,
}

/// What is recorded of a run that begins.
#[derive(Debug)]
struct Beginning {
    ledger: String,
    command: String,
    at: Millis,
}

/// What is watched while rows are written.
#[derive(Debug)]
struct Guard {
    watch: Watch,
    seal: Seal,
}

/// Fills in a new ledger.
pub(super) fn create(path: &Path, id: &str, tenant: &str, at: Millis) -> Result<(), LedgerFault> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| LedgerFault::new(format!("cannot make its key: {error}"), ""))?;
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(include_str!("schema.sql"))?;
    let mut meta = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
    meta.execute(params!["id", id.as_bytes()])?;
    meta.execute(params!["tenant", tenant.as_bytes()])?;
    meta.execute(params!["key", key])?;
    meta.execute(params!["check", check(id, tenant, &key)])?;
    meta.execute(params!["made_at", at.to_string().as_bytes()])?;
    drop(meta);
    // Closing would do the same and say nothing of a failure, and the file is moved without its
    // `-wal`.
    let left: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if left != 0 {
        return Err(LedgerFault::in_use());
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Opens a ledger's file to read it only, also where nothing can be written beside it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, LedgerFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = if file::is_at_rest(path)? {
        let name = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
        let uri = format!("file:{name}?immutable=1");
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    distrust(&mut connection, path)?;
    Ok(connection)
}

/// Makes SQLite look twice at what it reads, run nothing that it finds in the ledger at `path`, and
/// give up where reading does not come to an end.
fn distrust(connection: &mut Connection, path: &Path) -> Result<(), LedgerFault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let mut left = file::size(path) / PAGE * STEPS_PER_PAGE + STEPS;
    let is_spent = move || {
        left = left.saturating_sub(u64::from(STEPS_AT_A_TIME));
        left == 0
    };
    Ok(connection.progress_handler(i32::from(STEPS_AT_A_TIME), Some(is_spent))?)
}

/// Checks that an open connection is to a ledger that this program understands, and whose.
pub(super) fn recognise(connection: &Connection) -> Result<Meta, LedgerFault> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(LedgerFault::new(
            "it is a database, but not a ledger of mfaferry",
            "give another --ledger",
        ));
    }
    let format = pragma("user_version")?;
    if format != FORMAT {
        return Err(LedgerFault::new(
            format!("its format is {format}; this program knows format {FORMAT}"),
            "use the version of mfaferry that wrote it",
        ));
    }
    // Before anything is read out of a table: it could be a view that never ends.
    if schema(connection)? != schema_of_a_new_one()? {
        return Err(LedgerFault::damaged("its tables are not those that mfaferry makes"));
    }
    let value = |key: &str| {
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get::<_, Vec<u8>>(0)
            })
            .optional()?
            .ok_or_else(|| LedgerFault::damaged(format!("its `{key}` has gone")))
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let key =
        value("key")?.try_into().map_err(|_| LedgerFault::damaged("its key has another length"))?;
    let meta = Meta { id: text(value("id")?), tenant: text(value("tenant")?), key };
    if value("check")? != check(&meta.id, &meta.tenant, &meta.key) {
        return Err(LedgerFault::damaged("its key, id or tenant does not match the check sum"));
    }
    Ok(meta)
}

/// A check sum of what the whole ledger hangs on: with another key, no factor would be known.
fn check(id: &str, tenant: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    for part in [id.as_bytes(), tenant.as_bytes(), key] {
        crc.update(&part.len().to_le_bytes());
        crc.update(part);
    }
    crc.finalize().to_le_bytes()
}

/// How its tables were made, as SQLite keeps it.
fn schema(connection: &Connection) -> Result<Option<String>, LedgerFault> {
    let all = "SELECT group_concat(part) FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' ' \
               || coalesce(sql, '') AS part FROM sqlite_schema ORDER BY name, type)";
    Ok(connection.query_row(all, [], |row| row.get(0))?)
}

fn schema_of_a_new_one() -> Result<Option<String>, LedgerFault> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(include_str!("schema.sql"))?;
    schema(&connection)
}

/// How often rows were written, in all, for those who only read.
pub(super) fn writes(connection: &Connection) -> Result<u64, LedgerFault> {
    let sum: i64 =
        connection
            .query_row("SELECT coalesce(sum(writes), 0) FROM factors", [], |row| row.get(0))?;
    Ok(sum.cast_unsigned())
}

impl Sqlite {
    /// Opens a locked ledger for a run over `input`. The run begins when its rows are loaded.
    pub(super) fn open(
        lock: Locked,
        tenant: &str,
        command: &str,
        input: &str,
        at: Millis,
    ) -> Result<(Self, Meta, bool), LedgerFault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(&lock.path, flags)?;
        // What turns out to be damaged stays as it is.
        connection.set_db_config(KEEP_WAL, true)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        distrust(&mut connection, &lock.path)?;
        let meta = recognise(&connection)?;
        if meta.tenant != tenant {
            return Err(LedgerFault::new(
                format!("it belongs to another tenant ({})", crate::report::escape(&meta.tenant)),
                "give another --ledger, or check --domain and --base-url",
            ));
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
            beginning: Beginning { ledger: meta.id.clone(), command: command.into(), at },
            guard: None,
            writes: 0,
            loaded: 0,
            ended: false,
            lock,
        };
        Ok((store, meta, resumed))
    }

    /// The number of this run.
    pub(super) fn run(&self) -> i64 {
        self.run
    }

    /// Holds the rows against the seal, and records that the run has begun.
    fn begin_run(&mut self) -> Result<(), LedgerFault> {
        let mut seal = Seal::open(&self.lock.path, &self.beginning.ledger, self.writes)?;
        self.connection.execute(
            "INSERT INTO runs (id, command, input, started_at) VALUES (?1, ?2, ?3, ?4)",
            params![self.run, self.beginning.command, self.input, self.beginning.at],
        )?;
        // That commit has also synced whatever a killed process had not: now it can be sealed.
        seal.set(self.writes)?;
        seal.sync()?;
        self.connection.set_db_config(KEEP_WAL, false)?;
        // All of it has been read.
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        self.guard = Some(Guard { watch: Watch::of(&self.lock.path)?, seal });
        self.loaded = self.writes;
        Ok(())
    }

    fn guard(&mut self) -> Result<&mut Guard, LedgerFault> {
        self.guard.as_mut().ok_or_else(not_loaded)
    }

    /// Reads the ledger as the next run would, and holds it against what was committed last.
    fn read_back(&mut self) -> Result<(), LedgerFault> {
        let guard = self.guard()?;
        guard.seal.check()?;
        let sealed = guard.seal.sum();
        let connection = open_to_read(&self.lock.path)?;
        let found = scan::scan(&connection, &self.lock.path, &mut |_| {})?;
        if found == sealed { Ok(()) } else { Err(LedgerFault::overwritten()) }
    }

    fn begin(&mut self) -> Result<(), LedgerFault> {
        // The seal may not fall further behind than the next run believes.
        if self.in_transaction && self.writes - self.guard()?.seal.sum() >= owner::MOST as u64 {
            self.commit()?;
        }
        if !self.in_transaction {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn write(&mut self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, LedgerFault> {
        self.begin()?;
        let written = self.connection.prepare_cached(sql)?.execute(values)?;
        self.writes += 1;
        Ok(written)
    }
}

impl Store for Sqlite {
    fn load(&mut self, visit: &mut dyn FnMut(Glance)) -> Result<(), LedgerFault> {
        self.writes = scan::scan(&self.connection, &self.lock.path, visit)?;
        self.begin_run()
    }

    fn prints(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault> {
        let sql = "SELECT seq, fingerprint FROM factors WHERE seq >= ?1 AND seq < ?2 ORDER BY seq";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![first.0, i64::from(first.0) + i64::from(count)])?;
        let mut prints = Vec::with_capacity(count as usize);
        while let Some(row) = rows.next()? {
            prints.push((Seq(row.get(0)?), Fingerprint(row.get(1)?)));
        }
        Ok(prints)
    }

    fn range(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault> {
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

    fn insert(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        row::bound(seq, entry, |values| self.write(row::INSERT, values))?;
        Ok(())
    }

    fn update(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        let written =
            row::bound(seq, entry, |values| self.write(row::UPDATE, &values[row::FIXED..]))?;
        if written == 1 { Ok(()) } else { Err(LedgerFault::gone_row(seq)) }
    }

    fn reject(&mut self, rejection: &Rejection) -> Result<(), LedgerFault> {
        self.begin()?;
        let faults = serde_json::to_string(&rejection.faults)
            .map_err(|error| LedgerFault::new(format!("cannot write a fault: {error}"), ""))?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO rejections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, \
                 (SELECT started_at FROM runs WHERE id = ?4))",
            )?
            .execute(params![
                self.input,
                rejection.line.cast_signed(),
                rejection.index.map_or(-1, i64::from),
                self.run,
                rejection.user.as_ref().map(UserId::as_str),
                rejection.factor_type.map(|factor_type| factor_type as u8),
                faults,
            ])?;
        Ok(())
    }

    fn end_run(&mut self, complete: bool, at: Millis) -> Result<(), LedgerFault> {
        self.ended = true;
        self.begin()?;
        self.connection.execute(
            "UPDATE runs SET ended_at = ?2, complete = ?3 WHERE id = ?1",
            params![self.run, at, complete],
        )?;
        if complete {
            // What this run has not met again has been mended, or has left the file.
            self.connection.execute(
                "DELETE FROM rejections WHERE input = ?1 AND run <> ?2",
                params![self.input, self.run],
            )?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LedgerFault> {
        if self.in_transaction {
            if self.guard()?.watch.look()? == Sight::Touched {
                self.read_back()?;
            }
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.in_transaction = false;
        }
        let writes = self.writes;
        let Some(guard) = &mut self.guard else { return Err(not_loaded()) };
        if writes != guard.seal.sum() {
            guard.seal.set(writes)?;
        }
        guard.watch.note(&self.lock.file)?;
        // What was written over while a commit was under way is found at the end of the run.
        if self.ended && self.loaded != writes { self.read_back() } else { Ok(()) }
    }

    fn rest(&mut self) -> Result<(), LedgerFault> {
        if self.ended { self.guard()?.seal.sync() } else { self.guard()?.seal.sync_some() }
    }
}

fn not_loaded() -> LedgerFault {
    LedgerFault::bug("a ledger that was not loaded")
}
