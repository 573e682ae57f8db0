//! Looks at an input as a whole, for faults that no single row shows. Streaming, in bounded memory.

mod finding;

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
};

pub use finding::Finding;
use finding::Rows;

use crate::model::{
    Code, Credential, Factor, FactorType, Field, Lines, Planned, Refusal, Rejection, Spread,
};
use crate::{input::Ending, text::escape};

/// Most secrets and key ids that are remembered, at some 20 bytes each: a full table of 2^21
/// places. Later ones are only compared with these.
const VALUES_REMEMBERED: usize = (1 << 21) / 8 * 7;
/// Number from which the table is allocated at its full size: each time it grows, the old and the
/// new one are in memory together.
const FULL_SIZE_FROM: usize = (1 << 17) / 8 * 7;
/// Most shared values that are reported one by one; further rows are counted.
const SHARED_VALUES_REPORTED: usize = 20;
/// Number of refused rows, and the denominator of their smallest share, from which refusals say
/// something about the rest.
const ENOUGH_ROWS: u64 = 3;
const SHARE: u64 = 20;

/// Rules that recognise a value as another kind than expected.
const OTHERWISE: [Code; 8] = [
    Code::LooksLikeHex,
    Code::LooksLikeDecimal,
    Code::LooksLikeUuid,
    Code::LooksLikeBase32,
    Code::LooksLikeBase64,
    Code::LooksLikeBase64OfBase32,
    Code::EncodedTwice,
    Code::LooksEncrypted,
];
/// Rules that a spreadsheet makes values break.
const SPREADSHEET: [Code; 4] =
    [Code::SpreadsheetExponent, Code::SpreadsheetError, Code::DecimalTail, Code::ApostropheGuard];

/// The first row that had a value.
#[derive(Debug)]
struct First {
    user: u32,
    line: u32,
}

/// The parts of a row that matter for the input as a whole. Small, and without any value of a
/// factor.
#[derive(Debug)]
pub enum Sight {
    /// A factor.
    Factor {
        /// Its type.
        factor_type: FactorType,
        /// Its line.
        line: u64,
        /// Secret or key id, if it is one that belongs to a single user.
        value: Option<Value>,
    },
    /// A row that cannot be used, or is not carried.
    Rejected(Box<Rejection>),
}

/// Keyed hashes of a secret or a key id, and of the user who has it.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    field: Field,
    hash: u64,
    user: u32,
}

/// Examines single rows for a [`Whole`], on the thread that plans them.
#[derive(Debug, Clone)]
pub struct Eye(RandomState);

impl Eye {
    /// Notes the parts of a factor that matter.
    pub fn look(&self, factor: &Factor) -> Sight {
        let field = match factor.credential {
            Credential::Totp { .. } => Some(Field::TotpSecret),
            Credential::WebauthnRoaming(_) | Credential::Passkey(..) => Some(Field::KeyId),
            // Families share these.
            Credential::Phone { .. } | Credential::Email { .. } => None,
        };
        let value = field.map(|field| {
            let hash = self.0.hash_one((field as u8, factor.identity()));
            let [a, b, c, d, ..] = self.0.hash_one(factor.user.as_str()).to_le_bytes();
            Value { field, hash, user: u32::from_le_bytes([a, b, c, d]) }
        });
        Sight::Factor { factor_type: factor.factor_type(), line: factor.line, value }
    }
}

/// Takes in the rows of an input one after the other, and finds at the end what is odd about all of
/// them.
#[derive(Debug)]
pub struct Whole {
    /// New in each process: what is remembered reveals nothing about a value.
    key: RandomState,
    firsts: HashMap<u64, First, Spread>,
    most: usize,
    /// Rows whose value was not remembered.
    forgotten: u64,
    shared: HashMap<u64, (Field, Rows)>,
    /// Rows with further shared values.
    more_shared: u64,
    accepted: [u64; FactorType::ALL.len()],
    otherwise: BTreeMap<(&'static str, &'static str), Rows>,
    spreadsheet: Rows,
}

