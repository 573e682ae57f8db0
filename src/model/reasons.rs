//! Reasons why rows ended as they did, counted by state and code, with the first rows of each.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use super::{Code, Rejection, State};

/// Rows of a reason that are shown.
const ROWS_SHOWN: usize = 5;
/// Rows of a reason that are kept: some may be removed again.
const ROWS_KEPT: usize = 64;

/// Place of a row, as the input's lines are numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Its line.
    pub line: u64,
    /// Its path inside a document, where that says more than a line.
    pub at: Option<Arc<str>>,
    /// Number of the row, if it has one: by this number it is found when it is removed.
    pub row: Option<u32>,
}

impl Spot {
    /// Returns the position of a refused row.
    pub fn of(row: &Rejection) -> Self {
        Self { line: row.line, at: row.at.as_deref().map(Into::into), row: None }
    }
}

/// Rows by state and code. There are few codes, however long the input.
#[derive(Debug, Clone, Default)]
pub struct Reasons(BTreeMap<(State, &'static str), ReasonRows>);

#[derive(Debug, Clone)]
struct ReasonRows {
    code: Code,
    count: u64,
    /// The first rows, by line.
    spots: Vec<Spot>,
    /// Line from which on no row is kept, once one had to be dropped.
    end: Option<u64>,
}

/// Rows of one state and one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonGroup {
    /// Their state.
    pub state: State,
    /// Their code.
    pub code: Code,
    /// Number of them.
    pub count: u64,
    /// The first of them, by line.
    pub spots: Vec<Spot>,
    /// True if there are further rows in other places.
    pub has_more: bool,
}

impl Reasons {
    /// Counts a row; one without a position is counted without it.
    pub fn add(&mut self, state: State, code: Code, spot: Option<Spot>) {
        let empty = || ReasonRows { code, count: 0, spots: Vec::new(), end: None };
        let kept = self.0.entry((state, code.name())).or_insert_with(empty);
        kept.count += 1;
        let Some(spot) = spot.filter(|spot| kept.end.is_none_or(|end| spot.line < end)) else {
            return;
        };
        let place = |spot: &Spot| (spot.line, spot.row);
        let index = kept.spots.partition_point(|other| place(other) <= place(&spot));
        kept.spots.insert(index, spot);
        if kept.spots.len() > ROWS_KEPT {
            kept.end = kept.spots.pop().map(|spot| spot.line);
        }
    }

    /// Removes the row with that number.
    pub fn remove(&mut self, state: State, code: Code, row: u32) {
        if let Entry::Occupied(mut entry) = self.0.entry((state, code.name())) {
            let kept = entry.get_mut();
            kept.count = kept.count.saturating_sub(1);
            kept.spots.retain(|spot| spot.row != Some(row));
            if kept.count == 0 {
                entry.remove();
            }
        }
    }

    /// Returns the groups, the largest first, each with its first rows; rows of one place are shown
    /// once.
    pub fn groups(&self) -> Vec<ReasonGroup> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|((state, _), kept)| {
                let mut spots = kept.spots.clone();
                spots.dedup_by(|a, b| (a.line, &a.at) == (b.line, &b.at));
                let has_more = spots.len() > ROWS_SHOWN || kept.count > kept.spots.len() as u64;
                spots.truncate(ROWS_SHOWN);
                let (code, count) = (kept.code, kept.count);
                ReasonGroup { state: *state, code, count, spots, has_more }
            })
            .collect();
        all.sort_by_key(|group| (Reverse(group.count), group.code.name(), group.state));
        all
    }

    /// Returns the number of rows of a state.
    pub fn count(&self, state: State) -> u64 {
        let of_state = self.0.iter().filter(|((other, _), _)| *other == state);
        of_state.map(|(_, kept)| kept.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(line: u64, row: u32) -> Spot {
        Spot { line, at: None, row: Some(row) }
    }

    fn lines(reasons: &Reasons) -> Vec<u64> {
        reasons.groups()[0].spots.iter().map(|spot| spot.line).collect()
    }

    #[test]
    fn the_first_rows_are_shown_in_whatever_order_rows_come_and_go() {
        let mut rng = fastrand::Rng::with_seed(7);
        for round in 0..200 {
            let mut reasons = Reasons::default();
            let mut there: Vec<(u64, u32)> = Vec::new();
            for row in 0..rng.u32(1..300) {
                let line = rng.u64(1..1_000);
                reasons.add(State::NeedsReview, Code::Timeout, Some(spot(line, row)));
                there.push((line, row));
                if rng.u8(..) < 40 {
                    let (_, row) = there.swap_remove(rng.usize(..there.len()));
                    reasons.remove(State::NeedsReview, Code::Timeout, row);
                }
                assert_eq!(reasons.count(State::NeedsReview), there.len() as u64);
                let mut first: Vec<_> = there.iter().map(|(line, _)| *line).collect();
                first.sort_unstable();
                first.dedup();
                let shown = if there.is_empty() { Vec::new() } else { lines(&reasons) };
                assert!(first.starts_with(&shown), "{round}: {shown:?} of {first:?}");
                assert!(!shown.is_empty() || there.is_empty(), "{round}");
            }
        }
    }

    #[test]
    fn groups_come_by_number_and_rows_of_one_place_once() {
        let mut reasons = Reasons::default();
        reasons.add(State::Rejected, Code::TooLong, None);
        for line in [9, 3, 3, 7, 5, 1, 8, 2] {
            reasons.add(State::Rejected, Code::Required, Some(Spot { line, at: None, row: None }));
        }
        reasons.add(State::Failed, Code::NotCreated, Some(spot(4, 4)));
        let groups: [_; 3] = reasons.groups().try_into().unwrap();
        let told: Vec<_> = groups.iter().map(|it| (it.state, it.code, it.count)).collect();
        let expected = [
            (State::Rejected, Code::Required, 8),
            (State::Failed, Code::NotCreated, 1),
            (State::Rejected, Code::TooLong, 1),
        ];
        assert_eq!(told, expected);
        assert_eq!(lines(&reasons), [1, 2, 3, 5, 7]);
        assert_eq!(groups.map(|it| it.has_more), [true, false, true], "a place is not known");
        reasons.remove(State::Failed, Code::NotCreated, 4);
        assert_eq!((reasons.groups().len(), reasons.count(State::Failed)), (2, 0));
    }
}
