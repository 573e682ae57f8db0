//! A reader that leaves out the rows of some users.

use std::borrow::Cow;

use crate::{
    input::{Row, RowReader, Through},
    model::UserId,
    plan,
};

/// Makes a reader of the rows of `source` whose user `takes` accepts; `skipped` is called for each
/// other row. A row counts as that of the user that planning finds in it.
pub(super) fn rows_of_users(
    source: Box<dyn RowReader>,
    mut takes: impl FnMut(Option<&UserId>) -> bool + Send + 'static,
    mut skipped: impl FnMut() + Send + 'static,
) -> Box<dyn RowReader> {
    Box::new(Through::new(source, move |source| {
        while let Some(row) = source.next_row()? {
            if takes(user_of(&row).as_deref()) {
                return Ok(Some(row));
            }
            skipped();
        }
        Ok(None)
    }))
}

fn user_of(row: &Row) -> Option<Cow<'_, UserId>> {
    match row {
        Row::Record(record) => plan::user_of(record).map(Cow::Owned),
        Row::Rejected(rejection) => rejection.user.as_ref().map(Cow::Borrowed),
    }
}
