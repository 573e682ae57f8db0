//! Refusals of other inputs that rows of a selection replace: a row that was selected, mended and
//! imported is one row of the ledger and not two.
//!
//! Refused rows have no fingerprint. They are paired one to one with the rows of the selection:
//! first those refused again; then by user and type; then those of which less could be read, by
//! what is known of them, in order. Only rows refused for one of the codes that the selection
//! states can have been mended in it: it may be of one code alone, or of rows that were never
//! refused while they were read.

use rusqlite::{Connection, params};

use crate::{
    ledger::LedgerFault,
    model::{Operation, State},
};

/// Unpaired rows of the selection, and pairs of one pass. They are in a database of their own,
/// which ends with the connection.
const TABLES: &str = "
    CREATE TEMP TABLE stand_ins (
        id INTEGER PRIMARY KEY, user_id TEXT, type INTEGER, state INTEGER
    ) STRICT;
    CREATE TEMP TABLE pairs (
        input TEXT, line INTEGER, item INTEGER, stand_in INTEGER
    ) STRICT;
    CREATE TEMP TABLE codes (code TEXT) STRICT;";

/// Statement that collects what this input brought: refused rows, and factors that first appeared
/// in it, also in runs that were stopped. They come after everything that earlier runs recorded.
const FILL: &str = "
    INSERT INTO temp.stand_ins (user_id, type, state)
    SELECT user_id, type, state FROM (
        SELECT line, item, user_id, type, state FROM main.refusals WHERE input = ?1 AND run = ?2
        UNION ALL
        SELECT line, -1, user_id, type, NULL FROM main.factors
        WHERE operation = ?3
            AND seq > coalesce((
                SELECT seq FROM main.factors
                WHERE run < (SELECT min(id) FROM main.runs WHERE input = ?1 AND command = 'import')
                ORDER BY seq DESC LIMIT 1), -1)
            AND run IN (SELECT id FROM main.runs WHERE input = ?1 AND command = 'import'))
    ORDER BY line, item";

const DROP: &str = "DROP TABLE temp.codes; DROP TABLE temp.pairs; DROP TABLE temp.stand_ins;";

/// A pass: what must be equal, and which refusals and rows of the selection take part.
struct Pass {
    user: &'static str,
    factor_type: &'static str,
    refusals: &'static str,
    has_code: &'static str,
    stand_ins: &'static str,
    state: State,
}

/// Passes in order. A row that is refused again is the same one, whatever its code: it may not be
/// able to state one.
const PASSES: [Pass; 6] = [
    Pass { state: State::NotCarried, ..AGAIN },
    AGAIN,
    MENDED,
    Pass { user: "''", refusals: "user_id IS NULL AND type IS NOT NULL", ..MENDED },
    Pass { factor_type: "-1", refusals: "user_id IS NOT NULL AND type IS NULL", ..MENDED },
    Pass { user: "''", factor_type: "-1", refusals: "user_id IS NULL AND type IS NULL", ..MENDED },
];

const MENDED: Pass = Pass {
    user: "coalesce(user_id, '')",
    factor_type: "coalesce(type, -1)",
    refusals: "TRUE",
    has_code: "EXISTS (SELECT 1 FROM temp.codes WHERE instr(faults, code) > 0)",
    stand_ins: "TRUE",
    state: State::Rejected,
};

const AGAIN: Pass = Pass { has_code: "TRUE", stand_ins: "state = ?2", ..MENDED };

impl Pass {
    /// Pairs the first refusal of a kind with the first row of that kind, the second with the
    /// second, and so on.
    fn sql(&self) -> String {
        let Self { user, factor_type, refusals, has_code, stand_ins, .. } = self;
        let numbered = |columns: &str, order: &str| {
            format!(
                "SELECT {columns}, {user} AS who, {factor_type} AS what, row_number() OVER \
                 (PARTITION BY {user}, {factor_type} ORDER BY {order}) AS n"
            )
        };
        format!(
            "INSERT INTO temp.pairs SELECT old.input, old.line, old.item, new.id FROM \
             ({} FROM main.refusals WHERE input <> ?1 AND state = ?2 AND {refusals} AND \
              {has_code}) AS old JOIN \
             ({} FROM temp.stand_ins WHERE {stand_ins}) AS new \
             ON new.who = old.who AND new.what = old.what AND new.n = old.n \
             ORDER BY old.input, old.line, old.item",
            numbered("input, line, item", "input, line, item"),
            numbered("id", "id"),
        )
    }
}

/// Removes the refusals of other inputs that rows of `input` replace, in the open transaction. Only
/// the first complete import does this: the rows of later ones replace rows of `input` itself.
pub(super) fn replace_refusals(
    connection: &Connection,
    run: i64,
    input: &str,
    codes: &[String],
) -> Result<(), LedgerFault> {
    let earlier = "SELECT count(*) FROM runs WHERE id < ?1 AND input = ?2 AND command = 'import' AND \
                   complete = 1";
    let n_earlier: i64 = connection.query_row(earlier, params![run, input], |row| row.get(0))?;
    if n_earlier > 0 {
        return Ok(());
    }
    connection.execute_batch(TABLES)?;
    connection.execute(FILL, params![input, run, Operation::Import as u8])?;
    let mut insert = connection.prepare("INSERT INTO temp.codes VALUES (?1)")?;
    for code in codes {
        // In the form in which faults are written.
        insert.execute([format!("\"code\":\"{code}\"")])?;
    }
    drop(insert);
    for pass in PASSES {
        connection.execute(&pass.sql(), params![input, pass.state as u8])?;
        connection.execute(
            "DELETE FROM main.refusals WHERE (input, line, item) IN \
             (SELECT input, line, item FROM temp.pairs)",
            [],
        )?;
        connection.execute(
            "DELETE FROM temp.stand_ins WHERE id IN (SELECT stand_in FROM temp.pairs)",
            [],
        )?;
        connection.execute("DELETE FROM temp.pairs", [])?;
    }
    Ok(connection.execute_batch(DROP)?)
}
