//! Decisions that can follow from an answer or a list.

use std::time::Duration;

use crate::{
    error::Error,
    model::{Audit, Reason, Settlement},
};

/// Next step of a factor that is being created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `--skip-existing`: check whether the user has the factor already.
    CheckExisting,
    /// POST the factor.
    Send,
    /// The factor is in doubt: look it up.
    LookUp,
    /// The factor is settled, but was once in doubt: ask again in the last step of the run.
    Audit,
    /// The factor was created under a marked name: restore the wanted one.
    Restore,
}

/// Decision about a factor.
#[derive(Debug)]
pub enum Decision {
    /// The factor has come to its end.
    Settle(Settlement),
    /// Take this step, again or next, after this long.
    Again(Step, Duration),
    /// The name has been restored, or there is nothing left to rename.
    Restored,
    /// The name keeps its mark in this run: the tenant refuses to change it, or does not answer.
    StillMarked,
    /// The list at the end of the run has been read.
    Audited(Audit),
    /// The run stops; the factor is still to be done.
    Stop(Box<Error>),
}

/// Decision about a request that may be repeated at will.
#[derive(Debug)]
pub enum Repeatable<T> {
    /// Done, with the result.
    Done(T),
    /// The tenant refuses the request for good, for this row only.
    Refused(Reason),
    /// Ask again after this long.
    Again(Duration),
    /// The request was made often enough; the reason why it is not known to be done.
    Failed(Reason),
    /// The run stops; the row is still to be done.
    Stop(Box<Error>),
}

impl<T> Repeatable<T> {
    /// Drops the result.
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
