//! Jobs from what a ledger says was created: `undo`. Newest first, as the engine has room.

use tokio::sync::mpsc;

use crate::{
    engine::{Feed, Intake},
    error::Error,
    jobs::change::{Order, Task},
    ledger::{Ledger, Seq, Undoable},
    model::{History, State},
};

/// Starts to go through the ledger.
pub fn created(ledger: Ledger) -> Intake<Order> {
    let (orders, intake) = mpsc::channel(1);
    tokio::spawn(async move {
        // If nobody listens any more, the run is stopping.
        let end = go_through(&ledger, &orders).await.unwrap_or_else(Feed::Broken);
        drop(orders.send(end).await);
    });
    intake
}

async fn go_through(
    ledger: &Ledger,
    orders: &mpsc::Sender<Feed<Order>>,
) -> Result<Feed<Order>, Error> {
    let mut before: Option<Seq> = None;
    loop {
        let rows = ledger.undoable(before).await?;
        let Some(last) = rows.last() else {
            return Ok(Feed::End);
        };
        before = Some(last.seq);
        let more = rows.into_iter().map(order).collect();
        if orders.send(Feed::More(more)).await.is_err() {
            return Ok(Feed::End);
        }
    }
}

fn order(row: Undoable) -> Order {
    // A run that was cut short may have deleted it already.
    let begun = row.entry.state == State::Undoing;
    let history =
        History { attempts: u32::from(begun), doubts: row.entry.doubts, ..History::default() };
    Order::new(vec![row.seq], Task::Undo(Box::new(row)), history)
}
