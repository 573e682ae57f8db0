//! Sums over a result of `verify --output jsonl`, read line by line, however long it is.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    io::{self, BufRead, Read},
};

use serde::Deserialize;

use crate::{
    error::Error,
    files::Runs,
    jobs::list::verify::{Bound, VerifyState},
    ledger::{Pseudonyms, Reader, ReportRow},
    model::FileRead,
    text::{counted, grouped},
};

/// Most rows to look at that are kept.
const ROWS_KEPT: usize = 200;
/// Longest line, in bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// Longest text of a row that is kept, in characters.
const LONGEST_TEXT: usize = 160;
/// State of rows that are not factors.
const REJECTED: &str = "rejected";
/// States of rows that the tenant was not asked about, besides those of [`VerifyState`].
const NOT_ASKED: [&str; 3] = [REJECTED, "not_carried", VerifyState::EXTRA];
/// States that the tenant was asked about.
const ASKED: [VerifyState; 5] = [
    VerifyState::Present,
    VerifyState::Unverifiable,
    VerifyState::Missing,
    VerifyState::Differs,
    VerifyState::Unanswered,
];

/// A row to look at.
#[derive(Debug)]
pub(super) struct VerifiedRow {
    pub(super) line: Option<u64>,
    pub(super) user: String,
    pub(super) factor_type: String,
    pub(super) state: &'static str,
    pub(super) details: String,
}

/// Sums over a result of `verify`.
#[derive(Debug)]
pub struct Verified {
    /// The file.
    pub file: FileRead,
    /// Number of rows in each state, by its name.
    pub states: BTreeMap<&'static str, u64>,
    /// Users who were asked about.
    pub users: u64,
    /// Users among them with a missing factor, or without a usable list.
    pub users_with_missing: u64,
    /// Users of the ledger's rows, those of refused ones left out.
    pub users_of_ledger: u64,
    /// Users who are in both.
    pub users_shared: u64,
    /// The first rows to look at: those that were asked about, then rejected ones.
    pub(super) rows: Vec<VerifiedRow>,
}

/// The fields of a line that are needed here.
#[derive(Debug, Deserialize)]
struct ResultLine {
    #[serde(rename = "line")]
    number: Option<u64>,
    file: Option<String>,
    at: Option<String>,
    user_id: Option<String>,
    r#type: Option<String>,
    state: String,
    method_id: Option<String>,
    #[serde(default)]
    differs: Vec<String>,
    error: Option<String>,
    code: Option<String>,
}

