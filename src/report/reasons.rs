//! Rows grouped by the reason for their state: how many there are, where the first ones are, and
//! what helps.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::BTreeSet,
    io::{self, Write},
};

use serde::{
    Serialize,
    ser::{SerializeMap, Serializer},
};

use super::{LedgerGroup, rows::RowReport};
use crate::{
    explain::{Action, advice},
    model::{Code, Lines, Reason, ReasonGroup, Reasons, State},
    text::{escape, grouped},
};

/// Most groups that are shown to people; the others are counted in one line.
const GROUPS_SHOWN: usize = 12;
/// Most places of a group that are shown to people.
const PLACES_SHOWN: usize = 3;
/// Columns of a terminal that a group fits into, if possible.
const LINE_WIDTH: usize = 80;

/// Rows of one state and one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Their state.
    pub state: State,
    /// The reason's stable name.
    pub code: Cow<'static, str>,
    /// Number of them.
    pub count: u64,
    /// Places of the first of them.
    pub places: Vec<RowPlace>,
    /// True if there are further rows in other places.
    pub has_more: bool,
}

/// Position of a row, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The file, where there are several.
    pub file: Option<String>,
    /// Physical line in it.
    pub line: u64,
    /// Its path inside a document, where that says more than a line.
    pub at: Option<String>,
}

impl Explained {
    /// Returns a run's groups, the largest first; `lines` knows which file a line is in.
    pub fn all(reasons: &Reasons, lines: &Lines) -> Vec<Self> {
        let group = |ReasonGroup { state, code, count, spots, has_more }| {
            let places = spots.into_iter().map(|spot| {
                let place = lines.place(spot.line);
                RowPlace {
                    file: place.file.map(|file| file.as_ref().to_owned()),
                    line: place.line,
                    at: spot.at.map(|at| at.as_ref().to_owned()),
                }
            });
            let (code, places) = (code.name().into(), places.collect());
            Self { state, code, count, places, has_more }
        };
        reasons.groups().into_iter().map(group).collect()
    }

    /// Returns a ledger's groups, the largest first.
    pub(super) fn of_ledger(reasons: &[LedgerGroup]) -> Vec<Self> {
        let group = |group: &LedgerGroup| {
            let mut places: Vec<_> = group.rows.iter().map(RowPlace::of).collect();
            places.dedup();
            let has_more = group.count > group.rows.len() as u64;
            // Ledgers of an earlier version may have no code.
            let code = if group.code.is_empty() {
                Code::Unknown.name().into()
            } else {
                group.code.clone()
            };
            Self { state: group.state, code, count: group.count, places, has_more }
        };
        reasons.iter().filter(|group| group.state.has_reason()).map(group).collect()
    }

    /// Returns the code; [`Code::Unknown`] for another version's code.
    fn known(&self) -> Code {
        Reason::parse(&self.code).code()
    }

    /// Returns the kind of action that helps.
    pub fn action(&self) -> Action {
        Action::of(self.known(), self.state)
    }

    /// Returns true if retrying its rows unchanged may have a different result.
    fn may_end_otherwise(&self) -> bool {
        use Action::{CreateUsers, MendTenant, Retry, Verify};
        matches!(self.action(), CreateUsers | MendTenant | Retry | Verify)
    }

    /// Formats `no country code: mend the source`.
    fn words(&self, style: Style) -> String {
        let (brief, action) = (advice(self.known()).brief, self.action());
        let action = if style == Style::Full { action.words() } else { action.word() };
        if action.is_empty() { brief.to_owned() } else { format!("{brief}: {action}") }
    }

    /// Formats `lines 17, 33, 90 …`.
    fn whereabouts(&self, style: Style) -> String {
        (1..=PLACES_SHOWN.min(self.places.len()))
            .rev()
            .map(|most| self.first(most))
            .find(|text| text.chars().count() <= style.column())
            .unwrap_or_else(|| self.first(1))
    }

