//! Sums over a ledger.

use std::{borrow::Cow, collections::BTreeMap};

use super::super::rows::RowReport;
use crate::{
    error::Error,
    ledger::{ByState, Glance, Reader, ReportRow, Survey},
    model::{Code, FactorType, How, Reason, State},
};

/// Most codes of other versions that are counted separately; further ones are counted together.
const MAX_UNKNOWN: usize = 32;
/// Longest text of a row that is kept, in characters: ids in an input may have any length.
const LONGEST_TEXT: usize = 160;

/// Rows of one type.
#[derive(Debug, Clone, Copy)]
pub struct TypeTotals {
    /// The type; `None` for rows that have none, or one that cannot be created.
    pub factor_type: Option<FactorType>,
    /// Its rows by state.
    pub states: ByState,
}

/// Rows that have one state for one reason.
#[derive(Debug)]
pub struct LedgerGroup {
    /// Their state.
    pub state: State,
    /// Stable name of the reason; empty if a ledger of an earlier version has none.
    pub code: Cow<'static, str>,
    /// Number of them.
    pub count: u64,
    /// The first of them, by line.
    pub(crate) rows: Vec<RowReport>,
}

impl LedgerGroup {
    /// Returns the lines of the first rows, in their order.
    pub fn lines(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|row| row.line)
    }
}

/// Rows with an attempt that was once in doubt.
#[derive(Debug, Default)]
pub struct Doubts {
    /// Number of them.
    pub count: u64,
    /// Their number by present state and the evidence for it.
    pub by: BTreeMap<(State, Option<How>), u64>,
    /// The first of them, in the order in which they were admitted.
    pub(crate) rows: Vec<RowReport>,
}

/// Sums over a whole ledger, with the first rows of each reason.
#[derive(Debug)]
pub struct Digest {
    /// All rows by state.
    pub states: ByState,
    /// Types that occur, in the order of their numbers; rows without one come last.
    pub types: Vec<TypeTotals>,
    /// Reasons, the most frequent first, including those of rows that were not carried.
    pub reasons: Vec<LedgerGroup>,
    /// Rows that were once in doubt.
    pub doubts: Doubts,
    /// The first of the rows that are in flight.
    pub(crate) in_flight: Vec<RowReport>,
    /// Number of all writes of rows.
    pub writes: u64,
}

impl Digest {
    /// Reads a ledger; the first `most` rows of each reason, and of those once in doubt, are kept.
    pub fn read(ledger: &Reader, most: usize) -> Result<Self, Error> {
        Self::read_with(ledger, most, |row| row)
    }

    /// Does the same, and passes each kept row through `mask`.
    pub(crate) fn read_with(
        ledger: &Reader,
        most: usize,
        mask: impl Fn(RowReport) -> RowReport + Send + 'static,
    ) -> Result<Self, Error> {
        let gatherer = Gatherer {
            most,
            mask,
            types: [ByState::default(); TYPES],
            groups: BTreeMap::new(),
            doubts: Doubts::default(),
            in_flight: Vec::new(),
            unknown: 0,
        };
        let surveyed = ledger.survey(gatherer)?;
        Ok(surveyed.survey.finish(surveyed.writes))
    }

    /// Returns the number of all rows.
    pub fn rows(&self) -> u64 {
        self.states.sum()
    }
}

/// The types, and none.
const TYPES: usize = FactorType::ALL.len() + 1;

/// State and code of a reason.
type Key = (State, Cow<'static, str>);

/// Rows of a reason while they are gathered.
#[derive(Debug, Default)]
struct GatheredRows {
    count: u64,
    /// Rows that were admitted.
    rows: Vec<RowReport>,
    /// Rows that were refused while they were read.
    refused: Vec<RowReport>,
}

struct Gatherer<M> {
    most: usize,
    mask: M,
    types: [ByState; TYPES],
    groups: BTreeMap<Key, GatheredRows>,
    doubts: Doubts,
    in_flight: Vec<RowReport>,
    /// Number of the codes among `groups` that this version does not know.
    unknown: usize,
}

impl<M: Fn(RowReport) -> RowReport + Send + 'static> Survey for Gatherer<M> {
    fn look(&mut self, glance: &Glance<'_>) -> bool {
        let Glance { factor_type, state, how, was_in_doubt, error } = *glance;
        self.types[slot(factor_type)][state] += 1;
        let mut is_wanted = false;
        if was_in_doubt {
            self.doubts.count += 1;
            *self.doubts.by.entry((state, how)).or_default() += 1;
            is_wanted = self.doubts.rows.len() < self.most;
        }
        is_wanted |= state == State::InFlight && self.in_flight.len() < self.most;
        if let Some(code) = code_of(state, error) {
            let most = self.most;
            let group = self.group((state, code));
            group.count += 1;
            is_wanted |= group.rows.len() < most;
        }
        is_wanted
    }

    fn take(&mut self, item: ReportRow) {
        let most = self.most;
        match &item {
            ReportRow::Row { entry, .. } => {
                let (state, was_in_doubt) = (entry.state, entry.doubts > 0);
                let error = entry.error.as_ref().map(Reason::text);
                let code = code_of(state, error.as_deref());
                let row = self.kept(item);
                if was_in_doubt && self.doubts.rows.len() < most {
                    self.doubts.rows.push(row.clone());
                }
                if state == State::InFlight && self.in_flight.len() < most {
                    self.in_flight.push(row.clone());
                }
                if let Some(code) = code {
                    let group = self.group((state, code));
                    if group.rows.len() < most {
                        group.rows.push(row);
                    }
                }
            }
            ReportRow::Refused { factor_type, state, faults, .. } => {
                self.types[slot(*factor_type)][*state] += 1;
                let key = (*state, first_code(faults));
                let group = self.group(key.clone());
                group.count += 1;
                if group.refused.len() < most {
                    let row = self.kept(item);
                    self.group(key).refused.push(row);
                }
            }
        }
    }
}

