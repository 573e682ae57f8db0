//! Changes to a row that is already settled: what the list at the end of the run shows, and a name
//! that was restored.

use super::Journal;
use crate::{
    ledger::{LedgerFault, entry::Entry, seq::Seq, store::Store},
    model::{Audit, Code, How, Reason, Spot, State},
};

impl<S: Store> Journal<S> {
    /// Records what the list at the end of the run shows about a settled factor.
    pub(in crate::ledger) fn audit(&mut self, seq: Seq, audit: Audit) -> Result<(), LedgerFault> {
        if let (Audit::Contested(id), true) = (&audit, self.open.contains_key(&seq)) {
            self.contested.insert(seq, id.clone());
            return Ok(());
        }
        let mut entry = self.stored_anew(seq)?;
        // A count of this run covers only what this run has settled.
        let settled_by = self.index.settled_by(seq);
        entry.audited = true;
        let standing = |entry: &Entry| (entry.state, entry.error.as_ref().map(Reason::code));
        let (before, stood) = (entry.state, standing(&entry));
        match audit {
            Audit::NotDone => return Ok(()),
            Audit::Sound => {}
            // If more evidence did not suffice before, less does not now: only a mark is certain.
            // For a row that was never looked up this is the first judgement.
            Audit::Appeared(id)
                if before == State::NeedsReview && !entry.marked && !is_contested(&entry) =>
            {
                entry.method_id = Some(id.into());
            }
            Audit::Appeared(id) => {
                (entry.state, entry.how) = (State::Created, Some(How::Reconciled));
                (entry.method_id, entry.error) = (Some(id.into()), None);
            }
            // The list at the end of the next run shows what the user really has.
            Audit::Contested(id) => {
                if (before, entry.how) != (State::Created, Some(How::Response)) {
                    return Ok(());
                }
                (entry.state, entry.audited) = (State::NeedsReview, false);
                (entry.doubts, entry.method_id) = (entry.doubts.max(1), None);
                entry.error = Some(Reason::with(Code::IdGivenTwice, &id));
            }
            Audit::Doubled(ids) => {
                let others = ids.get(1..).unwrap_or_default().join(" ");
                entry.state = State::NeedsReview;
                entry.method_id = ids.first().map(|id| id.as_str().into());
                entry.error = Some(Reason::with(Code::AlsoThere, &others));
            }
        }
        // If an earlier run recorded it first, its line may be different in this run's input.
        let spot = (entry.run == self.run).then(|| {
            let (line, at) = (entry.line, entry.at.clone());
            Spot { line, at, row: Some(seq.0) }
        });
        self.book.turn(seq.0, settled_by, stood, standing(&entry), spot);
        self.store.update(seq, &entry)?;
        self.index.set_state(seq, entry.state);
        self.index.set_unfinished(seq, entry.status().rest().is_some());
        self.dirty = true;
        Ok(())
    }

    /// Records that a created factor's name has been restored.
    pub(in crate::ledger) fn restored(&mut self, seq: Seq) -> Result<(), LedgerFault> {
        let mut entry = self.stored_anew(seq)?;
        entry.marked = false;
        self.store.update(seq, &entry)?;
        self.index.set_unfinished(seq, entry.status().rest().is_some());
        self.dirty = true;
        Ok(())
    }
}

fn is_contested(entry: &Entry) -> bool {
    entry.error.as_ref().is_some_and(|reason| reason.code() == Code::IdGivenTwice)
}
