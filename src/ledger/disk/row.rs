//! Rows of the table `factors`, written and read back.

use std::sync::Arc;

use rusqlite::{Row as SqlRow, ToSql, params, types::ValueRef};

use crate::{
    ledger::{
        LedgerFault,
        entry::{Entry, RowStatus, RowSummary, check_sum},
        journal::index,
        seq::Seq,
    },
    model::{
        ClockSkew, FactorType, Fingerprint, How, LocalTime, NameTag, Operation, Reason, State,
        UserId,
    },
};

/// The columns, in the order in which rows are read here.
pub(in crate::ledger) const COLUMNS: &str = "seq, fingerprint, operation, run, line, user_id, type, name, \
                                  state, how, attempts, doubts, audited, marked, intent_at, skew, \
                                  method_id, status, error, settled_at, crc";

/// Writes a row for the first time, with all that is [`bound`].
pub(in crate::ledger) const INSERT: &str = "\
    INSERT INTO factors VALUES (?7, ?1, ?2, ?3, ?4, ?5, ?6, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
    ?16, ?17, ?18, ?19, ?20, ?21, 1)";

/// Number of the values of [`bound`] that never change.
pub(in crate::ledger) const FIXED: usize = 6;

/// Writes a row again, with what is [`bound`] after the [`FIXED`].
pub(in crate::ledger) const UPDATE: &str = "\
    UPDATE factors SET name = ?2, state = ?3, how = ?4, attempts = ?5, doubts = ?6, audited = ?7, \
    marked = ?8, intent_at = ?9, skew = ?10, method_id = ?11, status = ?12, error = ?13, \
    settled_at = ?14, crc = ?15, writes = writes + 1 WHERE seq = ?1";

/// The values of a row, as `with` has them.
pub(in crate::ledger) fn bound<T>(
    seq: Seq,
    entry: &Entry,
    with: impl FnOnce(&[&dyn ToSql]) -> T,
) -> T {
    with(params![
        entry.fingerprint.0,
        entry.operation as u8,
        entry.run,
        entry.line.cast_signed(),
        entry.user.as_str(),
        entry.factor_type.map(|factor_type| factor_type as u8),
        seq.0,
        entry.name.map(|tag| tag.0),
        entry.state as u8,
        entry.how.map(|how| how as u8),
        entry.attempts,
        entry.doubts,
        entry.audited,
        entry.marked,
        entry.intent_at.map(LocalTime::as_millis),
        entry.skew.map(ClockSkew::as_millis),
        entry.method_id,
        entry.status,
        entry.error.as_ref().map(Reason::text),
        entry.settled_at.map(LocalTime::as_millis),
        entry.check(seq.0),
    ])
}

/// Looks at a row of [`COLUMNS`] and does not believe it unless its check sum holds. A million rows
/// are looked at in half a second.
pub(in crate::ledger) fn summary(row: &SqlRow<'_>) -> Result<RowSummary, LedgerFault> {
    let seq: u32 = row.get(0)?;
    let damaged = || LedgerFault::damaged(format!("row {seq} does not match its check sum"));
    let number = |index: usize, absent: i64| match row.get_ref(index)? {
        ValueRef::Integer(number) => Ok(number),
        ValueRef::Null => Ok(absent),
        _ => Err(damaged()),
    };
    let text = |index: usize| match row.get_ref(index)? {
        ValueRef::Text(text) => std::str::from_utf8(text).map(Some).map_err(|_| damaged()),
        ValueRef::Null => Ok(None),
        _ => Err(damaged()),
    };
    let fingerprint = Fingerprint(row.get(1)?);
    let user = text(5)?.ok_or_else(damaged)?;
    let (operation, state) = (number(2, -1)?, number(8, -1)?);
    let (doubts, audited, marked) = (number(11, -1)?, number(12, -1)?, number(13, -1)?);
    let numbers = [
        i64::from(seq),
        number(3, -1)?,
        number(4, -1)?,
        operation,
        number(6, 0)?,
        number(7, -1)?,
        state,
        number(9, -1)?,
        number(10, -1)?,
        doubts,
        audited,
        marked,
        number(14, -1)?,
        number(15, i64::MIN)?,
        number(17, -1)?,
        number(19, -1)?,
    ];
    let check = check_sum(fingerprint, numbers, [Some(user), text(16)?, text(18)?]);
    if i64::from(check) != number(20, -1)? {
        return Err(damaged());
    }
    let code = |number: i64| u8::try_from(number).ok();
    let status = RowStatus {
        operation: code(operation).and_then(Operation::from_code).ok_or_else(damaged)?,
        state: code(state).and_then(State::from_code).ok_or_else(damaged)?,
        was_in_doubt: doubts > 0,
        audited: audited != 0,
        marked: marked != 0,
    };
    Ok(RowSummary { seq: Seq(seq), fingerprint, user: index::user_hash(user), status })
}

/// Reads a row of [`COLUMNS`], and does not believe it unless its check sum holds.
pub(in crate::ledger) fn entry(row: &SqlRow<'_>) -> Result<(Seq, Entry), LedgerFault> {
    let seq: u32 = row.get(0)?;
    let damaged = || LedgerFault::damaged(format!("row {seq} does not match its check sum"));
    let text = |index: usize| -> Result<Option<Arc<str>>, rusqlite::Error> { row.get(index) };
    let entry = Entry {
        fingerprint: Fingerprint(row.get(1)?),
        operation: row.get::<_, u8>(2).ok().and_then(Operation::from_code).ok_or_else(damaged)?,
        run: row.get(3)?,
        line: row.get::<_, i64>(4)?.cast_unsigned(),
        user: UserId::parse(row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?)
            .ok_or_else(damaged)?,
        factor_type: match row.get::<_, Option<u8>>(6)? {
            Some(code) => Some(FactorType::from_code(code).ok_or_else(damaged)?),
            None => None,
        },
        name: row.get::<_, Option<u32>>(7)?.map(NameTag),
        state: row.get::<_, u8>(8).ok().and_then(State::from_code).ok_or_else(damaged)?,
        how: match row.get::<_, Option<u8>>(9)? {
            Some(code) => Some(How::from_code(code).ok_or_else(damaged)?),
            None => None,
        },
        attempts: row.get(10)?,
        doubts: row.get(11)?,
        audited: row.get(12)?,
        marked: row.get(13)?,
        intent_at: row.get::<_, Option<i64>>(14)?.map(LocalTime::from_millis),
        skew: row.get::<_, Option<i64>>(15)?.map(ClockSkew::from_millis),
        method_id: text(16)?,
        status: row.get(17)?,
        error: text(18)?.map(|text| Reason::parse(&text)),
        settled_at: row.get::<_, Option<i64>>(19)?.map(LocalTime::from_millis),
    };
    if entry.check(seq) == row.get::<_, u32>(20)? { Ok((Seq(seq), entry)) } else { Err(damaged()) }
}
