//! `--max-users`: only the rows of an input's first users, wherever in it they are.
//!
//! The choice depends on nothing but the input: users count in the order in which they first
//! appear, including those whose rows are all bad. A row without a user belongs with its
//! neighbours, up to the first user too many. So the same input always yields the same rows,
//! whatever the tenant answers and whatever the ledger holds, and an input with no more users than
//! that is taken whole.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::some_users::rows_of_users;
use crate::{input::RowReader, ledger::Seen, model::UserId};

/// Makes a reader that skips the rows of everybody but the first `most` users of `source`, where
/// `most` is at least 1. It sets `is_cut` when it skips a row.
pub fn first_users(
    source: Box<dyn RowReader>,
    most: usize,
    is_cut: Arc<AtomicBool>,
) -> Box<dyn RowReader> {
    let mut first = FirstUsers { most, met: Seen::default(), is_full: false };
    let skipped = move || is_cut.store(true, Ordering::Relaxed);
    rows_of_users(source, move |user| first.takes(user), skipped)
}

/// Users whose rows are taken; a hash of each is remembered.
#[derive(Debug)]
struct FirstUsers {
    most: usize,
    met: Seen,
    /// True once this reading has met one user too many.
    is_full: bool,
}

impl FirstUsers {
    fn takes(&mut self, user: Option<&UserId>) -> bool {
        let Some(user) = user else {
            return !self.is_full;
        };
        if self.met.has(user) {
            return true;
        }
        if self.met.len() < self.most {
            return self.met.insert(user);
        }
        self.is_full = true;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::intake::plan_row,
        input::{Format, Row, Shape, Source},
        model::Planned,
        plan::user_of,
    };

    /// Lines that are taken of the first users of a CSV, and whether any is left out.
    fn taken(users: &[&str], most: usize) -> (Vec<u64>, bool) {
        let row = |user: &&str| format!("{user},phone,+12025550101\n");
        let csv: String = users.iter().map(row).collect();
        let csv = std::io::Cursor::new(format!("user_id,type,phone_number\n{csv}"));
        let source = Source::from_reader(Box::new(csv), Format::Csv, Shape::Factors);
        let is_cut = Arc::default();
        let mut first = first_users(Box::new(source), most, Arc::clone(&is_cut));
        let next = std::iter::from_fn(|| first.next_row().unwrap());
        let lines = next.map(|row| row.line() - 1).collect();
        (lines, is_cut.load(Ordering::Relaxed))
    }

    #[test]
    fn the_first_users_are_taken_with_all_their_rows_and_nobody_else() {
        let scattered = ["a|1", "a|2", "a|1", "a|3", "a|2", "a|4", "a|1"];
        assert_eq!(taken(&scattered, 1), (vec![1, 3, 7], true));
        assert_eq!(taken(&scattered, 2), (vec![1, 2, 3, 5, 7], true));
        assert_eq!(taken(&scattered, 3), (vec![1, 2, 3, 4, 5, 7], true));
        for enough in [4, 5, usize::MAX] {
            assert_eq!(taken(&scattered, enough), ((1..=7).collect(), false));
        }
        assert_eq!(taken(&[], 1), (vec![], false));
    }

    #[test]
    fn a_row_of_nobody_is_taken_up_to_the_first_user_too_many() {
        let rows = ["", "a|1", "NULL", "a|2", " a|3", "a|1", "..", "a|2"];
        assert_eq!(taken(&rows, 1), (vec![1, 2, 3, 6], true));
        assert_eq!(taken(&rows, 2), ((1..=8).collect(), false));
    }

    #[test]
    fn a_row_is_whose_planning_says_that_it_is() {
        let mut found = 0;
        for user in [
            "a|1",
            "a|1 ",
            " a|1",
            "'a|1'",
            "\"\"\"a|1\"\"\"",
            "=a|1",
            "NULL",
            "null",
            "n/a",
            ".",
            "..",
            "bob",
            "12.0",
            "1e5",
            "#NAME?",
            "a%7C1",
            "a|%7C",
            "a|\u{fffd}",
            "a|\u{200b}1",
            "zoë",
            "\\N",
            "undefined",
            "none|1",
            "",
        ] {
            let csv = format!("user_id,type,phone_number\n{user},phone,+12025550101\n");
            let csv = Box::new(std::io::Cursor::new(csv));
            let mut source = Source::from_reader(csv, Format::Csv, Shape::Factors);
            let Some(Row::Record(record)) = source.next_row().unwrap() else { panic!("{user}") };
            let user = user_of(&record);
            let planned = match plan_row(Row::Record(record), Shape::Factors, None).planned {
                Planned::Factor(factor) => Some(factor.user),
                Planned::Rejected(rejection) => rejection.user,
            };
            assert_eq!(user, planned);
            found += usize::from(user.is_some());
        }
        assert!((3..20).contains(&found), "{found}");
    }
}
