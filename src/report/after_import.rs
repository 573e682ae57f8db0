//! Work that `import` and `replace` leave for people: created factors that the input no longer has,
//! and files that still hold secrets.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    ledger::Changes,
    text::{counted, escape, grouped, shell_line},
};

/// Most files that a summary names.
const FILES_NAMED: usize = 3;

/// A file that holds TOTP secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretsIn {
    /// The file.
    pub file: String,
    /// Number of rows with a secret.
    pub totp_secrets: u64,
}

/// Difference between the input of an import and the inputs before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
struct SinceEarlier {
    /// Number of factors that earlier runs created and that the input no longer has.
    no_longer_in_input: Option<u64>,
    /// Number of those whose user has another value in it now.
    changed: Option<u64>,
}

/// Facts known at the end of such a command: none if the input was not read whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AfterImport {
    /// The difference, which only an import reports.
    #[serde(flatten)]
    since_earlier: Option<SinceEarlier>,
    /// Files that still hold secrets.
    secrets_in: Option<Vec<SecretsIn>>,
    /// Command that lists the factors that are no longer in the input.
    #[serde(skip)]
    list: Option<Vec<String>>,
    /// True if the tenant was a simulated one.
    #[serde(skip)]
    is_rehearsal: bool,
    /// True if the input is a selection, which never contained what earlier runs created.
    #[serde(skip)]
    is_selection: bool,
    /// Number of skipped rows of other shards' users; `None` for a run over all users.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_of_other_shards: Option<u64>,
}

impl AfterImport {
    /// Makes the facts of an input with the files that hold secrets.
    pub fn of(secrets_in: Option<Vec<SecretsIn>>) -> Self {
        Self { secrets_in, ..Self::default() }
    }

    /// Adds the difference to earlier imports, and the command that lists the factors that are no
    /// longer in the input.
    #[must_use]
    pub fn changing(self, changes: Option<Changes>, list: Option<Vec<String>>) -> Self {
        let since_earlier = Some(SinceEarlier {
            no_longer_in_input: changes.map(|changes| changes.no_longer_in_input),
            changed: changes.map(|changes| changes.changed),
        });
        Self { since_earlier, list, ..self }
    }

    /// Sets whether the tenant was a simulated one, where nobody will log in.
    #[must_use]
    pub fn rehearsed(self, is_rehearsal: bool) -> Self {
        Self { is_rehearsal, ..self }
    }

    /// Sets how many rows of other shards were skipped, if the facts are about one shard of the
    /// input.
    #[must_use]
    pub fn of_shard(self, rows_of_other_shards: Option<u64>) -> Self {
        Self { rows_of_other_shards, ..self }
    }

    /// Sets whether the input is a selection of another one's rows.
    #[must_use]
    pub fn selected(self, is_selection: bool) -> Self {
        Self { is_selection, ..self }
    }

    /// Writes the facts for people, after a run that has read `rows` rows and rejected some of them
    /// while reading.
    pub(super) fn write_text(
        &self,
        rows: u64,
        rejected: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let SinceEarlier { no_longer_in_input, changed } = self.since_earlier.unwrap_or_default();
        let (gone, changed) = (no_longer_in_input.unwrap_or(0), changed.unwrap_or(0));
        if self.is_selection {
            // The input is known to be a part of another one.
        } else if gone > rows {
            // People who import a part of their input on purpose need no warning about it.
            let (factors, are) =
                (counted(gone, "created factor"), if gone == 1 { "is" } else { "are" });
            let changed = with_another_value(gone, changed);
            writeln!(out, "the ledger also holds {factors} that {are} not in this input{changed}")?;
        } else if gone > 0 {
            let unread = if rejected == 0 { "" } else { ", or only in rejected rows of it" };
            let runs = if gone == 1 { "an earlier run" } else { "earlier runs" };
            writeln!(
                out,
                "no longer in the input{unread}: {} that {runs} created{}; nothing was removed",
                counted(gone, "factor"),
                with_another_value(gone, changed)
            )?;
            if let Some(list) = &self.list {
                writeln!(out, "list them: {}", escape(&shell_line(list)))?;
            }
        }
        self.write_secrets(out)
    }

