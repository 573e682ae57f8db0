//! Flags of every command that control what it prints and logs, and where.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CommandLine;

/// Heading of these flags.
const OUTPUT: &str = "Output";

/// Flags for output and logging.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub quiet: bool,
    /// Log more; twice for everything (secrets are never logged)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,
    /// Format of log lines
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, help_heading = OUTPUT)]
    pub log_format: LogFormat,
    /// Append log lines to FILE (0600) instead of standard error
    #[arg(long, global = true, value_name = "FILE", help_heading = OUTPUT)]
    pub log_file: Option<PathBuf>,
    /// All that was typed.
    #[arg(skip)]
    pub typed: CommandLine,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}
