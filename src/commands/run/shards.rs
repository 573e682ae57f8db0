//! Warnings that come with `--shard`, and commands for the other shards.

use std::{path::Path, sync::atomic::Ordering};

use super::after_import::ReadInput;
use crate::{
    commands::{advice::next::Ended, outputs::names::ledger_of},
    config::Config,
    model::Shard,
    pacer::{MAX_RESERVE, Rate},
    report::{NextStep, Purpose},
    text::{counted, file_argument, path_of},
};

/// Share of the limit that a run leaves to others by default (`--reserve`).
const LEFT_BY_ONE: f64 = 0.2;

/// Largest number of shards whose ledgers are looked for and named in a command.
const SHARDS_NAMED: u16 = 20;

/// Warns of the load that all shards together put on the tenant.
pub(in crate::commands) fn warn_of_rate(config: &Config) {
    let Some(count) = config.part().map(Shard::count) else { return };
    match config.rate {
        Rate::PerSecond(rate) => tracing::warn!(
            "--rate {rate} is for this shard alone: all {count} together send {count} × {rate} = {} requests \
             a second",
            rate * f64::from(count)
        ),
        Rate::Auto if config.rate_plan.is_some() => tracing::warn!(
            "the rates of --rate-plan are for this shard alone: all {count} together send {count} times as \
             many requests"
        ),
        Rate::Auto => warn_of_reserve(config.reserve, count),
    }
}

/// Warns if shards that learn the limit at the same time leave less of it to others than one alone
/// does by default: each shard takes the others' use for other clients', and leaves its share of
/// the rest. Of n shards that leave r each, r / (n - (n - 1) r) of the whole is left.
fn warn_of_reserve(reserve: f64, count: u16) {
    let others = f64::from(count) - 1.0;
    let left = reserve / others.mul_add(1.0 - reserve, 1.0);
    if reserve <= 0.0 || left >= LEFT_BY_ONE - 1e-9 {
        return;
    }
    let needed = f64::from(count) * LEFT_BY_ONE / others.mul_add(LEFT_BY_ONE, 1.0);
    // Rounds up, but ignores floating-point errors.
    let up = |share: f64| share.mul_add(100.0, -1e-6).ceil();
    let about = |share: f64| (share * 100.0).round();
    let advice = if needed <= MAX_RESERVE {
        format!("`--reserve {}%` for each leaves {}%", up(needed), about(LEFT_BY_ONE))
    } else {
        "give each a --rate of its own".into()
    };
    tracing::warn!(
        "--reserve {}% is of what the other shards leave: all {count} at the same time leave about {}% of the \
         tenant's limit to others; {advice}",
        about(reserve),
        about(left)
    );
}

/// Warns that a selection has rows of other shards: once mended, a row may belong to another user.
pub(in crate::commands) fn warn_of_selection(config: &Config, input: &ReadInput) {
    let shard = config.shard.unwrap_or_default();
    let n_passed = input.n_passed.load(Ordering::Relaxed);
    let of_others = if n_passed == 1 {
        "its user is in another shard"
    } else {
        "their users are in other shards"
    };
    if n_passed > 0 && !input.selected_codes().is_empty() {
        tracing::warn!(
            "{} of this selection not read, since {} than {shard}: mend INPUT itself and import that \
             again with each shard; imported from this file, what was rejected stays so in the ledger that it \
             was selected by",
            counted(n_passed, "row"),
            of_others
        );
    }
}

/// Returns what to do about the other shards once one is imported: the report that adds all ledgers
/// up, if they are all here, else the import of a shard whose ledger is not here. That import is
/// for people to decide on: the shard may run on another host, and a second ledger would send its
/// rows again.
pub(super) fn of_other_shards(ended: &Ended<'_>) -> Option<NextStep> {
    let Ended { typed, ledger, .. } = *ended;
    let shard =
        Shard::parse(typed.value_of("shard")?).filter(|shard| shard.count() <= SHARDS_NAMED)?;
    let input = path_of(typed.values().next()?);
    let ledger_of = |shard| ledger_of(&input, Some(shard));
    let is_over = ended.end.is_complete() && !ended.is_dry_run && !ended.is_in_sandbox;
    let is_one = shard.is_whole() || typed.command() != "import";
    // With --ledger, the names of the other ledgers cannot be known.
    if !is_over || is_one || ledger_of(shard) != ledger {
        return None;
    }
    let is_missing = |shard: &Shard| !Path::new(&ledger_of(*shard)).exists();
    let missing: Vec<_> = Shard::all(shard.count()).filter(is_missing).collect();
    let Some((first, more)) = missing.split_first() else {
        let ledgers = Shard::all(shard.count())
            .flat_map(|shard| ["--ledger".into(), file_argument(ledger_of(shard))]);
        let words = ["mfaferry".to_owned(), "report".into()].into_iter().chain(ledgers);
        return Some(NextStep::whole(Purpose::AddUp, words.collect()));
    };
    let without = ["ledger", "metrics-file", "retry", "max-users"];
    let words = typed.with_flag("shard", &first.to_string()).with_command("import", &without)?;
    let others = match more.len() {
        0 => String::new(),
        n_more => format!(
            "; {} {} no ledger here, either",
            counted(n_more as u64, "more shard"),
            if n_more == 1 { "has" } else { "have" }
        ),
    };
    let remark = Some(format!("unless {first} runs elsewhere: its ledger is not here{others}"));
    Some(NextStep { remark, ..NextStep::to_fill_in(Purpose::Shard, words) })
}
