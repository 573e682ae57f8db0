//! Rows of the table `factors`, written and read back. The columns are declared once, in
//! `columns!`; [`Cells::of`] and [`Cells::entry`] say what they hold.

use std::borrow::Cow;

use rusqlite::{
    Row as SqlRow, Statement,
    types::{FromSql, ValueRef},
};

use super::open;
use crate::{
    ledger::{
        LedgerFault,
        entry::{Entry, Glance, RowStatus, RowSummary},
        journal::index,
        seq::Seq,
    },
    model::{
        ClockSkew, FactorType, Fingerprint, How, LocalTime, NameTag, Operation, Reason, State,
        UserId,
    },
};

/// Declares the columns besides `seq`, `fingerprint`, `crc` and `writes`: numbers, each with its
/// value for NULL in the checksum, and texts; those that never change apart from the others. The
/// checksum takes numbers and texts in this order, so the order is part of the format. Texts that a
/// later format has added never change, and are in the checksum if they are present: older rows
/// keep theirs.
macro_rules! columns {
    (
        fixed numbers { $($fixed:ident: $fixed_name:literal or $fixed_null:expr,)+ }
        fixed texts { $($fixed_text:ident: $fixed_text_name:literal,)+ }
        added texts { $($added:ident: $added_name:literal,)+ }
        numbers { $($number:ident: $name:literal or $null:expr,)+ }
        texts { $($text:ident: $text_name:literal,)+ }
    ) => {
        /// A row as it is in the file.
        #[derive(Debug)]
        struct Cells<'a> {
            fingerprint: Fingerprint,
            $($fixed: Option<i64>,)+
            $($fixed_text: Option<Cow<'a, str>>,)+
            $($added: Option<Cow<'a, str>>,)+
            $($number: Option<i64>,)+
            $($text: Option<Cow<'a, str>>,)+
            seq: u32,
        }

        /// The columns, in the order in which rows are read and written here.
        pub(in crate::ledger) const COLUMNS: &str = concat!(
            "fingerprint, ",
            $($fixed_name, ", ",)+ $($fixed_text_name, ", ",)+ $($added_name, ", ",)+
            $($name, ", ",)+ $($text_name, ", ",)+
            "crc, seq"
        );

        /// The columns of a ledger of [`open::OLD_FORMAT`].
        const OLD_COLUMNS: &str = concat!(
            "fingerprint, ",
            $($fixed_name, ", ",)+ $($fixed_text_name, ", ",)+
            $(columns!(@absent $added),)+
            $($name, ", ",)+ $($text_name, ", ",)+
            "crc, seq"
        );

        /// Number of [`COLUMNS`].
        pub(super) const COLUMN_COUNT: usize = [
            "fingerprint", $($fixed_name,)+ $($fixed_text_name,)+ $($added_name,)+
            $($name,)+ $($text_name,)+ "crc", "seq",
        ].len();

        /// Writes a row for the first time.
        pub(super) const INSERT: &str = concat!(
            "INSERT INTO factors (fingerprint, ",
            $($fixed_name, ", ",)+ $($fixed_text_name, ", ",)+ $($added_name, ", ",)+
            $($name, ", ",)+ $($text_name, ", ",)+
            "crc, seq, writes) VALUES (?, ",
            $(columns!(@value $fixed),)+ $(columns!(@value $fixed_text),)+
            $(columns!(@value $added),)+
            $(columns!(@value $number),)+ $(columns!(@value $text),)+
            "?, ?, 1)"
        );

        /// Writes a row again, except for the columns that never change.
        pub(super) const UPDATE: &str = concat!(
            "UPDATE factors SET ",
            $($name, " = ?, ",)+ $($text_name, " = ?, ",)+
            "crc = ?, writes = writes + 1 WHERE seq = ?"
        );

        impl<'a> Cells<'a> {
            /// Writes the cells with their checksum, in the order of [`COLUMNS`], with [`INSERT`].
            /// Returns the number of rows.
            fn insert(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
                let mut next = 1..;
                let mut next = || next.next().unwrap_or_default();
                statement.raw_bind_parameter(next(), self.fingerprint.0)?;
                $(statement.raw_bind_parameter(next(), self.$fixed)?;)+
                $(statement.raw_bind_parameter(next(), self.$fixed_text.as_deref())?;)+
                $(statement.raw_bind_parameter(next(), self.$added.as_deref())?;)+
                self.write_rest(statement, next)
            }

            /// Writes the cells that can change, with [`UPDATE`]. Returns the number of rows.
            fn update(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
                let mut next = 1..;
                self.write_rest(statement, || next.next().unwrap_or_default())
            }

            fn write_rest(
                &self,
                statement: &mut Statement<'_>,
                mut next: impl FnMut() -> usize,
            ) -> rusqlite::Result<usize> {
                $(statement.raw_bind_parameter(next(), self.$number)?;)+
                $(statement.raw_bind_parameter(next(), self.$text.as_deref())?;)+
                statement.raw_bind_parameter(next(), self.check())?;
                statement.raw_bind_parameter(next(), self.seq)?;
                statement.raw_execute()
            }

            /// Reads a row of [`COLUMNS`] by position, and fails unless its checksum is right.
            fn read(
                value: impl Fn(usize) -> rusqlite::Result<ValueRef<'a>>,
            ) -> Result<Self, LedgerFault> {
                let seq = read(value(COLUMN_COUNT - 1)?)?;
                let mut index = 0;
                let mut cell = || {
                    index += 1;
                    value(index)
                };
                let other_type = |_| damaged(seq);
                let cells = Self {
                    fingerprint: Fingerprint(read(value(0)?)?),
                    $($fixed: cell()?.as_i64_or_null().map_err(other_type)?,)+
                    $($fixed_text: cell()?.as_str_or_null().map_err(other_type)?.map(Cow::Borrowed),)+
                    $($added: cell()?.as_str_or_null().map_err(other_type)?.map(Cow::Borrowed),)+
                    $($number: cell()?.as_i64_or_null().map_err(other_type)?,)+
                    $($text: cell()?.as_str_or_null().map_err(other_type)?.map(Cow::Borrowed),)+
                    seq,
                };
                let is_whole = read::<u32>(value(COLUMN_COUNT - 2)?)? == cells.check();
                is_whole.then_some(cells).ok_or_else(|| damaged(seq))
            }

            /// Returns the checksum of the row, including its number, so that a flipped bit is
            /// noticed.
            fn check(&self) -> u32 {
                check_sum(
                    self.fingerprint,
                    [
                        i64::from(self.seq),
                        $(self.$fixed.unwrap_or($fixed_null),)+
                        $(self.$number.unwrap_or($null),)+
                    ],
                    [$(self.$fixed_text.as_deref(),)+ $(self.$text.as_deref(),)+],
                    [$(self.$added.as_deref(),)+],
                )
            }
        }
    };
    (@value $column:ident) => { "?, " };
    (@absent $column:ident) => { "NULL, " };
}

columns! {
    fixed numbers {
        run: "run" or -1,
        line: "line" or -1,
        operation: "operation" or -1,
        factor_type: "type" or 0,
    }
    fixed texts {
        user: "user_id",
    }
    added texts {
        at: "at",
    }
    numbers {
        name: "name" or -1,
        state: "state" or -1,
        how: "how" or -1,
        attempts: "attempts" or -1,
        doubts: "doubts" or -1,
        audited: "audited" or -1,
        marked: "marked" or -1,
        intent_at: "intent_at" or -1,
        skew: "skew" or i64::MIN,
        status: "status" or -1,
        settled_at: "settled_at" or -1,
    }
    texts {
        method_id: "method_id",
        error: "error",
    }
}

impl<'a> Cells<'a> {
    /// Returns an entry's cells.
    fn of(seq: Seq, entry: &'a Entry) -> Self {
        Self {
            seq: seq.0,
            fingerprint: entry.fingerprint,
            operation: Some(entry.operation as i64),
            run: Some(entry.run),
            line: Some(entry.line.cast_signed()),
            user: Some(entry.user.as_str().into()),
            at: entry.at.as_deref().map(Into::into),
            factor_type: entry.factor_type.map(|factor_type| factor_type as i64),
            name: entry.name.map(|tag| tag.0.into()),
            state: Some(entry.state as i64),
            how: entry.how.map(|how| how as i64),
            attempts: Some(entry.attempts.into()),
            doubts: Some(entry.doubts.into()),
            audited: Some(entry.audited.into()),
            marked: Some(entry.marked.into()),
            intent_at: entry.intent_at.map(LocalTime::as_millis),
            skew: entry.skew.map(ClockSkew::as_millis),
            method_id: entry.method_id.as_deref().map(Into::into),
            status: entry.status.map(Into::into),
            error: entry.error.as_ref().map(Reason::text),
            settled_at: entry.settled_at.map(LocalTime::as_millis),
        }
    }

    /// Returns the entry that these cells represent; `None` if there is none.
    fn entry(&self) -> Option<Entry> {
        Some(Entry {
            fingerprint: self.fingerprint,
            operation: code(self.operation?, Operation::from_code)?,
            run: self.run?,
            line: self.line?.cast_unsigned(),
            at: self.at.as_deref().map(Into::into),
            user: UserId::parse(self.user.as_deref()?)?,
            factor_type: optional(self.factor_type, |number| code(number, FactorType::from_code))
                .ok()?,
            name: optional(self.name, |tag| tag.try_into().ok()).ok()?.map(NameTag),
            state: code(self.state?, State::from_code)?,
            how: optional(self.how, |number| code(number, How::from_code)).ok()?,
            attempts: self.attempts?.try_into().ok()?,
            doubts: self.doubts?.try_into().ok()?,
            audited: self.audited? != 0,
            marked: self.marked? != 0,
            intent_at: self.intent_at.map(LocalTime::from_millis),
            skew: self.skew.map(ClockSkew::from_millis),
            method_id: self.method_id.as_deref().map(Into::into),
            status: optional(self.status, |status| status.try_into().ok()).ok()?,
            error: self.error.as_deref().map(Reason::parse),
            settled_at: self.settled_at.map(LocalTime::from_millis),
        })
    }

    /// Returns the fields of the row that sums need.
    fn glance(&self) -> Option<Glance<'_>> {
        Some(Glance {
            factor_type: optional(self.factor_type, |number| code(number, FactorType::from_code))
                .ok()?,
            state: code(self.state?, State::from_code)?,
            how: optional(self.how, |number| code(number, How::from_code)).ok()?,
            was_in_doubt: self.doubts? > 0,
            error: self.error.as_deref(),
        })
    }

    /// Returns the fields of the row that the index needs.
    fn summary(&self) -> Option<RowSummary> {
        let status = RowStatus {
            operation: code(self.operation?, Operation::from_code)?,
            state: code(self.state?, State::from_code)?,
            was_in_doubt: self.doubts? > 0,
            audited: self.audited? != 0,
            marked: self.marked? != 0,
        };
        let user = index::user_hash(self.user.as_deref()?);
        let code = self.error.as_deref().map(|text| Reason::parse(text).code());
        Some(RowSummary { seq: Seq(self.seq), fingerprint: self.fingerprint, user, status, code })
    }
}

/// Returns the columns of a ledger of that format, as [`entry`] and [`summary`] read them.
pub(super) fn columns_of(format: i64) -> &'static str {
    if format == open::OLD_FORMAT { OLD_COLUMNS } else { COLUMNS }
}

