//! Conservation: what went in, what the ledger says and what the tenant holds must agree.

use std::collections::{BTreeMap, HashMap, HashSet};

use mfaferry::{
    ledger::{Counts, Key, RunReasons},
    model::{Factor, How, State},
};

use crate::{
    disk::Platter,
    run::Totals,
    tenant::{Held, Tenant, real_user},
};

/// A complete run's counts add up to the rows read.
pub(crate) fn adds_up(counts: &Counts, rows: usize, violations: &mut Vec<String>) {
    if counts.rows() != rows as u64 || counts.states[State::InFlight] != 0 {
        violations.push(format!("{rows} rows, but {counts:?}"));
    }
}

/// The reasons of each state add up to its number, however the run ended.
pub(crate) fn reasons_add_up(counts: &Counts, reasons: &RunReasons, violations: &mut Vec<String>) {
    for state in State::ALL.into_iter().filter(|state| state.has_reason()) {
        let told = reasons.of_run.count(state);
        if told != counts.states[state] {
            violations.push(format!("{told} reasons for {} {state:?}", counts.states[state]));
        }
    }
    let bad = State::ALL.into_iter().filter(|state| state.needs_attention());
    let skipped: u64 = bad.map(|state| reasons.skipped.count(state)).sum();
    if skipped != counts.skipped_bad {
        violations.push(format!("{skipped} reasons for {} skipped", counts.skipped_bad));
    }
}

/// The reasons that a complete import tells are those of the ledger, row by row.
pub(crate) fn reasons_are_the_ledgers(
    reasons: &RunReasons,
    platter: &Platter,
    violations: &mut Vec<String>,
) {
    let mut told = BTreeMap::<_, u64>::new();
    for group in reasons.of_run.groups().into_iter().chain(reasons.skipped.groups()) {
        *told.entry((group.state, group.code.name())).or_default() += group.count;
    }
    let mut held = BTreeMap::<_, u64>::new();
    for entry in platter.entries.values().filter(|entry| entry.state.needs_attention()) {
        let code = entry.error.as_ref().map_or("none", |reason| reason.code().name());
        *held.entry((entry.state, code)).or_default() += 1;
    }
    if told != held {
        violations.push(format!("the summary tells {told:?}, and the ledger holds {held:?}"));
    }
}

/// Judges an import that was taken back: nothing of it is there any more but what is said to be,
/// and whatever is not ours is there as before.
pub(crate) fn judge_undone(
    platter: &Platter,
    tenant: &Tenant,
    foreign: &HashSet<String>,
    violations: &mut Vec<String>,
) {
    for id in foreign.difference(&tenant.foreign()) {
        violations.push(format!("{id}: it was not ours, and is gone"));
    }
    let books = tenant.books.lock().unwrap();
    let there: HashSet<&str> =
        books.users.values().flatten().map(|held| held.id.as_str()).collect();
    for entry in platter.entries.values() {
        let line = entry.line;
        let is_there = entry.method_id.as_deref().is_some_and(|id| there.contains(id));
        match entry.state {
            State::Undone if is_there => {
                violations.push(format!("line {line}: said undone, but it is there"));
            }
            State::Created | State::Undoing | State::AlreadyGone | State::Kept => {
                violations.push(format!("line {line}: {:?} after an undo", entry.state));
            }
            _ => {}
        }
    }
}

/// Judges the end of a simulation.
#[expect(clippy::too_many_lines, reason = "each rule by itself, over the same books")]
pub(crate) fn judge(
    factors: &[Factor],
    platter: &Platter,
    tenant: &Tenant,
    violations: &mut Vec<String>,
) -> Totals {
    let key = Key::new(&[7; 32]);
    let books = tenant.books.lock().unwrap();
    violations.extend(books.violations.iter().cloned());
    let mut entries = HashMap::new();
    for (seq, entry) in &platter.entries {
        if entries.insert(entry.fingerprint, entry).is_some() {
            violations.push(format!("row {} stands twice in the ledger", seq.0));
        }
    }
    let mut totals = Totals::default();
    let mut asked = HashSet::new();
    let mut seen = HashSet::new();
    for factor in factors {
        let print = key.fingerprint(factor);
        let user = real_user(factor.user.as_str());
        let value = format!("{}|{}", factor.factor_type(), factor.identity());
        asked.insert((user.to_owned(), value.clone()));
        if !seen.insert(print) {
            continue;
        }
        let held: Vec<_> = books
            .users
            .get(user)
            .into_iter()
            .flatten()
            .filter(|held| held.ours && held.value == value)
            .collect();
        let line = factor.line;
        if held.len() > 1 {
            violations.push(format!("line {line}: doubled"));
        }
        let Some(entry) = entries.remove(&print) else {
            violations.push(format!("line {line}: not in the ledger"));
            continue;
        };
        let there = !held.is_empty();
        let is_alike = books.alike.contains(&(user.to_owned(), value));
        totals.alike += u64::from(is_alike);
        match entry.state {
            State::Created => {
                let id = entry.method_id.as_deref();
                let marked =
                    |held: &&Held| held.listed.name.as_deref().is_some_and(|n| n.contains('#'));
                if !entry.marked && held.iter().any(marked) {
                    violations.push(format!("line {line}: a mark was left in its name"));
                }
                if !held.iter().any(|held| Some(held.id.as_str()) == id) {
                    violations.push(format!("line {line}: said created as {id:?}, but it is not"));
                }
            }
            State::AlreadyPresent => {
                // A masked list that was read before the first POST could not tell.
                let mut alikes = books.alike.iter();
                let taken =
                    entry.how == Some(How::Consistent) && alikes.any(|(whose, _)| whose == user);
                if !there && !taken {
                    violations.push(format!("line {line}: said present, but it is not there"));
                }
            }
            State::Rejected | State::Failed => {
                totals.failed += u64::from(entry.state == State::Failed);
                if there {
                    violations
                        .push(format!("line {line}: said {:?}, but it is there", entry.state));
                }
                if entry.state == State::Rejected && !tenant.refuses(user) {
                    violations.push(format!("line {line}: said rejected for no reason"));
                }
            }
            State::NeedsReview => {
                totals.needs_review += 1;
                totals.alike_needs_review += u64::from(is_alike);
                let word = entry.error.as_ref().map_or("", |reason| reason.code().name());
                *totals.reasons.entry(word.to_owned()).or_default() += 1;
            }
            State::Replaced
            | State::Updated
            | State::Deleted
            | State::AlreadyGone
            | State::Undone
            | State::Kept
            | State::Exported
            | State::NotCarried
            | State::Resolved
            | State::Undoing => violations.push(format!("line {line}: {:?}", entry.state)),
            State::Pending | State::InFlight => {
                violations.push(format!("line {line}: not settled at the end"));
            }
        }
    }
    for (user, held) in &books.users {
        for held in held.iter().filter(|held| held.ours) {
            if !asked.contains(&(user.clone(), held.value.clone())) {
                violations.push(format!("{user}: holds what nobody asked for"));
            }
        }
    }
    totals
}