impl Default for Whole {
    fn default() -> Self {
        Self::remembering(VALUES_REMEMBERED)
    }
}

impl Whole {
    fn remembering(most: usize) -> Self {
        Self {
            key: RandomState::new(),
            firsts: HashMap::default(),
            most,
            forgotten: 0,
            shared: HashMap::new(),
            more_shared: 0,
            accepted: [0; FactorType::ALL.len()],
            otherwise: BTreeMap::new(),
            spreadsheet: Rows::default(),
        }
    }

    /// Returns the examiner of single rows, for any thread.
    pub fn eye(&self) -> Eye {
        Eye(self.key.clone())
    }

    /// Examines one row, and takes it in.
    pub fn see(&mut self, planned: &Planned) {
        match planned {
            Planned::Factor(factor) => self.add(&self.eye().look(factor)),
            Planned::Rejected(rejection) => self.refuse(rejection),
        }
    }

    /// Takes in one row. Rows come in the order of the input.
    pub fn add(&mut self, sight: &Sight) {
        match sight {
            Sight::Factor { factor_type, line, value } => {
                self.accepted[*factor_type as usize - 1] += 1;
                if let Some(value) = value {
                    self.compare(*value, *line);
                }
            }
            Sight::Rejected(rejection) => self.refuse(rejection),
        }
    }

    fn compare(&mut self, Value { field, hash: value, user }: Value, line: u64) {
        if self.firsts.len() == FULL_SIZE_FROM {
            self.firsts.reserve(self.most.saturating_sub(FULL_SIZE_FROM));
        }
        match self.firsts.get(&value) {
            Some(first) if first.user == user => {}
            Some(first) => {
                let first = u64::from(first.line);
                self.share(value, field, first, line);
            }
            // Adding an entry to a full table would double it.
            None if self.firsts.len() < self.most => {
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                self.firsts.insert(value, First { user, line });
            }
            None => self.forgotten += 1,
        }
    }

    fn share(&mut self, value: u64, field: Field, first: u64, line: u64) {
        let has_room = self.shared.len() < SHARED_VALUES_REPORTED;
        match self.shared.entry(value) {
            Entry::Occupied(mut shared) => shared.get_mut().1.add(line),
            Entry::Vacant(place) if has_room => {
                let rows = &mut place.insert((field, Rows::default())).1;
                rows.add(first);
                rows.add(line);
            }
            Entry::Vacant(_) => self.more_shared += 1,
        }
    }

    fn refuse(&mut self, rejection: &Rejection) {
        // Rows that are not carried have no faults.
        if rejection.refusal == Refusal::NotCarried {
            return;
        }
        let line = rejection.line;
        for fault in &rejection.faults {
            let is = |code: &&Code| code.name() == fault.code;
            if SPREADSHEET.iter().any(|code| is(&code)) {
                self.spreadsheet.add(line);
            }
            let name = fault.field.rsplit('.').next().unwrap_or_default();
            let code = OTHERWISE.iter().find(is);
            if let (Some(code), Some(field)) = (code, Field::from_name(name)) {
                self.otherwise.entry((field.name(), code.name())).or_default().add(line);
            }
        }
    }

    /// Returns how many rows were accepted that have a value in that field.
    fn accepted_with(&self, field: &str) -> u64 {
        let of = |factor_type: FactorType| self.accepted[factor_type as usize - 1];
        match Field::from_name(field) {
            Some(Field::TotpSecret) => of(FactorType::Totp),
            Some(Field::KeyId | Field::PublicKey) => {
                of(FactorType::WebauthnRoaming) + of(FactorType::Passkey)
            }
            Some(Field::UserHandle) => of(FactorType::Passkey),
            _ => 0,
        }
    }

