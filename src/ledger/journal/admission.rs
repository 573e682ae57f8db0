//! Admission of rows: new, duplicate, to be done again, or settled by an earlier run.

use super::{Journal, Open, index};
use crate::{
    ledger::{
        LedgerFault,
        entry::Entry,
        messages::{Admission, Asked, Row},
        seq::Seq,
        store::Store,
    },
    model::{Fingerprint, History, Operation, Reason, Spot, State},
};

impl<S: Store> Journal<S> {
    /// Decides for each row whether there is anything to do.
    pub(in crate::ledger) fn admit(
        &mut self,
        rows: Vec<Row>,
    ) -> Result<Vec<Admission>, LedgerFault> {
        rows.into_iter().map(|row| self.admit_one(row)).collect()
    }

    fn admit_one(&mut self, row: Row) -> Result<Admission, LedgerFault> {
        let asked = match row {
            Row::Asked(asked) => asked,
            Row::Rejected(rejection) => {
                self.store.refuse(&rejection)?;
                self.dirty = true;
                let at = || rejection.at.as_deref().map(Into::into);
                let spot = || Some(Spot { line: rejection.line, at: at(), row: None });
                self.book.enter((rejection.refusal.state(), Some(rejection.code())), spot);
                self.book.counts.unsent += 1;
                return Ok(Admission::Done);
            }
        };
        // A ledger of an earlier version may hold both spellings: each row finds its own first.
        let found = match asked.as_written {
            Some(print) => self.find(print)?,
            None => None,
        };
        let found = match (found, self.find(asked.fingerprint)?) {
            (Some(seq), twin) => {
                self.twins.extend(twin);
                Some(seq)
            }
            (None, found) => found,
        };
        match found {
            None => self.enter(asked),
            Some(seq) if self.index.see(seq) => {
                self.book.counts.duplicates += 1;
                Ok(Admission::Done)
            }
            Some(seq) => self.meet_again(seq, asked),
        }
    }

    /// Admits a row that is new to the ledger.
    fn enter(&mut self, asked: Asked) -> Result<Admission, LedgerFault> {
        let seq = self.index.next();
        if seq.0 == u32::MAX {
            return Err(LedgerFault::full());
        }
        let user = index::user_hash(asked.user.as_str());
        self.index.insert(seq, asked.fingerprint, user, State::Pending);
        self.index.see(seq);
        self.open.insert(
            seq,
            Open { entry: asked.into_entry(self.run), stored: false, met_again: None },
        );
        Ok(Admission::Todo(seq, History::default()))
    }

    /// Admits a row that an earlier run has recorded.
    fn meet_again(&mut self, seq: Seq, asked: Asked) -> Result<Admission, LedgerFault> {
        let state = self.index.state(seq);
        if state.is_settled()
            && !is_to_do_again(state, asked.operation)
            && !self.retry.contains(&state)
        {
            return self.skip(seq, state, &asked);
        }
        let mut entry = self.stored(seq)?;
        let print = spelling(&entry, &asked);
        let history = match state {
            State::InFlight | State::Undoing => {
                self.book.counts.states[State::InFlight] += 1;
                // The open attempt is now in doubt.
                History { doubts: entry.doubts + 1, ..history_of(&entry) }
            }
            State::Pending => history_of(&entry),
            State::Created
            | State::AlreadyPresent
            | State::Rejected
            | State::Failed
            | State::NeedsReview
            | State::Replaced
            | State::Updated
            | State::Deleted
            | State::AlreadyGone
            | State::Undone
            | State::Kept
            | State::Exported
            | State::NotCarried
            | State::Resolved => {
                (entry.attempts, entry.doubts) = (0, 0);
                (entry.intent_at, entry.skew, entry.marked) = (None, None, false);
                (entry.name, entry.method_id) = (asked.name, asked.method_id);
                History::default()
            }
        };
        let history = History { print, ..history };
        let met_again = Some((asked.line, asked.at));
        self.open.insert(seq, Open { entry, stored: true, met_again });
        Ok(if state.is_under_way() {
            Admission::InDoubt(seq, history)
        } else {
            Admission::Todo(seq, history)
        })
    }

    /// Leaves a settled row alone, except for what its run had still to do.
    fn skip(&mut self, seq: Seq, state: State, asked: &Asked) -> Result<Admission, LedgerFault> {
        let code = if state.needs_attention() {
            self.stored(seq)?.error.as_ref().map(Reason::code)
        } else {
            None
        };
        let (line, at) = (asked.line, || asked.at.clone());
        self.book.skip((state, code), || Some(Spot { line, at: at(), row: Some(seq.0) }));
        if !self.index.is_unfinished(seq) {
            return Ok(Admission::Done);
        }
        let entry = self.stored(seq)?;
        let history = History { print: spelling(&entry, asked), ..history_of(&entry) };
        Ok(match entry.status().rest() {
            Some(rest) => Admission::Unfinished(seq, history, entry.method_id, rest),
            None => Admission::Done,
        })
    }
}

/// Returns whether an import starts again with a settled row: an undone factor is created again
/// when it is requested.
fn is_to_do_again(state: State, operation: Operation) -> bool {
    operation == Operation::Import && matches!(state, State::Undone | State::AlreadyGone)
}

/// Returns the fingerprint of an entry that was made from the address as written.
fn spelling(entry: &Entry, asked: &Asked) -> Option<Fingerprint> {
    asked.as_written.filter(|print| *print == entry.fingerprint)
}

/// Returns what an entry remembers of a factor's attempts.
fn history_of(entry: &Entry) -> History {
    History {
        attempts: entry.attempts,
        doubts: entry.doubts,
        intent_at: entry.intent_at.unwrap_or_default(),
        skew: entry.skew,
        marked: entry.marked,
        ..History::default()
    }
}