    fn first(&self, most: usize) -> String {
        let Some(first) = self.places.first() else { return String::new() };
        let same = |place: &&RowPlace| place.file == first.file && place.at.is_none();
        let mut shown: Vec<_> = self.places.iter().take(most).take_while(same).collect();
        if shown.is_empty() {
            shown.push(first);
        }
        let file = first.file.as_ref().map(|file| format!("{} ", escape(file))).unwrap_or_default();
        let at = first.at.as_ref().map(|at| format!(" ({})", escape(at))).unwrap_or_default();
        let lines: Vec<_> = shown.iter().map(|place| grouped(place.line)).collect();
        let more = if self.has_more || shown.len() < self.places.len() { " …" } else { "" };
        let line = if lines.len() > 1 { "lines" } else { "line" };
        format!("{file}{line} {}{at}{more}", lines.join(", "))
    }
}

impl RowPlace {
    fn of(row: &RowReport) -> Self {
        Self { file: row.file.clone(), line: row.line, at: row.at.clone() }
    }
}

/// Returns the kinds of action that help, in the order in which to do them.
pub fn actions<'a>(groups: impl IntoIterator<Item = &'a Explained>) -> BTreeSet<Action> {
    groups.into_iter().map(Explained::action).filter(|action| *action != Action::None).collect()
}

/// Returns the states whose rows may end differently when they are retried, as `--retry` takes
/// them; `None` if there are none. Faults in the input would be refused again.
pub fn to_retry(groups: &[&Explained]) -> Option<String> {
    retried(groups, Explained::may_end_otherwise)
}

/// Returns the states of rows that the tenant refused or that failed, as `--retry` takes them;
/// `None` if there are none. The ledger knows these rows: those that are unchanged when they are
/// imported again are skipped without the flag.
pub fn refused_in_tenant(groups: &[&Explained]) -> Option<String> {
    let of_value = [Code::InvalidBody, Code::InvalidUri, Code::InvalidQueryString];
    let is_refused =
        |group: &Explained| group.may_end_otherwise() || of_value.contains(&group.known());
    retried(groups, is_refused)
}

fn retried(groups: &[&Explained], is_to_retry: impl Fn(&Explained) -> bool) -> Option<String> {
    let is_some =
        |state: State| groups.iter().any(|group| group.state == state && is_to_retry(group));
    let states = [State::Failed, State::Rejected].into_iter().filter(|state| is_some(*state));
    let states: Vec<_> = states.map(State::name).collect();
    (!states.is_empty()).then(|| states.join(","))
}

impl Serialize for Explained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all =
            |of: fn(&RowPlace) -> Option<&str>| -> Vec<_> { self.places.iter().map(of).collect() };
        let (files, at) = (all(|place| place.file.as_deref()), all(|place| place.at.as_deref()));
        let lines: Vec<_> = self.places.iter().map(|place| place.line).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("state", self.state.name())?;
        map.serialize_entry("count", &self.count)?;
        map.serialize_entry("lines", &lines)?;
        for (key, values) in [("files", files), ("at", at)] {
            if values.iter().any(Option::is_some) {
                map.serialize_entry(key, &values)?;
            }
        }
        map.end()
    }
}

/// Groups under one heading.
#[derive(Debug)]
struct Block<'a> {
    head: String,
    groups: Vec<&'a Explained>,
}

/// Writes the groups for people, by state and with their numbers; those of rows that the run has
/// `skipped` come last.
pub(super) fn write_groups(
    groups: &[Explained],
    skipped: &[Explained],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut blocks = blocks(groups, "");
    blocks.extend(self::blocks(skipped, " by an earlier run"));
    let mut room = GROUPS_SHOWN.saturating_sub(blocks.len());
    let shown: Vec<_> = blocks
        .iter()
        .map(|block| {
            let more = room.min(block.groups.len().saturating_sub(1));
            room -= more;
            block.groups.split_at((more + 1).min(block.groups.len()))
        })
        .collect();
    let first: Vec<_> = shown.iter().flat_map(|(first, _)| first.iter().copied()).collect();
    let columns = Columns::of(&first);
    for (block, (first, rest)) in blocks.iter().zip(&shown) {
        writeln!(out, "\n{}", block.head)?;
        first.iter().try_for_each(|group| columns.write(group, out))?;
        if !rest.is_empty() {
            let count: u64 = rest.iter().map(|group| group.count).sum();
            let codes = if rest.len() == 1 { "code" } else { "codes" };
            let count = grouped(count);
            writeln!(out, "  {count:>0$}  for {1} more {codes}", columns.count, rest.len())?;
        }
    }
    Ok(())
}

