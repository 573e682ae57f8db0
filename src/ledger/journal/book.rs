//! The numbers of this run's rows, and the reasons of those that have one. They change together, so
//! that the reasons of a state always add up to its number.

use crate::{
    ledger::tally::{ByState, Counts, RunReasons, Tally},
    model::{Code, Spot, State},
};

/// State of a row, and the code of its reason.
pub(super) type Standing = (State, Option<Code>);

/// Numbers and reasons that become visible with the next commit.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) counts: Counts,
    /// Changes of the reasons since the last commit.
    moves: Vec<Move>,
}

/// Run that a row is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SettledBy {
    /// This run.
    ThisRun,
    /// An earlier run, whose settled rows this one skips.
    EarlierRun,
}

/// A row that gains or loses a reason.
#[derive(Debug)]
struct Move {
    settled_by: SettledBy,
    state: State,
    code: Code,
    whose: Whose,
}

#[derive(Debug)]
enum Whose {
    In(Option<Spot>),
    Out(u32),
}

impl Book {
    /// Counts a row that reached a state in this run.
    pub(super) fn enter(&mut self, (state, code): Standing, spot: impl FnOnce() -> Option<Spot>) {
        self.counts.states[state] += 1;
        if state.has_reason() {
            self.note(SettledBy::ThisRun, (state, code), Whose::In(spot()));
        }
    }

    /// Counts a row that an earlier run has settled.
    pub(super) fn skip(&mut self, (state, code): Standing, spot: impl FnOnce() -> Option<Spot>) {
        self.counts.skipped += 1;
        if state.needs_attention() {
            self.counts.skipped_bad += 1;
            self.note(SettledBy::EarlierRun, (state, code), Whose::In(spot()));
        }
    }

    /// Counts a settled row anew, among the states of the run that settled it.
    pub(super) fn turn(
        &mut self,
        row: u32,
        settled_by: SettledBy,
        before: Standing,
        after: Standing,
        spot: Option<Spot>,
    ) {
        if before == after {
            return;
        }
        match settled_by {
            SettledBy::ThisRun => {
                self.counts.states[before.0] -= 1;
                if before.0.has_reason() {
                    self.note(settled_by, before, Whose::Out(row));
                }
                self.enter(after, || spot);
            }
            SettledBy::EarlierRun => {
                self.counts.skipped_bad -= u64::from(before.0.needs_attention());
                self.counts.skipped_bad += u64::from(after.0.needs_attention());
                if before.0.needs_attention() {
                    self.note(settled_by, before, Whose::Out(row));
                }
                if after.0.needs_attention() {
                    self.note(settled_by, after, Whose::In(spot));
                }
            }
        }
    }

    /// Makes all changes visible, once they are durable, together with the number of the ledger's
    /// rows in each state.
    pub(super) fn show(&mut self, tally: &Tally, taken_up: &ByState) {
        let told = &mut *tally.lock();
        (told.counts, told.taken_up) = (self.counts, *taken_up);
        for Move { settled_by, state, code, whose } in self.moves.drain(..) {
            let RunReasons { of_run, skipped } = &mut told.reasons;
            let reasons = match settled_by {
                SettledBy::ThisRun => of_run,
                SettledBy::EarlierRun => skipped,
            };
            match whose {
                Whose::In(spot) => reasons.add(state, code, spot),
                Whose::Out(row) => reasons.remove(state, code, row),
            }
        }
    }

    fn note(&mut self, settled_by: SettledBy, (state, code): Standing, whose: Whose) {
        // Each row in such a state has a reason; one written elsewhere may have none of ours.
        let code = code.unwrap_or(Code::Unknown);
        self.moves.push(Move { settled_by, state, code, whose });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reasons of each state add up to its number, whatever becomes of the rows.
    #[test]
    fn reasons_add_up_to_the_numbers_whatever_becomes_of_the_rows() {
        let states: Vec<_> = State::ALL.into_iter().filter(|state| state.is_settled()).collect();
        let mut rng = fastrand::Rng::with_seed(17);
        let some = |rng: &mut fastrand::Rng| -> Standing {
            let state = states[rng.usize(..states.len())];
            let code = Code::ALL[rng.usize(..4)];
            (state, Some(code).filter(|_| rng.u8(..) > 20))
        };
        for _ in 0..100 {
            let (tally, mut book) = (Tally::default(), Book::default());
            let mut rows: Vec<(SettledBy, Standing)> = Vec::new();
            for row in 0..200 {
                let spot = || Some(Spot { line: u64::from(row), at: None, row: Some(row) });
                let settled_by =
                    if rng.bool() { SettledBy::ThisRun } else { SettledBy::EarlierRun };
                let standing = some(&mut rng);
                match settled_by {
                    SettledBy::ThisRun => book.enter(standing, spot),
                    SettledBy::EarlierRun => book.skip(standing, spot),
                }
                rows.push((settled_by, standing));
                let index = rng.usize(..rows.len());
                let after = some(&mut rng);
                let (settled_by, before) = rows[index];
                book.turn(u32::try_from(index).unwrap(), settled_by, before, after, None);
                rows[index].1 = after;
                if rng.u8(..) < 50 {
                    book.show(&tally, &ByState::default());
                    let (counts, reasons) = tally.all();
                    for state in State::ALL.into_iter().filter(|state| state.has_reason()) {
                        assert_eq!(reasons.of_run.count(state), counts.states[state], "{state:?}");
                    }
                    let bad = State::ALL.into_iter().filter(|state| state.needs_attention());
                    let skipped: u64 = bad.map(|state| reasons.skipped.count(state)).sum();
                    assert_eq!(skipped, counts.skipped_bad);
                    assert_eq!(counts.rows(), rows.len() as u64);
                }
            }
        }
    }
}
