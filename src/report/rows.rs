//! One object per row, as JSONL or CSV, including rows that were refused before sending.

use std::io::{self, Write};

use serde::Serialize;

use super::{Filter, rfc3339};
use crate::{
    error::Error,
    ledger::{Reader, ReportRow},
    model::{Code, Fault, State},
    text::{escape, escape_json},
};

/// The contract's columns, in its order; `correlation_id` is the one in the tenant's log, and
/// `operation` is the command that the row was for.
const COLUMNS: [&str; 17] = [
    "line",
    "user_id",
    "type",
    "state",
    "how",
    "method_id",
    "attempts",
    "status",
    "error",
    "settled_at",
    "field",
    "rule",
    "correlation_id",
    "operation",
    "code",
    "file",
    "at",
];

/// One object of the report.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct RowReport {
    /// Name of its ledger, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ledger: Option<String>,
    pub(super) line: u64,
    /// The file that the line is in, if the run had several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Its path inside a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) r#type: Option<&'static str>,
    pub(super) state: &'static str,
    pub(super) how: Option<&'static str>,
    pub(super) method_id: Option<String>,
    pub(super) attempts: u32,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    pub(super) settled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// The rule's stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// Every fault of the row, where it has more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) faults: Vec<Fault>,
    pub(super) correlation_id: Option<String>,
    pub(super) operation: Option<&'static str>,
}

impl From<ReportRow> for RowReport {
    fn from(item: ReportRow) -> Self {
        match item {
            ReportRow::Row { place, entry, correlation } => Self {
                line: place.line,
                file: place.file.map(|file| file.as_ref().to_owned()),
                at: entry.at.map(|at| at.as_ref().to_owned()),
                user_id: Some(entry.user.as_str().to_owned()),
                r#type: entry.factor_type.map(crate::model::FactorType::name),
                state: entry.state.name(),
                how: entry.how.map(crate::model::How::name),
                method_id: entry.method_id.map(|id| id.as_ref().to_owned()),
                attempts: entry.attempts,
                status: entry.status,
                code: entry.error.as_ref().map(|reason| reason.code().name().to_owned()),
                error: entry.error.map(|reason| reason.to_string()),
                settled_at: entry.settled_at.map(rfc3339),
                correlation_id: Some(correlation),
                operation: Some(entry.operation.name()),
                ..Self::default()
            },
            ReportRow::Refused { place, user, factor_type, state, at, faults, refused_at } => {
                let faults: Vec<Fault> = serde_json::from_str(&faults).unwrap_or_default();
                let first = faults.first().cloned();
                // Ledgers of earlier versions have no code.
                let code = first.as_ref().map(|fault| fault.code.to_string());
                let code = code.filter(|code| !code.is_empty());
                let invalid = || Some(Code::InvalidRow.name().to_owned());
                let (field, rule) = first.map(|fault| (fault.field, fault.rule)).unzip();
                Self {
                    line: place.line,
                    file: place.file.map(|file| file.as_ref().to_owned()),
                    at,
                    user_id: user,
                    r#type: factor_type.map(crate::model::FactorType::name),
                    state: state.name(),
                    error: if state == State::NotCarried { code.clone() } else { invalid() },
                    settled_at: Some(rfc3339(refused_at)),
                    field,
                    rule,
                    code,
                    faults: if faults.len() > 1 { faults } else { Vec::new() },
                    ..Self::default()
                }
            }
        }
    }
}

impl RowReport {
    /// Returns every text in it that may come from an input or an answer.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { file, at, user_id, method_id, error, field, rule, code, .. } = self;
        [file, at, user_id, method_id, error, field, rule, code].into_iter().flatten()
    }

    /// Truncates texts longer than `most` characters, and keeps only one fault.
    pub(super) fn shorten(&mut self, most: usize) {
        self.faults.truncate(1);
        for text in self.texts() {
            if let Some((end, _)) = text.char_indices().nth(most) {
                text.truncate(end);
                text.push('…');
            }
        }
    }
}

/// A ledger whose rows are listed.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its name, where there are several.
    pub name: Option<&'a str>,
    /// The ledger.
    pub ledger: &'a Reader,
    /// Filter for its rows.
    pub filter: &'a Filter,
}

impl Listed<'_> {
    fn visit(&self, mut visit: impl FnMut(RowReport) -> io::Result<()>) -> Result<(), Error> {
        self.ledger.visit(|item| {
            if !self.filter.has(&item) {
                return Ok(());
            }
            visit(RowReport { ledger: self.name.map(str::to_owned), ..RowReport::from(item) })
        })
    }
}