/// Returns the groups by state: those that need attention come first.
fn blocks<'a>(groups: &'a [Explained], by_whom: &str) -> Vec<Block<'a>> {
    let states =
        [State::Rejected, State::Failed, State::NeedsReview, State::NotCarried, State::Kept];
    let block = |state: State| {
        let mut groups: Vec<_> = groups.iter().filter(|group| group.state == state).collect();
        groups.sort_by_key(|group| Reverse(group.count));
        let count: u64 = groups.iter().map(|group| group.count).sum();
        let head = format!("{} {}{by_whom}", grouped(count), super::summary::words(state));
        (count > 0).then_some(Block { head, groups })
    };
    states.into_iter().filter_map(block).collect()
}

/// Space that a group takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Whole words.
    Full,
    /// Short words.
    Short,
}

impl Style {
    /// Columns that codes and positions of the usual length need. A longer one gets a second line.
    const fn column(self) -> usize {
        match self {
            Self::Full => 24,
            Self::Short => 19,
        }
    }
}

/// Layout of the groups: widths of the columns.
#[derive(Debug, Clone, Copy)]
struct Columns {
    style: Style,
    count: usize,
    code: usize,
    places: usize,
}

impl Columns {
    /// Finds the layout in which more of the groups fit into one line.
    fn of(groups: &[&Explained]) -> Self {
        let [full, short] = [Style::Full, Style::Short].map(|style| Self::in_style(groups, style));
        let fit =
            |columns: Self| groups.iter().filter(|group| columns.line(group).is_some()).count();
        if fit(full) >= fit(short) { full } else { short }
    }

    fn in_style(groups: &[&Explained], style: Style) -> Self {
        let widest = |of: &dyn Fn(&Explained) -> usize, most: usize| {
            groups.iter().map(|group| of(group)).filter(|width| *width <= most).max().unwrap_or(0)
        };
        let places = |group: &Explained| group.whereabouts(style).chars().count();
        Self {
            style,
            count: widest(&|group| grouped(group.count).len(), LINE_WIDTH),
            code: widest(&|group| group.code.chars().count(), Style::Full.column()),
            places: widest(&places, style.column()),
        }
    }

    /// Formats a group up to its words.
    fn begin(&self, group: &Explained) -> String {
        let (count, code) = (grouped(group.count), escape(&group.code));
        let places = group.whereabouts(self.style);
        format!("  {count:>0$}  {code:1$}  {places:2$}", self.count, self.code, self.places)
    }

    /// Returns a group in one line, if it fits.
    fn line(&self, group: &Explained) -> Option<String> {
        let line = format!("{}  {}", self.begin(group), group.words(self.style));
        (line.chars().count() <= LINE_WIDTH).then_some(line)
    }

