//! Asks at the terminal before something is deleted.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::{commands::reading::StdinUse, error::Error};

/// Asks the user for confirmation. Without a terminal that is an error: `--yes` is required there.
pub(in crate::commands) fn confirm(question: &str, stdin: StdinUse) -> Result<bool, Error> {
    if stdin == StdinUse::Input || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::usage(
            "refusing to delete without confirmation: not running in a terminal",
            "pass --yes to confirm, or --dry-run to see what would be deleted",
        ));
    }
    let failed = |source| Error::Io { what: "asking at the terminal".into(), source };
    let mut terminal = io::stderr();
    terminal.write_all(question.as_bytes()).and_then(|()| terminal.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    let confirmed = answer.trim().eq_ignore_ascii_case("yes");
    if !confirmed {
        tracing::info!("nothing was deleted");
    }
    Ok(confirmed)
}
