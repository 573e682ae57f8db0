//! Decisions of the ledger: which row is new, which is settled, and what an intent or an outcome
//! changes. Generic over the [`Store`], so that the same decisions run on SQLite and, in the
//! simulator, on a disk that loses what was not synced.

mod admission;
mod audit;
mod book;
mod changes;
mod cursor;
pub(in crate::ledger) mod index;
mod open;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    LedgerFault, Note,
    entry::Entry,
    journal::{
        book::{Book, Standing},
        cursor::Prints,
        index::Index,
        open::Open,
    },
    messages::{Intent, Undoable},
    seq::Seq,
    store::Store,
    tally::{ByState, Tally},
};
use crate::model::{
    Audit, Completion, Fingerprint, LocalTime, Operation, Reason, Settlement, Spread, State, UserId,
};

/// Rows that are read at once: neighbours in the input are mostly neighbours in the store.
const PAGE: u32 = 512;

/// The decisions, and the memory that they need.
#[derive(Debug)]
pub(in crate::ledger) struct Journal<S> {
    store: S,
    run: i64,
    index: Index,
    /// Entries admitted and not settled in this run; the engine's window bounds them.
    open: HashMap<Seq, Open, Spread>,
    /// Ids that were returned both for rows that are still open and for others.
    contested: HashMap<Seq, String, Spread>,
    page: Vec<(Seq, Entry)>,
    fingerprints: Prints,
    /// Settled states that are tried again in this run.
    retry: Vec<State>,
    /// Rows found through another row: the same address, in spellings that earlier versions told
    /// apart.
    twins: HashSet<Seq, Spread>,
    book: Book,
    tally: Arc<Tally>,
    dirty: bool,
}

impl<S: Store> Journal<S> {
    /// Reads the store. `run` is the number of this run.
    pub(in crate::ledger) fn open(
        mut store: S,
        run: i64,
        retry: Vec<State>,
        tally: Arc<Tally>,
    ) -> Result<Self, LedgerFault> {
        let mut index = Index::new();
        store.load(&mut |row| {
            index.insert(row.seq, row.fingerprint, row.user, row.status.state);
            index.set_unfinished(row.seq, row.status.rest().is_some());
        })?;
        let mut book = Book::default();
        book.show(&tally, &index.states());
        Ok(Self {
            store,
            run,
            index,
            open: HashMap::default(),
            contested: HashMap::default(),
            page: Vec::new(),
            fingerprints: Prints::default(),
            retry,
            twins: HashSet::default(),
            book,
            tally,
            dirty: false,
        })
    }

    /// Records that a request is about to leave. It may leave once this is committed.
    pub(in crate::ledger) fn record_intent(&mut self, intent: Intent) -> Result<(), LedgerFault> {
        let Some(open) = self.open.get_mut(&intent.seq) else {
            return Err(LedgerFault::bug("an intent for a row that is not open"));
        };
        let entry = &mut open.entry;
        entry.attempts += 1;
        entry.doubts = intent.doubts;
        if intent.doubts == 0 {
            (entry.intent_at, entry.skew) = (Some(intent.at), intent.skew);
            entry.marked = intent.marked;
        }
        entry.marked &= intent.marked;
        (entry.how, entry.status, entry.settled_at) = (None, None, None);
        entry.error = None;
        self.change(intent.seq, State::InFlight)
    }

    /// Records that the open attempt was not executed.
    pub(in crate::ledger) fn void(&mut self, seq: Seq) -> Result<(), LedgerFault> {
        let Some(open) = self.open.get_mut(&seq) else {
            return Err(LedgerFault::bug("a void intent for a row that is not open"));
        };
        open.entry.attempts = open.entry.attempts.saturating_sub(1);
        self.change(seq, State::Pending)
    }

