//! `undo`: jobs for everything that a ledger says was created. Newest first, as the engine has
//! room.

use tokio::sync::mpsc;

use crate::{
    engine::{IntakeEvent, JobReceiver},
    error::Error,
    jobs::change::{ChangeJob, ChangeRequest},
    ledger::{Ledger, Seq, Undoable},
    model::{History, State},
};

/// Starts to read the ledger.
pub fn created(ledger: Ledger) -> JobReceiver<ChangeJob> {
    let (jobs, intake) = mpsc::channel(1);
    tokio::spawn(async move {
        // If nobody listens any more, the run is stopping.
        let end = go_through(&ledger, &jobs).await.unwrap_or_else(IntakeEvent::Broken);
        drop(jobs.send(end).await);
    });
    intake
}

async fn go_through(
    ledger: &Ledger,
    jobs: &mpsc::Sender<IntakeEvent<ChangeJob>>,
) -> Result<IntakeEvent<ChangeJob>, Error> {
    let mut before: Option<Seq> = None;
    loop {
        let rows = ledger.undoable(before).await?;
        let Some(last) = rows.last() else {
            return Ok(IntakeEvent::End);
        };
        before = Some(last.seq);
        let more = rows.into_iter().map(job).collect();
        if jobs.send(IntakeEvent::More(more)).await.is_err() {
            return Ok(IntakeEvent::End);
        }
    }
}

fn job(row: Undoable) -> ChangeJob {
    // A run that was cut short may have deleted it already.
    let begun = row.entry.state == State::Undoing;
    let history =
        History { attempts: u32::from(begun), doubts: row.entry.doubts, ..History::default() };
    ChangeJob::new(vec![row.seq], ChangeRequest::Undo(Box::new(row)), history)
}
