//! Selects rows of an input that are in given states according to a ledger, and writes them
//! unchanged.
//!
//! Rows are found by fingerprint, wherever they are in the input. Bad rows have none: they are
//! found by planning them again. A unit with several rows, such as a user's line of JSON, is
//! written whole.

mod output;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use output::Output;

use crate::{
    input::{PieceKind, Written},
    ledger::{Key, Known, Prints},
    model::{Code, FactorType, Planned, Rejection, Shard, State},
    plan::Plan,
};

/// State of an input's row, according to a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowState {
    /// Its factor is in this state, or the row is refused while it is read.
    In(State),
    /// It is not in the ledger.
    Unsettled,
}

impl RowState {
    /// States that rows of an import can be in.
    pub const ALL: [Self; 11] = [
        Self::In(State::Created),
        Self::In(State::AlreadyPresent),
        Self::In(State::Rejected),
        Self::In(State::NotCarried),
        Self::In(State::Failed),
        Self::In(State::NeedsReview),
        Self::In(State::InFlight),
        Self::In(State::Undone),
        Self::In(State::Kept),
        Self::In(State::AlreadyGone),
        Self::Unsettled,
    ];

    /// Returns whether somebody has to look at rows in this state.
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::In(state) if state.needs_attention())
    }

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In(state) => state.name(),
            Self::Unsettled => "unsettled",
        }
    }
}

/// Criteria for rows: a selected row meets all of them.
#[derive(Debug, Clone)]
pub struct Criteria {
    /// States, one of which a row must have.
    pub states: Vec<RowState>,
    /// Codes, one of which it must have, if any are given.
    pub codes: Vec<Code>,
    /// Types, one of which it must have, if any are given.
    pub types: Vec<FactorType>,
    /// True if `mf_code` in the output states what was wrong.
    pub with_reason: bool,
}

/// Notes on a row, taken where it is planned.
#[derive(Debug)]
pub struct Noted {
    factor_type: Option<FactorType>,
    /// False for a row of another shard than the ledger's.
    is_of_ledger: bool,
    /// Fingerprints of a factor, or the rejection of the row.
    row: Result<Prints, Box<Rejection>>,
}

/// Returns the function that notes what [`Selection::take`] needs to know about each plan, for a
/// ledger of that shard.
pub fn noter(key: Key, shard: Shard) -> impl FnMut(Plan) -> Noted + Send {
    move |plan| match plan.planned {
        Planned::Factor(factor) => Noted {
            factor_type: Some(factor.factor_type()),
            is_of_ledger: shard.has_user(Some(&factor.user)),
            row: Ok(key.prints(&factor)),
        },
        Planned::Rejected(rejection) => Noted {
            factor_type: rejection.factor_type,
            is_of_ledger: shard.has_user(rejection.user.as_ref()),
            row: Err(rejection),
        },
    }
}

/// Numbers of rows that were read and written.
#[derive(Debug, Default)]
pub struct Totals {
    /// Rows read.
    pub rows: u64,
    /// Selected rows, by state.
    pub selected: BTreeMap<RowState, u64>,
    /// Rows that meet all criteria except the state, by state.
    pub other_states: BTreeMap<RowState, u64>,
    /// Rows that are not selected but share a line with one that is.
    pub along: u64,
    /// Lines and elements that could not take a code, because they are not JSON objects.
    pub without_code: u64,
    /// Selected elements that could not be kept, because they are too long.
    pub left_out: u64,
    /// Rows of people who share a user id with somebody else: all of them, and the selected ones.
    pub colliding: (u64, u64),
    /// True if the last row is selected and was refused because the input seems to be cut off in
    /// it.
    pub is_cut_off: bool,
    /// True if the output is JSON.
    pub is_json: bool,
    /// True if the ledger knows any of the rows.
    pub is_known: bool,
}

impl Totals {
    /// Returns the number of selected rows.
    pub fn n_selected(&self) -> u64 {
        self.selected.values().sum()
    }
}

/// A row's state and the reasons for it.
#[derive(Debug)]
struct Judged {
    state: RowState,
    codes: Vec<Code>,
    is_wanted: bool,
}

