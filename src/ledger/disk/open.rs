//! A ledger's file from SQLite's point of view: creating it, opening it without trust, and
//! recognising it.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig, params};

use super::{file, shard};
use crate::{
    ledger::LedgerFault,
    model::{LocalTime, Shard},
};

/// "mffr", in the file's header: this is a ledger of ours.
const APPLICATION_ID: i64 = 0x6d66_6672;
/// The format this program writes.
pub const FORMAT: i64 = 3;
/// The previous format, which is read as it is, and upgraded before anything is written.
pub const OLD_FORMAT: i64 = 2;
/// Statements that create a ledger of the old format, and those that upgrade it.
const OLD_SCHEMA: &str = include_str!("schema-2.sql");
const UPGRADE: &str = include_str!("schema-3.sql");

/// Approximate number of bytes in a page.
const PAGE: u64 = 4096;
/// Most steps of SQLite's virtual machine per page for reading a ledger: everything that is ever
/// asked takes about 3,000 for a page full of the shortest rows.
const STEPS_PER_PAGE: u64 = 30_000;
/// Most steps for the smallest ledger.
const STEPS: u64 = 10_000_000;
/// Number of steps between two counts.
const STEPS_AT_A_TIME: u16 = 10_000;

/// Owner of the ledger, and its key.
#[derive(Debug)]
pub(in crate::ledger) struct Meta {
    pub(in crate::ledger) id: String,
    pub(in crate::ledger) tenant: String,
    pub(in crate::ledger) key: [u8; 32],
    pub(in crate::ledger) shard: Shard,
}

/// Fills in a new ledger.
pub(in crate::ledger) fn create(
    path: &Path,
    id: &str,
    tenant: &str,
    shard: Shard,
    at: LocalTime,
) -> Result<(), LedgerFault> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| LedgerFault::new(format!("cannot make its key: {error}"), ""))?;
    let connection = Connection::open(path)?;
    use_wal(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(OLD_SCHEMA)?;
    connection.execute_batch(UPGRADE)?;
    let mut meta = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
    meta.execute(params!["id", id.as_bytes()])?;
    meta.execute(params!["tenant", tenant.as_bytes()])?;
    meta.execute(params!["key", key])?;
    meta.execute(params!["check", check(id, tenant, &key)])?;
    meta.execute(params!["made_at", at.as_millis().to_string().as_bytes()])?;
    drop(meta);
    shard::write(&connection, shard)?;
    // Closing would do the same without reporting a failure, and the file is moved without its
    // `-wal`.
    let left: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if left != 0 {
        return Err(LedgerFault::in_use());
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Makes SQLite keep a `-wal` for the ledger. On a disk that fails, SQLite says "delete" instead,
/// and goes on: the ledger would have a `-journal` while it is in use, for good, and the run after
/// a crash would take that for a planted one.
pub(super) fn use_wal(connection: &Connection) -> Result<(), LedgerFault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(LedgerFault::new(
        "its `-wal` cannot be created",
        "check the disk, then run the same command again",
    ))
}

/// Set until a ledger is known to be whole: a damaged one stays as it is.
const KEEP_WAL: DbConfig = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;

/// Opens the file of a locked ledger. Its `-wal` stays until [`give_up_wal`] is called.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, LedgerFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(KEEP_WAL, true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Lets SQLite copy the `-wal` into the ledger and delete it: the ledger is whole.
pub(super) fn give_up_wal(connection: &Connection) -> Result<(), LedgerFault> {
    connection.set_db_config(KEEP_WAL, false)?;
    Ok(())
}

/// Opens a ledger's file for reading only, even if nothing can be written beside it.
pub(in crate::ledger) fn open_to_read(path: &Path) -> Result<Connection, LedgerFault> {
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

/// Makes SQLite verify what it reads, run nothing that it finds in the ledger at `path`, and give
/// up if reading does not end.
pub(in crate::ledger) fn distrust(
    connection: &mut Connection,
    path: &Path,
) -> Result<(), LedgerFault> {
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

/// Checks that an open connection is to a ledger that this program understands, and returns its
/// owner.
pub(in crate::ledger) fn recognise(connection: &Connection) -> Result<Meta, LedgerFault> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(LedgerFault::new(
            "it is a database, but not a ledger of mfaferry",
            "give the --ledger that earlier runs used, or for a first run the name of a file that is \
             not there yet",
        ));
    }
    let format = format(connection)?;
    if !matches!(format, OLD_FORMAT | FORMAT) {
        return Err(LedgerFault::new(
            format!("its format is {format}; this program knows formats {OLD_FORMAT} and {FORMAT}"),
            "use the version of mfaferry that wrote it last: `mfaferry --version` says which one \
             this is",
        ));
    }
    // Checked before anything is read from a table, which could be an endless view.
    if schema(connection)? != schema_of_a_new_one(format)? {
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
    let shard = shard::read(connection)?;
    let meta = Meta { id: text(value("id")?), tenant: text(value("tenant")?), key, shard };
    if value("check")? != check(&meta.id, &meta.tenant, &meta.key) {
        return Err(LedgerFault::damaged("its key, id or tenant does not match the check sum"));
    }
    Ok(meta)
}

/// Returns a checksum of the values that everything else depends on: with another key, no factor
/// would be recognised.
fn check(id: &str, tenant: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    for part in [id.as_bytes(), tenant.as_bytes(), key] {
        crc.update(&part.len().to_le_bytes());
        crc.update(part);
    }
    crc.finalize().to_le_bytes()
}

/// Returns the schema as SQLite stores it.
fn schema(connection: &Connection) -> Result<Option<String>, LedgerFault> {
    let all = "SELECT group_concat(part) FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' ' \
               || coalesce(sql, '') AS part FROM sqlite_schema ORDER BY name, type)";
    Ok(connection.query_row(all, [], |row| row.get(0))?)
}

fn schema_of_a_new_one(format: i64) -> Result<Option<String>, LedgerFault> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(OLD_SCHEMA)?;
    if format != OLD_FORMAT {
        connection.execute_batch(UPGRADE)?;
    }
    schema(&connection)
}

/// Returns the number of a ledger's format. Another process may raise it at any time, but not
/// within a transaction of ours.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Upgrades a ledger of the old format, or leaves it unchanged, whatever happens meanwhile.
pub(super) fn upgrade(connection: &Connection) -> Result<(), LedgerFault> {
    if format(connection)? == OLD_FORMAT {
        let all = connection.unchecked_transaction()?;
        all.execute_batch(UPGRADE)?;
        all.commit()?;
        tracing::info!("the ledger is of format {FORMAT} now; earlier versions cannot open it");
    }
    Ok(())
}
