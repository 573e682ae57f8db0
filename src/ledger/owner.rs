//! The loop that owns the store: take what waits, apply it, commit once, answer.
//!
//! A caller waits for an intent; none waits for an outcome. Outcomes have a queue of their own, and
//! go with the next commit that is needed anyhow, or by themselves after a tenth of a second
//! (reliability.md 1.3, R3): the factors of lost outcomes are merely looked up after a crash.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    COMMANDS_QUEUED, LedgerFault, Note,
    entry::Entry,
    journal::Journal,
    messages::{Admission, Intent, Row, Undoable},
    seq::Seq,
    store::Store,
    tally::{ByState, Changes},
};
use crate::{
    model::{Audit, Code, Completion, LocalTime, Settlement, State, UserId},
    sync::lock,
};

/// Maximum number of awaited commands that share a commit (performance.md 3: more gains
/// little).
const COMMANDS_PER_COMMIT: usize = 1024;
/// Maximum number of rows written between two commits.
pub(super) const MAX_ROWS_PER_COMMIT: usize = COMMANDS_PER_COMMIT + COMMANDS_QUEUED;
/// Maximum time that an outcome waits for a commit.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// Queues of the owner.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Commands whose sender waits.
    pub(super) urgent: mpsc::Receiver<Command>,
    /// Commands whose sender does not wait.
    pub(super) patient: mpsc::Receiver<Command>,
    /// Notified of each command in the second queue, except while that queue is polled.
    pub(super) wakeup: Arc<Notify>,
    /// Time at which the second queue is polled.
    pub(super) due: Option<Instant>,
}

impl Inbox {
    /// Waits for commands and takes them; returns false when there will be no more.
    async fn take(&mut self, batch: &mut Vec<Command>) -> bool {
        loop {
            let due = self.due;
            let alarm = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let mut urgent = Vec::new();
            let mut open = true;
            tokio::select! {
                biased;
                count = self.urgent.recv_many(&mut urgent, COMMANDS_PER_COMMIT) => open = count > 0,
                () = alarm => {}
                () = self.wakeup.notified(), if due.is_none() => {
                    self.due = Some(Instant::now() + COMMIT_INTERVAL);
                    continue;
                }
            }
            // Commands sent before an urgent one are applied before it. An admission does not
            // depend on them: committing them each time would cost a sync.
            let only_admits = urgent.iter().all(|command| matches!(command, Command::Admit(..)));
            let is_due = due.is_some_and(|at| at <= Instant::now());
            if is_due || !open || !only_admits {
                self.empty(batch);
            }
            batch.append(&mut urgent);
            if !batch.is_empty() || !open {
                return !batch.is_empty();
            }
        }
    }

    /// Takes the commands whose sender does not wait. While it finds some each time, the queue is
    /// polled, and no sender has to wake the owner.
    fn empty(&mut self, batch: &mut Vec<Command>) {
        let before = batch.len();
        while batch.len() < COMMANDS_QUEUED
            && let Ok(command) = self.patient.try_recv()
        {
            batch.push(command);
        }
        self.due = (batch.len() > before).then(|| Instant::now() + COMMIT_INTERVAL);
    }
}

/// Command to the ledger.
#[derive(Debug)]
pub(super) enum Command {
    Admit(Vec<Row>, oneshot::Sender<Vec<Admission>>),
    Intend(Vec<Intent>, oneshot::Sender<()>),
    Void(Seq),
    Settle(Seq, Settlement, u32),
    Audit(Seq, Audit),
    Restored(Seq),
    Known(UserId, Seq, oneshot::Sender<Vec<Arc<str>>>),
    Made(UserId, Box<str>, oneshot::Sender<Option<Box<Entry>>>),
    Undoable(Option<Seq>, oneshot::Sender<Vec<Undoable>>),
    Undo(Seq, oneshot::Sender<()>),
    Leave(Seq, State, Option<Code>),
    States(oneshot::Sender<ByState>),
    Changes(oneshot::Sender<Changes>),
    Flush(oneshot::Sender<()>),
    Note(Note, String),
    Selection(Vec<String>),
    EndRun(Completion, oneshot::Sender<()>),
}

