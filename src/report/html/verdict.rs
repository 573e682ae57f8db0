//! The verdict: one sentence that can be relied on, and the figures behind it.

use std::collections::BTreeMap;

use super::{
    super::{LedgerAccount, Verified},
    words,
    writer::Html,
};
use crate::{
    model::{Shard, State},
    text::{counted, grouped},
};

/// Kinds of verdict, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VerdictKind {
    Unsound,
    Unfinished,
    Look,
    Empty,
    Good,
}

/// The first sentence, and those that follow.
#[derive(Debug)]
pub(super) struct PageVerdict {
    kind: VerdictKind,
    sentence: String,
    /// Sentences that follow.
    more: Vec<String>,
    /// Rows to look at that `verify` found, if it was run.
    found: Option<u64>,
}

impl PageVerdict {
    pub(super) fn of(account: &LedgerAccount, verified: Option<&Verified>) -> Self {
        let states = &account.digest.states;
        let (rows, bad, in_flight) = (account.digest.rows(), states.bad(), states[State::InFlight]);
        let unfinished = unfinished(account);
        let proofs = super::closing::wrong(account);
        let differs = verified.map_or(0, Verified::bad);
        let is_of_others = verified.is_some_and(Verified::is_of_others);
        let complete = complete(account.shard);
        let mut more = Vec::new();
        if account.is_running && account.fault.is_none() {
            let last = account.runs.last().filter(|run| run.ended_at.is_none());
            let since = last.map(|run| words::time(run.started_at));
            more.extend(since.map(|since| format!("A run is going on since {since}.")));
        }
        let (kind, sentence) = if let Some(fault) = &account.fault {
            more.push(format!("{fault}."));
            (VerdictKind::Unsound, "Not to be relied on: this ledger is not whole.".into())
        } else if in_flight > 0 || !unfinished.is_empty() {
            (VerdictKind::Unfinished, sentence_of_unfinished(in_flight, &unfinished, &mut more))
        } else if let Some(wrong) = &proofs {
            if bad > 0 {
                more.push(format!("Besides, {} to be looked at.", of_rows(bad, rows)));
            }
            (VerdictKind::Look, format!("{complete}, but {wrong}."))
        } else if rows == 0 {
            (VerdictKind::Empty, format!("{complete}, and empty: no row was recorded."))
        } else if bad > 0 {
            (VerdictKind::Look, format!("{complete}, and {} to be looked at.", of_rows(bad, rows)))
        } else if is_of_others {
            let but = "but the result of verify shares no user with this ledger.";
            (VerdictKind::Look, format!("{complete}, {but}"))
        } else if differs > 0 {
            let found = counted(differs, "row");
            (VerdictKind::Look, format!("{complete}, but verify found {found} to look at."))
        } else {
            let all = if rows == 1 { "the only row is" } else { "every row is" };
            (VerdictKind::Good, format!("{complete}: {all} settled well."))
        };
        let counts: Vec<_> = super::states()
            .filter(|state| states[*state] > 0)
            .map(|state| {
                format!("{} {}", grouped(states[state]), words::state_of(state, states[state]))
            })
            .collect();
        if let Some(wrong) = proofs.filter(|_| kind != VerdictKind::Look) {
            more.push(format!("And {wrong}."));
        }
        if !counts.is_empty() {
            more.push(format!("{}.", words::list(&counts)));
        }
        if let Some(verified) = verified {
            if is_of_others {
                let text = "The result of `verify` names no user of this ledger: it is probably of \
                            another input, and says nothing of this one.";
                more.push(text.into());
            }
            more.push(verified.sentence());
        }
        Self { kind, sentence, more, found: verified.map(Verified::bad) }
    }

