//! Flags of a report as a page.

use std::path::PathBuf;

use clap::Args;

/// Heading of these flags.
const HTML: &str = "HTML";

/// Flags of `report --format html`.
#[derive(Debug, Args)]
pub struct PageFlags {
    /// Also show the result of `mfaferry verify INPUT --output jsonl` in FILE
    #[arg(long, value_name = "FILE", help_heading = HTML)]
    pub verify: Option<PathBuf>,
    /// Show pseudonyms instead of user ids, the same ones in every report on this ledger
    #[arg(long, help_heading = HTML)]
    pub hide_user_ids: bool,
    /// Write the page to FILE (0600), which must not exist yet
    #[arg(long, value_name = "FILE", help_heading = HTML)]
    pub out: Option<PathBuf>,
}

impl PageFlags {
    /// Returns the flag that only a page can have, if one is given.
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--verify", self.verify.is_some()),
            ("--hide-user-ids", self.hide_user_ids),
            ("--out", self.out.is_some()),
        ];
        flags.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }
}
