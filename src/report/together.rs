//! Several ledgers in one report: their numbers added up, and what may be wrong with the sums.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Explained, LedgerReport, in_flight, whole::POSITIONS_SHOWN};
use crate::{
    ledger::ByState,
    model::{Shard, State},
    text::{counted, escape},
};

/// Facts about the ledgers, besides the sums of their rows.
#[derive(Debug)]
pub struct Together {
    /// Their shards, in order.
    pub shards: Vec<Shard>,
    /// Shards that are missing.
    pub missing: Vec<Shard>,
    /// Number of users who are in more than one ledger; `None` where that is impossible.
    pub users_in_several: Option<u64>,
    /// True if their rows are people.
    pub are_of_people: bool,
}

/// One of several ledgers.
#[derive(Debug, Serialize)]
pub struct LedgerPart {
    /// The ledger.
    pub ledger: String,
    /// Shard of the input that it has; `None` for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Number of its rows.
    pub rows: u64,
    #[serde(flatten)]
    /// They add up to `rows`.
    pub totals: ByState,
}

impl LedgerReport {
    /// Adds up the reports on several ledgers of one tenant.
    pub fn together(reports: Vec<Self>, facts: &Together) -> Self {
        let names: Vec<_> = reports.iter().map(|report| report.ledger.clone()).collect();
        let unfinished: Vec<_> = reports
            .iter()
            .filter_map(|report| {
                Some(format!("{}: {}", escape(&report.ledger), report.unfinished.as_ref()?))
            })
            .collect();
        let mut sum = Self {
            ledger: names.join(", "),
            tenant: reports.first().map(|report| report.tenant.clone()).unwrap_or_default(),
            unfinished: (!unfinished.is_empty()).then(|| unfinished.join("\n")),
            missing_shards: Some(facts.missing.clone()),
            users_in_several: facts.users_in_several,
            ..Self::default()
        };
        let mut hints = Vec::new();
        let mut reasons = Vec::new();
        for report in reports {
            let Self { ledger, shard, rows, totals, hints: own, .. } = report;
            sum.rows += rows;
            for state in State::ALL.into_iter().filter(|state| *state != State::Undoing) {
                sum.totals[state] += totals[state];
            }
            // Rows in flight are reported for all ledgers together.
            let known = in_flight(&totals);
            hints.extend(own.into_iter().filter(|hint| Some(hint) != known.as_ref()));
            sum.ledgers.push(LedgerPart { ledger, shard, rows, totals });
            reasons.extend(report.reasons);
            for step in report.next {
                if !sum.next.contains(&step) {
                    sum.next.push(step);
                }
            }
            match (&mut sum.selected, report.selected) {
                (Some(sum), Some(more)) => sum.add(more),
                (none, first) => *none = first,
            }
        }
        sum.reasons = added(reasons);
        sum.hints = hints.into_iter().chain(in_flight(&sum.totals)).collect();
        sum
    }
}

impl Together {
    /// Describes what may be wrong with the sums.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(missing) = names_of(&self.missing) {
            let one = self.missing.len() == 1;
            let (is, its) = if one { ("is", "its") } else { ("are", "their") };
            warnings.push(format!("{missing} {is} missing: {its} rows are not in these numbers"));
        }
        match self.users_in_several {
            _ if self.are_of_people && self.users_in_several.is_some() => warnings.push(
                "these ledgers may have the same people: whoever is in several counts in each"
                    .into(),
            ),
            Some(users) if users > 0 => {
                let are = if users == 1 { "is" } else { "are" };
                warnings.push(format!(
                    "{} {are} in more than one of these ledgers: their factors may count twice",
                    counted(users, "user")
                ));
            }
            _ => {}
        }
        warnings
    }
}

/// Most shards that are named.
const SHARDS_NAMED: usize = 20;

/// Returns shards in words; `None` if there are none.
pub(super) fn names_of(shards: &[Shard]) -> Option<String> {
    let names: Vec<_> = shards.iter().take(SHARDS_NAMED).map(Shard::to_string).collect();
    let more = match shards.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let word = if shards.len() == 1 { "shard" } else { "shards" };
    (!names.is_empty()).then(|| format!("{word} {}{more}", names.join(", ")))
}

/// Adds up groups of rows by state and code, the largest first.
fn added(groups: Vec<Explained>) -> Vec<Explained> {
    let mut sums: BTreeMap<_, Explained> = BTreeMap::new();
    for group in groups {
        match sums.entry((group.state as u8, group.code.clone())) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(group);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let sum = entry.get_mut();
                sum.count += group.count;
                sum.has_more |= group.has_more;
                sum.places.extend(group.places);
            }
        }
    }
    let mut sums: Vec<_> = sums.into_values().collect();
    for sum in &mut sums {
        sum.places.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        sum.places.dedup();
        sum.has_more |= sum.places.len() > POSITIONS_SHOWN;
        sum.places.truncate(POSITIONS_SHOWN);
    }
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.count));
    sums
}

/// Adds the name of a ledger's input to the positions of its rows: with several inputs in one
/// report, a line number alone is ambiguous.
pub fn name_inputs(reports: &mut [LedgerReport], inputs: &[String]) {
    let different: BTreeSet<_> = inputs.iter().collect();
    if different.len() < 2 {
        return;
    }
    for (report, input) in reports.iter_mut().zip(inputs) {
        let places = report.reasons.iter_mut().flat_map(|group| &mut group.places);
        for place in places.filter(|place| place.file.is_none()) {
            place.file = Some(input.clone());
        }
    }
}
