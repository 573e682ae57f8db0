//! Findings before a run: will the people of INPUT be able to log in with what is about to be imported,
//! and how long will the import take? Pure: [`Census`] says what INPUT needs, [`Facts`] what the tenant
//! answered, and [`Finding`]s follow from the two.

mod estimate;
mod finding;
mod time;

pub use estimate::{Estimate, Pace, Work};
pub use finding::{Finding, FindingCode, Severity};
pub use time::time_findings;

pub use crate::model::{Asked, Facts, Sampled};
