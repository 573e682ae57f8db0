//! Fate of a factor: its attempts so far, the evidence found, and its end.

use tokio::time::Instant;

use super::{ClockSkew, Code, Fingerprint, LocalTime, Reason, State};

/// Attempts of one factor so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts that may have reached the server.
    pub attempts: u32,
    /// Number of attempts in doubt, including those that a list has since shown to be absent.
    pub doubts: u32,
    /// Time at which the first attempt in doubt was about to be sent, by our wall clock.
    pub intent_at: LocalTime,
    /// Offset of the tenant's clock from ours then, where known.
    pub skew: Option<ClockSkew>,
    /// The same time by the monotonic clock, if it was in this run.
    pub left: Option<Instant>,
    /// True if every attempt in doubt had a mark in its name.
    pub marked: bool,
    /// The fingerprint under which the ledger knows it, if that comes from an earlier spelling.
    pub print: Option<Fingerprint>,
    /// HTTP status of the last POST that may have been executed, if there was one.
    pub status: Option<u16>,
    /// Consecutive times that nothing was executed.
    pub bounced: u32,
    /// Consecutive look-ups without a verdict.
    pub lookups: u32,
    /// Consecutive complete lists, since the last settle time, that did not show it.
    pub absences: u32,
    /// A refusal that is only final once a list has shown that no earlier attempt landed.
    pub refusal: Option<(Reason, Option<u16>)>,
    /// True if the tenant's last answer was that the factor exists already.
    pub conflict: bool,
}

/// End of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// A settled state.
    pub state: State,
    /// Evidence for the state.
    pub how: How,
    /// The tenant's id of the method, where known.
    pub method_id: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// Reason for the state.
    pub error: Option<Reason>,
}

/// Evidence, from the list at the end of a run, about a settled factor that was once in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audit {
    /// The list agrees with the ledger.
    Sound,
    /// The factor exists after all, once; its id.
    Appeared(String),
    /// The factor exists more than once: an attempt that was given up was executed late. All ids.
    Doubled(Vec<String>),
    /// The id in its answer was also returned for another factor, so nobody knows whose it is.
    Contested(String),
    /// No usable list came.
    NotDone,
}

coded! {
    /// Evidence for an outcome.
    How {
        /// The answer to the request said so.
        Response = 1 => "response",
        /// A list, read afterwards, said so.
        Reconciled = 2 => "reconciled",
        /// A list, read before sending, showed exactly the value.
        Listed = 3 => "listed",
        /// A list, read before sending, showed something consistent with the value: a masked
        /// contact, or a TOTP of that name.
        Consistent = 4 => "consistent",
    }
}

/// Evidence that a list gives about a factor in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The factor that was sent exists; its id.
    Ours(String),
    /// Exactly the same value exists, but since before it was sent; its id.
    Older(String),
    /// The tenant said that the factor exists, and the list agrees as far as it shows; its id, if
    /// the list shows which one it is.
    There(Option<String>, How),
    /// No listed method could be it.
    Absent,
    /// A listed method may be it, or not.
    Unclear(Code),
}

/// Completeness of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The run has dealt with all of its input.
    Complete,
    /// The run ended before that: it was stopped, or it failed.
    Interrupted,
}
