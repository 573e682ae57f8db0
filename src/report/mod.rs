//! Results for people and for programs: summaries, and one object a factor.

use std::io::{self, Write};

use crate::text::{escape_json, grouped};

mod after_import;
mod check;
mod failure;
mod filter;
mod html;
mod ledger;
mod metrics;
mod preflight;
mod probe;
mod reasons;
mod rows;
mod snapshot;
mod steps;
mod summary;
mod together;
mod usage;
mod verified;
mod verify;
mod waits;
mod whole;

pub use after_import::{AfterImport, SecretsIn};
pub(crate) use check::write_factor;
pub use check::{CheckSummary, Warned};
pub use failure::{Cause, Failure};
pub use filter::{Filter, Selected};
pub use html::{LONGEST_PAGE, LedgerPage, ROWS_SHOWN};
pub use ledger::{Digest, Doubts, FileNames, LedgerAccount, LedgerGroup, TypeTotals};
pub use metrics::Metrics;
pub use preflight::{PreflightReport, SampleReport, StoppedPreflight};
pub use probe::{Circumstances, ProbeCleaned, ProbeReport};
pub use reasons::{Explained, RowPlace, actions, refused_in_tenant, to_retry};
pub use rows::{Listed, csv, jsonl};
pub use snapshot::{Recorder, Snapshot};
pub use steps::{NextStep, Purpose};
pub use summary::{Figures, Status, Summary};
pub(crate) use summary::{in_flight, write_rejection};
pub use together::{LedgerPart, Together, name_inputs};
pub use usage::UsageSummary;
pub use verified::Verified;
pub use verify::{SampleSummary, VerifyRemarks, VerifySummary, write_extras};
pub use waits::Waits;
pub use whole::LedgerReport;

/// Writes one JSON object and a line end.
pub fn write_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    writeln!(out, "{}", escape_json(&json))
}

/// Formats `, 3 of those`, or nothing for 0: for what only few inputs have.
pub(crate) fn unless_none(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {} {what}", grouped(count)) }
}

/// Formats a moment as RFC 3339 in UTC.
fn rfc3339(at: crate::model::LocalTime) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map(|at| at.to_string()).unwrap_or_default()
}
