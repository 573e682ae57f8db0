//! Notes about a run, for reports: nothing depends on them.

use serde::{Deserialize, Serialize};

/// Input files that are named; further ones are counted.
const MAX_FILES: usize = 200;

/// A file as a run has read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Its name as given.
    pub name: String,
    /// Number of bytes read; if compressed, before decompression.
    pub bytes: u64,
    /// SHA-256 of those bytes in hexadecimal digits; `None` if the file was not read to its end.
    pub sha256: Option<String>,
}

/// Facts about a run besides its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunAbout {
    /// Version of this program.
    pub version: String,
    /// The first files of its input.
    pub files: Vec<FileRead>,
    /// Number of further files.
    pub more_files: u64,
    /// Sums at its end; `None` for a run that was killed.
    pub sums: Option<RunSums>,
}

/// Sums of a run that has ended. The rows of every state, duplicates and skipped rows add up to
/// `rows`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunSums {
    /// Rows read.
    pub rows: u64,
    /// Rows that the input has had before.
    pub duplicates: u64,
    /// Rows settled by an earlier run.
    pub skipped: u64,
    /// HTTP requests to the API.
    pub requests: u64,
    /// Requests answered with 429.
    pub throttled: u64,
    /// Duration in milliseconds.
    pub elapsed_ms: u64,
}

impl RunAbout {
    /// Describes a run of this version.
    pub fn new(files: Vec<FileRead>, sums: Option<RunSums>) -> Self {
        let more_files = files.len().saturating_sub(MAX_FILES) as u64;
        let files = files.into_iter().take(MAX_FILES).collect();
        Self { version: env!("CARGO_PKG_VERSION").into(), files, more_files, sums }
    }
}
