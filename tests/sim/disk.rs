//! A disk: what was committed stays, what was not may be lost, and a crash can fall on either
//! side of a commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use mfaferry::{
    ledger::{Entry, LedgerFault, RowSummary, Seq, Store},
    model::{Completion, Fingerprint, LocalTime, Rejection},
};

use crate::world::World;

/// Contents of the disk that survive a crash.
#[derive(Debug, Default)]
pub(crate) struct Platter {
    pub(crate) entries: BTreeMap<Seq, Entry>,
}

/// The disk of one process.
#[derive(Debug)]
pub(crate) struct Disk {
    platter: Arc<Mutex<Platter>>,
    world: Arc<World>,
    written: BTreeMap<Seq, Entry>,
    /// The mutant whose commits do not sync: they are lost with the process.
    forgetful: bool,
    unsynced: BTreeMap<Seq, Entry>,
}

impl Disk {
    pub(crate) fn new(platter: Arc<Mutex<Platter>>, world: Arc<World>, forgetful: bool) -> Self {
        let (written, unsynced) = (BTreeMap::new(), BTreeMap::new());
        Self { platter, world, written, forgetful, unsynced }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that ends by itself leaves its pages to the system, which writes them.
        if !self.world.crashed() {
            self.platter.lock().unwrap().entries.append(&mut self.unsynced);
        }
    }
}

impl Store for Disk {
    fn load(&mut self, visit: &mut dyn FnMut(RowSummary)) -> Result<(), LedgerFault> {
        let platter = self.platter.lock().unwrap();
        platter.entries.iter().for_each(|(seq, entry)| visit(RowSummary::at(*seq, entry)));
        Ok(())
    }

    fn fingerprints(
        &mut self,
        first: Seq,
        count: u32,
    ) -> Result<Vec<(Seq, Fingerprint)>, LedgerFault> {
        let entries = self.range(first, count)?;
        Ok(entries.into_iter().map(|(seq, entry)| (seq, entry.fingerprint)).collect())
    }

    fn range(&mut self, first: Seq, count: u32) -> Result<Vec<(Seq, Entry)>, LedgerFault> {
        let mut seen: BTreeMap<Seq, Entry> = BTreeMap::new();
        let end = Seq(first.0.saturating_add(count));
        for layer in [&self.platter.lock().unwrap().entries, &self.unsynced, &self.written] {
            seen.extend(layer.range(first..end).map(|(seq, entry)| (*seq, entry.clone())));
        }
        Ok(seen.into_iter().collect())
    }

    fn first_new(&mut self) -> Result<Seq, LedgerFault> {
        Ok(Seq(0))
    }

    fn insert(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        self.written.insert(seq, entry.clone());
        Ok(())
    }

    fn update(&mut self, seq: Seq, entry: &Entry) -> Result<(), LedgerFault> {
        self.insert(seq, entry)
    }

    fn refuse(&mut self, _rejection: &Rejection) -> Result<(), LedgerFault> {
        Ok(())
    }

    fn end_run(&mut self, _completion: Completion, _at: LocalTime) -> Result<(), LedgerFault> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LedgerFault> {
        // The step counter may crash the process here: before the sync, or right after it.
        let crash = self.world.step();
        let survives = !crash || self.world.flip();
        let mut written = std::mem::take(&mut self.written);
        if self.forgetful {
            self.unsynced.append(&mut written);
        } else if survives {
            self.platter.lock().unwrap().entries.append(&mut written);
        }
        if crash || self.world.crashed() {
            return Err(LedgerFault::new("the process was killed", ""));
        }
        if self.world.disk_fails() {
            return Err(LedgerFault::new("the disk is full", ""));
        }
        Ok(())
    }
}
