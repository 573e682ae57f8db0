//! The flags of `sandbox`.

use std::path::PathBuf;

use clap::Args;

use super::{Given, setting::UsedShare};

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port to listen on at 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Rate limit: RATE/BURST per second, or RATE/BURST@SECONDS for fixed windows
    #[arg(long, value_name = "RATE/BURST[@S]")]
    pub limit: Option<String>,
    /// Faults to inject: KIND=SHARE,… (see --list-faults)
    #[arg(long, value_name = "LIST")]
    pub faults: Option<String>,
    /// List every kind of fault and exit
    #[arg(long)]
    pub list_faults: bool,
    /// Seed for faults, delays and ids
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Delay of every answer in milliseconds: MIN or MIN-MAX
    #[arg(long, value_name = "MS")]
    pub latency: Option<String>,
    /// Show phone numbers and addresses unmasked in lists
    #[arg(long)]
    pub no_masking: bool,
    /// Create the same factor twice instead of answering 409
    #[arg(long)]
    pub no_conflict: bool,
    /// Treat users whose id contains TEXT as unknown
    #[arg(long, value_name = "TEXT")]
    pub missing_users: Vec<String>,
    /// Show this share of the methods, such as 80%, as used in a login a second after their
    /// creation
    #[arg(long, value_name = "P%")]
    pub used: Option<Given<UsedShare>>,
    /// Know only the users of FILE, the output of an Auth0 user export job (NDJSON). Without it,
    /// every user exists, and every lower-case address at example.com, example.net or example.org
    /// has a user
    #[arg(long, value_name = "FILE", conflicts_with = "missing_users")]
    pub users: Option<PathBuf>,
    /// Maximum number of methods of a type per user
    #[arg(long, value_name = "N")]
    pub cap: Option<u32>,
    /// Expire each token after N requests
    #[arg(long, value_name = "N")]
    pub token_requests: Option<u32>,
    /// Read all settings from a JSON file, or from the facts that `probe --out` wrote; flags
    /// override them
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

impl SandboxArgs {
    /// Returns the files that it reads.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.settings.iter().chain(&self.users).cloned().collect()
    }
}
