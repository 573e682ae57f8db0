//! Rows of a ledger chosen by flags, and the first of them for people.

use std::io::{self, Write};

use serde::Serialize;

use super::rows::RowReport;
use crate::{
    error::Error,
    ledger::{Reader, ReportRow, Seen},
    model::{Operation, State},
    text::{escape, grouped},
};

/// Rows that are shown where only their number was asked for.
const ROWS_SHOWN: usize = 5;

/// Filter for rows of a ledger.
#[derive(Debug, Default)]
pub struct Filter {
    /// States of the rows; all states if it is empty.
    pub states: Vec<State>,
    /// Fingerprints of an input's factors; rows of these factors are left out.
    pub not_in: Option<Seen>,
}

impl Filter {
    /// Returns true if no row is left out.
    pub fn is_all(&self) -> bool {
        self.states.is_empty() && self.not_in.is_none()
    }

    /// Returns true if the filter includes a row. A row that was refused while it was read is not a
    /// factor, so no input can have it.
    pub fn has(&self, row: &ReportRow) -> bool {
        let (state, print) = match row {
            ReportRow::Row { entry, .. } => {
                let is_of_input = entry.operation == Operation::Import;
                (entry.state, Some(entry.fingerprint).filter(|_| is_of_input))
            }
            ReportRow::Refused { state, .. } => (*state, None),
        };
        // Several states share a name.
        let is_in_state =
            self.states.is_empty() || self.states.iter().any(|of| of.name() == state.name());
        is_in_state
            && self.not_in.as_ref().is_none_or(|met| print.is_some_and(|print| !met.has(print)))
    }
}

/// Rows that a filter includes, counted.
#[derive(Debug, Serialize)]
pub struct Selected {
    /// Names of the states that were asked for.
    states: Vec<&'static str>,
    /// Input that has none of these rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_in: Vec<String>,
    /// Number of the rows.
    rows: u64,
    /// The first rows.
    first: Vec<First>,
}

/// One of the first rows.
#[derive(Debug, Serialize)]
struct First {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    user_id: Option<String>,
    r#type: Option<&'static str>,
    state: &'static str,
}

impl Selected {
    /// Counts the rows that a filter includes; `None` if the filter leaves none out.
    pub fn of(ledger: &Reader, filter: &Filter, not_in: &[String]) -> Result<Option<Self>, Error> {
        if filter.is_all() {
            return Ok(None);
        }
        let states = filter.states.iter().map(|state| state.name()).collect();
        let mut selected = Self { states, not_in: not_in.to_vec(), rows: 0, first: Vec::new() };
        ledger.visit(|row| {
            if filter.has(&row) {
                selected.rows += 1;
                if selected.first.len() < ROWS_SHOWN {
                    selected.first.push(First::of(row));
                }
            }
            Ok(())
        })?;
        Ok(Some(selected))
    }

    /// Adds the rows of another ledger that the same filter includes.
    pub(super) fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.first.extend(more.first);
        self.first.truncate(ROWS_SHOWN);
    }

    /// Writes it for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let states = self.states.join(" or ").replace('_', " ");
        let files: Vec<_> = self.not_in.iter().map(|file| escape(file)).collect();
        let files = if files.is_empty() { None } else { Some(files.join(", ")) };
        let which = match (states.as_str(), files) {
            (states, None) => states.to_owned(),
            ("", Some(files)) => format!("not in {files}"),
            (states, Some(files)) => format!("{states}, not in {files}"),
        };
        let end = if self.rows == 0 { "" } else { ":" };
        writeln!(out, "{} {which}{end}", grouped(self.rows))?;
        for First { line, file, at, user_id, r#type, .. } in &self.first {
            let file = file.as_deref().map(|file| format!("{} ", escape(file))).unwrap_or_default();
            let at = at.as_deref().map(|at| format!(" ({})", escape(at))).unwrap_or_default();
            let user = escape(user_id.as_deref().unwrap_or_default());
            writeln!(out, "  {file}line {line}{at}  {user}  {}", r#type.unwrap_or_default())?;
        }
        match self.rows - self.first.len() as u64 {
            0 => Ok(()),
            more => writeln!(out, "  … and {} more; --format csv lists all", grouped(more)),
        }
    }
}

impl First {
    fn of(row: ReportRow) -> Self {
        let RowReport { line, file, at, user_id, r#type, state, .. } = row.into();
        Self { line, file, at, user_id, r#type, state }
    }
}