/// Inserts an entry with [`INSERT`].
pub(super) fn insert(
    seq: Seq,
    entry: &Entry,
    insert: &mut Statement<'_>,
) -> rusqlite::Result<usize> {
    Cells::of(seq, entry).insert(insert)
}

/// Updates an entry with [`UPDATE`]: only the columns that can change are bound.
pub(super) fn update(
    seq: Seq,
    entry: &Entry,
    update: &mut Statement<'_>,
) -> rusqlite::Result<usize> {
    Cells::of(seq, entry).update(update)
}

/// Examines a row of [`COLUMNS`] by position, without copying anything. A million rows take half a
/// second.
pub(in crate::ledger) fn summary<'a>(
    value: impl Fn(usize) -> rusqlite::Result<ValueRef<'a>>,
) -> Result<RowSummary, LedgerFault> {
    let cells = Cells::read(value)?;
    cells.summary().ok_or_else(|| damaged(cells.seq))
}

/// Examines a row of [`COLUMNS`] by position, and copies it if `wants` returns true.
pub(super) fn look<'a>(
    value: impl Fn(usize) -> rusqlite::Result<ValueRef<'a>>,
    wants: impl FnOnce(&Glance<'_>) -> bool,
) -> Result<Option<(Seq, Entry)>, LedgerFault> {
    let cells = Cells::read(value)?;
    if !wants(&cells.glance().ok_or_else(|| damaged(cells.seq))?) {
        return Ok(None);
    }
    let entry = cells.entry().ok_or_else(|| damaged(cells.seq))?;
    Ok(Some((Seq(cells.seq), entry)))
}

