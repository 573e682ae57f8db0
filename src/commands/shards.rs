//! Warnings that come with `--shard`.

use std::sync::atomic::Ordering;

use super::after_import::ReadInput;
use crate::{config::Config, pacer::Rate, text::counted};

/// Warns that a rate that is given is that of each shard. One that is learnt they share.
pub(super) fn warn_of_rate(config: &Config) {
    let shard = config.shard.unwrap_or_default();
    if shard.is_whole() {
        return;
    }
    let count = shard.count();
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
        Rate::Auto => {}
    }
}

/// Warns that a selection has rows of other shards: once mended, a row may be of another user.
pub(super) fn warn_of_selection(config: &Config, input: &ReadInput) {
    let shard = config.shard.unwrap_or_default();
    let n_passed = input.n_passed.load(Ordering::Relaxed);
    if n_passed > 0 && !input.selected_codes().is_empty() {
        tracing::warn!(
            "{} of this selection not read, since their users are in other shards than {shard}: import it with \
             --shard and --ledger of each of the others, too",
            counted(n_passed, "row")
        );
    }
}
