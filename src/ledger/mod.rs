//! The ledger: what the tenant was asked and what came of it, durable before it is relied on.
//!
//! One [`Owner`] holds the store. It takes whatever waits, applies it, commits once (one sync for
//! all of it), and only then answers: an intent is durable when [`Ledger::record_intents`] returns,
//! and the [`Tally`] counts only what is durable. A seal beside the ledger tells the next run
//! whether any of it has been lost since. The first failed write or sync ends it: every later call
//! fails, so nothing more is sent (reliability.md, R9).
//!
//! A row's number ([`Seq`]) is assigned in order of admission and is the only key; "seen before?"
//! is answered by an index in memory, loaded by one scan (performance.md 3).

use std::{
    fmt,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
};

use serde::Serialize;
use tokio::sync::{Notify, mpsc, oneshot};

mod disk;
mod entry;
mod fault;
mod fingerprint;
mod journal;
mod kind;
mod messages;
mod owner;
mod pseudonyms;
mod seen;
mod seq;
mod store;
mod tally;

pub use disk::{
    file::SIDES,
    known::{Known, KnownRow},
    notes::{LastRun, Note, RunRecord},
    open::{FORMAT, OLD_FORMAT},
    proofs::{Proved, ProvedRight, record_proofs},
    reader::{Reader, ReportRow},
    survey::{Survey, Surveyed},
};
pub use entry::{Entry, Glance, Remaining, RowSummary};
pub use fault::LedgerFault;
pub use fingerprint::{Key, Prints};
pub use kind::LedgerKind;
pub use messages::{Admission, Asked, Intent, Row, Undoable};
pub use pseudonyms::Pseudonyms;
pub use seen::{FactorHasher, Seen};
pub use seq::Seq;
pub use store::Store;
pub use tally::{ByState, Changes, Counts, RunReasons, Tally};

use crate::{
    error::Error,
    model::{Audit, Completion, Lines, LocalTime, Reason, Settlement, Shard, State, UserId},
    sync::lock,
};
use disk::{file, open, shard, sqlite};
use journal::Journal;
use owner::{Command, Inbox};

/// Most commands that wait for the owner at a time.
const COMMANDS_QUEUED: usize = 4096;

/// Description of a run, to open a ledger with.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The tenant's base URL: a ledger is bound to it.
    pub tenant: &'a str,
    /// `import` and so on.
    pub command: &'a str,
    /// Kind of its rows.
    pub kind: LedgerKind,
    /// The input's name as given.
    pub input: &'a str,
    /// Settled states that are tried again.
    pub retry: Vec<State>,
    /// Shard of the input, which must be the ledger's; `None` for a command without shards.
    pub shard: Option<Shard>,
    /// Wall clock.
    pub now: fn() -> LocalTime,
}

/// A handle to the ledger of this run; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    commands: mpsc::Sender<Command>,
    /// Queue for commands without a reply.
    outcomes: mpsc::Sender<Command>,
    wakeup: Arc<Notify>,
    fault: Arc<Mutex<Option<LedgerFault>>>,
    tally: Arc<Tally>,
    id: Arc<str>,
    path: Arc<Path>,
}

/// A ledger that has just been opened.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub ledger: Ledger,
    /// Key of the fingerprints.
    pub key: Key,
    /// True if an earlier run used it.
    pub resumed: bool,
    /// Must run before the ledger can answer.
    pub owner: Owner,
}

