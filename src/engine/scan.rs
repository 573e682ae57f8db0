//! Plans an input to its end without sending anything: for `check`, and for the first pass over a
//! file that `import` and `verify` read twice.
//!
//! One thread reads, a second plans and makes a note of each plan, and the caller's thread takes
//! the notes in the order of the input. Plans do not leave the thread that makes them: to read and
//! free them on another costs a tenth more. The queues are bounded.

use std::{
    io,
    sync::mpsc::{SyncSender, sync_channel},
};

pub use super::ahead::Scanned;
use super::{
    ahead::{BATCHES_QUEUED, ROWS_PER_BATCH, ReadAhead, join, spawn},
    intake::plan_row,
};
use crate::{
    error::Error,
    input::{Ending, RowReader, Shape, Written},
    model::{Planned, SecretEncoding},
    plan::Plan,
};

/// Reads and plans all rows of `source`, whose secrets are encoded as declared, and passes the note
/// that `note` makes of each plan to `take`, in the order of the input. Stops at the first error of
/// `take`.
pub fn scan<T: Send + 'static>(
    source: Box<dyn RowReader>,
    secrets: Option<SecretEncoding>,
    note: impl FnMut(Plan) -> T + Send + 'static,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<Scanned> {
    scan_written(source, secrets, note, |noted, _| noted.into_iter().try_for_each(&mut take))
}

/// Does the same as [`scan`] in batches, with the text of the rows where `source` keeps it: then a
/// piece of text comes with all of its rows.
pub fn scan_written<T: Send + 'static>(
    source: Box<dyn RowReader>,
    secrets: Option<SecretEncoding>,
    note: impl FnMut(Plan) -> T + Send + 'static,
    mut take: impl FnMut(Vec<T>, Written) -> io::Result<()>,
) -> io::Result<Scanned> {
    let (plans, ready) = sync_channel(BATCHES_QUEUED);
    let input = ReadAhead::start(source, ROWS_PER_BATCH)?;
    let planner = spawn("plan", move || plan_all(input, &plans, secrets, note))?;
    // After an error the threads are not waited for: the reader may be waiting for a silent pipe.
    for (noted, written) in ready {
        take(noted, written)?;
    }
    Ok(join(planner))
}

/// Reads and plans an input that must be readable to its end, and passes the note that `note` makes
/// of each row to `see`. Returns the facts about its files as a whole.
pub fn scan_readable<T: Send + 'static>(
    source: Box<dyn RowReader>,
    secrets: Option<SecretEncoding>,
    mut note: impl FnMut(Planned) -> T + Send + 'static,
    mut see: impl FnMut(T),
) -> Result<Ending, Error> {
    let seen = scan(
        source,
        secrets,
        move |plan| note(plan.planned),
        |noted| {
            see(noted);
            Ok(())
        },
    );
    let scanned =
        seen.map_err(|source| Error::Io { what: "starting the input's threads".into(), source })?;
    scanned.unreadable.map_or(Ok(scanned.ending), |error| Err(error.into()))
}

fn plan_all<T>(
    input: ReadAhead,
    notes: &SyncSender<(Vec<T>, Written)>,
    secrets: Option<SecretEncoding>,
    mut note: impl FnMut(Plan) -> T,
) -> Scanned {
    for (batch, written) in &input.rows {
        let batch =
            batch.into_iter().map(|row| note(plan_row(row, Shape::Factors, secrets))).collect();
        if notes.send((batch, written)).is_err() {
            break;
        }
    }
    input.end()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;
    use crate::input::{Format, InputError, Source};

    fn csv(rows: impl Iterator<Item = String>) -> Vec<u8> {
        "user_id,type,phone_number\n"
            .chars()
            .map(String::from)
            .chain(rows)
            .collect::<String>()
            .into()
    }

    fn row(number: usize) -> String {
        let number = if number.is_multiple_of(3) {
            "1".into()
        } else {
            format!("+1{}", 2_025_550_000 + number)
        };
        format!("auth0|a,phone,{number}\n")
    }

    fn source(reader: impl Read + Send + 'static) -> Box<dyn RowReader> {
        Box::new(Source::from_reader(Box::new(reader), Format::Csv, Shape::Factors))
    }

    #[test]
    fn plans_come_in_the_order_of_the_input_and_all_of_them() {
        for n_rows in [
            0,
            1,
            ROWS_PER_BATCH - 1,
            ROWS_PER_BATCH,
            ROWS_PER_BATCH + 1,
            ROWS_PER_BATCH * BATCHES_QUEUED * 3 + 7,
        ] {
            let mut lines = Vec::new();
            let scanned = scan(
                source(Cursor::new(csv((0..n_rows).map(row)))),
                None,
                |plan| plan,
                |plan| {
                    let is_factor = matches!(plan.planned, Planned::Factor(_));
                    lines.push((plan.planned.line(), is_factor));
                    Ok(())
                },
            );
            let expected: Vec<_> = (0..n_rows).map(|at| (at as u64 + 2, at % 3 != 0)).collect();
            assert_eq!(lines, expected);
            assert!(scanned.unwrap().unreadable.is_none());
        }
    }

    #[test]
    fn rows_before_an_unreadable_place_are_taken_and_the_end_is_told() {
        let mut bytes = csv((0..ROWS_PER_BATCH + 5).map(row));
        bytes.extend(b"auth0|b,phone,\xff\n");
        let mut n_rows = 0;
        let scanned = scan(source(Cursor::new(bytes)), None, drop, |()| {
            n_rows += 1;
            Ok(())
        });
        assert_eq!(n_rows, ROWS_PER_BATCH + 5);
        assert!(matches!(scanned.unwrap().unreadable, Some(InputError::InvalidUtf8 { .. })));

        let scanned = scan(source(&b"user_id,type\na|1,totp"[..]), None, drop, Ok);
        assert_eq!(scanned.unwrap().ending.open_lines, [2]);
    }

    #[test]
    fn an_error_of_who_takes_the_plans_ends_it_though_the_input_never_does() {
        let endless = Cursor::new(csv((0..3).map(row))).chain(Endless(row(1).into_bytes(), 0));
        let scanned = scan(source(endless), None, drop, |()| Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(scanned.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    /// Gives its bytes over and over.
    struct Endless(Vec<u8>, usize);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = (&self.0[self.1..]).read(into)?;
            self.1 = (self.1 + n) % self.0.len();
            Ok(n)
        }
    }
}
