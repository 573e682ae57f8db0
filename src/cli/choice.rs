//! Values that flags choose from.

use clap::ValueEnum;

/// Format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// Format of a result on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Text,
    /// One JSON object.
    Json,
}

/// Format of the result of `verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// Text for people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One JSON object per factor.
    Jsonl,
}

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A summary for people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One line per factor, safe to open in a spreadsheet.
    Csv,
    /// One JSON object per factor.
    Jsonl,
}

/// States of rows that can be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Retry {
    /// Not created after the allowed attempts.
    Failed,
    /// Refused by the tenant.
    Rejected,
}
