//! Reading a ledger for reports: the same after a crash as after a clean end, and while a run
//! is going on.

use std::{collections::HashMap, path::Path};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    file,
    notes::{self, Note},
    open,
    proofs::{self, Proved, ProvedRight},
    row, scan,
    seal::Seal,
    sqlite::BAD,
};
use crate::{
    error::Error,
    files::Folder,
    ledger::{
        Key, LedgerFault, LedgerKind, Pseudonyms, correlation, entry::Entry, seq::Seq,
        tally::ByState,
    },
    model::{FactorType, Lines, LocalTime, Operation, Place, Shard, State},
};

/// A ledger opened for reading only.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: std::path::PathBuf,
    pub(super) id: String,
    tenant: String,
    pub(super) shard: Shard,
    key: Key,
    /// The seal before anything was read: a run may be going on.
    pub(super) sealed: Result<u64, LedgerFault>,
    is_exposed: bool,
}

/// One object of a report.
#[derive(Debug)]
pub enum ReportRow {
    /// A row that was admitted.
    Row {
        /// Position of its line, according to the files of the run that recorded it first.
        place: Place,
        /// Its row.
        entry: Entry,
        /// The correlation id of its requests.
        correlation: String,
    },
    /// A row refused before sending, or not carried.
    Refused {
        /// Position of its line.
        place: Place,
        /// The user, where known.
        user: Option<String>,
        /// The type, where known.
        factor_type: Option<FactorType>,
        /// Its state.
        state: State,
        /// Its path inside a document, where that says more than a line.
        at: Option<String>,
        /// `[{"field":…,"rule":…}]`.
        faults: String,
        /// Start of the run that refused it.
        refused_at: LocalTime,
    },
}

