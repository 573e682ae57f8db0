//! Notes about runs, for reports. Nothing depends on them, so they are in `meta`, where earlier
//! versions ignore them, and an unreadable note counts as absent.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::reader::Reader;
use crate::{
    error::Error,
    ledger::LedgerFault,
    model::{LocalTime, RunAbout, Timeline},
};

/// Longest note that is read, in bytes: far above any that is written.
const LONGEST_NOTE: i64 = 4 << 20;
/// Most runs that are listed.
const MAX_RUNS: i64 = 1000;

/// A kind of note; a run has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Files of the input with their lines, where there are several.
    Files,
    /// Version, input and sums of the run: [`RunAbout`].
    About,
    /// Pace of the run over its time: [`Timeline`].
    Pace,
    /// Command line of the run.
    Typed,
}

impl Note {
    /// Returns the start of its key in `meta`; the run's number follows.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Files => "files:",
            Self::About => "about:",
            Self::Pace => "pace:",
            Self::Typed => "typed:",
        }
    }

    /// Returns the number of runs, up to the present one, whose notes are kept: a nightly import
    /// has a thousand in three years.
    const fn kept(self) -> i64 {
        match self {
            // The rows of any run may need it.
            Self::Files => i64::MAX,
            Self::About => 500,
            Self::Pace | Self::Typed => 20,
        }
    }
}

/// Record of a run.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its number.
    pub id: i64,
    /// Its command.
    pub command: String,
    /// Its input.
    pub input: String,
    /// Its start.
    pub started_at: LocalTime,
    /// Its end; `None` while it runs, and if it was killed.
    pub ended_at: Option<LocalTime>,
    /// True if all rows of its input were settled.
    pub is_complete: bool,
    /// Facts about it, if they were recorded.
    pub about: Option<RunAbout>,
    /// Its pace over time, if that was recorded.
    pub pace: Option<Timeline>,
}

/// The last run of a ledger.
#[derive(Debug, Clone, Copy)]
pub struct LastRun<T> {
    /// True if it has ended, even in the middle of its input.
    pub has_ended: bool,
    /// True if all rows of its input were settled.
    pub is_complete: bool,
    /// Its command line, if that was recorded.
    pub typed: Option<T>,
}

/// Writes a note about a run, and deletes those about very old runs.
pub(super) fn write(
    connection: &Connection,
    run: i64,
    note: Note,
    json: &str,
) -> Result<(), LedgerFault> {
    let prefix = note.prefix();
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute(params![format!("{prefix}{run}"), json.as_bytes()])?;
    let oldest = run.saturating_sub(note.kept());
    if oldest > 0 {
        connection
            .prepare_cached(
                "DELETE FROM meta WHERE key GLOB ?1 || '*' \
                 AND CAST(substr(key, length(?1) + 1) AS INTEGER) <= ?2",
            )?
            .execute(params![prefix, oldest])?;
    }
    Ok(())
}

/// Reads all notes of a kind, by run.
pub(super) fn read<T: DeserializeOwned>(
    connection: &Connection,
    note: Note,
) -> Result<HashMap<i64, T>, LedgerFault> {
    let prefix = note.prefix();
    let mut statement = connection
        .prepare("SELECT key, value FROM meta WHERE key GLOB ?1 AND length(value) <= ?2")?;
    let mut rows = statement.query(params![format!("{prefix}*"), LONGEST_NOTE])?;
    let mut notes = HashMap::new();
    while let Some(row) = rows.next()? {
        let run = row.get::<_, String>(0)?.trim_start_matches(prefix).parse();
        let said =
            row.get_ref(1)?.as_blob().ok().and_then(|json| serde_json::from_slice(json).ok());
        if let (Ok(run), Some(said)) = (run, said) {
            notes.insert(run, said);
        }
    }
    Ok(notes)
}

impl Reader {
    /// Returns the last runs, the oldest first, and the number of those before them.
    pub fn runs(&self) -> Result<(Vec<RunRecord>, u64), Error> {
        self.try_runs().map_err(|fault| fault.at(&self.path))
    }

    /// Returns the last run; `None` if there was none.
    pub fn last_run<T: DeserializeOwned>(&self) -> Result<Option<LastRun<T>>, Error> {
        self.try_last_run().map_err(|fault| fault.at(&self.path))
    }

    fn try_last_run<T: DeserializeOwned>(&self) -> Result<Option<LastRun<T>>, LedgerFault> {
        let snapshot = self.connection.unchecked_transaction()?;
        let mut typed: HashMap<i64, T> = read(&snapshot, Note::Typed)?;
        let last = "SELECT id, ended_at, complete FROM runs ORDER BY id DESC LIMIT 1";
        let last = snapshot.query_row(last, [], |row| {
            Ok(LastRun {
                has_ended: row.get::<_, Option<i64>>(1)?.is_some(),
                is_complete: row.get::<_, Option<bool>>(2)? == Some(true),
                typed: typed.remove(&row.get(0)?),
            })
        });
        Ok(last.optional()?)
    }

    fn try_runs(&self) -> Result<(Vec<RunRecord>, u64), LedgerFault> {
        let snapshot = self.connection.unchecked_transaction()?;
        let mut abouts: HashMap<i64, RunAbout> = read(&snapshot, Note::About)?;
        let mut paces: HashMap<i64, Timeline> = read(&snapshot, Note::Pace)?;
        let count = snapshot.query_row("SELECT count(*) FROM runs", [], |row| row.get(0));
        let count = count.map(i64::cast_unsigned)?;
        let mut statement = snapshot.prepare(
            "SELECT id, command, input, started_at, ended_at, complete FROM runs \
             ORDER BY id DESC LIMIT ?1",
        )?;
        let runs = statement.query_map([MAX_RUNS], |row| {
            let id = row.get(0)?;
            Ok(RunRecord {
                id,
                command: row.get(1)?,
                input: row.get(2)?,
                started_at: LocalTime::from_millis(row.get(3)?),
                ended_at: row.get::<_, Option<i64>>(4)?.map(LocalTime::from_millis),
                is_complete: row.get::<_, Option<bool>>(5)? == Some(true),
                about: abouts.remove(&id),
                pace: paces.remove(&id),
            })
        })?;
        let mut runs: Vec<_> = runs.collect::<Result<_, _>>()?;
        runs.reverse();
        let before = count.saturating_sub(runs.len() as u64);
        Ok((runs, before))
    }
}
