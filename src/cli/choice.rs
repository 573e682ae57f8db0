//! What can be chosen from.

use clap::ValueEnum;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// How the result of `verify` is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// For people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One JSON object a factor.
    Jsonl,
}

/// What a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A summary for people.
    Text,
    /// The summary as one JSON object.
    Json,
    /// One line a factor, safe to open in a spreadsheet.
    Csv,
    /// One JSON object a factor.
    Jsonl,
}

/// What can be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Retry {
    /// Tried as often as allowed.
    Failed,
    /// Refused by the tenant.
    Rejected,
}
