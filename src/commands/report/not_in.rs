//! `report --not-in`: rows of ledgers that an input does not have.

use super::ledgers::ShownLedger;
use crate::{
    cli::RowFilter,
    commands::reading::{Opener, UserIdMapping},
    engine::scan::scan_readable,
    error::Error,
    ledger::Seen,
    model::{Planned, Refusal},
    report::Filter,
    text::{counted, escape},
};

/// Returns the row filter of each ledger. Reads the input of `--not-in` to its end, once: each
/// factor is looked up in the ledgers that may hold its user, with the key of each.
pub(super) fn filters(flags: &RowFilter, ledgers: &[ShownLedger]) -> Result<Vec<Filter>, Error> {
    let states = || flags.state.clone();
    let Some(reading) = flags.reading() else {
        return Ok(ledgers.iter().map(|_| Filter { states: states(), not_in: None }).collect());
    };
    let input =
        Opener::of(&reading, &flags.system, flags.secret_encoding, UserIdMapping::Required)?
            .open()?;
    let of = |ShownLedger { reader, .. }: &ShownLedger| (reader.shard(), reader.key().clone());
    let of: Vec<_> = ledgers.iter().map(of).collect();
    let look = move |planned| match planned {
        // Rows of other shards are in other ledgers.
        Planned::Factor(factor) => {
            let mine = of.iter().map(|(shard, key)| {
                shard.has_user(Some(&factor.user)).then(|| key.prints(&factor))
            });
            Ok(mine.collect::<Vec<_>>())
        }
        Planned::Rejected(row) => {
            let is_mine = of.iter().any(|(shard, _)| shard.has_user(row.user.as_ref()));
            Err(is_mine && row.refusal == Refusal::Rejected)
        }
    };
    let mut met: Vec<_> = ledgers.iter().map(|_| (Seen::default(), false)).collect();
    let mut unread = 0;
    scan_readable(input, flags.secret_encoding, look, |row| match row {
        Ok(prints) => {
            for ((met, has_factor), prints) in met.iter_mut().zip(prints) {
                for print in prints.iter().flat_map(|prints| prints.all()) {
                    *has_factor = true;
                    met.insert(print);
                }
            }
        }
        Err(is_unread) => unread += u64::from(is_unread),
    })?;
    if unread > 0 {
        tracing::warn!(
            "{} of INPUT cannot be read, so their factors in the ledger are listed, too",
            counted(unread, "row")
        );
    }
    check(ledgers, &met)?;
    Ok(met.into_iter().map(|(met, _)| Filter { states: states(), not_in: Some(met) }).collect())
}

/// Refuses an input if no ledger has any of its factors; warns if only some ledgers have one.
fn check(ledgers: &[ShownLedger], met: &[(Seen, bool)]) -> Result<(), Error> {
    let with_factors = ledgers.iter().zip(met).filter(|(_, (_, has_factor))| *has_factor);
    let (mut strange, mut n_known) = (Vec::new(), 0);
    for (ledger, (met, _)) in with_factors {
        match ledger.reader.check_input(|print| met.has(print)) {
            Ok(()) => n_known += 1,
            Err(error) => strange.push((ledger, error)),
        }
    }
    if n_known == 0 {
        if let Some((_, error)) = strange.into_iter().next() {
            return Err(error);
        }
        tracing::warn!("INPUT has no factor, so all factors of the ledger are listed");
        return Ok(());
    }
    for (ShownLedger { name, .. }, _) in strange {
        tracing::warn!("`{}` has no factor of INPUT, so all its factors are listed", escape(name));
    }
    Ok(())
}
