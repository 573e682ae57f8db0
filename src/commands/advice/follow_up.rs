//! Next commands for a ledger: those that its last run named, or would have named if it had come to
//! its end.

use std::path::Path;

use super::next::Ended;
use crate::{
    cli::CommandLine,
    commands::outputs::names::ledger_of,
    config::SANDBOX,
    engine::{End, Stop},
    error::Error,
    ledger::{LastRun, Reader},
    model::{Shard, State},
    report::{LedgerReport, NextStep},
    text::{file_name, path_of},
};

/// Replaces the general commands by those of the ledger's last run, where these are known and its
/// files are in this folder.
pub(in crate::commands) fn add(
    report: &mut LedgerReport,
    path: &Path,
    ledger: &Reader,
) -> Result<(), Error> {
    let Some(last) = ledger.last_run::<CommandLine>()? else { return Ok(()) };
    if !last.is_complete {
        report.note_unfinished(last.has_ended);
    }
    if let Some(next) = steps(report, path, &last) {
        report.next = next;
    }
    Ok(())
}

fn steps(report: &LedgerReport, path: &Path, last: &LastRun<CommandLine>) -> Option<Vec<NextStep>> {
    let typed = last.typed.as_ref().filter(|typed| typed.is_notable())?;
    // The names were given in the folder in which the run was started.
    let is_here = |name: &str| name == "-" || path_of(name).symlink_metadata().is_ok();
    if !typed.values().all(is_here) {
        return None;
    }
    let named = typed.value_of("ledger").map(path_of);
    let shard = typed.value_of("shard").and_then(Shard::parse);
    let default = || Some(ledger_of(&path_of(typed.values().next()?), shard));
    let named = named.or_else(default);
    let is_named = named.is_some_and(|named| {
        let [named, path] = [&*named, path].map(std::fs::canonicalize);
        matches!((named, path), (Ok(named), Ok(path)) if named == path)
    });
    let typed = if is_named { typed.clone() } else { typed.with_flag("ledger", &file_name(path)) };
    let users = typed.value_of("max-users").and_then(|users| users.parse().ok());
    let end = match users {
        _ if last.is_complete => End::Complete,
        Some(users) if last.has_ended => End::Stopped(Stop::MaxUsers(users)),
        _ => End::Stopped(Stop::Asked),
    };
    let is_bad = |state: &State| state.needs_attention() || *state == State::InFlight;
    let ended = Ended {
        typed: &typed,
        end: &end,
        reasons: report.reasons.iter().collect(),
        is_bad: State::ALL
            .iter()
            .filter(|state| is_bad(state))
            .any(|state| report.totals[*state] > 0),
        ledger: path,
        is_dry_run: false,
        is_in_sandbox: report.tenant == SANDBOX,
    };
    Some(ended.next())
}
