//! The loop that owns the store: take what waits, apply it, commit once, answer.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{
    LedgerFault,
    book::{Admission, Book, Intent, Row, Store, Undoable},
    seq::Seq,
};
use crate::{
    api::Millis,
    model::{State, UserId},
    retry::{Audit, Settlement},
};

/// How many commands share a commit at most (performance.md 3: more gains little). None of them
/// writes more than one row of a factor.
pub(super) const BATCH: usize = 1024;

/// What can be asked of the ledger.
#[derive(Debug)]
pub(super) enum Command {
    Admit(Vec<Row>, oneshot::Sender<Vec<Admission>>),
    Intend(Intent, oneshot::Sender<()>),
    Void(Seq),
    Settle(Seq, Settlement, u32),
    Audit(Seq, Audit),
    Restored(Seq),
    Known(UserId, Seq, oneshot::Sender<Vec<Arc<str>>>),
    Undoable(Option<Seq>, oneshot::Sender<Vec<Undoable>>),
    Undo(Seq, oneshot::Sender<()>),
    Leave(Seq, State),
    EndRun(bool, oneshot::Sender<()>),
}

/// An answer that waits for the commit. Whoever asked may have gone; that is no fault.
enum Reply {
    Admitted(oneshot::Sender<Vec<Admission>>, Vec<Admission>),
    Known(oneshot::Sender<Vec<Arc<str>>>, Vec<Arc<str>>),
    Undoable(oneshot::Sender<Vec<Undoable>>, Vec<Undoable>),
    Done(oneshot::Sender<()>),
}

/// Runs until the last handle is dropped or something fails; then `fault` says what.
pub(super) async fn run<S: Store>(
    mut book: Book<S>,
    mut queue: mpsc::Receiver<Command>,
    fault: Arc<Mutex<Option<LedgerFault>>>,
    now: fn() -> Millis,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        // Replies that are dropped, and `queue`, make everybody ask for the reason, now and later:
        // nobody may read it before it is written, and `apply` drops replies as it fails.
        let mut reason = fault.lock().unwrap_or_else(PoisonError::into_inner);
        match apply(&mut book, &mut batch, now) {
            Ok(replies) => {
                drop(reason);
                replies.into_iter().for_each(Reply::send);
            }
            Err(error) => {
                *reason = Some(error);
                return;
            }
        }
        if let Err(error) = book.rest() {
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return;
        }
    }
}

fn apply<S: Store>(
    book: &mut Book<S>,
    batch: &mut Vec<Command>,
    now: fn() -> Millis,
) -> Result<Vec<Reply>, LedgerFault> {
    let mut replies = Vec::with_capacity(batch.len());
    for command in batch.drain(..) {
        match command {
            Command::Admit(rows, reply) => {
                replies.push(Reply::Admitted(reply, book.admit(rows)?));
            }
            Command::Intend(intent, reply) => {
                book.intend(intent)?;
                replies.push(Reply::Done(reply));
            }
            Command::Void(seq) => book.void(seq)?,
            Command::Settle(seq, settlement, doubts) => {
                book.settle(seq, settlement, doubts, now())?;
            }
            Command::Audit(seq, audit) => book.audit(seq, audit)?,
            Command::Restored(seq) => book.restored(seq)?,
            Command::Known(user, except, reply) => {
                replies.push(Reply::Known(reply, book.known(&user, except)?));
            }
            Command::Undoable(before, reply) => {
                replies.push(Reply::Undoable(reply, book.undoable(before)?));
            }
            Command::Undo(seq, reply) => {
                book.undo(seq)?;
                replies.push(Reply::Done(reply));
            }
            Command::Leave(seq, state) => book.leave(seq, state),
            Command::EndRun(complete, reply) => {
                book.end_run(complete, now())?;
                replies.push(Reply::Done(reply));
            }
        }
    }
    book.commit()?;
    Ok(replies)
}

impl Reply {
    fn send(self) {
        match self {
            Self::Admitted(reply, admissions) => drop(reply.send(admissions)),
            Self::Known(reply, ids) => drop(reply.send(ids)),
            Self::Undoable(reply, rows) => drop(reply.send(rows)),
            Self::Done(reply) => drop(reply.send(())),
        }
    }
}
