//! Fate of a factor: its attempts so far, the evidence found, and its end.

use tokio::time::Instant;

use super::{ClockSkew, Code, Fingerprint, LocalTime, Reason, State};

/// Attempts of one factor so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts that may have reached the server.
    pub attempts: u32,
    /// Number of attempts in doubt, whether or not a list has since called them absent.
    pub doubts: u32,
    /// Time at which the first attempt in doubt was about to be sent, by our wall clock.
    pub intent_at: LocalTime,
    /// Offset of the tenant's clock from ours then, where known.
    pub skew: Option<ClockSkew>,
    /// The same time by the monotonic clock, where it was in this run.
    pub left: Option<Instant>,
    /// True if every attempt in doubt bore a mark in its name.
    pub marked: bool,
    /// The fingerprint that the ledger has it by, where that is of an earlier spelling.
    pub print: Option<Fingerprint>,
    /// HTTP status of the last POST that may have been executed, where one came.
    pub status: Option<u16>,
    /// Times in a row that nothing was executed.
    pub bounced: u32,
    /// Lookups in a row that gave no verdict.
    pub lookups: u32,
    /// Complete lists in a row, since the last settle time, that did not show it.
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

/// Evidence from the list at the end of a run about a settled factor that was once in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audit {
    /// Nothing that the ledger does not say.
    Sound,
    /// It is there after all, once; its id.
    Appeared(String),
    /// It is there more than once: an attempt that was given up has been executed late. All ids.
    Doubled(Vec<String>),
    /// The id that its answer gave was given for another factor, too: whose it is nobody knows.
    Contested(String),
    /// No list could be had.
    NotDone,
}

coded! {
    /// Evidence for an outcome.
    How {
        /// The answer to the request said so.
        Response = 1 => "response",
        /// A list, read afterwards, said so.
        Reconciled = 2 => "reconciled",
        /// A list, read before sending, showed the very value.
        Listed = 3 => "listed",
        /// A list, read before sending, showed what is consistent with the value: a masked contact,
        /// or a TOTP of that name.
        Consistent = 4 => "consistent",
    }
}

/// Evidence that a list gives about a factor in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is there, and it is the one that was sent; its id.
    Ours(String),
    /// The very same value is there, but since before it was sent; its id.
    Older(String),
    /// The tenant has said that it is there, and so it is, as far as the list shows; its id, where the list
    /// shows which one it is.
    There(Option<String>, How),
    /// Nothing there could be it.
    Absent,
    /// Something there could be it, or not.
    Unclear(Code),
}
