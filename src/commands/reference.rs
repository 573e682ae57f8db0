//! `completions` and `schema`: descriptions of the program for shells and other programs.

use clap::CommandFactory;

use super::print;
use crate::{
    cli::{Cli, SchemaArgs},
    error::{Error, Exit},
    schema::{SCHEMAS, Schema},
};

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mfaferry", &mut script);
    print(|out| out.write_all(&script))?;
    Ok(Exit::Good)
}

/// Prints a schema, or the names of all. The parser has checked the name.
pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, Error> {
    print(|out| {
        if let Some(schema) = args.name.as_deref().and_then(Schema::find) {
            return out.write_all(schema.text.as_bytes());
        }
        writeln!(out, "{:<12} DESCRIBES", "NAME")?;
        SCHEMAS.iter().try_for_each(|schema| writeln!(out, "{:<12} {}", schema.name, schema.of))
    })?;
    Ok(Exit::Good)
}
