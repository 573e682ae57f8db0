//! How long the import will take: its requests, and the pace that the tenant's answers so far allow.
//! An estimate, which says of what.

use serde::Serialize;

use crate::{
    engine::Concurrency,
    model::LocalTime,
    pacer::{Learnt, Pacing},
};

/// Work that an import would have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Factors to create.
    pub factors: u64,
    /// Users who have them.
    pub users: u64,
    /// `--skip-existing`: each user's methods are listed first.
    pub skip_existing: bool,
    /// `--name-marker`: each factor is renamed after it was created.
    pub name_marker: bool,
}

/// Everything that decides how fast requests go.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Settings of the run.
    pub pacing: Pacing,
    /// `--concurrency`.
    pub concurrency: Concurrency,
    /// What the tenant's answers have shown of its limit.
    pub learnt: Learnt,
}

/// Estimate of an import. What is unknown is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Requests to send.
    pub requests: u64,
    /// Requests a second on average.
    pub rate_per_second: Option<f64>,
    /// Start, in RFC 3339.
    pub start: Option<String>,
    /// End, in RFC 3339.
    pub end: Option<String>,
    /// Time in between, in seconds.
    pub duration_seconds: Option<f64>,
}

impl Work {
    /// Returns the number of requests. Those for tokens do not count: another limit holds for them.
    pub fn requests(&self) -> u64 {
        let Self { factors, users, skip_existing, name_marker } = *self;
        let in_doubt = factors.div_ceil(100);
        let lists = if skip_existing { users } else { 0 };
        let renames = if name_marker { factors } else { 0 };
        factors.saturating_add(in_doubt).saturating_add(lists).saturating_add(renames)
    }
}

impl Estimate {
    /// Estimates an import that begins `now`.
    pub fn of(work: &Work, _pace: &Pace, _now: LocalTime) -> Self {
        Self {
            requests: work.requests(),
            rate_per_second: None,
            start: None,
            end: None,
            duration_seconds: None,
        }
    }

    /// Returns lines for people.
    pub fn lines(&self) -> Vec<String> {
        Vec::new()
    }
}