/// Writes every factor that a filter includes, one JSON object a line; several ledgers follow one
/// another.
pub fn jsonl(ledgers: &[Listed<'_>], out: &mut dyn Write) -> Result<(), Error> {
    ledgers.iter().try_for_each(|listed| {
        listed.visit(|row| writeln!(out, "{}", escape_json(&serde_json::to_string(&row)?)))
    })
}

/// Returns the output's own error, which the csv crate wraps without exposing it as a source: a
/// closed pipe must be recognised.
fn unwrapped(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Writes every factor that a filter includes, one CSV line each, safe to open in a spreadsheet.
/// Several ledgers follow one another, and each row has its ledger's name in a last column.
pub fn csv(ledgers: &[Listed<'_>], out: &mut dyn Write) -> Result<(), Error> {
    let mut writer =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(out);
    let failed = |source: io::Error| Error::Io { what: "writing the report".into(), source };
    let is_named = ledgers.iter().any(|listed| listed.name.is_some());
    let columns = COLUMNS.into_iter().chain(is_named.then_some("ledger"));
    writer.write_record(columns).map_err(|error| failed(unwrapped(error)))?;
    for listed in ledgers {
        listed.visit(|row| {
            let ledger = row.ledger.clone();
            let cells = cells(row).into_iter().chain(ledger);
            writer.write_record(cells.map(|cell| spreadsheet_safe(&cell))).map_err(unwrapped)
        })?;
    }
    writer.flush().map_err(failed)
}

/// Returns the cells of a row.
fn cells(row: RowReport) -> [String; COLUMNS.len()] {
    let more = |rule: String| match row.faults.len() {
        0 | 1 => rule,
        count => format!("{rule} (and {} more)", count - 1),
    };
    let optional = |number: Option<u16>| number.map(|number| number.to_string());
    [
        row.line.to_string(),
        row.user_id.unwrap_or_default(),
        row.r#type.unwrap_or_default().into(),
        row.state.into(),
        row.how.unwrap_or_default().into(),
        row.method_id.unwrap_or_default(),
        row.attempts.to_string(),
        optional(row.status).unwrap_or_default(),
        row.error.unwrap_or_default(),
        row.settled_at.unwrap_or_default(),
        row.field.unwrap_or_default(),
        row.rule.map(more).unwrap_or_default(),
        row.correlation_id.unwrap_or_default(),
        row.operation.unwrap_or_default().into(),
        row.code.unwrap_or_default(),
        row.file.unwrap_or_default(),
        row.at.unwrap_or_default(),
    ]
}

/// Makes a cell safe for a terminal and a spreadsheet: anything that could run as a formula has `'`
/// before its sign (CWE-1236). That is needed at the start of a cell, and after every character at
/// which a spreadsheet may split it: in many countries the list separator is `;`, and such a
/// spreadsheet ignores quotes in the middle of what it takes for a cell.
fn spreadsheet_safe(cell: &str) -> String {
    let mut safe = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    // Tabs and line breaks are escaped, so they separate nothing.
    for character in escape(cell).chars() {
        if begins && is_formula_sign(character) {
            safe.push('\'');
        }
        // Some spreadsheets drop blanks and quotes before a sign.
        begins = matches!(character, ',' | ';' | '|')
            || begins && (character.is_whitespace() || character == '"');
        safe.push(character);
    }
    safe
}

/// Returns true for characters that begin a formula, and for their full-width and small forms,
/// which some spreadsheets treat alike.
fn is_formula_sign(character: char) -> bool {
    matches!(
        character,
        '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_wherever_it_is_split() {
        for sign in ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫"] {
            for before in [
                "",
                " ",
                "\u{a0}",
                "\u{3000} ",
                "\"",
                "a;",
                "a; ",
                "a,",
                "a|",
                "a|\"",
                "a;;",
                "a;\" \"",
            ] {
                let safe = spreadsheet_safe(&format!("{before}{sign}1+1"));
                assert_eq!(safe, format!("{before}'{sign}1+1"));
            }
            // Escaped characters separate nothing, and nothing begins with one.
            for before in ['\t', '\r', '\n', '\0', '\u{1b}', '\u{feff}', '\u{200b}'] {
                let safe = spreadsheet_safe(&format!("{before}{sign}1"));
                assert_eq!(safe, format!("{}{sign}1", before.escape_unicode()));
            }
        }
    }

    #[test]
    fn a_harmless_cell_stays_as_it_is() {
        for cell in [
            "",
            "auth0|1",
            "google-oauth2|117",
            "sms|dev_a-b=",
            "2026-11-28T17:00:00Z",
            "must be Base32 (A to Z, 2 to 7) - or a URI; `+` is none",
            "zoë@example.com",
            "'quoted'",
        ] {
            assert_eq!(spreadsheet_safe(cell), cell);
        }
    }
}