impl Verified {
    /// Reads a result, which `file` describes; with `pseudonyms`, user ids are replaced by them. If
    /// it is not a result of `verify`, the error names the line.
    pub fn read(
        mut from: impl BufRead,
        pseudonyms: Option<&Pseudonyms>,
        ledger: Option<&Reader>,
        file: impl FnOnce() -> FileRead,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: "reading the result of `verify`".into(), source };
        let hasher = RandomState::new();
        let (mut states, mut users) = (BTreeMap::new(), Runs::default());
        let (mut kept, mut rejected) = (Vec::new(), Vec::new());
        let (mut text, mut number) = (Vec::new(), 0_u64);
        loop {
            text.clear();
            number += 1;
            from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(failed)?;
            if text.is_empty() {
                break;
            }
            let line: ResultLine = serde_json::from_slice(&text).map_err(|_| malformed(number))?;
            let state = known(&line.state).ok_or_else(|| malformed(number))?;
            *states.entry(state).or_default() += 1_u64;
            if let Some(user) = line.user_id.as_ref().filter(|_| is_asked(state)) {
                let is_missing =
                    state == VerifyState::Missing.name() || state == VerifyState::Unanswered.name();
                let kind = if is_missing { MISSING } else { ASKED_ABOUT };
                users.push([hasher.hash_one(user), kind]).map_err(failed)?;
            }
            let shelf = if state == REJECTED { &mut rejected } else { &mut kept };
            if (is_bad(state) || state == REJECTED) && shelf.len() < ROWS_KEPT {
                shelf.push(line.into_row(state, pseudonyms));
            }
        }
        if states.is_empty() {
            return Err(Error::usage("the file of --verify is empty", HINT));
        }
        if let Some(ledger) = ledger {
            ledger.visit(|row| match row {
                ReportRow::Row { entry, .. } => {
                    users.push([hasher.hash_one(entry.user.as_str()), OF_LEDGER])
                }
                ReportRow::Refused { .. } => Ok(()),
            })?;
        }
        let counts = count(users).map_err(failed)?;
        kept.append(&mut rejected);
        kept.truncate(ROWS_KEPT);
        Ok(Self {
            file: file(),
            states,
            users: counts.asked,
            users_with_missing: counts.missing,
            users_of_ledger: counts.of_ledger,
            users_shared: counts.shared,
            rows: kept,
        })
    }

    /// Returns the number of rows in a state.
    pub(super) fn of(&self, state: &str) -> u64 {
        self.states.get(state).copied().unwrap_or_default()
    }

    /// Returns true if none of the users in the result is one of the ledger's.
    pub fn is_of_others(&self) -> bool {
        self.users > 0 && self.users_of_ledger > 0 && self.users_shared == 0
    }

    /// Describes how many rows were asked about, and how many of those have to be looked at.
    pub(super) fn sentence(&self) -> String {
        let found: Vec<_> = [
            (VerifyState::Missing, "missing"),
            (VerifyState::Differs, "found to differ"),
            (VerifyState::Unanswered, "left without an answer"),
        ]
        .into_iter()
        .map(|(state, words)| (self.of(state.name()), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", grouped(count)))
        .collect();
        let found = if found.is_empty() { "none to look at".into() } else { found.join(", ") };
        let asked = format!("`verify` asked about {}: {found}.", counted(self.asked(), "row"));
        match self.of(REJECTED) {
            0 => asked,
            1 => format!("{asked} Besides, it rejected 1 row of its input without asking."),
            rows => format!(
                "{asked} Besides, it rejected {} of its input without asking.",
                counted(rows, "row")
            ),
        }
    }

    /// Returns the number of rows that the tenant was asked about.
    pub fn asked(&self) -> u64 {
        self.states.iter().filter(|(state, _)| is_asked(state)).map(|(_, count)| count).sum()
    }

    /// Returns the number of rows to look at among those that were asked about.
    pub fn bad(&self) -> u64 {
        self.states.iter().filter(|(state, _)| is_bad(state)).map(|(_, count)| count).sum()
    }

    /// Returns what the users in the result prove about all users, if they were picked at random.
    pub fn bound(&self) -> Bound {
        Bound::of(self.users, self.users_with_missing)
    }
}

/// Kinds of entries about a user.
const ASKED_ABOUT: u64 = 0;
const MISSING: u64 = 1;
const OF_LEDGER: u64 = 2;

/// Numbers of users.
#[derive(Debug, Default)]
struct Users {
    asked: u64,
    missing: u64,
    of_ledger: u64,
    shared: u64,
}

/// Counts users by their hashes.
fn count(users: Runs) -> io::Result<Users> {
    let mut counts = Users::default();
    let mut last: Option<(u64, [bool; 3])> = None;
    let mut enter = |[asked, missing, of_ledger]: [bool; 3]| {
        let is_asked = asked || missing;
        counts.asked += u64::from(is_asked);
        counts.missing += u64::from(missing);
        counts.of_ledger += u64::from(of_ledger);
        counts.shared += u64::from(is_asked && of_ledger);
    };
    for pair in users.sorted()? {
        let [user, kind] = pair?;
        let is = [kind == ASKED_ABOUT, kind == MISSING, kind == OF_LEDGER];
        match &mut last {
            Some((of, kinds)) if *of == user => {
                kinds.iter_mut().zip(is).for_each(|(known, new)| *known |= new);
            }
            _ => {
                if let Some((_, kinds)) = last.replace((user, is)) {
                    enter(kinds);
                }
            }
        }
    }
    if let Some((_, kinds)) = last {
        enter(kinds);
    }
    Ok(counts)
}

impl ResultLine {
    fn into_row(self, state: &'static str, pseudonyms: Option<&Pseudonyms>) -> VerifiedRow {
        let user = self.user_id.unwrap_or_default();
        let differs = self.differs.join(", ");
        // Names of files, and paths inside them, may hold other users' ids.
        let (file, at) = if pseudonyms.is_none() { (self.file, self.at) } else { (None, None) };
        let parts = [Some(differs), self.error.or(self.code), file, at, self.method_id];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let shown = |text: String| {
            let hidden = match pseudonyms {
                Some(pseudonyms) if !user.is_empty() => pseudonyms.hide(&user, &text),
                _ => text,
            };
            hidden.chars().take(LONGEST_TEXT).collect()
        };
        VerifiedRow {
            line: self.number,
            user: shown(user.clone()),
            factor_type: shown(self.r#type.unwrap_or_default()),
            state,
            details: shown(parts.join(" · ")),
        }
    }
}

fn known(state: &str) -> Option<&'static str> {
    let asked = ASKED.iter().map(|state| state.name());
    asked.chain(NOT_ASKED).find(|name| *name == state)
}

pub(super) fn is_asked(state: &str) -> bool {
    ASKED.iter().any(|known| known.name() == state)
}

fn is_bad(state: &str) -> bool {
    ASKED.iter().any(|known| known.name() == state && known.needs_attention())
}

fn malformed(line: u64) -> Error {
    Error::usage(
        format!("line {line} of --verify is not a result of `mfaferry verify --output jsonl`"),
        HINT,
    )
}

/// Hint about a file that is not a result of `verify`.
const HINT: &str =
    "give the file as that command wrote it: `mfaferry verify INPUT --output jsonl > FILE.jsonl`";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Verified, Error> {
        Verified::read(text.as_bytes(), None, None, FileRead::default)
    }

    fn line(user: &str, state: &str) -> String {
        format!(
            "{{\"line\":2,\"user_id\":\"{user}\",\"type\":\"totp\",\"state\":\"{state}\",\"used\":true}}\n"
        )
    }

    #[test]
    fn users_are_counted_once_wherever_their_rows_are() {
        let lines = [
            ("a", "present"),
            ("b", "missing"),
            ("a", "unanswered"),
            ("c", "unverifiable"),
            ("b", "missing"),
            ("a", "missing"),
            ("d", "differs"),
            ("e", "rejected"),
            ("f", "not_carried"),
            ("g", "extra"),
        ];
        let text: String = lines.iter().map(|(user, state)| line(user, state)).collect();
        let verified = read(&text).unwrap();
        assert_eq!((verified.users, verified.users_with_missing), (4, 2));
        assert_eq!((verified.asked(), verified.bad()), (7, 5));
        assert_eq!(verified.rows.len(), 6);
        assert_eq!(verified.rows.last().unwrap().state, REJECTED);
        assert_eq!(verified.bound(), Bound::of(4, 2));
    }

    #[test]
    fn what_is_no_result_is_refused_with_its_line() {
        let good = line("a", "present");
        for (text, number) in [
            ("\n".into(), 1),
            ("not json\n".into(), 1),
            (format!("{good}{{}}\n"), 2),
            (format!("{good}{good}[]\n"), 3),
            (format!("{good}{}", line("a", "fine")), 2),
            (format!("{good}{{\"state\":\"present\""), 2),
            (format!("{good}\n{good}"), 2),
            ("x".repeat(3 << 20), 1),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {number} of --verify")), "{error}");
        }
    }
}