    /// Records how a factor ended.
    pub(in crate::ledger) fn settle(
        &mut self,
        seq: Seq,
        settlement: Settlement,
        doubts: u32,
        at: LocalTime,
    ) -> Result<(), LedgerFault> {
        let Some(open) = self.open.get_mut(&seq) else {
            return Err(LedgerFault::bug("an outcome for a row that is not open"));
        };
        let entry = &mut open.entry;
        entry.how = Some(settlement.how);
        (entry.doubts, entry.audited) = (doubts, false);
        entry.method_id = settlement.method_id.map(Into::into);
        entry.status = settlement.status;
        entry.error = settlement.error;
        entry.settled_at = Some(at);
        let standing = (settlement.state, entry.error.as_ref().map(Reason::code));
        self.change(seq, settlement.state)?;
        let open = self.open.remove(&seq);
        let is_unfinished = |open: &Open| open.entry.status().rest().is_some();
        self.index.set_unfinished(seq, open.as_ref().is_some_and(is_unfinished));
        if !settlement.state.is_settled() {
            return Err(LedgerFault::bug("an outcome that settles nothing"));
        }
        self.book.enter(standing, || open.map(|open| open.spot(seq)));
        self.index.settle_now(seq);
        match self.contested.remove(&seq) {
            Some(id) => self.audit(seq, Audit::Contested(id)),
            None => Ok(()),
        }
    }

    /// Opens the newest rows below `before` whose factors were created and may be deleted, at most
    /// a page of them, newest first. An empty page means that nothing is left.
    pub(in crate::ledger) fn undoable(
        &mut self,
        before: Option<Seq>,
    ) -> Result<Vec<Undoable>, LedgerFault> {
        let mut end = before.unwrap_or(self.index.next()).0;
        let mut found = Vec::new();
        while end > 0 && found.is_empty() {
            let first = end.saturating_sub(PAGE);
            for (seq, entry) in self.store.range(Seq(first), end - first)?.into_iter().rev() {
                let created = matches!(entry.state, State::Created | State::Kept | State::Undoing);
                if entry.operation == Operation::Import && created {
                    self.book.counts.states[State::InFlight] +=
                        u64::from(entry.state == State::Undoing);
                    found.push(Undoable { seq, entry: entry.clone() });
                    self.open.insert(seq, Open { entry, stored: true, met_again: None });
                }
            }
            end = first;
        }
        Ok(found)
    }

    /// Records that a created factor is about to be deleted. That may begin once this is committed.
    pub(in crate::ledger) fn undo(&mut self, seq: Seq) -> Result<(), LedgerFault> {
        self.change(seq, State::Undoing)
    }

    /// Counts a row in a state of this run, with the reason for it, without changing it.
    pub(in crate::ledger) fn leave(&mut self, seq: Seq, standing: Standing) {
        if let Some(open) = self.open.remove(&seq) {
            self.book.counts.states[State::InFlight] -= u64::from(open.entry.state.is_under_way());
            self.book.enter(standing, || Some(open.spot(seq)));
        }
    }

    /// Returns the ids of methods that the ledger holds for other factors of `user`.
    pub(in crate::ledger) fn known(
        &mut self,
        user: &UserId,
        except: Seq,
    ) -> Result<Vec<Arc<str>>, LedgerFault> {
        let rows = self.rows_of(user)?.into_iter();
        let held = rows.filter(|(seq, entry)| {
            *seq != except && matches!(entry.operation, Operation::Import | Operation::Replace)
        });
        Ok(held.filter_map(|(_, entry)| entry.method_id).collect())
    }

    /// Returns the row of an import that created that method of `user`, if the ledger still holds
    /// it.
    pub(in crate::ledger) fn made(
        &mut self,
        user: &UserId,
        id: &str,
    ) -> Result<Option<Entry>, LedgerFault> {
        let made = |entry: &Entry| {
            entry.operation == Operation::Import
                && matches!(entry.state, State::Created | State::Kept)
                && entry.method_id.as_deref() == Some(id)
        };
        Ok(self.rows_of(user)?.into_iter().map(|(_, entry)| entry).find(made))
    }