    /// Writes a group in one line, or in two where one would be too long.
    fn write(&self, group: &Explained, out: &mut dyn Write) -> io::Result<()> {
        if let Some(line) = self.line(group) {
            return writeln!(out, "{line}");
        }
        let (begin, words) = (self.begin(group), group.words(Style::Full));
        writeln!(out, "{}\n{:2$}{words}", begin.trim_end(), "", self.count + 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Spot;

    fn group(state: State, code: Code, count: u64, lines: &[u64]) -> Explained {
        let place = |line: &u64| RowPlace { file: None, line: *line, at: None };
        Explained {
            state,
            code: code.name().into(),
            count,
            places: lines.iter().map(place).collect(),
            has_more: count > lines.len() as u64,
        }
    }

    fn text(groups: &[Explained], skipped: &[Explained]) -> String {
        let mut out = Vec::new();
        write_groups(groups, skipped, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn groups_are_told_by_state_with_what_helps() {
        use State::{Failed, NeedsReview, NotCarried, Rejected};
        let groups = [
            group(Rejected, Code::PhoneNotE164, 812, &[17, 33, 90, 91, 92]),
            group(Rejected, Code::UserNotFound, 391, &[41, 44, 45]),
            group(NotCarried, Code::RecoveryCodesNotImportable, 12, &[5]),
            group(Failed, Code::NotCreated, 2, &[1_204_001, 1_204_007]),
            group(Rejected, Code::LooksLikeHex, 1, &[4_001]),
            group(NeedsReview, Code::UserNotFound, 1, &[7]),
        ];
        let skipped = [group(Rejected, Code::EntityLimit, 3, &[8, 9])];
        insta::assert_snapshot!(text(&groups, &skipped).trim_start(), @r"
        1,204 rejected
          812  phone_not_e164  lines 17, 33, 90 …  no country code: mend the source
          391  user_not_found  lines 41, 44, 45 …  no such user: create the users
            1  looks_like_hex  line 4,001          hexadecimal: prove the encoding

        2 failed
            2  not_created     line 1,204,001 …    every attempt was lost: try again

        1 needs review
            1  user_not_found  line 7              no such user: verify

        12 not carried
           12  recovery_codes_not_importable  line 5 …
               no API imports recovery codes

        3 rejected by an earlier run
            3  entity_limit    lines 8, 9 …        limit reached: look at the tenant
        ");
    }

    #[test]
    fn at_most_a_screen_is_told_and_the_rest_is_counted() {
        let groups: Vec<_> = (1..)
            .zip(&Code::ALL[..40])
            .map(|(count, code)| group(State::Rejected, *code, count, &[1]))
            .chain([group(State::Failed, Code::NotCreated, 1, &[3])])
            .collect();
        let text = text(&groups, &[]);
        assert!(text.lines().count() <= 2 + 2 + GROUPS_SHOWN * 2 + 1, "{text}");
        let all: u64 = (1..=40).sum();
        let told: u64 = text
            .lines()
            .skip_while(|line| !line.contains("rejected"))
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .sum();
        assert_eq!(told, all, "{text}");
        assert!(text.contains("for 29 more codes"), "{text}");
        assert!(text.contains("\n1 failed\n"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_whatever_the_code() {
        for code in Code::ALL {
            for state in [State::Rejected, State::Failed, State::NeedsReview, State::NotCarried] {
                let lines = [1_234_567, 1_234_568, 1_234_569];
                let text = text(&[group(state, *code, 1_000_000, &lines)], &[]);
                let longest = text.lines().map(|line| line.chars().count()).max();
                assert!(longest <= Some(LINE_WIDTH), "{text}");
            }
        }
    }

    #[test]
    fn places_are_told_as_people_find_them() {
        let lines = Lines::of(&[(0, "a.csv".into()), (10, "b\u{1b}.csv".into())]);
        let mut reasons = Reasons::default();
        for (line, at) in [(3, None), (7, None), (12, Some("users[1].totp"))] {
            let spot = Spot { line, at: at.map(Into::into), row: None };
            reasons.add(State::Rejected, Code::Required, Some(spot));
        }
        let groups = Explained::all(&reasons, &lines);
        assert_eq!(groups[0].whereabouts(Style::Full), "a.csv lines 3, 7 …");
        let json = serde_json::to_value(&groups[0]).unwrap();
        let expected = serde_json::json!({
            "code": "required", "state": "rejected", "count": 3, "lines": [3, 7, 2],
            "files": ["a.csv", "a.csv", "b\u{1b}.csv"], "at": [null, null, "users[1].totp"],
        });
        assert_eq!(json, expected);
        let mut reasons = Reasons::default();
        let spot = Spot { line: 12, at: Some("users[1]".into()), row: None };
        reasons.add(State::Rejected, Code::Required, Some(spot));
        let groups = Explained::all(&reasons, &Lines::default());
        assert_eq!(groups[0].whereabouts(Style::Full), "line 12 (users[1])");
        let json = serde_json::to_value(&groups[0]).unwrap();
        assert!(json.get("files").is_none(), "{json}");
    }
}
