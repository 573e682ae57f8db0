//! Ledgers that `report` adds up: all of one tenant, each once, with a warning about users who are
//! in several.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    ledger::{LedgerKind, Reader, Seen},
    model::Shard,
    report::Together,
    text::{escape, file_name},
};

/// A ledger of the report.
#[derive(Debug)]
pub(super) struct ShownLedger {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) reader: Reader,
}

/// Opens ledgers whose rows can be added up.
pub(super) fn open<'a>(
    paths: impl Iterator<Item = &'a PathBuf>,
) -> Result<Vec<ShownLedger>, Error> {
    let mut ledgers: Vec<ShownLedger> = Vec::new();
    for path in paths {
        let reader = Reader::open(path)?;
        if reader.is_exposed() {
            tracing::warn!("others may write to the folder of this ledger; they cannot change it");
        }
        if let Some(first) = ledgers.first() {
            check_tenant(first, path, &reader)?;
        }
        if let Some(same) = ledgers.iter().find(|other| other.reader.id() == reader.id()) {
            return Err(Error::usage(
                format!(
                    "`{}` and `{}` are one ledger, or copies of one",
                    same.shown(),
                    shown(path)
                ),
                "give each ledger once",
            ));
        }
        let (name, path) = (file_name(path), path.clone());
        ledgers.push(ShownLedger { name, path, reader });
    }
    check_kinds(&ledgers)?;
    Ok(ledgers)
}

impl ShownLedger {
    fn shown(&self) -> String {
        shown(&self.path)
    }
}

fn shown(path: &Path) -> String {
    escape(&file_name(path))
}

fn check_tenant(first: &ShownLedger, path: &Path, reader: &Reader) -> Result<(), Error> {
    if first.reader.tenant() == reader.tenant() {
        return Ok(());
    }
    Err(Error::Ledger {
        path: shown(path),
        message: format!(
            "it belongs to another tenant ({}) than `{}` ({})",
            escape(reader.tenant()),
            first.shown(),
            escape(first.reader.tenant())
        ),
        hint: "report on the ledgers of each tenant by themselves".into(),
    })
}

/// Refuses to mix ledgers of people with those of factors.
fn check_kinds(ledgers: &[ShownLedger]) -> Result<(), Error> {
    let all = |kind| ledgers.iter().try_for_each(|ledger| ledger.reader.check_kind(kind));
    all(LedgerKind::People).or_else(|_| all(LedgerKind::Factors))
}

/// Collects the facts about several ledgers besides the sums of their rows.
pub(super) fn together(ledgers: &[ShownLedger]) -> Result<Together, Error> {
    let shards: Vec<_> = ledgers.iter().map(|ledger| ledger.reader.shard()).collect();
    let mut pairs = shards.iter().enumerate();
    let may_overlap = pairs
        .any(|(index, one)| shards.iter().skip(index + 1).any(|other| !one.is_apart_from(*other)));
    Ok(Together {
        shards: shards.clone(),
        missing: missing(&shards),
        users_in_several: if may_overlap { Some(users_in_several(ledgers)?) } else { None },
        are_of_people: ledgers
            .iter()
            .any(|ledger| ledger.reader.check_kind(LedgerKind::Factors).is_err()),
    })
}

/// Returns the name of each ledger's last input.
pub(super) fn inputs(ledgers: &[ShownLedger]) -> Result<Vec<String>, Error> {
    let last = |ledger: &ShownLedger| {
        let (runs, _) = ledger.reader.runs()?;
        Ok(runs.last().map(|run| run.input.clone()).unwrap_or_default())
    };
    ledgers.iter().map(last).collect()
}

/// Returns the missing shards, where all ledgers are shards of the same split.
fn missing(shards: &[Shard]) -> Vec<Shard> {
    let counts: BTreeSet<u16> = shards.iter().map(|shard| shard.count()).collect();
    let all = counts.into_iter().flat_map(Shard::all);
    all.filter(|shard| !shards.contains(shard)).collect()
}

/// Counts the users who have rows in more than one ledger. Factors themselves cannot be compared:
/// each ledger knows them by a key of its own.
fn users_in_several(ledgers: &[ShownLedger]) -> Result<u64, Error> {
    let (mut before, mut shared, mut count) = (Seen::default(), Seen::default(), 0);
    for ShownLedger { reader, .. } in ledgers {
        reader.each_user(|user| {
            count += u64::from(before.has(user) && shared.insert(user));
        })?;
        reader.each_user(|user| {
            before.insert(user);
        })?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_are_not_there_are_missed() {
        for (given, expected) in [
            ("1/1", ""),
            ("1/1 1/1", ""),
            ("2/4 1/4 3/4 4/4", ""),
            ("1/4 2/4 4/4", "3/4"),
            ("1/4 1/4", "2/4 3/4 4/4"),
            ("1/2 2/2 1/3", "2/3 3/3"),
            ("1/1 1/2", "2/2"),
        ] {
            let shards: Vec<_> = given.split(' ').filter_map(Shard::parse).collect();
            let missed: Vec<_> = missing(&shards).iter().map(Shard::to_string).collect();
            assert_eq!(missed.join(" "), expected, "{given}");
        }
    }
}
