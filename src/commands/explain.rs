//! `explain`: what a code means and what to do about it.

use std::io::{self, Write};

use serde::Serialize;

use super::print;
use crate::{
    cli::{Explain, Output},
    error::{Error, Exit},
    explain::{Action, CodeGroup, Explanation, GROUPS, advice, find, nearest_code},
    model::{Reason, State},
    report::write_json,
    text::escape,
};

/// Characters of the column of codes.
const COLUMN: usize = 30;

/// All codes, for programs.
#[derive(Debug, Serialize)]
struct All {
    schema: &'static str,
    groups: &'static [CodeGroup],
}

/// One code, for programs.
#[derive(Debug, Serialize)]
struct One {
    schema: &'static str,
    group: &'static str,
    #[serde(flatten)]
    explanation: &'static Explanation,
    /// Kind of action that helps with rows of that code.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
}

/// Schema of both.
const SCHEMA: &str = "mfaferry/explain/1";

/// Runs the command.
pub(super) fn run(explain: &Explain) -> Result<Exit, Error> {
    let is_text = explain.output == Output::Text;
    let Some(code) = &explain.code else {
        return print(|out| {
            if is_text {
                GROUPS.iter().try_for_each(|group| write_group(group, out))?;
                return writeln!(out, "`mfaferry explain CODE` says what to do about one of them.");
            }
            write_json(&All { schema: SCHEMA, groups: GROUPS }, out)
        })
        .map(|()| Exit::Good);
    };
    if State::ALL.iter().any(|state| state.name() == code) {
        return Err(Error::usage(
            format!("`{code}` is a state, not a code"),
            format!(
                "`mfaferry report --ledger LEDGER --state {code}` lists its rows with their codes"
            ),
        ));
    }
    let Some((group, explanation)) = find(code) else {
        let hint = nearest_code(code).map_or_else(
            || "`mfaferry explain` lists all codes".to_owned(),
            |near| format!("did you mean `{near}`? `mfaferry explain` lists all codes"),
        );
        return Err(Error::usage(format!("there is no code `{}`", escape(code)), hint));
    };
    print(|out| {
        if is_text {
            return write_one(group, explanation, out);
        }
        let reason = Reason::parse(explanation.code).code();
        let is_reason = reason.name() == explanation.code;
        let action = is_reason.then(|| advice(reason).action);
        write_json(&One { schema: SCHEMA, group: group.title, explanation, action }, out)
    })?;
    Ok(Exit::Good)
}

fn write_group(group: &CodeGroup, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", group.title)?;
    for Explanation { code, meaning, .. } in group.codes {
        writeln!(out, "  {code:COLUMN$}  {meaning}")?;
    }
    writeln!(out)
}

fn write_one(
    group: &CodeGroup,
    Explanation { code, meaning, cause, remedy }: &Explanation,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{code} ({})\n\n{meaning}", group.title)?;
    writeln!(out, "\nLikely cause:  {cause}\nWhat to do:    {remedy}")
}