    /// Returns the rows of `user` that are not open.
    fn rows_of(&mut self, user: &UserId) -> Result<Vec<(Seq, Entry)>, LedgerFault> {
        let mut rows = Vec::new();
        for seq in self.index.rows_of(user.as_str()) {
            if self.open.contains_key(&seq) {
                continue;
            }
            // Numbers of rows that were never written have no entry.
            let found = self.store.range(seq, 1)?.pop();
            rows.extend(found.filter(|(at, entry)| *at == seq && entry.user == *user));
        }
        Ok(rows)
    }

    /// Returns the number of rows in each state, of all runs.
    pub(in crate::ledger) fn states(&self) -> ByState {
        self.index.states()
    }

    /// Records a note about the run.
    pub(in crate::ledger) fn note(&mut self, note: Note, json: &str) -> Result<(), LedgerFault> {
        self.dirty = true;
        self.store.note(note, json)
    }

    /// Declares that this run's rows replace rows of other inputs that were refused for these
    /// codes.
    pub(in crate::ledger) fn note_selection(&mut self, codes: Vec<String>) {
        self.store.note_selection(codes);
    }

    /// Records how the run ended.
    pub(in crate::ledger) fn end_run(
        &mut self,
        completion: Completion,
        at: LocalTime,
    ) -> Result<(), LedgerFault> {
        self.dirty = true;
        let is_complete = completion == Completion::Complete;
        if is_complete && (self.book.counts.bad() > 0 || self.index.states()[State::InFlight] > 0) {
            self.store.note_bad()?;
        }
        self.store.end_run(completion, at)
    }

    /// Makes everything durable, and only then visible in the tally.
    pub(in crate::ledger) fn commit(&mut self) -> Result<(), LedgerFault> {
        if self.dirty {
            self.store.commit()?;
            self.dirty = false;
        }
        self.book.show(&self.tally, &self.index.states());
        Ok(())
    }

    /// Does work that could wait until all callers had their answers.
    pub(in crate::ledger) fn rest(&mut self) -> Result<(), LedgerFault> {
        self.store.rest()
    }

    fn change(&mut self, seq: Seq, state: State) -> Result<(), LedgerFault> {
        let Some(open) = self.open.get_mut(&seq) else {
            return Err(LedgerFault::bug("a change to a row that is not open"));
        };
        let before = std::mem::replace(&mut open.entry.state, state);
        if open.stored {
            self.store.update(seq, &open.entry)?;
        } else {
            self.store.insert(seq, &open.entry)?;
            open.stored = true;
        }
        let in_flight = &mut self.book.counts.states[State::InFlight];
        *in_flight -= u64::from(before.is_under_way());
        *in_flight += u64::from(state.is_under_way());
        self.index.set_state(seq, state);
        self.dirty = true;
        Ok(())
    }

    /// Returns the row with that fingerprint, confirmed by all of its 128 bits.
    fn find(&mut self, print: Fingerprint) -> Result<Option<Seq>, LedgerFault> {
        if let Some(seq) = self.fingerprints.follow(&mut self.store, print)? {
            return Ok(Some(seq));
        }
        let candidates: Vec<Seq> = self.index.candidates(print).collect();
        for seq in candidates {
            let same = match self.open.get(&seq) {
                Some(open) => open.entry.fingerprint == print,
                None => self.fingerprints.of(&mut self.store, seq)? == print,
            };
            if same {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Returns a stored entry in its present form; pages may be older.
    fn stored_anew(&mut self, seq: Seq) -> Result<Entry, LedgerFault> {
        let found = self.store.range(seq, 1)?.pop().filter(|(at, _)| *at == seq);
        found.map(|(_, entry)| entry).ok_or_else(|| LedgerFault::gone_row(seq))
    }

    /// Returns a stored entry, by way of a page: a resumed input asks for its rows in order.
    fn stored(&mut self, seq: Seq) -> Result<Entry, LedgerFault> {
        let at = |page: &[(Seq, Entry)]| page.binary_search_by_key(&seq, |(seq, _)| *seq).ok();
        if at(&self.page).is_none() {
            self.page = self.store.range(seq, PAGE)?;
        }
        at(&self.page)
            .and_then(|position| self.page.get(position))
            .map(|(_, entry)| entry.clone())
            .ok_or_else(|| LedgerFault::gone_row(seq))
    }
}
