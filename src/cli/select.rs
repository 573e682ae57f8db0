//! Flags of `select`.

use std::path::PathBuf;

use clap::Args;

use super::{FromSystem, Reading, SecretEncoding};
use crate::{
    model::{Code, FactorType},
    select::RowState,
    text::nearest,
};

/// `select`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mfaferry select factors.csv --with-reason --out mend.csv
  mfaferry select factors.csv --state unsettled > rest.csv
  mfaferry select factors.csv --code user_not_found --type phone,email
  mfaferry select realm.json --from keycloak --users map.csv --out mend.jsonl

Mend these rows, and import them with the same ledger and the same flags:
  mfaferry import mend.csv --ledger factors.csv.ledger

States: created, already_present, rejected, not_carried, failed, needs_review, in_flight, undone,
kept, already_gone, and unsettled for rows that the ledger does not know. Rows are found by their
factor, wherever they are in INPUT; those that cannot be used are found by validating them again.
Pass the same flags as to the import.

The output has INPUT's own lines, byte for byte and in its order, with header, byte order mark,
`sep=` line, line endings and quotes; only compression is undone. A JSONL line of a user is written
whole if one of the user's factors is selected. The values of a JSON document, and the elements of
another system's JSON or YAML, are written one per line: import them with the same --from and
--format jsonl. Several CSVs become one file if their headers are the same.

--with-reason adds a last column or key mf_code, or fills in an existing one, with the codes of the
row, or of all faults of a user's line, separated by spaces. Every input ignores it. Text files get
a line `# mf_code: …` above the row instead, and CSVs without a header a cell `mf_code=…`.

Nothing is sent, and the ledger is only read, even while an import is running. Exit code 0, even if
no row is in these states; 6 if the ledger cannot be read or knows none of INPUT's rows.")]
pub struct Select {
    #[command(flatten)]
    /// Input, and how it is written.
    pub reading: Reading,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
    /// Encoding of `totp_secret` [default: Base32, refusing values that look like another encoding]
    #[arg(long, value_enum, value_name = "ENCODING")]
    pub secret_encoding: Option<SecretEncoding>,
    /// Ledger of the import [default: INPUT.ledger; required with several inputs]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write rows in these states
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = state, default_value = "rejected,failed,needs_review")]
    pub state: Vec<RowState>,
    /// Write only rows with these codes; `mfaferry explain` lists all codes
    #[arg(long, value_name = "CODE,…", value_delimiter = ',', value_parser = code)]
    pub code: Vec<Code>,
    /// Write only factors of these types
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', value_parser = factor_type)]
    pub r#type: Vec<FactorType>,
    /// Say in a last column or key `mf_code` what was wrong with each row
    #[arg(long)]
    pub with_reason: bool,
    /// Write to FILE (0600), a new one that appears once it is complete [default: `-`, standard
    /// output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

fn state(text: &str) -> Result<RowState, String> {
    let states = RowState::ALL.map(|state| (state.name(), state));
    choose(text.trim(), &states, "no row of an import can be in such a state")
}

fn code(text: &str) -> Result<Code, String> {
    let codes: Vec<_> = Code::ALL.iter().map(|code| (code.name(), *code)).collect();
    choose(text.trim(), &codes, "no row has this code")
        .map_err(|message| format!("{message}; `mfaferry explain` lists all codes"))
}

fn factor_type(text: &str) -> Result<FactorType, String> {
    let types = FactorType::ALL.map(|of| (of.name(), of));
    choose(&text.trim().replace('_', "-"), &types, "no factor is of this type")
}

/// Returns the choice of that name.
pub(super) fn choose<T: Copy>(name: &str, choices: &[(&str, T)], fault: &str) -> Result<T, String> {
    if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == name) {
        return Ok(*choice);
    }
    let name = &*name.to_ascii_lowercase();
    // Reports show some with a detail.
    let plain = name.split(':').next().unwrap_or_default();
    let plain = if plain.starts_with("http_") { "http" } else { plain };
    let exact = choices.iter().map(|(known, _)| *known).find(|known| *known == plain);
    match exact.or_else(|| nearest(name, choices.iter().map(|(known, _)| *known))) {
        Some(near) => Err(format!("{fault}; did you mean `{near}`?")),
        None if choices.len() > 20 => Err(fault.to_owned()),
        None => {
            let names: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            Err(format!("{fault}; give one of {}", names.join(", ")))
        }
    }
}
