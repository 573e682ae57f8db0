//! The seal: a small file beside the ledger that says how much of it must exist.
//!
//! SQLite treats everything after a damaged place in its `-wal` as never written, intents included,
//! and a ledger that was copied without its `-wal` looks whole. So every row counts its writes, and
//! once a commit is durable the sum of these counts is written here, before any caller learns of
//! the commit. No count ever falls: a sum as large as the sealed one means that each row is in its
//! last known version, and a smaller one that something is lost.
//!
//! What is written here outlives the process at once. To survive the end of the machine it is
//! synced now and then, and at the end of a run: a second sync for every commit would halve the
//! speed, and would only matter if the power fails and the last commits are corrupted as well. A
//! seal that lags behind is no less true, it only proves less.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use tempfile::NamedTempFile;

use super::file;
use crate::{
    files::{self, FileFault, Mode},
    ledger::{LedgerFault, owner},
};

/// First bytes of a seal.
const MAGIC: &[u8; 8] = b"mffrseal";
/// Length of a ledger's id.
const ID: usize = 12;
/// Length of a slot: magic, id, sum, checksum.
const LENGTH: usize = MAGIC.len() + ID + 8 + 4;
/// Size of a slot. There are two, written in turn, each in a disk block of its own: a torn write
/// leaves the other one intact.
const SLOT_SIZE: usize = 4096;
/// Approximate number of rows written between two syncs.
const SYNC_EVERY: u64 = 4096;
/// Most writes that the seal may lag behind: one commit if the process is killed in between, plus
/// what was not synced if the power fails.
const MAX_BEHIND: u64 = SYNC_EVERY + 2 * owner::MAX_ROWS_PER_COMMIT as u64;

/// Contents of a slot.
type Slot = ([u8; ID], u64);

/// The seal of a ledger that is open for a run.
#[derive(Debug)]
pub(in crate::ledger) struct Seal {
    file: File,
    id: [u8; ID],
    sum: u64,
    /// The older or damaged slot, which is written next.
    next: usize,
    /// The sum that is durable.
    synced: u64,
}

impl Seal {
    /// Creates the seal of a new ledger, and returns the id for both. An unused seal is what a kill
    /// at this very point left behind: the new ledger takes it over.
    pub(in crate::ledger) fn make(ledger: &Path) -> Result<String, LedgerFault> {
        let mut random = [0; ID / 2];
        getrandom::fill(&mut random)
            .map_err(|error| LedgerFault::new(format!("cannot make its id: {error}"), ""))?;
        let mut id = [0; ID];
        data_encoding::HEXLOWER.encode_mut(&random, &mut id);
        let mut blocks = vec![0; 2 * SLOT_SIZE];
        for block in blocks.chunks_mut(SLOT_SIZE) {
            block[..LENGTH].copy_from_slice(&encode((id, 0)));
        }
        let path = file::seal(ledger);
        let failed = |error: &io::Error| LedgerFault::cannot("create its seal", error);
        let fill =
            |fresh: &mut NamedTempFile| fresh.write_all(&blocks).map_err(|error| failed(&error));
        files::place(&path, fill, failed)?;
        match read(&open(&path)?)? {
            [Some((id, 0)), Some(other)] if other == (id, 0) => {
                Ok(String::from_utf8_lossy(&id).into_owned())
            }
            _ => Err(LedgerFault::gone("-seal")),
        }
    }

    /// Opens the seal of the ledger with that id, and compares it with the sum of its rows.
    pub(in crate::ledger) fn open(ledger: &Path, id: &str, sum: u64) -> Result<Self, LedgerFault> {
        let file = open(&file::seal(ledger))?;
        let slots = read(&file)?;
        let (id, sealed) = latest(&slots, id)?;
        match sum.checked_sub(sealed) {
            None => Err(LedgerFault::lost()),
            Some(behind) if behind > MAX_BEHIND => Err(LedgerFault::apart(
                "the `-seal` file beside it is older than the ledger itself",
            )),
            Some(_) => {
                let next = usize::from(slots[0] == Some((id, sealed)));
                Ok(Self { file, id, sum: sealed, next, synced: sealed })
            }
        }
    }