    fn write_secrets(&self, out: &mut dyn Write) -> io::Result<()> {
        let files = self.secrets_in.as_deref().unwrap_or_default();
        let named: Vec<_> = files.iter().take(FILES_NAMED).map(|file| escape(&file.file)).collect();
        let Some((last, before)) = named.split_last() else { return Ok(()) };
        let more = match files.len() - named.len() {
            0 if before.is_empty() => last.clone(),
            0 => format!("{} and {last}", before.join(", ")),
            1 => format!("{} and one more file", named.join(", ")),
            others => format!("{} and {} more files", named.join(", "), grouped(others as u64)),
        };
        let total = files.iter().map(|file| file.totp_secrets).sum();
        let (hold, them) = if files.len() == 1 { ("holds", "it") } else { ("hold", "them") };
        let migration = if self.is_rehearsal { "real migration" } else { "migration" };
        let of_shard = if self.rows_of_other_shards.is_some() { " of this shard" } else { "" };
        writeln!(
            out,
            "{more} still {hold} {}{of_shard}: remove {them} once the {migration} is accepted",
            counted(total, "TOTP secret")
        )
    }
}

/// Formats ` (2 of them have another value now, created beside the old one)`.
fn with_another_value(all: u64, changed: u64) -> String {
    let which = match (all, changed) {
        (_, 0) => return String::new(),
        (1, _) => "it has".into(),
        (all, changed) if all == changed => "all of them have".into(),
        (_, 1) => "1 of them has".into(),
        (_, changed) => format!("{} of them have", grouped(changed)),
    };
    format!(" ({which} another value now, created beside the old one)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(gone: u64, changed: u64, rows: u64, rejected: u64) -> String {
        let counts = Changes { no_longer_in_input: gone, changed };
        let list =
            Some(["mfaferry", "report", "--not-in", "a \u{1b}b.csv"].map(String::from).into());
        let after = AfterImport::of(Some(Vec::new())).changing(Some(counts), list);
        let mut out = Vec::new();
        after.write_text(rows, rejected, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_has_left_an_input_is_told_as_what_it_is() {
        assert_eq!(text(0, 0, 9, 1), "");
        let list = "list them: mfaferry report --not-in $'a \\x1bb.csv'\n";
        for (gone, changed, rejected, said) in [
            (
                1,
                0,
                0,
                "no longer in the input: 1 factor that an earlier run created; nothing was removed",
            ),
            (
                1,
                1,
                0,
                "no longer in the input: 1 factor that an earlier run created (it has another \
                 value now, created beside the old one); nothing was removed",
            ),
            (
                3,
                1,
                0,
                "no longer in the input: 3 factors that earlier runs created (1 of them has another \
                 value now, created beside the old one); nothing was removed",
            ),
            (
                3,
                2,
                0,
                "no longer in the input: 3 factors that earlier runs created (2 of them have another \
                 value now, created beside the old one); nothing was removed",
            ),
            (
                3,
                3,
                2,
                "no longer in the input, or only in rejected rows of it: 3 factors that earlier runs \
                       created (all of them have another \
                 value now, created beside the old one); nothing was removed",
            ),
        ] {
            assert_eq!(text(gone, changed, 3, rejected), format!("{said}\n{list}"));
        }
        // A part of an input is nobody's fault.
        for (gone, changed, said) in [
            (1, 0, "the ledger also holds 1 created factor that is not in this input\n"),
            (
                4_000,
                2,
                "the ledger also holds 4,000 created factors that are not in this input (2 of them have \
                 another value now, created beside the old one)\n",
            ),
        ] {
            assert_eq!(text(gone, changed, 0, 1), said);
        }
    }
}
