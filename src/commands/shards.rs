//! Warnings that come with `--shard`.

use std::sync::atomic::Ordering;

use super::after_import::ReadInput;
use crate::{config::Config, model::Shard, pacer::Rate, text::counted};

/// Largest share of the limit that `--reserve` accepts.
const MOST_RESERVE: f64 = 0.95;

/// Warns of the load that all shards together put on the tenant.
pub(super) fn warn_of_rate(config: &Config) {
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

/// Warns that shards that learn the limit at the same time leave less of it to others than one
/// alone: each shard takes the others' use for other clients', and leaves its share of the rest. Of
/// n shards that leave r each, r / (n - (n - 1) r) of the whole is left.
fn warn_of_reserve(reserve: f64, count: u16) {
    if reserve <= 0.0 {
        return;
    }
    let others = f64::from(count) - 1.0;
    let left = reserve / others.mul_add(1.0 - reserve, 1.0);
    let needed = f64::from(count) * reserve / others.mul_add(reserve, 1.0);
    // Rounds up, but ignores floating-point errors.
    let up = |share: f64| share.mul_add(100.0, -1e-6).ceil();
    let about = |share: f64| (share * 100.0).round();
    let advice = if needed <= MOST_RESERVE {
        format!("`--reserve {}%` for each leaves that much", up(needed))
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
pub(super) fn warn_of_selection(config: &Config, input: &ReadInput) {
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