    /// Reads the sealed sum of the ledger with that id, for readers.
    pub(in crate::ledger) fn peek(ledger: &Path, id: &str) -> Result<u64, LedgerFault> {
        let slots = read(&File::open(file::seal(ledger)).map_err(|error| closed(&error))?)?;
        latest(&slots, id).map(|(_, sum)| sum)
    }

    /// Seals a sum that is durable in the ledger.
    pub(in crate::ledger) fn set(&mut self, sum: u64) -> Result<(), LedgerFault> {
        let at = (self.next * SLOT_SIZE) as u64;
        self.file.write_all_at(&encode((self.id, sum)), at).map_err(|error| failed(&error))?;
        (self.sum, self.next) = (sum, 1 - self.next);
        Ok(())
    }

    /// Makes the seal durable. A failed sync is not repeated: the system may have dropped what it
    /// could not write, and would report the next one as successful.
    pub(in crate::ledger) fn sync(&mut self) -> Result<(), LedgerFault> {
        if self.synced != self.sum {
            self.file.sync_data().map_err(|error| failed(&error))?;
            self.synced = self.sum;
        }
        Ok(())
    }

    /// Makes the seal durable if enough has been written.
    pub(in crate::ledger) fn sync_some(&mut self) -> Result<(), LedgerFault> {
        if self.sum - self.synced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Reads back the last sealed sum.
    pub(in crate::ledger) fn check(&self) -> Result<(), LedgerFault> {
        let slots = read(&self.file)?;
        if slots[1 - self.next] == Some((self.id, self.sum)) {
            Ok(())
        } else {
            Err(LedgerFault::overwritten())
        }
    }

    /// Returns the sealed sum.
    pub(in crate::ledger) fn sum(&self) -> u64 {
        self.sum
    }
}

fn open(path: &Path) -> Result<File, LedgerFault> {
    files::open(path, Mode::Existing).map_err(|fault| match fault {
        FileFault::Io(error) => closed(&error),
        fault => LedgerFault::of_file("-seal", &fault),
    })
}

fn closed(error: &io::Error) -> LedgerFault {
    if error.kind() == io::ErrorKind::NotFound {
        return LedgerFault::apart("the `-seal` file beside it is missing");
    }
    LedgerFault::new(
        format!("cannot open the `-seal` file beside it: {error}"),
        "check its permissions, then run the same command again",
    )
}

fn failed(error: &io::Error) -> LedgerFault {
    LedgerFault::new(
        format!("cannot write the `-seal` file beside it: {error}"),
        "check the disk and its space, then run the same command again: it resumes where it \
         stopped",
    )
}

/// Returns the later of the valid slots.
fn latest(slots: &[Option<Slot>; 2], id: &str) -> Result<Slot, LedgerFault> {
    let Some(slot) = slots.iter().flatten().copied().max_by_key(|(_, sum)| *sum) else {
        return Err(LedgerFault::apart("the `-seal` file beside it is damaged"));
    };
    if slots.iter().flatten().any(|(other, _)| other != id.as_bytes()) {
        return Err(LedgerFault::apart("the `-seal` file beside it is another ledger's"));
    }
    Ok(slot)
}

fn read(file: &File) -> Result<[Option<Slot>; 2], LedgerFault> {
    let mut slots = [None; 2];
    for (number, slot) in slots.iter_mut().enumerate() {
        let mut bytes = [0; LENGTH];
        match file.read_exact_at(&mut bytes, (number * SLOT_SIZE) as u64) {
            Ok(()) => *slot = decode(&bytes),
            // It was truncated.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(LedgerFault::cannot("read its seal", &error)),
        }
    }
    Ok(slots)
}

fn encode((id, sum): Slot) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (body, check) = bytes.split_at_mut(LENGTH - 4);
    body[..8].copy_from_slice(MAGIC);
    body[8..8 + ID].copy_from_slice(&id);
    body[8 + ID..].copy_from_slice(&sum.to_le_bytes());
    check.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; LENGTH]) -> Option<Slot> {
    let id = bytes[8..8 + ID].try_into().ok()?;
    let sum = u64::from_le_bytes(bytes[8 + ID..LENGTH - 4].try_into().ok()?);
    (*bytes == encode((id, sum))).then_some((id, sum))
}
