//! Commands that make sense after a run.

use std::io::{self, Write};

use serde::ser::{SerializeSeq, Serializer};

use crate::text::{escape, is_utf8, shell_line};

/// A command, and its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// Purpose of it.
    pub purpose: Purpose,
    /// Its arguments, the program first.
    pub words: Vec<String>,
    /// False if something is still to be chosen in it: then it is for people alone.
    pub is_whole: bool,
    /// Remark for people behind it.
    pub remark: Option<String>,
}

impl NextStep {
    /// Makes one that works as it stands.
    pub fn whole(purpose: Purpose, words: Vec<String>) -> Self {
        Self { purpose, words, is_whole: true, remark: None }
    }

    /// Makes one in which something is still to be chosen.
    pub fn to_fill_in(purpose: Purpose, words: Vec<String>) -> Self {
        Self { purpose, words, is_whole: false, remark: None }
    }

    /// Makes the one that explains codes.
    pub fn explain() -> Self {
        Self::to_fill_in(Purpose::Explain, ["mfaferry", "explain", "CODE"].map(Into::into).into())
    }
}

/// Purpose of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Writes the rows that are to be mended.
    Mend,
    /// Imports rows that are mended.
    Import,
    /// Proves how secrets are written.
    Prove,
    /// Tries rows again.
    Retry,
    /// Compares the tenant with the input.
    Verify,
    /// Explains a code.
    Explain,
    /// Lists every row.
    Rows,
    /// Goes on.
    GoOn,
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
        }
    }
}

/// Serializes the commands that work as they stand, each as its arguments. Text has no argument that is not
/// UTF-8: a command with one would name another file, and is for people alone.
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

/// Writes the commands as a shell takes them, after an empty line.
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
