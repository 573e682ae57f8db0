//! Findings about time: clocks that differ, a token that ends before the run would, and a run that is
//! longer than it may be.

use std::time::Duration;

use super::{Estimate, Facts, Finding};
use crate::model::LocalTime;

/// Returns the findings about time of an import that begins `now`; `max_duration` is the flag.
pub fn time_findings(
    _facts: &Facts,
    _plan: &Estimate,
    _max_duration: Option<Duration>,
    _now: LocalTime,
) -> Vec<Finding> {
    Vec::new()
}
