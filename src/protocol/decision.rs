//! Decisions that can follow from an answer or a list.

use std::time::Duration;

use crate::{
    error::Error,
    model::{Audit, Reason, Settlement},
};

/// Next step of a factor that is to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `--skip-existing`: see whether the user has it already.
    CheckExisting,
    /// POST it.
    Send,
    /// It is in doubt: look it up.
    LookUp,
    /// It is settled, but was once in doubt: the last step of a run asks again.
    Audit,
    /// It is created under a marked name: put the wanted one back.
    Restore,
}

/// Decision about a factor.
#[derive(Debug)]
pub enum Decision {
    /// It has come to its end.
    Settle(Settlement),
    /// The step is to be taken, again or next, after this long.
    Again(Step, Duration),
    /// The name has been put back, or cannot be in this run.
    Restored(bool),
    /// The list at the end of the run has been read.
    Audited(Audit),
    /// The run stops; the factor is still to do.
    Stop(Box<Error>),
}

/// Decision about a request that may be repeated at will.
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