impl<M: Fn(RowReport) -> RowReport> Gatherer<M> {
    fn kept(&self, item: ReportRow) -> RowReport {
        let mut row = (self.mask)(RowReport::from(item));
        row.shorten(LONGEST_TEXT);
        row
    }

    /// Returns the group of a reason. If there are too many codes of other versions, they share
    /// one.
    fn group(&mut self, (state, code): Key) -> &mut GatheredRows {
        let key = (state, code);
        let is_unknown = matches!(key.1, Cow::Owned(_)) && !self.groups.contains_key(&key);
        let key = if is_unknown && self.unknown == MAX_UNKNOWN {
            (state, Code::Unknown.name().into())
        } else {
            self.unknown += usize::from(is_unknown);
            key
        };
        self.groups.entry(key).or_default()
    }

    fn finish(self, writes: u64) -> Digest {
        let mut states = ByState::default();
        for of_type in &self.types {
            for state in State::ALL.into_iter().filter(|state| *state != State::Undoing) {
                states[state] += of_type[state];
            }
        }
        let names = FactorType::ALL.map(Some).into_iter().chain([None]);
        let types =
            names.zip(self.types).map(|(factor_type, states)| TypeTotals { factor_type, states });
        let mut reasons: Vec<_> = self
            .groups
            .into_iter()
            .map(|((state, code), GatheredRows { count, mut rows, mut refused })| {
                rows.append(&mut refused);
                rows.sort_by_key(|row| row.line);
                rows.truncate(self.most);
                LedgerGroup { state, code, count, rows }
            })
            .collect();
        reasons.sort_by_key(|group| std::cmp::Reverse(group.count));
        Digest {
            states,
            types: types.filter(|totals| totals.states.sum() > 0).collect(),
            reasons,
            doubts: self.doubts,
            in_flight: self.in_flight,
            writes,
        }
    }
}

/// Returns the index of a type among [`TYPES`].
fn slot(factor_type: Option<FactorType>) -> usize {
    let place = FactorType::ALL.iter().position(|known| Some(*known) == factor_type);
    place.unwrap_or(TYPES - 1)
}

/// Returns the code of the reason for a state, if there is one. States that need attention always
/// have one, even if it is empty.
fn code_of(state: State, error: Option<&str>) -> Option<Cow<'static, str>> {
    match error.map(Reason::parse) {
        Some(reason) if reason.code() == Code::Unknown => {
            let text = reason.text();
            Some(known(text.split(':').next().unwrap_or_default()))
        }
        Some(reason) => Some(reason.code().name().into()),
        None => state.needs_attention().then(|| "".into()),
    }
}

/// Returns the code of the first fault of a row that was refused while it was read.
fn first_code(faults: &str) -> Cow<'static, str> {
    #[derive(serde::Deserialize)]
    struct Coded<'a> {
        #[serde(default, borrow)]
        code: Cow<'a, str>,
    }
    let faults: Vec<Coded<'_>> = serde_json::from_str(faults).unwrap_or_default();
    match faults.first().map_or("", |fault| &*fault.code) {
        "" => Code::InvalidRow.name().into(),
        code => known(code),
    }
}

/// Returns a code: borrowed if this version knows it, and truncated if not.
fn known(code: &str) -> Cow<'static, str> {
    let known = Code::ALL.iter().map(|code| code.name()).find(|name| *name == code);
    known.map_or_else(|| code.chars().take(LONGEST_TEXT).collect::<String>().into(), Cow::Borrowed)
}
