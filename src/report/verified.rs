//! Sums over a result of `verify --output jsonl`: read line by line, however long it is.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    io::{self, BufRead, Read},
};

use serde::Deserialize;

use crate::{
    error::Error,
    files::Runs,
    jobs::list::verify::{Bound, State},
    ledger::Pseudonyms,
    model::FileRead,
};

/// Rows to look at that are kept.
const KEPT: usize = 200;
/// Longest line, in bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// Longest text of a row that is kept, in characters.
const LONGEST: usize = 160;
/// States of rows that nobody was asked about, besides those of [`State`].
const NOT_ASKED: [&str; 3] = ["rejected", "not_carried", State::EXTRA];
/// States that the tenant was asked about.
const ASKED: [State; 5] =
    [State::Present, State::Missing, State::Differs, State::Unverifiable, State::Unanswered];

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
    /// Users among them with a factor that is missing, or of whom nothing is known.
    pub users_with_missing: u64,
    /// The first rows to look at.
    pub(super) rows: Vec<VerifiedRow>,
}

/// A line of it, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Line {
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
    /// Reads a result, which `file` describes; with `pseudonyms`, user ids are hidden behind them. Says
    /// of what is no such result which line is at fault.
    pub fn read(
        mut from: impl BufRead,
        pseudonyms: Option<&Pseudonyms>,
        file: impl FnOnce() -> FileRead,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Io { what: "reading the result of `verify`".into(), source };
        let hasher = RandomState::new();
        let (mut states, mut kept, mut users) = (BTreeMap::new(), Vec::new(), Runs::default());
        let (mut text, mut number) = (Vec::new(), 0_u64);
        loop {
            text.clear();
            number += 1;
            from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(failed)?;
            if text.is_empty() {
                break;
            }
            let line: Line = serde_json::from_slice(&text).map_err(|_| malformed(number))?;
            let state = known(&line.state).ok_or_else(|| malformed(number))?;
            *states.entry(state).or_default() += 1_u64;
            if let Some(user) = line.user_id.as_ref().filter(|_| is_asked(state)) {
                let is_missing =
                    state == State::Missing.name() || state == State::Unanswered.name();
                users.push([hasher.hash_one(user), is_missing.into()]).map_err(failed)?;
            }
            if is_bad(state) && kept.len() < KEPT {
                kept.push(line.into_row(state, pseudonyms));
            }
        }
        if states.is_empty() {
            return Err(malformed(1));
        }
        let (users, users_with_missing) = count(users).map_err(failed)?;
        Ok(Self { file: file(), states, users, users_with_missing, rows: kept })
    }

    /// Rows that the tenant was asked about.
    pub fn asked(&self) -> u64 {
        self.states.iter().filter(|(state, _)| is_asked(state)).map(|(_, count)| count).sum()
    }

    /// Rows to look at.
    pub fn bad(&self) -> u64 {
        self.states.iter().filter(|(state, _)| is_bad(state)).map(|(_, count)| count).sum()
    }

    /// Returns what the users who were asked about say of all, if they were picked by chance.
    pub fn bound(&self) -> Bound {
        Bound::of(self.users, self.users_with_missing)
    }
}

/// Counts users by their hashes, and those of them that miss something.
fn count(users: Runs) -> io::Result<(u64, u64)> {
    let (mut all, mut missing) = (0, 0);
    let mut last: Option<[u64; 2]> = None;
    for pair in users.sorted()? {
        let [user, is_missing] = pair?;
        // Of each user, those that are missing come last.
        if last.is_none_or(|[before, _]| before != user) {
            all += 1;
            missing += is_missing;
        } else if last != Some([user, is_missing]) {
            missing += is_missing;
        }
        last = Some([user, is_missing]);
    }
    Ok((all, missing))
}

impl Line {
    fn into_row(self, state: &'static str, pseudonyms: Option<&Pseudonyms>) -> VerifiedRow {
        let user = self.user_id.unwrap_or_default();
        let differs = self.differs.join(", ");
        // Names of files and paths inside of them may hold ids of others.
        let (file, at) = if pseudonyms.is_none() { (self.file, self.at) } else { (None, None) };
        let parts = [Some(differs), self.error.or(self.code), file, at, self.method_id];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let shown = |text: String| {
            let hidden = match pseudonyms {
                Some(pseudonyms) if !user.is_empty() => pseudonyms.hide(&user, &text),
                _ => text,
            };
            hidden.chars().take(LONGEST).collect()
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

fn is_asked(state: &str) -> bool {
    ASKED.iter().any(|known| known.name() == state)
}

fn is_bad(state: &str) -> bool {
    ASKED.iter().any(|known| known.name() == state && known.needs_attention())
        || state == "rejected"
}

fn malformed(line: u64) -> Error {
    Error::usage(
        format!("line {line} of --verify is no result of `mfaferry verify --output jsonl`"),
        "give the file as that command wrote it: `mfaferry verify INPUT --output jsonl > FILE.jsonl`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Verified, Error> {
        Verified::read(text.as_bytes(), None, FileRead::default)
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
        assert_eq!((verified.asked(), verified.bad()), (7, 6));
        assert_eq!(verified.rows.len(), 6);
        assert_eq!(verified.bound(), Bound::of(4, 2));
    }

    #[test]
    fn what_is_no_result_is_refused_with_its_line() {
        let good = line("a", "present");
        for (text, number) in [
            (String::new(), 1),
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
