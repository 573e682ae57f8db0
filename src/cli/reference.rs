//! Flags of the commands that write down what the program is.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser},
};

use crate::schema::SCHEMAS;

/// `schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mfaferry schema                          list the names
  mfaferry schema summary                  the result of an import
  mfaferry schema config > mfaferry.schema.json

Each object that a command prints has the key `schema`, such as \"mfaferry/summary/1\": that is the
title of its schema (JSON Schema draft 2020-12), and can be given as NAME, too. The lines of
--format jsonl and --output jsonl have no such key. A later version may add keys to an object and to
its schema, so validate with the schema of the program that wrote it; a key that is removed, or
changes its meaning, gives the object a new number.

For an editor that knows Taplo, begin mfaferry.toml with
  #:schema ./mfaferry.schema.json")]
pub struct SchemaArgs {
    /// Name of the schema; without it, all names are listed.
    #[arg(value_name = "NAME", hide_possible_values = true, value_parser = names())]
    pub name: Option<String>,
}

/// `man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mfaferry man --out man                  then: man -l man/mfaferry-import.1
  mfaferry man --out /usr/local/share/man/man1

Writes a page for the program and one for each command: mfaferry.1, mfaferry-import.1 and so on. DIR
is created if it does not exist. Pages of an earlier version are overwritten; if another file has
the name of a page, nothing is written.")]
pub struct ManArgs {
    /// Folder to write the pages to (0644)
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

fn names() -> PossibleValuesParser {
    let value = |name: &'static str, id: &'static str| PossibleValue::new(name).alias(id);
    PossibleValuesParser::new(SCHEMAS.iter().map(|schema| value(schema.name, schema.id)))
}
