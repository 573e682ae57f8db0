//! Commands that make sense after a run.

use std::io::{self, Write};

use serde::ser::{SerializeSeq, Serializer};

use crate::text::{escape, is_utf8, shell_line};

/// A command, and its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// Its purpose.
    pub purpose: Purpose,
    /// Its arguments, the program first.
    pub words: Vec<String>,
    /// False if a part of it is left open: then it is for people only.
    pub is_whole: bool,
    /// Remark after it, for people.
    pub remark: Option<String>,
}

impl NextStep {
    /// Makes a command that works as it stands.
    pub fn whole(purpose: Purpose, words: Vec<String>) -> Self {
        Self { purpose, words, is_whole: true, remark: None }
    }

    /// Makes a command with a part left open.
    pub fn to_fill_in(purpose: Purpose, words: Vec<String>) -> Self {
        Self { purpose, words, is_whole: false, remark: None }
    }

    /// Makes the command that explains codes.
    pub fn explain() -> Self {
        Self::to_fill_in(Purpose::Explain, ["mfaferry", "explain", "CODE"].map(Into::into).into())
    }
}

/// Purpose of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Write the rows that have to be mended.
    Mend,
    /// Import mended rows.
    Import,
    /// Prove how secrets are encoded.
    Prove,
    /// Retry rows.
    Retry,
    /// Compare the tenant with the input.
    Verify,
    /// Explain a code.
    Explain,
    /// List every row.
    Rows,
    /// Go on.
    GoOn,
    /// Imports another shard.
    Shard,
    /// Adds all shards up.
    AddUp,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Mend => "mend them",
            Self::Import => "then",
            Self::Prove => "prove one",
            Self::Retry => "try again",
            Self::Verify => "verify",
            Self::Explain => "explain",
            Self::Rows => "every row",
            Self::GoOn => "next",
            Self::Shard => "other shard",
            Self::AddUp => "all shards",
        }
    }
}

/// Serialises the commands that work as they stand, each as its arguments. JSON text cannot hold an
/// argument that is not UTF-8: such a command would name another file, and is for people only.
pub(super) fn runnable<S: Serializer>(
    steps: &[NextStep],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut all = serializer.serialize_seq(None)?;
    let is_text = |step: &&NextStep| step.words.iter().all(|word| is_utf8(word));
    for step in steps.iter().filter(|step| step.is_whole).filter(is_text) {
        all.serialize_element(&step.words)?;
    }
    all.end()
}

/// Writes the commands for a shell, after an empty line.
pub(super) fn write_steps(steps: &[NextStep], out: &mut dyn Write) -> io::Result<()> {
    let longest = steps.iter().map(|step| step.purpose.label().len()).max().unwrap_or(0) + 1;
    for (number, NextStep { purpose, words, remark, .. }) in steps.iter().enumerate() {
        let before = if number == 0 { "\n" } else { "" };
        let label = format!("{}:", purpose.label());
        writeln!(out, "{before}{label:longest$} {}", escape(&shell_line(words)))?;
        if let Some(remark) = remark {
            writeln!(out, "{:longest$} ({})", "", escape(remark))?;
        }
    }
    Ok(())
}
