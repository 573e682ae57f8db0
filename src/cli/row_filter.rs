//! Flags that choose rows of a ledger.

use std::path::PathBuf;

use clap::Args;

use super::{FromSystem, Reading, SecretEncoding, choice::state, setting::named_file};
use crate::{model::State, text::path_of};

/// Flags of `report` that choose rows, and that say how INPUT of one of them is written.
#[derive(Debug, Args)]
#[command(mut_arg("from", |arg| arg.requires("not_in")))]
pub struct RowFilter {
    /// Only rows in these states, such as `created` or `needs_review`
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = state)]
    pub state: Vec<State>,
    /// Only rows of imports whose factor is not in INPUT; with `--state created`, factors that were
    /// created and have left INPUT since. Repeatable; the extension decides the format
    #[arg(long, value_name = "INPUT", value_parser = named_file())]
    pub not_in: Vec<String>,
    /// Character between the cells of INPUT, if it is a CSV, or `tab` [default: `,` or `;` or a
    /// tab, by the header]
    #[arg(long, value_name = "CHAR", requires = "not_in")]
    pub delimiter: Option<String>,
    /// Columns or keys of INPUT to ignore
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "not_in")]
    pub ignore_columns: Vec<String>,
    /// Read the columns or keys THEIRS of INPUT as OURS, as in 'name=label,email=mail'
    #[arg(long, value_name = "OURS=THEIRS,…", value_delimiter = ',', requires = "not_in")]
    pub map: Vec<String>,
    /// Encoding of `totp_secret` in INPUT [default: Base32, refusing values that look like another
    /// encoding]
    #[arg(long, value_enum, value_name = "ENCODING", requires = "not_in")]
    pub secret_encoding: Option<SecretEncoding>,
    #[command(flatten)]
    /// Another system's export.
    pub system: FromSystem,
}

impl RowFilter {
    /// Returns how INPUT is written; `None` if there is none.
    pub fn reading(&self) -> Option<Reading> {
        (!self.not_in.is_empty()).then(|| Reading {
            inputs: self.not_in.clone(),
            format: None,
            delimiter: self.delimiter.clone(),
            ignore_columns: self.ignore_columns.clone(),
            map: self.map.clone(),
        })
    }

    /// Returns the files that it names.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.not_in.iter().map(|input| path_of(input)).chain(self.system.users.clone())
    }
}