    /// Returns what is odd about the input, in the order of its lines, and what its reader has
    /// noticed.
    pub fn findings(mut self, ending: Ending, lines: &Lines) -> Vec<Finding> {
        let mut found: Vec<_> = std::mem::take(&mut self.shared)
            .into_values()
            .map(|(field, rows)| shared(field, rows, lines))
            .collect();
        found.extend(self.odd_columns(lines));
        found.extend(self.spreadsheet(lines));
        found.sort_by(|a, b| a.lines.cmp(&b.lines));
        found.extend(self.beyond_memory());
        found.extend(ending.open_lines.iter().map(|line| cut_off(*line, lines)));
        for finding in &mut found {
            finding.locate(lines);
        }
        let met = ending.remarks.into_iter();
        found.extend(met.map(|met| Finding {
            is_note: met.is_note,
            ..count(met.count).warning(met.code, met.message)
        }));
        found
    }

    /// Finds columns of which so many values are refused as another kind that the rest is suspect.
    fn odd_columns(&mut self, lines: &Lines) -> Vec<Finding> {
        let mut found = Vec::new();
        for ((field, code), rows) in std::mem::take(&mut self.otherwise) {
            let accepted = self.accepted_with(field);
            let all = accepted + rows.count;
            if accepted > 0 && rows.count >= ENOUGH_ROWS && rows.count * SHARE >= all {
                let message = format!(
                    "{} of {all} values of `{field}` are refused as `{code}` ({}): the others may \
                     be written the same way and only look valid by accident: find out how the \
                     source writes them before you import any",
                    rows.count,
                    rows.words(lines),
                );
                found.push(rows.warning("column_looks_otherwise", message));
            }
        }
        found
    }

    /// Finds damage by a spreadsheet that the remaining values may have, too.
    fn spreadsheet(&mut self, lines: &Lines) -> Option<Finding> {
        let damaged = std::mem::take(&mut self.spreadsheet);
        if damaged.count < ENOUGH_ROWS || self.accepted.iter().all(|count| *count == 0) {
            return None;
        }
        let message = format!(
            "{} values were rewritten by a spreadsheet ({}): others that look right may also \
             have lost digits or zeros: export the data again",
            damaged.count,
            damaged.words(lines),
        );
        Some(damaged.warning("spreadsheet_damage", message))
    }

    /// Finds rows that were not reported one by one, or not compared with all others.
    fn beyond_memory(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.more_shared > 0 {
            let message = format!(
                "{} more rows have a `totp_secret` or `key_id` that other users also have",
                self.more_shared
            );
            found.push(count(self.more_shared).warning("more_shared_values", message));
        }
        if self.forgotten > 0 {
            let message = format!(
                "the secrets or keys of {} rows were compared only with the first {} of the file: \
                 some may be shared unnoticed",
                self.forgotten, self.most
            );
            found.push(count(self.forgotten).note("not_all_compared", message));
        }
        found
    }
}

/// A last line without a line ending.
fn cut_off(line: u64, lines: &Lines) -> Finding {
    let mut rows = Rows::default();
    rows.add(line);
    let place = lines.place(line);
    let of = place.file.map(|file| format!(" of {}", escape(&file))).unwrap_or_default();
    let message =
        format!("the last line{of} ({}) has no line ending: was the file cut off?", place.line);
    rows.note("no_final_line_ending", message)
}

/// Rows of which only the number is known.
fn count(count: u64) -> Rows {
    Rows { count, lines: Vec::new() }
}

/// A value that several users have.
fn shared(field: Field, rows: Rows, lines: &Lines) -> Finding {
    let (code, why) = if field == Field::TotpSecret {
        (
            "shared_secret",
            "anyone who has it can compute the codes of all of them: is it a placeholder?",
        )
    } else {
        ("shared_key_id", "a credential belongs to one user: whose is it?")
    };
    let message = format!(
        "different users have the same `{}` in {} rows ({}): {why}",
        field.name(),
        rows.count,
        rows.words(lines)
    );
    rows.warning(code, message)
}

#[cfg(test)]
mod tests;