/// An answer that waits for the commit. It is no fault if the caller has gone.
enum Reply {
    Admitted(oneshot::Sender<Vec<Admission>>, Vec<Admission>),
    Known(oneshot::Sender<Vec<Arc<str>>>, Vec<Arc<str>>),
    Made(oneshot::Sender<Option<Box<Entry>>>, Option<Box<Entry>>),
    Undoable(oneshot::Sender<Vec<Undoable>>, Vec<Undoable>),
    States(oneshot::Sender<ByState>, ByState),
    Changes(oneshot::Sender<Changes>, Changes),
    Done(oneshot::Sender<()>),
}

/// Runs until the last handle is dropped or something fails; then `fault` holds the reason.
pub(super) async fn run<S: Store>(
    mut journal: Journal<S>,
    mut inbox: Inbox,
    fault: Arc<Mutex<Option<LedgerFault>>>,
    now: fn() -> LocalTime,
) {
    let mut batch = Vec::with_capacity(COMMANDS_PER_COMMIT);
    while inbox.take(&mut batch).await {
        // Dropped replies and the closed inbox make every caller ask for the reason, now and later:
        // it must be written before any of them can read it, and `apply` drops replies when it
        // fails.
        let mut reason = lock(&fault);
        match apply(&mut journal, &mut batch, now) {
            Ok(replies) => {
                drop(reason);
                replies.into_iter().for_each(Reply::send);
            }
            Err(error) => {
                *reason = Some(error);
                return;
            }
        }
        if let Err(error) = journal.rest() {
            *lock(&fault) = Some(error);
            return;
        }
    }
}

fn apply<S: Store>(
    journal: &mut Journal<S>,
    batch: &mut Vec<Command>,
    now: fn() -> LocalTime,
) -> Result<Vec<Reply>, LedgerFault> {
    let mut replies = Vec::with_capacity(batch.len());
    for command in batch.drain(..) {
        match command {
            Command::Admit(rows, reply) => {
                replies.push(Reply::Admitted(reply, journal.admit(rows)?));
            }
            Command::Intend(intents, reply) => {
                for intent in intents {
                    journal.record_intent(intent)?;
                }
                replies.push(Reply::Done(reply));
            }
            Command::Void(seq) => journal.void(seq)?,
            Command::Settle(seq, settlement, doubts) => {
                journal.settle(seq, settlement, doubts, now())?;
            }
            Command::Audit(seq, audit) => journal.audit(seq, audit)?,
            Command::Restored(seq) => journal.restored(seq)?,
            Command::Known(user, except, reply) => {
                replies.push(Reply::Known(reply, journal.known(&user, except)?));
            }
            Command::Made(user, id, reply) => {
                let entry = journal.made(&user, &id)?.map(Box::new);
                replies.push(Reply::Made(reply, entry));
            }
            Command::Undoable(before, reply) => {
                replies.push(Reply::Undoable(reply, journal.undoable(before)?));
            }
            Command::Undo(seq, reply) => {
                journal.undo(seq)?;
                replies.push(Reply::Done(reply));
            }
            Command::Leave(seq, state, code) => journal.leave(seq, (state, code)),
            Command::States(reply) => replies.push(Reply::States(reply, journal.states())),
            Command::Changes(reply) => replies.push(Reply::Changes(reply, journal.changes()?)),
            Command::Flush(reply) => replies.push(Reply::Done(reply)),
            Command::Note(note, json) => journal.note(note, &json)?,
            Command::Selection(codes) => journal.note_selection(codes),
            Command::EndRun(completion, reply) => {
                journal.end_run(completion, now())?;
                replies.push(Reply::Done(reply));
            }
        }
    }
    journal.commit()?;
    Ok(replies)
}

impl Reply {
    fn send(self) {
        match self {
            Self::Admitted(reply, admissions) => drop(reply.send(admissions)),
            Self::Known(reply, ids) => drop(reply.send(ids)),
            Self::Made(reply, entry) => drop(reply.send(entry)),
            Self::Undoable(reply, rows) => drop(reply.send(rows)),
            Self::States(reply, states) => drop(reply.send(states)),
            Self::Changes(reply, changes) => drop(reply.send(changes)),
            Self::Done(reply) => drop(reply.send(())),
        }
    }
}