/// Writer of the ledger, for all handles. It ends when the last handle is dropped and everything is
/// written. Each commit blocks the thread on which it runs for as long as the disk takes.
pub struct Owner(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Owner {
    /// Runs the owner on this thread, which does nothing else until it ends.
    pub fn block(self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let started = |source| Error::Io { what: "starting the ledger".into(), source };
        runtime.map_err(started)?.block_on(self.0);
        Ok(())
    }

    /// Runs the owner among the tasks of a runtime, all of which then wait for the disk.
    pub async fn share(self) -> Result<(), Error> {
        self.0.await;
        Ok(())
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(…)")
    }
}

impl Ledger {
    /// Opens the ledger at `path`, or creates it. Blocks while it reads the rows.
    pub fn open(path: &Path, opening: Opening<'_>) -> Result<Opened, Error> {
        Self::try_open(path, opening).map_err(|fault| fault.at(path))
    }

    fn try_open(path: &Path, opening: Opening<'_>) -> Result<Opened, LedgerFault> {
        let at = (opening.now)();
        let shard = opening.shard.unwrap_or_default();
        let create = |path: &Path, id: &str| open::create(path, id, opening.tenant, shard, at);
        let lock = file::lock(path, create)?;
        let (store, meta, resumed) =
            sqlite::Sqlite::open(lock, opening.tenant, opening.command, opening.input, at)?;
        let check = |shard| shard::check((meta.shard, shard), opening.kind);
        opening.shard.map_or(Ok(()), check)?;
        let run = store.run();
        let key = Key::new(&meta.key);
        let (ledger, owner) = Self::start(store, run, &meta.id, path, opening.retry, opening.now)?;
        Ok(Opened { ledger, key, resumed, owner: Owner(Box::pin(owner)) })
    }

    /// Makes a ledger over a store other than a file, and the future that owns it: for simulations,
    /// in which store, engine and tenant share one clock. `run` is the number of this run.
    pub fn over<S: Store + 'static>(
        store: S,
        run: i64,
        now: fn() -> LocalTime,
    ) -> Result<(Self, impl Future<Output = ()> + Send), Error> {
        let path = Path::new("(simulated)");
        Self::start(store, run, "0", path, Vec::new(), now).map_err(|fault| fault.at(path))
    }

    fn start<S: Store + 'static>(
        store: S,
        run: i64,
        id: &str,
        path: &Path,
        retry: Vec<State>,
        now: fn() -> LocalTime,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<S>), LedgerFault> {
        let tally = Arc::new(Tally::default());
        let journal = Journal::open(store, run, retry, Arc::clone(&tally))?;
        let (commands, urgent) = mpsc::channel(COMMANDS_QUEUED);
        let (outcomes, patient) = mpsc::channel(COMMANDS_QUEUED);
        let wakeup = Arc::new(Notify::new());
        let inbox = Inbox { urgent, patient, wakeup: Arc::clone(&wakeup), due: None };
        let fault = Arc::new(Mutex::new(None));
        let owner = owner::run(journal, inbox, Arc::clone(&fault), now);
        let ledger =
            Self { commands, outcomes, wakeup, fault, tally, id: id.into(), path: path.into() };
        Ok((ledger, owner))
    }

    /// Asks for each row whether there is anything to do. Rejected rows are recorded.
    pub async fn admit(&self, rows: Vec<Row>) -> Result<Vec<Admission>, Error> {
        self.ask(|reply| Command::Admit(rows, reply)).await
    }

    /// Records intents of requests that are about to leave; durable on return.
    pub async fn record_intents(&self, intents: Vec<Intent>) -> Result<(), Error> {
        self.ask(|reply| Command::Intend(intents, reply)).await
    }

    /// Records that the open attempt was not executed. Durable with the next commit; if that is
    /// lost, the attempt is merely looked up.
    pub async fn void(&self, seq: Seq) -> Result<(), Error> {
        self.mention(Command::Void(seq)).await
    }

    /// Records how a factor ended, and how many of its attempts were in doubt. Durable with the
    /// next commit; if that is lost, the factor is looked up again.
    pub async fn settle(&self, seq: Seq, settlement: Settlement, doubts: u32) -> Result<(), Error> {
        self.mention(Command::Settle(seq, settlement, doubts)).await
    }

    /// Records what the list at the end of the run shows about a settled factor.
    pub async fn audit(&self, seq: Seq, audit: Audit) -> Result<(), Error> {
        self.mention(Command::Audit(seq, audit)).await
    }

    /// Records that a created factor's name has been restored.
    pub async fn restored(&self, seq: Seq) -> Result<(), Error> {
        self.mention(Command::Restored(seq)).await
    }

    /// Returns the ids of methods that the ledger holds for other factors of `user`.
    pub async fn known(&self, user: &UserId, except: Seq) -> Result<Vec<Arc<str>>, Error> {
        let user = user.clone();
        self.ask(|reply| Command::Known(user, except, reply)).await
    }

    /// Returns the row of an import that created that method of `user`, if the ledger still holds
    /// it.
    pub async fn made(&self, user: &UserId, method: &str) -> Result<Option<Box<Entry>>, Error> {
        let (user, method) = (user.clone(), method.into());
        self.ask(|reply| Command::Made(user, method, reply)).await
    }

    /// Returns the newest rows below `before` whose factors were created and may be deleted, newest
    /// first, one batch at a time; none when there are no more.
    pub async fn undoable(&self, before: Option<Seq>) -> Result<Vec<Undoable>, Error> {
        self.ask(|reply| Command::Undoable(before, reply)).await
    }

    /// Records that a created factor is about to be deleted; durable on return.
    pub async fn undo(&self, seq: Seq) -> Result<(), Error> {
        self.ask(|reply| Command::Undo(seq, reply)).await
    }

    /// Counts a row in a state of this run without changing it: nothing was done, or could be.
    pub async fn leave(
        &self,
        seq: Seq,
        state: State,
        reason: Option<&Reason>,
    ) -> Result<(), Error> {
        self.mention(Command::Leave(seq, state, reason.map(Reason::code))).await
    }

    /// Returns the number of rows in each state, of all runs; durable on return.
    pub async fn states(&self) -> Result<ByState, Error> {
        self.ask(Command::States).await
    }

    /// Returns how the input, which must have been read whole, differs from the factors that
    /// earlier runs created.
    pub async fn changes(&self) -> Result<Changes, Error> {
        self.ask(Command::Changes).await
    }

    /// Returns once everything recorded before is durable.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(Command::Flush).await
    }

    /// Records which files the run has read, if there are several: reports name them. Durable with
    /// the next commit.
    pub async fn note_files(&self, lines: &Lines) -> Result<(), Error> {
        let files = lines.files();
        if files.is_empty() { Ok(()) } else { self.note(Note::Files, &files).await }
    }

    /// Records a note about the run, for reports; it replaces the previous one of its kind. Durable
    /// with the next commit.
    pub async fn note(&self, note: Note, value: &impl Serialize) -> Result<(), Error> {
        self.mention(Command::Note(note, json(value)?)).await
    }

    /// Does the same without waiting; returns false if there is no room at present.
    pub fn try_note(&self, note: Note, value: &impl Serialize) -> Result<bool, Error> {
        let is_taken = self.outcomes.try_send(Command::Note(note, json(value)?)).is_ok();
        if is_taken {
            self.wakeup.notify_one();
        }
        Ok(is_taken)
    }

    /// Declares that this run's rows replace rows of other inputs that were refused for these
    /// codes: if the run comes to its end, such a refusal is removed where a row replaces it.
    pub async fn note_selection(&self, codes: Vec<String>) -> Result<(), Error> {
        if codes.is_empty() { Ok(()) } else { self.mention(Command::Selection(codes)).await }
    }

    /// Records how the run ended, and everything before that; durable on return.
    pub async fn end_run(&self, completion: Completion) -> Result<(), Error> {
        self.ask(|reply| Command::EndRun(completion, reply)).await
    }

    /// Returns the durable counts of this run.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Returns the correlation id of a row, sent with each of its requests: this ledger's id and
    /// the row's number, so it can be derived from the ledger alone. 64 characters would be kept.
    pub fn correlation(&self, seq: Seq) -> String {
        correlation(&self.id, seq)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply)).await?;
        answer.await.map_err(|_| self.broken())
    }

    /// Sends a command that nobody waits for.
    async fn mention(&self, command: Command) -> Result<(), Error> {
        self.outcomes.send(command).await.map_err(|_| self.broken())?;
        self.wakeup.notify_one();
        Ok(())
    }

    async fn tell(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| self.broken())
    }

    fn broken(&self) -> Error {
        let fault = lock(&self.fault).clone();
        fault.unwrap_or_else(|| LedgerFault::bug("its owner has gone")).at(&self.path)
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(format!("a note: {error}")))
}

/// Formats `mf-<ledger id>-<row>`.
pub(crate) fn correlation(ledger_id: &str, seq: Seq) -> String {
    // Called for each request: this takes less than half the time of `format!`.
    ["mf-", ledger_id, "-", &seq.0.to_string()].concat()
}