    /// Class of the page.
    pub(super) fn class(&self) -> &'static str {
        match self.kind {
            VerdictKind::Unsound => "bad",
            VerdictKind::Unfinished => "wait",
            VerdictKind::Look | VerdictKind::Empty => "look",
            VerdictKind::Good => "good",
        }
    }

    /// Returns the verdict in two words.
    pub(super) fn state(&self) -> &'static str {
        match self.kind {
            VerdictKind::Unsound => "Not sound",
            VerdictKind::Unfinished => "Unfinished",
            VerdictKind::Look => "Look at it",
            VerdictKind::Empty => "Empty",
            VerdictKind::Good => "All well",
        }
    }

    pub(super) fn write(&self, account: &LedgerAccount, html: &mut Html) {
        html.leaf("p", &[("class", "over")], "MFA migration report");
        html.leaf("h1", &[], words::host(&account.tenant));
        html.leaf("p", &[("class", "state")], self.state());
        html.tag("div", &[("class", "head")], |html| {
            html.leaf("p", &[("class", "verdict")], &self.sentence);
            for sentence in &self.more {
                html.prose("p", &[], sentence);
            }
        });
        let states = &account.digest.states;
        let (rows, bad, open) = (account.digest.rows(), states.bad(), states[State::InFlight]);
        html.tag("dl", &[("class", "tiles")], |html| {
            let found = self.found.map(|found| ("Found by verify", found, found > 0));
            let tiles = [
                ("Rows in all", rows, false),
                ("Settled well", rows - bad - open, self.kind == VerdictKind::Good),
                ("To look at", bad, bad > 0),
                ("In flight", open, open > 0),
            ];
            for (name, count, tone) in tiles.into_iter().chain(found) {
                html.tag("div", &[], |html| {
                    html.leaf("dt", &[], name);
                    let class: &[_] = if tone { &[("class", "tone")] } else { &[] };
                    html.leaf("dd", class, grouped(count));
                });
            }
        });
    }
}

/// Begins a sentence about a ledger whose runs came to their end. A statement about a shard must
/// not sound like one about the whole input, whose digest is on the same page.
fn complete(shard: Shard) -> String {
    if shard.is_whole() {
        return "Complete".into();
    }
    format!("Complete for shard {shard} of the input only")
}

fn of_rows(bad: u64, rows: u64) -> String {
    match (bad, rows) {
        (1, 1) => "the only row has".into(),
        (1, rows) => format!("1 of {} rows has", grouped(rows)),
        (bad, rows) => format!("{} of {} rows have", grouped(bad), grouped(rows)),
    }
}

fn sentence_of_unfinished(in_flight: u64, inputs: &[String], more: &mut Vec<String>) -> String {
    if let [first, ..] = inputs {
        let others = match inputs.len() - 1 {
            0 => String::new(),
            others => format!(" (and {} more)", counted(others as u64, "input")),
        };
        more.push(format!(
            "Rows of {first}{others} that it had not come to are not in this ledger. Run the same command \
             again, without `--max-users` if it had that: it goes on where it stopped, and looks up what is \
             in flight."
        ));
    } else {
        more.push("Run the command again with their rows, to its end: it looks them up.".into());
    }
    let still = match in_flight {
        0 => String::new(),
        1 => ", and 1 row is in flight".into(),
        count => format!(", and {} rows are in flight", grouped(count)),
    };
    if inputs.is_empty() {
        format!(
            "Unfinished: {} still in flight.",
            if in_flight == 1 {
                "1 row is".into()
            } else {
                format!("{} rows are", grouped(in_flight))
            }
        )
    } else {
        format!("Unfinished: the last run did not come to its end{still}.")
    }
}

/// Lists the inputs whose last run did not come to its end, unless a later run that did has read
/// them, too.
fn unfinished(account: &LedgerAccount) -> Vec<String> {
    let mut open: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for run in &account.runs {
        let key = (run.command.as_str(), run.input.as_str());
        if run.is_complete {
            let has_read = |input: &str| run.input.split(", ").any(|part| part == input);
            open.retain(|(command, input), _| {
                *command != run.command || !(*input == run.input || has_read(input))
            });
        } else {
            open.insert(key, run.id);
        }
    }
    let run_of = |id: i64| account.runs.iter().find(|run| run.id == id);
    let last = open.into_values().filter_map(run_of);
    last.map(|run| account.files.of_run(run)).collect()
}
