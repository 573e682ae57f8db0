//! A wakeup for the one who takes from a queue that many fill: rung once until it is answered, since a
//! wake-up for each thing in the queue would cost more than the thing.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Wakeup {
    rung: AtomicBool,
    notify: Notify,
}

impl Wakeup {
    /// Called after something was put into the queue.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Waits until it is rung. It may have been for what was taken meanwhile.
    pub(crate) async fn rung(&self) {
        self.notify.notified().await;
    }

    /// Called before the queue is emptied.
    pub(crate) fn answer(&self) {
        // No mere store: what was put there by somebody who found it rung has to be seen after this.
        self.rung.swap(false, Ordering::AcqRel);
    }
}