/// Reads a row of [`COLUMNS`].
pub(in crate::ledger) fn entry(row: &SqlRow<'_>) -> Result<(Seq, Entry), LedgerFault> {
    let cells = Cells::read(|at| row.get_ref(at))?;
    let entry = cells.entry().ok_or_else(|| damaged(cells.seq))?;
    Ok((Seq(cells.seq), entry))
}

/// Reads a value of the expected type.
pub(super) fn read<T: FromSql>(value: ValueRef<'_>) -> Result<T, LedgerFault> {
    T::column_result(value).map_err(|_| LedgerFault::damaged("it holds what it should not"))
}

fn damaged(seq: u32) -> LedgerFault {
    LedgerFault::damaged(format!("row {seq} does not match its check sum"))
}

/// Returns the value with that code, if there is one.
fn code<T>(number: i64, from_code: impl Fn(u8) -> Option<T>) -> Option<T> {
    u8::try_from(number).ok().and_then(from_code)
}

/// Applies `read` to a number, if there is one.
fn optional<T>(number: Option<i64>, read: impl Fn(i64) -> Option<T>) -> Result<Option<T>, ()> {
    number.map(|number| read(number).ok_or(())).transpose()
}

/// Returns the checksum of a row: of its numbers, its texts, and those added texts that are
/// present.
fn check_sum(
    print: Fingerprint,
    numbers: [i64; 16],
    texts: [Option<&str>; 3],
    added: [Option<&str>; 1],
) -> u32 {
    // In one piece: a call for each number would take ten times as long.
    let mut bytes = [0; 16 + 8 * 19];
    bytes[..16].copy_from_slice(&print.0);
    let lengths = texts.map(|text| text.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(0)));
    let numbers = numbers.into_iter().chain(lengths);
    for (place, number) in bytes[16..].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes);
    texts.into_iter().flatten().for_each(|text| crc.update(text.as_bytes()));
    for (place, text) in added.into_iter().enumerate() {
        if let Some(text) = text {
            crc.update(&[place, text.len()].map(usize::to_le_bytes).concat());
            crc.update(text.as_bytes());
        }
    }
    crc.finalize()
}
