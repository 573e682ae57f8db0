//! State that a simulation shares: the random generator, the crash that is due, and what has been
//! counted.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio::sync::Notify;

/// One process after another lives in it.
#[derive(Debug)]
pub(crate) struct World {
    rng: Mutex<fastrand::Rng>,
    /// Steps (API calls, commits) until the process is killed; 0: never.
    fuse: AtomicU64,
    /// Commits until the disk fails; 0: never.
    full: AtomicU64,
    crashed: AtomicBool,
    /// Told when the process is killed.
    pub(crate) killed: Notify,
    pub(crate) faults: AtomicU64,
    pub(crate) doubts: AtomicU64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            fuse: AtomicU64::new(0),
            full: AtomicU64::new(0),
            crashed: AtomicBool::new(false),
            killed: Notify::new(),
            faults: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
        }
    }

    pub(crate) fn roll<T>(&self, roll: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        roll(&mut self.rng.lock().unwrap())
    }

    pub(crate) fn chance(&self, share: f64) -> bool {
        self.roll(|rng| rng.f64() < share)
    }

    pub(crate) fn flip(&self) -> bool {
        self.roll(fastrand::Rng::bool)
    }

    /// A new process begins; it is killed after `fuse` steps, its disk fails after `full` commits.
    pub(crate) fn begin(&self, fuse: u64, full: u64) {
        self.fuse.store(fuse, Relaxed);
        self.full.store(full, Relaxed);
        self.crashed.store(false, Relaxed);
    }

    pub(crate) fn crashed(&self) -> bool {
        self.crashed.load(Relaxed)
    }

    /// Kills the process now.
    pub(crate) fn kill(&self) {
        self.crashed.store(true, Relaxed);
        self.killed.notify_one();
    }

    /// One step further; whether the process is killed at it.
    pub(crate) fn step(&self) -> bool {
        let due = self.fuse.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) == Ok(1);
        if due {
            self.kill();
        }
        due
    }

    pub(crate) fn disk_fails(&self) -> bool {
        self.full.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) == Ok(1)
    }

    pub(crate) fn count_fault(&self) {
        self.faults.fetch_add(1, Relaxed);
    }
}