impl Reader {
    /// Opens the ledger at `path`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::try_open(path).map_err(|fault| fault.at(path))
    }

    fn try_open(path: &Path) -> Result<Self, LedgerFault> {
        let path = file::resolve(path)?;
        let folder = file::examine(&path)?;
        if let Err(error) = std::fs::metadata(&path) {
            return Err(LedgerFault::cannot("open it", &error));
        }
        let connection = open::open_to_read(&path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let meta = open::recognise(&connection)?;
        // In a shared folder, somebody may have been faster than SQLite.
        file::examine(&path)?;
        let sealed = Seal::peek(&path, &meta.id);
        let is_exposed = folder == Folder::Shared;
        let open::Meta { id, tenant, key, shard } = meta;
        let key = Key::new(&key);
        Ok(Self { connection, path, id, tenant, shard, key, sealed, is_exposed })
    }

    /// Returns why an import will refuse this ledger, if it will: a report may be all that is left
    /// of it.
    pub fn fault(&self) -> Result<Option<Error>, Error> {
        let writes = scan::sum_of_writes(&self.connection).map_err(|fault| fault.at(&self.path))?;
        Ok(self.fault_of(writes))
    }

    /// Returns the same, given the number of all row writes.
    pub fn fault_of(&self, writes: u64) -> Option<Error> {
        let fault = match &self.sealed {
            Ok(sealed) => (writes < *sealed).then(LedgerFault::lost),
            Err(fault) => Some(fault.clone()),
        };
        fault.map(|fault| fault.at(&self.path))
    }

    /// Returns the number of row writes according to the seal; `None` if it cannot be read.
    pub fn sealed(&self) -> Option<u64> {
        self.sealed.as_ref().ok().copied()
    }

    /// Returns the ledger's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the maker of pseudonyms for user ids, the same ones for as long as the ledger is
    /// kept.
    pub fn pseudonyms(&self) -> Pseudonyms {
        Pseudonyms::new(self.key.clone())
    }

    /// Returns true if others may put files beside it.
    pub fn is_exposed(&self) -> bool {
        self.is_exposed
    }

    /// Returns the tenant that it is bound to.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Returns the key of its fingerprints.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns when the last import into it began; `None` if there was none.
    pub fn last_import(&self) -> Result<Option<LocalTime>, Error> {
        let last = "SELECT max(started_at) FROM runs WHERE command = 'import'";
        let last = self.connection.query_row(last, [], |row| row.get::<_, Option<i64>>(0));
        let last = last.map_err(|error| LedgerFault::from(error).at(&self.path))?;
        Ok(last.map(LocalTime::from_millis))
    }

    /// Returns when the last successful run of `command` ended; `None` if there was none. Earlier
    /// versions did not record whether rows needed attention: their runs count.
    pub fn last_success(&self, command: &str) -> Result<Option<LocalTime>, Error> {
        let last = "SELECT max(ended_at) FROM runs WHERE command = ?1 AND complete \
                    AND ?2 || id NOT IN (SELECT key FROM meta)";
        let last = self.connection.query_row(last, [command, BAD], |row| row.get(0));
        let last: Option<i64> = last.map_err(|error| LedgerFault::from(error).at(&self.path))?;
        Ok(last.map(LocalTime::from_millis))
    }

    /// Returns whether any row was admitted.
    pub fn has_rows(&self) -> Result<bool, Error> {
        let first = self.connection.query_row("SELECT 1 FROM factors LIMIT 1", [], |_| Ok(()));
        let first = first.optional().map_err(|error| LedgerFault::from(error).at(&self.path))?;
        Ok(first.is_some())
    }

    /// Returns the proofs of how secrets are read, in no order.
    pub fn proofs(&self) -> Result<Vec<Proved>, Error> {
        proofs::read(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Returns the factors that are proved to be read rightly; `None` if there are none.
    pub fn proved_right(&self) -> Result<Option<ProvedRight>, Error> {
        proofs::right(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Returns the number of admitted rows in each state, without those refused while they were
    /// read.
    pub fn taken_up(&self) -> Result<ByState, Error> {
        self.rows().map_err(|fault| fault.at(&self.path))
    }

    /// Refuses a ledger of the other kind.
    pub fn check_kind(&self, kind: LedgerKind) -> Result<(), Error> {
        let first = "SELECT operation FROM factors ORDER BY seq LIMIT 1";
        let first = self.connection.query_row(first, [], |row| row.get::<_, u8>(0)).optional();
        let first = first.map_err(|error| LedgerFault::from(error).at(&self.path))?;
        let Some(operation) = first.and_then(Operation::from_code) else {
            return Ok(());
        };
        let what = match (kind, operation == Operation::Resolve) {
            (LedgerKind::Factors, false) | (LedgerKind::People, true) => return Ok(()),
            (LedgerKind::Factors, true) => "people, not of factors",
            (LedgerKind::People, false) => "factors, not of people",
        };
        let fault = LedgerFault::new(
            format!("it is a ledger of {what}"),
            "give `resolve` and `import` a --ledger each, or let each have its own by default",
        );
        Err(fault.at(&self.path))
    }

    /// Returns the number of rows in each state.
    pub fn totals(&self) -> Result<ByState, Error> {
        self.with_refusals(self.taken_up()?)
    }

    /// Adds the refused rows to the admitted ones, if those are known already.
    pub fn with_refusals(&self, mut rows: ByState) -> Result<ByState, Error> {
        self.add_refusals(&mut rows).map_err(|fault| fault.at(&self.path))?;
        Ok(rows)
    }

    fn add_refusals(&self, totals: &mut ByState) -> Result<(), LedgerFault> {
        let snapshot = self.connection.unchecked_transaction()?;
        let sql = format!("SELECT state, count(*) FROM ({}) GROUP BY 1", refusals(&snapshot)?);
        let mut statement = snapshot.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            totals[state(row.get(0)?)?] += row.get::<_, i64>(1)?.cast_unsigned();
        }
        Ok(())
    }

    fn rows(&self) -> Result<ByState, LedgerFault> {
        let mut totals = ByState::default();
        let mut statement =
            self.connection.prepare("SELECT state, count(*) FROM factors GROUP BY state")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            totals[state(row.get(0)?)?] += row.get::<_, i64>(1)?.cast_unsigned();
        }
        Ok(totals)
    }

    /// Visits every row, including refused ones, in order of lines as far as the ledger's order
    /// allows. Streams: memory does not grow with the ledger.
    pub fn visit(
        &self,
        mut visit: impl FnMut(ReportRow) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        self.try_visit(&mut visit).map_err(|stop| match stop {
            Stop::Ledger(fault) => fault.at(&self.path),
            Stop::Output(source) => Error::Io { what: "writing the report".into(), source },
        })
    }

    fn try_visit(
        &self,
        visit: &mut dyn FnMut(ReportRow) -> std::io::Result<()>,
    ) -> Result<(), Stop> {
        // One snapshot of both tables, even while a run is going on.
        let snapshot = self.connection.unchecked_transaction()?;
        let columns = row::columns_of(open::format(&snapshot)?);
        let sql = format!("SELECT {columns} FROM factors WHERE state <> ?1 ORDER BY seq");
        let mut factors = snapshot.prepare(&sql)?;
        let mut factors = factors.query(params![State::Pending as u8])?;
        let all = format!("{} ORDER BY input, line, item", refusals(&snapshot)?);
        let mut all = snapshot.prepare(&all)?;
        let files = files(&snapshot)?;
        let refused = |row: &rusqlite::Row<'_>| refused(row, &files);
        let mut all = all.query([])?;
        let mut refusal = all.next()?.map(refused).transpose()?;
        while let Some(row) = factors.next()? {
            let (seq, entry): (Seq, Entry) = row::entry(row)?;
            while refusal.as_ref().is_some_and(|(line, _)| *line < entry.line) {
                if let Some((_, item)) = refusal.take() {
                    visit(item)?;
                }
                refusal = all.next()?.map(refused).transpose()?;
            }
            let place = place(&files, entry.run, entry.line);
            visit(ReportRow::Row { place, entry, correlation: correlation(&self.id, seq) })?;
        }
        while let Some((_, item)) = refusal.take() {
            visit(item)?;
            refusal = all.next()?.map(refused).transpose()?;
        }
        Ok(())
    }
}

/// Returns what each run recorded about its files, if it had several. It is shown to people and
/// nothing depends on it: unreadable notes count as absent.
pub(super) fn files(connection: &Connection) -> Result<HashMap<i64, Lines>, LedgerFault> {
    let said: HashMap<i64, Vec<(u64, String)>> = notes::read(connection, Note::Files)?;
    Ok(said.into_iter().map(|(run, said)| (run, Lines::of(&said))).collect())
}

pub(super) fn place(files: &HashMap<i64, Lines>, run: i64, line: u64) -> Place {
    files.get(&run).map_or_else(|| Lines::default().place(line), |lines| lines.place(line))
}

/// Returns the state of that number.
fn state(code: u8) -> Result<State, LedgerFault> {
    State::from_code(code).ok_or_else(|| LedgerFault::damaged("a row has an unknown state"))
}

/// Returns the query for the refused rows, as [`refused`] reads them, in either format.
pub(super) fn refusals(snapshot: &Connection) -> Result<String, LedgerFault> {
    Ok(if open::format(snapshot)? == open::OLD_FORMAT {
        format!(
            "SELECT line, user_id, type, {} AS state, NULL AS at, faults, at AS refused_at, run \
             FROM rejections",
            State::Rejected as u8
        )
    } else {
        "SELECT line, user_id, type, state, at, faults, refused_at, run FROM refusals".into()
    })
}

pub(super) fn refused(
    row: &rusqlite::Row<'_>,
    files: &HashMap<i64, Lines>,
) -> Result<(u64, ReportRow), LedgerFault> {
    let line = row.get::<_, i64>(0)?.cast_unsigned();
    let code: Option<u8> = row.get(2)?;
    let factor_type =
        code.and_then(|code| FactorType::ALL.into_iter().find(|known| *known as u8 == code));
    let item = ReportRow::Refused {
        place: place(files, row.get(7)?, line),
        user: row.get(1)?,
        factor_type,
        state: state(row.get(3)?)?,
        at: row.get(4)?,
        faults: row.get(5)?,
        refused_at: LocalTime::from_millis(row.get(6)?),
    };
    Ok((line, item))
}

enum Stop {
    Ledger(LedgerFault),
    Output(std::io::Error),
}

impl From<LedgerFault> for Stop {
    fn from(fault: LedgerFault) -> Self {
        Self::Ledger(fault)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}
