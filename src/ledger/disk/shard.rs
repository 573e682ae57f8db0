//! The shard of a ledger: people of other shards are in other ledgers. It is stored in `meta`,
//! where earlier versions ignore it; a ledger without it is of the whole input.

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::{Reader, refusals};
use crate::{
    error::Error,
    ledger::{LedgerFault, LedgerKind},
    model::{Shard, State},
};

/// Its key in `meta`.
const SHARD: &str = "shard";

/// Writes the shard of a new ledger.
pub(super) fn write(connection: &Connection, shard: Shard) -> Result<(), LedgerFault> {
    if !shard.is_whole() {
        let insert = "INSERT INTO meta VALUES (?1, ?2)";
        connection.execute(insert, params![SHARD, shard.to_string().as_bytes()])?;
    }
    Ok(())
}

/// Reads the shard of a ledger.
pub(super) fn read(connection: &Connection) -> Result<Shard, LedgerFault> {
    let value = "SELECT value FROM meta WHERE key = ?1";
    let value: Option<Vec<u8>> =
        connection.query_row(value, [SHARD], |row| row.get(0)).optional()?;
    let Some(value) = value else { return Ok(Shard::WHOLE) };
    let shard = std::str::from_utf8(&value).ok().and_then(Shard::parse);
    shard.ok_or_else(|| LedgerFault::damaged("the shard that it is of cannot be read"))
}

/// Refuses a run over a part of the input other than the ledger's: rows that are not in their own
/// ledger would be sent again.
pub(in crate::ledger) fn check(
    (own, of_run): (Shard, Shard),
    kind: LedgerKind,
) -> Result<(), LedgerFault> {
    if own == of_run {
        return Ok(());
    }
    let run = if of_run.is_whole() {
        "this run is over the whole input".to_owned()
    } else {
        format!("this run is over shard {of_run}")
    };
    if kind == LedgerKind::People {
        // Its ledger lies beside the map, and both belong to one shard.
        let (of, flag) = if own.is_whole() {
            ("a whole input".into(), "leave --shard out".into())
        } else {
            (format!("shard {own}"), format!("give `--shard {own}`"))
        };
        return Err(LedgerFault::new(
            format!("it is of {of}, and {run}"),
            format!("{flag} to go on with its map, or give this run an --out of its own"),
        ));
    }
    let other_count = "the number of shards stays the same for as long as a migration lasts, since \
                       other shards would not know what these have created";
    Err(if own.is_whole() {
        LedgerFault::new(
            format!("it is of a whole input, and {run}"),
            "leave --shard out to go on with it: a shard would not know what this ledger has \
             created. What was begun whole stays whole",
        )
    } else if own.is_apart_from(of_run) {
        LedgerFault::new(
            format!("it is of shard {own}, and {run}"),
            format!(
                "give `--shard {own}` with this ledger; that of shard {of_run} has a name of its \
                 own (by default INPUT{})",
                of_run.ending_of_ledger(),
            ),
        )
    } else {
        LedgerFault::new(
            format!("it is of shard {own}, and {run}"),
            format!("give `--shard {own}` with this ledger; {other_count}"),
        )
    })
}

impl Reader {
    /// Returns the shard that it belongs to.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// Visits the user of each row, including refused ones, if they are known.
    pub fn each_user(&self, mut visit: impl FnMut(&str)) -> Result<(), Error> {
        self.try_each_user(&mut visit).map_err(|fault| fault.at(&self.path))
    }

    fn try_each_user(&self, visit: &mut dyn FnMut(&str)) -> Result<(), LedgerFault> {
        let snapshot = self.connection.unchecked_transaction()?;
        let refused = refusals(&snapshot)?;
        let pending = State::Pending as u8;
        for users in [
            format!("SELECT user_id FROM factors WHERE state <> {pending}"),
            format!("SELECT user_id FROM ({refused}) WHERE user_id IS NOT NULL"),
        ] {
            let mut users = snapshot.prepare(&users)?;
            let mut rows = users.query([])?;
            while let Some(row) = rows.next()? {
                let user = row.get_ref(0)?.as_str();
                visit(user.map_err(|_| LedgerFault::damaged("a user id is no text"))?);
            }
        }
        Ok(())
    }
}
