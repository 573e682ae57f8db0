//! Findings before a run: will the people of INPUT be able to log in with the imported factors, and
//! how long will the import take? [`Census`] states what INPUT needs, [`Facts`] what the tenant
//! answered, and [`Finding`]s follow from the two. Pure, except for numbers of INPUT that do not
//! fit into memory.

mod census;
mod estimate;
mod finding;
mod judge;
mod time;

pub use census::{Census, Gatherer, Mark, Marker, Parties, SampleSize, Tally};
pub use estimate::{Estimate, RateConditions, Workload};
pub use finding::{Finding, FindingCode, Severity};
pub use judge::{JudgeTerms, judge};
pub use time::time_findings;

pub use crate::model::{Asked, Facts, Sampled};