/// Writes the selected rows as they come.
#[derive(Debug)]
pub struct Selection {
    criteria: Criteria,
    known: Known,
    output: Output,
    totals: Totals,
}

impl Selection {
    /// Makes a selection by what a ledger knows.
    pub fn new(criteria: Criteria, known: Known) -> Self {
        let output = Output::new(criteria.with_reason);
        Self { criteria, known, output, totals: Totals::default() }
    }

    /// Takes rows with the text that they are written as, and writes the selected ones.
    pub fn take(
        &mut self,
        rows: Vec<Noted>,
        written: &Written,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut rows = rows.into_iter();
        for (kind, piece, n_rows) in written.pieces() {
            if n_rows == 0 {
                self.output.head(kind, piece, out)?;
                continue;
            }
            let of_ledger = rows.by_ref().take(n_rows).filter(|row| row.is_of_ledger);
            let judged: Vec<_> = of_ledger.map(|row| self.judge(row)).collect();
            let n_wanted = self.count(&judged);
            if n_wanted == 0 {
                continue;
            }
            // Nothing was kept of an element that is too long.
            if piece.is_empty() {
                self.totals.left_out += n_wanted;
                continue;
            }
            let is_cut = !piece.ends_with(b"\n")
                && judged.iter().any(|row| row.codes.contains(&Code::CutOff));
            self.totals.is_cut_off |= is_cut && matches!(kind, PieceKind::Record { .. });
            self.totals.along += judged.len() as u64 - n_wanted;
            self.totals.without_code +=
                u64::from(!self.output.write(kind, piece, &codes(&judged), out)?);
        }
        Ok(())
    }

    /// Returns the totals at the end.
    pub fn finish(self) -> Totals {
        Totals { is_json: self.output.is_json(), ..self.totals }
    }

    fn judge(&mut self, row: Noted) -> Judged {
        let Noted { factor_type, row, .. } = row;
        let (state, codes) = match row {
            Ok(prints) => match self.known.find(prints) {
                Some(known) => {
                    self.totals.is_known = true;
                    let state = match known.state {
                        // Both are shown under one name.
                        State::Undoing => State::InFlight,
                        state => state,
                    };
                    (RowState::In(state), known.code.into_iter().collect())
                }
                None => (RowState::Unsettled, Vec::new()),
            },
            Err(rejection) => {
                self.totals.is_known = self.totals.is_known || self.known.has_refused(&rejection);
                (RowState::In(rejection.refusal.state()), rejection.codes().collect())
            }
        };
        let Criteria { states, codes: wanted, types, .. } = &self.criteria;
        let is_near = (wanted.is_empty() || codes.iter().any(|code| wanted.contains(code)))
            && (types.is_empty() || factor_type.is_some_and(|of| types.contains(&of)));
        let is_wanted = is_near && states.contains(&state);
        self.totals.rows += 1;
        let is_colliding = codes.contains(&Code::UserCollision);
        self.totals.colliding.0 += u64::from(is_colliding);
        self.totals.colliding.1 += u64::from(is_colliding && is_wanted);
        if is_near && !is_wanted {
            *self.totals.other_states.entry(state).or_default() += 1;
        }
        Judged { state, codes, is_wanted }
    }

    /// Counts the selected rows, and returns their number.
    fn count(&mut self, judged: &[Judged]) -> u64 {
        let wanted = judged.iter().filter(|row| row.is_wanted);
        wanted.map(|row| *self.totals.selected.entry(row.state).or_default() += 1).count() as u64
    }
}

/// Returns the codes of rows that belong together: each code once, of rows that are selected or
/// bad.
fn codes(judged: &[Judged]) -> String {
    let told = judged.iter().filter(|row| row.is_wanted || row.state.needs_attention());
    let mut names: Vec<&str> = Vec::new();
    for code in told.flat_map(|row| &row.codes) {
        if !names.contains(&code.name()) {
            names.push(code.name());
        }
    }
    names.join(" ")
}

#[cfg(test)]
mod tests;
