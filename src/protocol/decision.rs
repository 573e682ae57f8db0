//! What is known of a factor's attempts, and what can follow.

use std::time::Duration;

use tokio::time::Instant;

use crate::{api::Reason, error::Error, model::State};

/// What happened to one factor so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts that may have reached the server.
    pub attempts: u32,
    /// How many of them were in doubt, whether or not a list has since called them absent.
    pub doubts: u32,
    /// When the first attempt in doubt was about to leave, by our wall clock.
    pub intent_at: i64,
    /// How far the tenant's clock was ahead of ours then, where that was known.
    pub skew: Option<i64>,
    /// The same time by the monotonic clock, where it was in this run.
    pub left: Option<Instant>,
    /// Whether every attempt in doubt bore a mark in its name.
    pub marked: bool,
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
    /// Whether the tenant has last said that it is there already.
    pub conflict: bool,
}

/// What follows for a factor.
#[derive(Debug)]
pub enum Decision {
    /// It has come to its end.
    Settle(Settlement),
    /// Nothing was executed: send again after this long.
    SendAfter(Duration),
    /// Look it up after this long.
    LookUpAfter(Duration),
    /// Ask for the list before the first POST again, after this long.
    SurveyAfter(Duration),
    /// Ask for the list at the end of the run again, after this long.
    AuditAfter(Duration),
    /// Put the name back after this long.
    RestoreAfter(Duration),
    /// The name has been put back, or cannot be in this run.
    Restored(bool),
    /// The list at the end of the run has been read.
    Audited(Audit),
    /// The run stops; the factor is still to do.
    Stop(Box<Error>),
}

/// What follows from the answer to a request that may be repeated at will.
#[derive(Debug)]
pub enum Repeatable<T> {
    /// It is done, and here is the result.
    Done(T),
    /// The tenant refuses it for good, for this row only.
    Refused(Reason),
    /// Ask again after this long.
    Again(Duration),
    /// It was asked often enough; why it is not known to be done.
    Failed(Reason),
    /// The run stops; the row is still to do.
    Stop(Box<Error>),
}

impl<T> Repeatable<T> {
    /// The same without what it brought.
    pub fn without_result(self) -> Repeatable<()> {
        match self {
            Self::Done(_) => Repeatable::Done(()),
            Self::Refused(reason) => Repeatable::Refused(reason),
            Self::Again(wait) => Repeatable::Again(wait),
            Self::Failed(reason) => Repeatable::Failed(reason),
            Self::Stop(error) => Repeatable::Stop(error),
        }
    }
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// A settled state.
    pub state: State,
    /// How that is known.
    pub how: How,
    /// The tenant's id of the method, where known.
    pub method_id: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// Why not, as a short code.
    pub error: Option<Reason>,
}

/// What the list at the end of a run says about a settled factor that was once in doubt.
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

/// How an outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum How {
    /// The answer to the request said so.
    Response = 1,
    /// A list, read afterwards, said so.
    Reconciled = 2,
    /// A list, read before sending, showed the very value.
    Listed = 3,
    /// A list, read before sending, showed what is consistent with the value: a masked contact,
    /// or a TOTP of that name.
    Consistent = 4,
}

impl How {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Reconciled => "reconciled",
            Self::Listed => "listed",
            Self::Consistent => "consistent",
        }
    }

    /// The value of that number in a ledger.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Response),
            2 => Some(Self::Reconciled),
            3 => Some(Self::Listed),
            4 => Some(Self::Consistent),
            _ => None,
        }
    }
}
